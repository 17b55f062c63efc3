//! The box of `ZooKeeper`: who has a session, or that nobody can be elected.

use super::processes::{Line, address, lasts, text};
use crate::{
    state::{Process, State, Status},
    ui::{canvas::columns, theme::Role, words},
};
use wire::BrokerId;

/// Its lines.
pub(super) fn zookeeper(state: &State, process: &Process, room: u16) -> Vec<Line> {
    match process.status {
        Status::Planned | Status::Starting => {
            let since = words::seconds(state.now.since(process.since));
            return vec![
                address(process, Role::Text),
                lasts("opening its log", &since),
            ];
        }
        status if status.is_gone() => {
            if let Some(last) = process.log.last().filter(|_| process.intent.is_none()) {
                return vec![
                    address(process, Role::Dead),
                    text(Role::Dead, "nobody can be elected"),
                    text(Role::Dead, last.clone()),
                ];
            }
            let key = state.cluster.revival_of_zookeeper();
            let key = key.map_or_else(String::new, |action| state.view.keys_for(&action));
            let [down, nobody] = if room >= 26 {
                ["ZooKeeper is down: nobody", "can be elected, ISRs stand"]
            } else {
                ["ZooKeeper is down", "nobody is elected"]
            };
            return vec![
                text(Role::Dead, down),
                text(Role::Dead, nobody),
                vec![(Role::Warning, key), (Role::Warning, " start again".into())],
            ];
        }
        _ => {}
    }
    let bars = sessions(state);
    let bars = if columns(&bars) > room {
        text(Role::Text, live_sessions(state))
    } else {
        bars
    };
    let mut lines = vec![address(process, Role::Text), bars];
    if let Some(seen) = &state.cluster.zookeeper {
        lines.push(vec![
            (Role::Dim, format!("znodes {}", seen.znodes)),
            (Role::Dim, format!("   watches {}", seen.watches)),
        ]);
    }
    lines
}

/// `session 1 ■■■■■■  2 ■■■■■□`
fn sessions(state: &State) -> Line {
    let live: Vec<(BrokerId, _)> = state
        .cluster
        .brokers()
        .filter_map(|process| {
            let id = process.broker()?;
            Some((id, words::session_left(state, id, state.now)?))
        })
        .collect();
    let cells = match live.len() {
        0 if state.is_ready() => return text(Role::Dim, "no sessions"),
        0 => return text(Role::Dim, "no sessions yet"),
        1 | 2 => 6,
        3 => 3,
        4 => 2,
        _ => 1,
    };
    let gap = if live.len() < 3 { "  " } else { " " };
    let mut pieces = text(Role::Text, "session");
    for (index, (id, (left, whole))) in live.iter().enumerate() {
        let before = if index == 0 { " " } else { gap };
        pieces.push((Role::Text, format!("{before}{id} ")));
        let bar = if state.view.appearance.reduced_motion {
            format!("{:.1}", left.as_secs_f64())
        } else {
            words::bar(*left, *whole, cells)
        };
        pieces.push((Role::Good, bar));
    }
    pieces
}

/// `sessions 1 2`
pub(super) fn live_sessions(state: &State) -> String {
    let live: Vec<String> = state
        .cluster
        .brokers()
        .filter_map(Process::broker)
        .filter(|id| state.cluster.session(*id).is_some())
        .map(|id| id.to_string())
        .collect();
    if live.is_empty() {
        return "no sessions".to_owned();
    }
    format!("sessions {}", live.join(" "))
}
