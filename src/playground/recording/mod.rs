//! What is kept for others to see: recordings of the screen, pictures of it, and whole sessions.

mod cast;
#[cfg(test)]
mod earlier;
mod file;
mod format;
mod recorder;
mod replay;
mod saver;
mod session_file;
mod shot;
mod tee;

pub(super) use recorder::Recorder;
pub use replay::replay;
pub(super) use saver::Saver;
pub use session_file::SessionFileError;
pub(super) use shot::write as write_shot;
pub(super) use tee::{Frames, Tee};
