//! Transactions in the log: what readers of committed records see, and what a start, a cut and a follower know of it.

use super::*;
use wire::record_batch::ControlType;

fn transactional(producer_id: i64, epoch: i16, sequence: i32) -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    builder
        .producer(producer_id, epoch, sequence)
        .transactional();
    builder.push(NOW_MS, Some(b"key"), Some(b"value"));
    builder.build()
}

/// The coordinator says that the next batch is part of an open transaction.
fn verify(log: &mut Log, producer: (i64, i16), sequence: i32) {
    if let Some(guard) = log.begin_verification(producer, sequence, NOW_MS) {
        log.end_verification(guard, true);
    }
}

fn send(log: &mut Log, producer_id: i64, sequence: i32) -> i64 {
    verify(log, (producer_id, 0), sequence);
    let bytes = transactional(producer_id, 0, sequence);
    let appended = log.append_as_leader(&bytes, LeaderEpoch(0), AppendOrigin::Client, NOW_MS);
    appended.expect("appended").first_offset.0
}

fn end(producer_id: i64, control: ControlType) -> TransactionEnd {
    TransactionEnd {
        producer_id,
        producer_epoch: 0,
        coordinator_epoch: 3,
        raises_epoch: false,
        control,
    }
}

fn mark(log: &mut Log, producer_id: i64, control: ControlType) -> i64 {
    let end = end(producer_id, control);
    let appended = log.append_marker(&end, LeaderEpoch(0), NOW_MS);
    appended.expect("appended").first_offset.0
}

fn stable(log: &mut Log) -> i64 {
    let end = log.log_end_offset();
    log.last_stable_offset(end).0
}

/// Producer and first offset of all that were aborted.
pub(super) fn aborted(log: &Log) -> Vec<(i64, i64)> {
    let all = log.aborted_between(Offset(0), log.log_end_offset());
    let all = all.iter().map(|it| (it.producer_id, it.first_offset.0));
    all.collect()
}

/// Two transactions side by side, the second one aborted, then a third that stays open at 5.
fn interleaved(log: &mut Log) {
    assert_eq!(send(log, 1, 0), 0);
    assert_eq!(send(log, 2, 0), 1);
    assert_eq!(mark(log, 2, ControlType::Abort), 2);
    assert_eq!(send(log, 1, 1), 3);
    assert_eq!(mark(log, 1, ControlType::Commit), 4);
    assert_eq!(send(log, 3, 0), 5);
    append(log, 2);
}

#[test]
fn committed_records_end_where_the_first_open_transaction_begins() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), LogConfig::default());
    append(&mut log, 1);
    assert_eq!(stable(&mut log), 1);
    assert_eq!(send(&mut log, 1, 0), 1);
    assert_eq!(send(&mut log, 2, 0), 2);
    assert_eq!(stable(&mut log), 1);
    assert_eq!(mark(&mut log, 1, ControlType::Commit), 3);
    // Until the marker is committed its transaction counts as open.
    assert_eq!(log.last_stable_offset(Offset(3)), Offset(1));
    assert_eq!(stable(&mut log), 2);
    assert_eq!(mark(&mut log, 2, ControlType::Abort), 4);
    assert_eq!(stable(&mut log), 5);
    assert_eq!(log.last_stable_offset(Offset(2)), Offset(2));
    assert_eq!(aborted(&log), [(2, 2)]);
    // A marker that comes again, and one without a transaction, end nothing.
    mark(&mut log, 2, ControlType::Abort);
    mark(&mut log, 7, ControlType::Abort);
    assert_eq!((stable(&mut log), aborted(&log)), (7, vec![(2, 2)]));
}

#[test]
fn a_start_knows_what_was_open_and_what_was_aborted() {
    for (flushed, damaged) in [(false, false), (true, false), (true, true)] {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut log = create(folder.path(), small_segments());
        append(&mut log, 1);
        log.truncate_fully_and_start_at(Offset(0), NOW_MS)
            .expect("empty");
        interleaved(&mut log);
        if flushed {
            log.flush().expect("flushed");
        }
        for _ in 0..20 {
            append(&mut log, 3);
        }
        let producers: Vec<ActiveProducer> = log.active_producers().collect();
        let recovery_point = log.recovery_point().0;
        drop(log);
        if damaged {
            let index = folder.path().join("00000000000000000000.txnindex");
            fs::write(index, [9; 40]).expect("written");
        }
        let (mut log, _) = reopen(folder.path(), small_segments(), recovery_point);
        assert_eq!(stable(&mut log), 5);
        assert_eq!(aborted(&log), [(2, 1)]);
        assert_eq!(log.active_producers().collect::<Vec<_>>(), producers);
        let index = folder.path().join("00000000000000000000.txnindex");
        assert_eq!(fs::read(index).expect("there").len(), 34);
        mark(&mut log, 3, ControlType::Commit);
        let end = log.log_end_offset().0;
        assert_eq!(stable(&mut log), end);
    }
}

#[test]
fn a_cut_before_a_marker_opens_its_transaction_again() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), LogConfig::default());
    interleaved(&mut log);
    log.truncate_to(Offset(2), NOW_MS).expect("cut");
    assert_eq!((stable(&mut log), aborted(&log)), (0, vec![]));
    mark(&mut log, 2, ControlType::Commit);
    mark(&mut log, 1, ControlType::Abort);
    assert_eq!((stable(&mut log), aborted(&log)), (4, vec![(1, 0)]));
    log.truncate_fully_and_start_at(Offset(9), NOW_MS)
        .expect("empty");
    assert_eq!((stable(&mut log), aborted(&log)), (9, vec![]));
    drop(log);
    let (log, _) = reopen(folder.path(), LogConfig::default(), 0);
    assert_eq!(aborted(&log), []);
}

#[test]
fn a_follower_knows_what_its_leader_knows() {
    let (one, two) = (tempfile::tempdir(), tempfile::tempdir());
    let (one, two) = (one.expect("a folder"), two.expect("a folder"));
    let mut leader = create(one.path(), LogConfig::default());
    interleaved(&mut leader);
    let mut records = BytesMut::new();
    let end = leader.log_end_offset();
    leader
        .read_into(Offset(0), end, 1 << 20, true, &mut records)
        .expect("read");
    let mut follower = create(two.path(), LogConfig::default());
    follower
        .append_as_follower(&records, NOW_MS)
        .expect("appended");
    assert_eq!(stable(&mut follower), 5);
    assert_eq!(aborted(&follower), [(2, 1)]);
    assert!(leader.active_producers().eq(follower.active_producers()));
}

#[test]
fn a_segment_takes_its_aborted_transactions_with_it() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), small_segments());
    interleaved(&mut log);
    for _ in 0..20 {
        append(&mut log, 3);
    }
    let end = log.log_end_offset();
    log.set_log_start_offset(Offset(6)).expect("moved");
    // Its beginning is deleted, and it is open all the same.
    assert_eq!(stable(&mut log), 6);
    log.set_log_start_offset(end).expect("moved");
    log.delete_old_segments(NOW_MS, end)
        .expect("deleted")
        .remove();
    assert_eq!(aborted(&log), []);
    let files = fs::read_dir(folder.path()).expect("a folder");
    let mut names = files.map(|file| file.expect("listed").file_name());
    assert!(!names.any(|name| name.to_string_lossy().contains("txnindex")));
}

#[test]
fn whoever_was_replaced_is_refused() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), LogConfig::default());
    send(&mut log, 1, 0);
    let plain = |log: &mut Log| {
        let mut builder = BatchBuilder::new();
        builder.producer(1, 0, 1).push(NOW_MS, None, Some(b"v"));
        log.append_as_leader(
            &builder.build(),
            LeaderEpoch(0),
            AppendOrigin::Client,
            NOW_MS,
        )
    };
    let outside = plain(&mut log).expect_err("outside of the transaction");
    assert!(matches!(outside, LogError::InvalidTxnState { .. }));
    let raised = TransactionEnd {
        producer_epoch: 1,
        raises_epoch: true,
        ..end(1, ControlType::Commit)
    };
    log.append_marker(&raised, LeaderEpoch(0), NOW_MS)
        .expect("appended");
    // Sent once more it would end what the producer began since.
    verify(&mut log, (1, 1), 0);
    let bytes = transactional(1, 1, 0);
    log.append_as_leader(&bytes, LeaderEpoch(0), AppendOrigin::Client, NOW_MS)
        .expect("the new epoch begins at 0");
    let again = log.append_marker(&raised, LeaderEpoch(0), NOW_MS);
    let again = again.expect("it is there");
    assert!(again.duplicate);
    assert_eq!((again.last_offset, stable(&mut log)), (Offset(2), 2));
    let older = TransactionEnd {
        coordinator_epoch: 2,
        producer_epoch: 2,
        ..raised
    };
    let older = log.append_marker(&older, LeaderEpoch(0), NOW_MS);
    assert!(matches!(
        older.expect_err("a coordinator that was replaced"),
        LogError::CoordinatorFenced { .. }
    ));
    let zombie = transactional(1, 0, 1);
    for origin in [AppendOrigin::Client, AppendOrigin::Coordinator] {
        let zombie = log.append_as_leader(&zombie, LeaderEpoch(0), origin, NOW_MS);
        assert!(matches!(
            zombie.expect_err("its epoch was replaced"),
            LogError::InvalidProducerEpoch { .. }
        ));
    }
}

#[test]
fn records_that_a_transaction_may_take_back_compact_nothing_away() {
    for control in [None, Some(ControlType::Abort)] {
        let folder = tempfile::tempdir().expect("temporary folder");
        let config = LogConfig {
            compact: true,
            ..small_segments()
        };
        let mut log = create(folder.path(), config);
        let put = |log: &mut Log, sequence: i32| {
            let mut builder = BatchBuilder::new();
            builder.producer(9, 0, sequence);
            builder.push(NOW_MS, Some(b"key"), Some(b"committed"));
            let bytes = builder.build();
            log.append_as_leader(&bytes, LeaderEpoch(0), AppendOrigin::Client, NOW_MS)
                .expect("appended");
        };
        (0..40).for_each(|sequence| put(&mut log, sequence));
        // The newest record of the key is one that committed readers never see.
        let taken_back = send(&mut log, 1, 0);
        if let Some(control) = control {
            mark(&mut log, 1, control);
        }
        (0..40).for_each(|sequence| {
            let mut builder = BatchBuilder::new();
            builder.producer(8, 0, sequence);
            builder.push(NOW_MS, Some(b"other"), Some(b"value"));
            let bytes = builder.build();
            log.append_as_leader(&bytes, LeaderEpoch(0), AppendOrigin::Client, NOW_MS)
                .expect("appended");
        });
        log.flush().expect("flushed");
        let end = log.log_end_offset();
        let pass = log.begin_compaction(NOW_MS, end).expect("looked");
        let compacted = pass.expect("dirty").run().expect("compacted");
        assert!(log.finish_compaction(&compacted).expect("finished"));
        let mut kept = BytesMut::new();
        log.read_into(Offset(0), end, 1, true, &mut kept)
            .expect("read");
        let first = Batches::new(&kept).next().expect("one").expect("whole");
        let header = &first.header;
        // The last batch of a producer stays in any case, but without its records where they do not count.
        assert!(header.base_offset < Offset(taken_back) && header.records_count > 0);
    }
}

#[test]
fn a_late_batch_opens_no_transaction() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), LogConfig::default());
    let late = |log: &mut Log, origin| {
        let bytes = transactional(1, 0, 1);
        let refused = log.append_as_leader(&bytes, LeaderEpoch(0), origin, NOW_MS);
        let refused = refused.expect_err("nobody would end it");
        assert!(
            matches!(refused, LogError::UnverifiedTransaction { .. }),
            "{refused}"
        );
    };
    send(&mut log, 1, 0);
    // The same one again is answered as before, and the next needs no question.
    send(&mut log, 1, 0);
    assert_eq!(log.begin_verification((1, 0), 1, NOW_MS), None);
    assert!(log.begin_verification((1, 1), 1, NOW_MS).is_some());
    mark(&mut log, 1, ControlType::Commit);
    for origin in [AppendOrigin::Client, AppendOrigin::Coordinator] {
        late(&mut log, origin);
        // The coordinator said yes, and then the marker came.
        verify(&mut log, (1, 0), 1);
        mark(&mut log, 1, ControlType::Commit);
        late(&mut log, origin);
    }
    // So it is where the marker came through another leader.
    let guard = log.begin_verification((1, 0), 1, NOW_MS).expect("asked");
    log.end_verification(guard, true);
    let end = log.log_end_offset();
    mark(&mut log, 1, ControlType::Commit);
    log.truncate_to(end, NOW_MS).expect("cut");
    log.end_verification(guard, true);
    late(&mut log, AppendOrigin::Client);
    assert_eq!(stable(&mut log), end.0);
}

#[test]
fn a_batch_does_not_begin_a_transaction_before_the_one_that_is_awaited() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), LogConfig::default());
    // Asked for, and not answered: its producer sends it again.
    log.begin_verification((1, 0), 0, NOW_MS).expect("asked");
    verify(&mut log, (1, 0), 1);
    let passing = transactional(1, 0, 1);
    let passing = log.append_as_leader(&passing, LeaderEpoch(0), AppendOrigin::Client, NOW_MS);
    assert!(matches!(
        passing.expect_err("it would pass the first"),
        LogError::OutOfOrderSequence { .. }
    ));
    assert_eq!(send(&mut log, 1, 0), 0);
    assert_eq!(send(&mut log, 1, 1), 1);
}
