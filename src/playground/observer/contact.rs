//! The first contact with a cluster that somebody else runs, and the next one when all its brokers were lost: asks the
//! addresses that were given, one after the other, which brokers there are.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::broker::listed;
use super::scope::Scope;
use crate::state::Observation;
use client::kafka::KafkaError;
use client::security::SecurityError;
use client::topics;

/// Metadata that is older by so much more than it should be came from nobody.
const STALE_AFTER: Duration = Duration::from_secs(10);

/// Asks whoever was named.
pub(super) struct Contact {
    /// Addresses with commas between.
    pub(super) bootstrap: String,
    pub(super) scope: Arc<Scope>,
}

impl Contact {
    /// Asks until cancelled, as long as nobody else hears of the cluster.
    pub(super) async fn run(self, stop: CancellationToken) {
        let manner = self.scope.manner();
        let mut nudges = self.scope.nudges();
        let mut failures = 0;
        loop {
            let fresh = manner.metadata_quiet + STALE_AFTER;
            let heard = self.scope.metadata_age().is_some_and(|age| age < fresh);
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                asked = self.ask(), if !heard => asked,
                () = std::future::ready(()), if heard => Ok(()),
            };
            let pause = match asked {
                Ok(()) => {
                    failures = 0;
                    STALE_AFTER
                }
                Err(why) => {
                    failures += 1;
                    // Whoever is refused was told so.
                    if failures == 1 && !self.scope.is_refused() {
                        self.scope.tell(Observation::Failed { why }).await;
                    }
                    manner.pause(failures)
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                Ok(()) = nudges.changed(), if failures > 0 => {}
            }
            nudges.mark_unchanged();
        }
    }

    /// Asks until one answers; else the sentence says why none does.
    async fn ask(&self) -> Result<(), String> {
        let mut why = Vec::new();
        for address in addresses(&self.bootstrap) {
            match self.ask_at(address).await {
                Ok(()) => return Ok(()),
                Err(error) => why.push(format!("{address}: {error}")),
            }
        }
        Err(format!(
            "no broker answers, they are asked again and again. {}",
            why.join(". ")
        ))
    }

    async fn ask_at(&self, address: &str) -> Result<(), KafkaError> {
        let wait = self.scope.manner().answer_wait;
        let mut connection = self.scope.connect(address, wait).await?;
        self.scope.see_software(connection.software()).await;
        let asked = topics::metadata(&mut connection, Some(&[]), wait).await;
        let cluster = match asked {
            // Versions it tells to everybody.
            Err(KafkaError::Closed { .. }) if self.scope.is_anonymous() => {
                return Err(SecurityError::WantsLogin.into());
            }
            asked => asked?,
        };
        self.scope.see_brokers(&listed(&cluster)).await;
        Ok(())
    }
}

/// One by one.
fn addresses(bootstrap: &str) -> impl Iterator<Item = &str> {
    let addresses = bootstrap.split(',').map(str::trim);
    addresses.filter(|address| !address.is_empty())
}
