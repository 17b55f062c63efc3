//! What is kept for others to see: recordings of the screen, pictures of it, and whole sessions.

mod cast;
mod file;
mod recorder;
mod replay;
mod session_file;
mod shot;
mod tee;

pub(super) use file::{Kind, new_file};
pub(super) use recorder::Recorder;
pub use replay::replay;
pub use session_file::SessionFileError;
pub(super) use session_file::write as write_session;
pub(super) use shot::write as write_shot;
pub(super) use tee::{Frames, Tee};
