//! A process's partitions: roles by the image, fetching, serving, acknowledging.

use std::{convert::Infallible, time::Duration};

use uuid::Uuid;

use super::{
    log::MemoryLog,
    message::{
        Answer, Ask, ClientRequest, Fetch, Fetched, Message, Out, Refused, Timer, Told, Turn,
    },
    process::{LAG_TIME_MAX, Process, Stored},
    promises::Invariant,
};
use crate::replication::{
    FollowerFetch, ReadRequest, Readable, Reader, Refusal, Replica, ReplicaLog, SentFetch,
    Truncated,
};
use wire::{BrokerId, LeaderEpoch, Offset, TopicPartition};

/// Records in one answer: few, so that followers are behind often.
const RECORDS_MAX: usize = 3;

/// `min.insync.replicas`.
pub(super) const MIN_ISR: usize = 2;

/// How long a follower waits for an answer.
const FETCH_TIMEOUT: u64 = 24;

/// A partition of this broker.
#[derive(Debug)]
pub(super) struct Hosted {
    pub(super) topic_id: Uuid,
    pub(super) replica: Replica<MemoryLog>,
    /// The high watermark in the checkpoint.
    pub(super) saved: Offset,
    /// Below it the log was compared with what is known to be committed.
    compared: Offset,
    /// The fetch that is under way.
    fetch: Option<(u64, SentFetch)>,
    /// One of an earlier role, whose answer may have come before its fetcher heard of the change.
    earlier: Option<(u64, SentFetch)>,
}

/// A produce request that waits until its record is committed.
#[derive(Debug)]
pub(super) struct Waiting {
    at: TopicPartition,
    topic_id: Uuid,
    epoch: LeaderEpoch,
    offset: Offset,
    client: usize,
    number: u64,
}

impl Process {
    /// As `image_follower` does: what is not wanted goes, what is missing is opened, the rest gets its role.
    pub(super) fn follow_image(&mut self, turn: &mut Turn<'_>) {
        let image = self.mirror.image();
        let is_wanted = |at: &TopicPartition, id: Uuid| {
            image.topics.get(&at.topic).is_some_and(|topic| {
                let partition = topic.partitions.get(&at.partition);
                topic.id == id && partition.is_some_and(|it| it.is_kept_by(self.own))
            })
        };
        let own = self.own;
        self.disk.logs.retain(|at, log| is_wanted(at, log.topic_id));
        self.partitions.retain(|at, hosted| {
            let keeps = is_wanted(at, hosted.topic_id);
            if !keeps {
                turn.say(|| format!("broker {own} removes its log of {at}"));
            }
            keeps
        });
        for (name, topic) in &image.topics {
            for (index, partition) in &topic.partitions {
                if !partition.is_kept_by(own) {
                    continue;
                }
                let at = TopicPartition::new(name, *index);
                if !self.partitions.contains_key(&at) {
                    let hosted = self.open(&at, topic.id);
                    self.partitions.insert(at.clone(), hosted);
                }
                let leader = image.valid_leader(partition);
                let Some(hosted) = self.partitions.get_mut(&at) else {
                    continue;
                };
                let min_isr = MIN_ISR.min(partition.replicas.len());
                hosted.replica.require(min_isr);
                let Ok(change) = hosted.replica.apply(partition, leader, turn.clock);
                let Some(change) = change else { continue };
                turn.say(|| {
                    let leader = change.now.leader.map_or("nobody".into(), |it| it.to_string());
                    format!("broker {own}: {at} is led by {leader} at epoch {}, log end {}, high watermark {}",
                        change.now.epoch, hosted.replica.log.log_end_offset(), hosted.replica.high_watermark())
                });
                hosted.earlier = hosted.fetch.take();
                if change.now.leader == Some(own) {
                    let process = (own, self.incarnation);
                    turn.ledger.leads(process, &at, topic.id, change.now.epoch);
                } else if change.now.leader.is_some() {
                    let later = turn.chance.between(0, 2);
                    turn.after(later, Timer::Fetch(at));
                }
            }
        }
    }

    fn open(&mut self, at: &TopicPartition, topic_id: Uuid) -> Hosted {
        let stored = self.disk.logs.remove(at).unwrap_or_else(|| Stored {
            topic_id,
            log: MemoryLog::default(),
            high_watermark: Offset(0),
        });
        Hosted {
            topic_id,
            replica: Replica::new(self.own, stored.log.recover(), stored.high_watermark),
            saved: stored.high_watermark,
            compared: Offset(0),
            fetch: None,
            earlier: None,
        }
    }

    /// Sends the next fetch of a partition, if this broker follows and none is under way.
    pub(super) fn fetch(&mut self, at: &TopicPartition, turn: &mut Turn<'_>) {
        let number = self.number();
        let Some(hosted) = self.partitions.get_mut(at) else {
            return;
        };
        if hosted.fetch.is_some() {
            return;
        }
        let Some(sent) = hosted.replica.next_fetch() else {
            return;
        };
        hosted.fetch = Some((number, sent));
        let fetch = Fetch {
            from: self.own,
            broker_epoch: self.broker_epoch,
            topic_id: hosted.topic_id,
            at: at.clone(),
            sent,
            number,
        };
        turn.out
            .push(Out::Broker(sent.leader, Message::Fetch(fetch)));
        turn.after(FETCH_TIMEOUT, Timer::FetchTimeout(at.clone(), number));
    }

    pub(super) fn fetch_timed_out(
        &mut self,
        at: &TopicPartition,
        number: u64,
        turn: &mut Turn<'_>,
    ) {
        let Some(hosted) = self.partitions.get_mut(at) else {
            return;
        };
        if hosted
            .fetch
            .is_some_and(|(under_way, _)| under_way == number)
        {
            hosted.fetch = None;
            self.fetch(at, turn);
        }
    }

    pub(super) fn serve_fetch(&mut self, fetch: &Fetch, turn: &mut Turn<'_>) {
        let answer = self.fetched(fetch, turn);
        let answer = Message::FetchAnswer {
            at: fetch.at.clone(),
            topic_id: fetch.topic_id,
            number: fetch.number,
            answer,
        };
        turn.out.push(Out::Broker(fetch.from, answer));
    }

    fn fetched(&mut self, fetch: &Fetch, turn: &mut Turn<'_>) -> Result<Fetched, Refused> {
        let image = self.mirror.image();
        image
            .topic_by_id(fetch.topic_id)
            .ok_or(Refused::UnknownTopic)?;
        let hosted = self.partitions.get_mut(&fetch.at);
        let hosted = hosted.filter(|it| image.is_current(&fetch.at.topic, it.topic_id));
        let hosted = hosted.ok_or(Refusal::NotLeader)?;
        let node = image.brokers.get(&fetch.from);
        let progress = FollowerFetch {
            broker: fetch.from,
            offset: fetch.sent.offset,
            log_start: fetch.sent.log_start_offset,
            registered: node.is_some_and(|node| node.epoch == fetch.broker_epoch),
            now: turn.clock,
        };
        let read = ReadRequest {
            from: fetch.sent.offset,
            current_leader_epoch: Some(fetch.sent.epoch),
            last_fetched_epoch: fetch.sent.last_fetched_epoch,
            reader: Reader::Follower(Some(progress)),
        };
        let replica = &mut hosted.replica;
        let up_to = match replica.readable(&read)? {
            Readable::UpTo(offset) => offset,
            Readable::Diverging(end) => {
                return Ok(Fetched {
                    records: Vec::new(),
                    high_watermark: replica.high_watermark(),
                    diverging: Some(end),
                });
            }
        };
        let records = replica.log.read(read.from, up_to, RECORDS_MAX);
        let records = records.ok_or(out_of_range(&replica.log, read.from))?;
        let counted = replica.fetched(&progress)?;
        let high_watermark = replica.high_watermark();
        if let Some(write) = counted.write {
            self.write_isr(&fetch.at, write, turn);
        }
        Ok(Fetched {
            records,
            high_watermark,
            diverging: None,
        })
    }

    pub(super) fn take_fetch_answer(
        &mut self,
        at: &TopicPartition,
        topic_id: Uuid,
        number: u64,
        answer: Result<Fetched, Refused>,
        turn: &mut Turn<'_>,
    ) {
        let own = self.own;
        let Some((hosted, sent)) = self.under_way(at, topic_id, number) else {
            return;
        };
        let later = match answer {
            Err(Refused::Replica(Refusal::OffsetOutOfRange { .. })) => {
                let bounds = Message::Bounds {
                    from: own,
                    at: at.clone(),
                    topic_id,
                    number,
                    epoch: sent.epoch,
                };
                hosted.fetch = Some((number, sent));
                turn.out.push(Out::Broker(sent.leader, bounds));
                return;
            }
            Err(_) => turn.chance.between(3, 6),
            Ok(Fetched {
                diverging: Some(end),
                ..
            }) => {
                let Ok(cut) = hosted.replica.truncate_diverged(&sent, end, 0);
                cut_was_made(own, at, cut, turn);
                0
            }
            Ok(fetched) => {
                let taken = hosted.replica.take_fetched(
                    &sent,
                    fetched.high_watermark,
                    Offset(0),
                    |log| -> Result<(), Infallible> {
                        log.append_fetched(&fetched.records);
                        Ok(())
                    },
                );
                let Ok(_) = taken;
                if fetched.records.is_empty() {
                    turn.chance.between(4, 9)
                } else {
                    0
                }
            }
        };
        turn.after(later, Timer::Fetch(at.clone()));
    }

    pub(super) fn bounds(
        &self,
        at: &TopicPartition,
        topic_id: Uuid,
        epoch: LeaderEpoch,
    ) -> Result<(Offset, Offset), Refused> {
        let hosted = self.partitions.get(at);
        let hosted = hosted.filter(|hosted| hosted.topic_id == topic_id);
        let hosted = hosted.ok_or(Refusal::NotLeader)?;
        hosted.replica.check_epoch(Some(epoch))?;
        hosted.replica.leader()?;
        let log = &hosted.replica.log;
        Ok((log.log_start_offset(), log.log_end_offset()))
    }

    pub(super) fn take_bounds(
        &mut self,
        at: &TopicPartition,
        topic_id: Uuid,
        number: u64,
        answer: Result<(Offset, Offset), Refused>,
        turn: &mut Turn<'_>,
    ) {
        let own = self.own;
        let Some((hosted, sent)) = self.under_way(at, topic_id, number) else {
            return;
        };
        if let Ok((start, end)) = answer {
            let Ok(cut) = hosted.replica.reset_to(&sent, start, end, 0);
            cut_was_made(own, at, cut, turn);
        }
        turn.after(3, Timer::Fetch(at.clone()));
    }

    fn under_way(
        &mut self,
        at: &TopicPartition,
        topic_id: Uuid,
        number: u64,
    ) -> Option<(&mut Hosted, SentFetch)> {
        let hosted = self.partitions.get_mut(at)?;
        if hosted.topic_id != topic_id {
            return None;
        }
        let is_it = |fetch: &Option<(u64, SentFetch)>| fetch.is_some_and(|it| it.0 == number);
        let sent = if is_it(&hosted.fetch) {
            hosted.fetch.take()
        } else if is_it(&hosted.earlier) {
            hosted.earlier.take()
        } else {
            None
        };
        Some((hosted, sent?.1))
    }

    pub(super) fn serve_client(&mut self, request: ClientRequest, turn: &mut Turn<'_>) {
        let mut answer = Answer {
            number: request.number,
            from: self.own,
            topic_id: Uuid::nil(),
            epoch: LeaderEpoch(-1),
            told: Err(Refused::UnknownTopic),
        };
        let image = self.mirror.image();
        let hosted = self.partitions.get_mut(&request.at);
        let hosted = hosted.filter(|it| image.is_current(&request.at.topic, it.topic_id));
        if let Some(hosted) = hosted {
            answer.topic_id = hosted.topic_id;
            answer.epoch = hosted.replica.current_leader().epoch;
            match serve(hosted, &request, turn) {
                Ok(Some(told)) => answer.told = Ok(told),
                Err(refusal) => answer.told = Err(refusal.into()),
                Ok(None) => {
                    self.waiting.push(Waiting {
                        at: request.at,
                        topic_id: hosted.topic_id,
                        epoch: answer.epoch,
                        offset: Offset(hosted.replica.log.log_end_offset().0 - 1),
                        client: request.client,
                        number: request.number,
                    });
                    return;
                }
            }
        }
        turn.out.push(Out::Client(request.client, answer));
    }

    /// Looks for followers that fell behind, and writes the checkpoint now and then.
    pub(super) fn look(&mut self, turn: &mut Turn<'_>) {
        let lag = Duration::from_millis(LAG_TIME_MAX);
        let mut writes = Vec::new();
        let saves = turn.chance.percent(30);
        for (at, hosted) in &mut self.partitions {
            if let Some(write) = hosted.replica.shrink(turn.clock, lag) {
                writes.push((at.clone(), write));
            }
            if saves {
                hosted.saved = hosted.replica.high_watermark();
            }
        }
        for (at, write) in writes {
            self.write_isr(&at, write, turn);
        }
    }

    /// Tells the ledger what is committed now, and producers what was decided about their records.
    pub(super) fn check_commits(&mut self, turn: &mut Turn<'_>) {
        for (at, hosted) in &mut self.partitions {
            let high_watermark = hosted.replica.high_watermark();
            if high_watermark > hosted.compared {
                let who = (self.own, at, hosted.topic_id);
                turn.ledger
                    .committed(who, &hosted.replica.log, hosted.compared, high_watermark);
            }
            hosted.compared = high_watermark;
        }
        let (own, partitions) = (self.own, &self.partitions);
        self.waiting.retain(|waiting| {
            let hosted = partitions.get(&waiting.at);
            let hosted = hosted.filter(|hosted| hosted.topic_id == waiting.topic_id);
            let outcome = hosted.map_or(Some(Err(Refusal::NotLeader)), |hosted| {
                hosted
                    .replica
                    .commit_outcome(waiting.epoch, waiting.offset, MIN_ISR)
            });
            let Some(outcome) = outcome else {
                return true;
            };
            let answer = Answer {
                number: waiting.number,
                from: own,
                topic_id: waiting.topic_id,
                epoch: waiting.epoch,
                told: outcome.map(|()| Told::Appended).map_err(Refused::from),
            };
            turn.out.push(Out::Client(waiting.client, answer));
            false
        });
    }
}

/// Serves one client; `None` where the answer waits for the commit.
fn serve(
    hosted: &mut Hosted,
    request: &ClientRequest,
    turn: &mut Turn<'_>,
) -> Result<Option<Told>, Refusal> {
    let replica = &mut hosted.replica;
    match request.ask {
        Ask::Produce { value, acks_all } => {
            let min_isr = acks_all.then_some(MIN_ISR);
            let (epoch, offset) = replica.append(min_isr, |log, epoch| {
                Ok::<_, Refusal>(log.append(epoch, value))
            })?;
            turn.say(|| format!("record {value} is appended at offset {offset}, epoch {epoch}"));
            Ok((!acks_all).then_some(Told::Appended))
        }
        Ask::Read {
            from,
            epoch,
            from_followers,
        } => {
            let read = ReadRequest {
                from,
                current_leader_epoch: (epoch.0 >= 0).then_some(epoch),
                last_fetched_epoch: None,
                reader: Reader::Consumer { from_followers },
            };
            let Readable::UpTo(up_to) = replica.readable(&read)? else {
                unreachable!("who names no last epoch does not diverge");
            };
            let records = replica.log.read(from, up_to, RECORDS_MAX);
            let records = records.ok_or(out_of_range(&replica.log, from))?;
            Ok(Some(Told::Records(records)))
        }
        Ask::Latest { epoch } => {
            replica.check_epoch((epoch.0 >= 0).then_some(epoch))?;
            replica.latest_offset().map(|it| Some(Told::Latest(it)))
        }
    }
}

fn cut_was_made(own: BrokerId, at: &TopicPartition, cut: Option<Truncated>, turn: &mut Turn<'_>) {
    let Some(cut) = cut else { return };
    turn.say(|| format!("broker {own} cuts {at} from {} to {}", cut.from, cut.to));
    turn.ledger.unchecked = true;
    if let Some(high_watermark) = cut.below {
        turn.ledger.verdict.violated(Invariant::LogsAgree, || {
            format!(
                "broker {own} cuts {at} to {}, below its high watermark {high_watermark}",
                cut.to
            )
        });
    }
}

fn out_of_range(log: &MemoryLog, offset: Offset) -> Refusal {
    Refusal::OffsetOutOfRange {
        offset,
        start: log.log_start_offset(),
        end: log.log_end_offset(),
    }
}
