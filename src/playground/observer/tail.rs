//! Reads the tails of the watched partitions that one broker leads, as a consumer without a group.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::scope::{LogSeen, Scope};
use crate::client::kafka::{KafkaConnection, KafkaError};
use crate::client::offsets::{self, Fetched, Position};
use crate::playground::state::{Observation, RecordSeen};
use crate::wire::record_batch::Batches;
use crate::wire::{BrokerId, ErrorCode, Offset, TopicPartition};

/// How long a broker may take to answer; they are on this machine.
const ANSWER_WAIT: Duration = Duration::from_millis(800);

/// How long a broker holds a fetch that finds nothing new.
const HOLD: Duration = Duration::from_secs(2);

/// How long two reads are apart at least: the eye sees no more.
const BETWEEN_READS: Duration = Duration::from_millis(40);

/// How long after a failure the next read is tried.
const RETRY: Duration = Duration::from_millis(60);

/// Records that the screen may show of one partition.
const RECORDS_MAX: i64 = 200;

/// Bytes of one partition that are read at once.
const PARTITION_BYTES: i32 = 128 * 1024;

/// The longest key or value that is kept for the screen.
const TEXT_BYTES_MAX: usize = 4096;

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
                read = self.read(connection.take(), &led) => match read {
                    Ok(used) => {
                        connection = Some(used);
                        BETWEEN_READS
                    }
                    Err(_) => RETRY,
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
    ) -> Result<KafkaConnection, KafkaError> {
        let mut connection = match connection {
            Some(connection) => connection,
            None => KafkaConnection::connect(&*self.address, "playground", ANSWER_WAIT).await?,
        };
        self.find_tails(&mut connection, led).await?;
        let from: Vec<(TopicPartition, Offset)> = led
            .iter()
            .filter_map(|at| Some((at.clone(), self.scope.tail(at)?)))
            .collect();
        let fetched =
            offsets::fetch(&mut connection, &from, PARTITION_BYTES, HOLD, ANSWER_WAIT).await?;
        let mut logs = Vec::new();
        let mut stale = false;
        for fetched in fetched {
            match fetched.error {
                None => logs.push(self.see(fetched).await),
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
            tokio::time::sleep(RETRY).await;
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
        let wait = ANSWER_WAIT;
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
        let ends =
            offsets::list_offsets(connection, &at, Position::HighWatermark, ANSWER_WAIT).await?;
        for (at, end) in ends {
            self.scope.set_tail(&at, end);
        }
        Ok(())
    }

    /// Tells the new records of one partition and remembers how far it was read.
    async fn see(&self, fetched: Fetched) -> (TopicPartition, LogSeen) {
        let from = self.scope.tail(&fetched.at).unwrap_or_default();
        let (mut records, next) = decode(&fetched, from);
        // What was jumped over is older than what the screen can show.
        let next = next.max(Offset(fetched.high_watermark.0 - RECORDS_MAX));
        self.scope.set_tail(&fetched.at, next);
        let surplus = records
            .len()
            .saturating_sub(usize::try_from(RECORDS_MAX).unwrap_or(0));
        records.drain(..surplus);
        if !records.is_empty() {
            let partition = fetched.at.clone();
            self.scope
                .tell(Observation::Records { partition, records })
                .await;
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

/// The records from `from` on, and where to read on. A torn or unreadable batch ends it: the next
/// fetch begins with it.
fn decode(fetched: &Fetched, from: Offset) -> (Vec<RecordSeen>, Offset) {
    let mut records = Vec::new();
    let mut next = from;
    for batch in Batches::new(&fetched.records) {
        let Ok(batch) = batch else { break };
        if !batch.header.is_control()
            && let Ok(payload) = batch.payload()
        {
            let read = batch.records(&payload).map_while(Result::ok);
            records.extend(read.filter(|record| record.offset >= from).map(|record| {
                RecordSeen {
                    offset: record.offset,
                    key: record.key.map(text),
                    value: record.value.map(text),
                    timestamp_ms: record.timestamp,
                    size_bytes: [record.key, record.value, Some(record.headers)]
                        .into_iter()
                        .map(size)
                        .sum(),
                    headers: record
                        .headers()
                        .map(|(name, value)| (text(name), value.map(text).unwrap_or_default()))
                        .collect(),
                }
            }));
        }
        next = next.max(batch.header.next_offset());
    }
    (records, next)
}

fn text(bytes: &[u8]) -> String {
    let shown = bytes.get(..TEXT_BYTES_MAX).unwrap_or(bytes);
    String::from_utf8_lossy(shown).into_owned()
}

fn size(bytes: Option<&[u8]>) -> u32 {
    u32::try_from(bytes.map_or(0, <[u8]>::len)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::decode;
    use crate::client::offsets::Fetched;
    use crate::wire::record_batch::BatchBuilder;
    use crate::wire::{Offset, TopicPartition};

    #[test]
    fn records_before_the_offset_asked_for_and_a_torn_batch_are_left_out() {
        let mut builder = BatchBuilder::new();
        builder.base_offset(Offset(4));
        for key in ["amy", "ben", "cleo"] {
            let headers: [(&str, Option<&[u8]>); 1] = [("trace", Some(b"7"))];
            builder.push_with_headers(1000, Some(key.as_bytes()), Some(b"order"), &headers);
        }
        let mut bytes = builder.build();
        let whole = bytes.clone();
        bytes.extend_from_slice(whole.get(..20).expect("longer"));
        let fetched = Fetched {
            at: TopicPartition::new("orders", 0),
            error: None,
            high_watermark: Offset(7),
            last_stable: None,
            log_start: None,
            records: Bytes::from(bytes),
        };
        let (records, next) = decode(&fetched, Offset(5));
        let keys: Vec<_> = records
            .iter()
            .filter_map(|record| record.key.as_deref())
            .collect();
        assert_eq!(keys, ["ben", "cleo"]);
        assert_eq!(next, Offset(7));
        let headers = &records.first().expect("two are left").headers;
        assert_eq!(headers[..], [("trace".to_owned(), "7".to_owned())]);
    }
}
