//! What a broker of Apache Kafka 3.9 writes to its log, as reports.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use wire::report::{Report, ReportLine};
use wire::{BrokerId, LeaderEpoch, TopicPartition};

use crate::supervisor::engine::Speech;

/// Loggers whose lines tell causes; all others write to the file alone.
const HEARD: [&str; 6] = [
    "kafka.server.KafkaServer",
    "kafka.controller.KafkaController",
    "kafka.cluster.Partition",
    "kafka.zk.KafkaZkClient",
    "state.change.logger",
    "org.apache.zookeeper.ClientCnxn",
];

/// Everything goes to `file`, which people read; what is heard goes to stdout as well, after its logger's name.
pub(super) fn properties(file: &Path) -> String {
    let heard = HEARD.map(|logger| format!("log4j.logger.{logger}=INFO, heard\n"));
    let heard = heard.concat();
    format!(
        "# Written at each start of the broker.\n\
         log4j.rootLogger=INFO, file\n\
         {heard}\
         log4j.appender.file=org.apache.log4j.FileAppender\n\
         log4j.appender.file.File={}\n\
         log4j.appender.file.layout=org.apache.log4j.PatternLayout\n\
         log4j.appender.file.layout.ConversionPattern=[%d] %p %m (%c)%n\n\
         log4j.appender.heard=org.apache.log4j.ConsoleAppender\n\
         log4j.appender.heard.layout=org.apache.log4j.PatternLayout\n\
         log4j.appender.heard.layout.ConversionPattern=%c %m%n\n",
        file.display()
    )
}

/// Who leads a partition, and who is in sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    leader: BrokerId,
    epoch: LeaderEpoch,
    isr: Vec<BrokerId>,
}

/// All partitions that any broker of the cluster has told of: a line says what is, a report what was before too.
pub(super) type Partitions = BTreeMap<TopicPartition, Standing>;

/// One broker's lines.
pub(in crate::supervisor::engine) struct Log4j {
    broker: BrokerId,
    address: SocketAddr,
    partitions: Arc<Mutex<Partitions>>,
    /// Of its connection to `ZooKeeper`.
    session: Option<i64>,
    /// Why the controller in it changes partitions now.
    why: String,
}

impl Log4j {
    pub(super) fn new(
        broker: BrokerId,
        address: SocketAddr,
        partitions: Arc<Mutex<Partitions>>,
    ) -> Self {
        Self {
            broker,
            address,
            partitions,
            session: None,
            why: "its controller decided so".to_owned(),
        }
    }

    fn reports(&mut self, logger: &str, said: &str) -> Vec<Report> {
        let one = match logger {
            "kafka.server.KafkaServer" if said.ends_with("] started") => Some(Report::Ready {
                address: self.address.to_string(),
            }),
            "org.apache.zookeeper.ClientCnxn" => {
                self.session = after(said, "session id = 0x")
                    .and_then(|it| it.split_once(','))
                    .and_then(|(id, _)| u64::from_str_radix(id, 16).ok())
                    .map(u64::cast_signed)
                    .or(self.session);
                None
            }
            "kafka.zk.KafkaZkClient" => self.registered(said),
            "kafka.controller.KafkaController" => return self.controller(said),
            "kafka.cluster.Partition" => self.isr_updated(said),
            "state.change.logger" => self.state_changed(said),
            _ => None,
        };
        one.into_iter().collect()
    }

    /// `Registered broker 1 at path /brokers/ids/1 with addresses: ..., czxid (broker epoch): 25`
    fn registered(&self, said: &str) -> Option<Report> {
        after(said, "Registered broker ")?;
        Some(Report::Registered {
            broker: self.broker,
            broker_epoch: number(after(said, "czxid (broker epoch): ")?)?,
            session: self.session?,
        })
    }

    fn controller(&mut self, said: &str) -> Vec<Report> {
        if said.contains("successfully elected as the controller") {
            let epoch = after(said, "Epoch incremented to ").and_then(number);
            return epoch
                .map(|controller_epoch| Report::ControllerElected {
                    broker: self.broker,
                    controller_epoch,
                })
                .into_iter()
                .collect();
        }
        if let Some(added) = after(said, "Newly added brokers: ") {
            let gone = after(added, "deleted brokers: ").map(brokers);
            let (back, gone) = (brokers(added), gone.unwrap_or_default());
            let (who, what) = if gone.is_empty() {
                (back, "back")
            } else {
                (gone, "gone")
            };
            self.why = told(&who, what);
        } else if let Some(leaving) = after(said, "Shutting down broker ") {
            self.why = format!("controlled shutdown of broker {}", word(leaving));
        } else if said.contains("leader election (PREFERRED)")
            || said.contains("preferred replica leader election")
        {
            "preferred leader".clone_into(&mut self.why);
        } else if let Some(new) = after(said, "new partition replica assignment") {
            return topics_created(new);
        }
        Vec::new()
    }

    /// `[Partition orders-1 broker=1] ISR updated to 1,2,3  and version updated to 2`
    fn isr_updated(&self, said: &str) -> Option<Report> {
        let isr = brokers(after(said, "ISR updated to ")?);
        let place = place(word(after(said, "[Partition ")?))?;
        let mut known = self
            .partitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let standing = known.get_mut(&place)?;
        let before = std::mem::replace(&mut standing.isr, isr.clone());
        let missing = |from: &[BrokerId], of: &[BrokerId]| -> Vec<BrokerId> {
            of.iter().filter(|it| !from.contains(it)).copied().collect()
        };
        let joined = missing(&before, &isr);
        let why = if joined.is_empty() {
            named(&missing(&isr, &before), "fell behind")
        } else {
            named(&joined, "caught up")
        };
        Some(Report::IsrChanged {
            topic: place.topic,
            partition: place.partition,
            leader: self.broker,
            isr_before: before,
            isr,
            why,
        })
    }

    /// A controller tells a partition's state in two forms:
    ///
    /// - `Changed partition orders-1 from OfflinePartition to OnlinePartition with state LeaderAndIsr(leader=1,
    ///   leaderEpoch=1, isrWithBrokerEpoch=List(BrokerState(brokerId=1, brokerEpoch=-1), ...`
    /// - `Partition orders-0 state changed to (Leader:2,ISR:2,1,LeaderRecoveryState:RECOVERED,LeaderEpoch:1,...) after
    ///   removing replica 3 from the ISR ...`
    fn state_changed(&self, said: &str) -> Option<Report> {
        let (name, standing) = if let Some(changed) = after(said, "Changed partition ") {
            let state = after(changed, "with state LeaderAndIsr(")?;
            let isr = after(state, "isrWithBrokerEpoch=")?;
            let standing = Standing {
                leader: BrokerId(number(after(state, "leader=")?)?),
                epoch: LeaderEpoch(number(after(state, "leaderEpoch=")?)?),
                isr: isr
                    .split("brokerId=")
                    .skip(1)
                    .filter_map(|it| number(it).map(BrokerId))
                    .collect(),
            };
            (word(changed), standing)
        } else {
            let changed = after(said, "] Partition ")?;
            let state = after(changed, "state changed to (")?;
            let standing = Standing {
                leader: BrokerId(number(after(state, "Leader:")?)?),
                epoch: LeaderEpoch(number(after(state, "LeaderEpoch:")?)?),
                isr: brokers(after(state, "ISR:")?),
            };
            (word(changed), standing)
        };
        let place = place(name)?;
        let mut known = self
            .partitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = known.insert(place.clone(), standing.clone())?;
        // A topic that is made anew under its name was nothing before; and some states are told twice.
        if said.contains(" from NewPartition ") || before == standing {
            return None;
        }
        Some(Report::PartitionChanged {
            topic: place.topic,
            partition: place.partition,
            leader_before: before.leader,
            leader: standing.leader,
            epoch_before: before.epoch,
            epoch: standing.epoch,
            isr_before: before.isr,
            isr: standing.isr,
            why: self.why.clone(),
        })
    }
}

impl Speech for Log4j {
    fn hear(&mut self, line: &[u8]) -> Vec<ReportLine> {
        let line = String::from_utf8_lossy(line);
        let Some((logger, said)) = line.trim_end().split_once(' ') else {
            return Vec::new();
        };
        let reports = self.reports(logger, said);
        reports.into_iter().map(ReportLine::now).collect()
    }
}

/// `[Set(TopicIdReplicaAssignment(orders,Some(Q1Ws...),Map(orders-0 -> ReplicaAssignment(replicas=2,3,1, adding...`
fn topics_created(said: &str) -> Vec<Report> {
    let mut topics: BTreeMap<String, BTreeMap<i32, Vec<BrokerId>>> = BTreeMap::new();
    let mut parts = said.split(" -> ReplicaAssignment(replicas=");
    let mut before = parts.next().unwrap_or_default();
    for assigned in parts {
        let name = before.rsplit(['(', ' ']).next().and_then(place);
        if let Some(place) = name {
            let partitions = topics.entry(place.topic).or_default();
            partitions.insert(place.partition, brokers(assigned));
        }
        before = assigned;
    }
    topics
        .into_iter()
        .map(|(topic, partitions)| Report::TopicCreated {
            topic,
            partitions: partitions.into_values().collect(),
        })
        .collect()
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(_, rest)| rest)
}

/// Up to the next blank.
fn word(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

/// The number that a text begins with.
fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '-');
    text.get(..end.unwrap_or(text.len()))?.parse().ok()
}

/// The ids at the beginning of `1,2,3, and so on`.
fn brokers(text: &str) -> Vec<BrokerId> {
    text.split(',')
        .map_while(|it| number(it).map(BrokerId))
        .collect()
}

/// `orders-0`
fn place(name: &str) -> Option<TopicPartition> {
    let (topic, partition) = name.rsplit_once('-')?;
    Some(TopicPartition::new(topic, partition.parse().ok()?))
}

fn named(who: &[BrokerId], what: &str) -> String {
    let ids: Vec<String> = who.iter().map(ToString::to_string).collect();
    format!("broker {} {what}", ids.join(" "))
}

fn told(who: &[BrokerId], what: &str) -> String {
    let be = if who.len() == 1 { "is" } else { "are" };
    named(who, &format!("{be} {what}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wire::report::Report;
    use wire::{BrokerId, LeaderEpoch};

    use super::Log4j;
    use crate::supervisor::engine::Speech;

    /// What a broker 1 that is the controller tells by these lines.
    fn heard(lines: &[&str]) -> Vec<Report> {
        let address = "127.0.0.1:9092".parse().expect("an address");
        let mut log = Log4j::new(BrokerId(1), address, Arc::default());
        let reports = lines.iter().flat_map(|line| log.hear(line.as_bytes()));
        reports.map(|line| line.report).collect()
    }

    fn ids<const N: usize>(ids: [i32; N]) -> Vec<BrokerId> {
        ids.map(BrokerId).to_vec()
    }

    /// As 3.9.2 wrote it, without what follows and concerns nobody.
    const CREATED: &str = "state.change.logger [Controller id=1 epoch=1] Changed partition orders-1 from NewPartition to \
        OnlinePartition with state LeaderAndIsr(leader=3, leaderEpoch=0, isrWithBrokerEpoch=List(BrokerState(brokerId=3, \
        brokerEpoch=-1), BrokerState(brokerId=1, brokerEpoch=-1), BrokerState(brokerId=2, brokerEpoch=-1)), leaderRecoveryState=RECOVERED, partitionEpoch=0)";
    const MOVED: &str = "state.change.logger [Controller id=1 epoch=1] Changed partition orders-1 from OfflinePartition to \
        OnlinePartition with state LeaderAndIsr(leader=1, leaderEpoch=1, isrWithBrokerEpoch=List(BrokerState(brokerId=1, \
        brokerEpoch=-1), BrokerState(brokerId=2, brokerEpoch=-1)), leaderRecoveryState=RECOVERED, partitionEpoch=1)";

    #[test]
    fn a_broker_is_ready_when_it_says_that_it_started() {
        let said = "kafka.server.KafkaServer [KafkaServer id=1] started";
        assert_eq!(
            heard(&[said, "kafka.server.KafkaServer starting"]),
            [Report::Ready {
                address: "127.0.0.1:9092".into()
            }]
        );
    }

    #[test]
    fn it_registers_in_the_session_that_it_has() {
        let reports = heard(&[
            "org.apache.zookeeper.ClientCnxn Session establishment complete on server /127.0.0.1:2181, session id = \
             0xa21f85d5250002, negotiated timeout = 1500",
            "kafka.zk.KafkaZkClient Registered broker 1 at path /brokers/ids/1 with addresses: \
             PLAINTEXT://127.0.0.1:9092, czxid (broker epoch): 25",
        ]);
        assert_eq!(
            reports,
            [Report::Registered {
                broker: BrokerId(1),
                broker_epoch: 25,
                session: 0xa2_1f85_d525_0002
            }]
        );
    }

    #[test]
    fn an_election_tells_what_was_before_and_who_is_gone() {
        let gone = "kafka.controller.KafkaController [Controller id=1] Newly added brokers: , deleted brokers: 3, \
                    bounced brokers: , all live brokers: 1,2";
        // Told again, it changes nothing.
        assert_eq!(
            heard(&[CREATED, gone, MOVED, MOVED]),
            [Report::PartitionChanged {
                topic: "orders".into(),
                partition: 1,
                leader_before: BrokerId(3),
                leader: BrokerId(1),
                epoch_before: LeaderEpoch(0),
                epoch: LeaderEpoch(1),
                isr_before: ids([3, 1, 2]),
                isr: ids([1, 2]),
                why: "broker 3 is gone".into(),
            }]
        );
    }

    #[test]
    fn a_follower_that_dies_leaves_the_isr() {
        let gone = "kafka.controller.KafkaController [Controller id=1] Newly added brokers: , deleted brokers: 2, \
                    bounced brokers: , all live brokers: 1,3";
        let shrunk = "state.change.logger [Controller id=1 epoch=1] Partition orders-1 state changed to \
                      (Leader:3,ISR:3,1,LeaderRecoveryState:RECOVERED,LeaderEpoch:1,ZkVersion:1,ControllerEpoch:1) after \
                      removing replica 2 from the ISR as part of transition to OfflineReplica";
        let back = "kafka.cluster.Partition [Partition orders-1 broker=1] ISR updated to 3,1,2  and version updated to 2";
        let reports = heard(&[CREATED, gone, shrunk, back]);
        let [
            Report::PartitionChanged { isr, why, .. },
            Report::IsrChanged {
                isr_before,
                isr: full,
                why: caught_up,
                ..
            },
        ] = reports.as_slice()
        else {
            panic!("{reports:?}");
        };
        assert_eq!((isr, why.as_str()), (&ids([3, 1]), "broker 2 is gone"));
        assert_eq!((isr_before, full), (isr, &ids([3, 1, 2])));
        assert_eq!(caught_up, "broker 2 caught up");
    }

    #[test]
    fn a_topic_is_told_with_its_replicas() {
        let said = "kafka.controller.KafkaController [Controller id=1] New topics: [Set(my-orders)], deleted topics: \
                    [HashSet()], new partition replica assignment [Set(TopicIdReplicaAssignment(my-orders,Some(Q1Ws_wSHRKi),\
                    Map(my-orders-1 -> ReplicaAssignment(replicas=3,1, addingReplicas=, removingReplicas=), my-orders-0 -> \
                    ReplicaAssignment(replicas=2,3, addingReplicas=, removingReplicas=))))]";
        assert_eq!(
            heard(&[said]),
            [Report::TopicCreated {
                topic: "my-orders".into(),
                partitions: vec![ids([2, 3]), ids([3, 1])],
            }]
        );
    }

    #[test]
    fn what_it_does_not_know_concerns_nobody() {
        assert_eq!(
            heard(&[
                "",
                "no.blank",
                "a.Logger [x] y",
                "state.change.logger [Controller id=1] Changed partition"
            ]),
            []
        );
    }
}
