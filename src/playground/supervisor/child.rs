//! One child process: how it is spawned, what it says, and how it ends.

use std::net::TcpListener;
#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

use super::engine::{Launch, Speech};
use super::output::{LINE_BYTES_MAX, ServerLog, next_line};
use crate::state::{Observation, ProcessChange, ProcessName};
use wire::report::Report;

/// Lines of a dead process's log that its box shows.
const LAST_LINES: usize = 3;

/// Reports that may wait in a child's pipe while the playground is suspended (`^Z`): a few
/// thousand lines. What does not fit the child drops, or a consumer waits with reading on.
#[cfg(target_os = "linux")]
const PIPE_BYTES: i32 = 1024 * 1024;

/// A process that was spawned and not yet seen to end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running {
    pid: Pid,
}

/// What a process costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Costs {
    /// Memory that it has in RAM.
    pub(super) rss_bytes: u64,
    /// Time on a core since it began.
    pub(super) cpu_ms: u64,
}

impl Running {
    /// Sends a signal to it.
    pub(super) fn signal(self, signal: Signal) -> Result<()> {
        kill(self.pid, signal).with_context(|| format!("cannot send {signal} to {}", self.pid))
    }

    /// Its process id.
    pub(super) fn pid(self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// What it costs.
    #[cfg(target_os = "linux")]
    pub(super) fn costs(self) -> Option<Costs> {
        let process = procfs::process::Process::new(self.pid.as_raw());
        let stat = process.ok()?.stat().ok()?;
        let ticks = stat.utime + stat.stime;
        Some(Costs {
            rss_bytes: stat.rss * procfs::page_size(),
            cpu_ms: ticks * 1_000 / procfs::ticks_per_second().max(1),
        })
    }

    /// Only Linux tells without privileges.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn costs(self) -> Option<Costs> {
        None
    }
}

/// Lines for a child, and where it reads them.
type Orders = (mpsc::Receiver<Vec<u8>>, ChildStdin);

/// What a child's stdin is.
pub(super) enum Input {
    /// Nothing to read.
    Nothing,
    /// The socket that a server accepts on.
    Listener(TcpListener),
    /// Lines that it does what they say.
    Orders(mpsc::Receiver<Vec<u8>>),
}

/// Spawns this program again, which may become another one. The caller's thread must live as long as the
/// playground: the child's death is tied to that thread's end.
///
/// The future, to be run until it ends, tells what the child says and how it ended.
pub(super) fn spawn(
    process: ProcessName,
    launch: &Launch,
    input: Input,
    speech: Box<dyn Speech>,
    log: ServerLog,
    observations: mpsc::Sender<Observation>,
) -> Result<(Running, impl Future<Output = ()> + Send + 'static)> {
    let mut command = Command::new(program()?);
    command
        .args(&launch.arguments)
        .arg("--die-with-parent")
        .arg(std::process::id().to_string())
        .args(&launch.other)
        .stdout(Stdio::piped())
        .stderr(log.open()?)
        // Its own group: neither ^C nor ^Z in the terminal reaches it.
        .process_group(0);
    let orders = stdin(&mut command, input);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {process}"))?;
    let stdout = child.stdout.take();
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .context("the process ended before it had an id")?;
    #[cfg(target_os = "linux")]
    if let Some(stdout) = &stdout {
        // Refused where the user's pipes are at their limit; the default is then enough.
        let _ = nix::fcntl::fcntl(stdout, nix::fcntl::FcntlArg::F_SETPIPE_SZ(PIPE_BYTES));
    }
    let orders = orders.and_then(|orders| Some((orders, child.stdin.take()?)));
    let heard = stdout.map(|stdout| (stdout, speech));
    let watched = watch(process, child, heard, orders, log, observations);
    Ok((
        Running {
            pid: Pid::from_raw(pid),
        },
        watched,
    ))
}

/// What the child is told; the orders come back, for who writes them.
#[cfg(target_os = "linux")]
fn stdin(command: &mut Command, input: Input) -> Option<mpsc::Receiver<Vec<u8>>> {
    match input {
        Input::Nothing => command.stdin(Stdio::null()),
        // The kernel tells of a parent's end, so stdin is free to hand a server its socket, as inetd does.
        Input::Listener(listener) => command
            .arg("--listener-on-stdin")
            .stdin(Stdio::from(OwnedFd::from(listener))),
        Input::Orders(orders) => {
            command.stdin(Stdio::piped());
            return Some(orders);
        }
    };
    None
}

/// Elsewhere stdin is the pipe whose end tells of ours; the server binds its port itself, at once.
#[cfg(not(target_os = "linux"))]
fn stdin(command: &mut Command, input: Input) -> Option<mpsc::Receiver<Vec<u8>>> {
    command.stdin(Stdio::piped());
    match input {
        Input::Nothing => None,
        Input::Listener(listener) => {
            drop(listener);
            None
        }
        Input::Orders(orders) => Some(orders),
    }
}

/// Tells everything the child says, then its end. An end of `observations` ends nothing: the
/// child is reaped all the same.
async fn watch(
    process: ProcessName,
    mut child: Child,
    heard: Option<(ChildStdout, Box<dyn Speech>)>,
    orders: Option<Orders>,
    log: ServerLog,
    observations: mpsc::Sender<Observation>,
) {
    if let Some((stdout, mut speech)) = heard {
        tokio::select! {
            () = read_reports(&process, stdout, speech.as_mut(), &observations) => {}
            () = write_orders(orders) => {}
        }
    }
    let status = child
        .wait()
        .await
        .unwrap_or_else(|_| ExitStatus::from_raw(0));
    let lines = log.last_lines(LAST_LINES);
    let _ = observations
        .send(Observation::LogLines {
            process: process.clone(),
            file: super::folder::shown(log.path()),
            lines,
        })
        .await;
    let change = ProcessChange::Exited {
        code: status.code(),
        signal: status.signal(),
    };
    let _ = observations
        .send(Observation::Process { process, change })
        .await;
}

/// Writes orders for as long as the child lives: who reads no more is told nothing more.
async fn write_orders(orders: Option<Orders>) {
    if let Some((mut orders, mut stdin)) = orders {
        while let Some(order) = orders.recv().await {
            if stdin.write_all(&order).await.is_err() {
                break;
            }
        }
        // The end of its stdin would end it.
        std::future::pending::<()>().await;
    }
    std::future::pending::<()>().await;
}

async fn read_reports(
    process: &ProcessName,
    stdout: ChildStdout,
    speech: &mut dyn Speech,
    observations: &mpsc::Sender<Observation>,
) {
    let mut stdout = BufReader::new(stdout);
    let mut bytes = Vec::new();
    while let Ok(true) = next_line(&mut stdout, &mut bytes, LINE_BYTES_MAX).await {
        for line in speech.hear(&bytes) {
            let process = process.clone();
            let observation = match line.report {
                Report::Ready { address } => Observation::Process {
                    process,
                    change: ProcessChange::Ready {
                        address,
                        at_ms: line.at_ms,
                    },
                },
                _ => Observation::Report { process, line },
            };
            if observations.send(observation).await.is_err() {
                return;
            }
        }
    }
}

/// This very program, also when its file was replaced by a newer build meanwhile.
fn program() -> Result<PathBuf> {
    let path = std::env::current_exe().context("cannot find this program's file")?;
    if cfg!(target_os = "linux") && !path.exists() {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    Ok(path)
}
