//! `cargo bench --bench ui`: what a key costs until its frame stands, by how much there is to show.
//!
//! Everything that one frame has to wait for is in it: the facts that came in the 16 ms before, the key,
//! drawing, and finding out which cells changed. Printed, never asserted: a busy machine is no fault.

mod cluster;

use std::time::{Duration, Instant};

use cluster::Cluster;
use kafkarium::playground::{
    state::{Event, Happening, Key, KeyPress, State, update},
    ui,
};
use ratatui::{Terminal, backend::TestBackend};

/// Columns and rows of a large window.
const WINDOW: (u16, u16) = (200, 60);

/// Frames that are measured for each size: enough for a 99th percentile.
const FRAMES: usize = 1_000;

/// What the screen waits for at most, at 60 frames a second.
const BETWEEN_FRAMES: Duration = Duration::from_millis(16);

/// Keys as somebody walks about, looks, and feeds the cluster.
const KEYS: [Key; 12] = [
    Key::Char('p'),
    Key::Tab,
    Key::Down,
    Key::Char('j'),
    Key::Char('i'),
    Key::Char('2'),
    Key::Char('v'),
    Key::Right,
    Key::Char('V'),
    Key::Left,
    Key::Char('f'),
    Key::Char('f'),
];

fn main() {
    println!(
        "key -> frame, {FRAMES} frames at {} x {}, 10 partitions a topic, 20 groups, 10,000 records/s",
        WINDOW.0, WINDOW.1
    );
    println!(
        "| topics | facts p50 | facts p99 | key p50 | key p99 | draw p50 | draw p99 | all p50 | all p99 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for topics in [10, 100, 1_000] {
        let mut parts = measure(topics);
        let cells: Vec<String> = parts
            .iter_mut()
            .flat_map(|part| [quantile(part, 50), quantile(part, 99)])
            .map(|time| format!("{:.2} ms", time.as_secs_f64() * 1000.0))
            .collect();
        println!("| {topics} | {} |", cells.join(" | "));
    }
}

/// The time of each frame's parts: facts, key, drawing, and all together.
fn measure(topics: usize) -> [Vec<Duration>; 4] {
    let mut cluster = Cluster::new(topics, WINDOW);
    let mut terminal = Terminal::new(TestBackend::new(WINDOW.0, WINDOW.1)).expect("never fails");
    let mut parts = [const { Vec::new() }; 4];
    for (frame, key) in (0..FRAMES).zip(KEYS.into_iter().cycle()) {
        let facts = cluster.facts_of(frame, BETWEEN_FRAMES);
        let began = Instant::now();
        for fact in facts {
            happen(&mut cluster.state, cluster.now, Happening::Observed(fact));
        }
        let told = began.elapsed();
        let press = KeyPress { key, repeat: false };
        happen(&mut cluster.state, cluster.now, Happening::Key(press));
        let pressed = began.elapsed();
        terminal
            .draw(|frame| ui::draw(&cluster.state, frame))
            .expect("never fails");
        let all = began.elapsed();
        for (part, time) in parts.iter_mut().zip([
            told,
            pressed.saturating_sub(told),
            all.saturating_sub(pressed),
            all,
        ]) {
            part.push(time);
        }
    }
    parts
}

fn happen(state: &mut State, at: kafkarium::playground::state::Timestamp, what: Happening) {
    update(state, Event { at, what });
}

fn quantile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(at).copied().unwrap_or_default()
}
