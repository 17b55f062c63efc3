//! `cargo bench --bench scale`: what grows with brokers, and what with partitions.
//!
//! Each playground is started on a screen of its own with as many partitions as brokers, five times, and looked at
//! while nothing happens; then three brokers get topics of many partitions. `-- 3 30` takes other numbers of brokers.
//! Linux only: memory and CPU come from `/proc`.

#[path = "compare/account.rs"]
mod account;
#[path = "../tests/cluster/mod.rs"]
mod cluster;

use std::{
    io::Read,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use kafkarium::wire::control::Status;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use account::{cpu_seconds, memory_mib};
use cluster::Cluster;

/// Brokers of the playgrounds.
const BROKERS: [usize; 4] = [3, 10, 30, 100];

/// How often each is started.
const STARTS: usize = 5;

/// Partitions, with three replicas, of the topics on three brokers.
const PARTITIONS: [i32; 2] = [1_000, 10_000];

/// How long nothing happens before CPU is counted, and how long it is counted.
const SETTLE: Duration = Duration::from_secs(10);
const REST: Duration = Duration::from_secs(20);

/// A start that takes longer has failed.
const START_MAX: Duration = Duration::from_secs(60);

/// How often it is looked whether something is there.
const LOOK: Duration = Duration::from_millis(20);

fn main() -> Result<()> {
    let words = std::env::args().skip(1).filter(|word| word != "--bench");
    let wanted: Vec<usize> = words
        .map(|word| word.parse().context("numbers of brokers are expected"))
        .collect::<Result<_>>()?;
    let wanted = if wanted.is_empty() {
        BROKERS.to_vec()
    } else {
        wanted
    };
    println!(
        "| brokers, and partitions with RF 3 | ready, median of {STARTS} | slowest | memory (PSS) of all servers | CPU of all servers at rest | CPU of the playground |"
    );
    println!("|---|---|---|---|---|---|");
    for brokers in wanted {
        playground(brokers)?;
    }
    println!(
        "\n| partitions, RF 3, 3 brokers | created and in sync | memory (PSS) a replica | CPU of all servers at rest | one broker killed and started: every ISR full |"
    );
    println!("|---|---|---|---|---|");
    PARTITIONS.into_iter().try_for_each(partitions)
}

/// Starts playgrounds of so many brokers; the last one is looked at.
fn playground(brokers: usize) -> Result<()> {
    let mut ready = Vec::new();
    for start in 1..=STARTS {
        let played = Played::start(brokers, start)?;
        let status = played.ready()?;
        ready.push(status.ready_after_ms.context("it is ready")?);
        if start < STARTS {
            continue;
        }
        let servers: Vec<u32> = status
            .processes
            .iter()
            .filter(|process| !process.name.starts_with("consumer"))
            .filter_map(|process| process.pid)
            .collect();
        ensure!(servers.len() == brokers + 1, "every server runs");
        thread::sleep(SETTLE);
        let before = (cpu_seconds(&servers)?, cpu_seconds(&[status.pid])?);
        thread::sleep(REST);
        let percent = |seconds: f64| seconds / REST.as_secs_f64() * 100.0;
        let cpu = percent(cpu_seconds(&servers)? - before.0);
        let own = percent(cpu_seconds(&[status.pid])? - before.1);
        let memory = memory_mib(&servers)?;
        ready.sort_unstable();
        let seconds = |ms: Option<&u64>| Duration::from_millis(ms.copied().unwrap_or(0));
        println!(
            "| {brokers} | {:.2} s | {:.2} s | {memory:.1} MiB | {cpu:.2} % of a core | {own:.2} % |",
            seconds(ready.get(STARTS / 2)).as_secs_f64(),
            seconds(ready.last()).as_secs_f64(),
        );
    }
    Ok(())
}

/// A playground on a screen that nobody sees; it ends when dropped.
struct Played {
    name: String,
    child: Box<dyn Child + Send + Sync>,
    _screen: Box<dyn MasterPty + Send>,
}

impl Played {
    fn start(brokers: usize, start: usize) -> Result<Self> {
        let name = format!("scale-{}-{brokers}-{start}", std::process::id());
        let size = PtySize {
            rows: 36,
            cols: 120,
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size)?;
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_kafkarium"));
        let topic = format!("orders:{brokers}:{}", brokers.min(3));
        let count = brokers.to_string();
        command.args(["--ephemeral", "--name", &name, "--brokers", &count]);
        command.args(["--topic", &topic, "--layout", "fleet"]);
        command.args(["--base-port", "0", "--zookeeper-port", "0"]);
        let child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        let mut drawn = pair.master.try_clone_reader()?;
        thread::spawn(move || {
            let mut buffer = [0; 4 * 1024];
            while drawn.read(&mut buffer).is_ok_and(|count| count > 0) {}
        });
        Ok(Self {
            name,
            child,
            _screen: pair.master,
        })
    }

    /// What it knows once it is ready.
    fn ready(&self) -> Result<Status> {
        let deadline = Instant::now() + START_MAX;
        loop {
            let asked = Command::new(env!("CARGO_BIN_EXE_kafkarium"))
                .args(["status", "--json", "--name", &self.name])
                .output()?;
            if asked.status.success() {
                return Ok(serde_json::from_slice(&asked.stdout)?);
            }
            ensure!(Instant::now() < deadline, "not ready within {START_MAX:?}");
            // Asking costs the start something: not too often.
            thread::sleep(10 * LOOK);
        }
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        let pid = self
            .child
            .process_id()
            .and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid {
            // It may have ended by itself.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.child.wait();
    }
}

/// Creates a topic of so many partitions on three brokers.
fn partitions(count: i32) -> Result<()> {
    let mut cluster = Cluster::start(3, &[]);
    let mut pids: Vec<u32> = cluster
        .ids()
        .into_iter()
        .map(|id| cluster.broker(id).pid())
        .collect();
    pids.push(cluster.zookeeper().pid());
    let before = memory_mib(&pids)?;
    let start = Instant::now();
    cluster.create_topic("many", count, 3);
    until_in_sync(&cluster);
    let created = start.elapsed().as_secs_f64();
    thread::sleep(SETTLE);
    let cpu = cpu_seconds(&pids)?;
    thread::sleep(REST);
    let cpu = (cpu_seconds(&pids)? - cpu) / REST.as_secs_f64() * 100.0;
    let replica = (memory_mib(&pids)? - before) * 1024.0 / f64::from(3 * count);
    cluster.kill_broker(2);
    // Its session has ended, and everybody goes on without it.
    while under_replicated(&cluster).is_empty() {
        thread::sleep(LOOK);
    }
    let start = Instant::now();
    cluster.start_broker(2);
    until_in_sync(&cluster);
    println!(
        "| {count} | {created:.2} s | {replica:.2} KiB | {cpu:.2} % of a core | {:.2} s |",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Waits until no partition misses a replica.
fn until_in_sync(cluster: &Cluster) {
    while !under_replicated(cluster).is_empty() {
        thread::sleep(LOOK);
    }
}

/// The partitions that miss a replica, a line each.
fn under_replicated(cluster: &Cluster) -> String {
    let told = cluster.run(&["topics", "describe", "--under-replicated-partitions"]);
    told.trim().to_owned()
}
