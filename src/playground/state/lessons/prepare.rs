//! Makes the cluster as a lesson needs it: what was broken heals, what is too much goes, what is missing comes.

use std::collections::VecDeque;

use super::{
    course::{Before, Course},
    follow::come_to,
};
use crate::state::{
    State,
    action::{Action, ClusterAction, Target},
    cluster::{Acks, Partition, ProcessName, Status, StreamRate},
};
use wire::GroupState;

/// Goes on with it as far as the cluster allows.
pub(super) fn go_on(state: &mut State, course: &mut Course, before: Before) {
    if !course.to_do.is_empty() || state.waits.is_for_lesson() {
        return;
    }
    let next = match before {
        Before::GoesOn if state.is_ready() => {
            // A stream ends with the playground.
            let needs = course.lesson.needs.iter();
            let stream = needs.filter(|action| {
                matches!(
                    action,
                    Action::Cluster(ClusterAction::Stream(_) | ClusterAction::StreamInto(..))
                )
            });
            let runs = state.cluster.streams();
            course.to_do = stream.filter(|_| !runs).cloned().collect();
            Some(Before::Needs)
        }
        Before::Begins if state.is_ready() => {
            show(state);
            course.to_do = as_new(state, course.lesson.brokers);
            Some(Before::Heals)
        }
        Before::Heals if missing(state).is_none() => {
            let needs = course
                .lesson
                .needs
                .iter()
                .filter(|need| !is_there(state, need));
            course.to_do = needs.cloned().collect();
            Some(Before::Needs)
        }
        Before::Needs => None,
        Before::GoesOn | Before::Begins | Before::Heals => return,
    };
    course.before = next;
    if next.is_none() {
        come_to(state, course);
    } else if course.to_do.is_empty() {
        go_on(state, course, next.unwrap_or(before));
    }
}

/// A topic that a lesson made before cannot be made again.
fn is_there(state: &State, need: &Action) -> bool {
    match need {
        Action::Cluster(ClusterAction::CreateTopic(Some((name, ..)))) => {
            state.cluster.topics.contains_key(name)
        }
        _ => false,
    }
}

/// The topic and the group that the start brought are what lessons speak of.
fn show(state: &mut State) {
    if let Some(topic) = state.setup.topics.first().map(|topic| topic.name.clone())
        && state.cluster.topics.contains_key(&topic)
    {
        state.open_topic(&topic);
    }
    let group = state.setup.group.clone();
    if state.cluster.groups.contains_key(&group) {
        state.open_group(&group);
    }
}

/// What makes the cluster like that of a new playground. Records stay.
fn as_new(state: &State, brokers: i32) -> VecDeque<Action> {
    let mut to_do = VecDeque::new();
    if state.cluster.stream != StreamRate::Off {
        to_do.push_back(Action::from(ClusterAction::Stream(StreamRate::Off)));
    }
    for topic in state.cluster.streams_beside.keys() {
        let ends = ClusterAction::StreamInto(topic.clone(), StreamRate::Off);
        to_do.push_back(Action::from(ends));
    }
    if state.cluster.acks != Acks::All {
        to_do.push_back(Action::from(ClusterAction::Acks(Acks::All)));
    }
    let ill = state
        .cluster
        .servers()
        .any(|process| process.status.is_gone() || process.status == Status::Frozen);
    if ill || state.cluster.any_astray() {
        to_do.push_back(Action::from(ClusterAction::Heal));
    }
    if let Some(topic) = state.setup.topics.first()
        && !state.cluster.topics.contains_key(&topic.name)
    {
        let topic = (
            topic.name.clone(),
            topic.partitions,
            topic.replication_factor,
        );
        to_do.push_back(Action::from(ClusterAction::CreateTopic(Some(topic))));
    }
    for process in state.cluster.processes.values() {
        let target = Target::Process(process.name.clone());
        let name = match &process.name {
            ProcessName::Consumer(name) => name,
            ProcessName::Producer(_) if process.status.is_running() => {
                to_do.push_back(Action::from(ClusterAction::Stop(target)));
                continue;
            }
            _ => continue,
        };
        let is_from_the_start =
            (1..=state.setup.consumers).any(|number| *name == format!("c{number}"));
        // Healing starts those that were killed.
        let starts = process.status == Status::Stopped || (process.status.is_gone() && !ill);
        if is_from_the_start && starts {
            to_do.push_back(Action::from(ClusterAction::Start(target)));
        } else if !is_from_the_start && process.status.is_running() {
            to_do.push_back(Action::from(ClusterAction::Stop(target)));
        }
    }
    let there = state.cluster.brokers().count();
    let wanted = usize::try_from(brokers).unwrap_or_default();
    for _ in there..wanted {
        to_do.push_back(Action::from(ClusterAction::AddBroker));
    }
    to_do
}

/// What a new playground has and this one has not yet, in words.
pub(super) fn missing(state: &State) -> Option<String> {
    let (up, all) = state.cluster.brokers_up();
    if up < all {
        return Some(format!("{up} of {all} brokers answer"));
    }
    let topics = state.cluster.topics.values();
    let mut partitions = topics.flat_map(|topic| &topic.partitions);
    if partitions.any(Partition::under_replicated) {
        return Some("not every replica is in sync yet".to_owned());
    }
    if state.healing || state.cluster.any_astray() {
        return Some("preferred leaders do not lead yet".to_owned());
    }
    let group = &state.setup.group;
    if state.setup.consumers == 0 {
        return None;
    }
    let known = state.cluster.groups.get(group);
    let members = known.map_or(0, |known| known.members.len());
    let stable = known.is_some_and(|known| known.state == GroupState::Stable);
    let expected = usize::try_from(state.setup.consumers).unwrap_or_default();
    (!stable || members != expected)
        .then(|| format!("group {group} has {members} members, {expected} belong to it"))
}
