//! What the palette offers: every action that makes sense now, its arguments from the live cluster.

use std::collections::BTreeSet;

use super::Candidate;
use crate::state::{
    State,
    action::{Action, FORMS, Target},
    cluster::{Process, ProcessName, Status},
    story::places,
};

/// Every action that makes sense now, with its arguments filled in.
pub(super) fn all(state: &State) -> Vec<Candidate> {
    let mut all = Vec::new();
    for (verb, key) in [
        ("kill", "kill"),
        ("stop", "stop"),
        ("freeze", "freeze"),
        ("thaw", "freeze"),
        ("start", "start"),
        ("restart", "start"),
    ] {
        aimed(state, verb, key, &mut all);
    }
    all.push(candidate(
        state,
        "heal",
        "heal",
        "starts and thaws what is down",
    ));
    all.push(candidate(
        state,
        "produce",
        "produce",
        "the next demo record",
    ));
    all.push(candidate(
        state,
        "compose",
        "compose",
        "key, value, headers, partition, acks",
    ));
    for rate in ["off", "1", "10", "100", "1000", "10000", "max"] {
        all.push(candidate(
            state,
            format!("stream {rate}"),
            "stream faster",
            "records a second",
        ));
    }
    for group in state.cluster.groups.keys() {
        all.push(candidate(
            state,
            format!("consumer add {group}"),
            "consumer add",
            "",
        ));
    }
    all.push(candidate(
        state,
        "group add",
        "group add",
        "a new group, from the first record",
    ));
    protocols(state, &mut all);
    transactions(state, &mut all);
    all.push(candidate(
        state,
        "topic create",
        "topic create",
        "NAME PARTITIONS REPLICATION-FACTOR",
    ));
    for (name, topic) in &state.cluster.topics {
        if !topic.internal {
            let mut delete = candidate(
                state,
                format!("topic delete {name}"),
                "delete",
                "asks first",
            );
            delete.asks = !delete.idle;
            all.push(delete);
        }
    }
    for name in state.cluster.topics.keys() {
        all.push(candidate(state, format!("topic show {name}"), "", ""));
    }
    for group in state.cluster.groups.keys() {
        all.push(candidate(state, format!("group show {group}"), "", ""));
        let mut delete = candidate(
            state,
            format!("group delete {group}"),
            "delete",
            "asks first",
        );
        delete.asks = !delete.idle;
        all.push(delete);
    }
    all.push(candidate(state, "broker add", "broker add", ""));
    for process in state.cluster.processes.values() {
        all.push(candidate(
            state,
            format!("pick {}", process.name),
            "",
            summary(state, process),
        ));
    }
    waits(state, &mut all);
    of_the_screen(state, &mut all);
    configs(state, &mut all);
    all
}

/// How the next consumers join.
fn protocols(state: &State, all: &mut Vec<Candidate>) {
    for protocol in ["classic", "consumer"] {
        let text = format!("group protocol {protocol}");
        all.push(candidate(
            state,
            text,
            "group protocol",
            "how the next consumers join",
        ));
    }
}

/// The steps that our producers can take now.
fn transactions(state: &State, all: &mut Vec<Candidate>) {
    let begins = "[ID] [timeout 60s]";
    all.push(candidate(state, "txn begin", "txn", begins));
    for (process, producing) in state.cluster.producers() {
        let ProcessName::Producer(name) = &process.name else {
            continue;
        };
        if process.takes_orders() && producing.stage.is_open() {
            for (verb, key) in [("commit", "txn"), ("abort", "txn abort"), ("abandon", "")] {
                all.push(candidate(state, format!("txn {verb} {name}"), key, ""));
            }
        }
    }
}

/// Kafka's configs of a topic, without those that do nothing any more; first what people look for: of equals the
/// first is offered, and `retention.ms` is also in `delete.retention.ms`.
const TOPIC_CONFIGS: [&str; 25] = [
    "retention.ms",
    "retention.bytes",
    "cleanup.policy",
    "min.insync.replicas",
    "max.message.bytes",
    "compression.type",
    "segment.bytes",
    "segment.ms",
    "delete.retention.ms",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "follower.replication.throttled.replicas",
    "index.interval.bytes",
    "leader.replication.throttled.replicas",
    "max.compaction.lag.ms",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "message.timestamp.type",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "preallocate",
    "segment.index.bytes",
    "segment.jitter.ms",
    "unclean.leader.election.enable",
];

/// The configs of the topic that is shown; the value is for the person to say.
fn configs(state: &State, all: &mut Vec<Candidate>) {
    let Some(topic) = state.cluster.topics.get(&state.view.topic) else {
        return;
    };
    for name in TOPIC_CONFIGS {
        let note = match topic.configs.get(name) {
            Some(value) => format!("VALUE; now {value}"),
            None => "VALUE".to_owned(),
        };
        all.push(plain(
            state,
            format!("config {} {name}", state.view.topic),
            note,
        ));
    }
}

/// Conditions that can be waited for, with names of the live cluster; the amounts are for the person to say.
fn waits(state: &State, all: &mut Vec<Candidate>) {
    let topic = &state.view.topic;
    let group = &state.view.group;
    for form in FORMS {
        let known = match form.word {
            "isr" | "leader" | "topic" | "record" | "replicas" | "copies" | "config" => {
                topic.as_str()
            }
            "offset" | "log-start" => &format!("{topic} p{}", state.view.partition),
            "read" | "duplicates" => &format!("{group} {topic}"),
            "committed" => &format!("{group} {topic} p{}", state.view.partition),
            "group" | "lag" => group,
            _ => "",
        };
        let text = format!("wait {} {known}", form.word);
        all.push(plain(state, text.trim_end(), form.usage));
    }
}

/// What only concerns the screen.
fn of_the_screen(state: &State, all: &mut Vec<Candidate>) {
    for name in state.view.layouts.names() {
        all.push(candidate(
            state,
            format!("layout {name}"),
            "layout next",
            "",
        ));
    }
    for name in state.view.themes.names() {
        all.push(candidate(state, format!("theme {name}"), "", ""));
    }
    for listed in state.learning.list() {
        let lesson = listed.lesson;
        let note = format!("{}, {} min", lesson.title, lesson.minutes);
        all.push(plain(state, format!("lesson {}", listed.number), note));
    }
    // Whatever else there is, with the words of the help page.
    let offered: BTreeSet<String> = all.iter().map(|known| known.text.clone()).collect();
    for name in Action::plain_names() {
        if !offered.contains(name) && !NOT_BY_NAME.contains(&name) {
            let label = state.view.keys.label_of(name).unwrap_or_default();
            all.push(candidate(state, name, name, label));
        }
    }
}

/// What only means something as a key.
const NOT_BY_NAME: [&str; 4] = ["accept", "back", "open", "palette"];

/// A verb with each process it can reach.
fn aimed(state: &State, verb: &str, action: &str, all: &mut Vec<Candidate>) {
    let fits = |process: &Process| match verb {
        "thaw" => process.status == Status::Frozen,
        "start" => process.status.is_gone(),
        "kill" => true,
        _ => process.status.is_running(),
    };
    let line = |process: &Process| {
        let mut line = candidate(
            state,
            format!("{verb} {}", process.name),
            action,
            summary(state, process),
        );
        let does = format!("{action} {}", process.name).parse();
        let keys = does.map(|does| state.view.keys_for(&does));
        line.keys = keys.ok().filter(|keys| !keys.starts_with(':'));
        if verb == "kill" && process.status.is_gone() {
            line.keys = None;
            line.idle = true;
            let note = format!("already dead, {{start {}}} starts it", process.name);
            line.note = state.view.fill(&note);
        }
        line
    };
    for broker in state.cluster.brokers().filter(|process| fits(process)) {
        all.push(line(broker));
    }
    if DESTRUCTIVE.contains(&verb) {
        roles(state, verb, all);
    }
    if verb == "kill" {
        all.push(Candidate {
            asks: true,
            ..plain(state, "kill all brokers", "asks first")
        });
    }
    for process in state.cluster.processes.values() {
        if process.broker().is_none() && fits(process) {
            all.push(line(process));
        }
    }
}

/// Verbs that are aimed at roles: what a role does for others is seen when it is taken away.
const DESTRUCTIVE: [&str; 4] = ["kill", "stop", "freeze", "restart"];

/// A verb with each role that a broker has now.
fn roles(state: &State, verb: &str, all: &mut Vec<Candidate>) {
    let mut role = |target: &Target| {
        if let [broker] = state.aimed(target).as_slice() {
            let text = format!("{verb} {target}");
            let known = state.cluster.processes.get(broker);
            let dead = known.is_some_and(|process| process.status.is_gone());
            let note = if dead { ", which is dead" } else { "" };
            all.push(Candidate {
                idle: dead,
                ..plain(state, text, format!("now {broker}{note}"))
            });
        }
    };
    role(&Target::Controller);
    for group in state.cluster.groups.keys() {
        role(&Target::CoordinatorOf(group.clone()));
    }
    for (place, partition) in state.cluster.partitions() {
        role(&Target::LeaderOf(place.clone()));
        if partition.seen.replicas.len() > 1 {
            role(&Target::FollowerOf(place));
        }
    }
    all.push(Candidate {
        asks: true,
        ..plain(state, format!("{verb} random"), "asks first")
    });
}

/// What no key does.
fn plain(state: &State, text: impl Into<String>, note: impl Into<String>) -> Candidate {
    candidate(state, text, "", note)
}

/// `pid 4121, leads p0 p2`
#[must_use]
pub fn summary(state: &State, process: &Process) -> String {
    let mut facts: Vec<String> = process
        .pid
        .map(|pid| format!("pid {pid}"))
        .into_iter()
        .collect();
    if let Some(broker) = process.broker() {
        let led = state.cluster.led_by(broker);
        if !led.is_empty() {
            facts.push(format!("leads {}", places(state.home_topic(), &led)));
        }
        if state.cluster.is_controller(broker) {
            facts.push("controller".into());
        }
    }
    if let (ProcessName::Consumer(_), Some(group)) = (&process.name, &process.group) {
        facts.push(format!("reads for {group}"));
    }
    if let Some(producing) = &process.producing {
        facts.push(format!("transactional.id {}", producing.transactional_id));
    }
    facts.join(", ")
}

fn candidate(
    state: &State,
    text: impl Into<String>,
    action: &str,
    note: impl Into<String>,
) -> Candidate {
    let text = text.into();
    let in_the_way = text.parse().ok().and_then(|does| state.in_the_way(&does));
    let note = match &in_the_way {
        Some(obstacle) => obstacle.words().to_owned(),
        None => note.into(),
    };
    Candidate {
        text,
        keys: state.view.keys.key_of(action).map(|key| key.to_string()),
        note,
        asks: false,
        idle: in_the_way.is_some(),
        only_verb: false,
    }
}
