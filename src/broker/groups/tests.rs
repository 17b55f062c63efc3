//! The shell against a log in memory: answers, deadlines, loading, fail-over.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{CoordinatorLog, Groups};
use crate::configs::Settings;
use crate::coordinator::{
    CommitRequest, JoinRequest, JoinResponse, MemberIdentity, OffsetAndMetadata, Request, Response,
    SyncRequest, partition_for,
};
use crate::image::ClusterImage;
use crate::partitions::housekeeping::now_ms;
use wire::record_batch::{Batches, stamp};
use wire::{BrokerId, ErrorCode, LeaderEpoch, Offset, Reporter, TopicPartition};

/// One partition, for all of them.
#[derive(Default)]
struct MemoryLog {
    batches: Mutex<Vec<u8>>,
    /// Appends take a turn of the executor instead of being done at once.
    slow: bool,
}

impl CoordinatorLog for MemoryLog {
    fn append(
        &self,
        _partition: i32,
        leader_epoch: LeaderEpoch,
        mut batch: Vec<u8>,
    ) -> BoxFuture<'static, Result<(), ErrorCode>> {
        let mut log = self.batches.lock().expect("not poisoned");
        let end = Batches::new(&log)
            .last()
            .map_or(Offset(0), |batch| batch.expect("own").header.next_offset());
        stamp(&mut batch, end, leader_epoch);
        log.extend(batch);
        if self.slow {
            async {
                tokio::task::yield_now().await;
                Ok(())
            }
            .boxed()
        } else {
            std::future::ready(Ok(())).boxed()
        }
    }

    fn read(
        &self,
        _partition: i32,
        _leader_epoch: LeaderEpoch,
        from: Offset,
    ) -> BoxFuture<'static, Result<Bytes, ErrorCode>> {
        let log = self.batches.lock().expect("not poisoned");
        // One batch at a time.
        let batch = Batches::new(&log)
            .map(|batch| batch.expect("own"))
            .find(|batch| batch.header.next_offset() > from)
            .map_or(Bytes::new(), |batch| Bytes::copy_from_slice(batch.bytes));
        std::future::ready(Ok(batch)).boxed()
    }
}

struct Fixture {
    groups: Groups,
    leads: watch::Sender<BTreeMap<i32, LeaderEpoch>>,
    _image: watch::Sender<Arc<ClusterImage>>,
    _tasks: JoinSet<()>,
}

fn start(log: &Arc<MemoryLog>) -> Fixture {
    let settings = Settings {
        group_initial_rebalance_delay_ms: 0,
        group_min_session_timeout_ms: 10,
        ..Settings::default()
    };
    let (image, watched) = watch::channel(Arc::new(ClusterImage::default()));
    let (leads, led) = watch::channel(BTreeMap::new());
    let mut tasks = JoinSet::new();
    let groups = Groups::start(
        BrokerId(1),
        &settings,
        Arc::clone(log) as Arc<dyn CoordinatorLog>,
        led,
        watched,
        Reporter::off(),
        &mut tasks,
        CancellationToken::new(),
    );
    Fixture {
        groups,
        leads,
        _image: image,
        _tasks: tasks,
    }
}

impl Fixture {
    fn lead(&self, epoch: LeaderEpoch) {
        let partition = partition_for("billing", 50);
        self.leads
            .send_replace(BTreeMap::from([(partition, epoch)]));
    }
}

async fn join(groups: &Groups, member_id: &str, session_timeout_ms: i32) -> JoinResponse {
    let request = JoinRequest {
        group: "billing".into(),
        member_id: member_id.into(),
        group_instance_id: None,
        client_id: "c".into(),
        client_host: "/127.0.0.1".into(),
        session_timeout_ms,
        rebalance_timeout_ms: 1_000,
        protocol_type: "consumer".into(),
        protocols: vec![("range".into(), Bytes::from_static(b"x"))],
        requires_known_member_id: false,
        supports_skipping_assignment: true,
        new_member_suffix: uuid::Uuid::new_v4().to_string(),
    };
    match groups.ask(Request::Join(request)).await {
        Some(Response::Join(response)) => response,
        other => panic!("not an answer to JoinGroup: {other:?}"),
    }
}

fn member(joined: &JoinResponse) -> MemberIdentity {
    MemberIdentity {
        group: "billing".into(),
        generation: joined.generation,
        member_id: joined.member_id.clone(),
        group_instance_id: None,
    }
}

async fn loaded(groups: &Groups) {
    while groups.describe("billing").is_err() {
        tokio::task::yield_now().await;
    }
}

async fn join_sync_commit(groups: &Groups) {
    let joined = join(groups, "", 60_000).await;
    assert_eq!(joined.error, ErrorCode::None);
    let synced = groups
        .ask(Request::Sync(SyncRequest {
            member: member(&joined),
            protocol_type: None,
            protocol_name: None,
            assignments: vec![(joined.member_id.clone(), Bytes::from_static(b"all"))],
        }))
        .await;
    let Some(Response::Sync(synced)) = synced else {
        panic!("not an answer to SyncGroup");
    };
    assert_eq!(synced.assignment, b"all".as_slice());
    let at = TopicPartition::new("orders", 0);
    let offset = OffsetAndMetadata {
        offset: Offset(7),
        leader_epoch: LeaderEpoch(-1),
        metadata: String::new(),
        commit_timestamp_ms: now_ms(),
        expire_timestamp_ms: None,
    };
    let committed = groups
        .ask(Request::Commit(CommitRequest {
            member: member(&joined),
            knows_member_epochs: true,
            offsets: vec![(at.clone(), offset)],
        }))
        .await;
    assert_eq!(
        committed,
        Some(Response::Commit(vec![(at, ErrorCode::None)]))
    );
}

#[tokio::test]
async fn a_group_lives_on_with_the_next_coordinator() {
    for slow in [false, true] {
        let log = Arc::new(MemoryLog {
            slow,
            ..MemoryLog::default()
        });
        let first = start(&log);
        assert_eq!(
            join(&first.groups, "", 60_000).await.error,
            ErrorCode::NotCoordinator
        );
        first.lead(LeaderEpoch(0));
        loaded(&first.groups).await;
        join_sync_commit(&first.groups).await;

        let second = start(&log);
        second.lead(LeaderEpoch(1));
        loaded(&second.groups).await;
        let group = second.groups.describe("billing").expect("loaded");
        assert_eq!(group.expect("it exists").members.len(), 1);
        let offsets = second
            .groups
            .fetch_offsets("billing", None, false)
            .expect("ours");
        assert_eq!(offsets.len(), 1);

        first.leads.send_replace(BTreeMap::new());
        while first.groups.describe("billing").is_ok() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_silent_member_is_dropped_at_its_deadline() {
    let log = Arc::new(MemoryLog::default());
    let fixture = start(&log);
    let groups = &fixture.groups;
    fixture.lead(LeaderEpoch(0));
    loaded(groups).await;
    let first = join(groups, "", 10).await;
    assert_eq!(first.error, ErrorCode::None);
    // The second is held until the first, which says nothing any more, is dropped.
    let second = join(groups, "", 60_000).await;
    assert_eq!(second.error, ErrorCode::None);
    assert_eq!(second.leader, second.member_id);
    assert_eq!(second.members.len(), 1);
}
