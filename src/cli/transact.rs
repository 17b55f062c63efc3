//! `kafkarium transact`: a producer with a transactional id that does what the playground tells it on stdin. It is a
//! process of its own so that a kill is one.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::{Context, Result};
use clap::Args;

use super::child::{ChildFlags, PARENT_GONE};
use super::cluster::ClusterArguments;
use super::say::json_line;
use super::shutdown;
use librdkafka::producer::{Delivery, Outgoing, Producer, ProducerError};
use librdkafka::transactions::TransactionError;
use wire::Offset;
use wire::report::{Report, ReportLine, TransactionStep};
use wire::transact::{LINE_BYTES_MAX, Order};

/// Orders that wait while one is done; those behind them wait in the pipe.
const ORDERS_MAX: usize = 64;

/// For how long a request to a broker may go unanswered, where the transaction has so much time.
const ANSWER_WAIT_MS: u32 = 1500;

/// Does what it is told, one JSON object a line.
#[derive(Debug, Args)]
pub(super) struct TransactArguments {
    #[command(flatten)]
    cluster: ClusterArguments,
    /// What the brokers know the producer by.
    #[arg(long, value_name = "ID")]
    transactional_id: String,
    #[command(flatten)]
    child: ChildFlags,
}

/// What comes to the producer.
enum Told {
    Order(Order),
    /// End, as an application that is asked to.
    Stop,
}

/// Runs until it is told to end; an open transaction is aborted then.
pub(super) fn run(arguments: &TransactArguments) -> Result<()> {
    // Elsewhere the parent's end is the end of the orders.
    if cfg!(target_os = "linux") {
        arguments.child.tie_to_parent()?;
    }
    let bootstrap = arguments.cluster.bootstrap()?;
    let id = arguments.transactional_id.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let done = runtime.block_on(shutdown::until_signalled(async |stop| {
        let (orders, told) = sync_channel(ORDERS_MAX);
        let reader = orders.clone();
        std::thread::Builder::new()
            .name("orders".into())
            .spawn(move || read(io::stdin().lock(), &reader))
            .context("cannot read orders")?;
        let mut work = tokio::task::spawn_blocking(move || work(&bootstrap, &id, &told));
        tokio::select! {
            done = &mut work => return done?,
            () = stop.cancelled() => {}
        }
        // Where it is full, the producer is busy and will find this behind what it does.
        tokio::task::spawn_blocking(move || orders.send(Told::Stop))
            .await?
            .ok();
        work.await?
    }));
    done.context("cannot listen for signals")?
}

/// Passes orders on until there are none any more: then the playground is gone.
fn read(stdin: impl Read, orders: &SyncSender<Told>) {
    let mut stdin = BufReader::new(stdin);
    loop {
        let mut line = Vec::new();
        match stdin
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)
        {
            Ok(0) | Err(_) => std::process::exit(PARENT_GONE),
            Ok(_) => {}
        }
        match serde_json::from_slice(&line) {
            Ok(order) => {
                if orders.send(Told::Order(order)).is_err() {
                    return;
                }
            }
            Err(error) => tracing::warn!("not understood: {error}"),
        }
    }
}

/// A producer that has its transactional id.
struct Holder {
    producer: Producer<u64>,
    timeout_ms: u32,
    is_open: bool,
}

fn work(bootstrap: &str, id: &str, told: &Receiver<Told>) -> Result<()> {
    tell(Report::Ready {
        address: String::new(),
    })?;
    let mut holder: Option<Holder> = None;
    while let Ok(Told::Order(order)) = told.recv() {
        let (step, done) = match order {
            Order::Begin { timeout_ms } => {
                let begun = begin(bootstrap, id, timeout_ms, &mut holder);
                (TransactionStep::Began, begun)
            }
            Order::Send {
                number,
                topic,
                partition,
                key,
                value,
            } => {
                let record = Outgoing {
                    topic: &topic,
                    partition,
                    key: key.as_deref().map(str::as_bytes),
                    value: value.as_deref().map(str::as_bytes),
                    headers: &[],
                };
                let sent = match &holder {
                    Some(holder) => holder.producer.send(record, number),
                    None => Err((nothing_open(), number)),
                };
                if let Err((error, number)) = sent {
                    tell(Report::Delivered {
                        number,
                        topic,
                        partition: -1,
                        offset: None,
                        error: Some(error.to_string()),
                    })?;
                }
                continue;
            }
            Order::Commit => (
                TransactionStep::Committed,
                end(&mut holder, Producer::commit),
            ),
            Order::Abort => (TransactionStep::Aborted, end(&mut holder, Producer::abort)),
        };
        match done {
            Ok(()) => tell(Report::Transaction { step })?,
            Err(error) => {
                let fatal = matches!(error, TransactionError::Fatal(_));
                if fatal {
                    // Beginning again takes the id anew.
                    if let Some(holder) = holder.take() {
                        holder.producer.abandon();
                    }
                }
                let error = error.to_string();
                tell(Report::TransactionRefused { step, error, fatal })?;
            }
        }
    }
    match holder {
        Some(holder) if holder.is_open => {
            // Where nobody answers the brokers abort it when its time is up.
            if holder.producer.abort().is_ok() {
                let step = TransactionStep::Aborted;
                tell(Report::Transaction { step })?;
            }
            holder.producer.abandon();
        }
        Some(holder) => holder.producer.abandon(),
        None => {}
    }
    Ok(())
}

fn nothing_open() -> ProducerError {
    ProducerError::GivenUp("no transaction is open".to_owned())
}

fn begin(
    bootstrap: &str,
    id: &str,
    timeout_ms: u32,
    holder: &mut Option<Holder>,
) -> Result<(), TransactionError> {
    if holder
        .as_ref()
        .is_none_or(|known| known.timeout_ms != timeout_ms)
    {
        if let Some(before) = holder.take() {
            before.producer.abandon();
        }
        let producer = producer(bootstrap, id, timeout_ms)
            .map_err(|error| TransactionError::Config(error.to_string()))?;
        producer.take_id()?;
        *holder = Some(Holder {
            producer,
            timeout_ms,
            is_open: false,
        });
    }
    if let Some(holder) = holder {
        holder.producer.begin()?;
        holder.is_open = true;
    }
    Ok(())
}

/// Ends the open transaction one way or the other.
fn end(
    holder: &mut Option<Holder>,
    how: fn(&Producer<u64>) -> Result<(), TransactionError>,
) -> Result<(), TransactionError> {
    let Some(holder) = holder.as_mut().filter(|holder| holder.is_open) else {
        return Err(TransactionError::Abort(nothing_open().to_string()));
    };
    how(&holder.producer)?;
    holder.is_open = false;
    Ok(())
}

fn producer(bootstrap: &str, id: &str, timeout_ms: u32) -> Result<Producer<u64>, ProducerError> {
    let timeout = timeout_ms.to_string();
    let answer_wait = ANSWER_WAIT_MS.min(timeout_ms).to_string();
    let settings = [
        ("client.id", id),
        ("transactional.id", id),
        ("transaction.timeout.ms", timeout.as_str()),
        ("socket.timeout.ms", answer_wait.as_str()),
        ("linger.ms", "0"),
    ];
    Producer::new(bootstrap, &settings, |number, delivery| {
        let Delivery { partition, outcome } = delivery;
        let (offset, error): (Option<Offset>, _) = match outcome {
            Ok(offset) => (Some(offset), None),
            Err(error) => (None, Some(error.to_string())),
        };
        // Without the playground nobody counts.
        let _ = tell(Report::Delivered {
            number,
            topic: partition.topic,
            partition: partition.partition,
            offset,
            error,
        });
    })
}

fn tell(report: Report) -> io::Result<()> {
    json_line(io::stdout().lock(), &ReportLine::now(report))
}
