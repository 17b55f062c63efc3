//! Turns what producers and coordinators tell of transactions into lines of "what happened".
//!
//! Programs end transactions by the thousand: only what somebody here wanted is told step by step, and what nobody
//! wanted: an end because time was up.

use std::time::Duration;

use super::{
    Hand,
    names::place as place_name,
    narrate::MERGE_WINDOW,
    story::{Line, Merge, Story, Subject, Tone},
};
use crate::state::{
    Timestamp,
    cluster::{Change, Cluster, ProcessName, Producing, Stage, Told, TransactionMoved},
};
use wire::{
    BrokerId, Offset, TopicPartition, TransactionState,
    report::{TransactionCause, TransactionStep},
};

/// A step belongs to what somebody wanted at most so long ago.
const WANTED_WITHIN: Duration = Duration::from_secs(60);

/// Markers that are named one by one.
const MARKERS_NAMED: usize = 4;

/// A producer of ours came a step on in its transaction, or did not.
pub(super) fn told(story: &mut Story, cluster: &Cluster, told: &Told) {
    let ProcessName::Producer(_) = &told.by else {
        return;
    };
    let known = cluster.processes.get(&told.by);
    let producing = known.and_then(|known| known.producing.as_ref());
    let causes = [Subject::Process(told.by.clone())];
    let line = Line::new(told.at, Hand::Process(told.by.clone()));
    match &told.change {
        // The line of who wanted it says so; the brokers do not know of it yet.
        Change::Transaction {
            step: TransactionStep::Began,
        } => {}
        Change::Transaction { step } => {
            let written = producing.map_or(0, Producing::written);
            // Where its coordinator tells how it ended, that says more.
            let of_id = producing.and_then(|it| cluster.transactions.get(&it.transactional_id));
            let told_by_broker = of_id.and_then(|known| known.last);
            if told_by_broker.is_some_and(|(_, at)| told.at.since(at) <= MERGE_WINDOW) {
                return;
            }
            let line = match (step, written) {
                (_, 0) => line.say("nothing was written: nothing to do"),
                (TransactionStep::Committed, count) => {
                    line.with(Tone::Good, format!("committed: {}", readable(count)))
                }
                (_, count) => line.say(format!("ended: {}", not_readable(count))),
            };
            story.tell(&causes, line);
        }
        Change::TransactionRefused { step, error, .. } => {
            story.tell(&causes, line.with(Tone::Bad, refused(*step, error)));
        }
        _ => {}
    }
}

/// Records that readers of what is committed are given from now on.
fn readable(count: u64) -> String {
    format!("{count} readable")
}

/// Records that they are never given.
fn not_readable(count: u64) -> String {
    format!("{count} aborted")
}

/// `cannot commit: ...`
pub(in crate::state) fn refused(step: TransactionStep, error: &str) -> String {
    let verb = match step {
        TransactionStep::Began => "begin",
        TransactionStep::Committed => "commit",
        TransactionStep::Aborted => "abort",
    };
    format!("cannot {verb}: {error}")
}

/// A coordinator wrote down how a transactional id stands.
pub(super) fn moved(story: &mut Story, cluster: &Cluster, at: Timestamp, moved: &TransactionMoved) {
    let Some(coordinator) = moved.coordinator else {
        return;
    };
    let id = &moved.transactional_id;
    let subject = Subject::Transaction(id.clone());
    let causes = [subject.clone()];
    let by = || Line::new(at, Hand::broker(coordinator));
    if moved.why == TransactionCause::TimedOut {
        time_is_up(story, cluster, at, moved);
    } else if !story.knows(&subject, at, WANTED_WITHIN) {
        return;
    }
    let fences = moved.epoch.is_change() && moved.why != TransactionCause::Producer;
    if fences {
        let words = format!(
            "epoch {}->{} fences its producer",
            moved.epoch.before, moved.epoch.after
        );
        story.tell(&causes, by().say(words).about(subject.clone()));
    }
    let line = match moved.state.after {
        TransactionState::Empty if moved.epoch.is_change() => by().say(format!(
            "{id} is producer {}, epoch {}",
            moved.producer_id, moved.epoch.after
        )),
        TransactionState::PrepareCommit => by().say("PrepareCommit: decided"),
        TransactionState::PrepareAbort | TransactionState::PrepareEpochFence => {
            by().say(format!("{}: decided", moved.state.after.name()))
        }
        TransactionState::CompleteCommit => by().with(
            Tone::Good,
            completed("CompleteCommit", cluster, id, readable),
        ),
        TransactionState::CompleteAbort => {
            by().say(completed("CompleteAbort", cluster, id, not_readable))
        }
        _ => return,
    };
    story.tell(&causes, line.about(subject));
}

/// `CompleteCommit: 3 readable`
fn completed(state: &str, cluster: &Cluster, id: &str, words: fn(u64) -> String) -> String {
    let ours = cluster
        .producers()
        .filter(|(_, it)| it.transactional_id == id);
    let ended = ours.filter(|(_, it)| !it.stage.is_open() && it.written() > 0);
    match ended.max_by_key(|(_, it)| it.since) {
        Some((_, it)) => format!("{state}: {}", words(it.written())),
        None => state.to_owned(),
    }
}

/// Nobody ended it: it is told under who left it, where that is known.
fn time_is_up(story: &mut Story, cluster: &Cluster, at: Timestamp, moved: &TransactionMoved) {
    let id = &moved.transactional_id;
    let left = cluster.producers().filter(|(_, it)| {
        it.transactional_id == *id && (it.stage == Stage::Left || it.stage.is_open())
    });
    let left = left.max_by_key(|(_, it)| it.since);
    let causes: Vec<Subject> = left
        .map(|(process, _)| Subject::Process(process.name.clone()))
        .into_iter()
        .collect();
    let words = format!(
        "{id} open {} s, its timeout: abort",
        moved.timeout.as_secs_f64()
    );
    let line = Line::new(at, Hand::Transaction).with(Tone::Bad, words);
    story.tell(&causes, line.about(Subject::Transaction(id.clone())));
}

/// A leader wrote a marker; those of one transaction share a line.
pub(super) fn marked(
    story: &mut Story,
    home: &str,
    at: Timestamp,
    id: &str,
    (broker, place, offset): (BrokerId, &TopicPartition, Offset),
) {
    let subject = Subject::Transaction(id.to_owned());
    if !story.knows(&subject, at, WANTED_WITHIN) {
        return;
    }
    let of_it = |merge: &Merge| matches!(merge, Merge::Markers(other, ..) if other == id);
    let merged = story.merged(at, MERGE_WINDOW, of_it);
    if let Some(entry) = merged
        && let Some(Merge::Markers(_, markers, brokers)) = &mut entry.merge
        && !markers.iter().any(|(known, _)| known == place)
    {
        markers.push((place.clone(), offset));
        markers.sort();
        if !brokers.contains(&broker) {
            brokers.push(broker);
            brokers.sort();
        }
        entry.hand = Hand::Brokers(brokers.clone());
        entry.text = vec![(Tone::Plain, markers_named(home, markers))];
        return;
    }
    let markers = vec![(place.clone(), offset)];
    let line = Line::new(at, Hand::Brokers(vec![broker]))
        .say(markers_named(home, &markers))
        .about(subject.clone())
        .merging(Merge::Markers(id.to_owned(), markers, vec![broker]));
    story.tell(&[subject], line);
}

/// `markers p0 @38  p1 @43`
fn markers_named(home: &str, markers: &[(TopicPartition, Offset)]) -> String {
    if markers.len() > MARKERS_NAMED {
        return format!("markers in {} partitions", markers.len());
    }
    let named = markers.iter().map(|(at, offset)| {
        let place = place_name(home, &at.topic, at.partition);
        format!("{place} @{offset}")
    });
    let named: Vec<String> = named.collect();
    let noun = if markers.len() == 1 {
        "marker"
    } else {
        "markers"
    };
    format!("{noun} {}", named.join("  "))
}
