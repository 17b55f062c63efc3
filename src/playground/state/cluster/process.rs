//! A process as the playground saw it live and die: a child, or a broker that others run.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use super::{ProcessChange, ProcessName, Producing, catch_up::CatchUp};
use crate::state::Timestamp;
use wire::{BrokerId, TopicPartition};

/// One process, also after its end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Process {
    /// Its name.
    pub name: ProcessName,
    /// What it does now.
    pub status: Status,
    /// Since when it does so.
    pub since: Timestamp,
    /// Its pid, or the one it had.
    pub pid: Option<u32>,
    /// Where it listens.
    pub address: Option<String>,
    /// Whether it is a child of ours. Of any other broker it is known what it answers.
    pub ours: bool,
    /// Where a broker of others stands, if it says so.
    pub rack: Option<String>,
    /// Whom a consumer reads for.
    pub group: Option<String>,
    /// The topic that a consumer was added to read; those that the start brings read its first topic.
    pub topic: Option<String>,
    /// Resident memory.
    pub rss_bytes: Option<u64>,
    /// Its share of a core.
    pub cpu: Option<Cpu>,
    /// The end of its log, oldest first, and the file.
    pub log: Vec<String>,
    /// Where its whole log is.
    pub log_file: String,
    /// Its current `ZooKeeper` session.
    pub session: Option<i64>,
    /// How that session ended, if the process did not outlive it.
    pub session_expired: Option<Expired>,
    /// What it led when it stopped living.
    pub led: Vec<TopicPartition>,
    /// What the playground did to it last, so that its end has a name.
    pub intent: Option<Intent>,
    /// When it was spawned.
    pub spawned_at: Timestamp,
    /// What a consumer says that it reads.
    pub assigned: BTreeSet<TopicPartition>,
    /// How a rebalance held a consumer up.
    pub stood: StoodStill,
    /// The transactions of a producer.
    pub producing: Option<Producing>,
    /// What a consumer read of what lay there before it.
    pub(in crate::state) catch_up: Option<CatchUp>,
}

/// What a process takes of a core, from one look to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cpu {
    at: Timestamp,
    used_ms: u64,
    /// Milliseconds on a core in a second, once it was looked at twice.
    pub ms_per_second: Option<u64>,
}

impl Cpu {
    /// What a look finds, after another one.
    pub(super) fn after(before: Option<Self>, used_ms: u64, at: Timestamp) -> Self {
        let ms_per_second = before.and_then(|before| {
            let passed = u64::try_from(at.since(before.at).as_millis()).ok()?;
            let used = used_ms.checked_sub(before.used_ms)?;
            (used * 1_000).checked_div(passed)
        });
        Self {
            at,
            used_ms,
            ms_per_second,
        }
    }
}

/// The time in which a consumer could read nothing: it had given everything up, or had nothing yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoodStill {
    /// Since when it has nothing to read.
    pub since: Option<Timestamp>,
    /// When its last rebalance was over for it, and how long it stood still in it.
    pub last: Option<(Timestamp, Duration)>,
    /// Whether that was a rebalance, not its first partitions.
    pub moved: bool,
}

impl StoodStill {
    /// It gave partitions up, and has others still or none.
    pub(in crate::state) fn gave_up(&mut self, has_others: bool, at: Timestamp) {
        if !has_others && self.since.is_none() {
            self.since = Some(at);
        }
        self.moved = true;
        if has_others {
            self.last = Some((at, Duration::ZERO));
        }
    }

    /// It has partitions to read.
    pub(in crate::state) fn got(&mut self, at: Timestamp) {
        let stood = self
            .since
            .take()
            .map_or(Duration::ZERO, |since| at.since(since));
        self.last = Some((at, stood));
    }
}

/// The state of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// To be spawned.
    Planned,
    /// It has a pid and does not answer yet.
    Starting,
    /// It answers.
    Up,
    /// SIGSTOP holds it.
    Frozen,
    /// It was asked to end.
    Stopping,
    /// It ended when asked.
    Stopped,
    /// The playground killed it.
    Killed,
    /// It ended by itself.
    Died {
        /// What it returned.
        code: Option<i32>,
        /// What ended it.
        signal: Option<i32>,
    },
    /// A broker of others that does not answer us. Metadata still names it.
    Silent,
    /// A broker of others that Metadata named once, and does no more. Nobody told why.
    Gone,
}

/// What the playground did to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Intent {
    /// SIGKILL.
    Kill,
    /// SIGTERM.
    Stop,
}

/// How a session ended that its process did not close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {
    /// When.
    pub at: Timestamp,
    /// What was agreed.
    pub timeout: Duration,
}

impl Status {
    /// Whether there is a process.
    #[must_use]
    pub fn is_running(self) -> bool {
        matches!(
            self,
            Self::Starting | Self::Up | Self::Frozen | Self::Stopping
        )
    }

    /// Whether there was one and is none now.
    #[must_use]
    pub fn is_gone(self) -> bool {
        matches!(
            self,
            Self::Stopped | Self::Killed | Self::Died { .. } | Self::Gone
        )
    }
}

impl Process {
    /// A process that is still to be spawned.
    #[must_use]
    pub fn planned(name: ProcessName, at: Timestamp) -> Self {
        Self {
            name,
            status: Status::Planned,
            since: at,
            pid: None,
            address: None,
            ours: true,
            rack: None,
            group: None,
            topic: None,
            rss_bytes: None,
            cpu: None,
            log: Vec::new(),
            log_file: String::new(),
            session: None,
            session_expired: None,
            led: Vec::new(),
            intent: None,
            spawned_at: at,
            assigned: BTreeSet::new(),
            stood: StoodStill::default(),
            producing: None,
            catch_up: None,
        }
    }

    /// It is to be spawned once more.
    pub(in crate::state) fn start_again(&mut self, at: Timestamp) {
        self.intent = None;
        self.status = Status::Starting;
        self.since = at;
        self.pid = None;
    }

    /// The port it listens on, as text.
    #[must_use]
    pub fn port(&self) -> Option<&str> {
        self.address.as_deref()?.rsplit(':').next()
    }

    /// The host it listens on, as text.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        Some(self.address.as_deref()?.rsplit_once(':')?.0)
    }

    /// The broker's id, if it is one.
    #[must_use]
    pub fn broker(&self) -> Option<BrokerId> {
        match self.name {
            ProcessName::Broker(id) => Some(id),
            _ => None,
        }
    }

    pub(in crate::state) fn change(&mut self, change: &ProcessChange, at: Timestamp) {
        let before = self.status;
        if let Some(producing) = &mut self.producing {
            producing.change(change, at);
        }
        match change {
            ProcessChange::Spawned {
                pid,
                address,
                group,
            } => {
                self.pid = Some(*pid);
                self.address = address.clone().or(self.address.take());
                self.group = group.clone().or(self.group.take());
                self.status = Status::Starting;
                self.intent = None;
                self.session_expired = None;
                self.session = None;
                self.led.clear();
                self.assigned.clear();
                self.stood = StoodStill {
                    since: Some(at),
                    ..StoodStill::default()
                };
                self.catch_up = None;
                self.spawned_at = at;
            }
            ProcessChange::Ready { address, .. } => {
                if !address.is_empty() {
                    self.address = Some(address.clone());
                }
                if before == Status::Starting {
                    self.status = Status::Up;
                }
            }
            ProcessChange::Exited { code, signal } => {
                self.status = match self.intent {
                    Some(Intent::Kill) => Status::Killed,
                    Some(Intent::Stop) => Status::Stopped,
                    None => Status::Died {
                        code: *code,
                        signal: *signal,
                    },
                };
                self.rss_bytes = None;
                self.cpu = None;
            }
            ProcessChange::Frozen => self.status = Status::Frozen,
            ProcessChange::Thawed => {
                // Whoever never registered was frozen on the way.
                let never = self.session.is_none() && self.session_expired.is_none();
                self.status = if self.broker().is_some() && never {
                    Status::Starting
                } else {
                    Status::Up
                };
            }
            ProcessChange::Listed { .. }
            | ProcessChange::Unlisted
            | ProcessChange::Silent { .. }
            | ProcessChange::Answers => self.see_foreign(change),
        }
        if self.status != before {
            self.since = at;
        }
    }

    /// Takes in what was seen of a broker that others run.
    fn see_foreign(&mut self, change: &ProcessChange) {
        match change {
            ProcessChange::Listed { address, rack } => {
                self.ours = false;
                self.address = Some(address.clone());
                self.rack.clone_from(rack);
                self.status = Status::Up;
                self.led.clear();
            }
            ProcessChange::Unlisted => self.status = Status::Gone,
            ProcessChange::Silent { .. } if self.status == Status::Up => {
                self.status = Status::Silent;
            }
            ProcessChange::Answers if self.status == Status::Silent => self.status = Status::Up,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Intent, Process, Status};
    use crate::state::{ProcessChange, ProcessName, Timestamp};
    use wire::BrokerId;

    #[test]
    fn a_broker_that_is_thawed_before_it_was_there_is_still_on_its_way() {
        let mut broker = Process::planned(ProcessName::Broker(BrokerId(2)), Timestamp(0));
        broker.status = Status::Starting;
        broker.change(&ProcessChange::Frozen, Timestamp(1));
        broker.change(&ProcessChange::Thawed, Timestamp(2));
        assert_eq!(broker.status, Status::Starting);
        broker.session = Some(7);
        broker.change(&ProcessChange::Frozen, Timestamp(3));
        broker.change(&ProcessChange::Thawed, Timestamp(4));
        assert_eq!(broker.status, Status::Up);
    }

    #[test]
    fn a_broker_of_others_is_what_metadata_and_its_own_answers_say() {
        let mut broker = Process::planned(ProcessName::Broker(BrokerId(2)), Timestamp(0));
        let listed = |host: &str| ProcessChange::Listed {
            address: format!("{host}:9092"),
            rack: Some("b".to_owned()),
        };
        broker.change(&listed("k2.shop"), Timestamp(1));
        let told = (broker.ours, broker.host(), broker.rack.as_deref());
        assert_eq!(told, (false, Some("k2.shop"), Some("b")));
        let silent = ProcessChange::Silent {
            why: "connection refused".to_owned(),
        };
        for (at, change, status) in [
            (2, silent.clone(), Status::Silent),
            (3, ProcessChange::Answers, Status::Up),
            (4, silent, Status::Silent),
            (5, ProcessChange::Unlisted, Status::Gone),
            // Whoever is named no more is not asked any more either.
            (6, ProcessChange::Answers, Status::Gone),
            (7, listed("k4.shop"), Status::Up),
        ] {
            broker.change(&change, Timestamp(at));
            assert_eq!(broker.status, status, "{change:?}");
        }
        assert_eq!(broker.since, Timestamp(7));
        assert_eq!(broker.host(), Some("k4.shop"));
    }

    #[test]
    fn an_end_is_named_by_who_wanted_it() {
        let exit = ProcessChange::Exited {
            code: Some(101),
            signal: None,
        };
        for (intent, expected) in [
            (Some(Intent::Kill), Status::Killed),
            (Some(Intent::Stop), Status::Stopped),
            (
                None,
                Status::Died {
                    code: Some(101),
                    signal: None,
                },
            ),
        ] {
            let mut process = Process::planned(ProcessName::ZooKeeper, Timestamp(0));
            process.intent = intent;
            process.change(&exit, Timestamp(5));
            assert_eq!(process.status, expected);
            assert_eq!(process.since, Timestamp(5));
        }
    }
}
