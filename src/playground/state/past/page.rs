//! A stretch of a session: the state at its beginning and the events since, packed.

use std::io::Read;

use serde::{Deserialize, Serialize};

use crate::state::{Event, State, Timestamp};

/// A page is closed when its events take this many bytes: folding them is quick enough to step.
const EVENT_BYTES: usize = 512 * 1024;

/// The same by their number.
const EVENTS: usize = 2048;

/// No page unpacks to more: the largest state with the largest page of events stays far below it.
const UNPACKED_MAX: u64 = 64 * 1024 * 1024;

/// The level that packs a page within a few milliseconds.
const LEVEL: i32 = 1;

/// What is known of a page without unpacking it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// When its first event happened.
    pub from: Timestamp,
    /// When its last one did.
    pub to: Timestamp,
    /// How many events there are.
    pub events: u32,
    /// The events that told a line of what happened: how many were folded when it stood there.
    pub steps: Vec<u32>,
}

impl Head {
    fn holds(&self) -> bool {
        let grow = self
            .steps
            .iter()
            .zip(self.steps.iter().skip(1))
            .all(|(step, next)| step < next);
        let last = self.steps.last().is_none_or(|last| *last <= self.events);
        grow && last && self.from <= self.to
    }
}

/// A page that is being written.
#[derive(Debug, Clone)]
pub(super) struct OpenPage {
    pub head: Head,
    state: Vec<u8>,
    events: Vec<u8>,
}

impl OpenPage {
    /// Begins with the state as it is before the page's first event.
    pub(super) fn begin(state: &State, at: Timestamp) -> Self {
        Self {
            head: Head {
                from: at,
                to: at,
                ..Head::default()
            },
            state: written(state),
            events: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, event: &Event) {
        self.head.to = self.head.to.max(event.at);
        self.head.events += 1;
        self.events.extend(written(event));
    }

    /// Remembers that the newest event told a line.
    pub(super) fn step(&mut self) {
        self.head.steps.push(self.head.events);
    }

    pub(super) fn is_full(&self) -> bool {
        self.events.len() >= EVENT_BYTES
            || usize::try_from(self.head.events).is_ok_and(|events| events >= EVENTS)
    }

    pub(super) fn close(&self) -> Page {
        let plain = [written(&self.head), self.state.clone(), self.events.clone()].concat();
        let mut packed = zstd::bulk::compress(&plain, LEVEL)
            .expect("memory to memory, into a buffer of the largest size it can need");
        // That buffer is ten times what it holds in the end.
        packed.shrink_to_fit();
        Page {
            head: self.head.clone(),
            packed,
        }
    }

    pub(super) fn read(&self) -> Result<Unpacked, PageError> {
        let plain = [self.state.as_slice(), self.events.as_slice()].concat();
        Unpacked::read(&plain, &self.head)
    }

    /// Bytes it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.state.len() + self.events.len()
    }
}

/// A closed page, one zstd frame.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    pub(super) head: Head,
    packed: Vec<u8>,
}

impl Page {
    /// Takes a packed page from a file.
    ///
    /// # Errors
    /// It is no page, or a damaged one.
    pub fn from_packed(packed: Vec<u8>) -> Result<Self, PageError> {
        let plain = unpack(&packed)?;
        let mut rest = plain.as_slice();
        let head: Head = read_one(&mut rest)?;
        if !head.holds() {
            return Err(PageError::Damaged);
        }
        Unpacked::read(rest, &head)?;
        Ok(Self { head, packed })
    }

    /// The bytes for a file.
    #[must_use]
    pub fn packed(&self) -> &[u8] {
        &self.packed
    }

    pub(super) fn read(&self) -> Result<Unpacked, PageError> {
        let plain = unpack(&self.packed)?;
        let mut rest = plain.as_slice();
        let head: Head = read_one(&mut rest)?;
        Unpacked::read(rest, &head)
    }
}

/// Why bytes are no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// They cannot be unpacked.
    #[error("cannot be unpacked")]
    Packing(#[from] std::io::Error),
    /// What is in them has another form.
    #[error("does not read as a part of a session")]
    Form(#[from] rmp_serde::decode::Error),
    /// They unpack to more than any session takes.
    #[error("unpacks to more than {UNPACKED_MAX} bytes")]
    TooLarge,
    /// Its own counts contradict each other.
    #[error("contradicts itself")]
    Damaged,
}

/// A page to fold.
#[derive(Debug, Clone)]
pub(super) struct Unpacked {
    pub state: State,
    pub events: Vec<Event>,
}

impl Unpacked {
    fn read(mut bytes: &[u8], head: &Head) -> Result<Self, PageError> {
        let state = read_one(&mut bytes)?;
        let mut events = Vec::new();
        while !bytes.is_empty() {
            events.push(read_one(&mut bytes)?);
        }
        if u32::try_from(events.len()) != Ok(head.events) {
            return Err(PageError::Damaged);
        }
        Ok(Self { state, events })
    }
}

fn written<T: Serialize>(value: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(value)
        .expect("states and events are plain values, which all have a form")
}

fn read_one<T: for<'de> Deserialize<'de>>(bytes: &mut &[u8]) -> Result<T, PageError> {
    let mut reader = rmp_serde::Deserializer::new(bytes);
    Ok(T::deserialize(&mut reader)?)
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, PageError> {
    let mut plain = Vec::new();
    let reader = zstd::Decoder::new(packed)?.single_frame();
    let count = reader.take(UNPACKED_MAX + 1).read_to_end(&mut plain)?;
    if u64::try_from(count).is_ok_and(|count| count > UNPACKED_MAX) {
        return Err(PageError::TooLarge);
    }
    Ok(plain)
}
