//! A condition's text as words with their columns: names, `"quoted names"`, parentheses, comparisons.

/// One word, and in which column it begins, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub text: String,
    pub column: usize,
    /// Whether it stood in quotes: then it is a name, whatever it says.
    pub quoted: bool,
}

/// A quote that is opened and not closed, by its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unclosed(pub usize);

/// Takes the text apart.
pub(super) fn split(text: &str) -> Result<Vec<Word>, Unclosed> {
    let mut words = Vec::new();
    let mut signs = text.chars().enumerate().peekable();
    while let Some((index, sign)) = signs.next() {
        let column = index + 1;
        match sign {
            sign if sign.is_whitespace() => {}
            '"' => {
                let mut name = String::new();
                loop {
                    match signs.next() {
                        Some((_, '"')) => break,
                        Some((_, '\\')) => match signs.next() {
                            Some((_, escaped)) => name.push(escaped),
                            None => return Err(Unclosed(column)),
                        },
                        Some((_, sign)) => name.push(sign),
                        None => return Err(Unclosed(column)),
                    }
                }
                words.push(Word {
                    text: name,
                    column,
                    quoted: true,
                });
            }
            '(' | ')' | '=' => words.push(plain(sign.to_string(), column)),
            '<' | '>' => {
                let or_equal = signs.next_if(|(_, next)| *next == '=').is_some();
                let equal = if or_equal { "=" } else { "" };
                words.push(plain(format!("{sign}{equal}"), column));
            }
            first => {
                let mut name = String::from(first);
                while let Some((_, sign)) = signs.next_if(|(_, next)| !ends_word(*next)) {
                    name.push(sign);
                }
                words.push(plain(name, column));
            }
        }
    }
    Ok(words)
}

/// Whether a name must stand in quotes to be read as one word again.
pub(super) fn needs_quotes(name: &str) -> bool {
    let means_something = [
        "and", "or", "not", "within", "key", "value", "members", "new", "no", "in", "more",
        "consumer",
    ];
    name.is_empty()
        || name.chars().any(|sign| ends_word(sign) || sign == '\\')
        || means_something.contains(&name.to_lowercase().as_str())
}

fn ends_word(sign: char) -> bool {
    sign.is_whitespace() || matches!(sign, '(' | ')' | '<' | '>' | '=' | '"')
}

fn plain(text: String, column: usize) -> Word {
    Word {
        text,
        column,
        quoted: false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Unclosed, split};

    #[test]
    fn words_stand_alone_also_where_no_space_parts_them() {
        let words = split("(lag \"my group\">=3)").expect("closed");
        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["(", "lag", "my group", ">=", "3", ")"]);
        assert_eq!(words[2].column, 6);
        assert!(words[2].quoted);
    }

    #[test]
    fn a_quote_that_is_not_closed_is_named_by_its_column() {
        assert_eq!(split("lag \"my group"), Err(Unclosed(5)));
    }
}
