//! The playground's eyes: what the wire protocols of Kafka and `ZooKeeper` tell, nothing else.
//!
//! Reports, acknowledgements and new records wake them at once; without those they look seldom.

mod anew;
mod asks;
mod broker;
mod contact;
mod decode;
mod lost;
mod manner;
mod others;
mod pages;
mod quorum;
mod scope;
mod tail;
mod transactions;
mod wire;
mod znodes;
mod zookeeper;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::broker::BrokerLook;
use self::contact::Contact;
use self::lost::LostCheck;
use self::manner::Manner;
use self::pages::{PAGES_MAX, Page};
use self::quorum::QuorumLook;
use self::scope::Scope;
use self::tail::Tail;
use self::znodes::ZnodesLook;
use self::zookeeper::ZooKeeperLook;
use super::state::{Observation, Timestamp};
use ::wire::{BrokerId, Offset, TopicPartition};
use client::security::Security;
use client::tap::Tap;

pub(super) use self::lost::{Acknowledged, content};

/// Owns the tasks that look at the cluster.
#[derive(Debug)]
pub(super) struct Observer {
    scope: Arc<Scope>,
    acknowledged: Arc<Acknowledged>,
    pages: mpsc::Sender<Page>,
    /// Brokers that are looked at, and what ends that.
    brokers: BTreeMap<BrokerId, CancellationToken>,
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
    /// Looks at a cluster of our own from now on, first at its `ZooKeeper`.
    pub(super) fn new(zookeeper: String, observations: mpsc::Sender<Observation>) -> Self {
        let mut observer = Self::with_manner(Manner::OWN, Security::default(), observations);
        let tree = ZnodesLook {
            address: zookeeper.clone(),
            scope: Arc::clone(&observer.scope),
        };
        observer.tasks.spawn(tree.run(observer.stop.clone()));
        let look = ZooKeeperLook::new(zookeeper, Arc::clone(&observer.scope));
        observer.tasks.spawn(look.run(observer.stop.clone()));
        observer
    }

    /// Looks at a cluster that somebody else runs from now on, beginning at these addresses.
    pub(super) fn attached(
        bootstrap: String,
        security: Security,
        observations: mpsc::Sender<Observation>,
    ) -> Self {
        let mut observer = Self::with_manner(Manner::OF_OTHERS, security, observations);
        let contact = Contact {
            bootstrap,
            scope: Arc::clone(&observer.scope),
        };
        observer.tasks.spawn(contact.run(observer.stop.clone()));
        let asks = asks::run(Arc::clone(&observer.scope), observer.stop.clone());
        observer.tasks.spawn(asks);
        let quorum = QuorumLook::new(Arc::clone(&observer.scope));
        observer.tasks.spawn(quorum.run(observer.stop.clone()));
        observer
    }

    fn with_manner(
        manner: Manner,
        security: Security,
        observations: mpsc::Sender<Observation>,
    ) -> Self {
        let (pages, asked) = mpsc::channel(PAGES_MAX);
        let (tap, heard) = Tap::new();
        let mut observer = Self {
            scope: Arc::new(Scope::new(observations, tap, manner, security)),
            acknowledged: Arc::default(),
            pages,
            brokers: BTreeMap::new(),
            tasks: JoinSet::new(),
            stop: CancellationToken::new(),
        };
        let check = LostCheck {
            acknowledged: Arc::clone(&observer.acknowledged),
            scope: Arc::clone(&observer.scope),
        };
        observer.tasks.spawn(check.run(observer.stop.clone()));
        let scope = Arc::clone(&observer.scope);
        let listener = wire::run(Arc::clone(&scope), heard, observer.stop.clone());
        observer.tasks.spawn(listener);
        let reader = pages::run(scope, asked, observer.stop.clone());
        observer.tasks.spawn(reader);
        observer
    }

    /// Looks at this broker too from now on, whether it runs or not; at one that was known at another address no more
    /// there.
    pub(super) fn add_broker(&mut self, broker: BrokerId, address: &str) {
        self.remove_broker(broker);
        let stop = self.stop.child_token();
        self.brokers.insert(broker, stop.clone());
        self.scope.count_brokers(self.brokers.len());
        let look = BrokerLook::new(broker, address.to_owned(), Arc::clone(&self.scope));
        self.tasks.spawn(look.run(stop.clone()));
        let tail = Tail {
            broker,
            address: address.to_owned(),
            scope: Arc::clone(&self.scope),
        };
        self.tasks.spawn(tail.run(stop));
    }

    /// How many brokers are looked at.
    pub(super) fn brokers(&self) -> usize {
        self.brokers.len()
    }

    /// Looks at this broker no more.
    pub(super) fn remove_broker(&mut self, broker: BrokerId) {
        if let Some(stop) = self.brokers.remove(&broker) {
            stop.cancel();
            self.scope.count_brokers(self.brokers.len());
        }
        // Those that ended are taken out here, so that the set holds only those that look.
        while self.tasks.try_join_next().is_some() {}
    }

    /// Looks at the logs of these partitions from now on, and of no others.
    pub(super) fn watch(&self, partitions: Vec<TopicPartition>) {
        self.scope.watch(partitions);
    }

    /// Tells what our connections ask and are answered, or stops telling it.
    pub(super) fn listen(&self, listening: bool) {
        self.scope.tap().listen(listening);
    }

    /// Tries again what was refused; whether anything was.
    pub(super) fn reconnect(&self) -> bool {
        self.scope.try_again()
    }

    /// For connections that others make.
    pub(super) fn tap(&self) -> Tap {
        self.scope.tap().clone()
    }

    /// Reads old records of a partition; full is the same as not answered, and asked again.
    pub(super) fn read(&self, partition: TopicPartition, from: Offset, upto: Offset) {
        let _ = self.pages.try_send(Page {
            partition,
            from,
            upto,
        });
    }

    /// Reads the tree of znodes from now on, with this topic's first; without one, no more.
    pub(super) fn watch_znodes(&self, topic: Option<String>) {
        self.scope.watch_znodes(topic);
    }

    /// Asks for transactions from now on, or no more.
    pub(super) fn watch_transactions(&self, watching: bool) {
        self.scope.watch_transactions(watching);
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
