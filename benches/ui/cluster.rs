//! A large cluster as the observer would tell of it, with a stream that never ends.

use std::time::Duration;

use kafkarium::{
    playground::state::{
        Acks, Appearance, BrokerSeen, ClusterSeen, Event, GroupSeen, Happening, MemberSeen,
        NewTopic, Observation, PartitionOffsets, PartitionSeen, ProcessChange, ProcessName,
        ProducedSeen, Reach, Receipt, RecordSeen, Setup, State, Timestamp, TopicSeen, update,
    },
    wire::{BrokerId, GroupState, LeaderEpoch, Offset, TopicPartition},
};

const PARTITIONS: i32 = 10;
const GROUPS: usize = 20;
const BROKERS: [i32; 3] = [1, 2, 3];
const RECORDS_PER_SECOND: u64 = 10_000;

/// How often the observer asks for offsets while records flow, and how often at most it tells of the rest.
const LOOK: Duration = Duration::from_millis(25);

pub struct Cluster {
    pub state: State,
    pub now: Timestamp,
    /// The end of each log of the topic that is fed.
    end: i64,
    topics: usize,
}

impl Cluster {
    /// So many topics, all up and in sync.
    pub fn new(topics: usize, size: (u16, u16)) -> Self {
        let now = Timestamp::from_ms(1_000);
        let (state, _) = State::new(Setup {
            name: "bench".into(),
            ephemeral: true,
            started_at: now,
            utc_offset_s: 0,
            brokers: BROKERS.map(BrokerId).to_vec(),
            topics: vec![NewTopic {
                name: name(0),
                partitions: PARTITIONS,
                replication_factor: 3,
            }],
            group: "group-0".into(),
            consumers: 2,
            proves: false,
            reach: Reach::Own,
            appearance: Appearance::default(),
            size,
        });
        let mut cluster = Self {
            state,
            now,
            end: 1_000,
            topics,
        };
        for fact in cluster.beginning() {
            let what = Happening::Observed(fact);
            update(&mut cluster.state, Event { at: now, what });
        }
        cluster
    }

    fn beginning(&self) -> Vec<Observation> {
        let processes = std::iter::once(ProcessName::ZooKeeper)
            .chain(BROKERS.map(|id| ProcessName::Broker(BrokerId(id))))
            .chain([1, 2].map(|number| ProcessName::Consumer(format!("c{number}"))));
        let mut facts = Vec::new();
        for (process, port) in processes.zip(9091_u16..) {
            let address = format!("127.0.0.1:{port}");
            let group = matches!(process, ProcessName::Consumer(_)).then(|| "group-0".to_owned());
            let changes = [
                ProcessChange::Spawned {
                    pid: u32::from(port),
                    address: Some(address.clone()),
                    group,
                },
                ProcessChange::Ready { address, at_ms: 0 },
            ];
            facts.extend(changes.map(|change| Observation::Process {
                process: process.clone(),
                change,
            }));
        }
        facts.push(self.metadata());
        facts.extend((0..self.topics).map(|topic| self.offsets(topic)));
        facts.extend((0..GROUPS).map(|number| self.group(number)));
        facts
    }

    /// What the observer tells in a stretch of time while records flow into the first topic.
    pub fn facts_of(&mut self, frame: usize, stretch: Duration) -> Vec<Observation> {
        self.now = self.now.plus(stretch);
        let records =
            RECORDS_PER_SECOND * u64::try_from(stretch.as_millis()).expect("small") / 1_000;
        let each = i64::try_from(records).expect("small") / i64::from(PARTITIONS);
        let first = self.end;
        self.end += each;
        let mut facts: Vec<Observation> = (0..PARTITIONS)
            .map(|partition| Observation::Records {
                partition: place(0, partition),
                from: Offset(first),
                upto: Offset(self.end),
                records: (first..self.end).map(Self::record).collect(),
            })
            .collect();
        facts.extend(
            (0..PARTITIONS)
                .step_by(3)
                .map(|partition| self.acked(partition)),
        );
        facts.push(Observation::Produced(ProducedSeen {
            sent: u64::try_from(self.end).expect("positive") * 10,
            acked: u64::try_from(self.end).expect("positive") * 10,
            ..ProducedSeen::default()
        }));
        let since_look = stretch.as_micros() * u128::try_from(frame).expect("small");
        if since_look % LOOK.as_micros() < stretch.as_micros() {
            facts.push(self.offsets(0));
            facts.push(self.group(frame % GROUPS));
        }
        // Metadata is asked for about once a second where nothing happens.
        if frame.is_multiple_of(60) {
            facts.push(self.metadata());
        }
        facts
    }

    fn metadata(&self) -> Observation {
        let topics = (0..self.topics).map(|topic| TopicSeen {
            name: name(topic),
            internal: false,
            partitions: (0..PARTITIONS).map(partition).collect(),
            min_insync_replicas: Some(2),
            ..TopicSeen::default()
        });
        Observation::Cluster(ClusterSeen {
            cluster_id: Some("bench".into()),
            controller: Some(BrokerId(1)),
            brokers: BROKERS
                .map(|id| BrokerSeen {
                    id: BrokerId(id),
                    address: format!("127.0.0.1:{}", 9091 + id),
                    rack: None,
                })
                .to_vec(),
            topics: topics.collect(),
        })
    }

    fn offsets(&self, topic: usize) -> Observation {
        let all = (0..PARTITIONS).map(|index| PartitionOffsets {
            partition: place(topic, index),
            log_start: Offset(0),
            high_watermark: Offset(self.end - 2),
            last_stable: None,
            ends: BROKERS.map(|id| (BrokerId(id), Offset(self.end))).to_vec(),
        });
        Observation::Offsets(all.collect())
    }

    fn group(&self, number: usize) -> Observation {
        let topic = number % self.topics;
        let members = (1..=2_i32).map(|member| MemberSeen {
            member_id: format!("c{member}-{number}"),
            client_id: format!("c{member}"),
            host: "/127.0.0.1".into(),
            assignment: (0..PARTITIONS)
                .filter(|index| index % 2 == member - 1)
                .map(|index| place(topic, index))
                .collect(),
            ..MemberSeen::default()
        });
        Observation::Group(GroupSeen {
            group: format!("group-{number}"),
            state: GroupState::Stable,
            coordinator: Some(BrokerId(1)),
            protocol: "range".into(),
            members: members.collect(),
            committed: (0..PARTITIONS)
                .map(|index| (place(topic, index), Offset(self.end - 10)))
                .collect(),
            ..GroupSeen::default()
        })
    }

    fn record(offset: i64) -> RecordSeen {
        RecordSeen {
            offset: Offset(offset),
            key: Some(
                ["amy", "ben", "größe", "日本"][usize::try_from(offset % 4).expect("small")].into(),
            ),
            value: Some(format!("order {offset}")),
            timestamp_ms: offset,
            size_bytes: 100,
            ..RecordSeen::default()
        }
    }

    fn acked(&self, partition: i32) -> Observation {
        Observation::Acked(Receipt {
            partition: place(0, partition),
            offset: Offset(self.end - 1),
            key: Some("amy".into()),
            acks: Acks::All,
            sent_at: self.now,
            latency: Duration::from_millis(2),
        })
    }
}

fn name(topic: usize) -> String {
    format!("topic-{topic}")
}

fn place(topic: usize, partition: i32) -> TopicPartition {
    TopicPartition::new(name(topic), partition)
}

fn partition(index: i32) -> PartitionSeen {
    let replicas: Vec<BrokerId> = (0..3).map(|at| BrokerId((index + at) % 3 + 1)).collect();
    PartitionSeen {
        partition: index,
        leader: replicas.first().copied(),
        epoch: LeaderEpoch(1),
        isr: replicas.clone(),
        replicas,
    }
}
