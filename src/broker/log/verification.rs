//! Producers whose coordinators are asked whether a transaction may begin in this log (KIP-890).
//!
//! A transaction begins here with its first batch. One that comes late, behind the marker that ended its transaction,
//! would begin another that nobody ends. So the first batch is taken only after the coordinator said that it is part of
//! an open transaction, and if no marker of its producer came in between.

use std::collections::BTreeMap;

use super::{Log, LogError};
use wire::record_batch::BatchHeader;

/// A question to a coordinator. What it answers counts as long as no marker of the producer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VerificationGuard {
    producer_id: i64,
    question: u64,
}

/// Why a batch may not begin a transaction.
#[derive(Debug, PartialEq, Eq)]
enum NotVerified {
    /// Its coordinator did not say so, or its transaction ended since.
    Ended,
    /// One before it was asked for and is still to come.
    OutOfOrder { lowest_sequence: i32 },
}

/// Those that were asked for and have not begun their transactions.
#[derive(Debug, Default)]
pub(super) struct Verifications {
    by_producer: BTreeMap<i64, Verification>,
    questions: u64,
}

#[derive(Debug)]
struct Verification {
    question: u64,
    producer_epoch: i16,
    /// The least sequence that was asked for: a later batch must not come before it.
    lowest_sequence: i32,
    is_verified: bool,
    asked_ms: i64,
}

impl Verifications {
    /// A question about a producer's first batch. Several at once about one transaction are the same question.
    fn ask(
        &mut self,
        (producer_id, producer_epoch): (i64, i16),
        lowest_sequence: i32,
        now_ms: i64,
    ) -> VerificationGuard {
        let known = self.by_producer.get_mut(&producer_id);
        if let Some(known) = known.filter(|it| it.producer_epoch >= producer_epoch) {
            let is_same = known.producer_epoch == producer_epoch;
            if is_same {
                known.lowest_sequence = known.lowest_sequence.min(lowest_sequence);
            }
            // An epoch that was replaced is not verified, whatever is answered.
            let question = if is_same { known.question } else { 0 };
            return VerificationGuard {
                producer_id,
                question,
            };
        }
        self.questions += 1;
        let asked = Verification {
            question: self.questions,
            producer_epoch,
            lowest_sequence,
            is_verified: false,
            asked_ms: now_ms,
        };
        self.by_producer.insert(producer_id, asked);
        VerificationGuard {
            producer_id,
            question: self.questions,
        }
    }

    fn answered(&mut self, guard: VerificationGuard, is_part: bool) {
        let Some(asked) = self.by_producer.get_mut(&guard.producer_id) else {
            return;
        };
        if asked.question != guard.question {
            return;
        }
        if is_part {
            asked.is_verified = true;
        } else {
            self.by_producer.remove(&guard.producer_id);
        }
    }

    /// Judges the batch that begins a transaction.
    fn check(&self, header: &BatchHeader) -> Result<(), NotVerified> {
        let asked = self.by_producer.get(&header.producer_id);
        match asked.filter(|it| it.producer_epoch == header.producer_epoch && it.is_verified) {
            None => Err(NotVerified::Ended),
            Some(asked) if header.base_sequence > asked.lowest_sequence => {
                Err(NotVerified::OutOfOrder {
                    lowest_sequence: asked.lowest_sequence,
                })
            }
            Some(_) => Ok(()),
        }
    }

    /// A transaction of this producer began, or ended.
    pub(super) fn forget(&mut self, producer_id: i64) {
        if !self.by_producer.is_empty() {
            self.by_producer.remove(&producer_id);
        }
    }

    pub(super) fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        let lives = |it: &Verification| now_ms.saturating_sub(it.asked_ms) < expiration_ms;
        self.by_producer.retain(|_, it| lives(it));
    }
}

impl Log {
    /// Begins to ask for a batch of this producer id and epoch; `None` where its transaction is open here, and nothing is
    /// to be asked. `lowest_sequence`: the transaction begins with it, or before.
    pub(crate) fn begin_verification(
        &mut self,
        producer: (i64, i16),
        lowest_sequence: i32,
        now_ms: i64,
    ) -> Option<VerificationGuard> {
        let is_open = self.producers.is_in_transaction(producer.0, producer.1);
        (!is_open).then(|| self.verifications.ask(producer, lowest_sequence, now_ms))
    }

    /// What the coordinator said: the batch is part of an open transaction, or it is not.
    pub(crate) fn end_verification(&mut self, guard: VerificationGuard, is_part: bool) {
        self.verifications.answered(guard, is_part);
    }

    /// Refuses a batch that would begin a transaction of which the coordinator does not know.
    pub(super) fn check_verified(&self, header: &BatchHeader) -> Result<(), LogError> {
        let (producer_id, producer_epoch) = (header.producer_id, header.producer_epoch);
        if !header.is_transactional()
            || header.is_control()
            || self
                .producers
                .is_in_transaction(producer_id, producer_epoch)
        {
            return Ok(());
        }
        let partition = || self.partition.clone();
        self.verifications
            .check(header)
            .map_err(|refusal| match refusal {
                NotVerified::Ended => LogError::UnverifiedTransaction {
                    partition: partition(),
                    producer_id,
                },
                NotVerified::OutOfOrder { lowest_sequence } => LogError::OutOfOrderSequence {
                    partition: partition(),
                    producer_id,
                    producer_epoch,
                    sequence: header.base_sequence,
                    last_sequence: lowest_sequence.saturating_sub(1),
                },
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::record_batch::{Batch, BatchBuilder};

    fn header(epoch: i16, sequence: i32) -> BatchHeader {
        let mut builder = BatchBuilder::new();
        builder.producer(7, epoch, sequence).transactional();
        builder.push(1, None, Some(b"v"));
        Batch::parse(&builder.build()).expect("own batch").header
    }

    #[test]
    fn what_the_coordinator_says_counts_until_a_marker_comes() {
        let mut all = Verifications::default();
        let first = header(0, 3);
        assert_eq!(all.check(&first), Err(NotVerified::Ended));
        let guard = all.ask((7, 0), 3, 0);
        assert_eq!(all.check(&first), Err(NotVerified::Ended), "not answered");
        all.answered(guard, true);
        assert_eq!(all.check(&first), Ok(()));
        all.forget(7);
        assert_eq!(all.check(&first), Err(NotVerified::Ended));
        // The answer comes late, and another question is not it.
        let late = all.ask((7, 0), 3, 0);
        all.forget(7);
        let next = all.ask((7, 0), 3, 0);
        all.answered(late, true);
        assert_eq!(all.check(&first), Err(NotVerified::Ended));
        all.answered(next, true);
        assert_eq!(all.check(&first), Ok(()));
        all.answered(next, false);
        assert!(all.by_producer.is_empty());
    }

    #[test]
    fn a_batch_does_not_pass_one_that_is_asked_for_still() {
        let mut all = Verifications::default();
        all.ask((7, 0), 3, 0);
        let guard = all.ask((7, 0), 4, 0);
        all.answered(guard, true);
        let passing = NotVerified::OutOfOrder { lowest_sequence: 3 };
        assert_eq!(all.check(&header(0, 4)), Err(passing));
        assert_eq!(all.check(&header(0, 3)), Ok(()));
    }

    #[test]
    fn an_epoch_that_was_replaced_is_not_verified() {
        let mut all = Verifications::default();
        let next = all.ask((7, 1), 0, 0);
        let replaced = all.ask((7, 0), 5, 0);
        all.answered(replaced, true);
        assert_eq!(all.check(&header(0, 5)), Err(NotVerified::Ended));
        all.answered(next, true);
        assert_eq!(all.check(&header(1, 0)), Ok(()));
        assert_eq!(all.check(&header(0, 5)), Err(NotVerified::Ended));
        all.expire(999, 1_000);
        assert_eq!(all.by_producer.len(), 1);
        all.expire(1_000, 1_000);
        assert_eq!(all.by_producer.len(), 0);
    }
}
