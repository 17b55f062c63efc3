//! Producers whose coordinators are asked whether a transaction may begin in this log (KIP-890).
//!
//! A transaction begins here with its first batch. One that comes late, behind the marker that ended its transaction,
//! would begin another that nobody ends. So the first batch is taken only after the coordinator said that it is part of
//! an open transaction, and if no marker of its producer came in between.

use std::collections::BTreeMap;

use super::producer_state::ProducerState;
use super::{Log, LogError};
#[cfg(test)]
use crate::planted::{self, Bug};
use wire::record_batch::BatchHeader;

/// Producers that are asked for at once in one log, or of whose first batch is known that it is still to come: more than
/// begin at one moment. Beyond it the oldest question is void, and its producer has to abort.
const ASKED_MAX: usize = 10_000;

/// A question to a coordinator. What it answers counts as long as no marker of the producer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VerificationGuard {
    producer_id: i64,
    question: u64,
}

/// Why a batch may not begin a transaction.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotVerified {
    /// Its coordinator did not say so, or its transaction ended since.
    Ended,
    /// One before it was asked for and is still to come.
    OutOfOrder { lowest_sequence: i32 },
}

/// Those that were asked for and have not begun their transactions.
#[derive(Debug, Default)]
pub(crate) struct Verifications {
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
    /// Begins to ask for a batch of this producer id and epoch; `None` where its transaction is open here, and nothing is
    /// to be asked. `lowest_sequence`: the transaction begins with it, or before.
    pub(crate) fn begin(
        &mut self,
        producers: &ProducerState,
        producer: (i64, i16),
        lowest_sequence: i32,
        now_ms: i64,
    ) -> Option<VerificationGuard> {
        let is_open = producers.is_in_transaction(producer.0, producer.1);
        (!is_open).then(|| self.ask(producer, lowest_sequence, now_ms))
    }

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
        let by_question = |it: &(&i64, &Verification)| it.1.question;
        if self.by_producer.len() >= ASKED_MAX
            && let Some((&oldest, _)) = self.by_producer.iter().min_by_key(by_question)
        {
            self.by_producer.remove(&oldest);
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

    /// What the coordinator said: the batch is part of an open transaction, or it is not.
    pub(crate) fn answered(&mut self, guard: VerificationGuard, is_part: bool) {
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

    /// Judges a batch; only one that begins a transaction needs the coordinator's word.
    pub(crate) fn check(
        &self,
        producers: &ProducerState,
        header: &BatchHeader,
    ) -> Result<(), NotVerified> {
        if !header.is_transactional()
            || header.is_control()
            || !header.has_producer_id()
            || producers.is_in_transaction(header.producer_id, header.producer_epoch)
        {
            return Ok(());
        }
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

    /// A batch lies in the log: a transaction of its producer began with it, or ended.
    pub(crate) fn note(&mut self, header: &BatchHeader) {
        #[cfg(test)]
        if planted::is(Bug::VerifiedForGood) && header.is_control() {
            return;
        }
        if header.is_transactional() {
            self.by_producer.remove(&header.producer_id);
        }
    }

    pub(super) fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        let lives = |it: &Verification| now_ms.saturating_sub(it.asked_ms) < expiration_ms;
        self.by_producer.retain(|_, it| lives(it));
    }
}

impl Log {
    /// See [`Verifications::begin`].
    pub(crate) fn begin_verification(
        &mut self,
        producer: (i64, i16),
        lowest_sequence: i32,
        now_ms: i64,
    ) -> Option<VerificationGuard> {
        let (producers, verifications) = (&self.producers, &mut self.verifications);
        verifications.begin(producers, producer, lowest_sequence, now_ms)
    }

    /// See [`Verifications::answered`].
    pub(crate) fn end_verification(&mut self, guard: VerificationGuard, is_part: bool) {
        self.verifications.answered(guard, is_part);
    }

    /// Refuses a batch that would begin a transaction of which the coordinator does not know.
    pub(super) fn check_verified(&self, header: &BatchHeader) -> Result<(), LogError> {
        let checked = self.verifications.check(&self.producers, header);
        let (partition, producer_id) = (|| self.partition.clone(), header.producer_id);
        checked.map_err(|refusal| match refusal {
            NotVerified::Ended => LogError::UnverifiedTransaction {
                partition: partition(),
                producer_id,
            },
            NotVerified::OutOfOrder { lowest_sequence } => LogError::OutOfOrderSequence {
                partition: partition(),
                producer_id,
                producer_epoch: header.producer_epoch,
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

    fn check(all: &Verifications, header: &BatchHeader) -> Result<(), NotVerified> {
        all.check(&ProducerState::default(), header)
    }

    #[test]
    fn what_the_coordinator_says_counts_until_a_marker_comes() {
        let mut all = Verifications::default();
        let first = header(0, 3);
        assert_eq!(check(&all, &first), Err(NotVerified::Ended));
        let guard = all.ask((7, 0), 3, 0);
        assert_eq!(check(&all, &first), Err(NotVerified::Ended), "not answered");
        all.answered(guard, true);
        assert_eq!(check(&all, &first), Ok(()));
        all.note(&first);
        assert_eq!(check(&all, &first), Err(NotVerified::Ended));
        // The answer comes late, and another question is not it.
        let late = all.ask((7, 0), 3, 0);
        all.note(&first);
        let next = all.ask((7, 0), 3, 0);
        all.answered(late, true);
        assert_eq!(check(&all, &first), Err(NotVerified::Ended));
        all.answered(next, true);
        assert_eq!(check(&all, &first), Ok(()));
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
        assert_eq!(check(&all, &header(0, 4)), Err(passing));
        assert_eq!(check(&all, &header(0, 3)), Ok(()));
    }

    #[test]
    fn no_more_is_remembered_than_begins_at_one_moment() {
        let mut all = Verifications::default();
        for id in 0..=10_000 {
            all.ask((10_000 - id, 0), 0, 0);
        }
        assert_eq!(all.by_producer.len(), ASKED_MAX);
        assert!(!all.by_producer.contains_key(&10_000), "the oldest");
    }

    #[test]
    fn an_epoch_that_was_replaced_is_not_verified() {
        let mut all = Verifications::default();
        let next = all.ask((7, 1), 0, 0);
        let replaced = all.ask((7, 0), 5, 0);
        all.answered(replaced, true);
        assert_eq!(check(&all, &header(0, 5)), Err(NotVerified::Ended));
        all.answered(next, true);
        assert_eq!(check(&all, &header(1, 0)), Ok(()));
        assert_eq!(check(&all, &header(0, 5)), Err(NotVerified::Ended));
        all.expire(999, 1_000);
        assert_eq!(all.by_producer.len(), 1);
        all.expire(1_000, 1_000);
        assert_eq!(all.by_producer.len(), 0);
    }
}
