//! What is told of brokers that somebody else runs: nobody but they themselves says that one came, went or hangs.

use std::collections::BTreeMap;
use std::time::Duration;

use super::scope::Scope;
use crate::state::{BrokerSeen, Observation, ProcessChange, ProcessName, SoftwareSeen};
use client::kafka::{KafkaConnection, KafkaError};
use client::refusal::Refusal;
use client::security::SecurityError;
use client::software::Software;
use wire::BrokerId;

impl Scope {
    /// Takes the brokers that Metadata named; of others' tells who came and who went, for nobody else does.
    pub(super) async fn see_brokers(&self, seen: &[BrokerSeen]) {
        // Whoever names nobody does not know yet.
        if !self.manner().of_others || seen.is_empty() {
            return;
        }
        let news = {
            let mut known = self.known();
            let news = came_and_went(&known.listed, seen);
            known.listed = seen.iter().map(|it| (it.id, it.clone())).collect();
            news
        };
        for (broker, change) in news {
            self.tell_of(broker, change).await;
        }
    }

    /// Takes what a broker of others told of its software.
    pub(super) async fn see_software(&self, software: &Software) {
        if !self.manner().of_others {
            return;
        }
        let seen = SoftwareSeen {
            quorum: software.quorum,
            release: software.release.map(str::to_owned),
        };
        let known = self.known().software.replace(seen.clone());
        if known.as_ref() != Some(&seen) {
            self.tell(Observation::Software(seen)).await;
        }
    }

    /// Whether a quorum keeps the metadata of others' brokers.
    pub(super) fn has_quorum(&self) -> bool {
        let known = self.known();
        known.software.as_ref().is_some_and(|told| told.quorum)
    }

    /// How long ago any broker told Metadata.
    pub(super) fn metadata_age(&self) -> Option<Duration> {
        self.known().metadata_seen.map(|seen| seen.elapsed())
    }

    /// A broker of others does not answer.
    pub(super) async fn is_silent(&self, broker: BrokerId, why: &Refusal) {
        let why = why.to_string();
        self.tell_of(broker, ProcessChange::Silent { why }).await;
    }

    /// A broker of others answers again.
    pub(super) async fn answers(&self, broker: BrokerId) {
        self.tell_of(broker, ProcessChange::Answers).await;
    }

    /// A connection of the playground's own.
    pub(super) async fn connect(
        &self,
        address: &str,
        wait: Duration,
    ) -> Result<KafkaConnection, KafkaError> {
        if let Some(why) = self.known().refused.clone() {
            return Err(SecurityError::Refused(why).into());
        }
        let (tap, security) = (self.tap().clone(), &self.security);
        let connected =
            KafkaConnection::connect_secured(address, "playground", wait, tap, security).await;
        if let Err(KafkaError::Security(error)) = &connected
            && error.is_refusal()
        {
            self.refuse(error).await;
        }
        connected
    }

    /// Whether nobody says who we are to those that we connect to.
    pub(super) fn is_anonymous(&self) -> bool {
        self.security.login.is_none()
    }

    /// Who we are is not taken: nobody tries again before somebody wants that, or we may be locked out.
    async fn refuse(&self, error: &SecurityError) {
        let why = format!("{error}: not tried again until :reconnect");
        let news = self.known().refused.replace(why.clone()).is_none();
        if news {
            self.tell(Observation::Failed { why }).await;
        }
    }

    /// Tries again what was refused, and looks at once; whether anything was.
    pub(super) fn try_again(&self) -> bool {
        let refused = self.known().refused.take();
        self.nudge();
        refused.is_some()
    }

    /// Whether we were refused, and nobody wanted to try again since.
    pub(super) fn is_refused(&self) -> bool {
        self.known().refused.is_some()
    }

    /// Of our own brokers their owner tells what becomes of them.
    async fn tell_of(&self, broker: BrokerId, change: ProcessChange) {
        if self.manner().of_others {
            let process = ProcessName::Broker(broker);
            self.tell(Observation::Process { process, change }).await;
        }
    }
}

/// What became of the brokers that were listed before.
fn came_and_went(
    before: &BTreeMap<BrokerId, BrokerSeen>,
    now: &[BrokerSeen],
) -> Vec<(BrokerId, ProcessChange)> {
    let went = before
        .keys()
        .filter(|id| !now.iter().any(|it| it.id == **id));
    let came = now.iter().filter(|it| before.get(&it.id) != Some(it));
    let went = went.map(|id| (*id, ProcessChange::Unlisted));
    let came = came.map(|it| {
        let listed = ProcessChange::Listed {
            address: it.address.clone(),
            rack: it.rack.clone(),
        };
        (it.id, listed)
    });
    went.chain(came).collect()
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use crate::observer::manner::Manner;
    use crate::observer::scope::Scope;
    use crate::state::{BrokerSeen, Observation, ProcessChange};
    use client::security::Security;
    use client::tap::Tap;
    use wire::BrokerId;

    #[tokio::test]
    async fn brokers_of_others_come_and_go_with_the_metadata_and_those_of_ours_do_not() {
        for (manner, told_of) in [(Manner::OF_OTHERS, 4), (Manner::OWN, 0)] {
            let (sender, mut told) = mpsc::channel(64);
            let scope = Scope::new(sender, Tap::default(), manner, Security::default());
            let broker = |id: i32, port: u16| BrokerSeen {
                id: BrokerId(id),
                address: format!("k{id}:{port}"),
                rack: None,
            };
            let both = [broker(1, 9092), broker(2, 9092)];
            scope.see_brokers(&both).await;
            scope.see_brokers(&both).await;
            // A broker that knows nobody yet says nothing of others.
            scope.see_brokers(&[]).await;
            scope.see_brokers(&[broker(2, 9093)]).await;
            let mut seen = Vec::new();
            while let Ok(Observation::Process { change, .. }) = told.try_recv() {
                seen.push(change);
            }
            assert_eq!(seen.len(), told_of, "{seen:?}");
            if told_of > 0 {
                assert_eq!(seen[2], ProcessChange::Unlisted, "broker 1");
                let moved = matches!(&seen[3], ProcessChange::Listed { address, .. } if address == "k2:9093");
                assert!(moved, "{seen:?}");
            }
        }
    }
}
