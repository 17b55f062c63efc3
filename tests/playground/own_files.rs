//! What the playground keeps is its user's own: whatever the shell's umask says, nobody else can open it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::terminal::{Terminal, wait_until_nothing_runs};

/// Everything below a folder, with its mode.
fn modes(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let data = entry.metadata().expect("it is there");
        found.push((entry.path(), data.permissions().mode() & 0o777));
        if data.is_dir() {
            found.extend(modes(&entry.path()));
        }
    }
    found
}

/// The playground in a shell that would give everything away.
fn open_handed(arguments: &[&str]) -> Terminal {
    let ports = crate::free_ports();
    let program = crate::program().to_str().expect("text");
    let whole = [
        &["-c", "umask 000 && exec \"$0\" \"$@\"", program],
        &["--base-port", &ports.0, "--zookeeper-port", &ports.1][..],
        arguments,
    ]
    .concat();
    Terminal::start(Path::new("/bin/sh"), &whole, 120, 36)
}

#[test]
fn nobody_else_can_open_what_a_playground_keeps() {
    let mut terminal = open_handed(&[]);
    terminal.wait_for("ready in");
    terminal.press(":record\r");
    terminal.wait_for("recording the screen");
    for count in 1..=3 {
        terminal.press("p");
        terminal.wait_until("the acknowledgement", |screen| {
            screen.contains(&format!("acked {count} "))
        });
    }
    terminal.press(":save\r");
    terminal.wait_for(".session");
    terminal.press_by_hand(&["q", "q"]);
    let (_, home) = terminal.wait_for_end();
    wait_until_nothing_runs(home.path());

    let modes = modes(home.path());
    let ours = modes.iter().filter(|(path, _)| {
        path.components()
            .any(|part| part.as_os_str() == "kafkarium")
    });
    let names: Vec<String> = ours
        .clone()
        .filter_map(|(path, _)| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    for kept in [
        "lock",
        ".lock",
        "server.log",
        "meta.properties",
        "demo-1.cast",
        "demo-1.session",
        "00000000000000000000.log",
        "00000000000000000000.index",
        "recovery-point-offset-checkpoint",
    ] {
        assert!(names.iter().any(|name| name == kept), "{kept} in {names:?}");
    }
    let open: Vec<_> = ours
        .filter(|(path, mode)| *mode != if path.is_dir() { 0o700 } else { 0o600 })
        .map(|(path, mode)| format!("{mode:o} {}", path.display()))
        .collect();
    assert!(open.is_empty(), "{open:#?}");
}

#[test]
fn an_ephemeral_folder_has_a_name_that_nobody_guesses_and_is_gone_at_the_end() {
    let mut terminal = open_handed(&["--ephemeral"]);
    terminal.wait_for("ready in");
    let folders = || -> Vec<PathBuf> {
        let pid = terminal.pid().to_string();
        let entries = fs::read_dir(terminal.home().join("tmp"))
            .expect("a folder")
            .flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| fs::read_to_string(path.join("lock")).is_ok_and(|by| by.trim() == pid))
            .collect()
    };
    let [folder] = &folders()[..] else {
        panic!("one folder: {:?}", folders());
    };
    let name = folder
        .file_name()
        .and_then(|name| name.to_str())
        .expect("text");
    let random = name.strip_prefix("kafkarium-ephemeral-").expect("its name");
    assert_ne!(random, terminal.pid().to_string());
    let mode = fs::metadata(folder)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    let open = modes(folder)
        .into_iter()
        .filter(|(_, mode)| mode & 0o077 != 0);
    assert_eq!(open.count(), 0);
    let folder = folder.clone();
    terminal.press_by_hand(&["q", "q"]);
    let (_, home) = terminal.wait_for_end();
    wait_until_nothing_runs(home.path());
    assert!(!folder.exists());
}
