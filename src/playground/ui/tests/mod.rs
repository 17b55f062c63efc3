//! Whole screens from recorded events, cell by cell.
//!
//! `drawings/` holds the screens as they are meant. Set `KAFKARIUM_WRITE_DRAWINGS=1` to write what is
//! drawn now over them, and read the difference.

mod attached;
mod bound;
mod breaking;
mod colours;
mod developer;
mod every;
mod fleet;
mod flow;
pub mod foreign;
mod hidden;
mod keys;
mod lessons;
mod lists;
mod log;
mod mouse;
mod narrow;
mod race;
mod replicas;
mod rewind;
mod said;
mod screens;
pub mod session;
mod settings;
mod stage;
mod standstill;
mod transactions;
mod whole;
mod worst;
mod zookeeper;

use std::fmt::Write as _;

use ratatui::{Terminal, backend::TestBackend, buffer::Buffer};

use super::super::state::State;

/// Draws one frame of a state.
pub fn frame(state: &State) -> Buffer {
    let (columns, rows) = state.view.size;
    let mut terminal =
        Terminal::new(TestBackend::new(columns, rows)).expect("a test backend never fails");
    terminal
        .draw(|frame| super::draw(state, frame))
        .expect("a test backend never fails");
    terminal.backend().buffer().clone()
}

/// The signs of a frame, a line for each row.
pub fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut skip = 0_usize;
        for x in 0..buffer.area.width {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buffer[(x, y)].symbol();
            skip = usize::from(super::canvas::width(symbol).max(1)) - 1;
            text.push_str(symbol);
        }
        text.push('\n');
    }
    text
}

/// Compares a frame with its drawing.
pub fn assert_drawn(name: &str, state: &State) {
    assert_text(name, &text(&frame(state)));
}

/// Compares the signs of a frame with their drawing.
pub fn assert_text(name: &str, drawn: &str) {
    let file = format!(
        "{}/ui/tests/drawings/{name}.txt",
        env!("CARGO_MANIFEST_DIR")
    );
    if std::env::var_os("KAFKARIUM_WRITE_DRAWINGS").is_some() {
        std::fs::write(&file, drawn).expect("the drawing can be written");
        return;
    }
    let meant = std::fs::read_to_string(&file).expect("the drawing is there");
    if drawn == meant {
        return;
    }
    let mut differences = String::new();
    for (row, (drawn, meant)) in drawn.lines().zip(meant.lines()).enumerate() {
        if drawn != meant {
            let _ = writeln!(
                differences,
                "{row:>2} meant {meant}\n{row:>2} drawn {drawn}"
            );
        }
    }
    panic!("{name} differs from its drawing:\n{differences}");
}
