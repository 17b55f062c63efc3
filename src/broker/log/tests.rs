//! The log as its users see it: append, read, crash, truncate, delete.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use proptest::prelude::*;
use uuid::Uuid;

use super::recovery::RecoveryReport;
use super::retention::DeleteReason;
use super::*;
use wire::record_batch::{Batch, BatchBuilder, Batches, Compression, TimestampType};
use wire::{LeaderEpoch, Offset, TopicPartition};

mod compacted_transactions;
mod damage;
mod dump_log;
mod new_log;
mod transactions;
mod validation;

const NOW_MS: i64 = 1_700_000_000_000;

fn partition() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

fn small_segments() -> LogConfig {
    LogConfig {
        segment_bytes: 1_000,
        index_interval_bytes: 200,
        ..LogConfig::default()
    }
}

impl Log {
    /// Flushes and lets go of the files: what is on the disk then is all there is.
    pub(super) fn close(mut self) -> Result<(), LogError> {
        self.active_mut().index_time()?;
        self.flush()
    }
}

fn create(folder: &Path, config: LogConfig) -> Log {
    Log::create(folder, partition(), Uuid::from_u128(7), config, NOW_MS)
}

fn reopen(folder: &Path, config: LogConfig, recovery_point: i64) -> (Log, RecoveryReport) {
    let at = OpenAt {
        recovery_point: Offset(recovery_point),
        log_start_offset: None,
    };
    Log::open(folder, partition(), config, at, NOW_MS).expect("opened")
}

/// A batch whose values say which records they are.
fn batch(first: i64, records: i64) -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    for n in first..first + records {
        builder.push(NOW_MS + n, Some(b"key"), Some(n.to_string().as_bytes()));
    }
    builder.build()
}

fn append(log: &mut Log, records: i64) -> Appended {
    let bytes = batch(log.log_end_offset().0, records);
    log.append_as_leader(&bytes, LeaderEpoch(0), AppendOrigin::Client, NOW_MS)
        .expect("appended")
}

fn idempotent(epoch: i16, sequence: i32, records: i64) -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    builder.producer(9, epoch, sequence);
    for n in 0..records {
        builder.push(NOW_MS + n, None, Some(b"value"));
    }
    builder.build()
}

/// Offset and value of every record from `from` to the end, in small reads.
fn read_all(log: &Log, from: Offset) -> Vec<(i64, String)> {
    let mut records = Vec::new();
    let mut next = from;
    loop {
        let mut out = BytesMut::new();
        let read = log
            .read_into(next, log.log_end_offset(), 300, true, &mut out)
            .expect("readable");
        assert_eq!(read.size_bytes, out.len());
        if read.size_bytes == 0 {
            assert_eq!(next, log.log_end_offset());
            return records;
        }
        for batch in Batches::new(&out) {
            let batch = batch.expect("whole");
            batch.check_crc().expect("sound");
            let payload = batch.payload().expect("plain");
            for record in batch.records(&payload) {
                let record = record.expect("sound");
                if record.offset >= next {
                    let value = record.value.unwrap_or_default();
                    records.push((record.offset.0, String::from_utf8_lossy(value).into_owned()));
                }
            }
        }
        next = read.next_offset;
    }
}

fn assert_holds(log: &Log, from: i64, to: i64) {
    let expected: Vec<_> = (from..to).map(|n| (n, n.to_string())).collect();
    assert_eq!(read_all(log, Offset(from)), expected);
    assert_eq!(log.log_end_offset(), Offset(to));
}

fn file_names(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> = fs::read_dir(folder)
        .expect("listed")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    names.sort();
    names
}

#[test]
fn records_are_read_back_from_every_offset_over_many_segments() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), small_segments());
    for records in [1, 3, 2, 5].iter().cycle().take(60) {
        append(&mut log, *records);
    }
    assert!(log.segments().count() > 5);
    let end = log.log_end_offset().0;
    for from in 0..end {
        assert_eq!(read_all(&log, Offset(from))[0].0, from);
    }
    assert_holds(&log, 0, end);
    log.close().expect("closed");
    let (log, report) = reopen(folder.path(), small_segments(), end);
    assert_eq!(report.cut_bytes, 0);
    assert!(report.scanned_bytes < 1_000, "only the last segment's end");
    assert_holds(&log, 0, end);
}

#[test]
fn a_read_ends_below_the_bound_it_was_given() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), LogConfig::default());
    for _ in 0..4 {
        append(&mut log, 2);
    }
    let mut out = BytesMut::new();
    let read = log.read_into(Offset(0), Offset(4), 10_000, true, &mut out);
    assert_eq!(read.expect("readable").next_offset, Offset(4));
    // Bounds inside a batch leave that batch out, a bound of no bytes everything.
    let read = log.read_into(Offset(4), Offset(5), 10_000, true, &mut out);
    assert_eq!(read.expect("readable").size_bytes, 0);
    let read = log.read_into(Offset(4), Offset(8), 0, false, &mut out);
    assert_eq!(read.expect("readable").size_bytes, 0);
    let read = log.read_into(Offset(4), Offset(8), 0, true, &mut out);
    assert_eq!(read.expect("readable").next_offset, Offset(6));
    for offset in [-1, 9] {
        let read = log.read_into(Offset(offset), Offset(8), 10, true, &mut out);
        assert!(matches!(
            read,
            Err(LogError::OffsetOutOfRange {
                start: Offset(0),
                end: Offset(8),
                ..
            })
        ));
    }
}

#[test]
fn a_client_cannot_append_what_kafka_refuses() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let config = LogConfig {
        max_message_bytes: 500,
        compact: true,
        ..LogConfig::default()
    };
    let mut log = create(folder.path(), config);
    let mut append = |bytes: &[u8]| {
        let outcome = log.append_as_leader(bytes, LeaderEpoch(0), AppendOrigin::Client, NOW_MS);
        assert_eq!(log.log_end_offset(), Offset(0), "nothing was written");
        outcome.expect_err("refused")
    };
    let sound = batch(0, 1);
    let mut old = sound.clone();
    old[16] = 1;
    assert!(matches!(append(&old), LogError::InvalidRecord { .. }));
    let mut flipped = sound.clone();
    flipped[70] ^= 1;
    assert!(matches!(append(&flipped), LogError::CorruptBatch { .. }));
    assert!(
        matches!(append(&sound[..70]), LogError::InvalidRecord { .. }),
        "no whole batch is none"
    );
    let mut newer = sound.clone();
    newer[16] = 3;
    assert!(matches!(append(&newer), LogError::CorruptBatch { .. }));
    assert!(matches!(append(&[]), LogError::InvalidRecord { .. }));
    let twice = [sound.clone(), sound].concat();
    assert!(matches!(append(&twice), LogError::InvalidRecord { .. }));
    assert!(matches!(
        append(&batch(0, 50)),
        LogError::BatchTooLarge { .. }
    ));
    assert!(
        matches!(
            append(&idempotent(0, 0, 1)),
            LogError::RejectedRecords { .. }
        ),
        "no key"
    );
    let control = wire::record_batch::ControlType::Commit;
    let marker = BatchBuilder::new().end_transaction(control, NOW_MS, 9, 0, 3);
    assert!(
        matches!(append(&marker), LogError::InvalidRecord { .. }),
        "only coordinators write markers"
    );
    let mut wide = BatchBuilder::new();
    wide.push_at(Offset(3), NOW_MS, Some(b"k"), None, &[0]);
    assert!(matches!(
        append(&wide.build()),
        LogError::InvalidRecord { .. }
    ));
}

#[test]
fn records_that_a_topic_does_not_take_are_named_one_by_one() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let config = LogConfig {
        compact: true,
        timestamp_before_max_ms: 1_000,
        ..LogConfig::default()
    };
    let mut log = create(folder.path(), config);
    let mut rejected = |records: &[(i64, Option<&[u8]>)]| {
        let mut builder = BatchBuilder::new();
        for (timestamp, key) in records {
            builder.push(*timestamp, *key, Some(b"value"));
        }
        let records = builder.build();
        let outcome = log.append_as_leader(&records, LeaderEpoch(0), AppendOrigin::Client, NOW_MS);
        match outcome.expect_err("refused") {
            LogError::RejectedRecords { fault, records } => {
                (fault, records.iter().map(|it| it.index).collect::<Vec<_>>())
            }
            other => panic!("{other}"),
        }
    };
    let sound = (NOW_MS, Some(b"k".as_slice()));
    assert_eq!(
        rejected(&[sound, (NOW_MS, None), sound, (NOW_MS, None)]),
        (RecordFault::Key, vec![1, 3])
    );
    assert_eq!(
        rejected(&[(NOW_MS - 1_001, sound.1), sound, (NOW_MS, None)]),
        (RecordFault::Timestamp, vec![0, 2])
    );
}

#[test]
fn bytes_behind_a_batch_that_are_no_whole_batch_are_passed_over() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), LogConfig::default());
    let mut sent = batch(0, 2);
    sent.extend_from_slice(&[1, 2, 3]);
    log.append_as_leader(&sent, LeaderEpoch(0), AppendOrigin::Client, NOW_MS)
        .expect("appended");
    drop(log);
    let (log, _) = reopen(folder.path(), LogConfig::default(), 0);
    assert_eq!(log.log_end_offset(), Offset(2), "and not written");
}

#[test]
fn a_repeated_batch_answers_its_first_offsets_also_after_a_crash() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), LogConfig::default());
    let send = |log: &mut Log, sequence| {
        log.append_as_leader(
            &idempotent(0, sequence, 2),
            LeaderEpoch(0),
            AppendOrigin::Client,
            NOW_MS,
        )
    };
    for sequence in [0, 2, 4] {
        send(&mut log, sequence).expect("in order");
    }
    let again = send(&mut log, 2).expect("a repetition");
    assert!(again.duplicate);
    assert_eq!(
        (again.first_offset, again.last_offset),
        (Offset(2), Offset(3))
    );
    let gap = send(&mut log, 8);
    assert!(matches!(
        gap,
        Err(LogError::OutOfOrderSequence {
            last_sequence: 5,
            ..
        })
    ));
    log.flush().expect("flushed");
    send(&mut log, 6).expect("in order");
    drop(log);
    let (mut log, _) = reopen(folder.path(), LogConfig::default(), 6);
    assert!(
        send(&mut log, 6).expect("a repetition").duplicate,
        "from the tail"
    );
    assert!(
        send(&mut log, 4).expect("a repetition").duplicate,
        "from the snapshot"
    );
    assert!(!send(&mut log, 8).expect("in order").duplicate);
}

#[test]
fn a_followers_log_is_its_leaders_byte_for_byte() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut leader = create(&folder.path().join("a"), small_segments());
    let mut follower = create(&folder.path().join("b"), small_segments());
    for epoch in [0, 0, 2, 2, 5] {
        let bytes = batch(leader.log_end_offset().0, 3);
        leader
            .append_as_leader(&bytes, LeaderEpoch(epoch), AppendOrigin::Client, NOW_MS)
            .expect("appended");
    }
    while follower.log_end_offset() < leader.log_end_offset() {
        let mut out = BytesMut::new();
        let end = leader.log_end_offset();
        leader
            .read_into(follower.log_end_offset(), end, 250, true, &mut out)
            .expect("read");
        // Kafka may send half a batch at the end; it is left for the next fetch.
        let half = batch(0, 3);
        out.extend_from_slice(&half[..half.len() / 2]);
        follower.append_as_follower(&out, NOW_MS).expect("follows");
    }
    assert_eq!(read_all(&leader, Offset(0)), read_all(&follower, Offset(0)));
    assert_eq!(follower.latest_epoch(), Some(LeaderEpoch(5)));
    assert_eq!(
        follower.epoch_end_offset(LeaderEpoch(3)),
        Some((LeaderEpoch(2), Offset(12)))
    );
    let mut out = BytesMut::new();
    leader
        .read_into(Offset(0), Offset(3), 250, true, &mut out)
        .expect("read");
    let twice = follower.append_as_follower(&out, NOW_MS);
    assert!(matches!(twice, Err(LogError::NotContiguous { .. })));
}

#[test]
fn a_follower_begins_inside_a_batch_where_its_leaders_log_starts_there() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut leader = create(&folder.path().join("a"), small_segments());
    append(&mut leader, 6);
    append(&mut leader, 2);
    leader.set_log_start_offset(Offset(3)).expect("inside");
    let mut out = BytesMut::new();
    let end = leader.log_end_offset();
    leader
        .read_into(Offset(3), end, 1_000, true, &mut out)
        .expect("read");

    let at = folder.path().join("b");
    let mut follower = create(&at, small_segments());
    follower
        .truncate_fully_and_start_at(Offset(3), NOW_MS)
        .expect("empty");
    assert_eq!(follower.log_start_to_be_kept(), Some(Offset(3)));
    let mut broken = out.clone();
    broken[70] ^= 1;
    follower
        .append_as_follower(&broken, NOW_MS)
        .expect_err("the checksum");
    assert_holds(&follower, 3, 3);
    follower.append_as_follower(&out, NOW_MS).expect("follows");
    assert_holds(&follower, 3, 8);
    append(&mut follower, 1);

    // With what was checkpointed before the batch came, and with what is after it.
    drop(follower);
    let open = |recovery_point, log_start_offset| {
        let (recovery_point, log_start_offset) =
            (Offset(recovery_point), Some(Offset(log_start_offset)));
        let at_checkpoint = OpenAt {
            recovery_point,
            log_start_offset,
        };
        Log::open(&at, partition(), small_segments(), at_checkpoint, NOW_MS).expect("opened")
    };
    for (recovery_point, log_start_offset) in [(3, 3), (9, 3)] {
        let (log, report) = open(recovery_point, log_start_offset);
        assert_eq!((report.cut_reason, report.is_short), (None, false));
        assert_holds(&log, 3, 9);
        assert_eq!(log.epoch_at(Offset(3)), Some(LeaderEpoch(0)));
    }
    let (mut log, _) = open(9, 3);
    // The batch that the start lies in goes as a whole; the leader will say where to start.
    assert_eq!(log.truncate_to(Offset(4), NOW_MS).expect("cut"), Offset(0));
    assert_holds(&log, 0, 0);

    // Killed when the earlier segment was made, and nothing written.
    drop(log);
    let (log, report) = open(3, 3);
    assert!(!report.is_short, "it held nothing");
    assert_holds(&log, 3, 3);
}

#[test]
fn truncation_removes_the_tail_its_epochs_and_its_sequences() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), small_segments());
    for n in 0..30 {
        let bytes = idempotent(0, n * 2, 2);
        let epoch = LeaderEpoch(n / 10);
        log.append_as_leader(&bytes, epoch, AppendOrigin::Client, NOW_MS)
            .expect("appended");
    }
    log.flush().expect("flushed");
    assert_eq!(log.recovery_point(), Offset(60));
    assert_eq!(
        log.truncate_to(Offset(31), NOW_MS).expect("cut"),
        Offset(30)
    );
    assert_eq!(
        log.recovery_point().0.min(30),
        log.recovery_point().0.min(31)
    );
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(1)));
    let next = idempotent(0, 30, 2);
    let appended = log.append_as_leader(&next, LeaderEpoch(4), AppendOrigin::Client, NOW_MS);
    assert_eq!(
        appended.expect("the sequence goes on").first_offset,
        Offset(30)
    );
    log.truncate_fully_and_start_at(Offset(500), NOW_MS)
        .expect("emptied");
    assert_eq!(
        (log.log_start_offset(), log.log_end_offset()),
        (Offset(500), Offset(500))
    );
    assert_eq!(log.latest_epoch(), None);
    drop(log);
    let (log, _) = reopen(folder.path(), small_segments(), 500);
    assert_eq!(
        (log.log_start_offset(), log.log_end_offset()),
        (Offset(500), Offset(500))
    );
}

#[test]
fn an_epoch_without_a_record_goes_with_a_truncation_that_cuts_nothing() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), LogConfig::default());
    append(&mut log, 4);
    // Elected in epoch 1 and replaced before anything was written.
    log.assign_epoch_start(LeaderEpoch(1), Offset(4));
    let end = log.truncate_to(Offset(4), NOW_MS).expect("nothing to cut");
    assert_eq!(end, Offset(4));
    // Else a follower would name epoch 1 to a leader that never heard of it, for ever.
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(0)));
}

#[test]
fn old_segments_go_by_age_by_size_and_by_start() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), small_segments());
    for _ in 0..40 {
        append(&mut log, 2);
    }
    let before = log.segments().count();
    let end = log.log_end_offset();
    let retired = log.delete_old_segments(NOW_MS, end).expect("looked");
    assert!(retired.segments.is_empty(), "a week has not passed");
    retired.remove();
    log.set_log_start_offset(Offset(30)).expect("inside");
    let retired = log.delete_old_segments(NOW_MS, end).expect("deleted");
    assert!(
        retired
            .segments
            .iter()
            .all(|(.., why)| *why == DeleteReason::LogStart)
    );
    retired.remove();
    assert!(log.segments().count() < before);
    assert_holds(&log, 30, 80);
    let mut config = small_segments();
    config.retention_bytes = 1_200;
    log.set_config(config);
    log.delete_old_segments(NOW_MS, end)
        .expect("deleted")
        .remove();
    assert!((1_200..2_200).contains(&log.size_bytes()));
    assert!(log.log_start_offset() > Offset(30));
    let in_a_month = NOW_MS + 31 * 86_400_000;
    let behind = log
        .delete_old_segments(in_a_month, Offset(1))
        .expect("looked");
    assert!(
        behind.segments.is_empty(),
        "nothing above the high watermark goes"
    );
    behind.remove();
    log.delete_old_segments(in_a_month, end)
        .expect("deleted")
        .remove();
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (end, end));
    assert_eq!(file_names(folder.path(), "deleted"), Vec::<PathBuf>::new());
    assert_eq!(file_names(folder.path(), "log").len(), 1);
}

#[test]
fn offsets_are_found_by_time() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), small_segments());
    for _ in 0..20 {
        append(&mut log, 3);
    }
    for n in 0..60 {
        let found = log
            .offset_for_timestamp(NOW_MS + n)
            .expect("read")
            .expect("there");
        assert_eq!((found.offset, found.timestamp), (Offset(n), NOW_MS + n));
    }
    assert_eq!(log.offset_for_timestamp(NOW_MS + 60).expect("read"), None);
    let first = log.offset_for_timestamp(0).expect("read").expect("there");
    assert_eq!(first.offset, Offset(0));
    let mut late = BatchBuilder::new();
    late.push(NOW_MS + 7_000, Some(b"k"), None)
        .push(NOW_MS, Some(b"k"), None);
    log.append_as_leader(&late.build(), LeaderEpoch(0), AppendOrigin::Client, NOW_MS)
        .expect("appended");
    append(&mut log, 3);
    let youngest = log.max_timestamp_offset().expect("read").expect("there");
    assert_eq!(
        (youngest.offset, youngest.timestamp),
        (Offset(60), NOW_MS + 7_000)
    );
}

#[test]
fn the_leaders_clock_and_the_topics_codec_are_applied() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let config = LogConfig {
        timestamp_type: TimestampType::LogAppendTime,
        compression: Some(Compression::Zstd),
        ..LogConfig::default()
    };
    let mut log = create(folder.path(), config);
    assert_eq!(append(&mut log, 3).log_append_time, NOW_MS);
    let mut out = BytesMut::new();
    log.read_into(Offset(0), Offset(3), 1_000, true, &mut out)
        .expect("read");
    let stored = Batch::parse(&out).expect("whole");
    stored.check_crc().expect("sound");
    assert_eq!(stored.header.compression(), Ok(Compression::Zstd));
    let payload = stored.payload().expect("own codec");
    let times: Vec<i64> = stored
        .records(&payload)
        .map(|r| r.expect("sound").timestamp)
        .collect();
    assert_eq!(times, [NOW_MS; 3]);
}

#[test]
fn segments_are_rolled_by_age() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let config = LogConfig {
        segment_ms: 1_000,
        ..LogConfig::default()
    };
    let mut log = create(folder.path(), config);
    append(&mut log, 1);
    assert!(!log.roll_if_old(NOW_MS + 1_000).expect("looked"));
    assert!(log.roll_if_old(NOW_MS + 1_001).expect("rolled"));
    assert!(!log.roll_if_old(NOW_MS + 9_000).expect("nothing in it"));
    assert_eq!(log.segments().count(), 2);
}

#[test]
fn lost_indexes_are_built_anew() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), small_segments());
    for _ in 0..40 {
        append(&mut log, 2);
    }
    log.close().expect("closed");
    for extension in ["index", "timeindex"] {
        for path in file_names(folder.path(), extension) {
            fs::remove_file(path).expect("removed");
        }
    }
    let (log, report) = reopen(folder.path(), small_segments(), 80);
    assert_eq!(report.rebuilt_indexes, log.segments().count());
    for n in 0..80 {
        assert_eq!(read_all(&log, Offset(n))[0].0, n);
        let found = log
            .offset_for_timestamp(NOW_MS + n)
            .expect("read")
            .expect("there");
        assert_eq!(found.offset, Offset(n));
    }
}

/// A log whose active segment's file is `device`.
#[cfg(target_os = "linux")]
fn on_device(folder: &Path, device: &Path) -> Log {
    create(folder, LogConfig::default()).make().expect("made");
    let path = file_names(folder, "log").remove(0);
    fs::remove_file(&path).expect("removed");
    std::os::unix::fs::symlink(device, &path).expect("linked");
    reopen(folder, LogConfig::default(), 0).0
}

#[cfg(target_os = "linux")]
#[test]
fn a_write_that_the_disk_refuses_leaves_the_log_as_it_was() {
    use nix::fcntl::{FcntlArg, SealFlag, fcntl};
    use nix::sys::memfd::{MFdFlags, memfd_create};
    use std::os::fd::AsRawFd;

    // A file in memory that may not grow stands for one on a full disk.
    let memory = memfd_create("full", MFdFlags::MFD_ALLOW_SEALING).expect("a file in memory");
    fcntl(&memory, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_GROW)).expect("sealed");
    let folder = tempfile::tempdir().expect("temporary folder");
    let device = format!("/proc/self/fd/{}", memory.as_raw_fd());
    let mut log = on_device(folder.path(), Path::new(&device));
    for _ in 0..2 {
        let refused =
            log.append_as_leader(&batch(0, 1), LeaderEpoch(0), AppendOrigin::Client, NOW_MS);
        let Err(LogError::Storage { path, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(path, file_names(folder.path(), "log")[0]);
        assert_eq!(log.log_end_offset(), Offset(0));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_write_that_cannot_be_taken_back_takes_the_log_offline() {
    // This device refuses every write, and it cannot be cut either.
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = on_device(folder.path(), Path::new("/dev/full"));
    let mut send =
        || log.append_as_leader(&batch(0, 1), LeaderEpoch(0), AppendOrigin::Client, NOW_MS);
    assert!(matches!(send(), Err(LogError::Storage { .. })));
    assert!(matches!(send(), Err(LogError::Offline { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Cut, flip or repeat bytes anywhere behind the recovery point: what comes back is a prefix.
    #[test]
    fn a_damaged_tail_comes_back_as_a_prefix(
        batches in proptest::collection::vec(1i64..5, 1..25),
        flushed in 0usize..25,
        damage in 0u8..4,
        at in 0.0f64..1.0,
        bit in 0u8..8,
    ) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut log = create(folder.path(), small_segments());
        for (index, records) in batches.iter().enumerate() {
            append(&mut log, *records);
            if index == flushed {
                log.flush().expect("flushed");
            }
        }
        let (end, recovery_point) = (log.log_end_offset().0, log.recovery_point().0);
        // The first byte that was not flushed, and all bytes after it, over all segments.
        let unflushed_from = log.segments.range(..=Offset(recovery_point)).next_back()
            .map(|(base, segment)| {
                let place = segment.locate(Offset(recovery_point)).expect("readable");
                (*base, place.map_or(segment.size_bytes, |place| place.position))
            })
            .expect("a segment");
        let mut tail = Vec::new();
        for (base, size) in log.segments() {
            let from = if base == unflushed_from.0 { unflushed_from.1 } else { 0 };
            if base >= unflushed_from.0 {
                tail.extend((from..size).map(|position| (base, position)));
            }
        }
        drop(log);
        prop_assume!(!tail.is_empty());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short list")]
        let (base, position) = tail[(at * tail.len() as f64) as usize];
        let path = folder.path().join(format!("{:020}.log", base.0));
        let mut bytes = fs::read(&path).expect("readable");
        let position = usize::try_from(position).expect("small");
        match damage {
            0 => bytes.truncate(position),
            1 => bytes[position] ^= 1 << bit,
            2 => {
                let copy = bytes[position..].to_vec();
                bytes.extend_from_slice(&copy);
            }
            _ => bytes.splice(position..position, [0; 7]).for_each(drop),
        }
        fs::write(&path, &bytes).expect("written");
        let (log, report) = reopen(folder.path(), small_segments(), recovery_point);
        let found = log.log_end_offset().0;
        prop_assert!((recovery_point..=end).contains(&found), "{recovery_point} <= {found} <= {end}");
        assert_holds(&log, 0, found);
        prop_assert_eq!(report.log_end_offset, Offset(found));
        drop(log);
        // A second start finds nothing more to repair.
        let (log, report) = reopen(folder.path(), small_segments(), recovery_point);
        prop_assert_eq!(report.cut_reason, None);
        assert_holds(&log, 0, found);
    }
}
