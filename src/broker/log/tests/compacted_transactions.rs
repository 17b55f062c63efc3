//! Compaction of logs with transactions: what was aborted goes, and markers after it.

use super::transactions::aborted;
use super::*;
use wire::record_batch::ControlType;

fn config() -> LogConfig {
    LogConfig {
        compact: true,
        delete: false,
        delete_retention_ms: 1_000,
        min_cleanable_dirty_ratio: 0.0,
        ..small_segments()
    }
}

/// Producer, epoch and sequence.
type Sender = (i64, i16, i32);

fn put(log: &mut Log, sender: Option<Sender>, key: &str, value: &str) -> i64 {
    let mut builder = BatchBuilder::new();
    if let Some((id, epoch, sequence)) = sender {
        builder.producer(id, epoch, sequence).transactional();
        if let Some(guard) = log.begin_verification((id, epoch), sequence, NOW_MS) {
            log.end_verification(guard, true);
        }
    }
    builder.push(NOW_MS, Some(key.as_bytes()), Some(value.as_bytes()));
    let bytes = builder.build();
    let appended = log.append_as_leader(&bytes, LeaderEpoch(0), AppendOrigin::Client, NOW_MS);
    appended.expect("appended").first_offset.0
}

/// Closes segments and makes the log dirty.
fn fill(log: &mut Log) {
    for key in 0..40 {
        put(log, None, &format!("filler {key}"), "x");
    }
}

fn mark(log: &mut Log, producer_id: i64, producer_epoch: i16, control: ControlType) -> i64 {
    let end = TransactionEnd {
        producer_id,
        producer_epoch,
        coordinator_epoch: 3,
        raises_epoch: producer_epoch > 0,
        control,
    };
    let appended = log.append_marker(&end, LeaderEpoch(0), NOW_MS);
    appended.expect("appended").first_offset.0
}

/// A pass that is run and replaces what it read.
fn compact(log: &mut Log, now_ms: i64) {
    log.flush().expect("flushed");
    let end = log.log_end_offset();
    let pass = log.begin_compaction(now_ms, end).expect("looked");
    let compacted = pass.expect("dirty").run().expect("compacted");
    assert!(log.finish_compaction(&compacted).expect("finished"));
}

/// What the log holds but for the filler: offset, and key and value or what a marker says.
fn held(log: &Log) -> Vec<(i64, String)> {
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or(b"-")).into_owned();
    let mut found = Vec::new();
    let mut out = BytesMut::new();
    let end = log.log_end_offset();
    let mut next = log.log_start_offset();
    while next < end {
        let read = log.read_into(next, end, 1 << 20, true, &mut out);
        let read = read.expect("read");
        if read.size_bytes == 0 {
            break;
        }
        next = read.next_offset;
    }
    for batch in Batches::new(&out).map(|batch| batch.expect("whole")) {
        batch.check_crc().expect("sound");
        if let Some(marker) = batch.end_marker() {
            found.push((batch.header.base_offset.0, format!("{:?}", marker.control)));
            continue;
        }
        for record in batch.records(&batch.payload().expect("plain")) {
            let record = record.expect("sound");
            let said = format!("{}={}", text(record.key), text(record.value));
            found.push((record.offset.0, said));
        }
    }
    found.retain(|(_, said)| !said.starts_with("filler"));
    found
}

/// The same log as a start finds it that has no snapshot of its producers.
fn started_anew(mut log: Log, folder: &Path) -> Log {
    let end = log.log_end_offset();
    log.flush().expect("flushed");
    log.drop_snapshots(|_| false);
    drop(log);
    let (mut log, report) = reopen(folder, config(), end.0);
    assert_eq!(report.cut_reason, None);
    assert_eq!(log.last_stable_offset(end), end, "nothing is open");
    log
}

fn as_said(held: &[(i64, &str)]) -> Vec<(i64, String)> {
    let held = held
        .iter()
        .map(|(offset, said)| (*offset, (*said).to_owned()));
    held.collect()
}

#[test]
fn an_aborted_record_goes_at_once_and_its_marker_when_every_reader_may_have_seen_it() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), config());
    put(&mut log, Some((1, 0, 0)), "a", "committed");
    mark(&mut log, 1, 0, ControlType::Commit);
    put(&mut log, Some((1, 0, 1)), "a", "aborted");
    mark(&mut log, 1, 0, ControlType::Abort);
    put(&mut log, Some((1, 0, 2)), "b", "committed");
    mark(&mut log, 1, 0, ControlType::Commit);
    fill(&mut log);
    compact(&mut log, NOW_MS);
    let with_marker = as_said(&[
        (0, "a=committed"),
        (1, "Commit"),
        (3, "Abort"),
        (4, "b=committed"),
        (5, "Commit"),
    ]);
    assert_eq!(held(&log), with_marker);
    assert_eq!(aborted(&log), [(1, 2)]);
    // A pass that finds nothing of the transaction says when its marker goes.
    fill(&mut log);
    compact(&mut log, NOW_MS + 10);
    assert_eq!((held(&log), aborted(&log)), (with_marker.clone(), vec![]));
    fill(&mut log);
    compact(&mut log, NOW_MS + 1_009);
    assert_eq!(held(&log), with_marker);
    fill(&mut log);
    compact(&mut log, NOW_MS + 1_010);
    let without_marker = as_said(&[
        (0, "a=committed"),
        (1, "Commit"),
        (4, "b=committed"),
        (5, "Commit"),
    ]);
    assert_eq!(held(&log), without_marker);
    let mut log = started_anew(log, folder.path());
    assert_eq!((held(&log), aborted(&log)), (without_marker, vec![]));

    // The committed one goes with its marker, too, once its key has a newer record.
    put(&mut log, None, "a", "newer");
    for now_ms in [2_000, 2_001, 3_001] {
        fill(&mut log);
        compact(&mut log, NOW_MS + now_ms);
    }
    let left = held(&log);
    assert!(left.iter().all(|(offset, _)| *offset > 1), "{left:?}");
    assert_eq!(left.len(), 3, "{left:?}");
    let log = started_anew(log, folder.path());
    assert_eq!(held(&log), left);
}

#[test]
fn merged_segments_tell_of_every_aborted_transaction_that_something_is_left_of() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), config());
    let mut expected = Vec::new();
    // The last batch of each producer stays, without its records.
    for producer in 1..=4 {
        let first = put(&mut log, Some((producer, 0, 0)), "a", "aborted");
        mark(&mut log, producer, 0, ControlType::Abort);
        expected.push((producer, first));
        fill(&mut log);
    }
    let segments_before = log.segments().count();
    let end = log.log_end_offset();
    log.flush().expect("flushed");
    let pass = log.begin_compaction(NOW_MS, end).expect("looked");
    let compacted = pass.expect("dirty").run().expect("compacted");
    // The process ends in the middle of replacing them.
    let (cleaned, swap) = (folder.path().join("cleaned"), folder.path().join("swap"));
    drop(log);
    fs::rename(cleaned, swap).expect("renamed");
    let mut log = started_anew(reopen(folder.path(), config(), end.0).0, folder.path());
    assert!(log.segments().count() < segments_before);
    assert_eq!(compacted.clean_up_to, log.segments().last().expect("one").0);
    assert_eq!(aborted(&log), expected);
    let markers = held(&log);
    assert!(markers.iter().all(|(_, said)| said == "Abort"));
    // One that nothing of is left is not told of, and the files say the same.
    put(&mut log, Some((2, 0, 1)), "b", "committed");
    mark(&mut log, 2, 0, ControlType::Commit);
    expected.remove(1);
    for now_ms in [1, 2] {
        fill(&mut log);
        compact(&mut log, NOW_MS + now_ms);
    }
    assert_eq!(aborted(&log), expected);
    let (log, _) = reopen(folder.path(), config(), log.log_end_offset().0);
    assert_eq!(aborted(&log), expected);
}

#[test]
fn the_marker_that_alone_tells_a_producers_epoch_stays() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), config());
    put(&mut log, Some((1, 0, 0)), "a", "committed");
    let marker = mark(&mut log, 1, 1, ControlType::Commit);
    put(&mut log, None, "a", "newer");
    for now_ms in [0, 1, 5_000] {
        fill(&mut log);
        compact(&mut log, NOW_MS + now_ms);
    }
    let expected = as_said(&[(marker, "Commit"), (marker + 1, "a=newer")]);
    assert_eq!(held(&log), expected);
    let mut log = started_anew(log, folder.path());
    let mut zombie = BatchBuilder::new();
    zombie.producer(1, 0, 1).transactional();
    zombie.push(NOW_MS, Some(b"a"), Some(b"late"));
    let refused = log.append_as_leader(
        &zombie.build(),
        LeaderEpoch(0),
        AppendOrigin::Client,
        NOW_MS,
    );
    assert!(matches!(
        refused.expect_err("its epoch was replaced"),
        LogError::InvalidProducerEpoch { .. }
    ));
}
