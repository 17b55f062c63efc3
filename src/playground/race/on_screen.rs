//! A race on the screen: keys to both, frames of both.

use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::Result;
use crossterm::event::Event as TerminalEvent;
use tokio::time::{Instant, sleep_until};

use super::{KEPT_MAX, Race};
use crate::front::{FRAME_EVERY, Front, happening};
use crate::state::{
    Action, ClusterAction, Context, Happening, Key, KeyPress, Request, ScreenAction, TerminalAction,
};
use crate::terminal::TakenKeys;
use crate::{Signals, ui, until};

/// Tenths of seconds are on the screen while a clock runs.
const COUNT_EVERY: Duration = Duration::from_millis(100);

/// The same key again within this time is a "yes".
const AGAIN_WITHIN: Duration = Duration::from_secs(3);

impl Race {
    /// Races until it is quit.
    pub(super) async fn on_screen(
        &mut self,
        taken: TakenKeys,
        mut signals: Signals,
        deadline: Option<Instant>,
        first: Option<Request>,
    ) -> Result<()> {
        let (mut front, mut inputs) = Front::open(taken)?;
        let raced = self
            .before(&mut front, &mut inputs, &mut signals, deadline, first)
            .await;
        front.close().await;
        raced
    }

    async fn before(
        &mut self,
        front: &mut Front,
        inputs: &mut tokio::sync::mpsc::Receiver<TerminalEvent>,
        signals: &mut Signals,
        deadline: Option<Instant>,
        first: Option<Request>,
    ) -> Result<()> {
        let mut requests: Vec<Request> = first.into_iter().collect();
        let mut drawn = Instant::now() - FRAME_EVERY;
        let mut stale = true;
        loop {
            for request in requests.drain(..) {
                let view = self.view();
                let (flow, told) = front.carry_out(request, view.sides[0].state, |frame| {
                    ui::race::draw(&view, frame);
                })?;
                if flow.is_break() {
                    return Ok(());
                }
                for told in told {
                    self.tell_both(told);
                }
                stale = true;
            }
            if self.is_over() {
                return Ok(());
            }
            if stale && drawn.elapsed() >= FRAME_EVERY {
                let view = self.view();
                let told = front.draw(view.sides[0].state, |frame| ui::race::draw(&view, frame))?;
                drawn = Instant::now();
                stale = !told.is_empty();
                for told in told {
                    self.tell_both(told);
                }
            }
            let count = self.counts();
            tokio::select! {
                biased;
                () = signals.next() => return Ok(()),
                () = until(deadline) => return Ok(()),
                input = inputs.recv() => match input {
                    Some(input) => {
                        match self.input(input) {
                            ControlFlow::Continue(wanted) => requests.extend(wanted),
                            ControlFlow::Break(()) => return Ok(()),
                        }
                        stale = true;
                    }
                    // The terminal is gone.
                    None => return Ok(()),
                },
                () = sleep_until(drawn + FRAME_EVERY), if stale => {}
                () = sleep_until(drawn + COUNT_EVERY), if count => stale = true,
                next = self.next() => {
                    self.take(next);
                    stale = true;
                }
            }
        }
    }

    /// Whether a clock on the screen moves.
    fn counts(&self) -> bool {
        !self.begun || self.ours.clocks.run() || self.theirs.clocks.run()
    }

    /// What concerns the terminal concerns both.
    fn tell_both(&mut self, what: Happening) {
        self.ours.playground.happen(what.clone());
        self.theirs.playground.happen(what);
    }

    /// Takes one event of the terminal; what it wants of the terminal comes back.
    fn input(&mut self, input: TerminalEvent) -> ControlFlow<(), Option<Request>> {
        match happening(input) {
            Some(Happening::Key(press)) => self.key(press),
            Some(resize @ Happening::Resize(..)) => {
                self.tell_both(resize);
                ControlFlow::Continue(None)
            }
            _ => ControlFlow::Continue(None),
        }
    }

    /// Reads a key as our own side's keymap has it, and does what it means to both.
    fn key(&mut self, press: KeyPress) -> ControlFlow<(), Option<Request>> {
        self.note = None;
        let keys = &self.ours.playground.state.view.keys;
        let bound = keys.lookup(Context::Always, press.key);
        let Some((action, repeats)) = bound else {
            self.not_here(press.key);
            return ControlFlow::Continue(None);
        };
        if press.repeat && !repeats {
            return ControlFlow::Continue(None);
        }
        let request = match action {
            Action::Terminal(TerminalAction::Quit) => return self.quit(),
            Action::Terminal(TerminalAction::Suspend) => Some(Request::Suspend),
            Action::Terminal(TerminalAction::Redraw) => Some(Request::Redraw),
            Action::Terminal(TerminalAction::Record(file)) => Some(Request::Record(file)),
            Action::Terminal(TerminalAction::Shot(file)) => Some(Request::Shot(file)),
            Action::Screen(ScreenAction::Pick(_)) => {
                self.both(&action);
                None
            }
            Action::Screen(ScreenAction::Open) => {
                self.settings_open = !self.settings_open;
                None
            }
            Action::Screen(ScreenAction::Back) => {
                self.settings_open = false;
                None
            }
            Action::Cluster(
                ClusterAction::Kill(_)
                | ClusterAction::Stop(_)
                | ClusterAction::Freeze(_)
                | ClusterAction::Thaw(_)
                | ClusterAction::Start(_)
                | ClusterAction::Restart(_)
                | ClusterAction::Heal
                | ClusterAction::Produce(_)
                | ClusterAction::StreamFaster
                | ClusterAction::StreamSlower
                | ClusterAction::AddConsumer(_),
            ) => {
                self.do_or_keep(action);
                None
            }
            _ => {
                self.not_here(press.key);
                None
            }
        };
        ControlFlow::Continue(request)
    }

    /// While one side still starts, what both shall do is kept.
    fn do_or_keep(&mut self, action: Action) {
        if self.begun {
            self.both(&action);
        } else if self.kept.len() < KEPT_MAX {
            let words = self.ours.words(&action);
            self.note = Some(format!("{words}: once both acknowledge records"));
            self.kept.push(action);
        }
    }

    fn quit(&mut self) -> ControlFlow<(), Option<Request>> {
        let asked = self.leaving.replace(Instant::now());
        if asked.is_some_and(|asked| asked.elapsed() < AGAIN_WITHIN) {
            return ControlFlow::Break(());
        }
        self.note = Some("once more ends both clusters, and nothing of them is kept".to_owned());
        ControlFlow::Continue(None)
    }

    fn not_here(&mut self, key: Key) {
        let keys = &self.ours.playground.state.view.keys;
        let known = keys.fill("{kill} {stop} {freeze} {start} {produce} {heal}");
        self.note = Some(format!(
            "{key} is no key of a race: a digit picks a broker, then {known}"
        ));
    }
}
