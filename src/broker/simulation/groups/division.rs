//! What consumers write into the bytes that a coordinator only hands on: what they want, and who gets what.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        ConsumerProtocolAssignment, ConsumerProtocolSubscription, TopicName,
        consumer_protocol_assignment::TopicPartition as Assigned,
    },
    protocol::{Encodable, StrBytes},
};

use crate::coordinator::JoinResponse;
use wire::{TopicPartition, consumer_protocol::decode_assignment};

/// The topic that the group reads.
const TOPIC: &str = "orders";

/// Its partitions.
pub(super) const PARTITIONS: i32 = 4;

pub(super) fn partition(index: i32) -> TopicPartition {
    TopicPartition::new(TOPIC, index)
}

/// What a member asks for. Its process is named, so that no restart looks like the one before.
pub(super) fn subscription(process: u64) -> Bytes {
    let message = ConsumerProtocolSubscription::default()
        .with_topics(vec![StrBytes::from_static_str(TOPIC)])
        .with_user_data(Some(Bytes::from(process.to_string())));
    versioned(&message)
}

/// The leader's work: every partition to one of the members, in turn.
pub(super) fn divide(joined: &JoinResponse) -> Vec<(String, Bytes)> {
    let count = joined.members.len();
    let members = joined.members.iter().enumerate();
    members
        .map(|(index, member)| {
            let partitions = (0..PARTITIONS).zip((0..count).cycle());
            let own = partitions.filter(|(_, turn)| *turn == index);
            let message = ConsumerProtocolAssignment::default().with_assigned_partitions(vec![
                Assigned::default()
                    .with_topic(TopicName(StrBytes::from_static_str(TOPIC)))
                    .with_partitions(own.map(|(partition, _)| partition).collect()),
            ]);
            (member.member_id.clone(), versioned(&message))
        })
        .collect()
}

/// The partitions in an assignment.
pub(super) fn assigned(assignment: &Bytes) -> Vec<i32> {
    let assigned = decode_assignment(assignment).expect("a consumer wrote it");
    assigned.into_iter().map(|at| at.partition).collect()
}

fn versioned(message: &impl Encodable) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(1);
    message
        .encode(&mut out, 1)
        .expect("it has no foreign field");
    out.freeze()
}
