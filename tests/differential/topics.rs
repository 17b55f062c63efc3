//! Topics, their partitions and their settings.

use kafka_protocol::{
    messages::{
        AlterPartitionReassignmentsRequest, CreatePartitionsRequest, CreateTopicsRequest,
        DeleteTopicsRequest, DescribeClusterRequest, DescribeLogDirsRequest, ElectLeadersRequest,
        ListPartitionReassignmentsRequest, MetadataRequest,
        alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic},
        create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic},
        create_topics_request::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig},
        delete_topics_request::DeleteTopicState,
        describe_log_dirs_request::DescribableLogDirTopic,
        elect_leaders_request::TopicPartitions,
        metadata_request::MetadataRequestTopic,
    },
    protocol::StrBytes,
};
use uuid::Uuid;

use crate::pair::{At, Pair};

pub fn text(text: &str) -> StrBytes {
    StrBytes::from(text.to_owned())
}

/// A topic whose partitions are placed by hand, so that both clusters place them alike.
pub fn placed(name: &str, replicas: &[&[i32]]) -> CreatableTopic {
    let assignment = replicas.iter().enumerate().map(|(index, replicas)| {
        CreatableReplicaAssignment::default()
            .with_partition_index(i32::try_from(index).expect("few"))
            .with_broker_ids(replicas.iter().map(|id| (*id).into()).collect())
    });
    CreatableTopic::default()
        .with_name(text(name).into())
        .with_num_partitions(-1)
        .with_replication_factor(-1)
        .with_assignments(assignment.collect())
}

fn sized(name: &str, partitions: i32, replication_factor: i16) -> CreatableTopic {
    CreatableTopic::default()
        .with_name(text(name).into())
        .with_num_partitions(partitions)
        .with_replication_factor(replication_factor)
}

fn with_config(name: &str, key: &str, value: Option<&str>) -> CreatableTopic {
    placed(name, &[&[1]]).with_configs(vec![
        CreatableTopicConfig::default()
            .with_name(text(key))
            .with_value(value.map(text)),
    ])
}

fn creation(topics: Vec<CreatableTopic>) -> CreateTopicsRequest {
    CreateTopicsRequest::default()
        .with_timeout_ms(30_000)
        .with_topics(topics)
}

/// Creates topics on both sides and waits until they can be used.
pub async fn create(pair: &mut Pair, topics: Vec<CreatableTopic>) {
    let names: Vec<String> = topics.iter().map(|it| it.name.to_string()).collect();
    let request = creation(topics);
    pair.ask_in("create topics", At::Controller, 5, |_, _| {
        Some(request.clone())
    })
    .await;
    for name in names {
        pair.learn(&name).await;
    }
}

pub async fn compare(pair: &mut Pair) {
    creating(pair).await;
    growing(pair).await;
    describing(pair).await;
    moving(pair).await;
    deleting(pair).await;
}

async fn creating(pair: &mut Pair) {
    create(
        pair,
        vec![placed("orders", &[&[1, 2, 3], &[2, 3, 1], &[3, 1, 2]])],
    )
    .await;
    let long = "a".repeat(250);
    let cases = [
        ("there already", placed("orders", &[&[1]])),
        ("empty name", placed("", &[&[1]])),
        ("name .", placed(".", &[&[1]])),
        ("name ..", placed("..", &[&[1]])),
        ("long name", placed(&long, &[&[1]])),
        ("name with a space", placed("a b", &[&[1]])),
        ("name with a slash", placed("a/b", &[&[1]])),
        ("no partitions", sized("refused", 0, 1)),
        ("negative partitions", sized("refused", -2, 1)),
        ("no replicas", sized("refused", 1, 0)),
        ("negative replicas", sized("refused", 1, -2)),
        ("too many replicas", sized("refused", 1, 99)),
        (
            "assignment and count",
            placed("refused", &[&[1]]).with_num_partitions(1),
        ),
        (
            "assignment and factor",
            placed("refused", &[&[1]]).with_replication_factor(1),
        ),
        ("uneven factors", placed("refused", &[&[1, 2], &[1]])),
        (
            "gap in assignment",
            placed("refused", &[&[1]]).with_assignments(vec![
                CreatableReplicaAssignment::default()
                    .with_partition_index(1)
                    .with_broker_ids(vec![1.into()]),
            ]),
        ),
        (
            "unknown config",
            with_config("refused", "no.such", Some("1")),
        ),
        (
            "bad number",
            with_config("refused", "retention.ms", Some("soon")),
        ),
        (
            "below range",
            with_config("refused", "segment.bytes", Some("1")),
        ),
        (
            "bad word",
            with_config("refused", "cleanup.policy", Some("eat")),
        ),
        (
            "bad list",
            with_config("refused", "cleanup.policy", Some("delete,eat")),
        ),
        ("null config", with_config("refused", "retention.ms", None)),
        (
            "bad flag",
            with_config("refused", "preallocate", Some("maybe")),
        ),
        (
            "bad codec",
            with_config("refused", "compression.type", Some("rar")),
        ),
    ];
    for (name, topic) in cases {
        let request = creation(vec![topic]);
        pair.ask(&format!("create: {name}"), At::Controller, |_, _| {
            Some(request.clone())
        })
        .await;
    }
    let twice = creation(vec![placed("twice", &[&[1]]), placed("twice", &[&[2]])]);
    pair.ask("create: named twice", At::Controller, |_, _| {
        Some(twice.clone())
    })
    .await;
    let colliding = creation(vec![placed("g.h", &[&[1]]), placed("g_h", &[&[1]])]);
    pair.ask_in("create: names that collide", At::Controller, 7, |_, _| {
        Some(colliding.clone())
    })
    .await;
    let dry = creation(vec![placed("dry", &[&[1, 2]])]).with_validate_only(true);
    pair.ask("create: only validated", At::Controller, |_, _| {
        Some(dry.clone())
    })
    .await;
    let none = creation(vec![]);
    pair.ask("create: nothing", At::Controller, |_, _| Some(none.clone()))
        .await;
}

/// Brokers for each new partition.
type Places = Option<&'static [&'static [i32]]>;

async fn growing(pair: &mut Pair) {
    create(pair, vec![placed("growing", &[&[1, 2]])]).await;
    let cases: [(&str, &str, i32, Places); 9] = [
        ("unknown topic", "nowhere", 3, None),
        ("as many", "growing", 1, None),
        ("fewer", "growing", 0, None),
        ("negative", "growing", -1, None),
        ("too few places", "growing", 3, Some(&[&[1, 2]])),
        ("too many places", "growing", 2, Some(&[&[1, 2], &[2, 3]])),
        ("another factor", "growing", 2, Some(&[&[1]])),
        ("a broker twice", "growing", 2, Some(&[&[1, 1]])),
        ("an unknown broker", "growing", 2, Some(&[&[1, 9]])),
    ];
    for (name, topic, count, places) in cases {
        let places = places.map(|places| {
            let place = |ids: &&[i32]| {
                CreatePartitionsAssignment::default()
                    .with_broker_ids(ids.iter().map(|id| (*id).into()).collect())
            };
            places.iter().map(place).collect()
        });
        let request = CreatePartitionsRequest::default()
            .with_timeout_ms(30_000)
            .with_topics(vec![
                CreatePartitionsTopic::default()
                    .with_name(text(topic).into())
                    .with_count(count)
                    .with_assignments(places),
            ]);
        pair.ask(&format!("grow: {name}"), At::Controller, |_, _| {
            Some(request.clone())
        })
        .await;
    }
    let request = CreatePartitionsRequest::default()
        .with_timeout_ms(30_000)
        .with_topics(vec![
            CreatePartitionsTopic::default()
                .with_name(text("growing").into())
                .with_count(2)
                .with_assignments(Some(vec![
                    CreatePartitionsAssignment::default().with_broker_ids(vec![2.into(), 3.into()]),
                ])),
        ]);
    pair.ask("grow: by one", At::Controller, |_, _| Some(request.clone()))
        .await;
}

async fn describing(pair: &mut Pair) {
    let names = |names: &[&str]| {
        let topic =
            |name: &&str| MetadataRequestTopic::default().with_name(Some(text(name).into()));
        MetadataRequest::default()
            .with_topics(Some(names.iter().map(topic).collect()))
            .with_allow_auto_topic_creation(false)
    };
    for (case, topics) in [
        ("one topic", &["orders"][..]),
        ("an unknown topic", &["nowhere"]),
        ("a bad name", &["a b"]),
        ("an empty name", &[""]),
        ("no topics", &[]),
        ("a topic twice", &["orders", "orders"]),
    ] {
        let request = names(topics);
        pair.ask(&format!("metadata: {case}"), At::Broker(1), |_, version| {
            // Before 1 an empty list is all topics, before 4 it cannot be said that none is to be created.
            (version >= 4).then(|| request.clone())
        })
        .await;
    }
    pair.ask("metadata: by id", At::Broker(2), |side, version| {
        let id = *side.topic_ids.get("orders")?;
        (version >= 12).then(|| {
            MetadataRequest::default()
                .with_topics(Some(vec![
                    MetadataRequestTopic::default()
                        .with_topic_id(id)
                        .with_name(None),
                ]))
                .with_allow_auto_topic_creation(false)
        })
    })
    .await;
    pair.ask("metadata: by an unknown id", At::Broker(2), |_, version| {
        (version >= 12).then(|| {
            MetadataRequest::default()
                .with_topics(Some(vec![
                    MetadataRequestTopic::default()
                        .with_topic_id(Uuid::from_u128(7))
                        .with_name(None),
                ]))
                .with_allow_auto_topic_creation(false)
        })
    })
    .await;
    pair.ask("cluster", At::Broker(1), |_, _| {
        Some(DescribeClusterRequest::default())
    })
    .await;
    pair.ask("cluster: operations", At::Broker(1), |_, _| {
        Some(DescribeClusterRequest::default().with_include_cluster_authorized_operations(true))
    })
    .await;
    let dirs = DescribeLogDirsRequest::default().with_topics(Some(vec![
        DescribableLogDirTopic::default()
            .with_topic(text("orders").into())
            .with_partitions(vec![0, 1, 2, 9]),
        DescribableLogDirTopic::default()
            .with_topic(text("nowhere").into())
            .with_partitions(vec![0]),
    ]));
    pair.ask("log folders", At::Broker(1), |_, _| Some(dirs.clone()))
        .await;
}

async fn moving(pair: &mut Pair) {
    let request = |topic: &str, partition: i32, replicas: Option<&[i32]>| {
        AlterPartitionReassignmentsRequest::default()
            .with_timeout_ms(30_000)
            .with_topics(vec![
                ReassignableTopic::default()
                    .with_name(text(topic).into())
                    .with_partitions(vec![
                        ReassignablePartition::default()
                            .with_partition_index(partition)
                            .with_replicas(
                                replicas.map(|ids| ids.iter().map(|id| (*id).into()).collect()),
                            ),
                    ]),
            ])
    };
    for (case, request) in [
        ("unknown topic", request("nowhere", 0, Some(&[1]))),
        ("unknown partition", request("orders", 9, Some(&[1]))),
        ("negative broker", request("orders", 0, Some(&[-1]))),
        ("nothing to call off", request("orders", 0, None)),
        ("where it is", request("orders", 0, Some(&[1, 2, 3]))),
    ] {
        pair.ask(&format!("move: {case}"), At::Controller, |_, _| {
            Some(request.clone())
        })
        .await;
    }
    pair.ask("moves", At::Controller, |_, _| {
        Some(
            ListPartitionReassignmentsRequest::default()
                .with_timeout_ms(30_000)
                .with_topics(None),
        )
    })
    .await;
    for (case, kind, topic, partitions) in [
        ("preferred that leads", 0, "orders", vec![0]),
        ("unclean that leads", 1, "orders", vec![0]),
        ("unknown partition", 0, "orders", vec![9]),
        ("unknown topic", 0, "nowhere", vec![0]),
    ] {
        let request = ElectLeadersRequest::default()
            .with_timeout_ms(30_000)
            .with_election_type(kind)
            .with_topic_partitions(Some(vec![
                TopicPartitions::default()
                    .with_topic(text(topic).into())
                    .with_partitions(partitions),
            ]));
        pair.ask(&format!("elect: {case}"), At::Controller, |_, version| {
            (version >= 1 || kind == 0).then(|| request.clone())
        })
        .await;
    }
}

async fn deleting(pair: &mut Pair) {
    let named = |name: &str, version: i16| {
        let request = DeleteTopicsRequest::default().with_timeout_ms(30_000);
        if version >= 6 {
            request.with_topics(vec![
                DeleteTopicState::default().with_name(Some(text(name).into())),
            ])
        } else {
            request.with_topic_names(vec![text(name).into()])
        }
    };
    pair.ask("delete: unknown", At::Controller, |_, version| {
        Some(named("nowhere", version))
    })
    .await;
    pair.ask("delete: bad name", At::Controller, |_, version| {
        Some(named("a b", version))
    })
    .await;
    pair.ask("delete: by an unknown id", At::Controller, |_, version| {
        (version >= 6).then(|| {
            DeleteTopicsRequest::default()
                .with_timeout_ms(30_000)
                .with_topics(vec![
                    DeleteTopicState::default()
                        .with_name(None)
                        .with_topic_id(Uuid::from_u128(9)),
                ])
        })
    })
    .await;
    create(pair, vec![placed("leaving", &[&[1, 2, 3]])]).await;
    pair.ask_in("delete: by id", At::Controller, 6, |side, _| {
        let id = *side.topic_ids.get("leaving")?;
        Some(
            DeleteTopicsRequest::default()
                .with_timeout_ms(30_000)
                .with_topics(vec![
                    DeleteTopicState::default()
                        .with_name(None)
                        .with_topic_id(id),
                ]),
        )
    })
    .await;
}
