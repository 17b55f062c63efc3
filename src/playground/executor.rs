//! Carries requests out: signals at once, everything that needs the network in the background.

mod asks;

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Result, bail};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::admin_requests::{delete_group, elect_leaders, set_config};
use super::feeder::Feeder;
use super::observer::{Acknowledged, Observer};
use super::state::{Observation, ProcessChange, ProcessName, Request, TransactionOrder};
use super::supervisor::Supervisor;
use super::transacting::Transacting;
use client::security::Security;
use wire::report::Report;

/// Whose brokers there are.
enum Source {
    /// Ours.
    Own(Box<Supervisor>),
    /// Somebody else's, at these addresses, and how connections there are secured.
    Attached(String, Security),
}

/// The hands of the playground.
pub(super) struct Executor {
    source: Source,
    observer: Observer,
    feeder: Option<Feeder>,
    transacting: Transacting,
    acknowledged: Arc<Acknowledged>,
    /// Topics that the start brings: they may be there from yesterday.
    expected_topics: BTreeSet<String>,
    /// How many brokers run, registered or not; of others' how many Metadata names.
    running: watch::Sender<usize>,
    under_way: JoinSet<()>,
    observations: mpsc::Sender<Observation>,
}

impl Executor {
    pub(super) fn new(
        supervisor: Supervisor,
        expected_topics: impl IntoIterator<Item = String>,
        observations: mpsc::Sender<Observation>,
    ) -> Self {
        let mut observer = Observer::new(supervisor.zookeeper().to_string(), observations.clone());
        for (process, address) in supervisor.processes() {
            if let (ProcessName::Broker(broker), Some(address)) = (process, address) {
                observer.add_broker(*broker, &address.to_string());
            }
        }
        Self {
            expected_topics: expected_topics.into_iter().collect(),
            ..Self::with(Source::Own(Box::new(supervisor)), observer, observations)
        }
    }

    /// Hands for a cluster that somebody else runs: there are no processes of ours.
    pub(super) fn attached(
        bootstrap: &str,
        security: Security,
        observations: mpsc::Sender<Observation>,
    ) -> Self {
        let observer =
            Observer::attached(bootstrap.to_owned(), security.clone(), observations.clone());
        Self::with(
            Source::Attached(bootstrap.to_owned(), security),
            observer,
            observations,
        )
    }

    fn with(source: Source, observer: Observer, observations: mpsc::Sender<Observation>) -> Self {
        Self {
            acknowledged: observer.acknowledged(),
            source,
            observer,
            feeder: None,
            transacting: Transacting::default(),
            expected_topics: BTreeSet::new(),
            running: watch::Sender::new(0),
            under_way: JoinSet::new(),
            observations,
        }
    }

    /// Starts doing it. What is known at once comes back, the rest comes as observations.
    pub(super) fn carry_out(&mut self, request: Request) -> Vec<Observation> {
        let told = match request {
            Request::Start(process) => self
                .start(&process)
                .or_else(|error| Ok(never_began(process, &error))),
            Request::Kill(_)
            | Request::Stop(_)
            | Request::Freeze(_)
            | Request::Thaw(_)
            | Request::Restart(_)
            | Request::AddConsumer(_)
            | Request::AddProducer(_) => self.signal(request),
            Request::Transact { producer, order } => self.transact(&producer, order),
            Request::Produce(_)
            | Request::Acks(_)
            | Request::Stream { .. }
            | Request::StreamBeside { .. } => self.feed(request),
            Request::Watch(_)
            | Request::ReadRecords { .. }
            | Request::WatchZnodes(_)
            | Request::WatchTransactions(_)
            | Request::Listen(_) => {
                self.look(request);
                Ok(Vec::new())
            }
            Request::Reconnect => Ok(self.reconnect()),
            Request::CommitOffset {
                group,
                partition,
                offset,
            } => {
                self.commit_offset(group, partition, offset);
                Ok(Vec::new())
            }
            Request::ReadLog(process) => {
                let own = self.supervisor();
                let lines = own.and_then(|own| own.log_lines(&process));
                Ok(lines.into_iter().collect())
            }
            Request::CreateTopic(topic) => {
                self.create_topic(topic);
                Ok(Vec::new())
            }
            Request::SetConfig(config) => {
                self.ask(move |admin| set_config(admin, config));
                Ok(Vec::new())
            }
            Request::DeleteTopic(name) => {
                self.delete_topic(name);
                Ok(Vec::new())
            }
            Request::DeleteGroup(group) => {
                self.ask(move |admin| delete_group(admin, group));
                Ok(Vec::new())
            }
            Request::Prove => {
                self.prove();
                Ok(Vec::new())
            }
            Request::Reassign(partitions) => {
                self.ask(move |mut admin| async move {
                    admin.reassign(&partitions).await?;
                    Ok(None)
                });
                Ok(Vec::new())
            }
            Request::ElectLeaders => {
                self.ask(elect_leaders);
                Ok(Vec::new())
            }
            // These concern the terminal; the loop keeps them to itself.
            Request::Copy(_)
            | Request::Quit
            | Request::Suspend
            | Request::Redraw
            | Request::Record(_)
            | Request::Mark(_)
            | Request::Shot(_)
            | Request::Save(_)
            | Request::Mouse(_)
            // The loop writes them.
            | Request::KeepProgress(_)
            | Request::KeepLesson { .. }
            // These are answered by whoever listens to other shells.
            | Request::Answer { .. }
            | Request::TellStatus { .. } => Ok(Vec::new()),
        };
        self.count_brokers();
        told.unwrap_or_else(|error| {
            vec![Observation::Failed {
                why: format!("{error:#}"),
            }]
        })
    }

    /// Does something to a process of ours that there is, or gives one a place.
    fn signal(&mut self, request: Request) -> Result<Vec<Observation>> {
        let own = self.processes()?;
        match request {
            Request::Kill(process) => own.kill(&process).map(|()| Vec::new()),
            Request::Stop(process) => own.stop(&process),
            Request::Freeze(process) => own.freeze(&process),
            Request::Thaw(process) => own.thaw(&process),
            Request::Restart(process) => own.restart(&process),
            Request::AddConsumer(consumer) => own.add_consumer(&consumer),
            Request::AddProducer(producer) => own.add_producer(&producer),
            _ => Ok(Vec::new()),
        }
    }

    /// Tries again what was refused.
    fn reconnect(&self) -> Vec<Observation> {
        if self.observer.reconnect() {
            return Vec::new();
        }
        let words = "nothing was refused: what is lost is tried again by itself";
        vec![Observation::Notice(words.to_owned())]
    }

    /// Looks at something once, or from now on.
    fn look(&self, request: Request) {
        let observer = &self.observer;
        match request {
            Request::Watch(partitions) => observer.watch(partitions),
            Request::ReadRecords {
                partition,
                from,
                upto,
            } => observer.read(partition, from, upto),
            Request::WatchZnodes(topic) => observer.watch_znodes(topic),
            Request::WatchTransactions(watching) => observer.watch_transactions(watching),
            Request::Listen(listening) => observer.listen(listening),
            _ => {}
        }
    }

    /// Sends records, or says how they are sent from now on.
    fn feed(&mut self, request: Request) -> Result<Vec<Observation>> {
        let feeder = self.feeder()?;
        match request {
            Request::Produce(records) => feeder.produce(&records),
            Request::Acks(acks) => feeder.wait_for(acks),
            Request::Stream { topic, rate } => feeder.stream(topic, rate),
            Request::StreamBeside { topic, rate } => feeder.stream_beside(topic, rate),
            _ => {}
        }
        Ok(Vec::new())
    }

    /// Tells a producer what to do in its transaction.
    fn transact(
        &mut self,
        producer: &ProcessName,
        order: TransactionOrder,
    ) -> Result<Vec<Observation>> {
        self.processes()?.takes_orders(producer)?;
        self.feeder()?;
        if let Some(feeder) = &self.feeder {
            let order = self.transacting.order(producer, order, feeder.tally());
            self.processes()?.order(producer, &order)?;
        }
        Ok(Vec::new())
    }

    /// Takes note of what an observation means for the processes, and looks where something moves.
    /// What follows at once comes back.
    pub(super) fn saw(&mut self, observation: &Observation) -> Vec<Observation> {
        match observation {
            Observation::Process { process, change } => {
                self.observer.nudge();
                match change {
                    ProcessChange::Exited { .. } => {
                        if let Some(feeder) = &self.feeder {
                            self.transacting.ended(process, feeder.tally());
                        }
                        let told = self.processes().and_then(|own| own.exited(process));
                        let told = told.unwrap_or_else(|error| {
                            vec![Observation::Failed {
                                why: format!("{error:#}"),
                            }]
                        });
                        self.count_brokers();
                        told
                    }
                    ProcessChange::Ready { .. } => self.warm_up(),
                    ProcessChange::Listed { address, .. } => {
                        if let ProcessName::Broker(broker) = process {
                            self.observer.add_broker(*broker, address);
                        }
                        self.count_brokers();
                        Vec::new()
                    }
                    ProcessChange::Unlisted => {
                        if let ProcessName::Broker(broker) = process {
                            self.observer.remove_broker(*broker);
                        }
                        self.count_brokers();
                        Vec::new()
                    }
                    _ => Vec::new(),
                }
            }
            Observation::Report { process, line } => {
                if let (ProcessName::Producer(_), Some(feeder)) = (process, &self.feeder) {
                    let counted = (feeder.tally(), &self.acknowledged);
                    self.transacting.hear(process, &line.report, counted);
                }
                if !matches!(line.report, Report::Record { .. }) {
                    self.observer.nudge();
                }
                if let Report::PartitionChanged { topic, .. } = &line.report
                    && let Some(feeder) = &self.feeder
                {
                    feeder.leaders_moved(topic);
                }
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// The owner of our processes; of a cluster that somebody else runs there are none.
    pub(super) fn supervisor(&self) -> Option<&Supervisor> {
        match &self.source {
            Source::Own(supervisor) => Some(supervisor),
            Source::Attached(..) => None,
        }
    }

    /// Where clients begin.
    pub(super) fn bootstrap(&self) -> String {
        match &self.source {
            Source::Own(supervisor) => supervisor.bootstrap(),
            Source::Attached(bootstrap, _) => bootstrap.clone(),
        }
    }

    /// The same for who does something to them.
    fn processes(&mut self) -> Result<&mut Supervisor> {
        match &mut self.source {
            Source::Own(supervisor) => Ok(supervisor),
            Source::Attached(..) => bail!("the processes of this cluster are not ours"),
        }
    }

    fn count_brokers(&self) {
        self.running.send_replace(match &self.source {
            Source::Own(supervisor) => supervisor.running_brokers(),
            Source::Attached(..) => self.observer.brokers(),
        });
    }

    /// Ends everything, the processes last.
    pub(super) async fn end(mut self, observations: &mut mpsc::Receiver<Observation>) {
        // The client library takes its time to let go; the processes end meanwhile.
        let feeder = self.feeder.take();
        let closing = tokio::task::spawn_blocking(move || drop(feeder));
        self.under_way.shutdown().await;
        drop(self.observer);
        if let Source::Own(mut supervisor) = self.source {
            supervisor.stop_all(observations).await;
        }
        let _ = closing.await;
    }

    fn start(&mut self, process: &ProcessName) -> Result<Vec<Observation>> {
        let own = self.processes()?;
        let known = own.processes().any(|(known, _)| known == process);
        let (mut told, notices) = own.start(process)?;
        if let (ProcessName::Broker(broker), false) = (process, known) {
            let mut processes = own.processes();
            let place = processes.find(|(known, _)| *known == process);
            let address = place.and_then(|(_, address)| address);
            drop(processes);
            if let Some(address) = address {
                self.observer.add_broker(*broker, &address.to_string());
            }
        }
        told.extend(notices.into_iter().map(Observation::Notice));
        Ok(told)
    }

    /// Connects the producers as soon as somebody answers, so that the first record need not wait.
    fn warm_up(&mut self) -> Vec<Observation> {
        match self.feeder() {
            Ok(_) => Vec::new(),
            Err(error) => vec![Observation::Failed {
                why: format!("{error:#}"),
            }],
        }
    }

    fn feeder(&mut self) -> Result<&mut Feeder> {
        if let Source::Attached(_, security) = &self.source
            && let Some(secured) = security.words()
        {
            bail!(
                "records cannot be sent over {secured} from here: \
                 kafka-console-producer.sh --command-config FILE sends them"
            );
        }
        let feeder = match self.feeder.take() {
            Some(feeder) => feeder,
            None => Feeder::new(
                &self.bootstrap(),
                self.observer.partitions(),
                Arc::clone(&self.acknowledged),
                self.observations.clone(),
            )?,
        };
        Ok(self.feeder.insert(feeder))
    }
}

/// A process that could not even be spawned is as dead as one that ended at once: nobody waits for it.
fn never_began(process: ProcessName, error: &anyhow::Error) -> Vec<Observation> {
    let why = format!("{error:#}");
    let ended = ProcessChange::Exited {
        code: None,
        signal: None,
    };
    let change = Observation::Process {
        process,
        change: ended,
    };
    vec![change, Observation::Failed { why }]
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::Executor;
    use super::asks::UNDER_WAY_MAX;
    use crate::state::{
        GroupProtocol, NewConsumer, Observation, ProcessChange, ProcessName, Request,
    };
    use crate::supervisor::{ClusterFolder, Engine, FolderOptions, Plan, Supervisor};
    use wire::{BrokerId, Offset, TopicPartition};

    /// Hands for a cluster that has no broker, and what they tell.
    fn of_nobody(folder: &tempfile::TempDir) -> (Executor, mpsc::Receiver<Observation>) {
        let (observations, told) = mpsc::channel(256);
        let folder = ClusterFolder::open(&FolderOptions {
            name: "demo".to_owned(),
            data_dir: Some(folder.path().join("demo")),
            ..FolderOptions::default()
        });
        let plan = Plan {
            brokers: Vec::new(),
            base_port: 0,
            zookeeper_port: 0,
            engine: Engine::Kafkarium,
        };
        let folder = folder.expect("a new folder");
        let supervisor = Supervisor::new(folder, plan, observations.clone());
        let (supervisor, _) = supervisor.expect("a port");
        (Executor::new(supervisor, [], observations), told)
    }

    /// The next thing told that this takes.
    async fn next<T>(
        told: &mut mpsc::Receiver<Observation>,
        mut takes: impl FnMut(Observation) -> Option<T>,
    ) -> T {
        loop {
            let observation = told.recv().await.expect("the hands are there");
            if let Some(taken) = takes(observation) {
                return taken;
            }
        }
    }

    fn failure(observation: Observation) -> Option<String> {
        match observation {
            Observation::Failed { why } => Some(why),
            _ => None,
        }
    }

    #[tokio::test]
    async fn what_cannot_be_done_is_told_with_the_way_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut executor, mut told) = of_nobody(&folder);
        let broker = ProcessName::Broker(BrokerId(1));
        for request in [
            Request::Kill(broker.clone()),
            Request::Stop(broker.clone()),
            Request::Freeze(broker.clone()),
            Request::Thaw(broker.clone()),
            Request::Restart(broker),
        ] {
            let now = executor.carry_out(request).into_iter();
            let why: Vec<String> = now.filter_map(failure).collect();
            assert_eq!(why, ["broker 1 does not run: {start broker 1} starts it"]);
        }
        let consumer = NewConsumer {
            name: "c7".to_owned(),
            group: "billing".to_owned(),
            topic: "orders".to_owned(),
            protocol: GroupProtocol::Classic,
        };
        let began = executor.carry_out(Request::Start(consumer.process()));
        let exited = |told: &Observation| {
            let Observation::Process { process, change } = told else {
                return false;
            };
            *process == consumer.process() && matches!(change, ProcessChange::Exited { .. })
        };
        assert!(began.iter().any(exited), "nobody waits for it: {began:?}");
        assert!(executor.carry_out(Request::ElectLeaders).is_empty());
        let why = next(&mut told, failure).await;
        assert!(why.contains("there is no address"), "{why}");
        executor.end(&mut told).await;
    }

    #[tokio::test]
    async fn who_waits_for_an_answer_is_told_that_there_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut executor, mut told) = of_nobody(&folder);
        let told_at_once = executor.carry_out(Request::CommitOffset {
            group: "billing".to_owned(),
            partition: TopicPartition::new("orders", 0),
            offset: Offset(7),
        });
        assert!(told_at_once.is_empty());
        let (group, error) = next(&mut told, |observation| match observation {
            Observation::OffsetCommitted { group, error } => Some((group, error)),
            _ => None,
        })
        .await;
        assert_eq!(group, "billing");
        assert!(error.is_some(), "nobody coordinates it");
        executor.end(&mut told).await;
    }

    #[tokio::test]
    async fn more_requests_than_can_wait_are_refused_and_later_ones_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut executor, mut told) = of_nobody(&folder);
        // On one thread none of them goes on before the test waits.
        for _ in 0..=UNDER_WAY_MAX {
            executor.carry_out(Request::ElectLeaders);
        }
        let full = format!("{UNDER_WAY_MAX} requests wait for the cluster already");
        assert_eq!(next(&mut told, failure).await, full);
        for _ in 0..UNDER_WAY_MAX {
            assert_ne!(next(&mut told, failure).await, full);
        }
        executor.carry_out(Request::ElectLeaders);
        assert_ne!(next(&mut told, failure).await, full);
        executor.end(&mut told).await;
    }
}
