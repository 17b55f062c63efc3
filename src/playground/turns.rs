//! Whose turn it is: facts may come without end, and what is due at its time is not kept waiting by them.

use std::future::pending;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::HOUSEKEEPING;
use super::front::FRAME_EVERY;
use super::state::Observation;

/// What a loop does next.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "each lives for one turn, and a fact is what it mostly is"
)]
pub(super) enum Turn {
    /// What the state wanted to be woken for is due.
    Tick,
    /// Memory is measured, logs are bounded.
    House,
    /// Somebody told something.
    Told(Observation),
}

/// Gives them their turns.
#[derive(Debug)]
pub(super) struct Turns {
    house: Instant,
    /// A state that wants to be woken again and again lets others have their turn.
    ticked: Instant,
}

impl Turns {
    /// Of a loop that begins.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            house: now,
            ticked: now - FRAME_EVERY,
        }
    }

    /// Waits for the next one. Nothing is lost where this is dropped before.
    pub(super) async fn next(
        &mut self,
        wake: Instant,
        observations: &mut mpsc::Receiver<Observation>,
    ) -> Turn {
        let due = wake.max(self.ticked + FRAME_EVERY);
        // By the clock: a timer's turn may come late while facts wait.
        let now = Instant::now();
        if due <= now {
            return self.tick();
        }
        if self.house <= now {
            return self.keep_house();
        }
        tokio::select! {
            told = observations.recv() => match told {
                Some(told) => Turn::Told(told),
                None => pending().await,
            },
            () = sleep_until(due) => self.tick(),
            () = sleep_until(self.house) => self.keep_house(),
        }
    }

    fn tick(&mut self) -> Turn {
        self.ticked = Instant::now();
        Turn::Tick
    }

    fn keep_house(&mut self) -> Turn {
        self.house = Instant::now() + HOUSEKEEPING;
        Turn::House
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;
    use tokio::time::Instant;

    use super::{Turn, Turns};
    use crate::state::Observation;

    #[tokio::test]
    async fn facts_without_end_keep_nothing_waiting_that_is_due() {
        let (told, mut observations) = mpsc::channel(64);
        for _ in 0..64 {
            let fact = Observation::Proved;
            told.try_send(fact).expect("there is room");
        }
        let mut turns = Turns::new();
        let now = Instant::now();
        let next = turns.next(now, &mut observations).await;
        assert!(matches!(next, Turn::Tick), "{next:?}");
        let later = now + Duration::from_secs(3600);
        let next = turns.next(later, &mut observations).await;
        assert!(matches!(next, Turn::House), "{next:?}");
        for _ in 0..64 {
            let next = turns.next(later, &mut observations).await;
            assert!(matches!(next, Turn::Told(_)), "{next:?}");
        }
    }
}
