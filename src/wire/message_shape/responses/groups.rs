//! Answers about consumer groups and their offsets, field by field as Kafka's message definitions list them.

use super::super::{BYTES, Field, I8, I16, I32, I64, Shape, TEXT, UUID, list, structure, values};

/// `OffsetCommitResponse`, versions 2 to 10.
pub static OFFSET_COMMIT: Shape = Shape::flexible_from(8).fields(&[
    I32.since(3), // throttle_time_ms
    // topics
    list(&[
        TEXT.until(9),  // name
        UUID.since(10), // topic_id
        // partitions
        list(&[
            I32, // partition_index
            I16, // error_code
        ]),
    ]),
]);

/// `OffsetFetchResponse`, versions 1 to 10.
pub static OFFSET_FETCH: Shape = Shape::flexible_from(6).fields(&[
    I32.since(3), // throttle_time_ms
    // topics
    list(&[
        TEXT.until(7), // name
        // partitions
        list(&[
            I32.until(7),          // partition_index
            I64.until(7),          // committed_offset
            I32.since(5).until(7), // committed_leader_epoch
            TEXT.until(7),         // metadata
            I16.until(7),          // error_code
        ])
        .until(7),
    ])
    .until(7),
    I16.since(2).until(7), // error_code
    // groups
    list(&[
        TEXT.since(8), // group_id
        // topics
        list(&[
            TEXT.since(8).until(9), // name
            UUID.since(10),         // topic_id
            // partitions
            list(&[
                I32.since(8),  // partition_index
                I64.since(8),  // committed_offset
                I32.since(8),  // committed_leader_epoch
                TEXT.since(8), // metadata
                I16.since(8),  // error_code
            ])
            .since(8),
        ])
        .since(8),
        I16.since(8), // error_code
    ])
    .since(8),
]);

/// `OffsetDeleteResponse`, versions 0 to 0.
pub static OFFSET_DELETE: Shape = Shape::flexible_from(i16::MAX).fields(&[
    I16, // error_code
    I32, // throttle_time_ms
    // topics
    list(&[
        TEXT, // name
        // partitions
        list(&[
            I32, // partition_index
            I16, // error_code
        ]),
    ]),
]);

/// `FindCoordinatorResponse`, versions 0 to 6.
pub static FIND_COORDINATOR: Shape = Shape::flexible_from(3).fields(&[
    I32.since(1),           // throttle_time_ms
    I16.until(3),           // error_code
    TEXT.since(1).until(3), // error_message
    I32.until(3),           // node_id
    TEXT.until(3),          // host
    I32.until(3),           // port
    // coordinators
    list(&[
        TEXT.since(4), // key
        I32.since(4),  // node_id
        TEXT.since(4), // host
        I32.since(4),  // port
        I16.since(4),  // error_code
        TEXT.since(4), // error_message
    ])
    .since(4),
]);

/// `JoinGroupResponse`, versions 0 to 9.
pub static JOIN_GROUP: Shape = Shape::flexible_from(6).fields(&[
    I32.since(2),  // throttle_time_ms
    I16,           // error_code
    I32,           // generation_id
    TEXT.since(7), // protocol_type
    TEXT,          // protocol_name
    TEXT,          // leader
    I8.since(9),   // skip_assignment
    TEXT,          // member_id
    // members
    list(&[
        TEXT,          // member_id
        TEXT.since(5), // group_instance_id
        BYTES,         // metadata
    ]),
]);

/// `HeartbeatResponse`, versions 0 to 4.
pub static HEARTBEAT: Shape = Shape::flexible_from(4).fields(&[
    I32.since(1), // throttle_time_ms
    I16,          // error_code
]);

/// `LeaveGroupResponse`, versions 0 to 5.
pub static LEAVE_GROUP: Shape = Shape::flexible_from(4).fields(&[
    I32.since(1), // throttle_time_ms
    I16,          // error_code
    // members
    list(&[
        TEXT.since(3), // member_id
        TEXT.since(3), // group_instance_id
        I16.since(3),  // error_code
    ])
    .since(3),
]);

/// `SyncGroupResponse`, versions 0 to 5.
pub static SYNC_GROUP: Shape = Shape::flexible_from(4).fields(&[
    I32.since(1),  // throttle_time_ms
    I16,           // error_code
    TEXT.since(5), // protocol_type
    TEXT.since(5), // protocol_name
    BYTES,         // assignment
]);

/// `DescribeGroupsResponse`, versions 0 to 6.
pub static DESCRIBE_GROUPS: Shape = Shape::flexible_from(5).fields(&[
    I32.since(1), // throttle_time_ms
    // groups
    list(&[
        I16,           // error_code
        TEXT.since(6), // error_message
        TEXT,          // group_id
        TEXT,          // group_state
        TEXT,          // protocol_type
        TEXT,          // protocol_data
        // members
        list(&[
            TEXT,          // member_id
            TEXT.since(4), // group_instance_id
            TEXT,          // client_id
            TEXT,          // client_host
            BYTES,         // member_metadata
            BYTES,         // member_assignment
        ]),
        I32.since(3), // authorized_operations
    ]),
]);

/// `ListGroupsResponse`, versions 0 to 5.
pub static LIST_GROUPS: Shape = Shape::flexible_from(3).fields(&[
    I32.since(1), // throttle_time_ms
    I16,          // error_code
    // groups
    list(&[
        TEXT,          // group_id
        TEXT,          // protocol_type
        TEXT.since(4), // group_state
        TEXT.since(5), // group_type
    ]),
]);

/// `ConsumerGroupDescribeResponse`, versions 0 to 1.
pub static CONSUMER_GROUP_DESCRIBE: Shape = Shape::flexible_from(0).fields(&[
    I32, // throttle_time_ms
    // groups
    list(&[
        I16,  // error_code
        TEXT, // error_message
        TEXT, // group_id
        TEXT, // group_state
        I32,  // group_epoch
        I32,  // assignment_epoch
        TEXT, // assignor_name
        // members
        list(&[
            TEXT,                             // member_id
            TEXT,                             // instance_id
            TEXT,                             // rack_id
            I32,                              // member_epoch
            TEXT,                             // client_id
            TEXT,                             // client_host
            values(&TEXT),                    // subscribed_topic_names
            TEXT,                             // subscribed_topic_regex
            structure(&[TOPICS_OF_A_MEMBER]), // assignment
            structure(&[TOPICS_OF_A_MEMBER]), // target_assignment
            I8.since(1),                      // member_type
        ]),
        I32, // authorized_operations
    ]),
]);

/// What a member of the consumer protocol has, or is to have.
const TOPICS_OF_A_MEMBER: Field = list(&[
    UUID,         // topic_id
    TEXT,         // topic_name
    values(&I32), // partitions
]);

/// `DeleteGroupsResponse`, versions 0 to 3.
pub static DELETE_GROUPS: Shape = Shape::flexible_from(2).fields(&[
    I32, // throttle_time_ms
    // results
    list(&[
        TEXT,                      // group_id
        I16,                       // error_code
        TEXT.since(3).default(-1), // error_message
    ]),
]);
