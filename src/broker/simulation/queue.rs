//! What comes next on simulated time: the earliest first, and of those at one time the first that was put in.

use std::{cmp::Ordering, collections::BinaryHeap};

/// Events by their time.
#[derive(Debug)]
pub(super) struct Queue<E> {
    heap: BinaryHeap<Scheduled<E>>,
    scheduled: u64,
}

#[derive(Debug)]
struct Scheduled<E> {
    at: u64,
    number: u64,
    /// Boxed, for the heap moves it about.
    event: Box<E>,
}

impl<E> Queue<E> {
    pub(super) fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            scheduled: 0,
        }
    }

    /// Lets `event` happen at `at`, in milliseconds since the beginning.
    pub(super) fn put(&mut self, at: u64, event: E) {
        self.scheduled += 1;
        self.heap.push(Scheduled {
            at,
            number: self.scheduled,
            event: Box::new(event),
        });
    }

    /// Whether there is an event like this.
    pub(super) fn any(&self, event: impl Fn(&E) -> bool) -> bool {
        self.heap.iter().any(|scheduled| event(&scheduled.event))
    }

    /// Takes the next event that happens until `until`, and its time.
    pub(super) fn take(&mut self, until: u64) -> Option<(u64, E)> {
        self.heap.peek().filter(|next| next.at <= until)?;
        let next = self.heap.pop()?;
        Some((next.at, *next.event))
    }
}

impl<E> PartialEq for Scheduled<E> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<E> Eq for Scheduled<E> {}

impl<E> PartialOrd for Scheduled<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Scheduled<E> {
    /// The earliest is the greatest: it comes first out of the heap.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}
