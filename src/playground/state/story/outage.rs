//! Tells why writes wait, and that they do not any more.

use std::time::Duration;

use super::{Hand, Line, Merge, Story, Subject, Tone, names::place};
use crate::state::{
    Timestamp,
    cluster::{BelowMinimum, Cluster, Ended, ProducedSeen},
};

/// A sentence about records that wait because too few replicas are in sync is told again after so long.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// Tells that a partition takes writes again: how long it had no leader, and how long whoever wrote waited.
pub(in crate::state) fn tell_end(story: &mut Story, cluster: &Cluster, home: &str, ended: Ended) {
    let place = place(home, &ended.partition.topic, ended.partition.partition);
    let lost = cluster.lost;
    let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
    let took = seconds(ended.took);
    let tried = match ended.not_tried {
        Some(idle) => format!("; not tried {}; the try took {took}", seconds(idle)),
        None => format!("; writes waited {took}"),
    };
    let without = seconds(ended.without_leader);
    let line = Line::new(ended.acked_at, Hand::Client)
        .say(format!("{place} writes again, "))
        .with(
            if lost == 0 { Tone::Good } else { Tone::Bad },
            format!("{lost} lost"),
        )
        .say(format!(". Without leader {without}{tried}"));
    story.tell(&[Subject::Partition(ended.partition)], line);
}

/// Says why records wait that nobody refuses: the client library tries on and tells nothing. The sentence is
/// returned for the footer, with what helps: What happened is too narrow for both at most sizes.
pub(in crate::state) fn explain_waiting(
    story: &mut Story,
    cluster: &Cluster,
    produced: &ProducedSeen,
    now: Timestamp,
) -> Option<String> {
    let BelowMinimum {
        in_sync,
        needed,
        missed,
    } = produced
        .waiting_for_all
        .iter()
        .filter(|(_, count)| *count > 0)
        .find_map(|(place, _)| cluster.below_minimum(place))?;
    let words = format!("NOT_ENOUGH_REPLICAS: {in_sync} in sync, min.insync.replicas {needed}");
    let merge = Merge::Refused(words.clone(), 1);
    let latest = story.entries().iter().rev();
    if latest
        .take_while(|entry| now.since(entry.at) < TOLD_AGAIN)
        .any(|entry| entry.merge.as_ref() == Some(&merge))
    {
        return None;
    }
    let line = Line::new(now, Hand::Client)
        .with(Tone::Bad, words.clone())
        .merging(merge);
    story.begin(line);
    let remedy = missed.map(|broker| format!("  {{start broker {broker}}} starts broker {broker}"));
    Some(words + &remedy.unwrap_or_default())
}
