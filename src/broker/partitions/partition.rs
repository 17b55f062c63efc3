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

use super::{
    PartitionError,
    offline::{Failures, Missing},
    waiters::{Awaits, Waiters},
};
use crate::{
    image::PartitionImage,
    log::{AbortedTransaction, Appended, Log, LogConfig},
    replication::{
        CurrentLeader, EpochEnd, IsrWrite, ReadRequest, Readable, Reader, Refusal, Replica,
        RoleChange, WriteOutcome,
    },
};
use wire::{BrokerId, LeaderEpoch, Offset, TopicPartition};

/// A partition of which this broker has a replica.
///
/// Everything that changes lies behind one lock, which is held over reads and writes of the log and never
/// over a wait. After every change that somebody may wait for, the waiters are woken.
#[derive(Debug)]
pub(crate) struct Partition {
    at: TopicPartition,
    topic_id: Uuid,
    state: Mutex<State>,
    pub(super) waiters: Waiters,
    /// Where it is told that the disk failed the log.
    pub(super) failures: Arc<Failures>,
    /// The disk failed the log: nothing is served and nothing is taken, whoever leads.
    pub(super) offline: AtomicBool,
    /// Whether the high watermark moved since it was last written down.
    unsaved: AtomicBool,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) replica: Replica<Log>,
    pub(super) min_insync_replicas: usize,
    /// Records that the log held and that are gone, until a leader has sent them again.
    pub(super) missing: Option<Missing>,
}

/// What of the cluster's image and of the configs a partition takes up.
#[derive(Debug)]
pub(super) struct Assignment<'a> {
    pub(super) image: &'a PartitionImage,
    /// The leader, if it is alive and knows of it.
    pub(super) leader: Option<BrokerId>,
    pub(super) config: LogConfig,
    pub(super) min_insync_replicas: usize,
    /// Whether losing records is better than waiting for them.
    pub(super) unclean: bool,
}

/// How a partition begins: its log as it was opened.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) log: Log,
    pub(super) own: BrokerId,
    pub(super) topic_id: Uuid,
    pub(super) high_watermark: Offset,
    pub(super) missing: Option<Missing>,
    pub(super) failures: Arc<Failures>,
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
    /// Whether records of open transactions are left out, and aborted ones told.
    pub(crate) is_read_committed: bool,
    pub(crate) reader: Reader,
}

/// What a read found.
#[derive(Debug, Clone)]
pub(crate) struct ReadAnswer {
    pub(crate) high_watermark: Offset,
    pub(crate) last_stable_offset: Offset,
    /// Those that were aborted and have records in what was read, where committed records are asked for.
    pub(crate) aborted: Vec<AbortedTransaction>,
    pub(crate) log_start_offset: Offset,
    pub(crate) size_bytes: usize,
    /// Where the reader's log parts from this one; it gets no records then.
    pub(crate) diverging: Option<EpochEnd>,
    /// Whether the reader is a follower that is not in the ISR.
    pub(crate) is_out_of_sync: bool,
}

impl Partition {
    /// Without a role yet.
    pub(super) fn new(opening: Opening) -> Self {
        Self {
            at: opening.log.partition().clone(),
            topic_id: opening.topic_id,
            state: Mutex::new(State {
                replica: Replica::new(opening.own, opening.log, opening.high_watermark),
                min_insync_replicas: 1,
                missing: opening.missing,
            }),
            waiters: Waiters::default(),
            failures: opening.failures,
            offline: AtomicBool::new(false),
            unsaved: AtomicBool::new(true),
        }
    }

    pub(crate) fn at(&self) -> &TopicPartition {
        &self.at
    }

    pub(crate) fn topic_id(&self) -> Uuid {
        self.topic_id
    }

    /// Who leads it, in the newest epoch that it took a role in.
    pub(super) fn current_leader(&self) -> CurrentLeader {
        self.lock().replica.current_leader()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic ends the process in a release build; tests that survive one see its half-done state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes `waiter` when this partition moves on. Register first, then look, then wait.
    pub(crate) fn register(&self, waiter: &Arc<Notify>, awaits: Awaits) {
        self.waiters.register(waiter, awaits);
    }

    pub(super) fn wake(&self) {
        self.unsaved.store(true, Ordering::Relaxed);
        self.waiters.wake();
    }

    /// As [`Self::wake`], where all that changed is that there are records which are not committed yet.
    pub(super) fn wake_for_records(&self) {
        self.unsaved.store(true, Ordering::Relaxed);
        self.waiters.wake_for_records();
    }

    /// Whether anything changed that a checkpoint should know.
    pub(super) fn is_unsaved(&self) -> bool {
        self.unsaved.load(Ordering::Relaxed)
    }

    /// As [`Self::is_unsaved`], and from now on it counts as known.
    pub(super) fn take_unsaved(&self) -> bool {
        self.unsaved.swap(false, Ordering::Relaxed)
    }

    /// Takes the newest image of the partition.
    pub(super) fn apply(
        &self,
        assignment: Assignment<'_>,
        now: Instant,
    ) -> Result<Option<RoleChange>, PartitionError> {
        let mut state = self.lock();
        if self.is_offline() {
            return Ok(None);
        }
        let Assignment { image, leader, .. } = assignment;
        if *state.replica.log.config() != assignment.config {
            state.replica.log.set_config(assignment.config);
        }
        state.min_insync_replicas = assignment.min_insync_replicas;
        state.replica.require(assignment.min_insync_replicas);
        self.check_complete(&mut state, image, leader, assignment.unclean)?;
        let applied = state.replica.apply(image, leader, now);
        let change = applied.map_err(|error| self.failed(&mut state, error))?;
        drop(state);
        self.wake();
        Ok(change)
    }

    /// Gives up every role: this broker shall not have the partition any more.
    pub(super) fn resign(&self) -> Option<RoleChange> {
        let change = self.lock().replica.resign();
        self.wake();
        change
    }

    /// Reads records into `out`. A follower's read also tells how far its log is, which may allow a
    /// change of the ISR: the second part is to be written then.
    pub(crate) fn read(
        &self,
        read: &Read,
        out: &mut BytesMut,
    ) -> Result<(ReadAnswer, Option<IsrWrite>), PartitionError> {
        let mut state = self.lock();
        if self.is_offline() {
            return Err(self.refused(Refusal::NotLeader));
        }
        let replica = &mut state.replica;
        let asked = ReadRequest {
            from: read.from,
            current_leader_epoch: read.current_leader_epoch,
            last_fetched_epoch: read.last_fetched_epoch,
            reader: read.reader,
        };
        let readable = replica.readable(&asked).map_err(|it| self.refused(it))?;
        let high_watermark = replica.high_watermark();
        let mut answer = ReadAnswer {
            high_watermark,
            last_stable_offset: replica.log.last_stable_offset(high_watermark),
            aborted: Vec::new(),
            log_start_offset: replica.log.log_start_offset(),
            size_bytes: 0,
            diverging: None,
            is_out_of_sync: false,
        };
        let up_to = match readable {
            Readable::UpTo(offset) if read.is_read_committed => {
                offset.min(answer.last_stable_offset)
            }
            Readable::UpTo(offset) => offset,
            Readable::Diverging(end) => {
                answer.diverging = Some(end);
                return Ok((answer, None));
            }
        };
        let found =
            replica
                .log
                .read_into(read.from, up_to, read.bytes_max, read.min_one_batch, out);
        let found = match found {
            Ok(found) => found,
            Err(error) => return Err(self.failed(&mut state, error).into()),
        };
        answer.size_bytes = found.size_bytes;
        if read.is_read_committed && found.size_bytes > 0 {
            answer.aborted = replica.log.aborted_between(read.from, found.next_offset);
        }
        let Reader::Follower(Some(fetch)) = read.reader else {
            return Ok((answer, None));
        };
        let progress = replica.fetched(&fetch).map_err(|it| self.refused(it))?;
        answer.high_watermark = replica.high_watermark();
        answer.is_out_of_sync = !progress.in_sync;
        if progress.moved {
            self.wake();
        }
        Ok((answer, progress.write))
    }

    /// Begins to write an ISR without the followers that fell behind, if there are any.
    pub(super) fn shrink(
        &self,
        now: Instant,
        lag_time_max: std::time::Duration,
    ) -> Option<IsrWrite> {
        self.lock().replica.shrink(now, lag_time_max)
    }

    /// Whether the fate of an ISR write still matters and is not known yet.
    pub(super) fn awaits(&self, write: &IsrWrite) -> bool {
        self.lock().replica.awaits(write)
    }

    /// Takes the fate of an ISR write.
    pub(super) fn written(&self, write: &IsrWrite, outcome: WriteOutcome) {
        self.lock().replica.written(write, outcome);
        self.wake();
    }

    /// The replica's refusal, with the partition that it is about.
    pub(super) fn refused(&self, refusal: Refusal) -> PartitionError {
        let at = self.at.clone();
        match refusal {
            Refusal::NotLeader if self.is_offline() => PartitionError::Offline { at },
            _ => PartitionError::Refused { at, refusal },
        }
    }
}
