//! Turns facts into lines of "what happened", each under what caused it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Hand, caught_up,
    names::{listed, place, spaced},
    narrate_group::assigned,
    narrate_many, narrate_transaction,
    story::{Line, Merge, Story, Subject, Tone, of},
};
use crate::state::{
    Timestamp,
    cluster::{Change, Cluster, Moved, ProcessName, Told, broker_of_znodes},
};
use wire::{BrokerId, LeaderEpoch, TopicPartition, report::ZnodeChange};

/// Facts of one kind this close together share a line.
pub(super) const MERGE_WINDOW: Duration = Duration::from_secs(1);

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
    /// Tells what a process told of itself. `cluster` knows of it already.
    pub(in crate::state) fn tell(&mut self, story: &mut Story, cluster: &Cluster, told: &Told) {
        if narrate_many::tell(story, told) {
            return;
        }
        let at = told.at;
        match &told.change {
            Change::SessionEnded {
                owner: Some(broker),
                expired_after_ms,
                ..
            } => session_ended(story, at, *broker, *expired_after_ms),
            Change::WatchFired {
                path,
                change: ZnodeChange::Deleted,
                sessions,
            } => watch_fired(story, cluster, at, path, sessions),
            Change::Registered { broker, .. } => self.registered(story, at, *broker),
            Change::ControllerElected {
                broker,
                before,
                controller_epoch,
            } => self.elected(story, at, *broker, *before, *controller_epoch),
            Change::TopicCreated { topic, partitions } => {
                self.topic_created(story, at, topic, partitions);
            }
            Change::TopicDeleted { topic } => {
                let line = Line::new(at, Hand::Controller).say(format!("topic {topic} is gone"));
                story.tell(&[Subject::Topic(topic.clone())], line);
            }
            Change::StateWritten {
                place,
                leader,
                epoch,
                isr,
            } if leader.is_change() || epoch.is_change() => {
                self.leader_changed(story, at, place, (leader, epoch, isr));
            }
            Change::StateWritten { place, isr, .. } => {
                self.isr_changed(story, at, &Hand::Controller, place, isr);
            }
            Change::IsrWritten { place, isr, .. } => {
                let hand = Hand::Process(told.by.clone());
                self.isr_changed(story, at, &hand, place, isr);
            }
            Change::Reassigned { place, replicas } => self.reassigned(story, at, place, replicas),
            Change::LogTruncated { .. } | Change::FollowerStalled { .. } => {
                self.follower(story, told);
            }
            Change::LogRecovered { broker, cut_bytes } => {
                self.recovered(story, at, *broker, *cut_bytes);
            }
            Change::Transaction { .. } | Change::TransactionRefused { .. } => {
                narrate_transaction::told(story, cluster, told);
            }
            Change::TransactionMoved(moved) => {
                narrate_transaction::moved(story, cluster, at, moved);
            }
            Change::MarkerWritten {
                broker,
                place,
                offset,
                transactional_id: Some(id),
                ..
            } => narrate_transaction::marked(story, &self.home, at, id, (*broker, place, *offset)),
            Change::Group(change) => self.group_state(story, at, change),
            Change::Member(change) => self.group_member(story, at, change),
            Change::Assigned(partitions) => {
                if !self.opening {
                    assigned(story, cluster, &self.home, (at, &told.by), partitions);
                }
            }
            Change::CaughtUp { group, all, last } => {
                caught_up::tell(story, &self.home, told, (group, all, last));
            }
            Change::SessionEnded { .. }
            | Change::WatchFired { .. }
            | Change::WatchSeen { .. }
            | Change::Revoked(_)
            | Change::Committed(_)
            | Change::Delivered { .. }
            | Change::MarkerWritten { .. }
            | Change::Read { .. } => {}
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
            entry.hand = Hand::Brokers(brokers.clone());
            entry.at = entry.at.max(at);
            let number = entry.number;
            story.settle(number);
            return;
        }
        let line = Line::new(at, Hand::broker(broker))
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
        at: Timestamp,
        broker: BrokerId,
        before: Option<BrokerId>,
        controller_epoch: i32,
    ) {
        let hand = Hand::broker(broker);
        if self.opening {
            story.retract(|merge| *merge == Merge::Started(ProcessName::Broker(broker)));
            self.first_controller = Some(broker);
            forget_registration(story, at, broker);
            let line = Line::new(at, hand).say("first to create /controller: it is the controller");
            story.tell(&[Subject::Opening], line.about(of(broker)));
            return;
        }
        let words = format!("creates /controller, controller epoch {controller_epoch}");
        let causes: Vec<Subject> = before.into_iter().chain([broker]).map(of).collect();
        story.tell(&causes, Line::new(at, hand).say(words));
    }

    fn topic_created(
        &self,
        story: &mut Story,
        at: Timestamp,
        topic: &str,
        partitions: &[Vec<BrokerId>],
    ) {
        if self.opening && topic.starts_with("__") {
            return;
        }
        let subject = Subject::Topic(topic.to_owned());
        let line = Line::new(at, Hand::Controller).say(topic_created(topic, partitions));
        let line = line.about(subject.clone());
        let first = if self.opening {
            Subject::Opening
        } else {
            subject.clone()
        };
        story.tell(&[first, subject], line);
    }

    /// A partition's ISR changed, and who leads it did not.
    fn isr_changed(
        &self,
        story: &mut Story,
        at: Timestamp,
        hand: &Hand,
        place: &TopicPartition,
        isr: &Moved<Vec<BrokerId>>,
    ) {
        if place.topic.starts_with("__") {
            return;
        }
        let (left, joined) = (isr.left().next(), isr.joined().next());
        let Some(broker) = left.or(joined) else {
            return;
        };
        let moved = left.into_iter().chain(joined).map(of);
        let causes: Vec<Subject> = moved.chain([Subject::Partition(place.clone())]).collect();
        let named = self.topic_word(&place.topic);
        let what = (broker, joined.is_some());
        isr_line(story, at, hand, &causes, (named, place), what);
    }

    /// A partition has another leader, or none, or the same one anew.
    fn leader_changed(
        &self,
        story: &mut Story,
        at: Timestamp,
        at_place: &TopicPartition,
        (leader, epoch, isr): (&Moved<BrokerId>, &Moved<LeaderEpoch>, &Moved<Vec<BrokerId>>),
    ) {
        let moved = isr.left().take(1).chain(isr.joined().take(1));
        let mut causes: Vec<Subject> = moved.map(of).collect();
        causes.push(of(leader.before));
        causes.push(of(leader.after));
        let offline = leader.after.0 < 0;
        if !isr.is_change() && !offline {
            // Nobody came or went: somebody wanted it so.
            causes.insert(0, Subject::Partition(at_place.clone()));
        }
        if self.opening {
            causes.insert(0, Subject::Opening);
        }
        if at_place.topic.starts_with("__") {
            leaders_line(story, at, &causes, &at_place.topic);
            return;
        }
        let named = place(&self.home, &at_place.topic, at_place.partition);
        let line = Line::new(at, Hand::Controller);
        let line = if offline {
            let only = if isr.before.len() == 1 { " only" } else { "" };
            let words = format!("{named} offline: ISR was {}{only}", listed(&isr.before));
            line.with(Tone::Bad, words)
        } else {
            let after = leader_name(leader.after);
            let who = if leader.is_change() {
                format!("{}->{after}", leader_name(leader.before))
            } else {
                format!("{after} stays")
            };
            let (before, now) = (epoch.before, epoch.after);
            let mut words = format!("{named} leader {who}  epoch {before}->{now}");
            if isr.is_change() {
                let (before, after) = (listed(&isr.before), listed(&isr.after));
                words = format!("{words}  ISR {before}->{after}");
            }
            line.say(words)
        };
        story.tell(&causes, line.about(Subject::Partition(at_place.clone())));
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
        place: &TopicPartition,
        replicas: &Moved<Vec<BrokerId>>,
    ) {
        let TopicPartition { topic, partition } = place;
        let cause = [Subject::Topic(topic.clone())];
        let line = Line::new(at, Hand::Controller);
        if *topic == self.home {
            let words = format!(
                "p{partition} is on {} now, was on {}",
                listed(&replicas.after),
                listed(&replicas.before)
            );
            let line = line.say(words).about(Subject::Partition(place.clone()));
            story.tell(&cause, line);
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
        let line = line.merging(Merge::Moved(topic.clone(), 1));
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
        let line = Line::new(at, Hand::broker(broker))
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
        entry.hand = Hand::Brokers(brokers.clone());
    }
    story.retract(|merge| *merge == alone);
}

fn session_ended(
    story: &mut Story,
    at: Timestamp,
    broker: BrokerId,
    expired_after_ms: Option<u32>,
) {
    let words = match expired_after_ms {
        Some(timeout_ms) => format!("session of broker {broker} expired after {timeout_ms} ms"),
        None => format!("broker {broker} closed its session"),
    };
    let line = Line::new(at, Hand::Process(ProcessName::ZooKeeper)).say(words);
    story.tell(&[of(broker)], line.about(of(broker)));
}

/// A znode is gone, and the watches of these sessions tell of it.
fn watch_fired(story: &mut Story, cluster: &Cluster, at: Timestamp, path: &str, sessions: &[i64]) {
    let Some(broker) = broker_of_znodes(&[path.to_owned()]) else {
        return;
    };
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
    let line = Line::new(at, Hand::Process(ProcessName::ZooKeeper)).say(words);
    let line = line.about(of(broker)).merging(Merge::Watch(path.into()));
    story.tell(&[of(broker)], line);
}

fn isr_line(
    story: &mut Story,
    at: Timestamp,
    hand: &Hand,
    causes: &[Subject],
    (named, place): (Option<&str>, &TopicPartition),
    (broker, joined): (BrokerId, bool),
) {
    let TopicPartition { topic, partition } = place;
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
        if !partitions.contains(partition) {
            partitions.push(*partition);
            partitions.sort_unstable();
        }
        entry.text = vec![(Tone::Plain, words(partitions))];
        if entry.hand != *hand {
            entry.hand = Hand::Leaders;
        }
        return;
    }
    let line = Line::new(at, hand.clone())
        .say(words(&[*partition]))
        .merging(Merge::Isr {
            topic: topic.clone(),
            broker,
            joined,
            partitions: vec![*partition],
        });
    story.tell(causes, line);
}

fn leaders_line(story: &mut Story, at: Timestamp, causes: &[Subject], topic: &str) {
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
    let line = Line::new(at, Hand::Controller)
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

fn leader_name(leader: BrokerId) -> String {
    if leader.0 < 0 {
        "none".to_owned()
    } else {
        leader.to_string()
    }
}
