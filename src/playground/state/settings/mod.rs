//! What people set in files: where panes stand, how things look, which key does what.
//!
//! The same TOML for what comes with the program and for what stands in the user's folder. Reading is
//! pure: text in, a setting or the place of the mistake out.

mod choice;
mod docking;
pub mod keymap;
mod keys;
mod layout;
mod section;
mod theme;
pub(crate) mod toml_file;

pub use choice::{Choice, Setting};
pub use keymap::Context;
pub use keys::{BoundRow, Keymap};
pub use layout::{Beside, Form, Layout, PaneOptions, Place, Row, Size, Slot};
pub use theme::{Role, Theme};
pub use toml_file::Mistake;

/// All layouts, in the order of `v`.
pub type Layouts = Choice<Layout>;

/// All themes.
pub type Themes = Choice<Theme>;
