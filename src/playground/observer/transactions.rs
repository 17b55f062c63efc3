//! Transactional ids, while somebody looks at them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::scope::Scope;
use crate::state::{Observation, TransactionSeen};
use wire::BrokerId;

/// Whether they are asked for, and what each coordinator told last of those that it has.
#[derive(Debug, Default)]
pub(super) struct TransactionsTold {
    asked_for: AtomicBool,
    last: Mutex<BTreeMap<BrokerId, Vec<TransactionSeen>>>,
}

impl TransactionsTold {
    fn last(&self) -> MutexGuard<'_, BTreeMap<BrokerId, Vec<TransactionSeen>>> {
        // A panic ends the process; a poisoned lock is never seen.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scope {
    /// Asks for transactions from now on, or no more.
    pub(super) fn watch_transactions(&self, watching: bool) {
        self.transactions
            .asked_for
            .store(watching, Ordering::Relaxed);
        if watching {
            self.nudge();
        } else {
            self.transactions.last().clear();
        }
    }

    /// Whether they are asked for.
    pub(super) fn watches_transactions(&self) -> bool {
        self.transactions.asked_for.load(Ordering::Relaxed)
    }

    /// Takes what a coordinator said of transactions; tells it if it is news.
    pub(super) async fn see_transactions(&self, by: BrokerId, seen: Vec<TransactionSeen>) {
        if self.transactions.last().get(&by) == Some(&seen) {
            return;
        }
        self.transactions.last().insert(by, seen.clone());
        self.tell(Observation::Transactions {
            coordinator: by,
            transactions: seen,
        })
        .await;
    }
}
