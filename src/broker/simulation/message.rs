//! What travels between brokers, clients and ZooKeeper, and what a process does when it comes.

use std::{collections::BTreeSet, time::Instant};

use uuid::Uuid;

use super::{chance::Chance, ledger::Ledger, log::Record, transcript::Transcript};
use crate::replication::{EpochEnd, Refusal, SentFetch};
use client::zookeeper::{ZnodeWrite, ZooKeeperError};
use wire::{BrokerId, LeaderEpoch, Offset, TopicPartition, jute::Stat};

/// What comes to a process.
#[derive(Debug, Clone)]
pub(super) enum Message {
    Fetch(Fetch),
    FetchAnswer {
        at: TopicPartition,
        topic_id: Uuid,
        number: u64,
        answer: Result<Fetched, Refused>,
    },
    /// A follower asks where its leader's log begins and ends.
    Bounds {
        from: BrokerId,
        at: TopicPartition,
        topic_id: Uuid,
        number: u64,
        epoch: LeaderEpoch,
    },
    BoundsAnswer {
        at: TopicPartition,
        topic_id: Uuid,
        number: u64,
        answer: Result<(Offset, Offset), Refused>,
    },
    Client(ClientRequest),
    /// A broker wants to stop and asks the controller to take its leadership.
    Stops {
        broker: BrokerId,
        broker_epoch: i64,
    },
    /// Somebody wants preferred leaders.
    ElectPreferred,
    CreateTopic {
        id: Uuid,
        replicas: Vec<BrokerId>,
    },
    DeleteTopic,
    /// Somebody wants the partition moved to these replicas, or its move called off.
    Reassign(Option<Vec<BrokerId>>),
    /// ZooKeeper took the connection.
    Connected {
        session: i64,
        connection: u64,
    },
    /// ZooKeeper ended the session.
    Expired,
    /// This connection to ZooKeeper broke.
    Disconnected(u64),
    Answered {
        connection: u64,
        op: u64,
        answer: ZooKeeperAnswer,
    },
    /// Watches fired.
    Changed {
        connection: u64,
        paths: BTreeSet<String>,
    },
    Timer(Timer),
}

/// A follower's fetch of one partition.
#[derive(Debug, Clone)]
pub(super) struct Fetch {
    pub(super) from: BrokerId,
    pub(super) broker_epoch: i64,
    pub(super) topic_id: Uuid,
    pub(super) at: TopicPartition,
    pub(super) sent: SentFetch,
    pub(super) number: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Fetched {
    pub(super) records: Vec<Record>,
    pub(super) high_watermark: Offset,
    pub(super) diverging: Option<EpochEnd>,
}

/// Why a broker does not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    UnknownTopic,
    Replica(Refusal),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Replica(refusal)
    }
}

/// What a client asks; answered with its number.
#[derive(Debug, Clone)]
pub(super) struct ClientRequest {
    pub(super) client: usize,
    pub(super) number: u64,
    pub(super) at: TopicPartition,
    pub(super) ask: Ask,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Ask {
    Produce {
        value: u64,
        acks_all: bool,
    },
    Read {
        from: Offset,
        epoch: LeaderEpoch,
        from_followers: bool,
    },
    Latest {
        epoch: LeaderEpoch,
    },
}

/// The answer to a client.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) number: u64,
    /// Who answers, of which topic and at which epoch.
    pub(super) from: BrokerId,
    pub(super) topic_id: Uuid,
    pub(super) epoch: LeaderEpoch,
    pub(super) told: Result<Told, Refused>,
}

#[derive(Debug, Clone)]
pub(super) enum Told {
    Appended,
    Records(Vec<Record>),
    Latest(Offset),
}

/// What a process asks of ZooKeeper.
#[derive(Debug, Clone)]
pub(super) enum ZooKeeperRequest {
    Read(Vec<String>),
    /// The names below some znodes.
    Children(Vec<String>),
    Multi(Vec<ZnodeWrite>),
}

#[derive(Debug, Clone)]
pub(super) enum ZooKeeperAnswer {
    Found(Vec<Option<(Vec<u8>, Stat)>>),
    Children(Vec<Vec<String>>),
    Written(Vec<Option<Stat>>),
    NoNode,
    NodeExists,
    BadVersion(String),
    /// The connection broke: a write may have happened.
    Lost,
}

impl From<Result<Vec<Option<Stat>>, ZooKeeperError>> for ZooKeeperAnswer {
    fn from(result: Result<Vec<Option<Stat>>, ZooKeeperError>) -> Self {
        match result {
            Ok(stats) => Self::Written(stats),
            Err(ZooKeeperError::NoNode { .. }) => Self::NoNode,
            Err(ZooKeeperError::NodeExists { .. }) => Self::NodeExists,
            Err(ZooKeeperError::BadVersion { path }) => Self::BadVersion(path),
            Err(error) => unreachable!("{error}"),
        }
    }
}

/// What a process wakes itself for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Timer {
    /// Look for followers that fell behind; write checkpoints now and then.
    Look,
    /// Give the partitions the roles in the newest image.
    FollowImage,
    /// Let the controller look at the newest image, or stand for election.
    Controller,
    Fetch(TopicPartition),
    FetchTimeout(TopicPartition, u64),
    Register,
}

/// What a process does to the world.
#[derive(Debug)]
pub(super) enum Out {
    Broker(BrokerId, Message),
    Client(usize, Answer),
    ZooKeeper { op: u64, request: ZooKeeperRequest },
    Connect(Option<i64>),
    After(u64, Timer),
}

/// One message's handling: the time, and where effects go.
pub(super) struct Turn<'a> {
    pub(super) now: u64,
    /// The process's own clock.
    pub(super) clock: Instant,
    pub(super) chance: &'a mut Chance,
    pub(super) out: &'a mut Vec<Out>,
    pub(super) ledger: &'a mut Ledger,
    pub(super) transcript: &'a mut Transcript,
}

impl Turn<'_> {
    pub(super) fn after(&mut self, ms: u64, timer: Timer) {
        self.out.push(Out::After(ms, timer));
    }

    pub(super) fn say(&mut self, line: impl FnOnce() -> String) {
        self.transcript.say(self.now, line);
    }
}
