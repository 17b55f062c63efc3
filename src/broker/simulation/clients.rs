//! Producers and consumers: they ask again until they are answered, and hold brokers to what they said.

use uuid::Uuid;

use super::{
    chance::Chance,
    controller::partition,
    ledger::Ledger,
    message::{Answer, Ask, ClientRequest, Refused, Told},
    promises::Invariant,
};
use crate::{image::ClusterImage, replication::Refusal};
use wire::{BrokerId, LeaderEpoch, Offset};

/// How long a client waits for an answer.
pub(super) const CLIENT_TIMEOUT: u64 = 45;

/// One client, with one request under way at a time.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) index: usize,
    number: u64,
    /// The request under way.
    asked: Option<Ask>,
    kind: Kind,
    /// The newest topic and leader epoch that it was told of: older answers are not for it.
    topic_id: Uuid,
    epoch: LeaderEpoch,
}

#[derive(Debug)]
enum Kind {
    Producer {
        /// Sent until it is acknowledged.
        value: Option<u64>,
        values: u64,
        acks_all: bool,
    },
    Consumer {
        position: Offset,
        /// The largest latest offset that it was told.
        latest: Offset,
    },
}

impl Client {
    /// An even index produces, with acks=all if it is 0; an odd one consumes.
    pub(super) fn new(index: usize) -> Self {
        Self {
            index,
            number: 0,
            asked: None,
            kind: if index.is_multiple_of(2) {
                Kind::Producer {
                    value: None,
                    values: 0,
                    acks_all: index == 0,
                }
            } else {
                Kind::Consumer {
                    position: Offset(0),
                    latest: Offset(0),
                }
            },
            topic_id: Uuid::nil(),
            epoch: LeaderEpoch(-1),
        }
    }

    /// Whether a record waits to be acknowledged.
    pub(super) fn is_producing(&self) -> bool {
        matches!(self.kind, Kind::Producer { value: Some(_), .. })
    }

    /// Asks the next thing of whom `image`, some broker's, names as the leader. `goes_on`: whether new records are made.
    pub(super) fn ask(
        &mut self,
        image: &ClusterImage,
        goes_on: bool,
        chance: &mut Chance,
    ) -> Option<(BrokerId, ClientRequest)> {
        if self.asked.is_some() {
            return None;
        }
        let at = partition();
        let topic = image.topics.get(&at.topic)?;
        let state = topic.partitions.get(&at.partition)?;
        if topic.id < self.topic_id {
            return None;
        }
        if topic.id > self.topic_id {
            self.begin_anew(topic.id);
        }
        if state.leader_epoch < self.epoch {
            return None;
        }
        self.epoch = state.leader_epoch;
        let mut to = image.valid_leader(state)?;
        let ask = match &mut self.kind {
            Kind::Producer {
                value,
                values,
                acks_all,
            } => {
                if value.is_none() && goes_on {
                    *values += 1;
                    let index = u64::try_from(self.index).unwrap_or_default();
                    *value = Some(*values * 10 + index);
                }
                Ask::Produce {
                    value: (*value)?,
                    acks_all: *acks_all,
                }
            }
            Kind::Consumer { .. } if chance.percent(35) => Ask::Latest { epoch: self.epoch },
            Kind::Consumer { position, .. } => {
                let from_followers = chance.percent(20);
                if from_followers {
                    to = chance.pick(&state.replicas)?;
                }
                Ask::Read {
                    from: *position,
                    epoch: self.epoch,
                    from_followers,
                }
            }
        };
        self.number += 1;
        self.asked = Some(ask);
        let request = ClientRequest {
            client: self.index,
            number: self.number,
            at,
            ask,
        };
        Some((to, request))
    }

    /// Gives an answer up; whether it was still waited for.
    pub(super) fn time_out(&mut self, number: u64) -> bool {
        self.number == number && self.asked.take().is_some()
    }

    /// Takes an answer, if it is waited for.
    pub(super) fn take(&mut self, answer: Answer, ledger: &mut Ledger) -> bool {
        if answer.number != self.number {
            return false;
        }
        let Some(asked) = self.asked.take() else {
            return false;
        };
        if answer.topic_id != self.topic_id {
            // Of a topic that is gone, or of its successor before this client heard of it.
            if answer.topic_id < self.topic_id {
                return true;
            }
            self.begin_anew(answer.topic_id);
            return true;
        }
        match (&mut self.kind, answer.told) {
            (Kind::Producer { value, .. }, Ok(Told::Appended)) => *value = None,
            (Kind::Consumer { position, .. }, Ok(Told::Records(records))) => {
                for record in records {
                    let known =
                        ledger.committed_at(answer.topic_id, partition().partition, *position);
                    if known != Some(record) {
                        ledger.verdict.violated(Invariant::ServedRecordsStay, || {
                            format!(
                                "broker {} serves {record} at offset {position}, where {known:?} was committed",
                                answer.from
                            )
                        });
                    }
                    *position = Offset(position.0 + 1);
                }
            }
            (Kind::Consumer { position, latest }, Ok(Told::Latest(told))) => {
                let before = (*latest).max(*position);
                if told < before {
                    ledger.verdict.violated(Invariant::LatestOffsetStays, || {
                        format!(
                            "broker {} answers {told} as the latest offset at epoch {}, after {before} was known",
                            answer.from, answer.epoch
                        )
                    });
                }
                *latest = before.max(told);
            }
            (
                Kind::Consumer { position, .. },
                Err(Refused::Replica(Refusal::OffsetOutOfRange { end, .. })),
            ) if matches!(
                asked,
                Ask::Read {
                    from_followers: false,
                    ..
                }
            ) =>
            {
                ledger.verdict.violated(Invariant::ServedRecordsStay, || {
                    format!(
                        "broker {} has nothing at offset {position}, its log ends at {end}, but what is below was served",
                        answer.from
                    )
                });
            }
            _ => {}
        }
        true
    }

    fn begin_anew(&mut self, topic_id: Uuid) {
        self.topic_id = topic_id;
        self.epoch = LeaderEpoch(-1);
        if let Kind::Consumer { position, latest } = &mut self.kind {
            *position = Offset(0);
            *latest = Offset(0);
        }
    }
}
