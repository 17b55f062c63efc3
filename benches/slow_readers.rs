//! `cargo bench --bench slow_readers`: the memory of a broker whose consumers ask for much and read slowly, as a
//! ratio to its bound.
//!
//! Every reader asks for all of a topic, and all take turns at reading a little, so that their answers wait in the
//! broker at the same time. Linux only: memory comes from `/proc`.

#![expect(
    clippy::cast_precision_loss,
    reason = "figures are printed with three digits"
)]

#[path = "../tests/cluster/mod.rs"]
mod cluster;

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
};

use anyhow::{Context, Result, ensure};

use cluster::{Cluster, PATIENCE};

const TOPIC: &str = "large";
const READERS: usize = 64;

/// How often each reader asks for everything.
const ROUNDS: usize = 3;

/// A topic of as much as one answer may have.
const RECORDS: usize = 60;
const RECORD_BYTES: usize = 900_000;

/// A bit more than one record batch: an answer has at least one.
const BATCH_BYTES: usize = 1_000_000;

/// What a broker lets wait for readers before an answer is one batch only.
const ANSWERS_BYTES_MAX: usize = 128 * 1024 * 1024;

/// What a reader reads before it is the next one's turn.
const STEP_BYTES: usize = 256 * 1024;

fn main() -> Result<()> {
    let mut cluster = Cluster::start(1, &[]);
    cluster.create_topic(TOPIC, 1, 1);
    let record = format!("key:{}", "x".repeat(RECORD_BYTES));
    cluster.produce(TOPIC, &vec![record; RECORDS]);
    let address = cluster.address_of(1);
    let pid = cluster.broker(1).pid();

    let at_rest = memory_bytes(pid, "VmRSS:")?;
    // The high-water mark begins anew here.
    fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
    let mut readers: Vec<Reader> = (0..READERS)
        .map(|_| Reader::connect(&address))
        .collect::<Result<_>>()?;
    while !readers.is_empty() {
        for reader in &mut readers {
            reader.read_a_little()?;
        }
        readers.retain(|reader| reader.rounds_left > 0 || reader.left > 0);
    }
    let used = memory_bytes(pid, "VmHWM:")?.saturating_sub(at_rest);

    let bound = ANSWERS_BYTES_MAX + READERS * BATCH_BYTES;
    let ratio = used as f64 / bound as f64;
    let mib = |bytes: usize| bytes as f64 / 1024.0 / 1024.0;
    println!("{READERS} slow readers, each asks {ROUNDS} times for 54 MB\n");
    println!("| memory at rest | most beyond it | bound | ratio |");
    println!("|---|---|---|---|");
    println!(
        "| {:.1} MiB | {:.1} MiB | {:.1} MiB | {ratio:.2} |",
        mib(at_rest),
        mib(used),
        mib(bound)
    );
    ensure!(ratio <= 1.0, "the broker used more than its bound");
    Ok(())
}

/// A consumer of partition 0.
struct Reader {
    stream: TcpStream,
    rounds_left: usize,
    /// Bytes of the answer that are not read yet.
    left: usize,
}

impl Reader {
    /// Connects and asks for the first time.
    fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut reader = Self {
            stream,
            rounds_left: ROUNDS,
            left: 0,
        };
        reader.stream.write_all(&fetch())?;
        Ok(reader)
    }

    fn read_a_little(&mut self) -> Result<()> {
        if self.left == 0 {
            let mut length = [0; 4];
            self.stream.read_exact(&mut length)?;
            self.left = usize::try_from(i32::from_be_bytes(length))?;
            self.rounds_left -= 1;
        }
        let mut bytes = vec![0; STEP_BYTES.min(self.left)];
        self.stream.read_exact(&mut bytes)?;
        self.left -= bytes.len();
        if self.left == 0 && self.rounds_left > 0 {
            self.stream.write_all(&fetch())?;
        }
        Ok(())
    }
}

/// Fetch 4 of a whole partition, in a frame.
fn fetch() -> Vec<u8> {
    const ALL_BYTES: i32 = 100_000_000;
    let text = |text: &str| {
        let length = u16::try_from(text.len()).unwrap_or_default();
        [&length.to_be_bytes(), text.as_bytes()].concat()
    };
    let (key, version) = (1_i16, 4_i16);
    let (correlation_id, no_client_id) = (7_i32, -1_i16);
    let (replica, wait_ms, min_bytes, read_uncommitted) = (-1_i32, 10_000_i32, 1_i32, 0_u8);
    let (topics, partitions, partition, offset) = (1_i32, 1_i32, 0_i32, 0_i64);
    let request = [
        &key.to_be_bytes()[..],
        &version.to_be_bytes(),
        &correlation_id.to_be_bytes(),
        &no_client_id.to_be_bytes(),
        &replica.to_be_bytes(),
        &wait_ms.to_be_bytes(),
        &min_bytes.to_be_bytes(),
        &ALL_BYTES.to_be_bytes(),
        &[read_uncommitted],
        &topics.to_be_bytes(),
        &text(TOPIC),
        &partitions.to_be_bytes(),
        &partition.to_be_bytes(),
        &offset.to_be_bytes(),
        &ALL_BYTES.to_be_bytes(),
    ]
    .concat();
    let length = u32::try_from(request.len()).unwrap_or_default();
    [&length.to_be_bytes()[..], &request].concat()
}

/// A figure of `/proc/PID/status`.
fn memory_bytes(pid: u32, name: &str) -> Result<usize> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = status.lines().find_map(|line| {
        let number = line.strip_prefix(name)?;
        number.split_whitespace().next()?.parse::<usize>().ok()
    });
    Ok(kib.with_context(|| format!("no {name} of process {pid}"))? * 1024)
}
