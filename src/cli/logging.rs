//! Messages for people: `tracing` events, on stderr.

use std::io::IsTerminal;

use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::{FormatFields, MakeWriter, format};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, FmtSubscriber, filter::LevelFilter};

use wire::shown;

/// The variable that chooses what is logged, for example `KAFKARIUM_LOG=debug`.
const FILTER_VARIABLE: &str = "KAFKARIUM_LOG";

/// Sends events of level info and above (or what `KAFKARIUM_LOG` says) to stderr.
/// Only the first call in a process has an effect.
pub(super) fn to_stderr() {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .with_env_var(FILTER_VARIABLE)
        .from_env_lossy();
    let subscriber = lines(filter, std::io::stderr().is_terminal(), std::io::stderr);
    let _ = subscriber.try_init();
}

/// Writes each event as a line. What clients sent is in the fields, and whoever reads the log reads it at a
/// terminal: `tracing-subscriber` itself writes out only what is in the message.
fn lines<W>(
    filter: EnvFilter,
    colours: bool,
    out: W,
) -> FmtSubscriber<
    impl for<'a> FormatFields<'a> + Send + Sync + 'static,
    format::Format,
    EnvFilter,
    W,
>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let fields = format::debug_fn(|writer, field, value| {
        let value = format!("{value:?}");
        match field.name() {
            "message" => write!(writer, "{}", shown::line(&value)),
            name => write!(writer, "{name}={}", shown::line(&value)),
        }
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(out)
        .with_ansi(colours)
        .fmt_fields(fields.delimited(" "))
        .finish()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek};
    use std::sync::Mutex;

    use tracing_subscriber::EnvFilter;

    use super::lines;

    #[test]
    fn a_line_of_the_log_commands_no_terminal_by_what_a_client_sent() {
        let file = tempfile::tempfile().expect("a temporary file");
        let mut read = file.try_clone().expect("the same file");
        let subscriber = lines(EnvFilter::new("info"), false, Mutex::new(file));
        tracing::subscriber::with_default(subscriber, || {
            let client_id = "c\x1b]0;t\x07\nforged";
            let span = tracing::info_span!("connection", client = %client_id);
            let _inside = span.enter();
            tracing::info!(%client_id, peer = client_id, "{client_id} is gone");
        });
        read.rewind().expect("it is a file");
        let mut written = String::new();
        read.read_to_string(&mut written).expect("UTF-8");
        let line = written.strip_suffix('\n').expect("a line");
        assert!(!line.contains(char::is_control), "{line}");
        let name = r"c\x1b]0;t\x07\nforged";
        assert!(
            line.contains(&format!("connection{{client={name}}}")),
            "{line}"
        );
        assert!(
            line.contains(&format!("{name} is gone client_id={name} peer=\"c")),
            "{line}"
        );
    }
}
