//! `kafkarium consume`: prints records as they come.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::child::ChildFlags;
use super::cluster::{ClusterArguments, property};
use super::say::{json_line, tell};
use super::shutdown;
use librdkafka::consumer::{ConsumedRecord, Consumer, Subscription};
use wire::report::{Report, ReportLine};
use wire::shown;

/// Prints the records of a topic as they come, values only, one a line.
#[derive(Debug, Args)]
pub(super) struct ConsumeArguments {
    #[command(flatten)]
    cluster: ClusterArguments,
    /// The topic to read.
    #[arg(short, long)]
    topic: String,
    /// Share the partitions with the other members of this group and commit what was read.
    #[arg(short, long)]
    group: Option<String>,
    /// Begin with the oldest record where the group has not committed anything.
    #[arg(long)]
    from_beginning: bool,
    /// Leave after this many records.
    #[arg(long, value_name = "COUNT")]
    max_messages: Option<u64>,
    /// Leave when nothing came for this long.
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<u64>,
    /// Print the key and a tab before each value.
    #[arg(long)]
    print_key: bool,
    /// One JSON object a line: records, assignments, commits and troubles.
    #[arg(long)]
    json: bool,
    /// How brokers and groups call this consumer.
    #[arg(long, value_name = "NAME", default_value = "kafkarium")]
    client_id: String,
    /// Sets one of librdkafka's settings, for example session.timeout.ms=6000.
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = property)]
    properties: Vec<(String, String)>,
    #[command(flatten)]
    child: ChildFlags,
}

/// Records in a row after which signals get their turn.
const RECORDS_BETWEEN_SIGNALS: u64 = 256;

/// Reads until told to stop, then commits and leaves.
pub(super) fn run(arguments: &ConsumeArguments) -> Result<()> {
    arguments.child.tie_to_parent()?;
    let bootstrap = arguments.cluster.bootstrap()?;
    let printer = Printer::new(arguments);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime
        .block_on(shutdown::until_signalled(async |stop| {
            let consumer = subscribe(arguments, &bootstrap, &printer)?;
            let result = read(arguments, &consumer, &printer, &stop).await;
            consumer.leave();
            printer.flush()?;
            result
        }))
        .context("cannot listen for signals")?
}

fn subscribe(arguments: &ConsumeArguments, bootstrap: &str, printer: &Printer) -> Result<Consumer> {
    let mut settings = vec![("client.id".to_owned(), arguments.client_id.clone())];
    settings.extend(arguments.properties.iter().cloned());
    let subscription = Subscription {
        bootstrap,
        topic: &arguments.topic,
        group: arguments.group.as_deref(),
        from_beginning: arguments.from_beginning,
        settings: &settings,
    };
    let teller = printer.clone();
    // A stdout that is closed ends the program at the next record.
    let consumer = Consumer::subscribe(&subscription, move |report| drop(teller.report(report)))?;
    Ok(consumer)
}

async fn read(
    arguments: &ConsumeArguments,
    consumer: &Consumer,
    printer: &Printer,
    stop: &CancellationToken,
) -> Result<()> {
    let patience = arguments.timeout_ms.map(Duration::from_millis);
    for number in 0..arguments.max_messages.unwrap_or(u64::MAX) {
        if number % RECORDS_BETWEEN_SIGNALS == 0 {
            tokio::task::yield_now().await;
        }
        let record = if let Some(record) = consumer.next().now_or_never() {
            record?
        } else {
            printer.flush()?;
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = silence(patience) => return Ok(()),
                record = consumer.next() => record?,
            }
        };
        if stop.is_cancelled() {
            return Ok(());
        }
        printer.record(&record)?;
    }
    Ok(())
}

/// Returns after `patience`, or never.
async fn silence(patience: Option<Duration>) {
    match patience {
        Some(patience) => tokio::time::sleep(patience).await,
        None => std::future::pending().await,
    }
}

/// Prints records and what happens around them; the library's callbacks print too.
#[derive(Clone)]
struct Printer {
    json: bool,
    print_key: bool,
    /// Stdout is a terminal, which shall show records and not obey them.
    at_terminal: bool,
    stdout: Arc<Mutex<BufWriter<Stdout>>>,
}

impl Printer {
    fn new(arguments: &ConsumeArguments) -> Self {
        Self {
            json: arguments.json,
            print_key: arguments.print_key,
            at_terminal: io::stdout().is_terminal(),
            stdout: Arc::new(Mutex::new(BufWriter::new(io::stdout()))),
        }
    }

    fn record(&self, record: &ConsumedRecord<'_>) -> io::Result<()> {
        if self.json {
            return self.line(record.report());
        }
        let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        if self.print_key {
            self.write(&mut *stdout, record.key())?;
            stdout.write_all(b"\t")?;
        }
        self.write(&mut *stdout, record.value())?;
        stdout.write_all(b"\n")
    }

    /// Bytes of a record: as they are into a pipe, as Kafka's consumer does.
    fn write(&self, out: &mut impl Write, bytes: Option<&[u8]>) -> io::Result<()> {
        match bytes {
            None => out.write_all(b"null"),
            Some(bytes) if self.at_terminal => out.write_all(shown::bytes(bytes).as_bytes()),
            Some(bytes) => out.write_all(bytes),
        }
    }

    /// Something other than a record: told at once.
    fn report(&self, report: Report) -> io::Result<()> {
        if self.json {
            self.line(report)?;
            self.flush()
        } else if let Report::ClientError { error } = report {
            tell(&format!("kafkarium: {error}: trying on"))
        } else {
            Ok(())
        }
    }

    fn line(&self, report: Report) -> io::Result<()> {
        let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        json_line(&mut *stdout, &ReportLine::now(report))
    }

    fn flush(&self) -> io::Result<()> {
        self.stdout
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .flush()
    }
}
