//! The eye: what is shown, where the person is in it, and how they move.

mod compose;
mod developer;
mod hints;
mod key;
pub mod keymap;
mod looking_back;
pub(super) mod navigate;
mod navigate_znodes;
mod places;
mod rows;
mod typing;
#[expect(
    clippy::module_inception,
    reason = "the room is named after what this file holds"
)]
mod view;
mod znode_rows;
mod znode_words;

pub use compose::{Compose, FIELDS};
pub(super) use developer::{Following, follow};
pub use key::{Key, KeyPress, UnknownKey};
pub use keymap::Context;
pub(super) use keymap::{Row, Section, TABLE};
pub(super) use looking_back::{Asked, look_back};
pub(super) use navigate_znodes::watch_znodes;
pub use places::Standing;
pub use rows::{GroupRow, ReplicaRow};
pub use typing::Typing;
pub(super) use view::{AGAIN_WITHIN, HELD_WITHIN, MESSAGE_FOR, REPEAT_WITHIN};
pub use view::{
    Answer, Ask, Caption, Help, Message, Opened, Overlay, Pane, Prompt, Purpose, RecordFace, Thing,
    ValueFace, View,
};
pub use znode_rows::{ZnodeItem, ZnodeRow, ZnodeView, row_words};
pub use znode_words::summary as znode_summary;
pub(super) use znode_words::{epoch_of, state_in_words};
