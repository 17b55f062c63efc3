//! Whether a member may commit or read offsets: it names its epoch, as members of the classic
//! protocol name their generation.

use super::group::ConsumerGroup;
use super::member::ConsumerMember;
use super::topics::Topics;
#[cfg(test)]
use crate::planted::{self, Bug};
use wire::{ErrorCode, TopicPartition};

impl ConsumerGroup {
    /// Whether who names itself so may commit at all; the member of which each partition is still
    /// to be checked with [`check_partition`].
    ///
    /// # Errors
    /// Nothing of the commit is taken.
    pub(crate) fn check_commit(
        &self,
        member_id: &str,
        member_epoch: i32,
        knows_epochs: bool,
    ) -> Result<Option<&ConsumerMember>, ErrorCode> {
        if member_epoch < 0 && self.members.is_empty() {
            return Ok(None);
        }
        let Some(member) = self.members.get(member_id) else {
            return Err(ErrorCode::UnknownMemberId);
        };
        if member.subscription.classic.is_some() {
            return if member_epoch == member.current.epoch {
                Ok(None)
            } else {
                Err(ErrorCode::IllegalGeneration)
            };
        }
        if !knows_epochs {
            return Err(ErrorCode::UnsupportedVersion);
        }
        if member_epoch > member.current.epoch {
            return Err(ErrorCode::StaleMemberEpoch);
        }
        Ok((member_epoch < member.current.epoch).then_some(member))
    }

    /// Whether who names itself so may read the group's offsets; nobody need name itself.
    ///
    /// # Errors
    /// Nothing is read.
    pub(crate) fn check_fetch(&self, member_id: &str, member_epoch: i32) -> Result<(), ErrorCode> {
        if member_id.is_empty() && member_epoch < 0 {
            return Ok(());
        }
        match self.members.get(member_id) {
            None => Err(ErrorCode::UnknownMemberId),
            Some(member) if member.current.epoch != member_epoch => {
                Err(ErrorCode::StaleMemberEpoch)
            }
            Some(_) => Ok(()),
        }
    }
}

/// A commit of an earlier epoch is late. It is taken if the partition was the member's then and
/// has been ever since: nobody else can have read on meanwhile.
pub(crate) fn check_partition(
    member: &ConsumerMember,
    member_epoch: i32,
    at: &TopicPartition,
    topics: &Topics,
) -> ErrorCode {
    let current = &member.current;
    let assigned_in = topics.find(&at.topic).and_then(|topic| {
        let assigned = current.assigned.epoch(topic.id, at.partition);
        assigned.or_else(|| current.pending_revocation.epoch(topic.id, at.partition))
    });
    let is_its_own = assigned_in.is_some_and(|epoch| epoch <= member_epoch);
    #[cfg(test)]
    let is_its_own = is_its_own || planted::is(Bug::LateCommitsCount);
    if is_its_own {
        ErrorCode::None
    } else {
        ErrorCode::StaleMemberEpoch
    }
}
