//! A consumer of the new protocol: it says what it has, gives up what it is not told any more, and takes the rest.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::super::chance::Chance;
use crate::coordinator::{ConsumerHeartbeat, ConsumerHeartbeatAnswer, Partitions};
use wire::ErrorCode;

pub(super) const GROUP: &str = "billing";

/// `max.poll.interval.ms`, which is how long a member has to give up what it is to give up.
const REBALANCE_TIMEOUT_MS: i32 = 90;

/// The topic that the group reads.
pub(super) const TOPIC: &str = "orders";
pub(super) const TOPIC_ID: Uuid = Uuid::from_u128(7);

/// How a process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    Stopped,
    Runs,
    /// It was told that another one took its place, or that it cannot have it yet.
    IsOver,
}

/// What the next heartbeat says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Nothing,
    /// What it has.
    Owned,
    /// Everything: it joins, or an answer did not come.
    All,
}

/// One process of a consumer after the other.
#[derive(Debug)]
pub(super) struct Member {
    index: usize,
    pub(super) instance: Option<String>,
    /// Which process it is: what comes late for an earlier one is not for this one.
    pub(super) incarnation: u64,
    pub(super) process: Process,
    /// Until when it stands still.
    pub(super) frozen_until: u64,
    pub(super) id: String,
    /// 0: it is not in the group, as far as it knows.
    pub(super) epoch: i32,
    /// What it reads.
    pub(super) owned: BTreeSet<i32>,
    /// What it was told to read, where that is something else.
    told: Option<BTreeSet<i32>>,
    says: Says,
    /// Counts its heartbeats; the one that it waits for.
    number: u64,
    awaited: Option<u64>,
    /// Whether the coordinator knows this process as a member: from an answer until it does not any more.
    pub(super) counts_in: bool,
}

impl Member {
    pub(super) fn new(index: usize, instance: Option<String>) -> Self {
        Self {
            index,
            instance,
            incarnation: 0,
            process: Process::Stopped,
            frozen_until: 0,
            id: String::new(),
            epoch: 0,
            owned: BTreeSet::new(),
            told: None,
            says: Says::All,
            number: 0,
            awaited: None,
            counts_in: false,
        }
    }

    /// The next process of this consumer.
    pub(super) fn start(&mut self) {
        let mut next = Self::new(self.index, self.instance.take());
        next.incarnation = self.incarnation + 1;
        next.id = format!("m{}-{}", next.index, next.incarnation);
        next.number = self.number;
        next.process = Process::Runs;
        *self = next;
    }

    /// The process is gone.
    pub(super) fn stop(&mut self) {
        self.process = Process::Stopped;
        self.lose_everything();
    }

    fn lose_everything(&mut self) {
        self.owned.clear();
        self.told = None;
        self.epoch = 0;
        self.counts_in = false;
        self.says = Says::All;
    }

    pub(super) fn awaits(&self, number: u64) -> bool {
        self.awaited == Some(number)
    }

    /// Whether nothing was said after this.
    pub(super) fn is_last(&self, number: u64) -> bool {
        self.number == number
    }

    /// The next heartbeat and its number, if none is under way. What it is not to have any more it stops to read before it
    /// says so; what it is to have it reads from now on.
    pub(super) fn beat(&mut self) -> Option<(u64, ConsumerHeartbeat)> {
        if self.awaited.is_some() {
            return None;
        }
        if let Some(told) = self.told.take() {
            self.owned = told;
            if self.says == Says::Nothing {
                self.says = Says::Owned;
            }
        }
        self.number += 1;
        self.awaited = Some(self.number);
        let says_all = self.epoch == 0 || self.says == Says::All;
        let says_owned = self.epoch == 0 || self.says != Says::Nothing;
        Some((
            self.number,
            ConsumerHeartbeat {
                rebalance_timeout_ms: if says_all { REBALANCE_TIMEOUT_MS } else { -1 },
                topics: says_all.then(|| vec![TOPIC.to_owned()]),
                owned: says_owned.then(|| partitions(&self.owned)),
                ..self.heartbeat(self.epoch)
            },
        ))
    }

    /// Leaves for good, or to come back.
    pub(super) fn leave(&mut self, epoch: i32) -> (u64, ConsumerHeartbeat) {
        self.number += 1;
        let leave = self.heartbeat(epoch);
        self.stop();
        (self.number, leave)
    }

    fn heartbeat(&self, member_epoch: i32) -> ConsumerHeartbeat {
        ConsumerHeartbeat {
            group: GROUP.to_owned(),
            member_id: self.id.clone(),
            member_epoch,
            instance_id: self.instance.clone(),
            rebalance_timeout_ms: -1,
            client_id: format!("c{}", self.index),
            client_host: "/127.0.0.1".to_owned(),
            makes_member_id: true,
            ..ConsumerHeartbeat::default()
        }
    }

    /// Gives an answer up: whether the request arrived is not known.
    pub(super) fn give_up(&mut self, number: u64) {
        if self.awaited == Some(number) {
            self.awaited = None;
            self.says = Says::All;
        }
    }

    /// Takes the answer that it waits for.
    pub(super) fn hear(&mut self, number: u64, answer: Result<ConsumerHeartbeatAnswer, ErrorCode>) {
        if self.awaited != Some(number) {
            return;
        }
        self.awaited = None;
        match answer {
            Ok(answer) => {
                self.counts_in = true;
                self.epoch = answer.member_epoch;
                self.says = Says::Nothing;
                if let Some(assignment) = answer.assignment {
                    let told = read(&assignment);
                    self.told = (told != self.owned).then_some(told);
                }
            }
            Err(
                ErrorCode::FencedMemberEpoch
                | ErrorCode::UnknownMemberId
                | ErrorCode::GroupIdNotFound,
            ) => {
                self.lose_everything();
            }
            Err(ErrorCode::FencedInstanceId | ErrorCode::UnreleasedInstanceId) => {
                self.process = Process::IsOver;
            }
            Err(_) => self.says = Says::All,
        }
    }

    /// One of the partitions that it reads.
    pub(super) fn reads(&self, chance: &mut Chance) -> Option<i32> {
        let owned: Vec<i32> = self.owned.iter().copied().collect();
        chance.pick(&owned)
    }
}

/// Partitions of the topic as they travel.
fn partitions(own: &BTreeSet<i32>) -> Partitions {
    let own = (!own.is_empty()).then(|| (TOPIC_ID, own.clone()));
    own.into_iter().collect()
}

fn read(assignment: &Partitions) -> BTreeSet<i32> {
    assignment.get(&TOPIC_ID).cloned().unwrap_or_default()
}
