//! What is broken, in turn, with a victim chosen by the seed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

use super::load::{SharedLedger, open};
use super::testbed::Testbed;
use playground::state::ProcessName;
use wire::BrokerId;

/// Longer than the brokers' session, so that a frozen broker loses its roles.
const FREEZE_MS: Range<u64> = 1_800..3_500;

/// From back within the session to long after its end.
const DEAD_MS: Range<u64> = 100..3_000;

/// Between the followers' freeze and the leader's death: what the leader acknowledges alone meanwhile,
/// nobody else has. Much shorter than a session, so that the followers stay in the ISR.
const CUT_OFF: Duration = Duration::from_millis(400);

/// Long enough for the leader's session to end and another to be elected, before it may come back.
const ELECTION: Duration = Duration::from_secs(3);

/// Between a whole cluster and the next fault.
const CALM_MS: Range<u64> = 300..1_000;

/// One way to break something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// kill -9 a broker, start it again.
    Kill,
    /// Freeze a broker for longer than its session.
    Freeze,
    /// Stop a broker cleanly and start it again.
    Restart,
    /// Freeze the followers of a partition, then kill -9 its leader.
    KillBehindFrozenFollowers,
    /// kill -9 ZooKeeper, start it again.
    ZooKeeper,
}

impl Fault {
    /// What it is called in the output.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill -9",
            Self::Freeze => "freeze",
            Self::Restart => "restart",
            Self::KillBehindFrozenFollowers => "kill -9 behind frozen followers",
            Self::ZooKeeper => "zookeeper kill -9",
        }
    }
}

/// Deals out faults of a kind.
pub(super) struct Faults<K> {
    kinds: Vec<K>,
    /// Those of this round that are still to come.
    round: Vec<K>,
    random: StdRng,
    counts: BTreeMap<K, u32>,
}

impl Faults<Fault> {
    /// Breaks the next thing and mends it; the cluster may still be busy with it afterwards.
    /// `said` gets a sentence as it begins.
    pub(super) async fn strike(
        &mut self,
        testbed: &mut Testbed,
        ledger: &SharedLedger,
        said: impl FnOnce(String),
    ) -> Result<()> {
        let fault = self.deal()?;
        open(ledger).set_fault(fault.name());
        self.break_cluster(fault, testbed, said).await?;
        testbed.pass(self.calm(fault)).await
    }
}

impl<K: Copy + Ord> Faults<K> {
    /// The same seed deals the same faults to the same victims.
    pub(super) fn new(kinds: Vec<K>, seed: u64) -> Self {
        Self {
            kinds,
            round: Vec::new(),
            random: StdRng::seed_from_u64(seed),
            counts: BTreeMap::new(),
        }
    }

    /// How often each was done.
    pub(super) fn counts(&self) -> &BTreeMap<K, u32> {
        &self.counts
    }

    /// What is to be broken next: all kinds of a round before the next one.
    pub(super) fn deal(&mut self) -> Result<K> {
        if self.round.is_empty() {
            self.round.clone_from(&self.kinds);
            self.round.shuffle(&mut self.random);
        }
        self.round.pop().context("there is nothing to break")
    }

    /// Counts one that is done; how long nothing is broken after it.
    pub(super) fn calm(&mut self, done: K) -> Duration {
        *self.counts.entry(done).or_default() += 1;
        self.between(CALM_MS)
    }

    /// How long what was killed stays away.
    pub(super) fn time_dead(&mut self) -> Duration {
        self.between(DEAD_MS)
    }

    /// How long what is frozen stands still.
    pub(super) fn time_frozen(&mut self) -> Duration {
        self.between(FREEZE_MS)
    }

    /// One of the victims.
    pub(super) fn one_of(&mut self, victims: &[u32]) -> Result<u32> {
        let chosen = victims.choose(&mut self.random);
        chosen.copied().context("there is nobody to break")
    }

    /// Breaks something of the cluster and mends it. `said` gets a sentence as it begins.
    pub(super) async fn break_cluster(
        &mut self,
        fault: Fault,
        testbed: &mut Testbed,
        said: impl FnOnce(String),
    ) -> Result<()> {
        let victim = *testbed
            .brokers()
            .choose(&mut self.random)
            .unwrap_or(&BrokerId(1));
        let process = ProcessName::Broker(victim);
        match fault {
            Fault::Kill => {
                let dead = self.between(DEAD_MS);
                said(format!(
                    "{process}: kill -9, started again after {} ms",
                    dead.as_millis()
                ));
                testbed.kill(&process)?;
                testbed.pass(dead).await?;
                testbed.revive(&process)?;
            }
            Fault::Freeze => {
                let frozen = self.between(FREEZE_MS);
                said(format!("{process}: frozen for {} ms", frozen.as_millis()));
                testbed.freeze(&process)?;
                testbed.pass(frozen).await?;
                testbed.thaw(&process)?;
            }
            Fault::Restart => {
                said(format!("{process}: stopped cleanly and started again"));
                testbed.restart(&process)?;
                testbed.pass(Duration::from_millis(500)).await?;
            }
            Fault::KillBehindFrozenFollowers => self.cut_off(testbed, said).await?,
            Fault::ZooKeeper => {
                let dead = self.between(DEAD_MS);
                said(format!(
                    "zookeeper: kill -9, started again after {} ms",
                    dead.as_millis()
                ));
                testbed.kill(&ProcessName::ZooKeeper)?;
                testbed.pass(dead).await?;
                testbed.revive(&ProcessName::ZooKeeper)?;
            }
        }
        Ok(())
    }

    /// Kills a leader that has told nobody what it acknowledged last.
    async fn cut_off(&mut self, testbed: &mut Testbed, said: impl FnOnce(String)) -> Result<()> {
        let partitions = testbed.partitions().await?;
        let Some((leader, partition)) = partitions
            .choose(&mut self.random)
            .and_then(|partition| Some((partition.leader?, partition)))
        else {
            bail!("a partition has no leader");
        };
        let followers: Vec<ProcessName> = partition
            .replicas
            .iter()
            .filter(|replica| **replica != leader)
            .map(|replica| ProcessName::Broker(*replica))
            .collect();
        said(format!(
            "broker {leader}: kill -9 while the followers of partition {} stand still",
            partition.partition
        ));
        for follower in &followers {
            testbed.freeze(follower)?;
        }
        testbed.pass(CUT_OFF).await?;
        testbed.kill(&ProcessName::Broker(leader))?;
        for follower in &followers {
            testbed.thaw(follower)?;
        }
        testbed.pass(ELECTION).await?;
        testbed.revive(&ProcessName::Broker(leader))
    }

    fn between(&mut self, ms: Range<u64>) -> Duration {
        Duration::from_millis(self.random.random_range(ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_has_every_fault_and_a_seed_repeats_it() {
        let kinds = vec![Fault::Kill, Fault::Freeze, Fault::Restart];
        let deal = |seed| {
            let mut faults = Faults::new(kinds.clone(), seed);
            let dealt = (0..30).map(|_| faults.deal().expect("a kind"));
            dealt.collect::<Vec<_>>()
        };
        let dealt = deal(7);
        assert_eq!(dealt, deal(7));
        assert_ne!(dealt, deal(8));
        for round in dealt.chunks(3) {
            assert!(kinds.iter().all(|kind| round.contains(kind)));
        }
    }
}
