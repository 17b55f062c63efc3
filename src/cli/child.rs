//! What a server does differently as a child of the playground: die with it, and report to it.

use std::{
    fs::File,
    io::{self, Write},
    net::{SocketAddr, TcpListener},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use anyhow::{Context, anyhow, ensure};
use clap::Args;
use nix::{
    sys::socket::{getsockopt, sockopt::AcceptConn},
    unistd::dup2_stdin,
};

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

/// Where a server gets its socket from.
#[derive(Debug, Args)]
pub(super) struct ListenerFlags {
    /// Accepts connections on the listening socket that stdin is, as inetd and systemd's `StandardInput=socket` hand one
    /// over, instead of opening one: nobody can take its port before this process is there.
    #[arg(long)]
    listener_on_stdin: bool,
}

impl ListenerFlags {
    /// A socket that listens: the one on stdin, or a new one on `address`, whose port 0 takes a free one.
    pub(super) fn listen(&self, address: SocketAddr) -> anyhow::Result<TcpListener> {
        if !self.listener_on_stdin {
            return TcpListener::bind(address).map_err(|error| no_port(address, error));
        }
        let listener = taken_over(io::stdin().as_fd()).context("--listener-on-stdin")?;
        // Stdin would keep the port open after our own end of it.
        let nothing = File::open("/dev/null").context("cannot open /dev/null")?;
        dup2_stdin(nothing).context("cannot close stdin")?;
        Ok(listener)
    }
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
            let mut stdout = io::stdout().lock();
            let _ = writeln!(stdout, "ready {address}").and_then(|()| stdout.flush());
        }
    }
}

fn no_port(address: SocketAddr, error: io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::AddrInUse {
        let port = address.port();
        return anyhow!(
            "cannot listen on {address}: port {port} is in use by another process; stop it or choose another port \
             (0 picks a free one)"
        );
    }
    anyhow::Error::from(error).context(format!("cannot listen on {address}"))
}

/// The listening socket that `handed` is.
fn taken_over(handed: BorrowedFd<'_>) -> anyhow::Result<TcpListener> {
    let socket: OwnedFd = handed.try_clone_to_owned()?;
    let accepts = getsockopt(&socket, AcceptConn).unwrap_or(false);
    ensure!(accepts, "stdin is no socket that listens");
    Ok(TcpListener::from(socket))
}

/// Asks the kernel for SIGKILL at the parent's death. It acts when the *thread* that spawned us
/// ends, so the parent spawns from a thread that lives as long as it does.
#[cfg(target_os = "linux")]
fn tie_to(parent: u32) -> io::Result<()> {
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
fn tie_to(_parent: u32) -> io::Result<()> {
    std::thread::Builder::new()
        .name("parent".into())
        .spawn(|| {
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            std::process::exit(PARENT_GONE);
        })
        .map(drop)
}

/// The exit code of a child whose parent was gone already.
pub(super) const PARENT_GONE: i32 = 3;

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::Read,
        net::{TcpListener, TcpStream},
        os::fd::AsFd,
    };

    use super::taken_over;

    #[test]
    fn a_socket_that_was_handed_over_accepts_where_it_was_bound() {
        let held = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = held.local_addr().expect("bound");
        // Came before the server did, and is not refused.
        let mut client = TcpStream::connect(address).expect("it waits");
        let listener = taken_over(held.as_fd()).expect("it listens");
        drop(held);
        let (accepted, _) = listener.accept().expect("a connection");
        drop(accepted);
        assert_eq!(client.read(&mut [0]).expect("its end"), 0);
        drop(listener);
        TcpStream::connect(address).expect_err("nobody listens any more");
    }

    #[test]
    fn what_is_no_listening_socket_is_refused() {
        let file = File::open("/dev/null").expect("it is everywhere");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let stream = TcpStream::connect(address).expect("it listens");
        for wrong in [file.as_fd(), stream.as_fd()] {
            let refused = taken_over(wrong).expect_err("no listener").to_string();
            assert_eq!(refused, "stdin is no socket that listens");
        }
    }
}
