//! Turns what followers tell of their logs into lines of "what happened".

use super::{
    Hand,
    names::place as place_name,
    narrate::Narrator,
    story::{Line, Story, Tone, of},
};
use crate::state::cluster::{Change, Told};

impl Narrator {
    pub(super) fn follower(&self, story: &mut Story, told: &Told) {
        match &told.change {
            Change::LogTruncated { broker, place, end } => {
                let place = place_name(&self.home, &place.topic, place.partition);
                let words = format!("{place} log cut from {} to {}", end.before, end.after);
                let line = Line::new(told.at, Hand::broker(*broker)).say(words);
                story.tell(&[of(*broker)], line);
            }
            Change::FollowerStalled {
                broker,
                place,
                leader,
                offset,
                lasts,
                why,
            } => {
                let place = place_name(&self.home, &place.topic, place.partition);
                let seconds = lasts.as_secs();
                let words = format!(
                    "{place} stands at {offset} for {seconds} s: broker {leader} sends nothing it can take"
                );
                let line = Line::new(told.at, Hand::broker(*broker))
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
    use std::time::Duration;

    use super::*;
    use crate::state::{Cluster, ProcessName, Timestamp};
    use wire::{BrokerId, Offset, TopicPartition};

    #[test]
    fn a_follower_that_gets_no_further_is_told_with_its_cause() {
        let (mut narrator, mut story) = (Narrator::default(), Story::default());
        narrator.home = "orders".to_owned();
        let told = Told {
            at: Timestamp::from_ms(1),
            by: ProcessName::Broker(BrokerId(2)),
            change: Change::FollowerStalled {
                broker: BrokerId(2),
                place: TopicPartition::new("orders", 0),
                leader: BrokerId(1),
                offset: Offset(3),
                lasts: Duration::from_millis(30_400),
                why: "the leader answered CORRUPT_MESSAGE".to_owned(),
            },
        };
        narrator.tell(&mut story, &Cluster::default(), &told);
        let entries = story.entries();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].hand, Hand::broker(BrokerId(2)));
        let words: String = entries[0].text.iter().map(|(_, it)| it.as_str()).collect();
        assert_eq!(
            words,
            "p0 stands at 3 for 30 s: broker 1 sends nothing it can take  the leader answered CORRUPT_MESSAGE"
        );
    }
}
