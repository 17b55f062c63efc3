//! A cluster of our own in a temporary folder, and the questions a test asks it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::sync::mpsc;

use client::admin::Admin;
use client::topics::{NewTopic, Partition};
use playground::state::{Observation, ProcessChange, ProcessName};
use playground::{ClusterFolder, Engine, FolderOptions, Plan, Supervisor};
use wire::BrokerId;

/// Reports that may wait while the test is busy; the supervisor's readers wait beyond that.
const OBSERVATIONS_WAITING_MAX: usize = 1_024;

/// How long a cluster may take to answer at all.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// How often a condition is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The lowest port that is tried. Each process has twelve of its own from here on, by its id, all below
/// those that systems give to outgoing connections: the port of a broker that is dead just now must not
/// be taken by another run meanwhile.
const PORTS_FROM: u16 = 20_000;
const PORTS_EACH: u16 = 12;

/// ZooKeeper and brokers as child processes, which end with this.
pub(super) struct Testbed {
    supervisor: Supervisor,
    observations: mpsc::Receiver<Observation>,
    brokers: Vec<BrokerId>,
    /// Those that were created here.
    topics: Vec<String>,
    /// One connection for each broker, so that all of them can be asked the same.
    admins: Vec<Admin>,
    /// Processes whose end was asked for and not seen yet.
    condemned: BTreeSet<ProcessName>,
    /// Processes that ended and nobody had asked for it.
    crashes: Vec<String>,
    last_lines: BTreeMap<ProcessName, Vec<String>>,
}

impl Testbed {
    /// Starts everything and waits until the brokers know each other. Must be called on a thread that lives as long
    /// as the children may.
    pub(super) async fn start(brokers: i32, data_dir: Option<PathBuf>) -> Result<Self> {
        let folder = ClusterFolder::open(&FolderOptions {
            name: "verify".to_owned(),
            ephemeral: data_dir.is_none(),
            fresh: true,
            data_dir,
        })?;
        let brokers: Vec<BrokerId> = (1..=brokers).map(BrokerId).collect();
        let slot = u16::try_from(std::process::id() % 1_000)?;
        let zookeeper_port = PORTS_FROM + slot * PORTS_EACH;
        let plan = Plan {
            brokers: brokers.clone(),
            base_port: zookeeper_port + 1,
            zookeeper_port,
            engine: Engine::Kafkarium,
        };
        let (told, observations) = mpsc::channel(OBSERVATIONS_WAITING_MAX);
        let (supervisor, _) = Supervisor::new(folder, plan, told)?;
        let mut testbed = Self {
            supervisor,
            observations,
            brokers,
            topics: Vec::new(),
            admins: Vec::new(),
            condemned: BTreeSet::new(),
            crashes: Vec::new(),
            last_lines: BTreeMap::new(),
        };
        let processes: Vec<ProcessName> = testbed
            .supervisor
            .processes()
            .map(|(process, _)| process.clone())
            .collect();
        for process in &processes {
            testbed.supervisor.start(process)?;
        }
        for (process, address) in testbed.supervisor.processes() {
            if let (ProcessName::Broker(_), Some(address)) = (process, address) {
                testbed
                    .admins
                    .push(Admin::new(&address.to_string(), "verify"));
            }
        }
        testbed.wait_for_brokers().await?;
        Ok(testbed)
    }

    pub(super) fn bootstrap(&self) -> String {
        self.supervisor.bootstrap()
    }

    pub(super) fn brokers(&self) -> &[BrokerId] {
        &self.brokers
    }

    fn admin(&mut self) -> Result<&mut Admin> {
        self.admins.first_mut().context("there is no broker")
    }

    /// What ended without being asked to, as sentences.
    pub(super) fn crashes(&self) -> &[String] {
        &self.crashes
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self, process: &ProcessName) -> Result<()> {
        self.condemned.insert(process.clone());
        self.supervisor.kill(process)
    }

    /// SIGTERM, and a start when it is gone.
    pub(super) fn restart(&mut self, process: &ProcessName) -> Result<()> {
        self.condemned.insert(process.clone());
        self.supervisor.restart(process).map(drop)
    }

    /// Starts what was killed; where its end was not seen yet, as soon as it is.
    pub(super) fn revive(&mut self, process: &ProcessName) -> Result<()> {
        self.supervisor.start(process).map(drop)
    }

    /// SIGSTOP.
    pub(super) fn freeze(&mut self, process: &ProcessName) -> Result<()> {
        self.supervisor.freeze(process).map(drop)
    }

    /// SIGCONT.
    pub(super) fn thaw(&mut self, process: &ProcessName) -> Result<()> {
        self.supervisor.thaw(process).map(drop)
    }

    /// Lets time pass and takes note of what ends meanwhile.
    pub(super) async fn pass(&mut self, time: Duration) -> Result<()> {
        let deadline = tokio::time::Instant::now() + time;
        while let Ok(observation) =
            tokio::time::timeout_at(deadline, self.observations.recv()).await
        {
            match observation.context("the supervisor is gone")? {
                Observation::LogLines { process, lines, .. } => {
                    self.last_lines.insert(process, lines);
                }
                Observation::Process {
                    process,
                    change: ProcessChange::Exited { code, signal },
                } => {
                    let expected = self.condemned.remove(&process);
                    self.supervisor.exited(&process)?;
                    if !expected {
                        let lines = self.last_lines.remove(&process).unwrap_or_default();
                        let lines = lines.join(" | ");
                        self.crashes.push(format!(
                            "{process} ended by itself (code {code:?}, signal {signal:?}): {lines}"
                        ));
                        self.supervisor.start(&process)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Waits until every broker says that every replica is in sync; what is missing if that does not
    /// come in time.
    pub(super) async fn wait_whole(&mut self, patience: Duration) -> Result<Option<String>> {
        let deadline = Instant::now() + patience;
        loop {
            let Some(missing) = self.missing().await else {
                return Ok(None);
            };
            if Instant::now() > deadline {
                return Ok(Some(missing));
            }
            self.pass(LOOK_AGAIN).await?;
        }
    }

    /// What the first broker that answers says of the topics.
    pub(super) async fn partitions(&mut self) -> Result<Vec<Partition>> {
        for admin in &mut self.admins {
            if let Some(partitions) = told(admin, &self.topics).await {
                return Ok(partitions);
            }
        }
        bail!("no broker answers")
    }

    /// Changes of leader since the topics were created: a leader epoch counts them.
    pub(super) async fn elections(&mut self) -> Result<u64> {
        let partitions = self.partitions().await?;
        Ok(partitions
            .iter()
            .map(|partition| u64::try_from(partition.epoch.0).unwrap_or(0))
            .sum())
    }

    /// Ends every process.
    pub(super) async fn stop(mut self) {
        self.supervisor.stop_all(&mut self.observations).await;
    }

    /// What keeps the cluster from being whole, if anything does.
    async fn missing(&mut self) -> Option<String> {
        let mut first: Option<Vec<Partition>> = None;
        for (broker, admin) in self.brokers.iter().zip(&mut self.admins) {
            let Some(partitions) = told(admin, &self.topics).await else {
                return Some(format!("broker {broker} does not answer"));
            };
            let is_full = |partition: &&Partition| {
                partition.leader.is_some() && partition.isr.len() == partition.replicas.len()
            };
            if let Some(lacking) = partitions.iter().find(|partition| !is_full(partition)) {
                return Some(format!("broker {broker} says {lacking:?}"));
            }
            // Right after a fault a broker may not know of it yet; all must say the same.
            let differs =
                |(a, b): &(&Partition, &Partition)| (a.leader, a.epoch) != (b.leader, b.epoch);
            let other = first.iter().flatten().zip(&partitions).find(differs);
            if let Some((a, b)) = other {
                return Some(format!("broker {broker} says {b:?}, another one {a:?}"));
            }
            first.get_or_insert(partitions);
        }
        None
    }

    /// Creates a topic and waits until its replicas are in sync.
    pub(super) async fn create_topic(&mut self, name: &str, partitions: i32) -> Result<()> {
        let replication = self.brokers.len().min(3);
        let topic = NewTopic {
            name: name.to_owned(),
            partitions,
            replication_factor: i16::try_from(replication)?,
            configs: vec![(
                "min.insync.replicas".to_owned(),
                replication.saturating_sub(1).max(1).to_string(),
            )],
            assignments: Vec::new(),
        };
        self.admin()?.create_topic(&topic).await?;
        self.topics.push(name.to_owned());
        match self.wait_whole(START_PATIENCE).await? {
            None => Ok(()),
            Some(missing) => bail!("the new topic's replicas do not get in sync: {missing}"),
        }
    }

    /// Until all brokers are known replicas cannot be placed.
    async fn wait_for_brokers(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            let cluster = self.admin()?.metadata(Some(&[])).await.unwrap_or_default();
            if cluster.brokers.len() == self.brokers.len() && cluster.controller.is_some() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the cluster does not answer");
            self.pass(LOOK_AGAIN).await?;
        }
    }
}

/// The topics' partitions as one broker tells them; `None` where it does not answer with all of them.
async fn told(admin: &mut Admin, topics: &[String]) -> Option<Vec<Partition>> {
    let cluster = admin.metadata(Some(topics)).await.ok()?;
    let mut partitions = Vec::new();
    for topic in cluster.topics {
        if topic.error.is_some() || topic.partitions.is_empty() {
            return None;
        }
        partitions.extend(topic.partitions);
    }
    (!partitions.is_empty()).then_some(partitions)
}
