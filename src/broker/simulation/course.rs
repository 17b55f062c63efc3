//! The course of a small simulated world: its time and its chance, what comes next and what gets lost, and what is told of it.

use std::fmt::Debug;

use super::{chance::Chance, queue::Queue, transcript::Transcript};

/// How many messages of a hundred get lost, and how many milliseconds the others take at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Travel {
    pub(super) lost_percent: u64,
    pub(super) slowest_ms: u64,
}

pub(super) struct Course<E> {
    pub(super) chance: Chance,
    pub(super) transcript: Transcript,
    pub(super) now_ms: u64,
    /// Whether nothing goes wrong any more.
    pub(super) healed: bool,
    travel: Travel,
    queue: Queue<E>,
}

impl<E: Debug> Course<E> {
    pub(super) fn new(seed: u64, transcript: Transcript, travel: Travel) -> Self {
        Self {
            chance: Chance::new(seed),
            transcript,
            now_ms: 0,
            healed: false,
            travel,
            queue: Queue::new(),
        }
    }

    pub(super) fn after(&mut self, ms: u64, event: E) {
        self.queue.put(self.now_ms + ms, event);
    }

    /// The next event until then, whose time it is now.
    pub(super) fn next(&mut self, until: u64) -> Option<E> {
        let (at, event) = self.queue.take(until)?;
        self.now_ms = at;
        Some(event)
    }

    /// Whether something like this is still to come.
    pub(super) fn expects(&self, event: impl Fn(&E) -> bool) -> bool {
        self.queue.any(event)
    }

    pub(super) fn say(&mut self, line: impl FnOnce() -> String) {
        self.transcript.say(self.now_ms, line);
    }

    pub(super) fn goes_wrong(&mut self, percent: u64) -> bool {
        !self.healed && self.chance.percent(percent)
    }

    /// Lets something travel, if it is not lost.
    pub(super) fn send(&mut self, event: E) {
        if self.goes_wrong(self.travel.lost_percent) {
            self.say(|| format!("fault: lost: {event:?}"));
            return;
        }
        let delay = self.chance.between(1, self.travel.slowest_ms);
        self.after(delay, event);
    }
}
