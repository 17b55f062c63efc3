//! What a command prints: names and words that others chose do not command the terminal.

use std::io::{self, Write};

use anyhow::Result;
use serde::Serialize;

use wire::shown;

/// Prints an answer.
pub(super) fn say(text: &str) -> Result<()> {
    io::stdout()
        .lock()
        .write_all(shown::lines(text).as_bytes())?;
    Ok(())
}

/// Prints an answer for programs as it is, into a pipe or a file; at a terminal a person reads it.
pub(super) fn say_to_programs(text: &str) -> Result<()> {
    if io::IsTerminal::is_terminal(&io::stdout()) {
        return say(text);
    }
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

/// Tells what is no answer, on stderr.
pub(super) fn tell(line: &str) -> io::Result<()> {
    writeln!(io::stderr(), "{}", shown::lines(line))
}

/// Writes one JSON object and ends the line.
pub(super) fn json_line(mut out: impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, shown::Json);
    value.serialize(&mut serializer)?;
    out.write_all(b"\n")
}
