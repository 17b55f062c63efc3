//! A broker and `__consumer_offsets`: what it appends, what becomes of that, and who leads.

use super::{
    GROUP,
    broker::{Process, Write},
    offsets_log::{Entry, Says},
    world::{Event, World},
};
use crate::coordinator::{self, Request, StoredRecord, WriteId};
use wire::{BrokerId, ErrorCode, LeaderEpoch};

/// `offsets.commit.timeout.ms`.
const COMMIT_TIMEOUT: u64 = 50;

impl World {
    /// Appends what a coordinator decided on, if this broker still leads, as far as it knows.
    pub(super) fn store(
        &mut self,
        id: BrokerId,
        process: &mut Process,
        write: WriteId,
        epoch: LeaderEpoch,
        records: Vec<StoredRecord>,
    ) -> Result<(), ErrorCode> {
        let batch: Vec<Entry> = records.into_iter().map(Entry::of).collect();
        // A commit writes within the step that took its request in, which came last.
        let newest = process.waiting.iter_mut().next_back();
        let newest = newest.map(|(_, waiting)| waiting);
        let commit = newest.filter(|it| {
            let brings = |entry: &Entry| matches!(entry.says, Says::Offset(_, Some(_)));
            let fits = match it.request {
                Request::Commit(_) => batch.iter().all(brings),
                Request::DeleteOffsets { .. } | Request::DeleteGroup { .. } => true,
                _ => false,
            };
            fits && it.written.is_none()
        });
        let by = commit.as_ref().and_then(|waiting| match &waiting.request {
            Request::Commit(by) => Some(by),
            _ => None,
        });
        let group = process.coordinator.describe(GROUP).ok().flatten();
        let group = group.as_ref();
        self.ledger.stores(epoch, &batch, by, group, &self.log);
        if batch
            .iter()
            .any(|it| matches!(it.says, Says::Generation(None)))
        {
            process.life = self.ledger.group_is_gone(epoch, &self.log);
        }
        let refused = if process.hears != (epoch, Some(id)) {
            Some(ErrorCode::NotLeaderOrFollower)
        } else if self.lacks_replicas {
            Some(ErrorCode::NotEnoughReplicas)
        } else {
            None
        };
        if let Some(error) = refused {
            self.ledger.not_stored(epoch, &batch);
            return Err(error);
        }
        let index = self.log.append(epoch, batch);
        if let Some(commit) = commit {
            commit.written = Some((epoch, index));
        }
        let written = Write {
            epoch,
            index,
            is_decided: false,
        };
        process.writes.insert(write, written);
        let delay = self.replication_delay();
        self.after(delay, Event::Replicated(epoch, index + 1));
        let incarnation = self.broker(id).incarnation;
        let result = Err(ErrorCode::RequestTimedOut);
        let late = Event::Outcome(id, incarnation, write, result);
        self.after(COMMIT_TIMEOUT, late);
        Ok(())
    }

    /// In-sync replicas have what their leader had up to `end`.
    pub(super) fn replicated(&mut self, epoch: LeaderEpoch, end: usize) {
        let Some(leader) = self.log.leader else {
            return;
        };
        if self.broker(leader).is_frozen {
            // Followers ask, and nobody answers.
            self.after(3, Event::Replicated(epoch, end));
            return;
        }
        let runs = self.broker(leader).process.is_some();
        if !runs || !self.log.replicated(epoch, end) {
            return;
        }
        let committed = self.log.committed(epoch);
        let result = if self.lacks_replicas {
            Err(ErrorCode::NotEnoughReplicasAfterAppend)
        } else {
            Ok(())
        };
        self.decide(leader, result, |write| {
            write.epoch == epoch && write.index < committed
        });
    }

    /// Lets the outcome of some writes come, each in its own time.
    fn decide(
        &mut self,
        id: BrokerId,
        result: Result<(), ErrorCode>,
        which: impl Fn(&Write) -> bool,
    ) {
        let incarnation = self.broker(id).incarnation;
        let Some(process) = &mut self.broker(id).process else {
            return;
        };
        let mut decided = Vec::new();
        for (id, write) in &mut process.writes {
            if !write.is_decided && which(write) {
                write.is_decided = true;
                decided.push(*id);
            }
        }
        for write in decided {
            let later = self.chance.between(0, 3);
            self.after(later, Event::Outcome(id, incarnation, write, result));
        }
    }

    /// The outcome of a write, if it did not have one.
    pub(super) fn outcome(&mut self, id: BrokerId, write: WriteId, result: Result<(), ErrorCode>) {
        let process = self.broker(id).process.as_mut();
        let Some(known) = process.and_then(|process| process.writes.remove(&write)) else {
            return;
        };
        if let Err(error) = result {
            let index = known.index;
            self.say(|| format!("broker {id}: batch {index} is answered with {error}"));
        }
        self.step(id, coordinator::Event::Stored { write, result });
    }

    /// A broker hears who leads.
    pub(super) fn hear(&mut self, id: BrokerId, epoch: LeaderEpoch, leader: BrokerId) {
        let Some(process) = &mut self.broker(id).process else {
            return;
        };
        if epoch <= process.hears.0 {
            return;
        }
        let led = process.hears.1 == Some(id);
        process.hears = (epoch, Some(leader));
        let result = Err(ErrorCode::NotLeaderOrFollower);
        self.decide(id, result, |write| write.epoch < epoch);
        if leader == id {
            let started = coordinator::Event::LoadStarted {
                partition: 0,
                leader_epoch: epoch,
            };
            self.step(id, started);
            let later = self.chance.between(1, 10);
            let incarnation = self.broker(id).incarnation;
            self.after(later, Event::Loaded(id, incarnation, epoch));
        } else if led {
            self.step(id, coordinator::Event::Resigned { partition: 0 });
        }
    }

    /// A broker read the log of an epoch to its end.
    pub(super) fn loaded(&mut self, id: BrokerId, epoch: LeaderEpoch) {
        let replay = Box::new(self.log.replay(epoch));
        let life = self.ledger.life;
        if let Some(process) = &mut self.broker(id).process {
            process.life = life;
        }
        let loaded = coordinator::Event::Loaded {
            partition: 0,
            leader_epoch: epoch,
            replay,
        };
        self.step(id, loaded);
    }
}
