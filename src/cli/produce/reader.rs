//! Lines of stdin as records: `key:value` as people type it, or by the properties of Kafka's
//! `LineMessageReader`.

use anyhow::{Result, bail};

use crate::cli::consume::yes_or_no;

/// What a line says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed<'a> {
    pub(super) key: Option<&'a str>,
    pub(super) value: Option<&'a str>,
    pub(super) headers: Vec<(&'a str, Option<&'a str>)>,
}

/// How lines are read.
#[derive(Debug, Clone)]
pub(super) enum Reader {
    /// Ours: a key where the separator stands in the line.
    Lenient {
        /// Without one, lines are values.
        separator: Option<String>,
    },
    /// Kafka's.
    Kafka(LineReader),
}

/// The properties of Kafka's reader, with its defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LineReader {
    parse_key: bool,
    parse_headers: bool,
    ignore_error: bool,
    key_separator: String,
    headers_delimiter: String,
    headers_separator: String,
    headers_key_separator: String,
    null_marker: Option<String>,
}

impl Default for LineReader {
    fn default() -> Self {
        Self {
            parse_key: false,
            parse_headers: false,
            ignore_error: false,
            key_separator: "\t".into(),
            headers_delimiter: "\t".into(),
            headers_separator: ",".into(),
            headers_key_separator: ":".into(),
            null_marker: None,
        }
    }
}

impl LineReader {
    /// Takes a property; whether it is one of the reader's.
    ///
    /// # Errors
    /// The value is none that it can have.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<bool> {
        match name {
            "parse.key" => self.parse_key = yes_or_no(name, value)?,
            "parse.headers" => self.parse_headers = yes_or_no(name, value)?,
            "ignore.error" => self.ignore_error = yes_or_no(name, value)?,
            "key.separator" => value.clone_into(&mut self.key_separator),
            "headers.delimiter" => value.clone_into(&mut self.headers_delimiter),
            "headers.separator" => value.clone_into(&mut self.headers_separator),
            "headers.key.separator" => value.clone_into(&mut self.headers_key_separator),
            "null.marker" => self.null_marker = Some(value.to_owned()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What stands between two things must tell them apart; in Kafka's words.
    ///
    /// # Errors
    /// Two of them are the same.
    pub(super) fn check(&self) -> Result<()> {
        let same = |what: &str| bail!("{what} may not be equal");
        match &self.null_marker {
            Some(marker) if *marker == self.key_separator => {
                return same("null.marker and key.separator");
            }
            Some(marker) if *marker == self.headers_separator => {
                return same("null.marker and headers.separator");
            }
            Some(marker) if *marker == self.headers_delimiter => {
                return same("null.marker and headers.delimiter");
            }
            Some(marker) if *marker == self.headers_key_separator => {
                return same("null.marker and headers.key.separator");
            }
            _ => {}
        }
        if self.headers_delimiter == self.headers_separator {
            return same("headers.delimiter and headers.separator");
        }
        if self.headers_separator == self.headers_key_separator {
            return same("headers.separator and headers.key.separator");
        }
        if self.headers_delimiter == self.headers_key_separator {
            return same("headers.delimiter and headers.key.separator");
        }
        Ok(())
    }

    fn read<'a>(&self, line: &'a str, number: u64) -> Result<Parsed<'a>> {
        let (headers, rest) = self.before(
            self.parse_headers,
            line,
            &self.headers_delimiter,
            "headers delimiter",
            (line, number),
        )?;
        let (key, value) = self.before(
            self.parse_key,
            rest,
            &self.key_separator,
            "key separator",
            (line, number),
        )?;
        let headers = match headers.and_then(|headers| self.not_null(headers)) {
            None => Vec::new(),
            Some(headers) => headers
                .split(self.headers_separator.as_str())
                .filter(|pair| !pair.is_empty())
                .map(|pair| self.header(pair, number))
                .collect::<Result<_>>()?,
        };
        Ok(Parsed {
            key: key.and_then(|key| self.not_null(key)),
            value: self.not_null(value),
            headers,
        })
    }

    /// What stands before the first `separator`, and what is behind it.
    fn before<'a>(
        &self,
        wanted: bool,
        text: &'a str,
        separator: &str,
        name: &str,
        (line, number): (&str, u64),
    ) -> Result<(Option<&'a str>, &'a str)> {
        if !wanted {
            return Ok((None, text));
        }
        match text.split_once(separator) {
            Some((before, behind)) => Ok((Some(before), behind)),
            None if self.ignore_error => Ok((None, text)),
            None => bail!("No {name} found on line number {number}: '{line}'"),
        }
    }

    fn header<'a>(&self, pair: &'a str, number: u64) -> Result<(&'a str, Option<&'a str>)> {
        match pair.split_once(self.headers_key_separator.as_str()) {
            Some((name, value)) => Ok((name, self.not_null(value))),
            None if self.ignore_error => Ok((pair, None)),
            None => {
                bail!("No header key separator found in pair '{pair}' on line number {number}")
            }
        }
    }

    fn not_null<'a>(&self, text: &'a str) -> Option<&'a str> {
        (self.null_marker.as_deref() != Some(text)).then_some(text)
    }
}

impl Reader {
    /// Reads a line; the first has number 1.
    ///
    /// # Errors
    /// It lacks what the properties say it has.
    pub(super) fn read<'a>(&self, line: &'a str, number: u64) -> Result<Parsed<'a>> {
        match self {
            Self::Kafka(reader) => reader.read(line, number),
            Self::Lenient { separator } => {
                let pair = separator
                    .as_deref()
                    .and_then(|separator| line.split_once(separator));
                let (key, value) = pair.map_or((None, line), |(key, value)| (Some(key), value));
                Ok(Parsed {
                    key,
                    value: Some(value),
                    headers: Vec::new(),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LineReader, Parsed, Reader};

    fn reader(properties: &[(&str, &str)]) -> Reader {
        let mut reader = LineReader::default();
        for (name, value) in properties {
            assert!(reader.set(name, value).expect("valid"), "{name}");
        }
        reader.check().expect("they can be told apart");
        Reader::Kafka(reader)
    }

    #[test]
    fn a_line_is_read_as_kafkas_producer_reads_it() {
        let whole = [
            ("parse.key", "true"),
            ("key.separator", "@"),
            ("parse.headers", "true"),
            ("null.marker", "NULL"),
        ];
        let whole = reader(&whole);
        let parsed = whole.read("h1:a,h2:NULL\tk@1@v", 1).expect("all is there");
        let meant = Parsed {
            key: Some("k"),
            value: Some("1@v"),
            headers: vec![("h1", Some("a")), ("h2", None)],
        };
        assert_eq!(parsed, meant);
        let nothing = whole.read("NULL\tNULL@NULL", 2).expect("all is null");
        assert_eq!(nothing, Parsed::default());
        let refused = |line| whole.read(line, 3).expect_err("not whole").to_string();
        assert_eq!(
            refused("abc"),
            "No headers delimiter found on line number 3: 'abc'"
        );
        assert_eq!(
            refused("h:1\tabc"),
            "No key separator found on line number 3: 'h:1\tabc'"
        );
        assert_eq!(
            refused("h\tk@v"),
            "No header key separator found in pair 'h' on line number 3"
        );
        let plain = reader(&[]).read("k:v\tw", 1).expect("a value");
        assert_eq!((plain.key, plain.value), (None, Some("k:v\tw")));
        let lenient = reader(&[("parse.key", "true"), ("ignore.error", "true")]);
        let parsed = lenient.read("abc", 1).expect("no key is no error");
        assert_eq!((parsed.key, parsed.value), (None, Some("abc")));
    }

    #[test]
    fn separators_that_cannot_be_told_apart_are_refused_in_kafkas_words() {
        let mut reader = LineReader::default();
        reader.set("null.marker", ",").expect("known");
        reader.set("key.separator", ",").expect("known");
        let refused = reader.check().expect_err("the same").to_string();
        assert_eq!(refused, "null.marker and key.separator may not be equal");
    }
}
