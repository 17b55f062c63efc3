//! A cluster of real processes for the end-to-end tests: one ZooKeeper, some brokers, consumers.
//! Dropping anything here kills its processes.

#![expect(dead_code, reason = "each test program uses the part that it needs")]

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use kafkarium::wire::report::{Report, ReportLine};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use tempfile::TempDir;

/// Far beyond what anything here takes, also on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// The jars of Apache Kafka, where Java and Maven are and `fetch` gets them; without them a test says so and is left out.
pub fn apache_kafka(fetch: impl FnOnce() -> anyhow::Result<PathBuf>) -> Option<PathBuf> {
    let there = |program: &str| {
        let asked = Command::new(program).arg("-version").output();
        asked.is_ok_and(|output| output.status.success())
    };
    if !there("java") || !there("mvn") {
        eprintln!("left out: java and mvn are needed for Apache Kafka");
        return None;
    }
    let fetched = fetch();
    fetched
        .inspect_err(|why| eprintln!("left out: {why:#}"))
        .ok()
}

/// Waits until `look` finds something.
///
/// # Panics
/// It did not within [`PATIENCE`]; `what` says what was missing.
pub fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    wait_until_ok(what, || look().ok_or("nothing was found"))
}

/// The same where looking says why it found nothing.
fn wait_until_ok<T, E: Display>(what: &str, mut look: impl FnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let why = match look() {
            Ok(found) => return found,
            Err(why) => why,
        };
        assert!(
            Instant::now() < deadline,
            "waited in vain until {what}: {why}"
        );
        thread::sleep(LOOK);
    }
}

/// The same where looking waits for answers.
///
/// # Panics
/// It did not within [`PATIENCE`]; `what` says what was missing.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(LOOK).await;
    }
}

fn kafkarium(arguments: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kafkarium"));
    command
        .args(arguments)
        .env("KAFKARIUM_LOG", "error")
        .stdin(Stdio::null());
    command
}

/// A child whose lines of stdout are kept.
pub struct Process {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Process {
    fn spawn(arguments: &[String]) -> Self {
        let mut child = kafkarium(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let stdout = child.stdout.take().expect("it is piped");
        let kept = Arc::clone(&lines);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                kept.lock().expect("nobody panics with it").push(line);
            }
        });
        Self { child, lines }
    }

    /// Everything it printed so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("nobody panics with it").clone()
    }

    fn ready_address(&self) -> String {
        wait_until("a server is ready", || {
            let lines = self.lines();
            let address = lines.first()?.strip_prefix("ready ")?;
            Some(address.to_owned())
        })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"));
        let _ = nix::sys::signal::kill(pid, signal);
    }

    /// SIGTERM, and waits for the end, which must be a good one.
    pub fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        assert!(self.end().success());
    }

    /// Waits until it ends by itself.
    pub fn end(&mut self) -> ExitStatus {
        wait_until("a process ends", || self.child.try_wait().ok().flatten())
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A ZooKeeper and its brokers, numbered from 1.
pub struct Cluster {
    folder: TempDir,
    zookeeper: Process,
    zookeeper_address: String,
    settings: Vec<String>,
    brokers: BTreeMap<i32, (Process, String)>,
}

impl Cluster {
    /// Starts `brokers` brokers, with settings for quick tests and `settings` after them.
    pub fn start(brokers: i32, settings: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let zookeeper = Self::spawn_zookeeper(&folder, "127.0.0.1:0");
        let zookeeper_address = zookeeper.ready_address();
        let replicas = brokers.min(3);
        let defaults = [
            "zookeeper.session.timeout.ms=1500".to_owned(),
            "group.min.session.timeout.ms=1000".to_owned(),
            "group.initial.rebalance.delay.ms=0".to_owned(),
            "offsets.topic.num.partitions=3".to_owned(),
            format!("offsets.topic.replication.factor={replicas}"),
            "transaction.state.log.num.partitions=3".to_owned(),
            format!("transaction.state.log.replication.factor={replicas}"),
            format!("transaction.state.log.min.isr={}", replicas.min(2)),
        ];
        let settings = defaults
            .into_iter()
            .chain(settings.iter().map(|setting| (*setting).to_owned()));
        let mut cluster = Self {
            folder,
            zookeeper,
            zookeeper_address,
            settings: settings.collect(),
            brokers: BTreeMap::new(),
        };
        let started: Vec<(i32, Process)> = (1..=brokers)
            .map(|id| (id, cluster.spawn_broker(id, "127.0.0.1:0")))
            .collect();
        for (id, process) in started {
            let address = process.ready_address();
            cluster.brokers.insert(id, (process, address));
        }
        cluster
    }

    fn spawn_zookeeper(folder: &TempDir, listener: &str) -> Process {
        let data = folder.path().join("zookeeper");
        Process::spawn(&[
            "zookeeper".into(),
            format!("--listener={listener}"),
            format!("--data-dir={}", data.display()),
        ])
    }

    /// The ZooKeeper process.
    pub fn zookeeper(&mut self) -> &mut Process {
        &mut self.zookeeper
    }

    /// Starts a killed ZooKeeper again, at the address it had.
    pub fn start_zookeeper(&mut self) {
        self.zookeeper = Self::spawn_zookeeper(&self.folder, &self.zookeeper_address);
        self.zookeeper.ready_address();
    }

    /// Leader and ISR of a topic's partition 0.
    pub fn partition(&self, topic: &str) -> Option<(i32, Vec<i32>)> {
        let output = self.command(&["topics", "describe", topic]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let line = text
            .lines()
            .find(|line| line.contains("\tPartition: 0\t"))?;
        let field = |name: &str| line.split('\t').find_map(|field| field.strip_prefix(name));
        let isr = field("Isr: ")?
            .split(',')
            .map(|id| id.parse().ok())
            .collect::<Option<_>>()?;
        Some((field("Leader: ")?.parse().ok()?, isr))
    }

    /// Where ZooKeeper listens.
    pub fn zookeeper_address(&self) -> &str {
        &self.zookeeper_address
    }

    /// Starts one more broker that reaches ZooKeeper at another address. It may end before it is ready.
    pub fn spawn_broker_over(&self, id: i32, zookeeper_address: &str) -> Process {
        self.spawn_broker_at(id, "127.0.0.1:0", zookeeper_address)
    }

    fn spawn_broker(&self, id: i32, listener: &str) -> Process {
        self.spawn_broker_at(id, listener, &self.zookeeper_address)
    }

    fn spawn_broker_at(&self, id: i32, listener: &str, zookeeper_address: &str) -> Process {
        let data = self.folder_of(id);
        let mut arguments = vec![
            "broker".to_owned(),
            format!("--id={id}"),
            format!("--listener={listener}"),
            format!("--zookeeper={zookeeper_address}"),
            format!("--data-dir={}", data.display()),
        ];
        for setting in &self.settings {
            arguments.push(format!("--set={setting}"));
        }
        Process::spawn(&arguments)
    }

    /// All brokers' addresses, with commas between.
    pub fn bootstrap(&self) -> String {
        let addresses: Vec<&str> = self
            .brokers
            .values()
            .map(|(_, address)| address.as_str())
            .collect();
        addresses.join(",")
    }

    /// The ids of all brokers.
    pub fn ids(&self) -> Vec<i32> {
        self.brokers.keys().copied().collect()
    }

    /// A broker's data folder.
    pub fn folder_of(&self, id: i32) -> PathBuf {
        self.folder.path().join(format!("broker-{id}"))
    }

    /// A broker's process.
    pub fn broker(&mut self, id: i32) -> &mut Process {
        &mut self.brokers.get_mut(&id).expect("it exists").0
    }

    /// Where a broker listens.
    pub fn address_of(&self, id: i32) -> String {
        self.brokers.get(&id).expect("it exists").1.clone()
    }

    /// SIGKILL to a broker.
    pub fn kill_broker(&mut self, id: i32) {
        self.broker(id).kill();
    }

    /// Starts a killed broker again, at the address it had.
    pub fn start_broker(&mut self, id: i32) {
        let address = self.brokers.get(&id).expect("it existed").1.clone();
        let process = self.spawn_broker(id, &address);
        process.ready_address();
        self.brokers.insert(id, (process, address));
    }

    /// Runs a client command to its end; what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("the binary runs");
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Runs a client command to its end; its exit code, what it printed and what it said on stderr.
    pub fn tried(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = self.command(arguments).output().expect("the binary runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// A client command that will be told this cluster.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let bootstrap = format!("--bootstrap-server={}", self.bootstrap());
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| (*argument).to_owned())
            .chain([bootstrap])
            .collect();
        kafkarium(&arguments)
    }

    /// Creates a topic, once there is a controller.
    pub fn create_topic(&self, name: &str, partitions: i32, replication_factor: i32) {
        let partitions = format!("--partitions={partitions}");
        let replicas = format!("--replication-factor={replication_factor}");
        let arguments = ["topics", "create", name, &partitions, &replicas];
        wait_until_ok("the topic is created", || {
            let output = self.command(&arguments).output().expect("the binary runs");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            output.status.success().then_some(()).ok_or(said)
        });
    }

    /// Writes lines of `key:value`.
    pub fn produce(&self, topic: &str, lines: &[String]) {
        let mut child = self
            .command(&["produce", "--topic", topic])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin
            .write_all((lines.join("\n") + "\n").as_bytes())
            .expect("it reads");
        drop(stdin);
        assert!(child.wait().expect("it ends").success(), "produced");
    }

    /// Starts a consumer of `topic` in `group`, from the beginning.
    pub fn consumer(&self, name: &str, topic: &str, group: &str) -> Consumer {
        let arguments = [
            "consume".to_owned(),
            "--json".to_owned(),
            "--from-beginning".to_owned(),
            format!("--bootstrap-server={}", self.bootstrap()),
            format!("--topic={topic}"),
            format!("--group={group}"),
            format!("--client-id={name}"),
            "--command-property=session.timeout.ms=3000".to_owned(),
            "--command-property=heartbeat.interval.ms=300".to_owned(),
            "--command-property=auto.commit.interval.ms=200".to_owned(),
        ];
        Consumer {
            process: Process::spawn(&arguments),
        }
    }
}

/// A consumer process.
pub struct Consumer {
    pub process: Process,
}

impl Consumer {
    fn reports(&self) -> Vec<Report> {
        self.process
            .lines()
            .iter()
            .map(|line| serde_json::from_str::<ReportLine>(line).expect("a report"))
            .map(|line| line.report)
            .collect()
    }

    /// The partitions it holds now, `None` before its first assignment or since it gave them up.
    pub fn holds(&self) -> Option<Vec<i32>> {
        let mut held = None;
        for report in self.reports() {
            match report {
                Report::Assigned { partitions } => {
                    let mut now: Vec<i32> = partitions.iter().map(|at| at.partition).collect();
                    now.sort_unstable();
                    held = Some(now);
                }
                Report::Revoked { .. } => held = None,
                _ => {}
            }
        }
        held
    }

    /// The values it read, in the order of reading.
    pub fn values(&self) -> Vec<String> {
        self.reports()
            .into_iter()
            .filter_map(|report| match report {
                Report::Record { value, .. } => value,
                _ => None,
            })
            .collect()
    }
}
