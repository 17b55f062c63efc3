//! How partitions and brokers are written in a line.

use wire::{BrokerId, TopicPartition};

/// `p2`, with the topic where it is not the demo's own.
pub(in crate::state) fn place(home: &str, topic: &str, partition: i32) -> String {
    if topic == home {
        format!("p{partition}")
    } else {
        format!("{topic} p{partition}")
    }
}

/// `p0 p2`; where other topics than the demo's own are among them `orders p0 p2  payments p1`.
pub(in crate::state) fn places(home: &str, partitions: &[TopicPartition]) -> String {
    let alone = partitions.iter().all(|at| at.topic == home);
    named_places(!alone, partitions)
}

/// `p0 p2`, or with their topics `orders p0 p2  payments p1`.
pub fn named_places<'a>(
    with_topics: bool,
    partitions: impl IntoIterator<Item = &'a TopicPartition>,
) -> String {
    let mut told = String::new();
    let mut topic = None;
    for at in partitions {
        if with_topics && topic != Some(&at.topic) {
            told.push_str(if told.is_empty() { "" } else { "  " });
            told.push_str(&at.topic);
            topic = Some(&at.topic);
        }
        told.push_str(if told.is_empty() { "p" } else { " p" });
        told.push_str(&at.partition.to_string());
    }
    told
}

/// `3,1,2`
pub(in crate::state) fn listed(brokers: &[BrokerId]) -> String {
    let ids: Vec<String> = brokers.iter().map(ToString::to_string).collect();
    ids.join(",")
}

/// `1 3`
pub(super) fn spaced(brokers: &[BrokerId]) -> String {
    let ids: Vec<String> = brokers.iter().map(ToString::to_string).collect();
    ids.join(" ")
}
