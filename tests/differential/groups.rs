//! Consumer groups: joining, committing, describing, ending.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, FindCoordinatorRequest, HeartbeatRequest,
    JoinGroupRequest, LeaveGroupRequest, ListGroupsRequest, OffsetCommitRequest,
    OffsetDeleteRequest, OffsetFetchRequest, SyncGroupRequest,
    join_group_request::JoinGroupRequestProtocol,
    leave_group_request::MemberIdentity,
    offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
    offset_fetch_request::{
        OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
    },
    sync_group_request::SyncGroupRequestAssignment,
};

use crate::{
    pair::{At, Pair},
    topics::{create, placed, text},
};

const GROUP: &str = "readers";

pub async fn compare(pair: &mut Pair) {
    create(pair, vec![placed("grouped", &[&[1], &[2]])]).await;
    pair.wait_for_group(GROUP).await;
    finding(pair).await;
    committing(pair).await;
    joining(pair).await;
    ending(pair).await;
}

async fn finding(pair: &mut Pair) {
    for (name, key, kind) in [
        ("a group", GROUP, 0),
        ("an empty group", "", 0),
        ("an empty transactional id", "", 1),
        ("an unknown kind", "x", 7),
        ("a share partition", "x", 2),
    ] {
        pair.ask(
            &format!("coordinator of {name}"),
            At::Broker(1),
            |_, version| {
                let request = FindCoordinatorRequest::default();
                let request = if version >= 4 {
                    request.with_coordinator_keys(vec![text(key)])
                } else {
                    request.with_key(text(key))
                };
                (version >= 1 || kind == 0).then(|| request.with_key_type(kind))
            },
        )
        .await;
    }
}

fn commit(
    group: &str,
    generation: i32,
    member: &str,
    topic: &str,
    partition: i32,
    offset: i64,
) -> OffsetCommitRequest {
    OffsetCommitRequest::default()
        .with_group_id(text(group).into())
        .with_generation_id_or_member_epoch(generation)
        .with_member_id(text(member))
        .with_topics(vec![
            OffsetCommitRequestTopic::default()
                .with_name(text(topic).into())
                .with_partitions(vec![
                    OffsetCommitRequestPartition::default()
                        .with_partition_index(partition)
                        .with_committed_offset(offset)
                        .with_committed_metadata(Some(text("kept"))),
                ]),
        ])
}

async fn committing(pair: &mut Pair) {
    for (name, request) in [
        ("by nobody", commit(GROUP, -1, "", "grouped", 0, 5)),
        (
            "an unknown partition",
            commit(GROUP, -1, "", "grouped", 9, 5),
        ),
        ("an unknown topic", commit(GROUP, -1, "", "nowhere", 0, 5)),
        ("a negative offset", commit(GROUP, -1, "", "grouped", 0, -5)),
        (
            "an unknown member",
            commit(GROUP, 1, "who", "grouped", 0, 5),
        ),
        (
            "an unknown generation",
            commit(GROUP, 9, "", "grouped", 0, 5),
        ),
        ("no group", commit("", -1, "", "grouped", 0, 5)),
    ] {
        pair.ask(
            &format!("commit: {name}"),
            At::Group(GROUP),
            |_, version| (version >= 2).then(|| request.clone()),
        )
        .await;
    }
    let mut long = commit(GROUP, -1, "", "grouped", 1, 3);
    long.topics[0].partitions[0].committed_metadata = Some(text(&"m".repeat(5_000)));
    pair.ask("commit: long metadata", At::Group(GROUP), |_, version| {
        (version >= 2).then(|| long.clone())
    })
    .await;
    for (name, group, topic, partitions) in [
        ("one", GROUP, Some("grouped"), vec![0]),
        (
            "one and one that is not there",
            GROUP,
            Some("grouped"),
            vec![0, 1, 9],
        ),
        ("an unknown topic", GROUP, Some("nowhere"), vec![0]),
        ("an unknown group", "nobody", Some("grouped"), vec![0]),
        ("all", GROUP, None, vec![]),
        ("all of an unknown group", "nobody", None, vec![]),
        ("no group", "", None, vec![]),
    ] {
        pair.ask(
            &format!("committed: {name}"),
            At::Group(GROUP),
            |_, version| {
                let request = OffsetFetchRequest::default();
                Some(if version >= 8 {
                    let topics = topic.map(|topic| {
                        vec![
                            OffsetFetchRequestTopics::default()
                                .with_name(text(topic).into())
                                .with_partition_indexes(partitions.clone()),
                        ]
                    });
                    let group =
                        OffsetFetchRequestGroup::default().with_group_id(text(group).into());
                    request.with_groups(vec![group.with_topics(topics)])
                } else {
                    let topics = topic.map(|topic| {
                        vec![
                            OffsetFetchRequestTopic::default()
                                .with_name(text(topic).into())
                                .with_partition_indexes(partitions.clone()),
                        ]
                    });
                    if version < 2 && topics.is_none() {
                        return None;
                    }
                    request
                        .with_group_id(text(group).into())
                        .with_topics(topics)
                })
                .filter(|_| version >= 1)
            },
        )
        .await;
    }
}

/// The subscription of a consumer: version 0, one topic.
fn subscription() -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    bytes.put_i32(1);
    bytes.put_i16(7);
    bytes.put_slice(b"grouped");
    bytes.put_i32(-1);
    bytes.freeze()
}

fn join(group: &str, member: &str, session_ms: i32, protocols: &[&str]) -> JoinGroupRequest {
    let protocol = |name: &&str| {
        JoinGroupRequestProtocol::default()
            .with_name(text(name))
            .with_metadata(subscription())
    };
    JoinGroupRequest::default()
        .with_group_id(text(group).into())
        .with_session_timeout_ms(session_ms)
        .with_rebalance_timeout_ms(5_000)
        .with_member_id(text(member))
        .with_protocol_type(text("consumer"))
        .with_protocols(protocols.iter().map(protocol).collect())
}

async fn joining(pair: &mut Pair) {
    for (name, request) in [
        ("no group", join("", "", 10_000, &["range"])),
        ("a short session", join(GROUP, "", 1, &["range"])),
        ("a long session", join(GROUP, "", 99_000_000, &["range"])),
        ("an unknown member", join(GROUP, "who", 10_000, &["range"])),
        ("no protocols", join(GROUP, "", 10_000, &[])),
        (
            "no protocol type",
            join(GROUP, "", 10_000, &["range"]).with_protocol_type(text("")),
        ),
    ] {
        pair.ask(&format!("join: {name}"), At::Group(GROUP), |_, version| {
            Some(request.clone()).filter(|_| version >= 5)
        })
        .await;
    }
    let first = join(GROUP, "", 10_000, &["range", "roundrobin"]);
    let answers = pair
        .ask_in("join: without an id", At::Group(GROUP), 5, |_, _| {
            Some(first.clone())
        })
        .await;
    let Some((Ok(ours), Ok(theirs))) = answers else {
        return;
    };
    pair.ours.members.insert("first", ours.member_id);
    pair.theirs.members.insert("first", theirs.member_id);
    for version in [5, 7, 9] {
        pair.ask_in("join: with its id", At::Group(GROUP), version, |side, _| {
            let member = side.members.get("first")?;
            Some(first.clone().with_member_id(member.clone()))
        })
        .await;
    }
    syncing(pair).await;
    living(pair).await;
}

/// The leader's assignment.
async fn syncing(pair: &mut Pair) {
    pair.ask_in(
        "heartbeat: before the assignment",
        At::Group(GROUP),
        3,
        |side, _| {
            let member = side.members.get("first")?;
            Some(
                HeartbeatRequest::default()
                    .with_group_id(text(GROUP).into())
                    .with_generation_id(1)
                    .with_member_id(member.clone()),
            )
        },
    )
    .await;
    for (name, generation, kind, protocol) in [
        ("another generation", 9, "consumer", "range"),
        ("another type", 1, "connect", "range"),
        ("another protocol", 1, "consumer", "sticky"),
        ("as it is", 1, "consumer", "range"),
        ("once more", 1, "consumer", "range"),
    ] {
        pair.ask_in(&format!("sync: {name}"), At::Group(GROUP), 5, |side, _| {
            let member = side.members.get("first")?;
            Some(
                SyncGroupRequest::default()
                    .with_group_id(text(GROUP).into())
                    .with_generation_id(generation)
                    .with_member_id(member.clone())
                    .with_protocol_type(Some(text(kind)))
                    .with_protocol_name(Some(text(protocol)))
                    .with_assignments(vec![
                        SyncGroupRequestAssignment::default()
                            .with_member_id(member.clone())
                            .with_assignment(Bytes::from_static(b"assigned")),
                    ]),
            )
        })
        .await;
    }
}

/// What members and onlookers ask of a group that is stable.
async fn living(pair: &mut Pair) {
    for (name, group, generation, known) in [
        ("as it is", GROUP, 1, true),
        ("another generation", GROUP, 7, true),
        ("an unknown member", GROUP, 1, false),
        ("no group", "", 1, true),
    ] {
        pair.ask(
            &format!("heartbeat: {name}"),
            At::Group(GROUP),
            |side, _| {
                let member = side.members.get("first")?.clone();
                Some(
                    HeartbeatRequest::default()
                        .with_group_id(text(group).into())
                        .with_generation_id(generation)
                        .with_member_id(if known { member } else { text("who") }),
                )
            },
        )
        .await;
        pair.ask(
            &format!("commit: {name}, of a member"),
            At::Group(GROUP),
            |side, version| {
                let member = side.members.get("first")?;
                let member = if known { member.as_str() } else { "who" };
                (version >= 2).then(|| commit(group, generation, member, "grouped", 1, 8))
            },
        )
        .await;
    }
    for group in [GROUP, "nobody", ""] {
        for operations in [false, true] {
            pair.ask(
                &format!("describe group {group:?}, operations {operations}"),
                At::Group(GROUP),
                |_, version| {
                    let request =
                        DescribeGroupsRequest::default().with_groups(vec![text(group).into()]);
                    (version >= 3 || !operations)
                        .then(|| request.with_include_authorized_operations(operations))
                },
            )
            .await;
        }
    }
    for states in [&[][..], &["Stable"], &["empty"], &["nonsense"]] {
        pair.ask(
            &format!("list groups {states:?}"),
            At::Group(GROUP),
            |_, version| {
                let states: Vec<_> = states.iter().map(|it| text(it)).collect();
                (version >= 4 || states.is_empty())
                    .then(|| ListGroupsRequest::default().with_states_filter(states))
            },
        )
        .await;
    }
}

async fn ending(pair: &mut Pair) {
    for (name, group, topic) in [
        ("subscribed", GROUP, "grouped"),
        ("an unknown topic", GROUP, "nowhere"),
        ("an unknown group", "nobody", "grouped"),
    ] {
        let request = OffsetDeleteRequest::default()
            .with_group_id(text(group).into())
            .with_topics(vec![
                OffsetDeleteRequestTopic::default()
                    .with_name(text(topic).into())
                    .with_partitions(vec![
                        OffsetDeleteRequestPartition::default().with_partition_index(0),
                    ]),
            ]);
        pair.ask(
            &format!("delete offsets: {name}"),
            At::Group(GROUP),
            |_, _| Some(request.clone()),
        )
        .await;
    }
    let delete =
        |group: &str| DeleteGroupsRequest::default().with_groups_names(vec![text(group).into()]);
    for (name, group) in [
        ("with members", GROUP),
        ("unknown", "nobody"),
        ("no name", ""),
    ] {
        pair.ask(
            &format!("delete group: {name}"),
            At::Group(GROUP),
            |_, _| Some(delete(group)),
        )
        .await;
    }
    pair.ask("leave: unknown", At::Group(GROUP), |_, version| {
        let request = LeaveGroupRequest::default().with_group_id(text(GROUP).into());
        Some(if version >= 3 {
            request.with_members(vec![MemberIdentity::default().with_member_id(text("who"))])
        } else {
            request.with_member_id(text("who"))
        })
    })
    .await;
    pair.ask_in("leave", At::Group(GROUP), 3, |side, _| {
        let member = side.members.get("first")?;
        let members = vec![MemberIdentity::default().with_member_id(member.clone())];
        Some(
            LeaveGroupRequest::default()
                .with_group_id(text(GROUP).into())
                .with_members(members),
        )
    })
    .await;
    pair.ask("describe group: empty", At::Group(GROUP), |_, _| {
        Some(DescribeGroupsRequest::default().with_groups(vec![text(GROUP).into()]))
    })
    .await;
    pair.ask_in("delete group", At::Group(GROUP), 2, |_, _| {
        Some(delete(GROUP))
    })
    .await;
    pair.ask("describe group: deleted", At::Group(GROUP), |_, _| {
        Some(DescribeGroupsRequest::default().with_groups(vec![text(GROUP).into()]))
    })
    .await;
}
