//! Messages for people: `tracing` events, on stderr.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// The variable that chooses what is logged, for example `KAFKARIUM_LOG=debug`.
const FILTER_VARIABLE: &str = "KAFKARIUM_LOG";

/// Sends events of level info and above (or what `KAFKARIUM_LOG` says) to stderr.
/// Only the first call in a process has an effect.
pub(super) fn to_stderr() {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .with_env_var(FILTER_VARIABLE)
        .from_env_lossy();
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init();
}
