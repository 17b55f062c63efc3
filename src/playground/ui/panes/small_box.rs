//! The boxes of a low window: one line each.

use std::collections::BTreeMap;

use super::{
    processes::{Line, text},
    zookeeper_box::live_sessions,
};
use crate::{
    state::{Partition, Process, Standstill, State},
    ui::{canvas::width, theme::Role, words},
};
use wire::BrokerId;

/// The one line of a small box, and what stands at its right.
pub(super) fn small_line(state: &State, process: &Process, room: u16) -> (Line, String) {
    let Some(id) = process.broker() else {
        if process.status.is_gone() {
            return (text(Role::Dead, "no elections"), String::new());
        }
        return (text(Role::Text, live_sessions(state)), String::new());
    };
    let port = process
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    if process.status.is_gone() {
        let words = small_and_dead(state, process, id, room);
        return (text(Role::Dead, words), String::new());
    }
    let (leads, _) = state.cluster.roles(id, &state.view.topic);
    let line = if leads.is_empty() {
        text(Role::Dim, "leads none")
    } else {
        text(Role::Focus, format!("◆ {}", words::few(&leads)))
    };
    (line, port)
}

/// `2.8 s, p2 -> 1`, `p0 p1 offline`: what became of what a dead broker led.
fn small_and_dead(state: &State, process: &Process, id: BrokerId, room: u16) -> String {
    let (mut offline, mut waits) = (Vec::new(), Vec::new());
    let mut moved: BTreeMap<BrokerId, Vec<i32>> = BTreeMap::new();
    for place in process.led.iter().filter(|at| at.topic == state.view.topic) {
        let known = state.cluster.partition(place);
        let standstill = known.and_then(|known| state.cluster.standstill(known));
        let leader = known.and_then(Partition::led_last);
        match leader.filter(|leader| *leader != id) {
            Some(leader) => moved.entry(leader).or_default().push(place.partition),
            None if matches!(standstill, Some(Standstill::Offline { .. })) => {
                offline.push(place.partition);
            }
            None => waits.push(place.partition),
        }
    }
    let mut told = Vec::new();
    if !offline.is_empty() {
        told.push(format!("{} offline", words::few(&offline)));
    }
    match waits.len() {
        0 => {}
        1 => told.push(format!("{} waits", words::few(&waits))),
        _ => told.push(format!("{} wait", words::few(&waits))),
    }
    let moved = moved.iter();
    told.extend(moved.map(|(leader, led)| format!("{} -> {leader}", words::few(led))));
    let since = words::ago(state.now.since(process.since));
    let all = told.join(", ");
    let ways = [
        format!("{since}, {all}"),
        all.clone(),
        told.first().cloned().unwrap_or_default(),
    ];
    let fits = |words: &&String| !all.is_empty() && width(words) <= room;
    ways.iter().find(fits).cloned().unwrap_or(since)
}
