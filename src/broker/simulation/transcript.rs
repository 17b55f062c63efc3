//! What happened, a line each: told only where somebody reads it.

use std::fmt::Write;

/// The lines of one run.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    lines: Option<String>,
}

impl Transcript {
    /// One that is kept.
    pub(super) fn kept() -> Self {
        Self {
            lines: Some(String::new()),
        }
    }

    /// Notes what happened at `now`, in milliseconds.
    pub(super) fn say(&mut self, now: u64, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            writeln!(lines, "{now:>5} ms  {}", line()).expect("a string takes all");
        }
    }

    pub(super) fn into_text(self) -> String {
        self.lines.unwrap_or_default()
    }
}
