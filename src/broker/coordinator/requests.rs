//! What is checked before a group sees a request: its id, whether it is ours, whether it exists.

use super::Coordinator;
use super::commit::refuse_commit;
use super::event::{
    CommitRequest, Effect, JoinRequest, JoinResponse, LeaveRequest, Now, Producer, Request,
    RequestId, Response, SyncRequest, SyncResponse,
};
use super::group::{Group, GroupState};
use super::turn::{AfterWrite, Turn};
use wire::{ErrorCode, TopicPartition};

/// Kafka's strings end here; a longer id could not be stored whole.
const GROUP_ID_BYTES_MAX: usize = 32_767;

impl Coordinator {
    pub(super) fn request(
        &mut self,
        id: RequestId,
        request: Request,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let response = match request {
            Request::Join(request) => self.join(id, &request, now, effects).map(Response::Join),
            Request::Sync(request) => self.sync(id, request, now, effects).map(Response::Sync),
            Request::Heartbeat(member) => {
                let error = match self.checked(&member.group, false) {
                    // A member need not know that its coordinator is still reading.
                    Err(ErrorCode::CoordinatorLoadInProgress) => ErrorCode::None,
                    Err(error) => error,
                    Ok(()) => self
                        .with_group(&member.group, now, effects, |group, turn| {
                            group.heartbeat(&member, turn)
                        })
                        .unwrap_or(ErrorCode::UnknownMemberId),
                };
                Some(Response::Heartbeat(error))
            }
            Request::Leave(request) => Some(self.leave(request, now, effects)),
            Request::Commit(request) => {
                self.commit(id, request, now, effects);
                None
            }
            Request::CommitInTransaction { producer, commit } => {
                self.commit_in_transaction(id, producer, commit, now, effects);
                None
            }
            Request::ConsumerHeartbeat(request) => self
                .consumer_heartbeat(id, *request, now, effects)
                .map(|refusal| Response::ConsumerHeartbeat(Err(refusal))),
            Request::DeleteGroup { group } => self
                .delete_group(id, &group, now, effects)
                .map(Response::DeleteGroup),
            Request::DeleteOffsets { group, partitions } => self
                .delete_offsets(id, &group, partitions, now, effects)
                .map(|error| Response::DeleteOffsets(error, Vec::new())),
        };
        if let Some(response) = response {
            effects.push(Effect::Respond { to: id, response });
        }
    }

    /// Kafka lets offsets be kept under the empty id; members need a name.
    pub(super) fn checked(&self, group: &str, may_be_empty: bool) -> Result<(), ErrorCode> {
        if (group.is_empty() && !may_be_empty) || group.len() > GROUP_ID_BYTES_MAX {
            return Err(ErrorCode::InvalidGroupId);
        }
        self.offsets_partition_of(group).map(|_| ())
    }

    fn join(
        &mut self,
        id: RequestId,
        request: &JoinRequest,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Option<JoinResponse> {
        let refuse = |error| Some(JoinResponse::error(&*request.member_id, error));
        if let Err(error) = self.checked(&request.group, false) {
            return refuse(error);
        }
        let allowed = self.config.session_timeout_min_ms..=self.config.session_timeout_max_ms;
        if !allowed.contains(&request.session_timeout_ms) {
            return refuse(ErrorCode::InvalidSessionTimeout);
        }
        match self.make_way_for_classic(&request.group, now, effects) {
            Ok(false) => {}
            Ok(true) => {
                self.with_group(&request.group, now, effects, |group, turn| {
                    group.join_consumer(id, request, turn);
                });
                return None;
            }
            Err(error) => return refuse(error),
        }
        if request.member_id.is_empty() {
            self.create_group(&request.group, now);
        }
        let joined = self.with_group(&request.group, now, effects, |group, turn| {
            group.join(id, request, turn);
        });
        if joined.is_none() {
            return refuse(ErrorCode::UnknownMemberId);
        }
        None
    }

    pub(super) fn create_group(&mut self, id: &str, now: Now) {
        if !self.groups.contains_key(id)
            && let Ok(offsets_partition) = self.offsets_partition_of(id)
        {
            let group = Group::new(id, offsets_partition, now.wall_ms);
            self.groups.insert(id.to_owned(), group);
        }
    }

    fn sync(
        &mut self,
        id: RequestId,
        request: SyncRequest,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Option<SyncResponse> {
        let error = match self.checked(&request.member.group, false) {
            // What was agreed on is lost with the old coordinator: join again, here.
            Err(ErrorCode::CoordinatorLoadInProgress) => ErrorCode::RebalanceInProgress,
            Err(error) => error,
            Ok(()) => {
                let group = request.member.group.clone();
                let synced = self.with_group(&group, now, effects, |group, turn| {
                    group.sync(id, request, turn);
                });
                if synced.is_some() {
                    return None;
                }
                ErrorCode::UnknownMemberId
            }
        };
        Some(SyncResponse::error(error))
    }

    fn leave(&mut self, request: LeaveRequest, now: Now, effects: &mut Vec<Effect>) -> Response {
        if let Err(error) = self.checked(&request.group, false) {
            return Response::Leave(error, Vec::new());
        }
        match self.groups.get(&request.group) {
            Some(group) if group.is(GroupState::Dead) => {
                return Response::Leave(ErrorCode::CoordinatorNotAvailable, Vec::new());
            }
            _ => {}
        }
        let results = request.members.into_iter().map(|leaving| {
            let error = self
                .with_group(&request.group, now, effects, |group, turn| {
                    group.leave(&leaving, turn)
                })
                .unwrap_or(ErrorCode::UnknownMemberId);
            (leaving, error)
        });
        Response::Leave(ErrorCode::None, results.collect())
    }

    fn commit(
        &mut self,
        id: RequestId,
        request: CommitRequest,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let group = request.member.group.clone();
        let mut checked = self.checked(&group, true);
        if checked.is_ok() && !self.groups.contains_key(&group) {
            if request.member.generation < 0 {
                // Offsets without membership: the group begins with them.
                self.create_group(&group, now);
            } else {
                checked = Err(ErrorCode::IllegalGeneration);
            }
        }
        if let Err(error) = checked {
            self.refuse_commit(id, request, error, now, effects);
            return;
        }
        self.with_group(&group, now, effects, |group, turn| {
            group.commit(id, request, turn);
        });
    }

    fn refuse_commit(
        &mut self,
        id: RequestId,
        request: CommitRequest,
        error: ErrorCode,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let mut turn = Turn {
            now,
            config: &self.config,
            topics: &self.topics,
            overrides: &self.overrides,
            outstanding: &mut self.outstanding,
            effects,
        };
        refuse_commit(id, request, error, &mut turn);
    }

    fn commit_in_transaction(
        &mut self,
        id: RequestId,
        producer: Producer,
        request: CommitRequest,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let group = request.member.group.clone();
        let mut checked = self.checked(&group, false);
        if checked.is_ok() && !self.groups.contains_key(&group) {
            if request.member.generation < 0 {
                self.create_group(&group, now);
            } else {
                checked = Err(ErrorCode::UnknownMemberId);
            }
        }
        if let Err(error) = checked {
            self.refuse_commit(id, request, error, now, effects);
            return;
        }
        self.with_group(&group, now, effects, |group, turn| {
            group.commit_in_transaction(id, producer, request, turn);
        });
        let partition = self.partition_for(&group);
        if let Some(led) = self.partitions.get_mut(&partition) {
            led.in_transactions.insert(group);
        }
    }

    fn delete_group(
        &mut self,
        id: RequestId,
        group: &str,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Option<ErrorCode> {
        if let Err(error) = self.checked(group, true) {
            return Some(error);
        }
        self.with_group(group, now, effects, |group, turn| match group.state {
            GroupState::Dead => Some(ErrorCode::GroupIdNotFound),
            GroupState::Empty => {
                let records = group.tombstones();
                if records.is_empty() {
                    return Some(ErrorCode::None);
                }
                group.enter(GroupState::Dead, turn);
                turn.write(
                    &group.id,
                    group.offsets_partition,
                    records,
                    AfterWrite::DeleteGroup { to: id },
                );
                None
            }
            GroupState::Stable
            | GroupState::PreparingRebalance
            | GroupState::CompletingRebalance => Some(ErrorCode::NonEmptyGroup),
        })
        .unwrap_or(Some(ErrorCode::GroupIdNotFound))
        .inspect(|error| {
            if error.is_none() {
                self.groups.remove(group);
            }
        })
    }

    fn delete_offsets(
        &mut self,
        id: RequestId,
        group: &str,
        partitions: Vec<TopicPartition>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Option<ErrorCode> {
        if let Err(error) = self.checked(group, false) {
            return Some(error);
        }
        let gone = self.with_group(group, now, effects, |group, turn| {
            group.delete_offsets(id, partitions, turn)
        });
        match gone {
            None => Some(ErrorCode::GroupIdNotFound),
            Some(gone) => {
                if gone {
                    self.groups.remove(group);
                }
                None
            }
        }
    }
}
