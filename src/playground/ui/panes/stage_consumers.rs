//! The consumers of the group in boxes, and what they read.
//!
//! ```text
//! ╭─ c1   group billing ──────────╮
//! │ reads p0  p1                  │  press c for a third consumer
//! ╰───────────────────────────────╯
//! ```

use ratatui::layout::Rect;

use crate::{
    state::{Member, ProcessName, State, Status},
    ui::{
        canvas::{Canvas, Frame, fit, width},
        theme::Role,
        words,
    },
};
use wire::TopicPartition;

/// A box narrower than this says too little.
const BOX_MIN: u16 = 20;

/// Lines of a box.
const HEIGHT: u16 = 3;

/// Draws the boxes.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let names: Vec<String> = state
        .group_rows()
        .into_iter()
        .filter_map(|name| match name {
            ProcessName::Consumer(name) => Some(name),
            _ => None,
        })
        .collect();
    let brokers = u16::try_from(state.cluster.brokers().count()).unwrap_or(3);
    let count = u16::try_from(names.len()).unwrap_or(u16::MAX).max(1);
    let columns = brokers.max(count).clamp(1, (area.width / BOX_MIN).max(1));
    let column = area.width / columns;
    let y = area.y + area.height.saturating_sub(HEIGHT).min(1);
    let shown = usize::from(columns).min(names.len());
    for (name, index) in names.iter().take(shown).zip(0_u16..) {
        let place = Rect::new(area.x + index * column, y, column, HEIGHT.min(area.height));
        consumer(canvas, state, name, place);
    }
    let left = area.x + u16::try_from(shown).unwrap_or(0) * column;
    if names.len() > shown {
        let words = format!("and {} more", names.len() - shown);
        canvas.right(area.x, y + HEIGHT - 1, area.right(), &words, Role::Dim);
    } else if left + 20 < area.right() && state.is_ready() {
        let nth = match names.len() {
            0 => "",
            1 => " a second",
            2 => " a third",
            _ => " one more",
        };
        let key = state.view.keys.shown("consumer add");
        let room = area.right().saturating_sub(left + 8 + width(&key));
        let ways = match nth {
            "" => [" for a consumer".to_owned(), " to read".to_owned()],
            nth => [format!(" for{nth} consumer"), format!(" for{nth}")],
        };
        let Some(words) = ways.iter().find(|words| width(words) <= room) else {
            return;
        };
        let x = canvas.text(left + 2, y + 1, area.right(), "press ", Role::Dim);
        let x = canvas.text(x, y + 1, area.right(), &key, Role::Focus);
        canvas.text(x, y + 1, area.right(), words, Role::Dim);
    }
}

fn consumer(canvas: &mut Canvas<'_>, state: &State, name: &str, area: Rect) {
    let process = state
        .cluster
        .processes
        .get(&ProcessName::Consumer(name.to_owned()));
    let status = process.map_or(Status::Up, |process| process.status);
    let title = match process {
        Some(process) if status.is_gone() || status == Status::Frozen => {
            let (sign, word) = words::status(process);
            let role = if status.is_gone() {
                Role::DeadChip
            } else {
                Role::WarningChip
            };
            let word = word.split("  ").next().unwrap_or_default().to_owned();
            vec![(role, format!(" {name}  {sign} {word} "))]
        }
        _ => {
            let mut title = vec![(Role::Reader, name.to_owned())];
            let group = format!("   group {}", state.view.group);
            if width(&group) + width(name) + 6 < area.width {
                title.push((Role::Dim, group));
            }
            title
        }
    };
    let inside = canvas.frame(
        area,
        &Frame {
            title,
            note: "",
            focused: state.view.picked == ProcessName::Consumer(name.to_owned()),
            dashed: status.is_gone(),
        },
    );
    let group = state.cluster.groups.get(&state.view.group);
    let member = group.and_then(|group| Some(group.named(name)?.1));
    let reads = member.map(|member| reads(state, member, inside.width.saturating_sub(6)));
    let reads = reads.unwrap_or_default();
    let end = inside.right();
    let rebalancing = group.is_some_and(crate::state::Group::rebalancing);
    let awaited = group.is_some_and(|group| group.awaits(name));
    if !reads.is_empty() && !status.is_gone() {
        let x = canvas.text(inside.x, inside.y, end, "reads ", Role::Text);
        canvas.text(x, inside.y, end, &reads, Role::Reader);
        return;
    }
    let alone = match group {
        Some(group) => state.cluster.is_without_coordinator(group),
        None => state.cluster.no_broker_answers(),
    };
    // What it does, and the same in fewer words.
    let (ways, role) = match (status.is_gone(), rebalancing, awaited) {
        (false, ..) if alone => (["waits for a coordinator", "no coordinator"], Role::Warning),
        (true, _, false) => (["gone", "gone"], Role::Dead),
        (true, ..) => (["the group waits for it", "awaited"], Role::Warning),
        (_, true, true) => (["is asked to join again", "asked to join"], Role::Warning),
        (_, true, false) => (["joined, waits for its share", "joined"], Role::Warning),
        (_, false, _) if status == Status::Starting => (["joins the group", "joins"], Role::Dim),
        (_, false, _) => (["idle: no partition left", "idle"], Role::Dim),
    };
    let [whole, brief] = ways;
    let words = if width(whole) <= inside.width {
        whole
    } else {
        brief
    };
    canvas.text(inside.x, inside.y, end, &fit(words, inside.width), role);
}

/// `p0  p1`, or what it reads elsewhere too: `orders 0-1 payments 0`.
fn reads(state: &State, member: &Member, room: u16) -> String {
    let here = |place: &TopicPartition| place.topic == state.view.topic;
    if member.reads.iter().all(here) {
        let places = member.reads.iter();
        let places: Vec<String> = places.map(|at| format!("p{}", at.partition)).collect();
        return places.join("  ");
    }
    words::places(true, &member.reads, room)
}
