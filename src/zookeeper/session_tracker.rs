//! Sessions and their deadlines: who is alive, until when, and on which connection.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::{
    ConnectionId,
    txn::{PASSWORD_BYTES, SessionRecord},
};

/// The shortest session timeout that is granted.
pub(super) const TIMEOUT_MIN: Duration = Duration::from_millis(200);
/// The longest session timeout that is granted.
pub(super) const TIMEOUT_MAX: Duration = Duration::from_secs(60);

/// Every open session.
#[derive(Debug, Default)]
pub(super) struct SessionTracker {
    sessions: BTreeMap<i64, Session>,
    /// Invariant: exactly the `deadline` of every session.
    deadlines: BTreeSet<(Instant, i64)>,
    /// Nothing expires before this instant, whatever the deadlines say.
    hold_until: Option<Instant>,
}

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    pub timeout: Duration,
    pub password: [u8; PASSWORD_BYTES],
    /// `None` while the client is away: the session lives on until its deadline.
    pub connection: Option<ConnectionId>,
    deadline: Instant,
}

impl SessionTracker {
    /// The timeout that a client gets for the one it asked for.
    pub(super) fn negotiate(asked_ms: i32) -> Duration {
        Duration::from_millis(u64::try_from(asked_ms).unwrap_or_default())
            .clamp(TIMEOUT_MIN, TIMEOUT_MAX)
    }

    /// Begins a session, or restores one, with its full timeout from `now`.
    pub(super) fn open(
        &mut self,
        record: &SessionRecord,
        connection: Option<ConnectionId>,
        now: Instant,
    ) {
        let timeout = Self::negotiate(record.timeout_ms);
        let deadline = now + timeout;
        self.deadlines.insert((deadline, record.session));
        self.sessions.insert(
            record.session,
            Session {
                timeout,
                password: record.password,
                connection,
                deadline,
            },
        );
    }

    /// Moves a session to another connection, if the password is its own; returns the connection it
    /// was on until now.
    ///
    /// # Errors
    /// There is no such session, or the password is not its own. To the client both mean expired.
    pub(super) fn reattach(
        &mut self,
        id: i64,
        password: &[u8],
        timeout: Duration,
        connection: ConnectionId,
        now: Instant,
    ) -> Result<Option<ConnectionId>, NotThisSession> {
        let session = self.sessions.get_mut(&id).ok_or(NotThisSession)?;
        if session.password != password {
            return Err(NotThisSession);
        }
        session.timeout = timeout;
        let before = session.connection.replace(connection);
        self.touch(id, now);
        Ok(before)
    }

    /// The client was heard.
    pub(super) fn touch(&mut self, id: i64, now: Instant) {
        if let Some(session) = self.sessions.get_mut(&id) {
            self.deadlines.remove(&(session.deadline, id));
            session.deadline = now + session.timeout;
            self.deadlines.insert((session.deadline, id));
        }
    }

    /// A connection is gone. The session is not: its deadline stays.
    pub(super) fn detach(&mut self, id: i64, connection: ConnectionId) {
        if let Some(session) = self.sessions.get_mut(&id)
            && session.connection == Some(connection)
        {
            session.connection = None;
        }
    }

    /// Ends a session.
    pub(super) fn close(&mut self, id: i64) -> Option<Session> {
        let session = self.sessions.remove(&id)?;
        self.deadlines.remove(&(session.deadline, id));
        Some(session)
    }

    /// When to look for expired sessions next.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let (first, _) = self.deadlines.first()?;
        Some(self.hold_until.map_or(*first, |hold| hold.max(*first)))
    }

    /// Sessions whose deadline is reached, the earliest first.
    pub(super) fn expired(&self, now: Instant) -> Vec<i64> {
        if self.hold_until.is_some_and(|hold| now < hold) {
            return Vec::new();
        }
        self.deadlines
            .iter()
            .take_while(|(deadline, _)| *deadline <= now)
            .map(|(_, id)| *id)
            .collect()
    }

    /// This process did not run for `pause`, so it heard nobody: every deadline moves by it, and
    /// nothing expires for `hold`, in which the heartbeats that waited in the sockets are read.
    pub(super) fn resume_after(&mut self, pause: Duration, now: Instant, hold: Duration) {
        self.deadlines.clear();
        for (id, session) in &mut self.sessions {
            session.deadline += pause;
            self.deadlines.insert((session.deadline, *id));
        }
        self.hold_until = Some(now + hold);
    }

    /// One session.
    pub(super) fn get(&self, id: i64) -> Option<&Session> {
        self.sessions.get(&id)
    }

    /// Every session with its id.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, &Session)> {
        self.sessions.iter().map(|(id, session)| (*id, session))
    }
}

impl Session {
    /// How long it has left, from `now`.
    pub(super) fn time_left(&self, now: Instant) -> Duration {
        self.deadline.saturating_duration_since(now)
    }

    /// As it is stored.
    pub(super) fn record(&self, session: i64) -> SessionRecord {
        SessionRecord {
            session,
            timeout_ms: i32::try_from(self.timeout.as_millis()).unwrap_or(i32::MAX),
            password: self.password,
        }
    }
}

/// The client asked for a session that is not there, or not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotThisSession;

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{NotThisSession, SessionTracker};
    use crate::{ConnectionId, txn::SessionRecord};

    const PASSWORD: [u8; 16] = [9; 16];

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn tracker(timeouts_ms: &[i32], now: Instant) -> SessionTracker {
        let mut tracker = SessionTracker::default();
        for (session, timeout_ms) in (1..).zip(timeouts_ms) {
            let record = SessionRecord {
                session,
                timeout_ms: *timeout_ms,
                password: PASSWORD,
            };
            tracker.open(&record, Some(ConnectionId(1)), now);
        }
        tracker
    }

    #[test]
    fn a_session_expires_at_its_deadline_and_not_before() {
        let start = Instant::now();
        let mut tracker = tracker(&[1000, 1500], start);
        tracker.touch(1, start + ms(700));
        assert_eq!(tracker.next_deadline(), Some(start + ms(1500)));
        assert!(tracker.expired(start + ms(1499)).is_empty());
        assert_eq!(tracker.expired(start + ms(1500)), [2]);
        tracker.close(2);
        assert_eq!(tracker.expired(start + ms(1700)), [1]);
    }

    #[test]
    fn timeouts_are_held_within_the_limits() {
        assert_eq!(SessionTracker::negotiate(-5), ms(200));
        assert_eq!(SessionTracker::negotiate(1234), ms(1234));
        assert_eq!(SessionTracker::negotiate(i32::MAX), ms(60_000));
    }

    #[test]
    fn a_closed_connection_ends_no_session() {
        let start = Instant::now();
        let mut tracker = tracker(&[1000], start);
        tracker.detach(1, ConnectionId(1));
        assert!(tracker.expired(start + ms(999)).is_empty());
        let moved = tracker.reattach(1, &PASSWORD, ms(2000), ConnectionId(2), start + ms(999));
        assert_eq!(moved, Ok(None));
        tracker.detach(1, ConnectionId(1));
        assert_eq!(
            tracker.get(1).expect("open").connection,
            Some(ConnectionId(2)),
            "the old connection has no say any more"
        );
        assert!(tracker.expired(start + ms(2998)).is_empty());
        assert_eq!(tracker.expired(start + ms(2999)), [1]);
    }

    #[test]
    fn only_the_own_password_takes_a_session() {
        let start = Instant::now();
        let mut tracker = tracker(&[1000], start);
        for (id, password) in [(1, [0; 16].as_slice()), (1, &[]), (2, &PASSWORD)] {
            assert_eq!(
                tracker.reattach(id, password, ms(1000), ConnectionId(2), start),
                Err(NotThisSession)
            );
        }
        let before = tracker.reattach(1, &PASSWORD, ms(1000), ConnectionId(2), start);
        assert_eq!(before, Ok(Some(ConnectionId(1))));
    }

    #[test]
    fn a_pause_of_the_server_costs_no_session_its_time() {
        let start = Instant::now();
        let mut tracker = tracker(&[1000, 3000], start);
        let thawed = start + ms(5000);
        tracker.resume_after(ms(4900), thawed, ms(100));
        assert!(tracker.expired(thawed).is_empty());
        assert!(tracker.expired(thawed + ms(99)).is_empty());
        tracker.touch(2, thawed + ms(50));
        assert_eq!(tracker.expired(start + ms(5900)), [1]);
    }
}
