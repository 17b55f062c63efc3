//! Settings of topics and brokers: told, changed, refused.

use kafka_protocol::messages::{
    AlterConfigsRequest, DescribeConfigsRequest, IncrementalAlterConfigsRequest,
    alter_configs_request::{AlterConfigsResource, AlterableConfig},
    describe_configs_request::DescribeConfigsResource,
    incremental_alter_configs_request::{
        AlterConfigsResource as ChangedResource, AlterableConfig as Change,
    },
};

use crate::{
    pair::{At, Pair},
    topics::text,
};

pub const TOPIC: i8 = 2;
const BROKER: i8 = 4;

pub const SET: i8 = 0;
pub const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// What is changed of the topic `orders`, how, and to what.
const CHANGES: [(&str, &str, i8, Option<&str>); 16] = [
    ("set", "retention.ms", SET, Some("60000")),
    ("set it again", "retention.ms", SET, Some("60000")),
    ("append", "cleanup.policy", APPEND, Some("compact")),
    ("append it again", "cleanup.policy", APPEND, Some("compact")),
    ("subtract", "cleanup.policy", SUBTRACT, Some("compact")),
    (
        "subtract what is not there",
        "cleanup.policy",
        SUBTRACT,
        Some("eat"),
    ),
    ("append to a number", "retention.ms", APPEND, Some("1")),
    (
        "append what is no choice",
        "cleanup.policy",
        APPEND,
        Some("eat"),
    ),
    ("delete", "retention.ms", DELETE, None),
    ("delete what is not set", "retention.ms", DELETE, None),
    ("delete an unknown one", "no.such", DELETE, None),
    ("set an unknown one", "no.such", SET, Some("1")),
    ("set nothing", "retention.ms", SET, None),
    ("set a word", "retention.ms", SET, Some("soon")),
    ("set below range", "segment.bytes", SET, Some("1")),
    ("unknown operation", "retention.ms", 9, Some("1")),
];

/// A case's name; the kind and the name of what is changed; a setting, how, and to what.
type OtherChange = (
    &'static str,
    i8,
    &'static str,
    &'static str,
    i8,
    Option<&'static str>,
);

/// The same of others than that topic.
const OTHER_CHANGES: [OtherChange; 8] = [
    (
        "unknown topic",
        TOPIC,
        "nowhere",
        "retention.ms",
        SET,
        Some("1"),
    ),
    (
        "bad topic name",
        TOPIC,
        "a b",
        "retention.ms",
        SET,
        Some("1"),
    ),
    (
        "broker: no number",
        BROKER,
        "one",
        "log.retention.ms",
        SET,
        Some("60000"),
    ),
    (
        "broker: read only",
        BROKER,
        "1",
        "log.dirs",
        SET,
        Some("elsewhere"),
    ),
    (
        "broker: bad value",
        BROKER,
        "1",
        "log.retention.ms",
        SET,
        Some("soon"),
    ),
    (
        "broker: set",
        BROKER,
        "1",
        "log.retention.ms",
        SET,
        Some("60000000"),
    ),
    (
        "broker: delete",
        BROKER,
        "1",
        "log.retention.ms",
        DELETE,
        None,
    ),
    ("unknown type", 9, "1", "log.retention.ms", DELETE, None),
];

pub async fn compare(pair: &mut Pair) {
    configs(pair).await;
    changing(pair).await;
    replacing(pair).await;
}

async fn configs(pair: &mut Pair) {
    let resource = |kind: i8, name: &str, keys: Option<&[&str]>| {
        DescribeConfigsRequest::default().with_resources(vec![
            DescribeConfigsResource::default()
                .with_resource_type(kind)
                .with_resource_name(text(name))
                .with_configuration_keys(keys.map(|keys| keys.iter().map(|it| text(it)).collect())),
        ])
    };
    for (case, request) in [
        ("all of a topic", resource(2, "orders", None)),
        (
            "one of a topic",
            resource(2, "orders", Some(&["retention.ms"])),
        ),
        ("none of a topic", resource(2, "orders", Some(&[]))),
        ("an unknown one", resource(2, "orders", Some(&["no.such"]))),
        ("an unknown topic", resource(2, "nowhere", None)),
        ("a bad topic name", resource(2, "a b", None)),
        ("an empty topic name", resource(2, "", None)),
        ("another broker", resource(4, "2", None)),
        ("no number", resource(4, "one", None)),
        ("the default broker", resource(4, "", None)),
        ("an unknown type", resource(9, "x", None)),
        ("type 0", resource(0, "x", None)),
    ] {
        pair.ask(&format!("configs: {case}"), At::Broker(1), |_, _| {
            Some(request.clone())
        })
        .await;
    }
    for synonyms in [false, true] {
        let keys = [
            "log.retention.hours",
            "num.partitions",
            "min.insync.replicas",
            "compression.type",
            "log.segment.bytes",
            "unclean.leader.election.enable",
            "message.max.bytes",
            "log.cleanup.policy",
        ];
        let request = resource(4, "1", Some(&keys))
            .with_include_synonyms(synonyms)
            .with_include_documentation(false);
        pair.ask(
            &format!("configs: of a broker, synonyms {synonyms}"),
            At::Broker(1),
            |_, version| (version >= 1 || !synonyms).then(|| request.clone()),
        )
        .await;
    }
}

pub fn change(kind: i8, name: &str, changes: Vec<Change>) -> IncrementalAlterConfigsRequest {
    IncrementalAlterConfigsRequest::default().with_resources(vec![
        ChangedResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_configs(changes),
    ])
}

pub fn one(key: &str, operation: i8, value: Option<&str>) -> Change {
    Change::default()
        .with_name(text(key))
        .with_config_operation(operation)
        .with_value(value.map(text))
}

async fn changing(pair: &mut Pair) {
    let mut cases: Vec<(&str, IncrementalAlterConfigsRequest)> = Vec::new();
    for (case, key, operation, value) in CHANGES {
        let changes = vec![one(key, operation, value)];
        cases.push((case, change(TOPIC, "orders", changes)));
    }
    for (case, kind, name, key, operation, value) in OTHER_CHANGES {
        cases.push((case, change(kind, name, vec![one(key, operation, value)])));
    }
    let twice = vec![
        one("retention.ms", SET, Some("1")),
        one("retention.ms", DELETE, None),
    ];
    cases.push(("name twice", change(TOPIC, "orders", twice)));
    cases.push(("nothing", change(TOPIC, "orders", vec![])));
    for (case, request) in cases {
        let at = if case.starts_with("broker") {
            At::Broker(1)
        } else {
            At::Controller
        };
        pair.ask(&format!("change: {case}"), at, |_, _| Some(request.clone()))
            .await;
        let dry = request.with_validate_only(true);
        pair.ask(&format!("validate: {case}"), at, |_, _| Some(dry.clone()))
            .await;
    }
}

async fn replacing(pair: &mut Pair) {
    for (case, topic, key, value) in [
        ("set", "orders", "retention.ms", Some("70000")),
        ("unknown", "orders", "no.such", Some("1")),
        ("word", "orders", "retention.ms", Some("soon")),
        ("nothing", "orders", "retention.ms", None),
        ("unknown topic", "nowhere", "retention.ms", Some("1")),
    ] {
        let request = AlterConfigsRequest::default().with_resources(vec![
            AlterConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(text(topic))
                .with_configs(vec![
                    AlterableConfig::default()
                        .with_name(text(key))
                        .with_value(value.map(text)),
                ]),
        ]);
        pair.ask(
            &format!("replace configs: {case}"),
            At::Controller,
            |_, _| Some(request.clone()),
        )
        .await;
    }
    let request = AlterConfigsRequest::default().with_resources(vec![
        AlterConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text("orders")),
    ]);
    pair.ask_in("replace configs: by none", At::Controller, 2, |_, _| {
        Some(request.clone())
    })
    .await;
}
