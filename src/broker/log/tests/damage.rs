//! What a start makes of files that are damaged, missing, or cut short by a crash in the middle of a write.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::*;

/// Everything in a folder, by file name.
type Files = BTreeMap<OsString, Vec<u8>>;

fn files(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).expect("listed");
    let entries = entries.map(|entry| entry.expect("readable"));
    entries
        .map(|entry| (entry.file_name(), fs::read(entry.path()).expect("read")))
        .collect()
}

/// A folder with these files and no others.
fn restore(files: &Files) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).expect("written");
    }
    folder
}

/// The states that a crash may leave between two: one changed file after the other is written byte by byte, where it grows,
/// and as a whole where it is replaced, removed or new.
fn states_between(before: &Files, after: &Files) -> Vec<Files> {
    let mut states = vec![before.clone()];
    let mut state = before.clone();
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    // The order in which a log writes: epochs and snapshots before records, records before indexes.
    let rank = |name: &OsString| {
        let name = name.to_string_lossy();
        let is = |end: &str| name.ends_with(end);
        [is("checkpoint"), is("snapshot"), is(".log")]
            .iter()
            .position(|it| *it)
            .unwrap_or(3)
    };
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|name| rank(name));
    for name in names {
        match (before.get(name), after.get(name)) {
            (old, new) if old == new => continue,
            (old, Some(new)) => {
                let old = old.map_or(&[][..], Vec::as_slice);
                if new.starts_with(old) {
                    for end in old.len()..new.len() {
                        state.insert(name.clone(), new[..end].to_vec());
                        states.push(state.clone());
                    }
                }
                state.insert(name.clone(), new.clone());
            }
            (_, None) => drop(state.remove(name)),
        }
        states.push(state.clone());
    }
    states
}

/// Opens what a crash left and checks that it is the log's beginning: all of it up to `least`, nothing made up.
fn check(state: &Files, recovery_point: i64, least: i64, most: i64) {
    let folder = restore(state);
    let (log, report) = reopen(folder.path(), small_segments(), recovery_point);
    let end = log.log_end_offset().0;
    assert!(
        (least..=most).contains(&end),
        "{least} <= {end} <= {most}: {report:?}"
    );
    let start = log.log_start_offset().0;
    assert_holds(&log, start, end);
}

#[test]
fn a_kill_at_any_byte_of_any_write_leaves_the_logs_beginning() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let config = LogConfig {
        segment_bytes: 400,
        index_interval_bytes: 100,
        ..LogConfig::default()
    };
    let mut log = create(folder.path(), config);
    log.make().expect("made");
    let mut crashes = 0;
    for step in 0..16 {
        let before = files(folder.path());
        let (end, recovery_point) = (log.log_end_offset().0, log.recovery_point().0);
        match step % 8 {
            3 => log.flush().expect("flushed"),
            6 => drop(log.truncate_to(Offset(end - 1), NOW_MS).expect("cut")),
            7 => {
                log.set_log_start_offset(Offset(end / 2)).expect("moved");
                let retired = log.delete_old_segments(NOW_MS, Offset(end));
                retired.expect("looked").remove();
            }
            _ => {
                let bytes = batch(end, 2);
                let epoch = LeaderEpoch(step / 5);
                log.append_as_leader(&bytes, epoch, AppendOrigin::Client, NOW_MS)
                    .expect("appended");
            }
        }
        let after = files(folder.path());
        let now = log.log_end_offset().0;
        let recovery_point = recovery_point.min(log.recovery_point().0);
        for state in states_between(&before, &after) {
            check(&state, recovery_point, end.min(now), end.max(now));
            crashes += 1;
        }
    }
    assert!(crashes > 1_000, "{crashes}");
}

/// A flushed log over several segments and epochs.
fn sound() -> Files {
    let folder = tempfile::tempdir().expect("temporary folder");
    let mut log = create(folder.path(), small_segments());
    for n in 0..40 {
        let bytes = batch(log.log_end_offset().0, 2);
        log.append_as_leader(&bytes, LeaderEpoch(n / 9), AppendOrigin::Client, NOW_MS)
            .expect("appended");
    }
    log.close().expect("closed");
    files(folder.path())
}

#[test]
fn leader_epochs_are_learned_again_from_the_batches() {
    let sound = sound();
    let name = OsString::from("leader-epoch-checkpoint");
    for damaged in [None, Some(&b""[..]), Some(b"0\n9\n0 0\n"), Some(b"garbage")] {
        let mut files = sound.clone();
        files.remove(&name);
        files.extend(damaged.map(|bytes| (name.clone(), bytes.to_vec())));
        let folder = restore(&files);
        let (log, _) = reopen(folder.path(), small_segments(), 80);
        assert_holds(&log, 0, 80);
        assert_eq!(log.latest_epoch(), Some(LeaderEpoch(4)));
        let end = log.epoch_end_offset(LeaderEpoch(1));
        assert_eq!(end, Some((LeaderEpoch(1), Offset(36))));
        let written = fs::read(folder.path().join(&name)).expect("written anew");
        assert_eq!(written, sound[&name]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever becomes of the files beside the records: every record is found, by offset and by time.
    #[test]
    fn what_lies_beside_the_records_may_be_damaged_anyhow(
        file in any::<proptest::sample::Index>(),
        damage in 0u8..4,
        at in any::<proptest::sample::Index>(),
        bit in 0u8..8,
    ) {
        let mut files = sound();
        let is_beside = |name: &OsString| {
            [".index", ".timeindex", ".snapshot"].iter().any(|end| name.to_string_lossy().ends_with(end))
        };
        let beside: Vec<OsString> = files.keys().filter(|name| is_beside(name)).cloned().collect();
        let name = file.get(&beside);
        let bytes = files.get_mut(name).expect("there");
        if bytes.is_empty() {
            bytes.resize(12, 0);
        }
        let position = at.index(bytes.len());
        match damage {
            0 => bytes.truncate(position),
            1 => bytes[position] ^= 1 << bit,
            2 => bytes.extend_from_slice(&[0; 24]),
            _ => drop(files.remove(name)),
        }
        let folder = restore(&files);
        let (log, _) = reopen(folder.path(), small_segments(), 80);
        assert_holds(&log, 0, 80);
        for n in 0..80 {
            prop_assert_eq!(read_all(&log, Offset(n))[0].0, n);
        }
        // The last entry of a closed segment's time index is all that is known of its youngest record; only there,
        // as in Kafka, damage shows.
        let tells_age = name.to_string_lossy().ends_with(".timeindex");
        for n in (0..80).filter(|_| !tells_age) {
            let found = log.offset_for_timestamp(NOW_MS + n).expect("read").expect("there");
            prop_assert_eq!(found.offset, Offset(n));
        }
    }
}
