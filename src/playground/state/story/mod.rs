//! Sentences: what happened, told to people, each line under its cause.

mod caught_up;
mod coach;
mod hand;
mod names;
mod narrate;
mod narrate_deleted;
mod narrate_follower;
mod narrate_group;
mod narrate_many;
pub(super) mod narrate_transaction;
mod numbers;
pub(super) mod outage;
pub(super) mod seen;
pub(super) mod seen_quorum;
#[expect(
    clippy::module_inception,
    reason = "the room is named after what this file holds"
)]
mod story;
pub(super) mod welcome;
mod zookeeper_story;

pub use coach::Coach;
pub use hand::Hand;
pub use names::named_places;
pub(super) use names::{listed, places};
pub(super) use narrate::Narrator;
pub(super) use narrate_deleted::deleted;
pub(super) use narrate_many::MANY;
pub use numbers::grouped;
pub use story::{Entry, Merge, Story, Subject, ToldLine, Tone};
pub(super) use story::{Line, of};
pub use zookeeper_story::ZooKeeperStory;
