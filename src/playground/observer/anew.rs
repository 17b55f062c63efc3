//! A log that is compacted loses records in its middle: what is known of its tail is read anew from time to time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wire::{Offset, TopicPartition};

/// How long what was read is believed. A compaction takes about as long to be begun.
const BELIEVED_FOR: Duration = Duration::from_secs(1);

/// What was read of compacted logs.
#[derive(Debug, Default)]
pub(super) struct Anew {
    read: BTreeMap<TopicPartition, Reading>,
}

#[derive(Debug)]
struct Reading {
    /// When it began.
    since: Instant,
    /// Which records there were.
    offsets: Vec<Offset>,
}

impl Anew {
    /// Those of these logs whose tails are to be read from their beginning; all others are left alone.
    pub(super) fn due(
        &mut self,
        compacted: &[TopicPartition],
        now: Instant,
    ) -> Vec<TopicPartition> {
        self.read.retain(|at, _| compacted.contains(at));
        let mut due = Vec::new();
        for at in compacted {
            match self.read.get_mut(at) {
                None => {
                    let reading = Reading {
                        since: now,
                        offsets: Vec::new(),
                    };
                    self.read.insert(at.clone(), reading);
                }
                Some(reading) if now.duration_since(reading.since) >= BELIEVED_FOR => {
                    reading.since = now;
                    due.push(at.clone());
                }
                Some(_) => {}
            }
        }
        due
    }

    /// Whether a piece that was read from this offset on says something that was not known.
    pub(super) fn is_news(&mut self, at: &TopicPartition, from: Offset, read: &[Offset]) -> bool {
        let Some(reading) = self.read.get_mut(at) else {
            return true;
        };
        let known = reading.offsets.partition_point(|offset| *offset < from);
        let before = reading.offsets.get(known..).unwrap_or_default();
        let upto = read.len().min(before.len());
        let news = before.get(..upto) != read.get(..upto) || read.len() > before.len();
        if news {
            reading.offsets.truncate(known);
            reading.offsets.extend_from_slice(read);
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::{Anew, BELIEVED_FOR};
    use std::time::Instant;
    use wire::{Offset, TopicPartition};

    #[test]
    fn a_compacted_log_is_read_anew_and_told_where_records_are_gone() {
        let at = TopicPartition::new("prices", 0);
        let logs = [at.clone()];
        let offsets = |list: &[i64]| list.iter().copied().map(Offset).collect::<Vec<_>>();
        let mut anew = Anew::default();
        let began = Instant::now();
        assert!(anew.is_news(&at, Offset(0), &[]), "others are always told");
        assert_eq!(anew.due(&logs, began), []);
        assert!(anew.is_news(&at, Offset(0), &offsets(&[0, 1, 2])));
        assert!(anew.is_news(&at, Offset(3), &offsets(&[3])));
        assert_eq!(anew.due(&logs, began), []);
        assert_eq!(anew.due(&logs, began + BELIEVED_FOR), logs);
        assert!(!anew.is_news(&at, Offset(0), &offsets(&[0, 1, 2, 3])));
        assert!(anew.is_news(&at, Offset(0), &offsets(&[2, 3])));
        assert!(!anew.is_news(&at, Offset(0), &offsets(&[2, 3])));
    }
}
