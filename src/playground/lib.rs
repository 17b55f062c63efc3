//! The terminal: what a person sees and does.
//!
//! The loop is below: keys and observations in, frames and requests out. Everything that waits
//! for the network waits elsewhere, so a key is answered by the next frame.

#![warn(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod admin_requests;
mod begun;
mod control;
mod executor;
mod feeder;
mod front;
mod input;
mod observer;
mod on_screen;
mod options;
pub mod own_folder;
mod plain;
mod race;
mod recording;
pub mod scenario;
mod settings_folder;
pub mod state;
mod supervisor;
mod tally;
mod terminal;
mod terminal_guard;
mod terminal_reply;
mod transacting;
mod turns;
pub mod ui;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use self::begun::Begun;
use self::control::Control;
use self::executor::Executor;
use self::observer::now;
use self::settings_folder::SettingsFolder;
use self::state::{
    Action, Appearance, ClusterAction, Event, Happening, LEARNED, LessonAction, Observation,
    Request, ScreenAction, Setup, State, TerminalAction, Timestamp, update,
};
use self::terminal::TakenKeys;
use self::turns::Turn;
use wire::control::{Answer, Status};

pub use self::options::{Announce, Attach, Learn, Options, parse_topic};
pub use self::race::{RaceFigures, RaceOptions, race};
pub use self::recording::{SessionFileError, replay};
pub use self::state::NewTopic;
pub use self::supervisor::{
    ClusterFolder, DEFAULT_NAME, Engine, EngineName, FolderOptions, Jars, Plan, RunFile,
    Supervisor, clean, fetch, fetch_into, fetched, find,
};

/// Facts that may wait for the loop: a second of a busy cluster. Whoever tells more waits.
const OBSERVATIONS_MAX: usize = 4096;

/// Facts that are taken in a row before keys get their turn.
const OBSERVATIONS_AT_ONCE: usize = 256;

/// How often memory is measured and logs are bounded.
const HOUSEKEEPING: Duration = Duration::from_secs(2);

/// Threads for what waits on the network; the main thread decides and draws.
const WORKERS: usize = 2;

/// The group of the first consumers.
const GROUP: &str = "billing";

/// How many consumers the start brings.
const CONSUMERS: u32 = 2;

/// How the session with a cluster is called that somebody else runs.
const ATTACHED: &str = "attached";

/// Runs the playground until it is told to quit. No process is left when it returns.
///
/// # Errors
/// The data folder, the ports or the terminal cannot be had; the sentence says what to do.
pub fn run(options: &Options) -> Result<()> {
    supervisor::raise_open_files_limit();
    if let Some(settings) = SettingsFolder::of_the_user() {
        settings.check(options.layout.as_deref(), options.theme.as_deref())?;
    }
    let folder = match options.attach {
        Some(_) => None,
        None => Some(ClusterFolder::open(&options.folder)?),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    // On this thread, which lives as long as the program: the children die with it.
    runtime.block_on(play(options, folder))
}

async fn play(options: &Options, folder: Option<ClusterFolder>) -> Result<()> {
    let started_at = now();
    let signals = Signals::listen().context("cannot listen for signals")?;
    let (told, mut observations) = mpsc::channel(OBSERVATIONS_MAX);
    // The processes start while the terminal is still being asked for its background.
    let begun = match (folder, &options.attach) {
        (Some(folder), _) => Begun::own(options, folder, told.clone())?,
        (None, attach) => Begun::attached(attach.clone().unwrap_or_default(), told.clone()),
    };
    let interactive = options.announce.is_none() && terminal::is_there();
    let taken = if interactive {
        Some(terminal::take_keys(options.reduced_motion)?)
    } else {
        None
    };
    let seen_by = SeenBy {
        started_at,
        appearance: taken.as_ref().map(TakenKeys::appearance),
    };
    let (mut playground, mut control, run_file) = Playground::of(options, begun, &seen_by);
    let deadline = options.run_for.map(|run_for| Instant::now() + run_for);
    let record = options.record.as_ref();
    let record = record.map(|file| Request::Record(Some(file.to_string_lossy().into_owned())));
    let played = if let Some(taken) = taken {
        playground.follow_settings(told);
        playground.appear_as(options);
        playground
            .on_screen(
                taken,
                &mut observations,
                &mut control,
                signals,
                deadline,
                record,
            )
            .await
    } else {
        playground
            .in_plain_lines(
                &mut observations,
                &mut control,
                signals,
                deadline,
                options.announce,
            )
            .await
    };
    drop(run_file);
    let farewell = farewell(&playground.state, &playground.executor);
    playground.executor.end(&mut observations).await;
    if !matches!(options.announce, Some(Announce::Nothing)) {
        println_quietly(&farewell);
    }
    played
}

/// When a session began, and the terminal that shows it, if one does.
struct SeenBy {
    started_at: Timestamp,
    appearance: Option<Appearance>,
}

/// The loop's two ends: what is known, and what does things.
struct Playground {
    state: State,
    executor: Executor,
    /// Requests that concern the terminal.
    for_terminal: Vec<Request>,
    /// Answers to other shells.
    answers: Vec<(u64, Answer)>,
    /// Where they ask.
    socket: Option<PathBuf>,
}

impl Playground {
    /// Goes on with what began: everything that was told at once is taken in.
    fn of(
        options: &Options,
        begun: Begun,
        seen_by: &SeenBy,
    ) -> (Self, Control, Option<supervisor::WrittenRunFile>) {
        let own = begun.reach.is_own();
        let (state, requests) = State::new(Setup {
            name: if own {
                options.folder.name.clone()
            } else {
                ATTACHED.to_owned()
            },
            ephemeral: options.folder.ephemeral,
            started_at: seen_by.started_at,
            utc_offset_s: utc_offset_s(),
            brokers: begun.brokers,
            topics: begun.topics,
            group: if own { GROUP.to_owned() } else { String::new() },
            consumers: if own {
                options.consumers.unwrap_or(CONSUMERS)
            } else {
                0
            },
            proves: options.announce.is_some(),
            reach: begun.reach,
            appearance: seen_by.appearance.unwrap_or_default(),
            size: match seen_by.appearance {
                Some(_) => terminal::size(),
                None => (80, 24),
            },
        });
        let socket = begun.control.path().map(Path::to_owned);
        let mut playground = Self::new(state, begun.executor, socket);
        if let Some(protocol) = options.group_protocol {
            let joins = ClusterAction::JoinBy(Some(protocol));
            playground.happen(Happening::Do(joins.into()));
        }
        playground.carry_out(
            requests
                .into_iter()
                .filter(|request| !matches!(request, Request::Start(_))),
        );
        for observation in begun.first {
            playground.happen(Happening::Observed(observation));
        }
        (playground, begun.control, begun.run_file)
    }

    fn new(state: State, executor: Executor, socket: Option<PathBuf>) -> Self {
        Self {
            state,
            executor,
            for_terminal: Vec::new(),
            answers: Vec::new(),
            socket,
        }
    }

    /// Folds something in, and everything that follows from it at once.
    fn happen(&mut self, what: Happening) {
        let mut queue = VecDeque::from([what]);
        while let Some(what) = queue.pop_front() {
            if let Happening::Observed(observation) = &what {
                queue.extend(
                    self.executor
                        .saw(observation)
                        .into_iter()
                        .map(Happening::Observed),
                );
            }
            let requests = update(&mut self.state, Event { at: now(), what });
            queue.extend(self.begin(requests).into_iter().map(Happening::Observed));
        }
    }

    /// Carries requests out that did not come from an event.
    fn carry_out(&mut self, requests: impl IntoIterator<Item = Request>) {
        for observation in self.begin(requests) {
            self.happen(Happening::Observed(observation));
        }
    }

    fn begin(&mut self, requests: impl IntoIterator<Item = Request>) -> Vec<Observation> {
        let mut told = Vec::new();
        for request in requests {
            if let Request::Answer { number, answer } = request {
                self.answers.push((number, answer));
            } else if let Request::TellStatus { number } = request {
                self.answers
                    .push((number, Answer::Status(Box::new(self.status()))));
            } else if let Request::KeepProgress(text) = request {
                let settings = SettingsFolder::of_the_user();
                let kept = settings.map_or(Ok(()), |settings| settings.keep_progress(&text));
                let failed = kept.err().map(|error| format!("{error:#}"));
                told.extend(failed.map(Observation::NotKept));
            } else if let Request::KeepLesson { name, text } = request {
                let settings = SettingsFolder::of_the_user();
                let kept = settings.map(|settings| settings.keep_lesson(&name, &text));
                told.extend(kept.map(|kept| match kept {
                    Ok(file) => Observation::Kept(format!("written: {}", supervisor::shown(&file))),
                    Err(error) => Observation::NotKept(format!("{error:#}")),
                }));
            } else if request.concerns_the_terminal() {
                self.for_terminal.push(request);
            } else {
                told.extend(self.executor.carry_out(request));
            }
        }
        told
    }

    /// Shows what the command line asks for.
    fn appear_as(&mut self, options: &Options) {
        let layout = options.layout.clone().map(ScreenAction::Layout);
        let theme = options.theme.clone().map(ScreenAction::Theme);
        let shown = layout.into_iter().chain(theme).map(Action::from);
        let mouse = options.mouse.then_some(TerminalAction::Mouse.into());
        let lesson = options.learn.as_ref().map(|learn| match learn {
            Learn::Lesson(name) => LessonAction::BeginLesson(name.clone()),
            Learn::List => LessonAction::ListLessons,
        });
        for action in shown.chain(mouse).chain(lesson.map(Action::from)) {
            self.happen(Happening::Do(action));
        }
    }

    /// Takes over what the user's files say, now and whenever they are saved.
    fn follow_settings(&mut self, told: mpsc::Sender<Observation>) {
        let Some(mut folder) = SettingsFolder::of_the_user() else {
            return;
        };
        let mut files = folder.look(true);
        let is_kept = |told: &Observation| {
            matches!(told, Observation::SettingsFile { file, .. }
                | Observation::SettingsFileUnreadable { file, .. } if file == LEARNED)
        };
        if !files.iter().any(is_kept) {
            files.push(Observation::SettingsFile {
                file: LEARNED.to_owned(),
                text: None,
                at_start: true,
            });
        }
        for observation in files {
            self.happen(Happening::Observed(observation));
        }
        if let Err(error) = folder.watch(told) {
            let words = format!("layouts, themes and keys are not read again when saved: {error}");
            self.happen(Happening::Observed(Observation::Notice(words)));
        }
    }

    /// Takes one fact and those that wait behind it.
    fn observe(&mut self, first: Observation, observations: &mut mpsc::Receiver<Observation>) {
        self.happen(Happening::Observed(first));
        for _ in 0..OBSERVATIONS_AT_ONCE {
            match observations.try_recv() {
                Ok(observation) => self.happen(Happening::Observed(observation)),
                Err(_) => break,
            }
        }
    }

    /// Does what it is time for.
    fn take_turn(&mut self, turn: Turn, observations: &mut mpsc::Receiver<Observation>) {
        match turn {
            Turn::Tick => self.happen(Happening::Tick),
            Turn::House => self.housekeep(),
            Turn::Told(observation) => self.observe(observation, observations),
        }
    }

    /// Everything that is known, for programs.
    fn status(&self) -> Status {
        let supervisor = self.executor.supervisor();
        let zookeeper = supervisor.map(|own| own.zookeeper().to_string());
        let folder = supervisor.map(|own| own.folder().path().to_owned());
        let own = control::Own {
            bootstrap: self.executor.bootstrap(),
            zookeeper: zookeeper.unwrap_or_default(),
            folder: folder.unwrap_or_default(),
            control: self.socket.clone(),
        };
        control::status(&self.state, own)
    }

    /// Gives other shells the answers that they wait for.
    fn answer(&mut self, control: &mut Control) {
        for (number, answer) in self.answers.drain(..) {
            control.answer(number, answer);
        }
    }

    fn housekeep(&mut self) {
        let Some(supervisor) = self.executor.supervisor() else {
            return;
        };
        supervisor.bound_logs();
        for observation in supervisor.costs() {
            self.happen(Happening::Observed(observation));
        }
    }
}

/// SIGTERM, SIGINT and SIGHUP: a clean end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

fn farewell(state: &State, executor: &Executor) -> String {
    let name = &state.setup.name;
    let Some(supervisor) = executor.supervisor() else {
        return format!("detached from {}", executor.bootstrap());
    };
    let folder = supervisor::shown(supervisor.folder().path());
    if supervisor.folder().is_ephemeral() {
        return format!("{name} stopped, nothing kept");
    }
    format!("{name} stopped, its data is in {folder}")
}

/// Nobody may be there to read it, when the terminal was closed.
fn println_quietly(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{}", wire::shown::line(text));
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn instant(at: Timestamp) -> Instant {
    Instant::now() + at.since(now())
}

fn timestamp(time: std::time::SystemTime) -> Timestamp {
    let since = time
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Seconds east of Greenwich of the clock on the wall, as the system's time zone has it now.
fn utc_offset_s() -> i32 {
    jiff::Zoned::now().offset().seconds()
}
