//! What happened, as trees of cause and effect under the key that began them.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Hand, narrate_many::Sum};
use crate::state::{Timestamp, cluster::ProcessName};
use wire::{BrokerId, Offset, TopicPartition};

/// Lines kept. A day of busy breaking and healing stays below it; the oldest go first.
const ENTRIES_MAX: usize = 2000;

/// An effect is looked for under causes that are at most this old.
const CAUSE_WINDOW: Duration = Duration::from_secs(120);

/// Clocks of processes agree, but their reports are stamped in whole milliseconds.
const CLOCK_SLACK: Duration = Duration::from_millis(2);

/// Effects nest no deeper: the line's end would leave the pane.
const DEPTH_MAX: u8 = 6;

/// How a piece of a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tone {
    /// As it is.
    Plain,
    /// Aside.
    Dim,
    /// What can be done about it: aside, and with actions in braces. Which keys these are depends on where somebody
    /// is when it is drawn.
    Hint,
    /// Good news.
    Good,
    /// Bad news.
    Bad,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its own number: no other line ever has it.
    pub number: u64,
    /// The number of the line that caused it; 0: none.
    pub cause: u64,
    /// Which tree it is in: the number of the tree's first line.
    pub root: u64,
    /// When it happened.
    pub at: Timestamp,
    /// How deep it hangs; 0 is a tree's first line.
    pub depth: u8,
    /// Whose hand did it.
    pub hand: Hand,
    /// The sentence.
    pub text: Vec<(Tone, String)>,
    /// What later lines may name as their cause.
    pub subjects: Vec<Subject>,
    /// What can be said together with it in one line.
    pub merge: Option<Merge>,
}

impl Entry {
    /// Whether its sentence has this text in it.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        self.text.iter().any(|(_, words)| words.contains(text))
    }
}

/// What a line is about, for those that it causes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// A process.
    Process(ProcessName),
    /// A topic.
    Topic(String),
    /// A partition's leadership.
    Partition(TopicPartition),
    /// A state of a group.
    GroupState(String),
    /// A step of a group: a state, or what a member did.
    GroupStep(String),
    /// The transaction of a transactional id.
    Transaction(String),
    /// A group on its way back to a record.
    Rewind(String),
    /// Whatever goes on by itself at the start.
    Opening,
    /// Data that was there before the start.
    Data,
    /// A znode.
    Znode(String),
    /// A `ZooKeeper` session.
    Session(i64),
    /// The quorum of controllers.
    Quorum,
    /// Somebody who keeps a copy of what it decides.
    QuorumReplica(BrokerId),
}

/// Facts that share a line with their like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Merge {
    /// A process was started; it makes room for what it became.
    Started(ProcessName),
    /// These brokers registered.
    Registered(Vec<BrokerId>),
    /// A broker joined or left the ISR of these partitions of a topic.
    Isr {
        /// The topic.
        topic: String,
        /// Who.
        broker: BrokerId,
        /// Whether it joined.
        joined: bool,
        /// The partitions.
        partitions: Vec<i32>,
    },
    /// Leaders of this topic moved, so many.
    Leaders(String, usize),
    /// Partitions of this topic have their new replicas, so many.
    Moved(String, usize),
    /// A znode's watch fired.
    Watch(String),
    /// Logs of this broker were recovered: how many, and bytes cut.
    Recovered(BrokerId, usize, u64),
    /// A group's division at the start.
    Division(String),
    /// Markers of this transactional id: where they stand, and which leaders wrote them.
    Markers(String, Vec<(TopicPartition, Offset)>, Vec<BrokerId>),
    /// Records were refused with this error, so many.
    Refused(String, u64),
    /// A watch told these brokers to read this path again.
    ReadAgain(String, Vec<BrokerId>),
    /// Old records of this topic were deleted: where the logs of its partitions began, and where they begin now.
    Deleted(String, BTreeMap<i32, (Offset, Offset)>),
    /// The watches of these sessions fired for what a line is about, or for so many changes of a kind.
    Fires(String, Vec<i64>, usize),
    /// What followed from something that reached many brokers.
    Sum(Sum),
}

/// A line as it was told, for who takes the story over.
#[derive(Debug, Clone, PartialEq)]
pub struct ToldLine {
    /// When.
    pub at: Timestamp,
    /// How deep it hangs under the first line of its tree.
    pub depth: u8,
    /// Whose hand did it.
    pub hand: Hand,
    /// The sentence.
    pub text: Vec<(Tone, String)>,
}

/// All lines, trees after trees, each tree in order of time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Story {
    entries: VecDeque<Entry>,
    roots: u64,
    numbers: u64,
    /// Counts lines ever told, so that a tab can show that there is news.
    pub told: u64,
}

/// A line that is about to be told.
#[derive(Debug, Clone)]
pub struct Line {
    at: Timestamp,
    hand: Hand,
    text: Vec<(Tone, String)>,
    subjects: Vec<Subject>,
    merge: Option<Merge>,
}

impl Line {
    /// When something was done, and whose hand did it.
    pub const fn new(at: Timestamp, hand: Hand) -> Self {
        Self {
            at,
            hand,
            text: Vec::new(),
            subjects: Vec::new(),
            merge: None,
        }
    }

    /// Adds words.
    #[must_use]
    pub fn say(self, words: impl Into<String>) -> Self {
        self.with(Tone::Plain, words)
    }

    /// Adds words that are meant in a certain way.
    #[must_use]
    pub fn with(mut self, tone: Tone, words: impl Into<String>) -> Self {
        self.text.push((tone, words.into()));
        self
    }

    /// Names something that later lines may be caused by.
    #[must_use]
    pub fn about(mut self, subject: Subject) -> Self {
        self.subjects.push(subject);
        self
    }

    /// Lets later lines of its kind join it.
    #[must_use]
    pub fn merging(mut self, merge: Merge) -> Self {
        self.merge = Some(merge);
        self
    }
}

impl Story {
    /// All lines.
    #[must_use]
    pub fn entries(&self) -> &VecDeque<Entry> {
        &self.entries
    }

    /// Lines that have this text in them, or all, oldest first.
    #[must_use]
    pub fn matching<'a>(
        &'a self,
        filter: Option<&'a str>,
    ) -> impl DoubleEndedIterator<Item = &'a Entry> {
        let has = move |entry: &&Entry| {
            filter
                .is_none_or(|filter| entry.hand.to_string().contains(filter) || entry.says(filter))
        };
        self.entries.iter().filter(has)
    }

    /// A line by its number, behind the lines that led to it: the first line of its tree comes first.
    #[must_use]
    pub fn with_causes(&self, number: u64) -> Vec<&Entry> {
        let mut wanted = number;
        let mut path: Vec<&Entry> = Vec::new();
        // A cause stands before its effect.
        for entry in self.entries.iter().rev() {
            if entry.number == wanted {
                wanted = entry.cause;
                path.push(entry);
            }
        }
        path.reverse();
        path
    }

    /// When the tree of this line began.
    #[must_use]
    pub fn root_at(&self, entry: &Entry) -> Timestamp {
        self.entries
            .iter()
            .rev()
            .find(|other| other.root == entry.root && other.depth == 0)
            .map_or(entry.at, |root| root.at)
    }

    /// Takes over what was told before, as trees by their depth. It causes nothing any more.
    pub(in crate::state) fn take_over(&mut self, told: Vec<ToldLine>) {
        for ToldLine {
            at,
            depth,
            hand,
            text,
        } in told
        {
            self.roots += u64::from(depth == 0);
            let above = self.entries.iter().rev();
            let above = above.take_while(|entry| entry.root == self.roots);
            let cause = above.into_iter().find(|entry| entry.depth < depth);
            let cause = cause.map_or(0, |entry| entry.number);
            let line = Line {
                text,
                ..Line::new(at, hand)
            };
            let entry = self.entry(line, (self.roots, depth), cause);
            self.entries.push_back(entry);
            self.trim();
        }
    }

    /// Begins a tree.
    pub fn begin(&mut self, line: Line) {
        self.roots += 1;
        let root = self.roots;
        let entry = self.entry(line, (root, 0), 0);
        self.entries.push_back(entry);
        self.trim();
    }

    /// Tells an effect under the newest line that is about one of these causes, the first cause that
    /// has one; without any it begins a tree of its own.
    pub fn tell(&mut self, causes: &[Subject], line: Line) {
        let Some(parent) = causes
            .iter()
            .find_map(|cause| self.newest(cause, line.at.plus(CLOCK_SLACK)))
        else {
            self.begin(line);
            return;
        };
        let Some((root, depth, cause)) = self
            .entries
            .get(parent)
            .map(|parent| (parent.root, parent.depth, parent.number))
        else {
            return;
        };
        let after = self
            .entries
            .iter()
            .enumerate()
            .skip(parent)
            .filter(|(_, other)| other.root == root && other.at <= line.at)
            .map(|(index, _)| index)
            .next_back()
            .unwrap_or(parent);
        let entry = self.entry(line, (root, (depth + 1).min(DEPTH_MAX)), cause);
        self.entries.insert(after + 1, entry);
        self.trim();
    }

    /// The newest line with a merge that `like` accepts, not older than `window` before `at`.
    pub fn merged(
        &mut self,
        at: Timestamp,
        window: Duration,
        like: impl Fn(&Merge) -> bool,
    ) -> Option<&mut Entry> {
        self.told += 1;
        self.entries
            .iter_mut()
            .rev()
            .take_while(|entry| at.since(entry.at) <= CAUSE_WINDOW)
            .find(|entry| at.since(entry.at) <= window && entry.merge.as_ref().is_some_and(&like))
    }

    /// The first line of the tree that an effect of one of these causes would hang in, if it is about so many brokers.
    pub(super) fn begun_by(
        &self,
        causes: &[Subject],
        at: Timestamp,
        brokers: usize,
    ) -> Option<&Entry> {
        let mut causes = causes.iter();
        let parent = causes.find_map(|cause| self.newest(cause, at.plus(CLOCK_SLACK)))?;
        let root = self.entries.get(parent)?.root;
        let is_broker =
            |subject: &&Subject| matches!(subject, Subject::Process(ProcessName::Broker(_)));
        self.entries
            .iter()
            .find(|entry| entry.root == root && entry.depth == 0)
            .filter(|entry| entry.subjects.iter().filter(is_broker).count() >= brokers)
    }

    /// Puts a line that was told of a later moment behind those of its tree that came before that.
    pub(super) fn settle(&mut self, number: u64) {
        let at = self.entries.iter().position(|it| it.number == number);
        let Some(entry) = at.and_then(|at| self.entries.remove(at)) else {
            return;
        };
        let before = |other: &Entry| other.root == entry.root && other.at <= entry.at;
        let after = self.entries.iter().rposition(before);
        let place = after.map_or(self.entries.len(), |last| last + 1);
        self.entries.insert(place, entry);
    }

    /// Takes lines back that were replaced by better ones.
    pub fn retract(&mut self, like: impl Fn(&Merge) -> bool) {
        self.entries
            .retain(|entry| entry.depth == 0 || !entry.merge.as_ref().is_some_and(&like));
    }

    /// Says the first line that is about this in other words.
    pub(super) fn retell(&mut self, subject: &Subject, words: String) {
        let mut entries = self.entries.iter_mut();
        if let Some(entry) = entries.find(|entry| entry.subjects.contains(subject)) {
            entry.text = vec![(Tone::Plain, words)];
        }
    }

    /// Adds words to the newest tree that is about this process: its pid, once it has one.
    pub fn amend_root(&mut self, subject: &Subject, at: Timestamp, words: &str) {
        let root = self
            .entries
            .iter_mut()
            .rev()
            .take_while(|entry| at.since(entry.at) <= CAUSE_WINDOW)
            .find(|entry| entry.depth == 0 && entry.subjects.contains(subject));
        if let Some(root) = root
            && root.hand.is_wish()
        {
            // Before the keys that undo it.
            let facts = |(tone, _): &(Tone, String)| *tone != Tone::Hint;
            let at = root.text.iter().rposition(facts).map_or(0, |last| last + 1);
            root.text.insert(at, (Tone::Dim, words.to_owned()));
        }
    }

    /// The number of the line that was told last.
    pub(in crate::state) fn last_number(&self) -> u64 {
        self.numbers
    }

    /// The first lines of trees younger than this one, the youngest first.
    pub(super) fn begun_after(&self, root: u64) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .rev()
            .take_while(move |entry| entry.root > root)
            .filter(|entry| entry.depth == 0)
    }

    /// Tells an effect as the last one of the newest line that is about one of these causes and not
    /// told more than `early` before that line; without any it begins a tree of its own.
    pub(super) fn tell_below(&mut self, causes: &[Subject], early: Duration, line: Line) {
        let parent = causes
            .iter()
            .find_map(|cause| self.newest(cause, line.at.plus(early)));
        let found = parent.and_then(|index| Some((index, self.entries.get(index)?)));
        let Some((index, parent)) = found else {
            self.begin(line);
            return;
        };
        let (root, depth, cause) = (parent.root, parent.depth, parent.number);
        // Who did something says so after it was answered: what followed may be told to be earlier.
        // It happened by then at the latest.
        if let Some(parent) = self.entries.get_mut(index).filter(|_| depth > 0) {
            parent.at = parent.at.min(line.at);
        }
        let below = self.entries.iter().skip(index + 1);
        let below = below.take_while(|entry| entry.root == root && entry.depth > depth);
        let at = index + 1 + below.count();
        let entry = self.entry(line, (root, (depth + 1).min(DEPTH_MAX)), cause);
        self.entries.insert(at, entry);
        self.trim();
    }

    /// Whether a line told not more than `early` after `at`, and not long before, is about this.
    pub(in crate::state) fn knows(
        &self,
        subject: &Subject,
        at: Timestamp,
        early: Duration,
    ) -> bool {
        self.newest(subject, at.plus(early))
            .and_then(|index| self.entries.get(index))
            .is_some_and(|entry| at.since(entry.at) <= early)
    }

    fn newest(&self, cause: &Subject, until: Timestamp) -> Option<usize> {
        self.entries
            .iter()
            .enumerate()
            .rev()
            .find(|(_, entry)| {
                entry.at <= until
                    && until.since(entry.at) <= CAUSE_WINDOW
                    && entry.subjects.contains(cause)
            })
            .map(|(index, _)| index)
    }

    fn entry(&mut self, line: Line, (root, depth): (u64, u8), cause: u64) -> Entry {
        self.numbers += 1;
        Entry {
            number: self.numbers,
            cause,
            root,
            at: line.at,
            depth,
            hand: line.hand,
            text: line.text,
            subjects: line.subjects,
            merge: line.merge,
        }
    }

    fn trim(&mut self) {
        self.told += 1;
        while self.entries.len() > ENTRIES_MAX {
            self.entries.pop_front();
        }
    }
}

/// A broker as what lines are about.
pub(in crate::state) fn of(broker: BrokerId) -> Subject {
    Subject::Process(ProcessName::Broker(broker))
}

#[cfg(test)]
mod tests {
    use super::{Hand, Line, Story, Subject};
    use crate::state::{ProcessName, Timestamp};
    use wire::BrokerId;

    fn told(story: &Story) -> Vec<(u8, i64, Hand)> {
        story
            .entries()
            .iter()
            .map(|entry| (entry.depth, entry.at.ms(), entry.hand.clone()))
            .collect()
    }

    #[test]
    fn effects_hang_under_the_newest_cause_in_order_of_time() {
        let broker = Subject::Process(ProcessName::Broker(BrokerId(3)));
        let line = |ms, hand| Line::new(Timestamp::from_ms(ms), hand);
        let zookeeper = Hand::Process(ProcessName::ZooKeeper);
        let mut story = Story::default();
        story.begin(line(0, Hand::You).about(broker.clone()));
        story.begin(line(2000, Hand::You));
        let effect = std::slice::from_ref(&broker);
        story.tell(effect, line(1500, zookeeper.clone()).about(broker.clone()));
        // The controller's pipe was read before the watch's, yet it came later.
        story.tell(effect, line(1510, Hand::Controller));
        story.tell(effect, line(1502, Hand::broker(BrokerId(1))));
        assert_eq!(
            told(&story),
            [
                (0, 0, Hand::You),
                (1, 1500, zookeeper),
                (2, 1502, Hand::broker(BrokerId(1))),
                (2, 1510, Hand::Controller),
                (0, 2000, Hand::You),
            ]
        );
    }

    #[test]
    fn an_effect_without_a_cause_begins_its_own_tree() {
        let mut story = Story::default();
        story.tell(&[Subject::Opening], Line::new(Timestamp(0), Hand::Group));
        assert_eq!(told(&story), [(0, 0, Hand::Group)]);
    }
}
