//! How partitions and brokers are written in a line.

use crate::wire::{BrokerId, TopicPartition};

/// `p2`, with the topic where it is not the demo's own.
pub(super) fn place(home: &str, topic: &str, partition: i32) -> String {
    if topic == home {
        format!("p{partition}")
    } else {
        format!("{topic} p{partition}")
    }
}

pub(super) fn places(home: &str, partitions: &[TopicPartition]) -> String {
    let places: Vec<String> = partitions
        .iter()
        .map(|at| place(home, &at.topic, at.partition))
        .collect();
    places.join(" ")
}

/// `3,1,2`
pub(super) fn listed(brokers: &[BrokerId]) -> String {
    let ids: Vec<String> = brokers.iter().map(ToString::to_string).collect();
    ids.join(",")
}

/// `1 3`
pub(super) fn spaced(brokers: &[BrokerId]) -> String {
    let ids: Vec<String> = brokers.iter().map(ToString::to_string).collect();
    ids.join(" ")
}
