//! The child processes: `ZooKeeper`, brokers and consumers, their ports, folders and signals.
//!
//! They are this same program, started again. Each dies with the playground, however that ends.

mod broker_settings;
mod child;
mod clients;
mod ending;
mod engine;
mod folder;
mod output;
mod ports;
mod run_file;
mod servers;
mod signals;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::broker_settings::offsets_replication_factor;
use self::child::{Input, Running};
use self::engine::{Launch, Reports};
use self::output::ServerLog;
use self::ports::{Ports, again, loopback};
use self::servers::{take_port, wanted_port};
use super::state::{Observation, ProcessChange, ProcessName};
use wire::BrokerId;

pub use self::broker_settings::OFFSETS_PARTITIONS;
pub use self::engine::{Engine, EngineName, Jars, fetch, fetch_into, fetched};
pub use self::folder::{ClusterFolder, FolderOptions, shown};
pub use self::run_file::{RunFile, WrittenRunFile, clean, control_socket, find};

/// The cluster's name where none is given.
pub const DEFAULT_NAME: &str = "demo";

/// Lines of a log that are shown on request.
const LOG_LINES: usize = 200;

/// Orders that may wait for a producer that is busy or frozen; more are refused.
const ORDERS_MAX: usize = 1024;

/// Where the cluster listens and how it is set up.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The brokers to begin with.
    pub brokers: Vec<BrokerId>,
    /// Broker 1's port; the others follow.
    pub base_port: u16,
    /// `ZooKeeper`'s port.
    pub zookeeper_port: u16,
    /// The program that the brokers are.
    pub engine: Engine,
}

/// One process's place: what outlives its deaths.
#[derive(Debug)]
struct Slot {
    launch: Launch,
    address: Option<SocketAddr>,
    /// A server's socket until its first start; it has its own then.
    listener: Option<TcpListener>,
    group: Option<String>,
    log: ServerLog,
    /// Whether it does what it is told, and where that goes while it runs.
    takes_orders: bool,
    orders: Option<mpsc::Sender<Vec<u8>>>,
    running: Option<Running>,
    frozen: bool,
    start_when_gone: bool,
}

/// Owns every child process.
#[derive(Debug)]
pub struct Supervisor {
    folder: ClusterFolder,
    plan: Plan,
    ports: Ports,
    zookeeper: SocketAddr,
    slots: BTreeMap<ProcessName, Slot>,
    watchers: JoinSet<()>,
    observations: mpsc::Sender<Observation>,
}

impl Supervisor {
    /// Finds ports for the planned processes; starts none of them yet. The sentences are about
    /// wanted ports that others hold.
    ///
    /// # Errors
    /// No ports are free.
    pub fn new(
        folder: ClusterFolder,
        plan: Plan,
        observations: mpsc::Sender<Observation>,
    ) -> Result<(Self, Vec<String>)> {
        let mut ports = Ports::default();
        ports.reserve([plan.zookeeper_port]);
        ports.reserve(
            plan.brokers
                .iter()
                .map(|broker| wanted_port(&plan, *broker)),
        );
        folder.is_of(&plan.engine)?;
        let mut notices = Vec::new();
        let zookeeper = take_port(&mut ports, plan.zookeeper_port, "zookeeper", &mut notices)?;
        let mut supervisor = Self {
            zookeeper: loopback(zookeeper.port),
            slots: BTreeMap::new(),
            watchers: JoinSet::new(),
            folder,
            ports,
            observations,
            plan,
        };
        supervisor.add_zookeeper(zookeeper.listener);
        for broker in supervisor.plan.brokers.clone() {
            notices.extend(supervisor.add_broker(broker)?);
        }
        Ok((supervisor, notices))
    }

    /// The cluster's folder.
    #[must_use]
    pub fn folder(&self) -> &ClusterFolder {
        &self.folder
    }

    /// The brokers' addresses, dead ones too: they come back on the same port.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        let addresses: Vec<String> = self
            .slots
            .iter()
            .filter(|(process, _)| matches!(process, ProcessName::Broker(_)))
            .filter_map(|(_, slot)| Some(slot.address?.to_string()))
            .collect();
        addresses.join(",")
    }

    /// What commands need to find this cluster.
    #[must_use]
    pub fn run_file(&self, name: &str) -> RunFile {
        let zookeeper = self.zookeeper.to_string();
        RunFile::of_this_process(name, &self.bootstrap(), &zookeeper, self.folder.path())
    }

    /// `ZooKeeper`'s address.
    #[must_use]
    pub fn zookeeper(&self) -> SocketAddr {
        self.zookeeper
    }

    /// Every process that has a place here, with its address if it is a server.
    pub fn processes(&self) -> impl Iterator<Item = (&ProcessName, Option<SocketAddr>)> {
        self.slots
            .iter()
            .map(|(process, slot)| (process, slot.address))
    }

    /// How many brokers run, registered or not.
    #[must_use]
    pub fn running_brokers(&self) -> usize {
        self.slots
            .iter()
            .filter(|(process, slot)| {
                matches!(process, ProcessName::Broker(_)) && slot.running.is_some()
            })
            .count()
    }

    /// How many brokers are told to keep committed offsets.
    #[must_use]
    pub fn offsets_replication_factor(&self) -> i16 {
        offsets_replication_factor(self.plan.brokers.len())
    }

    /// Whether it was frozen by us and not thawed since.
    #[must_use]
    pub fn is_frozen(&self, process: &ProcessName) -> bool {
        self.slots.get(process).is_some_and(|slot| slot.frozen)
    }

    /// Starts a process; a broker that is new gets a place first. One that is about to end is
    /// started again as soon as it is gone.
    ///
    /// # Errors
    /// It runs, or the system refuses; the sentence says which.
    pub fn start(&mut self, process: &ProcessName) -> Result<(Vec<Observation>, Vec<String>)> {
        let mut notices = Vec::new();
        if let (ProcessName::Broker(broker), false) = (process, self.slots.contains_key(process)) {
            notices.extend(self.add_broker(*broker)?);
        }
        let slot = self
            .slots
            .get_mut(process)
            .with_context(|| format!("there is no {process} to start"))?;
        if slot.running.is_some() {
            slot.start_when_gone = true;
            return Ok((Vec::new(), notices));
        }
        let listener = match (slot.listener.take(), slot.address) {
            (None, Some(address)) => Some(again(address, &process.to_string())?),
            (held, _) => held,
        };
        let is_broker = matches!(process, ProcessName::Broker(_));
        let input = match listener {
            // Who cannot take it opens its own.
            Some(_) if is_broker && !self.plan.engine.takes_a_socket() => Input::Nothing,
            Some(listener) => Input::Listener(listener),
            None if slot.takes_orders => {
                let (orders, told) = mpsc::channel(ORDERS_MAX);
                slot.orders = Some(orders);
                Input::Orders(told)
            }
            None => Input::Nothing,
        };
        let speech = match (process, slot.address) {
            (ProcessName::Broker(broker), Some(address)) => {
                self.plan.engine.speech(*broker, address)
            }
            _ => Box::new(Reports),
        };
        // Our end of the socket is closed with this call: a dead server refuses, it does not keep people waiting.
        let (running, watched) = child::spawn(
            process.clone(),
            &slot.launch,
            input,
            speech,
            slot.log.clone(),
            self.observations.clone(),
        )?;
        self.watchers.spawn(watched);
        slot.running = Some(running);
        slot.frozen = false;
        slot.start_when_gone = false;
        let spawned = ProcessChange::Spawned {
            pid: running.pid(),
            address: slot.address.map(|address| address.to_string()),
            group: slot.group.clone(),
        };
        Ok((vec![changed(process, spawned)], notices))
    }

    /// Takes note of an exit that the watcher told, and starts the process again if that was asked.
    ///
    /// # Errors
    /// The new start failed.
    pub fn exited(&mut self, process: &ProcessName) -> Result<Vec<Observation>> {
        // Finished watchers are taken out here, so that the set holds only living children.
        while self.watchers.try_join_next().is_some() {}
        let Some(slot) = self.slots.get_mut(process) else {
            return Ok(Vec::new());
        };
        slot.running = None;
        slot.orders = None;
        slot.frozen = false;
        if std::mem::take(&mut slot.start_when_gone) {
            return Ok(self.start(process)?.0);
        }
        Ok(Vec::new())
    }

    /// Memory and CPU of every living process, as facts for the screen.
    #[must_use]
    pub fn costs(&self) -> Vec<Observation> {
        self.slots
            .iter()
            .filter_map(|(process, slot)| {
                let costs = slot.running?.costs()?;
                Some(Observation::Memory {
                    process: process.clone(),
                    rss_bytes: costs.rss_bytes,
                    cpu_ms: Some(costs.cpu_ms),
                })
            })
            .collect()
    }

    /// Keeps every log file bounded.
    pub fn bound_logs(&self) {
        for slot in self.slots.values() {
            slot.log.bound();
        }
    }

    /// The newest lines of a process's log.
    #[must_use]
    pub fn log_lines(&self, process: &ProcessName) -> Option<Observation> {
        let slot = self.slots.get(process)?;
        Some(Observation::LogLines {
            process: process.clone(),
            file: shown(slot.log.path()),
            lines: slot.log.last_lines(LOG_LINES),
        })
    }

    fn running(&self, process: &ProcessName) -> Result<Running> {
        self.slots
            .get(process)
            .and_then(|slot| slot.running)
            .with_context(|| format!("{process} does not run: {{start {process}}} starts it"))
    }
}

impl Slot {
    fn new(launch: Launch, address: Option<SocketAddr>, log: ServerLog) -> Self {
        Self {
            launch,
            address,
            listener: None,
            group: None,
            log,
            takes_orders: false,
            orders: None,
            running: None,
            frozen: false,
            start_when_gone: false,
        }
    }
}

/// Raises the limit of open files to what the system allows: a thousand partitions need more than
/// the usual 1024, and children inherit it.
pub fn raise_open_files_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Refused on systems whose real limit is lower than the one they tell.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

fn changed(process: &ProcessName, change: ProcessChange) -> Observation {
    Observation::Process {
        process: process.clone(),
        change,
    }
}
