//! The eye: what is shown, where the person is in it, and how they move.

mod asking;
mod compose;
mod developer;
mod eye;
mod fleet;
mod hints;
mod in_lesson;
mod looking_back;
pub(super) mod navigate;
mod navigate_znodes;
mod palette;
mod picking;
mod places;
mod rows;
mod stage_caption;
mod standstill_caption;
mod transaction_rows;
mod typing;
#[expect(
    clippy::module_inception,
    reason = "the room is named after what this file holds"
)]
mod view;
pub(super) mod watched;
mod znode_rows;

pub(super) use asking::ask_for_words;
pub use compose::{Compose, FIELDS};
pub(super) use developer::{Following, follow};
pub use eye::Eye;
pub use fleet::{Grid, Leads};
pub(super) use looking_back::{Asked, look_back};
pub(super) use navigate_znodes::watch_znodes;
pub use palette::{Candidate, Enter, Palette, Preview};
pub use places::Standing;
pub use rows::{GroupRow, ReplicaRow};
pub use stage_caption::StageCaption;
pub use transaction_rows::TransactionRow;
pub(super) use transaction_rows::watch_transactions;
pub use typing::Typing;
pub(super) use view::{
    AGAIN_WITHIN, HELD_WITHIN, MESSAGE_FOR, PICK_WITHIN, REPEAT_WITHIN, TypedPick,
};
pub use view::{
    Caption, Help, LessonView, Message, Opened, Overlay, Prompt, Purpose, Thing, ValueFace, View,
};
pub use znode_rows::{ZnodeItem, ZnodeRow, ZnodeView, row_words};
