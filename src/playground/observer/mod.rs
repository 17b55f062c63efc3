//! The playground's eyes: what the wire protocols of Kafka and `ZooKeeper` tell, nothing else.
//!
//! Reports, acknowledgements and new records wake them at once; without those they look seldom.

mod broker;
mod lost;
mod scope;
mod tail;
mod zookeeper;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::broker::BrokerLook;
use self::lost::LostCheck;
use self::scope::Scope;
use self::tail::Tail;
use self::zookeeper::ZooKeeperLook;
use super::state::{Observation, Timestamp};
use crate::wire::{BrokerId, TopicPartition};

pub(super) use self::lost::{Acknowledged, content};

/// Owns the tasks that look at the cluster.
#[derive(Debug)]
pub(super) struct Observer {
    scope: Arc<Scope>,
    acknowledged: Arc<Acknowledged>,
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

/// How many partitions topics have, for whoever must know where a key goes.
#[derive(Debug, Clone)]
pub(super) struct Partitions {
    scope: Arc<Scope>,
}

impl Partitions {
    /// The count, once the topic was seen.
    pub(super) fn count(&self, topic: &str) -> Option<i32> {
        self.scope.partitions_of(topic)
    }
}

impl Observer {
    /// Looks at `ZooKeeper` from now on.
    pub(super) fn new(zookeeper: String, observations: mpsc::Sender<Observation>) -> Self {
        let mut observer = Self {
            scope: Arc::new(Scope::new(observations)),
            acknowledged: Arc::default(),
            tasks: JoinSet::new(),
            stop: CancellationToken::new(),
        };
        let look = ZooKeeperLook::new(zookeeper, Arc::clone(&observer.scope));
        observer.tasks.spawn(look.run(observer.stop.clone()));
        let check = LostCheck {
            acknowledged: Arc::clone(&observer.acknowledged),
            scope: Arc::clone(&observer.scope),
        };
        observer.tasks.spawn(check.run(observer.stop.clone()));
        observer
    }

    /// Looks at this broker too from now on, whether it runs or not.
    pub(super) fn add_broker(&mut self, broker: BrokerId, address: &str) {
        let look = BrokerLook::new(broker, address.to_owned(), Arc::clone(&self.scope));
        self.tasks.spawn(look.run(self.stop.clone()));
        let tail = Tail {
            broker,
            address: address.to_owned(),
            scope: Arc::clone(&self.scope),
        };
        self.tasks.spawn(tail.run(self.stop.clone()));
    }

    /// Looks at the logs of these partitions from now on, and of no others.
    pub(super) fn watch(&self, partitions: Vec<TopicPartition>) {
        self.scope.watch(partitions);
    }

    /// Where acknowledged records are remembered until they were read back.
    pub(super) fn acknowledged(&self) -> Arc<Acknowledged> {
        Arc::clone(&self.acknowledged)
    }

    /// Tells how many partitions topics have.
    pub(super) fn partitions(&self) -> Partitions {
        Partitions {
            scope: Arc::clone(&self.scope),
        }
    }

    /// Something happened that may have changed roles or members: looks at once.
    pub(super) fn nudge(&self) {
        self.scope.nudge();
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The time as events carry it.
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
