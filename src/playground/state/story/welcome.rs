//! The first line of a second start: what was found of yesterday.

use std::time::Duration;

use super::{
    Hand, grouped,
    names::{listed, places},
    story::{Line, Story, Subject, Tone},
};
use crate::state::{
    Setup, Timestamp,
    cluster::{Cluster, Partition},
};
use wire::TopicPartition;

/// What is there is known this soon after the start, or it is not counted.
const COUNTED_WITHIN: Duration = Duration::from_secs(30);

/// How long an answer about the group is waited for.
const GROUP_WITHIN: Duration = Duration::from_secs(5);

/// The first line, before anything is counted.
pub(in crate::state) fn first_words(name: &str) -> String {
    format!("{name}: its data is there.  --fresh starts anew")
}

/// A start with data that was there before.
pub(in crate::state) struct SecondStart<'a> {
    /// Now, soon after the start.
    pub now: Timestamp,
    /// What this run was told.
    pub setup: &'a Setup,
    /// When the data was last used.
    pub last_used: Timestamp,
    /// The topic and the group that are shown.
    pub shown: (&'a str, &'a str),
    /// The topic that goes without its name.
    pub home: &'a str,
}

impl SecondStart<'_> {
    /// Whether it is too late to tell of it.
    pub fn is_over(&self) -> bool {
        self.now.since(self.setup.started_at) > COUNTED_WITHIN
    }

    /// Says how much is there, once everything that is counted was heard of.
    pub fn count_what_is_there(&self, story: &mut Story, cluster: &Cluster) {
        let Some(found) = self.found(cluster) else {
            return;
        };
        let since = day_and_time(
            self.last_used,
            self.setup.started_at,
            self.setup.utc_offset_s,
        );
        let name = &self.setup.name;
        let words = format!("{name} from {since}: {found}.  --fresh starts anew");
        story.retell(&Subject::Data, words);
    }

    /// Says who leads for others, once everybody is in sync: whoever was there first leads all. Whether
    /// everybody was.
    pub fn tell_who_leads(&self, story: &mut Story, cluster: &Cluster) -> bool {
        let (up, all) = cluster.brokers_up();
        let topics = cluster.topics.values();
        let mut partitions = topics.flat_map(|topic| &topic.partitions);
        if up < all || partitions.any(Partition::under_replicated) {
            return false;
        }
        let astray: Vec<TopicPartition> = cluster.going_back().map(|(place, _)| place).collect();
        let known = |place: &TopicPartition| cluster.partition(place)?.seen.leader;
        let mut leaders: Vec<_> = astray.iter().filter_map(known).collect();
        leaders.sort_unstable();
        leaders.dedup();
        let of = match astray.len() {
            0 => return true,
            1..=4 => places(self.home, &astray),
            many => format!("{many} partitions"),
        };
        let back = if astray.len() == 1 { "it" } else { "them" };
        let (brokers, lead) = if leaders.len() == 1 {
            ("broker", "leads")
        } else {
            ("brokers", "lead")
        };
        let leaders = listed(&leaders);
        let line = Line::new(self.now, Hand::Kafkarium)
            .say(format!("{brokers} {leaders} {lead} {of} for others"))
            .with(Tone::Hint, format!("  {{leaders elect}} gives {back} back"));
        story.tell(&[Subject::Opening], line);
        true
    }

    /// `orders, 1,204 records, billing at 1,199`
    fn found(&self, cluster: &Cluster) -> Option<String> {
        let (topic_name, group_name) = self.shown;
        let topic = cluster.topics.get(topic_name)?;
        let counted = topic.partitions.iter().all(|partition| {
            let leader = partition.seen.leader;
            leader.is_some_and(|leader| partition.ends.contains_key(&leader))
        });
        if !counted {
            return None;
        }
        let records: i64 = topic
            .partitions
            .iter()
            .map(|partition| partition.log_end().0 - partition.log_start.0)
            .sum();
        let noun = if records == 1 { "record" } else { "records" };
        let mut found = format!("{topic_name}, {} {noun}", grouped(records));
        let group = cluster.groups.get(group_name);
        let committed: i64 = group
            .into_iter()
            .flat_map(|group| &group.committed)
            .filter(|(place, _)| place.topic == topic_name)
            .map(|(_, offset)| offset.0)
            .sum();
        let asked = self.now.since(self.setup.started_at) < GROUP_WITHIN;
        if committed == 0 && records > 0 && asked {
            return None;
        }
        if committed > 0 {
            found = format!("{found}, {group_name} at {}", grouped(committed));
        }
        Some(found)
    }
}

/// `18:20`, `yesterday 18:20`, `3 days ago, 18:20`
fn day_and_time(then: Timestamp, now: Timestamp, utc_offset_s: i32) -> String {
    let day = |at: Timestamp| (at.ms() + i64::from(utc_offset_s) * 1000).div_euclid(86_400_000);
    let clock = then.clock(utc_offset_s).to_string();
    let minute = clock.rsplit_once(':').map_or("", |(minute, _)| minute);
    match day(now) - day(then) {
        ..=0 => minute.to_owned(),
        1 => format!("yesterday {minute}"),
        days => format!("{days} days ago, {minute}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Timestamp, day_and_time};

    #[test]
    fn days_are_counted_where_the_person_sits() {
        const HOUR: i64 = 3_600_000;
        let now = Timestamp::from_ms(100 * 24 * HOUR + HOUR);
        let before = |hours: i64, offset| {
            day_and_time(Timestamp::from_ms(now.ms() - hours * HOUR), now, offset)
        };
        assert_eq!(before(1, 0), "00:00");
        assert_eq!(before(2, 0), "yesterday 23:00");
        assert_eq!(before(2, 3600), "00:00");
        assert_eq!(before(50, 0), "3 days ago, 23:00");
    }
}
