//! Markers tell every partition of a transaction how it ended, until all have heard it.

use super::event::{Effect, Mark, Marked};
use super::{Then, Transaction, Transactions};
use crate::coordinator::Now;
use wire::TopicPartition;

impl Transactions {
    /// Sends the markers that are missing, or completes the transaction where none is.
    pub(super) fn go_on_marking(
        &mut self,
        transactional_id: &str,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(transaction) = self.ids.get_mut(transactional_id) else {
            return;
        };
        let Some(mark) = transaction.mark(transactional_id) else {
            return;
        };
        let stored = &transaction.stored;
        if stored.partitions.is_empty() {
            let target = stored.completed(mark.commit, now.wall_ms);
            self.write(transactional_id, Some(target), Then::Nothing, effects);
            return;
        }
        let missing = stored.partitions.difference(&transaction.marking);
        let partitions: Vec<TopicPartition> = missing.cloned().collect();
        if !partitions.is_empty() {
            transaction.marking.extend(partitions.iter().cloned());
            effects.push(Effect::Mark { mark, partitions });
        }
    }

    pub(super) fn marked(
        &mut self,
        mark: &Mark,
        results: Vec<(TopicPartition, Marked)>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let id = mark.transactional_id.as_str();
        let Some(transaction) = self.ids.get_mut(id) else {
            return;
        };
        // Of an earlier transaction, or sent by an earlier leader.
        if transaction.mark(id).as_ref() != Some(mark) {
            return;
        }
        let mut again = false;
        for (at, marked) in results {
            transaction.marking.remove(&at);
            match marked {
                Marked::Done => {
                    transaction.stored.partitions.remove(&at);
                }
                Marked::Again => again = true,
            }
        }
        if again {
            self.retry_later(id, now);
        } else if transaction.stored.partitions.is_empty() {
            self.go_on_marking(id, now, effects);
        }
    }
}

impl Transaction {
    /// Its markers, once the outcome is decided and until they are complete.
    pub(super) fn mark(&self, transactional_id: &str) -> Option<Mark> {
        let commit = self.stored.state.decided()?;
        self.pending.is_none().then(|| Mark {
            transactional_id: transactional_id.to_owned(),
            producer_id: self.stored.producer_id,
            producer_epoch: self.stored.producer_epoch,
            commit,
            coordinator_epoch: self.leader_epoch,
            transaction_version: self.stored.transaction_version,
        })
    }
}
