//! Two clusters under one key: what each of them took, from the key to the answer.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::state::{
    State, Timestamp,
    action::{ClusterAction, Target},
    cluster::{Process, ProcessName},
};
use wire::TopicPartition;

/// How long the CPU of the servers is looked at.
const CPU_FOR: Duration = Duration::from_secs(10);

/// How far apart two looks at it are: processes are measured that often.
const CPU_EVERY: Duration = Duration::from_secs(2);

/// Time from a key to what it brought about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RaceClock {
    /// No key began it.
    #[default]
    Still,
    /// It runs since then.
    Running(Timestamp),
    /// What came of the key came after so long.
    Stopped(Duration),
}

/// What one side of a race took. Nothing is here before it was seen.
#[derive(Debug, Clone, Default)]
pub struct RaceClocks {
    /// From the beginning of its processes to its first acknowledged record.
    pub launch: Option<Duration>,
    /// From the end of a leader to the first record acknowledged in its place.
    pub acked_again: RaceClock,
    /// From the start of whoever was gone until every replica is in sync.
    pub isr_full: RaceClock,
    /// What the broker led that was ended, of the topics that are people's.
    led: Vec<TopicPartition>,
    /// Milliseconds on a core in a second of all servers, as they were measured.
    cpu: VecDeque<(Timestamp, u64)>,
}

impl RaceClocks {
    /// A key is about to do this to the cluster, as it stands.
    pub fn press(&mut self, action: &ClusterAction, state: &State, at: Timestamp) {
        match action {
            ClusterAction::Kill(target) | ClusterAction::Freeze(target) => {
                let led = led_by(state, target);
                if !led.is_empty() {
                    self.acked_again = RaceClock::Running(at);
                    self.isr_full = RaceClock::Still;
                    self.led = led;
                }
            }
            ClusterAction::Start(_)
            | ClusterAction::Restart(_)
            | ClusterAction::Thaw(_)
            | ClusterAction::Heal
                if !is_whole(state) =>
            {
                self.isr_full = RaceClock::Running(at);
            }
            _ => {}
        }
    }

    /// Takes in what the cluster is now.
    pub fn follow(&mut self, state: &State) {
        if let (None, Some(first)) = (self.launch, &state.cluster.receipt) {
            let acked = first.receipt.sent_at.plus(first.receipt.latency);
            self.launch = Some(acked.since(state.setup.started_at));
        }
        if let RaceClock::Running(since) = self.acked_again {
            let again = |place| state.outages.acked_again(place);
            let again = self.led.iter().filter_map(again).filter(|at| *at > since);
            if let Some(first) = again.min() {
                self.acked_again = RaceClock::Stopped(first.since(since));
            }
        }
        if let RaceClock::Running(since) = self.isr_full
            && is_whole(state)
        {
            self.isr_full = RaceClock::Stopped(state.now.since(since));
        }
        self.measure(state);
    }

    /// The first partition whose leader was ended, the last time that one was.
    #[must_use]
    pub fn partition(&self) -> Option<i32> {
        self.led.first().map(|place| place.partition)
    }

    /// Whether a clock moves.
    #[must_use]
    pub fn run(&self) -> bool {
        let runs = |clock: RaceClock| matches!(clock, RaceClock::Running(_));
        runs(self.acked_again) || runs(self.isr_full)
    }

    /// Tenths of a percent of a core that the servers took together, on average of what was measured in the last seconds.
    #[must_use]
    pub fn cpu(&self) -> Option<u64> {
        let count = u64::try_from(self.cpu.len()).ok()?;
        let sum: u64 = self.cpu.iter().map(|(_, used)| used).sum();
        sum.checked_div(count)
    }

    fn measure(&mut self, state: &State) {
        let now = state.now;
        let soon = |(at, _): &(Timestamp, u64)| now.since(*at) < CPU_EVERY;
        if self.cpu.back().is_some_and(soon) {
            return;
        }
        let used = live_servers(state).filter_map(|process| process.cpu?.ms_per_second);
        let used: Vec<u64> = used.collect();
        if !used.is_empty() {
            self.cpu.push_back((now, used.iter().sum()));
        }
        while self
            .cpu
            .front()
            .is_some_and(|(at, _)| now.since(*at) > CPU_FOR)
        {
            self.cpu.pop_front();
        }
    }
}

/// What the brokers of both sides say of their settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RaceSettings {
    /// Those with the same value on both sides.
    pub equal: BTreeMap<String, String>,
    /// The others that both know: ours, and theirs.
    pub unequal: BTreeMap<String, (String, String)>,
}

impl RaceSettings {
    /// Compares what both know. What names a place must differ: it is left out.
    #[must_use]
    pub fn of(ours: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>) -> Self {
        const PLACES: [&str; 6] = [
            "advertised.listeners",
            "broker.id",
            "listeners",
            "log.dir",
            "log.dirs",
            "zookeeper.connect",
        ];
        let mut settings = Self::default();
        for (name, value) in ours {
            let other = theirs.get(name).filter(|_| !PLACES.contains(&&**name));
            match other {
                Some(other) if other == value => {
                    settings.equal.insert(name.clone(), value.clone());
                }
                Some(other) => {
                    let both = (value.clone(), other.clone());
                    settings.unequal.insert(name.clone(), both);
                }
                None => {}
            }
        }
        settings
    }
}

/// Memory of the servers that live; `None` until it was measured.
#[must_use]
pub fn race_memory(state: &State) -> Option<u64> {
    let known: Vec<u64> = live_servers(state)
        .filter_map(|process| process.rss_bytes)
        .collect();
    (!known.is_empty()).then(|| known.iter().sum())
}

fn live_servers(state: &State) -> impl Iterator<Item = &Process> {
    let servers = state.cluster.servers();
    servers.filter(|process| process.status.is_running())
}

/// What the brokers lead that a verb is aimed at.
fn led_by(state: &State, target: &Target) -> Vec<TopicPartition> {
    let aimed = state.aimed(target);
    let led = state.cluster.partitions().filter(|(_, partition)| {
        let leader = partition.seen.leader;
        leader.is_some_and(|leader| aimed.contains(&ProcessName::Broker(leader)))
    });
    led.map(|(place, _)| place).collect()
}

/// Whether every broker answers and every replica is in sync.
fn is_whole(state: &State) -> bool {
    let (up, all) = state.cluster.brokers_up();
    let mut partitions = state.cluster.partitions();
    up == all
        && partitions
            .all(|(_, partition)| partition.seen.leader.is_some() && !partition.under_replicated())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{RaceClock, RaceClocks, RaceSettings};
    use crate::state::{
        ProcessChange,
        action::{Action, ClusterAction},
    };
    use crate::ui::tests::session::{Session, broker, ready};

    fn press(clocks: &mut RaceClocks, session: &Session, action: &str) {
        let action: Action = action.parse().expect("an action");
        let Action::Cluster(action) = action else {
            panic!("{action}");
        };
        clocks.press(&action, &session.state, session.at);
    }

    #[test]
    fn the_clock_runs_from_the_key_to_the_first_record_in_the_place_of_the_dead_leader() {
        let mut session = ready((120, 36));
        let mut clocks = RaceClocks::default();
        session.later(100);
        press(&mut clocks, &session, "kill broker 3");
        session.press('3');
        session.press('x');
        session.later(5).process(
            broker(3),
            ProcessChange::Exited {
                code: None,
                signal: Some(9),
            },
        );
        // Broker 1 leads p0, which nobody ended.
        session.later(95).acked("amy", 0, 0, 1000);
        clocks.follow(&session.state);
        assert!(matches!(clocks.acked_again, RaceClock::Running(_)));
        session
            .later(1400)
            .partition_changed(2, (3, 1), (0, 1), &[3, 1, 2], &[1, 2]);
        session.later(100).acked("fay", 2, 0, 1_200_000);
        clocks.follow(&session.state);
        assert_eq!(
            clocks.acked_again,
            RaceClock::Stopped(Duration::from_millis(1600))
        );
    }

    #[test]
    fn settings_that_name_places_are_not_compared() {
        let told = |all: &[(&str, &str)]| {
            let all = all.iter();
            all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let ours = [
            ("log.dirs", "/a"),
            ("num.io.threads", "8"),
            ("x", "1"),
            ("y", "2"),
        ];
        let theirs = [
            ("log.dirs", "/b"),
            ("num.io.threads", "8"),
            ("x", "3"),
            ("z", "2"),
        ];
        let settings = RaceSettings::of(&told(&ours), &told(&theirs));
        assert_eq!(settings.equal, told(&[("num.io.threads", "8")]));
        let unequal: Vec<_> = settings.unequal.into_iter().collect();
        assert_eq!(
            unequal,
            [("x".to_owned(), ("1".to_owned(), "3".to_owned()))]
        );
    }

    #[test]
    fn who_leads_nothing_stops_nobody() {
        let session = ready((120, 36));
        let mut clocks = RaceClocks::default();
        let kill = |name: &str| format!("kill {name}").parse::<Action>();
        for name in ["zookeeper", "consumer c1"] {
            let Ok(Action::Cluster(action)) = kill(name) else {
                panic!("{name}");
            };
            assert!(matches!(action, ClusterAction::Kill(_)));
            clocks.press(&action, &session.state, session.at);
            assert_eq!(clocks.acked_again, RaceClock::Still, "{name}");
        }
    }
}
