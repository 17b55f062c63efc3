//! The table: every figure of both clusters beside each other, with its ratio and its target.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result};

/// What one cluster was measured at, in the order of measuring.
#[derive(Default)]
pub struct Figures(Vec<Figure>);

/// One figure.
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
}

/// What Kafkarium shall reach, as a multiple of Apache's figure.
const TARGETS: [(&str, Target); 9] = [
    (
        "launch to first acks=all record, RF 3",
        Target::AtMost(50.0),
    ),
    ("memory (PSS) of all servers, idle", Target::AtMost(25.0)),
    ("CPU of all servers, idle", Target::AtMost(10.0)),
    ("produce 100 B, RF 3, acks=all", Target::AtLeast(2.0)),
    (
        "server CPU for a million: 100 B, RF 3, acks=all",
        Target::AtMost(3.0),
    ),
    (
        "produce latency p99 at 1,000/s, RF 3, acks=all",
        Target::AtMost(3.0),
    ),
    (
        "memory (PSS) of all servers, after the loads",
        Target::AtMost(15.0),
    ),
    (
        "kill -9 of a leader to the first acknowledgement",
        Target::Seconds(1.6),
    ),
    ("restart to full ISR", Target::AtMost(10.0)),
];

/// A bound for a figure.
#[derive(Clone, Copy)]
enum Target {
    /// Apache's figure divided by this, or less.
    AtMost(f64),
    /// Apache's figure times this, or more.
    AtLeast(f64),
    /// Not a ratio: the session timeout and 100 ms.
    Seconds(f64),
}

/// Between these lines of a file stands the table.
const BEGIN: &str = "<!-- figures -->";
const END: &str = "<!-- /figures -->";

impl Figures {
    /// Notes a figure and says so.
    pub fn note(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        let name = name.into();
        eprintln!("  {name}: {value:.3} {unit}");
        self.0.push(Figure { name, value, unit });
    }

    fn value(&self, name: &str) -> Option<f64> {
        let figure = self.0.iter().find(|figure| figure.name == name)?;
        Some(figure.value)
    }
}

/// The table in Markdown.
pub fn table(ours: Option<&Figures>, apache: Option<&Figures>) -> String {
    let mut text = String::from(
        "| figure | Kafkarium | Apache Kafka 3.9 + ZooKeeper | Kafkarium : Apache | target |\n\
         |---|---|---|---|---|\n",
    );
    for Figure { name, unit, .. } in ours.or(apache).into_iter().flat_map(|all| &all.0) {
        let ours = ours.and_then(|all| all.value(name));
        let apache = apache.and_then(|all| all.value(name));
        let cell = |value: Option<f64>| {
            value.map_or_else(|| "-".into(), |value| format!("{value:.3} {unit}"))
        };
        let ratio = match (ours, apache) {
            (Some(ours), Some(apache)) if ours > 0.0 && apache > ours => {
                format!("1 : {:.1}", apache / ours)
            }
            (Some(ours), Some(apache)) if apache > 0.0 => format!("{:.1} : 1", ours / apache),
            _ => "-".into(),
        };
        let target = TARGETS.iter().find(|(known, _)| known == name);
        let target = match target {
            None => String::new(),
            Some((_, Target::AtMost(times))) => format!("<= 1 : {times}"),
            Some((_, Target::AtLeast(times))) => format!(">= {times} : 1"),
            Some((_, Target::Seconds(seconds))) => format!("<= {seconds} s"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {ratio} | {target} |",
            cell(ours),
            cell(apache)
        );
    }
    text
}

/// Puts the table between the marks of a Markdown file.
pub fn insert(table: &str, file: &Path) -> Result<()> {
    let shown = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let marks = || format!("{shown} has no lines {BEGIN} and {END}");
    let (before, rest) = text.split_once(BEGIN).with_context(marks)?;
    let (_, after) = rest.split_once(END).with_context(marks)?;
    fs::write(file, format!("{before}{BEGIN}\n{table}{END}{after}"))
        .with_context(|| format!("cannot write {shown}"))
}
