//! What people search the web for: refusals are said in Kafka's own words.

use kafka_protocol::messages::{ApiKey, MetadataRequest};

use crate::{
    clients::WAIT,
    cluster::Cluster,
    declined::{exchange, header},
};

/// A request's body and the sentence that Apache Kafka 3.9.2 refused it with, asked of three brokers with the topics
/// `orders` of one partition and `parts` of two, each with one replica, and `col.l`. It ends where lists of Scala follow.
#[rustfmt::skip]
const APACHE: &[(ApiKey, i16, &[u8], &str)] = &[
    (ApiKey::CreateTopics, 4, b"\0\0\0\x01\0\x02w1\0\0\0\x01\0c\0\0\0\0\0\0\0\0\0\0'\x10\0", "Replication factor: 99 larger than available brokers: 3."),
    (ApiKey::CreateTopics, 4, b"\0\0\0\x01\0\x02w1\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0'\x10\0", "Replication factor must be larger than 0."),
    (ApiKey::CreateTopics, 4, b"\0\0\0\x01\0\x02w1\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0'\x10\0", "Number of partitions must be larger than 0."),
    (ApiKey::CreateTopics, 4, b"\0\0\0\x01\0\x06orders\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0'\x10\0", "Topic 'orders' already exists."),
    (ApiKey::CreateTopics, 4, b"\0\0\0\x01\0\x03a b\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0'\x10\0", "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"),
    (ApiKey::CreateTopics, 4, b"\0\0\0\x01\0\0\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0'\x10\0", "Topic name is invalid: the empty string is not allowed"),
    (ApiKey::CreateTopics, 4, b"\0\0\0\x01\0\x01.\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0'\x10\0", "Topic name is invalid: '.' is not allowed"),
    (ApiKey::CreateTopics, 4, b"\0\0\0\x01\0\x05col_l\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0'\x10\0", "Topic 'col_l' collides with existing topics: col.l"),
    (ApiKey::CreateTopics, 4, b"\0\0\0\x02\0\x02dd\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\x02dd\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0'\x10\0", "Found multiple entries for this topic."),
    (ApiKey::CreateTopics, 4, b"\0\0\0\x01\0\x02w2\0\0\0\x01\0\x01\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0'\x10\0", "Both numPartitions or replicationFactor and replicasAssignments were set. Both cannot be used at the same time."),
    (ApiKey::CreateTopics, 4, b"\0\0\0\x01\0\x02w2\xff\xff\xff\xff\xff\xff\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0'\x10\0", "partitions should be a consecutive 0-based integer sequence"),
    (ApiKey::CreateTopics, 4, b"\0\0\0\x01\0\x02w2\xff\xff\xff\xff\xff\xff\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0\x01\0\0\0\x02\0\0\0\0\0\0'\x10\0", "All partitions should have the same number of replicas"),
    (ApiKey::CreateTopics, 4, b"\0\0\0\x01\0\x02w3\0\0\0\x01\0\x01\0\0\0\0\0\0\0\x01\0\x08nonsense\0\x011\0\0'\x10\0", "Unknown topic config name: nonsense"),
    (ApiKey::CreateTopics, 4, b"\0\0\0\x01\0\x02w3\0\0\0\x01\0\x01\0\0\0\0\0\0\0\x01\0\x0cretention.ms\0\x03abc\0\0'\x10\0", "Invalid value abc for configuration retention.ms: Not a number of type LONG"),
    (ApiKey::CreateTopics, 4, b"\0\0\0\x01\0\x02w3\0\0\0\x01\0\x01\0\0\0\0\0\0\0\x01\0\x0ecleanup.policy\0\x03foo\0\0'\x10\0", "Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete"),
    (ApiKey::CreateTopics, 4, b"\0\0\0\x01\0\x02w3\0\0\0\x01\0\x01\0\0\0\0\0\0\0\x01\0\x0cretention.ms\xff\xff\0\0'\x10\0", "Null value not supported for topic configs: retention.ms"),
    (ApiKey::CreateTopics, 4, b"\0\0\0\x01\0\x02w3\0\0\0\x01\0\x01\0\0\0\0\0\0\0\x01\0\x0dsegment.bytes\0\x011\0\0'\x10\0", "Invalid value 1 for configuration segment.bytes: Value must be at least 14"),
    (ApiKey::CreateTopics, 4, b"\0\0\0\x01\0\x02w3\0\0\0\x01\0\x01\0\0\0\0\0\0\0\x01\0\x1eunclean.leader.election.enable\0\x05maybe\0\0'\x10\0", "Invalid value maybe for configuration unclean.leader.election.enable: Expected value to be either true or false"),
    (ApiKey::CreatePartitions, 0, b"\0\0\0\x01\0\x04nope\0\0\0\x03\xff\xff\xff\xff\0\0'\x10\0", "The topic 'nope' does not exist."),
    (ApiKey::CreatePartitions, 0, b"\0\0\0\x01\0\x05parts\0\0\0\x02\xff\xff\xff\xff\0\0'\x10\0", "Topic already has 2 partitions."),
    (ApiKey::CreatePartitions, 0, b"\0\0\0\x01\0\x05parts\0\0\0\x01\xff\xff\xff\xff\0\0'\x10\0", "Topic currently has 2 partitions, which is higher than the requested 1."),
    (ApiKey::CreatePartitions, 0, b"\0\0\0\x01\0\x05parts\0\0\0\x04\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0'\x10\0", "Increasing the number of partitions by 2 but 1 assignments provided."),
    (ApiKey::CreatePartitions, 0, b"\0\0\0\x01\0\x05parts\0\0\0\x03\0\0\0\x01\0\0\0\x02\0\0\0\x01\0\0\0\x01\0\0'\x10\0", "Duplicate brokers not allowed in replica assignment: 1, 1 for partition id 2."),
    (ApiKey::CreatePartitions, 0, b"\0\0\0\x01\0\x05parts\0\0\0\x03\0\0\0\x01\0\0\0\x01\0\0\0M\0\0'\x10\0", "Unknown broker(s) in replica assignment: 77."),
    (ApiKey::CreatePartitions, 0, b"\0\0\0\x01\0\x05parts\0\0\0\x03\0\0\0\x01\0\0\0\x02\0\0\0\x01\0\0\0\x02\0\0'\x10\0", "Inconsistent replication factor between partitions, partition 0 has 1 while partitions [2] have replication factors [2], respectively."),
    (ApiKey::CreatePartitions, 0, b"\0\0\0\x01\0\x05parts\0\0\0\x03\0\0\0\x01\0\0\0\0\0\0'\x10\0", "Cannot have replication factor of 0 for partition id 2."),
    (ApiKey::CreatePartitions, 0, b"\0\0\0\x02\0\x05parts\0\0\0\x03\xff\xff\xff\xff\0\x05parts\0\0\0\x03\xff\xff\xff\xff\0\0'\x10\0", "Duplicate topic in request."),
    (ApiKey::AlterConfigs, 0, b"\0\0\0\x01\x02\0\x04nope\0\0\0\x01\0\x0cretention.ms\0\x015\0", "The topic 'nope' does not exist."),
    (ApiKey::AlterConfigs, 0, b"\0\0\0\x01\x02\0\x05parts\0\0\0\x01\0\x08nonsense\0\x015\0", "Unknown topic config name: nonsense"),
    (ApiKey::AlterConfigs, 0, b"\0\0\0\x01\x02\0\x05parts\0\0\0\x01\0\x0cretention.ms\0\x03abc\0", "Invalid config value for resource ConfigResource(type=TOPIC, name='parts'): Invalid value abc for configuration retention.ms: Not a number of type LONG"),
    (ApiKey::AlterConfigs, 0, b"\0\0\0\x01\x02\0\x05parts\0\0\0\x01\0\x0cretention.ms\xff\xff\0", "Null value not supported for : retention.ms"),
    (ApiKey::AlterConfigs, 0, b"\0\0\0\x01\x04\0\x01x\0\0\0\x01\0\x01a\0\x01b\0", "Node id must be an integer, but it is: x"),
    (ApiKey::AlterConfigs, 0, b"\0\0\0\x01\x02\0\x05parts\0\0\0\x02\0\x0cretention.ms\0\x015\0\x0cretention.ms\0\x016\0", "Error due to duplicate config keys"),
    (ApiKey::IncrementalAlterConfigs, 0, b"\0\0\0\x01\x02\0\x05parts\0\0\0\x01\0\x0cretention.ms\x02\0\x015\0", "Config value append is not allowed for config key: retention.ms"),
    (ApiKey::ElectLeaders, 1, b"\0\0\0\0\x01\0\x06orders\0\0\0\x01\0\0\0\0\0\0'\x10", "Leader election not needed for topic partition."),
    (ApiKey::ElectLeaders, 1, b"\0\0\0\0\x01\0\x04nope\0\0\0\x01\0\0\0\0\0\0'\x10", "The partition does not exist."),
    (ApiKey::AlterPartitionReassignments, 0, b"\0\0'\x10\x02\x05nope\x02\0\0\0\0\x02\0\0\0\x01\0\0\0", "The partition does not exist."),
    (ApiKey::AlterPartitionReassignments, 0, b"\0\0'\x10\x02\x07orders\x02\0\0\0\0\x01\0\0\0", "Empty replica list specified in partition reassignment."),
    (ApiKey::AlterPartitionReassignments, 0, b"\0\0'\x10\x02\x07orders\x02\0\0\0\0\x03\0\0\0\x01\0\0\0\x01\0\0\0", "Duplicate replica ids in partition reassignment replica list:"),
    (ApiKey::AlterPartitionReassignments, 0, b"\0\0'\x10\x02\x07orders\x02\0\0\0\0\x02\0\0\0M\0\0\0", "Replica assignment has brokers that are not alive. Replica list:"),
    (ApiKey::AlterPartitionReassignments, 0, b"\0\0'\x10\x02\x07orders\x02\0\0\0\0\x02\xff\xff\xff\xff\0\0\0", "Invalid broker id in replica list:"),
    (ApiKey::AlterPartitionReassignments, 0, b"\0\0'\x10\x02\x07orders\x02\0\0\0\0\0\0\0\0", "No partition reassignment is in progress."),
];

#[tokio::test]
async fn refusals_are_kafkas_own_words() {
    let cluster = Cluster::start(3, &[]);
    for (topic, partitions) in [("orders", 1), ("parts", 2), ("col.l", 1)] {
        cluster.create_topic(topic, partitions, 1);
    }
    let mut connection = cluster.connect(1).await;
    let metadata = connection.ask(&MetadataRequest::default(), WAIT).await;
    let controller = metadata.expect("an answer").controller_id.0;
    for (key, version, body, sentence) in APACHE {
        let mut request = header(*key as i16, *version, key.request_header_version(*version));
        request.extend_from_slice(body);
        let asked = match key {
            ApiKey::ElectLeaders => controller,
            _ => 1,
        };
        let answer = exchange(&cluster.address_of(asked), &request);
        let says = |part: &[u8]| part == sentence.as_bytes();
        assert!(
            answer.windows(sentence.len()).any(says),
            "{key:?} version {version} shall say {sentence:?}: {answer:?}"
        );
    }
}
