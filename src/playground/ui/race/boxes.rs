//! The processes of one side: a small box for each server.

use ratatui::layout::Rect;

use super::Side;
use crate::{
    state::{Process, ProcessName, State, Status},
    ui::{
        canvas::{Canvas, Frame, Pieces, fit},
        theme::Role,
        words,
    },
};

/// Draws them side by side.
pub(super) fn draw(canvas: &mut Canvas<'_>, side: &Side<'_>, area: Rect) {
    let state = side.state;
    let zookeeper = state.cluster.processes.get(&ProcessName::ZooKeeper);
    let boxes: Vec<&Process> = state.cluster.brokers().chain(zookeeper).collect();
    let count = u16::try_from(boxes.len()).unwrap_or(u16::MAX).max(1);
    let width = area.width / count;
    for (process, index) in boxes.into_iter().zip(0..count) {
        let x = area.x + index * width;
        let width = if index + 1 == count {
            area.right() - x
        } else {
            width
        };
        draw_box(
            canvas,
            state,
            process,
            Rect::new(x, area.y, width, area.height),
        );
    }
}

fn draw_box(canvas: &mut Canvas<'_>, state: &State, process: &Process, area: Rect) {
    let picked = process.name == state.view.picked;
    let id = process.broker().map_or(0, |broker| broker.0);
    let (sign, word) = words::status(process);
    let gone = process.status.is_gone();
    let mut title: Pieces = Vec::new();
    if picked {
        title.push((Role::Focus, "► ".to_owned()));
    }
    title.push(match process.status {
        _ if gone => (Role::DeadChip, format!(" {id} {sign} ")),
        Status::Frozen => (Role::WarningChip, format!(" {id} {sign} ")),
        Status::Up => (Role::Strong, format!("{id} {sign} UP")),
        _ => (Role::Strong, format!("{id} {sign}")),
    });
    let inside = canvas.frame(
        area,
        &Frame {
            title,
            note: "",
            focused: picked,
            dashed: !matches!(process.status, Status::Up | Status::Frozen),
        },
    );
    let end = inside.right() + 1;
    let room = end.saturating_sub(inside.x);
    let since = words::ago(state.now.since(process.since));
    let lines = match process.status {
        Status::Up => [roles(state, process), memory(process)],
        _ if gone => [
            (Role::Dead, format!("{word} {since}")),
            (
                Role::Dead,
                process
                    .pid
                    .map_or_else(String::new, |pid| format!("was {pid}")),
            ),
        ],
        _ => [(Role::Warning, format!("{word} {since}")), memory(process)],
    };
    for ((role, words), y) in lines.into_iter().zip(inside.y..inside.bottom()) {
        canvas.text(inside.x, y, end, &fit(&words, room), role);
    }
    if process.status == Status::Up
        && process
            .broker()
            .is_some_and(|it| state.cluster.is_controller(it))
    {
        canvas.text(inside.x, inside.y + 2, end, "controller", Role::Focus);
    }
}

/// `◆ p0 p2`, or whose sessions it keeps.
fn roles(state: &State, process: &Process) -> (Role, String) {
    let Some(id) = process.broker() else {
        return (Role::Text, "ZooKeeper".to_owned());
    };
    let (leads, _) = state.cluster.roles(id, &state.view.topic);
    if leads.is_empty() {
        (Role::Dim, "leads none".to_owned())
    } else {
        (Role::Focus, format!("◆ {}", words::few(&leads)))
    }
}

fn memory(process: &Process) -> (Role, String) {
    let memory = process.rss_bytes.map_or_else(String::new, words::memory);
    (Role::Text, memory)
}
