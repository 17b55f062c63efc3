//! `kafkarium consume`: what `kafka-console-consumer.sh` does.

mod format;

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use futures::FutureExt;
use tokio_util::sync::CancellationToken;

pub(super) use self::format::yes_or_no;
use self::format::{Format, FormatError};
use super::child::ChildFlags;
use super::client_settings::{ClientSettings, last};
use super::cluster::{ClusterArguments, client_settings, property};
use super::say::{json_line, tell};
use super::shutdown;
use librdkafka::consumer::{ConsumedRecord, Consumer, Start, Subscription, Topics};
use wire::Offset;
use wire::report::{Report, ReportLine};

/// Prints the records of a topic as they come, values only, one a line.
#[derive(Debug, Args)]
pub(super) struct ConsumeArguments {
    #[command(flatten)]
    cluster: ClusterArguments,
    /// The topic to read.
    #[arg(short, long)]
    topic: Option<String>,
    /// Read every topic whose name this regular expression describes.
    #[arg(long, value_name = "REGEX")]
    include: Option<String>,
    /// Share the partitions with the other members of this group and commit what was read.
    #[arg(short, long)]
    group: Option<String>,
    /// Begin with the oldest record where the group has not committed anything.
    #[arg(long)]
    from_beginning: bool,
    /// Read only this partition.
    #[arg(long, value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,
    /// Begin with this offset of the partition, or with earliest or latest.
    #[arg(long, allow_hyphen_values = true)]
    offset: Option<String>,
    /// Leave after this many records.
    #[arg(long, value_name = "COUNT")]
    max_messages: Option<u64>,
    /// Leave when nothing came for this long.
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<u64>,
    /// Whether records of transactions that were aborted, or are still open, are left out.
    #[arg(long, value_enum, value_name = "LEVEL")]
    isolation_level: Option<IsolationLevel>,
    /// Print the key and a tab before each value.
    #[arg(long)]
    print_key: bool,
    #[command(flatten)]
    printing: Printing,
    /// One JSON object a line: records, assignments, commits and troubles.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: ClientSettings,
    #[command(flatten)]
    child: ChildFlags,
}

/// What `DefaultMessageFormatter` is told.
#[derive(Debug, Args)]
struct Printing {
    /// What is printed of a record: print.key=true, print.timestamp, print.partition, print.offset,
    /// print.headers, print.value, key.separator, line.separator, headers.separator, null.literal,
    /// key.deserializer, value.deserializer: a class of Kafka's, or auto, which guesses text, numbers or hexadecimal.
    /// Another name is one of the client's settings. Before Kafka 4.2 it was called --property.
    #[arg(long = "formatter-property", visible_alias = "property", value_name = "KEY=VALUE", value_parser = property)]
    properties: Vec<(String, String)>,
    /// A properties file with such properties.
    #[arg(long, value_name = "FILE")]
    formatter_config: Option<PathBuf>,
    /// The same as --formatter-property key.deserializer=CLASS.
    #[arg(long, value_name = "CLASS")]
    key_deserializer: Option<String>,
    /// The same as --formatter-property value.deserializer=CLASS.
    #[arg(long, value_name = "CLASS")]
    value_deserializer: Option<String>,
    /// Go on where a record cannot be read.
    #[arg(long)]
    skip_message_on_error: bool,
    /// The class that prints; only Kafka's default one is built in.
    #[arg(long, value_name = "CLASS", hide = true)]
    formatter: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum IsolationLevel {
    #[value(name = "read_committed")]
    ReadCommitted,
    #[value(name = "read_uncommitted")]
    ReadUncommitted,
}

/// Records in a row after which signals get their turn.
const RECORDS_BETWEEN_SIGNALS: u64 = 256;

/// What the line asks for, once its parts were looked at together.
struct Wanted {
    settings: Vec<(String, String)>,
    group: Option<String>,
    start: Start,
    format: Format,
}

/// Reads until told to stop, then commits and leaves.
pub(super) fn run(arguments: &ConsumeArguments) -> Result<()> {
    arguments.child.tie_to_parent()?;
    let wanted = wanted(arguments)?;
    let bootstrap = arguments.cluster.bootstrap()?;
    let printer = Printer::new(arguments, wanted.format.clone());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    // Without a group the library looks for the partitions before it returns. A signal ends that at once: there is
    // nothing to commit and no group to leave.
    let alone = if wanted.group.is_none() {
        let _inside = runtime.enter();
        Some(subscribe(arguments, &wanted, &bootstrap, &printer)?)
    } else {
        None
    };
    runtime
        .block_on(shutdown::until_signalled(async |stop| {
            let consumer = match alone {
                Some(consumer) => consumer,
                None => subscribe(arguments, &wanted, &bootstrap, &printer)?,
            };
            let mut count = 0;
            let result = read(arguments, &consumer, &printer, &stop, &mut count).await;
            consumer.leave();
            printer.flush()?;
            if !arguments.json {
                // As Kafka's tool ends.
                tell(&format!("Processed a total of {count} messages"))?;
            }
            result
        }))
        .context("cannot listen for signals")?
}

/// Looks whether the parts of the line go together; in the words of Kafka's tool.
fn wanted(arguments: &ConsumeArguments) -> Result<Wanted> {
    let mut format = Format::new(arguments.print_key, io::stdout().is_terminal());
    let others = arguments.printing.format(&mut format)?;
    let mut settings = arguments.settings.read(&others, &[])?;
    if let Some(level) = arguments.isolation_level {
        let level = level.to_possible_value();
        let level = level.as_ref().map_or("", |value| value.get_name());
        settings.push(("isolation.level".into(), level.into()));
    }
    ensure!(
        arguments.topic.is_some() != arguments.include.is_some(),
        "Exactly one of --include/--topic is required."
    );
    ensure!(
        arguments.partition.is_none() || arguments.topic.is_some(),
        "The topic is required when partition is specified."
    );
    ensure!(
        arguments.offset.is_none() || arguments.partition.is_some(),
        "The partition is required when offset is specified."
    );
    ensure!(
        arguments.offset.is_none() || !arguments.from_beginning,
        "Options from-beginning and offset cannot be specified together."
    );
    let group = group(arguments, &settings)?;
    ensure!(
        group.is_none() || arguments.partition.is_none(),
        "Options group and partition cannot be specified together."
    );
    let start = start(arguments, &settings)?;
    Ok(Wanted {
        settings,
        group,
        start,
        format,
    })
}

fn group(arguments: &ConsumeArguments, settings: &[(String, String)]) -> Result<Option<String>> {
    let of_settings = last(settings, "group.id");
    match (arguments.group.as_deref(), of_settings) {
        (Some(one), Some(other)) if one != other => bail!(
            "The group ids provided in different places (directly using '--group', or by a property) do not \
             match. Detected group ids: '{one}', '{other}'"
        ),
        (one, other) => Ok(one.or(other).map(str::to_owned)),
    }
}

fn start(arguments: &ConsumeArguments, settings: &[(String, String)]) -> Result<Start> {
    let reset = last(settings, "auto.offset.reset");
    if arguments.from_beginning {
        if let Some(other) = reset.filter(|reset| !matches!(*reset, "earliest" | "smallest")) {
            bail!(
                "Can't simultaneously specify --from-beginning and 'auto.offset.reset={other}', please remove \
                 one option"
            );
        }
        return Ok(Start::Oldest);
    }
    match arguments
        .offset
        .as_deref()
        .map(str::to_lowercase)
        .as_deref()
    {
        None => Ok(match reset {
            Some("earliest" | "smallest" | "beginning") => Start::Oldest,
            _ => Start::Newest,
        }),
        Some("earliest") => Ok(Start::Oldest),
        Some("latest") => Ok(Start::Newest),
        Some(number) => match number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.try_into().ok())
        {
            Some(offset) => Ok(Start::At(Offset(offset))),
            None => bail!(
                "The provided offset value '{}' is incorrect. Valid values are 'earliest', 'latest', or a \
                 non-negative long.",
                arguments.offset.as_deref().unwrap_or_default()
            ),
        },
    }
}

impl Printing {
    /// Tells the format; what is left over are settings of the client.
    fn format(&self, format: &mut Format) -> Result<Vec<(String, String)>> {
        if let Some(class) = &self.formatter {
            ensure!(
                class.rsplit('.').next() == Some("DefaultMessageFormatter"),
                "--formatter {class}: classes of Java are not loaded here; DefaultMessageFormatter is built in"
            );
        }
        let mut properties = match &self.formatter_config {
            Some(file) => client_settings(file)?,
            None => Vec::new(),
        };
        properties.extend(self.properties.iter().cloned());
        let classes = [
            ("key.deserializer", &self.key_deserializer),
            ("value.deserializer", &self.value_deserializer),
        ];
        for (name, class) in classes {
            properties.extend(class.iter().map(|class| (name.to_owned(), class.clone())));
        }
        let mut others = Vec::new();
        for (name, value) in properties {
            if !format.set(&name, &value)? {
                others.push((name, value));
            }
        }
        Ok(others)
    }
}

fn subscribe(
    arguments: &ConsumeArguments,
    wanted: &Wanted,
    bootstrap: &str,
    printer: &Printer,
) -> Result<Consumer> {
    let mut settings = vec![("client.id".to_owned(), arguments.settings.client_id.clone())];
    settings.extend(wanted.settings.iter().cloned());
    let topics = match (&arguments.topic, &arguments.include) {
        (Some(topic), _) => Topics::Named(topic),
        (None, expression) => Topics::Matching(expression.as_deref().unwrap_or_default()),
    };
    let subscription = Subscription {
        bootstrap,
        topics,
        group: wanted.group.as_deref(),
        partition: arguments.partition,
        start: wanted.start,
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
    count: &mut u64,
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
        match printer.record(&record) {
            Ok(()) => *count += 1,
            Err(error @ FormatError::Size { .. }) if arguments.printing.skip_message_on_error => {
                tell(&format!("kafkarium: {error}"))?;
            }
            Err(error) => return Err(error.into()),
        }
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
    format: Format,
    stdout: Arc<Mutex<BufWriter<Stdout>>>,
}

impl Printer {
    fn new(arguments: &ConsumeArguments, format: Format) -> Self {
        Self {
            json: arguments.json,
            format,
            stdout: Arc::new(Mutex::new(BufWriter::new(io::stdout()))),
        }
    }

    fn record(&self, record: &ConsumedRecord<'_>) -> Result<(), FormatError> {
        if self.json {
            return Ok(self.line(record.report())?);
        }
        let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        self.format.write(&mut *stdout, record)
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
