//! Reads the tails of the watched partitions that one broker leads, as a consumer without a group.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::anew::Anew;
use super::decode::decode;
use super::scope::{LogSeen, Scope};
use crate::state::Observation;
use client::kafka::{KafkaConnection, KafkaError};
use client::offsets::{self, Fetched, Position};
use wire::{BrokerId, ErrorCode, Offset, TopicPartition};

/// How long a broker holds a fetch at most, however many there are.
const HOLD_MAX: Duration = Duration::from_secs(10);

/// Records that the screen may show of one partition.
const RECORDS_MAX: i64 = 200;

/// Reads what one broker leads.
pub(super) struct Tail {
    pub(super) broker: BrokerId,
    pub(super) address: String,
    pub(super) scope: Arc<Scope>,
}

impl Tail {
    /// Reads until cancelled.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut leaders = self.scope.leaders();
        let mut connection = None;
        let mut anew = Anew::default();
        loop {
            leaders.mark_unchanged();
            let led = self.scope.share_of(self.broker).led;
            if led.is_empty() {
                connection = None;
                tokio::select! {
                    () = stop.cancelled() => return,
                    Ok(()) = leaders.changed() => continue,
                }
            }
            let pause = tokio::select! {
                () = stop.cancelled() => return,
                // The request under way is given up with its connection.
                Ok(()) = leaders.changed() => { continue }
                read = self.read(connection.take(), &led, &mut anew) => match read {
                    Ok(used) => {
                        connection = Some(used);
                        self.scope.manner().between_reads
                    }
                    Err(_) => self.scope.manner().read_retry,
                },
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One fetch of everything led; gives the connection back for the next one.
    async fn read(
        &self,
        connection: Option<KafkaConnection>,
        led: &[TopicPartition],
        anew: &mut Anew,
    ) -> Result<KafkaConnection, KafkaError> {
        let manner = self.scope.manner();
        let mut connection = match connection {
            Some(connection) => connection,
            None => self.scope.connect(&self.address, manner.read_wait).await?,
        };
        for at in anew.due(&self.scope.compacted(led), Instant::now()) {
            self.scope.forget_tail(&at);
        }
        self.find_tails(&mut connection, led).await?;
        let from: Vec<(TopicPartition, Offset)> = led
            .iter()
            .filter_map(|at| Some((at.clone(), self.scope.tail(at)?)))
            .collect();
        let hold = (manner.hold * self.scope.rarer()).min(HOLD_MAX);
        let (bytes, wait) = (manner.partition_bytes, manner.read_wait);
        let fetched = offsets::fetch(&mut connection, &from, bytes, hold, wait).await?;
        let mut logs = Vec::new();
        let mut stale = false;
        for fetched in fetched {
            match fetched.error {
                None => logs.push(self.see(fetched, anew).await),
                Some(ErrorCode::OffsetOutOfRange) => {
                    self.forget(&mut connection, &fetched.at).await?;
                }
                Some(_) => stale = true,
            }
        }
        let news = !logs.is_empty();
        self.scope.see_logs(&logs).await;
        if stale {
            // It leads no more what we think it leads: metadata is asked for, then it is told again.
            self.scope.nudge();
            tokio::time::sleep(manner.read_retry).await;
        } else if news {
            self.scope.nudge_logs();
        }
        Ok(connection)
    }

    /// Finds where to begin with partitions that were not read yet.
    async fn find_tails(
        &self,
        connection: &mut KafkaConnection,
        led: &[TopicPartition],
    ) -> Result<(), KafkaError> {
        let new: Vec<TopicPartition> = led
            .iter()
            .filter(|at| self.scope.tail(at).is_none())
            .cloned()
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let wait = self.scope.manner().read_wait;
        let starts = offsets::list_offsets(connection, &new, Position::LogStart, wait).await?;
        let ends = offsets::list_offsets(connection, &new, Position::HighWatermark, wait).await?;
        for (at, end) in ends {
            let start = starts
                .iter()
                .find(|(known, _)| *known == at)
                .map_or(0, |(_, start)| start.0);
            self.scope
                .set_tail(&at, Offset((end.0 - RECORDS_MAX).max(start)));
        }
        Ok(())
    }

    /// The log was cut below what was read, or its old records are gone.
    async fn forget(
        &self,
        connection: &mut KafkaConnection,
        at: &TopicPartition,
    ) -> Result<(), KafkaError> {
        let at = [at.clone()];
        let (ask, wait) = (Position::HighWatermark, self.scope.manner().read_wait);
        let ends = offsets::list_offsets(connection, &at, ask, wait).await?;
        for (at, end) in ends {
            self.scope.set_tail(&at, end);
        }
        Ok(())
    }

    /// Tells the new records of one partition and remembers how far it was read.
    async fn see(&self, fetched: Fetched, anew: &mut Anew) -> (TopicPartition, LogSeen) {
        let from = self.scope.tail(&fetched.at).unwrap_or_default();
        let (mut records, upto) = decode(&fetched, from);
        // What was jumped over is older than what the screen can show.
        let next = upto.max(Offset(fetched.high_watermark.0 - RECORDS_MAX));
        self.scope.set_tail(&fetched.at, next);
        let surplus = records
            .len()
            .saturating_sub(usize::try_from(RECORDS_MAX).unwrap_or(0));
        records.drain(..surplus);
        let offsets: Vec<Offset> = records.iter().map(|record| record.offset).collect();
        if upto > from && anew.is_news(&fetched.at, from, &offsets) {
            let kept = records.first().filter(|_| surplus > 0);
            let told = Observation::Records {
                partition: fetched.at.clone(),
                from: kept.map_or(from, |first| first.offset),
                upto,
                records,
            };
            self.scope.tell(told).await;
        }
        let seen = LogSeen {
            log_start: fetched.log_start,
            high_watermark: Some(fetched.high_watermark),
            last_stable: fetched.last_stable,
            end: None,
        };
        (fetched.at, seen)
    }
}
