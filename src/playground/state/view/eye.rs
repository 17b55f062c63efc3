//! Where somebody looks: what a view comes to for who goes on from there.

use serde::{Deserialize, Serialize};

use super::{Opened, Overlay, ValueFace, View, ZnodeView};
use crate::state::{
    action::{Pane, RecordFace},
    cluster::ProcessName,
    settings::Setting,
};
use wire::Offset;

/// What is shown, where the cursors are, and what was opened. Settings go by their names, and neither what is being
/// typed nor what is said in the footer is part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Eye {
    /// Columns and rows.
    pub size: (u16, u16),
    /// The layout's name.
    pub layout: String,
    /// The theme's name.
    pub theme: String,
    /// The pane that movement keys move in.
    pub focus: Pane,
    /// Which pane the lower row shows where there is room for one only.
    pub tab: Pane,
    /// Whether the focused pane fills the screen.
    pub full: bool,
    /// The process that the verbs reach.
    pub picked: ProcessName,
    /// The topic that is shown.
    pub topic: String,
    /// The topic that is shown once it is there.
    pub topic_to_come: Option<String>,
    /// The group that is shown.
    pub group: String,
    /// The partition that is open where not all can be.
    pub partition: i32,
    /// The record that the cursor is on; `None` follows the newest.
    pub record: Option<Offset>,
    /// What the Log's cells say.
    pub face: RecordFace,
    /// How an opened record shows its value.
    pub value_face: ValueFace,
    /// What enter opened.
    pub opened: Option<Opened>,
    /// Per-pane filters.
    pub filters: Vec<(Pane, String)>,
    /// The topic whose row the cursor of Replicas is on.
    pub topic_row: Option<String>,
    /// The folded group that the cursor of Group is on.
    pub group_row: Option<String>,
    /// Where the person is in `ZooKeeper`'s tree.
    pub znodes: ZnodeView,
    /// The exchange that the Wire's cursor is on.
    pub exchange: Option<u64>,
    /// How many lines What happened is scrolled back.
    pub story_back: usize,
    /// How many lines What happened in `ZooKeeper` is scrolled back.
    pub zookeeper_story_back: usize,
    /// How many lines Output is scrolled back.
    pub output_back: usize,
    /// The first chart that is shown.
    pub throughput_scroll: usize,
    /// Whether the mouse picks and scrolls.
    pub mouse: bool,
    /// Whether keys are shown as they are pressed.
    pub show_keys: bool,
    /// The command that is shown in the footer.
    pub command: Option<String>,
    /// Actions that were typed, newest last.
    pub recent: Vec<String>,
}

impl View {
    /// Where this view looks.
    #[must_use]
    pub fn eye(&self) -> Eye {
        Eye {
            size: self.size,
            layout: self.layouts.current().name().to_owned(),
            theme: self.themes.current().name().to_owned(),
            focus: self.focus,
            tab: self.tab,
            full: self.full,
            picked: self.picked.clone(),
            topic: self.topic.clone(),
            topic_to_come: self.topic_to_come.clone(),
            group: self.group.clone(),
            partition: self.partition,
            record: self.record,
            face: self.face,
            value_face: self.value_face,
            opened: match &self.overlay {
                Overlay::Opened(opened) => Some(opened.clone()),
                _ => None,
            },
            filters: self.filters.clone(),
            topic_row: self.topic_row.clone(),
            group_row: self.group_row.clone(),
            znodes: self.znodes.clone(),
            exchange: self.exchange,
            story_back: self.story_back,
            zookeeper_story_back: self.zookeeper_story_back,
            output_back: self.output_back,
            throughput_scroll: self.throughput_scroll,
            mouse: self.mouse,
            show_keys: self.show_keys,
            command: self.command.clone(),
            recent: self.recent.clone(),
        }
    }

    /// Looks there. A layout or a theme that is not known here changes nothing.
    pub(in crate::state) fn look_at(&mut self, eye: Eye) {
        self.size = eye.size;
        self.layouts.show(&eye.layout);
        self.themes.show(&eye.theme);
        self.focus = eye.focus;
        self.tab = eye.tab;
        self.full = eye.full;
        self.picked = eye.picked;
        self.topic = eye.topic;
        self.topic_to_come = eye.topic_to_come;
        self.group = eye.group;
        self.partition = eye.partition;
        self.record = eye.record;
        self.face = eye.face;
        self.value_face = eye.value_face;
        self.overlay = eye.opened.map(Overlay::Opened).unwrap_or_default();
        self.filters = eye.filters;
        self.topic_row = eye.topic_row;
        self.group_row = eye.group_row;
        self.znodes = eye.znodes;
        self.exchange = eye.exchange;
        self.story_back = eye.story_back;
        self.zookeeper_story_back = eye.zookeeper_story_back;
        self.output_back = eye.output_back;
        self.throughput_scroll = eye.throughput_scroll;
        self.mouse = eye.mouse;
        self.show_keys = eye.show_keys;
        self.command = eye.command;
        self.recent = eye.recent;
        self.ask = None;
    }
}
