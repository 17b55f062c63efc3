//! What the stage says under the picture: the last thing that really happened, and what came of it.

use crate::state::{
    State,
    action::{Action, ClusterAction, Target},
    cluster::{Cluster, Group, Process, ProcessName, Status, StreamRate},
    story::{listed, places},
};
use wire::{BrokerId, TopicPartition};

/// A few sentences for people who see Kafka for the first time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StageCaption {
    /// What happened.
    pub headline: String,
    /// How it came to what it came to.
    pub text: String,
    /// What can be checked, and whether it holds.
    pub checks: Vec<(bool, String)>,
    /// An action to try next, and what it would do.
    pub next: Option<(Action, String)>,
}

impl State {
    /// The caption of this moment.
    #[must_use]
    pub fn stage_caption(&self) -> StageCaption {
        let mut caption = self.caption_of_now();
        // Nobody is told to do what our hands do not reach.
        let reached = |(action, _): &(Action, String)| self.out_of_reach(action).is_none();
        caption.next = caption.next.filter(reached);
        caption
    }

    fn caption_of_now(&self) -> StageCaption {
        if let (false, Some(given)) = (self.is_ready(), self.setup.reach.given()) {
            return StageCaption {
                headline: "A Kafka cluster is asked.".into(),
                text: format!("None of its brokers at {given} has answered yet."),
                ..StageCaption::default()
            };
        }
        if !self.is_ready() {
            return StageCaption {
                headline: "A real Kafka cluster is starting.".into(),
                text:
                    "Each box is a process of its own. ZooKeeper first, then the brokers: one of \
                       them becomes the controller and spreads the partitions."
                        .into(),
                ..StageCaption::default()
            };
        }
        if let Some(standstill) = self.standstill_caption() {
            return standstill;
        }
        let group = self.cluster.groups.get(&self.view.group);
        let moved = self
            .cluster
            .brokers()
            .filter(|process| self.is_story(process));
        let newest = moved.max_by_key(|process| process.since);
        match (group, newest) {
            (Some(group), process)
                if group.rebalancing()
                    && process.is_none_or(|process| process.since < group.since) =>
            {
                self.rebalance(group)
            }
            (_, Some(process)) => self.broker(process),
            (_, None) => self.calm(),
        }
    }

    /// Whether something happened to this broker that is still to be told.
    fn is_story(&self, process: &Process) -> bool {
        let restarted = process.since > self.setup.started_at && process.status == Status::Up;
        let came_back = restarted && self.restarted_after_ready(process);
        process.status.is_gone()
            || matches!(
                process.status,
                Status::Frozen | Status::Starting | Status::Stopping
            )
            || came_back
    }

    fn restarted_after_ready(&self, process: &Process) -> bool {
        let ready = self.opening.ready_after.unwrap_or_default();
        process.since > self.setup.started_at.plus(ready)
    }

    pub(super) fn lost(&self) -> (bool, String) {
        let lost = self.cluster.lost;
        (lost == 0, format!("{lost} acknowledged records lost"))
    }

    fn rebalance(&self, group: &Group) -> StageCaption {
        let awaited = if group.awaited.is_empty() {
            "Everybody joined again; their leader divides the partitions.".to_owned()
        } else {
            format!(
                "Everybody gives up what it reads and joins again. Waiting for {}.",
                group.awaited.join(" and ")
            )
        };
        StageCaption {
            headline: format!("Group {} divides its partitions anew.", self.view.group),
            text: format!("{awaited} Meanwhile nobody reads; nothing is skipped."),
            checks: vec![self.lost()],
            next: None,
        }
    }

    fn calm(&self) -> StageCaption {
        if !self.cluster.topics.contains_key(&self.view.topic) {
            return StageCaption {
                headline: "There is no topic.".into(),
                text: "Records are written to a topic, into its partitions, which brokers keep."
                    .into(),
                checks: vec![self.lost()],
                next: Some((
                    Action::Cluster(ClusterAction::CreateTopic(None)),
                    "makes one".into(),
                )),
            };
        }
        let partitions = self
            .cluster
            .topics
            .get(&self.view.topic)
            .map_or(&[][..], |topic| topic.partitions.as_slice());
        let copies = partitions
            .iter()
            .map(|partition| partition.seen.replicas.len())
            .max()
            .unwrap_or(0);
        let text = match copies {
            0 => String::new(),
            1 => "One broker keeps each partition: if it dies, the partition waits for it.".into(),
            _ => format!(
                "One broker leads a partition ◆ and writes first, {} copy it ●. A record counts as \
                 written once all in sync have it ┃.",
                if copies == 2 {
                    "another one".to_owned()
                } else {
                    format!("{} others", copies - 1)
                }
            ),
        };
        let astray = self.going_back();
        if !astray.is_empty() {
            return self.led_by_others(&astray);
        }
        let next = if self.cluster.stream == StreamRate::Off {
            (
                Action::Cluster(ClusterAction::StreamFaster),
                "sends a stream of records".to_owned(),
            )
        } else {
            (
                Action::Cluster(ClusterAction::Kill(Target::Picked)),
                format!("kills {}", self.view.picked),
            )
        };
        StageCaption {
            headline: format!(
                "{}: {} partitions, each on {copies} brokers.",
                self.view.topic,
                partitions.len()
            ),
            text,
            checks: vec![self.lost()],
            next: Some(next),
        }
    }

    /// What of the shown topic could go back to its preferred leaders, and who these are.
    fn going_back(&self) -> Vec<(TopicPartition, BrokerId)> {
        let astray = self.cluster.going_back();
        astray
            .filter(|(place, _)| place.topic == self.view.topic)
            .collect()
    }

    /// All is well but for who leads: after a restart whoever came back first leads everything.
    fn led_by_others(&self, astray: &[(TopicPartition, BrokerId)]) -> StageCaption {
        let home = self.home_topic();
        let of: Vec<TopicPartition> = astray.iter().map(|(place, _)| place.clone()).collect();
        let [prefer, they] = match of.as_slice() {
            [_] => ["prefers another broker", "its preferred leader is"],
            _ => ["prefer other brokers", "their preferred leaders are"],
        };
        let mut leaders: Vec<BrokerId> = of
            .iter()
            .filter_map(|place| leader(&self.cluster, place))
            .collect();
        leaders.sort_unstable();
        leaders.dedup();
        let brokers = if leaders.len() == 1 {
            "Broker"
        } else {
            "Brokers"
        };
        let lead = if leaders.len() == 1 { "leads" } else { "lead" };
        let places = counted(home, &of);
        StageCaption {
            headline: format!("{brokers} {} {lead} {places} for others.", listed(&leaders)),
            text: format!(
                "{places} {prefer}: whoever came back first became the leader, and leads on although {they} in \
                 sync again. So one broker has the work of several."
            ),
            checks: vec![self.lost()],
            next: Some((
                Action::Cluster(ClusterAction::ElectLeaders),
                "elects the preferred leaders".into(),
            )),
        }
    }

    fn broker(&self, process: &Process) -> StageCaption {
        let Some(id) = process.broker() else {
            return self.calm();
        };
        let led: Vec<TopicPartition> = process
            .led
            .iter()
            .filter(|place| place.topic == self.view.topic)
            .cloned()
            .collect();
        match process.status {
            Status::Frozen => StageCaption {
                headline: format!("Broker {id} is frozen."),
                text:
                    "It holds its connections and answers nothing. ZooKeeper misses its heartbeat \
                       and will end its session."
                        .into(),
                checks: vec![self.lost()],
                next: Some((
                    Action::Cluster(ClusterAction::Freeze(Target::Process(ProcessName::Broker(
                        id,
                    )))),
                    format!("thaws broker {id}"),
                )),
            },
            Status::Starting | Status::Stopping | Status::Up => self.back(id, process.status),
            status => self.gone(id, process, status, &led),
        }
    }

    fn gone(
        &self,
        id: BrokerId,
        process: &Process,
        status: Status,
        led: &[TopicPartition],
    ) -> StageCaption {
        let home = self.home_topic();
        let how = match status {
            Status::Stopped => "was stopped",
            Status::Killed => "was killed",
            Status::Silent => "does not answer us",
            Status::Gone => "is not in the metadata any more",
            _ => "died by itself",
        };
        let it_led = if led.is_empty() {
            "It led nothing.".to_owned()
        } else {
            format!("It led {}.", places(home, led))
        };
        let waits: Vec<TopicPartition> = led
            .iter()
            .filter(|place| leader(&self.cluster, place).is_none_or(|leader| leader == id))
            .cloned()
            .collect();
        let mut caption = StageCaption {
            headline: format!("Broker {id} {how}. {it_led}"),
            next: Some((
                Action::Cluster(ClusterAction::Start(Target::Process(ProcessName::Broker(
                    id,
                )))),
                format!("brings broker {id} back"),
            )),
            ..StageCaption::default()
        };
        let session = self.cluster.session(id).map(|session| session.timeout);
        let session = process
            .session_expired
            .map(|expired| expired.timeout)
            .or(session);
        let seconds = session.map_or_else(
            || "its timeout".to_owned(),
            |timeout| format!("{:.1} s", timeout.as_secs_f64()),
        );
        if !waits.is_empty() {
            caption.text = match process.session_expired {
                None if status != Status::Stopped => format!(
                    "Nobody knows yet: ZooKeeper waits {seconds} for its heartbeat. Writes to {} wait.",
                    places(home, &waits)
                ),
                _ => format!(
                    "No replica in sync is alive: {} waits until one is back.",
                    places(home, &waits)
                ),
            };
            caption.checks.push(self.lost());
            return caption;
        }
        let mut heirs: Vec<BrokerId> = led
            .iter()
            .filter_map(|place| leader(&self.cluster, place))
            .collect();
        heirs.sort();
        heirs.dedup();
        let controller = self
            .cluster
            .controller
            .map_or_else(String::new, |(controller, _)| {
                format!(", broker {controller},")
            });
        let became = match heirs.as_slice() {
            [] => "took it out of every ISR".to_owned(),
            [heir] => format!("made broker {heir} the leader of {}", places(home, led)),
            heirs => format!(
                "made brokers {} the leaders of {}",
                listed(heirs),
                places(home, led)
            ),
        };
        caption.text = match (status, process.session_expired) {
            (Status::Stopped, _) => format!(
                "It said so first: the controller{controller} {became} before it ended. Producers and \
                 consumers moved."
            ),
            (_, Some(_)) => format!(
                "ZooKeeper heard nothing from it for {seconds} and removed its znode. The \
                 controller{controller} saw that and {became}. Producers and consumers moved."
            ),
            (_, None) => format!(
                "Nobody knows yet: ZooKeeper waits {seconds} for its heartbeat. Nothing has to wait: \
                 others lead."
            ),
        };
        if let (Some(first), false) = (led.first(), heirs.is_empty()) {
            let words = format!(
                "leader of {} is not {id}",
                places(home, std::slice::from_ref(first))
            );
            caption.checks.push((true, words));
        }
        caption.checks.push(self.lost());
        caption
    }

    /// A broker that is coming back, or came.
    fn back(&self, id: BrokerId, status: Status) -> StageCaption {
        let partitions = self.cluster.topics.get(&self.view.topic);
        let kept: Vec<_> = partitions
            .into_iter()
            .flat_map(|topic| &topic.partitions)
            .filter(|partition| partition.seen.replicas.contains(&id))
            .collect();
        let in_sync = kept
            .iter()
            .filter(|partition| partition.seen.isr.contains(&id))
            .count();
        let caught_up = in_sync == kept.len();
        // One that was added later was never there before, and keeps nothing until something is
        // moved onto it.
        let added = !self.setup.brokers.contains(&id);
        let again = if added { "" } else { " again" };
        let mut next = None;
        let (headline, text) = match status {
            Status::Stopping => (
                format!("Broker {id} is stopping."),
                "It hands over what it leads first.".to_owned(),
            ),
            Status::Starting => (
                format!("Broker {id} is starting{again}."),
                "It reads its logs from disk and registers at ZooKeeper.".to_owned(),
            ),
            _ if partitions.is_none() => return self.calm(),
            _ if kept.is_empty() => {
                next = Some((
                    Action::Cluster(ClusterAction::SpreadPartitions),
                    "moves some onto it".to_owned(),
                ));
                (
                    format!("Broker {id} is up, and keeps nothing yet."),
                    format!(
                        "It registered at ZooKeeper. Partitions of {} do not move by themselves.",
                        self.view.topic
                    ),
                )
            }
            _ if caught_up => {
                let own = self.going_back().into_iter().filter(|(_, to)| *to == id);
                let own: Vec<TopicPartition> = own.map(|(place, _)| place).collect();
                let prefers = match own.as_slice() {
                    [] => String::new(),
                    own => {
                        next = Some((
                            Action::Cluster(ClusterAction::ElectLeaders),
                            "gives it back what it led".to_owned(),
                        ));
                        format!(" Others still lead {}.", counted(self.home_topic(), own))
                    }
                };
                let follows = if added {
                    let kept = kept.iter().map(|partition| {
                        TopicPartition::new(&self.view.topic, partition.seen.partition)
                    });
                    let kept: Vec<TopicPartition> = kept.collect();
                    format!(
                        "Broker {id} is in sync in {}.",
                        counted(self.home_topic(), &kept)
                    )
                } else {
                    format!("Broker {id} is back in every ISR.")
                };
                let may = if added {
                    "copied all of it"
                } else {
                    "copied what it had missed"
                };
                (follows, format!("It {may}, and may lead{again}.{prefers}"))
            }
            _ => (
                format!("Broker {id} is {}.", if added { "up" } else { "back" }),
                format!(
                    "It copies what it missed: in sync in {in_sync} of {} partitions.",
                    kept.len()
                ),
            ),
        };
        StageCaption {
            headline,
            text,
            checks: vec![self.lost()],
            next,
        }
    }
}

/// `p0 p2`, or how many where nobody would read them all.
fn counted(home: &str, partitions: &[TopicPartition]) -> String {
    if partitions.len() > 4 {
        format!("{} partitions", partitions.len())
    } else {
        places(home, partitions)
    }
}

fn leader(cluster: &Cluster, place: &TopicPartition) -> Option<BrokerId> {
    cluster.partition(place)?.seen.leader
}
