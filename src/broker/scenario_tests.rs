//! Transcripts of rooms that decide: each file in a folder of `tests/scenarios` holds blocks of a command, `----`, and
//! everything that happened. `UPDATE_SCENARIOS=1` writes down what happens now.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Plays each file of the folder, at least so many, in a world of its own, which does a command and tells what
/// happened.
///
/// # Panics
/// Something happened otherwise than it is written down.
pub(crate) fn behave_as_written_down<World: FnMut(&str) -> String>(
    folder: &str,
    files_min: usize,
    new_world: impl Fn() -> World,
) {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let mut files: Vec<PathBuf> = fs::read_dir(scenarios.join(folder))
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    assert!(files.len() >= files_min, "the scenarios are found");
    let mut wrong = Vec::new();
    for file in files {
        let written = fs::read_to_string(&file).expect("readable");
        let happened = run(&written, new_world());
        if happened == written {
            continue;
        }
        if env::var_os("UPDATE_SCENARIOS").is_some() {
            fs::write(&file, happened).expect("writable");
        } else {
            wrong.push(format!("{}:\n{happened}", file.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "it happened otherwise:\n{}",
        wrong.join("\n")
    );
}

/// Runs the commands of a scenario; the text with what happened in place of what was written.
fn run(text: &str, mut command: impl FnMut(&str) -> String) -> String {
    let mut out = Vec::new();
    for block in text.trim_end().split("\n\n") {
        let commands: Vec<&str> = block.lines().take_while(|line| *line != "----").collect();
        let mut happened = String::new();
        for line in &commands {
            if !line.starts_with('#') {
                happened.push_str(&command(line));
            }
        }
        let mut shown = commands.join("\n");
        if commands.iter().any(|line| !line.starts_with('#')) {
            let happened = if happened.is_empty() {
                "nothing\n"
            } else {
                &happened
            };
            write!(shown, "\n----\n{}", happened.trim_end()).expect("a string");
        }
        out.push(shown);
    }
    out.join("\n\n") + "\n"
}
