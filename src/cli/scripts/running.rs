//! The running playground that a command is for.

use anyhow::{Context, Result};
use clap::Args;

use client::control::Control;
use playground::RunFile;
use wire::control::{Answer, Question, Status};

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
        Answer::Wrong { why } => anyhow::bail!("{why}"),
        other => anyhow::bail!("the playground answers something else: {other:?}"),
    }
}
