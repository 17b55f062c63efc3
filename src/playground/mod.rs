//! The terminal: what a person sees and does.

pub mod state;
#[expect(dead_code, reason = "used by the loop, which is being built")]
mod supervisor;

pub use supervisor::{FolderOptions, RunFile, find};
