//! Wishes: what a person can do, by name, and how it is done.

#[expect(
    clippy::module_inception,
    reason = "the room is named after what this file holds"
)]
mod action;
mod action_arguments;
mod ask;
pub(super) mod command;
pub(super) mod condition;
mod motion;
mod obstacle;
pub(super) mod opening;
mod perform;
mod recorded;
mod request;
pub(super) mod rewind;
mod spread;
mod target;
mod verbs;
pub(super) mod waits;

pub use action::{Action, ActionError, StreamRate};
pub use action_arguments::TopicConfig;
pub use ask::grouped;
pub(super) use ask::question;
pub use condition::{Condition, ConditionError, FORMS, Form, Verdict, Wanted};
pub use motion::Motion;
pub use obstacle::Obstacle;
pub use opening::{Opening, Step};
pub use perform::pace;
pub(super) use perform::{elect_leaders, next_broker, perform, send};
pub use request::{Acks, NewConsumer, NewRecord, NewTopic, Request};
pub(super) use rewind::Rewind;
pub use target::{Target, UnknownTarget};
pub use waits::Waits;
