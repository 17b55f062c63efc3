//! Without a terminal: the same cluster, and what happens as plain lines.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::time::Duration;

use anyhow::Result;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::control::Control;
use super::observer::now;
use super::state::{Entry, Happening, Observation, Request, State, Timestamp, Tone};
use super::turns::{Turn, Turns};
use super::{Announce, Playground, Signals, instant, until};
use wire::shown;

/// How long a line waits for others that join it: three brokers that register are one line.
const SETTLED_AFTER: Duration = Duration::from_millis(60);

/// Prints the story once, line by line, as it settles.
#[derive(Debug, Default)]
pub(super) struct Plain {
    printed: BTreeSet<u64>,
}

impl Plain {
    /// When to print next.
    pub(super) const PRINT_EVERY: Duration = SETTLED_AFTER;

    /// Prints every settled line that was not printed yet.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub(super) fn print(&mut self, state: &State, until: Timestamp) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        let mut present = BTreeSet::new();
        for entry in state.story.entries() {
            let id = identity(entry);
            present.insert(id);
            if entry.at.plus(SETTLED_AFTER) <= until && self.printed.insert(id) {
                let root = state.story.root_at(entry);
                writeln!(stdout, "{}", line(entry, root, state.setup.utc_offset_s))?;
            }
        }
        // What the story forgot cannot come again.
        self.printed.retain(|id| present.contains(id));
        stdout.flush()
    }

    /// Prints whatever is left, settled or not.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub(super) fn print_rest(&mut self, state: &State) -> io::Result<()> {
        self.print(state, Timestamp(i64::MAX))
    }
}

impl Playground {
    /// Plays until a signal or the deadline.
    pub(super) async fn in_plain_lines(
        &mut self,
        observations: &mut mpsc::Receiver<Observation>,
        control: &mut Control,
        mut signals: Signals,
        deadline: Option<Instant>,
        mut announce: Option<Announce>,
    ) -> Result<()> {
        let silent = matches!(announce, Some(Announce::Json | Announce::Nothing));
        let mut plain = Plain::default();
        let mut turns = Turns::new();
        let mut print = interval(Plain::PRINT_EVERY);
        print.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut news = true;
        loop {
            tokio::select! {
                biased;
                () = signals.next() => break,
                () = until(deadline) => break,
                (number, question) = control.next() => {
                    self.happen(Happening::Asked(number, question));
                    news = true;
                }
                _ = print.tick(), if news && !silent => {
                    let until = now();
                    plain.print(&self.state, until)?;
                    // A line that is still open is printed by a later tick.
                    news = self.state.story.entries().iter().any(|entry| {
                        until.since(entry.at) <= Plain::PRINT_EVERY
                    });
                }
                turn = turns.next(instant(self.state.wake_at()), observations) => {
                    news |= matches!(turn, Turn::Told(_));
                    self.take_turn(turn, observations);
                }
            }
            self.answer(control);
            if self.state.is_ready()
                && let Some(announce) = announce.take()
            {
                self.announce(announce)?;
            }
            if self
                .for_terminal
                .drain(..)
                .any(|request| request == Request::Quit)
            {
                break;
            }
        }
        if !silent {
            plain.print_rest(&self.state)?;
        }
        Ok(())
    }

    /// Says on stdout that all is ready, and where.
    fn announce(&self, announce: Announce) -> Result<()> {
        let status = self.status();
        let text = match announce {
            Announce::Text(words) => words(&status),
            Announce::Json => serde_json::to_string(&status)? + "\n",
            Announce::Nothing => return Ok(()),
        };
        let mut stdout = io::stdout().lock();
        stdout.write_all(shown::lines(&text).as_bytes())?;
        Ok(stdout.flush()?)
    }
}

fn line(entry: &Entry, root: Timestamp, utc_offset_s: i32) -> String {
    // Nobody presses keys here.
    let told = entry.text.iter().filter(|(tone, _)| *tone != Tone::Hint);
    let text: String = told.map(|(_, words)| words.as_str()).collect();
    let when = if entry.depth == 0 {
        format!("{:#}", entry.at.clock(utc_offset_s))
    } else {
        format!("+{:.3} s", entry.at.since(root).as_secs_f64())
    };
    let branch = match entry.depth {
        0 => String::new(),
        depth => format!("{}└ ", "  ".repeat(usize::from(depth - 1))),
    };
    let line = format!("{when:>12}  {:<10} {branch}{text}", entry.hand);
    shown::line(line.trim_end()).into_owned()
}

/// What a line keeps while its words grow.
fn identity(entry: &Entry) -> u64 {
    let mut hasher = DefaultHasher::new();
    (entry.root, entry.at, entry.depth, &entry.hand).hash(&mut hasher);
    // Two lines of one process in one microsecond differ by their first words.
    if entry.merge.is_none() {
        entry.text.first().map(|(_, words)| words).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::line;
    use crate::ui::tests::foreign;

    #[test]
    fn lines_name_what_others_named_and_command_no_terminal() {
        let session = foreign::session((120, 36));
        let story = &session.state.story;
        let lines: Vec<String> = story
            .entries()
            .iter()
            .map(|entry| line(entry, story.root_at(entry), 0))
            .collect();
        let all = lines.concat();
        assert!(
            !all.contains(|sign: char| sign.is_control() || sign == '\u{202e}'),
            "{lines:#?}"
        );
        assert!(all.contains(r"g\x1b]0;t\x07"), "{lines:#?}");
    }
}
