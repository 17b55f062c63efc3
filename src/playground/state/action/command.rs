//! The commands that do in a shell what an action does here: one table, which the footer and the palette read.
//! Only here is anything quoted for a shell.

use std::fmt::Write as _;

use super::{
    ClusterAction, NewRecord, Target, TopicConfig, TransactionAction, next_broker,
    perform::unused_group, rewind, spread,
};
use crate::state::{
    NewTopic, State,
    cluster::{Acks, Process, ProcessName, Status, StreamRate},
    model::stream_value,
};
use wire::BrokerId;

/// A command of these words, as a POSIX shell reads it: each word comes out as it is here.
#[must_use]
pub(in crate::state) fn line(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

/// What topics there are.
pub(in crate::state) fn list_topics(bootstrap: &str) -> String {
    line(&["kafka-topics.sh", "--bootstrap-server", bootstrap, "--list"])
}

/// Gives these words to the command, a line each.
pub(in crate::state) fn fed(text: &str, command: &[&str]) -> String {
    format!("{} | {}", line(&["printf", r"%s\n", text]), line(command))
}

/// How kcat sends this record.
pub(in crate::state) fn produce(bootstrap: &str, record: &NewRecord) -> String {
    let mut words = vec!["kcat", "-b", bootstrap, "-t", &record.topic, "-P"];
    let mut text = record.value.clone().unwrap_or_default();
    if let Some(key) = &record.key {
        // kcat splits at the first one, so that the key must not hold it.
        let mut between = [":", "=", "|"].into_iter();
        let between = between.find(|sign| !key.contains(sign)).unwrap_or("\u{1}");
        words.extend(["-K", between]);
        text = format!("{key}{between}{text}");
    }
    let partition = record.partition.map(|partition| partition.to_string());
    match (&partition, &record.key) {
        (Some(partition), _) => words.extend(["-p", partition]),
        // librdkafka hashes keys with CRC32 where it is not told otherwise, and puts them elsewhere.
        (None, Some(_)) => words.extend(["-X", "partitioner=murmur2_random"]),
        (None, None) => {}
    }
    let headers = record.headers.iter();
    let headers: Vec<String> = headers
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    for header in &headers {
        words.extend(["-H", header]);
    }
    match record.acks {
        Acks::All => {}
        Acks::Leader => words.extend(["-X", "acks=1"]),
        Acks::None => words.extend(["-X", "acks=0"]),
    }
    if record.value.is_none() {
        words.push("-Z");
    }
    fed(&text, &words)
}

/// How this topic is created.
pub(in crate::state) fn create_topic(bootstrap: &str, topic: &NewTopic) -> String {
    line(&[
        "kafka-topics.sh",
        "--bootstrap-server",
        bootstrap,
        "--create",
        "--topic",
        &topic.name,
        "--partitions",
        &topic.partitions.to_string(),
        "--replication-factor",
        &topic.replication_factor.to_string(),
    ])
}

/// How this config of a topic is set.
pub(super) fn set_config(bootstrap: &str, config: &TopicConfig) -> String {
    let (flag, what) = match &config.value {
        // Commas stand between settings, and brackets around a value that has some of its own.
        Some(value) if value.contains(',') => {
            ("--add-config", format!("{}=[{value}]", config.name))
        }
        Some(value) => ("--add-config", format!("{}={value}", config.name)),
        None => ("--delete-config", config.name.clone()),
    };
    line(&[
        "kafka-configs.sh",
        "--bootstrap-server",
        bootstrap,
        "--entity-type",
        "topics",
        "--entity-name",
        &config.topic,
        "--alter",
        flag,
        &what,
    ])
}

/// How a broker is started that listens there and keeps its logs in this folder below the cluster's.
pub(super) fn start_broker(id: BrokerId, at: &BrokerPlace<'_>) -> String {
    let settings = [
        Some(format!("broker.id={id}")),
        at.address
            .map(|address| format!("listeners=PLAINTEXT://{address}")),
        at.zookeeper
            .map(|address| format!("zookeeper.connect={address}")),
    ];
    let settings: Vec<String> = settings.into_iter().flatten().collect();
    let mut words = vec!["kafka-server-start.sh", "config/server.properties"];
    for setting in &settings {
        words.extend(["--override", setting]);
    }
    let mut command = line(&words);
    if let Some(folder) = at.folder {
        let folder = format!("{folder}/broker-{id}");
        // No shell takes `~` for the home folder inside a word.
        let folder = match folder.strip_prefix("~/") {
            Some(below) => format!(r#"log.dirs="$HOME"/{}"#, quoted(below)),
            None => quoted(&format!("log.dirs={folder}")),
        };
        // Writing into a `String` does not fail.
        let _ = write!(command, " --override {folder}");
    }
    command
}

/// What a broker is told beside its id, as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::state) struct BrokerPlace<'a> {
    pub address: Option<&'a str>,
    pub zookeeper: Option<&'a str>,
    /// The cluster's folder, maybe below `~`.
    pub folder: Option<&'a str>,
}

impl State {
    /// The command that does in a shell what this action does here and now; `None` where there is nothing to type.
    #[must_use]
    pub(in crate::state) fn command_of(&self, action: &ClusterAction) -> Option<String> {
        let bootstrap = &self.bootstrap();
        let topic = &self.view.topic;
        match action {
            ClusterAction::Kill(target) => self.signal("-9", target, Status::is_running),
            ClusterAction::Stop(target) => self.signal("-TERM", target, |status| {
                status.is_running() && status != Status::Frozen
            }),
            ClusterAction::Freeze(target) => self
                .signal("-STOP", target, |status| {
                    status.is_running() && status != Status::Frozen
                })
                .or_else(|| self.thaw_command(target)),
            ClusterAction::Thaw(target) => self.thaw_command(target),
            ClusterAction::Start(target) | ClusterAction::Restart(target) => {
                let aimed = self.aimed(target);
                let mut aimed = aimed.iter().rev();
                aimed.find_map(|name| self.start_command(self.cluster.processes.get(name)?))
            }
            ClusterAction::Heal => {
                let heals = |process: &Process| match (process.status, &process.name) {
                    (Status::Frozen, name) => self.thaw_command(&Target::Process(name.clone())),
                    (Status::Stopped, ProcessName::Consumer(_)) => None,
                    (status, ProcessName::Producer(_)) if status.is_gone() => None,
                    _ => self.start_command(process),
                };
                self.cluster.processes.values().rev().find_map(heals)
            }
            // Kept until the topic is there.
            ClusterAction::Produce(None) if !self.is_ready() => None,
            ClusterAction::Produce(None) => Some(produce(bootstrap, &self.demo_record())),
            ClusterAction::Produce(Some(record)) => {
                Some(produce(bootstrap, &self.record_of(record)))
            }
            ClusterAction::Stream(rate) => stream(bootstrap, topic, *rate),
            ClusterAction::StreamInto(topic, rate) => stream(bootstrap, topic, *rate),
            ClusterAction::StreamFaster => stream(bootstrap, topic, self.cluster.stream.faster()),
            ClusterAction::StreamSlower => {
                let into = &self.cluster.stream_into;
                stream(bootstrap, into, self.cluster.stream.slower())
            }
            ClusterAction::AddConsumer(group) => {
                let group = group.as_ref().unwrap_or(&self.view.group);
                Some(consume(bootstrap, topic, group))
            }
            ClusterAction::AddGroup => Some(consume(bootstrap, topic, &unused_group(self))),
            ClusterAction::CreateTopic(Some((name, partitions, replication_factor))) => {
                let topic = NewTopic {
                    name: name.clone(),
                    partitions: *partitions,
                    replication_factor: *replication_factor,
                };
                Some(create_topic(bootstrap, &topic))
            }
            ClusterAction::SetConfig(config) => {
                let known = self.cluster.topics.contains_key(&config.topic);
                known.then(|| set_config(bootstrap, config))
            }
            ClusterAction::DeleteTopic(name) => Some(tool(
                "kafka-topics.sh",
                bootstrap,
                &["--delete", "--topic", name],
            )),
            ClusterAction::DeleteGroup(name) => Some(tool(
                "kafka-consumer-groups.sh",
                bootstrap,
                &["--delete", "--group", name],
            )),
            ClusterAction::AddBroker => Some(self.start_broker_command(next_broker(self), None)),
            ClusterAction::RewindGroup(None) => self.command_of(&rewind::meant(self).ok()?),
            ClusterAction::RewindGroup(Some((group, place, to))) => Some(tool(
                "kafka-consumer-groups.sh",
                bootstrap,
                &[
                    "--group",
                    group,
                    "--topic",
                    &format!("{}:{}", place.topic, place.partition),
                    "--reset-offsets",
                    "--to-offset",
                    &to.to_string(),
                    "--execute",
                ],
            )),
            ClusterAction::SpreadPartitions => {
                spread::plan_json(self).map(|plan| reassign(bootstrap, &plan))
            }
            ClusterAction::ElectLeaders => Some(tool(
                "kafka-leader-election.sh",
                bootstrap,
                &["--election-type", "preferred", "--all-topic-partitions"],
            )),
            ClusterAction::Transaction(action) => self.transaction_command(action),
            // What they lack is asked for first, or it is nothing that is done.
            ClusterAction::CreateTopic(None)
            | ClusterAction::Compose
            // A producer in a shell is told when it is started.
            | ClusterAction::Acks(_)
            | ClusterAction::JoinBy(_)
            | ClusterAction::Delete
            | ClusterAction::Reconnect
            | ClusterAction::Wait(_) => None,
        }
    }

    /// No tool of Kafka's begins or ends somebody's transaction; what shows it is the next best thing to type.
    fn transaction_command(&self, action: &TransactionAction) -> Option<String> {
        let name = match action {
            TransactionAction::Abandon(name) => {
                let name = self.producer_meant(name.as_deref())?;
                let process = Target::Process(ProcessName::Producer(name));
                return self.signal("-9", &process, Status::is_running);
            }
            TransactionAction::Produce(_) | TransactionAction::BeginOrCommit => None,
            TransactionAction::Begin { id: name, .. }
            | TransactionAction::Commit(name)
            | TransactionAction::Abort(name) => name.as_deref(),
        };
        let id = match (name, self.producer_meant(name)) {
            (_, Some(name)) => self.producing(&name)?.transactional_id.clone(),
            (Some(name), None) => name.to_owned(),
            (None, None) => "t1".to_owned(),
        };
        Some(tool(
            "kafka-transactions.sh",
            &self.bootstrap(),
            &["describe", "--transactional-id", &id],
        ))
    }

    /// `kill -9 4121 4122`, of those that it reaches.
    fn signal(
        &self,
        signal: &str,
        target: &Target,
        is_meant: fn(Status) -> bool,
    ) -> Option<String> {
        let aimed = self.aimed(target);
        let known = aimed
            .iter()
            .filter_map(|name| self.cluster.processes.get(name));
        let reached = known.filter(|process| is_meant(process.status));
        let pids: Vec<String> = reached
            .filter_map(|process| process.pid.map(|pid| pid.to_string()))
            .collect();
        let mut words = vec!["kill", signal];
        words.extend(pids.iter().map(String::as_str));
        (!pids.is_empty()).then(|| line(&words))
    }

    fn thaw_command(&self, target: &Target) -> Option<String> {
        self.signal("-CONT", target, |status| status == Status::Frozen)
    }

    /// How a process is started that is gone.
    fn start_command(&self, process: &Process) -> Option<String> {
        if !process.status.is_gone() {
            return None;
        }
        Some(match &process.name {
            ProcessName::ZooKeeper => {
                line(&["zookeeper-server-start.sh", "config/zookeeper.properties"])
            }
            ProcessName::Broker(id) => self.start_broker_command(*id, process.address.as_deref()),
            // Kafka has no producer for a shell that writes in transactions.
            ProcessName::Producer(_) => return None,
            ProcessName::Consumer(_) => {
                let first = self.setup.topics.first().map(|topic| &topic.name);
                consume(
                    &self.bootstrap(),
                    process.topic.as_ref().or(first).map_or("", String::as_str),
                    process.group.as_deref().unwrap_or_default(),
                )
            }
        })
    }

    /// How the first topic is created; where its data is there, creating it is an error and looking is not.
    pub(in crate::state) fn first_topic_command(&self) -> Option<String> {
        let topic = self.setup.topics.first()?;
        let bootstrap = self.bootstrap();
        let again = matches!(self.data_folder, Some((_, Some(_))));
        if again {
            return Some(line(&[
                "kafka-topics.sh",
                "--bootstrap-server",
                &bootstrap,
                "--describe",
                "--topic",
                &topic.name,
            ]));
        }
        Some(create_topic(&bootstrap, topic))
    }

    /// How a shell starts this broker as it is started here.
    pub(in crate::state) fn start_broker_command(
        &self,
        id: BrokerId,
        address: Option<&str>,
    ) -> String {
        let zookeeper = self.cluster.processes.get(&ProcessName::ZooKeeper);
        let at = BrokerPlace {
            address,
            zookeeper: zookeeper.and_then(|process| process.address.as_deref()),
            folder: self.data_folder.as_ref().map(|(path, _)| path.as_str()),
        };
        start_broker(id, &at)
    }
}

/// As many records as it may take, of the size that most of them have. Nothing to type ends a stream.
fn stream(bootstrap: &str, topic: &str, rate: StreamRate) -> Option<String> {
    let throughput = match rate {
        StreamRate::Off => return None,
        StreamRate::PerSecond(rate) => i64::from(rate),
        StreamRate::Max => -1,
    };
    Some(line(&[
        "kafka-producer-perf-test.sh",
        "--topic",
        topic,
        "--throughput",
        &throughput.to_string(),
        "--num-records",
        &STREAM_RECORDS.to_string(),
        "--record-size",
        &stream_value(STREAM_RECORDS / 2).len().to_string(),
        "--producer-props",
        &format!("bootstrap.servers={bootstrap}"),
        "acks=all",
    ]))
}

/// Kafka's tool wants a number; the stream here has no end.
const STREAM_RECORDS: u64 = 1_000_000;

/// Moves partitions as this plan says.
fn reassign(bootstrap: &str, plan: &str) -> String {
    fed(
        plan,
        &[
            "kafka-reassign-partitions.sh",
            "--bootstrap-server",
            bootstrap,
            "--execute",
            "--reassignment-json-file",
            "/dev/stdin",
        ],
    )
}

/// One of Kafka's tools, and what it shall do at this cluster.
fn tool(name: &str, bootstrap: &str, does: &[&str]) -> String {
    line(&[&[name, "--bootstrap-server", bootstrap], does].concat())
}

/// A consumer as the playground runs it: where its group has committed nothing, it reads from the first record.
pub(super) fn consume(bootstrap: &str, topic: &str, group: &str) -> String {
    line(&[
        "kafka-console-consumer.sh",
        "--bootstrap-server",
        bootstrap,
        "--topic",
        topic,
        "--group",
        group,
        "--from-beginning",
    ])
}

/// A word that the shell would change stands in single quotes. A control character in it is written
/// by its number: a terminal into which it is pasted would obey it.
fn quoted(word: &str) -> String {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "_-./:=,+@%".contains(sign);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let mut quoted = String::from("'");
    for sign in word.chars() {
        match sign {
            '\'' => quoted.push_str(r"'\''"),
            // The shell's `$(...)` would take a newline away.
            '\n' => quoted.push('\n'),
            sign if sign.is_control() => {
                quoted.push_str(r#"'"$(printf '"#);
                for byte in sign.encode_utf8(&mut [0; 4]).bytes() {
                    // Writing into a `String` does not fail.
                    let _ = write!(quoted, r"\{byte:03o}");
                }
                quoted.push_str(r#"')"'"#);
            }
            sign => quoted.push(sign),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::{BrokerPlace, consume, fed, line, produce, start_broker};
    use crate::state::{Acks, Action, Appearance, Happening, NewRecord};
    use crate::ui::tests::session::Session;
    use wire::BrokerId;

    /// What a shell's `command` writes.
    fn shell(command: &str) -> String {
        let done = Command::new("sh").args(["-c", command]).output();
        let done = done.expect("there is a shell");
        assert!(done.status.success(), "{command}: {done:?}");
        String::from_utf8(done.stdout).expect("what went in")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_shell_gives_the_words_back(
            words in prop::collection::vec("[^\0]{0,12}|[ -~\n\t\u{1b}]{0,12}", 1..6)
        ) {
            let mut command = vec!["printf", r"%s\0"];
            command.extend(words.iter().map(String::as_str));
            let command = line(&command);
            let mut wanted = words.join("\0");
            wanted.push('\0');
            prop_assert_eq!(shell(&command), wanted, "{}", command);
            prop_assert!(!command.contains(|sign: char| sign.is_control() && sign != '\n'));
        }

        #[test]
        fn a_shell_feeds_the_text(text in "[^\0]{0,20}") {
            prop_assert_eq!(shell(&fed(&text, &["cat"])), format!("{text}\n"));
        }
    }

    #[test]
    fn the_command_names_whom_an_action_reaches_and_the_footer_shows_it_after() {
        let mut session = Session::new((120, 36), Appearance::default());
        session.all_ready();
        let mut shown = |words: &str| {
            let action: Action = words.parse().expect("an action");
            let Action::Cluster(of_cluster) = &action else {
                panic!("{words} is done to the cluster");
            };
            let said = session.state.command_of(of_cluster);
            session.happen(Happening::Do(action.clone()));
            let footer = session.state.view.command.clone();
            assert_eq!(said, footer, "{words}");
            said.unwrap_or_default()
        };
        assert!(shown("produce").ends_with("partitioner=murmur2_random"));
        assert!(shown("stream 10").contains("--throughput 10 "));
        assert_eq!(shown("stream off"), "", "nothing to type ends it");
        let killed = shown("kill all brokers");
        assert_eq!(killed.split(' ').count(), 5, "three pids: {killed}");
        assert!(killed.starts_with("kill -9 "), "{killed}");
    }

    #[test]
    fn what_needs_no_quotes_has_none() {
        assert_eq!(
            consume("127.0.0.1:9092", "orders", "what's new"),
            r"kafka-console-consumer.sh --bootstrap-server 127.0.0.1:9092 --topic orders --group 'what'\''s new' --from-beginning"
        );
    }

    #[test]
    fn a_broker_is_started_with_what_tells_it_from_the_others() {
        let at = BrokerPlace {
            address: Some("127.0.0.1:9095"),
            zookeeper: Some("127.0.0.1:2181"),
            folder: Some("~/my data/demo"),
        };
        let command = start_broker(BrokerId(4), &at);
        assert_eq!(
            command,
            "kafka-server-start.sh config/server.properties --override broker.id=4 \
             --override listeners=PLAINTEXT://127.0.0.1:9095 \
             --override zookeeper.connect=127.0.0.1:2181 \
             --override log.dirs=\"$HOME\"/'my data/demo/broker-4'"
        );
        let printed = command.replace("kafka-server-start.sh", r"HOME=/home/amy; printf '%s\n'");
        assert!(shell(&printed).ends_with("\nlog.dirs=/home/amy/my data/demo/broker-4\n"));
    }

    #[test]
    fn a_record_is_sent_as_it_is() {
        let mut record = NewRecord {
            topic: "orders".into(),
            key: Some("amy".into()),
            value: Some(r"a\n$(id)".into()),
            ..NewRecord::default()
        };
        assert_eq!(
            produce("127.0.0.1:9092", &record),
            r"printf '%s\n' 'amy:a\n$(id)' | kcat -b 127.0.0.1:9092 -t orders -P -K : -X partitioner=murmur2_random"
        );
        record.key = Some("10:30".into());
        record.partition = Some(2);
        record.headers = vec![("source".into(), "the web".into())];
        record.acks = Acks::Leader;
        let command = produce("127.0.0.1:9092", &record);
        assert!(command.contains(r"'10:30=a\n$(id)'"), "{command}");
        let told = " -K = -p 2 -H 'source=the web' -X acks=1";
        assert!(command.ends_with(told), "{command}");
        record.key = None;
        record.value = None;
        let command = produce("127.0.0.1:9092", &record);
        assert!(command.starts_with(r"printf '%s\n' '' | kcat"), "{command}");
        assert!(
            command.ends_with(" -Z") && !command.contains("-K"),
            "{command}"
        );
    }
}
