//! Everything the coordinator waits for, in one queue ordered by when it is due.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What happens when nothing else does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deadline {
    /// Members that have not joined again are dropped and the generation begins.
    Join { group: String },
    /// Members that have not synced are dropped.
    Sync { group: String },
    /// A member was not heard for its session timeout.
    Session { group: String, member_id: String },
    /// A member that got an id has not come back with it.
    Pending { group: String, member_id: String },
    /// A member of the consumer protocol that has not given up its partitions is dropped.
    Revocation { group: String, member_id: String },
    /// It is looked which topics the regular expressions of a group stand for.
    Expressions { group: String },
    /// Time to look for offsets that are past their retention.
    Retention,
}

/// Deadlines by time; setting one again moves it.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    by_time: BTreeSet<(Duration, Deadline)>,
    times: BTreeMap<Deadline, Duration>,
}

impl Deadlines {
    /// Sets or moves a deadline.
    pub(crate) fn set(&mut self, deadline: Deadline, at: Duration) {
        self.clear(&deadline);
        self.by_time.insert((at, deadline.clone()));
        self.times.insert(deadline, at);
    }

    /// Forgets a deadline, if it was set.
    pub(crate) fn clear(&mut self, deadline: &Deadline) {
        if let Some(at) = self.times.remove(deadline) {
            self.by_time.remove(&(at, deadline.clone()));
        }
    }

    /// Whether it is waited for.
    pub(crate) fn is_set(&self, deadline: &Deadline) -> bool {
        self.times.contains_key(deadline)
    }

    /// Takes one deadline that is due by `now`, the oldest first.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<Deadline> {
        let (at, _) = self.by_time.first()?;
        if *at > now {
            return None;
        }
        let (_, deadline) = self.by_time.pop_first()?;
        self.times.remove(&deadline);
        Some(deadline)
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.by_time.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Deadline, Deadlines};

    #[test]
    fn a_moved_deadline_is_due_once_and_later() {
        let join = Deadline::Join { group: "g".into() };
        let mut deadlines = Deadlines::default();
        deadlines.set(join.clone(), Duration::from_millis(10));
        deadlines.set(Deadline::Retention, Duration::from_millis(15));
        deadlines.set(join.clone(), Duration::from_millis(20));
        assert_eq!(deadlines.next(), Some(Duration::from_millis(15)));
        let now = Duration::from_millis(30);
        assert_eq!(deadlines.pop_due(now), Some(Deadline::Retention));
        assert_eq!(deadlines.pop_due(now), Some(join));
        assert_eq!(deadlines.pop_due(now), None);
        assert_eq!(deadlines.next(), None);
    }
}
