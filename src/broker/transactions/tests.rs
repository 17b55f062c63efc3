//! Transcripts of the coordinator of transactions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use super::metadata::Metadata;
use super::{
    AddRequest, Config, Effect, EndRequest, Event, Filter, InitRequest, Mark, Marked,
    ProducerIdentity, Replay, Request, Response, Transactions, record,
};
use crate::coordinator::{Now, RequestId, StoredRecord, WriteId};
use crate::scenario_tests::behave_as_written_down;
use wire::{ErrorCode, LeaderEpoch, TopicPartition, report::Report};

#[test]
fn transactions_behave_as_written_down() {
    behave_as_written_down("transactions", 6, || {
        let mut world = World::new();
        move |line: &str| world.command(line)
    });
}

/// What a producer remembers.
#[derive(Clone)]
struct Producer {
    transactional_id: String,
    id: i64,
    epoch: i16,
}

struct World {
    transactions: Transactions,
    now: Now,
    producers: BTreeMap<String, Producer>,
    /// Who asked what.
    requests: BTreeMap<RequestId, (String, Request)>,
    next_request: u64,
    next_producer_id: i64,
    /// Everything that was appended.
    log: Vec<StoredRecord>,
    epoch: i32,
    hold_writes: bool,
    held: Vec<WriteId>,
    hold_markers: bool,
    marks: Vec<Mark>,
    reports: Vec<Report>,
}

impl World {
    fn new() -> Self {
        let now = Now {
            monotonic: Duration::ZERO,
            wall_ms: 1_000_000,
        };
        let config = Config {
            timeout_max_ms: 900_000,
            timeout_check_interval: Duration::from_secs(10),
            id_expiration_ms: 3_600_000,
            expiration_check_interval: Duration::from_secs(600),
        };
        Self {
            transactions: Transactions::new(config, 1, now),
            now,
            producers: BTreeMap::new(),
            requests: BTreeMap::new(),
            next_request: 0,
            next_producer_id: 1000,
            log: Vec::new(),
            epoch: 0,
            hold_writes: false,
            held: Vec::new(),
            hold_markers: false,
            marks: Vec::new(),
            reports: Vec::new(),
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each command")]
    fn command(&mut self, line: &str) -> String {
        let mut words = line.split_whitespace();
        let verb = words.next().expect("a command");
        let (options, plain): (Vec<&str>, Vec<&str>) = words.partition(|word| word.contains('='));
        let options: BTreeMap<&str, &str> = options
            .iter()
            .filter_map(|word| word.split_once('='))
            .collect();
        match (verb, plain.as_slice()) {
            ("lead", []) => self.lead() + &self.load(),
            ("lead-only", []) => self.lead(),
            ("load", []) => self.load(),
            ("resign", []) => self.step(Event::Resigned { partition: 0 }),
            ("wait", [ms]) => self.wait(ms.parse().expect("milliseconds")),
            ("hold-writes", []) => {
                self.hold_writes = true;
                String::new()
            }
            ("store", []) => self.release(Ok(())),
            ("fail", [name]) => {
                let codes = (-1..=200).map(ErrorCode::from_code);
                let code = codes.into_iter().find(|code| code.name() == *name);
                self.release(Err(code.expect("a known code")))
            }
            ("hold-markers", []) => {
                self.hold_markers = true;
                String::new()
            }
            ("mark", at) => {
                let what = match options.get("as") {
                    Some(&"again") => Marked::Again,
                    _ => Marked::Done,
                };
                self.mark(at, what)
            }
            ("stored", [who]) => {
                let stored = Metadata {
                    producer_epoch: number(&options, "epoch").expect("an epoch"),
                    ..Metadata::new(1000, 60_000, self.now.wall_ms)
                };
                let producer = Producer {
                    transactional_id: "tx".to_owned(),
                    id: stored.producer_id,
                    epoch: stored.producer_epoch,
                };
                self.producers.insert((*who).to_owned(), producer);
                self.log.push(StoredRecord {
                    key: record::encode_key("tx"),
                    value: Some(stored.encode()),
                });
                String::new()
            }
            ("init", [who]) => self.init(who, &options),
            ("add", [who, at @ ..]) => {
                let request = Request::AddPartitions(AddRequest {
                    producer: self.identity(who, &options),
                    partitions: partitions(at).into_iter().collect(),
                    transaction_version: number(&options, "v").unwrap_or(0),
                });
                self.ask(who, request)
            }
            ("verify", [who, at @ ..]) => {
                let producer = self.identity(who, &options);
                match self.transactions.verify(&producer, &partitions(at)) {
                    Ok(results) => {
                        let lines = results.iter().map(|(at, code)| format!("{at} {code}\n"));
                        lines.collect()
                    }
                    Err(code) => format!("{who}: {code}\n"),
                }
            }
            ("commit" | "abort", [who]) => {
                let request = Request::End(EndRequest {
                    producer: self.identity(who, &options),
                    commit: verb == "commit",
                    transaction_version: number(&options, "v").unwrap_or(0),
                    fresh_producer_id: None,
                });
                self.ask(who, request)
            }
            ("describe", [id]) => match self.transactions.describe(id) {
                Ok(it) => {
                    let left: Vec<String> = it.partitions.iter().map(ToString::to_string).collect();
                    format!(
                        "{id} {}, producer {} epoch {}, since {}, [{}]\n",
                        it.state,
                        it.producer_id,
                        it.producer_epoch,
                        it.start_ms,
                        left.join(" ")
                    )
                }
                Err(code) => format!("{id} {code}\n"),
            },
            ("reported", []) => self.reports.drain(..).map(reported).collect(),
            ("list", []) => {
                let filter = Filter {
                    duration_ms: number(&options, "duration").unwrap_or(-1),
                    ..Filter::default()
                };
                match self.transactions.list(&filter, self.now) {
                    Ok(all) => {
                        let line = |(id, producer, state)| format!("{id} {producer} {state}\n");
                        all.into_iter().map(line).collect()
                    }
                    Err(code) => format!("{code}\n"),
                }
            }
            _ => panic!("no such command: {line}"),
        }
    }

    fn lead(&mut self) -> String {
        self.epoch += 1;
        let leader_epoch = LeaderEpoch(self.epoch);
        self.step(Event::LoadStarted {
            partition: 0,
            leader_epoch,
        })
    }

    fn load(&mut self) -> String {
        let mut replay = Replay::default();
        for record in &self.log {
            replay.apply(record.clone()).expect("own record");
        }
        self.step(Event::Loaded {
            partition: 0,
            leader_epoch: LeaderEpoch(self.epoch),
            replay,
        })
    }

    fn wait(&mut self, ms: u64) -> String {
        let until = self.now.monotonic + Duration::from_millis(ms);
        let mut out = String::new();
        loop {
            let due = self.transactions.next_deadline();
            let at = due.min(until).max(self.now.monotonic);
            let passed = at.saturating_sub(self.now.monotonic);
            self.now.monotonic = at;
            self.now.wall_ms += i64::try_from(passed.as_millis()).expect("small");
            if due > until {
                return out;
            }
            out += &self.step(Event::Tick);
        }
    }

    fn identity(&self, who: &str, options: &BTreeMap<&str, &str>) -> ProducerIdentity {
        let producer = self.producers.get(who).expect("it was initialised");
        ProducerIdentity {
            transactional_id: producer.transactional_id.clone(),
            producer_id: number(options, "pid").unwrap_or(producer.id),
            producer_epoch: number(options, "epoch").unwrap_or(producer.epoch),
        }
    }

    fn init(&mut self, who: &str, options: &BTreeMap<&str, &str>) -> String {
        let id = *options.get("id").unwrap_or(&"tx");
        let expected = number(options, "pid").zip(number(options, "epoch"));
        self.producers
            .entry(who.to_owned())
            .or_insert_with(|| Producer {
                transactional_id: id.to_owned(),
                id: -1,
                epoch: -1,
            });
        let request = Request::Init(InitRequest {
            transactional_id: id.to_owned(),
            timeout_ms: number(options, "timeout").unwrap_or(60_000),
            expected,
            fresh_producer_id: None,
        });
        self.ask(who, request)
    }

    fn ask(&mut self, who: &str, request: Request) -> String {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.requests.insert(id, (who.to_owned(), request.clone()));
        self.step(Event::Request { id, request })
    }

    fn release(&mut self, result: Result<(), ErrorCode>) -> String {
        self.hold_writes = false;
        let held = std::mem::take(&mut self.held).into_iter();
        held.map(|write| self.step(Event::Stored { write, result }))
            .collect()
    }

    fn mark(&mut self, at: &[&str], what: Marked) -> String {
        let mark = self.marks.last().expect("one was sent").clone();
        let results = partitions(at).into_iter().map(|at| (at, what)).collect();
        self.step(Event::Marked { mark, results })
    }

    fn step(&mut self, event: Event) -> String {
        let mut out = String::new();
        let effects = self.transactions.step(event, self.now);
        for effect in effects {
            match effect {
                Effect::Store { write, record, .. } => {
                    writeln!(out, "  log <- {}", shown(&record)).expect("a string");
                    self.log.push(record);
                    if self.hold_writes {
                        self.held.push(write);
                    } else {
                        out += &self.step(Event::Stored {
                            write,
                            result: Ok(()),
                        });
                    }
                }
                Effect::Mark { mark, partitions } => {
                    let all: Vec<String> = partitions.iter().map(ToString::to_string).collect();
                    let what = if mark.commit { "COMMIT" } else { "ABORT" };
                    writeln!(
                        out,
                        "  {what} of producer {} epoch {} by coordinator epoch {} -> {}",
                        mark.producer_id,
                        mark.producer_epoch,
                        mark.coordinator_epoch,
                        all.join(" ")
                    )
                    .expect("a string");
                    self.marks.push(mark.clone());
                    if !self.hold_markers {
                        let done = partitions.into_iter().map(|at| (at, Marked::Done));
                        out += &self.step(Event::Marked {
                            mark,
                            results: done.collect(),
                        });
                    }
                }
                Effect::Respond { to, response } => out += &self.answered(to, &response),
                Effect::Report(report) => self.reports.push(report),
            }
        }
        out
    }

    fn answered(&mut self, to: RequestId, response: &Response) -> String {
        let (who, mut request) = self.requests.remove(&to).expect("asked");
        match response {
            Response::ProducerIdNeeded => {
                self.next_producer_id += 1;
                let fresh = Some(self.next_producer_id);
                match &mut request {
                    Request::Init(request) => request.fresh_producer_id = fresh,
                    Request::End(request) => request.fresh_producer_id = fresh,
                    Request::AddPartitions(_) => panic!("it needs none"),
                }
                self.ask(&who, request)
            }
            Response::Producer(Ok((producer_id, epoch))) => {
                let producer = self.producers.get_mut(&who).expect("known");
                (producer.id, producer.epoch) = (*producer_id, *epoch);
                format!("{who}: ({producer_id}, {epoch})\n")
            }
            Response::Producer(Err(code)) | Response::Added(code) => format!("{who}: {code}\n"),
        }
    }
}

fn reported(report: Report) -> String {
    let Report::TransactionState {
        transactional_id,
        epoch_before,
        epoch,
        state_before,
        state,
        partitions,
        why,
        ..
    } = report
    else {
        panic!("a coordinator does not tell this: {report:?}");
    };
    let at: Vec<String> = partitions.iter().map(ToString::to_string).collect();
    format!(
        "{transactional_id} {} -> {}, epoch {epoch_before} -> {epoch}, [{}], {why:?}\n",
        state_before.name(),
        state.name(),
        at.join(" ")
    )
}

fn number<T: std::str::FromStr>(options: &BTreeMap<&str, &str>, name: &str) -> Option<T> {
    options.get(name).and_then(|text| text.parse().ok())
}

fn partitions(words: &[&str]) -> Vec<TopicPartition> {
    let at = |word: &&str| {
        let (topic, partition) = word.rsplit_once('-').expect("topic-partition");
        TopicPartition::new(topic, partition.parse().expect("a number"))
    };
    words.iter().map(at).collect()
}

fn shown(record: &StoredRecord) -> String {
    let id = record::decode_key(record.key.clone()).expect("own key");
    let Some(value) = &record.value else {
        return format!("{id} forgotten");
    };
    let it = Metadata::decode(value.clone()).expect("own value");
    let all: BTreeSet<String> = it.partitions.iter().map(ToString::to_string).collect();
    let all: Vec<String> = all.into_iter().collect();
    let next = it.next_producer_id.map(|next| format!(", next {next}"));
    format!(
        "{id} {} ({}, {}){} [{}]",
        it.state,
        it.producer_id,
        it.producer_epoch,
        next.unwrap_or_default(),
        all.join(" ")
    )
}
