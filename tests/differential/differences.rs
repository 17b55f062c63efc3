//! What differs on purpose, and the judgement of what was seen by it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One question that was asked of both.
pub struct Outcome {
    pub case: String,
    pub version: i16,
    /// Lines that only one of them said; empty where both agree.
    pub lines: Vec<String>,
    /// The fields that they are about.
    pub fields: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    /// The case, or how the names of several begin, with `*` at its end.
    case: String,
    /// The fields that may differ there.
    fields: Vec<String>,
    reason: String,
}

#[derive(Deserialize)]
pub struct Differences {
    difference: Vec<Difference>,
}

pub struct Judgement {
    pub summary: String,
    pub unexplained: String,
}

impl Difference {
    fn explains(&self, outcome: &Outcome) -> bool {
        let named = match self.case.strip_suffix('*') {
            Some(start) => outcome.case.starts_with(start),
            None => outcome.case == self.case,
        };
        named && outcome.fields.iter().all(|it| self.fields.contains(it))
    }
}

impl Differences {
    pub fn read() -> Self {
        let known: Self =
            toml::from_str(include_str!("differences.toml")).expect("the table of differences");
        for difference in &known.difference {
            assert!(difference.reason.len() > 10, "{}", difference.case);
        }
        known
    }

    /// Sorts what was seen into what is known and what is not. A known difference that was not seen is
    /// as wrong as an unknown one: the table would no longer be true.
    pub fn judge(&self, outcomes: &[Outcome]) -> Judgement {
        let mut seen = vec![0; self.difference.len()];
        let mut unexplained: BTreeMap<&str, (Vec<i16>, &[String])> = BTreeMap::new();
        let mut differing = 0;
        for outcome in outcomes.iter().filter(|it| !it.lines.is_empty()) {
            differing += 1;
            let known = self.difference.iter().position(|it| it.explains(outcome));
            if let Some(count) = known.and_then(|at| seen.get_mut(at)) {
                *count += 1;
            } else {
                let entry = unexplained.entry(&outcome.case);
                let entry = entry.or_insert_with(|| (Vec::new(), &outcome.lines));
                entry.0.push(outcome.version);
            }
        }
        let unknown = unexplained.iter().map(|(case, (versions, lines))| {
            format!("\n{case}, versions {versions:?}:\n  {}", lines.join("\n  "))
        });
        let stale = self.difference.iter().zip(&seen);
        let stale = stale.filter(|(_, count)| **count == 0);
        let stale = stale.map(|(it, _)| format!("\nno longer different: {}", it.case));
        let unexplained = unknown.chain(stale).collect();
        Judgement {
            summary: format!(
                "{} questions, {} answered alike, {} differently for {} reasons that are known",
                outcomes.len(),
                outcomes.len() - differing,
                seen.iter().sum::<usize>(),
                self.difference.len(),
            ),
            unexplained,
        }
    }
}
