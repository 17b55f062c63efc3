//! The box of a broker that is dead: what it led, who leads that now, and what brings back what nobody can lead.

use std::time::Duration;

use crate::{
    state::{Partition, Process, Standstill, State},
    ui::{
        canvas::{columns, fit, width},
        theme::Role,
        words,
    },
};
use wire::{BrokerId, TopicPartition};

type Line = Vec<(Role, String)>;

fn text(role: Role, words: impl Into<String>) -> Line {
    vec![(role, words.into())]
}

/// The lines about the partitions of the shown topic that stand still because of this broker; none if there are none.
pub(super) fn stuck(state: &State, id: BrokerId, room: u16) -> Vec<Line> {
    let Some(topic) = state.cluster.topics.get(&state.view.topic) else {
        return Vec::new();
    };
    let (mut offline, mut alone, mut dead, mut waiting) = (Vec::new(), true, true, 0);
    let (mut unelected, mut heirs) = (Vec::new(), Vec::new());
    for partition in &topic.partitions {
        let index = partition.seen.partition;
        if partition.led_last() != Some(id) {
            continue;
        }
        match state.cluster.standstill(partition) {
            Some(Standstill::Offline { isr }) => {
                offline.push(index);
                alone &= isr == [id];
                dead &= isr.iter().all(|broker| state.cluster.is_gone(*broker));
                let place = TopicPartition::new(&state.view.topic, index);
                waiting += state.cluster.waiting(&place);
            }
            Some(Standstill::NoElection { heirs: live, .. }) => {
                unelected.push(index);
                heirs.extend(live);
            }
            _ => {}
        }
    }
    let keys = |actions: &[_]| state.view.keys_in_turn(actions).join(", then ");
    if !offline.is_empty() {
        let places = words::few(&offline);
        let why = match (alone, dead) {
            (true, _) => [", and nobody else can", ", nobody else can"],
            (_, true) => [", and its ISR is dead", ", ISR is dead"],
            _ => [", its ISR answers nothing", ", ISR is silent"],
        };
        let why = why.map(str::to_owned);
        let ways = why.map(|why| format!("led {places}{why}"));
        let fits = |words: &&String| width(words) <= room;
        let led = ways.iter().find(fits).cloned();
        let led = led.unwrap_or_else(|| format!("led {places}"));
        let wait = match waiting {
            0 => String::new(),
            count => format!(": {}", words::writes_wait(count)),
        };
        return vec![
            text(Role::Dead, led),
            vec![
                (Role::Dead, format!("{places} offline")),
                (Role::Dead, wait),
            ],
            match state.cluster.revival(id).as_slice() {
                [] => Line::new(),
                [one] => {
                    let key = state.view.keys_for(one);
                    let it = if offline.len() == 1 { "it" } else { "them" };
                    text(Role::Warning, format!("{key} brings {it} back"))
                }
                more => text(Role::Warning, keys(more)),
            },
        ];
    }
    if unelected.is_empty() {
        return Vec::new();
    }
    let places = words::few(&unelected);
    let key = state.cluster.revival_of_zookeeper();
    let key = key.map(|action| keys(std::slice::from_ref(&action)));
    let goes = if unelected.len() == 1 { "goes" } else { "go" };
    vec![
        vec![
            (Role::Dead, format!("leads {places}")),
            (Role::Dead, " in the metadata:".to_owned()),
        ],
        text(Role::Dead, "nobody can be elected"),
        key.map_or_else(Line::new, |key| {
            vec![
                (Role::Warning, key),
                (Role::Warning, format!(": then {places} {goes} on")),
            ]
        }),
    ]
}

/// The first of these endings that fits behind what stands before it.
fn longest(before: &str, endings: impl IntoIterator<Item = String>, room: u16) -> String {
    let room = room.saturating_sub(width(before));
    let mut endings = endings.into_iter();
    endings
        .find(|ending| width(ending) <= room)
        .unwrap_or_default()
}

/// `led p2, now broker 1 does`
pub(super) fn after_it(state: &State, process: &Process, id: BrokerId, room: u16) -> Line {
    let mut led = Vec::new();
    let (mut waits, mut heirs, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for place in process.led.iter().filter(|at| at.topic == state.view.topic) {
        led.push(place.partition);
        // Where nobody leads, whoever led last keeps it: it is no longer this broker's.
        match state.cluster.partition(place).and_then(Partition::led_last) {
            Some(leader) if leader == id => waits.push(place.partition),
            Some(leader) if state.cluster.is_silent(leader) => gone.push(leader),
            Some(leader) => heirs.push(leader),
            None => {}
        }
    }
    if led.is_empty() {
        let more = longest("leads nothing", [" any more".to_owned()], room);
        return text(Role::Dim, format!("leads nothing{more}"));
    }
    if !waits.is_empty() {
        return vec![
            (Role::Dead, words::few(&waits)),
            (Role::Dead, " has no live leader".to_owned()),
        ];
    }
    let before = format!("led {}", words::few(&led));
    let endings = match (heirs.is_empty(), gone.is_empty()) {
        (false, _) => endings("now", heirs, ["does", "do"]),
        (true, false) => endings("then", gone, ["did", "did"]),
        (true, true) => vec![", now nobody does".to_owned(), ", now nobody".to_owned()],
    };
    let after = longest(&before, endings, room);
    vec![(Role::Dead, before), (Role::Dead, after)]
}

/// `, now broker 1 does`, and shorter.
fn endings(when: &str, mut brokers: Vec<BrokerId>, [one_does, they_do]: [&str; 2]) -> Vec<String> {
    brokers.sort_unstable();
    brokers.dedup();
    match brokers.as_slice() {
        [one] => vec![
            format!(", {when} broker {one} {one_does}"),
            format!(", {when} {one} {one_does}"),
        ],
        all => vec![format!(", {when} {} {they_do}", words::listed(all))],
    }
}

/// How its session ends or ended. Without `ZooKeeper` nobody counts down.
pub(super) fn session(state: &State, process: &Process, id: BrokerId, room: u16) -> Line {
    if let Some(expired) = &process.session_expired {
        let seconds = expired.timeout.as_secs_f64();
        let whole = vec![
            (Role::Text, "session ".into()),
            (Role::Text, words::bar(Duration::ZERO, expired.timeout, 6)),
            (Role::Text, format!(" expired {seconds:.1}s")),
        ];
        // An empty bar alone says nothing.
        return if columns(&whole) <= room {
            whole
        } else {
            text(Role::Text, "session expired")
        };
    }
    match words::session_left(state, id, state.now) {
        Some((left, whole)) => session_bar(state, left, whole),
        None => Line::new(),
    }
}

/// `session ■■■■□□ 0.9 s left`
pub(super) fn session_bar(state: &State, left: Duration, whole: Duration) -> Line {
    let seconds = format!("{:.1} s left", left.as_secs_f64());
    if state.view.appearance.reduced_motion {
        return text(Role::Text, format!("session at most {seconds}"));
    }
    vec![
        (Role::Text, "session ".into()),
        (Role::Warning, words::bar(left, whole, 6)),
        (Role::Text, format!(" {seconds}")),
    ]
}

/// What a dead broker said last, without the time before it: the box is narrow.
pub(super) fn last_words(process: &Process) -> impl Iterator<Item = Line> {
    let last = process.log.iter().rev().take(2).rev();
    last.map(|line| text(Role::Dead, fit(undated(line), 200)))
}

/// A line of a log without the time that our own processes write before it.
fn undated(line: &str) -> &str {
    let dated = line.split_once("Z ").filter(|(time, _)| {
        let sign = |sign: char| sign.is_ascii_digit() || "-T:.".contains(sign);
        time.chars().all(sign)
    });
    dated.map_or(line, |(_, said)| said.trim_start())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_line_of_a_log_loses_its_time_and_nothing_else() {
        let line = "2026-11-22T18:32:24.570400Z  INFO kafkarium::broker: ends";
        assert_eq!(super::undated(line), "INFO kafkarium::broker: ends");
        assert_eq!(super::undated("A to Z is all"), "A to Z is all");
    }
}
