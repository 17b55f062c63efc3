//! What Apache Kafka 3.9 refuses or lets pass where a request is odd, code by code.

use bytes::Bytes;
use kafka_protocol::{
    messages::{
        CreatePartitionsRequest, CreateTopicsRequest, DeleteRecordsRequest, DeleteTopicsRequest,
        DescribeClusterRequest, ElectLeadersRequest, FindCoordinatorRequest, InitProducerIdRequest,
        ListOffsetsRequest, OffsetForLeaderEpochRequest, ProduceRequest,
        create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic},
        create_topics_request::CreatableTopic,
        delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
        delete_topics_request::DeleteTopicState,
        elect_leaders_request::TopicPartitions,
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic},
        produce_request::{PartitionProduceData, TopicProduceData},
    },
    protocol::StrBytes,
};
use kafkarium::{client::kafka::KafkaConnection, wire::ErrorCode};

use crate::{
    clients::WAIT,
    cluster::{Cluster, until},
    versions::{Stage, batch, name},
};

#[tokio::test]
async fn a_partition_needs_no_more_in_sync_replicas_than_it_has() {
    let mut stage = Stage::with(&["min.insync.replicas=2"]).await;
    let produced = stage.produce(9, -1, batch(1_000, b"value")).await;
    assert_eq!(produced, (0, 0));
}

#[tokio::test]
async fn a_refused_batch_tells_where_the_log_starts_and_which_records_are_at_fault() {
    let mut stage = Stage::with(&["log.message.timestamp.before.max.ms=1000"]).await;
    let topics = vec![
        TopicProduceData::default()
            .with_name(name())
            .with_partition_data(vec![
                PartitionProduceData::default().with_records(Some(batch(1_000, b"old"))),
            ]),
        TopicProduceData::default().with_name(StrBytes::from_static_str("empty").into()),
    ];
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_topic_data(topics);
    for version in [3, 5, 8, 11] {
        let answer = stage.connection.ask_in(version, &request, WAIT).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.responses.len(), 1, "nothing is said of nothing");
        let partition = &answer.responses[0].partition_responses[0];
        assert_eq!(partition.error_code, ErrorCode::InvalidTimestamp.code());
        let start = if version >= 5 { 0 } else { -1 };
        assert_eq!(partition.log_start_offset, start, "version {version}");
        let faults: Vec<i32> = partition
            .record_errors
            .iter()
            .map(|it| it.batch_index)
            .collect();
        assert_eq!(faults, if version >= 8 { vec![0] } else { vec![] });
    }
    let (code, _) = stage.produce(9, -1, Bytes::from_static(&[0; 10])).await;
    assert_eq!(code, ErrorCode::InvalidRecord.code(), "no whole batch");
}

#[tokio::test]
async fn special_timestamps_need_the_version_that_brought_them() {
    let mut stage = Stage::new().await;
    stage.produce(9, -1, batch(1_000, b"value")).await;
    let unsupported = ErrorCode::UnsupportedVersion.code();
    for (timestamp, since, offset) in [(-3, 7, 0), (-4, 8, 0), (-5, 9, -1)] {
        let before = stage.list_offset(since - 1, -1, timestamp).await;
        assert_eq!(before, (unsupported, -1), "{timestamp}");
        let found = stage.list_offset(since, -1, timestamp).await;
        assert_eq!(found, (0, offset), "{timestamp}");
    }
    let topic = ListOffsetsTopic::default()
        .with_name(name())
        .with_partitions(vec![ListOffsetsPartition::default().with_timestamp(-1)]);
    let request = ListOffsetsRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![topic.clone(), topic]);
    let answer = stage.connection.ask_in(7, &request, WAIT).await;
    for topic in answer.expect("an answer").topics {
        let code = topic.partitions[0].error_code;
        assert_eq!(code, ErrorCode::InvalidRequest.code(), "named twice");
    }
}

#[tokio::test]
async fn no_epoch_has_no_end_and_half_an_identity_is_none() {
    let mut stage = Stage::new().await;
    stage.produce(9, -1, batch(1_000, b"value")).await;
    let asked = OffsetForLeaderPartition::default().with_leader_epoch(-1);
    let topic = OffsetForLeaderTopic::default()
        .with_topic(name())
        .with_partitions(vec![asked]);
    let request = OffsetForLeaderEpochRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![topic]);
    let answer = stage.connection.ask_in(4, &request, WAIT).await;
    let end = &answer.expect("an answer").topics[0].partitions[0];
    assert_eq!((end.error_code, end.end_offset), (0, -1));
    for (id, epoch, code) in [
        (5, -1, ErrorCode::InvalidRequest),
        (-1, 3, ErrorCode::InvalidRequest),
        (5, 3, ErrorCode::None),
    ] {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_producer_id(id.into())
            .with_producer_epoch(epoch);
        let answer = stage.connection.ask_in(3, &request, WAIT).await;
        assert_eq!(answer.expect("an answer").error_code, code.code(), "{id}");
    }
}

#[tokio::test]
async fn nothing_is_deleted_from_kafkas_own_topics() {
    let mut stage = Stage::new().await;
    let request = FindCoordinatorRequest::default().with_key(StrBytes::from_static_str("billing"));
    let found = stage.connection.ask_in(2, &request, WAIT).await;
    assert_eq!(found.expect("an answer").error_code, 0);
    let topic = DeleteRecordsTopic::default()
        .with_name(StrBytes::from_static_str("__consumer_offsets").into())
        .with_partitions(vec![
            DeleteRecordsPartition::default().with_offset(-1),
            DeleteRecordsPartition::default().with_partition_index(9_999),
        ]);
    let request = DeleteRecordsRequest::default().with_topics(vec![topic]);
    let answer = stage.connection.ask(&request, WAIT).await;
    let topics = answer.expect("an answer").topics;
    let codes: Vec<i16> = topics[0]
        .partitions
        .iter()
        .map(|it| it.error_code)
        .collect();
    let expected = [
        ErrorCode::InvalidTopicException,
        ErrorCode::UnknownTopicOrPartition,
    ];
    assert_eq!(codes, expected.map(ErrorCode::code));
}

#[tokio::test]
async fn topics_are_refused_as_kafka_refuses_them() {
    let mut stage = Stage::new().await;
    let invalid = ErrorCode::InvalidRequest.code();
    let topic = |name: &'static str| {
        CreatableTopic::default()
            .with_name(StrBytes::from_static_str(name).into())
            .with_num_partitions(1)
            .with_replication_factor(1)
    };
    let wanted = vec![
        topic("__cluster_metadata"),
        topic("twice"),
        topic("twice"),
        topic("fine"),
        topic("fine.too"),
        topic("fine_too"),
    ];
    let request = CreateTopicsRequest::default()
        .with_timeout_ms(10_000)
        .with_topics(wanted);
    let answer = stage.connection.ask_in(7, &request, WAIT).await;
    let answer = answer.expect("an answer");
    let codes: Vec<i16> = answer.topics.iter().map(|topic| topic.error_code).collect();
    let collides = ErrorCode::InvalidTopicException.code();
    assert_eq!(codes, [invalid, invalid, invalid, 0, 0, collides]);
    let said = answer.topics[5].error_message.as_deref();
    let expected = "Topic 'fine_too' collides with existing topics: fine.too";
    assert_eq!(said, Some(expected));
    assert_eq!(answer.topics[3].error_message, None, "nothing went wrong");

    let more = CreatePartitionsTopic::default()
        .with_name(name())
        .with_count(2);
    let request = CreatePartitionsRequest::default().with_validate_only(true);
    let twice = request
        .clone()
        .with_topics(vec![more.clone(), more.clone()]);
    let answer = stage.connection.ask_in(3, &twice, WAIT).await;
    let results = answer.expect("an answer").results;
    assert_eq!((results.len(), results[0].error_code), (1, invalid));
    let none = CreatePartitionsAssignment::default();
    let uneven = request.with_topics(vec![more.with_assignments(Some(vec![none]))]);
    let answer = stage.connection.ask_in(3, &uneven, WAIT).await;
    let code = answer.expect("an answer").results[0].error_code;
    assert_eq!(code, ErrorCode::InvalidReplicaAssignment.code());

    let nameless = DeleteTopicState::default().with_name(None);
    let request = DeleteTopicsRequest::default().with_topics(vec![nameless]);
    let answer = stage.connection.ask_in(6, &request, WAIT).await;
    let code = answer.expect("an answer").responses[0].error_code;
    assert_eq!(code, invalid, "neither name nor id");
}

#[tokio::test]
async fn who_asks_brokers_for_controllers_is_told_that_they_are_brokers() {
    let mut stage = Stage::new().await;
    for (endpoint, code) in [
        (2, ErrorCode::MismatchedEndpointType),
        (0, ErrorCode::UnsupportedEndpointType),
    ] {
        let request = DescribeClusterRequest::default().with_endpoint_type(endpoint);
        let answer = stage.connection.ask_in(1, &request, WAIT).await;
        let answer = answer.expect("an answer");
        assert_eq!((answer.error_code, answer.endpoint_type), (code.code(), 1));
    }
}

#[tokio::test]
async fn a_broker_that_is_not_the_controller_says_so_in_every_version_of_an_election() {
    let cluster = Cluster::start(2, &[]);
    cluster.create_topic("orders", 1, 1);
    let topic = TopicPartitions::default()
        .with_topic(name())
        .with_partitions(vec![0]);
    let request = ElectLeadersRequest::default().with_topic_partitions(Some(vec![topic]));
    for version in 0..=2 {
        let mut codes = Vec::new();
        for id in cluster.ids() {
            let mut connection = cluster.connect(id).await;
            let answer = connection.ask_in(version, &request, WAIT).await;
            let answer = answer.expect("an answer");
            codes.push(answer.replica_election_results[0].partition_result[0].error_code);
        }
        codes.sort_unstable();
        let expected = [ErrorCode::NotController, ErrorCode::ElectionNotNeeded];
        assert_eq!(codes, expected.map(ErrorCode::code), "version {version}");
    }
}

#[tokio::test]
async fn below_min_insync_replicas_records_are_acknowledged_and_not_shown() {
    let mut cluster = Cluster::start(2, &["min.insync.replicas=2"]);
    cluster.create_topic("orders", 1, 2);
    cluster.wait_until_in_sync("orders", 2).await;
    let leader = cluster.leader("orders").await;
    let other = 3 - leader;
    cluster.kill_broker(other);
    cluster.wait_until_in_sync("orders", 1).await;
    let mut connection = cluster.connect(leader).await;
    let partition = PartitionProduceData::default().with_records(Some(batch(1_000, b"value")));
    let topic = TopicProduceData::default()
        .with_name(name())
        .with_partition_data(vec![partition]);
    let request = ProduceRequest::default()
        .with_acks(1)
        .with_topic_data(vec![topic]);
    let answer = connection.ask_in(9, &request, WAIT).await;
    let appended = &answer.expect("answered").responses[0].partition_responses[0];
    assert_eq!((appended.error_code, appended.base_offset), (0, 0));
    let latest = async |connection: &mut KafkaConnection| {
        let topic = ListOffsetsTopic::default()
            .with_name(name())
            .with_partitions(vec![ListOffsetsPartition::default().with_timestamp(-1)]);
        let request = ListOffsetsRequest::default()
            .with_replica_id((-1).into())
            .with_topics(vec![topic]);
        let answer = connection.ask(&request, WAIT).await.expect("answered");
        answer.topics[0].partitions[0].offset
    };
    assert_eq!(latest(&mut connection).await, 0, "nobody sees it");
    cluster.start_broker(other);
    until("readers see it when the other one is back", async || {
        (latest(&mut connection).await == 1).then_some(())
    })
    .await;
}
