//! The table: every figure of both clusters beside each other, with its ratio and its target.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result};

use crate::engine::Engine;

/// Whose figure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Kafkarium,
    Apache,
}

impl From<&Engine> for Column {
    fn from(engine: &Engine) -> Self {
        match engine {
            Engine::Kafkarium { .. } => Self::Kafkarium,
            Engine::Apache { .. } => Self::Apache,
        }
    }
}

/// What was measured.
pub struct Figures {
    /// How often each is taken.
    pub rounds: usize,
    /// In the order of measuring.
    rows: Vec<Row>,
}

/// One figure of both, as often as it was taken.
struct Row {
    name: String,
    unit: &'static str,
    kafkarium: Vec<f64>,
    apache: Vec<f64>,
}

/// What Kafkarium shall reach. A name that ends in a space is the beginning of the figure's.
const TARGETS: [(&str, Target); 10] = [
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
        "produce latency p99, one record a request, RF 3, acks=all, at ",
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
    (
        "kill -9 of a leader that is the controller to the first acknowledgement",
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
    pub fn new(rounds: usize) -> Self {
        Self {
            rounds,
            rows: Vec::new(),
        }
    }

    /// Notes a figure, once more where it was taken before, and says so.
    pub fn note(
        &mut self,
        column: Column,
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
    ) {
        let name = name.into();
        eprintln!("  {column:?}: {name}: {value:.3} {unit}");
        let at = self.rows.iter().position(|row| row.name == name);
        let at = at.unwrap_or_else(|| {
            self.rows.push(Row {
                name,
                unit,
                kafkarium: Vec::new(),
                apache: Vec::new(),
            });
            self.rows.len() - 1
        });
        let row = &mut self.rows[at];
        match column {
            Column::Kafkarium => row.kafkarium.push(value),
            Column::Apache => row.apache.push(value),
        }
    }

    /// The table in Markdown.
    pub fn table(&self) -> String {
        let mut text = String::from(
            "| figure | Kafkarium | Apache Kafka 3.9 + ZooKeeper | Kafkarium : Apache | target |\n\
             |---|---|---|---|---|\n",
        );
        for row in &self.rows {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} |",
                row.name,
                cell(&row.kafkarium, row.unit),
                cell(&row.apache, row.unit),
                ratio(median(&row.kafkarium), median(&row.apache)),
                target(&row.name),
            );
        }
        text
    }
}

/// The middle one.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// The median, and between what the runs lie where there were several.
fn cell(values: &[f64], unit: &str) -> String {
    let Some(middle) = median(values) else {
        return "-".into();
    };
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    let shown = digits(middle);
    if values.len() == 1 {
        format!("{middle:.shown$} {unit}")
    } else {
        format!("{middle:.shown$} {unit} ({least:.shown$} to {most:.shown$})")
    }
}

/// Three figures that mean something.
fn digits(value: f64) -> usize {
    match value {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    }
}

fn ratio(kafkarium: Option<f64>, apache: Option<f64>) -> String {
    match (kafkarium, apache) {
        (Some(ours), Some(apache)) if ours > 0.0 && apache > ours => {
            format!("1 : {:.1}", apache / ours)
        }
        (Some(ours), Some(apache)) if apache > 0.0 => format!("{:.1} : 1", ours / apache),
        _ => "-".into(),
    }
}

fn target(name: &str) -> String {
    let is_of = |known: &str| known == name || known.ends_with(' ') && name.starts_with(known);
    match TARGETS.iter().find(|(known, _)| is_of(known)) {
        None => String::new(),
        Some((_, Target::AtMost(times))) => format!("<= 1 : {times}"),
        Some((_, Target::AtLeast(times))) => format!(">= {times} : 1"),
        Some((_, Target::Seconds(seconds))) => format!("<= {seconds} s"),
    }
}

/// Puts the table, and what is said below it, between the marks of a Markdown file.
pub fn insert(text: &str, file: &Path) -> Result<()> {
    let shown = file.display();
    let before = fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let marks = || format!("{shown} has no lines {BEGIN} and {END}");
    let (head, rest) = before.split_once(BEGIN).with_context(marks)?;
    let (_, tail) = rest.split_once(END).with_context(marks)?;
    fs::write(file, format!("{head}{BEGIN}\n{text}{END}{tail}"))
        .with_context(|| format!("cannot write {shown}"))
}
