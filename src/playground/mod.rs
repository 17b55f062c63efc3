//! The terminal: what a person sees and does.

pub mod state;
