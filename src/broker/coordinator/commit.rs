//! Committed offsets: storing, deleting, expiring.

use super::consumer::{ConsumerGroup, ConsumerMember, check_partition};
use super::event::WriteId;
use super::event::{CommitRequest, MemberIdentity, Producer, RequestId, Response, StoredRecord};
use super::group::{CommittedOffset, Group, GroupState};
use super::group_metadata_record;
use super::offset_commit_record::{OffsetAndMetadata, OffsetCommitKey};
use super::turn::{AfterWrite, Turn};
#[cfg(test)]
use crate::planted::{self, Bug};
use wire::consumer_protocol::{CONSUMER_PROTOCOL_TYPE, decode_subscription};
use wire::{ErrorCode, TopicPartition};

/// An offset to commit, and why it is refused.
type CheckedOffset = (TopicPartition, OffsetAndMetadata, ErrorCode);

impl Group {
    /// Writes offsets into the log; they count and are answered once committed there.
    pub(crate) fn commit(&mut self, to: RequestId, request: CommitRequest, turn: &mut Turn<'_>) {
        let offsets = match self.checked_offsets(&request, turn) {
            Ok(offsets) => offsets,
            Err(error) => {
                refuse_commit(to, request, error, turn);
                return;
            }
        };
        match self.state {
            GroupState::Empty | GroupState::Dead => {}
            // The member learns of the rebalance from its heartbeat; until then it may commit.
            GroupState::Stable | GroupState::PreparingRebalance => {
                self.heard(&request.member.member_id, turn);
            }
            GroupState::CompletingRebalance => {
                refuse_commit(to, request, ErrorCode::RebalanceInProgress, turn);
                return;
            }
        }
        self.write_offsets(to, None, offsets, turn);
    }

    /// Writes offsets as part of a producer's transaction; they count once that is committed. Whoever names neither
    /// a generation nor a member may do so beside members, too: the transactions of older clients do not know them.
    pub(crate) fn commit_in_transaction(
        &mut self,
        to: RequestId,
        producer: Producer,
        request: CommitRequest,
        turn: &mut Turn<'_>,
    ) {
        let checked = if self.is(GroupState::Dead) || names_a_member(&request.member) {
            self.checked_offsets(&request, turn)
        } else {
            let offsets = request.offsets.iter().cloned();
            Ok(offsets.map(|(at, it)| (at, it, ErrorCode::None)).collect())
        };
        // A producer knows generations, and no member epochs.
        let known = |error| match error {
            ErrorCode::StaleMemberEpoch => ErrorCode::IllegalGeneration,
            other => other,
        };
        match checked {
            Ok(mut offsets) => {
                for (_, _, error) in &mut offsets {
                    *error = known(*error);
                }
                self.write_offsets(to, Some(producer), offsets, turn);
            }
            Err(error) => refuse_commit(to, request, known(error), turn),
        }
    }

    /// The offsets, each with why it is refused. The epoch of a member of the consumer protocol may be over: that
    /// is seen partition by partition.
    fn checked_offsets(
        &self,
        request: &CommitRequest,
        turn: &Turn<'_>,
    ) -> Result<Vec<CheckedOffset>, ErrorCode> {
        let late = self.validate_commit(request)?;
        let epoch = request.member.generation;
        let offsets = request.offsets.iter().cloned();
        let checked = offsets.map(|(at, offset)| {
            let error = late.map_or(ErrorCode::None, |member| {
                check_partition(member, epoch, &at, turn.topics)
            });
            (at, offset, error)
        });
        Ok(checked.collect())
    }

    fn write_offsets(
        &mut self,
        to: RequestId,
        producer: Option<Producer>,
        offsets: Vec<CheckedOffset>,
        turn: &mut Turn<'_>,
    ) {
        let longest = turn.config.offset_metadata_bytes_max;
        let offsets: Vec<_> = offsets
            .into_iter()
            .map(|(at, offset, refused)| {
                // Kafka's limit is named in bytes and counts as Java does.
                let length = offset.metadata.encode_utf16().count();
                let error = if refused.is_none() && length > longest {
                    ErrorCode::OffsetMetadataTooLarge
                } else {
                    refused
                };
                (at, offset, error)
            })
            .collect();
        let records: Vec<StoredRecord> = offsets
            .iter()
            .filter(|(_, _, error)| error.is_none())
            .map(|(at, offset, _)| StoredRecord {
                key: self.offset_key(at),
                value: Some(offset.encode()),
            })
            .collect();
        if records.is_empty() {
            let results = offsets.into_iter().map(|(at, _, error)| (at, error));
            turn.respond(to, Response::Commit(results.collect()));
            return;
        }
        let written: Vec<(TopicPartition, OffsetAndMetadata)> = offsets
            .iter()
            .filter(|(_, _, error)| error.is_none())
            .map(|(at, offset, _)| (at.clone(), offset.clone()))
            .collect();
        let then = AfterWrite::Commit {
            to,
            producer,
            offsets,
        };
        let write = turn.write_of(producer, &self.id, self.offsets_partition, records, then);
        for (at, offset) in written {
            if let Some(producer) = producer {
                self.transactional_offsets.add(producer, at, write, offset);
            } else {
                self.pending_commits.entry(at).or_default().insert(write);
            }
        }
    }

    /// Members commit under their generation; others (`-1`) only while there are no members. A member
    /// is returned that commits under an epoch that is over: each partition is to be checked then.
    fn validate_commit(
        &self,
        request: &CommitRequest,
    ) -> Result<Option<&ConsumerMember>, ErrorCode> {
        let member = &request.member;
        if self.is(GroupState::Dead) {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        if let Some(consumer) = &self.consumer {
            let (id, epoch) = (member.member_id.as_str(), member.generation);
            return consumer.check_commit(id, epoch, request.knows_member_epochs);
        }
        self.validate_classic_commit(member).map(|()| None)
    }

    fn validate_classic_commit(&self, member: &MemberIdentity) -> Result<(), ErrorCode> {
        if member.generation < 0 && self.is(GroupState::Empty) {
            Ok(())
        } else if names_a_member(member) {
            let validated = self.validate_generation(member);
            #[cfg(test)]
            if planted::is(Bug::CommitOfAnyGeneration)
                && validated == Err(ErrorCode::IllegalGeneration)
            {
                return Ok(());
            }
            validated
        } else {
            Err(ErrorCode::UnknownMemberId)
        }
    }

    /// The offsets are in the log, or are not.
    pub(crate) fn offsets_stored(
        &mut self,
        write: WriteId,
        offsets: &[(TopicPartition, OffsetAndMetadata, ErrorCode)],
        stored: bool,
    ) {
        for (at, offset, error) in offsets {
            if !error.is_none() {
                continue;
            }
            // Deleted meanwhile: the tombstone was written after it.
            if !self.take_pending(at, write) {
                continue;
            }
            let newer = self
                .offsets
                .get(at)
                .is_some_and(|known| known.written_by > write);
            #[cfg(test)]
            let newer = newer && !planted::is(Bug::CommitsInAnyOrder);
            if stored && !newer {
                let committed = CommittedOffset {
                    value: offset.clone(),
                    written_by: write,
                };
                self.offsets.insert(at.clone(), committed);
            }
        }
    }

    /// Takes a write from those on their way; whether it was among them.
    fn take_pending(&mut self, at: &TopicPartition, write: WriteId) -> bool {
        let Some(writes) = self.pending_commits.get_mut(at) else {
            return false;
        };
        let was_pending = writes.remove(&write);
        if writes.is_empty() {
            self.pending_commits.remove(at);
        }
        was_pending
    }

    /// Forgets offsets and writes their tombstones, and the group's if that was all of it.
    /// Whether the group is gone.
    pub(crate) fn forget_offsets(
        &mut self,
        partitions: &[TopicPartition],
        then: AfterWrite,
        turn: &mut Turn<'_>,
    ) -> bool {
        let mut records = Vec::new();
        for at in partitions {
            let pending = self.pending_commits.remove(at).is_some();
            let transactional = self.transactional_offsets.forget(at);
            if self.offsets.remove(at).is_some() || pending || transactional {
                records.push(StoredRecord {
                    key: self.offset_key(at),
                    value: None,
                });
            }
        }
        let is_gone =
            self.is(GroupState::Empty) && !self.has_offsets() && self.pending_members.is_empty();
        if is_gone {
            records.extend(self.group_tombstones());
        }
        if records.is_empty() {
            // Nothing to write, but somebody may wait for the answer.
            if let AfterWrite::DeleteOffsets { to, results } = then {
                turn.respond(to, Response::DeleteOffsets(ErrorCode::None, results));
            }
        } else {
            turn.write(&self.id, self.offsets_partition, records, then);
        }
        is_gone
    }

    /// Tombstones for everything that the log holds of this group.
    pub(crate) fn tombstones(&self) -> Vec<StoredRecord> {
        self.offsets
            .keys()
            .chain(self.pending_commits.keys())
            .chain(self.transactional_offsets.partitions())
            .map(|at| StoredRecord {
                key: self.offset_key(at),
                value: None,
            })
            .chain(self.group_tombstones())
            .collect()
    }

    /// Tombstones for what the log holds of the group itself. Of the classic protocol only
    /// generations are stored: a group that never had one has no record.
    pub(crate) fn group_tombstones(&self) -> Vec<StoredRecord> {
        if self.consumer.is_some() {
            return ConsumerGroup::tombstones(&self.id);
        }
        let classic = (self.generation > 0).then(|| StoredRecord {
            key: group_metadata_record::encode_key(&self.id),
            value: None,
        });
        classic.into_iter().collect()
    }

    fn offset_key(&self, at: &TopicPartition) -> bytes::Bytes {
        OffsetCommitKey {
            group: self.id.clone(),
            at: at.clone(),
        }
        .encode()
    }

    /// The offsets that nobody has needed for the retention time. A consumer group's age from the
    /// moment it became empty; a stable one's only where it does not subscribe to the topic.
    pub(crate) fn expired_offsets(&self, wall_ms: i64, retention_ms: i64) -> Vec<TopicPartition> {
        let subscribed = self.subscribed_topics();
        self.offsets
            .iter()
            .filter(|(at, _)| !self.pending_commits.contains_key(*at))
            .filter(|(at, _)| !self.transactional_offsets.contains(at))
            .filter(|(at, committed)| {
                let value = &committed.value;
                let committed_at = value.commit_timestamp_ms;
                let since = match (&self.protocol_type, self.state) {
                    (Some(_), GroupState::Empty) if self.state_since_ms >= 0 => self.state_since_ms,
                    (None, _) | (Some(_), GroupState::Empty) => committed_at,
                    (Some(_), GroupState::Stable) => match &subscribed {
                        Some(topics) if !topics.contains(&at.topic) => committed_at,
                        _ => return false,
                    },
                    (Some(_), _) => return false,
                };
                match value.expire_timestamp_ms {
                    Some(expires_at) => wall_ms >= expires_at,
                    None => wall_ms.saturating_sub(since) >= retention_ms,
                }
            })
            .map(|(at, _)| at.clone())
            .collect()
    }

    /// The topics of all members together; `None` where that cannot be known.
    pub(crate) fn subscribed_topics(&self) -> Option<Vec<String>> {
        if let Some(consumer) = &self.consumer {
            let topics = consumer.subscribed_topics().into_iter();
            return Some(topics.map(str::to_owned).collect());
        }
        if self.protocol_type.as_deref() != Some(CONSUMER_PROTOCOL_TYPE) {
            return None;
        }
        let mut topics = Vec::new();
        for member in self.members.values() {
            let (_, metadata) = match &self.protocol {
                Some(protocol) => member.protocols.iter().find(|(name, _)| name == protocol)?,
                None => member.protocols.first()?,
            };
            topics.extend(decode_subscription(metadata).ok()?.topics);
        }
        Some(topics)
    }

    /// `OffsetDelete`: a consumer group's offsets of topics that it does not read, or any of an
    /// empty group's. Whether the group is gone with them.
    pub(crate) fn delete_offsets(
        &mut self,
        to: RequestId,
        partitions: Vec<TopicPartition>,
        turn: &mut Turn<'_>,
    ) -> bool {
        let subscribed = match self.state {
            GroupState::Dead => {
                let error = ErrorCode::GroupIdNotFound;
                turn.respond(to, Response::DeleteOffsets(error, Vec::new()));
                return false;
            }
            GroupState::Empty => Vec::new(),
            _ => {
                let Some(topics) = self.subscribed_topics() else {
                    let error = ErrorCode::NonEmptyGroup;
                    turn.respond(to, Response::DeleteOffsets(error, Vec::new()));
                    return false;
                };
                topics
            }
        };
        let results: Vec<(TopicPartition, ErrorCode)> = partitions
            .into_iter()
            .map(|at| {
                let error = if subscribed.contains(&at.topic) {
                    ErrorCode::GroupSubscribedToTopic
                } else {
                    ErrorCode::None
                };
                (at, error)
            })
            .collect();
        let eligible: Vec<TopicPartition> = results
            .iter()
            .filter(|(_, error)| error.is_none())
            .map(|(at, _)| at.clone())
            .collect();
        self.forget_offsets(&eligible, AfterWrite::DeleteOffsets { to, results }, turn)
    }
}

fn names_a_member(member: &MemberIdentity) -> bool {
    member.generation >= 0 || !member.member_id.is_empty() || member.group_instance_id.is_some()
}

/// The same error for every partition.
pub(crate) fn refuse_commit(
    to: RequestId,
    request: CommitRequest,
    error: ErrorCode,
    turn: &mut Turn<'_>,
) {
    let results = request.offsets.into_iter().map(|(at, _)| (at, error));
    turn.respond(to, Response::Commit(results.collect()));
}
