//! A leader's view of its partition: followers' progress, the ISR and the high watermark.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use uuid::Uuid;

use crate::image::{ClusterImage, PartitionImage, TopicImage};
#[cfg(test)]
use crate::planted::{self, Bug};
use wire::{BrokerId, LeaderEpoch, Offset, TopicPartition};

/// One partition as its leader sees it, for as long as it leads in one epoch.
#[derive(Debug, Clone)]
pub(crate) struct Leader {
    own: BrokerId,
    epoch: LeaderEpoch,
    /// The log's end when this epoch began. Below it lie records of earlier leaders.
    epoch_start: Offset,
    log_end: Offset,
    /// Never falls, never above `log_end`.
    high_watermark: Offset,
    /// The ISR in the state znode, in its order.
    isr: Vec<BrokerId>,
    /// The version of the state znode that holds `isr`: what the next write of it must name.
    version: i32,
    /// Replicas that must be in sync for anything more to count as committed; never more than there are.
    min_isr: usize,
    /// The write that is under way; there is one at a time.
    pending: Option<IsrWrite>,
    /// The other replicas.
    followers: BTreeMap<BrokerId, Follower>,
}

/// How a broker begins to lead.
#[derive(Debug, Clone)]
pub(crate) struct LeaderStart<'a> {
    pub(crate) own: BrokerId,
    pub(crate) epoch: LeaderEpoch,
    pub(crate) replicas: &'a [BrokerId],
    pub(crate) isr: &'a [BrokerId],
    pub(crate) version: i32,
    pub(crate) min_isr: usize,
    pub(crate) log_end: Offset,
    pub(crate) high_watermark: Offset,
    pub(crate) now: Instant,
}

/// What the leader knows of one follower.
#[derive(Debug, Clone)]
struct Follower {
    /// The offset of its last fetch: everything below is in its log. `None` before its first fetch in this epoch.
    log_end: Option<Offset>,
    /// Where its log starts, as its last fetch said.
    log_start: Offset,
    /// When it last had everything, as far as its fetches tell.
    caught_up_at: Option<Instant>,
    last_fetch: Option<LastFetch>,
}

#[derive(Debug, Clone, Copy)]
struct LastFetch {
    at: Instant,
    /// The leader's end at that time.
    leader_end: Offset,
}

/// A follower's fetch, whose leader epoch is the leader's own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FollowerFetch {
    pub(crate) broker: BrokerId,
    /// Its log's end.
    pub(crate) offset: Offset,
    pub(crate) log_start: Offset,
    /// Whether the broker epoch it names is the one it is registered under: an old process, or one whose
    /// session ended, must not enter the ISR.
    pub(crate) registered: bool,
    pub(crate) now: Instant,
}

/// A change of the ISR that the state znode does not know yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IsrWrite {
    pub(crate) epoch: LeaderEpoch,
    pub(crate) isr: Vec<BrokerId>,
    /// The version the state znode must still have.
    pub(crate) version: i32,
    /// In words.
    pub(crate) why: String,
}

impl IsrWrite {
    /// The topic and the state that it was decided on, if the image still has them: this broker leads the same topic's
    /// partition in that epoch, and its state has that version.
    pub(crate) fn decided_on<'a>(
        &self,
        image: &'a ClusterImage,
        at: &TopicPartition,
        topic_id: Uuid,
        own: BrokerId,
    ) -> Option<(&'a TopicImage, &'a PartitionImage)> {
        let topic = image.topics.get(&at.topic)?;
        let state = topic.partitions.get(&at.partition)?;
        let is_it = topic.id == topic_id
            && state.version == self.version
            && state.leader_epoch == self.epoch
            && state.leader == Some(own);
        is_it.then_some((topic, state))
    }
}

/// What became of an [`IsrWrite`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteOutcome {
    /// The state znode holds it, in this version.
    Written { version: i32 },
    /// Another write came first, and the image tells which: until it does, the high watermark waits on, for
    /// that other write may have made the same replicas eligible.
    Superseded,
    /// It was not written, and will not be.
    NotWritten,
}

impl Leader {
    /// Begins to lead. Followers count as caught up now if they are in the ISR.
    pub(crate) fn new(start: &LeaderStart) -> Self {
        let mut leader = Self {
            own: start.own,
            epoch: start.epoch,
            epoch_start: start.log_end,
            log_end: start.log_end,
            high_watermark: start.high_watermark.min(start.log_end),
            isr: start.isr.to_vec(),
            version: start.version,
            min_isr: start.min_isr,
            pending: None,
            followers: BTreeMap::new(),
        };
        leader.assign(start.replicas, start.now);
        leader.advance();
        leader
    }

    pub(crate) fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    pub(crate) fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    pub(crate) fn isr(&self) -> &[BrokerId] {
        &self.isr
    }

    #[cfg(test)]
    fn version(&self) -> i32 {
        self.version
    }

    /// Whether latest offsets may be told: below the epoch's start, what an earlier leader told
    /// could seem to be withdrawn (KIP-207).
    pub(crate) fn knows_high_watermark(&self) -> bool {
        #[cfg(test)]
        if planted::is(Bug::LatestOffsetTooEarly) {
            return true;
        }
        self.high_watermark >= self.epoch_start
    }

    /// Where the log starts on every in-sync replica, given where it starts here: what DeleteRecords waits for.
    pub(crate) fn low_watermark(&self, log_start: Offset) -> Offset {
        self.isr
            .iter()
            .filter_map(|broker| self.followers.get(broker))
            .map(|follower| follower.log_start)
            .fold(log_start, Offset::min)
    }

    /// Whether a broker is assigned as a follower.
    pub(crate) fn has_replica(&self, broker: BrokerId) -> bool {
        self.followers.contains_key(&broker)
    }

    /// Takes the replicas as they are assigned now.
    pub(crate) fn assign(&mut self, replicas: &[BrokerId], now: Instant) {
        self.followers
            .retain(|broker, _| replicas.contains(broker) || self.isr.contains(broker));
        for &broker in replicas.iter().chain(&self.isr) {
            if broker != self.own {
                self.followers.entry(broker).or_insert_with(|| Follower {
                    log_end: None,
                    log_start: Offset::default(),
                    caught_up_at: self.isr.contains(&broker).then_some(now),
                    last_fetch: None,
                });
            }
        }
    }

    /// Takes the state that was read from the znode, if it is newer than what is known.
    pub(crate) fn observe(&mut self, isr: &[BrokerId], version: i32, now: Instant) {
        if version <= self.version {
            return;
        }
        for broker in isr {
            if let Some(follower) = self.followers.get_mut(broker)
                && !self.isr.contains(broker)
            {
                follower.caught_up_at.get_or_insert(now);
            }
        }
        self.isr = isr.to_vec();
        self.version = version;
        // A write that named the older version was this one or never will be; its outcome finds nothing to do.
        self.pending = None;
        self.advance();
    }

    /// Takes another `min.insync.replicas`.
    pub(crate) fn require(&mut self, min_isr: usize) {
        self.min_isr = min_isr;
        self.advance();
    }

    /// The log grew. Returns whether the high watermark rose.
    pub(crate) fn appended(&mut self, log_end: Offset) -> bool {
        assert!(log_end >= self.log_end, "a leader's log never shrinks");
        self.log_end = log_end;
        self.advance()
    }

    /// A follower fetched. Returns whether the high watermark rose or the follower's log start moved. It
    /// may allow the follower to [`Leader::enter`] the ISR.
    pub(crate) fn fetched(&mut self, fetch: &FollowerFetch) -> bool {
        let Some(follower) = self.followers.get_mut(&fetch.broker) else {
            return false;
        };
        // A fetch at what was the end at the one before shows that it had everything back then.
        let caught_up = match follower.last_fetch {
            _ if fetch.offset >= self.log_end => Some(fetch.now),
            Some(last) if fetch.offset >= last.leader_end => Some(last.at),
            _ => None,
        };
        follower.caught_up_at = follower.caught_up_at.max(caught_up);
        follower.log_end = Some(fetch.offset.min(self.log_end));
        let started = std::mem::replace(&mut follower.log_start, fetch.log_start);
        follower.last_fetch = Some(LastFetch {
            at: fetch.now,
            leader_end: self.log_end,
        });
        self.advance() || started != fetch.log_start
    }

    /// Whether this fetch lets its sender enter the ISR: it is assigned, registered, and has everything
    /// that is committed and everything of earlier epochs.
    pub(crate) fn may_enter(&self, fetch: &FollowerFetch) -> bool {
        let has_committed = fetch.offset >= self.high_watermark;
        let has_earlier = fetch.offset >= self.epoch_start;
        #[cfg(test)]
        let has_committed = has_committed || planted::is(Bug::EntryBelowHighWatermark);
        #[cfg(test)]
        let has_earlier = has_earlier || planted::is(Bug::EntryBelowEpochStart);
        self.pending.is_none()
            && fetch.registered
            && self.followers.contains_key(&fetch.broker)
            && !self.isr.contains(&fetch.broker)
            && has_committed
            && has_earlier
    }

    /// Begins to write an ISR with the sender of `fetch` in it. From now on the high watermark waits for it,
    /// until it is known what became of the write.
    pub(crate) fn enter(&mut self, fetch: &FollowerFetch) -> Option<IsrWrite> {
        if !self.may_enter(fetch) {
            return None;
        }
        let mut isr = self.isr.clone();
        isr.push(fetch.broker);
        Some(self.begin(isr, format!("broker {} caught up", fetch.broker)))
    }

    /// Begins to write an ISR without those that have not been caught up for `lag_time_max`. The high watermark
    /// waits for them until it is written: the next leader might be one of them.
    pub(crate) fn shrink(&mut self, now: Instant, lag_time_max: Duration) -> Option<IsrWrite> {
        if self.pending.is_some() {
            return None;
        }
        let lagging: BTreeSet<BrokerId> = self
            .isr
            .iter()
            .copied()
            .filter(|broker| self.is_lagging(*broker, now, lag_time_max))
            .collect();
        if lagging.is_empty() {
            return None;
        }
        let names = lagging
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        let isr = self
            .isr
            .iter()
            .copied()
            .filter(|broker| !lagging.contains(broker))
            .collect();
        let why = format!(
            "broker {names} fell behind for {} ms",
            lag_time_max.as_millis()
        );
        Some(self.begin(isr, why))
    }

    /// The fate of a write. Returns whether the high watermark rose.
    pub(crate) fn written(&mut self, write: &IsrWrite, outcome: WriteOutcome) -> bool {
        if !self.awaits(write) {
            return false;
        }
        match outcome {
            WriteOutcome::Written { version } => {
                self.isr.clone_from(&write.isr);
                self.version = version;
            }
            WriteOutcome::Superseded => return false,
            WriteOutcome::NotWritten => {}
        }
        self.pending = None;
        self.advance()
    }

    /// Whether the fate of a write is not known yet.
    pub(crate) fn awaits(&self, write: &IsrWrite) -> bool {
        self.pending.as_ref() == Some(write)
    }

    fn begin(&mut self, isr: Vec<BrokerId>, why: String) -> IsrWrite {
        let write = IsrWrite {
            epoch: self.epoch,
            isr,
            version: self.version,
            why,
        };
        self.pending = Some(write.clone());
        write
    }

    fn is_lagging(&self, broker: BrokerId, now: Instant, lag_time_max: Duration) -> bool {
        self.followers.get(&broker).is_some_and(|follower| {
            follower.log_end != Some(self.log_end)
                && follower
                    .caught_up_at
                    .is_none_or(|at| now.saturating_duration_since(at) > lag_time_max)
        })
    }

    /// Raises the high watermark to the least end of those who may be in the ISR: the committed one and
    /// pending additions. A pending removal still counts. With fewer in sync than `min.insync.replicas` it stands
    /// still: what few replicas have may be gone with them, and nobody shall have seen it (KAFKA-15583).
    fn advance(&mut self) -> bool {
        if self.isr.len() < self.min_isr {
            return false;
        }
        let added = self.pending.iter().flat_map(|write| &write.isr);
        let counts = self.isr.iter().chain(added);
        #[cfg(test)]
        let counts = counts.filter(|broker| self.counts_with_planted_bug(**broker));
        let least = counts
            .filter(|broker| **broker != self.own)
            .map(|broker| {
                self.followers
                    .get(broker)
                    .and_then(|follower| follower.log_end)
                    .unwrap_or_default()
            })
            .min()
            .unwrap_or(self.log_end)
            .min(self.log_end);
        let rose = least > self.high_watermark;
        if rose {
            self.high_watermark = least;
        }
        rose
    }

    #[cfg(test)]
    fn counts_with_planted_bug(&self, broker: BrokerId) -> bool {
        let is_pending = |write: &IsrWrite| write.isr.contains(&broker);
        let pending = self.pending.as_ref().map(is_pending);
        if planted::is(Bug::PendingIsrIgnored) {
            return self.isr.contains(&broker);
        }
        !(planted::is(Bug::ShrinkBeforeWrite) && pending == Some(false))
    }
}

#[cfg(test)]
mod tests;
