//! Apache's own `kafka-dump-log` reads every file that a log writes, without complaint.
//!
//! Runs where Java is, and `KAFKA_HOME` names an unpacked Apache Kafka 3.x (its `libs` folder is used) or
//! `cargo bench --bench compare` has fetched its jars from Maven Central.

use std::env;
use std::process::Command;

use super::*;
use wire::record_batch::ControlType;

/// What the tool prints where something is wrong; it exits with 0 all the same.
const COMPLAINTS: [&str; 7] = [
    "mismatch",
    "not found",
    "out of order",
    "exception",
    "corrupt",
    "isvalid: false",
    "invalid",
];

#[test]
fn apaches_tool_reads_every_file() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let records = write_log(folder.path());
    let Some(printed) = dump(folder.path()) else {
        return;
    };
    let seen = printed
        .lines()
        .filter(|line| line.starts_with("| offset:"))
        .count();
    assert_eq!(seen, records, "{printed}");
    assert!(
        printed.contains("producerId: 9 producerEpoch: 0"),
        "{printed}"
    );
}

#[test]
fn apaches_tool_reads_a_compacted_log() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let config = LogConfig {
        compact: true,
        ..small_segments()
    };
    let mut log = create(folder.path(), config);
    for n in 0..100i32 {
        let mut builder = BatchBuilder::new();
        let key = (n % 5).to_string();
        let value = n.to_string();
        builder.producer(9, 0, n * 2).compression(Compression::Lz4);
        builder.push(
            NOW_MS + i64::from(n),
            Some(key.as_bytes()),
            Some(value.as_bytes()),
        );
        builder.push(NOW_MS, Some(b"gone"), None);
        log.append_as_leader(
            &builder.build(),
            LeaderEpoch(0),
            AppendOrigin::Client,
            NOW_MS,
        )
        .expect("appended");
    }
    log.flush().expect("flushed");
    let pass = log.begin_compaction(NOW_MS, log.log_end_offset());
    let compacted = pass
        .expect("looked")
        .expect("dirty")
        .run()
        .expect("compacted");
    assert!(log.finish_compaction(&compacted).expect("finished"));
    log.close().expect("closed");
    let Some(printed) = dump(folder.path()) else {
        return;
    };
    assert!(
        printed.contains("deleteHorizonMs: OptionalLong["),
        "{printed}"
    );
}

/// The jars that the benchmark keeps beside what is built.
fn fetched() -> Option<PathBuf> {
    let test = env::current_exe().ok()?;
    let jars = |folder: &Path| folder.join("apache-kafka-3.9").join("jars");
    test.ancestors().map(jars).find(|jars| jars.is_dir())
}

/// What the tool prints about every file in `folder`; `None` where it cannot be run here.
fn dump(folder: &Path) -> Option<String> {
    let home = env::var_os("KAFKA_HOME").map(|home| PathBuf::from(home).join("libs"));
    let Some(libs) = home.or_else(fetched) else {
        println!("skipped: KAFKA_HOME names no Apache Kafka, and no benchmark has fetched one");
        return None;
    };
    let mut files = Vec::new();
    for extension in ["log", "index", "timeindex", "snapshot"] {
        let found = file_names(folder, extension);
        assert!(!found.is_empty(), "there is a .{extension}");
        files.extend(found.into_iter().map(|path| path.display().to_string()));
    }
    let output = Command::new("java")
        .arg("-cp")
        .arg(libs.join("*"))
        .args(["kafka.tools.DumpLogSegments", "--deep-iteration", "--files"])
        .arg(files.join(","))
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            println!("skipped: java does not start: {error}");
            return None;
        }
    };
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{printed}\n{errors}");
    let lower = format!("{printed}\n{errors}").to_lowercase();
    for complaint in COMPLAINTS {
        assert!(
            !lower.contains(complaint),
            "{complaint}: {printed}\n{errors}"
        );
    }
    Some(format!("{printed}\n{errors}"))
}

/// Batches of every kind over several segments, with a crash in between. Returns how many records.
fn write_log(folder: &Path) -> usize {
    let mut log = create(folder, small_segments());
    let codecs = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];
    let mut records = 0;
    let mut fill = |log: &mut Log, sequences: std::ops::Range<i32>| {
        for (sequence, codec) in sequences.zip(codecs.iter().cycle()) {
            let mut builder = BatchBuilder::new();
            builder.producer(9, 0, sequence * 3).compression(*codec);
            for n in 0..3 {
                let value = sequence.to_string().repeat(10);
                builder.push(
                    NOW_MS + i64::from(sequence * 3 + n),
                    Some(b"key"),
                    Some(value.as_bytes()),
                );
                records += 1;
            }
            let epoch = LeaderEpoch(sequence / 20);
            log.append_as_leader(&builder.build(), epoch, AppendOrigin::Client, NOW_MS)
                .expect("appended");
        }
    };
    fill(&mut log, 0..50);
    log.flush().expect("flushed");
    fill(&mut log, 50..70);
    let recovery_point = log.recovery_point().0;
    drop(log);
    let (mut log, _) = reopen(folder, small_segments(), recovery_point);
    fill(&mut log, 70..80);
    let marker = BatchBuilder::new().end_transaction(ControlType::Abort, NOW_MS + 240, 9, 0, 3);
    log.append_as_leader(&marker, LeaderEpoch(4), AppendOrigin::Coordinator, NOW_MS)
        .expect("appended");
    log.truncate_to(Offset(235), NOW_MS).expect("cut");
    records -= 6;
    log.append_as_leader(&marker, LeaderEpoch(5), AppendOrigin::Coordinator, NOW_MS)
        .expect("appended");
    log.close().expect("closed");
    records + 1
}
