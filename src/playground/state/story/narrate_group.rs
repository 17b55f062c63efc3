//! Turns what coordinators and consumers report into lines of "what happened".

use super::{
    names::{named_places, place, places},
    narrate::Narrator,
    story::{Line, Merge, Story, Subject, Tone},
};
use crate::state::{
    Timestamp,
    cluster::{Cluster, ProcessName},
};
use wire::{
    GroupState, TopicPartition,
    report::{MemberName, MemberPartitions, MemberStep, PartitionOffset, Report},
};

impl Narrator {
    pub(in crate::state) fn group(
        &mut self,
        story: &mut Story,
        cluster: &Cluster,
        at: Timestamp,
        process: &ProcessName,
        report: &Report,
    ) {
        match report {
            Report::GroupMember { .. } => self.group_member(story, cluster, at, report),
            Report::GroupState { .. } => self.group_state(story, cluster, at, report),
            Report::Assigned { partitions } if !self.opening => {
                assigned(story, cluster, &self.home, (at, process), partitions);
            }
            _ => {}
        }
    }

    fn group_member(
        &mut self,
        story: &mut Story,
        cluster: &Cluster,
        at: Timestamp,
        report: &Report,
    ) {
        let Report::GroupMember {
            group,
            member,
            client_id,
            step,
            partitions,
            why,
            ..
        } = report
        else {
            return;
        };
        let named = |told: &MemberName| format!("{group}/{}", cluster.member_name(group, told));
        let told = MemberName {
            member: member.clone(),
            client_id: client_id.clone(),
        };
        let name = cluster.member_name(group, &told);
        let was_member = cluster
            .groups
            .get(group)
            .and_then(|group| group.members.get(member)?.step)
            .is_some_and(|step| step != MemberStep::Asked);
        if matches!(
            step,
            MemberStep::Asked | MemberStep::Left | MemberStep::Expired
        ) {
            self.group_cause = Some((group.clone(), name.clone()));
        }
        if self.opening {
            return;
        }
        let consumer = Subject::Process(ProcessName::Consumer(name));
        let state = Subject::GroupState(group.clone());
        let who = named(&told);
        let gave_up = places(&self.home, partitions);
        let words = match step {
            MemberStep::Joined if was_member && gave_up.is_empty() => {
                format!("{who} joined again")
            }
            MemberStep::Joined if was_member => {
                format!("{who} gave up {gave_up} and joined again")
            }
            MemberStep::Left | MemberStep::Expired if !why.why.is_empty() => why.told(named),
            MemberStep::Left => format!("{who} left"),
            MemberStep::Expired => format!("{who} was not heard in time"),
            MemberStep::Asked | MemberStep::Joined | MemberStep::Synced => return,
        };
        let line = Line::new(at, "group").say(words);
        let line = line.about(Subject::GroupStep(group.clone()));
        if *step == MemberStep::Joined {
            story.tell(&[state], line);
        } else {
            story.tell(&[consumer.clone(), state], line.about(consumer));
        }
    }

    fn group_state(
        &mut self,
        story: &mut Story,
        cluster: &Cluster,
        at: Timestamp,
        report: &Report,
    ) {
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
        let named = |told: &MemberName| cluster.member_name(group, told);
        let held = members.iter().chain(before);
        let mut held = held.flat_map(|member| &member.partitions);
        let with_topics = held.any(|at| at.topic != self.home);
        let divided = |members| divided(with_topics, members, named);
        let division = divided(members);
        if self.opening {
            if *state == GroupState::Stable {
                story.retract(|merge| *merge == Merge::Division(group.clone()));
                let line = Line::new(at, "group")
                    .say(format!("{group} Stable, gen {generation}: {division}"))
                    .merging(Merge::Division(group.clone()));
                story.tell(&[Subject::Opening], line);
            }
            return;
        }
        let line = Line::new(at, "group");
        let line = match state {
            GroupState::Stable => {
                let line = line.say(format!("{group} Stable, gen {generation}: {division}"));
                let held = divided(before);
                if held.is_empty() || held == division {
                    line
                } else {
                    line.with(Tone::Dim, format!("   (before: {held})"))
                }
            }
            state if why.why.is_empty() => line.say(format!("{group} {state}")),
            state => line.say(format!("{group} {state}: {}", why.told(named))),
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
        let who = format!("{group_id}/{name}");
        let words = match group.committed.get(&at_place) {
            Some(committed) if *committed == reads.offset => {
                format!("{who} reads {place} on from committed offset {committed}: nothing skipped")
            }
            _ if reads.offset.0 > 0 => {
                format!("{who} reads {place} from offset {}", reads.offset)
            }
            // The beginning of a log is where everybody begins.
            _ => continue,
        };
        let consumer = Subject::Process(process.clone());
        let step = Subject::GroupStep(group_id.clone());
        story.tell(&[step, consumer], Line::new(at, "client").say(words));
    }
}

/// `c1 p0 p1, c2 p2`
fn divided(
    with_topics: bool,
    members: &[MemberPartitions],
    named: impl Fn(&MemberName) -> String,
) -> String {
    let mut shares: Vec<String> = members
        .iter()
        .map(|member| {
            let name = named(&MemberName {
                member: member.member.clone(),
                client_id: member.client_id.clone(),
            });
            match named_places(with_topics, &member.partitions) {
                share if share.is_empty() => format!("{name} idle"),
                share => format!("{name} {share}"),
            }
        })
        .collect();
    shares.sort();
    shares.join(", ")
}
