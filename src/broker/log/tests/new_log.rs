//! A new log costs the disk nothing before its first record, and is complete from then on.

use super::*;

#[test]
fn the_folder_of_a_new_log_is_made_with_its_first_record() {
    let data = tempfile::tempdir().expect("temporary folder");
    let folder = data.path().join("orders-0");
    let mut log = create(&folder, LogConfig::default());
    log.assign_epoch_start(LeaderEpoch(3), Offset(0));
    assert_eq!(log.log_end_offset(), Offset(0));
    assert!(read_all(&log, Offset(0)).is_empty());
    let youngest = log.max_timestamp_offset().expect("readable");
    assert!(youngest.is_none_or(|found| found.timestamp < 0));
    assert_eq!(log.offset_for_timestamp(NOW_MS).expect("readable"), None);
    assert_eq!(
        log.truncate_to(Offset(0), NOW_MS).expect("empty"),
        Offset(0)
    );
    assert!(!log.roll_if_old(i64::MAX).expect("nothing to roll"));
    assert!(log.begin_flush().expect("nothing to flush").is_none());
    let retired = log.delete_old_segments(i64::MAX, Offset(0));
    assert!(retired.expect("nothing old").segments.is_empty());
    assert!(!folder.exists(), "nothing of all that needs the disk");

    log.assign_epoch_start(LeaderEpoch(3), Offset(0));
    let records = batch(0, 2);
    log.append_as_leader(&records, LeaderEpoch(3), AppendOrigin::Client, NOW_MS)
        .expect("appended");
    drop(log);
    let (log, report) = reopen(&folder, LogConfig::default(), 0);
    assert_eq!(log.topic_id(), Uuid::from_u128(7));
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(3)));
    assert!(!report.is_short && report.cut_bytes == 0 && report.rebuilt_indexes == 0);
    assert_holds(&log, 0, 2);
}

#[test]
fn a_new_log_may_begin_where_its_leader_begins() {
    let data = tempfile::tempdir().expect("temporary folder");
    let folder = data.path().join("orders-0");
    let mut log = create(&folder, LogConfig::default());
    log.truncate_fully_and_start_at(Offset(40), NOW_MS)
        .expect("begins there");
    append(&mut log, 1);
    drop(log);
    let (log, _) = reopen(&folder, LogConfig::default(), 0);
    assert_holds(&log, 40, 41);
}

#[test]
fn records_that_somebody_put_there_meanwhile_are_not_written_over() {
    let data = tempfile::tempdir().expect("temporary folder");
    let (folder, elsewhere) = (data.path().join("orders-0"), data.path().join("aside"));
    append(&mut create(&folder, LogConfig::default()), 3);
    fs::rename(&folder, &elsewhere).expect("moved away");
    let mut log = create(&folder, LogConfig::default());
    fs::rename(&elsewhere, &folder).expect("put back");
    let refused = log.append_as_leader(&batch(0, 1), LeaderEpoch(0), AppendOrigin::Client, NOW_MS);
    assert!(
        matches!(refused, Err(LogError::Storage { .. })),
        "{refused:?}"
    );
    let (log, _) = reopen(&folder, LogConfig::default(), 0);
    assert_holds(&log, 0, 3);
}
