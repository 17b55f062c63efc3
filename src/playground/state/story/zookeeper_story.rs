//! What happened in `ZooKeeper`: sessions, znodes and watches under the key that set them off.
//!
//! The lines of `story` tell what it came to; these tell how: who wrote which znode, and whose watch
//! told of it.

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Hand,
    names::{listed, spaced},
    story::{Line, Merge, Story, Subject, Tone},
};
use crate::state::{
    Timestamp,
    cluster::{Change, Cluster, Moved, ProcessName, Told},
};
use wire::{BrokerId, LeaderEpoch, TopicPartition, report::ZnodeChange};

/// The same watch seen by several brokers shares a line.
const MERGE_WINDOW: Duration = Duration::from_secs(1);

/// A watch's report may be read before that of the write that set it off, from another pipe.
const WRITE_WAIT: Duration = Duration::from_millis(150);

/// Reports of watches that wait for their write: those of a controller's largest batch.
const WAITING_MAX: usize = 256;

/// The story, and what is still to be told.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ZooKeeperStory {
    /// The lines.
    pub story: Story,
    /// The newest tree of the whole story whose first line stands here too.
    followed: u64,
    waiting: VecDeque<Waiting>,
}

/// What a write caused, told before the write was.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Waiting {
    /// A watch fired.
    Fired(Fired),
    /// A broker's watch told it to read a path again.
    Read {
        at: Timestamp,
        broker: BrokerId,
        path: String,
    },
}

/// A watch that fired.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Fired {
    at: Timestamp,
    /// The znode whose write set it off: the topic's own for all that is made with it.
    about: String,
    change: ZnodeChange,
    sessions: Vec<i64>,
}

impl ZooKeeperStory {
    /// Takes the keys over that may have begun something here.
    pub(in crate::state) fn follow(&mut self, whole: &Story) {
        let begun: Vec<_> = whole.begun_after(self.followed).collect();
        for entry in begun.into_iter().rev() {
            self.followed = self.followed.max(entry.root);
            let about = entry.subjects.iter().find(|subject| {
                matches!(
                    subject,
                    Subject::Process(ProcessName::Broker(_) | ProcessName::ZooKeeper)
                        | Subject::Topic(_)
                )
            });
            if let (Some(about), true) = (about, entry.hand.is_wish()) {
                let mut line = Line::new(entry.at, entry.hand.clone()).about(about.clone());
                for (tone, words) in entry
                    .text
                    .iter()
                    .filter(|(tone, _)| !matches!(tone, Tone::Dim | Tone::Hint))
                {
                    line = line.with(*tone, words.clone());
                }
                self.story.begin(line);
            }
        }
    }

    /// Tells of watches whose write nobody told of.
    pub(in crate::state) fn flush(&mut self, cluster: &Cluster, now: Timestamp) {
        let due = |waiting: &Waiting| now.since(waiting.at()) > WRITE_WAIT;
        while self.waiting.front().is_some_and(due)
            && let Some(waiting) = self.waiting.pop_front()
        {
            self.tell(cluster, &waiting);
        }
    }

    /// Tells what a process told. `cluster` knows of it already.
    pub(in crate::state) fn hear(&mut self, cluster: &Cluster, told: &Told) {
        let at = told.at;
        match &told.change {
            Change::SessionEnded { .. } => self.session_ended(cluster, told),
            Change::WatchFired {
                path,
                change,
                sessions,
            } if *change != ZnodeChange::Children && !is_internal(path) => {
                self.follows(
                    cluster,
                    Waiting::Fired(Fired {
                        at,
                        about: written_with(path, *change),
                        change: *change,
                        sessions: sessions.clone(),
                    }),
                );
            }
            Change::WatchSeen { broker, path } if path.starts_with("/brokers/ids/") => {
                let (broker, path) = (*broker, path.clone());
                self.follows(cluster, Waiting::Read { at, broker, path });
            }
            Change::Registered { broker, .. } => {
                let path = format!("/brokers/ids/{broker}");
                let words = format!("create {path}");
                self.wrote(cluster, told, &[of(*broker)], words, &path);
            }
            Change::ControllerElected {
                broker,
                controller_epoch,
                ..
            } => {
                let controller = Subject::Znode("/controller".into());
                let causes = [controller, of(*broker)];
                let words = format!("create /controller, epoch {controller_epoch}");
                self.wrote(cluster, told, &causes, words, "/controller");
            }
            Change::TopicCreated { topic, partitions } => {
                let path = format!("/brokers/topics/{topic}");
                let words = format!("create {path}, {} states", partitions.len());
                let cause = [Subject::Topic(topic.clone())];
                self.wrote(cluster, told, &cause, words, &path);
            }
            Change::TopicDeleted { topic } => {
                let path = format!("/brokers/topics/{topic}");
                let words = format!("delete {path} and below");
                let cause = [Subject::Topic(topic.clone())];
                self.wrote(cluster, told, &cause, words, &path);
            }
            Change::StateWritten {
                place,
                leader,
                epoch,
                isr,
            } => {
                let leads = epoch.is_change().then_some((leader, epoch.after));
                self.state_written(cluster, told, place, leads, isr);
            }
            Change::IsrWritten { place, isr, .. } => {
                self.state_written(cluster, told, place, None, isr);
            }
            _ => {}
        }
    }

    /// Something followed from a write: it is told once the write is.
    fn follows(&mut self, cluster: &Cluster, waiting: Waiting) {
        let subject = Subject::Znode(waiting.about().to_owned());
        if self.story.knows(&subject, waiting.at(), WRITE_WAIT) {
            self.tell(cluster, &waiting);
            return;
        }
        self.waiting.push_back(waiting);
        if self.waiting.len() > WAITING_MAX {
            self.waiting.pop_front();
        }
    }

    fn tell(&mut self, cluster: &Cluster, waiting: &Waiting) {
        match waiting {
            Waiting::Fired(fired) => self.fires(cluster, fired),
            Waiting::Read { at, broker, path } => self.read_again(*at, *broker, path),
        }
    }

    fn session_ended(&mut self, cluster: &Cluster, told: &Told) {
        let Change::SessionEnded {
            session,
            owner,
            expired_after_ms,
            ephemerals,
        } = &told.change
        else {
            return;
        };
        let how = match expired_after_ms {
            Some(timeout_ms) => format!("expired ({timeout_ms} ms)"),
            None => "closed".to_owned(),
        };
        let (words, causes) = match owner {
            Some(broker) => (
                format!("session of broker {broker} {how}"),
                vec![of(*broker)],
            ),
            None if ephemerals.is_empty() => return,
            None => (format!("session 0x{session:x} {how}"), Vec::new()),
        };
        let zookeeper = || Hand::Process(ProcessName::ZooKeeper);
        let mut line = Line::new(told.at, zookeeper()).say(words);
        let ended = Subject::Session(*session);
        if let Some(cause) = causes.first() {
            line = line.about(cause.clone());
        }
        self.story
            .tell_below(&causes, WRITE_WAIT, line.about(ended.clone()));
        for path in ephemerals {
            let line = Line::new(told.at, zookeeper())
                .say(format!("delete {path}"))
                .about(Subject::Znode(path.clone()));
            self.story
                .tell_below(std::slice::from_ref(&ended), WRITE_WAIT, line);
            self.release(cluster, path);
        }
    }

    /// Whoever told it wrote a znode.
    fn wrote(
        &mut self,
        cluster: &Cluster,
        told: &Told,
        causes: &[Subject],
        words: String,
        path: &str,
    ) {
        if is_internal(path) {
            return;
        }
        let line = Line::new(told.at, Hand::Process(told.by.clone()))
            .say(words)
            .about(Subject::Znode(path.to_owned()));
        self.story.tell_below(causes, WRITE_WAIT, line);
        self.release(cluster, path);
    }

    /// A partition's state was written; `leads` where a leader begins with it, in which epoch.
    fn state_written(
        &mut self,
        cluster: &Cluster,
        told: &Told,
        place: &TopicPartition,
        leads: Option<(&Moved<BrokerId>, LeaderEpoch)>,
        isr: &Moved<Vec<BrokerId>>,
    ) {
        let TopicPartition { topic, partition } = place;
        let words = match leads {
            Some((leader, epoch)) => format!(
                "set {partition}/state leader {}->{}, epoch {epoch}",
                leader.before, leader.after
            ),
            None => format!(
                "set {partition}/state ISR {}->{}",
                listed(&isr.before),
                listed(&isr.after)
            ),
        };
        let moved: Vec<BrokerId> = isr.left().chain(isr.joined()).collect();
        let registrations = moved.iter().map(|broker| registration(*broker));
        let processes = moved.iter().map(|broker| of(*broker));
        let causes: Vec<Subject> = registrations.chain(processes).collect();
        let path = format!("/brokers/topics/{topic}/partitions/{partition}/state");
        self.wrote(cluster, told, &causes, words, &path);
    }

    /// A broker's watch told it to read a path again; several of them share a line.
    fn read_again(&mut self, at: Timestamp, broker: BrokerId, path: &str) {
        let words = |path: &str| format!("read {path} again");
        let merged = self.story.merged(
            at,
            MERGE_WINDOW,
            |merge| matches!(merge, Merge::ReadAgain(other, _) if other == path),
        );
        if let Some(entry) = merged
            && let Some(Merge::ReadAgain(_, brokers)) = &mut entry.merge
        {
            if !brokers.contains(&broker) {
                brokers.push(broker);
                brokers.sort();
            }
            entry.hand = Hand::Brokers(brokers.clone());
            return;
        }
        let line = Line::new(at, Hand::broker(broker))
            .say(words(path))
            .merging(Merge::ReadAgain(path.to_owned(), vec![broker]));
        let cause = Subject::Znode(path.to_owned());
        self.story.tell_below(&[cause], WRITE_WAIT, line);
    }

    /// Tells of the watches that waited for this write.
    fn release(&mut self, cluster: &Cluster, path: &str) {
        let (released, waiting): (VecDeque<Waiting>, _) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waiting| waiting.about() == path);
        self.waiting = waiting;
        for waiting in released {
            self.tell(cluster, &waiting);
        }
    }

    /// Says whose watches fired: once for each write, once for all changes of a kind that nobody told of.
    fn fires(&mut self, cluster: &Cluster, fired: &Fired) {
        let subject = Subject::Znode(fired.about.clone());
        let known = self.story.knows(&subject, fired.at, WRITE_WAIT);
        let own = cluster.znodes.session;
        if !known && fired.sessions.iter().all(|session| own == Some(*session)) {
            // Only this screen looks at it.
            return;
        }
        let what = if known {
            fired.about.clone()
        } else {
            fired.change.to_string()
        };
        let window = if known { WRITE_WAIT } else { MERGE_WINDOW };
        let words = |sessions: &[i64], count: usize| {
            let told = watchers(cluster, sessions);
            match (known, count) {
                (true, _) => format!("watch fires: {told}"),
                (false, 1) => format!("{} {}, watch fires: {told}", fired.about, fired.change),
                (false, many) => format!("{many} znodes {}, watch fires: {told}", fired.change),
            }
        };
        let merged = self.story.merged(
            fired.at,
            window,
            |merge| matches!(merge, Merge::Fires(other, ..) if *other == what),
        );
        if let Some(entry) = merged
            && let Some(Merge::Fires(_, sessions, count)) = &mut entry.merge
        {
            sessions.extend(&fired.sessions);
            sessions.sort_unstable();
            sessions.dedup();
            *count += 1;
            entry.text = vec![(Tone::Plain, words(sessions, *count))];
            return;
        }
        let line = Line::new(fired.at, Hand::Process(ProcessName::ZooKeeper))
            .say(words(&fired.sessions, 1))
            .merging(Merge::Fires(what, fired.sessions.clone(), 1));
        let causes = if known { vec![subject] } else { Vec::new() };
        self.story.tell_below(&causes, WRITE_WAIT, line);
    }
}

impl Waiting {
    fn at(&self) -> Timestamp {
        match self {
            Self::Fired(fired) => fired.at,
            Self::Read { at, .. } => *at,
        }
    }

    /// The znode whose write it followed from.
    fn about(&self) -> &str {
        match self {
            Self::Fired(fired) => &fired.about,
            Self::Read { path, .. } => path,
        }
    }
}

/// The znode that is written when this one is: a topic is made with everything below it, and whoever
/// becomes controller counts its epoch.
fn written_with(path: &str, change: ZnodeChange) -> String {
    if path == "/controller_epoch" {
        return "/controller".to_owned();
    }
    let topic = ["/brokers/topics/", "/config/topics/"]
        .iter()
        .find_map(|place| path.strip_prefix(place))
        .and_then(|rest| rest.split('/').next());
    match topic {
        Some(topic) if change != ZnodeChange::Changed => format!("/brokers/topics/{topic}"),
        _ => path.to_owned(),
    }
}

/// `1 2, screen`: brokers go by their ids.
fn watchers(cluster: &Cluster, sessions: &[i64]) -> String {
    let mut brokers: Vec<BrokerId> = sessions
        .iter()
        .filter_map(|session| cluster.session_owner(*session))
        .collect();
    brokers.sort();
    brokers.dedup();
    let own = cluster.znodes.session;
    let screen = own.is_some_and(|own| sessions.contains(&own));
    let others = sessions
        .len()
        .saturating_sub(brokers.len() + usize::from(screen));
    let mut told = Vec::new();
    if !brokers.is_empty() {
        told.push(spaced(&brokers));
    }
    if screen {
        told.push("screen".to_owned());
    }
    if others > 0 {
        told.push(format!("{others} more"));
    }
    told.join(", ")
}

/// Whether the path belongs to a topic that Kafka keeps for itself.
fn is_internal(path: &str) -> bool {
    path.contains("/__")
}

fn of(broker: BrokerId) -> Subject {
    Subject::Process(ProcessName::Broker(broker))
}

/// A broker's registration as what lines are about.
fn registration(broker: BrokerId) -> Subject {
    Subject::Znode(format!("/brokers/ids/{broker}"))
}

#[cfg(test)]
mod tests {
    use super::ZooKeeperStory;
    use crate::state::{
        Cluster, Observation, Process, ProcessName, Timestamp,
        cluster::Fact,
        story::{Hand, Line, Story, Subject},
    };
    use wire::{
        BrokerId, LeaderEpoch,
        report::{Report, ReportLine, ZnodeChange},
    };

    fn broker(id: i32) -> ProcessName {
        ProcessName::Broker(BrokerId(id))
    }

    fn cluster() -> Cluster {
        let mut cluster = Cluster::default();
        for id in 1..=3 {
            let mut process = Process::planned(broker(id), Timestamp(0));
            process.session = Some(i64::from(id));
            cluster.processes.insert(broker(id), process);
        }
        cluster
    }

    fn fired(path: &str, change: ZnodeChange, sessions: &[i64]) -> Report {
        Report::WatchFired {
            path: path.into(),
            change,
            sessions: sessions.to_vec(),
        }
    }

    fn told(story: &ZooKeeperStory) -> Vec<String> {
        story
            .story
            .entries()
            .iter()
            .map(|entry| {
                let words: String = entry.text.iter().map(|(_, words)| words.as_str()).collect();
                format!(
                    "{}{:#}: {words}",
                    "  ".repeat(entry.depth.into()),
                    entry.hand
                )
            })
            .collect()
    }

    #[test]
    fn each_write_has_its_watches_below_it_whoever_told_first() {
        let mut whole = Story::default();
        let line = Line::new(Timestamp::from_ms(0), Hand::You).say("kill -9 broker 3");
        whole.begin(line.about(Subject::Process(broker(3))));
        let mut cluster = cluster();
        let mut story = ZooKeeperStory::default();
        story.follow(&whole);
        story.follow(&whole);
        let state = "/brokers/topics/orders/partitions/2/state";
        let changed = Report::PartitionChanged {
            topic: "orders".into(),
            partition: 2,
            leader_before: BrokerId(3),
            leader: BrokerId(1),
            epoch_before: LeaderEpoch(4),
            epoch: LeaderEpoch(5),
            isr_before: vec![BrokerId(3), BrokerId(1), BrokerId(2)],
            isr: vec![BrokerId(1), BrokerId(2)],
            why: String::new(),
        };
        let zookeeper = ProcessName::ZooKeeper;
        let expired = Report::SessionExpired {
            session: 3,
            timeout_ms: 1500,
            ephemerals: vec!["/brokers/ids/3".into()],
        };
        let seen = |id| Report::WatchSeen {
            broker: BrokerId(id),
            path: "/brokers/ids/3".into(),
        };
        for (at_ms, process, report) in [
            (1501, &broker(2), seen(2)),
            (
                1501,
                &zookeeper,
                fired("/brokers/ids/3", ZnodeChange::Deleted, &[1, 2]),
            ),
            (1500, &zookeeper, expired),
            (1502, &broker(1), seen(1)),
            // The server's pipe was read before the controller's.
            (
                1509,
                &zookeeper,
                fired(state, ZnodeChange::Changed, &[1, 2]),
            ),
            (1510, &broker(2), changed),
            (
                1700,
                &zookeeper,
                fired("/config/changes/1", ZnodeChange::Created, &[1, 2, 9]),
            ),
            (
                1701,
                &zookeeper,
                fired("/config/changes/2", ZnodeChange::Created, &[1]),
            ),
            (
                1702,
                &zookeeper,
                fired(
                    "/brokers/topics/__x/partitions/0/state",
                    ZnodeChange::Created,
                    &[1],
                ),
            ),
        ] {
            let seen = Observation::Report {
                process: process.clone(),
                line: ReportLine { at_ms, report },
            };
            if let Some(Fact::Told(told)) = cluster.see(&seen, Timestamp::from_ms(at_ms)) {
                story.hear(&cluster, &told);
            }
        }
        story.flush(&cluster, Timestamp::from_ms(3000));
        assert_eq!(
            told(&story),
            [
                "you: kill -9 broker 3",
                "  zk: session of broker 3 expired (1500 ms)",
                "    zk: delete /brokers/ids/3",
                "      broker 1 2: read /brokers/ids/3 again",
                "      zk: watch fires: 1 2",
                "      broker 2: set 2/state leader 3->1, epoch 5",
                "        zk: watch fires: 1 2",
                "zk: 2 znodes created, watch fires: 1 2, 1 more",
            ]
        );
    }
}
