//! Why an action comes to nothing now: what it needs is dead, frozen or not now.

use super::{Action, ClusterAction, LessonAction, Pane, Target, TransactionAction};
use crate::state::{
    State,
    cluster::{Cluster, Process, ProcessName, Status},
};

/// What is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The picture is of a moment that is over.
    Past,
    /// No broker answers: each of them is dead or frozen.
    NoBroker,
    /// No broker answers yet: they are starting.
    Starting,
    /// `ZooKeeper`, in which the controller writes down what it decides, is dead or frozen.
    NoZooKeeper(Status),
    /// The process is dead.
    Dead(ProcessName),
    /// No broker answers: it is done, and waits for one.
    Waits,
    /// There is no such topic, and none of our clients creates one by asking.
    NoTopic(String),
    /// The process is no child of ours: it is on this host, if that is known.
    NotOurs(ProcessName, Option<String>),
    /// It takes processes of our own, and the cluster is somebody else's.
    Attached,
    /// The cluster is somebody else's and may only be looked at.
    ReadOnly,
    /// No broker of somebody else's cluster answers.
    NobodyAnswers,
}

impl Obstacle {
    /// In few words, as help and palette have room for.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Self::Past => "not now",
            Self::NoBroker => "no broker",
            Self::Starting => "not yet",
            Self::NoZooKeeper(_) => "no ZooKeeper",
            Self::Dead(_) => "is dead",
            Self::Waits => "waits",
            Self::NoTopic(_) => "no topic",
            Self::NotOurs(..) | Self::Attached => "not ours",
            Self::ReadOnly => "read-only",
            Self::NobodyAnswers => "no answer",
        }
    }

    /// A sentence with the way out; it names actions in braces.
    pub(in crate::state) fn sentence(&self) -> String {
        match self {
            Self::Past => "this is not now. {hold} returns to now".to_owned(),
            Self::NoBroker => {
                "no broker answers, all are dead or frozen: {heal} starts and thaws them".to_owned()
            }
            Self::Starting => "no broker answers yet, they are starting: try again when one is up".to_owned(),
            Self::NoZooKeeper(Status::Frozen) => {
                "ZooKeeper is frozen, so nothing can be written down there: {freeze zookeeper} thaws it"
                    .to_owned()
            }
            Self::NoZooKeeper(_) => {
                "ZooKeeper is down, so nothing can be written down there: {start zookeeper} starts it"
                    .to_owned()
            }
            Self::Waits => "no broker answers: it waits until one does. {heal} starts all".to_owned(),
            Self::NoTopic(topic) => format!("there is no topic {topic}: {{topic create}} makes one"),
            Self::Dead(process) => {
                format!("{process} is dead already: {{start {process}}} starts it again")
            }
            Self::NotOurs(process, Some(host)) => {
                format!("{process} is not ours: its process is on {host}")
            }
            Self::NotOurs(process, None) => format!("{process} is not ours"),
            Self::Attached => {
                "this cluster is not ours: what needs processes of its own needs kafkarium without --bootstrap-server"
                    .to_owned()
            }
            Self::ReadOnly => {
                "read-only: --allow-writes at the start opens what changes records, topics and groups"
                    .to_owned()
            }
            Self::NobodyAnswers => "no broker answers: they are asked again and again".to_owned(),
        }
    }
}

impl Cluster {
    /// Whether no broker can answer anything.
    #[must_use]
    pub fn no_broker_answers(&self) -> bool {
        let mut brokers = self.brokers().peekable();
        brokers.peek().is_some()
            && brokers.all(|broker| broker.broker().is_some_and(|id| self.is_silent(id)))
    }
}

impl State {
    /// What is in the way of an action now.
    #[must_use]
    pub fn obstacle(&self, action: &Action) -> Option<Obstacle> {
        if self.held.is_some() && matches!(action, Action::Cluster(_) | Action::Lesson(_)) {
            return Some(Obstacle::Past);
        }
        if let Some(obstacle) = self.out_of_reach(action) {
            return Some(obstacle);
        }
        if let Action::Cluster(
            ClusterAction::Kill(target)
            | ClusterAction::Stop(target)
            | ClusterAction::Freeze(target),
        ) = action
        {
            return self.all_dead(target).map(Obstacle::Dead);
        }
        if let Some(topic) = self.missing_topic(action) {
            return Some(Obstacle::NoTopic(topic));
        }
        let needs = self.needs(action);
        if self.cluster.no_broker_answers() {
            match needs {
                Needs::Broker | Needs::BrokerAndZooKeeper if !self.setup.reach.is_own() => {
                    return Some(Obstacle::NobodyAnswers);
                }
                Needs::Broker | Needs::BrokerAndZooKeeper => return Some(Obstacle::NoBroker),
                Needs::BrokerAtLast => return Some(Obstacle::Waits),
                Needs::Nothing | Needs::ZooKeeper => {}
            }
        }
        let broker = matches!(needs, Needs::Broker | Needs::BrokerAndZooKeeper);
        let starts = |broker: &Process| matches!(broker.status, Status::Planned | Status::Starting);
        if broker && self.cluster.brokers_up().0 == 0 && self.cluster.brokers().any(starts) {
            return Some(Obstacle::Starting);
        }
        let zookeeper = matches!(needs, Needs::ZooKeeper | Needs::BrokerAndZooKeeper);
        let away = self.cluster.zookeeper_away().filter(|_| zookeeper)?;
        (away.is_gone() || away == Status::Frozen).then_some(Obstacle::NoZooKeeper(away))
    }

    /// The same, where trying it would only tell so later and in more words.
    pub(in crate::state) fn refusal(&self, action: &Action) -> Option<Obstacle> {
        self.obstacle(action).filter(|obstacle| {
            matches!(
                obstacle,
                Obstacle::NoBroker
                    | Obstacle::Starting
                    | Obstacle::NoZooKeeper(_)
                    | Obstacle::NoTopic(_)
                    | Obstacle::NotOurs(..)
                    | Obstacle::Attached
                    | Obstacle::ReadOnly
                    | Obstacle::NobodyAnswers
            )
        })
    }

    /// Why our hands do not reach that far, whoever wants it: of a cluster that somebody else runs the processes are not
    /// ours, and it is changed only where that was allowed.
    pub(in crate::state) fn out_of_reach(&self, action: &Action) -> Option<Obstacle> {
        if self.setup.reach.is_own() {
            return None;
        }
        let action = match action {
            Action::Cluster(action) => action,
            Action::Lesson(LessonAction::ListLessons) | Action::Screen(_) | Action::Terminal(_) => {
                return None;
            }
            Action::Lesson(_) => return Some(Obstacle::Attached),
        };
        match wants(action) {
            Wants::Nothing => None,
            Wants::Processes(None) => Some(Obstacle::Attached),
            Wants::Processes(Some(target)) => {
                let aimed = self.aimed(target).into_iter().next()?;
                let host = self.cluster.processes.get(&aimed).and_then(Process::host);
                let host = host.map(str::to_owned);
                Some(Obstacle::NotOurs(aimed, host))
            }
            _ if !self.setup.reach.may_write() => Some(Obstacle::ReadOnly),
            Wants::WritesByProcesses => Some(Obstacle::Attached),
            Wants::Writes => None,
        }
    }

    /// The topic that is to be written to and is not there. Before all is ready, records are kept for it.
    fn missing_topic(&self, action: &Action) -> Option<String> {
        let Action::Cluster(
            ClusterAction::Produce(_)
            | ClusterAction::Compose
            | ClusterAction::StreamFaster
            | ClusterAction::Transaction(TransactionAction::Produce(_)),
        ) = action
        else {
            return None;
        };
        let topic = &self.view.topic;
        let missing = self.is_ready() && !self.cluster.topics.contains_key(topic);
        missing.then(|| topic.clone())
    }

    /// The same for who chooses among actions: in a moment that is over there is nothing to do to the cluster.
    pub(in crate::state) fn in_the_way(&self, action: &Action) -> Option<Obstacle> {
        let Action::Cluster(does) = action else {
            return None;
        };
        // These two change the pace of a saved session.
        let paces = matches!(
            does,
            ClusterAction::StreamFaster | ClusterAction::StreamSlower
        );
        match self.picture_of {
            Some(of) => (!of.replay || !paces).then_some(Obstacle::Past),
            None => self.refusal(action),
        }
    }

    fn all_dead(&self, target: &Target) -> Option<ProcessName> {
        let aimed = self.aimed(target);
        let known = aimed.iter().map(|name| self.cluster.processes.get(name));
        let mut known = known.flatten();
        known
            .all(|process| process.status.is_gone())
            .then(|| aimed.first().cloned())?
    }

    /// What an action needs of the cluster.
    fn needs(&self, action: &Action) -> Needs {
        let Action::Cluster(action) = action else {
            return Needs::Nothing;
        };
        match action {
            ClusterAction::Delete if self.view.focus == Pane::Group => Needs::Broker,
            ClusterAction::Delete
            | ClusterAction::CreateTopic(_)
            | ClusterAction::SetConfig(_)
            | ClusterAction::DeleteTopic(_)
            | ClusterAction::SpreadPartitions
            | ClusterAction::ElectLeaders => Needs::BrokerAndZooKeeper,
            ClusterAction::DeleteGroup(_) | ClusterAction::RewindGroup(_) => Needs::Broker,
            ClusterAction::AddBroker => Needs::ZooKeeper,
            ClusterAction::Produce(_)
            | ClusterAction::Compose
            | ClusterAction::StreamFaster
            | ClusterAction::AddConsumer(_)
            | ClusterAction::AddGroup
            | ClusterAction::Transaction(
                TransactionAction::BeginOrCommit
                | TransactionAction::Begin { .. }
                | TransactionAction::Produce(_),
            ) => Needs::BrokerAtLast,
            ClusterAction::Kill(_)
            | ClusterAction::Stop(_)
            | ClusterAction::Freeze(_)
            | ClusterAction::Thaw(_)
            | ClusterAction::Start(_)
            | ClusterAction::Restart(_)
            | ClusterAction::Heal
            | ClusterAction::Acks(_)
            | ClusterAction::JoinBy(_)
            | ClusterAction::Stream(_)
            | ClusterAction::StreamInto(..)
            | ClusterAction::StreamSlower
            | ClusterAction::Transaction(_)
            | ClusterAction::Reconnect
            | ClusterAction::Wait(_) => Needs::Nothing,
        }
    }
}

/// What an action does to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants<'a> {
    Nothing,
    /// To processes: to these, or to any.
    Processes(Option<&'a Target>),
    /// To records, topics or groups.
    Writes,
    /// The same by a process of our own.
    WritesByProcesses,
}

fn wants(action: &ClusterAction) -> Wants<'_> {
    match action {
        ClusterAction::Kill(target)
        | ClusterAction::Stop(target)
        | ClusterAction::Freeze(target)
        | ClusterAction::Thaw(target)
        | ClusterAction::Start(target)
        | ClusterAction::Restart(target) => Wants::Processes(Some(target)),
        ClusterAction::Heal | ClusterAction::AddBroker => Wants::Processes(None),
        ClusterAction::AddConsumer(_) | ClusterAction::AddGroup | ClusterAction::Transaction(_) => {
            Wants::WritesByProcesses
        }
        ClusterAction::Produce(_)
        | ClusterAction::Compose
        | ClusterAction::Stream(_)
        | ClusterAction::StreamInto(..)
        | ClusterAction::StreamFaster
        | ClusterAction::StreamSlower
        | ClusterAction::CreateTopic(_)
        | ClusterAction::SetConfig(_)
        | ClusterAction::DeleteTopic(_)
        | ClusterAction::DeleteGroup(_)
        | ClusterAction::Delete
        | ClusterAction::RewindGroup(_)
        | ClusterAction::SpreadPartitions
        | ClusterAction::ElectLeaders => Wants::Writes,
        ClusterAction::Acks(_)
        | ClusterAction::JoinBy(_)
        | ClusterAction::Reconnect
        | ClusterAction::Wait(_) => Wants::Nothing,
    }
}

/// What an action needs of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// One that answers.
    Broker,
    /// One that answers, now or later: it waits.
    BrokerAtLast,
    ZooKeeper,
    BrokerAndZooKeeper,
}

#[cfg(test)]
mod tests {
    use super::Obstacle;
    use crate::state::{
        Action, Appearance, Happening, Overlay, ProcessChange, ProcessName, Status,
    };
    use crate::ui::tests::session::{Session, broker};

    fn obstacle(session: &Session, action: &str) -> Option<Obstacle> {
        let action: Action = action.parse().expect("an action");
        session.state.obstacle(&action)
    }

    fn end(session: &mut Session, process: ProcessName) {
        let kill = format!("kill {process}").parse().expect("an action");
        session.happen(Happening::Do(kill));
        let exited = ProcessChange::Exited {
            code: None,
            signal: Some(9),
        };
        session.later(100).process(process, exited);
    }

    #[test]
    fn what_nobody_can_do_is_refused_at_once_with_the_way_out() {
        let mut session = Session::new((80, 24), Appearance::default());
        session.all_ready();
        end(&mut session, ProcessName::ZooKeeper);
        for (key, action) in [
            ('t', "topic create"),
            ('a', "broker add"),
            ('e', "leaders elect"),
        ] {
            let down = Obstacle::NoZooKeeper(Status::Killed);
            assert_eq!(obstacle(&session, action), Some(down));
            session.later(500).press(key);
            assert_eq!(session.state.view.overlay, Overlay::None, "{action}");
            let message = session.state.view.message.as_ref().expect("it says why");
            assert!(message.text.ends_with("0 r starts it"), "{}", message.text);
        }
        assert_eq!(
            obstacle(&session, "kill zookeeper").map(|it| it.words()),
            Some("is dead")
        );
        for id in [1, 2, 3] {
            session.process(broker(id), ProcessChange::Frozen);
        }
        assert_eq!(
            obstacle(&session, "leaders elect"),
            Some(Obstacle::NoBroker)
        );
        assert_eq!(obstacle(&session, "consumer add"), Some(Obstacle::Waits));
        session.later(500).press('D');
        let message = session.state.view.message.as_ref().expect("it says why");
        assert!(
            message.text.contains("H starts and thaws them"),
            "{}",
            message.text
        );
        assert!(session.state.view.ask.is_none());
    }
}
