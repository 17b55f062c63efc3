//! Answers about what is written and read, field by field as Kafka's message definitions list them.

use super::super::{BYTES, I16, I32, I64, Shape, TEXT, UUID, list, structure};

/// `ProduceResponse`, versions 3 to 13.
pub static PRODUCE: Shape = Shape::flexible_from(9).fields(&[
    // responses
    list(&[
        TEXT.until(12), // name
        UUID.since(13), // topic_id
        // partition_responses
        list(&[
            I32,          // index
            I16,          // error_code
            I64,          // base_offset
            I64,          // log_append_time_ms
            I64.since(5), // log_start_offset
            // record_errors
            list(&[
                I32.since(8),  // batch_index
                TEXT.since(8), // batch_index_error_message
            ])
            .since(8),
            TEXT.since(8), // error_message
            // current_leader
            structure(&[
                I32.since(10), // leader_id
                I32.since(10), // leader_epoch
            ])
            .since(10)
            .tagged(0),
        ]),
    ]),
    I32, // throttle_time_ms
    // node_endpoints
    list(&[
        I32.since(10),  // node_id
        TEXT.since(10), // host
        I32.since(10),  // port
        TEXT.since(10), // rack
    ])
    .since(10)
    .tagged(0),
]);

/// `FetchResponse`, versions 4 to 18.
pub static FETCH: Shape = Shape::flexible_from(12).fields(&[
    I32,          // throttle_time_ms
    I16.since(7), // error_code
    I32.since(7), // session_id
    // responses
    list(&[
        TEXT.until(12), // topic
        UUID.since(13), // topic_id
        // partitions
        list(&[
            I32,          // partition_index
            I16,          // error_code
            I64,          // high_watermark
            I64,          // last_stable_offset
            I64.since(5), // log_start_offset
            // diverging_epoch
            structure(&[
                I32.since(12), // epoch
                I64.since(12), // end_offset
            ])
            .since(12)
            .tagged(0),
            // current_leader
            structure(&[
                I32.since(12), // leader_id
                I32.since(12), // leader_epoch
            ])
            .since(12)
            .tagged(1),
            // snapshot_id
            structure(&[
                I64, // end_offset
                I32, // epoch
            ])
            .since(12)
            .tagged(2),
            // aborted_transactions
            list(&[
                I64, // producer_id
                I64, // first_offset
            ]),
            I32.since(11), // preferred_read_replica
            BYTES,         // records
        ]),
    ]),
    // node_endpoints
    list(&[
        I32.since(16),  // node_id
        TEXT.since(16), // host
        I32.since(16),  // port
        TEXT.since(16), // rack
    ])
    .since(16)
    .tagged(0),
]);

/// `ListOffsetsResponse`, versions 1 to 11.
pub static LIST_OFFSETS: Shape = Shape::flexible_from(6).fields(&[
    I32.since(2), // throttle_time_ms
    // topics
    list(&[
        TEXT, // name
        // partitions
        list(&[
            I32,          // partition_index
            I16,          // error_code
            I64,          // timestamp
            I64,          // offset
            I32.since(4), // leader_epoch
        ]),
    ]),
]);

/// `DeleteRecordsResponse`, versions 0 to 2.
pub static DELETE_RECORDS: Shape = Shape::flexible_from(2).fields(&[
    I32, // throttle_time_ms
    // topics
    list(&[
        TEXT, // name
        // partitions
        list(&[
            I32, // partition_index
            I64, // low_watermark
            I16, // error_code
        ]),
    ]),
]);

/// `InitProducerIdResponse`, versions 0 to 6.
pub static INIT_PRODUCER_ID: Shape = Shape::flexible_from(2).fields(&[
    I32,          // throttle_time_ms
    I16,          // error_code
    I64,          // producer_id
    I16,          // producer_epoch
    I64.since(6), // ongoing_txn_producer_id
    I16.since(6), // ongoing_txn_producer_epoch
]);

/// `OffsetForLeaderEpochResponse`, versions 0 to 4.
pub static OFFSET_FOR_LEADER_EPOCH: Shape = Shape::flexible_from(4).fields(&[
    I32.since(2), // throttle_time_ms
    // topics
    list(&[
        TEXT, // topic
        // partitions
        list(&[
            I16,          // error_code
            I32,          // partition
            I32.since(1), // leader_epoch
            I64,          // end_offset
        ]),
    ]),
]);

/// `AddPartitionsToTxnResponse`, versions 0 to 5.
pub static ADD_PARTITIONS_TO_TXN: Shape = Shape::flexible_from(3).fields(&[
    I32,          // throttle_time_ms
    I16.since(4), // error_code
    // results_by_transaction
    list(&[
        TEXT.since(4), // transactional_id
        // topic_results
        list(&[
            TEXT, // name
            // results_by_partition
            list(&[
                I32, // partition_index
                I16, // partition_error_code
            ]),
        ])
        .since(4),
    ])
    .since(4),
    // results_by_topic_v3_and_below
    list(&[
        TEXT, // name
        // results_by_partition
        list(&[
            I32, // partition_index
            I16, // partition_error_code
        ]),
    ])
    .until(3),
]);

/// `WriteTxnMarkersResponse`, versions 1 to 2.
pub static WRITE_TXN_MARKERS: Shape = Shape::flexible_from(1).fields(&[
    // markers
    list(&[
        I64, // producer_id
        // topics
        list(&[
            TEXT, // name
            // partitions
            list(&[
                I32, // partition_index
                I16, // error_code
            ]),
        ]),
    ]),
]);
