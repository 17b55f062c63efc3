//! Records: what is taken, what is refused, what is read again, and the bytes that lie on disk.

use bytes::Bytes;
use kafka_protocol::messages::{
    DeleteRecordsRequest, DescribeProducersRequest, FetchRequest, InitProducerIdRequest,
    ListOffsetsRequest, OffsetForLeaderEpochRequest, ProduceRequest,
    delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
    describe_producers_request::TopicRequest,
    fetch_request::{FetchPartition, FetchTopic},
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic},
    produce_request::{PartitionProduceData, TopicProduceData},
};
use kafkarium::wire::record_batch::{BatchBuilder, Compression};

use crate::{
    pair::{At, Pair, Side},
    topics::{create, placed, text},
};

/// Where the fields of a batch's header stand.
const LENGTH: usize = 8;
const MAGIC: usize = 16;
const CRC: usize = 17;
const ATTRIBUTES: usize = 21;
const LAST_OFFSET_DELTA: usize = 23;
const BASE_TIMESTAMP: usize = 27;
const MAX_TIMESTAMP: usize = 35;
const PRODUCER_ID: usize = 43;
const COUNT: usize = 57;

/// A moment that neither cluster's clock comes near: records are kept whatever day it is.
const MOMENT: i64 = 4_000_000_000_000;

pub fn produce(
    side: &Side,
    version: i16,
    topic: &str,
    partition: i32,
    acks: i16,
    records: Option<Bytes>,
) -> ProduceRequest {
    let mut data = TopicProduceData::default().with_partition_data(vec![
        PartitionProduceData::default()
            .with_index(partition)
            .with_records(records),
    ]);
    if version >= 13 {
        data.topic_id = side.topic_ids.get(topic).copied().unwrap_or_default();
    } else {
        data.name = text(topic).into();
    }
    ProduceRequest::default()
        .with_acks(acks)
        .with_timeout_ms(30_000)
        .with_topic_data(vec![data])
}

pub fn fetch(side: &Side, version: i16, topic: &str, partition: FetchPartition) -> FetchRequest {
    let mut asked =
        FetchTopic::default().with_partitions(vec![partition.with_partition_max_bytes(1 << 20)]);
    if version >= 13 {
        asked.topic_id = side.topic_ids.get(topic).copied().unwrap_or_default();
    } else {
        asked.topic = text(topic).into();
    }
    FetchRequest::default()
        .with_max_wait_ms(0)
        .with_min_bytes(0)
        .with_max_bytes(1 << 20)
        .with_topics(vec![asked])
}

pub fn batch(values: &[&str]) -> BatchBuilder {
    let mut builder = BatchBuilder::new();
    for (delta, value) in (0..).zip(values) {
        builder.push(MOMENT + delta, Some(b"key"), Some(value.as_bytes()));
    }
    builder
}

fn bytes(builder: &BatchBuilder) -> Bytes {
    Bytes::from(builder.build())
}

/// A batch whose header says something else at one place, with a checksum that fits.
fn altered(builder: &BatchBuilder, at: usize, value: &[u8]) -> Bytes {
    let mut batch = builder.build();
    batch[at..at + value.len()].copy_from_slice(value);
    if at > CRC {
        let crc = crc32c::crc32c(&batch[ATTRIBUTES..]);
        batch[CRC..ATTRIBUTES].copy_from_slice(&crc.to_be_bytes());
    }
    Bytes::from(batch)
}

/// Batches without what is their cluster's own: ids of producers, times of markers, checksums over these.
pub fn without_own(records: &[u8]) -> Vec<u8> {
    let mut found = records.to_vec();
    let mut rest = found.as_mut_slice();
    while rest.len() > COUNT {
        let length = rest[LENGTH..MAGIC - 4].try_into().expect("four bytes");
        let end = usize::try_from(u32::from_be_bytes(length)).expect("32 bits") + MAGIC - 4;
        let (batch, after) = rest.split_at_mut(end.min(rest.len()));
        let is_control = batch[ATTRIBUTES + 1] & 0x20 != 0;
        batch[CRC..ATTRIBUTES].fill(0);
        batch[PRODUCER_ID..PRODUCER_ID + 8].fill(0);
        if is_control {
            batch[BASE_TIMESTAMP..PRODUCER_ID].fill(0);
        }
        rest = after;
    }
    found
}

pub async fn compare(pair: &mut Pair) {
    create(
        pair,
        vec![
            placed("records", &[&[1, 2, 3], &[2, 3, 1]]),
            placed("read", &[&[1]]),
            placed("idempotent", &[&[1]]),
        ],
    )
    .await;
    taken(pair).await;
    refused(pair).await;
    fetched(pair).await;
    listed(pair).await;
    sequenced(pair).await;
    deleted(pair).await;
    stored(pair);
}

async fn taken(pair: &mut Pair) {
    let mut cases = vec![
        ("one", bytes(&batch(&["a"]))),
        ("several", bytes(&batch(&["a", "b", "c"]))),
        ("without key and value", {
            let mut builder = BatchBuilder::new();
            bytes(builder.push(MOMENT, None, None))
        }),
        ("with headers", {
            let mut builder = BatchBuilder::new();
            bytes(builder.push_with_headers(
                MOMENT,
                Some(b"k"),
                Some(b"v"),
                &[("h", Some(&b"1"[..])), ("n", None)],
            ))
        }),
        ("times that go back", {
            let mut builder = BatchBuilder::new();
            builder.push(MOMENT, None, Some(b"late"));
            bytes(builder.push(MOMENT - 5_000, None, Some(b"early")))
        }),
        ("no time", {
            let mut builder = BatchBuilder::new();
            bytes(builder.push(-1, None, Some(b"timeless")))
        }),
        (
            "a wrong newest time",
            altered(&batch(&["a"]), MAX_TIMESTAMP, &0_i64.to_be_bytes()),
        ),
    ];
    for (name, codec) in [
        ("gzip", Compression::Gzip),
        ("snappy", Compression::Snappy),
        ("lz4", Compression::Lz4),
        ("zstd", Compression::Zstd),
    ] {
        let mut builder = batch(&["aaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbb"]);
        builder.compression(codec);
        cases.push((name, bytes(&builder)));
    }
    for (name, records) in cases {
        for acks in [1, -1] {
            pair.ask(
                &format!("produce: {name}, acks {acks}"),
                At::Broker(1),
                |side, version| {
                    // zstd is for 7 and later.
                    (version >= 3 && (version >= 7 || name != "zstd"))
                        .then(|| produce(side, version, "records", 0, acks, Some(records.clone())))
                },
            )
            .await;
        }
    }
}

async fn refused(pair: &mut Pair) {
    let one = || batch(&["a"]);
    for (name, topic, partition, acks) in [
        ("an unknown topic", "nowhere", 0, 1),
        ("a bad topic name", "a b", 0, 1),
        ("an unknown partition", "records", 9, 1),
        ("a negative partition", "records", -1, 1),
        ("another's partition", "records", 1, 1),
        ("acks 2", "records", 0, 2),
    ] {
        let records = bytes(&one());
        pair.ask(
            &format!("refuse: {name}"),
            At::Broker(1),
            |side, version| {
                (version >= 3)
                    .then(|| produce(side, version, topic, partition, acks, Some(records.clone())))
            },
        )
        .await;
    }
    let says = |at: usize, value: &[u8]| altered(&one(), at, value);
    let three_say =
        |at: usize, value: i32| altered(&batch(&["a", "b", "c"]), at, &value.to_be_bytes());
    let cases = [
        ("no bytes", Bytes::new()),
        (
            "two batches",
            Bytes::from([one().build(), one().build()].concat()),
        ),
        ("a wrong checksum", says(CRC, &[1, 2, 3, 4])),
        ("a count of 5 over 3", three_say(COUNT, 5)),
        ("a count of 2 over 3", three_say(COUNT, 2)),
        ("a last offset of 7 over 3", three_say(LAST_OFFSET_DELTA, 7)),
        ("a control batch", says(ATTRIBUTES, &0x20_i16.to_be_bytes())),
        ("gzip that is none", says(ATTRIBUTES, &1_i16.to_be_bytes())),
        ("an unknown codec", says(ATTRIBUTES, &7_i16.to_be_bytes())),
        ("a log's own time", says(ATTRIBUTES, &8_i16.to_be_bytes())),
        (
            "a length beyond the end",
            says(LENGTH, &9_000_i32.to_be_bytes()),
        ),
        ("magic 3", says(MAGIC, &[3])),
        (
            "transactional",
            bytes(one().producer(4_000, 0, 0).transactional()),
        ),
    ];
    for (name, records) in cases {
        pair.ask(
            &format!("refuse: {name}"),
            At::Broker(1),
            |side, version| {
                (version >= 3)
                    .then(|| produce(side, version, "records", 0, -1, Some(records.clone())))
            },
        )
        .await;
    }
    create(
        pair,
        vec![placed("small", &[&[1]]).with_configs(vec![
            kafka_protocol::messages::create_topics_request::CreatableTopicConfig::default()
                .with_name(text("max.message.bytes"))
                .with_value(Some(text("200"))),
        ])],
    )
    .await;
    let large = bytes(&batch(&[&"x".repeat(300)]));
    pair.ask("refuse: too large", At::Broker(1), |side, version| {
        (version >= 3).then(|| produce(side, version, "small", 0, 1, Some(large.clone())))
    })
    .await;
}

async fn fetched(pair: &mut Pair) {
    for values in [&["a"][..], &["b", "c", "d"], &["e"]] {
        let records = bytes(&batch(values));
        pair.ask_in("fill", At::Broker(1), 9, |side, version| {
            Some(produce(side, version, "read", 0, 1, Some(records.clone())))
        })
        .await;
    }
    let at = |offset: i64| FetchPartition::default().with_fetch_offset(offset);
    let cases = [
        ("from the start", "read", at(0)),
        ("from within a batch", "read", at(2)),
        ("from the end", "read", at(5)),
        ("from beyond", "read", at(6)),
        ("from -1", "read", at(-1)),
        ("an unknown partition", "read", at(0).with_partition(7)),
        ("another's partition", "records", at(0).with_partition(1)),
        ("an unknown topic", "nowhere", at(0)),
    ];
    for (name, topic, partition) in cases {
        for isolation in [0, 1] {
            pair.ask(
                &format!("fetch: {name}, isolation {isolation}"),
                At::Broker(1),
                |side, version| {
                    let request = fetch(side, version, topic, partition.clone());
                    (version >= 4).then(|| request.with_isolation_level(isolation))
                },
            )
            .await;
        }
    }
    for (name, epoch, last) in [
        ("a later epoch", 9, -1),
        ("this epoch", 0, -1),
        ("a later last epoch", 0, 9),
    ] {
        pair.ask(&format!("fetch: {name}"), At::Broker(1), |side, version| {
            let partition = at(0).with_current_leader_epoch(epoch);
            let partition = if version >= 12 {
                partition.with_last_fetched_epoch(last)
            } else {
                partition
            };
            (version >= 12).then(|| fetch(side, version, "read", partition))
        })
        .await;
    }
    for (name, session, epoch) in [
        ("an unknown session", 5, 1),
        ("no session", 0, -1),
        ("a new session", 0, 0),
        ("epoch without session", 0, 3),
        ("closing an unknown one", 5, -1),
    ] {
        pair.ask(&format!("fetch: {name}"), At::Broker(1), |side, version| {
            (version >= 7).then(|| {
                fetch(side, version, "read", at(0))
                    .with_session_id(session)
                    .with_session_epoch(epoch)
            })
        })
        .await;
    }
    pair.ask("fetch: at most one byte", At::Broker(1), |side, version| {
        let mut request = fetch(side, version, "read", at(0)).with_max_bytes(1);
        request.topics[0].partitions[0].partition_max_bytes = 1;
        (version >= 4).then_some(request)
    })
    .await;
}

async fn listed(pair: &mut Pair) {
    for timestamp in [
        -1,
        -2,
        -3,
        -4,
        -5,
        -6,
        -9,
        0,
        MOMENT,
        MOMENT + 2,
        MOMENT + 9,
    ] {
        for (topic, partition, isolation) in [
            ("read", 0, 0),
            ("read", 0, 1),
            ("read", 9, 0),
            ("records", 1, 0),
            ("nowhere", 0, 0),
        ] {
            let request = ListOffsetsRequest::default()
                .with_replica_id((-1).into())
                .with_topics(vec![
                    ListOffsetsTopic::default()
                        .with_name(text(topic).into())
                        .with_partitions(vec![
                            ListOffsetsPartition::default()
                                .with_partition_index(partition)
                                .with_timestamp(timestamp),
                        ]),
                ]);
            pair.ask(
                &format!("offsets of {timestamp}: {topic} p{partition}, isolation {isolation}"),
                At::Broker(1),
                |_, version| match version {
                    0 => None,
                    1 => (isolation == 0).then(|| request.clone()),
                    _ => Some(request.clone().with_isolation_level(isolation)),
                },
            )
            .await;
        }
    }
    for (topic, partition, current, asked) in [
        ("read", 0, -1, 0),
        ("read", 0, 0, 0),
        ("read", 0, 5, 0),
        ("read", 0, -1, 7),
        ("read", 0, -1, -1),
        ("read", 9, -1, 0),
        ("records", 1, -1, 0),
        ("nowhere", 0, -1, 0),
    ] {
        let request = OffsetForLeaderEpochRequest::default()
            .with_replica_id((-2).into())
            .with_topics(vec![
                OffsetForLeaderTopic::default()
                    .with_topic(text(topic).into())
                    .with_partitions(vec![
                        OffsetForLeaderPartition::default()
                            .with_partition(partition)
                            .with_current_leader_epoch(current)
                            .with_leader_epoch(asked),
                    ]),
            ]);
        pair.ask(
            &format!("end of epoch {asked} by {current}: {topic} p{partition}"),
            At::Broker(1),
            |_, version| (version >= 2).then(|| request.clone()),
        )
        .await;
    }
}

async fn sequenced(pair: &mut Pair) {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(60_000);
    let answers = pair
        .ask_in("producer id", At::Broker(1), 3, |_, _| {
            Some(request.clone())
        })
        .await;
    let Some((Ok(ours), Ok(theirs))) = answers else {
        return;
    };
    pair.ours.producers.insert("first", (ours.producer_id, 0));
    pair.theirs
        .producers
        .insert("first", (theirs.producer_id, 0));
    for (name, epoch, sequence, count) in [
        ("first", 0, 0, 1),
        ("again", 0, 0, 1),
        ("next, three", 0, 1, 3),
        ("those again", 0, 1, 3),
        ("one of those alone", 0, 2, 1),
        ("a gap", 0, 9, 1),
        ("a new epoch not from 0", 1, 5, 1),
        ("a new epoch", 1, 0, 1),
        ("the old epoch", 0, 4, 1),
        ("a negative sequence", 1, -2, 1),
    ] {
        pair.ask_in(
            &format!("sequence: {name}"),
            At::Broker(1),
            9,
            |side, version| {
                let (id, _) = *side.producers.get("first")?;
                let mut builder = batch(&vec!["x"; count]);
                builder.producer(id.0, epoch, sequence);
                let records = Some(Bytes::from(builder.build()));
                Some(produce(side, version, "idempotent", 0, -1, records))
            },
        )
        .await;
    }
    for (topic, partition) in [
        ("idempotent", 0),
        ("idempotent", 4),
        ("records", 1),
        ("nowhere", 0),
    ] {
        let request = DescribeProducersRequest::default().with_topics(vec![
            TopicRequest::default()
                .with_name(text(topic).into())
                .with_partition_indexes(vec![partition]),
        ]);
        pair.ask(
            &format!("producers of {topic} p{partition}"),
            At::Broker(1),
            |_, _| Some(request.clone()),
        )
        .await;
    }
}

async fn deleted(pair: &mut Pair) {
    for (name, topic, partition, offset) in [
        ("before 2", "read", 0, 2),
        ("before 1 then", "read", 0, 1),
        ("beyond the end", "read", 0, 99),
        ("a negative offset", "read", 0, -7),
        ("all", "read", 0, -1),
        ("an unknown partition", "read", 9, 0),
        ("another's partition", "records", 1, 0),
        ("an unknown topic", "nowhere", 0, 0),
        ("an internal topic", "__consumer_offsets", 0, 0),
    ] {
        let request = DeleteRecordsRequest::default()
            .with_timeout_ms(30_000)
            .with_topics(vec![
                DeleteRecordsTopic::default()
                    .with_name(text(topic).into())
                    .with_partitions(vec![
                        DeleteRecordsPartition::default()
                            .with_partition_index(partition)
                            .with_offset(offset),
                    ]),
            ]);
        pair.ask(&format!("delete records: {name}"), At::Broker(1), |_, _| {
            Some(request.clone())
        })
        .await;
    }
    pair.ask("fetch: what was deleted", At::Broker(1), |side, version| {
        let request = fetch(side, version, "read", FetchPartition::default());
        (version >= 4).then_some(request)
    })
    .await;
}

/// The logs that both brokers wrote, byte by byte.
fn stored(pair: &mut Pair) {
    for partition in ["records-0", "idempotent-0"] {
        let read = |side: &Side| {
            let folder = side.cluster.data_folder(1).join(partition);
            let segment = std::fs::read(folder.join("00000000000000000000.log"));
            without_own(&segment.expect("a log"))
        };
        let (ours, theirs) = (read(&pair.ours), read(&pair.theirs));
        pair.note_bytes(&format!("bytes of {partition}"), &ours, &theirs);
    }
}
