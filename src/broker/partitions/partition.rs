//! One partition on this broker: its log, its role, and those who wait for it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use bytes::BytesMut;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{PartitionError, waiters::Waiters};
use crate::{
    broker::{
        image::PartitionImage,
        log::{Appended, Log, LogConfig},
        replication::{EpochEnd, FollowerFetch, IsrWrite, Leader, LeaderStart, WriteOutcome},
    },
    wire::{BrokerId, LeaderEpoch, Offset, TopicPartition},
};

/// A partition of which this broker has a replica.
///
/// Everything that changes lies behind one lock, which is held over reads and writes of the log and never
/// over a wait. After every change that somebody may wait for, the waiters are woken.
#[derive(Debug)]
pub(crate) struct Partition {
    at: TopicPartition,
    topic_id: Uuid,
    own: BrokerId,
    state: Mutex<State>,
    waiters: Waiters,
    /// Whether the high watermark moved since it was last written down.
    unsaved: AtomicBool,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) log: Log,
    pub(super) role: Role,
    /// Never falls but by truncation, never above the log's end. A leader's is the same as its own.
    pub(super) high_watermark: Offset,
    pub(super) min_insync_replicas: usize,
}

/// What this broker is to the partition.
#[derive(Debug)]
pub(super) enum Role {
    Leader(Leader),
    Follower {
        leader: BrokerId,
        epoch: LeaderEpoch,
    },
    /// Nobody leads, as far as is known.
    Leaderless {
        epoch: LeaderEpoch,
    },
}

/// Who this broker believes to lead a partition, as answers tell it to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CurrentLeader {
    pub(crate) leader: Option<BrokerId>,
    pub(crate) epoch: LeaderEpoch,
}

/// A role that the partition did not have before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RoleChange {
    pub(crate) before: CurrentLeader,
    pub(crate) now: CurrentLeader,
}

/// Records that were appended, and what to wait for until they are committed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppendReceipt {
    pub(crate) appended: Appended,
    pub(crate) leader_epoch: LeaderEpoch,
}

/// What a fetch asks of one partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read {
    pub(crate) from: Offset,
    pub(crate) current_leader_epoch: Option<LeaderEpoch>,
    pub(crate) last_fetched_epoch: Option<LeaderEpoch>,
    pub(crate) bytes_max: usize,
    /// Whether the first batch comes even if it is larger than that.
    pub(crate) min_one_batch: bool,
    pub(crate) reader: Reader,
}

/// Who reads.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reader {
    /// Sees what is committed; from followers too if it says so (KIP-392).
    Consumer { from_followers: bool },
    /// Sees the whole log, of the leader only. Tells its own progress, once for each request.
    Follower(Option<FollowerFetch>),
    /// Sees the whole log of any replica.
    Debugger,
}

/// What a read found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadAnswer {
    pub(crate) high_watermark: Offset,
    pub(crate) log_start_offset: Offset,
    pub(crate) size_bytes: usize,
    /// Where the reader's log parts from this one; it gets no records then.
    pub(crate) diverging: Option<EpochEnd>,
}

impl Partition {
    pub(super) fn new(
        log: Log,
        own: BrokerId,
        topic_id: Uuid,
        high_watermark: Offset,
        min_insync_replicas: usize,
    ) -> Self {
        Self {
            at: log.partition().clone(),
            topic_id,
            own,
            state: Mutex::new(State {
                high_watermark: high_watermark
                    .max(log.log_start_offset())
                    .min(log.log_end_offset()),
                role: Role::Leaderless {
                    epoch: LeaderEpoch(-1),
                },
                log,
                min_insync_replicas,
            }),
            waiters: Waiters::default(),
            unsaved: AtomicBool::new(true),
        }
    }

    pub(crate) fn at(&self) -> &TopicPartition {
        &self.at
    }

    pub(crate) fn topic_id(&self) -> Uuid {
        self.topic_id
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic ends the process in a release build; tests that survive one see its half-done state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes `waiter` when this partition moves on. Register first, then look, then wait.
    pub(crate) fn register(&self, waiter: &Arc<Notify>) {
        self.waiters.register(waiter);
    }

    pub(super) fn wake(&self) {
        self.unsaved.store(true, Ordering::Relaxed);
        self.waiters.wake();
    }

    /// Whether anything changed that a checkpoint should know.
    pub(super) fn is_unsaved(&self) -> bool {
        self.unsaved.load(Ordering::Relaxed)
    }

    /// As [`Self::is_unsaved`], and from now on it counts as known.
    pub(super) fn take_unsaved(&self) -> bool {
        self.unsaved.swap(false, Ordering::Relaxed)
    }

    /// Takes the newest picture of the partition. `leader` is its leader if that one is alive and
    /// knows of it.
    pub(super) fn apply(
        &self,
        image: &PartitionImage,
        leader: Option<BrokerId>,
        config: LogConfig,
        min_insync_replicas: usize,
        now: Instant,
    ) -> Result<Option<RoleChange>, PartitionError> {
        let mut state = self.lock();
        let state = &mut *state;
        if *state.log.config() != config {
            state.log.set_config(config);
        }
        state.min_insync_replicas = min_insync_replicas;
        let before = state.role.current_leader(self.own);
        let now_leads = CurrentLeader {
            leader,
            epoch: image.leader_epoch,
        };
        if let Role::Leader(current) = &mut state.role
            && now_leads == before
        {
            current.observe(&image.isr, image.version, now);
            current.assign(&image.replicas, now);
            state.high_watermark = current.high_watermark();
            self.wake();
        }
        if now_leads == before {
            return Ok(None);
        }
        if leader == Some(self.own) {
            let end = state.log.log_end_offset();
            state.log.assign_epoch_start(image.leader_epoch, end)?;
        }
        state.role = match leader {
            Some(leader) if leader == self.own => {
                let leader = Leader::new(&LeaderStart {
                    own: self.own,
                    epoch: image.leader_epoch,
                    replicas: &image.replicas,
                    isr: &image.isr,
                    version: image.version,
                    log_end: state.log.log_end_offset(),
                    high_watermark: state.high_watermark,
                    now,
                });
                state.high_watermark = leader.high_watermark();
                Role::Leader(leader)
            }
            Some(leader) => Role::Follower {
                leader,
                epoch: image.leader_epoch,
            },
            None => Role::Leaderless {
                epoch: image.leader_epoch,
            },
        };
        self.wake();
        Ok(Some(RoleChange {
            before,
            now: now_leads,
        }))
    }

    /// Gives up every role: this broker shall not have the partition any more.
    pub(super) fn resign(&self) -> Option<RoleChange> {
        let mut state = self.lock();
        let before = state.role.current_leader(self.own);
        let now = CurrentLeader {
            leader: None,
            epoch: before.epoch,
        };
        state.role = Role::Leaderless {
            epoch: before.epoch,
        };
        drop(state);
        self.wake();
        (before != now).then_some(RoleChange { before, now })
    }

    /// Reads records into `out`. A follower's read also tells how far its log is, which may allow a
    /// change of the ISR: the second part is to be written then.
    pub(crate) fn read(
        &self,
        read: &Read,
        out: &mut BytesMut,
    ) -> Result<(ReadAnswer, Option<IsrWrite>), PartitionError> {
        let mut state = self.lock();
        let state = &mut *state;
        self.check_epoch(&state.role, read.current_leader_epoch)?;
        let leads = matches!(state.role, Role::Leader(_));
        let may_read = match read.reader {
            Reader::Consumer { from_followers } => {
                leads || (from_followers && matches!(state.role, Role::Follower { .. }))
            }
            Reader::Follower(_) => leads,
            Reader::Debugger => true,
        };
        if !may_read {
            return Err(self.not_leader());
        }
        let mut answer = ReadAnswer {
            high_watermark: state.high_watermark,
            log_start_offset: state.log.log_start_offset(),
            size_bytes: 0,
            diverging: self.diverging(&state.log, read)?,
        };
        if answer.diverging.is_some() {
            return Ok((answer, None));
        }
        let up_to = match read.reader {
            Reader::Consumer { .. } => state.high_watermark,
            Reader::Follower(_) | Reader::Debugger => state.log.log_end_offset(),
        };
        answer.size_bytes = state
            .log
            .read_into(read.from, up_to, read.bytes_max, read.min_one_batch, out)?
            .size_bytes;
        let Reader::Follower(Some(fetch)) = read.reader else {
            return Ok((answer, None));
        };
        let Role::Leader(leader) = &mut state.role else {
            return Err(self.not_leader());
        };
        if !leader.has_replica(fetch.broker) {
            return Err(PartitionError::NotReplica {
                at: self.at.clone(),
                broker: fetch.broker,
            });
        }
        let moved = leader.fetched(&fetch);
        let write = leader.enter(&fetch);
        state.high_watermark = leader.high_watermark();
        if moved {
            self.wake();
        }
        answer.high_watermark = state.high_watermark;
        Ok((answer, write))
    }

    /// Where the reader's log parts from ours, if its last epoch shows that it does.
    fn diverging(&self, log: &Log, read: &Read) -> Result<Option<EpochEnd>, PartitionError> {
        let Some(last_fetched) = read.last_fetched_epoch else {
            return Ok(None);
        };
        let out_of_range = || PartitionError::OffsetOutOfRange {
            at: self.at.clone(),
            offset: read.from,
            start: log.log_start_offset(),
            end: log.log_end_offset(),
        };
        let (epoch, end_offset) = log
            .epoch_end_offset(last_fetched)
            .ok_or_else(out_of_range)?;
        if read.from < log.log_start_offset() {
            return Err(out_of_range());
        }
        let parts = epoch < last_fetched || end_offset < read.from;
        Ok(parts.then_some(EpochEnd { epoch, end_offset }))
    }

    /// Compares the leader epoch that a request names with ours (KIP-320).
    pub(super) fn check_epoch(
        &self,
        role: &Role,
        requested: Option<LeaderEpoch>,
    ) -> Result<(), PartitionError> {
        let current = role.epoch();
        match requested {
            Some(requested) if requested < current => Err(PartitionError::FencedLeaderEpoch {
                at: self.at.clone(),
                requested,
                current,
            }),
            Some(requested) if requested > current => Err(PartitionError::UnknownLeaderEpoch {
                at: self.at.clone(),
                requested,
                current,
            }),
            _ => Ok(()),
        }
    }

    /// Begins to write an ISR without the followers that fell behind, if there are any.
    pub(super) fn shrink(
        &self,
        now: Instant,
        lag_time_max: std::time::Duration,
    ) -> Option<IsrWrite> {
        match &mut self.lock().role {
            Role::Leader(leader) => leader.shrink(now, lag_time_max),
            Role::Follower { .. } | Role::Leaderless { .. } => None,
        }
    }

    /// Takes the fate of an ISR write.
    pub(super) fn written(&self, write: &IsrWrite, outcome: WriteOutcome) {
        let mut state = self.lock();
        if let Role::Leader(leader) = &mut state.role
            && leader.epoch() == write.epoch
        {
            leader.written(write, outcome);
            state.high_watermark = leader.high_watermark();
        }
        drop(state);
        self.wake();
    }

    pub(super) fn not_leader(&self) -> PartitionError {
        PartitionError::NotLeader {
            at: self.at.clone(),
        }
    }
}

impl Role {
    pub(super) fn epoch(&self) -> LeaderEpoch {
        match self {
            Self::Leader(leader) => leader.epoch(),
            Self::Follower { epoch, .. } | Self::Leaderless { epoch } => *epoch,
        }
    }

    fn current_leader(&self, own: BrokerId) -> CurrentLeader {
        CurrentLeader {
            leader: match self {
                Self::Leader(_) => Some(own),
                Self::Follower { leader, .. } => Some(*leader),
                Self::Leaderless { .. } => None,
            },
            epoch: self.epoch(),
        }
    }
}
