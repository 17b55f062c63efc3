//! What coordinators of every kind share: finding the broker that leads a key's partition of an internal topic, and
//! that partition's log, which is read when its leader begins to coordinate and appended to while it does.

mod asking;
mod finding;
mod loading;
mod log;
mod replicated_log;

pub(crate) use asking::{Waiting, Write, append, now_since};
pub(crate) use loading::{awaited, changed_leaders, load};
pub(crate) use log::{CoordinatorLog, batch_of};
pub(crate) use replicated_log::ReplicatedLog;
