//! Two clusters under one key: ours, and another engine's beside it.
//!
//! Each side is a whole playground with processes, an observer and a state of its own. A key is read once, and
//! what it means is done to both.

mod figures;
mod on_screen;
mod side;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::side::{Came, Side};
use super::begun::Begun;
use super::observer::now;
use super::options::Options;
use super::settings_folder::SettingsFolder;
use super::state::{Action, ClusterAction, RaceSettings, StreamRate};
use super::supervisor::{self, ClusterFolder};
use super::terminal::{self, TakenKeys};
use super::{OBSERVATIONS_MAX, Request, SeenBy, Signals, WORKERS, ui};
use client::admin::Admin;
use client::configs::ConfigResource;
use wire::BrokerId;

/// What a race is started with.
#[derive(Debug, Clone)]
pub struct RaceOptions {
    /// The cluster of our own brokers; it says what concerns the screen, too.
    pub ours: Options,
    /// The other one.
    pub theirs: Options,
    /// No screen: one leader is killed and started again, and this is what came of it.
    pub figures: Option<RaceFigures>,
}

/// How the figures of a race are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RaceFigures {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// The pace at which both are written to.
const RATE: StreamRate = StreamRate::PerSecond(10);

/// Ours begins alone; whoever waits longer for it is told by the screen why.
const ALONE: Duration = Duration::from_secs(20);

/// Who was told this much later than the other did not get the same key.
const APART: Duration = Duration::from_millis(5);

/// Keys that are kept while one side still starts.
const KEPT_MAX: usize = 16;

/// Runs a race until it is quit, or its figures are there. No process is left when it returns.
///
/// # Errors
/// A folder, the ports or the terminal cannot be had, or a side does not do what the figures are about.
pub fn race(options: &RaceOptions) -> Result<()> {
    supervisor::raise_open_files_limit();
    if let Some(settings) = SettingsFolder::of_the_user() {
        settings.check(None, options.ours.theme.as_deref())?;
    }
    let folders = (
        ClusterFolder::open(&options.ours.folder)?,
        ClusterFolder::open(&options.theirs.folder)?,
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    // On this thread, which lives as long as the program: the children die with it.
    runtime.block_on(run(options, folders))
}

async fn run(options: &RaceOptions, folders: (ClusterFolder, ClusterFolder)) -> Result<()> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let deadline = options.ours.run_for.map(|run_for| Instant::now() + run_for);
    let figures = options.figures;
    let taken = if figures.is_none() && terminal::is_there() {
        Some(terminal::take_keys(options.ours.reduced_motion)?)
    } else {
        None
    };
    let appearance = taken.as_ref().map(TakenKeys::appearance);
    let begin = |options: &Options, folder: ClusterFolder| {
        let (told, observations) = mpsc::channel(OBSERVATIONS_MAX);
        let seen_by = SeenBy {
            started_at: now(),
            appearance,
        };
        let begun = Begun::own(options, folder, told)?;
        Ok::<_, anyhow::Error>(Side::begin(options, begun, &seen_by, observations))
    };
    let mut ours = begin(&options.ours, folders.0)?;
    // Whoever starts a JVM takes all cores: each side is launched on its own.
    if !ours.launch(&mut signals, Instant::now() + ALONE).await {
        ours.end().await;
        return Ok(());
    }
    let theirs = match begin(&options.theirs, folders.1) {
        Ok(theirs) => theirs,
        Err(error) => {
            ours.end().await;
            return Err(error);
        }
    };
    let mut race = Race::new(ours, theirs);
    let raced = if let Some(taken) = taken {
        let record = options.ours.record.as_ref();
        let record = record.map(|file| file.to_string_lossy().into_owned());
        let record = record.map(|file| Request::Record(Some(file)));
        race.on_screen(taken, signals, deadline, record).await
    } else {
        let how = figures.unwrap_or(RaceFigures::Text);
        race.figures(how, signals, deadline).await
    };
    let Race { ours, theirs, .. } = race;
    tokio::join!(ours.end(), theirs.end());
    raced
}

/// Both sides, and what they were told.
struct Race {
    ours: Side,
    theirs: Side,
    /// What both were told last.
    said: String,
    note: Option<String>,
    /// Whether both were launched, and records flow.
    begun: bool,
    /// What was pressed before that.
    kept: Vec<Action>,
    settings: Option<RaceSettings>,
    settings_open: bool,
    asking: JoinSet<Option<RaceSettings>>,
    /// When somebody wanted to quit.
    leaving: Option<Instant>,
}

/// What happens next.
enum Next {
    Ours(Came),
    Theirs(Came),
    Settings(Option<RaceSettings>),
}

impl Race {
    fn new(ours: Side, theirs: Side) -> Self {
        Self {
            ours,
            theirs,
            said: "launch".to_owned(),
            note: None,
            begun: false,
            kept: Vec::new(),
            settings: None,
            settings_open: false,
            asking: JoinSet::new(),
            leaving: None,
        }
    }

    /// Waits for what either side has to tell. Nothing is lost where this is dropped before.
    async fn next(&mut self) -> Next {
        tokio::select! {
            came = self.ours.next() => Next::Ours(came),
            came = self.theirs.next() => Next::Theirs(came),
            Some(told) = self.asking.join_next() => Next::Settings(told.ok().flatten()),
        }
    }

    /// Takes it in, and does what is due.
    fn take(&mut self, next: Next) {
        match next {
            Next::Ours(came) => self.ours.take(came),
            Next::Theirs(came) => self.theirs.take(came),
            Next::Settings(told) => self.settings = told,
        }
        self.go_on();
    }

    /// Sends each side its first record; once both have acknowledged one, records flow into both.
    fn go_on(&mut self) {
        for side in [&mut self.ours, &mut self.theirs] {
            side.send_the_first_record();
        }
        let launched = |side: &Side| side.clocks.launch.is_some();
        if self.begun || !launched(&self.ours) || !launched(&self.theirs) {
            return;
        }
        self.begun = true;
        self.both(&ClusterAction::Stream(RATE).into());
        let asked = [&self.ours, &self.theirs].map(Side::bootstrap);
        self.asking.spawn(async move {
            let [ours, theirs] = asked;
            let (ours, theirs) = tokio::join!(settings(&ours), settings(&theirs));
            Some(RaceSettings::of(&ours?, &theirs?))
        });
        for action in std::mem::take(&mut self.kept) {
            self.both(&action);
        }
    }

    /// Does the same to both.
    fn both(&mut self, action: &Action) {
        let at = now();
        self.ours.act(action, at);
        let apart = now().since(at);
        self.theirs.act(action, at);
        if let Action::Cluster(_) = action {
            self.said = self.ours.words(action);
            self.note = (apart > APART).then(|| {
                let apart = apart.as_millis();
                format!("the other side was told {apart} ms later")
            });
        }
    }

    /// Whether a side was ended from elsewhere.
    fn is_over(&mut self) -> bool {
        let sides = [&mut self.ours, &mut self.theirs];
        sides.into_iter().any(Side::wants_to_quit)
    }

    /// What is drawn of it.
    fn view(&self) -> ui::race::Race<'_> {
        ui::race::Race {
            sides: [self.ours.view(), self.theirs.view()],
            said: &self.said,
            note: self.note.as_deref(),
            settings: self.settings.as_ref(),
            settings_open: self.settings_open,
        }
    }
}

/// What broker 1 says of its settings.
async fn settings(bootstrap: &str) -> Option<BTreeMap<String, String>> {
    let mut admin = Admin::new(bootstrap, "kafkarium-race");
    let broker = ConfigResource::Broker(Some(BrokerId(1)));
    let configs = admin.describe_configs(&broker).await.ok()?;
    let known = configs.into_iter();
    let known = known.filter_map(|config| Some((config.name, config.value?)));
    Some(known.collect())
}
