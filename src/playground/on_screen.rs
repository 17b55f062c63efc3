//! The loop of a terminal: keys and facts in, frames out.

use anyhow::Result;
use crossterm::event::{Event as TerminalEvent, MouseButton, MouseEvent, MouseEventKind};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::control::Control;
use super::front::{FRAME_EVERY, Front, happening};
use super::state::{Happening, Observation, Request};
use super::terminal::TakenKeys;
use super::turns::Turns;
use super::{Playground, Signals, instant, ui, until};

impl Playground {
    /// Plays until it is quit.
    pub(super) async fn on_screen(
        &mut self,
        taken: TakenKeys,
        observations: &mut mpsc::Receiver<Observation>,
        control: &mut Control,
        signals: Signals,
        deadline: Option<Instant>,
        first: Option<Request>,
    ) -> Result<()> {
        let (mut front, inputs) = Front::open(taken)?;
        self.for_terminal.extend(first);
        let played = self
            .before(&mut front, inputs, observations, control, signals, deadline)
            .await;
        front.close().await;
        played
    }

    async fn before(
        &mut self,
        front: &mut Front,
        mut inputs: mpsc::Receiver<TerminalEvent>,
        observations: &mut mpsc::Receiver<Observation>,
        control: &mut Control,
        mut signals: Signals,
        deadline: Option<Instant>,
    ) -> Result<()> {
        let mut turns = Turns::new();
        let mut drawn = Instant::now() - FRAME_EVERY;
        let mut stale = true;
        loop {
            if stale && drawn.elapsed() >= FRAME_EVERY {
                let told = front.draw(&self.state, |frame| ui::draw(&self.state, frame))?;
                drawn = Instant::now();
                stale = !told.is_empty();
                for what in told {
                    self.happen(what);
                }
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
                saved = front.saved() => {
                    self.happen(saved);
                    stale = true;
                }
                (number, question) = control.next() => {
                    self.happen(Happening::Asked(number, question));
                    stale = true;
                }
                turn = turns.next(instant(self.state.wake_at()), observations) => {
                    self.take_turn(turn, observations);
                    stale = true;
                }
            }
            self.answer(control);
            for request in std::mem::take(&mut self.for_terminal) {
                let picture = |frame: &mut ratatui::Frame<'_>| ui::draw(&self.state, frame);
                let (flow, told) = front.carry_out(request, &self.state, picture)?;
                if flow.is_break() {
                    return Ok(());
                }
                for told in told {
                    self.happen(told);
                }
                stale = true;
            }
        }
    }

    /// Takes one event of the terminal; whether something may look different now.
    fn input(&mut self, input: TerminalEvent) -> bool {
        if let TerminalEvent::Mouse(mouse) = input {
            return self.mouse(mouse);
        }
        let what = happening(input);
        let news = what.is_some();
        if let Some(what) = what {
            self.happen(what);
        }
        news
    }

    /// A click or a turn of the wheel is what the screen says it is.
    fn mouse(&mut self, mouse: MouseEvent) -> bool {
        let (column, row) = (mouse.column, mouse.row);
        let actions = match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => ui::mouse::click(&self.state, column, row),
            MouseEventKind::ScrollUp => ui::mouse::wheel(&self.state, column, row, true),
            MouseEventKind::ScrollDown => ui::mouse::wheel(&self.state, column, row, false),
            _ => return false,
        };
        let any = !actions.is_empty();
        for action in actions {
            self.happen(Happening::Do(action));
        }
        any
    }
}
