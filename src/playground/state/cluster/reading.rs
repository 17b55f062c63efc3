//! What our own consumers of a group read, as they tell it record by record: how much, what twice, and what after
//! records that were written later.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use wire::{Offset, TopicPartition};

/// What a group read since it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    partitions: BTreeMap<TopicPartition, PartitionRead>,
    topics: BTreeMap<String, TopicRead>,
}

/// What was read of one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct PartitionRead {
    /// Records by the consumer that read them.
    by: BTreeMap<String, u64>,
    /// Records that had been read before.
    again: u64,
    /// Behind the farthest that was read.
    upto: Offset,
}

/// Records of a topic whose order of reading is kept: more than a pane has lines for.
const ORDER_MAX: usize = 32;

/// One record that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadRecord {
    /// The partition of its topic.
    pub partition: i32,
    /// Where it stands there.
    pub offset: Offset,
    /// Its timestamp, in milliseconds.
    pub written_ms: i64,
}

/// What was read of one topic, whatever the partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct TopicRead {
    /// The latest timestamp of a record that was read, in milliseconds.
    latest_ms: i64,
    /// Records that were read after one with a later timestamp.
    overtaken: u64,
    /// The newest that were read, in the order in which they were read last.
    #[serde(default)]
    order: VecDeque<ReadRecord>,
}

impl TopicRead {
    fn note(&mut self, read: ReadRecord) {
        let same =
            |known: &ReadRecord| (known.partition, known.offset) == (read.partition, read.offset);
        self.order.retain(|known| !same(known));
        if self.order.len() >= ORDER_MAX {
            self.order.pop_front();
        }
        self.order.push_back(read);
    }
}

impl Reading {
    /// A consumer read a record.
    pub(super) fn read(
        &mut self,
        consumer: &str,
        place: &TopicPartition,
        offset: Offset,
        timestamp_ms: i64,
    ) {
        let partition = match self.partitions.get_mut(place) {
            Some(partition) => partition,
            None => self.partitions.entry(place.clone()).or_default(),
        };
        match partition.by.get_mut(consumer) {
            Some(count) => *count += 1,
            None => {
                partition.by.insert(consumer.to_owned(), 1);
            }
        }
        let again = offset < partition.upto;
        partition.again += u64::from(again);
        partition.upto = partition.upto.max(Offset(offset.0 + 1));
        let topic = match self.topics.get_mut(&place.topic) {
            Some(topic) => topic,
            None => self.topics.entry(place.topic.clone()).or_default(),
        };
        // What is read again was in its place the first time.
        if !again && timestamp_ms < topic.latest_ms {
            topic.overtaken += 1;
        }
        topic.latest_ms = topic.latest_ms.max(timestamp_ms);
        topic.note(ReadRecord {
            partition: place.partition,
            offset,
            written_ms: timestamp_ms,
        });
    }

    /// The newest records of a topic that were read, in the order in which they were.
    #[must_use]
    pub fn order(&self, topic: &str) -> impl ExactSizeIterator<Item = &ReadRecord> {
        static NONE: VecDeque<ReadRecord> = VecDeque::new();
        self.topics
            .get(topic)
            .map_or(&NONE, |read| &read.order)
            .iter()
    }

    /// Whether nothing was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// Records of a partition that were read, by one consumer or by all of them; `None`: none ever told.
    #[must_use]
    pub fn count(&self, place: &TopicPartition, consumer: Option<&str>) -> Option<u64> {
        let partition = self.partitions.get(place)?;
        Some(match consumer {
            Some(consumer) => partition.by.get(consumer).copied().unwrap_or(0),
            None => partition.by.values().sum(),
        })
    }

    /// Records of a partition that were read although they had been read before.
    #[must_use]
    pub fn again(&self, place: &TopicPartition) -> u64 {
        self.partitions
            .get(place)
            .map_or(0, |partition| partition.again)
    }

    /// Records of a topic that were read after one that was written later.
    #[must_use]
    pub fn overtaken(&self, topic: &str) -> u64 {
        self.topics.get(topic).map_or(0, |topic| topic.overtaken)
    }

    /// Topics that are gone.
    pub(super) fn forget_topics(&mut self, gone: &[String]) {
        self.partitions
            .retain(|place, _| !gone.contains(&place.topic));
        self.topics.retain(|topic, _| !gone.contains(topic));
    }
}

#[cfg(test)]
mod tests {
    use super::Reading;
    use wire::{Offset, TopicPartition};

    #[test]
    fn what_is_read_twice_or_after_a_later_record_is_counted() {
        let place = |partition| TopicPartition::new("wide", partition);
        let mut reading = Reading::default();
        for (partition, offset, timestamp_ms) in
            [(0, 0, 1), (0, 1, 5), (1, 0, 2), (1, 1, 3), (0, 1, 5)]
        {
            reading.read("c1", &place(partition), Offset(offset), timestamp_ms);
        }
        reading.read("c2", &place(1), Offset(2), 9);
        assert_eq!(reading.count(&place(0), None), Some(3));
        assert_eq!(reading.count(&place(1), Some("c1")), Some(2));
        assert_eq!(reading.count(&place(2), None), None);
        assert_eq!((reading.again(&place(0)), reading.again(&place(1))), (1, 0));
        assert_eq!(reading.overtaken("wide"), 2);
        let order: Vec<(i32, i64)> = reading
            .order("wide")
            .map(|read| (read.partition, read.offset.0))
            .collect();
        let again_last = [(0, 0), (1, 0), (1, 1), (0, 1), (1, 2)];
        assert_eq!(order, again_last, "what is read again is read last");
        reading.forget_topics(&["wide".into()]);
        assert_eq!(reading, Reading::default());
    }
}
