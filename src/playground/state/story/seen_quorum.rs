//! Tells what is seen of a quorum of controllers: who leads it, and who stopped following. Why is only inferred.

use super::{Hand, Line, Story, Subject, Tone, grouped};
use crate::state::{Timestamp, cluster::Quorum};
use wire::BrokerId;

/// A new answer of the quorum's leader, after what was known before.
pub(in crate::state) fn quorum(
    story: &mut Story,
    before: Option<&Quorum>,
    now: Option<&Quorum>,
    at: Timestamp,
) {
    let (Some(before), Some(now)) = (before, now) else {
        return;
    };
    let now = &now.seen;
    let seen = &before.seen;
    if (seen.leader, seen.epoch) != (now.leader, now.epoch) {
        let name =
            |id: Option<BrokerId>| id.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
        let words = format!(
            "the quorum's leader {}->{}  epoch {}->{}",
            name(seen.leader),
            name(now.leader),
            seen.epoch,
            now.epoch
        );
        tell(story, Line::new(at, Hand::Seen).say(words));
    } else if before.silent_since.is_some() {
        let words = "the quorum answers again";
        tell(story, Line::new(at, Hand::Seen).with(Tone::Good, words));
    }
    for (replica, votes) in now.replicas() {
        let known = seen.replicas().find(|(it, _)| it.id == replica.id);
        let Some((known, _)) = known else { continue };
        let (was, is) = (seen.is_in_step(known), now.is_in_step(replica));
        let who = if votes { "voter" } else { "observer" };
        let id = replica.id;
        if was && !is {
            let line = Line::new(at, Hand::Seen);
            let stopped = now
                .age(replica.fetched)
                .is_some_and(|age| age.as_secs() >= 2);
            let does = if stopped {
                "stopped fetching"
            } else {
                "falls behind"
            };
            let line = line.with(Tone::Bad, format!("{who} {id} {does}"));
            story.begin(line.about(Subject::QuorumReplica(id)));
            let lag = now.lag(replica).unwrap_or_default();
            let why = if stopped {
                "stuck, stopped or cut off"
            } else {
                "slower than the leader"
            };
            let words = format!("{why}: {} behind", grouped(lag));
            story.tell(
                &[Subject::QuorumReplica(id)],
                Line::new(at, Hand::Inferred).with(Tone::Dim, words),
            );
        } else if is && !was {
            let words = format!("{who} {id} has caught up");
            let line = Line::new(at, Hand::Seen).with(Tone::Good, words);
            story.tell(&[Subject::QuorumReplica(id)], line);
        }
    }
}

/// Nobody of the quorum answers.
pub(in crate::state) fn silent(story: &mut Story, why: &str, at: Timestamp) {
    let line = Line::new(at, Hand::Seen);
    let line = line.with(Tone::Bad, "nobody of the quorum answers");
    let line = line.with(Tone::Dim, format!(": {why}"));
    story.begin(line.about(Subject::Quorum));
}

/// Under what was told of it last.
fn tell(story: &mut Story, line: Line) {
    story.tell(&[Subject::Quorum], line.about(Subject::Quorum));
}
