//! Configs as Apache Kafka 3.9 lists them, and changes as it takes or refuses them.

use std::collections::BTreeMap;

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

use crate::{clients::WAIT, versions::Stage};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const LOGGER: i8 = 8;

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

fn change(
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

async fn alter(
    connection: &mut KafkaConnection,
    resources: Vec<AlterConfigsResource>,
) -> Vec<(i16, Option<String>)> {
    let request = IncrementalAlterConfigsRequest::default()
        .with_validate_only(true)
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
    const SET: i8 = 0;
    const SUBTRACT: i8 = 3;
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
    ] {
        let answers = alter(&mut stage.connection, vec![resource.clone()]).await;
        assert_eq!(
            answers[0].0,
            code.code(),
            "{resource:?}: {:?}",
            answers[0].1
        );
    }
    let bad = change(TOPIC, "orders", "retention.ms", SET, "abc");
    let answers = alter(&mut stage.connection, vec![bad]).await;
    let sentence = "Invalid config value for resource ConfigResource(type=TOPIC, name='orders'): \
                    Invalid value abc for configuration retention.ms: Not a number of type LONG";
    assert_eq!(answers[0].1.as_deref(), Some(sentence));
    let fine = change(TOPIC, "orders", "retention.ms", SET, "5");
    let answers = alter(&mut stage.connection, vec![fine.clone(), fine]).await;
    let codes: Vec<i16> = answers.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [invalid.code(); 2], "each resource once");
}
