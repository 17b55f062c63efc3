//! Turns reports into lines of "what happened", each under what caused it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    names::{listed, place, spaced},
    story::{Line, Merge, Story, Subject, Tone, of},
};
use crate::state::{
    Timestamp,
    cluster::{Cluster, ProcessName, broker_of_znodes},
};
use wire::{
    BrokerId, TopicPartition,
    report::{Report, ReportLine, ZnodeChange},
};

/// Facts of one kind this close together share a line.
const MERGE_WINDOW: Duration = Duration::from_secs(1);

/// Whoever listens to what the processes say, and remembers what it needs to name causes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Narrator {
    /// Who last asked, left or was missed in a group, as the cause of its next rebalance.
    pub(in crate::state) group_cause: Option<(String, String)>,
    /// Until everything is ready, lines hang under the first one.
    pub opening: bool,
    /// Who became controller while everything was starting.
    pub(in crate::state) first_controller: Option<BrokerId>,
    /// The topic whose partitions go without its name: `p2`.
    pub home: String,
}

impl Narrator {
    /// Tells what a process reported. `cluster` is as it was before the report.
    pub fn tell(
        &mut self,
        story: &mut Story,
        cluster: &Cluster,
        process: &ProcessName,
        line: &ReportLine,
    ) {
        let at = Timestamp::from_ms(line.at_ms);
        match &line.report {
            Report::SessionExpired {
                session,
                timeout_ms,
                ephemerals,
            } => {
                if let Some(broker) = owner(cluster, *session, ephemerals) {
                    let words = format!("session of broker {broker} expired after {timeout_ms} ms");
                    story.tell(
                        &[of(broker)],
                        Line::new(at, "zookeeper").say(words).about(of(broker)),
                    );
                }
            }
            Report::SessionClosed {
                session,
                ephemerals,
            } => {
                if let Some(broker) = owner(cluster, *session, ephemerals) {
                    let words = format!("broker {broker} closed its session");
                    story.tell(
                        &[of(broker)],
                        Line::new(at, "zookeeper").say(words).about(of(broker)),
                    );
                }
            }
            Report::WatchFired {
                path,
                change,
                sessions,
            } => watch_fired(story, cluster, at, path, *change, sessions),
            Report::Registered { broker, .. } => self.registered(story, at, *broker),
            Report::ControllerElected {
                broker,
                controller_epoch,
            } => self.elected(story, cluster, at, *broker, *controller_epoch),
            Report::TopicCreated { topic, .. } if self.opening && topic.starts_with("__") => {}
            Report::TopicCreated { topic, partitions } => {
                let words = topic_created(topic, partitions);
                let line = Line::new(at, "controller").say(words);
                let line = line.about(Subject::Topic(topic.clone()));
                let first = if self.opening {
                    Subject::Opening
                } else {
                    Subject::Topic(topic.clone())
                };
                story.tell(&[first, Subject::Topic(topic.clone())], line);
            }
            Report::TopicDeleted { topic } => {
                let line = Line::new(at, "controller").say(format!("topic {topic} is gone"));
                story.tell(&[Subject::Topic(topic.clone())], line);
            }
            Report::PartitionChanged { .. } | Report::IsrChanged { .. } => {
                self.partition_changed(story, at, process, &line.report);
            }
            Report::ReassignmentFinished {
                topic,
                partition,
                replicas_before,
                replicas,
            } => self.reassigned(story, at, (topic, *partition), replicas_before, replicas),
            Report::LogTruncated { .. } | Report::FollowerStalled { .. } => {
                self.follower(story, at, &line.report);
            }
            Report::LogRecovered {
                broker, cut_bytes, ..
            } => self.recovered(story, at, *broker, *cut_bytes),
            report => self.group(story, cluster, at, process, report),
        }
    }

    fn registered(&self, story: &mut Story, at: Timestamp, broker: BrokerId) {
        if self.opening && self.first_controller == Some(broker) {
            return;
        }
        story.retract(|merge| *merge == Merge::Started(ProcessName::Broker(broker)));
        let merged = story.merged(at, MERGE_WINDOW, |merge| {
            matches!(merge, Merge::Registered(_))
        });
        if let Some(entry) = merged
            && let Some(Merge::Registered(brokers)) = &mut entry.merge
        {
            brokers.push(broker);
            brokers.sort();
            entry.who = format!("broker {}", spaced(brokers));
            entry.at = entry.at.max(at);
            let number = entry.number;
            story.settle(number);
            return;
        }
        let line = Line::new(at, format!("broker {broker}"))
            .say("registered in /brokers/ids")
            .about(of(broker))
            .merging(Merge::Registered(vec![broker]));
        let cause = if self.opening {
            Subject::Opening
        } else {
            of(broker)
        };
        story.tell(&[cause], line);
    }

    fn elected(
        &mut self,
        story: &mut Story,
        cluster: &Cluster,
        at: Timestamp,
        broker: BrokerId,
        controller_epoch: i32,
    ) {
        let who = format!("broker {broker}");
        if self.opening {
            story.retract(|merge| *merge == Merge::Started(ProcessName::Broker(broker)));
            self.first_controller = Some(broker);
            forget_registration(story, at, broker);
            let line = Line::new(at, who).say("first to create /controller: it is the controller");
            story.tell(&[Subject::Opening], line.about(of(broker)));
            return;
        }
        let words = format!("creates /controller, controller epoch {controller_epoch}");
        let before = cluster.controller.map(|(before, _)| of(before));
        let causes: Vec<Subject> = before.into_iter().chain([of(broker)]).collect();
        story.tell(&causes, Line::new(at, who).say(words));
    }

    fn partition_changed(
        &self,
        story: &mut Story,
        at: Timestamp,
        process: &ProcessName,
        report: &Report,
    ) {
        let (topic, partition, leaders, isr_before, isr) = match report {
            Report::PartitionChanged {
                topic,
                partition,
                leader_before,
                leader,
                epoch_before,
                epoch,
                isr_before,
                isr,
                ..
            } => (
                topic,
                *partition,
                (leader_before != leader || epoch_before != epoch).then_some((
                    *leader_before,
                    *leader,
                    *epoch_before,
                    *epoch,
                )),
                isr_before,
                isr,
            ),
            Report::IsrChanged {
                topic,
                partition,
                isr_before,
                isr,
                ..
            } => (topic, *partition, None, isr_before, isr),
            _ => return,
        };
        let who = match report {
            Report::IsrChanged { .. } => process.to_string(),
            _ => "controller".to_owned(),
        };
        let left = isr_before.iter().find(|broker| !isr.contains(broker));
        let joined = isr.iter().find(|broker| !isr_before.contains(broker));
        let mut causes: Vec<Subject> = left.into_iter().chain(joined).copied().map(of).collect();
        let internal = topic.starts_with("__");
        let Some((leader_before, leader, epoch_before, epoch)) = leaders else {
            if let Some(broker) = left.or(joined).filter(|_| !internal) {
                causes.push(Subject::Partition(TopicPartition::new(topic, partition)));
                isr_line(
                    story,
                    at,
                    who,
                    &causes,
                    (self.topic_word(topic), topic, partition),
                    (*broker, joined.is_some()),
                );
            }
            return;
        };
        causes.push(of(leader_before));
        causes.push(of(leader));
        let offline = leader.0 < 0;
        if isr_before == isr && !offline {
            // Nobody came or went: somebody wanted it so.
            let place = TopicPartition::new(topic, partition);
            causes.insert(0, Subject::Partition(place));
        }
        if self.opening {
            causes.insert(0, Subject::Opening);
        }
        if internal {
            leaders_line(story, at, who, &causes, topic);
            return;
        }
        let named = place(&self.home, topic, partition);
        if offline {
            let only = if isr_before.len() == 1 { " only" } else { "" };
            let words = format!("{named} offline: ISR was {}{only}", listed(isr_before));
            let line = Line::new(at, who)
                .with(Tone::Bad, words)
                .about(Subject::Partition(TopicPartition::new(topic, partition)));
            story.tell(&causes, line);
            return;
        }
        let mut words = format!(
            "{named} leader {}->{}  epoch {epoch_before}->{epoch}",
            leader_name(leader_before),
            leader_name(leader)
        );
        if isr_before != isr {
            words = format!("{words}  ISR {}->{}", listed(isr_before), listed(isr));
        }
        let line = Line::new(at, who)
            .say(words)
            .about(Subject::Partition(TopicPartition::new(topic, partition)));
        story.tell(&causes, line);
    }

    /// How a topic is named before its partitions: the demo's own goes without.
    fn topic_word<'a>(&self, topic: &'a str) -> Option<&'a str> {
        (topic != self.home).then_some(topic)
    }

    /// In the topic that people look at each partition has its line; elsewhere they are counted.
    fn reassigned(
        &self,
        story: &mut Story,
        at: Timestamp,
        (topic, partition): (&str, i32),
        before: &[BrokerId],
        replicas: &[BrokerId],
    ) {
        let cause = [Subject::Topic(topic.to_owned())];
        let line = Line::new(at, "controller");
        if topic == self.home {
            let words = format!(
                "p{partition} is on {} now, was on {}",
                listed(replicas),
                listed(before)
            );
            let place = TopicPartition::new(topic, partition);
            story.tell(&cause, line.say(words).about(Subject::Partition(place)));
            return;
        }
        let merged = story.merged(
            at,
            MERGE_WINDOW,
            |merge| matches!(merge, Merge::Moved(other, _) if other == topic),
        );
        if let Some(entry) = merged
            && let Some(Merge::Moved(_, count)) = &mut entry.merge
        {
            *count += 1;
            entry.text = vec![(Tone::Plain, format!("{topic}: {count} partitions moved"))];
            return;
        }
        let line = line.say(format!("{topic}: 1 partition moved"));
        let line = line.merging(Merge::Moved(topic.to_owned(), 1));
        story.tell(&cause, line);
    }

    fn recovered(&self, story: &mut Story, at: Timestamp, broker: BrokerId, cut: u64) {
        if self.opening && cut == 0 {
            return;
        }
        let words = |logs: usize, cut: u64| match (logs, cut) {
            (1, 0) => "1 log read from disk, sound".to_owned(),
            (logs, 0) => format!("{logs} logs read from disk, sound"),
            (logs, cut) => format!("{logs} logs read from disk, {cut} torn bytes cut"),
        };
        let merged = story.merged(
            at,
            MERGE_WINDOW,
            |merge| matches!(merge, Merge::Recovered(other, ..) if *other == broker),
        );
        if let Some(entry) = merged
            && let Some(Merge::Recovered(_, logs, bytes)) = &mut entry.merge
        {
            *logs += 1;
            *bytes += cut;
            entry.text = vec![(Tone::Plain, words(*logs, *bytes))];
            return;
        }
        let line = Line::new(at, format!("broker {broker}"))
            .say(words(1, cut))
            .merging(Merge::Recovered(broker, 1, cut));
        story.tell(&[of(broker), Subject::Opening], line);
    }
}

/// A broker that became controller has said more than that it registered.
fn forget_registration(story: &mut Story, at: Timestamp, broker: BrokerId) {
    let alone = Merge::Registered(vec![broker]);
    let merged = story.merged(
        at,
        MERGE_WINDOW,
        |merge| matches!(merge, Merge::Registered(brokers) if brokers.contains(&broker)),
    );
    if let Some(entry) = merged
        && let Some(Merge::Registered(brokers)) = &mut entry.merge
        && brokers.len() > 1
    {
        brokers.retain(|other| *other != broker);
        entry.who = format!("broker {}", spaced(brokers));
    }
    story.retract(|merge| *merge == alone);
}

fn watch_fired(
    story: &mut Story,
    cluster: &Cluster,
    at: Timestamp,
    path: &str,
    change: ZnodeChange,
    sessions: &[i64],
) {
    let Some(broker) = broker_of_znodes(&[path.to_owned()]) else {
        return;
    };
    if change != ZnodeChange::Deleted {
        return;
    }
    let mut watchers: Vec<BrokerId> = sessions
        .iter()
        .filter_map(|session| cluster.session_owner(*session))
        .filter(|watcher| *watcher != broker)
        .collect();
    watchers.sort();
    watchers.dedup();
    let repeated = story.merged(at, MERGE_WINDOW, |merge| {
        *merge == Merge::Watch(path.into())
    });
    if watchers.is_empty() || repeated.is_some() {
        return;
    }
    let plural = if watchers.len() == 1 { "" } else { "s" };
    let words = format!(
        "{path} gone, watch fires at broker{plural} {}",
        spaced(&watchers)
    );
    let line = Line::new(at, "zookeeper").say(words);
    let line = line.about(of(broker)).merging(Merge::Watch(path.into()));
    story.tell(&[of(broker)], line);
}

fn isr_line(
    story: &mut Story,
    at: Timestamp,
    who: String,
    causes: &[Subject],
    (named, topic, partition): (Option<&str>, &str, i32),
    (broker, joined): (BrokerId, bool),
) {
    let words = |partitions: &[i32]| {
        let places = partitions.iter().map(|p| format!("p{p}"));
        let named = named.map(str::to_owned);
        let places: Vec<String> = named.into_iter().chain(places).collect();
        let with = if joined { "with" } else { "without" };
        format!("{} ISR {with} {broker}", places.join(" "))
    };
    let merged = story.merged(at, MERGE_WINDOW, |merge| {
        matches!(merge, Merge::Isr { topic: t, broker: b, joined: j, .. }
            if t == topic && *b == broker && *j == joined)
    });
    if let Some(entry) = merged
        && let Some(Merge::Isr { partitions, .. }) = &mut entry.merge
    {
        if !partitions.contains(&partition) {
            partitions.push(partition);
            partitions.sort_unstable();
        }
        entry.text = vec![(Tone::Plain, words(partitions))];
        if entry.who != who {
            "leaders".clone_into(&mut entry.who);
        }
        return;
    }
    let line = Line::new(at, who)
        .say(words(&[partition]))
        .merging(Merge::Isr {
            topic: topic.to_owned(),
            broker,
            joined,
            partitions: vec![partition],
        });
    story.tell(causes, line);
}

fn leaders_line(story: &mut Story, at: Timestamp, who: String, causes: &[Subject], topic: &str) {
    let words = |count: usize| {
        let leaders = if count == 1 { "leader" } else { "leaders" };
        format!("{topic}: {count} {leaders} moved")
    };
    let merged = story.merged(
        at,
        MERGE_WINDOW,
        |merge| matches!(merge, Merge::Leaders(other, _) if other == topic),
    );
    if let Some(entry) = merged
        && let Some(Merge::Leaders(_, count)) = &mut entry.merge
    {
        *count += 1;
        entry.text = vec![(Tone::Dim, words(*count))];
        return;
    }
    let line = Line::new(at, who)
        .with(Tone::Dim, words(1))
        .merging(Merge::Leaders(topic.to_owned(), 1));
    story.tell(causes, line);
}

fn topic_created(topic: &str, partitions: &[Vec<BrokerId>]) -> String {
    if topic.starts_with("__") || partitions.len() > 4 {
        return format!("topic {topic}: {} partitions", partitions.len());
    }
    let places: Vec<String> = partitions
        .iter()
        .enumerate()
        .map(|(partition, replicas)| format!("p{partition} on {}", listed(replicas)))
        .collect();
    format!("topic {topic}: {}", places.join("  "))
}

fn owner(cluster: &Cluster, session: i64, ephemerals: &[String]) -> Option<BrokerId> {
    cluster
        .session_owner(session)
        .or_else(|| broker_of_znodes(ephemerals))
}

fn leader_name(leader: BrokerId) -> String {
    if leader.0 < 0 {
        "none".to_owned()
    } else {
        leader.to_string()
    }
}
