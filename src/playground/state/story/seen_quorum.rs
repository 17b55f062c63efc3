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
            // A new leader knows nothing of whoever did not fetch from it yet.
            let (does, why) = match now.age(replica.fetched) {
                None => (
                    "does not fetch from the new leader",
                    "stuck, stopped or cut off",
                ),
                Some(age) if age.as_secs() >= 2 => {
                    ("stopped fetching", "stuck, stopped or cut off")
                }
                Some(_) => ("falls behind", "slower than the leader"),
            };
            let line = line.with(Tone::Bad, format!("{who} {id} {does}"));
            story.begin(line.about(Subject::QuorumReplica(id)));
            let lag = now.lag(replica);
            let behind = lag.map(|lag| format!(": {} behind", grouped(lag)));
            let words = format!("{why}{}", behind.unwrap_or_default());
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

#[cfg(test)]
mod tests {
    use super::quorum;
    use crate::state::{Quorum, QuorumReplica, QuorumSeen, Story, Timestamp};
    use wire::{BrokerId, LeaderEpoch, Offset};

    /// What a leader says of voters 1 to 3, of which this one did not fetch from it.
    fn led_by(leader: i32, unheard: Option<i32>) -> Quorum {
        let now = Some(Timestamp::from_ms(60_000));
        let voters = (1..=3).map(|id| {
            let heard = unheard != Some(id);
            QuorumReplica {
                id: BrokerId(id),
                log_end: heard.then_some(Offset(100)),
                fetched: now.filter(|_| heard),
                caught_up: now.filter(|_| heard),
            }
        });
        Quorum {
            seen: QuorumSeen {
                leader: Some(BrokerId(leader)),
                epoch: LeaderEpoch(leader),
                high_watermark: Offset(100),
                voters: voters.collect(),
                observers: Vec::new(),
            },
            silent_since: None,
        }
    }

    #[test]
    fn of_whom_a_new_leader_has_not_heard_no_lag_is_told() {
        let mut story = Story::default();
        let (before, now) = (led_by(1, None), led_by(3, Some(1)));
        let at = Timestamp::from_ms(60_000);
        quorum(&mut story, Some(&before), Some(&now), at);
        let told = story.entries().iter().map(|entry| {
            let words: String = entry.text.iter().map(|(_, words)| words.as_str()).collect();
            format!("{} {words}", entry.hand)
        });
        let told: Vec<String> = told.collect();
        for words in [
            "seen voter 1 does not fetch from the new leader",
            "inferred stuck, stopped or cut off",
        ] {
            assert!(told.iter().any(|line| line == words), "{told:#?}");
        }
    }
}
