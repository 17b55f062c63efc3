//! A real cluster in a test: its own ports, its own temporary folder, gone when it is dropped and when the test
//! is killed.
//!
//! The servers are those of the program `kafkarium`, each a process: a killed broker is a SIGKILL, a frozen one a
//! SIGSTOP. The program is looked for in the variable `KAFKARIUM`, beside the test's own program (where Cargo puts
//! what it builds), and in `PATH`.
//!
//! ```no_run
//! # async fn test() -> Result<(), testing::Error> {
//! let cluster = testing::Cluster::builder()
//!     .brokers(3)
//!     .topic("orders", 3, 3)
//!     .start()
//!     .await?;
//! let client_settings = [("bootstrap.servers", cluster.bootstrap())];
//! cluster.kill("leader of orders p0").await?;
//! cluster.wait("leader orders p0 any and isr orders 2 within 10s").await?;
//! cluster.heal().await?;
//! cluster.wait("isr orders 3").await?;
//! # Ok(())
//! # }
//! ```

#![warn(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod program;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use wire::control::{Answer, Asker, LINE_BYTES_MAX, Question};

pub use wire::control::{
    GroupStatus, PartitionStatus, ProcessStatus, Status as ClusterStatus, TopicStatus,
};

/// For how long an action or a wait may take where nothing else is said.
const PATIENCE: Duration = Duration::from_secs(30);

/// The same for the start.
const START: Duration = Duration::from_secs(60);

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program is nowhere, or cannot be started.
    #[error(
        "cannot start kafkarium ({program}): {error}; build it with cargo build, put it into PATH, or name it in KAFKARIUM"
    )]
    Program {
        /// What was tried.
        program: String,
        /// What the system says.
        error: io::Error,
    },
    /// The cluster ended before it was ready.
    #[error("the cluster did not start: {0}")]
    NotStarted(String),
    /// The cluster ended, or does not answer.
    #[error("the cluster does not answer: {0}")]
    NoAnswer(#[from] io::Error),
    /// What it said cannot be read: another version of the program answers.
    #[error("the program kafkarium speaks another version: {0}")]
    Strange(#[from] serde_json::Error),
    /// It was refused, was not done in time, or does not hold.
    #[error("{what}: {why}")]
    Fails {
        /// The action or condition.
        what: String,
        /// Why, or what was seen instead.
        why: String,
    },
    /// This is no action, or no condition.
    #[error("{what}: {why}")]
    Wrong {
        /// What was asked.
        what: String,
        /// What was understood, and what is right.
        why: String,
    },
}

/// What the cluster shall be.
#[derive(Debug, Clone)]
pub struct Builder {
    program: Option<PathBuf>,
    brokers: u32,
    topics: Vec<String>,
    patience: Duration,
    start: Duration,
}

impl Builder {
    /// So many brokers, from 1 to 100; three where nothing is said.
    #[must_use]
    pub fn brokers(mut self, count: u32) -> Self {
        self.brokers = count;
        self
    }

    /// With this topic: partitions, and replicas of each.
    #[must_use]
    pub fn topic(mut self, name: &str, partitions: i32, replication_factor: i16) -> Self {
        self.topics
            .push(format!("{name}:{partitions}:{replication_factor}"));
        self
    }

    /// The program, where it is not found by itself.
    #[must_use]
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = Some(path.into());
        self
    }

    /// For how long an action or a wait may take; 30 seconds where nothing is said.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// For how long the start may take; a minute where nothing is said.
    #[must_use]
    pub fn start_within(mut self, time: Duration) -> Self {
        self.start = time;
        self
    }

    /// Starts it, and comes back once it is ready: every broker answers, the topics have their leaders, and a
    /// record was acknowledged by all replicas.
    ///
    /// # Errors
    /// The program is not found, or the cluster ends before it is ready, or is not ready in time.
    pub async fn start(self) -> Result<Cluster, Error> {
        let program = self.program.unwrap_or_else(program::find);
        let mut arguments: Vec<OsString> = ["up", "--ephemeral", "--json", "--until-eof"]
            .map(OsString::from)
            .into();
        arguments.extend(["--base-port", "0", "--zookeeper-port", "0"].map(OsString::from));
        arguments.extend(["--brokers".into(), self.brokers.to_string().into()]);
        for topic in self.topics {
            arguments.extend(["--topic".into(), topic.into()]);
        }
        let mut child = Command::new(&program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Error::Program {
                program: program.display().to_string(),
                error,
            })?;
        let stdout = child.stdout.take();
        let mut line = String::new();
        if let Some(stdout) = stdout {
            let mut stdout = BufReader::new(stdout);
            let first = tokio::time::timeout(self.start, stdout.read_line(&mut line));
            let Ok(read) = first.await else {
                // Whatever this is, it does not wait for the end of its stdin.
                let _ = child.start_kill();
                let seconds = self.start.as_secs_f64();
                return Err(Error::NotStarted(format!(
                    "it was not ready within {seconds} s"
                )));
            };
            read?;
        }
        if line.is_empty() {
            return Err(Error::NotStarted(last_words(&mut child).await));
        }
        let status: ClusterStatus = serde_json::from_str(&line)?;
        Ok(Cluster {
            child,
            status,
            patience: self.patience,
        })
    }
}

async fn last_words(child: &mut Child) -> String {
    let mut words = String::new();
    if let Some(stderr) = &mut child.stderr {
        let _ = stderr.read_to_string(&mut words).await;
    }
    words.trim().trim_start_matches("kafkarium: ").to_owned()
}

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    child: Child,
    status: ClusterStatus,
    patience: Duration,
}

impl Cluster {
    /// A cluster of three brokers without topics, until something else is said.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            program: None,
            brokers: 3,
            topics: Vec::new(),
            patience: PATIENCE,
            start: START,
        }
    }

    /// Where clients begin, as `bootstrap.servers` takes it. It stays the same over kills and restarts.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.status.bootstrap
    }

    /// `ZooKeeper`'s address.
    #[must_use]
    pub fn zookeeper(&self) -> &str {
        &self.status.zookeeper
    }

    /// SIGKILL: `broker 2`, `leader of orders p0`, `coordinator of billing`, `controller`, `zookeeper`.
    ///
    /// # Errors
    /// There is no such process, or it is gone already.
    pub async fn kill(&self, target: &str) -> Result<(), Error> {
        self.exec(&format!("kill {target}")).await
    }

    /// SIGTERM, and waits until it has ended.
    ///
    /// # Errors
    /// There is no such process, or it is gone already.
    pub async fn stop(&self, target: &str) -> Result<(), Error> {
        self.exec(&format!("stop {target}")).await
    }

    /// SIGSTOP.
    ///
    /// # Errors
    /// There is no such process.
    pub async fn freeze(&self, target: &str) -> Result<(), Error> {
        self.exec(&format!("freeze {target}")).await
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// It is not frozen.
    pub async fn thaw(&self, target: &str) -> Result<(), Error> {
        self.exec(&format!("thaw {target}")).await
    }

    /// Starts what is gone, with its data and on its port, and waits until it answers.
    ///
    /// # Errors
    /// It runs, or does not come back.
    pub async fn start(&self, target: &str) -> Result<(), Error> {
        self.exec(&format!("start {target}")).await
    }

    /// Stops it cleanly and starts it again.
    ///
    /// # Errors
    /// There is no such process, or it does not come back.
    pub async fn restart(&self, target: &str) -> Result<(), Error> {
        self.exec(&format!("restart {target}")).await
    }

    /// Starts and thaws everything that is down.
    ///
    /// # Errors
    /// Something does not come back.
    pub async fn heal(&self) -> Result<(), Error> {
        self.exec("heal").await
    }

    /// Does an action as the palette and `kafkarium exec` take it, and waits until what it asked for is there.
    ///
    /// # Errors
    /// It is no action, was refused, or was not done in time.
    pub async fn exec(&self, action: &str) -> Result<(), Error> {
        let question = Question::Do {
            action: action.to_owned(),
            timeout_ms: self.patience_ms(),
            by: Asker::Shell,
        };
        self.hold(action, &question).await.map(drop)
    }

    /// Waits until a condition holds, as `kafkarium wait` takes it; what was seen then.
    ///
    /// # Errors
    /// It is no condition, or does not hold in time; then the error says what was seen instead.
    pub async fn wait(&self, condition: &str) -> Result<String, Error> {
        let question = Question::Wait {
            condition: condition.to_owned(),
            timeout_ms: self.patience_ms(),
            since: None,
        };
        self.hold(condition, &question).await
    }

    /// Everything that is known of the cluster now.
    ///
    /// # Errors
    /// The cluster ended.
    pub async fn status(&self) -> Result<ClusterStatus, Error> {
        match self.ask(&Question::Status {}).await? {
            Answer::Status(status) => Ok(*status),
            other => Err(Error::NotStarted(format!("{other:?}"))),
        }
    }

    /// Ends the cluster and waits until all its processes are gone. Dropping it ends it as well, without waiting.
    ///
    /// # Errors
    /// The system does not say how it ended.
    pub async fn end(mut self) -> Result<(), Error> {
        drop(self.child.stdin.take());
        self.child.wait().await?;
        Ok(())
    }

    fn patience_ms(&self) -> u64 {
        u64::try_from(self.patience.as_millis()).unwrap_or(u64::MAX)
    }

    async fn hold(&self, what: &str, question: &Question) -> Result<String, Error> {
        let what = what.to_owned();
        match self.ask(question).await? {
            Answer::Holds { seen, .. } => Ok(seen),
            Answer::Fails { why, .. } => Err(Error::Fails { what, why }),
            Answer::Wrong { why } => Err(Error::Wrong { what, why }),
            Answer::Status(_) => Err(Error::Wrong {
                what,
                why: "the cluster answers something else".to_owned(),
            }),
        }
    }

    async fn ask(&self, question: &Question) -> Result<Answer, Error> {
        let socket = self.status.control.as_ref();
        let socket = socket.ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
        let mut stream = BufReader::new(UnixStream::connect(socket).await?);
        let mut line = serde_json::to_vec(question)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        let mut answer = Vec::new();
        let most = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
        stream.take(most).read_until(b'\n', &mut answer).await?;
        if answer.is_empty() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(serde_json::from_slice(&answer)?)
    }
}
