//! The shell around the controller: stands for election, feeds it images of the cluster and
//! requests, writes what it decides.

use std::time::{Duration, Instant};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::sleep_until,
};
use tokio_util::sync::CancellationToken;

use super::{
    ClusterImage, Settings,
    controller::{Controller, ControllerSettings, Decisions, Election, Event, StateWrite},
    registry::{Controllership, Registry, RegistryError},
};
use wire::{BrokerId, ErrorCode, TopicPartition, report::Report};

/// Requests of clients and of other brokers that wait for the controller.
const COMMANDS_WAITING_MAX: usize = 64;

/// Pause before another try where a write failed and no change of the cluster tells when to go on.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Tells this broker's controller task what somebody wants of the controller.
#[derive(Debug, Clone)]
pub(crate) struct ControllerHandle {
    commands: mpsc::Sender<Command>,
}

#[derive(Debug)]
enum Command {
    BrokerStops {
        broker: BrokerId,
        broker_epoch: i64,
        /// Answered with the number of partitions that it still leads though others could.
        answer: oneshot::Sender<usize>,
    },
    ElectLeaders {
        election: Election,
        partitions: Option<Vec<TopicPartition>>,
        answer: oneshot::Sender<Vec<(TopicPartition, ErrorCode)>>,
    },
}

impl ControllerHandle {
    /// Starts the task. Every broker runs it; on all but one it waits for its turn.
    pub(crate) fn start(
        registry: Registry,
        settings: &Settings,
        tasks: &mut JoinSet<()>,
        cancel: CancellationToken,
    ) -> Self {
        let (commands, inbox) = mpsc::channel(COMMANDS_WAITING_MAX);
        let task = ControllerTask {
            registry,
            settings: controller_settings(settings),
            inbox,
            controllership: None,
            retry: false,
        };
        tasks.spawn(async move {
            cancel.run_until_cancelled(task.run()).await;
        });
        Self { commands }
    }

    /// Moves leadership away from a broker and takes it out of the ISRs. Returns how many
    /// partitions it still leads though others could: ask again until none is left.
    pub(crate) async fn broker_stops(
        &self,
        broker: BrokerId,
        broker_epoch: i64,
    ) -> Result<usize, RegistryError> {
        self.ask(|answer| Command::BrokerStops {
            broker,
            broker_epoch,
            answer,
        })
        .await
    }

    /// Elects leaders of these partitions, or of all.
    pub(crate) async fn elect_leaders(
        &self,
        election: Election,
        partitions: Option<Vec<TopicPartition>>,
    ) -> Result<Vec<(TopicPartition, ErrorCode)>, RegistryError> {
        self.ask(|answer| Command::ElectLeaders {
            election,
            partitions,
            answer,
        })
        .await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, RegistryError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.commands.send(command(answer)).await;
        sent.map_err(|_| RegistryError::Stopping("the controller"))?;
        // The answer is dropped where this broker is not the controller, or ceases to be.
        answered.await.map_err(|_| RegistryError::NotController)
    }
}

struct ControllerTask {
    registry: Registry,
    settings: ControllerSettings,
    inbox: mpsc::Receiver<Command>,
    /// The controllership and what decides in it, while this broker is the controller.
    controllership: Option<(Controllership, Controller)>,
    /// Something was not written: look again soon.
    retry: bool,
}

impl ControllerTask {
    async fn run(mut self) {
        let mut images = self.registry.watch();
        let mut links = self.registry.links();
        loop {
            links.borrow_and_update();
            let image = images.borrow_and_update().clone();
            self.retry = false;
            if let Err(error) = self.take_or_give_up_controllership().await {
                tracing::info!(%error, "cannot stand for election");
                self.retry = true;
            }
            if let Some((_, controller)) = &mut self.controllership {
                let decisions = controller.step(Event::Image(image), Instant::now());
                self.perform(decisions).await;
            }
            let wake_at = self.wake_at();
            tokio::select! {
                changed = images.changed() => if changed.is_err() { return },
                changed = links.changed() => if changed.is_err() { return },
                Some(command) = self.inbox.recv() => self.execute(command).await,
                () = sleep_until(wake_at.into()) => self.tick().await,
            }
        }
    }

    fn wake_at(&self) -> Instant {
        /// Without anything to wait for, the clock is looked at now and then all the same.
        const NEVER: Duration = Duration::from_secs(3_600);
        let now = Instant::now();
        if self.retry {
            return now + RETRY_PAUSE;
        }
        self.controllership
            .as_ref()
            .map_or(now + NEVER, |(_, controller)| controller.wake_at())
    }

    /// Becomes the controller where there is none; resigns where another one is.
    async fn take_or_give_up_controllership(&mut self) -> Result<(), RegistryError> {
        let Ok(mut controllership) = self.registry.controllership() else {
            // Not connected: the session lives on until ZooKeeper says otherwise.
            return Ok(());
        };
        let vacant = self.registry.image().controller.is_none();
        if controllership.is_none() && vacant && self.registry.broker_epoch() >= 0 {
            controllership = self.registry.campaign().await?;
        }
        match (&self.controllership, controllership) {
            (Some((held, _)), Some(now)) if *held == now => {}
            (_, None) => self.controllership = None,
            (_, Some(now)) => {
                tracing::info!(epoch = now.epoch, "this broker is the controller");
                let controller = Controller::new(self.settings, Instant::now());
                self.controllership = Some((now, controller));
            }
        }
        Ok(())
    }

    /// Requests to a broker that is not the controller are dropped: who asked is told by that.
    async fn execute(&mut self, command: Command) {
        let Some((_, controller)) = &mut self.controllership else {
            return;
        };
        let now = Instant::now();
        match command {
            Command::BrokerStops {
                broker,
                broker_epoch,
                answer,
            } => {
                let event = Event::BrokerStops {
                    broker,
                    broker_epoch,
                };
                let decisions = controller.step(event, now);
                self.perform(decisions).await;
                if let Some((_, controller)) = &mut self.controllership {
                    let image = self.registry.image();
                    let decisions = controller.step(Event::Image(image), now);
                    let left = controller.still_leads(broker);
                    self.perform(decisions).await;
                    // Nobody to tell: the broker gave up waiting.
                    let _ = answer.send(left);
                }
            }
            Command::ElectLeaders {
                election,
                partitions,
                answer,
            } => {
                let event = Event::ElectLeaders {
                    election,
                    partitions,
                };
                let mut decisions = controller.step(event, now);
                let mut elected = std::mem::take(&mut decisions.elected);
                let wanted = decisions.states.clone();
                let written = self.perform(decisions).await;
                for write in wanted {
                    if !written.iter().any(|done| done.at == write.at) {
                        elected
                            .iter_mut()
                            .filter(|(at, _)| *at == write.at)
                            .for_each(|(_, code)| *code = ErrorCode::RequestTimedOut);
                    }
                }
                // Nobody to tell: the client is gone.
                let _ = answer.send(elected);
            }
        }
    }

    async fn tick(&mut self) {
        if let Some((_, controller)) = &mut self.controllership {
            let decisions = controller.step(Event::Tick, Instant::now());
            self.perform(decisions).await;
        }
    }

    /// Writes what was decided and reports it. What could not be written is decided anew.
    async fn perform(&mut self, decisions: Decisions) -> Vec<StateWrite> {
        let Some((controllership, _)) = &self.controllership else {
            return Vec::new();
        };
        match self.write(*controllership, decisions).await {
            Ok(written) => written,
            Err(RegistryError::NotController) => {
                tracing::info!("another broker became the controller");
                self.controllership = None;
                self.retry = true;
                Vec::new()
            }
            Err(error) => {
                tracing::info!(%error, "a decision of the controller is not written yet");
                self.retry = true;
                Vec::new()
            }
        }
    }

    async fn write(
        &self,
        controllership: Controllership,
        decisions: Decisions,
    ) -> Result<Vec<StateWrite>, RegistryError> {
        let mut written = Vec::new();
        if !decisions.states.is_empty() {
            written = self
                .registry
                .write_states(controllership, decisions.states)
                .await?;
            self.report(&written);
        }
        for (at, replicas) in decisions.reassigned {
            let image = self.registry.image();
            self.registry
                .finish_reassignment(controllership, &at, replicas.clone())
                .await?;
            self.report_finished(&image, at, replicas);
        }
        for name in decisions.remove {
            self.registry.remove_topic(controllership, &name).await?;
        }
        Ok(written)
    }

    fn report_finished(&self, image: &ClusterImage, at: TopicPartition, replicas: Vec<BrokerId>) {
        let topic = image.topics.get(&at.topic);
        let Some(before) = topic.and_then(|topic| topic.partitions.get(&at.partition)) else {
            return;
        };
        let old = before.replicas.iter();
        let old = old.filter(|id| !before.adding.contains(id)).copied();
        self.registry
            .reporter()
            .report(Report::ReassignmentFinished {
                topic: at.topic,
                partition: at.partition,
                replicas_before: old.collect(),
                replicas,
            });
    }

    fn report(&self, written: &[StateWrite]) {
        const NOBODY: BrokerId = BrokerId(-1);
        let image = self.registry.image();
        let mut new_topics: Vec<&str> = Vec::new();
        for write in written {
            if !write.before.has_state() {
                if !new_topics.contains(&write.at.topic.as_str()) {
                    new_topics.push(&write.at.topic);
                }
                continue;
            }
            let before = &write.before;
            self.registry.reporter().report(Report::PartitionChanged {
                topic: write.at.topic.clone(),
                partition: write.at.partition,
                leader_before: before.leader.unwrap_or(NOBODY),
                leader: write.leader.unwrap_or(NOBODY),
                epoch_before: before.leader_epoch,
                epoch: write.leader_epoch,
                isr_before: before.isr.clone(),
                isr: write.isr.clone(),
                why: write.why.clone(),
            });
        }
        for name in new_topics {
            if let Some(topic) = image.topics.get(name) {
                let replicas = topic
                    .partitions
                    .values()
                    .map(|partition| partition.replicas.clone());
                self.registry.reporter().report(Report::TopicCreated {
                    topic: name.to_owned(),
                    partitions: replicas.collect(),
                });
            }
        }
    }
}

fn controller_settings(settings: &Settings) -> ControllerSettings {
    let seconds = u64::try_from(settings.leader_imbalance_check_interval_seconds).unwrap_or(0);
    ControllerSettings {
        unclean_leader_election: settings.unclean_leader_election_enable,
        rebalance_interval: (settings.auto_leader_rebalance_enable && seconds > 0)
            .then(|| Duration::from_secs(seconds)),
        imbalance_percentage: settings.leader_imbalance_per_broker_percentage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_asks_a_broker_that_is_not_the_controller_or_is_stopping_is_told_so() {
        let (commands, mut inbox) = mpsc::channel(1);
        let handle = ControllerHandle { commands };
        let asked = async |inbox: &mut mpsc::Receiver<Command>| match inbox.recv().await {
            Some(Command::BrokerStops {
                broker: BrokerId(2),
                broker_epoch: 7,
                answer,
            }) => answer,
            other => panic!("{other:?}"),
        };
        let answering = async {
            let answer = asked(&mut inbox).await;
            answer.send(3).expect("it is waited for");
            drop(asked(&mut inbox).await);
            drop(inbox);
        };
        let asking = async {
            let left = handle.broker_stops(BrokerId(2), 7).await;
            assert_eq!(left.expect("answered"), 3);
            let dropped = handle.broker_stops(BrokerId(2), 7).await;
            assert!(matches!(dropped, Err(RegistryError::NotController)));
        };
        tokio::join!(asking, answering);
        let stopping = handle.elect_leaders(Election::Preferred, None).await;
        assert!(matches!(stopping, Err(RegistryError::Stopping(_))));
    }

    #[test]
    fn leadership_goes_back_by_itself_as_often_as_the_settings_say_or_never() {
        let interval = |given: &[(&str, &str)]| {
            let mut settings = Settings::default();
            for (name, value) in given {
                settings.set(name, value).expect("valid");
            }
            controller_settings(&settings).rebalance_interval
        };
        assert_eq!(interval(&[]), Some(Duration::from_secs(300)));
        let seconds = ("leader.imbalance.check.interval.seconds", "7");
        assert_eq!(interval(&[seconds]), Some(Duration::from_secs(7)));
        let never = ("auto.leader.rebalance.enable", "false");
        assert_eq!(interval(&[seconds, never]), None);
    }
}
