//! The form of a saved session: types of its own, whatever the program's memory looks like. A field of the state can
//! come, go and change; only here it is decided what of it is kept, and under which name.
//!
//! A field that is added here is optional (`#[serde(default)]`), so that earlier files open. What goes, or means
//! something else, is another form: then [`FORMAT`](super::session_file::FORMAT) goes up.
//!
//! Ids, offsets, reports of children and questions of other shells are kept as they go over the wire.

mod beginning;
mod mirror;
mod seen;

pub(super) use self::{beginning::StoredBeginning, mirror::Mirror};

use serde::{Deserialize, Serialize};

use self::{
    beginning::StoredEye,
    mirror::{stored_enum, stored_struct},
    seen::StoredObservation,
};
use crate::state::{ActionError, Event, Happening, Key, KeyPress, Timestamp};
use wire::control::Question;

/// An event.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredEvent {
    at: Timestamp,
    what: StoredHappening,
}

/// What happened.
#[derive(Debug, Serialize, Deserialize)]
enum StoredHappening {
    Key(StoredPress),
    Paste(String),
    Resize(u16, u16),
    Tick,
    /// An action in the words that the palette takes.
    Do(String),
    Asked(u64, Question),
    Observed(StoredObservation),
    Returned(Box<StoredEye>),
}

stored_struct! {
    /// A key going down.
    StoredPress of KeyPress {
        key: StoredKey,
        repeat: bool,
    }
}

stored_enum! {
    /// A key.
    StoredKey of Key {
        Char(character: char),
        Ctrl(character: char),
        Alt(character: char),
        Enter,
        Esc,
        Tab,
        BackTab,
        Backspace,
        Delete,
        Up,
        Down,
        Left,
        Right,
        Home,
        End,
        PageUp,
        PageDown,
        F(number: u8),
    }
}

impl StoredEvent {
    /// How this event is kept.
    pub(super) fn of(event: Event) -> Self {
        let what = match event.what {
            Happening::Key(press) => StoredHappening::Key(Mirror::of(press)),
            Happening::Paste(text) => StoredHappening::Paste(text),
            Happening::Resize(columns, rows) => StoredHappening::Resize(columns, rows),
            Happening::Tick => StoredHappening::Tick,
            Happening::Do(action) => StoredHappening::Do(action.to_string()),
            Happening::Asked(number, question) => StoredHappening::Asked(number, question),
            Happening::Observed(seen) => StoredHappening::Observed(Mirror::of(seen)),
            Happening::Returned(eye) => StoredHappening::Returned(Mirror::of(eye)),
        };
        Self { at: event.at, what }
    }

    /// The event that was kept.
    ///
    /// # Errors
    /// This program has no such action.
    pub(super) fn event(self) -> Result<Event, ActionError> {
        let what = match self.what {
            StoredHappening::Key(press) => Happening::Key(press.back()),
            StoredHappening::Paste(text) => Happening::Paste(text),
            StoredHappening::Resize(columns, rows) => Happening::Resize(columns, rows),
            StoredHappening::Tick => Happening::Tick,
            StoredHappening::Do(action) => Happening::Do(action.parse()?),
            StoredHappening::Asked(number, question) => Happening::Asked(number, question),
            StoredHappening::Observed(seen) => Happening::Observed(seen.back()),
            StoredHappening::Returned(eye) => Happening::Returned(eye.back()),
        };
        Ok(Event { at: self.at, what })
    }
}
