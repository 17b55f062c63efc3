//! Requests that wait for a partition to move on.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

/// Fewer forgotten waiters than this are not worth looking for.
const SWEEP_MIN: usize = 32;

/// The requests that wait for one partition. A request may wait for several partitions with one [`Notify`],
/// and is woken once: it looks again, and registers again if it must wait on.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    waiting: Mutex<Vec<Weak<Notify>>>,
}

impl Waiters {
    /// Wakes `waiter` at the next [`Waiters::wake`]. To miss nothing: register, then look, then wait.
    pub(super) fn register(&self, waiter: &Arc<Notify>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Those woken through another partition are gone by now.
        if waiting.len() >= SWEEP_MIN && waiting.len() == waiting.capacity() {
            waiting.retain(|waiter| waiter.strong_count() > 0);
        }
        waiting.push(Arc::downgrade(waiter));
    }

    /// Wakes everybody who registered since the last time.
    pub(super) fn wake(&self) {
        let waiting = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        for waiter in waiting.iter().filter_map(Weak::upgrade) {
            waiter.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt;
    use tokio::sync::Notify;

    use super::Waiters;

    #[test]
    fn a_wake_between_looking_and_waiting_is_not_lost() {
        let waiters = Waiters::default();
        let waiter = Arc::new(Notify::new());
        waiters.register(&waiter);
        waiters.wake();
        assert_eq!(waiter.notified().now_or_never(), Some(()));
        waiters.wake();
        assert_eq!(waiter.notified().now_or_never(), None);
    }

    #[test]
    fn forgotten_waiters_do_not_pile_up() {
        let waiters = Waiters::default();
        for _ in 0..10_000 {
            waiters.register(&Arc::new(Notify::new()));
        }
        assert!(waiters.waiting.lock().expect("not poisoned").len() < 100);
    }
}
