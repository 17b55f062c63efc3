//! Kafka 3.9's znodes: their paths, and the JSON inside them.

use std::{collections::BTreeMap, time::SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::controller::assignment::Replicas;
use wire::{BrokerId, TopicPartition};

pub(crate) const BROKER_IDS: &str = "/brokers/ids";
pub(crate) const TOPICS: &str = "/brokers/topics";
pub(crate) const TOPIC_CONFIGS: &str = "/config/topics";
pub(crate) const BROKER_CONFIGS: &str = "/config/brokers";
pub(crate) const GROUP_CONFIGS: &str = "/config/groups";
pub(crate) const CONTROLLER: &str = "/controller";
pub(crate) const CONTROLLER_EPOCH: &str = "/controller_epoch";
pub(crate) const CLUSTER_ID: &str = "/cluster/id";
pub(crate) const DELETE_TOPICS: &str = "/admin/delete_topics";
pub(crate) const PRODUCER_ID_BLOCK: &str = "/latest_producer_id_block";

/// The name under `/config/brokers` whose configs hold for every broker.
pub(crate) const EVERY_BROKER: &str = "<default>";

/// What Kafka creates when its first broker starts, parents first; all without data. Configs of groups are
/// ours: Kafka never had any while it kept configs in `ZooKeeper`.
pub(crate) const PERSISTENT: [&str; 21] = [
    "/consumers",
    "/brokers",
    BROKER_IDS,
    TOPICS,
    "/config",
    "/config/changes",
    "/admin",
    DELETE_TOPICS,
    "/brokers/seqid",
    "/isr_change_notification",
    PRODUCER_ID_BLOCK,
    "/log_dir_event_notification",
    TOPIC_CONFIGS,
    "/config/clients",
    "/config/users",
    BROKER_CONFIGS,
    GROUP_CONFIGS,
    "/config/ips",
    "/cluster",
    CLUSTER_ID,
    CONTROLLER_EPOCH,
];

/// What is watched, with everything below.
pub(crate) const WATCHED: [&str; 4] = ["/brokers", "/config", "/admin", CONTROLLER];

/// `/brokers/ids/N`.
pub(crate) fn broker(id: BrokerId) -> String {
    format!("{BROKER_IDS}/{id}")
}

/// `/brokers/topics/T`.
pub(crate) fn topic(name: &str) -> String {
    format!("{TOPICS}/{name}")
}

/// `/brokers/topics/T/ID`: ours, and passed over by Kafka's brokers. It is there as long as the topic of this very id
/// is, for writes to check: versions do not tell a topic from one made anew under the same name.
pub(crate) fn incarnation(topic: &str, id: Uuid) -> String {
    format!("{TOPICS}/{topic}/{}", URL_SAFE_NO_PAD.encode(id.as_bytes()))
}

/// `/brokers/topics/T/partitions`.
pub(crate) fn partitions(topic: &str) -> String {
    format!("{TOPICS}/{topic}/partitions")
}

/// `/brokers/topics/T/partitions/P`.
pub(crate) fn partition(at: &TopicPartition) -> String {
    format!("{TOPICS}/{}/partitions/{}", at.topic, at.partition)
}

/// `/brokers/topics/T/partitions/P/state`.
pub(crate) fn state(at: &TopicPartition) -> String {
    format!("{TOPICS}/{}/partitions/{}/state", at.topic, at.partition)
}

/// `/config/topics/T`.
pub(crate) fn topic_config(name: &str) -> String {
    format!("{TOPIC_CONFIGS}/{name}")
}

/// `/config/brokers/N`, or `/config/brokers/<default>`.
pub(crate) fn broker_config(id: Option<BrokerId>) -> String {
    id.map_or_else(
        || format!("{BROKER_CONFIGS}/{EVERY_BROKER}"),
        |id| format!("{BROKER_CONFIGS}/{id}"),
    )
}

/// `/config/groups/G`. A group may be called by characters that mean something in a path.
pub(crate) fn group_config(group: &str) -> String {
    format!("{GROUP_CONFIGS}/{}", encoded(group))
}

fn encoded(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) && name != "." && name != ".." {
            out.push(char::from(byte));
        } else {
            let (high, low) = (byte >> 4, byte & 0xf);
            out.push('%');
            out.extend([high, low].map(hex_digit));
        }
    }
    out
}

fn hex_digit(half: u8) -> char {
    char::from_digit(half.into(), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

/// The group of which a znode under `/config/groups` is.
pub(crate) fn decoded(name: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

/// `/admin/delete_topics/T`.
pub(crate) fn delete_topic(name: &str) -> String {
    format!("{DELETE_TOPICS}/{name}")
}

/// What one path that changed is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Znode {
    Broker(BrokerId),
    Controller,
    Topic(String),
    State(TopicPartition),
    TopicConfig(String),
    BrokerConfig(Option<BrokerId>),
    GroupConfig(String),
    DeleteTopic(String),
}

impl Znode {
    /// What a path that changed is about; `None` where nothing is kept in it.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        let mut parts = path.split('/').skip(1);
        let parts: [Option<&str>; 7] = std::array::from_fn(|_| parts.next());
        match parts {
            [Some("controller"), None, ..] => Some(Self::Controller),
            [Some("brokers"), Some("ids"), Some(id), None, ..] => {
                Some(Self::Broker(BrokerId(id.parse().ok()?)))
            }
            [Some("brokers"), Some("topics"), Some(topic), None, ..] => {
                Some(Self::Topic(topic.to_owned()))
            }
            [
                Some("brokers"),
                Some("topics"),
                Some(topic),
                Some("partitions"),
                Some(partition),
                Some("state"),
                None,
            ] => Some(Self::State(TopicPartition::new(
                topic,
                partition.parse().ok()?,
            ))),
            [Some("config"), Some("topics"), Some(topic), None, ..] => {
                Some(Self::TopicConfig(topic.to_owned()))
            }
            [Some("config"), Some("groups"), Some(group), None, ..] => {
                Some(Self::GroupConfig(decoded(group)?))
            }
            [
                Some("config"),
                Some("brokers"),
                Some(EVERY_BROKER),
                None,
                ..,
            ] => Some(Self::BrokerConfig(None)),
            [Some("config"), Some("brokers"), Some(id), None, ..] => {
                Some(Self::BrokerConfig(Some(BrokerId(id.parse().ok()?))))
            }
            [Some("admin"), Some("delete_topics"), Some(topic), None, ..] => {
                Some(Self::DeleteTopic(topic.to_owned()))
            }
            _ => None,
        }
    }

    /// The path it is read from.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Broker(id) => broker(*id),
            Self::Controller => CONTROLLER.to_owned(),
            Self::Topic(name) => topic(name),
            Self::State(at) => state(at),
            Self::TopicConfig(name) => topic_config(name),
            Self::BrokerConfig(id) => broker_config(*id),
            Self::GroupConfig(group) => group_config(group),
            Self::DeleteTopic(name) => delete_topic(name),
        }
    }
}

/// `/brokers/ids/N`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BrokerJson {
    #[serde(default)]
    features: BTreeMap<String, String>,
    #[serde(default)]
    listener_security_protocol_map: BTreeMap<String, String>,
    #[serde(default)]
    endpoints: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rack: Option<String>,
    #[serde(default)]
    jmx_port: i32,
    pub(crate) port: i32,
    pub(crate) host: Option<String>,
    version: i32,
    #[serde(default)]
    timestamp: String,
}

impl BrokerJson {
    /// A broker with one plaintext listener.
    pub(crate) fn new(host: &str, port: u16, rack: Option<&str>) -> Self {
        const PLAINTEXT: &str = "PLAINTEXT";
        Self {
            features: BTreeMap::new(),
            listener_security_protocol_map: [(PLAINTEXT.into(), PLAINTEXT.into())].into(),
            endpoints: vec![format!("{PLAINTEXT}://{host}:{port}")],
            rack: rack.map(str::to_owned),
            jmx_port: -1,
            port: port.into(),
            host: Some(host.to_owned()),
            version: 5,
            timestamp: timestamp(),
        }
    }
}

/// `/controller`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ControllerJson {
    version: i32,
    #[serde(rename = "brokerid")]
    pub(crate) broker_id: BrokerId,
    timestamp: String,
    #[serde(default = "ControllerJson::no_kraft")]
    kraft_controller_epoch: i32,
}

impl ControllerJson {
    pub(crate) fn new(broker_id: BrokerId) -> Self {
        Self {
            version: 2,
            broker_id,
            timestamp: timestamp(),
            kraft_controller_epoch: Self::no_kraft(),
        }
    }

    /// Kafka's sign that no migration to `KRaft` is under way.
    fn no_kraft() -> i32 {
        -1
    }
}

/// `/brokers/topics/T`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TopicJson {
    pub(crate) partitions: BTreeMap<i32, Vec<BrokerId>>,
    #[serde(default, with = "topic_id")]
    pub(crate) topic_id: Uuid,
    #[serde(default)]
    pub(crate) adding_replicas: BTreeMap<i32, Vec<BrokerId>>,
    #[serde(default)]
    pub(crate) removing_replicas: BTreeMap<i32, Vec<BrokerId>>,
    pub(crate) version: i32,
}

impl TopicJson {
    pub(crate) fn new(topic_id: Uuid, partitions: BTreeMap<i32, Vec<BrokerId>>) -> Self {
        Self {
            partitions,
            topic_id,
            adding_replicas: BTreeMap::new(),
            removing_replicas: BTreeMap::new(),
            version: 3,
        }
    }

    /// The replicas of one partition, with their move.
    pub(crate) fn replicas(&self, index: i32) -> Option<Replicas> {
        let ids = |of: &BTreeMap<i32, Vec<BrokerId>>| of.get(&index).cloned().unwrap_or_default();
        Some(Replicas {
            all: self.partitions.get(&index)?.clone(),
            adding: ids(&self.adding_replicas),
            removing: ids(&self.removing_replicas),
        })
    }

    /// Replaces the replicas of one partition, with their move.
    pub(crate) fn set_replicas(&mut self, index: i32, replicas: Replicas) {
        self.partitions.insert(index, replicas.all);
        for (of, ids) in [
            (&mut self.adding_replicas, replicas.adding),
            (&mut self.removing_replicas, replicas.removing),
        ] {
            if ids.is_empty() {
                of.remove(&index);
            } else {
                of.insert(index, ids);
            }
        }
    }
}

/// `/brokers/topics/T/partitions/P/state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StateJson {
    pub(crate) controller_epoch: i32,
    /// `-1`: none.
    pub(crate) leader: BrokerId,
    pub(crate) version: i32,
    pub(crate) leader_epoch: i32,
    pub(crate) isr: Vec<BrokerId>,
    /// Ours, which Kafka's brokers leave out and pass over: the leader's broker epoch at its election.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) leader_broker_epoch: Option<i64>,
}

/// `/config/topics/T`, `/config/brokers/N` and `/config/groups/G`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ConfigJson {
    version: i32,
    pub(crate) config: BTreeMap<String, String>,
}

impl ConfigJson {
    pub(crate) fn new(config: BTreeMap<String, String>) -> Self {
        Self { version: 1, config }
    }
}

/// `/cluster/id`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ClusterIdJson {
    version: String,
    pub(crate) id: String,
}

impl ClusterIdJson {
    /// A new cluster.
    pub(crate) fn random() -> Self {
        Self {
            version: "1".into(),
            id: URL_SAFE_NO_PAD.encode(random_id().as_bytes()),
        }
    }
}

/// `/latest_producer_id_block`: the ids that were last given to a broker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ProducerIdBlockJson {
    pub(crate) version: i32,
    pub(crate) broker: BrokerId,
    pub(crate) block_start: String,
    pub(crate) block_end: String,
}

/// An id as Kafka makes them: never one that begins with `-`, which a command line would take for an option.
pub(crate) fn random_id() -> Uuid {
    loop {
        let id = Uuid::new_v4();
        if !URL_SAFE_NO_PAD.encode(id.as_bytes()).starts_with('-') {
            return id;
        }
    }
}

/// Reads a znode's JSON; `None` (with a log line) where it is not what Kafka writes there.
pub(crate) fn read<T: DeserializeOwned>(path: &str, data: &[u8]) -> Option<T> {
    serde_json::from_slice(data)
        .inspect_err(|error| tracing::warn!(path, %error, "a znode with unexpected content"))
        .ok()
}

/// Writes a znode's JSON.
pub(crate) fn write(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("maps with text and number keys are JSON")
}

/// Milliseconds since the epoch in quotes, as Kafka writes them.
fn timestamp() -> String {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis())
        .to_string()
}

/// Kafka's text for ids: base64 for URLs, without padding.
mod topic_id {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use uuid::Uuid;

    pub(super) fn serialize<S: Serializer>(id: &Uuid, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&URL_SAFE_NO_PAD.encode(id.as_bytes()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Uuid, D::Error> {
        let text = String::deserialize(from)?;
        URL_SAFE_NO_PAD
            .decode(&text)
            .ok()
            .and_then(|bytes| Uuid::from_slice(&bytes).ok())
            .ok_or_else(|| D::Error::custom("a topic id of 16 bytes in base64 expected"))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        BrokerJson, ControllerJson, StateJson, TopicJson, Znode, broker_config, read, state, write,
    };
    use wire::{BrokerId, TopicPartition};

    #[test]
    fn kafkas_own_json_is_read() {
        let broker: BrokerJson = read("b", br#"{"features":{},"listener_security_protocol_map":{"PLAINTEXT":"PLAINTEXT"},"endpoints":["PLAINTEXT://127.0.0.1:33001"],"jmx_port":-1,"port":33001,"host":"127.0.0.1","version":5,"timestamp":"1795337511313"}"#).expect("valid");
        assert_eq!(broker.port, 33001);
        let controller: ControllerJson = read(
            "c",
            br#"{"version":2,"brokerid":3,"timestamp":"1795337511625","kraftControllerEpoch":-1}"#,
        )
        .expect("valid");
        assert_eq!(controller.broker_id, BrokerId(3));
        let topic = br#"{"partitions":{"0":[3,2,1],"1":[1,3,2]},"topic_id":"LAHkwVLwRZW2D_NoRAzROg","adding_replicas":{},"removing_replicas":{},"version":3}"#;
        let read_topic: TopicJson = read("t", topic).expect("valid");
        assert_eq!(read_topic.partitions[&1], [1, 3, 2].map(BrokerId));
        assert_eq!(write(&read_topic), topic);
        let at_rest =
            br#"{"controller_epoch":1,"leader":3,"version":1,"leader_epoch":0,"isr":[3,2,1]}"#;
        let read_state: StateJson = read("s", at_rest).expect("valid");
        assert_eq!(write(&read_state), at_rest);
        assert!(read::<StateJson>("s", b"").is_none());
    }

    #[test]
    fn a_path_that_changed_says_what_to_read() {
        for znode in [
            Znode::Broker(BrokerId(3)),
            Znode::Controller,
            Znode::Topic("a.b".into()),
            Znode::State(TopicPartition::new("a", 7)),
            Znode::TopicConfig("a".into()),
            Znode::BrokerConfig(None),
            Znode::BrokerConfig(Some(BrokerId(1))),
            Znode::GroupConfig("a/b %c".into()),
            Znode::GroupConfig("..".into()),
            Znode::DeleteTopic("a".into()),
        ] {
            assert_eq!(Znode::of_path(&znode.path()), Some(znode));
        }
        for path in [
            "/brokers",
            "/brokers/ids",
            "/brokers/topics/a/partitions/0",
            "/admin/x/y",
        ] {
            assert_eq!(Znode::of_path(path), None);
        }
        let mut deeper = state(&TopicPartition::new("a", 1));
        deeper.push_str("/x");
        assert_eq!(Znode::of_path(&deeper), None);
        assert_eq!(broker_config(None), "/config/brokers/<default>");
    }
}
