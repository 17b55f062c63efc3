//! The quorum of controllers that keeps the metadata of a cluster without `ZooKeeper`, as its leader describes it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::state::Timestamp;
use wire::{BrokerId, LeaderEpoch, Offset};

/// Who was not level with the leader for so long is behind. Kafka's own voters ask for a new leader after 2 s.
const BEHIND_AFTER: Duration = Duration::from_secs(2);

/// What one answer of the quorum's leader says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuorumSeen {
    /// Who leads it.
    pub leader: Option<BrokerId>,
    /// How often a leader was elected.
    pub epoch: LeaderEpoch,
    /// What is below it was decided.
    pub high_watermark: Offset,
    /// Who votes, by id.
    pub voters: Vec<QuorumReplica>,
    /// Who only follows, by id.
    pub observers: Vec<QuorumReplica>,
}

/// A copy of the log that the quorum keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuorumReplica {
    /// Whose.
    pub id: BrokerId,
    /// Where it ends, if the leader knows.
    pub log_end: Option<Offset>,
    /// When it last asked for more, by the leader's clock; `None`: that is not told.
    pub fetched: Option<Timestamp>,
    /// When it was last level with the leader, by the leader's clock.
    pub caught_up: Option<Timestamp>,
}

/// What is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    /// The last answer.
    pub seen: QuorumSeen,
    /// Since when nobody gives one.
    pub silent_since: Option<Timestamp>,
}

/// What the next failure costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuorumSpare {
    /// Too few voters are in step: nothing is decided.
    Nothing {
        /// So many must be.
        needed: usize,
    },
    /// With one more of these lost nothing is decided.
    None {
        /// Who is in step.
        in_step: Vec<BrokerId>,
        /// Who would have to catch up first.
        behind: Vec<BrokerId>,
    },
    /// So many may be lost and it goes on.
    Voters(usize),
}

impl QuorumSeen {
    /// Everybody who has a copy, with whether they vote.
    pub fn replicas(&self) -> impl Iterator<Item = (&QuorumReplica, bool)> {
        let voters = self.voters.iter().map(|it| (it, true));
        voters.chain(self.observers.iter().map(|it| (it, false)))
    }

    /// Where the leader's own copy ends.
    #[must_use]
    pub fn log_end(&self) -> Offset {
        let leader = self.voters.iter().find(|it| Some(it.id) == self.leader);
        let end = leader.and_then(|leader| leader.log_end);
        end.unwrap_or(self.high_watermark)
    }

    /// How many records a copy lacks.
    #[must_use]
    pub fn lag(&self, replica: &QuorumReplica) -> Option<i64> {
        Some((self.log_end().0 - replica.log_end?.0).max(0))
    }

    /// How long before this answer something was, by the clock of the leader that tells both: a leader's own copy is as new
    /// as its answer.
    #[must_use]
    pub fn age(&self, at: Option<Timestamp>) -> Option<Duration> {
        let told = self.replicas().filter_map(|(it, _)| it.fetched);
        Some(told.max()?.since(at?))
    }

    /// Whether a copy is level with the leader, but for what is on its way.
    #[must_use]
    pub fn is_in_step(&self, replica: &QuorumReplica) -> bool {
        if Some(replica.id) == self.leader {
            return true;
        }
        match self.age(replica.caught_up) {
            Some(age) => age < BEHIND_AFTER,
            None => self.lag(replica) == Some(0),
        }
    }

    /// What the next failure costs.
    #[must_use]
    pub fn spare(&self) -> QuorumSpare {
        let (in_step, behind): (Vec<_>, Vec<_>) =
            self.voters.iter().partition(|it| self.is_in_step(it));
        let needed = self.voters.len() / 2 + 1;
        let ids = |replicas: &[&QuorumReplica]| replicas.iter().map(|it| it.id).collect();
        match in_step.len().checked_sub(needed) {
            None => QuorumSpare::Nothing { needed },
            Some(0) => QuorumSpare::None {
                in_step: ids(&in_step),
                behind: ids(&behind),
            },
            Some(spare) => QuorumSpare::Voters(spare),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{QuorumReplica, QuorumSeen, QuorumSpare};
    use crate::state::Timestamp;
    use wire::{BrokerId, LeaderEpoch, Offset};

    fn replica(id: i32, end: i64, caught_up_ms: i64) -> QuorumReplica {
        QuorumReplica {
            id: BrokerId(id),
            log_end: Some(Offset(end)),
            fetched: Some(Timestamp::from_ms(caught_up_ms)),
            caught_up: Some(Timestamp::from_ms(caught_up_ms)),
        }
    }

    fn quorum(voters: Vec<QuorumReplica>) -> QuorumSeen {
        QuorumSeen {
            leader: Some(BrokerId(3001)),
            epoch: LeaderEpoch(12),
            high_watermark: Offset(100),
            voters,
            observers: Vec::new(),
        }
    }

    #[test]
    fn the_next_failure_costs_what_the_majority_lacks() {
        let leader = replica(3001, 100, 60_000);
        let level = |id| replica(id, 99, 59_500);
        let behind = |id| replica(id, 63, 50_000);
        let all = quorum(vec![level(3000), leader.clone(), level(3002)]);
        assert_eq!(all.spare(), QuorumSpare::Voters(1));
        let two = quorum(vec![level(3000), leader.clone(), behind(3002)]);
        let none = QuorumSpare::None {
            in_step: vec![BrokerId(3000), BrokerId(3001)],
            behind: vec![BrokerId(3002)],
        };
        assert_eq!(two.spare(), none);
        let last = two.voters.last().expect("three");
        assert_eq!(two.lag(last), Some(37));
        let age = two.age(last.fetched).map(|age| age.as_secs());
        assert_eq!(age, Some(10));
        let one = quorum(vec![behind(3000), leader.clone(), behind(3002)]);
        assert_eq!(one.spare(), QuorumSpare::Nothing { needed: 2 });
        let alone = quorum(vec![leader]);
        assert!(matches!(alone.spare(), QuorumSpare::None { in_step, .. } if in_step.len() == 1));
    }

    #[test]
    fn without_times_who_lacks_nothing_is_in_step() {
        let timeless = |id, end| QuorumReplica {
            fetched: None,
            caught_up: None,
            ..replica(id, end, 0)
        };
        let seen = quorum(vec![
            timeless(3000, 100),
            timeless(3001, 100),
            timeless(3002, 99),
        ]);
        let in_step = seen.voters.iter().filter(|it| seen.is_in_step(it)).count();
        assert_eq!(in_step, 2);
    }
}
