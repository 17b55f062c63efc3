//! What the outside told, as it is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use super::mirror::{stored_enum, stored_struct};
use crate::state::{
    Acks, AsksSeen, BatchSeen, BrokerSeen, BytesSeen, ClusterSeen, ExchangeSeen, GroupProtocol,
    GroupSeen, MemberSeen, Observation, PartitionOffsets, PartitionSeen, ProcessChange,
    ProcessName, ProducedSeen, QuorumReplica, QuorumSeen, Receipt, RecordKind, RecordSeen,
    SessionSeen, SoftwareSeen, Timestamp, TopicSeen, TransactionSeen, Unreadable, WatchSeen,
    ZnodeContent, ZnodeSeen, ZnodesSeen, ZooKeeperSeen,
};
use wire::{
    BrokerId, GroupState, LeaderEpoch, Offset, TopicPartition, TransactionState, report::ReportLine,
};

stored_enum! {
    /// A fact.
    StoredObservation of Observation {
        DataFolder { path: String, last_used: Option<Timestamp> },
        Process { process: StoredName, change: StoredChange },
        Memory { process: StoredName, rss_bytes: u64, cpu_ms: Option<u64> },
        LogLines { process: StoredName, file: String, lines: Vec<String> },
        Report { process: StoredName, line: ReportLine },
        Software(software: StoredSoftware),
        Asks(asks: StoredAsks),
        Quorum(quorum: StoredQuorum),
        QuorumSilent { why: String },
        Cluster(cluster: StoredCluster),
        Offsets(offsets: Vec<StoredOffsets>),
        Records {
            partition: TopicPartition,
            from: Offset,
            upto: Offset,
            records: Vec<StoredRecord>,
        },
        Group(group: StoredGroup),
        GroupGone { group: String },
        Transactions { coordinator: BrokerId, transactions: Vec<StoredTransaction> },
        ZooKeeper(zookeeper: StoredZooKeeper),
        Znodes(znodes: StoredZnodes),
        Produced(produced: StoredProduced),
        Acked(receipt: StoredReceipt),
        SendFailed { partition: Option<TopicPartition>, key: Option<String>, error: String },
        LostChecked { lost: u64 },
        LostByLeaderChecked { lost: u64 },
        Done { say: Option<String> },
        Failed { why: String },
        Notice(words: String),
        Wire { exchanges: Vec<StoredExchange>, missed: u64 },
        OffsetCommitted { group: String, error: Option<String> },
        Proved,
        Copied(text: String),
        SettingsFile { file: String, text: Option<String>, at_start: bool },
        SettingsFileUnreadable { file: String, why: StoredUnreadable, at_start: bool },
        Recording { on: bool, say: String },
        Kept(words: String),
        NotKept(words: String),
    }
}

stored_enum! {
    /// A process, by the name people call it.
    StoredName of ProcessName {
        ZooKeeper,
        Broker(id: BrokerId),
        Consumer(name: String),
        Producer(name: String),
    }
}

stored_enum! {
    /// How a child process changed.
    StoredChange of ProcessChange {
        Spawned { pid: u32, address: Option<String>, group: Option<String> },
        Ready { address: String, at_ms: i64 },
        Exited { code: Option<i32>, signal: Option<i32> },
        Frozen,
        Thawed,
        Listed { address: String, rack: Option<String> },
        Unlisted,
        Silent { why: String },
        Answers,
    }
}

stored_enum! {
    /// Why a file cannot be taken as text.
    StoredUnreadable of Unreadable {
        TooLarge { bytes_max: u64 },
        NotUtf8 { line: usize, column: usize, byte: u8 },
        NotAFile,
        TooMany { files_max: usize },
        Refused(words: String),
    }
}

stored_enum! {
    /// How many acknowledgements the producer waits for.
    StoredAcks of Acks { All, Leader, None }
}

stored_struct! {
    /// What one Metadata answer says.
    StoredCluster of ClusterSeen {
        cluster_id: Option<String>,
        controller: Option<BrokerId>,
        brokers: Vec<StoredBroker>,
        topics: Vec<StoredTopic>,
    }
}

stored_struct! {
    /// A quorum of controllers as its leader describes it.
    StoredQuorum of QuorumSeen {
        leader: Option<BrokerId>,
        epoch: LeaderEpoch,
        high_watermark: Offset,
        voters: Vec<StoredQuorumReplica>,
        observers: Vec<StoredQuorumReplica>,
    }
}

stored_struct! {
    /// A copy of the log that the quorum keeps.
    StoredQuorumReplica of QuorumReplica {
        id: BrokerId,
        log_end: Option<Offset>,
        fetched: Option<Timestamp>,
        caught_up: Option<Timestamp>,
    }
}

stored_struct! {
    /// How often brokers were asked.
    StoredAsks of AsksSeen { within: Duration, by_api: Vec<(String, u64)> }
}

stored_struct! {
    /// What a cluster's brokers run.
    StoredSoftware of SoftwareSeen { quorum: bool, release: Option<String> }
}

stored_struct! {
    /// A live broker.
    StoredBroker of BrokerSeen {
        id: BrokerId,
        address: String,
        #[serde(default)]
        rack: Option<String>,
    }
}

stored_struct! {
    /// A topic.
    StoredTopic of TopicSeen {
        name: String,
        internal: bool,
        partitions: Vec<StoredPartition>,
        min_insync_replicas: Option<i32>,
        configs: BTreeMap<String, String>,
    }
}

stored_struct! {
    /// A partition as Metadata tells it.
    StoredPartition of PartitionSeen {
        partition: i32,
        leader: Option<BrokerId>,
        epoch: LeaderEpoch,
        replicas: Vec<BrokerId>,
        isr: Vec<BrokerId>,
    }
}

stored_struct! {
    /// Where a partition's log begins and ends.
    StoredOffsets of PartitionOffsets {
        partition: TopicPartition,
        log_start: Offset,
        high_watermark: Offset,
        last_stable: Option<Offset>,
        ends: Vec<(BrokerId, Offset)>,
    }
}

stored_struct! {
    /// A record.
    StoredRecord of RecordSeen {
        offset: Offset,
        key: Option<String>,
        value: Option<String>,
        timestamp_ms: i64,
        size_bytes: u32,
        headers: Vec<(String, String)>,
        kind: StoredKind,
        batch: StoredBatch,
        key_bytes: Option<StoredBytes>,
        value_bytes: Option<StoredBytes>,
    }
}

stored_enum! {
    /// What a record is to those who read.
    StoredKind of RecordKind { Data, Aborted, Commit, Abort, Control }
}

stored_struct! {
    /// A batch as its header tells it.
    StoredBatch of BatchSeen {
        base_offset: Offset,
        last_offset: Offset,
        size_bytes: u32,
        codec: String,
        producer_id: i64,
        producer_epoch: i16,
        base_sequence: i32,
        leader_epoch: LeaderEpoch,
        transactional: bool,
        log_append_time: bool,
    }
}

stored_struct! {
    /// Bytes that are no text, or too long to be kept whole.
    StoredBytes of BytesSeen { first: Vec<u8>, count: u32 }
}

stored_struct! {
    /// A group as its coordinator describes it.
    StoredGroup of GroupSeen {
        group: String,
        state: GroupState,
        coordinator: Option<BrokerId>,
        protocol: String,
        members: Vec<StoredMember>,
        committed: Vec<(TopicPartition, Offset)>,
        #[serde(default)]
        kind: Option<StoredProtocol>,
        #[serde(default)]
        epochs: Option<(i32, i32)>,
    }
}

stored_enum! {
    /// By which protocol a group divides.
    StoredProtocol of GroupProtocol { Classic, Consumer }
}

stored_struct! {
    /// A member of a group.
    StoredMember of MemberSeen {
        member_id: String,
        client_id: String,
        host: String,
        assignment: Vec<TopicPartition>,
        #[serde(default)]
        epoch: Option<i32>,
        #[serde(default)]
        target: Vec<TopicPartition>,
    }
}

stored_struct! {
    /// A transactional id as its coordinator describes it.
    StoredTransaction of TransactionSeen {
        transactional_id: String,
        state: TransactionState,
        producer_id: i64,
        producer_epoch: i16,
        timeout: Duration,
        started: Option<Timestamp>,
        partitions: Vec<TopicPartition>,
    }
}

stored_struct! {
    /// `ZooKeeper` as its four-letter words tell it.
    StoredZooKeeper of ZooKeeperSeen {
        znodes: u64,
        zxid: i64,
        watches: u64,
        watched: Vec<StoredWatch>,
        sessions: Vec<StoredSession>,
        exact: bool,
        refused: Vec<String>,
    }
}

stored_struct! {
    /// A watched path.
    StoredWatch of WatchSeen { path: String, sessions: Vec<i64> }
}

stored_struct! {
    /// A `ZooKeeper` session.
    StoredSession of SessionSeen {
        session: i64,
        timeout: Duration,
        last_heard: Timestamp,
        ephemerals: Vec<String>,
    }
}

stored_struct! {
    /// Znodes as they were read.
    StoredZnodes of ZnodesSeen { session: i64, whole: bool, znodes: Vec<StoredZnode> }
}

stored_struct! {
    /// One znode.
    StoredZnode of ZnodeSeen { path: String, content: Option<StoredContent> }
}

stored_struct! {
    /// What a znode holds.
    StoredContent of ZnodeContent {
        data: String,
        size_bytes: i32,
        version: i32,
        mzxid: i64,
        ephemeral_owner: i64,
        children: i32,
    }
}

stored_struct! {
    /// What our own producer counted.
    StoredProduced of ProducedSeen {
        sent: u64,
        acked: u64,
        acked_bytes: u64,
        failed: u64,
        waiting: Vec<(TopicPartition, u64)>,
        waiting_for_all: Vec<(TopicPartition, u64)>,
    }
}

stored_struct! {
    /// An acknowledged record.
    StoredReceipt of Receipt {
        partition: TopicPartition,
        offset: Offset,
        key: Option<String>,
        acks: StoredAcks,
        sent_at: Timestamp,
        latency: Duration,
    }
}

stored_struct! {
    /// A request and what became of it.
    StoredExchange of ExchangeSeen {
        at: Timestamp,
        address: String,
        api: String,
        version: i16,
        correlation_id: i32,
        latency: Duration,
        request_bytes: u64,
        answer_bytes: Option<u64>,
        asks: String,
        tells: String,
        error: Option<String>,
        request: String,
        answer: String,
    }
}
