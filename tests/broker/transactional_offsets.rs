//! Offsets that are committed in a transaction: in raw frames of every version, by librdkafka, and with SIGKILL in between.

use std::time::Duration;

use kafka_protocol::{
    messages::{
        FindCoordinatorRequest, OffsetFetchRequest, TxnOffsetCommitRequest,
        offset_fetch_request::{
            OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
        },
        txn_offset_commit_request::{TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic},
    },
    protocol::StrBytes,
};
use kafkarium::wire::ErrorCode;
use rdkafka::{
    TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    producer::Producer as _,
};

use crate::{
    cluster::{Cluster, PATIENCE, until},
    declined::ask,
    transactions::{END, Producer, librdkafka},
    versions::name,
};

/// The newest versions that a client of TV1 speaks.
const COMMIT: i16 = 4;
const ADD_OFFSETS: i16 = 4;

/// What stands for no offset.
const NOTHING: i64 = -1;

/// A group and who coordinates it.
struct Group {
    id: String,
    coordinator: String,
    broker: i32,
}

impl Group {
    async fn find(cluster: &Cluster, id: &str) -> Self {
        until("the group has a coordinator", async || {
            let key = StrBytes::from_string(id.to_owned());
            let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![key]);
            let asked = cluster.ids().into_iter().map(|id| cluster.address_of(id));
            let asked = asked.filter(|address| lives(address)).min()?;
            let found = ask(&asked, 4, &request).coordinators.remove(0);
            let address = (found.error_code == 0).then(|| cluster.address_of(found.node_id.0))?;
            // A broker that was killed is named until its session ends.
            let found = lives(&address).then(|| Self {
                id: id.to_owned(),
                coordinator: address,
                broker: found.node_id.0,
            })?;
            (found.fetch(9, false).0 == 0).then_some(found)
        })
        .await
    }

    /// What the coordinator says to `orders-0` and to a partition that does not exist.
    fn commit(&self, producer: &Producer, version: i16, offset: i64) -> i16 {
        let request = self.request(producer, offset, &[0, 7]);
        let answer = ask(&self.coordinator, version, &request);
        let codes = answer.topics[0].partitions.iter();
        let codes: Vec<(i32, i16)> = codes
            .map(|it| (it.partition_index, it.error_code))
            .collect();
        assert_eq!(codes[1], (7, 3), "version {version}");
        assert_eq!(codes[0].0, 0);
        codes[0].1
    }

    fn request(
        &self,
        producer: &Producer,
        offset: i64,
        partitions: &[i32],
    ) -> TxnOffsetCommitRequest {
        let partitions = partitions.iter().map(|index| {
            TxnOffsetCommitRequestPartition::default()
                .with_partition_index(*index)
                .with_committed_offset(offset)
        });
        let topic = TxnOffsetCommitRequestTopic::default()
            .with_name(name())
            .with_partitions(partitions.collect());
        TxnOffsetCommitRequest::default()
            .with_transactional_id(producer.transactional_id.clone())
            .with_group_id(StrBytes::from_string(self.id.clone()).into())
            .with_producer_id(producer.id.into())
            .with_producer_epoch(producer.epoch)
            .with_topics(vec![topic])
    }

    /// The code and the offset of `orders-0`.
    fn fetch(&self, version: i16, stable: bool) -> (i16, i64) {
        let group = StrBytes::from_string(self.id.clone());
        let request = OffsetFetchRequest::default().with_require_stable(stable);
        if version < 8 {
            let topic = OffsetFetchRequestTopic::default()
                .with_name(name())
                .with_partition_indexes(vec![0]);
            let request = request
                .with_group_id(group.into())
                .with_topics(Some(vec![topic]));
            let answer = ask(&self.coordinator, version, &request);
            if answer.error_code != 0 {
                return (answer.error_code, NOTHING);
            }
            let partition = &answer.topics[0].partitions[0];
            (partition.error_code, partition.committed_offset)
        } else {
            let topic = OffsetFetchRequestTopics::default()
                .with_name(name())
                .with_partition_indexes(vec![0]);
            let group = OffsetFetchRequestGroup::default()
                .with_group_id(group.into())
                .with_member_epoch(-1)
                .with_topics(Some(vec![topic]));
            let answer = ask(
                &self.coordinator,
                version,
                &request.with_groups(vec![group]),
            );
            let group = &answer.groups[0];
            if group.error_code != 0 {
                return (group.error_code, NOTHING);
            }
            let partition = &group.topics[0].partitions[0];
            (partition.error_code, partition.committed_offset)
        }
    }
}

/// Waits until consumers of the group that ask for stable offsets get this one.
async fn reads_on_at(cluster: &Cluster, group: &str, offset: i64) {
    let passing = [
        ErrorCode::UnstableOffsetCommit,
        ErrorCode::CoordinatorLoadInProgress,
        ErrorCode::NotCoordinator,
    ];
    until("the offset counts", async || {
        let (code, found) = Group::find(cluster, group).await.fetch(9, true);
        if passing.contains(&ErrorCode::from_code(code)) {
            return None;
        }
        assert_eq!((code, found), (0, offset));
        Some(())
    })
    .await;
}

fn lives(address: &str) -> bool {
    std::net::TcpStream::connect(address).is_ok()
}

/// The group's offsets become part of the producer's transaction, once its last one has ended.
async fn add_offsets(producer: &Producer, group: &str) {
    until("the offsets are part of the transaction", async || {
        let code = ErrorCode::from_code(producer.add_offsets(ADD_OFFSETS, group));
        let ends = code == ErrorCode::ConcurrentTransactions;
        assert!(ends || code == ErrorCode::None, "{code}");
        (!ends).then_some(())
    })
    .await;
}

#[tokio::test]
async fn offsets_of_a_transaction_count_after_its_commit_in_every_version() {
    let cluster = Cluster::start(1, &[]);
    cluster.create_topic("orders", 1, 1);
    for version in 0..=5 {
        let mut producer = Producer::start(&cluster, &format!("tx-{version}"), 60_000).await;
        let group = Group::find(&cluster, &format!("group-{version}")).await;
        if version < 5 {
            let outside = if version < 4 {
                ErrorCode::InvalidTxnState
            } else {
                ErrorCode::TransactionAbortable
            };
            let code = group.commit(&producer, version, 7);
            assert_eq!(code, outside.code(), "version {version}");
            assert_eq!(producer.add_offsets(ADD_OFFSETS, &group.id), 0);
        }
        for offset in [6, 7] {
            let code = group.commit(&producer, version, offset);
            assert_eq!(code, 0, "version {version}");
        }
        for asked in 1..=9 {
            assert_eq!(group.fetch(asked, false), (0, NOTHING), "version {asked}");
            if asked >= 7 {
                let unstable = ErrorCode::UnstableOffsetCommit.code();
                assert_eq!(group.fetch(asked, true), (unstable, NOTHING));
            }
        }
        assert_eq!(producer.end(END, true).0, 0);
        reads_on_at(&cluster, &group.id, 7).await;
        for asked in 1..=9 {
            assert_eq!(group.fetch(asked, asked >= 7), (0, 7), "version {asked}");
        }

        if version < 5 {
            add_offsets(&producer, &group.id).await;
            assert_eq!(group.commit(&producer, version, 8), 0);
        } else {
            // The last transaction may still be ending.
            until("the next one is begun", async || {
                (group.commit(&producer, version, 8) == 0).then_some(())
            })
            .await;
        }
        assert_eq!(producer.end(END, false).0, 0);
        reads_on_at(&cluster, &group.id, 7).await;
        producer.wait_for("CompleteAbort").await;

        for wrong in [-1, 7] {
            producer.epoch += wrong;
            let code = ErrorCode::from_code(group.commit(&producer, version, 9));
            assert_eq!(code, ErrorCode::InvalidProducerEpoch, "version {version}");
            producer.epoch -= wrong;
        }
        producer.id += 1_000_000;
        let code = ErrorCode::from_code(group.commit(&producer, version, 9));
        assert_eq!(code, ErrorCode::InvalidProducerIdMapping);
        reads_on_at(&cluster, &group.id, 7).await;
    }
}

#[tokio::test]
async fn members_of_other_generations_and_groups_without_a_name_are_refused() {
    let cluster = Cluster::start(1, &[]);
    cluster.create_topic("orders", 1, 1);
    let producer = Producer::start(&cluster, "shipping", 60_000).await;
    let group = Group::find(&cluster, "billing").await;
    add_offsets(&producer, "billing").await;
    add_offsets(&producer, "").await;
    let code = |version: i16, request: TxnOffsetCommitRequest| {
        let answer = ask(&group.coordinator, version, &request);
        ErrorCode::from_code(answer.topics[0].partitions[0].error_code)
    };
    let plain = || group.request(&producer, 7, &[0]);
    for version in 0..=5 {
        let nameless = plain().with_group_id(StrBytes::default().into());
        assert_eq!(code(version, nameless), ErrorCode::InvalidGroupId);
        let nobody = plain().with_transactional_id(StrBytes::default().into());
        assert_eq!(code(version, nobody), ErrorCode::InvalidRequest);
        if version >= 3 {
            let member = plain()
                .with_generation_id(1)
                .with_member_id(StrBytes::from_static_str("nobody"));
            assert_eq!(code(version, member), ErrorCode::UnknownMemberId);
        }
        assert_eq!(code(version, plain()), ErrorCode::None);
        let nothing = plain().with_topics(Vec::new());
        assert!(ask(&group.coordinator, version, &nothing).topics.is_empty());
    }
}

#[tokio::test]
async fn offsets_of_a_transaction_move_with_their_group_when_its_coordinator_is_killed() {
    let mut cluster = Cluster::start(3, &["min.insync.replicas=2"]);
    cluster.create_topic("orders", 1, 3);
    let mut read_to = NOTHING;
    for (round, commit) in (0..).zip([true, false, true]) {
        // An id of its own each time: its coordinator may be the broker that is killed.
        let text = format!("shipping-{round}");
        let producer = Producer::start(&cluster, &text, 60_000).await;
        let group = Group::find(&cluster, "billing").await;
        add_offsets(&producer, "billing").await;
        let offset = 10 * (round + 1);
        until("the offset is written", async || {
            (group.commit(&producer, COMMIT, offset) == 0).then_some(())
        })
        .await;
        cluster.kill_broker(group.broker);
        let next = until("another broker coordinates the group", async || {
            let next = Group::find(&cluster, "billing").await;
            let (code, offset) = next.fetch(9, true);
            let is_unstable = code == ErrorCode::UnstableOffsetCommit.code();
            assert!(code != 0, "{offset} is told although a transaction is open");
            is_unstable.then_some(next)
        })
        .await;
        assert_eq!(next.fetch(9, false), (0, read_to));
        cluster.start_broker(group.broker);
        cluster.wait_until_in_sync("__consumer_offsets", 3).await;
        let producer = producer.moved(&cluster).await;
        assert_eq!(producer.end(END, commit).0, 0);
        if commit {
            read_to = offset;
        }
        reads_on_at(&cluster, "billing", read_to).await;
        // Whoever coordinates next reads the marker in the log.
        let last = Group::find(&cluster, "billing").await;
        cluster.kill_broker(last.broker);
        reads_on_at(&cluster, "billing", read_to).await;
        cluster.start_broker(last.broker);
        cluster.wait_until_in_sync("__consumer_offsets", 3).await;
        cluster.wait_until_in_sync("__transaction_state", 3).await;
    }
}

/// A consumer of `orders` that holds its partition.
fn joined(cluster: &Cluster) -> BaseConsumer {
    let consumer: BaseConsumer = cluster
        .config()
        .set("group.id", "billing")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .create()
        .expect("a consumer");
    consumer.subscribe(&["orders"]).expect("subscribed");
    consumer
}

fn committed(consumer: &BaseConsumer) -> Option<i64> {
    let offsets = consumer.committed(PATIENCE).expect("told");
    let offset = offsets.elements()[0].offset();
    offset.to_raw().filter(|offset| *offset >= 0)
}

#[tokio::test]
async fn librdkafka_sends_offsets_and_they_count_with_its_commit_alone() {
    let mut cluster = Cluster::start(3, &["min.insync.replicas=2"]);
    cluster.create_topic("orders", 1, 3);
    cluster.produce_values("orders", 0..30).await;
    let consumer = joined(&cluster);
    until("the consumer holds its partition", async || {
        let _ = consumer.poll(Duration::from_millis(50));
        (consumer.assignment().ok()?.count() == 1).then_some(())
    })
    .await;
    let metadata = consumer.group_metadata().expect("a member");
    let send = |producer: &rdkafka::producer::BaseProducer, offset: i64| {
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset("orders", 0, rdkafka::Offset::Offset(offset))
            .expect("an offset");
        producer.send_offsets_to_transaction(&offsets, &metadata, PATIENCE)
    };
    let first = librdkafka(&cluster, "shipping");
    first.begin_transaction().expect("begun");
    send(&first, 10).expect("sent");
    first.commit_transaction(PATIENCE).expect("committed");
    assert_eq!(committed(&consumer), Some(10));

    first.begin_transaction().expect("begun");
    send(&first, 20).expect("sent");
    first.abort_transaction(PATIENCE).expect("aborted");
    assert_eq!(committed(&consumer), Some(10));

    // The group's coordinator dies between the offsets and the commit.
    first.begin_transaction().expect("begun");
    send(&first, 25).expect("sent");
    let killed = Group::find(&cluster, "billing").await.broker;
    cluster.kill_broker(killed);
    first.commit_transaction(PATIENCE).expect("committed");
    cluster.start_broker(killed);
    reads_on_at(&cluster, "billing", 25).await;

    // The library's connection to a coordinator that was killed may not come back: one that has not seen it.
    let first = librdkafka(&cluster, "billing");
    first.begin_transaction().expect("begun");
    send(&first, 30).expect("sent");
    let _second = librdkafka(&cluster, "billing");
    let fenced = first.commit_transaction(PATIENCE).expect_err("fenced");
    let KafkaError::Transaction(fenced) = fenced else {
        panic!("{fenced}")
    };
    assert!(fenced.is_fatal(), "{fenced}");
    reads_on_at(&cluster, "billing", 25).await;
}
