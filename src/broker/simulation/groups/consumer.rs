//! A consumer: it joins, fetches its assignment, reads on where the group was, commits, and begins again when it must.

use std::{collections::BTreeMap, mem};

use bytes::Bytes;

use super::{
    GROUP,
    division::{assigned, divide, partition, subscription},
    ledger::Ledger,
    message::{Ask, Client, Committed, Told},
    world::Event,
};
use crate::{
    coordinator::{
        CommitRequest, JoinRequest, JoinResponse, MemberIdentity, OffsetAndMetadata, Request,
        Response, SyncRequest,
    },
    simulation::chance::Chance,
};
use wire::{BrokerId, ErrorCode, LeaderEpoch, Offset};

/// `session.timeout.ms`.
const SESSION_TIMEOUT: i32 = 60;

/// `max.poll.interval.ms`, which is how long a rebalance waits for a member.
const REBALANCE_TIMEOUT: i32 = 120;

/// How long a consumer waits for the answer to a `JoinGroup`, and to anything else.
const JOIN_TIMEOUT: u64 = 180;
const REQUEST_TIMEOUT: u64 = 45;

/// One consumer, with at most one request and one heartbeat under way.
#[derive(Debug)]
pub(super) struct Consumer {
    pub(super) client: Client,
    pub(super) runs: bool,
    pub(super) is_frozen: bool,
    /// What came while it was frozen.
    pub(super) deferred: Vec<Event>,
    /// `group.instance.id`.
    pub(super) instance: Option<String>,
    /// What of the protocol it knows, and which assignor it likes best.
    version: Version,
    pub(super) coordinator: Option<BrokerId>,
    pub(super) member_id: String,
    pub(super) generation: i32,
    pub(super) phase: Phase,
    numbers: u64,
    asked: Option<u64>,
    /// A heartbeat and the generation that it was sent in.
    beat: Option<(u64, i32)>,
    /// Whether it will be woken.
    pub(super) will_act: bool,
    /// Its partitions, with what it reads next.
    pub(super) positions: BTreeMap<i32, Offset>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Version {
    requires_known_member_id: bool,
    supports_skipping_assignment: bool,
    likes_range: bool,
}

/// How far it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is in no generation, and asks to join.
    Outside,
    /// It is, and fetches its assignment; the leader brings everybody's.
    Joined(Vec<(String, Bytes)>),
    /// It knows its partitions, and asks where to read on.
    Assigned(Vec<i32>),
    Reading,
    /// Another process took its instance id.
    Fenced,
}

impl Consumer {
    pub(super) fn new(index: usize, instance: Option<String>) -> Self {
        Self {
            client: Client {
                index,
                incarnation: 0,
            },
            runs: false,
            is_frozen: false,
            deferred: Vec::new(),
            instance,
            version: Version::default(),
            coordinator: None,
            member_id: String::new(),
            generation: -1,
            phase: Phase::Outside,
            numbers: 0,
            asked: None,
            beat: None,
            will_act: false,
            positions: BTreeMap::new(),
        }
    }

    /// The next process of this consumer.
    pub(super) fn start(&mut self, chance: &mut Chance) {
        let mut next = Self::new(self.client.index, self.instance.take());
        next.client.incarnation = self.client.incarnation + 1;
        next.runs = true;
        next.version = Version {
            requires_known_member_id: chance.percent(70),
            supports_skipping_assignment: chance.percent(50),
            likes_range: chance.percent(50),
        };
        *self = next;
    }

    pub(super) fn is_fenced(&self) -> bool {
        self.phase == Phase::Fenced
    }

    pub(super) fn is_busy(&self) -> bool {
        self.asked.is_some()
    }

    /// What it does next: reads, or asks.
    pub(super) fn act(&mut self, ledger: &mut Ledger, chance: &mut Chance) -> Option<Ask> {
        match &mut self.phase {
            Phase::Outside => {
                self.positions.clear();
                Some(Ask::Group(Request::Join(self.join_request())))
            }
            Phase::Joined(division) => {
                let assignments = mem::take(division);
                Some(Ask::Group(Request::Sync(SyncRequest {
                    member: self.identity(),
                    protocol_type: None,
                    protocol_name: None,
                    assignments,
                })))
            }
            Phase::Assigned(partitions) => Some(Ask::Offsets(partitions.clone())),
            Phase::Reading => {
                for (partition, position) in &mut self.positions {
                    let count = chance.between(0, 2);
                    let end = position.0 + i64::try_from(count).expect("it is small");
                    ledger.processed(*partition, end);
                    *position = Offset(end);
                }
                let commits = chance.percent(40) && !self.positions.is_empty();
                commits.then(|| self.commit())
            }
            Phase::Fenced => None,
        }
    }

    fn join_request(&self) -> JoinRequest {
        let mut protocols = ["range", "roundrobin"];
        if !self.version.likes_range {
            protocols.reverse();
        }
        let metadata = subscription(self.client.incarnation);
        let protocols = protocols.map(|name| (name.to_owned(), metadata.clone()));
        JoinRequest {
            group: GROUP.into(),
            member_id: self.member_id.clone(),
            group_instance_id: self.instance.clone(),
            client_id: format!("c{}", self.client.index),
            client_host: "/127.0.0.1".into(),
            session_timeout_ms: SESSION_TIMEOUT,
            rebalance_timeout_ms: REBALANCE_TIMEOUT,
            protocol_type: "consumer".into(),
            protocols: protocols.into(),
            requires_known_member_id: self.version.requires_known_member_id,
            supports_skipping_assignment: self.version.supports_skipping_assignment,
            // The broker adds it.
            new_member_suffix: String::new(),
        }
    }

    fn identity(&self) -> MemberIdentity {
        MemberIdentity {
            group: GROUP.into(),
            generation: self.generation,
            member_id: self.member_id.clone(),
            group_instance_id: self.instance.clone(),
        }
    }

    fn commit(&self) -> Ask {
        let positions = self.positions.iter();
        let offsets = positions.map(|(index, offset)| (partition(*index), committed_at(*offset)));
        Ask::Group(Request::Commit(CommitRequest {
            member: self.identity(),
            knows_member_epochs: true,
            offsets: offsets.collect(),
        }))
    }

    /// Numbers a request, and says how long its answer is waited for.
    pub(super) fn asks(&mut self, ask: &Ask) -> (u64, u64) {
        self.numbers += 1;
        self.asked = Some(self.numbers);
        let is_join = matches!(ask, Ask::Group(Request::Join(_)));
        let timeout = if is_join {
            JOIN_TIMEOUT
        } else {
            REQUEST_TIMEOUT
        };
        (self.numbers, timeout)
    }

    /// A heartbeat, if one is due.
    pub(super) fn beats(&mut self) -> Option<(u64, Ask)> {
        let is_member = !matches!(self.phase, Phase::Outside | Phase::Fenced);
        if !is_member || self.beat.is_some() || self.coordinator.is_none() {
            return None;
        }
        self.numbers += 1;
        self.beat = Some((self.numbers, self.generation));
        Some((
            self.numbers,
            Ask::Group(Request::Heartbeat(self.identity())),
        ))
    }

    /// Gives an answer up; whether it was still waited for.
    pub(super) fn times_out(&mut self, number: u64) -> bool {
        let waits = self.asked == Some(number);
        let beats = self.beat.is_some_and(|(beat, _)| beat == number);
        if waits {
            self.asked = None;
            // Whether its assignments arrived is not known: the leader divides again.
            if matches!(self.phase, Phase::Joined(_)) {
                self.phase = Phase::Outside;
            }
        }
        if beats {
            self.beat = None;
        }
        if waits || beats {
            self.coordinator = None;
        }
        waits
    }

    /// Takes an answer, if it is waited for; whether something is to be done next.
    pub(super) fn take(
        &mut self,
        number: u64,
        told: Told,
        ledger: &mut Ledger,
        chance: &mut Chance,
    ) -> Option<Ask> {
        if let Some((beat, generation)) = self.beat
            && beat == number
        {
            self.beat = None;
            if let Told::Group(Response::Heartbeat(error)) = told
                && generation == self.generation
                && self.phase != Phase::Outside
            {
                let rebalances = error == ErrorCode::RebalanceInProgress;
                // Before it gives its partitions up, it says how far it read.
                let commits = rebalances
                    && self.phase == Phase::Reading
                    && self.asked.is_none()
                    && !self.positions.is_empty()
                    && chance.percent(50);
                let commit = commits.then(|| self.commit());
                self.refused(error);
                return commit;
            }
            return None;
        }
        if self.asked != Some(number) {
            return None;
        }
        self.asked = None;
        match told {
            Told::Group(Response::Join(joined)) => self.joined(&joined),
            Told::Group(Response::Sync(synced)) if synced.error.is_none() => {
                self.phase = Phase::Assigned(assigned(&synced.assignment));
            }
            Told::Group(Response::Sync(synced)) => {
                self.phase = Phase::Outside;
                self.refused(synced.error);
            }
            Told::Group(Response::Commit(results)) => {
                // A commit that its member sent last in its old generation is not asked again.
                if self.phase == Phase::Reading {
                    let error = results.iter().map(|(_, error)| *error);
                    let error = error.into_iter().find(|error| !error.is_none());
                    self.refused(error.unwrap_or(ErrorCode::None));
                }
            }
            Told::Offsets(Ok(committed)) => self.reads_on(&committed, ledger),
            Told::Offsets(Err(error)) => self.refused(error),
            Told::Group(_) => {}
        }
        None
    }

    fn joined(&mut self, joined: &JoinResponse) {
        if joined.error == ErrorCode::MemberIdRequired {
            self.member_id.clone_from(&joined.member_id);
        }
        if !joined.error.is_none() {
            self.refused(joined.error);
            return;
        }
        self.member_id.clone_from(&joined.member_id);
        self.generation = joined.generation;
        let leads = joined.leader == joined.member_id && !joined.skip_assignment;
        self.phase = Phase::Joined(if leads { divide(joined) } else { Vec::new() });
    }

    fn reads_on(&mut self, committed: &Committed, ledger: &mut Ledger) {
        if !matches!(self.phase, Phase::Assigned(_)) {
            return;
        }
        for (partition, offset) in committed {
            let position = offset.unwrap_or_default();
            ledger.reads_on(&self.member_id, *partition, position);
            self.positions.insert(*partition, position);
        }
        self.phase = Phase::Reading;
    }

    /// What a member does about an error, whatever it asked.
    fn refused(&mut self, error: ErrorCode) {
        match error {
            ErrorCode::None | ErrorCode::CoordinatorLoadInProgress => {}
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {
                self.coordinator = None;
            }
            ErrorCode::FencedInstanceId => self.phase = Phase::Fenced,
            ErrorCode::UnknownMemberId => {
                self.member_id.clear();
                self.generation = -1;
                self.phase = Phase::Outside;
            }
            _ => self.phase = Phase::Outside,
        }
    }
}

/// Whether a consumer waits for the answer, or goes on as after `commitAsync`.
pub(super) fn waits_for(ask: &Ask, chance: &mut Chance) -> bool {
    let is_commit = matches!(ask, Ask::Group(Request::Commit(_)));
    !is_commit || chance.percent(60)
}

/// A commit as its consumer sends it; the broker adds the time.
pub(super) fn committed_at(offset: Offset) -> OffsetAndMetadata {
    OffsetAndMetadata {
        offset,
        leader_epoch: LeaderEpoch(-1),
        metadata: String::new(),
        commit_timestamp_ms: 0,
        expire_timestamp_ms: None,
    }
}
