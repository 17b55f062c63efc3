//! The playground's memory: events come in, `update` alone changes it, requests go out.
//!
//! Pure: time comes with each event. A session is its list of events; replaying them replays it.

mod action;
mod cluster;
#[cfg(test)]
mod day;
mod dispatch;
mod gate;
mod lessons;
mod model;
mod palette;
mod past;
mod process_changed;
mod race;
pub mod settings;
mod settings_file;
mod setup;
mod shell;
mod spelling;
mod story;
mod time;
mod update;
mod view;

use serde::{Deserialize, Serialize};
use wire::control::Question;

pub use action::{
    Action, ActionError, Answer, Ask, ClusterAction, Condition, ConditionError, FORMS, Form, Key,
    KeyPress, LessonAction, Motion, NewConsumer, NewProducer, NewRecord, Obstacle, Opening, Pane,
    RecordFace, Request, ScreenAction, Step, Target, TerminalAction, TopicConfig,
    TransactionAction, TransactionOrder, TypedRecord, UnknownKey, UnknownTarget, Verdict, Waits,
    Wanted, letter_of, pace,
};
pub use cluster::{
    Acks, AsksSeen, BatchSeen, BelowMinimum, Bracket, BracketEnd, BrokerSeen, BytesSeen, CaughtUp,
    Cluster, ClusterSeen, Delivery, EXCHANGES_MAX, ExchangeSeen, Expired, Flow, FlowLane, Group,
    GroupProtocol, GroupSeen, Hidden, Intent, LAG_SECONDS, Member, MemberSeen, Observation,
    Outages, Outcome, Partition, PartitionOffsets, PartitionSeen, Process, ProcessChange,
    ProcessName, ProducedSeen, Producing, Quorum, QuorumReplica, QuorumSeen, QuorumSpare,
    RATE_SECONDS, REMOVED_FOR, Rates, ReadRecord, Reading, Receipt, RecordKind, RecordSeen, Run,
    Second, SessionSeen, SoftwareSeen, Spare, Stage, Standstill, Status, StoodStill, StreamRate,
    TAIL_MAX, Topic, TopicSeen, Transaction, TransactionSeen, Unreadable, Watch, WatchSeen, Wire,
    Word, Znode, ZnodeContent, ZnodeSeen, ZnodeWrite, Znodes, ZnodesSeen, ZooKeeperSeen,
    records_per_word, znode_summary,
};
pub use lessons::{Course, Guess, Learning, Lesson, LessonStep, Listed, Part, Predict, Sheet};
pub use model::{DEMO_KEYS, State, stream_value};
pub use palette::summary;
pub use past::{
    BYTES_MAX, Beginning, History, Kept, Moment, Pace, Page, PageError, Past, PictureOf, Progress,
    Relived, mib,
};
pub use race::{RaceClock, RaceClocks, RaceSettings, race_memory};
pub use settings::{Context, keymap};
pub use settings_file::{KEYS, LEARNED};
pub use setup::{
    Appearance, Depth, Glyphs, NewTopic, Reach, Scheme, Setup, old_records_looked_for_ms,
};
pub use story::{
    Coach, Entry, Hand, Merge, Story, Subject, ToldLine, Tone, ZooKeeperStory, grouped,
    named_places,
};
pub use time::{Clock, Timestamp, duration};
pub use update::update;
pub use view::{
    Candidate, Caption, Compose, Enter, Eye, FIELDS, Grid, GroupRow, Help, Leads, LessonView,
    Message, Opened, Overlay, Palette, Preview, Prompt, Purpose, ReplicaRow, StageCaption,
    Standing, Thing, TransactionRow, Typing, ValueFace, View, ZnodeItem, ZnodeRow, ZnodeView,
    row_words,
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
    Returned(Box<Eye>),
}
