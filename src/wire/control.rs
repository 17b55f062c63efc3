//! What another shell asks a running playground and what it answers: one JSON object a line, over a Unix socket
//! that only its user can open.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{BrokerId, LeaderEpoch, Offset};

/// Raised whenever a field of an answer changes its meaning or goes.
pub const VERSION: u32 = 1;

/// Lines longer than this are no question and no answer.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// Do this, and answer once what it asked for is there.
    Do {
        /// An action as the palette takes it, `kill broker 2`.
        action: String,
        /// For how long it may take.
        timeout_ms: u64,
        /// Under whose name it is told.
        #[serde(default, skip_serializing_if = "Asker::is_shell")]
        by: Asker,
    },
    /// Remember how things are now, under this name: a wait can count from there. What had the name is forgotten.
    Mark {
        /// The name.
        mark: String,
    },
    /// Answer once this holds.
    Wait {
        /// `isr orders 3 and lag billing 0`
        condition: String,
        /// For how long at most; a `within` of its own goes before.
        timeout_ms: u64,
        /// The mark that `more`, `moved` and `new` count from; else they count from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<String>,
    },
    /// Tell everything that is known.
    Status {},
}

/// Who asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asker {
    /// Somebody in another shell, or a script.
    #[default]
    Shell,
    /// A scenario.
    Scenario,
    /// A lesson.
    Lesson,
}

impl Asker {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes what it may skip by reference"
    )]
    fn is_shell(&self) -> bool {
        *self == Self::Shell
    }
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It was done, or it holds.
    Holds {
        /// How long that took.
        after_ms: u64,
        /// What was seen then.
        seen: String,
    },
    /// It was refused, or does not hold in time.
    Fails {
        /// How long it was waited.
        after_ms: u64,
        /// Why, or what was seen instead.
        why: String,
    },
    /// The question is none.
    Wrong {
        /// What was understood, and what is right.
        why: String,
    },
    /// The answer to `Status`.
    Status(Box<Status>),
}

/// A cluster as the playground knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Status {
    /// [`VERSION`]
    pub version: u32,
    /// The cluster's name.
    pub name: String,
    /// The playground's process.
    pub pid: u32,
    /// Whether all processes, topics and groups of the start are there.
    pub ready: bool,
    /// How long the start took, once it is ready.
    pub ready_after_ms: Option<u64>,
    /// Where clients begin.
    pub bootstrap: String,
    /// `ZooKeeper`'s address.
    pub zookeeper: String,
    /// The data folder.
    #[cfg_attr(test, schemars(with = "String"))]
    pub folder: PathBuf,
    /// Where the playground listens to other shells.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub control: Option<PathBuf>,
    /// The broker that is the controller.
    #[cfg_attr(test, schemars(with = "Option<i32>"))]
    pub controller: Option<BrokerId>,
    /// Processes: `ZooKeeper`, brokers, consumers.
    pub processes: Vec<ProcessStatus>,
    /// Topics by name, Kafka's own among them.
    pub topics: Vec<TopicStatus>,
    /// Groups by id.
    pub groups: Vec<GroupStatus>,
    /// Records that the playground's own producer sent.
    pub sent: u64,
    /// Those acknowledged.
    pub acked: u64,
    /// Those given up.
    pub failed: u64,
    /// Acknowledged records that were looked for and not found.
    pub lost: u64,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProcessStatus {
    /// `zookeeper`, `broker 1`, `consumer c1`: as actions name it.
    pub name: String,
    /// `up`, `starting`, `frozen`, `stopping`, `stopped`, `killed`, `died`.
    pub status: String,
    /// Its pid, while there is a process.
    pub pid: Option<u32>,
    /// Where it listens.
    pub address: Option<String>,
    /// Resident memory, once it was measured.
    pub rss_bytes: Option<u64>,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TopicStatus {
    /// Its name.
    pub name: String,
    /// Whether Kafka keeps it for itself.
    pub internal: bool,
    /// Its partitions, by index.
    pub partitions: Vec<PartitionStatus>,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PartitionStatus {
    /// Its index.
    pub partition: i32,
    /// Who leads it; nobody where it is absent.
    #[cfg_attr(test, schemars(with = "Option<i32>"))]
    pub leader: Option<BrokerId>,
    /// How often the leader changed.
    #[cfg_attr(test, schemars(with = "i32"))]
    pub epoch: LeaderEpoch,
    /// The first is the preferred leader.
    #[cfg_attr(test, schemars(with = "Vec<i32>"))]
    pub replicas: Vec<BrokerId>,
    /// Replicas in sync.
    #[cfg_attr(test, schemars(with = "Vec<i32>"))]
    pub isr: Vec<BrokerId>,
    /// The oldest record; absent where the topic's offsets are not looked at.
    #[cfg_attr(test, schemars(with = "Option<i64>"))]
    pub log_start: Option<Offset>,
    /// Where it ends for readers; absent where the topic's offsets are not looked at.
    #[cfg_attr(test, schemars(with = "Option<i64>"))]
    pub high_watermark: Option<Offset>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GroupStatus {
    /// Its id.
    pub group: String,
    /// Kafka's name of its state.
    pub state: String,
    /// How many read in it.
    pub members: usize,
    /// By how many records it is behind.
    pub lag: i64,
}

#[cfg(test)]
mod tests {
    use super::{Answer, Asker, Question, Status};

    #[test]
    fn a_question_is_one_plain_object() {
        let question = Question::Do {
            action: "kill broker 2".into(),
            timeout_ms: 30_000,
            by: Asker::Shell,
        };
        let text = serde_json::to_string(&question).expect("plain data");
        assert_eq!(
            text,
            r#"{"do":{"action":"kill broker 2","timeout_ms":30000}}"#
        );
        assert_eq!(
            serde_json::from_str::<Question>(&text).expect("reads back"),
            question
        );
        serde_json::from_str::<Question>(r#"{"do":{"action":"heal","timeout":1}}"#)
            .expect_err("a field that nobody knows is a mistake of whoever asks");
    }

    #[test]
    fn an_answer_is_one_plain_object() {
        let answer = Answer::Fails {
            after_ms: 12,
            why: "isr of orders: p0 2".into(),
        };
        let text = serde_json::to_string(&answer).expect("plain data");
        assert_eq!(
            text,
            r#"{"fails":{"after_ms":12,"why":"isr of orders: p0 2"}}"#
        );
    }

    /// `KAFKARIUM_WRITE_SCHEMA=1 cargo test -p kafkarium-wire schema` writes it.
    #[test]
    fn the_schema_of_a_status_is_the_one_in_the_docs() {
        let schema = schemars::schema_for!(Status);
        let schema = serde_json::to_string_pretty(&schema).expect("plain data") + "\n";
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/status.schema.json");
        if std::env::var_os("KAFKARIUM_WRITE_SCHEMA").is_some() {
            std::fs::write(file, &schema).expect("the folder can be written");
        }
        let kept = std::fs::read_to_string(file).expect("it is there");
        assert_eq!(
            kept, schema,
            "raise VERSION where a field changed its meaning or went"
        );
    }
}
