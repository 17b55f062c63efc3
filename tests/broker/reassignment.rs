//! Replicas move to other brokers: held to a rate, called off, and to the end.

use kafka_protocol::{
    messages::{
        AlterPartitionReassignmentsRequest, DeleteRecordsRequest, IncrementalAlterConfigsRequest,
        ListPartitionReassignmentsRequest, ProduceRequest,
        alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic},
        delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
        list_partition_reassignments_response::OngoingPartitionReassignment,
        produce_request::{PartitionProduceData, TopicProduceData},
    },
    protocol::StrBytes,
};
use kafkarium::wire::record_batch::BatchBuilder;

use crate::{
    SAFE,
    clients::WAIT,
    cluster::{Cluster, until},
    versions::name,
};

/// Kafka's numbers for resources.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;

const THROTTLED: [&str; 2] = [
    "leader.replication.throttled.replicas",
    "follower.replication.throttled.replicas",
];
const RATES: [&str; 2] = [
    "leader.replication.throttled.rate",
    "follower.replication.throttled.rate",
];

impl Cluster {
    async fn set_configs(&self, kind: i8, name: &str, configs: &[(&str, &str)]) {
        let text = |text: &str| StrBytes::from_string(text.to_owned());
        let configs = configs.iter().map(|(name, value)| {
            AlterableConfig::default()
                .with_name(text(name))
                .with_value(Some(text(value)))
        });
        let resource = AlterConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_configs(configs.collect());
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        let mut connection = self.connect(1).await;
        let answer = connection.ask(&request, WAIT).await.expect("answered");
        assert_eq!(answer.responses[0].error_code, 0, "{answer:?}");
    }

    /// Wants partition 0 on these brokers; `None` calls off what is under way.
    async fn reassign(&self, topic: &str, replicas: Option<&[i32]>) {
        let replicas = replicas.map(|ids| ids.iter().map(|id| (*id).into()).collect());
        let partition = ReassignablePartition::default().with_replicas(replicas);
        let topic = ReassignableTopic::default()
            .with_name(StrBytes::from_string(topic.to_owned()).into())
            .with_partitions(vec![partition]);
        let request = AlterPartitionReassignmentsRequest::default()
            .with_timeout_ms(10_000)
            .with_topics(vec![topic]);
        let mut connection = self.connect(1).await;
        let answer = connection.ask(&request, WAIT).await.expect("answered");
        let result = &answer.responses[0].partitions[0];
        assert_eq!((answer.error_code, result.error_code), (0, 0), "{answer:?}");
    }

    async fn reassignments(&self) -> Vec<OngoingPartitionReassignment> {
        let request = ListPartitionReassignmentsRequest::default()
            .with_timeout_ms(10_000)
            .with_topics(None);
        let mut connection = self.connect(1).await;
        let answer = connection.ask(&request, WAIT).await.expect("answered");
        let topics = answer.topics.into_iter();
        topics.flat_map(|topic| topic.partitions).collect()
    }

    /// Partition 0's replicas in their order, with those in sync in the order of their ids.
    async fn placed(&self, topic: &str) -> (Vec<i32>, Vec<i32>) {
        let state = self.state(topic).await.expect("it exists");
        let ids = |nodes: Vec<kafka_protocol::messages::BrokerId>| {
            nodes.into_iter().map(|id| id.0).collect::<Vec<_>>()
        };
        let mut in_sync = ids(state.isr_nodes);
        in_sync.sort_unstable();
        (ids(state.replica_nodes), in_sync)
    }
}

#[tokio::test]
async fn a_replica_that_moves_is_held_to_the_rate_and_the_move_can_be_called_off() {
    // A fetch takes a few records, so that a move is more than one.
    let cluster = Cluster::start(3, &[SAFE, "replica.fetch.max.bytes=1000"]);
    cluster.create_topic("orders", 1, 2);
    cluster.produce_values("orders", 0..200).await;
    let (before, _) = cluster.placed("orders").await;
    let new = (1..=3).find(|id| !before.contains(id)).expect("a third");
    let target = [new, before[0]];
    cluster
        .set_configs(TOPIC, "orders", &THROTTLED.map(|name| (name, "*")))
        .await;
    // Of every broker.
    cluster
        .set_configs(BROKER, "", &RATES.map(|name| (name, "1")))
        .await;
    cluster.reassign("orders", Some(&target)).await;
    let moving = cluster.reassignments().await;
    assert_eq!(moving.len(), 1, "{moving:?}");
    assert_eq!(moving[0].adding_replicas, [new]);
    let log = cluster
        .folder_of(new)
        .join("orders-0/00000000000000000000.log");
    until("the first bytes arrive", async || {
        let bytes = std::fs::metadata(&log).ok()?.len();
        (bytes > 0).then_some(())
    })
    .await;
    // Writes go on at their own speed: replicas in sync are not held.
    cluster.produce_values("orders", 200..220).await;
    assert_eq!(cluster.reassignments().await, moving);

    cluster.reassign("orders", None).await;
    until("the move is called off", async || {
        cluster.reassignments().await.is_empty().then_some(())
    })
    .await;
    let mut in_sync = before.clone();
    in_sync.sort_unstable();
    assert_eq!(cluster.placed("orders").await, (before, in_sync));

    cluster
        .set_configs(BROKER, "", &RATES.map(|name| (name, "100000000")))
        .await;
    cluster.reassign("orders", Some(&target)).await;
    let mut in_sync = target.to_vec();
    in_sync.sort_unstable();
    until("the replica has moved", async || {
        let placed = cluster.placed("orders").await;
        (placed == (target.to_vec(), in_sync.clone())).then_some(())
    })
    .await;
    assert_eq!(
        cluster.consume_values("orders", 220),
        (0..220).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_replica_moves_also_where_the_log_starts_inside_a_batch() {
    let cluster = Cluster::start(3, &[]);
    cluster.create_topic("orders", 1, 1);
    let leader = cluster.leader("orders").await;
    let target: Vec<i32> = (1..=3).filter(|id| *id != leader).collect();
    let mut connection = cluster.connect(leader).await;
    let mut batch = BatchBuilder::new();
    for n in 0..6 {
        batch.push(1, None, Some(n.to_string().as_bytes()));
    }
    let records = PartitionProduceData::default().with_records(Some(batch.build().into()));
    let topic = TopicProduceData::default()
        .with_name(name())
        .with_partition_data(vec![records]);
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![topic]);
    let answer = connection.ask_in(9, &request, WAIT).await;
    let appended = &answer.expect("answered").responses[0].partition_responses[0];
    assert_eq!((appended.error_code, appended.base_offset), (0, 0));
    let start = DeleteRecordsPartition::default().with_offset(3);
    let topic = DeleteRecordsTopic::default()
        .with_name(name())
        .with_partitions(vec![start]);
    let request = DeleteRecordsRequest::default()
        .with_timeout_ms(10_000)
        .with_topics(vec![topic]);
    let answer = connection.ask(&request, WAIT).await.expect("answered");
    assert_eq!(answer.topics[0].partitions[0].low_watermark, 3);

    cluster.reassign("orders", Some(&target)).await;
    until("the replicas have moved", async || {
        let placed = cluster.placed("orders").await;
        (placed == (target.clone(), target.clone())).then_some(())
    })
    .await;
    assert_eq!(cluster.consume_values("orders", 3), [3, 4, 5]);
}
