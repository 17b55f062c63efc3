//! `kafkarium verify`: breaks a cluster of its own for a while and counts what became of every acknowledged record.

mod faults;
mod ledger;
mod load;
mod testbed;
mod transactions;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;

use self::faults::{Fault, Faults};
use self::ledger::{Findings, Ledger};
use self::load::{Load, SharedLedger, open, read_back};
use self::testbed::Testbed;
use super::shutdown;

pub(super) use self::transactions::{WorkerArguments, run_worker};

/// The topic that is written and read.
const TOPIC: &str = "verify";

/// How long a cluster may take to be whole again after a fault.
const HEAL_PATIENCE: Duration = Duration::from_secs(30);

/// Fewer acknowledgements a second than this, on average, prove nothing.
const ACKED_PER_SECOND_MIN: u64 = 10;

/// Starts a cluster in a temporary folder, kills, freezes and restarts its brokers under a steady
/// producer, then reads everything back and compares it with what was acknowledged.
///
/// Exits with 0 if every acknowledged record is there, once, and in order; with 1 if not; with 2 if there
/// were no faults, elections or acknowledgements to speak of, or the cluster could not be run.
#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    /// How long to break things.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Who must have a record before it counts as written. With 1 a loss is possible, and provoked.
    #[arg(long, value_enum, default_value = "all")]
    acks: AcksWanted,
    /// Chooses the faults and their victims; the same seed chooses the same. Without it, by chance.
    #[arg(long)]
    seed: Option<u64>,
    /// How many brokers.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..=9))]
    brokers: i32,
    /// How many partitions.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(i32).range(1..=100))]
    partitions: i32,
    /// Records to send in a second.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Copy the records in transactions instead, with the offsets that were read, by processes that are killed, too:
    /// what was committed must be there once and what was aborted never, records and offsets together.
    #[arg(long, conflicts_with = "acks")]
    transactions: bool,
    /// With --transactions: how many processes copy.
    #[arg(long, requires = "transactions", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    producers: u32,
    /// Also kill and restart ZooKeeper.
    #[arg(long)]
    zookeeper: bool,
    /// Keep the cluster's data here instead of in a temporary folder.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// `acks`, as far as it promises anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AcksWanted {
    /// Every replica in sync.
    All,
    /// The leader alone.
    #[value(name = "1")]
    Leader,
}

impl AcksWanted {
    fn setting(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Leader => "1",
        }
    }

    /// With acks=1 every fault is one that can lose records; the others would only take time.
    fn faults(self, zookeeper: bool) -> Vec<Fault> {
        let mut faults = match self {
            Self::All => vec![
                Fault::Kill,
                Fault::Freeze,
                Fault::Restart,
                Fault::KillBehindFrozenFollowers,
                Fault::Kill,
            ],
            Self::Leader => vec![Fault::KillBehindFrozenFollowers],
        };
        if zookeeper {
            faults.push(Fault::ZooKeeper);
        }
        faults
    }
}

/// Everything a run found out.
struct Outcome {
    findings: Findings,
    faults: u32,
    elections: u64,
    /// What went wrong besides records: crashes, a cluster that did not heal.
    troubles: Vec<String>,
}

/// Runs it and says how it went, also as the exit code.
pub(super) fn run(arguments: &VerifyArguments) -> ExitCode {
    // Nothing in here may run on another thread: children live as long as the one that spawned them.
    let result = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .and_then(|runtime| {
            runtime.block_on(shutdown::until_signalled(|stop| verify(arguments, stop)))?
        });
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            say(&format!("kafkarium: {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// The exit code.
async fn verify(arguments: &VerifyArguments, stop: CancellationToken) -> Result<u8> {
    let seed = arguments.seed.unwrap_or_else(rand::random);
    say(&format!(
        "seed {seed}: --seed {seed} deals the same faults again"
    ));
    if arguments.transactions {
        return transactions::verify(arguments, seed, stop).await;
    }
    let (brokers, partitions) = (arguments.brokers, arguments.partitions);
    let mut testbed = Testbed::start(brokers, arguments.data_dir.clone()).await?;
    testbed.create_topic(TOPIC, partitions).await?;
    let ledger = Arc::new(Mutex::new(Ledger::new(usize::try_from(partitions)?)));
    let outcome = under_load(arguments, seed, &mut testbed, &ledger, stop).await;
    testbed.stop().await;
    Ok(judge(arguments, &outcome?))
}

async fn under_load(
    arguments: &VerifyArguments,
    seed: u64,
    testbed: &mut Testbed,
    ledger: &SharedLedger,
    stop: CancellationToken,
) -> Result<Outcome> {
    let elections_before = testbed.elections().await?;
    let mut faults = Faults::new(arguments.acks.faults(arguments.zookeeper), seed);
    let mut troubles = Vec::new();
    let bootstrap = testbed.bootstrap();
    let (acks, rate) = (arguments.acks, arguments.rate);
    let load = Load::start(&bootstrap, acks, arguments.partitions, rate, ledger)?;
    let start = Instant::now();
    let length = Duration::from_secs(arguments.seconds);
    testbed.pass(Duration::from_secs(1)).await?;
    while start.elapsed() < length && !stop.is_cancelled() {
        let at = start.elapsed().as_secs_f64();
        faults
            .strike(testbed, ledger, |what| say(&format!("{at:7.1} s  {what}")))
            .await?;
        if let Some(missing) = testbed.wait_whole(HEAL_PATIENCE).await? {
            let trouble = format!(
                "{at:.1} s: not whole {} s after the fault: {missing}",
                HEAL_PATIENCE.as_secs()
            );
            say(&trouble);
            troubles.push(trouble);
        }
    }
    // The children's pipes must be read while the last records are waited for.
    let finish = tokio::task::spawn_blocking(move || load.finish());
    tokio::pin!(finish);
    let finished = loop {
        tokio::select! {
            finished = &mut finish => break finished?,
            passed = testbed.pass(Duration::from_secs(1)) => passed?,
        }
    };
    open(ledger).close(Instant::now());
    if let Err(error) = finished {
        troubles.push(format!("{error:#}"));
    }
    if let Some(missing) = testbed.wait_whole(HEAL_PATIENCE).await? {
        // Leaders may be there all the same, and then everything can be read.
        troubles.push(format!("not whole at the end: {missing}"));
    }
    let read = read_back(&bootstrap, arguments.partitions).await?;
    troubles.extend(testbed.crashes().iter().cloned());
    let elections = testbed.elections().await?.saturating_sub(elections_before);
    let ledger = open(ledger);
    print_gaps(&ledger, &faults);
    if let (given_up @ 1.., Some(why)) = ledger.given_up_records() {
        say(&format!(
            "given up by the client: {given_up} records, the last one because: {why}"
        ));
    }
    Ok(Outcome {
        findings: ledger.compare(&read),
        faults: faults.counts().values().sum(),
        elections,
        troubles,
    })
}

/// How often each fault was done, and the longest that one partition was silent meanwhile.
fn print_gaps(ledger: &Ledger, faults: &Faults<Fault>) {
    for (fault, count) in faults.counts() {
        let gap = ledger.gaps().get(fault.name()).copied().unwrap_or_default();
        let name = fault.name();
        print(&format!(
            "{name:<32} {count:>4} x  longest gap {:.2} s",
            gap.as_secs_f64()
        ));
    }
    let longest = ledger.gaps().values().max().copied().unwrap_or_default();
    print(&format!("longest gap   {:>10.2} s", longest.as_secs_f64()));
}

/// Prints the counts; the exit code.
fn judge(arguments: &VerifyArguments, outcome: &Outcome) -> u8 {
    let findings = &outcome.findings;
    for (name, count) in [
        ("elections", outcome.elections),
        ("acked", findings.acked),
        ("lost", findings.lost),
        ("duplicated", findings.duplicated),
        ("out of order", findings.out_of_order),
        ("moved", findings.moved),
    ] {
        print(&format!("{name:<13} {count:>10}"));
    }
    for (partition, sequence, offset) in &findings.examples {
        print(&format!(
            "lost: record {sequence} of {TOPIC}-{partition}, acknowledged at offset {offset}"
        ));
    }
    for trouble in &outcome.troubles {
        print(&format!("trouble: {trouble}"));
    }
    let promises_order = arguments.acks == AcksWanted::All;
    let broken = findings.duplicated + findings.out_of_order + findings.moved;
    if findings.lost > 0 || !outcome.troubles.is_empty() || (promises_order && broken > 0) {
        return 1;
    }
    let acked_min = arguments.seconds * ACKED_PER_SECOND_MIN.min(u64::from(arguments.rate));
    if outcome.faults == 0 || outcome.elections == 0 || findings.acked < acked_min {
        print("nothing was proved: too few faults, elections or acknowledgements");
        return 2;
    }
    0
}

/// What is told as it happens.
fn say(line: &str) {
    let _ = super::say::tell(line);
}

/// The result.
fn print(line: &str) {
    let _ = super::say::say(&format!("{line}\n"));
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        verify: VerifyArguments,
    }

    fn code(line: &[&str], findings: Findings, elections: u64) -> u8 {
        let arguments = Line::parse_from([&["verify"], line].concat()).verify;
        let outcome = Outcome {
            findings,
            faults: 3,
            elections,
            troubles: Vec::new(),
        };
        judge(&arguments, &outcome)
    }

    fn findings(acked: u64, lost: u64, duplicated: u64) -> Findings {
        Findings {
            acked,
            lost,
            duplicated,
            ..Findings::default()
        }
    }

    #[test]
    fn the_exit_code_says_what_was_proved() {
        assert_eq!(code(&[], findings(90_000, 0, 0), 5), 0);
        assert_eq!(code(&[], findings(90_000, 1, 0), 5), 1);
        assert_eq!(code(&[], findings(90_000, 0, 1), 5), 1);
        assert_eq!(code(&["--acks", "1"], findings(90_000, 0, 1), 5), 0);
        assert_eq!(code(&["--acks", "1"], findings(90_000, 1, 0), 5), 1);
        assert_eq!(code(&[], findings(90_000, 0, 0), 0), 2);
        assert_eq!(code(&[], findings(5, 0, 0), 5), 2);
    }
}
