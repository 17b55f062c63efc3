//! What the developer's panes need while they are on the screen, and the cursors in them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::state::{
    State, Timestamp,
    action::{Motion, Pane, Request},
    cluster::ProcessName,
};

/// How often a log that is on the screen is read again.
const READ_AGAIN: Duration = Duration::from_millis(900);

/// What was asked for and goes on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::state) struct Following {
    /// Whether our connections are listened to.
    listening: bool,
    /// Whose log was read last, and when.
    log: Option<(ProcessName, Timestamp)>,
}

/// Listens to the wire and reads logs, as long as somebody looks.
pub(in crate::state) fn follow(state: &mut State) -> Vec<Request> {
    let mut requests = Vec::new();
    let listening = state.view.is_on_screen(Pane::Wire) && !state.view.too_small();
    if listening != state.following.listening {
        state.following.listening = listening;
        requests.push(Request::Listen(listening));
    }
    if state.view.is_on_screen(Pane::Output) {
        let picked = &state.view.picked;
        let fresh = state
            .following
            .log
            .as_ref()
            .is_some_and(|(read, at)| read == picked && state.now.since(*at) < READ_AGAIN);
        if !fresh && state.cluster.processes.contains_key(picked) {
            requests.push(Request::ReadLog(picked.clone()));
            state.following.log = Some((picked.clone(), state.now));
        }
    }
    requests
}

/// Moves among the exchanges that the filter leaves. Behind the newest it follows.
pub(super) fn move_on_wire(state: &mut State, motion: Motion, page: usize) {
    let filter = state.view.filter(Pane::Wire);
    let shown: Vec<u64> = state
        .wire
        .iter()
        .filter(|(_, exchange)| filter.is_none_or(|filter| exchange.matches(filter)))
        .map(|(number, _)| number)
        .collect();
    let Some(last) = shown.len().checked_sub(1) else {
        state.view.exchange = None;
        return;
    };
    let at = state.view.exchange.map_or(last, |cursor| {
        shown.partition_point(|number| *number < cursor).min(last)
    });
    let follows = state.view.exchange.is_none();
    let next = match motion {
        // The first step up puts the cursor on the newest.
        Motion::Up if follows => Some(last),
        Motion::Up => Some(at.saturating_sub(1)),
        Motion::PageUp => Some(at.saturating_sub(page)),
        Motion::First => Some(0),
        Motion::Down => Some(at + 1).filter(|next| *next <= last && !follows),
        Motion::PageDown => Some(at + page).filter(|next| *next <= last && !follows),
        Motion::Last => None,
        Motion::Left | Motion::Right => return,
    };
    state.view.exchange = next.and_then(|next| shown.get(next).copied());
}
