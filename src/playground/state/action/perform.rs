//! Does what is done to the cluster: changes what is known of it at once, and asks the outside for the rest.

use super::{
    ClusterAction, NewConsumer, NewRecord, Request, Target, TopicConfig, command, rewind, several,
    spread, transaction_action, verbs, waits,
};
use crate::state::{
    NewTopic, State,
    cluster::{Acks, GroupProtocol, Process, ProcessName, StreamRate},
    story::{Subject, Tone},
};
use wire::{BrokerId, TopicPartition};

/// Does what passed the gate.
pub(in crate::state) fn perform(state: &mut State, action: &ClusterAction) -> Vec<Request> {
    match action {
        ClusterAction::Kill(Target::Brokers(brokers)) => several::kill(state, brokers),
        ClusterAction::Kill(target) => verbs::each(state, target, verbs::kill),
        ClusterAction::Stop(target) => verbs::each(state, target, verbs::stop),
        ClusterAction::Freeze(target) => verbs::each(state, target, verbs::freeze),
        ClusterAction::Thaw(target) => verbs::each(state, target, verbs::thaw),
        ClusterAction::Start(target) => verbs::each(state, target, verbs::start),
        ClusterAction::Restart(target) => verbs::each(state, target, verbs::restart),
        ClusterAction::Heal => verbs::heal(state),
        ClusterAction::Produce(None) => produce(state),
        ClusterAction::Produce(Some(record)) => {
            vec![Request::Produce(vec![state.record_of(record)])]
        }
        ClusterAction::Acks(acks) => wait_for(state, *acks),
        ClusterAction::Stream(StreamRate::Off) => slow_down(state, StreamRate::Off),
        ClusterAction::Stream(rate) => stream(state, state.view.topic.clone(), *rate),
        ClusterAction::StreamInto(topic, rate) => stream_beside(state, topic, *rate),
        ClusterAction::StreamFaster => {
            let rate = state.cluster.stream.faster();
            stream(state, state.view.topic.clone(), rate)
        }
        ClusterAction::StreamSlower => slow_down(state, state.cluster.stream.slower()),
        ClusterAction::AddConsumer(group) => {
            let group = group.clone().unwrap_or_else(|| state.view.group.clone());
            if !is_group(state, &group) {
                // Whoever makes a group wants to see it.
                state.view.group.clone_from(&group);
            }
            add_consumer(state, group)
        }
        ClusterAction::JoinBy(protocol) => join_by(state, *protocol),
        ClusterAction::AddGroup => {
            let group = unused_group(state);
            state.view.group.clone_from(&group);
            add_consumer(state, group)
        }
        ClusterAction::CreateTopic(Some((name, partitions, factor))) => {
            create_topic(state, name, *partitions, *factor)
        }
        ClusterAction::SetConfig(config) => set_config(state, config),
        ClusterAction::DeleteTopic(name) => delete_topic(state, name),
        ClusterAction::DeleteGroup(name) => delete_group(state, name),
        ClusterAction::AddBroker => add_broker(state),
        ClusterAction::RewindGroup(None) => rewind::begin_meant(state),
        ClusterAction::RewindGroup(Some((group, place, to))) => {
            rewind::begin(state, group, place, *to)
        }
        ClusterAction::SpreadPartitions => spread::spread(state),
        ClusterAction::ElectLeaders => elect_leaders(state),
        ClusterAction::Reconnect => vec![Request::Reconnect],
        ClusterAction::Transaction(action) => transaction_action::perform(state, action),
        ClusterAction::Wait(wanted) => waits::wait(state, wanted),
        // The gate asked for what is missing: they came back with a name, or not at all.
        ClusterAction::Compose | ClusterAction::CreateTopic(None) | ClusterAction::Delete => {
            Vec::new()
        }
    }
}

/// The next demo record; before the topic is there, it is kept.
fn produce(state: &mut State) -> Vec<Request> {
    if !state.is_ready() {
        state.opening.kept += 1;
        let topic = state.view.topic.clone();
        state.message(
            format!("{{produce}} kept: sent when {topic} is there"),
            false,
        );
        return Vec::new();
    }
    vec![Request::Produce(vec![state.next_demo_record()])]
}

/// Sends a record that was composed by hand, and shows how a shell would.
pub(in crate::state) fn send(state: &mut State, record: NewRecord) -> Vec<Request> {
    state.view.command = Some(command::produce(&state.bootstrap(), &record));
    vec![Request::Produce(vec![record])]
}

/// What our producers wait for from now on.
fn wait_for(state: &mut State, acks: Acks) -> Vec<Request> {
    state.cluster.acks = acks;
    let meaning = match acks {
        Acks::All => "all replicas in sync have a record before it counts",
        Acks::Leader => "the leader has a record before it counts",
        Acks::None => "a record counts as soon as it is sent",
    };
    let line = state.wish().say(format!("acks={}", acks.setting()));
    state
        .story
        .begin(line.with(Tone::Dim, format!("  {meaning}")));
    vec![Request::Acks(acks)]
}

/// How consumers join that come from now on; those that are there stay as they are.
fn join_by(state: &mut State, protocol: Option<GroupProtocol>) -> Vec<Request> {
    let protocol = protocol.unwrap_or(state.cluster.joins_by.other());
    state.cluster.joins_by = protocol;
    let meaning = match protocol {
        GroupProtocol::Classic => "members divide, and all stand still meanwhile",
        GroupProtocol::Consumer => "the coordinator divides, and only what moves stands still",
    };
    let line = state.wish();
    let line = line.say(format!("next consumers join by group.protocol={protocol}"));
    let line = line.with(Tone::Dim, format!("  {meaning}"));
    state.story.begin(line);
    state.message(
        format!(
            "next consumers join by: {protocol}   {{group protocol}} {}",
            protocol.other()
        ),
        false,
    );
    Vec::new()
}

/// A stream that runs becomes slower or ends where it is, whatever topic is shown.
fn slow_down(state: &mut State, rate: StreamRate) -> Vec<Request> {
    if state.cluster.stream == StreamRate::Off {
        return Vec::new();
    }
    stream(state, state.cluster.stream_into.clone(), rate)
}

/// There is one stream: it goes into this topic from now on.
fn stream(state: &mut State, topic: String, rate: StreamRate) -> Vec<Request> {
    if rate == state.cluster.stream && topic == state.cluster.stream_into {
        return Vec::new();
    }
    state.cluster.stream = rate;
    state.cluster.stream_into.clone_from(&topic);
    let words = match rate {
        StreamRate::Off => "stream off".to_owned(),
        rate => format!("stream {} into {topic}", pace(rate)),
    };
    state.story.begin(state.wish().say(words));
    vec![Request::Stream { topic, rate }]
}

/// Streams beside the one that keys change; each is a task that sends.
const STREAMS_BESIDE_MAX: usize = 16;

/// A stream of its own for this topic, unless the one that keys change goes there.
fn stream_beside(state: &mut State, topic: &str, rate: StreamRate) -> Vec<Request> {
    let cluster = &mut state.cluster;
    if cluster.stream != StreamRate::Off && cluster.stream_into == topic {
        return stream(state, topic.to_owned(), rate);
    }
    if rate == StreamRate::Off {
        if cluster.streams_beside.remove(topic).is_none() {
            return Vec::new();
        }
    } else if !cluster.topics.contains_key(topic) {
        state.message(format!("there is no topic {topic}"), true);
        return Vec::new();
    } else if cluster.streams_beside.len() >= STREAMS_BESIDE_MAX
        && !cluster.streams_beside.contains_key(topic)
    {
        state.message(format!("{STREAMS_BESIDE_MAX} streams run already"), true);
        return Vec::new();
    } else {
        cluster.streams_beside.insert(topic.to_owned(), rate);
    }
    let words = format!("stream {} into {topic}", pace(rate));
    state.story.begin(state.wish().say(words));
    vec![Request::StreamBeside {
        topic: topic.to_owned(),
        rate,
    }]
}

/// `10/s`, `1k/s`, `max`
#[must_use]
pub fn pace(rate: StreamRate) -> String {
    match rate {
        StreamRate::Off => "off".to_owned(),
        StreamRate::PerSecond(rate) if rate >= 1000 && rate.is_multiple_of(1000) => {
            format!("{}k/s", rate / 1000)
        }
        StreamRate::PerSecond(rate) => format!("{rate}/s"),
        StreamRate::Max => "max".to_owned(),
    }
}

fn add_consumer(state: &mut State, group: String) -> Vec<Request> {
    // The first ones are those that the start brings.
    let first = if state.is_ready() {
        1
    } else {
        state.setup.consumers + 1
    };
    let number = (first..=CONSUMERS_MAX).find(|number| {
        let name = ProcessName::Consumer(format!("c{number}"));
        !state.cluster.processes.contains_key(&name)
    });
    let Some(number) = number else {
        state.message(
            format!("{CONSUMERS_MAX} consumers is all this screen keeps"),
            true,
        );
        return Vec::new();
    };
    let consumer = NewConsumer {
        name: format!("c{number}"),
        group,
        topic: state.view.topic.clone(),
        protocol: state.cluster.joins_by,
    };
    let mut process = Process::planned(consumer.process(), state.now);
    process.group = Some(consumer.group.clone());
    process.topic = Some(consumer.topic.clone());
    state.cluster.processes.insert(consumer.process(), process);
    let line = state
        .wish()
        .say(format!(
            "add consumer {} to {}",
            consumer.name, consumer.group
        ))
        .with(
            Tone::Hint,
            format!("  {{stop {}}} stops it", consumer.process()),
        )
        .about(Subject::Process(consumer.process()));
    state.story.begin(line);
    vec![Request::AddConsumer(consumer)]
}

/// Each is a process; more of them teach nothing new and weigh on the machine.
const CONSUMERS_MAX: u32 = 99;

/// Names for groups that come after the first, as a shop would have them.
const GROUPS: [&str; 4] = ["shipping", "audit", "search", "fraud"];

pub(in crate::state) fn unused_group(state: &State) -> String {
    GROUPS
        .iter()
        .map(|name| (*name).to_owned())
        .chain((1..=CONSUMERS_MAX).map(|number| format!("group-{number}")))
        .find(|name| !is_group(state, name))
        .unwrap_or_default()
}

/// Whether there is such a group, or a consumer of ours that was started for it.
fn is_group(state: &State, name: &str) -> bool {
    let mut processes = state.cluster.processes.values();
    state.cluster.groups.contains_key(name)
        || processes.any(|process| process.group.as_deref() == Some(name))
}

fn create_topic(
    state: &mut State,
    name: &str,
    partitions: i32,
    replication_factor: i16,
) -> Vec<Request> {
    let line = state
        .wish()
        .say(format!(
            "create topic {name}: {partitions} partitions, RF {replication_factor}"
        ))
        .with(Tone::Hint, format!("  {{topic delete {name}}} deletes it"))
        .about(Subject::Topic(name.to_owned()));
    state.story.begin(line);
    let topic = NewTopic {
        name: name.to_owned(),
        partitions,
        replication_factor,
    };
    state.view.topic_to_come = Some(name.to_owned());
    vec![Request::CreateTopic(topic)]
}

/// The broker says whether there is such a config and whether it takes the value.
fn set_config(state: &mut State, config: &TopicConfig) -> Vec<Request> {
    let TopicConfig { topic, name, value } = config;
    if !state.cluster.topics.contains_key(topic) {
        state.message(format!("there is no topic {topic}"), false);
        return Vec::new();
    }
    let says = match value {
        Some(value) => format!("set {name} of {topic} to {value}"),
        None => format!("take {name} of {topic} back"),
    };
    let line = state.wish().say(says).about(Subject::Topic(topic.clone()));
    state.story.begin(line);
    vec![Request::SetConfig(config.clone())]
}

/// Deletes it. A stream into it ends first: its next record would create the topic anew, with Kafka's defaults.
fn delete_topic(state: &mut State, name: &str) -> Vec<Request> {
    let mut requests = Vec::new();
    if name == state.cluster.stream_into {
        requests = slow_down(state, StreamRate::Off);
    }
    requests.extend(stream_beside(state, name, StreamRate::Off));
    let line = state
        .wish()
        .say(format!("delete topic {name}"))
        .about(Subject::Topic(name.to_owned()));
    state.story.begin(line);
    requests.push(Request::DeleteTopic(name.to_owned()));
    requests
}

fn delete_group(state: &mut State, name: &str) -> Vec<Request> {
    let line = state
        .wish()
        .say(format!("delete group {name}"))
        .about(Subject::GroupState(name.to_owned()));
    state.story.begin(line);
    vec![Request::DeleteGroup(name.to_owned())]
}

/// Gives leadership back to whom it is meant for.
pub(in crate::state) fn elect_leaders(state: &mut State) -> Vec<Request> {
    let mut line = state.wish().say("elect preferred leaders");
    for (name, topic) in &state.cluster.topics {
        for partition in topic.partitions.iter().filter(|known| known.is_astray()) {
            let place = TopicPartition::new(name, partition.seen.partition);
            line = line.about(Subject::Partition(place));
        }
    }
    state.story.begin(line);
    vec![Request::ElectLeaders]
}

/// The id that the next broker gets.
pub(in crate::state) fn next_broker(state: &State) -> BrokerId {
    let highest = state.cluster.brokers().filter_map(Process::broker).max();
    BrokerId(highest.map_or(1, |highest| highest.0 + 1))
}

fn add_broker(state: &mut State) -> Vec<Request> {
    let id = next_broker(state);
    let name = ProcessName::Broker(id);
    let process = Process::planned(name.clone(), state.now);
    state.cluster.processes.insert(name.clone(), process);
    let line = state
        .wish()
        .say(format!("add broker {id}"))
        .with(Tone::Hint, "  {partitions spread} moves partitions onto it")
        .with(Tone::Hint, format!("  {{stop {name}}} stops it"))
        .about(Subject::Process(name.clone()));
    state.story.begin(line);
    vec![Request::Start(name)]
}
