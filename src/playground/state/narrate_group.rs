//! Turns what coordinators and consumers report into lines of "what happened".

use super::{
    Cluster, ProcessName, Timestamp,
    names::{place, places},
    narrate::Narrator,
    story::{Line, Merge, Story, Subject, Tone},
};
use crate::wire::{
    TopicPartition,
    report::{PartitionOffset, Report},
};

impl Narrator {
    pub(super) fn group(
        &mut self,
        story: &mut Story,
        cluster: &Cluster,
        at: Timestamp,
        process: &ProcessName,
        report: &Report,
    ) {
        match report {
            Report::GroupMember {
                group,
                client_id,
                step,
                partitions,
                why,
                ..
            } => {
                let was_member = cluster
                    .groups
                    .get(group)
                    .and_then(|group| group.members.get(client_id))
                    .is_some_and(|member| member.step != "asked" && !member.step.is_empty());
                if matches!(step.as_str(), "asked" | "left" | "expired") {
                    self.group_cause = Some((group.clone(), client_id.clone()));
                }
                if self.opening {
                    return;
                }
                let consumer = Subject::Process(ProcessName::Consumer(client_id.clone()));
                let state = Subject::GroupState(group.clone());
                let gave_up = places(&self.home, partitions);
                let words = match step.as_str() {
                    "joined" if was_member && gave_up.is_empty() => {
                        format!("{client_id} joined again")
                    }
                    "joined" if was_member => {
                        format!("{client_id} gave up {gave_up} and joined again")
                    }
                    "left" | "expired" if !why.is_empty() => why.clone(),
                    "left" => format!("{client_id} left"),
                    "expired" => format!("{client_id} was not heard in time"),
                    _ => return,
                };
                let line = Line::new(at, "group").say(words);
                let line = line.about(Subject::GroupStep(group.clone()));
                if step == "joined" {
                    story.tell(&[state], line);
                } else {
                    story.tell(&[consumer.clone(), state], line.about(consumer));
                }
            }
            Report::GroupState { .. } => self.group_state(story, at, report),
            Report::Assigned { partitions } if !self.opening => {
                assigned(story, cluster, &self.home, (at, process), partitions);
            }
            _ => {}
        }
    }

    fn group_state(&mut self, story: &mut Story, at: Timestamp, report: &Report) {
        let Report::GroupState {
            group,
            state,
            generation,
            why,
            members,
            before,
            ..
        } = report
        else {
            return;
        };
        let division = divided(&self.home, members);
        if self.opening {
            if state == "Stable" {
                story.retract(|merge| *merge == Merge::Division(group.clone()));
                let line = Line::new(at, "group")
                    .say(format!("{group} Stable, gen {generation}: {division}"))
                    .merging(Merge::Division(group.clone()));
                story.tell(&[Subject::Opening], line);
            }
            return;
        }
        let line = Line::new(at, "group");
        let line = match state.as_str() {
            "Stable" => {
                let line = line.say(format!("Stable, generation {generation}: {division}"));
                let held = divided(&self.home, before);
                if held.is_empty() || held == division {
                    line
                } else {
                    line.with(Tone::Dim, format!("   (before: {held})"))
                }
            }
            state if why.is_empty() => line.say(state.to_owned()),
            state => line.say(format!("{state}: {why}")),
        };
        let line = line
            .about(Subject::GroupState(group.clone()))
            .about(Subject::GroupStep(group.clone()));
        let step = Subject::GroupStep(group.clone());
        let began = self
            .group_cause
            .take_if(|(caused, _)| state == "PreparingRebalance" && caused == group)
            .map(|(_, client)| Subject::Process(ProcessName::Consumer(client)));
        let causes: Vec<Subject> = began.into_iter().chain([step]).collect();
        story.tell(&causes, line);
    }
}

fn assigned(
    story: &mut Story,
    cluster: &Cluster,
    home: &str,
    (at, process): (Timestamp, &ProcessName),
    partitions: &[PartitionOffset],
) {
    let ProcessName::Consumer(name) = process else {
        return;
    };
    let Some(group_id) = cluster
        .processes
        .get(process)
        .and_then(|consumer| consumer.group.clone())
    else {
        return;
    };
    let Some(group) = cluster.groups.get(&group_id) else {
        return;
    };
    for reads in partitions {
        let at_place = TopicPartition::new(&reads.topic, reads.partition);
        let held = group
            .positions
            .get(&at_place)
            .is_some_and(|position| *position == reads.offset)
            && group.reader(&at_place) == Some(name);
        if held {
            continue;
        }
        let place = place(home, &reads.topic, reads.partition);
        let words = match group.committed.get(&at_place) {
            Some(committed) if *committed == reads.offset => {
                format!(
                    "{name} reads {place} on from committed offset {committed}: nothing skipped"
                )
            }
            _ if reads.offset.0 > 0 => {
                format!("{name} reads {place} from offset {}", reads.offset)
            }
            // The beginning of a log is where everybody begins.
            _ => continue,
        };
        let consumer = Subject::Process(process.clone());
        let step = Subject::GroupStep(group_id.clone());
        story.tell(&[step, consumer], Line::new(at, "client").say(words));
    }
}

fn divided(home: &str, members: &[crate::wire::report::MemberPartitions]) -> String {
    let mut shares: Vec<String> = members
        .iter()
        .map(|member| match places(home, &member.partitions) {
            share if share.is_empty() => format!("{} idle", member.client_id),
            share => format!("{} {share}", member.client_id),
        })
        .collect();
    shares.sort();
    shares.join(", ")
}
