//! What is wrong with the replicas of a topic, and what the next failure costs. What stands still is said first.

use std::collections::BTreeMap;

use crate::{
    state::{Action, ClusterAction, Partition, Spare, Standstill, State, Status, Topic},
    ui::{theme::Role, words},
};
use wire::{BrokerId, TopicPartition};

pub(super) type Line = Vec<(Role, String)>;

/// The sentences, most urgent first; `marked`: preferred leaders have a mark in the rows above.
pub(super) fn costs(state: &State, topic: &Topic, marked: bool) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let standstills = state.cluster.standstills(topic);
    if state.cluster.all_brokers_gone() {
        let words = state.view.fill("every broker is dead: {heal} starts all");
        lines.push(vec![(Role::Dead, words)]);
    }
    let mut undone = true;
    for (standstill, partitions) in &standstills {
        let said = sentences(state, topic, (standstill, partitions), undone);
        lines.extend(said.into_iter().map(|piece| vec![piece]));
        undone = false;
    }
    if standstills.iter().any(|(what, _)| what.is_without_leader()) {
        return lines;
    }
    lines.extend(hidden(topic));
    let under = topic
        .partitions
        .iter()
        .filter(|p| p.under_replicated())
        .count();
    let all = topic.partitions.len();
    let factor = topic
        .partitions
        .iter()
        .map(|p| p.seen.replicas.len())
        .max()
        .unwrap_or(0);
    if under > 0 {
        let words = format!("{under} of {all} partitions under-replicated");
        lines.push(vec![(Role::Warning, words)]);
    } else if standstills.is_empty() {
        let brokers = if factor == 1 { "broker" } else { "brokers" };
        lines.push(vec![(
            Role::Good,
            format!("every partition on {factor} {brokers}"),
        )]);
    }
    lines.extend(displaced(state, topic, marked));
    let away = state.cluster.zookeeper_away();
    if factor > 1 && away.is_some_and(|status| status.is_gone() || status == Status::Frozen) {
        let words = "without ZooKeeper no ISR shrinks: who dies is waited for";
        lines.push(vec![(Role::Warning, words.to_owned())]);
    } else if let (Some(minimum), Some(spare)) = (topic.min_insync_replicas, topic.spare()) {
        let least = topic.least_in_sync();
        let words = match spare {
            Spare::Refused => format!("{least} in sync: acks=all is refused"),
            Spare::Last => "lose one more: records can be lost".to_owned(),
            Spare::None => "lose one more: acks=all is refused".to_owned(),
            Spare::Brokers(1) => "one may die, acks=all goes on".to_owned(),
            Spare::Brokers(spare) => format!("{spare} may die, acks=all goes on"),
        };
        let role = if spare == Spare::Refused {
            Role::Dead
        } else {
            Role::Text
        };
        lines.push(vec![(role, words)]);
        lines.push(vec![(
            Role::Dim,
            format!("(min.insync.replicas {minimum})"),
        )]);
    }
    lines
}

/// `p2: 2 written, not shown: 1 in sync, 2 needed`, together where the reason is the same.
fn hidden(topic: &Topic) -> impl Iterator<Item = Line> {
    let mut by_reason: BTreeMap<(usize, usize), (Vec<i32>, i64)> = BTreeMap::new();
    for partition in &topic.partitions {
        if let Some(hidden) = topic.hidden(partition) {
            let reason = by_reason.entry((hidden.in_sync, hidden.needed));
            let (partitions, records) = reason.or_default();
            partitions.push(partition.seen.partition);
            *records += hidden.records;
        }
    }
    by_reason
        .into_iter()
        .map(|((in_sync, needed), (partitions, records))| {
            let places = words::few(&partitions);
            let words = format!(
                "{places}: {records} written, not shown: {in_sync} in sync, {needed} needed"
            );
            vec![(Role::Warning, words)]
        })
}

/// What a replica's row says behind its cells: `offline: 23 wait`.
pub(super) fn aside(state: &State, partition: &Partition) -> Option<(Role, String)> {
    let place = TopicPartition::new(&state.view.topic, partition.seen.partition);
    let waiting = state.cluster.waiting(&place);
    let wait = words::writes_wait(waiting);
    let Some(standstill) = state.cluster.standstill(partition) else {
        let for_all = state.cluster.waiting_for_all(&place);
        let below = for_all > 0 && state.cluster.below_minimum(&place).is_some();
        return below.then(|| (Role::Warning, words::writes_wait(for_all)));
    };
    Some(match standstill {
        Standstill::Offline { .. } if waiting > 0 => {
            (Role::Dead, format!("offline: {waiting} wait"))
        }
        Standstill::Offline { .. } => (Role::Dead, "offline".to_owned()),
        Standstill::IsrStands { silent } => {
            let words = format!("waits for {}", words::listed(&silent));
            (Role::Warning, words)
        }
        _ if waiting > 0 => (Role::Warning, wait),
        Standstill::Unnoticed { .. } => return None,
        Standstill::NoElection { .. } => (Role::Warning, "nobody leads".to_owned()),
    })
}

/// One standstill; the keys are named where no sentence before did.
fn sentences(
    state: &State,
    topic: &Topic,
    (standstill, partitions): (&Standstill, &[i32]),
    undone: bool,
) -> Vec<(Role, String)> {
    let places = words::few(partitions);
    match standstill {
        Standstill::Offline { isr } => {
            let all_of = format!("{places}: only {} it all. ", keepers(state, isr));
            let keys = isr
                .first()
                .map(|broker| state.view.keys_in_turn(&state.cluster.revival(*broker)));
            let (it, is) = match partitions {
                [_] => ("it", "is"),
                _ => ("them", "are"),
            };
            let back = match keys.as_deref() {
                None | Some([]) => format!("Until then {places} {is} offline"),
                Some([key]) => format!("{key} brings {it} back"),
                Some(keys) => format!("{} bring {it} back", keys.join(", ")),
            };
            let mut said = vec![(Role::Dead, format!("{all_of}{back}"))];
            said.extend(lacking(state, topic, partitions).map(|words| (Role::Dim, words)));
            said
        }
        Standstill::NoElection { heirs, .. } => {
            let heirs: Vec<String> = heirs.iter().map(ToString::to_string).collect();
            let heirs = heirs.join(" or ");
            let is = words::zookeeper_is(state);
            let keys = state.cluster.revival_of_zookeeper().filter(|_| undone);
            let keys = keys.map_or_else(String::new, |action| {
                format!(".  {} ends that", state.view.keys_for(&action))
            });
            let words =
                format!("{places}: {heirs} could lead. ZooKeeper {is}: nobody is elected{keys}");
            vec![(Role::Warning, words)]
        }
        Standstill::Unnoticed { leader } => {
            let is = match state.cluster.process(*leader).map(|process| process.status) {
                Some(Status::Frozen) => "frozen",
                Some(Status::Silent) => "silent",
                Some(Status::Gone) => "gone",
                _ => "dead",
            };
            let words = format!(
                "{places}: leader {leader} is {is}, not yet noticed. Writes to {places} wait."
            );
            vec![(Role::Warning, words)]
        }
        Standstill::IsrStands { silent } => {
            let wait = if partitions.len() == 1 {
                "waits"
            } else {
                "wait"
            };
            let words = format!(
                "{places} {wait} for {}: without ZooKeeper no ISR shrinks",
                words::listed(silent)
            );
            vec![(Role::Warning, words)]
        }
    }
}

/// `dead broker 1 has`, `dead brokers 1,2 have`
fn keepers(state: &State, isr: &[BrokerId]) -> String {
    let dead = isr.iter().all(|broker| state.cluster.is_gone(*broker));
    let frozen = isr.iter().all(|broker| !state.cluster.is_gone(*broker));
    let of_others = |broker: &BrokerId| {
        let process = state.cluster.process(*broker);
        process.is_some_and(|process| !process.ours)
    };
    let are = match (dead, frozen) {
        _ if isr.iter().all(of_others) => "silent",
        (true, _) => "dead",
        (_, true) => "frozen",
        _ => "dead and frozen",
    };
    let listed = words::listed(isr);
    match isr {
        [_] => format!("{are} broker {listed} has"),
        _ => format!("{are} brokers {listed} have"),
    }
}

/// What the replicas that live would lose if one of them led: the reason why none does.
fn lacking(state: &State, topic: &Topic, partitions: &[i32]) -> Option<String> {
    let mut alive: Option<BrokerId> = None;
    let mut records = 0;
    for partition in partitions.iter().filter_map(|at| topic.partition(*at)) {
        let end = partition.log_end().0;
        let live = partition.seen.replicas.iter().copied();
        let live = live.filter(|broker| !state.cluster.is_silent(*broker));
        let next = live
            .filter_map(|broker| Some((partition.ends.get(&broker)?.0, broker)))
            .max();
        if let Some((at, broker)) = next {
            alive = alive.or(Some(broker));
            records += end - at;
        }
    }
    let broker = alive?;
    Some(match (partitions, records) {
        (_, ..=0) => format!("({broker} is not in sync: it could lack records)"),
        (_, 1) => format!("({broker} lacks 1 record: unclean election would lose it)"),
        ([_], lost) => {
            let lost = words::grouped(u32::try_from(lost).unwrap_or(u32::MAX));
            format!("({broker} lacks {lost} records: unclean election would lose them)")
        }
        (_, lost) => {
            let lost = words::grouped(u32::try_from(lost).unwrap_or(u32::MAX));
            format!("(who lives lacks {lost} records: unclean election would lose them)")
        }
    })
}

/// Which partitions another than their preferred leader leads, and the key that moves them back: those that prefer
/// the same broker as the first.
fn displaced(state: &State, topic: &Topic, marked: bool) -> Option<Line> {
    let astray = || {
        let led = topic.partitions.iter();
        led.filter(|partition| partition.seen.leader.is_some() && partition.is_astray())
    };
    let preferred = astray().next()?.preferred()?;
    let alike = astray().filter(|partition| partition.preferred() == Some(preferred));
    let (mut places, mut ready) = (Vec::new(), true);
    for partition in alike {
        places.push(partition.seen.partition);
        ready &= partition.seen.isr.contains(&preferred);
    }
    let [prefer, them] = match places.as_slice() {
        [_] => ["prefers", "it"],
        _ => ["prefer", "them"],
    };
    let place = format!("{} {prefer}", words::few(&places));
    let mark = if marked { " ◇" } else { "" };
    let elects = state
        .obstacle(&Action::Cluster(ClusterAction::ElectLeaders))
        .is_none();
    Some(if ready && elects && !state.cluster.is_gone(preferred) {
        // Shorter, so that the key fits into the narrowest pane.
        let heals = format!("  {{leaders elect}} moves {them} back");
        vec![
            (Role::Text, format!("{place} {preferred}")),
            (Role::Warning, mark.into()),
            (Role::Text, state.view.fill(&heals)),
        ]
    } else {
        vec![
            (Role::Text, format!("{place} broker {preferred}")),
            (Role::Warning, mark.into()),
        ]
    })
}
