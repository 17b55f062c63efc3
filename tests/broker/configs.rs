//! Configs as Apache Kafka 3.9 lists them, and values as it takes or refuses them, at the start and later.

use std::{collections::BTreeMap, process::Command};

use kafka_protocol::{
    messages::{
        DescribeConfigsRequest, IncrementalAlterConfigsRequest,
        describe_configs_request::DescribeConfigsResource,
        describe_configs_response::DescribeConfigsResult,
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
    },
    protocol::StrBytes,
};
use kafkarium::{client::kafka::KafkaConnection, wire::ErrorCode};

use crate::{clients::WAIT, cluster::until, versions::Stage};

const TOPIC: i8 = 2;
pub const BROKER: i8 = 4;
const LOGGER: i8 = 8;

/// Kafka's numbers for what is done to a config.
pub const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// What Apache Kafka 3.9.2 lists of a topic: name, default, type.
const LISTED: [(&str, &str, i8); 36] = [
    ("cleanup.policy", "delete", 7),
    ("compression.gzip.level", "-1", 3),
    ("compression.lz4.level", "9", 3),
    ("compression.type", "producer", 2),
    ("compression.zstd.level", "3", 3),
    ("delete.retention.ms", "86400000", 5),
    ("file.delete.delay.ms", "60000", 5),
    ("flush.messages", "9223372036854775807", 5),
    ("flush.ms", "9223372036854775807", 5),
    ("follower.replication.throttled.replicas", "", 7),
    ("index.interval.bytes", "4096", 3),
    ("leader.replication.throttled.replicas", "", 7),
    ("local.retention.bytes", "-2", 5),
    ("local.retention.ms", "-2", 5),
    ("max.compaction.lag.ms", "9223372036854775807", 5),
    ("max.message.bytes", "1048588", 3),
    ("message.downconversion.enable", "true", 1),
    ("message.format.version", "3.0-IV1", 2),
    ("message.timestamp.after.max.ms", "9223372036854775807", 5),
    ("message.timestamp.before.max.ms", "9223372036854775807", 5),
    (
        "message.timestamp.difference.max.ms",
        "9223372036854775807",
        5,
    ),
    ("message.timestamp.type", "CreateTime", 2),
    ("min.cleanable.dirty.ratio", "0.5", 6),
    ("min.compaction.lag.ms", "0", 5),
    ("min.insync.replicas", "1", 3),
    ("preallocate", "false", 1),
    ("remote.log.copy.disable", "false", 1),
    ("remote.log.delete.on.disable", "false", 1),
    ("remote.storage.enable", "false", 1),
    ("retention.bytes", "-1", 5),
    ("retention.ms", "604800000", 5),
    ("segment.bytes", "1073741824", 3),
    ("segment.index.bytes", "10485760", 3),
    ("segment.jitter.ms", "0", 5),
    ("segment.ms", "604800000", 5),
    ("unclean.leader.election.enable", "false", 1),
];

async fn describe(
    connection: &mut KafkaConnection,
    kind: i8,
    name: &'static str,
    keys: Option<Vec<StrBytes>>,
) -> DescribeConfigsResult {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(StrBytes::from_static_str(name))
        .with_configuration_keys(keys);
    let request = DescribeConfigsRequest::default()
        .with_include_synonyms(true)
        .with_resources(vec![resource]);
    let answer = connection.ask_in(4, &request, WAIT).await;
    answer.expect("an answer").results.remove(0)
}

pub fn change(
    kind: i8,
    name: &'static str,
    config: &'static str,
    operation: i8,
    value: &'static str,
) -> AlterConfigsResource {
    let config = AlterableConfig::default()
        .with_name(StrBytes::from_static_str(config))
        .with_config_operation(operation)
        .with_value(Some(StrBytes::from_static_str(value)));
    AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(StrBytes::from_static_str(name))
        .with_configs(vec![config])
}

pub async fn alter(
    connection: &mut KafkaConnection,
    validate_only: bool,
    resources: Vec<AlterConfigsResource>,
) -> Vec<(i16, Option<String>)> {
    let request = IncrementalAlterConfigsRequest::default()
        .with_validate_only(validate_only)
        .with_resources(resources);
    let answer = connection.ask_in(1, &request, WAIT).await;
    let results = answer.expect("an answer").responses.into_iter();
    let told = |text: Option<StrBytes>| text.map(|text| text.to_string());
    results
        .map(|it| (it.error_code, told(it.error_message)))
        .collect()
}

#[tokio::test]
async fn a_topics_configs_are_those_of_kafka_with_its_defaults_and_types() {
    let mut stage = Stage::new().await;
    // Naming none is asking for all, as clients do that know no empty array.
    for keys in [None, Some(Vec::new())] {
        let described = describe(&mut stage.connection, TOPIC, "orders", keys).await;
        let mut found: Vec<_> = described
            .configs
            .iter()
            .map(|it| {
                let value = it.value.as_ref().map_or("none", StrBytes::as_str);
                (it.name.as_str(), value, it.config_type)
            })
            .collect();
        found.sort_unstable();
        assert_eq!(found, LISTED);
    }
}

#[tokio::test]
async fn a_broker_lists_what_it_is_and_kafkas_defaults_of_what_it_was_not_told() {
    let mut stage = Stage::new().await;
    let described = describe(&mut stage.connection, BROKER, "1", None).await;
    let configs: BTreeMap<_, _> = described
        .configs
        .iter()
        .map(|it| (it.name.as_str(), it))
        .collect();
    let value = |name: &str| configs[name].value.as_ref().map(StrBytes::as_str);
    assert_eq!(value("broker.id"), Some("1"));
    assert!(value("listeners").is_some_and(|it| it.starts_with("PLAINTEXT://127.0.0.1:")));
    assert_eq!(value("inter.broker.protocol.version"), Some("3.9-IV0"));
    assert_eq!(configs.len(), 315, "as many as Apache Kafka 3.9.2 lists");
    for (name, is_read_only) in [
        ("num.partitions", true),
        ("num.io.threads", false),
        ("log.retention.ms", false),
    ] {
        assert_eq!(configs[name].read_only, is_read_only, "{name}");
    }
    assert!(configs["ssl.key.password"].is_sensitive);
    assert_eq!(
        (value("log.retention.ms"), value("log.retention.hours")),
        (None, Some("168"))
    );
    assert!(configs["log.retention.ms"].synonyms.is_empty());
    assert_eq!(configs["log.cleanup.policy"].config_type, 7, "a list");
    let loggers = describe(&mut stage.connection, LOGGER, "1", None).await;
    assert_eq!((loggers.error_code, loggers.configs.len()), (0, 0));
}

#[tokio::test]
async fn changes_are_refused_as_kafka_refuses_them() {
    let mut stage = Stage::new().await;
    let invalid = ErrorCode::InvalidRequest;
    for (resource, code) in [
        (
            change(TOPIC, "orders", "cleanup.policy", SUBTRACT, "delete"),
            ErrorCode::None,
        ),
        (change(TOPIC, "", "retention.ms", SET, "5"), invalid),
        (
            change(TOPIC, "no pe", "retention.ms", SET, "5"),
            ErrorCode::UnknownTopicOrPartition,
        ),
        (
            change(TOPIC, "orders", "remote.storage.enable", SET, "true"),
            ErrorCode::InvalidConfig,
        ),
        (change(BROKER, "1", "log.retention.ms", SET, "abc"), invalid),
        (change(BROKER, "abc", "log.retention.ms", SET, "5"), invalid),
        (
            change(LOGGER, "1", "kafka.server", SET, "DEBUG"),
            ErrorCode::InvalidConfig,
        ),
        (change(9, "x", "y", SET, "z"), invalid),
        (change(BROKER, "1", "num.partitions", SET, "3"), invalid),
        (
            change(BROKER, "1", "log.retention.ms", APPEND, "5"),
            ErrorCode::InvalidConfig,
        ),
        (
            change(BROKER, "1", "log.cleanup.policy", APPEND, "eat"),
            invalid,
        ),
        (
            change(BROKER, "1", "unknown.name", SET, "1"),
            ErrorCode::None,
        ),
    ] {
        let answers = alter(&mut stage.connection, true, vec![resource.clone()]).await;
        assert_eq!(
            answers[0].0,
            code.code(),
            "{resource:?}: {:?}",
            answers[0].1
        );
    }
    let bad = change(TOPIC, "orders", "retention.ms", SET, "abc");
    let answers = alter(&mut stage.connection, true, vec![bad]).await;
    let sentence = "Invalid config value for resource ConfigResource(type=TOPIC, name='orders'): \
                    Invalid value abc for configuration retention.ms: Not a number of type LONG";
    assert_eq!(answers[0].1.as_deref(), Some(sentence));
    let fine = change(TOPIC, "orders", "retention.ms", SET, "5");
    let answers = alter(&mut stage.connection, true, vec![fine.clone(), fine]).await;
    let codes: Vec<i16> = answers.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [invalid.code(); 2], "each resource once");
}

#[tokio::test]
async fn lists_of_brokers_are_added_to_and_taken_from_while_they_run() {
    let mut stage = Stage::new().await;
    let connection = &mut stage.connection;
    let policy = "log.cleanup.policy";
    for (operation, value, holds) in [
        (APPEND, "compact", "delete,compact"),
        (SUBTRACT, "delete", "compact"),
        (DELETE, "", "delete"),
        (SET, "compact", "compact"),
    ] {
        let resource = change(BROKER, "1", policy, operation, value);
        let answers = alter(connection, false, vec![resource]).await;
        assert_eq!(answers[0].0, 0, "{:?}", answers[0].1);
        let keys = Some(vec![StrBytes::from_static_str(policy)]);
        until("the broker has seen it", async || {
            let described = describe(connection, BROKER, "1", keys.clone()).await;
            (described.configs[0].value.as_deref() == Some(holds)).then_some(())
        })
        .await;
    }
    // Topics without a policy of their own have the brokers'.
    let described = describe(connection, TOPIC, "orders", None).await;
    let policy = described
        .configs
        .iter()
        .find(|it| &*it.name == "cleanup.policy");
    assert_eq!(policy.expect("listed").value.as_deref(), Some("compact"));
}

/// What a broker says that does not start with these settings.
fn refused(settings: &[&str]) -> String {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let output = Command::new(env!("CARGO_BIN_EXE_kafkarium"))
        .args(["broker", "--id=1", "--listener=127.0.0.1:0", "--data-dir"])
        .arg(folder.path())
        .args(settings.iter().map(|it| format!("--set={it}")))
        .output()
        .expect("the binary runs");
    assert!(!output.status.success(), "{settings:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[test]
fn a_broker_does_not_start_with_a_value_out_of_range() {
    for (setting, sentence) in [
        (
            "replica.lag.time.max.ms=-5",
            "Invalid value -5 for configuration replica.lag.time.max.ms: Value must be at least 1",
        ),
        (
            "socket.request.max.bytes=-1",
            "Invalid value -1 for configuration socket.request.max.bytes: Value must be at least 1",
        ),
        (
            "num.partitions=-3",
            "Invalid value -3 for configuration num.partitions: Value must be at least 1",
        ),
        (
            "compression.type=nonsense",
            "Invalid value nonsense for configuration compression.type: String must be one of: \
             uncompressed, zstd, lz4, snappy, gzip, producer",
        ),
        (
            "log.cleanup.policy=eat",
            "Invalid value eat for configuration log.cleanup.policy: String must be one of: \
             compact, delete",
        ),
        (
            "log.retention.hours=0",
            "log.retention.ms must be unlimited (-1) or, greater than or equal to 1",
        ),
    ] {
        let told = refused(&[setting]);
        assert!(told.contains(sentence), "{told}");
    }
}
