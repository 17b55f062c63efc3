//! The shapes of requests of the consumer group protocol (KIP-848).

use crate::message_shape::{I8, I32, Shape, TEXT, UUID, list, values};

/// `ConsumerGroupHeartbeatRequest`, versions 0 to 1.
pub static CONSUMER_GROUP_HEARTBEAT: Shape = Shape::flexible_from(0).fields(&[
    TEXT,          // group_id
    TEXT,          // member_id
    I32,           // member_epoch
    TEXT,          // instance_id
    TEXT,          // rack_id
    I32,           // rebalance_timeout_ms
    values(&TEXT), // subscribed_topic_names
    TEXT.since(1), // subscribed_topic_regex
    TEXT,          // server_assignor
    // topic_partitions
    list(&[
        UUID,         // topic_id
        values(&I32), // partitions
    ]),
]);

/// `ConsumerGroupDescribeRequest`, versions 0 to 1.
pub static CONSUMER_GROUP_DESCRIBE: Shape = Shape::flexible_from(0).fields(&[
    values(&TEXT), // group_ids
    I8,            // include_authorized_operations
]);
