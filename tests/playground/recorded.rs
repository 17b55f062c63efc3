//! `demo.tape` is played against the real program: each screen it waits for must come.

use std::path::Path;

use crate::{
    program,
    tape::Tape,
    terminal::{Terminal, wait_until_nothing_runs},
};

#[test]
fn the_demo_tape_plays_to_its_end() {
    let tape = Tape::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("demo.tape"));
    assert!(
        tape.waits() >= 8,
        "a tape waits for screens, not for seconds"
    );
    let mut terminal = Terminal::start_shell(program(), 120, 36);
    tape.play(&mut terminal);
    terminal.press("exit\r");
    let (_, home) = terminal.wait_for_end();
    wait_until_nothing_runs(home.path());
}
