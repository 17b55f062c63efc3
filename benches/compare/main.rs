//! Kafkarium and Apache Kafka 3.9 + ZooKeeper, side by side on this machine, in one run.
//!
//! `cargo bench --bench compare` prints a Markdown table; `-- --readme` puts it into README.md too, and
//! `-- --only kafkarium` leaves Apache out (Apache needs Java and Maven). Linux only: memory and
//! CPU come from `/proc`. Every figure is taken five times, in turns, which takes about twenty minutes; `-- --rounds 1` takes
//! each once. `-- --ready` measures only how soon a test has its cluster, in about a minute, `-- --transactions` only
//! transactions, in two.

mod account;
mod client;
mod conditions;
mod engine;
mod faults;
mod figures;
mod latency;
mod loads;
mod measure;
mod perf_client;
mod ready;
mod transactions;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{conditions::Conditions, engine::Engine};

/// How often each figure is taken where nothing else is said.
const ROUNDS: usize = 5;

const USAGE: &str = "usage: cargo bench --bench compare [-- --only kafkarium|apache] [--rounds N] [--ready | --transactions | --readme]";

fn main() -> Result<()> {
    let wish = Wish::read()?;
    let program = PathBuf::from(env!("CARGO_BIN_EXE_kafkarium"));
    let target = program
        .parent()
        .and_then(Path::parent)
        .unwrap_or(Path::new("target"))
        .to_path_buf();
    // Fetched before anything is measured.
    let jars = wish.apache.then(|| engine::fetch(&target)).transpose()?;
    if wish.what == What::Ready {
        println!("{}", ready::ready(&program, jars.as_deref())?);
        return Ok(());
    }
    if wish.what == What::Transactions {
        let program = wish.kafkarium.then_some(program.as_path());
        println!("{}", transactions::transactions(program, jars.as_deref())?);
        return Ok(());
    }
    let mut conditions = Conditions::now()?;
    let mut engines = Vec::new();
    if wish.kafkarium {
        engines.push(Engine::Kafkarium { program });
    }
    if let Some(jars) = &jars {
        let heap = measure::better_heap(jars, wish.rounds, &mut conditions)?;
        let jars = jars.clone();
        engines.push(Engine::Apache { jars, heap });
    }
    let figures = measure::measure(&engines, jars.as_deref(), wish.rounds)?;
    let text = format!("{}\n{}", figures.table(), conditions.told()?);
    println!("{text}");
    if wish.what == What::Readme {
        figures::insert(
            &text,
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"),
        )?;
    }
    Ok(())
}

/// What the command line asks for.
struct Wish {
    kafkarium: bool,
    apache: bool,
    rounds: usize,
    what: What,
}

/// What is measured, and what becomes of it.
#[derive(PartialEq, Eq)]
enum What {
    /// Everything, printed.
    Figures,
    /// Everything, put into the README too.
    Readme,
    /// How soon a test has its cluster.
    Ready,
    /// Commits a second, what they cost, and how soon they are seen.
    Transactions,
}

impl Wish {
    fn read() -> Result<Self> {
        let mut wish = Self {
            kafkarium: true,
            apache: true,
            rounds: ROUNDS,
            what: What::Figures,
        };
        let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
        while let Some(word) = words.next() {
            let takes_value = ["--only", "--rounds"].contains(&word.as_str());
            let value = takes_value.then(|| words.next()).flatten();
            match (word.as_str(), value.as_deref()) {
                ("--readme", None) => wish.what = What::Readme,
                ("--ready", None) => wish.what = What::Ready,
                ("--transactions", None) => wish.what = What::Transactions,
                ("--only", Some("kafkarium")) => wish.apache = false,
                ("--only", Some("apache")) => wish.kafkarium = false,
                ("--rounds", Some(rounds)) => {
                    wish.rounds = rounds.parse().ok().filter(|it| *it > 0).context(USAGE)?;
                }
                _ => bail!(USAGE),
            }
        }
        Ok(wish)
    }
}
