//! Turns what coordinators and consumers tell into lines of "what happened".

use super::{
    Hand,
    names::{named_places, place, places},
    narrate::Narrator,
    story::{Line, Merge, Story, Subject, Tone},
};
use crate::state::{
    Timestamp,
    cluster::{Assigned, Cause, Cluster, GroupChange, MemberChange, ProcessName, Share},
};
use wire::{GroupState, report::MemberStep};

impl Narrator {
    pub(super) fn group_member(&mut self, story: &mut Story, at: Timestamp, change: &MemberChange) {
        let MemberChange {
            group,
            name,
            step,
            why,
            ..
        } = change;
        if matches!(
            step,
            MemberStep::Asked | MemberStep::Left | MemberStep::Expired
        ) {
            self.group_cause = Some((group.clone(), name.clone()));
        }
        if self.opening {
            return;
        }
        let consumer = Subject::Process(ProcessName::Consumer(name.clone()));
        let state = Subject::GroupState(group.clone());
        let who = format!("{group}/{name}");
        let gave_up = places(&self.home, &change.partitions);
        let words = match step {
            MemberStep::Joined if change.was_member && gave_up.is_empty() => {
                format!("{who} joined again")
            }
            MemberStep::Joined if change.was_member => {
                format!("{who} gave up {gave_up} and joined again")
            }
            MemberStep::Left | MemberStep::Expired if !why.why.is_empty() => {
                why.told(|name| format!("{group}/{name}"))
            }
            MemberStep::Left => format!("{who} left"),
            MemberStep::Expired => format!("{who} was not heard in time"),
            MemberStep::Asked | MemberStep::Joined | MemberStep::Synced => return,
        };
        let line = Line::new(at, Hand::Group).say(words);
        let line = line.about(Subject::GroupStep(group.clone()));
        if *step == MemberStep::Joined {
            story.tell(&[state], line);
        } else {
            story.tell(&[consumer.clone(), state], line.about(consumer));
        }
    }

    pub(super) fn group_state(&mut self, story: &mut Story, at: Timestamp, change: &GroupChange) {
        let GroupChange {
            group,
            state,
            generation,
            why,
            division: shares,
            ..
        } = change;
        let held = shares.after.iter().chain(&shares.before);
        let mut held = held.flat_map(|share| &share.holds.partitions);
        let with_topics = held.any(|at| at.topic != self.home);
        let division = divided(with_topics, &shares.after);
        if self.opening {
            if *state == GroupState::Stable {
                story.retract(|merge| *merge == Merge::Division(group.clone()));
                let line = Line::new(at, Hand::Group)
                    .say(format!("{group} Stable, gen {generation}: {division}"))
                    .merging(Merge::Division(group.clone()));
                story.tell(&[Subject::Opening], line);
            }
            return;
        }
        let line = Line::new(at, Hand::Group);
        let line = match state {
            GroupState::Stable => {
                let line = line.say(format!("{group} Stable, gen {generation}: {division}"));
                let before = divided(with_topics, &shares.before);
                if before.is_empty() || before == division {
                    line
                } else {
                    line.with(Tone::Dim, format!("   (before: {before})"))
                }
            }
            state if why.why.is_empty() => line.say(format!("{group} {state}")),
            state => {
                let why = why.told(str::to_owned);
                line.say(format!("{group} {state}: {why}"))
            }
        };
        let line = line
            .about(Subject::GroupState(group.clone()))
            .about(Subject::GroupStep(group.clone()));
        let step = Subject::GroupStep(group.clone());
        let began = self
            .group_cause
            .take_if(|(caused, _)| *state == GroupState::PreparingRebalance && caused == group)
            .map(|(_, client)| Subject::Process(ProcessName::Consumer(client)));
        let causes: Vec<Subject> = began.into_iter().chain([step]).collect();
        story.tell(&causes, line);
    }
}

impl Cause {
    /// The whole sentence; `written` says how each of them is written in it.
    fn told(&self, written: impl Fn(&str) -> String) -> String {
        let who: Vec<String> = self.who.iter().map(|name| written(name)).collect();
        match who.as_slice() {
            [] => self.why.clone(),
            who => format!("{} {}", who.join(", "), self.why),
        }
    }
}

/// Tells where a consumer reads on.
pub(super) fn assigned(
    story: &mut Story,
    cluster: &Cluster,
    home: &str,
    (at, process): (Timestamp, &ProcessName),
    partitions: &[Assigned],
) {
    let ProcessName::Consumer(name) = process else {
        return;
    };
    let consumer = cluster.processes.get(process);
    let Some(group) = consumer.and_then(|consumer| consumer.group.as_ref()) else {
        return;
    };
    for reads in partitions.iter().filter(|reads| !reads.goes_on) {
        let place = place(home, &reads.place.topic, reads.place.partition);
        let who = format!("{group}/{name}");
        let words = match reads.committed {
            Some(committed) if committed == reads.offset => {
                format!("{who} reads {place} on from committed offset {committed}: nothing skipped")
            }
            _ if reads.offset.0 > 0 => {
                format!("{who} reads {place} from offset {}", reads.offset)
            }
            // The beginning of a log is where everybody begins.
            _ => continue,
        };
        let consumer = Subject::Process(process.clone());
        let step = Subject::GroupStep(group.clone());
        story.tell(&[step, consumer], Line::new(at, Hand::Client).say(words));
    }
}

/// `c1 p0 p1, c2 p2`
fn divided(with_topics: bool, shares: &[Share]) -> String {
    let told = shares.iter().map(|Share { name, holds }| {
        match named_places(with_topics, &holds.partitions) {
            share if share.is_empty() => format!("{name} idle"),
            share => format!("{name} {share}"),
        }
    });
    let mut told: Vec<String> = told.collect();
    told.sort();
    told.join(", ")
}
