//! The shapes of the requests that brokers take, field by field as Kafka's message definitions list them.

mod consumer_groups;
mod declined;

pub use consumer_groups::*;
pub use declined::*;

use super::{BYTES, I8, I16, I32, I64, Shape, TEXT, UUID, list, optional, structure, values};

/// `ProduceRequest`, versions 3 to 13.
pub static PRODUCE: Shape = Shape::flexible_from(9).fields(&[
    TEXT, // transactional_id
    I16,  // acks
    I32,  // timeout_ms
    // topic_data
    list(&[
        TEXT.until(12), // name
        UUID.since(13), // topic_id
        // partition_data
        list(&[
            I32,   // index
            BYTES, // records
        ]),
    ]),
]);

/// `FetchRequest`, versions 4 to 18.
pub static FETCH: Shape = Shape::flexible_from(12).fields(&[
    I32.until(14), // replica_id
    I32,           // max_wait_ms
    I32,           // min_bytes
    I32,           // max_bytes
    I8,            // isolation_level
    I32.since(7),  // session_id
    I32.since(7),  // session_epoch
    // topics
    list(&[
        TEXT.until(12), // topic
        UUID.since(13), // topic_id
        // partitions
        list(&[
            I32,                      // partition
            I32.since(9),             // current_leader_epoch
            I64,                      // fetch_offset
            I32.since(12),            // last_fetched_epoch
            I64.since(5),             // log_start_offset
            I32,                      // partition_max_bytes
            UUID.since(17).tagged(0), // replica_directory_id
            I64.since(18).tagged(1),  // high_watermark
        ]),
    ]),
    // forgotten_topics_data
    list(&[
        TEXT.since(7).until(12), // topic
        UUID.since(13),          // topic_id
        values(&I32).since(7),   // partitions
    ])
    .since(7),
    TEXT.since(11), // rack_id
    TEXT.tagged(0), // cluster_id
    // replica_state
    structure(&[
        I32.since(15), // replica_id
        I64.since(15), // replica_epoch
    ])
    .since(15)
    .tagged(1),
]);

/// `WriteTxnMarkersRequest`, versions 1 to 2.
pub static WRITE_TXN_MARKERS: Shape = Shape::flexible_from(1).fields(&[
    // markers
    list(&[
        I64, // producer_id
        I16, // producer_epoch
        I8,  // transaction_result
        // topics
        list(&[
            TEXT,         // name
            values(&I32), // partition_indexes
        ]),
        I32,         // coordinator_epoch
        I8.since(2), // transaction_version
    ]),
]);

/// `ListOffsetsRequest`, versions 1 to 11.
pub static LIST_OFFSETS: Shape = Shape::flexible_from(6).fields(&[
    I32,         // replica_id
    I8.since(2), // isolation_level
    // topics
    list(&[
        TEXT, // name
        // partitions
        list(&[
            I32,          // partition_index
            I32.since(4), // current_leader_epoch
            I64,          // timestamp
        ]),
    ]),
    I32.since(10), // timeout_ms
]);

/// `MetadataRequest`, versions 0 to 13.
pub static METADATA: Shape = Shape::flexible_from(9).fields(&[
    // topics
    list(&[
        UUID.since(10), // topic_id
        TEXT,           // name
    ]),
    I8.since(4),           // allow_auto_topic_creation
    I8.since(8).until(10), // include_cluster_authorized_operations
    I8.since(8),           // include_topic_authorized_operations
]);

/// `OffsetCommitRequest`, versions 1 to 10.
pub static OFFSET_COMMIT: Shape = Shape::flexible_from(8).fields(&[
    TEXT,                              // group_id
    I32,                               // generation_id_or_member_epoch
    TEXT,                              // member_id
    TEXT.since(7),                     // group_instance_id
    I64.since(2).until(4).default(-1), // retention_time_ms
    // topics
    list(&[
        TEXT.until(9),  // name
        UUID.since(10), // topic_id
        // partitions
        list(&[
            I32,                   // partition_index
            I64,                   // committed_offset
            I32.since(6),          // committed_leader_epoch
            I64.since(1).until(1), // commit_timestamp
            TEXT,                  // committed_metadata
        ]),
    ]),
]);

/// `OffsetFetchRequest`, versions 1 to 10.
pub static OFFSET_FETCH: Shape = Shape::flexible_from(6).fields(&[
    TEXT.until(7), // group_id
    // topics
    list(&[
        TEXT.until(7),         // name
        values(&I32).until(7), // partition_indexes
    ])
    .until(7),
    // groups
    list(&[
        TEXT.since(8), // group_id
        TEXT.since(9), // member_id
        I32.since(9),  // member_epoch
        // topics
        list(&[
            TEXT.since(8).until(9), // name
            UUID.since(10),         // topic_id
            values(&I32).since(8),  // partition_indexes
        ])
        .since(8),
    ])
    .since(8),
    I8.since(7), // require_stable
]);

/// `FindCoordinatorRequest`, versions 0 to 6.
pub static FIND_COORDINATOR: Shape = Shape::flexible_from(3).fields(&[
    TEXT.until(3),          // key
    I8.since(1),            // key_type
    values(&TEXT).since(4), // coordinator_keys
]);

/// `JoinGroupRequest`, versions 0 to 9.
pub static JOIN_GROUP: Shape = Shape::flexible_from(6).fields(&[
    TEXT,          // group_id
    I32,           // session_timeout_ms
    I32.since(1),  // rebalance_timeout_ms
    TEXT,          // member_id
    TEXT.since(5), // group_instance_id
    TEXT,          // protocol_type
    // protocols
    list(&[
        TEXT,  // name
        BYTES, // metadata
    ]),
    TEXT.since(8), // reason
]);

/// `HeartbeatRequest`, versions 0 to 4.
pub static HEARTBEAT: Shape = Shape::flexible_from(4).fields(&[
    TEXT,          // group_id
    I32,           // generation_id
    TEXT,          // member_id
    TEXT.since(3), // group_instance_id
]);

/// `LeaveGroupRequest`, versions 0 to 5.
pub static LEAVE_GROUP: Shape = Shape::flexible_from(4).fields(&[
    TEXT,          // group_id
    TEXT.until(2), // member_id
    // members
    list(&[
        TEXT.since(3), // member_id
        TEXT.since(3), // group_instance_id
        TEXT.since(5), // reason
    ])
    .since(3),
]);

/// `SyncGroupRequest`, versions 0 to 5.
pub static SYNC_GROUP: Shape = Shape::flexible_from(4).fields(&[
    TEXT,          // group_id
    I32,           // generation_id
    TEXT,          // member_id
    TEXT.since(3), // group_instance_id
    TEXT.since(5), // protocol_type
    TEXT.since(5), // protocol_name
    // assignments
    list(&[
        TEXT,  // member_id
        BYTES, // assignment
    ]),
]);

/// `DescribeGroupsRequest`, versions 0 to 6.
pub static DESCRIBE_GROUPS: Shape = Shape::flexible_from(5).fields(&[
    values(&TEXT), // groups
    I8.since(3),   // include_authorized_operations
]);

/// `ListGroupsRequest`, versions 0 to 5.
pub static LIST_GROUPS: Shape = Shape::flexible_from(3).fields(&[
    values(&TEXT).since(4), // states_filter
    values(&TEXT).since(5), // types_filter
]);

/// `ApiVersionsRequest`, versions 0 to 5.
pub static API_VERSIONS: Shape = Shape::flexible_from(3).fields(&[
    TEXT.since(3), // client_software_name
    TEXT.since(3), // client_software_version
    TEXT.since(5), // cluster_id
    I32.since(5),  // node_id
]);

/// `CreateTopicsRequest`, versions 0 to 7.
pub static CREATE_TOPICS: Shape = Shape::flexible_from(5).fields(&[
    // topics
    list(&[
        TEXT, // name
        I32,  // num_partitions
        I16,  // replication_factor
        // assignments
        list(&[
            I32,          // partition_index
            values(&I32), // broker_ids
        ]),
        // configs
        list(&[
            TEXT, // name
            TEXT, // value
        ]),
    ]),
    I32,         // timeout_ms
    I8.since(1), // validate_only
]);

/// `DeleteTopicsRequest`, versions 0 to 6.
pub static DELETE_TOPICS: Shape = Shape::flexible_from(4).fields(&[
    // topics
    list(&[
        TEXT.since(6), // name
        UUID.since(6), // topic_id
    ])
    .since(6),
    values(&TEXT).until(5), // topic_names
    I32,                    // timeout_ms
]);

/// `DeleteRecordsRequest`, versions 0 to 2.
pub static DELETE_RECORDS: Shape = Shape::flexible_from(2).fields(&[
    // topics
    list(&[
        TEXT, // name
        // partitions
        list(&[
            I32, // partition_index
            I64, // offset
        ]),
    ]),
    I32, // timeout_ms
]);

/// `InitProducerIdRequest`, versions 0 to 5.
pub static INIT_PRODUCER_ID: Shape = Shape::flexible_from(2).fields(&[
    TEXT,         // transactional_id
    I32,          // transaction_timeout_ms
    I64.since(3), // producer_id
    I16.since(3), // producer_epoch
]);

/// `OffsetForLeaderEpochRequest`, versions 0 to 4.
pub static OFFSET_FOR_LEADER_EPOCH: Shape = Shape::flexible_from(4).fields(&[
    I32.since(3), // replica_id
    // topics
    list(&[
        TEXT, // topic
        // partitions
        list(&[
            I32,                      // partition
            I32.since(2).default(-1), // current_leader_epoch
            I32,                      // leader_epoch
        ]),
    ]),
]);

/// `DescribeConfigsRequest`, versions 1 to 4.
pub static DESCRIBE_CONFIGS: Shape = Shape::flexible_from(4).fields(&[
    // resources
    list(&[
        I8,            // resource_type
        TEXT,          // resource_name
        values(&TEXT), // configuration_keys
    ]),
    I8,          // include_synonyms
    I8.since(3), // include_documentation
]);

/// `AlterConfigsRequest`, versions 0 to 2.
pub static ALTER_CONFIGS: Shape = Shape::flexible_from(2).fields(&[
    // resources
    list(&[
        I8,   // resource_type
        TEXT, // resource_name
        // configs
        list(&[
            TEXT, // name
            TEXT, // value
        ]),
    ]),
    I8, // validate_only
]);

/// `AlterReplicaLogDirsRequest`, versions 0 to 2.
pub static ALTER_REPLICA_LOG_DIRS: Shape = Shape::flexible_from(2).fields(&[
    // dirs
    list(&[
        TEXT, // path
        // topics
        list(&[
            TEXT,         // name
            values(&I32), // partitions
        ]),
    ]),
]);

/// `DescribeLogDirsRequest`, versions 0 to 5.
pub static DESCRIBE_LOG_DIRS: Shape = Shape::flexible_from(2).fields(&[
    // topics
    list(&[
        TEXT,         // topic
        values(&I32), // partitions
    ]),
]);

/// `CreatePartitionsRequest`, versions 0 to 3.
pub static CREATE_PARTITIONS: Shape = Shape::flexible_from(2).fields(&[
    // topics
    list(&[
        TEXT, // name
        I32,  // count
        // assignments
        list(&[
            values(&I32), // broker_ids
        ]),
    ]),
    I32, // timeout_ms
    I8,  // validate_only
]);

/// `DeleteGroupsRequest`, versions 0 to 3.
pub static DELETE_GROUPS: Shape = Shape::flexible_from(2).fields(&[
    values(&TEXT), // groups_names
]);

/// `ElectLeadersRequest`, versions 0 to 2.
pub static ELECT_LEADERS: Shape = Shape::flexible_from(2).fields(&[
    I8.since(1), // election_type
    // topic_partitions
    list(&[
        TEXT,         // topic
        values(&I32), // partitions
    ]),
    I32, // timeout_ms
]);

/// `IncrementalAlterConfigsRequest`, versions 0 to 1.
pub static INCREMENTAL_ALTER_CONFIGS: Shape = Shape::flexible_from(1).fields(&[
    // resources
    list(&[
        I8,   // resource_type
        TEXT, // resource_name
        // configs
        list(&[
            TEXT, // name
            I8,   // config_operation
            TEXT, // value
        ]),
    ]),
    I8, // validate_only
]);

/// `AlterPartitionReassignmentsRequest`, versions 0 to 1.
pub static ALTER_PARTITION_REASSIGNMENTS: Shape = Shape::flexible_from(0).fields(&[
    I32,         // timeout_ms
    I8.since(1), // allow_replication_factor_change
    // topics
    list(&[
        TEXT, // name
        // partitions
        list(&[
            I32,          // partition_index
            values(&I32), // replicas
        ]),
    ]),
]);

/// `ListPartitionReassignmentsRequest`, versions 0 to 0.
pub static LIST_PARTITION_REASSIGNMENTS: Shape = Shape::flexible_from(0).fields(&[
    I32, // timeout_ms
    // topics
    list(&[
        TEXT,         // name
        values(&I32), // partition_indexes
    ]),
]);

/// `OffsetDeleteRequest`, versions 0 to 0.
pub static OFFSET_DELETE: Shape = Shape::flexible_from(i16::MAX).fields(&[
    TEXT, // group_id
    // topics
    list(&[
        TEXT, // name
        // partitions
        list(&[
            I32, // partition_index
        ]),
    ]),
]);

/// `DescribeClusterRequest`, versions 0 to 2.
pub static DESCRIBE_CLUSTER: Shape = Shape::flexible_from(0).fields(&[
    I8,          // include_cluster_authorized_operations
    I8.since(1), // endpoint_type
    I8.since(2), // include_fenced_brokers
]);

/// `DescribeProducersRequest`, version 0.
pub static DESCRIBE_PRODUCERS: Shape = Shape::flexible_from(0).fields(&[
    // topics
    list(&[
        TEXT,         // name
        values(&I32), // partition_indexes
    ]),
]);

/// `BrokerHeartbeatRequest`, versions 0 to 1.
pub static BROKER_HEARTBEAT: Shape = Shape::flexible_from(0).fields(&[
    I32,                              // broker_id
    I64,                              // broker_epoch
    I64,                              // current_metadata_offset
    I8,                               // want_fence
    I8,                               // want_shut_down
    values(&UUID).since(1).tagged(0), // offline_log_dirs
]);

/// `ListConfigResourcesRequest`, versions 0 to 1.
pub static LIST_CONFIG_RESOURCES: Shape = Shape::flexible_from(0).fields(&[
    values(&I8).since(1), // resource_types
]);

/// `DescribeTopicPartitionsRequest`, version 0.
pub static DESCRIBE_TOPIC_PARTITIONS: Shape = Shape::flexible_from(0).fields(&[
    list(&[TEXT]), // topics: name
    I32,           // response_partition_limit
    // cursor
    optional(&[
        TEXT, // topic_name
        I32,  // partition_index
    ]),
]);
