//! How the members of a group are called, and which of them is a consumer of ours.
//!
//! Whole applications go by the client id that their library gives them (`rdkafka`, `sarama`), so a name
//! has the first signs of what the coordinator added to it: `rdkafka-3f2c`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Cluster, Group, Process, ProcessName};
use wire::report::MemberName;

/// Signs of a member id's own part that are enough, as long as no two members agree in them.
const SIGNS: usize = 4;

/// A member is told by its coordinator, its process by the system: so much may their clocks differ.
const CLOCKS_APART: Duration = Duration::from_millis(500);

impl Cluster {
    /// Gives each member of a group its name.
    pub(super) fn name_members(&mut self, id: &str) {
        let Some(group) = self.groups.get_mut(id) else {
            return;
        };
        let processes = self.processes.values();
        let consumers = processes.filter_map(|process| match &process.name {
            ProcessName::Consumer(name) if process.group.as_deref() == Some(id) => {
                Some((name.as_str(), process))
            }
            _ => None,
        });
        let ours: BTreeMap<String, String> = consumers
            .filter_map(|(name, process)| Some((member_of(group, name, process)?, name.to_owned())))
            .collect();
        let strangers: Vec<(String, String)> = group
            .members
            .iter()
            .filter(|(member_id, _)| !ours.contains_key(*member_id))
            .map(|(member_id, member)| (member_id.clone(), member.client_id.clone()))
            .collect();
        let mut signs = SIGNS;
        let longest = strangers.iter().map(|(member_id, _)| member_id.len()).max();
        let all_called = |signs: usize| -> Vec<String> {
            let strangers = strangers.iter();
            strangers
                .map(|(member_id, client_id)| called(member_id, client_id, signs))
                .collect()
        };
        let mut names = all_called(signs);
        while names.iter().collect::<BTreeSet<_>>().len() < names.len() {
            signs *= 2;
            names = all_called(signs);
            if longest.is_none_or(|longest| signs > longest) {
                break;
            }
        }
        let strangers = strangers.into_iter().map(|(member_id, _)| member_id);
        let names: BTreeMap<String, String> = strangers.zip(names).collect();
        for (member_id, member) in &mut group.members {
            member.ours = ours.contains_key(member_id);
            let name = ours.get(member_id).or_else(|| names.get(member_id));
            member.name = name.cloned().unwrap_or_default();
        }
    }

    /// How people call a member that a coordinator tells of, which may be new or gone.
    pub(in crate::state) fn member_name(&self, group: &str, told: &MemberName) -> String {
        let known = self.groups.get(group);
        let member = known.and_then(|group| group.members.get(&told.member));
        if let Some(member) = member {
            return member.name.clone();
        }
        let process = ProcessName::Consumer(told.client_id.clone());
        let ours = self.processes.get(&process).is_some_and(|process| {
            let taken = known.is_some_and(|group| {
                let mut members = group.members.values();
                members.any(|member| member.ours && member.name == told.client_id)
            });
            process.group.as_deref() == Some(group) && !taken
        });
        if ours {
            told.client_id.clone()
        } else {
            called(&told.member, &told.client_id, SIGNS)
        }
    }
}

/// The member id of a consumer of ours: its client id and the time tell it, and where somebody else goes
/// by the same name what it reads.
fn member_of(group: &Group, name: &str, process: &Process) -> Option<String> {
    let since = process.spawned_at;
    let mut candidates: Vec<_> = group
        .members
        .iter()
        .filter(|(_, member)| member.client_id == name)
        .filter(|(_, member)| member.first_seen.plus(CLOCKS_APART) >= since)
        .collect();
    candidates.sort_by_key(|(_, member)| {
        let agrees = member.reads == process.assigned;
        (agrees, member.ours, member.first_seen)
    });
    candidates.last().map(|(member_id, _)| (*member_id).clone())
}

/// `rdkafka-3f2c`
fn called(member_id: &str, client_id: &str, signs: usize) -> String {
    let own = member_id
        .strip_prefix(client_id)
        .map_or(member_id, |own| own.trim_start_matches('-'));
    let own: String = own.chars().take(signs).collect();
    match (client_id, own.as_str()) {
        ("", own) => own.to_owned(),
        (client_id, "") => client_id.to_owned(),
        (client_id, own) => format!("{client_id}-{own}"),
    }
}

#[cfg(test)]
mod tests {
    use super::called;
    use crate::state::{
        Cluster, GroupSeen, MemberSeen, Observation, ProcessChange, ProcessName, Timestamp,
    };
    use wire::{
        GroupState, Offset, TopicPartition,
        report::{PartitionOffset, Report, ReportLine},
    };

    fn member(member_id: &str, client_id: &str, reads: &[i32]) -> MemberSeen {
        let places = reads
            .iter()
            .map(|index| TopicPartition::new("orders", *index));
        MemberSeen {
            member_id: member_id.into(),
            client_id: client_id.into(),
            host: "/127.0.0.1".into(),
            assignment: places.collect(),
            ..MemberSeen::default()
        }
    }

    fn spawned(cluster: &mut Cluster, name: &str, at: i64) {
        let process = ProcessName::Consumer(name.into());
        let change = ProcessChange::Spawned {
            pid: 7,
            address: None,
            group: Some("billing".into()),
        };
        cluster.see(
            &Observation::Process { process, change },
            Timestamp::from_ms(at),
        );
    }

    fn group(cluster: &mut Cluster, members: Vec<MemberSeen>, at: i64) {
        let seen = GroupSeen {
            group: "billing".into(),
            state: GroupState::Stable,
            members,
            ..GroupSeen::default()
        };
        cluster.see(&Observation::Group(seen), Timestamp::from_ms(at));
    }

    fn names(cluster: &Cluster) -> Vec<&str> {
        let members = cluster
            .groups
            .get("billing")
            .expect("told")
            .members
            .values();
        members.map(|member| member.name.as_str()).collect()
    }

    #[test]
    fn members_of_one_client_id_are_two() {
        let mut cluster = Cluster::default();
        let members = vec![
            member("rdkafka-3f2c81aa-1", "rdkafka", &[0, 1]),
            member("rdkafka-9be10000-2", "rdkafka", &[2]),
        ];
        group(&mut cluster, members, 10);
        assert_eq!(names(&cluster), ["rdkafka-3f2c", "rdkafka-9be1"]);
        let group = cluster.groups.get("billing").expect("told");
        let reader = |index| group.reader(&TopicPartition::new("orders", index));
        assert_eq!(
            [0, 1, 2].map(reader),
            [
                Some("rdkafka-3f2c"),
                Some("rdkafka-3f2c"),
                Some("rdkafka-9be1")
            ]
        );
    }

    #[test]
    fn names_grow_until_they_differ() {
        let mut cluster = Cluster::default();
        let members = vec![
            member("kgo-aaaabbbb", "kgo", &[0]),
            member("kgo-aaaacccc", "kgo", &[1]),
        ];
        group(&mut cluster, members, 10);
        assert_eq!(names(&cluster), ["kgo-aaaabbbb", "kgo-aaaacccc"]);
        assert_eq!(called("static-1-77aa", "app", 4), "app-stat");
        assert_eq!(called("-77aa", "", 4), "77aa");
    }

    #[test]
    fn a_stranger_that_goes_by_the_name_of_ours_is_told_by_what_it_reads() {
        let mut cluster = Cluster::default();
        spawned(&mut cluster, "c1", 5);
        let members = || {
            vec![
                member("c1-aaaa1", "c1", &[0]),
                member("c1-bbbb1", "c1", &[1]),
            ]
        };
        group(&mut cluster, members(), 10);
        let line = ReportLine {
            at_ms: 11,
            report: Report::Assigned {
                partitions: vec![PartitionOffset {
                    topic: "orders".into(),
                    partition: 0,
                    offset: Offset(0),
                }],
            },
        };
        let process = ProcessName::Consumer("c1".into());
        cluster.see(
            &Observation::Report { process, line },
            Timestamp::from_ms(11),
        );
        assert_eq!(names(&cluster), ["c1", "c1-bbbb"]);
    }

    #[test]
    fn who_is_started_again_is_not_the_member_that_died() {
        let mut cluster = Cluster::default();
        spawned(&mut cluster, "c1", 5);
        group(&mut cluster, vec![member("c1-aaaa1", "c1", &[0])], 10);
        assert_eq!(names(&cluster), ["c1"]);
        spawned(&mut cluster, "c1", 5000);
        assert_eq!(names(&cluster), ["c1-aaaa"]);
        let both = vec![
            member("c1-aaaa1", "c1", &[0]),
            member("c1-bbbb1", "c1", &[]),
        ];
        group(&mut cluster, both, 5100);
        assert_eq!(names(&cluster), ["c1-aaaa", "c1"]);
    }
}
