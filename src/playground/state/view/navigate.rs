//! Moves about on the screen: picking, panes, cursors, pages.

use super::{
    GroupRow, Help, Opened, Overlay, Palette, ReplicaRow, Thing, View,
    asking::{do_help_row, filter},
    developer, in_lesson,
    navigate_znodes::move_in_znodes,
    picking::pick,
    rows, transaction_rows, watched,
};
use crate::state::{
    State,
    action::{Action, Key, Motion, Pane, Request, ScreenAction},
    cluster::ProcessName,
};
use wire::{Offset, TopicPartition, payload::Payload};

/// What came of an action on the screen.
#[derive(Debug, Default)]
pub(in crate::state) struct Moved {
    /// What the outside is asked for.
    pub requests: Vec<Request>,
    /// The key that was chosen instead of pressed, and what it does.
    pub chosen: Option<(Key, Action)>,
}

impl From<Vec<Request>> for Moved {
    fn from(requests: Vec<Request>) -> Self {
        Self {
            requests,
            chosen: None,
        }
    }
}

/// Does an action that only concerns the screen. What needs the past is asked of it.
pub(in crate::state) fn move_on_screen(state: &mut State, action: &ScreenAction) -> Moved {
    match action {
        ScreenAction::Pick(process) => pick(state, process),
        ScreenAction::NextPane => state.view.focus_on(state.view.neighbour(true)),
        ScreenAction::PreviousPane => state.view.focus_on(state.view.neighbour(false)),
        ScreenAction::PaneFull => {
            if state.view.focus == Pane::Processes {
                state.view.focus_on(state.view.first_below_the_boxes());
            }
            state.view.full = !state.view.full;
        }
        ScreenAction::NextLayout => step_layout(state, true),
        ScreenAction::PreviousLayout => step_layout(state, false),
        ScreenAction::Layout(name) => set_layout(state, name),
        ScreenAction::ShowTopic(name) => show_topic(state, name),
        ScreenAction::ShowGroup(name) => show_group(state, name),
        ScreenAction::Move(motion) => movement(state, *motion),
        ScreenAction::Open => return open(state).into(),
        ScreenAction::Accept => {
            return in_lesson::choose(state).unwrap_or_else(|| do_help_row(state));
        }
        ScreenAction::Back => back(state),
        ScreenAction::Filter(text) => filter(state, text.as_deref()),
        ScreenAction::Show => match &state.view.overlay {
            Overlay::Opened(opened) => {
                let payload = opened_payload(state, opened);
                let next = payload.map(|payload| state.view.value_face.next(&payload));
                state.view.value_face = next.unwrap_or(state.view.value_face);
            }
            _ if state.view.focus == Pane::Znodes => {
                state.view.znodes.raw = !state.view.znodes.raw;
            }
            _ => state.view.face = state.view.face.next(),
        },
        ScreenAction::FocusPane(pane) => {
            if state.view.form().panes().contains(pane) {
                state.view.focus_on(*pane);
            } else {
                let layout = state.view.layouts.current().name.clone();
                state.message(
                    format!("layout {layout} has no pane {}", pane.name()),
                    false,
                );
            }
        }
        ScreenAction::PickPartition(partition) => pick_partition(state, *partition),
        ScreenAction::PickRecord(offset) => pick_record(state, *offset),
        ScreenAction::PickExchange(number) => {
            if state.wire.get(*number).is_some() {
                state.view.exchange = Some(*number);
            }
        }
        ScreenAction::Help => state.view.overlay = Overlay::Help(Help::default()),
        ScreenAction::Palette(text) => state.view.overlay = Overlay::Palette(Palette::new(text)),
        ScreenAction::Theme(name) => return theme(state, name).into(),
        ScreenAction::Coach => state.coach.hidden = !state.coach.hidden,
        ScreenAction::Say(words) => watched::say(state, words),
        ScreenAction::ShowKeys => watched::show_keys(state),
        // These go to another moment: the gate has asked the past.
        ScreenAction::Hold | ScreenAction::Live | ScreenAction::Step(_) => {}
    }
    Moved::default()
}

fn pick_partition(state: &mut State, partition: i32) {
    let place = TopicPartition::new(&state.view.topic, partition);
    if state.cluster.partition(&place).is_some() {
        state.set_replica_cursor(ReplicaRow::Partition(partition));
    } else {
        state.message(format!("there is no {place}"), false);
    }
}

/// The record at this offset, or the nearest that there can be.
fn pick_record(state: &mut State, offset: Offset) {
    let place = TopicPartition::new(&state.view.topic, state.view.partition);
    let Some(partition) = state.cluster.partition(&place) else {
        return;
    };
    let (first, end) = (partition.log_start, partition.log_end());
    if first >= end {
        state.message(format!("{place} has no record"), false);
        return;
    }
    state.view.record = Some(offset.clamp(first, Offset(end.0 - 1)));
}

fn step_layout(state: &mut State, forward: bool) {
    state.view.layouts.step(forward);
    // What keeps the metadata has a layout of its own; that of the other would stay empty.
    let software = state.cluster.software.as_ref();
    let empty = match software {
        Some(software) if software.quorum => "zookeeper",
        _ => "quorum",
    };
    if state.view.layouts.current().name == empty {
        state.view.layouts.step(forward);
    }
    enter_layout(state);
}

fn set_layout(state: &mut State, name: &str) {
    if state.view.layouts.show(name) {
        enter_layout(state);
    } else {
        let known: Vec<&str> = state.view.layouts.names().collect();
        let known = known.join(", ");
        state.message(format!("no layout \"{name}\": {known}"), true);
    }
}

fn enter_layout(state: &mut State) {
    state.view.full = false;
    show_as_the_layout_says(&mut state.view);
}

/// Takes over what the layout says about what its panes show.
pub(in crate::state) fn show_as_the_layout_says(view: &mut View) {
    let options = view.form().options(Pane::Log);
    view.face = options
        .and_then(|options| options.face)
        .unwrap_or(view.face);
}

fn show_topic(state: &mut State, name: &str) {
    if state.cluster.topics.contains_key(name) {
        state.open_topic(name);
    } else {
        state.message(format!("there is no topic {name}"), true);
    }
}

fn show_group(state: &mut State, name: &str) {
    if state.cluster.groups.contains_key(name) {
        state.open_group(name);
    } else {
        state.message(format!("there is no group {name}"), true);
    }
}

/// Moves the cursor of what lies on top: a page, else the focused pane.
fn movement(state: &mut State, motion: Motion) {
    let page = usize::from(state.view.size.1 / 2).max(1);
    match &mut state.view.overlay {
        Overlay::Help(help) => {
            let rows = state.view.keys.help_rows(help.search.text()).len();
            help.cursor = step(help.cursor, motion, page).min(rows.saturating_sub(1));
        }
        Overlay::Lessons(cursor) => {
            in_lesson::move_in_list(cursor, motion, state.learning.list().len());
        }
        Overlay::Opened(opened) if !matches!(motion, Motion::Left | Motion::Right) => {
            if let Thing::Process(name) = &opened.what {
                // A log is read from its end.
                let process = state.cluster.processes.get(name);
                let lines = process.map_or(0, |process| process.log.len());
                look_back(&mut opened.scroll, lines, motion, page);
            } else {
                opened.scroll = step(opened.scroll, motion, page).min(Opened::END);
            }
        }
        Overlay::Opened(opened) => {
            if matches!(opened.what, Thing::Record(_)) {
                move_in_log(state, motion);
                open(state);
            } else if matches!(opened.what, Thing::Exchange(_)) {
                let motion = match motion {
                    Motion::Left => Motion::Up,
                    _ => Motion::Down,
                };
                developer::move_on_wire(state, motion, page);
                open(state);
            }
        }
        _ => match state.view.focus {
            Pane::Processes => move_between_processes(state, motion),
            Pane::Log => move_in_log(state, motion),
            Pane::Replicas => rows::move_in_replicas(state, motion, page),
            Pane::Flow | Pane::StageNumbers | Pane::Caption => {
                rows::move_in_topic(state, motion, page);
            }
            Pane::StageBrokers => match motion {
                Motion::Left | Motion::Right => move_between_processes(state, motion),
                _ => rows::move_in_topic(state, motion, page),
            },
            Pane::Group => rows::move_in_group(state, motion, page),
            Pane::StageConsumers => rows::move_between_members(state, motion, page),
            Pane::Znodes => move_in_znodes(state, motion, page),
            Pane::Brokers => state.move_between_brokers(motion),
            Pane::Partitions => state.move_between_cells(motion),
            Pane::Transactions => transaction_rows::move_among(state, motion, page),
            Pane::Sessions | Pane::Watches | Pane::Quorum | Pane::Now | Pane::Order => {}
            Pane::Wire => developer::move_on_wire(state, motion, page),
            Pane::Output => {
                let process = state.cluster.processes.get(&state.view.picked);
                let lines = process.map_or(0, |process| process.log.len());
                look_back(&mut state.view.output_back, lines, motion, page);
            }
            Pane::Lesson => state.move_in_lesson(motion),
            Pane::Throughput => {
                let scroll = &mut state.view.throughput_scroll;
                // Three charts for all, two for each group.
                let most = 2 + 2 * state.cluster.groups.len();
                *scroll = step(*scroll, motion, page).min(most);
            }
            Pane::Story => {
                let filter = state.view.filter(Pane::Story);
                let lines = state.story.matching(filter).count();
                look_back(&mut state.view.story_back, lines, motion, page);
            }
            Pane::ZooKeeperStory => {
                let lines = state.zookeeper_story.story.entries().len();
                look_back(&mut state.view.zookeeper_story_back, lines, motion, page);
            }
        },
    }
}

/// Scrolls through what happened; `back` counts from the newest line.
fn look_back(back: &mut usize, lines: usize, motion: Motion, page: usize) {
    let most = lines.saturating_sub(1);
    *back = match motion {
        Motion::Up => *back + 1,
        Motion::Down => back.saturating_sub(1),
        Motion::PageUp => *back + page,
        Motion::PageDown => back.saturating_sub(page),
        Motion::First => most,
        Motion::Last => 0,
        Motion::Left | Motion::Right => *back,
    }
    .min(most);
}

fn step(at: usize, motion: Motion, page: usize) -> usize {
    match motion {
        Motion::Up => at.saturating_sub(1),
        Motion::Down => at + 1,
        Motion::PageUp => at.saturating_sub(page),
        Motion::PageDown => at + page,
        Motion::First => 0,
        Motion::Last => Opened::END,
        Motion::Left | Motion::Right => at,
    }
}

fn move_between_processes(state: &mut State, motion: Motion) {
    let names: Vec<ProcessName> = state
        .cluster
        .brokers()
        .map(|broker| broker.name.clone())
        .chain([ProcessName::ZooKeeper])
        .collect();
    let at = names.iter().position(|name| *name == state.view.picked);
    let last = names.len().saturating_sub(1);
    let next = match (motion, at) {
        (Motion::First, _) | (_, None) => 0,
        (Motion::Last, _) => last,
        (Motion::Left | Motion::Up, Some(at)) => at.saturating_sub(1),
        (_, Some(at)) => (at + 1).min(last),
    };
    if let Some(name) = names.get(next) {
        state.view.picked = name.clone();
    }
}

fn move_between_partitions(state: &mut State, motion: Motion) {
    let topic = state.cluster.topics.get(&state.view.topic);
    let count = topic.map_or(0, |topic| topic.partitions.len());
    let last = i32::try_from(count).unwrap_or(i32::MAX).saturating_sub(1);
    let by = if motion == Motion::Up { -1 } else { 1 };
    let next = (state.view.partition + by).clamp(0, last.max(0));
    state.set_replica_cursor(ReplicaRow::Partition(next));
}

fn move_in_log(state: &mut State, motion: Motion) {
    let place = TopicPartition::new(&state.view.topic, state.view.partition);
    let Some(partition) = state.cluster.partition(&place) else {
        return;
    };
    let first = partition.log_start.0;
    let newest = partition.log_end().0 - 1;
    if matches!(motion, Motion::Up | Motion::Down) {
        move_between_partitions(state, motion);
        return;
    }
    let at = state.view.record.map_or(newest, |offset| offset.0);
    let next = match motion {
        Motion::Left => at - 1,
        Motion::Right => at + 1,
        Motion::PageUp => at - 8,
        Motion::PageDown => at + 8,
        Motion::First => first,
        Motion::Last | Motion::Up | Motion::Down => newest + 1,
    };
    let follows = next > newest || newest < first;
    state.view.record = (!follows).then_some(Offset(next.max(first)));
}

/// What the value of the opened record is, or its key where it has none.
fn opened_payload<'a>(state: &'a State, opened: &Opened) -> Option<Payload<'a>> {
    let Thing::Record(offset) = opened.what else {
        return None;
    };
    let place = TopicPartition::new(&state.view.topic, state.view.partition);
    let record = state.cluster.partition(&place)?.record(offset)?;
    let (first, count) = record.kept_value().or_else(|| record.kept_key())?;
    Some(Payload::of_first(first, count))
}

/// Opens what the cursor is on.
fn open(state: &mut State) -> Vec<Request> {
    let thing = match state.view.focus {
        Pane::Processes | Pane::Output | Pane::StageBrokers | Pane::Brokers => {
            Thing::Process(state.view.picked.clone())
        }
        Pane::Flow | Pane::StageNumbers | Pane::Caption | Pane::Partitions | Pane::Now => {
            Thing::Topic(state.view.topic.clone())
        }
        Pane::Order => Thing::Group(state.view.group.clone()),
        Pane::Replicas => match state.view.topic_row.clone() {
            Some(folded) if folded != state.view.topic => {
                state.open_topic(&folded);
                return Vec::new();
            }
            _ => Thing::Topic(state.view.topic.clone()),
        },
        Pane::Group | Pane::StageConsumers => match state.group_cursor() {
            GroupRow::Group(folded) => {
                state.open_group(&folded);
                return Vec::new();
            }
            // Those that are not ours have no log here; the group's page names them.
            GroupRow::Member(name @ ProcessName::Consumer(_))
                if state.cluster.processes.contains_key(&name) =>
            {
                Thing::Process(name)
            }
            GroupRow::Member(_) => Thing::Group(state.view.group.clone()),
        },
        Pane::Log => {
            let place = TopicPartition::new(&state.view.topic, state.view.partition);
            let newest = state
                .cluster
                .partition(&place)
                .and_then(|partition| partition.tail.back())
                .map(|record| record.offset);
            match state.view.record.or(newest) {
                Some(offset) => Thing::Record(offset),
                None => return Vec::new(),
            }
        }
        Pane::Znodes | Pane::Transactions => match transaction_rows::open_row(state) {
            Some(thing) => thing,
            None => return Vec::new(),
        },
        Pane::Wire => {
            let newest = || state.wire.iter().next_back().map(|(number, _)| number);
            let Some(number) = state.view.exchange.or_else(newest) else {
                return Vec::new();
            };
            state.view.exchange = Some(number);
            Thing::Exchange(number)
        }
        Pane::Story => match state.line_at_hand() {
            Some(entry) => Thing::Line(entry.number),
            None => return Vec::new(),
        },
        Pane::Throughput
        | Pane::Quorum
        | Pane::Sessions
        | Pane::Watches
        | Pane::ZooKeeperStory
        | Pane::Lesson => {
            return Vec::new();
        }
    };
    let log = match &thing {
        Thing::Process(process) => Some(Request::ReadLog(process.clone())),
        _ => None,
    };
    state.view.overlay = Overlay::Opened(Opened {
        what: thing,
        scroll: 0,
    });
    log.into_iter().collect()
}

/// One step back: out of a page, a filter, a look back, a full pane, a pane. Never out of the program.
pub(in crate::state) fn back(state: &mut State) {
    let view = &mut state.view;
    if view.overlay != Overlay::None {
        view.overlay = Overlay::None;
    } else if view.message.take().is_some() {
    } else if let Some(at) = view
        .filters
        .iter()
        .position(|(pane, _)| *pane == view.focus)
    {
        view.filters.remove(at);
    } else if view.looks_back() {
        view.record = None;
        view.story_back = 0;
        view.zookeeper_story_back = 0;
        view.exchange = None;
        view.output_back = 0;
    } else if view.full {
        view.full = false;
    } else if view.focus != Pane::Processes {
        view.focus = Pane::Processes;
        if matches!(view.picked, ProcessName::Consumer(_))
            && let Some(broker) = state.setup.brokers.last()
        {
            view.picked = ProcessName::Broker(*broker);
        }
    } else {
        state.coach.hidden = true;
    }
}

fn theme(state: &mut State, name: &str) -> Vec<Request> {
    if state.view.themes.show(name) {
        return vec![Request::Redraw];
    }
    let known: Vec<&str> = state.view.themes.names().collect();
    state.message(format!("no theme \"{name}\": {}", known.join(", ")), true);
    Vec::new()
}

impl State {
    /// The consumers of the group that is shown, ours and others, in the order of their rows.
    #[must_use]
    pub fn group_rows(&self) -> Vec<ProcessName> {
        let group = &self.view.group;
        let mut names: Vec<String> = self
            .cluster
            .processes
            .values()
            .filter(|process| process.group.as_deref() == Some(group))
            .filter_map(|process| match &process.name {
                ProcessName::Consumer(name) => Some(name.clone()),
                _ => None,
            })
            .collect();
        let members = self.cluster.groups.get(group).map(|group| &group.members);
        for member in members.into_iter().flat_map(|members| members.values()) {
            if !names.contains(&member.name) {
                names.push(member.name.clone());
            }
        }
        names.sort_by_key(|name| (name.len(), name.clone()));
        names.into_iter().map(ProcessName::Consumer).collect()
    }
}
