//! How far lessons were done, as a file in the settings folder keeps it.
//!
//! ```toml
//! done = ["record", "leader"]         # by their names
//!
//! [at.min-insync]                     # begun: it goes on at this step
//! step = 3
//! seconds = 130                       # so long it took until there
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::state::settings::{
    Mistake,
    toml_file::{Table, Value, parse},
};

/// Lessons that are kept in mind; a file that names more is no file of ours.
const LESSONS_MAX: usize = 1000;

/// How far each lesson was done, by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    pub done: BTreeSet<String>,
    pub begun: BTreeMap<String, Begun>,
}

/// Where a lesson goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    /// The step, counted from 0.
    pub step: usize,
    /// How long it took until there.
    pub used: Duration,
}

impl Progress {
    /// Reads the file.
    pub fn read(text: &str) -> Result<Self, Mistake> {
        parse(text, |table| {
            table.only(&["done", "at"])?;
            let done = table.get("done").map(read_done).transpose()?;
            let begun = table.get("at").map(read_begun).transpose()?;
            Ok(Self {
                done: done.unwrap_or_default(),
                begun: begun.unwrap_or_default(),
            })
        })
    }

    /// What the file holds.
    pub fn text(&self) -> String {
        let done: Vec<String> = self.done.iter().map(|name| quoted(name)).collect();
        let mut text = format!(
            "# How far the lessons of kafkarium were done. It writes this file.\ndone = [{}]\n",
            done.join(", ")
        );
        for (name, Begun { step, used }) in &self.begun {
            let _ = write!(
                text,
                "\n[at.{}]\nstep = {}\nseconds = {}\n",
                quoted(name),
                step + 1,
                used.as_secs().min(u64::from(u16::MAX))
            );
        }
        text
    }
}

/// A name in quotes, as TOML reads it.
fn quoted(name: &str) -> String {
    toml::Value::from(name).to_string()
}

fn read_done(list: Value<'_>) -> Result<BTreeSet<String>, Mistake> {
    let names = list.list()?;
    if let Some(one_too_many) = names.get(LESSONS_MAX) {
        return Err(one_too_many.wrong(format!("at most {LESSONS_MAX} lessons are kept")));
    }
    let names = names.iter().map(|name| name.string().map(str::to_owned));
    names.collect()
}

fn read_begun(table: Value<'_>) -> Result<BTreeMap<String, Begun>, Mistake> {
    let entries = table.table()?.entries();
    if let Some((one_too_many, _)) = entries.get(LESSONS_MAX) {
        return Err(one_too_many.wrong(format!("at most {LESSONS_MAX} lessons are kept")));
    }
    let read = |begun: Table<'_>| {
        begun.only(&["step", "seconds"])?;
        let seconds = begun.get("seconds").map(|seconds| seconds.number(0));
        let seconds = seconds.transpose()?.unwrap_or_default();
        Ok(Begun {
            step: usize::from(begun.need("step")?.number(1)? - 1),
            used: Duration::from_secs(seconds.into()),
        })
    };
    let entries = entries.into_iter();
    entries
        .map(|(name, begun)| Ok((name.string()?.to_owned(), read(begun.table()?)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Begun, Progress};

    #[test]
    fn what_is_kept_reads_back() {
        let mut progress = Progress::default();
        assert_eq!(Progress::read(&progress.text()), Ok(progress.clone()));
        progress
            .done
            .extend(["record".into(), "my \"own\".v2".into()]);
        let begun = Begun {
            step: 2,
            used: Duration::from_secs(130),
        };
        progress.begun.insert("min-insync".into(), begun);
        assert_eq!(Progress::read(&progress.text()), Ok(progress));
        assert_eq!(Progress::read(""), Ok(Progress::default()));
        let mistake = Progress::read("[at.leader]\nstep = 0").expect_err("counted from 1");
        assert_eq!((mistake.line, mistake.column), (2, 8));
    }
}
