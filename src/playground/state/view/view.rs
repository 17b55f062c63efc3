//! What is shown and where the person is in it: nothing here is a fact about the cluster.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Compose, Palette, Typing, ZnodeView};
use crate::state::{
    Appearance, Timestamp,
    action::{Ask, Key, Pane, RecordFace},
    cluster::ProcessName,
    settings::{Beside, Keymap, Layouts, Themes},
};
use wire::{Offset, payload::Payload};

/// A message in the footer stands this long.
pub const MESSAGE_FOR: Duration = Duration::from_secs(6);

/// The same key again within this time is a "yes".
pub const AGAIN_WITHIN: Duration = Duration::from_secs(3);

/// The confirming press acts when no further one follows for so long: a held key never confirms.
pub const HELD_WITHIN: Duration = Duration::from_millis(100);

/// The same key this soon after its last is the terminal repeating it.
pub const REPEAT_WITHIN: Duration = Duration::from_millis(80);

/// A digit this soon after another is the next one of a longer id.
pub const PICK_WITHIN: Duration = Duration::from_millis(800);

/// The digits of an id that may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedPick {
    /// What they say so far.
    pub number: i32,
    /// When the last one came.
    pub at: Timestamp,
}

/// How an opened record shows its key and its value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ValueFace {
    /// As what it most probably is; JSON is set out.
    #[default]
    Pretty,
    /// As text, whatever it is.
    Text,
    /// Byte by byte.
    Hex,
}

impl ValueFace {
    /// The next one that looks different.
    #[must_use]
    pub fn next(self, payload: &Payload<'_>) -> Self {
        match (self, payload) {
            (Self::Pretty, Payload::Json(_) | Payload::Schema(_))
            | (Self::Pretty | Self::Hex, Payload::Bytes(_)) => Self::Text,
            (Self::Text, Payload::Bytes(_)) | (Self::Hex, _) => Self::Pretty,
            (Self::Pretty | Self::Text, _) => Self::Hex,
        }
    }
}

/// What lies over the panes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Overlay {
    /// Nothing.
    #[default]
    None,
    /// All keys; typed text searches them.
    Help(Help),
    /// Every action by name.
    Palette(Palette),
    /// A record in the making.
    Compose(Compose),
    /// One line that is asked for.
    Prompt(Prompt),
    /// Something was opened with enter.
    Opened(Opened),
    /// All lessons; the one that the cursor is on, counted from 0.
    Lessons(usize),
}

/// The help page.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Help {
    /// The row that enter would do.
    pub cursor: usize,
    /// What is searched for, while somebody types it or after.
    pub search: Typing,
    /// Whether keys go into the search.
    pub typing: bool,
}

/// A question for one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prompt {
    /// What for.
    pub purpose: Purpose,
    /// What was typed.
    pub input: Typing,
}

/// What a prompt asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Name, partitions and replication factor of a topic.
    NewTopic,
    /// What the pane shall be filtered by.
    Filter(Pane),
}

/// What enter opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// Which thing.
    pub what: Thing,
    /// The first line shown, or [`Self::END`] without as many lines as it is scrolled back from the end; of a
    /// process's log, how many lines it is scrolled back.
    pub scroll: usize,
}

impl Opened {
    /// Its end, however many lines it takes where it is shown.
    pub const END: usize = usize::MAX / 2;

    /// The first line shown, where the last of all that can be is this one.
    #[must_use]
    pub fn first(&self, last: usize) -> usize {
        let back = Self::END.saturating_sub(self.scroll);
        if back < Self::END / 2 {
            last.saturating_sub(back)
        } else {
            self.scroll.min(last)
        }
    }
}

/// A thing that can be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Thing {
    /// A process with its log.
    Process(ProcessName),
    /// The record of the picked partition at this offset.
    Record(Offset),
    /// A group and what differs from Kafka's defaults.
    Group(String),
    /// A topic and its configuration.
    Topic(String),
    /// A line of what happened, by its number.
    Line(u64),
    /// A znode by its path.
    Znode(String),
    /// A request with its answer, by its number.
    Exchange(u64),
}

/// A caption stands this long.
pub const CAPTION_FOR: Duration = Duration::from_secs(7);

/// A pressed key is shown this long.
pub const PRESSED_FOR: Duration = Duration::from_secs(2);

/// Pressed keys that are shown at once.
const PRESSED_MAX: usize = 8;

/// Words for those who watch, for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Caption {
    /// The words.
    pub text: String,
    /// Since when.
    pub since: Timestamp,
}

/// A sentence in the footer, for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The sentence.
    pub text: String,
    /// Since when.
    pub since: Timestamp,
    /// Whether something went wrong.
    pub bad: bool,
    /// Whether it says why records wait: it goes as soon as they do not, or somebody does something about it.
    pub while_waiting: bool,
}

/// Where the person is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Columns and rows.
    pub size: (u16, u16),
    /// Colours and signs.
    pub appearance: Appearance,
    /// The layouts, and which of them is shown.
    pub layouts: Layouts,
    /// The themes, and which of them is shown.
    pub themes: Themes,
    /// The keys. A saved session has those that its keys were pressed with; whoever looks at it, their own.
    pub keys: Keymap,
    /// The pane that movement keys move in.
    pub focus: Pane,
    /// Which pane the lower row shows where there is room for one only.
    pub tab: Pane,
    /// Whether the focused pane fills the screen.
    pub full: bool,
    /// The process that the verbs reach.
    pub picked: ProcessName,
    /// The id that is being typed, where it may have another digit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed_pick: Option<TypedPick>,
    /// The topic that Replicas and Log show.
    pub topic: String,
    /// The topic that was just asked for: it is shown once it is there.
    pub topic_to_come: Option<String>,
    /// The group that is shown.
    pub group: String,
    /// The partition that is open where not all can be.
    pub partition: i32,
    /// The record that the cursor is on; `None` follows the newest.
    pub record: Option<Offset>,
    /// What the Log's cells say.
    pub face: RecordFace,
    /// How an opened record shows its key and its value.
    pub value_face: ValueFace,
    /// How many lines What happened is scrolled back; 0 follows.
    pub story_back: usize,
    /// How many lines had been told when What happened was last on the screen.
    pub story_seen: u64,
    /// Per-pane filters.
    pub filters: Vec<(Pane, String)>,
    /// What lies over it all.
    pub overlay: Overlay,
    /// The open question.
    pub ask: Option<Ask>,
    /// The footer's message.
    pub message: Option<Message>,
    /// What is said to those who watch.
    pub caption: Option<Caption>,
    /// Whether keys are shown as they are pressed.
    pub show_keys: bool,
    /// The keys of the last moment, and when each was pressed.
    pub pressed: Vec<(Key, Timestamp)>,
    /// Since when the screen is recorded.
    pub recording: Option<Timestamp>,
    /// The command line that does what was done last.
    pub command: Option<String>,
    /// Actions that were typed, newest last, for the palette.
    pub recent: Vec<String>,
    /// The last key, for telling repeats.
    pub last_key: Option<(Key, Timestamp)>,
    /// How many lines What happened in `ZooKeeper` is scrolled back; 0 follows.
    pub zookeeper_story_back: usize,
    /// Where the person is in `ZooKeeper`'s tree.
    pub znodes: ZnodeView,
    /// The topic whose row the cursor of Replicas is on; `None`: it is on a partition.
    pub topic_row: Option<String>,
    /// The folded group that the cursor of Group is on; `None`: it is on a member.
    pub group_row: Option<String>,
    /// The row of the transactions that the cursor is on, where it is not that of the picked producer.
    pub transaction: Option<String>,
    /// Whether the mouse picks and scrolls; else it selects text, as terminals let it.
    pub mouse: bool,
    /// The exchange that the Wire's cursor is on; `None` follows the newest.
    pub exchange: Option<u64>,
    /// How many lines Output is scrolled back; 0 follows.
    pub output_back: usize,
    /// The first chart that is shown.
    pub throughput_scroll: usize,
    /// The lesson's pane.
    pub lesson: LessonView,
}

/// The lesson's pane, and where the person is in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonView {
    /// Whether the layout has it.
    pub docked: bool,
    /// What stands beside it.
    #[serde(default)]
    pub beside: Beside,
    /// The choice of its question that is marked.
    pub marked: usize,
    /// The first of its lines that is shown.
    pub scroll: usize,
    /// Whether the second half of a sheet is read that is too long for its pane: why it is so.
    #[serde(default)]
    pub why: bool,
}

impl View {
    /// Remembers a key for those who watch.
    pub(in crate::state) fn press(&mut self, key: Key, now: Timestamp) {
        if self.show_keys {
            self.pressed.push((key, now));
            let excess = self.pressed.len().saturating_sub(PRESSED_MAX);
            self.pressed.drain(..excess);
        }
    }

    /// Takes captions and keys away when they stood long enough.
    pub(in crate::state) fn forget_what_was_pressed(&mut self, now: Timestamp) {
        self.pressed.retain(|(_, at)| now.since(*at) < PRESSED_FOR);
        self.typed_pick
            .take_if(|typed| now.since(typed.at) >= PICK_WITHIN);
        self.caption
            .take_if(|caption| now.since(caption.since) >= CAPTION_FOR);
    }

    /// When the next of them goes.
    pub(in crate::state) fn forgets_at(&self) -> Option<Timestamp> {
        let caption = self.caption.as_ref();
        let caption = caption.map(|caption| caption.since.plus(CAPTION_FOR));
        let pressed = self.pressed.first().map(|(_, at)| at.plus(PRESSED_FOR));
        let typed = self.typed_pick.map(|typed| typed.at.plus(PICK_WITHIN));
        caption.into_iter().chain(pressed).chain(typed).min()
    }

    /// The filter of a pane, if it has one: by hand, else from the layout.
    #[must_use]
    pub fn filter(&self, pane: Pane) -> Option<&str> {
        self.filters
            .iter()
            .find(|(filtered, _)| *filtered == pane)
            .map(|(_, text)| text.as_str())
            .or_else(|| self.form().options(pane)?.filter.as_deref())
    }

    /// Whether somebody typed that filter: then esc clears it.
    #[must_use]
    pub fn filtered_by_hand(&self, pane: Pane) -> bool {
        self.filters.iter().any(|(filtered, _)| *filtered == pane)
    }

    /// Whether a pane shows something older than the newest.
    #[must_use]
    pub fn looks_back(&self) -> bool {
        self.record.is_some()
            || self.exchange.is_some()
            || self.story_back > 0
            || self.zookeeper_story_back > 0
            || self.output_back > 0
    }

    /// Whether the window is too narrow or too low for the wide form of a layout.
    #[must_use]
    pub fn narrow(&self) -> bool {
        self.size.0 < 100 || self.size.1 < 30
    }

    /// Whether nothing can be shown.
    #[must_use]
    pub fn too_small(&self) -> bool {
        self.size.0 < 60 || self.size.1 < 16
    }
}
