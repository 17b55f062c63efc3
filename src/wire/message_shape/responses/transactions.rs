//! Answers about transactional ids.

use crate::message_shape::{I16, I32, I64, Shape, TEXT, list, values};

/// `ListTransactionsResponse`, versions 0 to 2.
pub static LIST_TRANSACTIONS: Shape = Shape::flexible_from(0).fields(&[
    I32,           // throttle_time_ms
    I16,           // error_code
    values(&TEXT), // unknown_state_filters
    // transaction_states
    list(&[
        TEXT, // transactional_id
        I64,  // producer_id
        TEXT, // transaction_state
    ]),
]);

/// `DescribeTransactionsResponse`, version 0.
pub static DESCRIBE_TRANSACTIONS: Shape = Shape::flexible_from(0).fields(&[
    I32, // throttle_time_ms
    // transaction_states
    list(&[
        I16,  // error_code
        TEXT, // transactional_id
        TEXT, // transaction_state
        I32,  // transaction_timeout_ms
        I64,  // transaction_start_time_ms
        I64,  // producer_id
        I16,  // producer_epoch
        // topics
        list(&[
            TEXT,         // topic
            values(&I32), // partitions
        ]),
    ]),
]);
