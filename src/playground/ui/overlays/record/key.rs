//! A record's key, and the hashes that pick its partition.

use super::payload;
use crate::state::{RecordKind, RecordSeen, State};
use wire::{TopicPartition, partitioner::Partitioner};

/// The key, and which clients' hashes of it pick this partition.
pub(super) fn lines(state: &State, place: &TopicPartition, record: &RecordSeen) -> Vec<String> {
    if matches!(
        record.kind,
        RecordKind::Commit | RecordKind::Abort | RecordKind::Control
    ) {
        return Vec::new();
    }
    let Some((bytes, count)) = record.kept_key() else {
        return [
            "key    null: no hash picked the partition. Java, librdkafka and franz-go",
            "       keep to one for a batch; kafkajs and @platformatic/kafka take turns;",
            "       sarama, kafka-python and aiokafka pick at random",
        ]
        .map(str::to_owned)
        .into();
    };
    let mut lines = payload::key(state, bytes, count);
    let topic = state.cluster.topics.get(&place.topic);
    let partitions = topic
        .and_then(|topic| u32::try_from(topic.partitions.len()).ok())
        .unwrap_or(1);
    match record.whole_key() {
        Some(bytes) => lines.extend(picked(bytes, place.partition, partitions)),
        None => lines.push("       (too long to be kept here: its hashes are not known)".into()),
    }
    lines
}

/// Which hashes of a key pick this partition. The record does not tell which one its producer used.
fn picked(key: &[u8], partition: i32, partitions: u32) -> Vec<String> {
    if partitions <= 1 {
        return vec![format!(
            "       p{partition} of 1: the only partition, whatever the hash"
        )];
    }
    let place = format!("       p{partition} of {partitions}: ");
    let mut fit = Vec::new();
    let mut others = Vec::new();
    for partitioner in Partitioner::ALL {
        let Some(dividend) = partitioner.dividend(key) else {
            continue;
        };
        let (name, clients) = (partitioner.name(), partitioner.clients());
        let chosen = dividend % partitions;
        if i32::try_from(chosen) == Ok(partition) {
            fit.push(format!(
                "fits {name} ({clients}), {dividend} % {partitions} = {chosen}"
            ));
        } else {
            others.push(format!("{name} ({clients}) gives p{chosen}"));
        }
    }
    if fit.is_empty() {
        fit.push(
            "fits no hash known here: its producer named it, has another hash, or the topic had"
                .to_owned(),
        );
        fit.push("other partitions then".to_owned());
    }
    let indent = " ".repeat(place.len());
    let mut starts = std::iter::once(place.as_str()).chain(std::iter::repeat(indent.as_str()));
    let lines = fit.iter().chain(&others);
    lines
        .filter_map(|line| Some(format!("{}{line}", starts.next()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::picked;

    #[test]
    fn every_hash_that_fits_is_named_with_its_clients() {
        let lines = picked(b"amy", 0, 3);
        let says = |line: usize, words: &str| {
            let said = lines.get(line).map_or("", String::as_str);
            assert!(said.contains(words), "{words} in line {line} of {lines:#?}");
        };
        says(0, "p0 of 3: fits murmur2 (Java, franz-go, kafka-python");
        says(0, "1709931786 % 3 = 0");
        says(1, "fits FNV-1a (sarama)");
        says(2, "fits murmur2 unsigned (@platformatic/kafka)");
        says(3, "CRC32 (librdkafka, kcat) gives p2");
        let lines = picked(b"amy", 2, 3);
        assert!(
            lines
                .first()
                .is_some_and(|line| line.contains("p2 of 3: fits CRC32 (librdkafka, kcat)")),
            "{lines:#?}"
        );
    }

    #[test]
    fn where_no_hash_fits_that_is_said_and_one_partition_proves_nothing() {
        let lines = picked(b"amy", 1, 3).join("\n");
        assert!(
            lines.contains("p1 of 3: fits no hash known here"),
            "{lines}"
        );
        assert!(
            lines.contains("gives p0") && lines.contains("gives p2"),
            "{lines}"
        );
        let only = picked(b"amy", 0, 1).join("\n");
        assert!(
            only.contains("the only partition") && !only.contains("fits"),
            "{only}"
        );
    }
}
