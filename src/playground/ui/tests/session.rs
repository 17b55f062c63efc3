//! A recorded session, event by event: a fresh cluster, a stream, broker 3 killed, a consumer added.

use std::time::Duration;

use crate::state::{
    Acks, Appearance, BrokerSeen, ClusterSeen, Event, GroupSeen, Happening, Key, KeyPress,
    MemberSeen, NewTopic, Observation, PartitionOffsets, PartitionSeen, ProcessChange, ProcessName,
    ProducedSeen, Reach, Receipt, RecordSeen, Request, SessionSeen, Setup, State, Timestamp,
    TopicSeen, ZooKeeperSeen, update,
};
use wire::{
    BrokerId, GroupState, LeaderEpoch, Offset, TopicPartition,
    report::{
        GroupCause, MemberPartitions, MemberStep, PartitionOffset, Report, ReportLine, ZnodeChange,
    },
};

/// 12:00:55.003 of the day.
pub const START_MS: i64 = 43_255_003;

/// A state that is fed by hand, and everything it asked for.
pub struct Session {
    pub state: State,
    pub requests: Vec<Request>,
    pub at: Timestamp,
}

pub fn broker(id: i32) -> ProcessName {
    ProcessName::Broker(BrokerId(id))
}

pub fn consumer(name: &str) -> ProcessName {
    ProcessName::Consumer(name.into())
}

pub fn orders(partition: i32) -> TopicPartition {
    TopicPartition::new("orders", partition)
}

fn ids(brokers: &[i32]) -> Vec<BrokerId> {
    brokers.iter().copied().map(BrokerId).collect()
}

/// A session in which everything that the start brings is there.
pub fn ready(size: (u16, u16)) -> Session {
    let mut session = Session::new(size, Appearance::default());
    session.all_ready();
    session
}

impl Session {
    pub fn new(size: (u16, u16), appearance: Appearance) -> Self {
        let (state, requests) = State::new(Setup {
            name: "demo".into(),
            ephemeral: false,
            started_at: Timestamp::from_ms(START_MS),
            utc_offset_s: 0,
            brokers: ids(&[1, 2, 3]),
            topics: vec![NewTopic {
                name: "orders".into(),
                partitions: 3,
                replication_factor: 3,
            }],
            group: "billing".into(),
            consumers: 2,
            proves: false,
            reach: Reach::Own,
            appearance,
            size,
        });
        Self {
            state,
            requests,
            at: Timestamp::from_ms(START_MS),
        }
    }

    /// Moves to so many milliseconds after the start.
    pub fn at(&mut self, ms: f64) -> &mut Self {
        self.at = Timestamp::from_ms(START_MS).plus(Duration::from_secs_f64(ms / 1000.0));
        self
    }

    /// Moves to a time of day, in milliseconds after 12:01.
    pub fn at_12_01(&mut self, ms: i64) -> &mut Self {
        self.at = Timestamp::from_ms(43_260_000 + ms);
        self
    }

    pub fn later(&mut self, ms: u64) -> &mut Self {
        self.at = self.at.plus(Duration::from_millis(ms));
        self
    }

    pub fn happen(&mut self, what: Happening) -> Vec<Request> {
        let requests = update(&mut self.state, Event { at: self.at, what });
        self.requests.extend(requests.clone());
        requests
    }

    pub fn see(&mut self, observation: Observation) -> &mut Self {
        self.happen(Happening::Observed(observation));
        self
    }

    pub fn key(&mut self, key: Key) -> Vec<Request> {
        self.happen(Happening::Key(KeyPress { key, repeat: false }))
    }

    pub fn press(&mut self, character: char) -> Vec<Request> {
        self.key(Key::Char(character))
    }

    pub fn tick(&mut self) -> Vec<Request> {
        self.happen(Happening::Tick)
    }

    pub fn process(&mut self, process: ProcessName, change: ProcessChange) -> &mut Self {
        self.see(Observation::Process { process, change })
    }

    pub fn spawned(&mut self, process: ProcessName, pid: u32, port: Option<u16>) -> &mut Self {
        let group = matches!(process, ProcessName::Consumer(_)).then(|| "billing".to_owned());
        let address = port.map(|port| format!("127.0.0.1:{port}"));
        self.process(
            process,
            ProcessChange::Spawned {
                pid,
                address,
                group,
            },
        )
    }

    pub fn ready(&mut self, process: ProcessName, port: u16) -> &mut Self {
        let address = format!("127.0.0.1:{port}");
        let at_ms = self.at.ms();
        self.process(process, ProcessChange::Ready { address, at_ms })
    }

    pub fn report(&mut self, process: ProcessName, report: Report) -> &mut Self {
        let line = ReportLine {
            at_ms: self.at.ms(),
            report,
        };
        self.see(Observation::Report { process, line })
    }

    /// What Metadata says: leader, epoch, ISR of each partition.
    pub fn metadata(&mut self, live: &[i32], partitions: [(i32, i32, &[i32]); 3]) -> &mut Self {
        let address = |id| format!("127.0.0.1:{}", 9091 + id);
        let seen = ClusterSeen {
            controller: Some(BrokerId(2)),
            ..cluster_of_orders(live, address, partitions)
        };
        self.see(Observation::Cluster(seen))
    }

    /// Topics of one partition each, on broker 1.
    pub fn topics(&mut self, names: &[&str]) -> &mut Self {
        let topics = names
            .iter()
            .map(|name| TopicSeen {
                name: (*name).into(),
                partitions: vec![PartitionSeen {
                    leader: Some(BrokerId(1)),
                    replicas: ids(&[1]),
                    isr: ids(&[1]),
                    ..PartitionSeen::default()
                }],
                ..TopicSeen::default()
            })
            .collect();
        self.see(Observation::Cluster(ClusterSeen {
            topics,
            ..ClusterSeen::default()
        }))
    }

    /// High watermark and each broker's log end.
    pub fn offsets(&mut self, partition: i32, high: i64, ends: &[(i32, i64)]) -> &mut Self {
        self.see(Observation::Offsets(vec![PartitionOffsets {
            partition: orders(partition),
            log_start: Offset(0),
            high_watermark: Offset(high),
            last_stable: None,
            ends: ends
                .iter()
                .map(|(broker, end)| (BrokerId(*broker), Offset(*end)))
                .collect(),
        }]))
    }

    pub fn records(&mut self, partition: i32, first: i64, keys: &str) -> &mut Self {
        let records: Vec<_> = (first..)
            .zip(keys.split(' '))
            .map(|(offset, key)| RecordSeen {
                offset: Offset(offset),
                key: Some(key.into()),
                value: Some(format!("order {offset}")),
                timestamp_ms: START_MS,
                size_bytes: 12,
                ..RecordSeen::default()
            })
            .collect();
        self.see(Observation::Records {
            partition: orders(partition),
            from: Offset(first),
            upto: Offset(first + i64::try_from(records.len()).expect("few")),
            records,
        })
    }

    pub fn zookeeper(&mut self, watches: u64, heard: &[(i64, u64)]) -> &mut Self {
        let sessions = heard
            .iter()
            .map(|(session, ago_ms)| SessionSeen {
                session: *session,
                timeout: Duration::from_millis(1500),
                last_heard: Timestamp(self.at.0 - i64::try_from(*ago_ms).expect("small") * 1000),
                ephemerals: vec![format!("/brokers/ids/{session}")],
            })
            .collect();
        self.see(Observation::ZooKeeper(ZooKeeperSeen {
            znodes: 61,
            watches,
            sessions,
            ..ZooKeeperSeen::default()
        }))
    }

    pub fn group(&mut self, state: GroupState, committed: [i64; 3]) -> &mut Self {
        self.see(Observation::Group(GroupSeen {
            group: "billing".into(),
            state,
            committed: (0..)
                .zip(committed)
                .map(|(p, offset)| (orders(p), Offset(offset)))
                .collect(),
            members: [("c1", vec![orders(0), orders(1)]), ("c2", vec![orders(2)])]
                .into_iter()
                .map(|(name, assignment)| MemberSeen {
                    member_id: format!("{name}-id"),
                    client_id: name.into(),
                    host: "/127.0.0.1".into(),
                    assignment,
                    ..MemberSeen::default()
                })
                .collect(),
            ..GroupSeen::default()
        }))
    }

    /// The group has this state and no members; what follows from that.
    pub fn happen_group(&mut self, state: GroupState) -> Vec<Request> {
        self.happen(Happening::Observed(Observation::Group(GroupSeen {
            group: "billing".into(),
            state,
            ..GroupSeen::default()
        })))
    }

    pub fn group_state(
        &mut self,
        by: i32,
        state: GroupState,
        generation: i32,
        why: &str,
    ) -> &mut Self {
        let awaited = match state {
            GroupState::PreparingRebalance => vec!["c1-id".into(), "c2-id".into()],
            _ => Vec::new(),
        };
        let members = [("c1", vec![orders(0), orders(1)]), ("c2", vec![orders(2)])];
        let members = members
            .into_iter()
            .map(|(name, partitions)| MemberPartitions {
                member: format!("{name}-id"),
                client_id: name.into(),
                partitions,
            })
            .collect();
        self.report(
            broker(by),
            Report::GroupState {
                group: "billing".into(),
                state,
                generation,
                why: why.into(),
                protocol: Some("range".into()),
                leader: Some("c1-id".into()),
                awaited,
                rebalance_timeout_ms: 60_000,
                members,
                before: Vec::new(),
            },
        )
    }

    pub fn member(&mut self, client: &str, step: MemberStep, gave_up: &[i32]) -> &mut Self {
        self.report(
            broker(1),
            Report::GroupMember {
                group: "billing".into(),
                member: format!("{client}-id"),
                client_id: client.into(),
                step,
                generation: 3,
                partitions: gave_up.iter().map(|partition| orders(*partition)).collect(),
                why: GroupCause::default(),
            },
        )
    }

    pub fn acked(&mut self, key: &str, partition: i32, offset: i64, latency_us: u64) -> &mut Self {
        let latency = Duration::from_micros(latency_us);
        let sent_at = Timestamp(self.at.0 - i64::try_from(latency_us).expect("small"));
        self.see(Observation::Acked(Receipt {
            partition: orders(partition),
            offset: Offset(offset),
            key: Some(key.into()),
            acks: Acks::All,
            sent_at,
            latency,
        }))
    }

    pub fn read(&mut self, by: &str, partition: i32, offset: i64) -> &mut Self {
        self.report(
            consumer(by),
            Report::Record {
                topic: "orders".into(),
                partition,
                offset: Offset(offset),
                timestamp_ms: START_MS,
                key: None,
                value: None,
                lossy: false,
            },
        )
    }

    pub fn assigned(&mut self, by: &str, partitions: &[(i32, i64)]) -> &mut Self {
        let partitions = partitions
            .iter()
            .map(|(partition, offset)| PartitionOffset {
                topic: "orders".into(),
                partition: *partition,
                offset: Offset(*offset),
            })
            .collect();
        self.report(consumer(by), Report::Assigned { partitions })
    }

    /// Records of `acks=all` wait.
    pub fn produced(&mut self, sent: u64, acked: u64, waiting: &[(i32, u64)]) -> &mut Self {
        let waiting: Vec<_> = waiting
            .iter()
            .map(|(p, count)| (orders(*p), *count))
            .collect();
        self.see(Observation::Produced(ProducedSeen {
            sent,
            acked,
            failed: 0,
            acked_bytes: acked * 12,
            waiting_for_all: waiting.clone(),
            waiting,
        }))
    }

    /// 0.1 s after the start: processes have pids, nothing answers.
    pub fn starting(&mut self) -> &mut Self {
        self.at(0.0).see(Observation::DataFolder {
            path: "~/.local/share/kafkarium/demo".into(),
            last_used: None,
        });
        self.at(4.0)
            .spawned(ProcessName::ZooKeeper, 4120, Some(2181));
        self.at(38.0).spawned(broker(1), 4121, Some(9092));
        self.at(41.0).spawned(broker(2), 4122, Some(9093));
        self.at(45.0).spawned(broker(3), 4123, Some(9094));
        self.at(98.5).tick();
        self
    }

    fn registered(&mut self, id: i32) -> &mut Self {
        self.report(
            broker(id),
            Report::Registered {
                broker: BrokerId(id),
                broker_epoch: 20 + i64::from(id),
                session: i64::from(id),
            },
        )
    }

    /// Everything is there; nothing was produced yet.
    pub fn all_ready(&mut self) -> &mut Self {
        self.at(0.0).data_folder(None).servers_and_consumers()
    }

    /// The same in a folder that was used an hour before.
    pub fn all_ready_again(&mut self) -> &mut Self {
        let hour_ago = Timestamp::from_ms(START_MS - 3_600_000);
        self.at(0.0)
            .data_folder(Some(hour_ago))
            .servers_and_consumers()
    }

    fn data_folder(&mut self, last_used: Option<Timestamp>) -> &mut Self {
        self.see(Observation::DataFolder {
            path: "~/.local/share/kafkarium/demo".into(),
            last_used,
        })
    }

    fn servers_and_consumers(&mut self) -> &mut Self {
        self.at(4.0)
            .spawned(ProcessName::ZooKeeper, 4120, Some(2181));
        for (id, ms) in [(1, 5.0), (2, 6.0), (3, 7.0)] {
            let pid = 4120 + u32::try_from(id).expect("small");
            let port = 9091 + u16::try_from(id).expect("small");
            self.at(ms).spawned(broker(id), pid, Some(port));
        }
        self.at(38.0).ready(ProcessName::ZooKeeper, 2181);
        self.at(70.0).registered(2);
        self.at(71.0).report(
            broker(2),
            Report::ControllerElected {
                broker: BrokerId(2),
                controller_epoch: 1,
            },
        );
        self.at(83.0).registered(1).registered(3);
        for id in 1..=3 {
            let port = 9091 + u16::try_from(id).expect("small");
            self.at(90.0).ready(broker(id), port);
        }
        self.at(114.0).report(
            broker(2),
            Report::TopicCreated {
                topic: "orders".into(),
                partitions: vec![ids(&[1, 2, 3]), ids(&[2, 3, 1]), ids(&[3, 1, 2])],
            },
        );
        self.at(120.0).metadata(
            &[1, 2, 3],
            [(1, 0, &[1, 2, 3]), (2, 0, &[2, 3, 1]), (3, 0, &[3, 1, 2])],
        );
        for partition in 0..3 {
            self.offsets(partition, 0, &[(1, 0), (2, 0), (3, 0)]);
        }
        self.at(130.0).spawned(consumer("c1"), 4130, None);
        self.at(131.0).spawned(consumer("c2"), 4131, None);
        self.at(191.0).assigned("c1", &[(0, 0), (1, 0)]);
        self.assigned("c2", &[(2, 0)]);
        self.at(192.0).group_state(3, GroupState::Stable, 1, "");
        self.group(GroupState::Stable, [0, 0, 0]);
        for id in 1..=3 {
            self.memory(broker(id), 9);
        }
        self.memory(ProcessName::ZooKeeper, 4);
        self.at(1000.0).zookeeper(9, &[(1, 10), (2, 10), (3, 10)]);
        self.tick();
        self
    }

    fn memory(&mut self, process: ProcessName, megabytes: u64) -> &mut Self {
        self.see(Observation::Memory {
            process,
            rss_bytes: megabytes * 1024 * 1024,
            cpu_ms: None,
        })
    }

    /// A stream runs, broker 3 was just killed.
    pub fn killed(&mut self) -> &mut Self {
        self.all_ready();
        self.at_12_01(-3000).key(Key::Esc);
        self.later(100).press('+');
        self.later(200).press('+');
        self.at_12_01(1000)
            .group_state(3, GroupState::Stable, 3, "");
        self.at_12_01(6900).metadata(
            &[1, 2, 3],
            [(1, 4, &[1, 2, 3]), (2, 4, &[2, 3, 1]), (3, 4, &[3, 1, 2])],
        );
        self.group(GroupState::Stable, [35, 33, 35]);
        self.offsets(0, 36, &[(1, 36), (2, 36), (3, 36)]);
        self.offsets(1, 34, &[(1, 34), (2, 34), (3, 34)]);
        self.offsets(2, 36, &[(1, 36), (2, 36), (3, 36)]);
        self.broker_3_dies()
    }

    /// `3` and `x`, and the process is gone.
    pub fn broker_3_dies(&mut self) -> &mut Self {
        self.at_12_01(7000).press('3');
        self.at_12_01(7120).press('x');
        self.at_12_01(7125).process(
            broker(3),
            ProcessChange::Exited {
                code: None,
                signal: Some(9),
            },
        );
        self
    }

    pub fn partition_changed(
        &mut self,
        partition: i32,
        leaders: (i32, i32),
        epochs: (i32, i32),
        isr_before: &[i32],
        isr: &[i32],
    ) -> &mut Self {
        self.report(
            broker(2),
            Report::PartitionChanged {
                topic: "orders".into(),
                partition,
                leader_before: BrokerId(leaders.0),
                leader: BrokerId(leaders.1),
                epoch_before: LeaderEpoch(epochs.0),
                epoch: LeaderEpoch(epochs.1),
                isr_before: ids(isr_before),
                isr: ids(isr),
                why: "broker 3 is gone".into(),
            },
        )
    }

    /// Broker 3 was killed 2.8 s ago, `ZooKeeper` noticed, a consumer was added, c2 is awaited.
    pub fn rebalancing(&mut self) -> &mut Self {
        self.killed();
        self.at_12_01(8621).report(
            ProcessName::ZooKeeper,
            Report::SessionExpired {
                session: 3,
                timeout_ms: 1500,
                ephemerals: vec!["/brokers/ids/3".into()],
            },
        );
        self.at_12_01(8622).report(
            ProcessName::ZooKeeper,
            Report::WatchFired {
                path: "/brokers/ids/3".into(),
                change: ZnodeChange::Deleted,
                sessions: vec![2],
            },
        );
        self.at_12_01(8630)
            .partition_changed(2, (3, 1), (4, 5), &[3, 1, 2], &[1, 2]);
        self.at_12_01(8632)
            .partition_changed(0, (1, 1), (4, 4), &[1, 2, 3], &[1, 2])
            .partition_changed(1, (2, 2), (4, 4), &[2, 3, 1], &[2, 1]);
        self.at_12_01(8655).acked("cleo", 2, 37, 1_500_000);
        self.at_12_01(9402).press('c');
        self.at_12_01(9405).spawned(consumer("c3"), 4140, None);
        self.at_12_01(9417).member("c3", MemberStep::Asked, &[]);
        self.at_12_01(9418)
            .group_state(1, GroupState::PreparingRebalance, 3, "c3 asks to join");
        self.at_12_01(9419).member("c3", MemberStep::Joined, &[]);
        self.at_12_01(9423)
            .member("c1", MemberStep::Joined, &[0, 1]);
        self.at_12_01(9850)
            .metadata(&[1, 2], [(1, 4, &[1, 2]), (2, 4, &[2, 1]), (1, 5, &[1, 2])]);
        self.group(GroupState::PreparingRebalance, [41, 42, 40]);
        self.offsets(0, 43, &[(1, 45), (2, 43)]);
        self.offsets(1, 43, &[(1, 43), (2, 43)]);
        self.offsets(2, 42, &[(1, 42), (2, 42)]);
        self.records(0, 37, "dan amy amy amy dan dan amy amy");
        self.records(1, 34, "ben ben ben eli ben ben ben eli eli");
        self.records(2, 34, "cleo cleo cleo fay cleo cleo cleo fay");
        self.produced(130, 128, &[]);
        self.acked("fay", 2, 41, 2300);
        self.at = Timestamp(self.at.0 + 800);
        self.read("c2", 2, 41);
        self.at_12_01(9925).zookeeper(6, &[(1, 150), (2, 370)]);
        self.tick();
        self
    }
}

/// A topic `orders` of three partitions, each on three brokers: its leader, epoch and ISR, and the brokers that live.
pub fn cluster_of_orders(
    live: &[i32],
    address: impl Fn(i32) -> String,
    partitions: [(i32, i32, &[i32]); 3],
) -> ClusterSeen {
    let replicas = [[1, 2, 3], [2, 3, 1], [3, 1, 2]];
    let partitions = (0..).zip(partitions.iter().zip(replicas));
    let partitions =
        partitions.map(
            |(partition, ((leader, epoch, isr), replicas))| PartitionSeen {
                partition,
                leader: Some(BrokerId(*leader)),
                epoch: LeaderEpoch(*epoch),
                replicas: ids(&replicas),
                isr: ids(isr),
            },
        );
    let brokers = live.iter().map(|id| BrokerSeen {
        id: BrokerId(*id),
        address: address(*id),
        rack: None,
    });
    ClusterSeen {
        cluster_id: None,
        controller: None,
        brokers: brokers.collect(),
        topics: vec![TopicSeen {
            name: "orders".into(),
            partitions: partitions.collect(),
            min_insync_replicas: Some(2),
            ..TopicSeen::default()
        }],
    }
}
