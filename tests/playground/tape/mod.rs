//! Plays a VHS tape (<https://github.com/charmbracelet/vhs>) in a pseudo-terminal as VHS plays it: the same grammar,
//! the same patterns, a screen of the same size, the same shell with the same prompt.

mod lexer;
mod parser;
mod pattern;
mod settings;

use std::{fs, path::Path, thread, time::Duration};

use self::parser::{Command, Scope};
use self::settings::Settings;
use crate::terminal::{PATIENCE, Terminal};

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
    settings: Settings,
    commands: Vec<(usize, Command)>,
}

impl Tape {
    /// Reads a tape.
    ///
    /// # Panics
    /// With the line, where VHS would refuse it.
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).expect("the tape is readable");
        let (settings, commands) =
            parser::parse(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        Self { settings, commands }
    }

    /// How many screens the tape waits for.
    pub fn waits(&self) -> usize {
        let wait = |command: &Command| matches!(command, Command::Wait { .. });
        self.commands
            .iter()
            .filter(|(_, command)| wait(command))
            .count()
    }

    /// The screen's columns and rows.
    pub fn size(&self) -> (u16, u16) {
        self.settings.size()
    }

    /// Plays the tape in a shell that finds `program`; each of its waits must come true.
    pub fn play(&self, program: &Path, pace: Pace) -> Terminal {
        let (columns, rows) = self.size();
        let mut terminal = Terminal::start_shell(program, columns, rows);
        for (line, command) in &self.commands {
            match command {
                Command::Require(name) => {
                    let found = program
                        .file_name()
                        .is_some_and(|file| file == name.as_str());
                    assert!(found, "line {line}: {name} is not there");
                }
                Command::Type { text, speed } => {
                    let speed = speed.unwrap_or(self.settings.typing_speed);
                    press(&mut terminal, pace, speed, text.split_inclusive(|_| true));
                }
                Command::Press { keys, times, speed } => {
                    let speed = speed.unwrap_or(self.settings.typing_speed);
                    let times = (0..*times).map(|_| *keys);
                    press(&mut terminal, pace, speed, times);
                }
                Command::Wait {
                    scope,
                    patience,
                    pattern,
                } => {
                    let pattern = pattern.as_ref().unwrap_or(&self.settings.wait_pattern);
                    let patience = patience.unwrap_or(self.settings.wait_timeout);
                    terminal.wait_for_lines(
                        patience.max(PATIENCE),
                        &format!("line {line}, /{pattern}/"),
                        |lines, cursor| match scope {
                            Scope::Screen => pattern.is_match(&lines.join("\n")),
                            Scope::Line => pattern.is_match(&lines[cursor]),
                        },
                    );
                }
                Command::Sleep(pause) if pace == Pace::Eye => thread::park_timeout(*pause),
                // What is pressed next is not the last key held down.
                Command::Sleep(_) => terminal.press_by_hand(&[""]),
                Command::Film => {}
            }
        }
        terminal
    }
}

fn press<'k>(
    terminal: &mut Terminal,
    pace: Pace,
    speed: Duration,
    keys: impl Iterator<Item = &'k str>,
) {
    for key in keys {
        terminal.press(key);
        if pace == Pace::Eye {
            thread::park_timeout(speed);
        }
    }
}
