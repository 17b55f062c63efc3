//! What stands around the keys: a mouse, a quiet screen, keys of records that are no text.

use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer as _},
};

use crate::{
    playground,
    terminal::{PATIENCE, Terminal, wait_until_nothing_runs},
};

/// A press and a release of the left button where `text` stands on the screen, in SGR's encoding.
fn click(terminal: &mut Terminal, text: &str) {
    let screen = terminal.wait_for(text);
    let (row, line) = screen
        .lines()
        .enumerate()
        .find(|(_, line)| line.contains(text))
        .expect("it was just there");
    let before = line.split(text).next().unwrap_or_default();
    let (column, row) = (before.chars().count() + 1, row + 1);
    terminal.press(&format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m"));
}

fn quit(mut terminal: Terminal) {
    terminal.press_by_hand(&["q", "q"]);
    let (status, home) = terminal.wait_for_end();
    assert!(status.success(), "{status:?}");
    wait_until_nothing_runs(home.path());
}

#[test]
fn the_mouse_picks_and_scrolls_where_it_is_wanted() {
    let mut terminal = playground(&["--ephemeral", "--mouse"]);
    terminal.wait_for("ready in");
    click(&mut terminal, "1 ● UP");
    terminal.wait_for("► 1 ● UP");
    click(&mut terminal, "What happened");
    terminal.wait_for("► What happened");
    // The wheel, turned up over What happened.
    terminal.press("\x1b[<64;60;30M");
    terminal.wait_until("an older line at the end", |screen| {
        !screen.contains(" live ─")
    });
    terminal.press("\x1b[<65;60;30M");
    terminal.wait_for(" live ─");
    terminal.press(":mouse\r");
    terminal.wait_for("the mouse is the terminal's again");
    quit(terminal);
}

#[test]
fn a_quiet_screen_marks_what_changed_and_counts_instead_of_filling_bars() {
    let mut terminal = playground(&["--ephemeral", "--reduced-motion"]);
    terminal.wait_for("ready in");
    let before = terminal.written().len();
    terminal.press("++");
    terminal.wait_for("stream 10/s");
    terminal.press("3x");
    terminal.wait_for("3 ✗ KILLED");
    terminal.wait_until("a mark beside the new leader", |screen| {
        screen
            .lines()
            .any(|line| line.contains('▪') && line.contains("p2"))
    });
    terminal.wait_until("the mark gone again", |screen| !screen.contains('▪'));
    terminal.press("H");
    terminal.wait_for("every partition on 3 brokers");
    for layout in [
        "replication",
        "zookeeper",
        "groups",
        "developer",
        "flow",
        "stage",
    ] {
        terminal.press(&format!(":layout {layout}\r"));
        terminal.wait_until(layout, |screen| !screen.contains(":layout"));
        // Something is written to, read from and killed in each of them.
        terminal.press("3x");
        terminal.wait_for("3 ✗ ");
        terminal.press("H");
        terminal.wait_until("broker 3 again", |screen| !screen.contains("3 ✗ "));
    }
    let written = terminal.written();
    let written = String::from_utf8_lossy(&written[before..]);
    assert!(!written.contains("48;2;240;228;66"), "nothing flashes");
    assert!(!written.contains('■'), "no bar is filled");
    quit(terminal);
}

#[test]
fn a_key_that_is_no_text_is_shown_byte_by_byte() {
    let mut terminal = playground(&["--ephemeral", "--topic", "orders:1:1"]);
    let screen = terminal.wait_for("connect: kcat -b ");
    let bootstrap = screen
        .split("connect: kcat -b ")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .expect("an address");
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .expect("a producer");
    // Five bytes: four or eight could be a number.
    let key: &[u8] = &[0x00, 0xff, 0xc3, 0x28, 0x80];
    let record = BaseRecord::to("orders")
        .key(key)
        .payload(&b"\xde\xad\xbe\xef\x80"[..]);
    producer
        .send(record)
        .map_err(|(error, _)| error)
        .expect("it is queued");
    producer.flush(PATIENCE).expect("it is acknowledged");
    drop(producer);
    terminal.wait_until("its bytes in the Log", |screen| {
        screen.contains("end 1") && screen.contains("│ 0x0…")
    });
    terminal.press("\t\t");
    terminal.wait_for("► Log of orders");
    terminal.press("\r");
    let screen = terminal.wait_for("Record @0");
    assert!(screen.contains("00 ff c3 28 80"), "the key:\n{screen}");
    assert!(screen.contains("de ad be ef 80"), "the value:\n{screen}");
    assert!(
        screen.contains("p0 of 1: the only partition"),
        "no hash is said to have picked it:\n{screen}"
    );
    terminal.press("i");
    terminal.wait_for("text, what is none written out");
    terminal.press("q");
    terminal.wait_until("the panes again", |screen| !screen.contains("Record @0"));
    quit(terminal);
}

#[test]
fn a_layout_and_a_theme_can_be_asked_for_at_the_start() {
    let terminal = playground(&["--ephemeral", "--layout", "groups", "--theme", "light"]);
    terminal.wait_until("the layout of groups", |screen| {
        screen.contains("  groups  ") && !screen.contains("Replicas of orders")
    });
    quit(terminal);
    let refused = assert_cmd::Command::new(crate::program())
        .args(["--ephemeral", "--layout", "groop"])
        .assert()
        .failure();
    let said = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(
        said.contains("there is no layout \"groop\": overview, ") && said.contains("groups"),
        "{said}"
    );
}
