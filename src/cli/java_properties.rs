//! Java's properties files, as Kafka's configuration is written in.

/// What Java takes for blank within a line.
const BLANKS: [char; 3] = [' ', '\t', '\u{c}'];

/// Names and values in the order of the file; the last of a name is in effect.
pub(super) fn parse(text: &str) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    // A carriage return alone ends a line, too.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut line = line.trim_start_matches(BLANKS).to_owned();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        // An odd number of backslashes at its end: the next line belongs to it.
        while line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1 {
            line.pop();
            line.push_str(lines.next().unwrap_or_default().trim_start_matches(BLANKS));
        }
        settings.push(setting(&line));
    }
    settings
}

/// A name ends at the first `=`, `:` or blank that no backslash stands before.
fn setting(line: &str) -> (String, String) {
    let mut name = String::new();
    let mut characters = line.chars();
    let mut ended_by = None;
    while let Some(character) = characters.next() {
        match character {
            '\\' => name.extend(unescaped(&mut characters)),
            '=' | ':' | ' ' | '\t' | '\u{c}' => {
                ended_by = Some(character);
                break;
            }
            _ => name.push(character),
        }
    }
    let rest = characters.as_str().trim_start_matches(BLANKS);
    let rest = match ended_by {
        Some(' ' | '\t' | '\u{c}') => rest
            .strip_prefix(['=', ':'])
            .unwrap_or(rest)
            .trim_start_matches(BLANKS),
        _ => rest,
    };
    let mut value = String::new();
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => value.extend(unescaped(&mut characters)),
            _ => value.push(character),
        }
    }
    (name, value)
}

/// What stands after a backslash.
fn unescaped(characters: &mut std::str::Chars<'_>) -> Option<char> {
    match characters.next()? {
        't' => Some('\t'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        'f' => Some('\u{c}'),
        'u' => {
            let first = code_unit(characters)?;
            // Of a pair of surrogates, the second is written like the first.
            let mut ahead = characters.clone();
            let pair = (ahead.next() == Some('\\') && ahead.next() == Some('u'))
                .then(|| code_unit(&mut ahead))
                .flatten()
                .and_then(|second| char::decode_utf16([first, second]).next()?.ok())
                .filter(|it| it.len_utf16() == 2);
            if pair.is_some() {
                *characters = ahead;
            }
            pair.or_else(|| char::from_u32(first.into()))
        }
        other => Some(other),
    }
}

/// Four hexadecimal digits.
fn code_unit(characters: &mut std::str::Chars<'_>) -> Option<u16> {
    let digits: String = characters.take(4).collect();
    u16::from_str_radix(&digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn properties_are_read_as_java_reads_them() {
        let text = "# a comment\n! another\n\nclient.id=first\n  client.id : second one \n\
                    linger.ms 5\nlist=a,\\\n   b\npath=c:\\\\kafka\nempty=\nlone\n\\u0061=\\u0062\n\
                    pair=\\ud83d\\ude00\rreturn\x0c=\x0cyes\r\nlast=1\\\r\n 2";
        let expected = [
            ("client.id", "first"),
            ("client.id", "second one "),
            ("linger.ms", "5"),
            ("list", "a,b"),
            ("path", "c:\\kafka"),
            ("empty", ""),
            ("lone", ""),
            ("a", "b"),
            ("pair", "\u{1f600}"),
            ("return", "yes"),
            ("last", "12"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(parse(text), expected);
    }
}
