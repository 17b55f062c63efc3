//! What `update` asks the outside to do. The answer comes back as an observation.

use std::time::Duration;

use super::TopicConfig;
use crate::state::{
    NewTopic,
    cluster::{Acks, GroupProtocol, ProcessName, StreamRate},
};
use wire::{BrokerId, Offset, TopicPartition, control::Answer};

/// One thing to do. Requests are started in the order given and need not wait for each other.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Spawn this process; one that ran before keeps its port and its folder.
    Start(ProcessName),
    /// SIGKILL.
    Kill(ProcessName),
    /// SIGTERM; whoever does not heed it is not killed.
    Stop(ProcessName),
    /// SIGSTOP.
    Freeze(ProcessName),
    /// SIGCONT.
    Thaw(ProcessName),
    /// Stop it cleanly, and start it when it is gone.
    Restart(ProcessName),
    /// Spawn a consumer for a group.
    AddConsumer(NewConsumer),
    /// Spawn a producer that writes in transactions.
    AddProducer(NewProducer),
    /// Tell such a producer what to do.
    Transact {
        /// Which.
        producer: ProcessName,
        /// What.
        order: TransactionOrder,
    },
    /// Send these with our own producer.
    Produce(Vec<NewRecord>),
    /// Let streams wait for so many acknowledgements from now on; single records say it themselves.
    Acks(Acks),
    /// Send demo records to this topic at this pace from now on.
    Stream {
        /// The topic.
        topic: String,
        /// The pace; `Off` ends the stream.
        rate: StreamRate,
    },
    /// The same beside that stream; each topic has one.
    StreamBeside {
        /// The topic.
        topic: String,
        /// The pace; `Off` ends it.
        rate: StreamRate,
    },
    /// Create a topic. Brokers that are still registering are waited for, for a few seconds.
    CreateTopic(NewTopic),
    /// Give a topic's config a value, or take it back.
    SetConfig(TopicConfig),
    /// Delete a topic.
    DeleteTopic(String),
    /// Give these partitions these replicas, the preferred leader first.
    Reassign(Vec<(TopicPartition, Vec<BrokerId>)>),
    /// Give leadership of every partition back to its preferred leader.
    ElectLeaders,
    /// Delete a group.
    DeleteGroup(String),
    /// Write something that all replicas in sync must acknowledge, take it back, and tell.
    Prove,
    /// Poll and show the tail of these partitions from now on; all others may rest.
    Watch(Vec<TopicPartition>),
    /// Read old records of a partition and tell them.
    ReadRecords {
        /// Which.
        partition: TopicPartition,
        /// From this offset on,
        from: Offset,
        /// up to this one.
        upto: Offset,
    },
    /// Read and watch `ZooKeeper`'s tree from now on, this topic's znodes before those of others;
    /// without one, rest.
    WatchZnodes(Option<String>),
    /// Ask for transactions from now on, or no more.
    WatchTransactions(bool),
    /// Commit this offset for a group without members, and tell how that went.
    CommitOffset {
        /// The group.
        group: String,
        /// Where.
        partition: TopicPartition,
        /// The next record that it will read.
        offset: Offset,
    },
    /// Try again to connect where we were refused.
    Reconnect,
    /// Tell what our own connections ask and are answered, from now on or no more.
    Listen(bool),
    /// Send `LogLines` for this process.
    ReadLog(ProcessName),
    /// Put this text on the clipboard (OSC 52).
    Copy(String),
    /// End the playground and its processes.
    Quit,
    /// Leave the screen; the cluster runs on.
    Suspend,
    /// Take the mouse from the terminal, or give it back.
    Mouse(bool),
    /// Clear the terminal and draw everything again.
    Redraw,
    /// Record the screen, into this file or into a new one; where it is recorded, end that.
    Record(Option<String>),
    /// Put this label into the recording.
    Mark(String),
    /// Write the screen as text and with its colours.
    Shot(Option<String>),
    /// Write the session so far into this file or into a new one.
    Save(Option<String>),
    /// Keep how far lessons were done, in the settings folder.
    KeepProgress(String),
    /// Keep a lesson that was written from what was done, in the settings folder.
    KeepLesson {
        /// Its name.
        name: String,
        /// Its file.
        text: String,
    },
    /// Answer another shell's question.
    Answer {
        /// Its number.
        number: u64,
        /// The answer.
        answer: Answer,
    },
    /// Answer another shell's question with everything that is known.
    TellStatus {
        /// Its number.
        number: u64,
    },
}

impl Request {
    /// Whether only the terminal is asked, and no process and no cluster.
    #[must_use]
    pub fn concerns_the_terminal(&self) -> bool {
        matches!(
            self,
            Self::Copy(_)
                | Self::Quit
                | Self::Suspend
                | Self::Redraw
                | Self::Record(_)
                | Self::Mark(_)
                | Self::Shot(_)
                | Self::Save(_)
                | Self::Mouse(_)
        )
    }
}

/// A record to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewRecord {
    /// The topic.
    pub topic: String,
    /// Its key; murmur2 of it picks the partition.
    pub key: Option<String>,
    /// Its value.
    pub value: Option<String>,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// A partition chosen by hand.
    pub partition: Option<i32>,
    /// `all` unless it says otherwise.
    pub acks: Acks,
}

/// What a producer does in its transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransactionOrder {
    /// Take the transactional id, where it does not have it, and begin.
    Begin {
        /// After so long brokers abort it.
        timeout: Duration,
    },
    /// Write this record.
    Send(NewRecord),
    /// Commit.
    Commit,
    /// Abort.
    Abort,
}

/// A producer to spawn that writes in transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProducer {
    /// `t1`, and `t1-2` where that one has the same id.
    pub name: String,
    /// What brokers know it by.
    pub transactional_id: String,
}

impl NewProducer {
    /// The process this producer will be.
    #[must_use]
    pub fn process(&self) -> ProcessName {
        ProcessName::Producer(self.name.clone())
    }
}

/// A consumer to spawn. A group that committed nothing yet begins at the first record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConsumer {
    /// Its client id, `c3`.
    pub name: String,
    /// The group it joins.
    pub group: String,
    /// The topic it reads.
    pub topic: String,
    /// How it joins.
    pub protocol: GroupProtocol,
}

impl NewConsumer {
    /// The process this consumer will be.
    #[must_use]
    pub fn process(&self) -> ProcessName {
        ProcessName::Consumer(self.name.clone())
    }
}
