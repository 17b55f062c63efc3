//! The leaders of the partitions: what they take, what they ask the coordinator, and what they tell.

use super::{Asker, Event, Question, Record, Uncommitted, World};
use crate::planted::{self, Bug};
use crate::transactions::{AddRequest, Mark, Marked, Request};
use wire::{ErrorCode, Offset};

impl World {
    pub(super) fn take_record(&mut self, record: Record) {
        let partition = &mut self.partitions[record.partition];
        let producer = (record.identity.producer_id, record.identity.producer_epoch);
        let lowest = if record.adds { 0 } else { record.sequence };
        match partition.begin_verification(producer, lowest) {
            None => self.append(&record),
            Some(guard) if !record.adds && planted::is(Bug::TransactionsUnverified) => {
                partition.end_verification(guard, true);
                self.append(&record);
            }
            Some(guard) => {
                let leader_epoch = partition.leader_epoch;
                self.course.send(Event::Question(Question {
                    record,
                    leader_epoch,
                    guard,
                }));
            }
        }
    }

    pub(super) fn asked_by_leader(&mut self, question: Question) {
        let record = &question.record;
        let at = self.partitions[record.partition].at.clone();
        if record.adds {
            let request = Request::AddPartitions(AddRequest {
                producer: record.identity.clone(),
                partitions: [at].into(),
                transaction_version: 2,
            });
            self.asked(Asker::Leader(Box::new(question)), request);
            return;
        }
        let transactions = &self.coordinator.transactions;
        let code = match transactions.verify(&record.identity, std::slice::from_ref(&at)) {
            Ok(results) => results.first().map_or(ErrorCode::None, |(_, code)| *code),
            Err(code) => code,
        };
        self.send_late(Event::Answer(question, code));
    }

    /// The coordinator's answer reaches the leader, if that leads still.
    pub(super) fn answered(&mut self, question: Question, code: ErrorCode) {
        let Question { record, guard, .. } = question;
        let partition = &mut self.partitions[record.partition];
        if partition.leader_epoch != question.leader_epoch {
            return;
        }
        let asks_again = matches!(
            code,
            ErrorCode::ConcurrentTransactions
                | ErrorCode::NotCoordinator
                | ErrorCode::CoordinatorNotAvailable
                | ErrorCode::CoordinatorLoadInProgress
        );
        if code.is_none() {
            partition.end_verification(guard, true);
            self.append(&record);
            return;
        }
        let code = match code {
            ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
            _ if asks_again => ErrorCode::NotEnoughReplicas,
            code => {
                partition.end_verification(guard, false);
                code
            }
        };
        self.course
            .send(Event::Written(record.producer, record.number, code));
    }

    fn append(&mut self, record: &Record) {
        let partition = &mut self.partitions[record.partition];
        let producer = (record.identity.producer_id, record.identity.producer_epoch);
        let appended = partition.append(producer, record.sequence, record.serial);
        let at = partition.at.clone();
        self.course
            .say(|| format!("{record:?} in {at}: {appended:?}"));
        let written = |code| Event::Written(record.producer, record.number, code);
        match appended {
            Ok(end) => self.uncommitted.push(Uncommitted {
                partition: record.partition,
                end,
                then: written(ErrorCode::None),
            }),
            Err(code) => self.course.send(written(code)),
        }
    }

    pub(super) fn take_marker(&mut self, mark: Mark, index: usize) {
        let partition = &mut self.partitions[index];
        let marked = partition.mark(&mark);
        let at = partition.at.clone();
        self.course.say(|| format!("{mark:?} in {at}: {marked:?}"));
        match marked {
            Ok((end, ended)) => {
                self.ledger
                    .marked(&at, mark.commit, ended, &mut self.verdict);
                self.uncommitted.push(Uncommitted {
                    partition: index,
                    end,
                    then: Event::MarkerTold(mark, index, Marked::Done),
                });
            }
            Err(code) => {
                let done = code == ErrorCode::InvalidProducerEpoch;
                let marked = if done { Marked::Done } else { Marked::Again };
                self.course.after(2, Event::MarkerTold(mark, index, marked));
            }
        }
    }

    /// Followers have more of the log, perhaps all.
    pub(super) fn replicate(&mut self, index: usize) {
        let partition = &mut self.partitions[index];
        let behind = partition.log_end_offset().0 - partition.high_watermark.0;
        let behind = u64::try_from(behind).expect("not negative");
        let more = self.course.chance.between(0, behind);
        let more = i64::try_from(more).expect("few");
        partition.replicated(Offset(partition.high_watermark.0 + more));
        let high_watermark = partition.high_watermark;
        let waiting = std::mem::take(&mut self.uncommitted);
        for it in waiting {
            if it.partition == index && it.end <= high_watermark {
                self.tell(it.then);
            } else {
                self.uncommitted.push(it);
            }
        }
        let pause = if self.course.goes_wrong(5) {
            self.course.chance.between(20, 120)
        } else {
            self.course.chance.between(1, 6)
        };
        self.course.after(pause, Event::Replicated(index));
    }

    /// An answer; that of a marker may be lost, and then it is sent again.
    fn tell(&mut self, event: Event) {
        match event {
            Event::MarkerTold(mark, index, _) if self.course.goes_wrong(8) => {
                self.course
                    .say(|| format!("fault: nobody hears of {mark:?}"));
                self.course
                    .after(20, Event::MarkerTold(mark, index, Marked::Again));
            }
            event => self.send_safely(event),
        }
    }

    fn send_safely(&mut self, event: Event) {
        if matches!(event, Event::MarkerTold(..)) {
            let delay = self.course.chance.between(1, 6);
            self.course.after(delay, event);
        } else {
            self.course.send(event);
        }
    }

    pub(super) fn send_marker(&mut self, mark: Mark, index: usize) {
        if self.course.goes_wrong(6) {
            self.course.say(|| format!("fault: lost: {mark:?}"));
            self.course
                .after(20, Event::MarkerTold(mark, index, Marked::Again));
            return;
        }
        // Where epochs rise, one that comes once more and late is known.
        if mark.transaction_version >= 2 && self.course.goes_wrong(8) {
            let late = self.course.chance.between(20, 1_500);
            self.course.after(late, Event::Marker(mark.clone(), index));
        }
        let delay = self.course.chance.between(1, 6);
        self.course.after(delay, Event::Marker(mark, index));
    }
}
