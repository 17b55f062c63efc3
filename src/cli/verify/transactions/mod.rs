//! `kafkarium verify --transactions`: several processes read one topic and write two others in transactions, with their
//! offsets, while they and the cluster are killed; then all that counts is compared with what they were told.

mod ledger;
mod read_back;
mod worker;
mod workers;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::sys::signal::Signal;
use tokio_util::sync::CancellationToken;

pub(crate) use self::worker::{WorkerArguments, run as run_worker};

use self::ledger::Findings;
use self::read_back::{read_on, read_outputs};
use self::workers::{Heard, Workers};
use super::faults::{Fault, Faults};
use super::ledger::Ledger as Source;
use super::load::{Load, SharedLedger};
use super::testbed::Testbed;
use super::{AcksWanted, HEAL_PATIENCE, TOPIC, VerifyArguments, print, say};
use playground::state::ProcessName;
use wire::{Offset, TopicPartition};

/// Where each record is copied to.
const OUTPUT_TOPICS: [&str; ledger::OUTPUTS] = ["verify-left", "verify-right"];

/// The group that shares the work.
const GROUP: &str = "verify";

/// How long the group may take to have read everything once nothing is broken any more: longer than the transaction of
/// a killed producer stays open.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(120);

/// How often it is looked whether a process has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Fewer transactions a second than this, on average, prove nothing.
const COMMITTED_PER_SECOND_MIN: u64 = 1;

/// Everything a run found out.
struct Outcome {
    findings: Findings,
    faults: u32,
    elections: u64,
    troubles: Vec<String>,
}

/// Runs it; the exit code.
pub(super) async fn verify(
    arguments: &VerifyArguments,
    seed: u64,
    stop: CancellationToken,
) -> Result<u8> {
    let (brokers, partitions) = (arguments.brokers, arguments.partitions);
    let mut testbed = Testbed::start(brokers, arguments.data_dir.clone()).await?;
    for topic in [&[TOPIC][..], &OUTPUT_TOPICS].concat() {
        testbed.create_topic(topic, partitions).await?;
    }
    let outcome = broken(arguments, seed, &mut testbed, stop).await;
    testbed.stop().await;
    Ok(judge(arguments.seconds, &outcome?))
}

async fn broken(
    arguments: &VerifyArguments,
    seed: u64,
    testbed: &mut Testbed,
    stop: CancellationToken,
) -> Result<Outcome> {
    let elections_before = testbed.elections().await?;
    let mut faults = Faults::new(Strike::all(arguments.zookeeper), seed);
    let mut troubles = Vec::new();
    let bootstrap = testbed.bootstrap();
    let partitions = arguments.partitions;
    let source: SharedLedger = Arc::new(Mutex::new(Source::new(usize::try_from(partitions)?)));
    let load = Load::start(
        &bootstrap,
        AcksWanted::All,
        partitions,
        arguments.rate,
        &source,
    )?;
    let mut workers = Workers::start(&bootstrap, arguments.producers)?;
    let start = Instant::now();
    let length = Duration::from_secs(arguments.seconds);
    // Faults before the first transaction break nothing.
    while workers.heard().ledger.committed() == 0 && start.elapsed() < HEAL_PATIENCE {
        pass(testbed, &mut workers, LOOK_AGAIN).await?;
    }
    while start.elapsed() < length && !stop.is_cancelled() {
        let at = start.elapsed().as_secs_f64();
        let told = |what: String| say(&format!("{at:7.1} s  {what}"));
        strike(&mut faults, testbed, &mut workers, told).await?;
        if let Some(missing) = testbed.wait_whole(HEAL_PATIENCE).await? {
            let trouble = format!(
                "{at:.1} s: not whole {} s after the fault: {missing}",
                HEAL_PATIENCE.as_secs()
            );
            say(&trouble);
            troubles.push(trouble);
        }
    }
    let finish = tokio::task::spawn_blocking(move || load.finish());
    while !finish.is_finished() {
        pass(testbed, &mut workers, LOOK_AGAIN).await?;
    }
    if let Err(error) = finish.await? {
        troubles.push(format!("{error:#}"));
    }
    if let Some(missing) = testbed.wait_whole(HEAL_PATIENCE).await? {
        troubles.push(format!("not whole at the end: {missing}"));
    }
    troubles.extend(catch_up(&bootstrap, testbed, &mut workers).await?);
    let Heard { ledger, gave_up } = workers.stop().await?;
    for (why, count) in gave_up {
        say(&format!("{count} times a producer gave up: {why}"));
    }
    let read_on = read_on(&bootstrap).await?;
    let outputs = read_outputs(&bootstrap, partitions).await?;
    troubles.extend(testbed.crashes().iter().cloned());
    for (fault, count) in faults.counts() {
        print(&format!("{:<32} {count:>4} x", fault.name()));
    }
    Ok(Outcome {
        findings: ledger.compare(&outputs, &read_on),
        faults: faults.counts().values().sum(),
        elections: testbed.elections().await?.saturating_sub(elections_before),
        troubles,
    })
}

/// One way to break something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strike {
    Cluster(Fault),
    /// kill -9 a producer, start it again.
    KillProducer,
    /// Freeze a producer, mostly for longer than its session.
    FreezeProducer,
    /// kill -9 every broker and every producer, start them again.
    KillEverything,
}

impl Strike {
    fn name(self) -> &'static str {
        match self {
            Self::Cluster(fault) => fault.name(),
            Self::KillProducer => "producer kill -9",
            Self::FreezeProducer => "producer freeze",
            Self::KillEverything => "everything kill -9",
        }
    }

    fn all(zookeeper: bool) -> Vec<Self> {
        let cluster = AcksWanted::All.faults(zookeeper).into_iter();
        let mut all: Vec<Self> = cluster.map(Self::Cluster).collect();
        all.extend([
            Self::KillProducer,
            Self::FreezeProducer,
            Self::KillProducer,
            Self::KillEverything,
        ]);
        all
    }
}

/// Breaks the next thing, a process of ours or one of the cluster's.
async fn strike(
    faults: &mut Faults<Strike>,
    testbed: &mut Testbed,
    workers: &mut Workers,
    said: impl FnOnce(String),
) -> Result<()> {
    let strike = faults.deal()?;
    let producers = workers.numbers();
    match strike {
        Strike::Cluster(fault) => faults.break_cluster(fault, testbed, said).await?,
        Strike::KillProducer => {
            let (number, dead) = (faults.one_of(&producers)?, faults.time_dead());
            let ms = dead.as_millis();
            said(format!(
                "producer {number}: kill -9, started again after {ms} ms"
            ));
            workers.kill(number).await?;
            testbed.pass(dead).await?;
            workers.revive()?;
        }
        Strike::FreezeProducer => {
            let (number, frozen) = (faults.one_of(&producers)?, faults.time_frozen());
            said(format!(
                "producer {number}: frozen for {} ms",
                frozen.as_millis()
            ));
            workers.signal(number, Signal::SIGSTOP)?;
            testbed.pass(frozen).await?;
            workers.signal(number, Signal::SIGCONT)?;
        }
        Strike::KillEverything => {
            said("every broker and every producer: kill -9, started again".to_owned());
            let brokers = testbed.brokers().to_vec();
            for broker in &brokers {
                testbed.kill(&ProcessName::Broker(*broker))?;
            }
            for number in producers {
                workers.kill(number).await?;
            }
            testbed.pass(faults.time_dead()).await?;
            for broker in &brokers {
                testbed.revive(&ProcessName::Broker(*broker))?;
            }
            workers.revive()?;
        }
    }
    pass(testbed, workers, faults.calm(strike)).await
}

/// Lets time pass and starts again what ended by itself meanwhile.
async fn pass(testbed: &mut Testbed, workers: &mut Workers, time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        testbed.pass(left.min(LOOK_AGAIN)).await?;
        workers.revive()?;
        if left.is_zero() {
            return Ok(());
        }
    }
}

/// Waits until the group has read everything; what it has not in the end.
async fn catch_up(
    bootstrap: &str,
    testbed: &mut Testbed,
    workers: &mut Workers,
) -> Result<Option<String>> {
    let deadline = Instant::now() + CATCH_UP_PATIENCE;
    loop {
        let missing = behind(bootstrap).await;
        match missing {
            Ok(missing) if missing.is_empty() => return Ok(None),
            Ok(missing) if Instant::now() > deadline => {
                return Ok(Some(format!(
                    "{} s later the group has not read everything: {missing:?}",
                    CATCH_UP_PATIENCE.as_secs()
                )));
            }
            Err(error) if Instant::now() > deadline => return Err(error),
            _ => pass(testbed, workers, LOOK_AGAIN).await?,
        }
    }
}

/// The partitions of the source that are not read to their end: where the group reads on, and the end.
async fn behind(bootstrap: &str) -> Result<BTreeMap<TopicPartition, (Offset, Offset)>> {
    let ends = read_back::ends(bootstrap, TOPIC).await?;
    let read_on = read_on(bootstrap).await?;
    let behind = ends.into_iter().map(|(at, end)| {
        let offset = read_on.get(&at.partition).copied().unwrap_or_default();
        (at, (offset, end))
    });
    Ok(behind.filter(|(_, (offset, end))| offset < end).collect())
}

/// Prints the counts; the exit code.
fn judge(seconds: u64, outcome: &Outcome) -> u8 {
    let findings = &outcome.findings;
    for (name, count) in [
        ("elections", outcome.elections),
        ("committed", findings.committed),
        ("aborted", findings.aborted),
        ("untold", findings.untold),
        ("records", findings.copied),
        ("lost", findings.lost),
        ("duplicated", findings.duplicated),
        ("aborted and seen", findings.aborted_seen),
        ("torn", findings.torn),
        ("out of order", findings.out_of_order),
        ("record without offset", findings.without_offset),
        ("offset without record", findings.without_record),
    ] {
        print(&format!("{name:<22} {count:>10}"));
    }
    for example in &findings.examples {
        print(example);
    }
    for trouble in &outcome.troubles {
        print(&format!("trouble: {trouble}"));
    }
    if findings.violations() > 0 || !outcome.troubles.is_empty() {
        return 1;
    }
    let committed_min = seconds * COMMITTED_PER_SECOND_MIN;
    if outcome.faults == 0 || outcome.elections == 0 || findings.committed < committed_min {
        print("nothing was proved: too few faults, elections or transactions");
        return 2;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_says_what_was_proved() {
        let code = |committed: u64, torn: u64, troubles: &[&str]| {
            let outcome = Outcome {
                findings: Findings {
                    committed,
                    torn,
                    ..Findings::default()
                },
                faults: 3,
                elections: 5,
                troubles: troubles.iter().map(|it| (*it).to_owned()).collect(),
            };
            judge(10, &outcome)
        };
        assert_eq!(code(50, 0, &[]), 0);
        assert_eq!(code(50, 1, &[]), 1);
        assert_eq!(code(50, 0, &["the group has not read everything"]), 1);
        assert_eq!(code(5, 0, &[]), 2);
    }
}
