//! Answers about topics, configs and the cluster itself, field by field as Kafka's message definitions list them.

use super::super::{BYTES, Field, I8, I16, I32, I64, Shape, TEXT, UUID, list, optional, values};

/// `ApiVersionsResponse`, versions 0 to 5.
pub static API_VERSIONS: Shape = Shape::flexible_from(3).fields(&[
    I16, // error_code
    // api_keys
    list(&[
        I16, // api_key
        I16, // min_version
        I16, // max_version
    ]),
    I32.since(1), // throttle_time_ms
    // supported_features
    list(&[
        TEXT.since(3), // name
        I16.since(3),  // min_version
        I16.since(3),  // max_version
    ])
    .since(3)
    .tagged(0),
    I64.since(3).tagged(1), // finalized_features_epoch
    // finalized_features
    list(&[
        TEXT.since(3), // name
        I16.since(3),  // max_version_level
        I16.since(3),  // min_version_level
    ])
    .since(3)
    .tagged(2),
    I8.since(3).tagged(3), // zk_migration_ready
]);

/// `MetadataResponse`, versions 0 to 13.
pub static METADATA: Shape = Shape::flexible_from(9).fields(&[
    I32.since(3), // throttle_time_ms
    // brokers
    list(&[
        I32,           // node_id
        TEXT,          // host
        I32,           // port
        TEXT.since(1), // rack
    ]),
    TEXT.since(2), // cluster_id
    I32.since(1),  // controller_id
    // topics
    list(&[
        I16,            // error_code
        TEXT,           // name
        UUID.since(10), // topic_id
        I8.since(1),    // is_internal
        // partitions
        list(&[
            I16,                   // error_code
            I32,                   // partition_index
            I32,                   // leader_id
            I32.since(7),          // leader_epoch
            values(&I32),          // replica_nodes
            values(&I32),          // isr_nodes
            values(&I32).since(5), // offline_replicas
        ]),
        I32.since(8), // topic_authorized_operations
    ]),
    I32.since(8).until(10), // cluster_authorized_operations
    I16.since(13),          // error_code
]);

/// `DescribeClusterResponse`, versions 0 to 2.
pub static DESCRIBE_CLUSTER: Shape = Shape::flexible_from(0).fields(&[
    I32,         // throttle_time_ms
    I16,         // error_code
    TEXT,        // error_message
    I8.since(1), // endpoint_type
    TEXT,        // cluster_id
    I32,         // controller_id
    // brokers
    list(&[
        I32,         // broker_id
        TEXT,        // host
        I32,         // port
        TEXT,        // rack
        I8.since(2), // is_fenced
    ]),
    I32, // cluster_authorized_operations
]);

/// `DescribeTopicPartitionsResponse`, versions 0 to 0.
pub static DESCRIBE_TOPIC_PARTITIONS: Shape = Shape::flexible_from(0).fields(&[
    I32, // throttle_time_ms
    // topics
    list(&[
        I16,  // error_code
        TEXT, // name
        UUID, // topic_id
        I8,   // is_internal
        // partitions
        list(&[
            I16,          // error_code
            I32,          // partition_index
            I32,          // leader_id
            I32,          // leader_epoch
            values(&I32), // replica_nodes
            values(&I32), // isr_nodes
            values(&I32), // eligible_leader_replicas
            values(&I32), // last_known_elr
            values(&I32), // offline_replicas
        ]),
        I32, // topic_authorized_operations
    ]),
    // next_cursor
    optional(&[
        TEXT, // topic_name
        I32,  // partition_index
    ]),
]);

/// `CreateTopicsResponse`, versions 0 to 7.
pub static CREATE_TOPICS: Shape = Shape::flexible_from(5).fields(&[
    I32.since(2), // throttle_time_ms
    // topics
    list(&[
        TEXT,                   // name
        UUID.since(7),          // topic_id
        I16,                    // error_code
        TEXT.since(1),          // error_message
        I16.since(5).tagged(0), // topic_config_error_code
        I32.since(5),           // num_partitions
        I16.since(5),           // replication_factor
        // configs
        list(&[
            TEXT.since(5), // name
            TEXT.since(5), // value
            I8.since(5),   // read_only
            I8.since(5),   // config_source
            I8.since(5),   // is_sensitive
        ])
        .since(5),
    ]),
]);

/// `DeleteTopicsResponse`, versions 0 to 6.
pub static DELETE_TOPICS: Shape = Shape::flexible_from(4).fields(&[
    I32.since(1), // throttle_time_ms
    // responses
    list(&[
        TEXT,          // name
        UUID.since(6), // topic_id
        I16,           // error_code
        TEXT.since(5), // error_message
    ]),
]);

/// `CreatePartitionsResponse`, versions 0 to 3.
pub static CREATE_PARTITIONS: Shape = Shape::flexible_from(2).fields(&[
    I32, // throttle_time_ms
    // results
    list(&[
        TEXT, // name
        I16,  // error_code
        TEXT, // error_message
    ]),
]);

/// `DescribeConfigsResponse`, versions 1 to 4.
pub static DESCRIBE_CONFIGS: Shape = Shape::flexible_from(4).fields(&[
    I32, // throttle_time_ms
    // results
    list(&[
        I16,  // error_code
        TEXT, // error_message
        I8,   // resource_type
        TEXT, // resource_name
        // configs
        list(&[
            TEXT, // name
            TEXT, // value
            I8,   // read_only
            I8,   // config_source
            I8,   // is_sensitive
            // synonyms
            list(&[
                TEXT, // name
                TEXT, // value
                I8,   // source
            ]),
            I8.since(3),   // config_type
            TEXT.since(3), // documentation
        ]),
    ]),
]);

/// `AlterConfigsResponse`, versions 0 to 2.
pub static ALTER_CONFIGS: Shape = Shape::flexible_from(2).fields(&[
    I32, // throttle_time_ms
    // responses
    list(&[
        I16,  // error_code
        TEXT, // error_message
        I8,   // resource_type
        TEXT, // resource_name
    ]),
]);

/// `IncrementalAlterConfigsResponse`, versions 0 to 1.
pub static INCREMENTAL_ALTER_CONFIGS: Shape = Shape::flexible_from(1).fields(&[
    I32, // throttle_time_ms
    // responses
    list(&[
        I16,  // error_code
        TEXT, // error_message
        I8,   // resource_type
        TEXT, // resource_name
    ]),
]);

/// `DescribeLogDirsResponse`, versions 1 to 5.
pub static DESCRIBE_LOG_DIRS: Shape = Shape::flexible_from(2).fields(&[
    I32,          // throttle_time_ms
    I16.since(3), // error_code
    // results
    list(&[
        I16,  // error_code
        TEXT, // log_dir
        // topics
        list(&[
            TEXT, // name
            // partitions
            list(&[
                I32, // partition_index
                I64, // partition_size
                I64, // offset_lag
                I8,  // is_future_key
            ]),
        ]),
        I64.since(4), // total_bytes
        I64.since(4), // usable_bytes
        I8.since(5),  // is_cordoned
    ]),
]);

/// A voter or an observer of [`DESCRIBE_QUORUM`].
const REPLICA_STATE: &[Field] = &[
    I32,           // replica_id
    UUID.since(2), // replica_directory_id
    I64,           // log_end_offset
    I64.since(1),  // last_fetch_timestamp
    I64.since(1),  // last_caught_up_timestamp
];

/// `DescribeQuorumResponse`, versions 0 to 2.
pub static DESCRIBE_QUORUM: Shape = Shape::flexible_from(0).fields(&[
    I16,           // error_code
    TEXT.since(2), // error_message
    // topics
    list(&[
        TEXT, // topic_name
        // partitions
        list(&[
            I32,                 // partition_index
            I16,                 // error_code
            TEXT.since(2),       // error_message
            I32,                 // leader_id
            I32,                 // leader_epoch
            I64,                 // high_watermark
            list(REPLICA_STATE), // current_voters
            list(REPLICA_STATE), // observers
        ]),
    ]),
    // nodes
    list(&[
        I32, // node_id
        // listeners
        list(&[
            TEXT, // name
            TEXT, // host
            I16,  // port
        ]),
    ])
    .since(2),
]);

/// `SaslHandshakeResponse`, versions 0 to 1.
pub static SASL_HANDSHAKE: Shape = Shape::flexible_from(i16::MAX).fields(&[
    I16,           // error_code
    values(&TEXT), // mechanisms
]);

/// `SaslAuthenticateResponse`, versions 0 to 2.
pub static SASL_AUTHENTICATE: Shape = Shape::flexible_from(2).fields(&[
    I16,          // error_code
    TEXT,         // error_message
    BYTES,        // auth_bytes
    I64.since(1), // session_lifetime_ms
]);

/// `ElectLeadersResponse`, versions 0 to 2.
pub static ELECT_LEADERS: Shape = Shape::flexible_from(2).fields(&[
    I32,          // throttle_time_ms
    I16.since(1), // error_code
    // replica_election_results
    list(&[
        TEXT, // topic
        // partition_result
        list(&[
            I32,  // partition_id
            I16,  // error_code
            TEXT, // error_message
        ]),
    ]),
]);

/// `AlterPartitionReassignmentsResponse`, versions 0 to 1.
pub static ALTER_PARTITION_REASSIGNMENTS: Shape = Shape::flexible_from(0).fields(&[
    I32,         // throttle_time_ms
    I8.since(1), // allow_replication_factor_change
    I16,         // error_code
    TEXT,        // error_message
    // responses
    list(&[
        TEXT, // name
        // partitions
        list(&[
            I32,  // partition_index
            I16,  // error_code
            TEXT, // error_message
        ]),
    ]),
]);

/// `ListPartitionReassignmentsResponse`, versions 0 to 0.
pub static LIST_PARTITION_REASSIGNMENTS: Shape = Shape::flexible_from(0).fields(&[
    I32,  // throttle_time_ms
    I16,  // error_code
    TEXT, // error_message
    // topics
    list(&[
        TEXT, // name
        // partitions
        list(&[
            I32,          // partition_index
            values(&I32), // replicas
            values(&I32), // adding_replicas
            values(&I32), // removing_replicas
        ]),
    ]),
]);

/// `BrokerHeartbeatResponse`, versions 0 to 1.
pub static BROKER_HEARTBEAT: Shape = Shape::flexible_from(0).fields(&[
    I32, // throttle_time_ms
    I16, // error_code
    I8,  // is_caught_up
    I8,  // is_fenced
    I8,  // should_shut_down
]);
