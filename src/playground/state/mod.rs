//! The playground's memory: events come in, `update` alone changes it, requests go out.
//!
//! Pure: time comes with each event. A session is its list of events; replaying them replays it.

mod action;
mod key;
mod observation;
mod request;
mod setup;
mod target;
mod time;

pub use action::{Action, ActionError, Motion, StreamRate};
pub use key::{Key, KeyPress, UnknownKey};
pub use observation::{
    BrokerSeen, ClusterSeen, GroupSeen, MemberSeen, Observation, PartitionOffsets, PartitionSeen,
    ProcessChange, ProcessName, ProducedSeen, Receipt, RecordSeen, SessionSeen, TopicSeen,
    ZooKeeperSeen,
};
pub use request::{Acks, NewConsumer, NewRecord, NewTopic, Request};
pub use setup::{Appearance, Depth, Glyphs, Scheme, Setup};
pub use target::{Target, UnknownTarget};
pub use time::{Clock, Timestamp};

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When the playground learned of it. Never before the event that came before it.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// A key went down.
    Key(KeyPress),
    /// Text was pasted.
    Paste(String),
    /// The window has this many columns and rows now.
    Resize(u16, u16),
    /// Time passed: the wake-up that `State::wake_at` asked for.
    Tick,
    /// An action that did not come from a key: a script, a lesson.
    Do(Action),
    /// The outside told something.
    Observed(Observation),
}
