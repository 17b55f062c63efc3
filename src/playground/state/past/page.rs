//! A stretch of a session: the state at its beginning and the events since, packed.

use std::fmt;

use serde::{Deserialize, Serialize};
use zstd::bulk::Compressor;

use super::Beginning;
use crate::state::{Event, State, Timestamp};

/// A page is closed when its events take this many bytes: folding them is quick enough to step.
pub(super) const EVENT_BYTES: usize = 1024 * 1024;

/// The same by their number. Each page begins with a whole state, which is a quarter of what it packs to.
const EVENTS: usize = 4096;

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
    fn bytes(&self) -> usize {
        self.steps.capacity() * size_of::<u32>()
    }
}

/// A page that is being written.
#[derive(Debug, Clone)]
pub(super) struct OpenPage {
    pub head: Head,
    /// The state at its beginning, then its events.
    plain: Vec<u8>,
    events_begin: usize,
}

impl OpenPage {
    /// Begins with the state as it is before the page's first event, in a buffer that served before.
    pub(super) fn begin(state: &State, at: Timestamp, mut plain: Vec<u8>) -> Self {
        plain.clear();
        write(&mut plain, state);
        Self {
            head: Head {
                from: at,
                to: at,
                ..Head::default()
            },
            events_begin: plain.len(),
            plain,
        }
    }

    pub(super) fn push(&mut self, event: &Event) {
        self.head.to = self.head.to.max(event.at);
        self.head.events += 1;
        write(&mut self.plain, event);
    }

    /// Remembers that the newest event told a line.
    pub(super) fn step(&mut self) {
        self.head.steps.push(self.head.events);
    }

    pub(super) fn is_full(&self) -> bool {
        self.plain.len() - self.events_begin >= EVENT_BYTES
            || usize::try_from(self.head.events).is_ok_and(|events| events >= EVENTS)
    }

    /// The page as it is closed, and the buffer for the next one.
    pub(super) fn close(self, packer: &mut Packer) -> (Page, Vec<u8>) {
        let Self {
            mut head,
            mut plain,
            ..
        } = self;
        head.steps.shrink_to_fit();
        let mut first = Vec::new();
        write(&mut first, &head);
        plain.splice(..0, first);
        let page = Page {
            head,
            packed: packer.pack(&plain),
        };
        (page, plain)
    }

    pub(super) fn read(&self) -> Result<Unpacked, PageError> {
        Unpacked::read(&self.plain, &self.head)
    }

    /// Bytes it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.plain.capacity() + self.head.bytes()
    }
}

/// What packs one page after the other. Its memory is as large as several pages, and is used again: taken anew and
/// given back every few seconds, between what stays for hours, it leaves holes that nothing fills.
pub(super) struct Packer {
    compressor: Compressor<'static>,
    packed: Vec<u8>,
}

impl Packer {
    fn pack(&mut self, plain: &[u8]) -> Box<[u8]> {
        self.packed.clear();
        self.packed
            .reserve_exact(zstd::zstd_safe::compress_bound(plain.len()));
        self.compressor
            .compress_to_buffer(plain, &mut self.packed)
            .expect("memory to memory, into a buffer of the largest size it can need");
        self.packed.as_slice().into()
    }

    /// Bytes it takes in memory, apart from the library's own.
    pub(super) fn bytes(&self) -> usize {
        self.packed.capacity()
    }
}

impl Default for Packer {
    fn default() -> Self {
        Self {
            compressor: Compressor::new(LEVEL).expect("a level that the library has"),
            packed: Vec::new(),
        }
    }
}

impl Clone for Packer {
    /// Another one: nothing of what it packed before is in what it packs next.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

/// A closed page, one zstd frame.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    pub(super) head: Head,
    packed: Box<[u8]>,
}

impl Page {
    /// Bytes it takes in memory, with the places that others keep to find it.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + 4 * size_of::<usize>() + self.head.bytes() + self.packed.len()
    }

    /// What to begin with where this is the first page.
    ///
    /// # Errors
    /// It does not read.
    pub fn beginning(&self) -> Result<Beginning, PageError> {
        Ok(Beginning::of(&self.read()?.state))
    }

    /// Its events.
    ///
    /// # Errors
    /// It does not read.
    pub fn events(&self) -> Result<Vec<Event>, PageError> {
        Ok(self.read()?.events)
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

fn write<T: Serialize>(out: &mut Vec<u8>, value: &T) {
    rmp_serde::encode::write_named(out, value)
        .expect("states and events are plain values, which all have a form");
}

fn read_one<T: for<'de> Deserialize<'de>>(bytes: &mut &[u8]) -> Result<T, PageError> {
    let mut reader = rmp_serde::Deserializer::new(bytes);
    Ok(T::deserialize(&mut reader)?)
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, PageError> {
    Ok(zstd::decode_all(packed)?)
}
