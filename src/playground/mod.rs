//! The terminal: what a person sees and does.

mod late_answer;
#[expect(dead_code, reason = "used by the loop, which is being built")]
mod observer;
pub mod state;
#[expect(dead_code, reason = "used by the loop, which is being built")]
mod supervisor;
#[expect(dead_code, reason = "used by the loop, which is being built")]
mod terminal;

pub use supervisor::{FolderOptions, RunFile, find};
