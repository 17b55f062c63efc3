//! One process of the run: reads the source, copies each record to both outputs in transactions, and tells how each ended.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::super::super::child::ChildFlags;
use super::super::super::say::json_line;
use super::ledger::{End, Span, TransactionId};
use super::{GROUP, OUTPUT_TOPICS};
use crate::cli::verify::TOPIC;
use librdkafka::transactions::{Incoming, TransactionError, Transformation, Transformer};
use wire::Offset;

/// Records of one transaction at most, and how long more of them are waited for.
const RECORDS_MAX: usize = 50;
const READ_WAIT: Duration = Duration::from_millis(20);

/// Every so many transactions are aborted, for no other reason.
const ABORTED_EACH: u64 = 7;

/// What the brokers are told to abort at the latest: the killed do not come back under their id at once.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(15);

/// What takes longer hangs: librdkafka 2.12 never comes back from `send_offsets_to_transaction` where it does not connect
/// to a coordinator again that was killed.
const STEP_MAX: Duration = Duration::from_secs(15);

/// How often it is looked whether a step has come to its end.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long the others wait for a killed one without a name of its own.
const SESSION_TIMEOUT: Duration = Duration::from_secs(3);

/// A process that `verify --transactions` starts several of.
#[derive(Debug, Args)]
pub(crate) struct WorkerArguments {
    /// Any brokers of the cluster.
    #[arg(long)]
    bootstrap: String,
    /// Which one it is, for its ids.
    #[arg(long)]
    number: u32,
    /// Which process of the run.
    #[arg(long)]
    process: u32,
    #[command(flatten)]
    child: ChildFlags,
}

/// One line on stdout.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Told {
    Ended {
        id: TransactionId,
        end: End,
        spans: Vec<Span>,
    },
    /// It goes on with a new producer and a new consumer, or as another process.
    GaveUp { why: String },
}

/// Runs until it is killed, or cannot go on.
pub(crate) fn run(arguments: &WorkerArguments) -> ExitCode {
    if arguments.child.tie_to_parent().is_err() {
        return ExitCode::FAILURE;
    }
    let Err(error) = work(arguments);
    // Whoever read this is gone where it cannot be written.
    let _ = tell(&Told::GaveUp {
        why: error.to_string(),
    });
    ExitCode::FAILURE
}

/// Ends the process where a step hangs.
fn watch(steps: Arc<AtomicU64>) -> io::Result<()> {
    let watch = move || {
        let (mut last, mut since) = (0, Instant::now());
        loop {
            std::thread::sleep(LOOK_AGAIN);
            let now = steps.load(Ordering::Relaxed);
            if now != last {
                since = Instant::now();
            } else if since.elapsed() > STEP_MAX {
                let seconds = STEP_MAX.as_secs();
                let why = format!("the client library did not come back for {seconds} s");
                let _ = tell(&Told::GaveUp { why });
                std::process::exit(1);
            }
            last = now;
        }
    };
    let thread = std::thread::Builder::new().name("watch".to_owned());
    thread.spawn(watch).map(drop)
}

fn work(arguments: &WorkerArguments) -> Result<std::convert::Infallible, TransactionError> {
    let steps = Arc::new(AtomicU64::new(1));
    let fatal = |error: io::Error| TransactionError::Fatal(error.to_string());
    watch(Arc::clone(&steps)).map_err(fatal)?;
    let name = format!("verify-{}", arguments.number);
    // Every other one has a name of its own in the group.
    let is_static = arguments.number.is_multiple_of(2);
    let transformer = Transformer::start(&Transformation {
        bootstrap: &arguments.bootstrap,
        topic: TOPIC,
        group: GROUP,
        session_timeout: SESSION_TIMEOUT,
        group_instance_id: is_static.then_some(name.as_str()),
        transactional_id: &name,
        transaction_timeout: TRANSACTION_TIMEOUT,
    })?;
    let mut id = TransactionId {
        process: arguments.process,
        number: 0,
    };
    loop {
        steps.fetch_add(1, Ordering::Relaxed);
        let read = transformer.read(RECORDS_MAX, READ_WAIT)?;
        if read.is_empty() {
            continue;
        }
        id.number += 1;
        let spans = spans(&read);
        let wants_abort = id.number.is_multiple_of(ABORTED_EACH);
        let end = match copy(&transformer, &id, &read, &spans, wants_abort) {
            Ok(()) if wants_abort => End::Aborted,
            Ok(()) => End::Committed,
            Err(TransactionError::Abort(_)) => {
                transformer.abort()?;
                End::Aborted
            }
            Err(error) => return Err(error),
        };
        let told = Told::Ended {
            id: id.clone(),
            end,
            spans,
        };
        tell(&told).map_err(fatal)?;
        if end == End::Aborted {
            transformer.rewind()?;
        }
    }
}

fn copy(
    transformer: &Transformer,
    id: &TransactionId,
    read: &[Incoming],
    spans: &[Span],
    wants_abort: bool,
) -> Result<(), TransactionError> {
    transformer.begin()?;
    for record in read {
        let value = format!("{} {} {}", id.process, id.number, record.offset);
        for topic in OUTPUT_TOPICS {
            transformer.send(topic, record.partition, value.as_bytes())?;
        }
    }
    if wants_abort {
        // What is never seen is to be there.
        transformer.flush()?;
        return transformer.abort();
    }
    let read_on = spans
        .iter()
        .map(|span| (span.partition, Offset(span.last.0 + 1)));
    transformer.commit(&read_on.collect())
}

/// What was read of each partition: one after the other, since nobody but one idempotent producer writes there.
fn spans(read: &[Incoming]) -> Vec<Span> {
    let mut spans: BTreeMap<i32, (Offset, Offset)> = BTreeMap::new();
    for record in read {
        let span = spans
            .entry(record.partition)
            .or_insert((record.offset, record.offset));
        span.1 = record.offset;
    }
    let spans = spans.into_iter();
    spans
        .map(|(partition, (first, last))| Span {
            partition,
            first,
            last,
        })
        .collect()
}

fn tell(told: &Told) -> io::Result<()> {
    json_line(io::stdout().lock(), told)
}
