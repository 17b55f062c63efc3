//! `ElectLeaders` 0 to 2: preferred leaders, or (from 1) unclean ones, are elected now.
//!
//! Behaviour: only the controller elects, others answer `NOT_CONTROLLER`: for each partition, as version 0
//! has no other place for it, and clients look there. Of the partitions named,
//! each is answered; of all, those for which there was something to do. Version 0 knows only the
//! preferred election.
//! Not done: a wait for the timeout; elections are written when the answer comes.

use std::{collections::BTreeMap, sync::Arc};

use kafka_protocol::{
    messages::{
        ElectLeadersRequest, ElectLeadersResponse,
        elect_leaders_response::{PartitionResult, ReplicaElectionResult},
    },
    protocol::StrBytes,
};

use super::RequestContext;
use crate::{Broker, controller::Election};
use wire::{ErrorCode, TopicPartition};

pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: ElectLeadersRequest,
) -> ElectLeadersResponse {
    let election = match request.election_type {
        _ if context.version == 0 => Election::Preferred,
        0 => Election::Preferred,
        1 => Election::Unclean,
        _ => return failed(ErrorCode::InvalidRequest),
    };
    let partitions = request.topic_partitions.map(|topics| {
        let each = topics.iter().flat_map(|topic| {
            let indexes = topic.partitions.iter();
            indexes.map(|index| TopicPartition::new(topic.topic.to_string(), *index))
        });
        each.collect::<Vec<_>>()
    });
    let asked = partitions.clone().unwrap_or_default();
    let elected = match broker.controller.elect_leaders(election, partitions).await {
        Ok(elected) => elected,
        Err(error) => {
            let code = ErrorCode::from(&error);
            if asked.is_empty() && context.version > 0 {
                return failed(code);
            }
            asked.into_iter().map(|at| (at, code)).collect()
        }
    };
    let mut topics: BTreeMap<String, Vec<PartitionResult>> = BTreeMap::new();
    for (at, code) in elected {
        let result = PartitionResult::default()
            .with_partition_id(at.partition)
            .with_error_code(code.code())
            .with_error_message(message(code).map(StrBytes::from_static_str));
        topics.entry(at.topic).or_default().push(result);
    }
    let results = topics.into_iter().map(|(topic, partitions)| {
        ReplicaElectionResult::default()
            .with_topic(StrBytes::from_string(topic).into())
            .with_partition_result(partitions)
    });
    ElectLeadersResponse::default().with_replica_election_results(results.collect())
}

fn failed(code: ErrorCode) -> ElectLeadersResponse {
    ElectLeadersResponse::default().with_error_code(code.code())
}

fn message(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::None | ErrorCode::NotController => None,
        ErrorCode::ElectionNotNeeded => Some("Leader election not needed for topic partition."),
        ErrorCode::PreferredLeaderNotAvailable => Some("The preferred leader was not available."),
        ErrorCode::EligibleLeadersNotAvailable => {
            Some("Eligible topic partition leaders are not available.")
        }
        ErrorCode::UnknownTopicOrPartition => Some("The partition does not exist."),
        _ => Some("The election is not written yet."),
    }
}
