//! Tells what consumers read of the records that lay there before them.

use std::time::Duration;

use super::{Hand, Line, Story, Subject, grouped, names::place as place_name};
use crate::state::cluster::{CaughtUp, ProcessName, Told};
use wire::{Offset, TopicPartition};

impl CaughtUp {
    /// `read 459 records from the beginning in 40 ms`
    #[must_use]
    pub fn words(&self, home: &str) -> String {
        let noun = if self.records == 1 {
            "record"
        } else {
            "records"
        };
        let records = grouped(i64::try_from(self.records).unwrap_or(i64::MAX));
        let from: Vec<String> = self
            .from
            .iter()
            .map(|(at, from)| format!("{} @{from}", place_name(home, &at.topic, at.partition)))
            .collect();
        let from = match from.as_slice() {
            [] => "the beginning".to_owned(),
            places => places.join(" "),
        };
        let took = if self.took < Duration::from_secs(1) {
            format!("{} ms", self.took.as_millis())
        } else {
            format!("{:.1} s", self.took.as_secs_f64())
        };
        format!("read {records} {noun} from {from} in {took}")
    }
}

/// Tells of a consumer that has read the last record that lay there before.
pub(super) fn tell(
    story: &mut Story,
    home: &str,
    told: &Told,
    (group, all, (place, last)): (&str, &CaughtUp, &(TopicPartition, Offset)),
) {
    let ProcessName::Consumer(name) = &told.by else {
        return;
    };
    let words = format!(
        "{group}/{name} {}, the last {} @{last}",
        all.words(home),
        place_name(home, &place.topic, place.partition)
    );
    let causes = [
        Subject::Process(told.by.clone()),
        Subject::GroupStep(group.to_owned()),
    ];
    story.tell(&causes, Line::new(told.at, Hand::Client).say(words));
}

#[cfg(test)]
mod tests {
    use crate::state::{Appearance, Entry};
    use crate::ui::tests::session::Session;

    fn said(session: &Session) -> Vec<String> {
        let entries = session.state.story.entries().iter();
        let words = |entry: &Entry| entry.text.iter().map(|(_, words)| words.as_str()).collect();
        entries
            .map(words)
            .filter(|line: &String| line.contains("read "))
            .collect()
    }

    fn shown(session: &Session) -> Option<String> {
        let known = session
            .state
            .cluster
            .caught_up("billing", session.state.now);
        known.map(|known| known.words("orders"))
    }

    /// Records lie in all partitions: 3, 2 and 0.
    fn old_records() -> Session {
        let mut session = Session::new((120, 36), Appearance::default());
        session.all_ready();
        session.offsets(0, 3, &[(1, 3), (2, 3), (3, 3)]);
        session.offsets(1, 2, &[(1, 2), (2, 2), (3, 2)]);
        session
    }

    #[test]
    fn what_lay_there_before_is_counted_from_the_beginning() {
        let mut session = old_records();
        session
            .later(100)
            .assigned("c1", &[(0, -1), (1, -1), (2, -1)]);
        session.later(20);
        for (partition, offset) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            session.read("c1", partition, offset);
        }
        // This one came while it read.
        session.read("c1", 1, 2);
        assert_eq!(shown(&session), None, "p0 @2 is not read");
        session.later(20).read("c1", 0, 2);
        let words = "read 5 records from the beginning in 40 ms";
        assert_eq!(shown(&session).as_deref(), Some(words));
        assert_eq!(
            said(&session),
            [format!("billing/c1 {words}, the last p0 @2")]
        );
        session.later(1000).read("c1", 0, 3).read("c1", 1, 3);
        assert_eq!(said(&session).len(), 1, "live records are not told");
        session.later(10_000).tick();
        assert_eq!(shown(&session), None);
    }

    #[test]
    fn a_rewound_group_reads_again_and_who_goes_on_tells_nothing() {
        let mut session = old_records();
        session.later(100).assigned("c1", &[(0, 0), (1, 0)]);
        for (partition, offset) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)] {
            session.read("c1", partition, offset);
        }
        assert_eq!(said(&session).len(), 1);
        session.later(20_000);
        session.offsets(0, 5, &[(1, 5), (2, 5), (3, 5)]);
        session.assigned("c1", &[(0, 3), (1, 2)]);
        session.read("c1", 0, 3).read("c1", 0, 4);
        assert_eq!(said(&session).len(), 1, "it went on");
        session.later(1000).assigned("c1", &[(0, 1), (1, 2)]);
        for offset in 1..5 {
            session.read("c1", 0, offset);
        }
        let words = "read 4 records from p0 @1 in 0 ms";
        assert_eq!(shown(&session).as_deref(), Some(words));
        assert_eq!(
            said(&session).last(),
            Some(&format!("billing/c1 {words}, the last p0 @4"))
        );
    }
}
