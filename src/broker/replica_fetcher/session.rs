//! A fetcher's end of a fetch session (KIP-227): the leader is told only what it does not know yet. Pure.

use std::{collections::HashMap, hash::Hash};

/// The session with one leader, or none.
#[derive(Debug)]
pub(super) struct LeaderSession<K, S> {
    /// 0: none that the leader might know of.
    id: i32,
    /// What the next request names; 0 begins a session and ends the one with this id.
    epoch: i32,
    /// How each partition was asked for last.
    known: HashMap<K, S>,
}

/// What a request says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ask<K> {
    pub(super) id: i32,
    pub(super) epoch: i32,
    /// For each of those that are due, whether it is named.
    pub(super) named: Vec<bool>,
    /// Those that are not due any more.
    pub(super) forgotten: Vec<K>,
}

impl<K: Eq + Hash + Clone, S: PartialEq> LeaderSession<K, S> {
    pub(super) fn new() -> Self {
        Self {
            id: 0,
            epoch: 0,
            known: HashMap::new(),
        }
    }

    /// The next request, which asks for exactly what is due.
    pub(super) fn ask(&mut self, due: impl ExactSizeIterator<Item = (K, S)> + Clone) -> Ask<K> {
        let mut forgotten = Vec::new();
        let count = due.len();
        let named = due.clone().map(|(key, sent)| {
            let is_news = self.known.get(&key) != Some(&sent);
            if is_news {
                self.known.insert(key, sent);
            }
            is_news
        });
        let named = named.collect();
        if self.known.len() > count {
            let due: std::collections::HashSet<K> = due.map(|(key, _)| key).collect();
            let gone = self.known.keys().filter(|key| !due.contains(*key));
            forgotten.extend(gone.cloned());
            self.known.retain(|key, _| due.contains(key));
        }
        Ask {
            id: self.id,
            epoch: self.epoch,
            named,
            forgotten,
        }
    }

    /// The leader answered in this session; 0: it keeps none.
    pub(super) fn answered(&mut self, id: i32) {
        if id == 0 {
            *self = Self::new();
            return;
        }
        self.id = id;
        self.epoch = self.epoch.checked_add(1).unwrap_or(1);
    }

    /// Whether the leader took the last request is not known, or it did not: everything is named again.
    pub(super) fn begin_anew(&mut self) {
        self.epoch = 0;
        self.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{Ask, LeaderSession};

    fn ask(session: &mut LeaderSession<u8, u8>, due: &[(u8, u8)]) -> Ask<u8> {
        session.ask(due.iter().copied())
    }

    #[test]
    fn only_what_changed_is_named_and_what_is_not_due_is_forgotten() {
        let mut session = LeaderSession::new();
        let first = ask(&mut session, &[(1, 0), (2, 0), (3, 0)]);
        assert_eq!((first.id, first.epoch), (0, 0));
        assert_eq!(first.named, [true, true, true]);
        session.answered(7);
        let second = ask(&mut session, &[(1, 0), (2, 5)]);
        assert_eq!(
            second,
            Ask {
                id: 7,
                epoch: 1,
                named: vec![false, true],
                forgotten: vec![3]
            }
        );
        session.answered(7);
        let third = ask(&mut session, &[(1, 0), (2, 5), (3, 0)]);
        assert_eq!((third.epoch, third.forgotten), (2, vec![]));
        assert_eq!(third.named, [false, false, true], "it was forgotten");
    }

    #[test]
    fn a_session_that_may_be_lost_is_replaced_and_one_that_is_not_kept_is_none() {
        let mut session = LeaderSession::new();
        ask(&mut session, &[(1, 0)]);
        session.answered(7);
        session.begin_anew();
        let again = ask(&mut session, &[(1, 0)]);
        assert_eq!(
            (again.id, again.epoch),
            (7, 0),
            "the leader ends the old one"
        );
        assert_eq!(again.named, [true]);
        session.answered(0);
        let none = ask(&mut session, &[(1, 0)]);
        assert_eq!((none.id, none.epoch, none.named), (0, 0, vec![true]));
        session.answered(9);
        session.epoch = i32::MAX;
        session.answered(9);
        assert_eq!(session.epoch, 1, "0 would begin another");
    }
}
