//! The two clusters that are compared: the same three brokers, Kafkarium's or Apache Kafka's.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// ZooKeeper's session timeout in both clusters.
pub const SESSION_TIMEOUT_MS: u32 = 1500;

/// How many brokers each cluster has.
pub const BROKERS: i32 = 3;

/// The settings that both clusters share; everything else is each one's default.
const SETTINGS: [(&str, &str); 5] = [
    ("zookeeper.session.timeout.ms", "1500"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("offsets.topic.num.partitions", "10"),
    ("offsets.topic.replication.factor", "3"),
    // What a round of loads wrote is gone before the disk is full.
    ("log.segment.delete.delay.ms", "1000"),
];

/// The Apache release that is measured.
pub const APACHE: &str = "3.9.2";

/// Which program serves.
#[derive(Clone)]
pub enum Engine {
    Kafkarium {
        program: PathBuf,
    },
    Apache {
        jars: PathBuf,
        /// The largest heap of each JVM, in MiB.
        heap: u32,
    },
}

impl Engine {
    fn zookeeper(&self, folder: &Path, port: u16) -> Result<Command> {
        Ok(match self {
            Self::Kafkarium { program } => {
                let mut command = Command::new(program);
                command
                    .args([
                        "zookeeper",
                        "--listener",
                        &format!("127.0.0.1:{port}"),
                        "--data-dir",
                    ])
                    .arg(folder.join("zookeeper"));
                command
            }
            Self::Apache { jars, heap } => {
                let file = folder.join("zookeeper.properties");
                fs::write(
                    &file,
                    format!(
                        "dataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\nadmin.enableServer=false\ntickTime=500\n",
                        folder.join("zookeeper").display()
                    ),
                )?;
                java(
                    (jars, *heap),
                    "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                    &file,
                )
            }
        })
    }

    fn broker(&self, folder: &Path, id: i32, port: u16, zookeeper: u16) -> Result<Command> {
        let data = folder.join(format!("broker-{id}"));
        Ok(match self {
            Self::Kafkarium { program } => {
                let mut command = Command::new(program);
                command
                    .args(["broker", "--id", &id.to_string()])
                    .args(["--listener", &format!("127.0.0.1:{port}")])
                    .args([
                        "--zookeeper",
                        &format!("127.0.0.1:{zookeeper}"),
                        "--data-dir",
                    ])
                    .arg(data);
                for (name, value) in SETTINGS {
                    command.args(["--set", &format!("{name}={value}")]);
                }
                command
            }
            Self::Apache { jars, heap } => {
                let file = folder.join(format!("broker-{id}.properties"));
                let mut text = format!(
                    "broker.id={id}\nlisteners=PLAINTEXT://127.0.0.1:{port}\nzookeeper.connect=127.0.0.1:{zookeeper}\nlog.dirs={}\n",
                    data.display()
                );
                for (name, value) in SETTINGS {
                    text.extend([name, "=", value, "\n"]);
                }
                fs::write(&file, text)?;
                java((jars, *heap), "kafka.Kafka", &file)
            }
        })
    }
}

/// Fetches Apache Kafka with Maven into `target` where it is not there yet; returns its jars.
pub fn fetch(target: &Path) -> Result<PathBuf> {
    let folder = target.join("apache-kafka-3.9");
    let fetched = kafkarium::playground::fetch_into(APACHE, &folder);
    let jars = fetched.context("without Apache Kafka run with --only kafkarium")?;
    fs::write(folder.join("log4j.properties"), "log4j.rootLogger=OFF\n")?;
    Ok(jars.folder)
}

/// The JVM flags of Apache's own start scripts, with a heap that suits one machine.
fn java((jars, heap): (&Path, u32), main: &str, properties: &Path) -> Command {
    let mut command = Command::new("java");
    command
        .args([
            "-server",
            &format!("-Xmx{heap}m"),
            "-Xms128m",
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
        ])
        .args([
            "-XX:InitiatingHeapOccupancyPercent=35",
            "-Djava.awt.headless=true",
        ])
        .arg(format!(
            "-Dlog4j.configuration=file:{}",
            jars.with_file_name("log4j.properties").display()
        ))
        .arg("-cp")
        .arg(jars.join("*"))
        .arg(main)
        .arg(properties);
    command
}

/// A running cluster; its processes end with it.
pub struct Cluster {
    engine: Engine,
    folder: tempfile::TempDir,
    ports: Vec<u16>,
    zookeeper: Option<Child>,
    brokers: Vec<Option<Child>>,
}

impl Cluster {
    /// Reserves ports and folders; nothing runs yet, so a client can be loaded with [`Self::bootstrap`].
    pub fn prepare(engine: Engine) -> Result<Self> {
        let listeners: Vec<TcpListener> = (0..=BROKERS)
            .map(|_| TcpListener::bind("127.0.0.1:0"))
            .collect::<Result<_, _>>()?;
        let ports = listeners
            .iter()
            .map(|listener| Ok(listener.local_addr()?.port()))
            .collect::<Result<_>>()?;
        Ok(Self {
            engine,
            folder: tempfile::tempdir()?,
            ports,
            zookeeper: None,
            brokers: (0..BROKERS).map(|_| None).collect(),
        })
    }

    /// The addresses of all brokers.
    pub fn bootstrap(&self) -> String {
        self.ports[1..]
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect::<Vec<_>>()
            .join(",")
    }

    /// Starts all processes as each engine's own scripts would: ours at once, Apache's when ZooKeeper answers.
    pub fn start(&mut self) -> Result<()> {
        let mut zookeeper = quiet(&mut self.engine.zookeeper(self.folder.path(), self.ports[0])?)?;
        if matches!(self.engine, Engine::Apache { .. }) {
            while std::net::TcpStream::connect(("127.0.0.1", self.ports[0])).is_err() {
                if let Some(status) = zookeeper.try_wait()? {
                    bail!("ZooKeeper ended with {status}");
                }
                std::thread::yield_now();
            }
        }
        self.zookeeper = Some(zookeeper);
        (1..=BROKERS).try_for_each(|id| self.start_broker(id))
    }

    /// Starts broker `id` (again).
    pub fn start_broker(&mut self, id: i32) -> Result<()> {
        let index = usize::try_from(id)?;
        let mut command =
            self.engine
                .broker(self.folder.path(), id, self.ports[index], self.ports[0])?;
        self.brokers[index - 1] = Some(quiet(&mut command)?);
        Ok(())
    }

    /// SIGKILL to broker `id`.
    pub fn kill_broker(&mut self, id: i32) -> Result<()> {
        let mut broker = self.brokers[usize::try_from(id)? - 1]
            .take()
            .context("the broker runs")?;
        broker.kill()?;
        broker.wait()?;
        Ok(())
    }

    /// Asks broker `id` to end, and waits until it has.
    pub fn stop_broker(&mut self, id: i32) -> Result<()> {
        let mut broker = self.brokers[usize::try_from(id)? - 1]
            .take()
            .context("the broker runs")?;
        kill(Pid::from_raw(i32::try_from(broker.id())?), Signal::SIGTERM)?;
        broker.wait()?;
        Ok(())
    }

    /// Where broker `id` keeps its logs.
    pub fn data_folder(&self, id: i32) -> PathBuf {
        self.folder.path().join(format!("broker-{id}"))
    }

    /// Bytes in the data folder of broker `id`.
    pub fn stored_bytes(&self, id: i32) -> Result<u64> {
        let mut bytes = 0;
        let mut folders = vec![self.data_folder(id)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else if entry.path().extension().is_some_and(|kind| kind == "log") {
                    bytes += entry.metadata()?.len();
                }
            }
        }
        Ok(bytes)
    }

    /// The ids of all server processes.
    pub fn pids(&self) -> Vec<u32> {
        self.zookeeper
            .iter()
            .chain(self.brokers.iter().flatten())
            .map(Child::id)
            .collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.brokers.iter_mut().flatten().chain(&mut self.zookeeper) {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts a process whose first output line is read away, so that its pipe never blocks it.
fn quiet(command: &mut Command) -> Result<Child> {
    let program = command.get_program().to_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("{} does not start", program.display()))?;
    let output = child.stdout.take().context("the output was piped")?;
    std::thread::spawn(move || {
        BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .for_each(drop);
    });
    Ok(child)
}
