//! Tells why writes wait, and that they do not any more.

use std::time::Duration;

use super::{Hand, Line, Merge, Story, Subject, Tone, names::place, narrate_many};
use crate::state::{
    Timestamp,
    cluster::{BelowMinimum, Cluster, Ended, ProducedSeen},
};
use wire::TopicPartition;

/// A sentence about records that wait because too few replicas are in sync is told again after so long.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// Records that are refused for one reason so close together share a line.
const REFUSED_TOGETHER: Duration = Duration::from_secs(5);

/// Tells that a partition takes writes again: how long it had no leader, and how long whoever wrote waited.
pub(in crate::state) fn tell_end(story: &mut Story, cluster: &Cluster, home: &str, ended: Ended) {
    let place = place(home, &ended.partition.topic, ended.partition.partition);
    let lost = cluster.lost;
    if narrate_many::tell_end(story, &ended, lost) {
        return;
    }
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

/// A record that the producer gave up; many of a kind share a line.
pub(in crate::state) fn refused(
    story: &mut Story,
    place: Option<&TopicPartition>,
    key: Option<&str>,
    error: &str,
    at: Timestamp,
) {
    let merged = story.merged(
        at,
        REFUSED_TOGETHER,
        |merge| matches!(merge, Merge::Refused(other, _) if other == error),
    );
    if let Some(entry) = merged
        && let Some(Merge::Refused(_, count)) = &mut entry.merge
    {
        *count += 1;
        entry.text = vec![(Tone::Bad, format!("{count} records refused: {error}"))];
        return;
    }
    let place = place.map_or_else(String::new, |place| format!(" -> p{}", place.partition));
    let words = format!("{}{place} refused: {error}", key.unwrap_or("a record"));
    let line = Line::new(at, Hand::Client)
        .with(Tone::Bad, words)
        .merging(Merge::Refused(error.to_owned(), 1));
    story.begin(line);
}
