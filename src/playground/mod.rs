//! The terminal: what a person sees and does.
