//! Runs a VHS tape (<https://github.com/charmbracelet/vhs>) in a pseudo-terminal: types what it types, waits for what it waits for.

use std::{fs, path::Path, thread, time::Duration};

use regex::Regex;

use crate::terminal::{PATIENCE, Terminal};

/// One line of a tape, as far as it concerns a terminal.
#[derive(Debug)]
enum Step {
    Type(String),
    Press(&'static str),
    WaitScreen(Regex, Duration),
    /// A pause for the viewer's eye, and between two presses of one key.
    Pause(Duration),
    /// How the recording looks; a terminal does not.
    Appearance,
}

/// How long a tape pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As long as it says, for whoever looks.
    Eye,
    /// As short as the program can tell one key from the next.
    Test,
}

/// A tape that was read as a whole before its first key is pressed.
#[derive(Debug)]
pub struct Tape {
    steps: Vec<(usize, Step)>,
}

impl Tape {
    /// Reads a tape.
    ///
    /// # Panics
    /// With the line, where it is no valid tape.
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("the tape is readable");
        let steps = text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .map(|(number, line)| {
                let step = parse(line).unwrap_or_else(|why| panic!("line {number}: {why}: {line}"));
                (number, step)
            })
            .collect();
        Self { steps }
    }

    /// How many screens the tape waits for.
    pub fn waits(&self) -> usize {
        self.steps
            .iter()
            .filter(|(_, step)| matches!(step, Step::WaitScreen(..)))
            .count()
    }

    /// Plays the tape; each of its waits must come true.
    pub fn play(&self, terminal: &mut Terminal, pace: Pace) {
        for (number, step) in &self.steps {
            match step {
                Step::Type(text) => terminal.press(text),
                Step::Press(key) => terminal.press(key),
                Step::WaitScreen(pattern, patience) => {
                    terminal.wait_within(
                        (*patience).max(PATIENCE),
                        &format!("line {number}, /{pattern}/"),
                        |screen| pattern.is_match(screen),
                    );
                }
                Step::Pause(pause) if pace == Pace::Eye => thread::park_timeout(*pause),
                Step::Pause(_) => terminal.press_by_hand(&[""]),
                Step::Appearance => {}
            }
        }
    }
}

fn parse(line: &str) -> Result<Step, String> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let (name, argument) = word
        .split_once('@')
        .map_or((word, None), |(name, at)| (name, Some(at)));
    match name {
        "Output" | "Require" | "Set" | "Hide" | "Show" | "Env" | "Screenshot" => {
            Ok(Step::Appearance)
        }
        "Sleep" => duration(rest).map(Step::Pause),
        "Type" => quoted(rest).map(Step::Type),
        "Wait+Screen" => {
            let patience = argument.map_or(Ok(Duration::from_secs(15)), duration)?;
            let pattern = rest
                .strip_prefix('/')
                .and_then(|rest| rest.strip_suffix('/'))
                .ok_or("Wait+Screen needs a /pattern/")?;
            let pattern = Regex::new(pattern).map_err(|error| error.to_string())?;
            Ok(Step::WaitScreen(pattern, patience))
        }
        _ => key(name).map(Step::Press),
    }
}

fn key(name: &str) -> Result<&'static str, String> {
    Ok(match name {
        "Enter" => "\r",
        "Tab" => "\t",
        "Space" => " ",
        "Escape" => "\x1b",
        "Backspace" => "\x7f",
        "Up" => "\x1b[A",
        "Down" => "\x1b[B",
        "Right" => "\x1b[C",
        "Left" => "\x1b[D",
        "PageUp" => "\x1b[5~",
        "PageDown" => "\x1b[6~",
        "Ctrl+C" => "\x03",
        _ => return Err(format!("unknown command {name:?}")),
    })
}

fn quoted(text: &str) -> Result<String, String> {
    let mark = text.chars().next().filter(|mark| "\"'`".contains(*mark));
    mark.and_then(|mark| text.strip_prefix(mark)?.strip_suffix(mark))
        .map(str::to_owned)
        .ok_or_else(|| "a quoted text is expected".into())
}

fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    number
        .parse::<f64>()
        .map(|value| Duration::from_secs_f64(value * unit))
        .map_err(|_| format!("{text:?} is no duration"))
}

#[test]
fn a_tape_with_an_unknown_word_is_refused() {
    assert!(parse("Tpye \"p\"").is_err());
    assert!(parse("Wait+Screen ready").is_err());
    assert!(
        matches!(parse("Wait+Screen@2s /a b/"), Ok(Step::WaitScreen(_, patience)) if patience == Duration::from_secs(2))
    );
    assert!(matches!(parse("Type@50ms \"pp\""), Ok(Step::Type(text)) if text == "pp"));
}
