//! The first lines of a group: its state, what tells it from others, who joined again.

use std::collections::BTreeMap;

use ratatui::layout::Rect;

use crate::{
    state::{Group, State},
    ui::{
        canvas::{Canvas, fit, width},
        theme::Role,
        words,
    },
};
use wire::{GroupState, TopicPartition};

/// `Stable >  PreparingRebalance  > …`
pub(super) fn state_line(
    canvas: &mut Canvas<'_>,
    state: &State,
    group: &Group,
    (x, y, end): (u16, u16, u16),
) {
    if state.cluster.is_without_coordinator(group) {
        canvas.text(x, y, end, "no coordinator", Role::Dead);
        return;
    }
    match group.state {
        GroupState::PreparingRebalance => {
            let x = canvas.text(x, y, end, "Stable > ", Role::Dim);
            let x = canvas.text(x, y, end, " PreparingRebalance ", Role::WarningChip);
            canvas.text(x, y, end, " > …", Role::Dim);
        }
        GroupState::CompletingRebalance => {
            let x = canvas.text(x, y, end, "… > ", Role::Dim);
            let x = canvas.text(x, y, end, " CompletingRebalance ", Role::WarningChip);
            canvas.text(x, y, end, " > Stable", Role::Dim);
        }
        GroupState::Stable => {
            let x = canvas.text(x, y, end, "Stable", Role::Good);
            let hidden = state.cluster.hidden_from(group);
            if hidden > 0 {
                let words = match hidden {
                    1 => "   1 more waits to be shown".to_owned(),
                    hidden => format!("   {hidden} more wait to be shown"),
                };
                canvas.text(x, y, end, &words, Role::Warning);
                return;
            }
            let facts = facts(state, group);
            let fits = |facts: &&String| x + width(facts) < end;
            if let Some(facts) = facts.iter().find(fits) {
                canvas.text(x, y, end, facts, Role::Dim);
            }
        }
        GroupState::Unknown => {}
        state => {
            canvas.text(x, y, end, state.name(), Role::Warning);
        }
    }
}

/// What tells this group from the demo's own: its leader where strangers read, its topics where there
/// are others than the shown one. The longest first.
fn facts(state: &State, group: &Group) -> Vec<String> {
    let strangers = group.members.values().any(|member| !member.ours);
    let topics = group.topics();
    let elsewhere = topics.iter().any(|topic| *topic != state.view.topic);
    let lag = state.cluster.group_lag(group);
    let topics = match topics.into_iter().collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        _ if !elsewhere => String::new(),
        [only] => format!("   reads {only}"),
        topics => format!("   lag {lag}, {} topics", topics.len()),
    };
    let leader = group
        .leader
        .as_ref()
        .and_then(|leader| group.members.get(leader));
    let leader = leader.filter(|_| strangers);
    let leader = leader.map_or_else(String::new, |leader| format!("   leader {}", leader.name));
    let protocol = match group.protocol.as_str() {
        protocol if strangers && !protocol.is_empty() => format!("   {protocol}"),
        _ => String::new(),
    };
    let mut ways = vec![
        format!("{protocol}{leader}{topics}"),
        format!("{protocol}{topics}"),
        topics,
    ];
    ways.dedup();
    ways
}

/// `2 of 3 joined, waiting for c2  0.5s`
pub(super) fn joined_line(
    canvas: &mut Canvas<'_>,
    state: &State,
    group: &Group,
    x: u16,
    y: u16,
    end: u16,
) {
    let Some(since) = group.rebalance_since else {
        return;
    };
    let all = group.members.len();
    let joined = all.saturating_sub(group.awaited.len());
    let (x, waiting) = if group.awaited.is_empty() {
        (
            canvas.text(x, y, end, &format!("all {all} joined"), Role::Text),
            String::new(),
        )
    } else {
        let words = format!("{joined} of {all} joined, waiting for ");
        let x = canvas.text(x, y, end, &words, Role::Text);
        let names = group.awaited_names().join(" ");
        (x, fit(&names, end.saturating_sub(x + 6)))
    };
    let x = canvas.text(x, y, end, &waiting, Role::Warning);
    let seconds = format!("  {:.1}s", state.now.since(since).as_secs_f64());
    canvas.text(x, y, end, &seconds, Role::Text);
}

/// `nobody reads p0 p2`, and how many records are there to read.
pub(super) fn unread(
    canvas: &mut Canvas<'_>,
    state: &State,
    group: &Group,
    (orphans, with_topics): (&[(TopicPartition, i64)], bool),
    row: Rect,
) {
    let (y, end) = (row.y, row.right() + 1);
    let why = if state.cluster.is_without_coordinator(group) {
        "no coordinator for "
    } else {
        "nobody reads "
    };
    let x = canvas.text(row.x, y, end, why, Role::Warning);
    let lag: i64 = orphans.iter().map(|(_, lag)| lag).sum();
    let lag = lag.to_string();
    let places = orphans.iter().map(|(place, _)| place.clone()).collect();
    let room = row.right().saturating_sub(x + width(&lag) + 1);
    let places = words::places(with_topics, &places, room);
    canvas.text(x, y, end, &places, Role::Text);
    canvas.right(x, y, row.right(), &lag, Role::Text);
}

/// `2 rdkafka: one client.id, 2 clients; the signs behind it begin ...`
pub(super) fn same_client_ids(canvas: &mut Canvas<'_>, group: &Group, area: Rect, bottom: u16) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for member in group.members.values().filter(|member| !member.ours) {
        *counts.entry(&member.client_id).or_default() += 1;
    }
    let Some((client, count)) = counts.into_iter().find(|(_, count)| *count > 1) else {
        return;
    };
    let lines = [
        format!("{count} {client}: one client.id, {count} clients; the signs behind"),
        "it begin what the coordinator added in the member id".to_owned(),
    ];
    let first = bottom.saturating_sub(2);
    for (line, y) in lines.iter().zip(first..bottom) {
        canvas.text(area.x, y, area.right() + 1, line, Role::Dim);
    }
}
