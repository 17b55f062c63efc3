//! Patterns as VHS takes them: Go's `regexp`, which is RE2, written as Rust's `regex` means the same.

use std::{iter::Peekable, str::Chars};

use regex::Regex;

/// More repetitions than these Go refuses.
const TIMES_MAX: u32 = 1000;

/// Compiles a pattern that Go compiles.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    let written = Translator {
        rest: pattern.chars().peekable(),
        out: String::new(),
    }
    .run()
    .map_err(|why| format!("/{pattern}/: {why}"))?;
    Regex::new(&written).map_err(|error| format!("/{pattern}/: {error}"))
}

struct Translator<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
}

impl Translator<'_> {
    fn run(mut self) -> Result<String, String> {
        while let Some(character) = self.rest.next() {
            match character {
                '\\' => self.escape(false)?,
                '[' => self.class()?,
                '(' => self.group()?,
                '*' | '+' | '?' => {
                    self.out.push(character);
                    self.after_repetition()?;
                }
                '{' => match self.times() {
                    Some(times) => {
                        self.out.push_str(&times?);
                        self.after_repetition()?;
                    }
                    None => self.out.push_str(r"\{"),
                },
                '}' => self.out.push_str(r"\}"),
                other => self.out.push(other),
            }
        }
        Ok(self.out)
    }

    /// Go knows fewer escapes, and its classes are those of ASCII.
    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let escaped = self.rest.next().ok_or("a backslash at the end")?;
        let digits_words_spaces = match escaped.to_ascii_lowercase() {
            'd' => Some("0-9"),
            'w' => Some("0-9A-Za-z_"),
            's' => Some(r"\t\n\f\r "),
            _ => None,
        };
        match (escaped, digits_words_spaces) {
            (_, Some(set)) if escaped.is_ascii_lowercase() => {
                self.out.extend(["[", set, "]"]);
            }
            (_, Some(set)) => self.out.extend(["[^", set, "]"]),
            ('b', _) if !in_class => self.out.push_str(r"(?-u:\b)"),
            ('B', _) if !in_class => self.out.push_str(r"(?-u:\B)"),
            ('A' | 'z', _) if !in_class => self.out.extend(['\\', escaped]),
            ('a' | 'f' | 'n' | 'r' | 't' | 'v' | 'p' | 'P' | 'x', _) => {
                self.out.extend(['\\', escaped]);
                if matches!(escaped, 'p' | 'P' | 'x') && self.rest.next_if_eq(&'{').is_some() {
                    self.out.push('{');
                    for within in self.rest.by_ref() {
                        self.out.push(within);
                        if within == '}' {
                            break;
                        }
                    }
                }
            }
            ('Q' | 'C' | '0'..='9', _) => {
                return Err(format!("\\{escaped} is not played here"));
            }
            _ if escaped.is_ascii_alphanumeric() || !escaped.is_ascii() => {
                return Err(format!("invalid escape sequence: \\{escaped}"));
            }
            _ => self.out.push_str(&regex::escape(&escaped.to_string())),
        }
        Ok(())
    }

    /// Within brackets Go knows ranges, escapes and `[:alpha:]`; everything else is the character itself.
    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            match self.rest.next().ok_or("a bracket that nothing closes")? {
                ']' if !first => break,
                ']' => self.out.push_str(r"\]"),
                '\\' => self.escape(true)?,
                '[' if self.rest.peek() == Some(&':') => {
                    self.out.push('[');
                    while let Some(within) = self.rest.next_if(|within| *within != ']') {
                        self.out.push(within);
                    }
                    self.rest.next();
                    self.out.push(']');
                }
                '-' if self.rest.peek() == Some(&'-') => {
                    return Err("two hyphens within brackets are not played here".into());
                }
                sign @ ('[' | '&' | '~') => self.out.extend(['\\', sign]),
                other => self.out.push(other),
            }
            first = false;
        }
        self.out.push(']');
        Ok(())
    }

    fn group(&mut self) -> Result<(), String> {
        self.out.push('(');
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        self.out.push('?');
        while let Some(flag) = self.rest.next_if(|flag| !":)P<".contains(*flag)) {
            if !"imsU-".contains(flag) {
                return Err(format!("invalid or unsupported Perl syntax: (?{flag}"));
            }
            self.out.push(flag);
        }
        Ok(())
    }

    /// `{2}`, `{2,}` or `{2,3}`; everything else in braces is itself.
    fn times(&mut self) -> Option<Result<String, String>> {
        let ahead: String = self.rest.clone().take_while(|sign| *sign != '}').collect();
        let (least, most) = ahead.split_once(',').unwrap_or((&ahead, &ahead));
        let least: u32 = least.parse().ok()?;
        let most = match most {
            "" if ahead.ends_with(',') => least,
            most => most.parse().ok()?,
        };
        self.rest.find(|sign| *sign == '}')?;
        Some(if most > TIMES_MAX || least > most {
            Err(format!("invalid repeat count: {{{ahead}}}"))
        } else {
            Ok(format!("{{{ahead}}}"))
        })
    }

    /// A repetition may be lazy, and is not repeated itself.
    fn after_repetition(&mut self) -> Result<(), String> {
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
        }
        let again = match self.rest.peek() {
            Some('*' | '+' | '?') => true,
            Some('{') => {
                let mut ahead = Translator {
                    rest: self.rest.clone(),
                    out: String::new(),
                };
                ahead.rest.next();
                ahead.times().is_some()
            }
            _ => false,
        };
        if again {
            return Err("invalid nested repetition operator".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::compile;

    /// Each as Go's `regexp.Compile` judges it.
    #[test]
    fn what_go_refuses_is_refused() {
        for refused in [
            r"a\", "a**", "a*+", "a???", "a{2}{3}", "a{2000}", "x{1,0}", r"\e", r"\1", r"\Z",
            r"\u0041", r"\h", r"\K", r"[\b]", r"[a-\d]", "[z-a]", ")", "(?x) a", "(?=a)", "(?u)a",
            "(?R)a",
        ] {
            compile(refused).expect_err(refused);
        }
        for taken in [
            r"\_",
            "a*?",
            "a{2}",
            "a{,3}",
            "[[:alpha:]]",
            "[a&&b]",
            "[]a]",
            "[^]a]",
            r"\pL",
            r"\p{Greek}",
            "(?i)a",
            "(?P<n>a)",
            "(?<n>a)",
            "(?-i:a)",
            r"\z",
            "{",
            "a{",
            r"\x{41}",
            "[[a]",
            "[a~~b]",
            "é+",
        ] {
            compile(taken).expect(taken);
        }
    }

    /// Each as Go's `MatchString` answers it.
    #[test]
    fn what_go_matches_is_matched() {
        for (pattern, text, matches) in [
            (r"\d", "٣", false),
            (r"\w", "é", false),
            (r"\s", "\u{a0}", false),
            (r"\s", "\u{b}", false),
            (r"\bé", " é", false),
            ("^.é.$", "aéb", true),
            ("a$", "a\n", false),
            ("a.b", "a\nb", false),
            (r"[\d.]", ".", true),
            (r"[^\D]", "5", true),
            (r"[^\D]", "x", false),
            ("(?i)k", "\u{212a}", true),
            ("[[a]", "[", true),
            ("[a&&b]", "&", true),
            ("a{,3}", "a{,3}", true),
            ("a{", "a{", true),
            (r"\<a", "<a", true),
        ] {
            let compiled = compile(pattern).expect(pattern);
            assert_eq!(compiled.is_match(text), matches, "/{pattern}/ in {text:?}");
        }
    }
}
