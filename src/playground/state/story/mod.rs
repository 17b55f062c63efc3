//! Sentences: what happened, told to people, each line under its cause.

mod coach;
mod names;
mod narrate;
mod narrate_client;
mod narrate_deleted;
mod narrate_follower;
mod narrate_group;
mod stage_caption;
mod standstill_caption;
#[expect(
    clippy::module_inception,
    reason = "the room is named after what this file holds"
)]
mod story;
pub(super) mod welcome;
mod zookeeper_story;

pub use coach::Coach;
pub use names::named_places;
pub(super) use names::{listed, place, places};
pub(super) use narrate::{Narrator, of};
pub(super) use narrate_deleted::deleted;
pub use stage_caption::StageCaption;
pub(super) use story::Line;
pub use story::{Entry, Merge, Story, Subject, Tone};
pub use zookeeper_story::ZooKeeperStory;
