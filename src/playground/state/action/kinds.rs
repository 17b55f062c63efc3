//! What a person can do, by what it reaches: whoever does actions of a kind does all of them.

use serde::{Deserialize, Serialize};

use super::{Motion, Pane, Target, TopicConfig, TransactionAction, TypedRecord, condition::Wanted};
use crate::state::cluster::{Acks, GroupProtocol, ProcessName, StreamRate};
use wire::{Offset, TopicPartition};

/// One thing a person can do. Its kind says what it reaches; what is saved of it does not tell the kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Action {
    /// Something at the cluster: it means nothing in a moment that is over.
    Cluster(ClusterAction),
    /// What is shown, and where the person is in it.
    Screen(ScreenAction),
    /// Something outside of both: files, the clipboard, the terminal, the end.
    Terminal(TerminalAction),
    /// The way through a lesson.
    Lesson(LessonAction),
}

/// What changes processes, topics, groups or records, or waits for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClusterAction {
    /// SIGKILL.
    Kill(Target),
    /// Let it end by itself; a consumer leaves its group.
    Stop(Target),
    /// SIGSTOP; what is frozen already thaws.
    Freeze(Target),
    /// SIGCONT.
    Thaw(Target),
    /// Start what is not running; asks before it restarts what is.
    Start(Target),
    /// Stop and start.
    Restart(Target),
    /// Start and thaw everything.
    Heal,
    /// Send one record: the next demo record, or this one.
    Produce(Option<TypedRecord>),
    /// Open the composer.
    Compose,
    /// Wait for so many acknowledgements from now on.
    Acks(Acks),
    /// Send demo records at this pace.
    Stream(StreamRate),
    /// Send demo records into this topic at this pace, beside the stream that keys change.
    StreamInto(String, StreamRate),
    /// The next faster pace.
    StreamFaster,
    /// The next slower pace.
    StreamSlower,
    /// A consumer into this group, or into the one that is shown.
    AddConsumer(Option<String>),
    /// Consumers that come from now on join by this protocol; without one, by the other one.
    JoinBy(Option<GroupProtocol>),
    /// A consumer into a group that does not exist yet.
    AddGroup,
    /// A topic: its name, partitions, replication factor. Without a name, ask for them.
    CreateTopic(Option<(String, i32, i16)>),
    /// Give a topic's config a value.
    SetConfig(TopicConfig),
    /// Delete this topic, for good.
    DeleteTopic(String),
    /// Delete this group.
    DeleteGroup(String),
    /// Delete the topic or the group that is shown in the pane.
    Delete,
    /// One more broker.
    AddBroker,
    /// Move a group's committed offset of a partition here; without words, the shown group to the
    /// record under the cursor.
    RewindGroup(Option<(String, TopicPartition, Offset)>),
    /// Move partitions so that each broker keeps its fair share.
    SpreadPartitions,
    /// Give leadership back to preferred leaders.
    ElectLeaders,
    /// A step of a transaction.
    Transaction(TransactionAction),
    /// Connect again where we were refused.
    Reconnect,
    /// Tell when this holds.
    Wait(Wanted),
}

/// What changes only what is seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScreenAction {
    /// Make this process the one that the footer names and the verbs reach.
    Pick(ProcessName),
    /// Show this topic.
    ShowTopic(String),
    /// Show this group.
    ShowGroup(String),
    /// The keys of the panes go to this one.
    FocusPane(Pane),
    /// Put the cursor on this partition of the shown topic.
    PickPartition(i32),
    /// Put the Log's cursor on this offset of the picked partition.
    PickRecord(Offset),
    /// Put the Wire's cursor on the exchange with this number.
    PickExchange(u64),
    /// Another layout by name.
    Layout(String),
    /// The next layout.
    NextLayout,
    /// The previous layout.
    PreviousLayout,
    /// The pane alone on the screen, and back.
    PaneFull,
    /// The next pane.
    NextPane,
    /// The previous pane.
    PreviousPane,
    /// Move the pane's cursor.
    Move(Motion),
    /// Open what the cursor is on.
    Open,
    /// Back; never quits.
    Back,
    /// Show only what matches; without a text, ask for it.
    Filter(Option<String>),
    /// Show the pane another way: key, value, time, size.
    Show,
    /// Hold the picture, or go live again.
    Hold,
    /// Go live again.
    Live,
    /// So many lines of what happened on, or back.
    Step(i32),
    /// Bring the coach back, or hide it.
    Coach,
    /// Other colours: `dark`, `light`, `mono`.
    Theme(String),
    /// Say this on the screen, for a few seconds.
    Say(String),
    /// Show which keys are pressed, or no more.
    ShowKeys,
    /// The help page.
    Help,
    /// The palette, with this text in it.
    Palette(String),
    /// Say yes to the footer's question, or do what was typed.
    Accept,
}

/// What the terminal and the program itself are asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TerminalAction {
    /// Follow the mouse, or leave it to the terminal.
    Mouse,
    /// Write the session so far into a file.
    Save(Option<String>),
    /// Record the screen into a file, or end that.
    Record(Option<String>),
    /// Write the screen into files.
    Shot(Option<String>),
    /// Copy the command of the last action.
    Copy,
    /// End the playground.
    Quit,
    /// Leave the screen; the cluster runs on.
    Suspend,
    /// Draw everything again.
    Redraw,
}

/// What leads through lessons. No name is one of another kind: what is saved tells the kinds apart by them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LessonAction {
    /// Leave the lesson for the list of all.
    ListLessons,
    /// A lesson by its number or its name: it goes on where it was left.
    BeginLesson(String),
    /// The lesson from its start.
    ResetLesson,
    /// The next step, whether this one is done or not; an open question is answered with what is marked.
    NextStep,
    /// The step before.
    StepBack,
    /// Do the step.
    DoStep,
    /// Write a lesson of this name from what is done; where one is being written, end that.
    RecordLesson(Option<String>),
    /// Mark a choice of the open question.
    MarkChoice(u8),
    /// Answer the open question with this choice, or with the one that is marked.
    AnswerQuestion(Option<u8>),
}

impl From<ClusterAction> for Action {
    fn from(action: ClusterAction) -> Self {
        Self::Cluster(action)
    }
}

impl From<ScreenAction> for Action {
    fn from(action: ScreenAction) -> Self {
        Self::Screen(action)
    }
}

impl From<TerminalAction> for Action {
    fn from(action: TerminalAction) -> Self {
        Self::Terminal(action)
    }
}

impl From<LessonAction> for Action {
    fn from(action: LessonAction) -> Self {
        Self::Lesson(action)
    }
}
