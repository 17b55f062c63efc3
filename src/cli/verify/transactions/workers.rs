//! The processes that read and write in transactions: started again whenever they end.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinSet;

use super::ledger::Ledger;
use super::worker::Told;

/// What all of them told.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) ledger: Ledger,
    /// How many gave up, by why.
    pub(super) gave_up: BTreeMap<String, u32>,
}

/// All processes, by number.
pub(super) struct Workers {
    bootstrap: String,
    children: BTreeMap<u32, Option<Child>>,
    /// Processes so far.
    started: u32,
    readers: JoinSet<()>,
    heard: Arc<Mutex<Heard>>,
}

impl Workers {
    /// Starts them. Must be called on a thread that lives as long as they may.
    pub(super) fn start(bootstrap: &str, count: u32) -> Result<Self> {
        let mut workers = Self {
            bootstrap: bootstrap.to_owned(),
            children: (1..=count).map(|number| (number, None)).collect(),
            started: 0,
            readers: JoinSet::new(),
            heard: Arc::default(),
        };
        workers.revive()?;
        Ok(workers)
    }

    pub(super) fn heard(&self) -> MutexGuard<'_, Heard> {
        // A panic elsewhere ends the process.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn numbers(&self) -> Vec<u32> {
        self.children.keys().copied().collect()
    }

    /// SIGKILL to one of them.
    pub(super) async fn kill(&mut self, number: u32) -> Result<()> {
        let child = self.children.get_mut(&number).and_then(Option::take);
        match child {
            Some(mut child) => child.kill().await.context("cannot kill a producer"),
            None => Ok(()),
        }
    }

    /// SIGSTOP or SIGCONT to one of them.
    pub(super) fn signal(&self, number: u32, signal: Signal) -> Result<()> {
        let child = self.children.get(&number).and_then(Option::as_ref);
        let pid = child.and_then(Child::id).map(i32::try_from);
        match pid {
            // It may have ended by itself.
            Some(Ok(pid)) => match kill(Pid::from_raw(pid), signal) {
                Ok(()) | Err(Errno::ESRCH) => Ok(()),
                Err(error) => Err(error).context("cannot signal a producer"),
            },
            _ => Ok(()),
        }
    }

    /// Starts those that ended.
    pub(super) fn revive(&mut self) -> Result<()> {
        for (number, child) in &mut self.children {
            let lives = match child {
                None => false,
                Some(child) => child.try_wait()?.is_none(),
            };
            if lives {
                continue;
            }
            self.started += 1;
            let mut new = spawn(&self.bootstrap, *number, self.started)?;
            let said = new.stdout.take().context("it has a stdout")?;
            self.readers.spawn(listen(said, Arc::clone(&self.heard)));
            *child = Some(new);
        }
        while self.readers.try_join_next().is_some() {}
        Ok(())
    }

    /// SIGKILL to all, and everything that they told.
    pub(super) async fn stop(mut self) -> Result<Heard> {
        for number in self.numbers() {
            self.kill(number).await?;
        }
        while self.readers.join_next().await.is_some() {}
        let mut heard = self.heard();
        Ok(std::mem::take(&mut heard))
    }
}

fn spawn(bootstrap: &str, number: u32, process: u32) -> Result<Child> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let mut command = Command::new(program);
    command
        .args(["verify-transactions-worker", "--bootstrap", bootstrap])
        .args(["--number", &number.to_string()])
        .args(["--process", &process.to_string()])
        .args(["--die-with-parent", &std::process::id().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    command.spawn().context("cannot start a producer")
}

/// Takes down what a process tells until its end. A last line that it did not finish counts for nothing.
async fn listen(said: ChildStdout, heard: Arc<Mutex<Heard>>) {
    let mut lines = BufReader::new(said).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(told) = serde_json::from_str(&line) else {
            continue;
        };
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        match told {
            Told::Ended { id, end, spans } => heard.ledger.ended(id, end, spans),
            Told::GaveUp { why } => *heard.gave_up.entry(why).or_default() += 1,
        }
    }
}
