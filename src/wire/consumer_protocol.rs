//! What consumers put into a group's opaque bytes: which topics a member wants (subscription),
//! which partitions it gets (assignment). Kafka's `ConsumerProtocolSubscription` and
//! `ConsumerProtocolAssignment`, versions 0 to 3.

use bytes::Bytes;

use super::TopicPartition;
use super::fields::{FieldError, FieldReader};

/// The protocol type of groups whose bytes are these formats.
pub const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

/// What a member asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The topics it subscribed to.
    pub topics: Vec<String>,
    /// Partitions it keeps while it joins: empty with eager assignors, which give up all first.
    pub owned: Vec<TopicPartition>,
}

/// Reads a member's subscription.
///
/// # Errors
/// The bytes are something else.
pub fn decode_subscription(bytes: &Bytes) -> Result<Subscription, FieldError> {
    let mut fields = FieldReader::new(bytes.clone());
    let version = fields.version(i16::MAX)?;
    let topics = fields.array(FieldReader::string)?;
    fields.bytes()?; // user data of the assignor
    let owned = if version >= 1 {
        topic_partitions(&mut fields)?
    } else {
        Vec::new()
    };
    Ok(Subscription { topics, owned })
}

/// Reads the partitions that a member got, sorted. No bytes at all mean no partitions.
///
/// # Errors
/// The bytes are something else.
pub fn decode_assignment(bytes: &Bytes) -> Result<Vec<TopicPartition>, FieldError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let mut fields = FieldReader::new(bytes.clone());
    fields.version(i16::MAX)?;
    let mut partitions = topic_partitions(&mut fields)?;
    partitions.sort();
    Ok(partitions)
}

fn topic_partitions(fields: &mut FieldReader) -> Result<Vec<TopicPartition>, FieldError> {
    let topics = fields.array(|fields| {
        let topic = fields.string()?;
        let partitions = fields.array(FieldReader::i32)?;
        Ok((topic, partitions))
    })?;
    Ok(topics
        .into_iter()
        .flat_map(|(topic, partitions)| {
            partitions
                .into_iter()
                .map(move |partition| TopicPartition::new(topic.clone(), partition))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use bytes::{BufMut, Bytes, BytesMut};
    use kafka_protocol::messages::consumer_protocol_assignment::TopicPartition as WirePartitions;
    use kafka_protocol::messages::consumer_protocol_subscription::TopicPartition as Owned;
    use kafka_protocol::messages::{
        ConsumerProtocolAssignment, ConsumerProtocolSubscription, TopicName,
    };
    use kafka_protocol::protocol::{Encodable, StrBytes};

    use super::{Subscription, TopicPartition, decode_assignment, decode_subscription};

    fn versioned(version: i16, message: &impl Encodable) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(version);
        message.encode(&mut out, version).expect("valid");
        out.freeze()
    }

    #[test]
    fn assignments_of_every_version_are_read() {
        let message = ConsumerProtocolAssignment::default().with_assigned_partitions(vec![
            WirePartitions::default()
                .with_topic(TopicName(StrBytes::from_static_str("orders")))
                .with_partitions(vec![2, 0]),
        ]);
        for version in 0..=3 {
            assert_eq!(
                decode_assignment(&versioned(version, &message)),
                Ok(vec![
                    TopicPartition::new("orders", 0),
                    TopicPartition::new("orders", 2)
                ])
            );
        }
        assert_eq!(decode_assignment(&Bytes::new()), Ok(Vec::new()));
        assert!(decode_assignment(&Bytes::from_static(b"\0\0\x7f\xff\xff\xff")).is_err());
    }

    #[test]
    fn subscriptions_tell_topics_and_what_is_kept() {
        let message = ConsumerProtocolSubscription::default()
            .with_topics(vec![StrBytes::from_static_str("orders")])
            .with_owned_partitions(vec![
                Owned::default()
                    .with_topic(TopicName(StrBytes::from_static_str("orders")))
                    .with_partitions(vec![1]),
            ]);
        for version in 1..=3 {
            assert_eq!(
                decode_subscription(&versioned(version, &message)),
                Ok(Subscription {
                    topics: vec!["orders".into()],
                    owned: vec![TopicPartition::new("orders", 1)],
                })
            );
        }
    }
}
