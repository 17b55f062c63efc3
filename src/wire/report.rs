//! What our own processes report about causes: one JSON object a line on stdout.
//!
//! No protocol tells that a watch fired at broker 2, or why an ISR shrank. With `--report`,
//! servers and consumers say it themselves. Elsewhere these lines are absent.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{BrokerId, GroupState, LeaderEpoch, Offset, TopicPartition, TransactionState};

/// One line: when, and what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportLine {
    /// Milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// What happened.
    #[serde(flatten)]
    pub report: Report,
}

/// A partition with the offset it stands at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionOffset {
    /// The topic's name.
    pub topic: String,
    /// The partition's index.
    pub partition: i32,
    /// `-1` where none is committed yet.
    pub offset: Offset,
}

/// A member of a group. Two of them may have one client id: only the member id tells them apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberName {
    /// The member id that the coordinator gave it.
    pub member: String,
    /// The name its client goes by.
    pub client_id: String,
}

/// Why a group changed: members, and what they did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupCause {
    /// Who did it, where it was done by members.
    pub who: Vec<MemberName>,
    /// In words that follow their names, `was not heard for 3000 ms`; a sentence where nobody did it.
    pub why: String,
}

/// A step in a member's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberStep {
    /// It got a member id.
    Asked,
    /// It waits for the others.
    Joined,
    /// It has its assignment.
    Synced,
    /// It said that it goes.
    Left,
    /// It was not heard, or not in time.
    Expired,
}

/// Who decided that a transaction moves on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionCause {
    /// Its producer, or what its producer wrote.
    Producer,
    /// It was open for longer than its producer asked for.
    TimedOut,
    /// Another producer took the transactional id over.
    TakenOver,
}

/// A step of a producer in its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionStep {
    /// It has its transactional id and began; the brokers learn of it with the first record.
    Began,
    /// The brokers decided that all of it counts.
    Committed,
    /// The brokers decided that none of it counts.
    Aborted,
}

/// What a watch tells of a znode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZnodeChange {
    /// It is there now.
    Created,
    /// It is gone.
    Deleted,
    /// Its data was written.
    Changed,
    /// Others were made or deleted below it.
    Children,
}

/// A member of a group with the partitions that it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberPartitions {
    /// The member id that the coordinator gave it.
    pub member: String,
    /// The name its client goes by.
    pub client_id: String,
    /// Empty: it sits idle.
    pub partitions: Vec<TopicPartition>,
}

/// One thing that happened inside a process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Report {
    /// A server answers on this address.
    Ready { address: String },

    // ZooKeeper.
    /// A session began, or came back after its connection broke.
    SessionOpened {
        session: i64,
        timeout_ms: u32,
        reattached: bool,
    },
    /// A session ended because nothing was heard from it in time.
    SessionExpired {
        session: i64,
        timeout_ms: u32,
        /// The ephemeral znodes that went with it.
        ephemerals: Vec<String>,
    },
    /// A session's own client closed it.
    SessionClosed {
        session: i64,
        ephemerals: Vec<String>,
    },
    /// A change woke the watches of these sessions.
    WatchFired {
        path: String,
        /// What happened to the znode.
        change: ZnodeChange,
        sessions: Vec<i64>,
    },

    // Brokers.
    /// The broker's ephemeral znode exists; its czxid is the broker epoch.
    Registered {
        broker: BrokerId,
        broker_epoch: i64,
        session: i64,
    },
    /// This broker's own watch told it to read another one's path again.
    WatchSeen { broker: BrokerId, path: String },
    /// This broker created `/controller`.
    ControllerElected {
        broker: BrokerId,
        controller_epoch: i32,
    },
    /// The controller wrote the znodes of a new topic: replicas of each partition, the first leads.
    TopicCreated {
        topic: String,
        partitions: Vec<Vec<BrokerId>>,
    },
    /// The controller removed a topic's znodes.
    TopicDeleted { topic: String },
    /// The controller changed a partition's leader (its epoch rises) or only its ISR.
    PartitionChanged {
        topic: String,
        partition: i32,
        leader_before: BrokerId,
        /// `-1`: nobody in the ISR is alive.
        leader: BrokerId,
        epoch_before: LeaderEpoch,
        epoch: LeaderEpoch,
        isr_before: Vec<BrokerId>,
        isr: Vec<BrokerId>,
        /// In words: `broker 3 is gone`, `broker 3 is back`, `preferred leader`, `controlled shutdown`.
        why: String,
    },
    /// All new replicas of a partition are in sync: the controller let the old ones go.
    ReassignmentFinished {
        topic: String,
        partition: i32,
        replicas_before: Vec<BrokerId>,
        /// The first is the preferred leader.
        replicas: Vec<BrokerId>,
    },
    /// A leader changed the ISR of its partition by itself.
    IsrChanged {
        topic: String,
        partition: i32,
        leader: BrokerId,
        isr_before: Vec<BrokerId>,
        isr: Vec<BrokerId>,
        /// In words: `broker 3 caught up`, `broker 3 fell behind for 30000 ms`.
        why: String,
    },
    /// A replica cut records that the leader does not have.
    LogTruncated {
        broker: BrokerId,
        topic: String,
        partition: i32,
        from: Offset,
        to: Offset,
    },
    /// A follower gets no further: every fetch is refused, or brings what its log cannot take.
    FollowerStalled {
        broker: BrokerId,
        topic: String,
        partition: i32,
        leader: BrokerId,
        /// What it asks for: its log's end.
        offset: Offset,
        for_ms: u64,
        /// In words.
        why: String,
    },
    /// Recovery of one partition's log at start cut a torn tail or found it sound.
    LogRecovered {
        broker: BrokerId,
        topic: String,
        partition: i32,
        log_end_offset: Offset,
        cut_bytes: u64,
    },
    /// A group moved to another state.
    GroupState {
        group: String,
        /// The one it is in now.
        state: GroupState,
        generation: i32,
        /// `c3 asks to join`, `c2 was not heard for 3000 ms`, `c1 leads and divides with "range"`.
        why: GroupCause,
        /// The chosen assignor, while there is one.
        #[serde(default)]
        protocol: Option<String>,
        /// The leader's member id.
        #[serde(default)]
        leader: Option<String>,
        /// While `PreparingRebalance`: member ids of those that have not joined again yet.
        #[serde(default)]
        awaited: Vec<String>,
        /// While `PreparingRebalance`: how long they have.
        #[serde(default)]
        rebalance_timeout_ms: u64,
        /// Every member with what it holds: in `Stable`, the new division.
        #[serde(default)]
        members: Vec<MemberPartitions>,
        /// In `Stable`: the division before, by members that may be gone.
        #[serde(default)]
        before: Vec<MemberPartitions>,
    },
    /// A member of a group joined (again), synced or left; what the Group pane's rows say.
    GroupMember {
        group: String,
        member: String,
        client_id: String,
        step: MemberStep,
        generation: i32,
        /// `synced`: what it got. `joined`, `left`, `expired`: what it gave up.
        #[serde(default)]
        partitions: Vec<TopicPartition>,
        /// For `left` and `expired`.
        #[serde(default)]
        why: GroupCause,
    },
    /// This broker took over the groups of a partition of `__consumer_offsets` and read them.
    GroupsLoaded {
        broker: BrokerId,
        partition: i32,
        epoch: LeaderEpoch,
        groups: Vec<String>,
    },

    /// A coordinator wrote down how a transactional id stands now; every in-sync replica has it.
    TransactionState {
        transactional_id: String,
        producer_id: i64,
        /// `-1`: nobody had the id.
        epoch_before: i16,
        epoch: i16,
        state_before: TransactionState,
        state: TransactionState,
        /// What belongs to the transaction, or still needs its marker.
        partitions: Vec<TopicPartition>,
        /// When it began, in milliseconds since 1970; `-1`: never.
        start_ms: i64,
        timeout_ms: i32,
        why: TransactionCause,
    },
    /// A leader wrote the marker that ends a transaction in its partition; every in-sync replica has it.
    MarkerWritten {
        topic: String,
        partition: i32,
        offset: Offset,
        producer_id: i64,
        epoch: i16,
        commit: bool,
    },

    // Transactional producers (`kafkarium transact`).
    /// The producer came a step on.
    Transaction { step: TransactionStep },
    /// The producer could not do what it was told.
    TransactionRefused {
        /// The step that it did not come to.
        step: TransactionStep,
        /// In the client library's words.
        error: String,
        /// Whether the producer can do nothing more before it takes its transactional id anew.
        fatal: bool,
    },
    /// A record that it was told to send is acknowledged, or was given up.
    Delivered {
        /// The number that the order had.
        number: u64,
        topic: String,
        /// `-1`: it never got one.
        partition: i32,
        /// Where it stands; absent where it was given up.
        offset: Option<Offset>,
        /// Why it was given up.
        error: Option<String>,
    },

    // Consumers (`kafkarium consume --json`).
    /// The group gave this consumer these partitions; offsets are where it reads on.
    Assigned { partitions: Vec<PartitionOffset> },
    /// The consumer gave these partitions up.
    Revoked { partitions: Vec<PartitionOffset> },
    /// One record was read.
    Record {
        topic: String,
        partition: i32,
        offset: Offset,
        timestamp_ms: i64,
        key: Option<String>,
        value: Option<String>,
        /// Whether key or value was not UTF-8 and is shown with replacement characters.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        lossy: bool,
    },
    /// Offsets were committed for the group.
    Committed { partitions: Vec<PartitionOffset> },
    /// The client library reported a problem that it retries by itself.
    ClientError { error: String },
}

impl GroupCause {
    /// These members did something.
    #[must_use]
    pub fn by(who: Vec<MemberName>, why: impl Into<String>) -> Self {
        Self {
            who,
            why: why.into(),
        }
    }

    /// The whole sentence; `name` says how a member is called.
    #[must_use]
    pub fn told(&self, name: impl Fn(&MemberName) -> String) -> String {
        let names: Vec<String> = self.who.iter().map(name).collect();
        match names.as_slice() {
            [] => self.why.clone(),
            names => format!("{} {}", names.join(", "), self.why),
        }
    }
}

impl fmt::Display for ZnodeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Deleted => "deleted",
            Self::Changed => "changed",
            Self::Children => "children",
        })
    }
}

impl From<&str> for GroupCause {
    fn from(why: &str) -> Self {
        Self::from(why.to_owned())
    }
}

impl From<String> for GroupCause {
    fn from(why: String) -> Self {
        Self::by(Vec::new(), why)
    }
}

impl ReportLine {
    /// The line for `report`, stamped with the current time.
    #[must_use]
    pub fn now(report: Report) -> Self {
        let at = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_millis());
        Self {
            at_ms: i64::try_from(at).unwrap_or(i64::MAX),
            report,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GroupCause, MemberStep, Report, ReportLine, ZnodeChange};
    use crate::GroupState;

    #[test]
    fn a_line_is_one_flat_json_object() {
        let line = ReportLine {
            at_ms: 5,
            report: Report::Ready {
                address: "127.0.0.1:9092".into(),
            },
        };
        let text = serde_json::to_string(&line).expect("plain data");
        assert_eq!(
            text,
            r#"{"at_ms":5,"event":"ready","address":"127.0.0.1:9092"}"#
        );
        assert_eq!(
            serde_json::from_str::<ReportLine>(&text).expect("own line"),
            line
        );
    }

    #[test]
    fn what_can_be_compared_is_the_same_text_as_ever() {
        let state = |state| Report::GroupState {
            group: "billing".into(),
            state,
            generation: 3,
            why: GroupCause::default(),
            protocol: None,
            leader: None,
            awaited: Vec::new(),
            rebalance_timeout_ms: 0,
            members: Vec::new(),
            before: Vec::new(),
        };
        let fired = |change| Report::WatchFired {
            path: "/controller".into(),
            change,
            sessions: vec![7],
        };
        let told = [
            (
                state(GroupState::PreparingRebalance),
                r#"{"at_ms":5,"event":"group_state","group":"billing","state":"PreparingRebalance","generation":3,"why":{"who":[],"why":""},"protocol":null,"leader":null,"awaited":[],"rebalance_timeout_ms":0,"members":[],"before":[]}"#,
            ),
            (
                Report::GroupMember {
                    group: "billing".into(),
                    member: "c1-1".into(),
                    client_id: "c1".into(),
                    step: MemberStep::Expired,
                    generation: 3,
                    partitions: Vec::new(),
                    why: GroupCause::from("c1 was not heard"),
                },
                r#"{"at_ms":5,"event":"group_member","group":"billing","member":"c1-1","client_id":"c1","step":"expired","generation":3,"partitions":[],"why":{"who":[],"why":"c1 was not heard"}}"#,
            ),
            (
                fired(ZnodeChange::Deleted),
                r#"{"at_ms":5,"event":"watch_fired","path":"/controller","change":"deleted","sessions":[7]}"#,
            ),
            (
                fired(ZnodeChange::Children),
                r#"{"at_ms":5,"event":"watch_fired","path":"/controller","change":"children","sessions":[7]}"#,
            ),
        ];
        for (report, text) in told {
            let line = ReportLine { at_ms: 5, report };
            assert_eq!(serde_json::to_string(&line).expect("plain data"), text);
            let read: ReportLine = serde_json::from_str(text).expect("own line");
            assert_eq!(read, line);
        }
    }
}
