//! SIGTERM, SIGINT and SIGHUP ask for a clean stop; the second one does not wait for it.

use std::{io, pin::pin};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code of a process that was told twice.
const IMPATIENT: i32 = 130;

/// Runs `server`, whose token is cancelled by the first signal, until it returns by itself.
pub(super) async fn until_signalled<F: Future>(
    server: impl FnOnce(CancellationToken) -> F,
) -> io::Result<F::Output> {
    let mut signals = Signals::listen()?;
    let stop = CancellationToken::new();
    let mut server = pin!(server(stop.clone()));
    loop {
        tokio::select! {
            output = &mut server => return Ok(output),
            name = signals.next() => {
                if stop.is_cancelled() {
                    std::process::exit(IMPATIENT);
                }
                tracing::info!("{name}: stopping");
                stop.cancel();
            }
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.hangup.recv() => "SIGHUP",
        }
    }
}
