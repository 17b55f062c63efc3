//! What follows a write that was committed, or was not.

use super::Coordinator;
use super::consumer::not_stored;
use super::event::{Effect, Now, Response, WriteId};
use super::group::{Group, GroupState};
use super::turn::AfterWrite;
use wire::ErrorCode;

impl Coordinator {
    /// A write's outcome. Writes of an earlier leadership still answer their client: what was
    /// committed is committed.
    pub(super) fn stored(
        &mut self,
        write: WriteId,
        result: Result<(), ErrorCode>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(pending) = self.outstanding.writes.remove(&write) else {
            return;
        };
        let id = pending.group;
        let same_partition = |group: &Group| group.offsets_partition == pending.offsets_partition;
        let known = self.groups.get(&id).is_some_and(same_partition);
        match pending.then {
            AfterWrite::Assign {
                generation,
                assignments,
            } if known => {
                self.with_group(&id, now, effects, |group, turn| {
                    let result = result.map_err(generation_error);
                    group.assignments_stored(generation, assignments, result, turn);
                });
            }
            AfterWrite::Replace(replacement) if known => {
                self.with_group(&id, now, effects, |group, turn| {
                    let result = result.map_err(generation_error);
                    group.static_member_stored(*replacement, result, turn);
                });
            }
            // Nobody waits; or the group moved away and everybody heard NOT_COORDINATOR then.
            AfterWrite::Nothing | AfterWrite::Assign { .. } | AfterWrite::Replace(_) => {}
            AfterWrite::Commit {
                to,
                producer,
                offsets,
            } => {
                if known {
                    let stored = result.is_ok();
                    self.with_group(&id, now, effects, |group, _| match producer {
                        None => group.offsets_stored(write, &offsets, stored),
                        Some(producer) => {
                            group.transactional_offsets_stored(producer, write, &offsets, stored);
                        }
                    });
                }
                let error = result.map_or_else(commit_error, |()| ErrorCode::None);
                let results = offsets.into_iter().map(|(at, _, refused)| {
                    let error = if refused.is_none() { error } else { refused };
                    (at, error)
                });
                effects.push(Effect::Respond {
                    to,
                    response: Response::Commit(results.collect()),
                });
            }
            AfterWrite::ChangeConsumerGroup(change) => {
                if known {
                    self.with_group(&id, now, effects, |group, turn| {
                        group.change_stored(write, result, change.before, change.classic, turn);
                    });
                    if self.groups.get(&id).is_some_and(Group::is_nothing) {
                        self.groups.remove(&id);
                    }
                }
                for (to, answer) in change.answers {
                    let response = match result {
                        Ok(()) => answer,
                        Err(error) => not_stored(answer, error),
                    };
                    effects.push(Effect::Respond { to, response });
                }
            }
            AfterWrite::DeleteGroup { to } => {
                if known {
                    self.group_deleted(&id, result.is_ok(), now, effects);
                }
                let error = result.map_or_else(commit_error, |()| ErrorCode::None);
                effects.push(Effect::Respond {
                    to,
                    response: Response::DeleteGroup(error),
                });
            }
            AfterWrite::DeleteOffsets { to, results } => {
                let response = match result {
                    Ok(()) => Response::DeleteOffsets(ErrorCode::None, results),
                    Err(error) => Response::DeleteOffsets(commit_error(error), Vec::new()),
                };
                effects.push(Effect::Respond { to, response });
            }
        }
    }

    fn group_deleted(&mut self, id: &str, stored: bool, now: Now, effects: &mut Vec<Effect>) {
        if !stored {
            self.with_group(id, now, effects, |group, turn| {
                group.enter(GroupState::Empty, turn);
            });
            return;
        }
        self.with_group(id, now, effects, |group, turn| {
            let pending = std::mem::take(&mut group.pending_members);
            for member_id in pending {
                turn.clear_session(&group.id, &member_id);
            }
            group.report_state(&"deleted".into(), turn);
        });
        self.groups.remove(id);
    }
}

/// How clients hear that a generation could not be stored.
fn generation_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower
        | ErrorCode::FencedLeaderEpoch
        | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::RequestTimedOut => ErrorCode::RebalanceInProgress,
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => ErrorCode::UnknownServerError,
        other => other,
    }
}

/// How clients hear that offsets could not be stored.
fn commit_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower
        | ErrorCode::FencedLeaderEpoch
        | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => {
            ErrorCode::InvalidCommitOffsetSize
        }
        other => other,
    }
}
