//! Settings of producers and consumers, as Kafka's tools take them: by Java's names, from files and flags.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use super::cluster::{client_settings, property};
use super::say::tell;

/// What every producer and consumer is told: its name, and `--command-property` and `--command-config`, with
/// the names they had before Kafka 4.2.
#[derive(Debug, Args)]
pub(super) struct ClientSettings {
    /// How brokers and groups call this client.
    #[arg(long, value_name = "NAME", default_value = "kafkarium")]
    pub(super) client_id: String,
    /// Sets one of the client's settings, for example compression.type=zstd. Before Kafka 4.2 it was called
    /// --producer-property and --consumer-property.
    #[arg(long = "command-property", aliases = ["producer-property", "consumer-property"], value_name = "KEY=VALUE", value_parser = property)]
    client_properties: Vec<(String, String)>,
    /// A properties file with the client's settings. Before Kafka 4.2 it was called --producer.config and
    /// --consumer.config.
    #[arg(id = "client_config", long = "command-config", aliases = ["producer.config", "consumer.config"], value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ClientSettings {
    /// The settings by the client library's names; later ones are in effect. `more` are properties that
    /// turned out to be the client's. Those that are `own` have their effect in this program, under Java's name.
    pub(super) fn read(
        &self,
        more: &[(String, String)],
        own: &[&str],
    ) -> Result<Vec<(String, String)>> {
        let mut java = match &self.config {
            Some(file) => client_settings(file)?,
            None => Vec::new(),
        };
        java.extend(self.client_properties.iter().chain(more).cloned());
        let mut settings = Vec::new();
        for (name, value) in java {
            if own.contains(&name.as_str()) {
                settings.push((name, value));
                continue;
            }
            match of_library(&name, &value)? {
                Some(setting) => settings.push(setting),
                None => tell(&format!("kafkarium: {name} has no effect here"))?,
            }
        }
        Ok(settings)
    }
}

/// The last of these settings with a name.
pub(super) fn last<'a>(settings: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut named = settings.iter().rev().filter(|(known, _)| known == name);
    named.next().map(|(_, value)| value.as_str())
}

/// A setting of Java's client by librdkafka's name; `None`: the library has nothing like it, and records are
/// the same without it.
fn of_library(name: &str, value: &str) -> Result<Option<(String, String)>> {
    let renamed = match name {
        "key.serializer"
        | "value.serializer"
        | "key.deserializer"
        | "value.deserializer"
        | "max.poll.records"
        | "max.block.ms"
        | "default.api.timeout.ms"
        | "client.dns.lookup"
        | "interceptor.classes"
        | "metric.reporters"
        | "metrics.num.samples"
        | "metrics.recording.level"
        | "metrics.sample.window.ms"
        | "exclude.internal.topics"
        | "auto.include.jmx.reporter"
        | "enable.metrics.push"
        | "partitioner.ignore.keys"
        | "partitioner.adaptive.partitioning.enable"
        | "partitioner.availability.timeout.ms"
        | "bootstrap.servers" => return Ok(None),
        "buffer.memory" => {
            let Ok(bytes) = value.parse::<u64>() else {
                bail!("buffer.memory={value}: a number of bytes expected");
            };
            let kilobytes = (bytes / 1024).max(1).to_string();
            return Ok(Some(("queue.buffering.max.kbytes".into(), kilobytes)));
        }
        "max.request.size" => "message.max.bytes",
        "fetch.max.wait.ms" => "fetch.wait.max.ms",
        "send.buffer.bytes" => "socket.send.buffer.bytes",
        "receive.buffer.bytes" => "socket.receive.buffer.bytes",
        name => name,
    };
    let value = match (name, value) {
        ("auto.offset.reset", "none") => "error",
        // Java names classes; what they do has a short name.
        ("partition.assignment.strategy", classes) => {
            return Ok(Some((name.to_owned(), assignors(classes)?)));
        }
        (_, value) => value,
    };
    Ok(Some((renamed.to_owned(), value.to_owned())))
}

fn assignors(classes: &str) -> Result<String> {
    let short = classes.split(',').map(|class| match class.trim() {
        "org.apache.kafka.clients.consumer.RangeAssignor" | "range" => Ok("range"),
        "org.apache.kafka.clients.consumer.RoundRobinAssignor" | "roundrobin" => Ok("roundrobin"),
        "org.apache.kafka.clients.consumer.CooperativeStickyAssignor" | "cooperative-sticky" => {
            Ok("cooperative-sticky")
        }
        other => bail!(
            "partition.assignment.strategy={other}: range, roundrobin or cooperative-sticky expected"
        ),
    });
    Ok(short.collect::<Result<Vec<_>>>()?.join(","))
}

#[cfg(test)]
mod tests {
    use super::{last, of_library};

    #[test]
    fn javas_names_become_the_librarys() {
        let told = |name: &str, value: &str| of_library(name, value).expect("valid");
        let setting = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        assert_eq!(told("acks", "all"), setting("acks", "all"));
        assert_eq!(told("max.poll.records", "1"), None);
        assert_eq!(
            told("buffer.memory", "33554432"),
            setting("queue.buffering.max.kbytes", "32768")
        );
        assert_eq!(
            told("fetch.max.wait.ms", "9"),
            setting("fetch.wait.max.ms", "9")
        );
        let sticky = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";
        assert_eq!(
            told("partition.assignment.strategy", sticky),
            setting("partition.assignment.strategy", "cooperative-sticky")
        );
        of_library("partition.assignment.strategy", "Mine").expect_err("unknown");
        of_library("buffer.memory", "much").expect_err("no number");
    }

    #[test]
    fn the_last_setting_of_a_name_counts() {
        let settings = [("acks", "0"), ("acks", "1")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(last(&settings, "acks"), Some("1"));
        assert_eq!(last(&settings, "linger.ms"), None);
    }
}
