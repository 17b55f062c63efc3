//! What a terminal can be, and what a person does to it: colours or none, letters or ASCII, files saved,
//! windows dragged, text pasted, answers that come late.

use std::fs;

use crate::{playground_as, terminal::Terminal};

/// `ESC [ ... m`: everything that was asked for in colours and weights.
fn attributes(written: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(written).into_owned();
    text.split("\x1b[")
        .skip(1)
        .filter_map(|sequence| sequence.split_once('m'))
        .filter(|(codes, _)| {
            codes
                .chars()
                .all(|code| code.is_ascii_digit() || code == ';')
        })
        .flat_map(|(codes, _)| codes.split(';').filter_map(|code| code.parse().ok()))
        .collect()
}

fn wait_until_ready(terminal: &Terminal) {
    terminal.wait_for("ready in");
}

#[test]
fn without_colours_and_without_utf_8_weights_and_ascii_say_the_same() {
    let variables = [("NO_COLOR", "1"), ("TERM", "linux"), ("LANG", "C")];
    let mut terminal = playground_as(&variables, (120, 36));
    wait_until_ready(&terminal);
    terminal.press("3x");
    let screen = terminal.wait_for("3 x KILLED");
    assert!(screen.contains("+- "), "frames are ASCII:\n{screen}");
    let written = terminal.written();
    assert!(written.is_ascii(), "every byte is ASCII");
    let attributes = attributes(&written);
    let colours: Vec<u16> = attributes
        .iter()
        .copied()
        .filter(|code| matches!(code, 30..=38 | 40..=48 | 90..=107))
        .collect();
    assert!(colours.is_empty(), "{colours:?}");
    assert!(attributes.contains(&1), "titles are bold");
    assert!(attributes.contains(&7), "chips are reversed");
    terminal.press_by_hand(&["q", "q"]);
    assert!(terminal.wait_for_end().0.success());
}

#[test]
fn sixteen_colours_are_the_users_own() {
    let variables = [("TERM", "xterm"), ("COLORTERM", "")];
    let mut terminal = playground_as(&variables, (120, 36));
    wait_until_ready(&terminal);
    terminal.press("3x");
    terminal.wait_for("3 ✗ KILLED");
    let attributes = attributes(&terminal.written());
    // `38;5;N`, with N below 16 and not the grey that some themes paint behind everything.
    let colours: Vec<&[u16]> = attributes
        .windows(3)
        .filter(|codes| matches!(codes, [38 | 48, 2 | 5, _]))
        .collect();
    let foreign = colours.iter().find(|codes| !matches!(codes, [_, 5, 0..=7]));
    assert_eq!(foreign, None);
    assert!(colours.contains(&&[38, 5, 1][..]), "what is dead is red");
    // A window is dragged small and large again while keys and facts come in.
    for step in 0..40_u16 {
        terminal.resize(20 + step * 3, 8 + step % 30);
        terminal.press("i");
    }
    terminal.resize(44, 10);
    let small = terminal.wait_for("needs 60 x 16, this is 44 x 10");
    assert!(small.contains("The cluster runs on"), "{small}");
    terminal.resize(80, 24);
    terminal.wait_for("Log of orders");
    terminal.resize(200, 60);
    terminal.wait_until("the wide form", |screen| {
        screen.contains("Replicas of orders") && screen.contains("Group billing")
    });
    terminal.press_by_hand(&["q", "q"]);
    assert!(terminal.wait_for_end().0.success());
}

#[test]
fn inside_tmux_and_over_a_slow_line_a_screen_is_whole_and_alt_is_no_letter() {
    let variables = [
        ("TERM", "tmux-256color"),
        ("TMUX", "/tmp/tmux-0/default,1,0"),
        ("SSH_TTY", "/dev/pts/0"),
        ("COLORTERM", ""),
    ];
    let mut terminal = playground_as(&variables, (120, 36));
    wait_until_ready(&terminal);
    let attributes = attributes(&terminal.written());
    let colours: Vec<&[u16]> = attributes
        .windows(3)
        .filter(|codes| matches!(codes, [38 | 48, 2 | 5, _]))
        .collect();
    assert!(colours.iter().all(|codes| codes[1] == 5), "{colours:?}");
    assert!(colours.iter().any(|codes| codes[2] >= 16), "{colours:?}");
    // Escape and a letter that arrive together are Alt and the letter: a broker is not killed by leaving a pane.
    terminal.press("3\x1bx");
    // An arrow that arrives in two pieces is an arrow: it picks what stands right of broker 3.
    terminal.press("\x1b[");
    terminal.press("C");
    terminal.press("p");
    let screen = terminal.wait_for("acked 1");
    assert!(screen.contains("► 0 ● ZooKeeper UP"), "{screen}");
    assert!(screen.contains("3 of 3 brokers"), "{screen}");
    terminal.press_by_hand(&["q", "q"]);
    assert!(terminal.wait_for_end().0.success());
}

#[test]
fn late_answers_press_no_keys_and_text_and_files_go_where_they_belong() {
    let mut terminal = playground_as(&[], (120, 36));
    terminal.wait_for("kafkarium demo");
    // Who was asked for its background at the start answers now; its letters are f, g, b, r and colons.
    terminal.press("\x1b]11;rgb:ffff/fbfb/e3e3\x1b\\\x1b[?62;22c");
    wait_until_ready(&terminal);
    let screen = terminal.text();
    assert!(
        screen.contains("Replicas of orders"),
        "f was no key:\n{screen}"
    );
    assert!(
        !screen.contains("every action by name"),
        "nor was the colon:\n{screen}"
    );
    assert!(!screen.contains("is not a key here"), "{screen}");
    // So does one over a line that cuts it into pieces, and another that rings at its end.
    terminal.press_by_hand(&["\x1b]11;r", "gb:1e1e/1e", "1e/2e2e", "\x1b\\"]);
    terminal.press_by_hand(&["\x1b]10;", "rgb:cd/d6/f4", "\x07"]);

    // Pasted text fires no keys: it opens the composer.
    terminal.press("\x1b[200~größe:日本語 🎉 שלום q\x1b[201~");
    let screen = terminal.wait_for("größe");
    assert!(screen.contains("日本語"), "{screen}");
    assert!(!screen.contains("is not a key here"), "{screen}");
    terminal.press("\r");
    terminal.wait_for("last größe -> p");
    let screen = terminal.wait_for("acked 1");
    let frame_ends = screen.lines().filter(|line| line.ends_with('│')).count();
    assert!(frame_ends > 20, "wide signs push no frame aside:\n{screen}");

    // A mistake in a file leaves all as it is; without it the file holds at once.
    let settings = terminal.home().join("config/kafkarium");
    fs::create_dir_all(settings.join("layouts")).expect("the home folder is writable");
    let layout = settings.join("layouts/my.toml");
    fs::write(&layout, "[[wide]]\npanes = [{ pane = \"repicas\" }]\n").expect("writable");
    terminal.wait_for("layouts/my.toml:2:19 unknown pane \"repicas\", did you mean \"replicas\"?");
    fs::write(&layout, "[[wide]]\npanes = [{ pane = \"replicas\" }]\n").expect("writable");
    terminal.wait_for("layouts/my.toml read: :layout my shows it");
    terminal.press(":layout my\r");
    terminal.wait_until("the own layout", |screen| {
        screen.contains("Replicas of orders") && !screen.contains("Log of orders")
    });
    terminal.press("V");
    fs::write(
        settings.join("keys.toml"),
        "[always]\nkill = \"K\"\n\"layout groups\" = \"u\"\n",
    )
    .expect("writable");
    terminal.wait_for("K kill -9");
    terminal.press("u");
    terminal.wait_until("the layout of groups", |screen| {
        screen.contains("  groups  ")
    });
    terminal.press("x");
    terminal.wait_for("x is not a key here");

    // Caps lock, another script, a clicker's blank button.
    terminal.press("X");
    terminal.wait_for("X is not a key here (caps lock?)");
    terminal.press("з");
    terminal.wait_for("з is not a key here: switch keyboard");
    terminal.press_by_hand(&["q", "q"]);
    assert!(terminal.wait_for_end().0.success());
}
