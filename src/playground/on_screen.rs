//! The loop of a terminal: keys and facts in, frames out.

use std::time::Duration;

use anyhow::Result;
use crossterm::event::Event as TerminalEvent;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::state::{Happening, KeyPress, Observation, Request};
use super::terminal::{self, Screen};
use super::{Playground, Signals, housekeeping, instant, ui, until};

/// Frames are at least this far apart.
const FRAME_EVERY: Duration = Duration::from_millis(16);

impl Playground {
    /// Plays until it is quit.
    pub(super) async fn on_screen(
        &mut self,
        mut inputs: mpsc::Receiver<TerminalEvent>,
        observations: &mut mpsc::Receiver<Observation>,
        mut signals: Signals,
        deadline: Option<Instant>,
    ) -> Result<()> {
        let mut screen = Screen::take()?;
        let mut house = housekeeping();
        let mut drawn = Instant::now() - FRAME_EVERY;
        let mut stale = true;
        loop {
            if stale && drawn.elapsed() >= FRAME_EVERY {
                screen.draw(|frame| ui::draw(&self.state, frame))?;
                drawn = Instant::now();
                stale = false;
            }
            tokio::select! {
                biased;
                () = signals.next() => return Ok(()),
                () = until(deadline) => return Ok(()),
                input = inputs.recv() => match input {
                    Some(input) => stale |= self.input(input),
                    // The terminal is gone.
                    None => return Ok(()),
                },
                () = sleep_until(drawn + FRAME_EVERY), if stale => {}
                Some(observation) = observations.recv() => {
                    self.observe(observation, observations);
                    stale = true;
                }
                () = sleep_until(instant(self.state.wake_at())) => {
                    self.happen(Happening::Tick);
                    stale = true;
                }
                _ = house.tick() => {
                    self.keep_house();
                    stale = true;
                }
            }
            for request in std::mem::take(&mut self.for_terminal) {
                match request {
                    Request::Quit => return Ok(()),
                    Request::Suspend => {
                        screen
                            .suspend("kafkarium is in the background, the cluster runs on: fg")?;
                        let (columns, rows) = terminal::size();
                        self.happen(Happening::Resize(columns, rows));
                    }
                    Request::Redraw => screen.clear()?,
                    Request::Copy(text) => {
                        terminal::copy(&text)?;
                        self.happen(Happening::Observed(Observation::Copied(text)));
                    }
                    _ => {}
                }
                stale = true;
            }
        }
    }

    /// Takes one event of the terminal; whether something may look different now.
    fn input(&mut self, input: TerminalEvent) -> bool {
        let what = match input {
            TerminalEvent::Key(key) => match KeyPress::from_terminal(&key) {
                Some(press) => Happening::Key(press),
                None => return false,
            },
            TerminalEvent::Paste(text) => Happening::Paste(text),
            TerminalEvent::Resize(columns, rows) => Happening::Resize(columns, rows),
            _ => return false,
        };
        self.happen(what);
        true
    }
}
