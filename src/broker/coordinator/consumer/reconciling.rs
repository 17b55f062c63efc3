//! How a member comes from what it has to what it is to have: it gives up first, and gets what
//! others have given up.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::group::ConsumerGroup;
use super::member::{ConsumerMember, CurrentAssignment, MemberState};
use super::partitions::{Assigned, Partitions, all};
#[cfg(test)]
use crate::planted::{self, Bug};

/// What decides a member's next step.
pub(super) struct Reconciliation<'a> {
    pub(super) group: &'a ConsumerGroup,
    pub(super) member: &'a ConsumerMember,
    /// Ids of the topics that the member subscribes to.
    pub(super) subscribed: BTreeSet<Uuid>,
    pub(super) has_subscription_changed: bool,
    /// What the member says that it has; `None`: it does not say.
    pub(super) owned: Option<&'a Partitions>,
}

impl Reconciliation<'_> {
    /// What the member has after this step.
    pub(super) fn step(&self) -> CurrentAssignment {
        let current = &self.member.current;
        match current.state {
            MemberState::Stable if current.epoch != self.group.assignment_epoch => {
                self.towards_target(current.epoch)
            }
            MemberState::Stable if self.has_subscription_changed => self.without_unsubscribed(),
            MemberState::Stable => current.clone(),
            MemberState::UnrevokedPartitions => {
                if self.still_owns(&current.pending_revocation) {
                    if self.has_subscription_changed {
                        return self.without_unsubscribed();
                    }
                    return current.clone();
                }
                // It did what its epoch asked for, and has that behind itself.
                let epoch = current.epoch.saturating_add(1);
                self.towards_target(epoch.min(self.group.assignment_epoch))
            }
            MemberState::UnreleasedPartitions => self.towards_target(current.epoch),
        }
    }

    /// Whether the member has not said yet that it gave these up.
    fn still_owns(&self, revoked: &Assigned) -> bool {
        self.owned.is_none_or(|owned| revoked.contains_any(owned))
    }

    fn next(&self, epoch: i32) -> CurrentAssignment {
        let current = &self.member.current;
        CurrentAssignment {
            epoch,
            previous_epoch: if epoch == current.epoch {
                current.previous_epoch
            } else {
                current.epoch
            },
            ..CurrentAssignment::default()
        }
    }

    fn towards_target(&self, epoch: i32) -> CurrentAssignment {
        let assignment_epoch = self.group.assignment_epoch;
        let nothing = Partitions::new();
        let target = self.group.target.get(&self.member.member_id);
        let target = target.unwrap_or(&nothing);
        let wants = |topic: Uuid, partition: i32| {
            let has = target.get(&topic).is_some_and(|it| it.contains(&partition));
            has && self.subscribed.contains(&topic)
        };
        let (mut assigned, revoked) = self.member.current.assigned.split(wants);
        if !revoked.is_empty() && self.still_owns(&revoked) {
            return CurrentAssignment {
                state: MemberState::UnrevokedPartitions,
                assigned,
                pending_revocation: revoked,
                ..self.next(epoch)
            };
        }
        let missing = all(target).filter(|(topic, partition)| {
            self.subscribed.contains(topic) && !assigned.contains(*topic, *partition)
        });
        let missing: Vec<(Uuid, i32)> = missing.collect();
        let mut state = MemberState::Stable;
        if !missing.is_empty() {
            let held = self.group.held_by_others(&self.member.member_id);
            #[cfg(test)]
            let held = if planted::is(Bug::HeldPartitionsGiven) {
                Assigned::default()
            } else {
                held
            };
            for (topic, partition) in missing {
                if held.contains(topic, partition) {
                    state = MemberState::UnreleasedPartitions;
                } else {
                    assigned.insert(topic, partition, assignment_epoch);
                }
            }
        }
        CurrentAssignment {
            state,
            assigned,
            ..self.next(assignment_epoch)
        }
    }

    /// What the member does not subscribe to any more is given up at once, before the next target.
    fn without_unsubscribed(&self) -> CurrentAssignment {
        let current = &self.member.current;
        let subscribes = |topic: Uuid, _| self.subscribed.contains(&topic);
        let (assigned, revoked) = current.assigned.split(subscribes);
        if revoked.is_empty() {
            return current.clone();
        }
        let mut pending_revocation = current.pending_revocation.clone();
        pending_revocation.extend(&revoked);
        if self.still_owns(&pending_revocation) {
            return CurrentAssignment {
                state: MemberState::UnrevokedPartitions,
                assigned,
                pending_revocation,
                ..self.next(current.epoch)
            };
        }
        CurrentAssignment {
            state: MemberState::Stable,
            assigned,
            ..self.next(current.epoch)
        }
    }
}
