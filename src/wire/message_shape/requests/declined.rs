//! The shapes of requests about what the cluster does not have: security, quotas, transactions.

use crate::message_shape::{BYTES, Field, I8, I16, I32, I64, Shape, TEXT, list, values};

/// How an ACL names its resource: before there was a choice, literally.
const LITERAL: Field = I8.since(1).default(3);

/// `SaslHandshakeRequest`, versions 0 to 1.
pub static SASL_HANDSHAKE: Shape = Shape::flexible_from(i16::MAX).fields(&[
    TEXT, // mechanism
]);

/// `AddPartitionsToTxnRequest`, versions 0 to 5.
pub static ADD_PARTITIONS_TO_TXN: Shape = Shape::flexible_from(3).fields(&[
    // transactions
    list(&[
        TEXT.since(4), // transactional_id
        I64.since(4),  // producer_id
        I16.since(4),  // producer_epoch
        I8.since(4),   // verify_only
        // topics
        list(&[
            TEXT,         // name
            values(&I32), // partitions
        ])
        .since(4),
    ])
    .since(4),
    TEXT.until(3), // v3_and_below_transactional_id
    I64.until(3),  // v3_and_below_producer_id
    I16.until(3),  // v3_and_below_producer_epoch
    // v3_and_below_topics
    list(&[
        TEXT,         // name
        values(&I32), // partitions
    ])
    .until(3),
]);

/// `AddOffsetsToTxnRequest`, versions 0 to 4.
pub static ADD_OFFSETS_TO_TXN: Shape = Shape::flexible_from(3).fields(&[
    TEXT, // transactional_id
    I64,  // producer_id
    I16,  // producer_epoch
    TEXT, // group_id
]);

/// `EndTxnRequest`, versions 0 to 5.
pub static END_TXN: Shape = Shape::flexible_from(3).fields(&[
    TEXT, // transactional_id
    I64,  // producer_id
    I16,  // producer_epoch
    I8,   // committed
]);

/// `TxnOffsetCommitRequest`, versions 0 to 5.
pub static TXN_OFFSET_COMMIT: Shape = Shape::flexible_from(3).fields(&[
    TEXT,          // transactional_id
    TEXT,          // group_id
    I64,           // producer_id
    I16,           // producer_epoch
    I32.since(3),  // generation_id
    TEXT.since(3), // member_id
    TEXT.since(3), // group_instance_id
    // topics
    list(&[
        TEXT, // name
        // partitions
        list(&[
            I32,          // partition_index
            I64,          // committed_offset
            I32.since(2), // committed_leader_epoch
            TEXT,         // committed_metadata
        ]),
    ]),
]);

/// `DescribeAclsRequest`, versions 0 to 3.
pub static DESCRIBE_ACLS: Shape = Shape::flexible_from(2).fields(&[
    I8,      // resource_type_filter
    TEXT,    // resource_name_filter
    LITERAL, // pattern_type_filter
    TEXT,    // principal_filter
    TEXT,    // host_filter
    I8,      // operation
    I8,      // permission_type
]);

/// `CreateAclsRequest`, versions 0 to 3.
pub static CREATE_ACLS: Shape = Shape::flexible_from(2).fields(&[
    // creations
    list(&[
        I8,      // resource_type
        TEXT,    // resource_name
        LITERAL, // resource_pattern_type
        TEXT,    // principal
        TEXT,    // host
        I8,      // operation
        I8,      // permission_type
    ]),
]);

/// `DeleteAclsRequest`, versions 0 to 3.
pub static DELETE_ACLS: Shape = Shape::flexible_from(2).fields(&[
    // filters
    list(&[
        I8,      // resource_type_filter
        TEXT,    // resource_name_filter
        LITERAL, // pattern_type_filter
        TEXT,    // principal_filter
        TEXT,    // host_filter
        I8,      // operation
        I8,      // permission_type
    ]),
]);

/// `SaslAuthenticateRequest`, versions 0 to 2.
pub static SASL_AUTHENTICATE: Shape = Shape::flexible_from(2).fields(&[
    BYTES, // auth_bytes
]);

/// `CreateDelegationTokenRequest`, versions 0 to 3.
pub static CREATE_DELEGATION_TOKEN: Shape = Shape::flexible_from(2).fields(&[
    TEXT.since(3), // owner_principal_type
    TEXT.since(3), // owner_principal_name
    // renewers
    list(&[
        TEXT, // principal_type
        TEXT, // principal_name
    ]),
    I64, // max_lifetime_ms
]);

/// `RenewDelegationTokenRequest`, versions 0 to 2.
pub static RENEW_DELEGATION_TOKEN: Shape = Shape::flexible_from(2).fields(&[
    BYTES, // hmac
    I64,   // renew_period_ms
]);

/// `ExpireDelegationTokenRequest`, versions 0 to 2.
pub static EXPIRE_DELEGATION_TOKEN: Shape = Shape::flexible_from(2).fields(&[
    BYTES, // hmac
    I64,   // expiry_time_period_ms
]);

/// `DescribeDelegationTokenRequest`, versions 0 to 3.
pub static DESCRIBE_DELEGATION_TOKEN: Shape = Shape::flexible_from(2).fields(&[
    // owners
    list(&[
        TEXT, // principal_type
        TEXT, // principal_name
    ]),
]);

/// `DescribeClientQuotasRequest`, versions 0 to 1.
pub static DESCRIBE_CLIENT_QUOTAS: Shape = Shape::flexible_from(1).fields(&[
    // components
    list(&[
        TEXT, // entity_type
        I8,   // match_type
        TEXT, // match
    ]),
    I8, // strict
]);

/// `AlterClientQuotasRequest`, versions 0 to 1.
pub static ALTER_CLIENT_QUOTAS: Shape = Shape::flexible_from(1).fields(&[
    // entries
    list(&[
        // entity
        list(&[
            TEXT, // entity_type
            TEXT, // entity_name
        ]),
        // ops
        list(&[
            TEXT, // key
            I64,  // value
            I8,   // remove
        ]),
    ]),
    I8, // validate_only
]);

/// `DescribeUserScramCredentialsRequest`, version 0.
pub static DESCRIBE_USER_SCRAM_CREDENTIALS: Shape = Shape::flexible_from(0).fields(&[
    list(&[TEXT]), // users: name
]);

/// `AlterUserScramCredentialsRequest`, version 0.
pub static ALTER_USER_SCRAM_CREDENTIALS: Shape = Shape::flexible_from(0).fields(&[
    // deletions
    list(&[
        TEXT, // name
        I8,   // mechanism
    ]),
    // upsertions
    list(&[
        TEXT,  // name
        I8,    // mechanism
        I32,   // iterations
        BYTES, // salt
        BYTES, // salted_password
    ]),
]);

/// `DescribeTransactionsRequest`, version 0.
pub static DESCRIBE_TRANSACTIONS: Shape = Shape::flexible_from(0).fields(&[
    values(&TEXT), // transactional_ids
]);

/// `ListTransactionsRequest`, versions 0 to 2.
pub static LIST_TRANSACTIONS: Shape = Shape::flexible_from(0).fields(&[
    values(&TEXT), // state_filters
    values(&I64),  // producer_id_filters
    I64.since(1),  // duration_filter
    TEXT.since(2), // transactional_id_pattern
]);
