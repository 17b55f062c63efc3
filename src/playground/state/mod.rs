//! The playground's memory: events come in, `update` alone changes it, requests go out.
//!
//! Pure: time comes with each event. A session is its list of events; replaying them replays it.

mod action;
mod action_arguments;
mod ask;
mod catch_up;
mod cluster;
mod coach;
mod command;
mod compose;
#[cfg(test)]
mod day;
mod developer;
mod dispatch;
mod flow;
mod fold;
mod group;
mod hidden;
mod hints;
mod key;
pub mod keymap;
mod looking_back;
mod members;
mod model;
mod names;
mod narrate;
mod narrate_client;
mod narrate_follower;
mod narrate_group;
mod navigate;
mod navigate_znodes;
mod observation;
mod opening;
mod outage;
mod palette;
mod partition;
mod past;
mod perform;
mod places;
mod process;
mod rates;
mod record;
mod recorded;
mod request;
mod rewind;
mod rows;
pub mod settings;
mod settings_file;
mod setup;
mod spread;
mod stage_caption;
mod standstill;
mod standstill_caption;
mod story;
mod target;
mod time;
mod typing;
mod update;
mod verbs;
mod view;
mod welcome;
mod wire;
mod znode_rows;
mod znode_words;
mod znodes;
mod zookeeper_story;

use serde::{Deserialize, Serialize};

pub use action::{Action, ActionError, Motion, StreamRate};
pub use action_arguments::TopicConfig;
pub use ask::grouped;
pub use catch_up::CaughtUp;
pub use cluster::{Cluster, Delivery, Spare, Topic};
pub use coach::Coach;
pub use compose::{Compose, FIELDS};
pub use flow::{Flow, FlowLane, Word, records_per_word};
pub use group::{Group, LAG_SECONDS, Member};
pub use hidden::Hidden;
pub use key::{Key, KeyPress, UnknownKey};
pub use keymap::Context;
pub use model::{DEMO_KEYS, State, stream_value};
pub use names::named_places;
pub use observation::{
    BrokerSeen, ClusterSeen, GroupSeen, MemberSeen, Observation, PartitionOffsets, PartitionSeen,
    ProcessChange, ProcessName, ProducedSeen, Receipt, SessionSeen, TopicSeen, WatchSeen,
    ZnodeContent, ZnodeSeen, ZnodesSeen, ZooKeeperSeen,
};
pub use opening::{Opening, Step};
pub use outage::Outages;
pub use palette::{Candidate, Enter, Palette, Preview, summary};
pub use partition::{Partition, TAIL_MAX};
pub use past::{
    BYTES_MAX, History, Kept, Moment, Pace, Page, PageError, Past, PictureOf, Progress, mib,
};
pub use perform::pace;
pub use places::Standing;
pub use process::{Expired, Intent, Process, Status};
pub use rates::{RATE_SECONDS, Rates, Second};
pub use record::{BatchSeen, BytesSeen, RecordKind, RecordSeen, Run, is_json};
pub use request::{Acks, NewConsumer, NewRecord, NewTopic, Request};
pub use rows::{GroupRow, ReplicaRow};
pub use settings_file::{KEYS, Unreadable};
pub use setup::{Appearance, Depth, Glyphs, Scheme, Setup};
pub use stage_caption::StageCaption;
pub use standstill::{BelowMinimum, Standstill};
pub use story::{Entry, Merge, Story, Subject, Tone};
pub use target::{Target, UnknownTarget};
pub use time::{Clock, Timestamp};
pub use typing::Typing;
pub use update::update;
pub use view::{
    Answer, Ask, Caption, Help, Message, Opened, Overlay, Pane, Prompt, Purpose, RecordFace, Thing,
    ValueFace, View,
};
pub use wire::{EXCHANGES_MAX, ExchangeSeen, Wire};
pub use znode_rows::{ZnodeItem, ZnodeRow, ZnodeView, row_words};
pub use znode_words::summary as znode_summary;
pub use znodes::{REMOVED_FOR, Watch, Znode, ZnodeWrite, Znodes};
pub use zookeeper_story::ZooKeeperStory;

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
    /// The outside told something.
    Observed(Observation),
    /// The person looked at the past and is back; this is where the eye is now. What was pressed
    /// meanwhile is no part of the session.
    Returned(Box<View>),
}
