//! Regular expressions over topic names in the syntax of RE2/J, which Kafka's brokers read them
//! with, said anew in the syntax of the crate `regex`: both run in linear time, but each takes what
//! the other refuses, and some characters mean one thing here and another there.

use std::collections::BTreeSet;

use regex::{Regex, RegexBuilder};

/// As RE2 limits them.
const REPEAT_MAX: u32 = 1_000;
const NEST_MAX: u32 = 1_000;

/// An expression that matches whole names.
///
/// # Errors
/// It is none, in RE2's words.
pub(crate) fn compile(expression: &str) -> Result<Regex, String> {
    let mut translation = Translation {
        rest: expression,
        out: String::new(),
        last: Last::Nothing,
        open: 0,
        names: BTreeSet::new(),
    };
    translation.run()?;
    let open = translation.open;
    if open > 0 {
        return Err("missing closing )".to_owned());
    }
    RegexBuilder::new(&format!(r"\A(?:{})\z", translation.out))
        .nest_limit(NEST_MAX)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "expression too large".to_owned(),
            other => other.to_string(),
        })
}

/// What a repetition would repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Atom,
    Repetition,
}

struct Translation<'a> {
    rest: &'a str,
    out: String,
    last: Last,
    /// Parentheses that are not closed yet.
    open: usize,
    names: BTreeSet<&'a str>,
}

impl Translation<'_> {
    fn run(&mut self) -> Result<(), String> {
        while let Some(char) = self.next() {
            match char {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                ')' => {
                    self.open = self.open.checked_sub(1).ok_or("unexpected )")?;
                    self.out.push(')');
                    self.last = Last::Atom;
                }
                '|' => {
                    self.out.push('|');
                    self.last = Last::Nothing;
                }
                '^' | '$' | '.' => self.atom(&char.to_string()),
                '*' | '+' | '?' => self.repetition(&char.to_string())?,
                '{' => match self.counted() {
                    Some(counts) => self.repetition(&counts?)?,
                    None => self.literal('{'),
                },
                other => self.literal(other),
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        Some(next)
    }

    fn takes(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn atom(&mut self, text: &str) {
        self.out.push_str(text);
        self.last = Last::Atom;
    }

    fn literal(&mut self, char: char) {
        self.atom(&code(char));
    }

    fn repetition(&mut self, operator: &str) -> Result<(), String> {
        match self.last {
            Last::Nothing => {
                return Err(format!(
                    "missing argument to repetition operator: `{operator}`"
                ));
            }
            Last::Repetition => {
                return Err(format!("invalid nested repetition operator: `{operator}`"));
            }
            Last::Atom => {}
        }
        self.out.push_str(operator);
        if self.takes("?") {
            self.out.push('?');
        }
        self.last = Last::Repetition;
        Ok(())
    }

    /// What stands behind `{`, if it is a number of repetitions; other braces are plain text.
    fn counted(&mut self) -> Option<Result<String, String>> {
        let (inner, rest) = self.rest.split_once('}')?;
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u32>().unwrap_or(u32::MAX))
        };
        let (least, most) = match inner.split_once(',') {
            None => (number(inner)?, Some(number(inner)?)),
            Some((least, "")) => (number(least)?, None),
            Some((least, most)) => (number(least)?, Some(number(most)?)),
        };
        self.rest = rest;
        let counts = format!("{{{inner}}}");
        let is_valid =
            least <= REPEAT_MAX && most.is_none_or(|most| (least..=REPEAT_MAX).contains(&most));
        Some(if is_valid {
            Ok(counts)
        } else {
            Err(format!("invalid repeat count: `{counts}`"))
        })
    }

    fn group(&mut self) -> Result<(), String> {
        let before = self.rest;
        self.open += 1;
        self.last = Last::Nothing;
        if !self.takes("?") {
            self.out.push('(');
            return Ok(());
        }
        let invalid = |upto: usize| {
            let text: String = before.chars().take(upto).collect();
            Err(format!("invalid or unsupported Perl syntax: `({text}`"))
        };
        if self.takes("P<")
            || (!self.rest.starts_with("<=") && !self.rest.starts_with("<!") && self.takes("<"))
        {
            let Some((name, rest)) = self.rest.split_once('>') else {
                return Err(format!("invalid named capture: `({before}`"));
            };
            let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
            if name.is_empty() || !name.chars().all(is_word) || !self.names.insert(name) {
                return Err(format!("invalid named capture: `{name}`"));
            }
            self.rest = rest;
            // Nobody asks what a group captured.
            self.out.push_str("(?:");
            return Ok(());
        }
        let mut flags = String::new();
        while let Some(char) = self.next() {
            match char {
                'i' | 'm' | 's' | 'U' => flags.push(char),
                '-' if !flags.contains('-') => flags.push('-'),
                ':' | ')' if !(flags.ends_with('-') || flags.is_empty() && char == ')') => {
                    self.out.push_str("(?");
                    self.out.push_str(&flags);
                    self.out.push(char);
                    // Flags for what follows are no group.
                    self.open -= usize::from(char == ')');
                    return Ok(());
                }
                _ => return invalid(2 + flags.chars().count()),
            }
        }
        Err("missing closing )".to_owned())
    }

    /// What stands behind a backslash, outside of brackets.
    fn escape(&mut self) -> Result<(), String> {
        if self.takes("Q") {
            let (quoted, rest) = self.rest.split_once(r"\E").unwrap_or((self.rest, ""));
            self.rest = rest;
            quoted.chars().for_each(|char| self.literal(char));
            return Ok(());
        }
        for (name, meaning) in [
            ("A", r"\A"),
            ("z", r"\z"),
            ("b", r"(?:\b)"),
            ("B", r"(?:\B)"),
        ] {
            if self.takes(name) {
                self.atom(meaning);
                return Ok(());
            }
        }
        if let Some(class) = self.perl_class()? {
            self.atom(&class);
            return Ok(());
        }
        let char = self.escaped_char()?;
        self.literal(char);
        Ok(())
    }

    /// `\d`, `\pL`, `\p{Greek}` and the like, behind the backslash.
    fn perl_class(&mut self) -> Result<Option<String>, String> {
        let Some(name) = self.rest.chars().next() else {
            return Ok(None);
        };
        match name {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' => {
                self.next();
                Ok(Some(format!("\\{name}")))
            }
            'p' | 'P' => {
                self.next();
                let invalid = || format!("invalid character class range: `\\{name}`");
                let property = if self.takes("{") {
                    let (property, rest) = self.rest.split_once('}').ok_or_else(invalid)?;
                    self.rest = rest;
                    property.to_owned()
                } else {
                    self.next().ok_or_else(invalid)?.to_string()
                };
                Ok(Some(format!("\\{name}{{{property}}}")))
            }
            _ => Ok(None),
        }
    }

    /// A single character behind a backslash.
    fn escaped_char(&mut self) -> Result<char, String> {
        let invalid = |text: &str| format!("invalid escape sequence: `\\{text}`");
        let char = self
            .next()
            .ok_or("trailing backslash at end of expression")?;
        let value = match char {
            'a' => 0x07,
            'f' => 0x0c,
            'n' => 0x0a,
            'r' => 0x0d,
            't' => 0x09,
            'v' => 0x0b,
            'x' => {
                let digits = if self.takes("{") {
                    let (digits, rest) = self.rest.split_once('}').ok_or_else(|| invalid("x"))?;
                    self.rest = rest;
                    digits
                } else {
                    let digits = self.rest.get(..2).ok_or_else(|| invalid("x"))?;
                    self.rest = self.rest.get(2..).unwrap_or_default();
                    digits
                };
                u32::from_str_radix(digits, 16).map_err(|_| invalid("x"))?
            }
            // One digit alone would be a reference to what a group captured.
            '1'..='7' if !self.rest.starts_with(|next: char| next.is_digit(8)) => {
                return Err(invalid(&char.to_string()));
            }
            '0'..='7' => {
                let mut value = char.to_digit(8).unwrap_or_default();
                for _ in 0..2 {
                    let Some(digit) = self.rest.chars().next().and_then(|it| it.to_digit(8)) else {
                        break;
                    };
                    self.next();
                    value = value * 8 + digit;
                }
                value
            }
            other if other.is_ascii() && !other.is_ascii_alphanumeric() => return Ok(other),
            other => return Err(invalid(&other.to_string())),
        };
        char::from_u32(value).ok_or_else(|| invalid(&char.to_string()))
    }

    /// What stands behind `[`.
    fn class(&mut self) -> Result<(), String> {
        let mut class = String::from("[");
        if self.takes("^") {
            class.push('^');
        }
        let mut is_first = true;
        while is_first || !self.rest.starts_with(']') {
            is_first = false;
            if let Some(named) = self.posix_class()? {
                class.push_str(&named);
                continue;
            }
            if let Some(rest) = self.rest.strip_prefix('\\') {
                let before = std::mem::replace(&mut self.rest, rest);
                if let Some(perl) = self.perl_class()? {
                    class.push_str(&perl);
                    continue;
                }
                self.rest = before;
            }
            let first = self.class_char()?;
            class.push_str(&code(first));
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.next();
                let last = self.class_char()?;
                if last < first {
                    return Err(format!("invalid character class range: `{first}-{last}`"));
                }
                class.push('-');
                class.push_str(&code(last));
            }
        }
        self.next();
        class.push(']');
        self.atom(&class);
        Ok(())
    }

    /// `[:alpha:]`, where brackets are open.
    fn posix_class(&mut self) -> Result<Option<String>, String> {
        const NAMES: [&str; 14] = [
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print",
            "punct", "space", "upper", "word", "xdigit",
        ];
        let Some(rest) = self.rest.strip_prefix("[:") else {
            return Ok(None);
        };
        let Some((name, rest)) = rest.split_once(":]") else {
            return Ok(None);
        };
        if !NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(format!("invalid character class range: `[:{name}:]`"));
        }
        self.rest = rest;
        Ok(Some(format!("[:{name}:]")))
    }

    fn class_char(&mut self) -> Result<char, String> {
        match self.next() {
            None => Err("missing closing ]".to_owned()),
            Some('\\') => self.escaped_char(),
            Some(other) => Ok(other),
        }
    }
}

/// A character that means itself everywhere.
fn code(char: char) -> String {
    format!("\\x{{{:x}}}", u32::from(char))
}

#[cfg(test)]
mod tests {
    use super::compile;

    fn matches(expression: &str, name: &str) -> bool {
        compile(expression).expect(expression).is_match(name)
    }

    #[test]
    fn an_expression_matches_whole_names() {
        assert!(!matches("ord", "orders"));
        assert!(!matches("^ord", "orders"));
        assert!(matches("^ord.*", "orders"));
        assert!(matches("orders|reorders", "reorders"));
        assert!(!matches("o|rders", "orders"));
        assert!(matches("(?i)ORDERS", "orders"));
        assert!(matches("(?P<what>ord)ers$", "orders"));
        assert!(matches(r"\Qa.b\E.*", "a.bc"));
        assert!(!matches(r"\Qa.b\E.*", "axbc"));
        assert!(matches("[[:alpha:]]+[^a-z]", "orders_"));
        assert!(matches(r"[\w.]+-\d{2,}", "a.b-07"));
        assert!(matches(r"\x61\x{62}\143", "abc"));
    }

    #[test]
    fn what_other_engines_read_otherwise_is_read_as_re2_does() {
        // In the crate `regex` `--` takes away, and a bracket in brackets opens another class.
        assert!(matches("[a-z--d.]+", "orders.dlq"));
        assert!(matches("[a[b]+", "[ab"));
        assert!(matches("[a&&b]+", "a&b"));
        // Braces without a least number are plain text.
        assert!(!matches("o{,3}rders.dlq", "orders.dlq"));
        assert!(matches("o{,3}", "o{,3}"));
        assert!(matches("a]}", "a]}"));
    }

    #[test]
    fn what_re2_refuses_is_refused_in_its_words() {
        for (expression, expected) in [
            ("(ab", "missing closing )"),
            ("ab)", "unexpected )"),
            ("[ab", "missing closing ]"),
            ("(?!x)a", "invalid or unsupported Perl syntax: `(?!`"),
            ("(?<=x)a", "invalid or unsupported Perl syntax: `(?<`"),
            ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
            (r"[a-z.]*+\.dlq", "invalid nested repetition operator: `+`"),
            ("a**", "invalid nested repetition operator: `*`"),
            ("*a", "missing argument to repetition operator: `*`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("a{2,1}", "invalid repeat count: `{2,1}`"),
            (r"(a)\1", r"invalid escape sequence: `\1`"),
            (r"\<a", ""),
            (r"\Ca", r"invalid escape sequence: `\C`"),
            ("[b-a]", "invalid character class range: `b-a`"),
            ("[[:what:]]", "invalid character class range: `[:what:]`"),
            ("a\\", "trailing backslash at end of expression"),
            ("(?P<n>a)(?P<n>b)", "invalid named capture: `n`"),
        ] {
            match compile(expression) {
                Err(refused) => assert_eq!(refused, expected, "{expression}"),
                // `<` is punctuation, which a backslash makes plain.
                Ok(found) => assert!(expected.is_empty() && found.is_match("<a"), "{expression}"),
            }
        }
    }

    #[test]
    fn an_expression_that_would_take_all_memory_is_refused() {
        let refused = compile("((((a{1000}){1000}){1000}){1000})").expect_err("too large");
        assert_eq!(refused, "expression too large");
    }
}
