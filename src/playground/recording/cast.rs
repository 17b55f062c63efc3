//! A recording of the screen: asciicast, version 2 (<https://docs.asciinema.org/manual/asciicast/v2/>).
//! Each line is on its way to the disk before the next frame, so that what was recorded is whole
//! however the program ends.

use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

use wire::shown;

/// A recording ends by itself at this size: hours of a busy screen, and nothing a player could not open.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A recording that goes on.
#[derive(Debug)]
pub(super) struct Cast<W = File> {
    out: W,
    began: Instant,
    bytes: u64,
}

impl<W: Write> Cast<W> {
    /// Begins with a screen of this size.
    pub(super) fn begin(out: W, (columns, rows): (u16, u16), title: &str) -> io::Result<Self> {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let mut cast = Self {
            out,
            began: Instant::now(),
            bytes: 0,
        };
        let term = std::env::var("TERM").unwrap_or_else(|_| "xterm-256color".into());
        cast.line(&json!({
            "version": 2,
            "width": columns,
            "height": rows,
            "timestamp": since_epoch.unwrap_or_default().as_secs(),
            "title": shown::line(title),
            "env": { "TERM": term },
        }))?;
        Ok(cast)
    }

    /// A frame: what the terminal got.
    pub(super) fn output(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.event("o", &String::from_utf8_lossy(bytes))
    }

    /// The window has this size now.
    pub(super) fn resized(&mut self, (columns, rows): (u16, u16)) -> io::Result<()> {
        self.event("r", &format!("{columns}x{rows}"))
    }

    /// Something was done here.
    pub(super) fn mark(&mut self, label: &str) -> io::Result<()> {
        self.event("m", &shown::line(label))
    }

    /// How long it has gone on.
    pub(super) fn length(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether it is as large as a recording gets.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= BYTES_MAX
    }

    fn event(&mut self, code: &str, data: &str) -> io::Result<()> {
        let millis = u32::try_from(self.began.elapsed().as_millis()).unwrap_or(u32::MAX);
        self.line(&json!([f64::from(millis) / 1000.0, code, data]))
    }

    fn line(&mut self, value: &serde_json::Value) -> io::Result<()> {
        let line = format!("{value}\n");
        self.bytes += line.len() as u64;
        self.out.write_all(line.as_bytes())?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::Cast;

    #[test]
    fn a_title_and_a_mark_do_not_command_who_plays_them() {
        let mut lines = Vec::new();
        let title = "demo\x1b]0;title\x07";
        let mut cast = Cast::begin(&mut lines, (120, 36), title).expect("memory takes it");
        cast.mark("topic \u{9b}31m").expect("memory takes it");
        let lines = String::from_utf8(lines).expect("text");
        let mut lines = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("each line is JSON"));
        let head = lines.next().expect("a header");
        assert_eq!(head["title"], r"demo\x1b]0;title\x07");
        assert_eq!(lines.next().expect("a mark")[2], r"topic \x9b31m");
    }

    #[test]
    fn a_recording_is_a_header_and_a_line_for_each_thing() {
        let mut lines = Vec::new();
        let mut cast = Cast::begin(&mut lines, (120, 36), "demo").expect("memory takes it");
        cast.output("\x1b[1mé".as_bytes()).expect("memory takes it");
        cast.mark("kill broker 3").expect("memory takes it");
        cast.resized((80, 24)).expect("memory takes it");
        let lines: Vec<Value> = String::from_utf8(lines)
            .expect("text")
            .lines()
            .map(|line| serde_json::from_str(line).expect("each line is JSON"))
            .collect();
        assert_eq!(lines[0]["version"], 2);
        assert_eq!(
            (&lines[0]["width"], &lines[0]["height"]),
            (&120.into(), &36.into())
        );
        let said: Vec<(&str, &str)> = lines[1..]
            .iter()
            .map(|line| {
                let [Value::Number(_), Value::String(code), Value::String(data)] =
                    line.as_array().expect("a list").as_slice()
                else {
                    panic!("{line}");
                };
                (code.as_str(), data.as_str())
            })
            .collect();
        assert_eq!(
            said,
            [("o", "\x1b[1mé"), ("m", "kill broker 3"), ("r", "80x24")]
        );
    }
}
