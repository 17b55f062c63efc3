//! Numbers and names as the panes write them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::canvas::{fit, width};
use crate::state::{Process, ProcessName, State, Status, Timestamp, named_places};
use wire::{BrokerId, TopicPartition};

/// In the frame of a pane that shows only what matches: `/ord   esc clears`
pub fn filter_note(state: &State, filter: &str) -> String {
    format!("/{filter}   {} clears", state.view.keys.shown("back"))
}

/// Instead of rows, where none matches.
pub fn no_match(state: &State, filter: &str) -> String {
    let esc = state.view.keys.shown("back");
    format!("nothing matches \"{filter}\".  {esc} clears")
}

/// `0.6 s`, `2.8 s`, `48 s`, `3 min`
pub fn ago(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..=9 => format!("{:.1} s", duration.as_secs_f64()),
        10..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

/// `0.06 s`, for what lasts less than a breath; `12 s` for what lasts longer.
pub fn seconds(duration: Duration) -> String {
    if duration.as_secs() < 10 {
        format!("{:.2} s", duration.as_secs_f64())
    } else {
        ago(duration)
    }
}

/// `2.3 ms`, `140 ms`, `1.53 s`
pub fn latency(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1000.0;
    if ms < 100.0 {
        format!("{ms:.1} ms")
    } else if ms < 1000.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.2} s", ms / 1000.0)
    }
}

/// `9 MB`
pub fn memory(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1024 * 1024))
}

/// `98 B`, `2.4 kB`, `1.2 MB`
pub fn bytes(count: u64) -> String {
    scaled(count, &[" B", " kB", " MB", " GB"])
}

/// `98`, `2.4k`, `1.2M`
pub fn figure(count: u64) -> String {
    scaled(count, &["", "k", "M", "G"])
}

/// Three digits and the unit that keeps them so few.
fn scaled(count: u64, units: &[&str; 4]) -> String {
    let [one, thousand, million, milliard] = units;
    let tenths = |size: u64| {
        let tenths = count / (size / 10);
        if tenths < 100 {
            format!("{}.{}", tenths / 10, tenths % 10)
        } else {
            (tenths / 10).to_string()
        }
    };
    match count {
        ..1000 => format!("{count}{one}"),
        1000..1_000_000 => format!("{}{thousand}", tenths(1000)),
        1_000_000..1_000_000_000 => format!("{}{million}", tenths(1_000_000)),
        _ => format!("{}{milliard}", tenths(1_000_000_000)),
    }
}

/// `1,204`
pub fn grouped(count: u32) -> String {
    crate::state::grouped(i64::from(count))
}

/// `p0 p2`
pub fn partitions(partitions: &[i32]) -> String {
    let places: Vec<String> = partitions.iter().map(|p| format!("p{p}")).collect();
    places.join(" ")
}

/// An offset in so many columns: as it is, or its last digits behind `…`.
pub fn short(offset: i64, columns: u16) -> String {
    let digits = offset.to_string();
    let room = usize::from(columns.max(2));
    if digits.len() <= room {
        return digits;
    }
    let kept = digits.len() - (room - 1);
    format!("…{}", digits.get(kept..).unwrap_or_default())
}

/// The first offset of a range, exactly, in five columns: `900…`, `41k…`, `41.3k`, `1.2M…`, `…1230`.
pub fn range(offset: i64) -> String {
    let figure = |unit: i64, sign: char| match (offset / unit, offset % unit * 10 / unit) {
        (whole, 0) => format!("{whole}{sign}"),
        (whole, tenth) => format!("{whole}.{tenth}{sign}"),
    };
    let exact = |grain: i64| offset % grain == 0;
    let named = match offset {
        ..1000 => offset.to_string(),
        _ if exact(1_000_000) => figure(1_000_000, 'M'),
        1_000_000.. if exact(100_000) => figure(1_000_000, 'M'),
        _ if exact(1000) => figure(1000, 'k'),
        1000..10_000 => offset.to_string(),
        _ if exact(100) => figure(1000, 'k'),
        _ => offset.to_string(),
    };
    match named.len() {
        ..5 => format!("{named}…"),
        5 => named,
        _ if named.ends_with('k') => {
            format!("…{}", named.get(named.len() - 4..).unwrap_or_default())
        }
        _ => short(offset, 5),
    }
}

/// `1 partition`, `5 partitions`
pub fn counted(partitions: usize) -> String {
    match partitions {
        1 => "1 partition".to_owned(),
        count => format!("{count} partitions"),
    }
}

/// `p0 p2`, or how many where they would not fit into a box.
pub fn few(partitions: &[i32]) -> String {
    if partitions.len() > 4 {
        counted(partitions.len())
    } else {
        self::partitions(partitions)
    }
}

/// What somebody reads, in so many columns: `p0 p2`, `orders p0 p1  payments p0`,
/// `orders 0-1 payments 0`, `5 partitions`.
pub fn places(with_topics: bool, places: &BTreeSet<TopicPartition>, room: u16) -> String {
    if !with_topics {
        let indexes: Vec<i32> = places.iter().map(|place| place.partition).collect();
        return few(&indexes);
    }
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for place in places {
        topics
            .entry(&place.topic)
            .or_default()
            .push(place.partition);
    }
    let brief = topics
        .iter()
        .map(|(topic, indexes)| format!("{topic} {}", ranges(indexes)))
        .collect::<Vec<_>>()
        .join(" ");
    let count = counted(places.len());
    let mut ways = vec![named_places(true, places), brief];
    if topics.len() > 1 {
        ways.push(format!("{count} of {} topics", topics.len()));
    }
    ways.push(count);
    let fits = |words: &&String| width(words) <= room;
    let found = ways.iter().find(fits).or(ways.last());
    found.cloned().unwrap_or_default()
}

/// `0-2,5`, of numbers that rise.
fn ranges(indexes: &[i32]) -> String {
    let mut ranges: Vec<(i32, i32)> = Vec::new();
    for index in indexes {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => ranges.push((*index, *index)),
        }
    }
    let told = ranges.iter().map(|(first, last)| {
        if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        }
    });
    told.collect::<Vec<_>>().join(",")
}

/// The name of a member in so many columns. Its last signs stay: they tell it from others.
pub fn member(name: &str, room: u16) -> String {
    let Some((client, own)) = name.rsplit_once('-').filter(|_| width(name) > room) else {
        return fit(name, room);
    };
    let tail = format!("-{own}");
    match room.checked_sub(width(&tail)) {
        Some(head @ 2..) => fit(client, head) + &tail,
        _ => fit(name, room),
    }
}

/// `1,2`
pub fn listed(brokers: &[BrokerId]) -> String {
    let ids: Vec<String> = brokers.iter().map(ToString::to_string).collect();
    ids.join(",")
}

/// The sign and word of a process.
pub fn status(process: &Process) -> (&'static str, String) {
    match process.status {
        Status::Planned | Status::Starting => ("◌", "starting".into()),
        Status::Up => ("●", "UP".into()),
        Status::Frozen => ("z", "FROZEN".into()),
        Status::Stopping => ("◌", "stopping".into()),
        Status::Stopped => ("✗", "STOPPED".into()),
        Status::Killed => ("✗", "KILLED".into()),
        Status::Silent => ("◌", "SILENT".into()),
        Status::Gone => ("✗", "GONE".into()),
        Status::Died { code, signal } => {
            let end = match (code, signal) {
                (Some(code), _) => format!("  exit {code}"),
                (None, Some(signal)) => format!("  signal {signal}"),
                (None, None) => String::new(),
            };
            ("✗", format!("DIED{end}"))
        }
    }
}

/// How a process is called where it is picked.
pub fn name(process: &ProcessName) -> String {
    match process {
        ProcessName::ZooKeeper => "ZooKeeper".into(),
        ProcessName::Broker(id) => format!("broker {id}"),
        ProcessName::Consumer(name) => name.clone(),
        ProcessName::Producer(name) => format!("txn {name}"),
    }
}

/// `1 write waits`, `23 writes wait`
pub fn writes_wait(count: u64) -> String {
    match count {
        1 => "1 write waits".to_owned(),
        count => format!("{count} writes wait"),
    }
}

/// Why nobody of a group reads a partition. Members that nobody coordinates give up what they read, and are there still.
pub fn nobody_reads(without_coordinator: bool) -> &'static str {
    if without_coordinator {
        "no coordinator"
    } else {
        "no reader"
    }
}

/// What `ZooKeeper` does instead of answering.
pub fn zookeeper_is(state: &State) -> &'static str {
    match state.cluster.zookeeper_away() {
        Some(Status::Frozen) => "is frozen",
        Some(status) if status.is_gone() => "is down",
        Some(_) => "is starting",
        None => "is up",
    }
}

/// How much of a broker's session is left when nothing more is heard, and the agreed timeout. Without `ZooKeeper`
/// nobody counts down.
pub fn session_left(
    state: &State,
    broker: BrokerId,
    now: Timestamp,
) -> Option<(Duration, Duration)> {
    if state.cluster.zookeeper_away().is_some() {
        return None;
    }
    let session = state.cluster.session(broker)?;
    let silent = now.since(session.last_heard);
    Some((session.timeout.saturating_sub(silent), session.timeout))
}

/// A bar of so many cells, the part that is left filled.
pub fn bar(left: Duration, whole: Duration, cells: u16) -> String {
    let filled = if whole.is_zero() {
        0
    } else {
        let part = left.as_millis() * u128::from(cells);
        usize::try_from(part.div_ceil(whole.as_millis().max(1))).unwrap_or(0)
    };
    let cells = usize::from(cells);
    let filled = filled.min(cells);
    format!("{}{}", "■".repeat(filled), "□".repeat(cells - filled))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[test]
    fn a_bar_empties_to_its_last_cell() {
        let bar = |ms| super::bar(Duration::from_millis(ms), Duration::from_millis(1500), 6);
        assert_eq!(bar(1500), "■■■■■■");
        assert_eq!(bar(900), "■■■■□□");
        assert_eq!(bar(1), "■□□□□□");
        assert_eq!(bar(0), "□□□□□□");
    }

    #[test]
    fn large_numbers_keep_three_digits() {
        let written = [98, 2400, 12_345, 1_200_000, 3_000_000_000].map(super::figure);
        assert_eq!(written, ["98", "2.4k", "12k", "1.2M", "3.0G"]);
        assert_eq!(super::bytes(98), "98 B");
    }

    #[test]
    fn ranges_are_named_exactly_in_five_columns() {
        let written = [
            0, 900, 7000, 9900, 41_000, 41_300, 123_400, 123_000, 1_230_000, 1_200_000, 3_000_000,
            12_340_000, 3_412_101,
        ];
        let expected = [
            "0…", "900…", "7k…", "9900…", "41k…", "41.3k", "…3.4k", "123k…", "1230k", "1.2M…",
            "3M…", "…340k", "…2101",
        ];
        assert_eq!(written.map(super::range), expected);
    }

    #[test]
    fn what_is_read_carries_its_topic_as_far_as_there_is_room() {
        let place = |(topic, index): (&str, i32)| wire::TopicPartition::new(topic, index);
        let read = [("orders", 0), ("orders", 1), ("orders", 3), ("payments", 0)].map(place);
        let read = read.into_iter().collect();
        let told = [28, 27, 22, 20].map(|room| super::places(true, &read, room));
        assert_eq!(
            told,
            [
                "orders p0 p1 p3  payments p0",
                "orders 0-1,3 payments 0",
                "4 partitions",
                "4 partitions"
            ]
        );
        assert_eq!(super::places(false, &read, 20), "p0 p1 p3 p0");
    }

    #[test]
    fn a_member_keeps_the_signs_that_tell_it_from_others() {
        assert_eq!(super::member("rdkafka-3f2c", 12), "rdkafka-3f2c");
        assert_eq!(super::member("kafka-python-3f2c", 12), "kafka-…-3f2c");
    }

    #[test]
    fn latencies_keep_three_digits() {
        assert_eq!(super::latency(Duration::from_micros(2300)), "2.3 ms");
        assert_eq!(super::latency(Duration::from_millis(1540)), "1.54 s");
    }
}
