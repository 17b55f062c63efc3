//! What the bars say of a cluster that somebody else runs: that it is only looked at, what it runs, and why its
//! processes have no verbs.

use super::{canvas::Pieces, theme::Role};
use crate::state::{Process, ProcessName, State};

/// `attached   read-only`
pub(super) fn chip(state: &State, gap: &str, pieces: &mut Pieces) {
    if !state.view.narrow() {
        pieces.push((Role::Text, format!("{gap}attached")));
    }
    pieces.push((Role::Text, gap.to_owned()));
    pieces.push(if state.setup.reach.may_write() {
        (Role::Warning, "writes".to_owned())
    } else {
        (Role::WarningChip, "read-only".to_owned())
    });
}

/// `Kafka 4.3 KRaft`, as far as the brokers told it.
pub(super) fn software(state: &State, (gap, left_out): (&str, u8), pieces: &mut Pieces) {
    let Some(software) = &state.cluster.software else {
        return;
    };
    let keeper = if software.quorum {
        "KRaft"
    } else {
        "ZooKeeper"
    };
    let words = match &software.release {
        Some(release) if left_out < 2 => format!("{gap}Kafka {release} {keeper}"),
        _ if left_out < 4 => format!("{gap}{keeper}"),
        _ => return,
    };
    pieces.push((Role::Text, words));
}

/// `asks 3.2/s`
pub(super) fn asks(state: &State, gap: &str, pieces: &mut Pieces) {
    if let Some(asks) = &state.cluster.asks {
        pieces.push((Role::Dim, format!("{gap}asks {:.1}/s", asks.rate())));
    }
}

/// `asks 3.2/s: ListOffsets 1.0  Fetch 0.7`
pub(super) fn asks_by_api(state: &State) -> Option<String> {
    let asks = state.cluster.asks.as_ref()?;
    let by_api = asks.by_api.iter();
    let by_api = by_api.map(|(api, count)| format!("{api} {:.1}", asks.of(*count)));
    let by_api: Vec<String> = by_api.collect();
    Some(format!("asks {:.1}/s: {}", asks.rate(), by_api.join("  ")))
}

/// Why nothing can be done to the process that is picked; `None`: something can.
pub(super) fn no_verbs(state: &State) -> Option<String> {
    let process = state.cluster.processes.get(&state.view.picked);
    if state.moment().is_some() || process.is_none_or(|process| process.ours) {
        return None;
    }
    let host = process.and_then(Process::host).unwrap_or_default();
    Some(if state.view.narrow() {
        " its process is not ours".to_owned()
    } else {
        format!("   kill, stop, freeze, start: its process is on {host}, not ours")
    })
}

/// How what is picked is called where a quorum stands in the place of `ZooKeeper`.
pub(super) fn quorum(state: &State) -> Option<&'static str> {
    let is_quorum = state.cluster.quorum.is_some() && state.view.picked == ProcessName::ZooKeeper;
    is_quorum.then_some("quorum")
}

/// Why there are no znodes to show of a cluster that somebody else runs.
pub(super) fn no_znodes(state: &State) -> Option<&'static str> {
    if state.setup.reach.is_own() {
        return None;
    }
    Some(match &state.cluster.software {
        Some(software) if software.quorum => {
            "There is no ZooKeeper here: a quorum of controllers keeps the metadata.  :layout quorum shows it"
        }
        _ => "No --zookeeper was given: znodes, sessions and watches are not shown.",
    })
}
