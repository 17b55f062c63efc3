//! The line below the lanes: what their signs mean.

use std::collections::BTreeSet;

use crate::{
    state::{Partition, State, Topic},
    ui::{
        canvas::{Canvas, fit, width},
        theme::Role,
    },
};
use wire::shown;

/// The line of the signs in a large window.
pub(super) fn wide_legend(
    canvas: &mut Canvas<'_>,
    state: &State,
    topic: &Topic,
    (x, y, end): (u16, u16, u16),
) {
    let x = canvas.text(x, y, end, "▼ a broker's log ends   ", Role::Dim);
    let x = canvas.text(x, y, end, "┃", Role::HighWatermark);
    let rare = rare_signs(topic);
    let others = other_groups(state);
    if rare.is_empty() && others.is_none() {
        let words = " high watermark: readers stop   ┊ not safe yet";
        canvas.text(x, y, end, words, Role::Dim);
        return;
    }
    let mut x = canvas.text(x, y, end, " high watermark   ┊ not safe", Role::Dim);
    for (sign, words) in rare {
        if x + 4 + width(words) > end {
            break;
        }
        x = canvas.text(x, y, end, &format!("   {sign}"), Role::Warning);
        x = canvas.text(x, y, end, &format!(" {words}"), Role::Dim);
    }
    let words = others.map(|words| format!("   {words}"));
    if let Some(words) = words.filter(|words| x + width(words) <= end) {
        canvas.text(x, y, end, &words, Role::Dim);
    }
}

/// `▲s group shipping`, `▲fs other groups`: what stands at the marks of groups that are not shown.
fn other_groups(state: &State) -> Option<String> {
    let topic = &state.view.topic;
    let here = state.cluster.groups.iter().filter(|(name, group)| {
        let committed = || group.committed.keys().any(|place| place.topic == *topic);
        **name != state.view.group && committed()
    });
    let names: Vec<&String> = here.map(|(name, _)| name).collect();
    match names.as_slice() {
        [] => None,
        [only] => {
            let only = shown::line(only);
            let initial: String = only.chars().take(1).collect();
            Some(format!("▲{initial} group {}", fit(&only, 16)))
        }
        several => {
            let initials = several
                .iter()
                .filter_map(|name| shown::line(name).chars().next());
            let initials: BTreeSet<char> = initials.collect();
            let initials: String = initials.into_iter().take(3).collect();
            Some(format!("▲{initials} other groups"))
        }
    }
}

/// Signs that not every log shows, for those that do.
fn rare_signs(topic: &Topic) -> Vec<(&'static str, &'static str)> {
    let any = |has: fn(&Partition) -> bool| topic.partitions.iter().any(has);
    let mut signs = Vec::new();
    if any(|partition| partition.stable_end().is_some()) {
        signs.push(("╎", "last stable offset"));
    }
    if any(|partition| partition.tail.has_aborted()) {
        signs.push(("~", "aborted"));
    }
    if any(|partition| partition.tail.has_holes()) {
        signs.push(("·", "compacted"));
    }
    if any(|partition| partition.log_start.0 > 0) {
        signs.push(("╞", "log start"));
    }
    signs
}

/// The same in a small one.
pub(super) fn narrow_legend(canvas: &mut Canvas<'_>, state: &State, (x, y, end): (u16, u16, u16)) {
    let others = other_groups(state);
    let [ends, committed] = match &others {
        Some(_) => ["▼ a log ends  ", "  ▲ committed"],
        None => ["▼ a broker's log ends  ", "  ▲ committed △ read"],
    };
    let x = canvas.text(x, y, end, ends, Role::Dim);
    let x = canvas.text(x, y, end, "┃", Role::HighWatermark);
    let not_safe = if others.is_some() {
        "not safe"
    } else {
        "not safe yet"
    };
    let words = format!(" high watermark  ┊ {not_safe}{committed}");
    let x = canvas.text(x, y, end, &words, Role::Dim);
    if let Some(words) = others {
        let words = fit(&format!("  {words}"), end.saturating_sub(x));
        canvas.text(x, y, end, &words, Role::Dim);
    }
}
