//! Rewinds a group to a record: our consumers of it stop, the offset is committed, they start again.
//!
//! Kafka moves the offsets of a group only while nobody reads for it, so this is a walk of several
//! steps, each of which waits for what the cluster tells.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Answer, Ask, ClusterAction, Request};
use crate::state::{
    State, Timestamp,
    cluster::{Intent, ProcessName, Status},
    story::{Hand, Line, Subject, Tone, grouped},
};
use wire::{Offset, TopicPartition};

/// How long the group may take to be without members; a killed one is missed for some seconds.
const EMPTY_WITHIN: Duration = Duration::from_secs(15);

/// A group on its way to an offset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::state) struct Rewind {
    group: String,
    place: TopicPartition,
    to: Offset,
    /// Our consumers that were stopped for it.
    stopped: Vec<ProcessName>,
    step: Step,
    since: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Step {
    /// The members leave.
    Emptying,
    /// The offset is on its way to the coordinator.
    Committing,
}

/// The rewind that `o` means now: the shown group, to the record under the cursor.
pub(in crate::state) fn meant(state: &State) -> Result<ClusterAction, String> {
    let Some(to) = state.view.record else {
        return Err(
            "no record is picked: {move left} picks one, {group rewind} rewinds the group to it"
                .into(),
        );
    };
    let place = TopicPartition::new(&state.view.topic, state.view.partition);
    Ok(ClusterAction::RewindGroup(Some((
        state.view.group.clone(),
        place,
        to,
    ))))
}

/// The question before a rewind.
pub(in crate::state) fn question(
    state: &State,
    group: &str,
    place: &TopicPartition,
    to: Offset,
) -> Result<Ask, String> {
    let ours = check(state, group, place, to)?;
    let committed = state.cluster.groups.get(group);
    let committed = committed
        .and_then(|group| group.committed.get(place))
        .copied();
    let records = |count: i64| {
        let noun = if count == 1 {
            "record is"
        } else {
            "records are"
        };
        format!("{} {noun}", grouped(count))
    };
    let costs = match committed {
        Some(committed) if committed > to => {
            format!("{} read again", records(committed.0 - to.0))
        }
        Some(committed) if committed < to => format!("{} skipped", records(to.0 - committed.0)),
        Some(_) => "it stands there already".to_owned(),
        None => "it committed nothing there yet".to_owned(),
    };
    let names: Vec<String> = ours.iter().map(name).collect();
    let pause = match names.as_slice() {
        [] => String::new(),
        [only] => format!(", {only} pauses meanwhile"),
        all => format!(", {} pause meanwhile", all.join(" ")),
    };
    Ok(Ask {
        action: ClusterAction::RewindGroup(Some((group.to_owned(), place.clone(), to))).into(),
        text: state.view.keys.fill(&format!(
            "{group} to p{} @{to}: {costs}{pause}   {{confirm accept}} rewind   {{confirm back}} keep",
            place.partition
        )),
        since: state.now,
        how: Answer::Yes,
    })
}

/// Our running consumers of the group, if it can be rewound.
fn check(
    state: &State,
    group: &str,
    place: &TopicPartition,
    to: Offset,
) -> Result<Vec<ProcessName>, String> {
    if state.rewind.is_some() {
        return Err("a rewind goes on already".into());
    }
    let partition = state.cluster.partition(place);
    let partition = partition.ok_or_else(|| format!("there is no {place}"))?;
    if to < partition.log_start || to > partition.high_watermark {
        return Err(format!(
            "{place} has records from {} to {}, not {to}",
            partition.log_start, partition.high_watermark
        ));
    }
    let known = state.cluster.groups.get(group);
    let known = known.ok_or_else(|| format!("there is no group {group}"))?;
    let strangers: Vec<&str> = known
        .members
        .values()
        .filter(|member| !member.ours)
        .map(|member| member.name.as_str())
        .collect();
    if !strangers.is_empty() {
        let (reads, it) = match strangers.len() {
            1 => ("reads for", "is not ours: stop it"),
            _ => ("read for", "are not ours: stop them"),
        };
        return Err(format!(
            "{} {reads} {group} and {it} first, Kafka moves no offsets under a reader",
            strangers.join(" ")
        ));
    }
    let ours: Vec<_> = state
        .cluster
        .processes
        .values()
        .filter(|process| process.group.as_deref() == Some(group))
        .filter(|process| matches!(process.name, ProcessName::Consumer(_)))
        .filter(|process| process.status.is_running())
        .collect();
    if let Some(frozen) = ours.iter().find(|process| process.status == Status::Frozen) {
        return Err(format!(
            "{0} is frozen: {{freeze {0}}} thaws it first",
            frozen.name
        ));
    }
    Ok(ours
        .into_iter()
        .map(|process| process.name.clone())
        .collect())
}

/// Rewinds the shown group to the record under the cursor; whoever says so was asked already.
pub(super) fn begin_meant(state: &mut State) -> Vec<Request> {
    match meant(state) {
        Ok(ClusterAction::RewindGroup(Some((group, place, to)))) => {
            begin(state, &group, &place, to)
        }
        Ok(_) => Vec::new(),
        Err(why) => {
            state.message(why, false);
            Vec::new()
        }
    }
}

/// Begins: the consumers are told to leave.
pub(in crate::state) fn begin(
    state: &mut State,
    group: &str,
    place: &TopicPartition,
    to: Offset,
) -> Vec<Request> {
    let ours = match check(state, group, place, to) {
        Ok(ours) => ours,
        Err(why) => {
            state.message(why, true);
            return Vec::new();
        }
    };
    let mut line = state
        .wish()
        .say(format!("rewind {group} to p{} @{to}", place.partition))
        .about(Subject::Rewind(group.to_owned()));
    for process in &ours {
        line = line.about(Subject::Process(process.clone()));
        if let Some(known) = state.cluster.processes.get_mut(process) {
            known.intent = Some(Intent::Stop);
            known.status = Status::Stopping;
            known.since = state.now;
        }
    }
    state.story.begin(line);
    if !ours.is_empty() {
        let names: Vec<String> = ours.iter().map(name).collect();
        tell(
            state,
            group,
            Tone::Plain,
            format!(
                "{} leave: Kafka moves no offsets under a reader",
                names.join(" ")
            ),
        );
    }
    let requests = ours.iter().cloned().map(Request::Stop).collect();
    state.rewind = Some(Rewind {
        group: group.to_owned(),
        place: place.clone(),
        to,
        stopped: ours,
        step: Step::Emptying,
        since: state.now,
    });
    requests
}

/// Goes on where what was told last allows it.
pub(in crate::state) fn go_on(state: &mut State) -> Vec<Request> {
    let Some(rewind) = &state.rewind else {
        return Vec::new();
    };
    if rewind.step == Step::Committing {
        return Vec::new();
    }
    let gone = |name: &ProcessName| {
        let process = state.cluster.processes.get(name);
        process.is_none_or(|process| process.status.is_gone())
    };
    let group = state.cluster.groups.get(&rewind.group);
    let empty = group.is_none_or(|group| group.state.is_inactive());
    if empty && rewind.stopped.iter().all(gone) {
        let request = Request::CommitOffset {
            group: rewind.group.clone(),
            partition: rewind.place.clone(),
            offset: rewind.to,
        };
        let name = rewind.group.clone();
        if let Some(rewind) = &mut state.rewind {
            rewind.step = Step::Committing;
        }
        tell(
            state,
            &name,
            Tone::Plain,
            format!("{name} has no members: its offset can be moved"),
        );
        return vec![request];
    }
    if state.now.since(rewind.since) < EMPTY_WITHIN {
        return Vec::new();
    }
    let why = format!("{} still has members: it stays where it was", rewind.group);
    finish(state, Err(why))
}

/// The coordinator answered.
pub(in crate::state) fn committed(
    state: &mut State,
    group: &str,
    error: Option<&str>,
) -> Vec<Request> {
    let Some(rewind) = state.rewind.as_ref().filter(|rewind| rewind.group == group) else {
        return Vec::new();
    };
    let outcome = match error {
        None => Ok(format!(
            "p{} @{} committed for {group}",
            rewind.place.partition, rewind.to
        )),
        Some(why) => Err(format!("{group} stays where it was: {why}")),
    };
    if outcome.is_ok() {
        let (place, to) = (rewind.place.clone(), rewind.to);
        if let Some(known) = state.cluster.groups.get_mut(group) {
            known.positions.remove(&place);
            known.committed.insert(place, to);
        }
    }
    finish(state, outcome)
}

/// Says how it went, and starts whom it stopped.
fn finish(state: &mut State, outcome: Result<String, String>) -> Vec<Request> {
    let Some(rewind) = state.rewind.take() else {
        return Vec::new();
    };
    match outcome {
        Ok(said) => tell(state, &rewind.group, Tone::Good, said),
        Err(why) => {
            tell(state, &rewind.group, Tone::Bad, why.clone());
            state.message(why, true);
        }
    }
    if rewind.stopped.is_empty() {
        return Vec::new();
    }
    let names: Vec<String> = rewind.stopped.iter().map(name).collect();
    let mut line =
        Line::new(state.now, Hand::Kafkarium).say(format!("{} start again", names.join(" ")));
    for process in &rewind.stopped {
        line = line.about(Subject::Process(process.clone()));
        if let Some(known) = state.cluster.processes.get_mut(process) {
            known.intent = None;
            known.status = Status::Starting;
            known.since = state.now;
            known.pid = None;
        }
    }
    state.story.tell(&[Subject::Rewind(rewind.group)], line);
    rewind.stopped.into_iter().map(Request::Start).collect()
}

fn tell(state: &mut State, group: &str, tone: Tone, words: String) {
    let line = Line::new(state.now, Hand::Kafkarium).with(tone, words);
    let cause = [Subject::Rewind(group.to_owned())];
    state.story.tell(&cause, line);
}

fn name(process: &ProcessName) -> String {
    match process {
        ProcessName::Consumer(name) => name.clone(),
        other => other.to_string(),
    }
}
