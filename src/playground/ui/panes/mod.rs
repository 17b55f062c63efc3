//! One file for each pane: a pure function from the state to cells.

pub mod group;
pub mod log;
mod log_lane;
mod log_window;
mod process_table;
pub mod processes;
pub mod replicas;
pub mod story;
pub mod tabs;
