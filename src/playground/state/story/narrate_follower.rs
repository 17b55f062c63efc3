//! Turns what followers report of their logs into lines of "what happened".

use super::{
    names::place,
    narrate::Narrator,
    story::{Line, Story, Tone, of},
};
use crate::state::Timestamp;
use wire::report::Report;

impl Narrator {
    pub(in crate::state) fn follower(&self, story: &mut Story, at: Timestamp, report: &Report) {
        match report {
            Report::LogTruncated {
                broker,
                topic,
                partition,
                from,
                to,
            } => {
                let place = place(&self.home, topic, *partition);
                let words = format!("{place} log cut from {from} to {to}");
                let line = Line::new(at, format!("broker {broker}")).say(words);
                story.tell(&[of(*broker)], line);
            }
            Report::FollowerStalled {
                broker,
                topic,
                partition,
                leader,
                offset,
                for_ms,
                why,
            } => {
                let place = place(&self.home, topic, *partition);
                let seconds = for_ms / 1_000;
                let words = format!(
                    "{place} stands at {offset} for {seconds} s: broker {leader} sends nothing it can take"
                );
                let line = Line::new(at, format!("broker {broker}"))
                    .with(Tone::Bad, words)
                    .with(Tone::Dim, format!("  {why}"));
                story.tell(&[of(*broker)], line.about(of(*broker)));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Cluster, ProcessName};
    use wire::{BrokerId, Offset, report::ReportLine};

    #[test]
    fn a_follower_that_gets_no_further_is_told_with_its_cause() {
        let (mut narrator, mut story) = (Narrator::default(), Story::default());
        narrator.home = "orders".to_owned();
        let line = ReportLine {
            at_ms: 1,
            report: Report::FollowerStalled {
                broker: BrokerId(2),
                topic: "orders".to_owned(),
                partition: 0,
                leader: BrokerId(1),
                offset: Offset(3),
                for_ms: 30_400,
                why: "the leader answered CORRUPT_MESSAGE".to_owned(),
            },
        };
        let process = ProcessName::Broker(BrokerId(2));
        narrator.tell(&mut story, &Cluster::default(), &process, &line);
        let entries = story.entries();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].who, "broker 2");
        let words: String = entries[0].text.iter().map(|(_, it)| it.as_str()).collect();
        assert_eq!(
            words,
            "p0 stands at 3 for 30 s: broker 1 sends nothing it can take  the leader answered CORRUPT_MESSAGE"
        );
    }
}
