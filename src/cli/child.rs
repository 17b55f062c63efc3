//! What a server does differently as a child of the playground: die with it, and report to it.

use std::{io::Write, net::SocketAddr};

use anyhow::Context;
use clap::Args;

use wire::{Reporter, report::Report};

/// Flags that only a parent process passes; people do not see them in `--help`.
#[derive(Debug, Args)]
pub(super) struct ChildFlags {
    /// Ends this process, as if by SIGKILL, when the process with this id is gone.
    #[arg(long, hide = true, value_name = "PID")]
    die_with_parent: Option<u32>,
    /// Prints one JSON object a line about what happens and why, instead of the line `ready ADDRESS`.
    #[arg(long, hide = true)]
    report: bool,
}

impl ChildFlags {
    /// Ties this process to its parent's life, if asked to. Call it before anything slow.
    pub(super) fn tie_to_parent(&self) -> anyhow::Result<()> {
        match self.die_with_parent {
            Some(parent) => tie_to(parent).context("cannot tie this process to its parent"),
            None => Ok(()),
        }
    }

    /// The handle to report with; silent without `--report`.
    pub(super) fn reporter(&self) -> anyhow::Result<Reporter> {
        if self.report {
            Reporter::stdout().context("cannot start the thread that writes reports")
        } else {
            Ok(Reporter::off())
        }
    }

    /// Says, as the first line on stdout, that the server answers on `address`.
    pub(super) fn announce(&self, address: SocketAddr, reporter: &Reporter) {
        if self.report {
            reporter.report(Report::Ready {
                address: address.to_string(),
            });
        } else {
            // A closed stdout is the parent's choice and no reason to stop serving.
            let mut stdout = std::io::stdout().lock();
            let _ = writeln!(stdout, "ready {address}").and_then(|()| stdout.flush());
        }
    }
}

/// Asks the kernel for SIGKILL at the parent's death. It acts when the *thread* that spawned us
/// ends, so the parent spawns from a thread that lives as long as it does.
#[cfg(target_os = "linux")]
fn tie_to(parent: u32) -> std::io::Result<()> {
    use nix::{
        sys::{prctl, signal::Signal},
        unistd::getppid,
    };

    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // The parent may have died before the request above was in place.
    if u32::try_from(getppid().as_raw()) != Ok(parent) {
        std::process::exit(PARENT_GONE);
    }
    Ok(())
}

/// Without a request to the kernel: the parent holds the other end of our stdin, and its end of
/// file tells that it is gone.
#[cfg(not(target_os = "linux"))]
fn tie_to(_parent: u32) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name("parent".into())
        .spawn(|| {
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            std::process::exit(PARENT_GONE);
        })
        .map(drop)
}

/// The exit code of a child whose parent was gone already.
const PARENT_GONE: i32 = 3;
