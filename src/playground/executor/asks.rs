//! What is asked of the cluster itself, each in the background over connections of our own.

use std::sync::Arc;

use anyhow::Result;

use super::{Executor, Source};
use crate::admin_requests::{COORDINATOR_RETRY, config, create_topic, prepare_groups};
use crate::state::{NewTopic, Observation};
use client::admin::Admin;
use client::security::Security;
use wire::topic_name::CONSUMER_OFFSETS;
use wire::{Offset, TopicPartition};

/// Requests to the cluster that may be under way at once; a person cannot type more.
pub(super) const UNDER_WAY_MAX: usize = 64;

/// The group that proves that writes are acknowledged; it is gone before the start is over.
const PROOF_GROUP: &str = "kafkarium-proof";

/// Replicas from which a topic can lose one and still keep two copies of what it acknowledges.
const SAFE_REPLICATION_FACTOR: i16 = 3;

impl Executor {
    pub(super) fn create_topic(&mut self, topic: NewTopic) {
        let expected = self.expected_topics.remove(&topic.name);
        if let (true, Source::Own(supervisor)) = (expected, &self.source) {
            let replicas = supervisor.offsets_replication_factor();
            let running = self.running.subscribe();
            self.ask(move |admin| prepare_groups(admin, replicas, running));
        }
        let running = self.running.subscribe();
        // A topic that can lose a broker and still take acks=all; fewer replicas could not.
        let configs = |replicas| {
            let safe = replicas >= SAFE_REPLICATION_FACTOR;
            vec![config("min.insync.replicas", if safe { "2" } else { "1" })]
        };
        self.ask(move |admin| create_topic(admin, topic, configs, running, expected));
    }

    pub(super) fn delete_topic(&mut self, name: String) {
        let acknowledged = Arc::clone(&self.acknowledged);
        self.ask(move |mut admin| async move {
            admin.delete_topic(&name).await?;
            // Not lost: thrown away.
            acknowledged.forget(|at| at.topic == name);
            Ok(None)
        });
    }

    /// Commits in the background; the answer has an observation of its own, somebody waits for it.
    pub(super) fn commit_offset(
        &mut self,
        group: String,
        partition: TopicPartition,
        offset: Offset,
    ) {
        let mut admin = self.admin();
        let observations = self.observations.clone();
        self.under_way.spawn(async move {
            let done = admin.commit_offset(&group, &partition, offset).await;
            let error = done.err().map(|error| error.to_string());
            let told = Observation::OffsetCommitted { group, error };
            let _ = observations.send(told).await;
        });
    }

    /// A committed offset is a record that every replica in sync acknowledged, as with acks=all: it stands in
    /// the offsets topic, which is there in every cluster. Its group is deleted again.
    pub(super) fn prove(&mut self) {
        let mut admin = self.admin();
        let observations = self.observations.clone();
        self.under_way.spawn(async move {
            let place = TopicPartition::new(CONSUMER_OFFSETS, 0);
            while admin
                .commit_offset(PROOF_GROUP, &place, Offset(0))
                .await
                .is_err()
            {
                admin.disconnect();
                tokio::time::sleep(COORDINATOR_RETRY).await;
            }
            let _ = admin.delete_group(PROOF_GROUP).await;
            let _ = observations.send(Observation::Proved).await;
        });
    }

    /// Connections of our own, which the Wire pane can listen to.
    fn admin(&self) -> Admin {
        let security = match &self.source {
            Source::Own(_) => Security::default(),
            Source::Attached(_, security) => security.clone(),
        };
        Admin::new(&self.bootstrap(), "playground")
            .tapped(self.observer.tap())
            .secured(security)
    }

    /// Does something with the cluster in the background and tells how it went.
    pub(super) fn ask<F>(&mut self, work: impl FnOnce(Admin) -> F)
    where
        F: Future<Output = Result<Option<String>>> + Send + 'static,
    {
        while self.under_way.try_join_next().is_some() {}
        let observations = self.observations.clone();
        if self.under_way.len() >= UNDER_WAY_MAX {
            let why = format!("{UNDER_WAY_MAX} requests wait for the cluster already");
            let _ = observations.try_send(Observation::Failed { why });
            return;
        }
        let work = work(self.admin());
        self.under_way.spawn(async move {
            let observation = match work.await {
                Ok(say) => Observation::Done { say },
                Err(error) => Observation::Failed {
                    why: format!("{error:#}"),
                },
            };
            let _ = observations.send(observation).await;
        });
    }
}
