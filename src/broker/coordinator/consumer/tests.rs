//! Transcripts of groups of the consumer protocol.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use uuid::Uuid;

use super::MigrationPolicy;
use super::event::{ConsumerHeartbeat, ConsumerHeartbeatAnswer, Refusal};
use super::partitions::{Assigned, Partitions, all};
use super::records::{self, Key};
use crate::coordinator::event::{
    CommitRequest, Effect, Event, JoinRequest, LeaveRequest, LeavingMember, Logged, MemberIdentity,
    Now, Request, RequestId, Response, StoredRecord, SyncRequest, WriteId,
};
use crate::coordinator::offset_commit_record::{KEY_VERSIONS, OffsetAndMetadata};
use crate::coordinator::tests::{Timed, assignment, config, show_report, subscription};
use crate::coordinator::{Coordinator, Replay};
use crate::scenario_tests::behave_as_written_down;
use wire::consumer_protocol::decode_assignment;
use wire::fields::FieldReader;
use wire::{ErrorCode, LeaderEpoch, Offset, TopicPartition};

#[test]
fn consumer_groups_behave_as_written_down() {
    behave_as_written_down("consumer_groups", 8, || {
        let mut world = World::new();
        move |line: &str| world.command(line)
    });
}

/// What a member remembers.
#[derive(Default, Clone)]
struct Client {
    /// Of a member of the classic protocol; others are called by their names.
    id: String,
    epoch: i32,
    instance: Option<String>,
    assigned: Partitions,
}

struct World {
    coordinator: Coordinator,
    now: Now,
    clients: BTreeMap<String, Client>,
    requests: BTreeMap<RequestId, String>,
    next_request: u64,
    topics: BTreeMap<String, (Uuid, i32)>,
    next_topic: u128,
    log: Vec<StoredRecord>,
    epoch: i32,
    hold_writes: bool,
    held: Vec<(WriteId, Vec<StoredRecord>)>,
}

impl Timed for World {
    fn coordinator(&self) -> &Coordinator {
        &self.coordinator
    }

    fn now(&mut self) -> &mut Now {
        &mut self.now
    }

    fn step(&mut self, event: Event) -> String {
        let mut out = String::new();
        for effect in self.coordinator.step(event, self.now) {
            match effect {
                Effect::Respond { to, response } => out += &self.response(to, response),
                Effect::Report(report) => out += &show_report(report),
                Effect::Store { write, records, .. } => {
                    out += "  log <- ";
                    let shown: Vec<String> = records.iter().map(|it| self.record(it)).collect();
                    out += &(shown.join("; ") + "\n");
                    if self.hold_writes {
                        self.held.push((write, records));
                    } else {
                        self.log.extend(records);
                        let result = Ok(());
                        out += &self.step(Event::Stored { write, result });
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
            topics: BTreeMap::new(),
            next_topic: 1,
            log: Vec::new(),
            epoch: 0,
            hold_writes: false,
            held: Vec::new(),
        };
        world.command("topics t=3");
        world.lead();
        world
    }

    fn lead(&mut self) -> String {
        self.epoch += 1;
        let leader_epoch = LeaderEpoch(self.epoch);
        let started = Event::LoadStarted {
            partition: 0,
            leader_epoch,
        };
        let mut out = self.step(started);
        let mut replay = Replay::default();
        for record in &self.log {
            let logged = Logged::Record(record.clone(), None);
            replay.apply(logged).expect("own record");
        }
        let loaded = Event::Loaded {
            partition: 0,
            leader_epoch,
            replay: Box::new(replay),
        };
        out += &self.step(loaded);
        out
    }

    fn command(&mut self, line: &str) -> String {
        let mut words = line.split_whitespace();
        let verb = words.next().expect("a command");
        let words: Vec<&str> = words.collect();
        let pairs = words.iter().filter_map(|word| word.split_once('='));
        let options: BTreeMap<&str, &str> = pairs.collect();
        let plain: Vec<&str> = words
            .iter()
            .copied()
            .filter(|word| !word.contains('='))
            .collect();
        let name = plain.first().copied().unwrap_or_default();
        match verb {
            "topics" => self.replace_topics(&options),
            "lead" => self.lead(),
            "config" => {
                self.configure(&options);
                String::new()
            }
            "join" => self.beat(name, &plain, &options, Some(0)),
            "beat" => self.beat(name, &plain, &options, None),
            "leave" => self.beat(name, &plain, &options, Some(-1)),
            "go" => self.beat(name, &plain, &options, Some(-2)),
            "commit" => self.commit(name, &options),
            "fetch" => self.fetch(name, &options),
            "describe" => self.describe(),
            "list" => format!("{:?}\n", self.coordinator.list()),
            "classic-join" => self.classic_join(name, &options),
            "classic-sync" => self.classic_sync(name, &options),
            "classic-beat" => {
                let member = self.identity(name, &options);
                self.ask(name, Request::Heartbeat(member))
            }
            "classic-leave" => self.classic_leave(name, &options),
            "delete-group" => {
                let group = "g".to_owned();
                self.ask("admin", Request::DeleteGroup { group })
            }
            "delete-offsets" => {
                let request = Request::DeleteOffsets {
                    group: "g".into(),
                    partitions: plain.iter().map(|text| partition(text)).collect(),
                };
                self.ask("admin", request)
            }
            "hold-writes" => {
                self.hold_writes = true;
                String::new()
            }
            "write-ends" => self.write_ends(name),
            "wait" => self.wait(name.parse().expect("milliseconds")),
            other => panic!("unknown command {other}"),
        }
    }

    fn configure(&mut self, options: &BTreeMap<&str, &str>) {
        let mut config = config();
        for (name, value) in options {
            match *name {
                "size" => config.consumer.group_size_max = value.parse().expect("a number"),
                "enabled" => config.consumer.is_enabled = *value == "yes",
                "policy" => config.consumer.migration_policy = MigrationPolicy::of_name(value),
                other => panic!("unknown setting {other}"),
            }
        }
        self.coordinator.config = config;
    }

    /// A topic that is not named keeps what it has; one with 0 partitions is gone.
    fn replace_topics(&mut self, options: &BTreeMap<&str, &str>) -> String {
        for (name, count) in options {
            let count: i32 = count.parse().expect("a number");
            if count == 0 {
                self.topics.remove(*name);
                continue;
            }
            let next = Uuid::from_u128(self.next_topic);
            let topic = self.topics.entry((*name).to_owned()).or_insert_with(|| {
                self.next_topic += 1;
                (next, 0)
            });
            topic.1 = count;
        }
        let topics = self.topics.iter();
        let topics = topics.map(|(name, (id, count))| (name.clone(), *id, *count));
        let changed = Event::TopicsChanged {
            topics: topics.collect(),
        };
        self.step(changed)
    }

    fn beat(
        &mut self,
        name: &str,
        plain: &[&str],
        options: &BTreeMap<&str, &str>,
        epoch: Option<i32>,
    ) -> String {
        let joins = epoch == Some(0);
        let client = self.clients.entry(name.to_owned()).or_default();
        let owned = |key: &str| options.get(key).map(|text| (*text).to_owned());
        if let Some(instance) = owned("instance") {
            client.instance = Some(instance);
        }
        let client = client.clone();
        let says_owned = plain.contains(&"owned").then(|| client.assigned.clone());
        let has = options.get("owned").map(|text| self.partitions(text));
        let epoch = options
            .get("epoch")
            .map_or(epoch.unwrap_or(client.epoch), |text| {
                text.parse().expect("a number")
            });
        let request = ConsumerHeartbeat {
            group: options.get("group").copied().unwrap_or("g").to_owned(),
            member_id: owned("id").unwrap_or_else(|| name.to_owned()),
            member_epoch: epoch,
            instance_id: client.instance.filter(|_| !plain.contains(&"dynamic")),
            rack_id: owned("rack"),
            rebalance_timeout_ms: options
                .get("rebalance")
                .map_or(if joins { 60_000 } else { -1 }, |text| {
                    text.parse().expect("a number")
                }),
            topics: options.get("topics").map(|text| {
                let names = text.split(',').filter(|name| !name.is_empty());
                names.map(str::to_owned).collect()
            }),
            expression: owned("regex"),
            assignor: owned("assignor"),
            owned: has
                .or(says_owned)
                .or_else(|| (joins && !plain.contains(&"silent")).then(Partitions::new)),
            client_id: owned("client").unwrap_or_else(|| name.to_owned()),
            client_host: "/127.0.0.1".into(),
            makes_member_id: !plain.contains(&"v0"),
            new_member_id: "made-by-the-broker".into(),
            classic: None,
        };
        self.ask(name, Request::ConsumerHeartbeat(Box::new(request)))
    }

    fn identity(&self, name: &str, options: &BTreeMap<&str, &str>) -> MemberIdentity {
        let client = self.clients.get(name).cloned().unwrap_or_default();
        MemberIdentity {
            group: "g".into(),
            generation: options
                .get("epoch")
                .map_or(client.epoch, |text| text.parse().expect("a number")),
            member_id: match name {
                "nobody" => String::new(),
                _ if client.id.is_empty() => name.to_owned(),
                _ => client.id,
            },
            group_instance_id: None,
        }
    }

    fn commit(&mut self, name: &str, options: &BTreeMap<&str, &str>) -> String {
        let known = ["epoch", "v"];
        let offsets = options.iter().filter(|(key, _)| !known.contains(key));
        let offsets = offsets.map(|(at, offset)| {
            let offset = OffsetAndMetadata {
                offset: Offset(offset.parse().expect("an offset")),
                leader_epoch: LeaderEpoch(-1),
                metadata: String::new(),
                commit_timestamp_ms: self.now.wall_ms,
                expire_timestamp_ms: None,
            };
            (partition(at), offset)
        });
        let request = CommitRequest {
            member: self.identity(name, options),
            knows_member_epochs: !options.contains_key("v"),
            offsets: offsets.collect(),
        };
        self.ask(name, Request::Commit(request))
    }

    fn fetch(&self, name: &str, options: &BTreeMap<&str, &str>) -> String {
        let member = self.identity(name, options);
        let (id, epoch) = (member.member_id, member.generation);
        match self.coordinator.check_fetch("g", &id, epoch) {
            Ok(()) => format!(
                "{:?}\n",
                self.coordinator
                    .fetch_offsets("g", None, false)
                    .map(|it| it.len())
            ),
            Err(error) => format!("{error}\n"),
        }
    }

    /// The first time without an id, as clients do.
    fn classic_join(&mut self, name: &str, options: &BTreeMap<&str, &str>) -> String {
        let topics = options.get("topics").copied().unwrap_or("t");
        let owned: Vec<TopicPartition> = options
            .get("owned")
            .map(|text| text.split(',').map(partition).collect())
            .unwrap_or_default();
        let known = self.clients.get(name).map(|client| client.id.clone());
        let assignor = options.get("assignor").copied().unwrap_or("range");
        let request = JoinRequest {
            group: "g".into(),
            member_id: known.unwrap_or_default(),
            group_instance_id: options.get("instance").map(|id| (*id).to_owned()),
            client_id: name.into(),
            client_host: "/127.0.0.1".into(),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 10_000,
            protocol_type: "consumer".into(),
            protocols: vec![(assignor.into(), subscription(topics, &owned))],
            requires_known_member_id: options.contains_key("asks"),
            supports_skipping_assignment: true,
            new_member_suffix: name.into(),
        };
        self.ask(name, Request::Join(request))
    }

    fn classic_sync(&mut self, name: &str, options: &BTreeMap<&str, &str>) -> String {
        let request = SyncRequest {
            member: self.identity(name, options),
            protocol_type: None,
            protocol_name: None,
            assignments: options
                .get("orders")
                .map(|partitions| {
                    (
                        self.identity(name, options).member_id,
                        assignment(partitions),
                    )
                })
                .into_iter()
                .collect(),
        };
        self.ask(name, Request::Sync(request))
    }

    fn classic_leave(&mut self, name: &str, options: &BTreeMap<&str, &str>) -> String {
        let leaving = LeavingMember {
            member_id: name.to_owned(),
            group_instance_id: options.get("instance").map(|id| (*id).to_owned()),
            reason: None,
        };
        let request = LeaveRequest {
            group: "g".into(),
            members: vec![leaving],
        };
        self.ask("admin", Request::Leave(request))
    }

    fn describe(&self) -> String {
        match self.coordinator.describe_consumer("g") {
            Err(error) => format!("{error}\n"),
            Ok(None) => "no such group\n".into(),
            Ok(Some(group)) => {
                let mut out = format!(
                    "{}, epoch {}, assignment epoch {}, {}\n",
                    group.state, group.epoch, group.assignment_epoch, group.assignor
                );
                for member in group.members {
                    let shown = |topics: Vec<super::AssignedTopic>| {
                        let topics = topics.iter().flat_map(|topic| {
                            let partitions = topic.partitions.iter();
                            partitions.map(|partition| format!("{}{partition}", topic.name))
                        });
                        topics.collect::<Vec<_>>().join(" ")
                    };
                    writeln!(
                        out,
                        "{} epoch {}: [{}], target [{}]",
                        member.member_id,
                        member.epoch,
                        shown(member.assignment),
                        shown(member.target)
                    )
                    .expect("a string");
                }
                out
            }
        }
    }

    fn ask(&mut self, name: &str, request: Request) -> String {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.requests.insert(id, name.to_owned());
        self.step(Event::Request { id, request })
    }

    /// The oldest write that is held.
    fn write_ends(&mut self, error: &str) -> String {
        let (write, records) = self.held.remove(0);
        let result = match error {
            "TIMED_OUT" => Err(ErrorCode::RequestTimedOut),
            "NOT_ENOUGH" => Err(ErrorCode::NotEnoughReplicas),
            _ => {
                self.log.extend(records);
                Ok(())
            }
        };
        self.step(Event::Stored { write, result })
    }

    fn response(&mut self, to: RequestId, response: Response) -> String {
        let name = self.requests.remove(&to).expect("answered once");
        let shown = match response {
            Response::ConsumerHeartbeat(answer) => self.heartbeat_answer(&name, answer),
            Response::Join(joined) => {
                let client = self.clients.entry(name.clone()).or_default();
                client.epoch = joined.generation;
                client.id.clone_from(&joined.member_id);
                format!(
                    "{} as {}, generation {}, {:?}, leader {:?}",
                    joined.error,
                    joined.member_id,
                    joined.generation,
                    joined.protocol_name,
                    joined.leader
                )
            }
            Response::Sync(synced) => {
                let has = decode_assignment(&synced.assignment).expect("own bytes");
                let has: Vec<String> = has.iter().map(ToString::to_string).collect();
                format!("{}, has [{}]", synced.error, has.join(" "))
            }
            Response::Heartbeat(error) | Response::DeleteGroup(error) => error.to_string(),
            Response::Commit(results) => {
                let results = results.iter().map(|(at, error)| format!("{at} {error}"));
                results.collect::<Vec<_>>().join(", ")
            }
            other => format!("{other:?}"),
        };
        format!("{name}: {shown}\n")
    }

    fn heartbeat_answer(
        &mut self,
        name: &str,
        answer: Result<ConsumerHeartbeatAnswer, Refusal>,
    ) -> String {
        match answer {
            Err(refusal) => format!("{} \"{}\"", refusal.error, refusal.message),
            Ok(answer) => {
                let mut shown = format!("epoch {}", answer.member_epoch);
                if answer.member_id != name {
                    write!(shown, " as {}", answer.member_id).expect("a string");
                }
                if let Some(assignment) = &answer.assignment {
                    write!(shown, ", has [{}]", self.shown(assignment)).expect("a string");
                }
                let client = self.clients.entry(name.to_owned()).or_default();
                client.epoch = answer.member_epoch;
                if let Some(assignment) = answer.assignment {
                    client.assigned = assignment;
                }
                shown
            }
        }
    }

    fn topic_name(&self, id: Uuid) -> String {
        let mut topics = self.topics.iter();
        let found = topics.find(|(_, (topic, _))| *topic == id);
        found.map_or_else(|| "gone-".to_owned(), |(name, _)| name.clone())
    }

    fn shown(&self, partitions: &Partitions) -> String {
        let shown =
            all(partitions).map(|(id, partition)| format!("{}{partition}", self.topic_name(id)));
        shown.collect::<Vec<_>>().join(" ")
    }

    /// `t0,t1`.
    fn partitions(&self, text: &str) -> Partitions {
        let mut partitions = Partitions::new();
        for one in text.split(',').filter(|one| !one.is_empty()) {
            let (name, index) = one.split_at(one.len() - 1);
            let unknown = (Uuid::from_u128(999), 0);
            let (id, _) = self.topics.get(name).unwrap_or(&unknown);
            let index = index.parse().expect("a digit");
            partitions.entry(*id).or_default().insert(index);
        }
        partitions
    }

    fn assigned(&self, assigned: &Assigned) -> String {
        let shown = assigned
            .iter()
            .map(|(id, partition, epoch)| format!("{}{partition}@{epoch}", self.topic_name(id)));
        shown.collect::<Vec<_>>().join(" ")
    }

    fn record(&self, record: &StoredRecord) -> String {
        let mut fields = FieldReader::new(record.key.clone());
        let version = fields.i16().expect("a version");
        if KEY_VERSIONS.contains(&version) {
            return "an offset".into();
        }
        if version == 2 {
            return "the classic group".into();
        }
        let (_, key) = Key::decode(version, &mut fields).expect("own key");
        let name = match &key {
            Key::Group => "group".to_owned(),
            Key::Topics => "topics".to_owned(),
            Key::TargetEpoch => "target epoch".to_owned(),
            Key::Member(id) => format!("member {id}"),
            Key::Target(id) => format!("target {id}"),
            Key::Current(id) => format!("current {id}"),
            Key::Expression(it) => format!("regex {it}"),
        };
        let Some(value) = record.value.clone() else {
            return format!("no {name}");
        };
        let value = match key {
            Key::Group => {
                let (epoch, hash) = records::decode_group(value).expect("own value");
                format!("{epoch}{}", if hash == 0 { " without topics" } else { "" })
            }
            Key::TargetEpoch => {
                let (epoch, _) = records::decode_target_epoch(value).expect("own value");
                epoch.to_string()
            }
            Key::Topics => "?".to_owned(),
            Key::Member(_) => {
                let member = records::decode_member(value).expect("own value");
                let topics: Vec<String> = member.topics.into_iter().collect();
                format!("[{}] {:?}", topics.join(" "), member.expression)
            }
            Key::Target(_) => {
                let target = records::decode_target(value).expect("own value");
                format!("[{}]", self.shown(&target))
            }
            Key::Current(_) => {
                let current = records::decode_current(value).expect("own value");
                let mut shown = format!(
                    "epoch {} after {} {:?} [{}]",
                    current.epoch,
                    current.previous_epoch,
                    current.state,
                    self.assigned(&current.assigned)
                );
                if !current.pending_revocation.is_empty() {
                    let pending = self.assigned(&current.pending_revocation);
                    write!(shown, " gives up [{pending}]").expect("a string");
                }
                shown
            }
            Key::Expression(_) => {
                let resolved = records::decode_expression(value).expect("own value");
                let topics: Vec<String> = resolved.topics.into_iter().collect();
                format!("[{}]", topics.join(" "))
            }
        };
        format!("{name} {value}")
    }
}

fn partition(text: &str) -> TopicPartition {
    let (topic, index) = text.rsplit_once('-').expect("topic-partition");
    TopicPartition::new(topic, index.parse().expect("a number"))
}
