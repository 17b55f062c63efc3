//! Every advertised version of the APIs that move records, against the codec.

use bytes::Bytes;
use kafka_protocol::{
    messages::{
        DeleteRecordsRequest, DescribeLogDirsRequest, FetchRequest, InitProducerIdRequest,
        ListOffsetsRequest, MetadataRequest, OffsetForLeaderEpochRequest, ProduceRequest,
        delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
        fetch_request::{FetchPartition, FetchTopic, ReplicaState},
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic},
        produce_request::{PartitionProduceData, TopicProduceData},
    },
    protocol::StrBytes,
};
use kafkarium::{
    client::kafka::KafkaConnection,
    wire::record_batch::{BatchBuilder, Batches},
};
use uuid::Uuid;

use crate::{
    clients::WAIT,
    cluster::{Cluster, until},
};

/// A cluster of one broker with an empty topic `orders` of one partition.
pub struct Stage {
    pub cluster: Cluster,
    pub connection: KafkaConnection,
    pub topic_id: Uuid,
}

impl Stage {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// The same with other broker settings.
    pub async fn with(settings: &[&str]) -> Self {
        let cluster = Cluster::start(1, settings);
        cluster.create_topic("orders", 1, 1);
        until("its leader knows of it", async || {
            cluster.end_code("orders").await.is_none().then_some(())
        })
        .await;
        let mut connection = cluster.connect(1).await;
        let request = MetadataRequest::default().with_topics(None);
        let metadata = connection.ask(&request, WAIT).await.expect("metadata");
        Self {
            cluster,
            connection,
            topic_id: metadata.topics[0].topic_id,
        }
    }

    /// Appends a batch of one record and returns the error code and its offset.
    pub async fn produce(&mut self, version: i16, acks: i16, records: Bytes) -> (i16, i64) {
        let request = self.produce_request(version, acks, records);
        self.produced(version, request).await
    }

    pub fn produce_request(&self, version: i16, acks: i16, records: Bytes) -> ProduceRequest {
        let mut topic = TopicProduceData::default().with_partition_data(vec![
            PartitionProduceData::default().with_records(Some(records)),
        ]);
        if version >= 13 {
            topic.topic_id = self.topic_id;
        } else {
            topic.name = name();
        }
        ProduceRequest::default()
            .with_acks(acks)
            .with_timeout_ms(1_000)
            .with_topic_data(vec![topic])
    }

    /// The error code and the offset of what was sent.
    pub async fn produced(&mut self, version: i16, request: ProduceRequest) -> (i16, i64) {
        let response = self.connection.ask_in(version, &request, WAIT).await;
        let response = response.expect("an answer");
        let partition = &response.responses[0].partition_responses[0];
        (partition.error_code, partition.base_offset)
    }

    pub fn fetch_request(&self, version: i16, offset: i64, max_wait_ms: i32) -> FetchRequest {
        let mut topic = FetchTopic::default().with_partitions(vec![
            FetchPartition::default()
                .with_fetch_offset(offset)
                .with_partition_max_bytes(1 << 20),
        ]);
        if version >= 13 {
            topic.topic_id = self.topic_id;
        } else {
            topic.topic = name();
        }
        FetchRequest::default()
            .with_max_wait_ms(max_wait_ms)
            .with_min_bytes(1)
            .with_max_bytes(1 << 20)
            .with_topics(vec![topic])
    }

    pub async fn list_offset(&mut self, version: i16, replica: i32, timestamp: i64) -> (i16, i64) {
        let request = ListOffsetsRequest::default()
            .with_replica_id(replica.into())
            .with_topics(vec![
                ListOffsetsTopic::default()
                    .with_name(name())
                    .with_partitions(vec![
                        ListOffsetsPartition::default().with_timestamp(timestamp),
                    ]),
            ]);
        let response = self.connection.ask_in(version, &request, WAIT).await;
        let response = response.expect("an answer");
        let partition = &response.topics[0].partitions[0];
        (partition.error_code, partition.offset)
    }
}

pub fn name() -> kafka_protocol::messages::TopicName {
    StrBytes::from_static_str("orders").into()
}

pub fn batch(timestamp: i64, value: &[u8]) -> Bytes {
    let mut builder = BatchBuilder::new();
    builder.push(timestamp, Some(b"key"), Some(value));
    Bytes::from(builder.build())
}

#[tokio::test]
async fn records_are_produced_and_fetched_in_every_version() {
    let mut stage = Stage::new().await;
    let mut end = 0;
    for version in 3..=13 {
        for acks in [1, -1] {
            // A small one is copied behind its header, a large one is not.
            for size in [10, 100_000] {
                let produced = stage
                    .produce(version, acks, batch(1_000, &vec![7; size]))
                    .await;
                assert_eq!(produced, (0, end), "version {version}");
                end += 1;
            }
        }
    }
    for version in 4..=18 {
        let mut offset = 0;
        while offset < end {
            let request = stage.fetch_request(version, offset, 0);
            let response = stage.connection.ask_in(version, &request, WAIT).await;
            let response = response.expect("an answer");
            let partition = &response.responses[0].partitions[0];
            assert_eq!(partition.error_code, 0, "version {version}");
            assert_eq!(partition.high_watermark, end);
            let records = partition.records.as_deref().expect("records");
            for batch in Batches::new(records) {
                let batch = batch.expect("whole batches");
                batch.check_crc().expect("sound");
                assert_eq!(batch.header.base_offset.0, offset);
                offset += 1;
            }
        }
    }
}

#[tokio::test]
async fn a_fetch_of_a_wrong_place_is_refused_in_every_version() {
    let mut stage = Stage::new().await;
    for version in 4..=18 {
        let beyond = stage.fetch_request(version, 5, 10_000);
        let response = stage.connection.ask_in(version, &beyond, WAIT).await;
        let partition = &response.expect("an answer").responses[0].partitions[0];
        assert_eq!(
            partition.error_code, 1,
            "OFFSET_OUT_OF_RANGE in version {version}"
        );

        let mut elsewhere = stage.fetch_request(version, 0, 10_000);
        let unknown = if version >= 13 {
            elsewhere.topics[0].topic_id = Uuid::from_u128(1);
            100
        } else {
            elsewhere.topics[0].topic = StrBytes::from_static_str("nowhere").into();
            3
        };
        let response = stage.connection.ask_in(version, &elsewhere, WAIT).await;
        let partition = &response.expect("an answer").responses[0].partitions[0];
        assert_eq!(partition.error_code, unknown, "version {version}");

        if version >= 9 {
            let mut future = stage.fetch_request(version, 0, 10_000);
            future.topics[0].partitions[0].current_leader_epoch = 9;
            let response = stage.connection.ask_in(version, &future, WAIT).await;
            let partition = &response.expect("an answer").responses[0].partitions[0];
            assert_eq!(
                partition.error_code, 75,
                "UNKNOWN_LEADER_EPOCH in version {version}"
            );
        }
        if version >= 7 {
            let session = stage
                .fetch_request(version, 0, 0)
                .with_session_id(5)
                .with_session_epoch(1);
            let response = stage.connection.ask_in(version, &session, WAIT).await;
            let code = response.expect("an answer").error_code;
            assert_eq!(code, 70, "FETCH_SESSION_ID_NOT_FOUND in version {version}");
        }
    }
}

#[tokio::test]
async fn a_reader_of_another_history_is_told_where_it_parts() {
    let mut stage = Stage::new().await;
    stage.produce(9, 1, batch(1, b"one")).await;
    for version in 12..=18 {
        let mut request = stage.fetch_request(version, 1, 10_000);
        let partition = &mut request.topics[0].partitions[0];
        // An epoch that ended elsewhere: here it goes on to offset 1 and the reader is at 1, so they agree.
        partition.last_fetched_epoch = 0;
        partition.fetch_offset = 1;
        request.max_wait_ms = 0;
        let response = stage.connection.ask_in(version, &request, WAIT).await;
        let answer = &response.expect("an answer").responses[0].partitions[0];
        assert_eq!((answer.error_code, answer.diverging_epoch.epoch), (0, -1));
        // Beyond the end of that epoch they do not.
        request.topics[0].partitions[0].fetch_offset = 2;
        let response = stage.connection.ask_in(version, &request, WAIT).await;
        let answer = &response.expect("an answer").responses[0].partitions[0];
        let diverging = &answer.diverging_epoch;
        assert_eq!(
            (diverging.epoch, diverging.end_offset),
            (0, 1),
            "version {version}"
        );
    }
}

#[tokio::test]
async fn offsets_are_listed_in_every_version() {
    let mut stage = Stage::new().await;
    for timestamp in [1_000, 3_000, 2_000] {
        stage.produce(9, -1, batch(timestamp, b"value")).await;
    }
    for version in 1..=10 {
        for (timestamp, offset) in [(-1, 3), (-2, 0), (1_500, 1), (3_500, -1)] {
            let found = stage.list_offset(version, -1, timestamp).await;
            assert_eq!(found, (0, offset), "version {version}, {timestamp}");
        }
        assert_eq!(stage.list_offset(version, -2, -1).await, (0, 3));
        if version >= 7 {
            assert_eq!(stage.list_offset(version, -1, -3).await, (0, 1));
        }
    }
}

#[tokio::test]
async fn epochs_end_where_the_next_begins_in_every_version() {
    let mut stage = Stage::new().await;
    stage.produce(9, -1, batch(1, b"value")).await;
    for version in 2..=4 {
        let mut request = OffsetForLeaderEpochRequest::default().with_topics(vec![
            OffsetForLeaderTopic::default()
                .with_topic(name())
                .with_partitions(vec![
                    OffsetForLeaderPartition::default().with_leader_epoch(0),
                    OffsetForLeaderPartition::default().with_leader_epoch(4),
                ]),
        ]);
        if version < 3 {
            request.replica_id = (-2).into();
        }
        let response = stage.connection.ask_in(version, &request, WAIT).await;
        let partitions = &response.expect("an answer").topics[0].partitions;
        let ends = partitions
            .iter()
            .map(|end| (end.error_code, end.leader_epoch, end.end_offset));
        assert_eq!(ends.collect::<Vec<_>>(), [(0, 0, 1), (0, -1, -1)]);
    }
}

#[tokio::test]
async fn producer_ids_are_given_once_and_their_batches_appended_once() {
    let mut stage = Stage::new().await;
    let mut ids = Vec::new();
    for version in 0..=5 {
        let request = InitProducerIdRequest::default().with_transactional_id(None);
        let response = stage.connection.ask_in(version, &request, WAIT).await;
        let response = response.expect("an answer");
        assert_eq!((response.error_code, response.producer_epoch), (0, 0));
        ids.push(response.producer_id.0);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6);

    let sequenced = |sequence: i32| {
        let mut builder = BatchBuilder::new();
        builder
            .producer(ids[0], 0, sequence)
            .push(1, None, Some(b"x"));
        Bytes::from(builder.build())
    };
    let (first, second, gap) = (sequenced(0), sequenced(1), sequenced(5));
    assert_eq!(stage.produce(9, -1, first.clone()).await, (0, 0));
    assert_eq!(stage.produce(9, -1, second).await, (0, 1));
    assert_eq!(stage.produce(9, -1, first).await, (0, 0), "a repetition");
    assert_eq!(
        stage.produce(9, -1, gap).await.0,
        45,
        "OUT_OF_ORDER_SEQUENCE_NUMBER"
    );
    assert_eq!(stage.list_offset(5, -1, -1).await, (0, 2));

    let mut builder = BatchBuilder::new();
    builder.producer(ids[1], 0, 0).transactional();
    builder.push(1, None, Some(b"x"));
    let transactional = Bytes::from(builder.build());
    assert_eq!(
        stage.produce(9, -1, transactional).await.0,
        53,
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"
    );
}

#[tokio::test]
async fn records_are_deleted_and_log_folders_described_in_every_version() {
    let mut stage = Stage::new().await;
    for value in 0..5 {
        stage.produce(9, -1, batch(1, &[value])).await;
    }
    for version in 0..=2 {
        let request = DeleteRecordsRequest::default()
            .with_timeout_ms(1_000)
            .with_topics(vec![
                DeleteRecordsTopic::default()
                    .with_name(name())
                    .with_partitions(vec![
                        DeleteRecordsPartition::default().with_offset(i64::from(version) + 1),
                    ]),
            ]);
        let response = stage.connection.ask_in(version, &request, WAIT).await;
        let partition = &response.expect("an answer").topics[0].partitions[0];
        let found = (partition.error_code, partition.low_watermark);
        assert_eq!(found, (0, i64::from(version) + 1));
        assert_eq!(
            stage.list_offset(5, -1, -2).await,
            (0, i64::from(version) + 1)
        );
    }
    for version in 1..=4 {
        let request = DescribeLogDirsRequest::default().with_topics(None);
        let response = stage.connection.ask_in(version, &request, WAIT).await;
        let results = response.expect("an answer").results;
        let partition = &results[0].topics[0].partitions[0];
        assert!(partition.partition_size > 300, "version {version}");
        assert!(version < 4 || results[0].total_bytes > 0);
    }
}

#[tokio::test]
async fn a_waiting_fetch_is_answered_by_the_next_record_and_followers_enter_only_registered() {
    let mut stage = Stage::new().await;
    let mut reader = stage.cluster.connect(1).await;
    // It would wait longer than its answer is waited for.
    let request = stage.fetch_request(11, 0, 300_000);
    let (response, produced) = tokio::join!(
        reader.ask_in(11, &request, WAIT),
        stage.produce(9, 1, batch(1, b"new"))
    );
    assert_eq!(produced, (0, 0));
    let response = response.expect("an answer");
    assert!(
        response.responses[0].partitions[0]
            .records
            .as_ref()
            .is_some_and(|it| !it.is_empty())
    );

    // Somebody who says to be broker 7 is no replica.
    let request = stage.fetch_request(17, 1, 0).with_replica_state(
        ReplicaState::default()
            .with_replica_id(7.into())
            .with_replica_epoch(3),
    );
    let response = reader.ask_in(17, &request, WAIT).await.expect("an answer");
    assert_eq!(response.responses[0].partitions[0].error_code, 6);
}
