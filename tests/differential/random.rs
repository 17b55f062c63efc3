//! Valid requests in an order that a seed draws: whatever came before, both answer the same.

use bytes::Bytes;
use kafka_protocol::messages::{
    DeleteRecordsRequest, ListOffsetsRequest, MetadataRequest, OffsetCommitRequest,
    OffsetFetchRequest,
    delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
    fetch_request::FetchPartition,
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    metadata_request::MetadataRequestTopic,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
};
use kafkarium::wire::record_batch::Compression;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    configs::{DELETE, SET, TOPIC, change, one},
    pair::{At, Pair},
    records::{batch, fetch, produce},
    topics::{create, placed, text},
};

/// How many requests one list has.
const STEPS: usize = 400;

const TOPICS: [&str; 2] = ["drawn", "drawn.too"];
const GROUP: &str = "drawing";

pub async fn compare(pair: &mut Pair) {
    let seed = std::env::var("KAFKARIUM_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(1);
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let replicas: [&[i32]; 2] = [&[1, 2, 3], &[1, 3, 2]];
    create(pair, TOPICS.map(|name| placed(name, &replicas)).to_vec()).await;
    for step in 0..STEPS {
        let topic = TOPICS[random.random_range(0..2)];
        let partition = random.random_range(0..2);
        let offset: i64 = random.random_range(0..60);
        let case =
            |what: &str| format!("seed {seed} step {step}: {what} {topic} p{partition} {offset}");
        match random.random_range(0..10) {
            0..=3 => {
                let count = random.random_range(1..5);
                let codec = [
                    Compression::None,
                    Compression::Gzip,
                    Compression::Snappy,
                    Compression::Lz4,
                    Compression::Zstd,
                ][random.random_range(0..5)];
                // With acks=all, so that readers see on both sides what was acknowledged.
                let mut builder = batch(&vec!["value"; count]);
                let records = Bytes::from(builder.compression(codec).build());
                let version = random.random_range(7..=11);
                pair.ask_in(&case("produce"), At::Broker(1), version, |side, version| {
                    Some(produce(
                        side,
                        version,
                        topic,
                        partition,
                        -1,
                        Some(records.clone()),
                    ))
                })
                .await;
            }
            4 | 5 => {
                let version = random.random_range(4..=17);
                pair.ask_in(&case("fetch"), At::Broker(1), version, |side, version| {
                    let from = FetchPartition::default()
                        .with_partition(partition)
                        .with_fetch_offset(offset);
                    Some(fetch(side, version, topic, from))
                })
                .await;
            }
            6 => {
                let timestamp =
                    [-1, -2, -3, 4_000_000_000_000 + offset % 4][random.random_range(0..4)];
                let version = random.random_range(7..=9);
                let asked = ListOffsetsPartition::default()
                    .with_partition_index(partition)
                    .with_timestamp(timestamp);
                let request = ListOffsetsRequest::default()
                    .with_replica_id((-1).into())
                    .with_topics(vec![
                        ListOffsetsTopic::default()
                            .with_name(text(topic).into())
                            .with_partitions(vec![asked]),
                    ]);
                pair.ask_in(&case("list offsets"), At::Broker(1), version, |_, _| {
                    Some(request.clone())
                })
                .await;
            }
            7 => {
                let asked = DeleteRecordsPartition::default()
                    .with_partition_index(partition)
                    .with_offset(offset / 4);
                let request = DeleteRecordsRequest::default()
                    .with_timeout_ms(30_000)
                    .with_topics(vec![
                        DeleteRecordsTopic::default()
                            .with_name(text(topic).into())
                            .with_partitions(vec![asked]),
                    ]);
                pair.ask_in(&case("delete records"), At::Broker(1), 2, |_, _| {
                    Some(request.clone())
                })
                .await;
            }
            8 => group(pair, &case("commit"), topic, partition, offset, &mut random).await,
            _ => topic_itself(pair, &case("configs"), topic, &mut random).await,
        }
    }
}

async fn group(
    pair: &mut Pair,
    case: &str,
    topic: &str,
    partition: i32,
    offset: i64,
    random: &mut StdRng,
) {
    let version = random.random_range(2..=8);
    let committed = OffsetCommitRequestPartition::default()
        .with_partition_index(partition)
        .with_committed_offset(offset);
    let request = OffsetCommitRequest::default()
        .with_group_id(text(GROUP).into())
        .with_topics(vec![
            OffsetCommitRequestTopic::default()
                .with_name(text(topic).into())
                .with_partitions(vec![committed]),
        ]);
    pair.ask_in(case, At::Group(GROUP), version, |_, _| {
        Some(request.clone())
    })
    .await;
    let asked = OffsetFetchRequestTopics::default()
        .with_name(text(topic).into())
        .with_partition_indexes(vec![0, 1]);
    let request = OffsetFetchRequest::default().with_groups(vec![
        OffsetFetchRequestGroup::default()
            .with_group_id(text(GROUP).into())
            .with_topics(Some(vec![asked])),
    ]);
    pair.ask_in(&format!("{case}: read"), At::Group(GROUP), 8, |_, _| {
        Some(request.clone())
    })
    .await;
}

async fn topic_itself(pair: &mut Pair, case: &str, topic: &str, random: &mut StdRng) {
    let (key, value) = [
        ("retention.bytes", "1000000"),
        ("max.message.bytes", "500000"),
        ("message.timestamp.type", "CreateTime"),
        ("compression.type", "producer"),
    ][random.random_range(0..4)];
    let operation = [SET, DELETE][random.random_range(0..2)];
    let changes = vec![one(key, operation, (operation == SET).then_some(value))];
    let request = change(TOPIC, topic, changes);
    pair.ask_in(case, At::Controller, 1, |_, _| Some(request.clone()))
        .await;
    let version = random.random_range(8..=12);
    let request = MetadataRequest::default()
        .with_allow_auto_topic_creation(false)
        .with_topics(Some(vec![
            MetadataRequestTopic::default().with_name(Some(text(topic).into())),
        ]));
    pair.ask_in(
        &format!("{case}: metadata"),
        At::Broker(1),
        version,
        |_, _| Some(request.clone()),
    )
    .await;
}
