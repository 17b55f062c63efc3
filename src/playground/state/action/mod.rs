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
mod key;
mod kinds;
mod lesson_action;
mod motion;
mod obstacle;
pub(super) mod opening;
mod pane;
mod perform;
mod recorded;
mod request;
mod revival;
pub(super) mod rewind;
mod several;
mod spread;
mod target;
mod terminal;
mod transaction_action;
mod verbs;
pub(super) mod waits;

pub use action::ActionError;
pub(super) use action::with_names;
pub use action_arguments::{TopicConfig, TypedRecord};
pub(super) use ask::question;
pub use ask::{Answer, Ask};
pub use condition::{Condition, ConditionError, FORMS, Form, Verdict, Wanted};
pub use key::{Key, KeyPress, UnknownKey};
pub use kinds::{Action, ClusterAction, LessonAction, ScreenAction, TerminalAction};
pub use lesson_action::letter_of;
pub use motion::Motion;
pub use obstacle::Obstacle;
pub use opening::{Opening, Step};
pub use pane::{Pane, RecordFace};
pub use perform::pace;
pub(super) use perform::{next_broker, perform, send, unused_group};
pub(super) use recorded::mark;
pub use request::{NewConsumer, NewProducer, NewRecord, Request, TransactionOrder};
pub(super) use rewind::Rewind;
pub use target::{Target, UnknownTarget};
pub(super) use terminal::ask_terminal;
pub use transaction_action::TransactionAction;
pub(super) use transaction_action::step_refused;
pub(super) use verbs::heal_further;
pub use waits::Waits;
