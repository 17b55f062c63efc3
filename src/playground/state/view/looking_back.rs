//! Old records come when somebody looks at them: what the cursor of the Log needs and nobody read.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::state::{
    State, Timestamp,
    action::Request,
    cluster::{PAGE_RECORDS, Partition},
};
use wire::{Offset, TopicPartition};

/// Records on either side of the cursor that the widest window shows.
const BESIDE: i64 = 40;

/// How long an answer is waited for before the same is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(1500);

/// What was asked for last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::state) struct Asked {
    partition: TopicPartition,
    from: Offset,
    at: Timestamp,
}

/// Asks for the records around the cursor, unless they are there or on their way.
pub(in crate::state) fn look_back(state: &mut State) -> Option<Request> {
    let cursor = state.view.record?;
    let place = TopicPartition::new(&state.view.topic, state.view.partition);
    let partition = state.cluster.partition(&place)?;
    let from = missing(partition, cursor)?;
    let asked = state.asked.as_ref().is_some_and(|asked| {
        asked.partition == place && asked.from == from && state.now.since(asked.at) < ASK_AGAIN
    });
    if asked {
        return None;
    }
    state.asked = Some(Asked {
        partition: place.clone(),
        from,
        at: state.now,
    });
    Some(Request::ReadRecords {
        partition: place,
        from,
        upto: Offset((from.0 + PAGE_RECORDS).min(partition.log_end().0)),
    })
}

/// Where to read so that everything beside the cursor is known.
fn missing(partition: &Partition, cursor: Offset) -> Option<Offset> {
    // What is not on every replica in sync yet is given to no reader.
    let end = partition.high_watermark.0;
    let first = (cursor.0 - BESIDE).max(partition.log_start.0);
    let last = (cursor.0 + BESIDE).min(end) - 1;
    let known = |offset: i64| {
        let offset = Offset(offset);
        partition.tail.covers(offset) || partition.page.covers(offset)
    };
    if first > last || (known(first) && known(cursor.0.min(last)) && known(last)) {
        return None;
    }
    let before = PAGE_RECORDS / 2;
    Some(Offset((cursor.0 - before).max(partition.log_start.0)))
}

#[cfg(test)]
mod tests {
    use super::missing;
    use crate::state::{Partition, RecordSeen};
    use wire::{BrokerId, Offset};

    #[test]
    fn only_what_nobody_read_is_asked_for() {
        let mut partition = Partition {
            log_start: Offset(5),
            high_watermark: Offset(1000),
            ..Partition::default()
        };
        partition.ends.insert(BrokerId(1), Offset(1000));
        let tail: Vec<_> = (800..1000)
            .map(|offset| RecordSeen {
                offset: Offset(offset),
                ..RecordSeen::default()
            })
            .collect();
        partition.see_records(Offset(800), Offset(1000), &tail);
        assert_eq!(missing(&partition, Offset(900)), None);
        assert_eq!(missing(&partition, Offset(820)), Some(Offset(720)));
        assert_eq!(missing(&partition, Offset(30)), Some(Offset(5)));
        partition.see_records(Offset(5), Offset(205), &[]);
        assert_eq!(missing(&partition, Offset(30)), None);
    }
}
