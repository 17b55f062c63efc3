//! Kafkarium and Apache Kafka 3.9 + ZooKeeper, side by side on this machine, in one run.
//!
//! `cargo bench --bench compare` prints a Markdown table; `-- --readme` puts it into README.md too, and
//! `-- --only kafkarium` leaves Apache out (Apache needs Java and Maven). Linux only: memory and
//! CPU come from `/proc`. It takes about ten minutes. `-- --ready` measures only how soon a test has its cluster, in
//! about a minute.

mod account;
mod client;
mod engine;
mod figures;
mod measure;
mod perf_client;
mod ready;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::{
    engine::{Engine, SESSION_TIMEOUT_MS},
    measure::measure,
};

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
    let ours = wish
        .kafkarium
        .then(|| measure(Engine::Kafkarium { program }, jars.as_deref()))
        .transpose()?;
    let apache = jars
        .clone()
        .map(|jars| measure(Engine::Apache { jars: jars.clone() }, Some(&jars)))
        .transpose()?;
    let table = figures::table(ours.as_ref(), apache.as_ref());
    println!("Three brokers, ZooKeeper sessions of {SESSION_TIMEOUT_MS} ms, one run:\n\n{table}");
    if wish.what == What::Readme {
        figures::insert(
            &table,
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"),
        )?;
    }
    Ok(())
}

/// What the command line asks for.
struct Wish {
    kafkarium: bool,
    apache: bool,
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
}

impl Wish {
    fn read() -> Result<Self> {
        let mut wish = Self {
            kafkarium: true,
            apache: true,
            what: What::Figures,
        };
        let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
        while let Some(word) = words.next() {
            let only = (word == "--only").then(|| words.next()).flatten();
            match (word.as_str(), only.as_deref()) {
                ("--readme", None) => wish.what = What::Readme,
                ("--ready", None) => wish.what = What::Ready,
                ("--only", Some("kafkarium")) => wish.apache = false,
                ("--only", Some("apache")) => wish.kafkarium = false,
                _ => bail!(
                    "usage: cargo bench --bench compare [-- --only kafkarium|apache] [--ready | --readme]"
                ),
            }
        }
        Ok(wish)
    }
}
