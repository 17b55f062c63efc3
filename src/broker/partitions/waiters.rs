//! Requests that wait for a partition to move on.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

/// Fewer forgotten waiters than this are not worth looking for.
const SWEEP_MIN: usize = 32;

/// What a request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaits {
    /// Records, committed or not, and everything else: followers do.
    Records,
    /// Anything but records that are not committed yet: who reads and who writes with acks=all. Each batch would
    /// wake them twice.
    Commits,
}

/// The requests that wait for one partition. A request may wait for several partitions with one [`Notify`],
/// and is woken once: it looks again, and registers again if it must wait on.
#[derive(Debug, Default)]
pub(super) struct Waiters(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    for_records: Vec<Weak<Notify>>,
    for_commits: Vec<Weak<Notify>>,
}

impl Waiters {
    /// Wakes `waiter` at the next [`Waiters::wake`], and if it awaits records at the next [`Waiters::wake_for_records`].
    /// To miss nothing: register, then look, then wait.
    pub(super) fn register(&self, waiter: &Arc<Notify>, awaits: Awaits) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = match awaits {
            Awaits::Records => &mut waiting.for_records,
            Awaits::Commits => &mut waiting.for_commits,
        };
        // Those woken through another partition are gone by now.
        if waiting.len() >= SWEEP_MIN && waiting.len() == waiting.capacity() {
            waiting.retain(|waiter| waiter.strong_count() > 0);
        }
        waiting.push(Arc::downgrade(waiter));
    }

    /// Wakes everybody who registered since the last time.
    pub(super) fn wake(&self) {
        let all = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        notify(&all.for_commits);
        notify(&all.for_records);
    }

    /// Wakes those who wait for records that are not committed yet.
    pub(super) fn wake_for_records(&self) {
        let waiting = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut waiting.for_records)
        };
        notify(&waiting);
    }
}

fn notify(waiting: &[Weak<Notify>]) {
    for waiter in waiting.iter().filter_map(Weak::upgrade) {
        waiter.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt;
    use tokio::sync::Notify;

    use super::{Awaits, Waiters};

    #[test]
    fn a_wake_between_looking_and_waiting_is_not_lost() {
        let waiters = Waiters::default();
        let waiter = Arc::new(Notify::new());
        waiters.register(&waiter, Awaits::Commits);
        waiters.wake();
        assert_eq!(waiter.notified().now_or_never(), Some(()));
        waiters.wake();
        assert_eq!(waiter.notified().now_or_never(), None);
    }

    #[test]
    fn forgotten_waiters_do_not_pile_up() {
        let waiters = Waiters::default();
        for _ in 0..10_000 {
            waiters.register(&Arc::new(Notify::new()), Awaits::Commits);
        }
        let waiting = waiters.0.lock().expect("not poisoned");
        assert!(waiting.for_commits.len() < 100);
    }

    #[test]
    fn records_that_are_not_committed_wake_only_who_awaits_them() {
        let waiters = Waiters::default();
        let (follower, writer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        waiters.register(&follower, Awaits::Records);
        waiters.register(&writer, Awaits::Commits);
        waiters.wake_for_records();
        assert_eq!(follower.notified().now_or_never(), Some(()));
        assert_eq!(writer.notified().now_or_never(), None);
        waiters.register(&follower, Awaits::Records);
        waiters.wake();
        assert_eq!(follower.notified().now_or_never(), Some(()));
        assert_eq!(writer.notified().now_or_never(), Some(()));
    }
}
