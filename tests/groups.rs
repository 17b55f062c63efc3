//! Consumer groups against real brokers, with librdkafka's consumers.

mod cluster;

use std::time::Duration;

use cluster::{Cluster, Consumer, wait_until};
use kafka_protocol::messages::delete_groups_request::DeleteGroupsRequest;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    DescribeGroupsRequest, FindCoordinatorRequest, GroupId, HeartbeatRequest, JoinGroupRequest,
    JoinGroupResponse, LeaveGroupRequest, ListGroupsRequest, OffsetCommitRequest,
    OffsetDeleteRequest, OffsetFetchRequest, SyncGroupRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use kafkarium::client::groups::{committed_offsets, find_coordinator};
use kafkarium::client::kafka::KafkaConnection;
use kafkarium::wire::ErrorCode;

const WAIT: Duration = Duration::from_secs(20);

/// Waits until these consumers together hold `partitions`, each this many.
fn wait_for_division(consumers: &[&Consumer], partitions: i32, shares: &[usize]) {
    let what = format!("{partitions} partitions are divided {shares:?}");
    wait_until(&what, || {
        let held: Option<Vec<Vec<i32>>> =
            consumers.iter().map(|consumer| consumer.holds()).collect();
        let held = held?;
        let mut all: Vec<i32> = held.iter().flatten().copied().collect();
        all.sort_unstable();
        let mut sizes: Vec<usize> = held.iter().map(Vec::len).collect();
        sizes.sort_unstable();
        (all == (0..partitions).collect::<Vec<i32>>() && sizes == shares).then_some(())
    });
}

fn lines(range: std::ops::Range<i32>) -> Vec<String> {
    range.map(|number| format!("k{number}:v{number}")).collect()
}

fn sorted(mut values: Vec<String>) -> Vec<String> {
    values.sort();
    values.dedup();
    values
}

fn values(range: std::ops::Range<i32>) -> Vec<String> {
    sorted(range.map(|number| format!("v{number}")).collect())
}

#[test]
fn consumers_that_join_one_after_another_divide_the_partitions() {
    let cluster = Cluster::start(1, &[]);
    cluster.create_topic("orders", 3, 1);
    cluster.produce("orders", &lines(0..60));

    let mut c1 = cluster.consumer("c1", "orders", "billing");
    wait_for_division(&[&c1], 3, &[3]);
    let c2 = cluster.consumer("c2", "orders", "billing");
    wait_for_division(&[&c1, &c2], 3, &[1, 2]);
    let c3 = cluster.consumer("c3", "orders", "billing");
    wait_for_division(&[&c1, &c2, &c3], 3, &[1, 1, 1]);
    // One more than there are partitions sits idle.
    let mut c4 = cluster.consumer("c4", "orders", "billing");
    wait_for_division(&[&c1, &c2, &c3, &c4], 3, &[0, 1, 1, 1]);

    // Another group reads everything, whatever the first has read.
    let other = cluster.consumer("o1", "orders", "shipping");
    wait_until("the other group has read everything", || {
        (sorted(other.values()) == values(0..60)).then_some(())
    });
    wait_until("the group has read everything", || {
        let consumers = [&c1, &c2, &c3, &c4];
        let read = consumers.iter().flat_map(|consumer| consumer.values());
        (sorted(read.collect()) == values(0..60)).then_some(())
    });

    // A killed one is noticed after its session, one that leaves at once.
    c1.process.kill();
    wait_for_division(&[&c2, &c3, &c4], 3, &[1, 1, 1]);
    c4.process.stop();
    wait_for_division(&[&c2, &c3], 3, &[1, 2]);
}

#[test]
fn a_group_goes_on_with_its_offsets_when_its_coordinator_is_killed() {
    let mut cluster = Cluster::start(3, &[]);
    cluster.create_topic("orders", 3, 3);
    cluster.produce("orders", &lines(0..30));
    let c1 = cluster.consumer("c1", "orders", "billing");
    let c2 = cluster.consumer("c2", "orders", "billing");
    wait_for_division(&[&c1, &c2], 3, &[1, 2]);
    wait_until("everything is read", || {
        (sorted([c1.values(), c2.values()].concat()) == values(0..30)).then_some(())
    });
    wait_until("everything is committed", || {
        (committed(&cluster, "billing") == 30).then_some(())
    });

    let coordinator = coordinator_of(&cluster, "billing");
    cluster.kill_broker(coordinator);
    cluster.produce("orders", &lines(30..60));
    wait_until("the members have read what came after", || {
        (sorted([c1.values(), c2.values()].concat()) == values(0..60)).then_some(())
    });
    let now = wait_until("the group has another coordinator", || {
        Some(coordinator_of(&cluster, "billing")).filter(|id| *id != coordinator)
    });
    assert_ne!(now, coordinator);

    // The committed offsets moved along: a new member reads nothing that was read before.
    cluster.start_broker(coordinator);
    drop((c1, c2));
    cluster.produce("orders", &lines(60..63));
    let c3 = cluster.consumer("c3", "orders", "billing");
    wait_until("the new member has read the newest", || {
        let read = c3.values();
        (60..63)
            .all(|number| read.contains(&format!("v{number}")))
            .then_some(())
    });
    assert!(
        !c3.values().contains(&"v0".to_owned()),
        "read from the beginning again: {:?}",
        c3.values()
    );
}

/// The sum of the group's committed offsets.
fn committed(cluster: &Cluster, group: &str) -> i64 {
    runtime().block_on(async {
        let mut broker = KafkaConnection::connect(&*cluster.address_of(1), "test", WAIT)
            .await
            .expect("connected");
        let (_, address) = find_coordinator(&mut broker, group, WAIT)
            .await
            .expect("it is known");
        let mut coordinator = KafkaConnection::connect(&*address, "test", WAIT)
            .await
            .expect("connected");
        let offsets = committed_offsets(&mut coordinator, group, WAIT).await;
        let offsets = offsets.expect("an answer");
        offsets.iter().map(|(_, offset)| offset.0).sum()
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn coordinator_of(cluster: &Cluster, group: &str) -> i32 {
    let addresses = cluster.bootstrap();
    wait_until("the coordinator is known", || {
        addresses.split(',').find_map(|address| {
            runtime().block_on(async {
                let mut broker = KafkaConnection::connect(address, "test", WAIT).await.ok()?;
                let (id, _) = find_coordinator(&mut broker, group, WAIT).await.ok()?;
                Some(id.0)
            })
        })
    })
}

fn text(text: &str) -> StrBytes {
    StrBytes::from(text.to_owned())
}

/// One connection that is a member of its own group.
struct Member {
    broker: KafkaConnection,
    group: String,
    id: StrBytes,
    generation: i32,
}

impl Member {
    async fn join(&mut self, version: i16) -> JoinGroupResponse {
        let mut request = JoinGroupRequest::default()
            .with_group_id(GroupId(text(&self.group)))
            .with_session_timeout_ms(10_000)
            .with_member_id(self.id.clone())
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![
                JoinGroupRequestProtocol::default()
                    .with_name(text("range"))
                    .with_metadata(
                        b"\0\0\0\0\0\x01\0\x06orders\xff\xff\xff\xff"
                            .as_slice()
                            .into(),
                    ),
            ]);
        if version >= 1 {
            request.rebalance_timeout_ms = 10_000;
        }
        let asked = self.broker.ask_in(version, &request, WAIT).await;
        asked.expect("an answer")
    }
}

#[test]
fn every_version_of_every_api_is_answered() {
    let cluster = Cluster::start(1, &[]);
    cluster.create_topic("orders", 3, 1);
    runtime().block_on(async {
        for version in 0..=9 {
            let broker = KafkaConnection::connect(&*cluster.bootstrap(), "test", WAIT)
                .await
                .expect("connected");
            let mut member = Member {
                broker,
                group: format!("g{version}"),
                id: StrBytes::default(),
                generation: -1,
            };
            find(&mut member, version.min(6)).await;
            join_and_sync(&mut member, version).await;
            commit_and_fetch(&mut member, version).await;
            describe_and_list(&mut member, version).await;
            leave(&mut member, version.min(5)).await;
            delete(&mut member, version.min(2)).await;
        }
    });
}

async fn find(member: &mut Member, version: i16) {
    let key = text(&member.group);
    let request = if version >= 4 {
        FindCoordinatorRequest::default().with_coordinator_keys(vec![key.clone(), text("other")])
    } else {
        FindCoordinatorRequest::default().with_key(key.clone())
    };
    // The topic is created at the first question.
    loop {
        let asked = member.broker.ask_in(version, &request, WAIT).await;
        let answer = asked.expect("an answer");
        let (code, node) = if version >= 4 {
            assert_eq!(answer.coordinators.len(), 2);
            assert_eq!(answer.coordinators[0].key, key);
            let found = &answer.coordinators[0];
            (found.error_code, found.node_id)
        } else {
            (answer.error_code, answer.node_id)
        };
        if code == ErrorCode::CoordinatorNotAvailable.code() {
            continue;
        }
        assert_eq!((code, node.0), (0, 1));
        break;
    }
}

async fn join_and_sync(member: &mut Member, version: i16) {
    let joined = loop {
        let joined = member.join(version).await;
        match ErrorCode::from_code(joined.error_code) {
            ErrorCode::MemberIdRequired => {
                assert!(version >= 4);
                member.id = joined.member_id;
            }
            ErrorCode::CoordinatorLoadInProgress | ErrorCode::NotCoordinator => {}
            error => {
                assert_eq!(error, ErrorCode::None, "version {version}");
                break joined;
            }
        }
    };
    assert_eq!(joined.leader, joined.member_id);
    assert_eq!(joined.protocol_name, Some(text("range")));
    assert_eq!(joined.members.len(), 1);
    if version >= 7 {
        assert_eq!(joined.protocol_type, Some(text("consumer")));
    }
    member.id = joined.member_id;
    member.generation = joined.generation_id;

    let version = version.min(5);
    let mut request = SyncGroupRequest::default()
        .with_group_id(GroupId(text(&member.group)))
        .with_generation_id(member.generation)
        .with_member_id(member.id.clone())
        .with_assignments(vec![
            SyncGroupRequestAssignment::default()
                .with_member_id(member.id.clone())
                .with_assignment(b"mine".as_slice().into()),
        ]);
    if version >= 5 {
        let nameless = member.broker.ask_in(version, &request, WAIT).await;
        assert_eq!(
            nameless.expect("an answer").error_code,
            ErrorCode::InconsistentGroupProtocol.code()
        );
        request.protocol_type = Some(text("consumer"));
        request.protocol_name = Some(text("range"));
    }
    let synced = member.broker.ask_in(version, &request, WAIT).await;
    let synced = synced.expect("an answer");
    assert_eq!(synced.error_code, 0);
    assert_eq!(synced.assignment, b"mine".as_slice());

    let request = HeartbeatRequest::default()
        .with_group_id(GroupId(text(&member.group)))
        .with_generation_id(member.generation)
        .with_member_id(member.id.clone());
    let beat = member.broker.ask_in(version.min(4), &request, WAIT).await;
    assert_eq!(beat.expect("an answer").error_code, 0);
}

async fn commit_and_fetch(member: &mut Member, round: i16) {
    let version = round.max(2);
    let partition = |index| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(index)
            .with_committed_offset(42)
            .with_committed_metadata(Some(text("note")))
    };
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId(text(&member.group)))
        .with_generation_id_or_member_epoch(member.generation)
        .with_member_id(member.id.clone())
        .with_topics(vec![
            OffsetCommitRequestTopic::default()
                .with_name(TopicName(text("orders")))
                .with_partitions(vec![partition(1), partition(9)]),
        ]);
    let committed = member.broker.ask_in(version, &request, WAIT).await;
    let committed = committed.expect("an answer");
    let partitions = &committed.topics[0].partitions;
    assert_eq!(partitions[0].error_code, 0);
    assert_eq!(
        partitions[1].error_code,
        ErrorCode::UnknownTopicOrPartition.code()
    );

    let version = round.max(1);
    if version < 8 {
        let request = OffsetFetchRequest::default()
            .with_group_id(GroupId(text(&member.group)))
            .with_topics(Some(vec![
                OffsetFetchRequestTopic::default()
                    .with_name(TopicName(text("orders")))
                    .with_partition_indexes(vec![1, 2]),
            ]));
        let fetched = member.broker.ask_in(version, &request, WAIT).await;
        let fetched = fetched.expect("an answer");
        let found = &fetched.topics[0].partitions;
        assert_eq!(
            (found[0].committed_offset, found[1].committed_offset),
            (42, -1)
        );
        assert_eq!(found[0].metadata, Some(text("note")));
    } else {
        let one = OffsetFetchRequestGroup::default()
            .with_group_id(GroupId(text(&member.group)))
            .with_topics(Some(vec![
                OffsetFetchRequestTopics::default()
                    .with_name(TopicName(text("orders")))
                    .with_partition_indexes(vec![1, 2]),
            ]));
        let all = OffsetFetchRequestGroup::default()
            .with_group_id(GroupId(text(&member.group)))
            .with_topics(None);
        let request = OffsetFetchRequest::default().with_groups(vec![one, all]);
        let fetched = member.broker.ask_in(version, &request, WAIT).await;
        let groups = fetched.expect("an answer").groups;
        let found = &groups[0].topics[0].partitions;
        assert_eq!(
            (found[0].committed_offset, found[1].committed_offset),
            (42, -1)
        );
        assert_eq!(groups[1].topics[0].partitions.len(), 1);
    }
}

async fn describe_and_list(member: &mut Member, round: i16) {
    let version = round.min(6);
    let request = DescribeGroupsRequest::default()
        .with_groups(vec![GroupId(text(&member.group)), GroupId(text("nobody"))]);
    let described = member.broker.ask_in(version, &request, WAIT).await;
    let groups = described.expect("an answer").groups;
    assert_eq!(groups[0].group_state, text("Stable"));
    assert_eq!(groups[0].protocol_data, text("range"));
    assert_eq!(groups[0].members[0].client_id, text("test"));
    assert_eq!(groups[0].members[0].client_host, text("/127.0.0.1"));
    assert_eq!(groups[0].members[0].member_assignment, b"mine".as_slice());
    assert_eq!(groups[1].group_state, text("Dead"));

    let version = round.min(5);
    let mut request = ListGroupsRequest::default();
    if version >= 4 {
        request.states_filter = vec![text("stable")];
    }
    if version >= 5 {
        request.types_filter = vec![text("Classic")];
    }
    let listed = member.broker.ask_in(version, &request, WAIT).await;
    let groups = listed.expect("an answer").groups;
    assert!(
        groups
            .iter()
            .any(|group| *group.group_id == text(&member.group))
    );
    if version >= 4 {
        request.states_filter = vec![text("Dead")];
        let listed = member.broker.ask_in(version, &request, WAIT).await;
        assert!(listed.expect("an answer").groups.is_empty());
    }
}

async fn leave(member: &mut Member, version: i16) {
    let group = GroupId(text(&member.group));
    let request = if version >= 3 {
        LeaveGroupRequest::default()
            .with_group_id(group.clone())
            .with_members(vec![
                MemberIdentity::default().with_member_id(member.id.clone()),
            ])
    } else {
        LeaveGroupRequest::default()
            .with_group_id(group.clone())
            .with_member_id(member.id.clone())
    };
    let left = member.broker.ask_in(version, &request, WAIT).await;
    let left = left.expect("an answer");
    assert_eq!(left.error_code, 0);
    if version >= 3 {
        assert_eq!(left.members[0].error_code, 0);
    }
}

async fn delete(member: &mut Member, version: i16) {
    let group = GroupId(text(&member.group));
    let request = OffsetDeleteRequest::default()
        .with_group_id(group.clone())
        .with_topics(vec![
            OffsetDeleteRequestTopic::default()
                .with_name(TopicName(text("orders")))
                .with_partitions(vec![
                    OffsetDeleteRequestPartition::default().with_partition_index(2),
                ]),
        ]);
    let deleted = member.broker.ask_in(0, &request, WAIT).await;
    let deleted = deleted.expect("an answer");
    assert_eq!(deleted.error_code, 0);
    assert_eq!(deleted.topics[0].partitions[0].error_code, 0);

    let request =
        DeleteGroupsRequest::default().with_groups_names(vec![group, GroupId(text("nobody"))]);
    let deleted = member.broker.ask_in(version, &request, WAIT).await;
    let results = deleted.expect("an answer").results;
    assert_eq!(results[0].error_code, 0);
    assert_eq!(results[1].error_code, ErrorCode::GroupIdNotFound.code());
}
