//! What was: the session so far, page after page. A moment is a count of events; its state is the
//! page's first one with the events up to there folded in.

use std::{collections::VecDeque, sync::Arc};

use super::page::{OpenPage, Packer, Page, PageError, Unpacked};
use crate::state::{Event, State, Timestamp};

/// Bytes of closed pages that are kept: days of a quiet cluster, the last hour of one under 100 records a second
/// (10 KB a second were measured). The oldest go first.
pub const BYTES_MAX: usize = 32 * 1024 * 1024;

/// What is kept of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// When the oldest event of it happened, if older ones were let go.
    pub since: Option<Timestamp>,
    /// Bytes that it takes.
    pub bytes: usize,
    /// Bytes that it takes at most.
    pub bytes_max: usize,
}

/// So many begun MiB.
#[must_use]
pub fn mib(bytes: usize) -> usize {
    bytes.div_ceil(1024 * 1024)
}

/// The session so far.
#[derive(Debug, Clone)]
pub struct History {
    closed: VecDeque<Arc<Page>>,
    open: Option<OpenPage>,
    packer: Packer,
    /// How many events were let go with the oldest pages.
    let_go: u64,
    /// What the closed pages take.
    pub(super) bytes: usize,
    pub(super) bytes_max: usize,
}

impl Default for History {
    fn default() -> Self {
        Self {
            closed: VecDeque::new(),
            open: None,
            packer: Packer::default(),
            let_go: 0,
            bytes: 0,
            bytes_max: BYTES_MAX,
        }
    }
}

/// A page that was unpacked, and where its first event stands.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub first: u64,
    pub unpacked: Unpacked,
}

impl Reading {
    pub(super) fn end(&self) -> u64 {
        self.first + self.unpacked.events.len() as u64
    }
}

impl History {
    /// Takes an event in; `before` is the state that it meets.
    pub(super) fn remember(&mut self, before: &State, event: &Event) {
        let mut buffer = Vec::new();
        if let Some(full) = self.open.take_if(|open| open.is_full()) {
            let (page, emptied) = full.close(&mut self.packer);
            buffer = emptied;
            self.bytes += page.bytes();
            self.closed.push_back(Arc::new(page));
            self.let_oldest_go();
        }
        self.open
            .get_or_insert_with(|| OpenPage::begin(before, event.at, buffer))
            .push(event);
    }

    /// The newest event told a line.
    pub(in crate::state) fn step(&mut self) {
        if let Some(open) = &mut self.open {
            open.step();
        }
    }

    fn let_oldest_go(&mut self) {
        while self.bytes > self.bytes_max
            && let Some(oldest) = self.closed.pop_front()
        {
            self.bytes -= oldest.bytes();
            self.let_go += u64::from(oldest.head.events);
        }
    }

    /// How many events there were.
    pub(super) fn len(&self) -> u64 {
        self.heads().last().map_or(self.let_go, |(_, end, _)| end)
    }

    /// What is kept.
    pub(super) fn kept(&self) -> Kept {
        Kept {
            since: self.kept_since(),
            bytes: self.bytes().min(self.bytes_max),
            bytes_max: self.bytes_max,
        }
    }

    /// When the oldest event that is kept happened, if older ones were let go.
    pub(super) fn kept_since(&self) -> Option<Timestamp> {
        let (_, _, head) = self.heads().next()?;
        (self.let_go > 0).then_some(head.from)
    }

    /// When the first and the last event that are kept happened.
    pub(super) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let (_, _, first) = self.heads().next()?;
        let (_, _, last) = self.heads().last()?;
        Some((first.from, last.to))
    }

    /// The last moment before this one that told a line.
    pub(super) fn step_before(&self, moment: u64) -> Option<u64> {
        let mut steps: Vec<u64> = Vec::new();
        for (first, _, head) in self.heads().take_while(|(first, ..)| *first < moment) {
            let last = head
                .steps
                .iter()
                .map(|step| first + u64::from(*step))
                .take_while(|step| *step < moment)
                .last();
            steps.extend(last);
        }
        steps.last().copied()
    }

    /// The next moment after this one that tells a line.
    pub(super) fn step_after(&self, moment: u64) -> Option<u64> {
        self.heads()
            .skip_while(|(_, end, _)| *end <= moment)
            .flat_map(|(first, _, head)| {
                head.steps.iter().map(move |step| first + u64::from(*step))
            })
            .find(|step| *step > moment)
    }

    /// The page to fold this many events from; between two pages that is the later one.
    pub(super) fn read(&self, moment: u64) -> Option<Result<Reading, PageError>> {
        let (first, index) = self
            .heads()
            .enumerate()
            .take_while(|(_, (first, ..))| *first <= moment)
            .map(|(index, (first, ..))| (first, index))
            .last()?;
        let unpacked = match self.closed.get(index) {
            Some(page) => page.read(),
            None => self.open.as_ref()?.read(),
        };
        Some(unpacked.map(|unpacked| Reading { first, unpacked }))
    }

    /// All pages, the open one as it stands now, for a file.
    #[must_use]
    pub fn pages(&self) -> Vec<Arc<Page>> {
        let open = self.open.clone();
        let open = open.map(|open| Arc::new(open.close(&mut Packer::default()).0));
        self.closed.iter().cloned().chain(open).collect()
    }

    /// Bytes that it takes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let open = self.open.as_ref().map_or(0, OpenPage::bytes);
        self.bytes + open + self.packer.bytes()
    }

    /// First moment, end and head of each page.
    fn heads(&self) -> impl Iterator<Item = (u64, u64, &super::page::Head)> {
        let open = self.open.as_ref().map(|open| &open.head);
        let mut first = self.let_go;
        self.closed
            .iter()
            .map(|page| &page.head)
            .chain(open)
            .map(move |head| {
                let begin = first;
                first += u64::from(head.events);
                (begin, first, head)
            })
    }
}
