//! The rows of Replicas and of Group: what is open with its parts, and everything else folded.

use crate::state::{
    State,
    action::{Motion, Pane},
    cluster::ProcessName,
};

/// A row of Replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplicaRow {
    /// A topic; its partitions follow where it is open.
    Topic(String),
    /// A partition of the open topic.
    Partition(i32),
}

/// A row of Group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupRow {
    /// A member of the open group.
    Member(ProcessName),
    /// Another group.
    Group(String),
}

impl State {
    /// The rows of Replicas from the top down. A topic that is alone has no row of its own.
    #[must_use]
    pub fn replica_rows(&self) -> Vec<ReplicaRow> {
        let filter = self.view.filter(Pane::Replicas);
        let open = &self.view.topic;
        let partitions: Vec<i32> = self
            .cluster
            .topics
            .get(open)
            .into_iter()
            .flat_map(|topic| &topic.partitions)
            .map(|partition| partition.seen.partition)
            .collect();
        let one = filter.and_then(|filter| {
            let mut wanted = partitions.iter();
            wanted.find(|partition| format!("p{partition}") == filter)
        });
        if let Some(one) = one {
            return vec![ReplicaRow::Partition(*one)];
        }
        let topics: Vec<&String> = self
            .cluster
            .topics
            .iter()
            .filter(|(name, topic)| match filter {
                // Kafka's own are shown to those who ask for them.
                Some(filter) => name.contains(filter),
                None => !topic.internal || *name == open,
            })
            .map(|(name, _)| name)
            .collect();
        let alone = topics.len() == 1 && filter.is_none();
        let mut rows = Vec::new();
        for name in topics {
            if !alone {
                rows.push(ReplicaRow::Topic(name.clone()));
            }
            if name == open {
                rows.extend(partitions.iter().copied().map(ReplicaRow::Partition));
            }
        }
        rows
    }

    /// The row of Replicas that the cursor is on.
    #[must_use]
    pub fn replica_cursor(&self) -> ReplicaRow {
        match &self.view.topic_row {
            Some(name) => ReplicaRow::Topic(name.clone()),
            None => ReplicaRow::Partition(self.view.partition),
        }
    }

    /// Puts the cursor of Replicas on a row.
    pub(super) fn set_replica_cursor(&mut self, row: ReplicaRow) {
        match row {
            ReplicaRow::Topic(name) => self.view.topic_row = Some(name),
            ReplicaRow::Partition(partition) => {
                self.view.topic_row = None;
                if self.view.partition != partition {
                    self.view.partition = partition;
                    self.view.record = None;
                }
            }
        }
    }

    /// Our consumers that run for the shown group.
    #[must_use]
    pub fn joining(&self) -> Vec<String> {
        let running = self.group_rows().into_iter().filter_map(|name| {
            let process = self.cluster.processes.get(&name)?;
            let ProcessName::Consumer(name) = name else {
                return None;
            };
            (!process.status.is_gone()).then_some(name)
        });
        running.collect()
    }

    /// The rows of Group from the top down: the members of the open group, then all other groups.
    #[must_use]
    pub fn group_pane_rows(&self) -> Vec<GroupRow> {
        let filter = self.view.filter(Pane::Group);
        let passes = |text: &str| filter.is_none_or(|filter| text.contains(filter));
        let open = &self.view.group;
        let members = self
            .group_rows()
            .into_iter()
            .filter(|member| passes(open) || passes(&member.to_string()))
            .map(GroupRow::Member);
        let groups = self.cluster.groups.keys();
        let others = groups
            .filter(|name| *name != open && passes(name))
            .cloned()
            .map(GroupRow::Group);
        members.chain(others).collect()
    }

    /// The row of Group that the cursor is on, if it is on one.
    #[must_use]
    pub fn group_cursor(&self) -> GroupRow {
        match &self.view.group_row {
            Some(name) => GroupRow::Group(name.clone()),
            None => GroupRow::Member(self.view.picked.clone()),
        }
    }

    /// Puts the cursor of Group on a row.
    pub(super) fn set_group_cursor(&mut self, row: GroupRow) {
        match row {
            GroupRow::Member(process) => {
                self.view.group_row = None;
                self.view.picked = process;
            }
            GroupRow::Group(name) => self.view.group_row = Some(name),
        }
    }

    /// Opens a topic: Replicas and Log show it from now on.
    pub(in crate::state) fn open_topic(&mut self, name: &str) {
        name.clone_into(&mut self.view.topic);
        self.view.topic_row = None;
        self.view.partition = 0;
        self.view.record = None;
    }

    /// Opens a group.
    pub(in crate::state) fn open_group(&mut self, name: &str) {
        name.clone_into(&mut self.view.group);
        self.view.group_row = None;
    }
}

/// Moves the cursor of Replicas; left and right open the topic before and the one after.
pub(super) fn move_in_replicas(state: &mut State, motion: Motion, page: usize) {
    let rows = state.replica_rows();
    if matches!(motion, Motion::Left | Motion::Right) {
        let topics = state.cluster.topics.iter();
        let people: Vec<String> = topics
            .filter(|(_, topic)| !topic.internal)
            .map(|(name, _)| name.clone())
            .collect();
        if let Some(name) = beside(&people, &state.view.topic, motion) {
            state.open_topic(&name);
        }
        return;
    }
    let cursor = state.replica_cursor();
    if let Some(next) = moved(&rows, &cursor, motion, page) {
        state.set_replica_cursor(next);
    }
}

/// Moves the cursor of Group; left and right open the group before and the one after.
pub(super) fn move_in_group(state: &mut State, motion: Motion, page: usize) {
    if matches!(motion, Motion::Left | Motion::Right) {
        let groups: Vec<String> = state.cluster.groups.keys().cloned().collect();
        if let Some(name) = beside(&groups, &state.view.group, motion) {
            state.open_group(&name);
        }
        return;
    }
    let rows = state.group_pane_rows();
    let cursor = state.group_cursor();
    if let Some(next) = moved(&rows, &cursor, motion, page) {
        state.set_group_cursor(next);
    }
}

/// Moves among the partitions of the open topic, where only that is shown.
pub(super) fn move_in_topic(state: &mut State, motion: Motion, page: usize) {
    if matches!(motion, Motion::Left | Motion::Right) {
        move_in_replicas(state, motion, page);
        return;
    }
    let topic = state.cluster.topics.get(&state.view.topic);
    let partitions = topic.into_iter().flat_map(|topic| &topic.partitions);
    let rows: Vec<ReplicaRow> = partitions
        .map(|partition| ReplicaRow::Partition(partition.seen.partition))
        .collect();
    let cursor = ReplicaRow::Partition(state.view.partition);
    if let Some(next) = moved(&rows, &cursor, motion, page) {
        state.set_replica_cursor(next);
    }
}

/// Moves among the members of the open group, where only that is shown.
pub(super) fn move_between_members(state: &mut State, motion: Motion, page: usize) {
    if matches!(motion, Motion::Left | Motion::Right) {
        move_in_group(state, motion, page);
        return;
    }
    let rows = state.group_rows();
    let cursor = state.view.picked.clone();
    if let Some(next) = moved(&rows, &cursor, motion, page) {
        state.set_group_cursor(GroupRow::Member(next));
    }
}

fn beside(names: &[String], from: &str, motion: Motion) -> Option<String> {
    let at = names.iter().position(|name| name == from);
    let next = match (at, motion) {
        (None, _) => Some(0),
        (Some(at), Motion::Left) => at.checked_sub(1),
        (Some(at), _) => Some(at + 1),
    };
    names.get(next?).cloned()
}

/// Where a cursor among rows goes; one that is on none of them goes to the first.
pub(super) fn moved<R: PartialEq + Clone>(
    rows: &[R],
    cursor: &R,
    motion: Motion,
    page: usize,
) -> Option<R> {
    let last = rows.len().checked_sub(1)?;
    let next = match (rows.iter().position(|row| row == cursor), motion) {
        (_, Motion::Last) => last,
        (_, Motion::First) | (None, _) => 0,
        (Some(at), Motion::Up) => at.saturating_sub(1),
        (Some(at), Motion::Down) => at + 1,
        (Some(at), Motion::PageUp) => at.saturating_sub(page),
        (Some(at), Motion::PageDown) => at + page,
        (Some(at), Motion::Left | Motion::Right) => at,
    };
    rows.get(next.min(last)).cloned()
}
