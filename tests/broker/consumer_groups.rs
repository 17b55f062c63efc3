//! Groups of the consumer protocol (KIP-848): raw frames of every version, librdkafka, SIGKILL of the coordinator.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use kafka_protocol::{
    messages::{
        ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest,
        ConsumerGroupHeartbeatResponse, DescribeConfigsRequest, FindCoordinatorRequest,
        IncrementalAlterConfigsRequest, ListGroupsRequest, TopicName,
        consumer_group_describe_response::DescribedGroup,
        consumer_group_heartbeat_request::TopicPartitions,
        describe_configs_request::DescribeConfigsResource,
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
    },
    protocol::StrBytes,
};
use kafkarium::wire::ErrorCode;
use rdkafka::{
    ClientConfig, Message,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    topic_partition_list::TopicPartitionListElem,
};

use crate::{
    cluster::{Cluster, until, wait_until},
    declined::ask,
};

/// Short times, so that nobody waits long.
const FAST: [&str; 6] = [
    "group.consumer.min.heartbeat.interval.ms=50",
    "group.consumer.heartbeat.interval.ms=50",
    "group.consumer.min.session.timeout.ms=500",
    "group.consumer.session.timeout.ms=3000",
    "group.consumer.assignment.interval.ms=50",
    "min.insync.replicas=1",
];

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// The group's coordinator and its address.
fn coordinator(cluster: &Cluster, group: &str) -> (i32, String) {
    // A broker that was killed is named until its session ends.
    let lives = |address: &str| std::net::TcpStream::connect(address).is_ok();
    wait_until("there is a coordinator", || {
        let request = FindCoordinatorRequest::default().with_key(text(group));
        let addresses = cluster.ids().into_iter().map(|id| cluster.address_of(id));
        let mut answers = addresses
            .filter(|address| lives(address))
            .map(|address| ask(&address, 3, &request));
        let answer = answers.find(|answer| answer.error_code == 0)?;
        let address = format!("{}:{}", answer.host, answer.port);
        lives(&address).then_some((answer.node_id.0, address))
    })
}

/// A member that speaks in raw frames.
struct Member {
    address: String,
    group: &'static str,
    id: String,
    epoch: i32,
    assigned: Vec<TopicPartitions>,
}

impl Member {
    fn new(cluster: &Cluster, group: &'static str, id: &str) -> Self {
        Self {
            address: coordinator(cluster, group).1,
            group,
            id: id.to_owned(),
            epoch: 0,
            assigned: Vec::new(),
        }
    }

    fn request(&self) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest::default()
            .with_group_id(text(self.group).into())
            .with_member_id(text(&self.id))
            .with_member_epoch(self.epoch)
            .with_rebalance_timeout_ms(-1)
    }

    /// Joins; asked again while the coordinator is not ready.
    fn join(&mut self, version: i16, topics: &[&str]) -> ConsumerGroupHeartbeatResponse {
        let topics = topics.iter().map(|topic| TopicName(text(topic)));
        let request = self
            .request()
            .with_member_epoch(0)
            .with_rebalance_timeout_ms(5_000)
            .with_subscribed_topic_names(Some(topics.collect()))
            .with_topic_partitions(Some(Vec::new()));
        wait_until("the member joins", || {
            let answer = ask(&self.address, version, &request);
            match ErrorCode::from_code(answer.error_code) {
                ErrorCode::NotCoordinator | ErrorCode::CoordinatorLoadInProgress => None,
                _ => Some(self.took(answer)),
            }
        })
    }

    /// Says that it has what it was told to have.
    fn beat(&mut self) -> ConsumerGroupHeartbeatResponse {
        let request = self
            .request()
            .with_topic_partitions(Some(self.assigned.clone()));
        let answer = ask(&self.address, 1, &request);
        self.took(answer)
    }

    fn took(&mut self, answer: ConsumerGroupHeartbeatResponse) -> ConsumerGroupHeartbeatResponse {
        if answer.error_code == 0 {
            self.epoch = answer.member_epoch;
            if let Some(id) = &answer.member_id {
                self.id = id.to_string();
            }
            if let Some(assignment) = &answer.assignment {
                let topics = assignment.topic_partitions.iter();
                let topics = topics.map(|topic| {
                    TopicPartitions::default()
                        .with_topic_id(topic.topic_id)
                        .with_partitions(topic.partitions.clone())
                });
                self.assigned = topics.collect();
            }
        }
        answer
    }

    fn has(&self) -> Vec<i32> {
        let topics = self.assigned.iter();
        topics.flat_map(|topic| topic.partitions.clone()).collect()
    }
}

fn describe(address: &str, version: i16, group: &str) -> DescribedGroup {
    let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![text(group).into()]);
    ask(address, version, &request).groups.remove(0)
}

#[test]
fn every_version_of_the_new_groups_apis_is_answered() {
    let cluster = Cluster::start(1, &FAST);
    cluster.create_topic("orders", 3, 1);
    let mut old = Member::new(&cluster, "billing", "");
    let joined = old.join(0, &["orders"]);
    assert_eq!(joined.error_code, 0, "{joined:?}");
    assert_eq!((joined.member_epoch, joined.heartbeat_interval_ms), (2, 50));
    assert_eq!(old.id.len(), 22, "the broker made its id");
    assert_eq!(old.has(), [0, 1, 2]);

    let mut new = Member::new(&cluster, "billing", "");
    let refused = new.join(1, &["orders"]);
    assert_eq!(refused.error_code, ErrorCode::InvalidRequest.code());
    assert_eq!(
        refused.error_message,
        Some(text("MemberId can't be empty."))
    );
    assert_eq!((refused.member_id, refused.member_epoch), (None, 0));
    new.id = "made-by-itself".to_owned();
    assert_eq!(new.join(1, &["orders"]).error_code, 0);
    wait_until("both have their share", || {
        old.beat();
        new.beat();
        (old.has() == [0, 1] && new.has() == [2]).then_some(())
    });
    for version in 0..=1 {
        let group = describe(&old.address, version, "billing");
        assert_eq!(group.error_code, 0);
        assert_eq!(group.group_state.as_str(), "Stable");
        assert_eq!((group.group_epoch, group.assignment_epoch), (3, 3));
        assert_eq!(group.assignor_name.as_str(), "uniform");
        assert_eq!(group.members.len(), 2);
        for member in &group.members {
            assert_eq!(member.assignment, member.target_assignment);
            assert_eq!(member.member_type, if version >= 1 { 1 } else { -1 });
            assert_eq!(member.client_host.as_str(), "/127.0.0.1");
        }
        let unknown = describe(&old.address, version, "nobody");
        assert_eq!(unknown.error_code, ErrorCode::GroupIdNotFound.code());
        let unnamed = describe(&old.address, version, "");
        assert_eq!(unnamed.error_code, ErrorCode::InvalidGroupId.code());
    }
    let list = ListGroupsRequest::default().with_types_filter(vec![text("Consumer")]);
    let listed = ask(&old.address, 5, &list).groups;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].group_type.as_str(), "consumer");
    assert_eq!(listed[0].protocol_type.as_str(), "consumer");

    // The second falls silent: its session ends, and what it had goes to the first.
    wait_until("the first has everything", || {
        old.beat();
        (old.has() == [0, 1, 2]).then_some(())
    });
    let fenced = new.beat();
    assert_eq!(fenced.error_code, ErrorCode::UnknownMemberId.code());
}

#[test]
fn a_groups_configs_hold_for_its_members_from_their_next_answer_on() {
    const GROUP: i8 = 32;
    let cluster = Cluster::start(1, &FAST);
    cluster.create_topic("orders", 1, 1);
    let mut member = Member::new(&cluster, "billing", "m1");
    assert_eq!(member.join(1, &["orders"]).heartbeat_interval_ms, 50);
    let alter = |name: &str, value: &str| {
        let config = AlterableConfig::default()
            .with_name(text(name))
            .with_value(Some(text(value)));
        let resource = AlterConfigsResource::default()
            .with_resource_type(GROUP)
            .with_resource_name(text("billing"))
            .with_configs(vec![config]);
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        let answer = ask(&member.address, 1, &request).responses.remove(0);
        (
            ErrorCode::from_code(answer.error_code),
            answer.error_message,
        )
    };
    let (done, _) = alter("consumer.heartbeat.interval.ms", "70");
    assert_eq!(done, ErrorCode::None);
    let (refused, why) = alter("consumer.session.timeout.ms", "1");
    assert_eq!(refused, ErrorCode::InvalidConfig);
    let why = why.expect("a sentence");
    assert!(
        why.contains("group.consumer.min.session.timeout.ms"),
        "{why}"
    );
    let (unknown, _) = alter("retention.ms", "1");
    assert_eq!(unknown, ErrorCode::InvalidConfig);
    wait_until("the member is told the other interval", || {
        (member.beat().heartbeat_interval_ms == 70).then_some(())
    });
    let asked = DescribeConfigsResource::default()
        .with_resource_type(GROUP)
        .with_resource_name(text("billing"))
        .with_configuration_keys(None);
    let request = DescribeConfigsRequest::default().with_resources(vec![asked]);
    let told = ask(&member.address, 4, &request).results.remove(0);
    let told = told.configs.into_iter();
    let told: Vec<(String, String, i8)> = told
        .map(|it| {
            (
                it.name.to_string(),
                it.value.unwrap_or_default().to_string(),
                it.config_source,
            )
        })
        .collect();
    let of_group = (
        "consumer.heartbeat.interval.ms".to_owned(),
        "70".to_owned(),
        8,
    );
    assert!(told.contains(&of_group), "{told:?}");
    let of_broker = (
        "consumer.session.timeout.ms".to_owned(),
        "3000".to_owned(),
        4,
    );
    assert!(told.contains(&of_broker), "{told:?}");
}

#[test]
fn the_new_groups_are_refused_where_they_are_not_served() {
    let cluster = Cluster::start(1, &["group.coordinator.rebalance.protocols=classic"]);
    cluster.create_topic("orders", 1, 1);
    let mut member = Member::new(&cluster, "billing", "m1");
    for version in 0..=1 {
        let refused = member.join(version, &["orders"]);
        assert_eq!(refused.error_code, ErrorCode::UnsupportedVersion.code());
    }
}

#[tokio::test]
async fn a_new_group_lives_through_the_death_of_its_coordinator() {
    let mut cluster = Cluster::start(3, &FAST);
    cluster.create_topic("orders", 3, 3);
    let mut member = Member::new(&cluster, "billing", "m1");
    assert_eq!(member.join(1, &["orders"]).error_code, 0);
    let mut second = Member::new(&cluster, "billing", "m2");
    assert_eq!(second.join(1, &["orders"]).error_code, 0);
    wait_until("both have their share", || {
        member.beat();
        second.beat();
        (member.has() == [0, 1] && second.has() == [2]).then_some(())
    });
    let (killed, _) = coordinator(&cluster, "billing");
    cluster.kill_broker(killed);
    let address = until("another broker coordinates", async || {
        let (id, address) = coordinator(&cluster, "billing");
        let group = (id != killed).then(|| describe(&address, 1, "billing"))?;
        (group.error_code == 0).then_some(address)
    })
    .await;
    member.address.clone_from(&address);
    second.address.clone_from(&address);
    for member in [&mut member, &mut second] {
        let answer = member.beat();
        assert_eq!((answer.error_code, answer.member_epoch), (0, 3));
    }
    assert_eq!(describe(&address, 1, "billing").group_epoch, 3);
}

/// A consumer of librdkafka that polls until it is dropped.
struct Polling {
    values: Arc<Mutex<BTreeSet<String>>>,
    assigned: Arc<Mutex<Vec<i32>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Polling {
    fn start(cluster: &Cluster, name: &str, topic: &str, settings: &[(&str, &str)]) -> Self {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", cluster.bootstrap())
            .set("group.id", "shipping")
            .set("group.protocol", "consumer")
            .set("client.id", name)
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .set("retry.backoff.ms", "20")
            .set("reconnect.backoff.max.ms", "100");
        for (name, value) in settings {
            config.set(*name, *value);
        }
        let consumer: BaseConsumer = config.create().expect("a consumer");
        consumer.subscribe(&[topic]).expect("subscribed");
        let mut polling = Self {
            values: Arc::default(),
            assigned: Arc::default(),
            stop: Arc::default(),
            thread: None,
        };
        let (values, assigned) = (Arc::clone(&polling.values), Arc::clone(&polling.assigned));
        let stop = Arc::clone(&polling.stop);
        let thread = std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                if let Some(Ok(message)) = consumer.poll(Duration::from_millis(20)) {
                    let value = message.payload_view::<str>().expect("a value");
                    let value = value.expect("text").to_owned();
                    values.lock().expect("unpoisoned").insert(value);
                    // A commit in the middle of a rebalance may be refused.
                    let _ = consumer.commit_message(&message, CommitMode::Async);
                }
                let held = consumer.assignment().expect("an assignment");
                let mut held: Vec<i32> = held
                    .elements()
                    .iter()
                    .map(TopicPartitionListElem::partition)
                    .collect();
                held.sort_unstable();
                *assigned.lock().expect("unpoisoned") = held;
            }
        });
        polling.thread = Some(thread);
        polling
    }

    fn has(&self) -> Vec<i32> {
        self.assigned.lock().expect("unpoisoned").clone()
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

/// Waits until these have three partitions together, so many each.
fn wait_for_shares(consumers: &[&Polling], shares: &[usize]) {
    wait_until(&format!("three partitions are divided {shares:?}"), || {
        let held: Vec<Vec<i32>> = consumers.iter().map(|it| it.has()).collect();
        let mut all = held.concat();
        all.sort_unstable();
        let mut sizes: Vec<usize> = held.iter().map(Vec::len).collect();
        sizes.sort_unstable();
        (all == [0, 1, 2] && sizes == shares).then_some(())
    });
}

#[test]
fn consumers_of_librdkafka_share_a_topic_by_the_new_protocol() {
    let cluster = Cluster::start(3, &FAST);
    cluster.create_topic("orders", 3, 3);
    let records = |numbers: std::ops::Range<i32>| -> Vec<String> {
        numbers
            .map(|number| format!("k{number}:v{number}"))
            .collect()
    };
    cluster.produce("orders", &records(0..60));
    let first = Polling::start(&cluster, "c1", "orders", &[]);
    wait_for_shares(&[&first], &[3]);
    let second = Polling::start(&cluster, "c2", "orders", &[]);
    wait_for_shares(&[&first, &second], &[1, 2]);
    let third = Polling::start(&cluster, "c3", "orders", &[("group.instance.id", "i3")]);
    wait_for_shares(&[&first, &second, &third], &[1, 1, 1]);
    let told = cluster.run(&["groups", "describe", "shipping", "--members"]);
    for name in ["c1", "c2", "c3"] {
        assert!(told.contains(name), "{told}");
    }
    // The fourth finds nothing to do until another one goes.
    let fourth = Polling::start(&cluster, "c4", "^orders$", &[]);
    let (_, address) = coordinator(&cluster, "shipping");
    wait_until("the fourth is a member and idles", || {
        let group = describe(&address, 1, "shipping");
        let is_there = group.members.len() == 4 && group.group_state.as_str() == "Stable";
        is_there.then_some(())
    });
    assert_eq!(fourth.has(), [0; 0]);
    // A static member that closes keeps its partition until its session ends.
    let held = third.has();
    drop(third);
    let group = describe(&address, 1, "shipping");
    let away = group
        .members
        .iter()
        .find(|it| it.instance_id == Some(text("i3")));
    let away = away.expect("it is still a member");
    assert_eq!(away.member_epoch, -2);
    assert_eq!(away.assignment.topic_partitions[0].partitions, held);
    wait_for_shares(&[&first, &second, &fourth], &[1, 1, 1]);
    cluster.produce("orders", &records(60..90));
    wait_until("everything is read", || {
        let mut all = BTreeSet::new();
        for consumer in [&first, &second, &fourth] {
            all.extend(consumer.values.lock().expect("unpoisoned").clone());
        }
        // What the third read before it went was committed, or is read again.
        ((60..90).all(|number| all.contains(&format!("v{number}")))).then_some(())
    });
    drop(first);
    wait_for_shares(&[&second, &fourth], &[1, 2]);
}

#[test]
fn a_group_changes_its_protocol_while_its_consumers_read() {
    let cluster = Cluster::start(3, &FAST);
    cluster.create_topic("orders", 3, 3);
    let classic = [
        ("group.protocol", "classic"),
        ("heartbeat.interval.ms", "100"),
    ];
    let (_, address) = coordinator(&cluster, "shipping");
    let kind = || {
        let list = ListGroupsRequest::default();
        let groups = ask(&address, 5, &list).groups;
        groups.first().map(|group| group.group_type.to_string())
    };
    for assignor in ["range", "cooperative-sticky"] {
        let settings = [&classic[..], &[("partition.assignment.strategy", assignor)]].concat();
        let old = Polling::start(&cluster, "old", "orders", &settings);
        wait_for_shares(&[&old], &[3]);
        assert_eq!(kind().as_deref(), Some("classic"));
        // The first of the new protocol takes the group over, the last one gives it back.
        let new = Polling::start(&cluster, "new", "orders", &[]);
        wait_for_shares(&[&old, &new], &[1, 2]);
        assert_eq!(kind().as_deref(), Some("consumer"));
        let types: BTreeSet<i8> = describe(&address, 1, "shipping")
            .members
            .iter()
            .map(|member| member.member_type)
            .collect();
        assert_eq!(types, BTreeSet::from([0, 1]));
        drop(new);
        wait_for_shares(&[&old], &[3]);
        assert_eq!(kind().as_deref(), Some("classic"));
    }
}
