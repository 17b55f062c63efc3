//! `demo.tape` and the tapes of README's recordings are played against the real program: each screen they wait for must come.
//!
//! `docs/record.sh` plays them at the pace of an eye and makes the recordings.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    program,
    tape::{Pace, Tape},
    terminal::wait_until_nothing_runs,
};

/// README loads at once, also on a train.
const GIF_BYTES_MAX: u64 = 3 * 1024 * 1024;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// Plays a tape to its end; the folder that was its home.
fn play(tape: &Path, pace: Pace) -> TempDir {
    let tape = Tape::read(tape);
    assert!(
        tape.waits() >= 8,
        "a tape waits for screens, not for seconds"
    );
    let (columns, rows) = tape.size();
    assert!(
        columns >= 120 && rows >= 36,
        "the layouts of a tape are those of 120x36, not of {columns}x{rows}"
    );
    let mut terminal = tape.play(program(), pace);
    terminal.press("exit\r");
    let (_, home) = terminal.wait_for_end();
    wait_until_nothing_runs(home.path());
    home
}

/// Plays a tape which records the screen, and keeps the recording where the environment says so.
fn record(name: &str) {
    let tape = docs().join("tapes").join(name).with_extension("tape");
    let kept = std::env::var_os("KAFKARIUM_WRITE_RECORDINGS");
    let pace = if kept.is_some() {
        Pace::Eye
    } else {
        Pace::Test
    };
    let home = play(&tape, pace);
    let cast = home.path().join(name).with_extension("cast");
    let recorded = fs::read_to_string(&cast).expect("the tape records the screen");
    assert!(recorded.contains("\"m\""), "what was done is marked in it");
    if let Some(folder) = kept {
        let file = Path::new(&folder).join(name).with_extension("cast");
        fs::copy(cast, file).expect("the folder is there");
        return;
    }
    let gif = docs().join(name).with_extension("gif");
    let bytes = fs::metadata(&gif).map(|gif| gif.len());
    assert!(
        bytes.as_ref().is_ok_and(|bytes| *bytes <= GIF_BYTES_MAX),
        "{}: {bytes:?}; docs/record.sh makes it",
        gif.display()
    );
}

#[test]
fn the_demo_tape_plays_to_its_end() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    play(&root.join("demo.tape"), Pace::Test);
}

#[test]
fn a_leader_is_killed_and_healed() {
    record("kill-and-heal");
}

#[test]
fn consumers_come_and_go() {
    record("consumers");
}

#[test]
fn a_record_goes_its_way_by_its_key() {
    record("way-of-a-record");
}
