//! Who leads instead: what answers with `NOT_LEADER_OR_FOLLOWER` tell, so that clients go there without
//! asking for metadata first (KIP-951).

use std::{collections::BTreeMap, sync::Arc};

use crate::image::{BrokerNode, ClusterImage};
use wire::{BrokerId, ErrorCode, LeaderEpoch, TopicPartition};

/// Collects the leaders that one answer points to.
pub(super) struct LeaderHints {
    image: Arc<ClusterImage>,
    /// The brokers that were pointed to.
    pub(super) endpoints: BTreeMap<BrokerId, BrokerNode>,
}

/// A partition's leader and its epoch; `-1` on the wire where there is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeaderHint {
    pub(super) leader: i32,
    pub(super) epoch: LeaderEpoch,
}

impl LeaderHints {
    pub(super) fn new(image: Arc<ClusterImage>) -> Self {
        Self {
            image,
            endpoints: BTreeMap::new(),
        }
    }

    /// The hint for a partition that was refused with `code`, if that code calls for one.
    pub(super) fn hint(&mut self, at: &TopicPartition, code: ErrorCode) -> Option<LeaderHint> {
        if !matches!(
            code,
            ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch
        ) {
            return None;
        }
        let partition = self.image.partition(at)?;
        let leader = self.image.valid_leader(partition);
        if let Some(leader) = leader
            && let Some(node) = self.image.brokers.get(&leader)
        {
            self.endpoints.insert(leader, node.clone());
        }
        Some(LeaderHint {
            leader: leader.map_or(-1, |leader| leader.0),
            epoch: partition.leader_epoch,
        })
    }
}
