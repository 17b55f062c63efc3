//! Transactional records and markers in every version of the requests that move them.

use std::time::UNIX_EPOCH;

use bytes::Bytes;
use kafka_protocol::messages::{
    DescribeProducersRequest, FetchResponse, ListOffsetsRequest, WriteTxnMarkersRequest,
    describe_producers_request::TopicRequest,
    list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
    write_txn_markers_request::{WritableTxnMarker, WritableTxnMarkerTopic},
};
use kafka_protocol::protocol::StrBytes;
use kafkarium::wire::record_batch::{BatchBuilder, Batches, ControlType};

use crate::clients::WAIT;
use crate::declined::ask;
use crate::garbage::frame;
use crate::transactions::{ADD, END, Producer};
use crate::versions::{Stage, name};

pub fn transactional(producer: &Producer, sequence: i32) -> Bytes {
    let mut builder = BatchBuilder::new();
    builder
        .producer(producer.id, producer.epoch, sequence)
        .transactional();
    // Now, as the marker: an older record would have a segment of its own.
    let now = UNIX_EPOCH.elapsed().expect("after 1970").as_millis();
    let now = i64::try_from(now).expect("before the year 292 million");
    builder.push(now, Some(b"key"), Some(b"value"));
    builder.build().into()
}

impl Stage {
    pub async fn send(&mut self, version: i16, producer: &Producer, sequence: i32) -> (i16, i64) {
        let request = self.produce_request(version, -1, transactional(producer, sequence));
        let request = request.with_transactional_id(Some(producer.transactional_id.clone()));
        self.produced(version, request).await
    }

    /// Ends the producer's transaction, as a coordinator of the older codec's version does.
    fn mark(
        &self,
        id: i64,
        (commit, epoch, coordinator_epoch): (bool, i16, i32),
        partition: i32,
    ) -> i16 {
        let topic = WritableTxnMarkerTopic::default()
            .with_name(name())
            .with_partition_indexes(vec![partition]);
        let marker = WritableTxnMarker::default()
            .with_producer_id(id.into())
            .with_producer_epoch(epoch)
            .with_transaction_result(commit)
            .with_coordinator_epoch(coordinator_epoch)
            .with_topics(vec![topic]);
        let request = WriteTxnMarkersRequest::default().with_markers(vec![marker]);
        let answer = ask(&self.address(), 1, &request);
        assert_eq!(answer.markers[0].producer_id.0, id);
        answer.markers[0].topics[0].partitions[0].error_code
    }

    fn address(&self) -> String {
        self.connection.peer().expect("connected").to_string()
    }

    pub async fn fetch(&mut self, version: i16, isolation: i8, offset: i64) -> FetchResponse {
        let request = self.fetch_request(version, offset, 0);
        let request = request.with_isolation_level(isolation);
        let answer = self.connection.ask_in(version, &request, WAIT).await;
        answer.expect("an answer")
    }

    pub async fn listed(&mut self, version: i16, isolation: i8, timestamp: i64) -> i64 {
        let partition = ListOffsetsPartition::default().with_timestamp(timestamp);
        let topic = ListOffsetsTopic::default()
            .with_name(name())
            .with_partitions(vec![partition]);
        let request = ListOffsetsRequest::default()
            .with_replica_id((-1).into())
            .with_isolation_level(isolation)
            .with_topics(vec![topic]);
        let answer = self.connection.ask_in(version, &request, WAIT).await;
        answer.expect("an answer").topics[0].partitions[0].offset
    }
}

#[tokio::test]
async fn readers_of_committed_records_see_no_open_and_no_aborted_one_in_any_version() {
    let mut stage = Stage::new().await;
    let producer = Producer::start(&stage.cluster, "shipping", 60_000).await;
    assert_eq!(producer.add(ADD, &[0]), [0]);
    // Eleven records that are aborted, at 0 to 10, with the marker at 11.
    for (sequence, version) in (0i32..).zip(3..=13) {
        let sent = stage.send(version, &producer, sequence).await;
        assert_eq!(sent, (0, i64::from(sequence)), "version {version}");
    }
    assert_eq!(stage.mark(producer.id, (false, 0, 5), 0), 0);
    // One that stays open at 12.
    assert_eq!(stage.send(11, &producer, 11).await, (0, 12));
    for version in 4..=18 {
        let answer = stage.fetch(version, 1, 3).await;
        let partition = &answer.responses[0].partitions[0];
        assert_eq!(partition.high_watermark, 13, "version {version}");
        assert_eq!(partition.last_stable_offset, 12, "version {version}");
        let aborted = partition.aborted_transactions.as_deref().expect("a list");
        let aborted = aborted.iter().map(|it| (it.producer_id.0, it.first_offset));
        assert_eq!(aborted.collect::<Vec<_>>(), [(producer.id, 0)]);
        let records = partition.records.as_deref().expect("records");
        let batches = Batches::new(records).map(|it| it.expect("sound").header.base_offset.0);
        assert!(batches.eq(3..=11), "version {version}: {records:?}");

        let answer = stage.fetch(version, 1, 12).await;
        let partition = &answer.responses[0].partitions[0];
        assert_eq!(partition.error_code, 0);
        assert!(partition.records.as_ref().is_none_or(Bytes::is_empty));
        assert_eq!(partition.aborted_transactions.as_deref(), Some(&[][..]));

        let answer = stage.fetch(version, 0, 12).await;
        let partition = &answer.responses[0].partitions[0];
        assert!(partition.records.as_ref().is_some_and(|it| !it.is_empty()));
        assert_eq!(partition.aborted_transactions, None);
        assert_eq!(partition.last_stable_offset, 12);
    }
    for version in 2..=10 {
        assert_eq!(stage.listed(version, 0, -1).await, 13);
        assert_eq!(stage.listed(version, 1, -1).await, 12);
        assert_eq!(stage.listed(version, 1, -2).await, 0);
        assert_eq!(stage.listed(version, 1, 1_000).await, 0);
    }
    let topic = TopicRequest::default()
        .with_name(name())
        .with_partition_indexes(vec![0]);
    let request = DescribeProducersRequest::default().with_topics(vec![topic]);
    let answer = ask(&stage.address(), 0, &request);
    let active = &answer.topics[0].partitions[0].active_producers[0];
    let known = (active.coordinator_epoch, active.current_txn_start_offset);
    assert_eq!(known, (5, 12));
}

#[tokio::test]
async fn markers_are_taken_in_every_version_and_refused_from_whoever_was_replaced() {
    let mut stage = Stage::new().await;
    let producer = Producer::start(&stage.cluster, "shipping", 60_000).await;
    let mark = |marker, partition| stage.mark(producer.id, marker, partition);
    let codes = [
        ("NONE", mark((true, 3, 5), 0), 0),
        ("TRANSACTION_COORDINATOR_FENCED", mark((true, 3, 4), 0), 52),
        ("INVALID_PRODUCER_EPOCH", mark((true, 2, 5), 0), 47),
        ("UNKNOWN_TOPIC_OR_PARTITION", mark((true, 3, 5), 9), 3),
        ("NONE", mark((true, 3, 5), 0), 0),
    ];
    for (name, code, expected) in codes {
        assert_eq!(code, expected, "{name}");
    }
    assert_eq!(producer.add(ADD, &[0]), [0]);
    let replaced = stage.send(11, &producer, 0).await;
    assert_eq!(replaced.0, 47, "epoch 0 is older than the marker's");
    // The bytes of version 2, by hand: the codec knows version 1 alone.
    let versioned = |transaction_version: u8| {
        // The header's own tagged fields, and one marker.
        let mut body = vec![0, 2];
        body.extend_from_slice(&producer.id.to_be_bytes());
        body.extend_from_slice(b"\0\x03\x01\x02\x07orders\x02\0\0\0\0\0\0\0\0\x05");
        body.extend_from_slice(&[transaction_version, 0, 0]);
        let request = frame(27, 2, &body);
        let answer = crate::declined::exchange(&stage.address(), &request[4..]);
        let mut head = b"\0\0\0\x07\0\x02".to_vec();
        head.extend_from_slice(&producer.id.to_be_bytes());
        head.extend_from_slice(b"\x02\x07orders\x02\0\0\0\0");
        assert_eq!(answer[..head.len()], head);
        i16::from_be_bytes([answer[head.len()], answer[head.len() + 1]])
    };
    assert_eq!(versioned(0), 0);
    assert_eq!(versioned(2), 47, "it came before, at this very epoch");
    assert_eq!(stage.listed(10, 1, -1).await, 3);
}

#[tokio::test]
async fn a_transaction_begins_in_a_partition_only_if_its_coordinator_knows() {
    let mut stage = Stage::new().await;
    let mut end = 0;
    for version in 3..=13 {
        let (names_itself, raises_epoch) = (version < 12, version >= 12);
        let abortable = if version < 11 { 48 } else { 120 };
        let text = format!("in-version-{version}");
        let mut producer = Producer::start(&stage.cluster, &text, 60_000).await;
        producer.id += 1_000_000;
        assert_eq!(stage.send(version, &producer, 0).await.0, 49, "{version}");
        producer.id -= 1_000_000;
        producer.epoch += 1;
        assert_eq!(stage.send(version, &producer, 0).await.0, 47, "{version}");
        producer.epoch -= 1;
        if names_itself {
            let outside = stage.send(version, &producer, 0).await;
            assert_eq!(outside.0, abortable, "{version}");
            assert_eq!(producer.add(ADD, &[0]), [0]);
        } else {
            let passing = stage.send(version, &producer, 1).await;
            assert_eq!(passing.0, 45, "it begins with its first: {version}");
        }
        for sequence in 0..2 {
            let sent = stage.send(version, &producer, sequence).await;
            assert_eq!(sent, (0, end), "{version}");
            end += 1;
        }
        let described = producer.described();
        assert_eq!(described.transaction_state.as_str(), "Ongoing");
        assert_eq!(described.topics[0].partitions, [0]);
        let ended = producer.end(if raises_epoch { 5 } else { END }, true);
        assert_eq!(ended.0, 0, "{version}");
        producer.wait_for("CompleteCommit").await;
        end += 1;
        // It was sent before the end, and comes behind the marker.
        let late = stage.send(version, &producer, 2).await;
        let expected = if raises_epoch { 47 } else { abortable };
        assert_eq!(late.0, expected, "{version}");
        for isolation in [0, 1] {
            assert_eq!(stage.listed(10, isolation, -1).await, end, "{version}");
        }
    }
}

#[tokio::test]
async fn leaders_do_not_ask_where_they_are_told_not_to() {
    let mut stage = Stage::with(&["transaction.partition.verification.enable=false"]).await;
    let producer = Producer::start(&stage.cluster, "shipping", 60_000).await;
    assert_eq!(stage.send(11, &producer, 0).await, (0, 0));
    assert_eq!(stage.listed(10, 1, -1).await, 0, "it is open");
    assert_eq!(producer.described().transaction_state.as_str(), "Empty");
}

#[tokio::test]
async fn garbage_in_a_transaction_is_refused_and_opens_none() {
    let mut stage = Stage::new().await;
    let producer = Producer::start(&stage.cluster, "shipping", 60_000).await;
    let whole = transactional(&producer, 0);
    let marker = BatchBuilder::new().end_transaction(ControlType::Commit, 1_000, producer.id, 0, 0);
    let mut without_epoch = BatchBuilder::new();
    without_epoch.producer(producer.id, -1, 0).transactional();
    without_epoch.push(1_000, None, Some(b"value"));
    let without_epoch = Bytes::from(without_epoch.build());
    let unsound = {
        let mut bytes = whole.to_vec();
        bytes[17] ^= 1;
        Bytes::from(bytes)
    };
    for version in 3..=13 {
        // Who is not part of a transaction hears so before its records are looked at.
        let (outside, late) = match version {
            ..11 => (48, 48),
            11 => (120, 120),
            _ => (2, 45),
        };
        let cases = [
            ("nothing", Bytes::new(), "shipping", 87),
            ("cut short", whole.slice(..40), "shipping", 87),
            ("a marker", marker.clone().into(), "shipping", 87),
            ("no epoch", without_epoch.clone(), "shipping", 47),
            ("a late one", transactional(&producer, 9), "shipping", late),
            ("unsound", unsound.clone(), "shipping", outside),
            ("an id that nobody has", whole.clone(), "nobody", 49),
            ("an empty id", whole.clone(), "", 42),
        ];
        let (mut answered, mut expected) = (Vec::new(), Vec::new());
        for (what, records, id, code) in cases {
            let id = StrBytes::from_string(id.to_owned());
            let request = stage.produce_request(version, -1, records);
            let request = request.with_transactional_id(Some(id.into()));
            answered.push((what, stage.produced(version, request).await.0));
            expected.push((what, code));
        }
        assert_eq!(answered, expected, "version {version}");
    }
    assert_eq!(stage.listed(10, 0, -1).await, 0);
    assert_eq!(stage.listed(10, 1, -1).await, 0);
}
