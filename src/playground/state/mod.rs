//! The playground's memory: events come in, `update` alone changes it, requests go out.
//!
//! Pure: time comes with each event. A session is its list of events; replaying them replays it.

mod action;
mod cluster;
#[cfg(test)]
mod day;
mod dispatch;
mod model;
mod palette;
mod past;
pub mod settings;
mod settings_file;
mod setup;
mod story;
mod time;
mod update;
mod view;

use serde::{Deserialize, Serialize};
use wire::control::Question;

pub use action::{
    Acks, Action, ActionError, Condition, ConditionError, FORMS, Form, Motion, NewConsumer,
    NewRecord, NewTopic, Obstacle, Opening, Request, Step, StreamRate, Target, TopicConfig,
    UnknownTarget, Verdict, Waits, Wanted, grouped, pace,
};
pub use cluster::{
    BatchSeen, BelowMinimum, BrokerSeen, BytesSeen, CaughtUp, Cluster, ClusterSeen, Delivery,
    EXCHANGES_MAX, ExchangeSeen, Expired, Flow, FlowLane, Group, GroupSeen, Hidden, Intent,
    LAG_SECONDS, Member, MemberSeen, Observation, Outages, Partition, PartitionOffsets,
    PartitionSeen, Process, ProcessChange, ProcessName, ProducedSeen, RATE_SECONDS, REMOVED_FOR,
    Rates, Receipt, RecordKind, RecordSeen, Run, Second, SessionSeen, Spare, Standstill, Status,
    TAIL_MAX, Topic, TopicSeen, Watch, WatchSeen, Wire, Word, Znode, ZnodeContent, ZnodeSeen,
    ZnodeWrite, Znodes, ZnodesSeen, ZooKeeperSeen, is_json, records_per_word,
};
pub use model::{DEMO_KEYS, State, stream_value};
pub use palette::{Candidate, Enter, Palette, Preview, summary};
pub use past::{
    BYTES_MAX, History, Kept, Moment, Pace, Page, PageError, Past, PictureOf, Progress, mib,
};
pub use settings_file::{KEYS, Unreadable};
pub use setup::{Appearance, Depth, Glyphs, Scheme, Setup};
pub use story::{
    Coach, Entry, Merge, StageCaption, Story, Subject, Tone, ZooKeeperStory, named_places,
};
pub use time::{Clock, Timestamp};
pub use update::update;
pub use view::{
    Answer, Ask, Caption, Compose, Context, FIELDS, GroupRow, Help, Key, KeyPress, Message, Opened,
    Overlay, Pane, Prompt, Purpose, RecordFace, ReplicaRow, Standing, Thing, Typing, UnknownKey,
    ValueFace, View, ZnodeItem, ZnodeRow, ZnodeView, keymap, row_words, znode_summary,
};

/// Something that happened, and when. It can be written down, as can all that follows from it: a
/// saved session is a state and the events since, on any machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When the playground learned of it. Never before the event that came before it.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// Another shell asks; its question's number comes back with the answer.
    Asked(u64, Question),
    /// The outside told something.
    Observed(Observation),
    /// The person looked at the past and is back; this is where the eye is now. What was pressed
    /// meanwhile is no part of the session.
    Returned(Box<View>),
}
