//! `kafkarium engine`: releases of Apache Kafka that can be the brokers of a playground.

use anyhow::Result;
use clap::{Args, Subcommand};

use super::say::say;

/// Gets releases of Apache Kafka for --engine.
#[derive(Debug, Args)]
pub(super) struct EngineArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Gets a release with Maven, for example 3.9.2; one that is there is not fetched again.
    Fetch {
        /// Which release.
        version: String,
    },
    /// The releases that were fetched, and where they are.
    List,
}

/// Does it.
pub(super) fn run(arguments: &EngineArguments) -> Result<()> {
    match &arguments.what {
        What::Fetch { version } => {
            let jars = playground::fetch(version)?;
            say(&format!(
                "Apache Kafka {} is in {}",
                jars.version,
                jars.folder.display()
            ))?;
        }
        What::List => {
            for jars in playground::fetched()? {
                say(&format!("{}\t{}", jars.version, jars.folder.display()))?;
            }
        }
    }
    Ok(())
}
