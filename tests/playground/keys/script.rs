//! A script of keys: what is pressed, and what is seen then.

use std::{fs, path::Path};

use kafkarium::playground::state::{Context, Key, Pane};
use regex::Regex;

use crate::terminal::Terminal;

/// So many steps back is more than any start tells.
const PRESSES_MAX: usize = 60;

/// What is pressed at one cluster.
pub struct Script {
    /// The program's arguments.
    pub arguments: Vec<String>,
    /// Whether a shell starts it, which gets the terminal back meanwhile.
    pub in_a_shell: bool,
    pub steps: Vec<Step>,
}

pub enum Step {
    /// What is seen without a key.
    Wait(Sights),
    /// A key of the table.
    Press {
        context: Context,
        key: Key,
        sights: Sights,
    },
    /// Keys of the table, in turn until it is seen: how often depends on how the start went.
    Until { keys: Vec<Key>, sights: Sights },
    /// Letters.
    Type(String, Sights),
    /// Something else writes over the screen.
    Scribble(String),
}

/// What the screen shows and what it does not.
pub struct Sights {
    line: String,
    sights: Vec<(bool, Regex)>,
}

impl Script {
    /// Reads it.
    ///
    /// # Panics
    /// With the line that reads otherwise.
    pub fn read(file: &Path) -> Self {
        let text =
            fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut script = Self {
            arguments: Vec::new(),
            in_a_shell: false,
            steps: Vec::new(),
        };
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with("# ") {
                continue;
            }
            let place = format!("{}:{number}: {line}", file.display());
            script.take(line, &place);
        }
        script
    }

    fn take(&mut self, line: &str, place: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let sights = |rest: &str| Sights::parse(rest, place.to_owned());
        let step = match (word, context(word)) {
            ("start" | "shell", _) => {
                self.in_a_shell = word == "shell";
                self.arguments = rest.split_whitespace().map(str::to_owned).collect();
                return;
            }
            ("wait", _) => Step::Wait(sights(rest)),
            ("until", _) => {
                let (keys, rest) = rest.split_at(rest.find(['"', '/']).unwrap_or(rest.len()));
                let (keys, negated) = match keys.trim_end().strip_suffix("no") {
                    Some(keys) => (keys, "no "),
                    None => (keys, ""),
                };
                let keys = keys.split_whitespace().map(|key| known(key, place));
                Step::Until {
                    keys: keys.collect(),
                    sights: sights(&format!("{negated}{rest}")),
                }
            }
            ("scribble", _) => Step::Scribble(rest.to_owned()),
            ("type", _) => {
                let (typed, rest) = quoted(rest).unwrap_or_else(|| panic!("{place}"));
                Step::Type(typed.replace("\\r", "\r"), sights(rest))
            }
            (_, Some(context)) => {
                let (key, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                press(context, key, sights(rest))
            }
            (key, None) => press(Context::Always, key, sights(rest)),
        };
        self.steps.push(step);
    }
}

fn press(context: Context, key: &str, sights: Sights) -> Step {
    Step::Press {
        context,
        key: known(key, &sights.line),
        sights,
    }
}

fn known(key: &str, place: &str) -> Key {
    key.parse()
        .unwrap_or_else(|error| panic!("{place}: {error}"))
}

fn context(word: &str) -> Option<Context> {
    match word {
        "overlay" => Some(Context::Overlay),
        "confirm" => Some(Context::Confirm),
        "input" => Some(Context::Input),
        "transaction" => Some(Context::Transaction),
        "lesson" => Some(Context::Lesson),
        "question" => Some(Context::Question),
        _ => Pane::ALL
            .into_iter()
            .find(|pane| pane.name() == word)
            .map(Context::Pane),
    }
}

impl Step {
    /// The keys of the table that it presses.
    pub fn keys(&self) -> Vec<(Context, Key)> {
        match self {
            Self::Press { context, key, .. } => vec![(*context, *key)],
            Self::Until { keys, .. } => keys.iter().map(|key| (Context::Always, *key)).collect(),
            Self::Wait(_) | Self::Type(..) | Self::Scribble(_) => Vec::new(),
        }
    }

    /// Does it at the pace of a hand: the same key again takes its time, another one waits only for the screen.
    pub fn play(&self, terminal: &mut Terminal, last: &mut Option<Key>) {
        match self {
            Self::Wait(sights) => sights.wait(terminal),
            Self::Press { key, sights, .. } => {
                sights.are_news(terminal);
                if last.replace(*key) == Some(*key) {
                    terminal.press_by_hand(&[&bytes(*key)]);
                } else {
                    terminal.press(&bytes(*key));
                }
                sights.wait(terminal);
            }
            Self::Until { keys, sights } => {
                sights.are_news(terminal);
                let presses = keys.iter().cycle().take(PRESSES_MAX);
                for key in presses {
                    let before = terminal.text();
                    if sights.hold(&before) {
                        break;
                    }
                    terminal.press_by_hand(&[&bytes(*key)]);
                    terminal.wait_until(&sights.line, |screen| screen != before);
                }
                *last = None;
                sights.wait(terminal);
            }
            Self::Type(text, sights) => {
                sights.are_news(terminal);
                terminal.press(text);
                sights.wait(terminal);
            }
            Self::Scribble(text) => terminal.scribble(text),
        }
    }
}

impl Sights {
    fn parse(text: &str, line: String) -> Self {
        let mut sights = Vec::new();
        let mut rest = text;
        while !rest.is_empty() && !rest.starts_with("# ") {
            let negated = rest.strip_prefix("no ");
            rest = negated.unwrap_or(rest).trim_start();
            let pattern = if let Some((pattern, after)) = between(rest, '/') {
                rest = after;
                pattern
            } else {
                let (text, after) = quoted(rest).unwrap_or_else(|| panic!("{line}"));
                rest = after;
                regex::escape(&text)
            };
            let pattern = Regex::new(&pattern).unwrap_or_else(|error| panic!("{line}: {error}"));
            sights.push((negated.is_none(), pattern));
        }
        Self { line, sights }
    }

    fn hold(&self, screen: &str) -> bool {
        self.sights
            .iter()
            .all(|(there, pattern)| pattern.is_match(screen) == *there)
    }

    /// A sight that is there already would prove nothing.
    fn are_news(&self, terminal: &Terminal) {
        let screen = terminal.text();
        assert!(
            self.sights.is_empty() || !self.hold(&screen),
            "{} stands there before the key:\n{screen}",
            self.line
        );
    }

    fn wait(&self, terminal: &Terminal) {
        if !self.sights.is_empty() {
            terminal.wait_until(&self.line, |screen| self.hold(screen));
        }
    }
}

/// `"text" rest`
fn quoted(text: &str) -> Option<(String, &str)> {
    between(text, '"')
}

fn between(text: &str, mark: char) -> Option<(String, &str)> {
    let (inner, rest) = text.strip_prefix(mark)?.split_once(mark)?;
    Some((inner.to_owned(), rest.trim_start()))
}

/// What a terminal sends for a key.
fn bytes(key: Key) -> String {
    match key {
        Key::Char(character) => character.to_string(),
        Key::Ctrl(letter) => char::from(u8::try_from(letter).expect("a letter") & 0x1f).to_string(),
        Key::Alt(character) => format!("\x1b{character}"),
        Key::Enter => "\r".into(),
        Key::Esc => "\x1b".into(),
        Key::Tab => "\t".into(),
        Key::BackTab => "\x1b[Z".into(),
        Key::Backspace => "\x7f".into(),
        Key::Delete => "\x1b[3~".into(),
        Key::Up => "\x1b[A".into(),
        Key::Down => "\x1b[B".into(),
        Key::Right => "\x1b[C".into(),
        Key::Left => "\x1b[D".into(),
        Key::Home => "\x1b[H".into(),
        Key::End => "\x1b[F".into(),
        Key::PageUp => "\x1b[5~".into(),
        Key::PageDown => "\x1b[6~".into(),
        Key::F(number) => panic!("f{number} is no key of the table"),
    }
}
