//! Transcripts of the coordinator.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::consumer_protocol_assignment::TopicPartition as Assigned;
use kafka_protocol::messages::consumer_protocol_subscription::TopicPartition as Owned;
use kafka_protocol::messages::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, TopicName,
};
use kafka_protocol::protocol::{Encodable, StrBytes};

use super::event::{
    CommitRequest, Event, JoinRequest, LeaveRequest, LeavingMember, Logged, MemberIdentity, Now,
    Producer, Request, RequestId, Response, StoredRecord, SyncRequest, TransactionEnd, WriteId,
};
use super::group_metadata_record::GroupMetadataValue;
use super::loading::Replay;
use super::offset_commit_record::{OffsetAndMetadata, OffsetCommitKey};
use super::{
    Assignor, Config, ConsumerConfig, Coordinator, Effect, MigrationPolicy, partition_for,
};
use crate::scenario_tests::behave_as_written_down;
use wire::consumer_protocol::decode_assignment;
use wire::fields::FieldReader;
use wire::report::{MemberPartitions, Report};
use wire::{BrokerId, ErrorCode, LeaderEpoch, Offset, TopicPartition};

#[test]
fn groups_behave_as_written_down() {
    behave_as_written_down("groups", 10, || {
        let mut world = World::new();
        move |line: &str| world.command(line)
    });
}

#[test]
fn groups_fall_on_the_partitions_that_kafka_chooses() {
    // "polygenelubricants".hashCode() is Integer.MIN_VALUE, "äö🦀" has a surrogate pair.
    assert_eq!(partition_for("polygenelubricants", 50), 0);
    assert_eq!(partition_for("billing", 50), 9);
    assert_eq!(partition_for("äö🦀", 50), 6);
    assert_eq!(partition_for("", 50), 0);
}

/// What a client remembers.
#[derive(Default, Clone)]
struct Client {
    member_id: String,
    generation: i32,
    instance: Option<String>,
    held: Vec<TopicPartition>,
}

struct World {
    coordinator: Coordinator,
    now: Now,
    clients: BTreeMap<String, Client>,
    /// Who asked what.
    requests: BTreeMap<RequestId, (String, &'static str)>,
    next_request: u64,
    next_member: u64,
    /// Everything that was appended.
    log: Vec<Logged>,
    epoch: i32,
    hold_writes: bool,
    held: Vec<(WriteId, Vec<Logged>)>,
    /// Markers in the log that the coordinator was not told of.
    unheard: Vec<(TransactionEnd, WriteId)>,
}

pub(super) fn config() -> Config {
    Config {
        broker: BrokerId(1),
        session_timeout_min_ms: 1_000,
        session_timeout_max_ms: 1_800_000,
        initial_rebalance_delay: Duration::ZERO,
        group_size_max: 100,
        offsets_retention_ms: 600_000,
        retention_check_interval: Duration::from_secs(300),
        offset_metadata_bytes_max: 8,
        new_member_join_timeout: Duration::from_secs(300),
        consumer: ConsumerConfig {
            is_enabled: true,
            session_timeout: Duration::from_secs(45),
            heartbeat_interval_ms: 5_000,
            assignment_interval_ms: 1_000,
            group_size_max: 100,
            assignors: Assignor::ALL.to_vec(),
            migration_policy: MigrationPolicy::Disabled,
        },
    }
}

/// A world with a coordinator, whose time a scenario lets pass.
pub(super) trait Timed {
    fn coordinator(&self) -> &Coordinator;
    fn now(&mut self) -> &mut Now;
    fn step(&mut self, event: Event) -> String;

    /// Time passes from deadline to deadline; what happens at each.
    fn wait(&mut self, ms: u64) -> String {
        let end = self.now().monotonic + Duration::from_millis(ms);
        let mut out = String::new();
        while let Some(due) = self.coordinator().next_deadline().filter(|due| *due <= end) {
            self.now().advance_to(due);
            let happened = self.step(Event::Tick);
            if !happened.is_empty() {
                writeln!(out, "at {} ms", self.now().monotonic.as_millis()).expect("a string");
                out += &happened;
            }
        }
        self.now().advance_to(end);
        out
    }
}

impl Now {
    fn advance_to(&mut self, monotonic: Duration) {
        let passed = monotonic.saturating_sub(self.monotonic);
        self.monotonic = monotonic.max(self.monotonic);
        self.wall_ms += i64::try_from(passed.as_millis()).expect("small");
    }
}

impl Timed for World {
    fn coordinator(&self) -> &Coordinator {
        &self.coordinator
    }

    fn now(&mut self) -> &mut Now {
        &mut self.now
    }

    fn step(&mut self, event: Event) -> String {
        let effects = self.coordinator.step(event, self.now);
        let mut out = String::new();
        for effect in effects {
            match effect {
                Effect::Respond { to, response } => out += &self.response(to, response),
                Effect::Report(report) => out += &show_report(report),
                Effect::Store {
                    write,
                    records,
                    producer,
                    ..
                } => {
                    write!(out, "  log <- {}", show_records(&records)).expect("a string");
                    match producer {
                        Some(it) => writeln!(out, " of producer {} epoch {}", it.id, it.epoch),
                        None => writeln!(out),
                    }
                    .expect("a string");
                    let records = records.into_iter();
                    let records = records
                        .map(|record| Logged::Record(record, producer))
                        .collect::<Vec<_>>();
                    if self.hold_writes {
                        self.held.push((write, records));
                    } else {
                        self.log.extend(records);
                        let stored = Event::Stored {
                            write,
                            result: Ok(()),
                        };
                        out += &self.step(stored);
                    }
                }
            }
        }
        out
    }
}

impl World {
    fn new() -> Self {
        let now = Now {
            monotonic: Duration::ZERO,
            wall_ms: 1_000_000,
        };
        let mut world = Self {
            coordinator: Coordinator::new(config(), 1, now),
            now,
            clients: BTreeMap::new(),
            requests: BTreeMap::new(),
            next_request: 0,
            next_member: 0,
            log: Vec::new(),
            epoch: 0,
            hold_writes: false,
            held: Vec::new(),
            unheard: Vec::new(),
        };
        world.lead();
        world
    }

    fn lead(&mut self) -> String {
        self.epoch += 1;
        let started = Event::LoadStarted {
            partition: 0,
            leader_epoch: LeaderEpoch(self.epoch),
        };
        self.step(started)
    }

    fn loaded(&mut self) -> String {
        let mut replay = Replay::default();
        for logged in self.log.clone() {
            replay.apply(logged).expect("own record");
        }
        let loaded = Event::Loaded {
            partition: 0,
            leader_epoch: LeaderEpoch(self.epoch),
            replay: Box::new(replay),
        };
        self.step(loaded)
    }

    fn command(&mut self, line: &str) -> String {
        let mut words = line.split_whitespace();
        let verb = words.next().expect("a command");
        let words: Vec<&str> = words.collect();
        let options: BTreeMap<&str, &str> = words
            .iter()
            .filter_map(|word| word.split_once('='))
            .collect();
        let plain: Vec<&str> = words
            .iter()
            .copied()
            .filter(|word| !word.contains('='))
            .collect();
        match verb {
            "load" => self.loaded(),
            "lead" => {
                let mut out = self.lead();
                out += &self.loaded();
                out
            }
            "lead-only" => self.lead(),
            "resign" => self.step(Event::Resigned { partition: 0 }),
            "config" => {
                self.configure(&options);
                String::new()
            }
            "hold-writes" => {
                self.hold_writes = true;
                String::new()
            }
            "write-ends" => {
                let which = options
                    .get("write")
                    .map_or(0, |text| text.parse().expect("a number"));
                self.write_ends(plain.first().copied().unwrap_or("NONE"), which)
            }
            "join" => self.join(plain[0], &plain, &options),
            "sync" => self.sync(plain[0], &options),
            "heartbeat" => {
                let request = Request::Heartbeat(self.identity(plain[0], &options));
                self.ask(plain[0], "heartbeat", request)
            }
            "leave" => self.leave(&plain, &options),
            "commit" => self.commit(plain[0], &options),
            "marker" => {
                let end = TransactionEnd {
                    producer_id: number(plain[1]),
                    last_epoch: options.get("epoch").map_or(0, |text| number(text)),
                    is_committed: plain[0] == "commit",
                };
                self.log.push(Logged::TransactionEnd(end));
                let before = self.coordinator.next_write();
                self.unheard.push((end, before));
                if plain.contains(&"unheard") {
                    String::new()
                } else {
                    self.hear_of_marker()
                }
            }
            "marker-heard" => self.hear_of_marker(),
            "delete-group" => {
                let group = plain.first().copied().unwrap_or("g").to_owned();
                self.ask("admin", "delete-group", Request::DeleteGroup { group })
            }
            "delete-offsets" => {
                let partitions = plain.iter().map(|text| partition(text)).collect();
                let request = Request::DeleteOffsets {
                    group: "g".into(),
                    partitions,
                };
                self.ask("admin", "delete-offsets", request)
            }
            "topic-deleted" => {
                let topics = plain.iter().map(|topic| (*topic).to_owned()).collect();
                self.step(Event::TopicsDeleted { topics })
            }
            "fetch" => self.fetch(plain.contains(&"stable")),
            "describe" => self.describe(),
            "list" => format!("{:?}\n", self.coordinator.list()),
            "wait" => self.wait(plain[0].parse().expect("milliseconds")),
            other => panic!("unknown command {other}"),
        }
    }

    /// The coordinator hears of the last marker that it did not hear of.
    fn hear_of_marker(&mut self) -> String {
        let (end, before) = self.unheard.pop().expect("a marker");
        self.step(Event::TransactionEnded {
            partition: 0,
            end,
            before,
        })
    }

    fn configure(&mut self, options: &BTreeMap<&str, &str>) {
        let mut config = config();
        for (name, value) in options {
            let number: u64 = value.parse().expect("a number");
            match *name {
                "size" => config.group_size_max = usize::try_from(number).expect("small"),
                "delay" => config.initial_rebalance_delay = Duration::from_millis(number),
                other => panic!("unknown setting {other}"),
            }
        }
        self.coordinator.config = config;
    }

    fn identity(&self, name: &str, options: &BTreeMap<&str, &str>) -> MemberIdentity {
        let client = self.clients.get(name).cloned().unwrap_or_default();
        MemberIdentity {
            group: options.get("group").copied().unwrap_or("g").to_owned(),
            generation: options
                .get("generation")
                .map_or(client.generation, |text| text.parse().expect("a number")),
            member_id: options
                .get("id")
                .map_or(client.member_id, |id| (*id).to_owned()),
            group_instance_id: options
                .get("instance")
                .map(|id| (*id).to_owned())
                .or(client.instance),
        }
    }

    fn join(&mut self, name: &str, plain: &[&str], options: &BTreeMap<&str, &str>) -> String {
        let number = |key: &str, default: i32| {
            options
                .get(key)
                .map_or(default, |text| text.parse().expect("a number"))
        };
        if plain.contains(&"anew") {
            self.clients.remove(name);
        }
        let client = self.clients.entry(name.to_owned()).or_default();
        if let Some(instance) = options.get("instance") {
            client.instance = Some((*instance).to_owned());
        }
        let keeps = plain.contains(&"keeping");
        let topics = options.get("topics").copied().unwrap_or("orders");
        let metadata = subscription(topics, if keeps { &client.held } else { &[] });
        let version = number("v", 9);
        self.next_member += 1;
        let request = JoinRequest {
            group: options.get("group").copied().unwrap_or("g").to_owned(),
            member_id: options
                .get("id")
                .map_or(client.member_id.clone(), |id| (*id).to_owned()),
            group_instance_id: client.instance.clone(),
            client_id: name.to_owned(),
            client_host: "/127.0.0.1".into(),
            session_timeout_ms: number("session", 10_000),
            rebalance_timeout_ms: number("rebalance", 60_000),
            protocol_type: options
                .get("type")
                .copied()
                .unwrap_or("consumer")
                .to_owned(),
            protocols: options
                .get("protocols")
                .copied()
                .unwrap_or("range")
                .split(',')
                .filter(|name| !name.is_empty())
                .map(|name| (name.to_owned(), metadata.clone()))
                .collect(),
            requires_known_member_id: version >= 4,
            supports_skipping_assignment: version >= 9,
            new_member_suffix: self.next_member.to_string(),
        };
        self.ask(name, "join", Request::Join(request))
    }

    fn sync(&mut self, name: &str, options: &BTreeMap<&str, &str>) -> String {
        let known = ["group", "generation", "id", "instance", "type", "protocol"];
        let assignments = options
            .iter()
            .filter(|(key, _)| !known.contains(key))
            .map(|(member, partitions)| {
                let client = self.clients.get(*member).cloned().unwrap_or_default();
                (client.member_id, assignment(partitions))
            })
            .collect();
        let owned = |key: &str| options.get(key).map(|text| (*text).to_owned());
        let request = SyncRequest {
            member: self.identity(name, options),
            protocol_type: owned("type"),
            protocol_name: owned("protocol"),
            assignments,
        };
        self.ask(name, "sync", Request::Sync(request))
    }

    fn leave(&mut self, names: &[&str], options: &BTreeMap<&str, &str>) -> String {
        let mut members: Vec<LeavingMember> = names
            .iter()
            .map(|name| LeavingMember {
                member_id: self.identity(name, options).member_id,
                group_instance_id: None,
                reason: None,
            })
            .collect();
        if let Some(instance) = options.get("instance") {
            members.push(LeavingMember {
                member_id: String::new(),
                group_instance_id: Some((*instance).to_owned()),
                reason: Some("an administrator says so".into()),
            });
        }
        let request = LeaveRequest {
            group: "g".into(),
            members,
        };
        let name = names.first().copied().unwrap_or("admin");
        self.ask(name, "leave", Request::Leave(request))
    }

    fn commit(&mut self, name: &str, options: &BTreeMap<&str, &str>) -> String {
        let known = [
            "group",
            "generation",
            "id",
            "instance",
            "metadata",
            "retention",
            "producer",
            "epoch",
        ];
        let retention = options
            .get("retention")
            .map(|text| text.parse::<i64>().expect("a number"));
        let offsets = options
            .iter()
            .filter(|(key, _)| !known.contains(key))
            .map(|(at, offset)| {
                let offset = OffsetAndMetadata {
                    offset: Offset(offset.parse().expect("an offset")),
                    leader_epoch: LeaderEpoch(-1),
                    metadata: options.get("metadata").copied().unwrap_or("").to_owned(),
                    commit_timestamp_ms: self.now.wall_ms,
                    expire_timestamp_ms: retention.map(|ms| self.now.wall_ms + ms),
                };
                (partition(at), offset)
            })
            .collect();
        let request = CommitRequest {
            member: self.identity(name, options),
            knows_member_epochs: true,
            offsets,
        };
        match options.get("producer") {
            None => self.ask(name, "commit", Request::Commit(request)),
            Some(id) => {
                let producer = Producer {
                    id: number(id),
                    epoch: options.get("epoch").map_or(0, |text| number(text)),
                };
                let commit = request;
                let request = Request::CommitInTransaction { producer, commit };
                self.ask(name, "commit", request)
            }
        }
    }

    fn fetch(&self, require_stable: bool) -> String {
        let known = [0, 1].map(|index| TopicPartition::new("orders", index));
        let asked = require_stable.then_some(&known[..]);
        match self.coordinator.fetch_offsets("g", asked, require_stable) {
            Err(error) => format!("{error}\n"),
            Ok(offsets) if offsets.is_empty() => "no offsets\n".into(),
            Ok(offsets) => {
                let mut out = String::new();
                for (at, offset) in offsets {
                    match offset {
                        Ok(Some(it)) => writeln!(out, "{at} at {}", it.offset),
                        Ok(None) => writeln!(out, "{at} nowhere"),
                        Err(error) => writeln!(out, "{at} {error}"),
                    }
                    .expect("a string");
                }
                out
            }
        }
    }

    fn describe(&self) -> String {
        match self.coordinator.describe("g") {
            Err(error) => format!("{error}\n"),
            Ok(None) => "no such group\n".into(),
            Ok(Some(group)) => {
                let mut out = format!(
                    "{} {:?} {:?}\n",
                    group.state, group.protocol_type, group.protocol
                );
                for member in group.members {
                    let partitions = decode_assignment(&member.assignment).expect("own bytes");
                    let partitions = list(&partitions);
                    writeln!(
                        out,
                        "{} {}: {partitions}",
                        member.member_id, member.client_id
                    )
                    .expect("a string");
                }
                out
            }
        }
    }

    fn ask(&mut self, name: &str, what: &'static str, request: Request) -> String {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.requests.insert(id, (name.to_owned(), what));
        self.step(Event::Request { id, request })
    }

    /// `which` counts the writes that are held, from the oldest.
    fn write_ends(&mut self, error: &str, which: usize) -> String {
        let (write, records) = self.held.remove(which);
        let result = match error {
            "NONE" => {
                self.log.extend(records);
                Ok(())
            }
            "TIMED_OUT" => Err(ErrorCode::RequestTimedOut),
            "NOT_LEADER" => Err(ErrorCode::NotLeaderOrFollower),
            "NOT_ENOUGH" => Err(ErrorCode::NotEnoughReplicas),
            other => panic!("unknown outcome {other}"),
        };
        self.step(Event::Stored { write, result })
    }

    fn response(&mut self, to: RequestId, response: Response) -> String {
        let (name, what) = self.requests.remove(&to).expect("answered once");
        let mut out = format!("{name} {what}: ");
        let client = self.clients.entry(name).or_default();
        match response {
            Response::Join(join) => {
                write!(out, "{}", join.error).expect("a string");
                if join.error == ErrorCode::MemberIdRequired {
                    client.member_id = join.member_id;
                    write!(out, " {}", client.member_id).expect("a string");
                } else if join.error.is_none() {
                    client.member_id = join.member_id;
                    client.generation = join.generation;
                    let members: Vec<String> = join
                        .members
                        .into_iter()
                        .map(|member| {
                            assert!(!member.metadata.is_empty(), "metadata is handed on");
                            member.member_id
                        })
                        .collect();
                    write!(
                        out,
                        " as {}, generation {}, {} {}, leader {}, members [{}]",
                        client.member_id,
                        join.generation,
                        join.protocol_type.unwrap_or_default(),
                        join.protocol_name.unwrap_or_default(),
                        join.leader,
                        members.join(" ")
                    )
                    .expect("a string");
                    if join.skip_assignment {
                        out += ", skip assignment";
                    }
                }
            }
            Response::Sync(sync) => {
                write!(out, "{}", sync.error).expect("a string");
                if sync.error.is_none() {
                    client.held = decode_assignment(&sync.assignment).expect("own bytes");
                    write!(out, " gets {}", list(&client.held)).expect("a string");
                }
            }
            Response::Heartbeat(error) | Response::DeleteGroup(error) => {
                write!(out, "{error}").expect("a string");
            }
            Response::Leave(error, members) => {
                write!(out, "{error}").expect("a string");
                for (_, error) in members {
                    write!(out, " {error}").expect("a string");
                }
            }
            Response::Commit(results) => {
                let results: Vec<String> = results
                    .into_iter()
                    .map(|(at, error)| format!("{at} {error}"))
                    .collect();
                out += &results.join(", ");
            }
            Response::ConsumerHeartbeat(_) => unreachable!("none was asked"),
            Response::DeleteOffsets(error, results) => {
                write!(out, "{error}").expect("a string");
                for (at, error) in results {
                    write!(out, ", {at} {error}").expect("a string");
                }
            }
        }
        out + "\n"
    }
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    let number = text.parse().ok();
    number.expect("a number")
}

fn partition(text: &str) -> TopicPartition {
    let (topic, index) = text.rsplit_once('-').expect("topic-partition");
    TopicPartition::new(topic, index.parse().expect("a number"))
}

fn list(partitions: &[TopicPartition]) -> String {
    if partitions.is_empty() {
        return "nothing".into();
    }
    let names: Vec<String> = partitions.iter().map(ToString::to_string).collect();
    names.join(" ")
}

pub(super) fn subscription(topics: &str, owned: &[TopicPartition]) -> Bytes {
    let message = ConsumerProtocolSubscription::default()
        .with_topics(
            topics
                .split(',')
                .map(|topic| StrBytes::from(topic.to_owned()))
                .collect(),
        )
        .with_owned_partitions(
            owned
                .iter()
                .map(|at| {
                    Owned::default()
                        .with_topic(TopicName(StrBytes::from(at.topic.clone())))
                        .with_partitions(vec![at.partition])
                })
                .collect(),
        );
    let mut out = BytesMut::new();
    out.put_i16(1);
    message.encode(&mut out, 1).expect("valid");
    out.freeze()
}

/// `0,2` as partitions of `orders`.
pub(super) fn assignment(partitions: &str) -> Bytes {
    let partitions = partitions
        .split(',')
        .filter(|text| !text.is_empty())
        .map(|text| text.parse().expect("a number"))
        .collect();
    let message = ConsumerProtocolAssignment::default().with_assigned_partitions(vec![
        Assigned::default()
            .with_topic(TopicName(StrBytes::from_static_str("orders")))
            .with_partitions(partitions),
    ]);
    let mut out = BytesMut::new();
    out.put_i16(1);
    message.encode(&mut out, 1).expect("valid");
    out.freeze()
}

fn show_records(records: &[StoredRecord]) -> String {
    let shown: Vec<String> = records.iter().map(show_record).collect();
    shown.join(", ")
}

fn show_record(record: &StoredRecord) -> String {
    let mut key = FieldReader::new(record.key.clone());
    let version = key.i16().expect("a version");
    if version == 2 {
        let group = key.string().expect("a group");
        return match &record.value {
            None => format!("{group} tombstone"),
            Some(value) => {
                let value = GroupMetadataValue::decode(value.clone()).expect("own value");
                let members: Vec<String> = value
                    .members
                    .iter()
                    .map(|member| member.member_id.clone())
                    .collect();
                format!(
                    "{group} generation {} [{}]",
                    value.generation,
                    members.join(" ")
                )
            }
        };
    }
    let key = OffsetCommitKey::decode(&mut key).expect("own key");
    match &record.value {
        None => format!("{} {} tombstone", key.group, key.at),
        Some(value) => {
            let value = OffsetAndMetadata::decode(value.clone()).expect("own value");
            format!("{} {} at {}", key.group, key.at, value.offset)
        }
    }
}

pub(super) fn show_report(report: Report) -> String {
    match report {
        Report::GroupState {
            group,
            state,
            generation,
            why,
            awaited,
            members,
            before,
            ..
        } => {
            let why = why.told(|member| member.client_id.clone());
            let mut out = format!("  {group} {state}, generation {generation}: {why}");
            if state == wire::GroupState::PreparingRebalance && !awaited.is_empty() {
                write!(out, "; awaits {}", awaited.join(" ")).expect("a string");
            }
            if state == wire::GroupState::Stable {
                write!(out, ": {}", show_division(&members)).expect("a string");
                if !before.is_empty() {
                    write!(out, " (before: {})", show_division(&before)).expect("a string");
                }
            }
            out + "\n"
        }
        Report::GroupMember {
            client_id,
            step,
            partitions,
            why,
            ..
        } => {
            let step = format!("{step:?}").to_lowercase();
            let why = why.told(|member| member.client_id.clone());
            let mut out = format!("  {client_id} {step}");
            if !partitions.is_empty() {
                write!(out, ", {}", list(&partitions)).expect("a string");
            }
            if !why.is_empty() {
                write!(out, ": {why}").expect("a string");
            }
            out + "\n"
        }
        Report::GroupsLoaded { groups, epoch, .. } => {
            format!("  loaded [{}] under epoch {epoch}\n", groups.join(" "))
        }
        other => panic!("not of the coordinator: {other:?}"),
    }
}

fn show_division(members: &[MemberPartitions]) -> String {
    let shown: Vec<String> = members
        .iter()
        .map(|member| format!("{} {}", member.client_id, list(&member.partitions)))
        .collect();
    shown.join(", ")
}
