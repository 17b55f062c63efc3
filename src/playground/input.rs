//! What comes from the terminal: events, and its answer to the question for its background.

use std::io::{self, Write};
use std::sync::mpsc as threads;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use crossterm::event::{self, Event};
use tokio::sync::mpsc;

use super::state::Scheme;
use super::terminal_reply::TerminalReply;

/// Keys that may wait for the loop; it takes them faster than anybody types or pastes.
const INPUTS_MAX: usize = 256;

/// How long a terminal may take to tell its background; the first frame waits for it.
const BACKGROUND_WAIT: Duration = Duration::from_millis(50);

/// Asks for the background's colour (xterm's OSC 11). Ended by BEL, as released versions of urxvt need it.
const BACKGROUND_QUESTION: &[u8] = b"\x1b]11;?\x07";

/// Reads the terminal's events on a thread of its own, which ends with the process: it waits in the system,
/// where nothing else can wake it. Where `ask` says so, it asks for the background first: the answer comes in
/// among the keys, so who reads keys must know it. Needs raw mode.
///
/// # Errors
/// There is no thread to be had, or nothing can be written to the terminal.
pub(super) fn read(ask: bool) -> Result<(mpsc::Receiver<Event>, Option<Scheme>)> {
    let (sender, events) = mpsc::channel(INPUTS_MAX);
    let (answer, answered) = threads::sync_channel(1);
    if ask {
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(BACKGROUND_QUESTION)
            .and_then(|()| stdout.flush())
            .context("cannot write to the terminal")?;
    }
    std::thread::Builder::new()
        .name("keys".into())
        .spawn(move || {
            let mut reply = TerminalReply::new(ask, Instant::now());
            while let Ok(came) = next(&mut reply) {
                if let Some(colour) = reply.background() {
                    // Nobody waits for one that comes late.
                    let _ = answer.try_send(scheme(colour));
                }
                for event in came {
                    if sender.blocking_send(event).is_err() {
                        return;
                    }
                }
            }
        })
        .context("cannot start the thread that reads keys")?;
    let wait = if ask { BACKGROUND_WAIT } else { Duration::ZERO };
    Ok((events, answered.recv_timeout(wait).ok()))
}

/// What comes next and is no part of an answer; it may be nothing.
fn next(reply: &mut TerminalReply) -> io::Result<Vec<Event>> {
    if let Some(deadline) = reply.deadline() {
        let wait = deadline.saturating_duration_since(Instant::now());
        if !event::poll(wait)? {
            return Ok(reply.let_go(Instant::now()));
        }
    }
    let event = event::read()?;
    Ok(reply.take(event, Instant::now()))
}

/// Whether a background is dark or light, by how bright it looks (ITU-R BT.709).
fn scheme(background: [u16; 3]) -> Scheme {
    const HALF: u32 = 10_000 * 65_535 / 2;
    let weights = [2126, 7152, 722];
    let parts = background.into_iter().zip(weights);
    let brightness: u32 = parts.map(|(part, weight)| u32::from(part) * weight).sum();
    if brightness > HALF {
        Scheme::Light
    } else {
        Scheme::Dark
    }
}

#[cfg(test)]
mod tests {
    use super::{Scheme, scheme};

    #[test]
    fn backgrounds_are_light_or_dark_as_they_look() {
        let light = [[0xffff; 3], [0xfdfd, 0xf6f6, 0xe3e3], [0xffff, 0xffff, 0]];
        let dark = [
            [0; 3],
            [0x1e1e, 0x1e1e, 0x2e2e],
            [0, 0x2b2b, 0x3636],
            [0, 0, 0xffff],
        ];
        assert!(
            light
                .into_iter()
                .all(|colour| scheme(colour) == Scheme::Light)
        );
        assert!(
            dark.into_iter()
                .all(|colour| scheme(colour) == Scheme::Dark)
        );
    }
}
