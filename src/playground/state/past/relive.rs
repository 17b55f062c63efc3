//! A session from a file: it is lived once more, event by event, so that every moment of it can be gone to.

use super::{BYTES_MAX, Beginning, Fold, History, Past, remember};
use crate::state::{Event, State};

/// A session that is being lived once more.
#[derive(Debug)]
pub struct Relived {
    state: State,
}

impl Relived {
    /// Begins it.
    #[must_use]
    pub fn begin(beginning: Beginning) -> Self {
        let mut state = beginning.state();
        // What a file holds was kept already.
        state.past.history.bytes_max = usize::MAX;
        Self { state }
    }

    /// Goes on with what happened next.
    pub(in crate::state) fn go_on(&mut self, event: Event, fold: Fold) {
        let state = &mut self.state;
        state.now = state.now.max(event.at);
        remember(state, &event);
        let told = state.story.told;
        fold(state, event.what);
        // Whoever travelled then travels no more.
        state.past.asked = None;
        if state.story.told > told {
            state.past.history.step();
        }
    }

    /// All of it.
    #[must_use]
    pub fn history(self) -> History {
        let Past { mut history, .. } = self.state.past;
        history.bytes_max = BYTES_MAX;
        history
    }
}
