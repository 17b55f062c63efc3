//! A record in full: what it says, the batch it came in, and the hashes that pick its partition.

use std::fmt::Write as _;

use crate::{
    state::{BytesSeen, Partition, RecordKind, RecordSeen, State, Timestamp, ValueFace, is_json},
    ui::words,
};
use wire::{Offset, TopicPartition, partitioner::Partitioner};

/// Bytes in a line of a hexadecimal dump.
const HEX_LINE: usize = 16;

/// The record's lines.
pub fn lines(state: &State, offset: Offset) -> Vec<String> {
    let place = TopicPartition::new(&state.view.topic, state.view.partition);
    let Some(partition) = state.cluster.partition(&place) else {
        return vec![format!("{place} is gone.")];
    };
    let Some(record) = partition.record(offset) else {
        let why = if partition.is_hole(offset) {
            "There is no record at this offset any more: compaction took it."
        } else if offset < partition.log_start {
            "Retention took it: the log begins behind it."
        } else {
            "It is not read yet."
        };
        return vec![format!("{place} @{offset}"), why.to_owned()];
    };
    let mut lines = head(state, partition, &place, record);
    lines.push(String::new());
    lines.extend(key(state, &place, record));
    lines.push(String::new());
    if !record.headers.is_empty() {
        for (name, value) in &record.headers {
            lines.push(format!("header {name} = {value}"));
        }
        lines.push(String::new());
    }
    lines.extend(value(state, record));
    lines.push(String::new());
    lines.extend(batch(record));
    lines
}

fn head(
    state: &State,
    partition: &Partition,
    place: &TopicPartition,
    record: &RecordSeen,
) -> Vec<String> {
    let offset = record.offset;
    let safe = if offset >= partition.high_watermark {
        "not safe yet: at or above the high watermark"
    } else if partition
        .stable_end()
        .is_some_and(|stable| offset >= stable)
    {
        "below the high watermark, at or above the last stable offset: its transaction is open"
    } else {
        "below the high watermark: on every replica in sync"
    };
    let clock = if record.batch.log_append_time {
        "LogAppendTime, the leader's clock"
    } else {
        "CreateTime, the producer's clock"
    };
    let at = Timestamp::from_ms(record.timestamp_ms).clock(state.setup.utc_offset_s);
    let mut lines = vec![
        format!("{place} @{offset}   {safe}"),
        format!(
            "timestamp {at:#}   {clock}   {} bytes",
            words::grouped(record.size_bytes)
        ),
    ];
    let kind = match record.kind {
        RecordKind::Data => return lines,
        RecordKind::Aborted => {
            "aborted: its transaction failed. Readers with isolation.level=read_committed skip it"
        }
        RecordKind::Commit => "control record: the transaction before it counts. No reader gets it",
        RecordKind::Abort => {
            "control record: the transaction before it does not count. No reader gets it"
        }
        RecordKind::Control => "control record. No reader gets it",
    };
    lines.push(kind.to_owned());
    lines
}

/// The key, and which clients' hashes of it pick this partition.
fn key(state: &State, place: &TopicPartition, record: &RecordSeen) -> Vec<String> {
    if matches!(
        record.kind,
        RecordKind::Commit | RecordKind::Abort | RecordKind::Control
    ) {
        return Vec::new();
    }
    let Some(key) = &record.key else {
        return [
            "key    null: no hash picked the partition. Java, librdkafka and franz-go",
            "       keep to one for a batch; kafkajs and @platformatic/kafka take turns;",
            "       sarama, kafka-python and aiokafka pick at random",
        ]
        .map(str::to_owned)
        .into();
    };
    let mut lines = vec![format!("key    {}", shown(key))];
    if state.view.value_face == ValueFace::Hex {
        lines.extend(hex(record.key_bytes.as_ref(), key));
    }
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

fn value(state: &State, record: &RecordSeen) -> Vec<String> {
    let face = state.view.value_face;
    let Some(value) = &record.value else {
        return vec!["value  null: a tombstone, where the topic is compacted".into()];
    };
    let count = record
        .value_bytes
        .as_ref()
        .map_or(value.len(), |bytes| widen(bytes.count));
    let pretty = (face == ValueFace::Pretty)
        .then(|| set_out(value))
        .flatten();
    let way = match (face, &pretty) {
        (ValueFace::Hex, _) => "hexadecimal",
        (_, Some(_)) => "JSON, set out",
        _ => "text",
    };
    let mut lines = vec![format!(
        "value  {} bytes as {way}   {}",
        words::grouped(u32::try_from(count).unwrap_or(u32::MAX)),
        state.view.keys.fill("{overlay show} shows it another way")
    )];
    match (face, pretty) {
        (ValueFace::Hex, _) => lines.extend(hex(record.value_bytes.as_ref(), value)),
        (_, Some(set_out)) => lines.extend(set_out.lines().map(shown)),
        _ => lines.extend(value.lines().map(shown)),
    }
    let kept = record
        .value_bytes
        .as_ref()
        .map_or(count, |bytes| bytes.first.len());
    if kept < count {
        lines.push(format!("… only the first {kept} bytes are kept here"));
    }
    lines
}

fn batch(record: &RecordSeen) -> Vec<String> {
    let batch = &record.batch;
    let mut lines = vec![format!(
        "batch  offsets {}-{}   {} bytes   codec {}   leader epoch {}",
        batch.base_offset,
        batch.last_offset,
        words::grouped(batch.size_bytes),
        if batch.codec.is_empty() {
            "none"
        } else {
            &batch.codec
        },
        batch.leader_epoch
    )];
    lines.push(match record.sequence() {
        Some(sequence) => format!(
            "       producer id {}   epoch {}   sequence {sequence}   {}",
            batch.producer_id,
            batch.producer_epoch,
            if batch.transactional {
                "part of a transaction"
            } else {
                "idempotent: the leader refuses the same sequence twice"
            }
        ),
        None if batch.transactional => format!(
            "       producer id {}   epoch {}",
            batch.producer_id, batch.producer_epoch
        ),
        None => "       no producer id: its producer is not idempotent".to_owned(),
    });
    lines
}

/// A JSON object or array over several lines; its names keep their order, its numbers their digits.
fn set_out(text: &str) -> Option<String> {
    if !is_json(text) {
        return None;
    }
    let text = text.trim();
    let mut set_out = String::new();
    let mut depth = 0_usize;
    let (mut quoted, mut escaped) = (false, false);
    for character in text.chars() {
        if !quoted && character.is_whitespace() {
            continue;
        }
        let empty = set_out.ends_with(['{', '[']);
        if !quoted && empty && !matches!(character, '}' | ']') {
            depth += 1;
            new_line(&mut set_out, depth);
        }
        match character {
            _ if quoted => set_out.push(character),
            ',' => {
                set_out.push(character);
                new_line(&mut set_out, depth);
            }
            ':' => set_out.push_str(": "),
            '}' | ']' => {
                if !empty {
                    depth = depth.saturating_sub(1);
                    new_line(&mut set_out, depth);
                }
                set_out.push(character);
            }
            other => set_out.push(other),
        }
        let ends = character == '"' && !escaped;
        escaped = quoted && character == '\\' && !escaped;
        quoted ^= ends;
    }
    Some(set_out)
}

fn new_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
}

/// Sixteen bytes in a line: where, in hexadecimal, as ASCII.
fn hex(bytes: Option<&BytesSeen>, text: &str) -> Vec<String> {
    let bytes = bytes.map_or(text.as_bytes(), |bytes| &bytes.first);
    bytes
        .chunks(HEX_LINE)
        .enumerate()
        .map(|(line, part)| {
            let mut digits = String::new();
            for byte in part {
                let _ = write!(digits, "{byte:02x} ");
            }
            let ascii: String = part
                .iter()
                .map(|byte| match byte {
                    b' '..=b'~' => char::from(*byte),
                    _ => '.',
                })
                .collect();
            format!("{:06x}  {digits:<48} {ascii}", line * HEX_LINE)
        })
        .collect()
}

/// A line without what would move the terminal's cursor.
fn shown(line: impl AsRef<str>) -> String {
    line.as_ref().replace('\t', "    ")
}

fn widen(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{picked, set_out};

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

    #[test]
    fn json_is_set_out_as_it_was_written() {
        let text = r#"{"b": 1.50, "a":["x, {\"}", {}], "c":[ ]}"#;
        let lines = [
            "{",
            "  \"b\": 1.50,",
            "  \"a\": [",
            r#"    "x, {\"}","#,
            "    {}",
            "  ],",
            "  \"c\": []",
            "}",
        ];
        assert_eq!(set_out(text).as_deref(), Some(&*lines.join("\n")));
        assert_eq!(set_out("{not json}"), None);
        assert_eq!(set_out("7"), None);
    }
}
