//! Members of the classic protocol in a group of the consumer protocol (KIP-848): while a group moves from one protocol
//! to the other, they join, sync and beat as ever, and get what the coordinator divided.

use bytes::{BufMut, Bytes, BytesMut};

use super::event::{ConsumerHeartbeat, JOIN_EPOCH, Refusal};
use super::group::ConsumerGroup;
use super::heartbeat::Heartbeat;
use super::member::{ClassicMember, ConsumerMember, MemberState};
use super::partitions::{Partitions, all};
use super::topics::Topics;
use super::writing::{Change, did};
use crate::coordinator::event::{
    JoinRequest, JoinResponse, MemberIdentity, RequestId, Response, SyncRequest, SyncResponse,
};
use crate::coordinator::group::Group;
use crate::coordinator::turn::Turn;
use wire::consumer_protocol::{CONSUMER_PROTOCOL_TYPE, decode_subscription};
use wire::fields::put_string;
use wire::report::MemberStep;
use wire::{ErrorCode, TopicPartition};

/// The newest version of the assignment's format.
const ASSIGNMENT_VERSION_MAX: i16 = 3;

impl Group {
    /// `JoinGroup`: nobody is waited for, the coordinator divides itself.
    pub(in crate::coordinator) fn join_consumer(
        &mut self,
        to: RequestId,
        request: &JoinRequest,
        turn: &mut Turn<'_>,
    ) {
        if let Err((error, member_id)) = self.try_join_consumer(to, request, turn) {
            let response = JoinResponse::error(member_id, error);
            turn.respond(to, Response::Join(response));
        }
    }

    fn try_join_consumer(
        &mut self,
        to: RequestId,
        request: &JoinRequest,
        turn: &mut Turn<'_>,
    ) -> Result<(), (ErrorCode, String)> {
        let fail = |error: ErrorCode| (error, request.member_id.clone());
        let Some(before) = self.consumer.clone() else {
            return Err(fail(ErrorCode::UnknownMemberId));
        };
        if !before.supports_classic(&request.protocol_type, &request.protocols) {
            return Err(fail(ErrorCode::InconsistentGroupProtocol));
        }
        let metadata = request.protocols.first().map(|(_, metadata)| metadata);
        let subscription = metadata.and_then(|metadata| decode_subscription(metadata).ok());
        let subscription = subscription.ok_or_else(|| fail(ErrorCode::UnknownServerError))?;
        let instance_id = request.group_instance_id.as_deref();
        let mut consumer = before.clone();
        let mut records = Vec::new();
        let mut member_id = request.member_id.clone();
        if member_id.is_empty() {
            member_id.clone_from(&request.new_member_suffix);
            if instance_id.is_none() && request.requires_known_member_id {
                return Err((ErrorCode::MemberIdRequired, member_id));
            }
            // A static member that restarted takes the place of its old self.
            let old = instance_id.and_then(|instance_id| consumer.static_member(instance_id));
            if let Some(old) = old.map(|old| old.member_id.clone()) {
                consumer.go_away(&self.id, &old, &mut records);
            }
        } else if let Some(holder) = instance_id.and_then(|it| consumer.static_member(it))
            && holder.member_id != member_id
        {
            return Err(fail(ErrorCode::FencedInstanceId));
        }
        let heartbeat = ConsumerHeartbeat {
            group: self.id.clone(),
            member_id: member_id.clone(),
            member_epoch: JOIN_EPOCH,
            instance_id: request.group_instance_id.clone(),
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            topics: Some(subscription.topics),
            expression: Some(String::new()),
            owned: Some(by_id(&subscription.owned, turn.topics)),
            client_id: request.client_id.clone(),
            client_host: request.client_host.clone(),
            classic: Some(ClassicMember {
                session_timeout_ms: request.session_timeout_ms,
                protocols: request.protocols.clone(),
            }),
            ..ConsumerHeartbeat::default()
        };
        let config = turn.consumer_config(&self.id);
        let heartbeat = Heartbeat {
            request: &heartbeat,
            topics: turn.topics,
            config: &config,
            now: turn.now,
        };
        let answer = consumer.heartbeat(&heartbeat, &mut records);
        let answer = answer.map_err(|refusal: Refusal| fail(refusal.error))?;
        let response = JoinResponse {
            error: ErrorCode::None,
            generation: answer.member_epoch,
            protocol_type: Some(CONSUMER_PROTOCOL_TYPE.to_owned()),
            protocol_name: request.protocols.first().map(|(name, _)| name.clone()),
            leader: String::new(),
            skip_assignment: false,
            member_id: member_id.clone(),
            members: Vec::new(),
        };
        self.consumer = Some(consumer);
        self.follow_speaker(Some(&before), &member_id, true, turn);
        let change = Change {
            before: Some(before),
            classic: None,
            records,
            answer: Some((to, Response::Join(response))),
            why: did(
                &member_id,
                &request.client_id,
                "joins by the classic protocol",
            ),
            gone: MemberStep::Left,
        };
        self.store_change(change, turn);
        Ok(())
    }

    /// `Heartbeat`: a member joins again when it is behind, has to give up, or can get more.
    pub(in crate::coordinator) fn classic_heartbeat(
        &self,
        identity: &MemberIdentity,
        turn: &mut Turn<'_>,
    ) -> ErrorCode {
        let Some(consumer) = &self.consumer else {
            return ErrorCode::UnknownMemberId;
        };
        let member = match consumer.classic_member(identity) {
            Ok(member) => member,
            Err(error) => return error,
        };
        self.heard_consumer(&identity.member_id, turn);
        let is_behind = member.current.epoch < consumer.epoch;
        let must_join = is_behind
            || match member.current.state {
                MemberState::Stable => false,
                MemberState::UnrevokedPartitions => true,
                MemberState::UnreleasedPartitions => consumer.can_get_more(member),
            };
        if must_join {
            ErrorCode::RebalanceInProgress
        } else {
            ErrorCode::None
        }
    }

    /// `SyncGroup`: what the member has now.
    pub(in crate::coordinator) fn classic_sync(
        &self,
        to: RequestId,
        request: &SyncRequest,
        turn: &mut Turn<'_>,
    ) {
        let Some(consumer) = &self.consumer else {
            return;
        };
        let response = match consumer.classic_member(&request.member) {
            Ok(member) => {
                self.heard_consumer(&member.member_id, turn);
                SyncResponse {
                    error: ErrorCode::None,
                    protocol_type: Some(CONSUMER_PROTOCOL_TYPE.to_owned()),
                    protocol_name: member.first_protocol().map(|(name, _)| name.clone()),
                    assignment: assignment_of(member, turn.topics),
                }
            }
            Err(error) => SyncResponse::error(error),
        };
        turn.respond(to, Response::Sync(response));
    }
}

impl ConsumerGroup {
    /// Whether a classic member with these assignors could take part: of those that the members of
    /// its kind share it must know one.
    fn supports_classic(&self, protocol_type: &str, protocols: &[(String, Bytes)]) -> bool {
        let members = self.members.values();
        let classic: Vec<&ClassicMember> = members
            .filter_map(|member| member.subscription.classic.as_ref())
            .collect();
        let all_know = |name: &str| {
            let mut classic = classic.iter();
            classic.all(|it| it.protocols.iter().any(|(known, _)| known == name))
        };
        protocol_type == CONSUMER_PROTOCOL_TYPE
            && protocols
                .iter()
                .map(|(name, _)| name.as_str())
                .any(all_know)
    }

    /// The member of the classic protocol that names itself so.
    fn classic_member(&self, identity: &MemberIdentity) -> Result<&ConsumerMember, ErrorCode> {
        if let Some(instance_id) = &identity.group_instance_id {
            match self.static_member(instance_id) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(holder) if holder.member_id != identity.member_id => {
                    return Err(ErrorCode::FencedInstanceId);
                }
                Some(_) => {}
            }
        }
        match self.members.get(&identity.member_id) {
            Some(member) if member.subscription.classic.is_none() => {
                Err(ErrorCode::UnknownMemberId)
            }
            None => Err(ErrorCode::UnknownMemberId),
            Some(member) if member.current.epoch != identity.generation => {
                Err(ErrorCode::IllegalGeneration)
            }
            Some(member) => Ok(member),
        }
    }

    /// Whether something that the member waits for is free by now.
    fn can_get_more(&self, member: &ConsumerMember) -> bool {
        let Some(target) = self.target.get(&member.member_id) else {
            return false;
        };
        let held = self.held_by_others(&member.member_id);
        all(target).any(|(topic, partition)| {
            !member.current.assigned.contains(topic, partition) && !held.contains(topic, partition)
        })
    }
}

impl ConsumerMember {
    pub(super) fn first_protocol(&self) -> Option<&(String, Bytes)> {
        self.subscription.classic.as_ref()?.protocols.first()
    }
}

/// A member's partitions in the format that members of the classic protocol read, in the version
/// that they themselves write.
pub(super) fn assignment_of(member: &ConsumerMember, topics: &Topics) -> Bytes {
    let version = member.first_protocol().and_then(|(_, metadata)| {
        let version = metadata.get(..2)?;
        Some(i16::from_be_bytes(version.try_into().ok()?))
    });
    let version = version.unwrap_or_default().clamp(0, ASSIGNMENT_VERSION_MAX);
    let mut by_topic = Vec::new();
    for (id, partitions) in member.current.assigned.topics() {
        if let Some(name) = topics.name(id) {
            by_topic.push((name, partitions));
        }
    }
    by_topic.sort_by_key(|(name, _)| *name);
    let mut out = BytesMut::new();
    let count = |length: usize| i32::try_from(length).unwrap_or(i32::MAX);
    out.put_i16(version);
    out.put_i32(count(by_topic.len()));
    for (name, partitions) in by_topic {
        put_string(&mut out, name);
        out.put_i32(count(partitions.len()));
        for partition in partitions.keys() {
            out.put_i32(*partition);
        }
    }
    // No data of an assignor.
    out.put_i32(-1);
    out.freeze()
}

/// The same partitions by the ids of their topics; those of topics that are gone are left out.
pub(super) fn by_id(partitions: &[TopicPartition], topics: &Topics) -> Partitions {
    let mut found = Partitions::new();
    for at in partitions {
        if let Some(topic) = topics.find(&at.topic) {
            found.entry(topic.id).or_default().insert(at.partition);
        }
    }
    found
}
