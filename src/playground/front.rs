//! The terminal's side of the loop: frames out, events in, and what a request asks of the screen.

use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::Result;
use crossterm::event::Event as TerminalEvent;
use ratatui::Frame;
use tokio::sync::mpsc;

use super::println_quietly;
use super::recording::{self, Recorder, Saver};
use super::state::{Happening, KeyPress, Observation, Request, State, StreamRate};
use super::terminal::{self, Screen, TakenKeys};

/// Frames are at least this far apart.
pub(super) const FRAME_EVERY: Duration = Duration::from_millis(16);

/// The screen, and whoever records it.
pub(super) struct Front {
    screen: Screen,
    recorder: Recorder,
    saver: Saver,
}

impl Front {
    /// Takes the rest of the terminal over; what comes from it comes out.
    pub(super) fn open(taken: TakenKeys) -> Result<(Self, mpsc::Receiver<TerminalEvent>)> {
        let recorder = Recorder::default();
        let (screen, inputs) = Screen::take(taken, recorder.frames())?;
        let front = Self {
            screen,
            recorder,
            saver: Saver::default(),
        };
        Ok((front, inputs))
    }

    /// Draws a frame of this state's size; returns what follows from it: what that has ended, and the window's size
    /// where it was dragged further than the last event says.
    pub(super) fn draw(
        &mut self,
        state: &State,
        picture: impl FnOnce(&mut Frame<'_>),
    ) -> Result<Vec<Happening>> {
        let area = self.screen.draw(picture)?.area;
        let size = (area.width, area.height);
        let ended = self.recorder.drawn(size);
        let ended = ended.map(|say| Happening::Observed(Observation::Recording { on: false, say }));
        let dragged = (size != state.view.size).then_some(Happening::Resize(size.0, size.1));
        Ok(ended.into_iter().chain(dragged).collect())
    }

    /// Does what a request asks of the terminal; returns whether that ends the loop, and what follows at once.
    pub(super) fn carry_out(
        &mut self,
        request: Request,
        state: &State,
        picture: impl FnOnce(&mut Frame<'_>),
    ) -> Result<(ControlFlow<()>, Vec<Happening>)> {
        let name = &state.setup.name;
        let told = match request {
            Request::Quit => return Ok((ControlFlow::Break(()), Vec::new())),
            Request::Suspend => {
                let runs_on = match state.cluster.stream {
                    _ if state.is_replay() => "",
                    StreamRate::Off => ", the cluster runs on",
                    _ => ", the cluster runs on, its stream pauses",
                };
                self.screen
                    .suspend(&format!("kafkarium is in the background{runs_on}: fg"))?;
                let (columns, rows) = terminal::size();
                return Ok((
                    ControlFlow::Continue(()),
                    vec![Happening::Resize(columns, rows)],
                ));
            }
            Request::Redraw => {
                self.screen.clear()?;
                None
            }
            Request::Copy(text) => {
                terminal::copy(&text)?;
                Some(Observation::Copied(text))
            }
            Request::Mouse(follow) => {
                terminal::follow_mouse(follow)?;
                None
            }
            Request::Record(file) => Some(self.record(file.as_deref(), state, picture)?),
            Request::Mark(label) => {
                let ended = self.recorder.mark(&label);
                ended.map(|say| Observation::Recording { on: false, say })
            }
            Request::Shot(file) => {
                let screen = self.screen.draw(picture)?;
                Some(written(
                    recording::write_shot(file.as_deref(), name, screen).map(|(text, ansi)| {
                        format!("screen written: {} and {}", text.display(), ansi.display())
                    }),
                ))
            }
            Request::Save(file) => {
                let pages = state.past.history.pages();
                self.saver.save(file, name, pages)
            }
            _ => None,
        };
        let told = told.into_iter().map(Happening::Observed).collect();
        Ok((ControlFlow::Continue(()), told))
    }

    /// What came of a session that was to be saved; only then this returns.
    pub(super) async fn saved(&mut self) -> Happening {
        Happening::Observed(self.saver.done().await)
    }

    /// Gives the screen back; then says what was recorded, waits until what is being saved is saved, and says so.
    pub(super) async fn close(self) {
        let Self {
            screen,
            mut recorder,
            saver,
        } = self;
        drop(screen);
        if let Some(said) = recorder.end() {
            println_quietly(&said);
        }
        if let Some(Observation::Kept(said) | Observation::NotKept(said)) = saver.finish().await {
            println_quietly(&said);
        }
    }

    /// Begins to record, or ends.
    fn record(
        &mut self,
        file: Option<&str>,
        state: &State,
        picture: impl FnOnce(&mut Frame<'_>),
    ) -> Result<Observation> {
        if self.recorder.is_on() {
            let say = self.recorder.end().unwrap_or_default();
            return Ok(Observation::Recording { on: false, say });
        }
        let screen = self.screen.draw(picture)?.clone();
        Ok(
            match self.recorder.begin(file, &state.setup.name, &screen) {
                Ok(path) => Observation::Recording {
                    on: true,
                    say: format!("recording the screen: {}", path.display()),
                },
                Err(error) => Observation::NotKept(format!("{error:#}")),
            },
        )
    }
}

fn written(result: Result<String>) -> Observation {
    match result {
        Ok(say) => Observation::Kept(say),
        Err(error) => Observation::NotKept(format!("{error:#}")),
    }
}

/// What an event of the terminal is to the state; `None`: nothing.
pub(super) fn happening(input: TerminalEvent) -> Option<Happening> {
    match input {
        TerminalEvent::Key(key) => KeyPress::from_terminal(&key).map(Happening::Key),
        TerminalEvent::Paste(text) => Some(Happening::Paste(text)),
        TerminalEvent::Resize(columns, rows) => Some(Happening::Resize(columns, rows)),
        _ => None,
    }
}
