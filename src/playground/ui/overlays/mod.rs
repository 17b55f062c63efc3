//! What lies over the panes, and what takes their place.

pub mod caption;
pub mod compose;
pub mod help;
pub mod lessons;
pub mod opened;
pub mod palette;
mod record;
pub mod too_small;
