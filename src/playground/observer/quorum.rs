//! Asks again and again how the quorum of a cluster stands that somebody else runs. Any broker asks the quorum's leader, and
//! waits while there is none: so this has a connection of its own.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::scope::Scope;
use crate::state::{Observation, QuorumReplica, QuorumSeen, Timestamp};
use client::kafka::KafkaConnection;
use client::quorum::{self, Quorum, Replica};
use client::refusal::Refusal;

/// Looks at the quorum, if there is one.
pub(super) struct QuorumLook {
    scope: Arc<Scope>,
    connection: Option<KafkaConnection>,
    /// Which of the brokers is asked: the next where one did not answer.
    turn: usize,
}

impl QuorumLook {
    pub(super) fn new(scope: Arc<Scope>) -> Self {
        Self {
            scope,
            connection: None,
            turn: 0,
        }
    }

    /// Looks until cancelled.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let manner = self.scope.manner();
        let mut silent = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(manner.quorum_look) => {}
            }
            if !self.scope.has_quorum() {
                continue;
            }
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                asked = self.ask() => asked,
            };
            match asked {
                Ok(Some(seen)) => {
                    silent = false;
                    self.scope.tell(Observation::Quorum(seen)).await;
                }
                Ok(None) => {}
                Err(why) => {
                    self.turn += 1;
                    if !silent {
                        silent = true;
                        let why = why.to_string();
                        self.scope.tell(Observation::QuorumSilent { why }).await;
                    }
                }
            }
        }
    }

    /// What the quorum's leader says; `None`: there is no broker to ask.
    async fn ask(&mut self) -> Result<Option<QuorumSeen>, Refusal> {
        let wait = self.scope.manner().answer_wait;
        let mut connection = if let Some(connection) = self.connection.take() {
            connection
        } else {
            let brokers = self.scope.cluster().brokers;
            let turn = self.turn.checked_rem(brokers.len());
            let Some(broker) = turn.and_then(|turn| brokers.get(turn)) else {
                return Ok(None);
            };
            self.scope.connect(&broker.address, wait).await?
        };
        let told = quorum::describe(&mut connection, wait).await?;
        self.connection = Some(connection);
        Ok(Some(seen(&told)))
    }
}

fn seen(told: &Quorum) -> QuorumSeen {
    let replicas = |told: &[Replica]| told.iter().map(replica).collect();
    QuorumSeen {
        leader: told.leader,
        epoch: told.epoch,
        high_watermark: told.high_watermark,
        voters: replicas(&told.voters),
        observers: replicas(&told.observers),
    }
}

fn replica(told: &Replica) -> QuorumReplica {
    QuorumReplica {
        id: told.id,
        log_end: told.log_end,
        fetched: told.fetched_ms.map(Timestamp::from_ms),
        caught_up: told.caught_up_ms.map(Timestamp::from_ms),
    }
}
