//! The running playground that a command is for.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::milliseconds;
use client::control::Control;
use playground::RunFile;
use playground::state::{Action, TerminalAction};
use wire::control::{Answer, Asker, Question, Status};

/// How often it is looked whether the playground of this process listens.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// For how long the start, an action or a condition without a time of its own may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Which playground.
#[derive(Debug, Args)]
pub(super) struct Running {
    /// The running playground to use, where there are several.
    #[arg(long)]
    name: Option<String>,
}

impl Running {
    /// What it says about itself.
    pub(super) fn file(&self) -> Result<RunFile> {
        playground::find(self.name.as_deref())
    }

    /// A connection to it.
    pub(super) fn connect(&self) -> Result<Control> {
        connect(&self.file()?)
    }
}

/// A connection to this playground.
pub(super) fn connect(run: &RunFile) -> Result<Control> {
    let socket = run.control.as_ref().with_context(|| {
        format!(
            "playground {} (pid {}) listens to no other shell: it said why when it started",
            run.name, run.pid
        )
    })?;
    Ok(Control::connect(socket)?)
}

/// Everything that it knows.
pub(super) fn status(control: &mut Control) -> Result<Status> {
    match control.ask(&Question::Status {})? {
        Answer::Status(status) => Ok(*status),
        Answer::Wrong { why } => bail!("{why}"),
        other => bail!("the playground answers something else: {other:?}"),
    }
}

/// A connection to the playground that starts on another thread of this process.
pub(super) fn reach(name: &str) -> Result<Control> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Ok(run) = playground::find(Some(name)) {
            return connect(&run);
        }
        if Instant::now() > deadline {
            bail!("the playground does not listen");
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Ends it, as q does.
pub(super) fn end(control: &mut Control) {
    // Whoever has ended already does not answer.
    let _ = control.ask(&Question::Do {
        action: Action::Terminal(TerminalAction::Quit).to_string(),
        timeout_ms: 0,
        by: Asker::Shell,
    });
}

/// Waits until a condition holds.
pub(super) fn wait(control: &mut Control, condition: &str, within: Duration) -> Result<Answer> {
    wait_since(control, condition, within, None)
}

/// The same; `more`, `moved` and `new` count from a mark.
pub(super) fn wait_since(
    control: &mut Control,
    condition: &str,
    within: Duration,
    mark: Option<&str>,
) -> Result<Answer> {
    let question = Question::Wait {
        condition: condition.to_owned(),
        timeout_ms: milliseconds(within),
        since: mark.map(str::to_owned),
    };
    control.ask(&question).context("the playground ended")
}

/// Lets the playground remember how things are now.
pub(super) fn mark(control: &mut Control, mark: &str) -> Result<()> {
    let question = Question::Mark {
        mark: mark.to_owned(),
    };
    match control.ask(&question).context("the playground ended")? {
        Answer::Fails { why, .. } | Answer::Wrong { why } => bail!("{why}"),
        Answer::Holds { .. } | Answer::Status(_) => Ok(()),
    }
}

/// Does an action, and waits until what it asked for is there.
pub(super) fn act(control: &mut Control, action: &str, by: Asker) -> Result<Answer> {
    let question = Question::Do {
        action: action.to_owned(),
        timeout_ms: milliseconds(PATIENCE),
        by,
    };
    control.ask(&question).context("the playground ended")
}

/// The same for what must be possible: where it is not, nothing goes on.
pub(super) fn act_or_end(control: &mut Control, action: &str, by: Asker) -> Result<()> {
    match act(control, action, by)? {
        Answer::Fails { why, .. } | Answer::Wrong { why } => bail!("{action}: {why}"),
        Answer::Holds { .. } | Answer::Status(_) => Ok(()),
    }
}
