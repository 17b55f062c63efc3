//! A tape as VHS 0.10 takes it apart (its `lexer/lexer.go` and `token/token.go`).

/// What VHS takes for one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A sign of its own: `@ = [ ] - % ^ \ +`.
    Sign(u8),
    /// A word that VHS knows; other words are texts.
    Keyword,
    Text,
    Pattern,
    Number,
    Json,
    /// What begins nothing.
    Stranger,
    End,
}

/// A word with the line it stands in, as VHS counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    pub line: usize,
}

const KEYWORDS: &[&str] = &[
    "em",
    "px",
    "ms",
    "s",
    "m",
    "Set",
    "Sleep",
    "Type",
    "Enter",
    "Space",
    "Backspace",
    "Delete",
    "Insert",
    "Ctrl",
    "Alt",
    "Shift",
    "Down",
    "Left",
    "Right",
    "Up",
    "PageUp",
    "PageDown",
    "Tab",
    "Escape",
    "End",
    "Hide",
    "Require",
    "Show",
    "Output",
    "Shell",
    "FontFamily",
    "MarginFill",
    "Margin",
    "WindowBar",
    "WindowBarSize",
    "BorderRadius",
    "FontSize",
    "Framerate",
    "Height",
    "LetterSpacing",
    "LineHeight",
    "PlaybackSpeed",
    "TypingSpeed",
    "Padding",
    "Theme",
    "Width",
    "LoopOffset",
    "WaitTimeout",
    "WaitPattern",
    "Wait",
    "Source",
    "CursorBlink",
    "true",
    "false",
    "Screenshot",
    "Copy",
    "Paste",
    "Env",
];

/// All words of a tape, without its comments.
pub fn tokens(tape: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer {
        tape,
        at: 0,
        line: 1,
    };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next();
        tokens.extend(token);
        if token.is_some_and(|token| token.kind == Kind::End) {
            return tokens;
        }
    }
}

struct Lexer<'a> {
    tape: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Lexer<'a> {
    fn byte(&self) -> u8 {
        self.tape.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    /// The next word; `None` for a comment.
    fn next(&mut self) -> Option<Token<'a>> {
        while matches!(self.byte(), b' ' | b'\t' | b'\n' | b'\r') {
            self.line += usize::from(self.byte() == b'\n');
            self.at += 1;
        }
        let line = self.line;
        let next = self.tape.as_bytes().get(self.at + 1).copied();
        let (kind, text) = match self.byte() {
            0 => (Kind::End, ""),
            b'#' => {
                self.until(b'\n');
                return None;
            }
            mark @ (b'"' | b'\'' | b'`') => (Kind::Text, self.quoted(mark)),
            // No backslash hides a slash: a pattern cannot have one.
            b'/' => (Kind::Pattern, self.quoted(b'/')),
            b'{' => {
                self.at += 1;
                let text = self.run(|byte| byte != b'}' && byte != 0);
                self.at += 1;
                (Kind::Json, text)
            }
            sign @ (b'@' | b'=' | b'[' | b']' | b'-' | b'%' | b'^' | b'\\' | b'+') => {
                (Kind::Sign(sign), self.one())
            }
            byte if byte.is_ascii_digit()
                || byte == b'.' && next.is_some_and(|next| next.is_ascii_digit()) =>
            {
                let number = |byte: u8| byte.is_ascii_digit() || byte == b'.';
                (Kind::Number, self.run(number))
            }
            byte if byte.is_ascii_alphabetic() || byte == b'.' => {
                let within = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/%".contains(&byte);
                let word = self.run(within);
                let known = KEYWORDS.contains(&word);
                (if known { Kind::Keyword } else { Kind::Text }, word)
            }
            _ => (Kind::Stranger, self.one()),
        };
        Some(Token { kind, text, line })
    }

    fn run(&mut self, within: impl Fn(u8) -> bool) -> &'a str {
        let begin = self.at;
        while self.at < self.tape.len() && within(self.byte()) {
            self.at += 1;
        }
        &self.tape[begin..self.at]
    }

    fn until(&mut self, end: u8) -> &'a str {
        self.run(|byte| byte != end && byte != b'\n' && byte != b'\r')
    }

    /// A text that also the line's end ends; VHS does not count that line.
    fn quoted(&mut self, mark: u8) -> &'a str {
        self.at += 1;
        let text = self.until(mark);
        self.at += 1;
        text
    }

    /// One character: VHS takes one byte, and is refused at the next all the same.
    fn one(&mut self) -> &'a str {
        let begin = self.at;
        self.at += self.tape[begin..].chars().next().map_or(1, char::len_utf8);
        &self.tape[begin..self.at]
    }
}
