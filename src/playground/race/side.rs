//! One side of a race: a playground of its own, and its clocks.

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::begun::Begun;
use crate::control::Control;
use crate::options::Options;
use crate::state::{
    Action, ClusterAction, Happening, Observation, RaceClocks, Request, ScreenAction, Target,
    Timestamp,
};
use crate::supervisor::WrittenRunFile;
use crate::turns::{Turn, Turns};
use crate::{Playground, SeenBy, Signals, instant, ui};
use wire::control::Question;

/// One of the two.
pub(super) struct Side {
    pub(super) playground: Playground,
    pub(super) clocks: RaceClocks,
    name: String,
    short: String,
    made_of: String,
    observations: mpsc::Receiver<Observation>,
    control: Control,
    /// What tells other commands where it is, as long as this is kept.
    run_file: Option<WrittenRunFile>,
    turns: Turns,
    first_record_sent: bool,
}

/// What comes to it.
pub(super) enum Came {
    Turn(Turn),
    /// Another shell asks.
    Asked(u64, Question),
}

impl Side {
    /// Goes on with processes that just began.
    pub(super) fn begin(
        options: &Options,
        begun: Begun,
        seen_by: &SeenBy,
        observations: mpsc::Receiver<Observation>,
    ) -> Self {
        let engine = &options.engine;
        let brokers = begun.brokers.len();
        let (playground, control, run_file) = Playground::of(options, begun, seen_by);
        Self {
            playground,
            clocks: RaceClocks::default(),
            name: engine.title(),
            short: engine.short_title(),
            made_of: engine.made_of(brokers),
            observations,
            control,
            run_file,
            turns: Turns::new(),
            first_record_sent: false,
        }
    }

    /// Waits for what comes. Nothing is lost where this is dropped before.
    pub(super) async fn next(&mut self) -> Came {
        let wake = instant(self.playground.state.wake_at());
        tokio::select! {
            (number, question) = self.control.next() => Came::Asked(number, question),
            turn = self.turns.next(wake, &mut self.observations) => Came::Turn(turn),
        }
    }

    /// Takes it in.
    pub(super) fn take(&mut self, came: Came) {
        match came {
            Came::Turn(turn) => self.playground.take_turn(turn, &mut self.observations),
            Came::Asked(number, question) => {
                self.playground.happen(Happening::Asked(number, question));
            }
        }
        self.playground.answer(&mut self.control);
        self.clocks.follow(&self.playground.state);
    }

    /// Lets it begin alone, until its first record is acknowledged; whether it may go on.
    pub(super) async fn launch(&mut self, signals: &mut Signals, until: Instant) -> bool {
        while self.clocks.launch.is_none() {
            tokio::select! {
                () = signals.next() => return false,
                () = sleep_until(until) => return true,
                came = self.next() => self.take(came),
            }
            self.send_the_first_record();
        }
        true
    }

    /// Its launch is over when this is acknowledged.
    pub(super) fn send_the_first_record(&mut self) {
        if !self.first_record_sent && self.playground.state.is_ready() {
            self.first_record_sent = true;
            let produce = ClusterAction::Produce(None);
            self.playground.happen(Happening::Do(produce.into()));
        }
    }

    /// Does something that a key wants, which was pressed then.
    pub(super) fn act(&mut self, action: &Action, at: Timestamp) {
        if let Action::Cluster(action) = action {
            self.clocks.press(action, &self.playground.state, at);
            // The log that is shown is one of those that the key is about.
            if let Some(partition) = self.clocks.partition() {
                let pick = ScreenAction::PickPartition(partition);
                self.playground.happen(Happening::Do(pick.into()));
            }
        }
        self.playground.happen(Happening::Do(action.clone()));
        self.clocks.follow(&self.playground.state);
    }

    /// An action in words that name what is picked.
    pub(super) fn words(&self, action: &Action) -> String {
        match action.aim() {
            Some((verb, Target::Picked)) => {
                format!("{verb} {}", self.playground.state.view.picked)
            }
            _ => action.to_string(),
        }
    }

    /// Whether somebody elsewhere ended it; what else it wants of the terminal is the race's own.
    pub(super) fn wants_to_quit(&mut self) -> bool {
        let mut wanted = self.playground.for_terminal.drain(..);
        wanted.any(|request| request == Request::Quit)
    }

    /// Where clients begin.
    pub(super) fn bootstrap(&self) -> String {
        self.playground.executor.bootstrap()
    }

    pub(super) fn view(&self) -> ui::race::Side<'_> {
        ui::race::Side {
            name: &self.name,
            short: &self.short,
            made_of: &self.made_of,
            state: &self.playground.state,
            clocks: &self.clocks,
        }
    }

    /// Ends its processes.
    pub(super) async fn end(mut self) {
        drop(self.run_file);
        self.playground.executor.end(&mut self.observations).await;
    }
}
