//! What the words of a tape mean to VHS 0.10 (its `parser/parser.go`). What is a mistake there is one here.

use std::time::Duration;

use regex::Regex;

use super::{
    lexer::{Kind, Token, tokens},
    pattern,
    settings::Settings,
};

/// One command.
#[derive(Debug)]
pub enum Command {
    Type {
        text: String,
        speed: Option<Duration>,
    },
    Press {
        keys: &'static str,
        times: u32,
        speed: Option<Duration>,
    },
    Sleep(Duration),
    Wait {
        scope: Scope,
        patience: Option<Duration>,
        pattern: Option<Regex>,
    },
    /// A program that must be there.
    Require(String),
    /// Frames are recorded from here on, or not.
    Film,
}

/// Where a pattern is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In the line of the cursor.
    Line,
    /// In all lines.
    Screen,
}

/// Reads a tape: its settings, and its commands with the lines they stand in.
pub fn parse(tape: &str) -> Result<(Settings, Vec<(usize, Command)>), String> {
    let tokens = tokens(tape);
    let mut parser = Parser {
        tokens: &tokens,
        settings: Settings::default(),
    };
    let mut commands: Vec<(usize, Command)> = Vec::new();
    while parser.peek().kind != Kind::End {
        let line = parser.peek().line;
        let acted = commands
            .iter()
            .any(|(_, command)| !matches!(command, Command::Require(_)));
        let command = parser.command(acted);
        let command = command.map_err(|why| format!("line {line}: {why}"))?;
        commands.extend(command.map(|command| (line, command)));
    }
    Ok((parser.settings, commands))
}

struct Parser<'t, 'a> {
    tokens: &'t [Token<'a>],
    settings: Settings,
}

impl<'a> Parser<'_, 'a> {
    fn peek(&self) -> Token<'a> {
        *self.tokens.first().expect("the last is the end")
    }

    fn take(&mut self) -> Token<'a> {
        let token = self.peek();
        if token.kind != Kind::End {
            self.tokens = &self.tokens[1..];
        }
        token
    }

    fn take_if(&mut self, kind: Kind) -> Option<&'a str> {
        (self.peek().kind == kind).then(|| self.take().text)
    }

    fn take_keyword(&mut self, known: &[&str]) -> Option<&'a str> {
        let token = self.peek();
        (token.kind == Kind::Keyword && known.contains(&token.text)).then(|| self.take().text)
    }

    fn text(&mut self, of: &str) -> Result<&'a str, String> {
        let text = self.take_if(Kind::Text);
        text.ok_or_else(|| format!("{of} expects a text, not {:?}", self.peek().text))
    }

    /// `acted`: a command that is no setting came before.
    fn command(&mut self, acted: bool) -> Result<Option<Command>, String> {
        let token = self.take();
        if token.kind != Kind::Keyword {
            return Err(format!("invalid command: {:?}", token.text));
        }
        if let Some(keys) = key(token.text) {
            let speed = self.speed()?;
            let times = self.take_if(Kind::Number).map(str::parse);
            let times = times.and_then(Result::ok).unwrap_or(1);
            return Ok(Some(Command::Press { keys, times, speed }));
        }
        Ok(Some(match token.text {
            "Set" if acted && self.peek().text != "TypingSpeed" => {
                return Err("VHS leaves a setting out that comes after the first command".into());
            }
            "Set" => return self.set().map(|()| None),
            "Output" => {
                let file = self.text("Output")?;
                let folder = file.ends_with('/');
                let named = file
                    .rsplit('/')
                    .next()
                    .is_some_and(|name| name.contains('.'));
                if !named && !folder {
                    return Err("a folder to write to ends in a slash".into());
                }
                return Ok(None);
            }
            "Require" => Command::Require(self.text("Require")?.to_owned()),
            "Hide" | "Show" => Command::Film,
            "Sleep" => Command::Sleep(self.time(&["ms", "s", "m"])?),
            "Type" => {
                let speed = self.speed()?;
                let mut texts = vec![self.text("Type")?];
                while let Some(more) = self.take_if(Kind::Text) {
                    texts.push(more);
                }
                let text = texts.join(" ");
                Command::Type { text, speed }
            }
            "Wait" => self.wait()?,
            "Ctrl" => self.control()?,
            "Alt" | "Shift" | "Source" | "Screenshot" | "Copy" | "Paste" | "Env" => {
                return Err(format!("{} is of VHS and not played here", token.text));
            }
            word => return Err(format!("invalid command: {word}")),
        }))
    }

    fn set(&mut self) -> Result<(), String> {
        let name = self.take();
        if name.kind != Kind::Keyword {
            return Err(format!("unknown setting: {:?}", name.text));
        }
        match name.text {
            "WaitTimeout" => self.settings.wait_timeout = self.time(&["ms", "s", "m"])?,
            // Here it does not know minutes.
            "TypingSpeed" => self.settings.typing_speed = self.time(&["ms", "s"])?,
            "WaitPattern" => {
                self.settings.wait_pattern = pattern::compile(self.take().text)?;
            }
            name => {
                let value = self.take().text;
                self.settings.set(name, value)?;
                if name == "LoopOffset" {
                    self.take_if(Kind::Sign(b'%'));
                }
            }
        }
        Ok(())
    }

    fn wait(&mut self) -> Result<Command, String> {
        let mut scope = Scope::Line;
        if self.take_if(Kind::Sign(b'+')).is_some() {
            scope = match self.text("Wait+")? {
                "Line" => Scope::Line,
                "Screen" => Scope::Screen,
                other => return Err(format!("Wait+ expects Line or Screen, not {other}")),
            };
        }
        let patience = self.speed()?;
        if patience == Some(Duration::ZERO) {
            return Err("Wait expects a time".into());
        }
        let pattern = self.take_if(Kind::Pattern).map(pattern::compile);
        Ok(Command::Wait {
            scope,
            patience,
            pattern: pattern.transpose()?,
        })
    }

    fn control(&mut self) -> Result<Command, String> {
        self.take_if(Kind::Sign(b'+'))
            .ok_or("Ctrl expects + and a character")?;
        match self.take().text {
            "C" => Ok(Command::Press {
                keys: "\x03",
                times: 1,
                speed: None,
            }),
            other => Err(format!("Ctrl+{other} is not played here")),
        }
    }

    /// `@30s`, where it is given.
    fn speed(&mut self) -> Result<Option<Duration>, String> {
        let at = self.take_if(Kind::Sign(b'@'));
        at.map(|_| self.time(&["ms", "s", "m"])).transpose()
    }

    fn time(&mut self, units: &[&str]) -> Result<Duration, String> {
        let number = self.take_if(Kind::Number);
        let number =
            number.ok_or_else(|| format!("a time is expected, not {:?}", self.peek().text))?;
        let unit = match self.take_keyword(units).unwrap_or("s") {
            "ms" => 0.001,
            "m" => 60.0,
            _ => 1.0,
        };
        let number: f64 = number
            .parse()
            .map_err(|_| format!("{number} is no number"))?;
        Ok(Duration::from_secs_f64(number * unit))
    }
}

/// The keys that VHS has commands for. `Home` is none of them, and `End` only by name.
fn key(name: &str) -> Option<&'static str> {
    Some(match name {
        "Enter" => "\r",
        "Tab" => "\t",
        "Space" => " ",
        "Escape" => "\x1b",
        "Backspace" => "\x7f",
        "Delete" => "\x1b[3~",
        "Insert" => "\x1b[2~",
        "Up" => "\x1b[A",
        "Down" => "\x1b[B",
        "Right" => "\x1b[C",
        "Left" => "\x1b[D",
        "PageUp" => "\x1b[5~",
        "PageDown" => "\x1b[6~",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    /// Each line as `vhs validate` of version 0.10.0 judges it.
    #[test]
    fn what_vhs_refuses_is_refused_here() {
        for refused in [
            r"Wait+Screen /stream 10\/s/",
            r"Wait+Screen /\/",
            "Wait+Screen ready",
            "Wait+Window /ready/",
            "Wait@0s",
            r"Wait /a(?=b)/",
            "Tpye \"p\"",
            "Type p q /r/",
            "Type",
            "Type +",
            "type \"p\"",
            "Home",
            "End",
            "Enter Twice",
            "Sleep",
            "Sleep soon",
            "Sleep 1h",
            "Set Colour \"red\"",
            "Set TypingSpeed 1m",
            "Set MarginFill \"#12\"",
            "Set CursorBlink 1",
            "Set WindowBar Square",
            "Output demo",
            "Require",
            "ready",
            "é",
        ] {
            parse(refused).expect_err(refused);
        }
        for taken in [
            "Wait",
            "Wait@2s",
            "Wait+Line /a b/",
            "Wait+Screen@500ms /a b/ Enter",
            "Type@50ms \"pp\"",
            "Type p q",
            "Type 'a \"b\"'",
            "Enter 2 Tab@1s 3",
            "Sleep .5",
            "Sleep 1m",
            "Set Width 10 Set Theme { \"a\": 1 } # why not",
            "Set LoopOffset 5%",
            "Output frames/",
            "Output a.gif Require bash",
            "Ctrl+C",
        ] {
            parse(taken).expect(taken);
        }
    }

    #[test]
    fn settings_come_first_or_have_no_effect_there() {
        parse("Output a.gif\nRequire bash\nSet Width 900\nType \"a\"\nSet TypingSpeed 1s")
            .expect("valid");
        let late = parse("Type \"a\"\n\nSet Width 900").expect_err("too late");
        assert!(late.starts_with("line 3: "), "{late}");
    }
}
