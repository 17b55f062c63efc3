//! Leads producers that write in transactions, each a process of its own, and counts what they send.
//!
//! What they have acknowledged is promised to readers when its transaction is committed: only then it is looked for
//! among what must not be lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::observer::{Acknowledged, content, now};
use super::state::{Acks, NewRecord, ProcessName, TransactionOrder};
use super::tally::{Sent, Tally};
use librdkafka::producer::{Delivery, ProducerError};
use wire::report::{Report, TransactionStep};
use wire::transact::Order;
use wire::{Offset, TopicPartition};

/// What all of them have sent.
#[derive(Debug, Default)]
pub(super) struct Transacting {
    /// Of the record that was sent last.
    number: u64,
    producers: BTreeMap<ProcessName, Open>,
}

/// What one has sent in its open transaction.
#[derive(Debug, Default)]
struct Open {
    under_way: BTreeMap<u64, Sent>,
    acknowledged: Vec<Promise>,
}

/// A record that is promised as soon as its transaction is committed.
#[derive(Debug)]
struct Promise {
    at: TopicPartition,
    offset: Offset,
    content: u64,
}

impl Transacting {
    /// What a producer is told over its pipe.
    pub(super) fn order(
        &mut self,
        producer: &ProcessName,
        order: TransactionOrder,
        tally: &Tally,
    ) -> Order {
        match order {
            TransactionOrder::Begin { timeout } => Order::Begin {
                timeout_ms: u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX),
            },
            TransactionOrder::Send(record) => self.send(producer, record, tally),
            TransactionOrder::Commit => Order::Commit,
            TransactionOrder::Abort => Order::Abort,
        }
    }

    fn send(&mut self, producer: &ProcessName, record: NewRecord, tally: &Tally) -> Order {
        self.number += 1;
        let bytes = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let sent = Sent {
            // Its key decides in the other process.
            expected: None,
            key: record.key.clone(),
            content: content(
                record.key.as_deref().map(str::as_bytes),
                record.value.as_deref().map(str::as_bytes),
            ),
            began: now(),
            since: Instant::now(),
            acks: Acks::All,
            bytes: u64::try_from(bytes(&record.key) + bytes(&record.value)).unwrap_or(u64::MAX),
        };
        tally.sent(&sent);
        let open = self.producers.entry(producer.clone()).or_default();
        open.under_way.insert(self.number, sent);
        Order::Send {
            number: self.number,
            topic: record.topic,
            partition: record.partition,
            key: record.key,
            value: record.value,
        }
    }

    /// Takes in what a producer says.
    pub(super) fn hear(
        &mut self,
        producer: &ProcessName,
        report: &Report,
        (tally, acknowledged): (&Tally, &Arc<Acknowledged>),
    ) {
        let Some(open) = self.producers.get_mut(producer) else {
            return;
        };
        match report {
            Report::Delivered {
                number,
                topic,
                partition,
                offset,
                error,
            } => {
                let Some(sent) = open.under_way.remove(number) else {
                    return;
                };
                let at = TopicPartition::new(topic, *partition);
                if let Some(offset) = *offset {
                    let (at, content) = (at.clone(), sent.content);
                    let promise = Promise {
                        at,
                        offset,
                        content,
                    };
                    open.acknowledged.push(promise);
                }
                let why = error.clone().unwrap_or_default();
                let outcome = offset.ok_or(ProducerError::GivenUp(why));
                let partition = at;
                tally.arrived(&sent, Delivery { partition, outcome });
            }
            Report::Transaction { step } => {
                for Promise {
                    at,
                    offset,
                    content,
                } in open.acknowledged.drain(..)
                {
                    if *step == TransactionStep::Committed {
                        acknowledged.remember(&at, offset, content, Acks::All);
                    }
                }
            }
            _ => {}
        }
    }

    /// A producer is gone, and whatever it had under way with it.
    pub(super) fn ended(&mut self, producer: &ProcessName, tally: &Tally) {
        let open = self.producers.remove(producer).unwrap_or_default();
        for sent in open.under_way.into_values() {
            tally.given_up(&sent);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::mpsc;

    use super::Transacting;
    use crate::observer::Acknowledged;
    use crate::state::{NewRecord, Observation, ProcessName, TransactionOrder};
    use crate::tally::Tally;
    use wire::report::{Report, TransactionStep};
    use wire::{Offset, TopicPartition, transact::Order};

    /// What a producer tells of a record that it sent; `None`: it was given up.
    fn delivered(order: &Order, offset: Option<i64>) -> Report {
        let Order::Send { number, topic, .. } = order else {
            panic!("{order:?} sends nothing");
        };
        Report::Delivered {
            number: *number,
            topic: topic.clone(),
            partition: 0,
            offset: offset.map(Offset),
            error: offset.is_none().then(|| "INVALID_PRODUCER_EPOCH".into()),
        }
    }

    #[tokio::test]
    async fn what_is_acknowledged_is_promised_when_it_is_committed_and_not_before() {
        let (sender, mut told) = mpsc::channel(64);
        let acknowledged = Arc::new(Acknowledged::default());
        let tally = Tally::new(sender, Arc::clone(&acknowledged));
        let mut transacting = Transacting::default();
        let producer = ProcessName::Producer("t1".into());
        let at = TopicPartition::new("orders", 0);
        let send = |transacting: &mut Transacting, key: &str| {
            let record = NewRecord {
                topic: "orders".into(),
                key: Some(key.into()),
                ..NewRecord::default()
            };
            transacting.order(&producer, TransactionOrder::Send(record), &tally)
        };
        for (offset, step) in [
            (0, TransactionStep::Aborted),
            (2, TransactionStep::Committed),
        ] {
            let order = send(&mut transacting, "amy");
            let heard = (&tally, &acknowledged);
            transacting.hear(&producer, &delivered(&order, Some(offset)), heard);
            assert_eq!(acknowledged.promised(&at), 0);
            transacting.hear(&producer, &Report::Transaction { step }, heard);
        }
        assert_eq!(acknowledged.promised(&at), 1, "what was aborted is not");
        let fenced = send(&mut transacting, "ben");
        transacting.hear(
            &producer,
            &delivered(&fenced, None),
            (&tally, &acknowledged),
        );
        send(&mut transacting, "cleo");
        transacting.ended(&producer, &tally);
        tally.tell().await;
        let mut counted = None;
        while let Ok(told) = told.try_recv() {
            if let Observation::Produced(produced) = told {
                counted = Some((produced.sent, produced.acked, produced.failed));
            }
        }
        assert_eq!(
            counted,
            Some((4, 2, 2)),
            "refused, and killed with its producer"
        );
    }
}
