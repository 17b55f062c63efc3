//! More processes than there is room for boxes: a cell each, with id, state and what it leads.

use ratatui::layout::Rect;

use super::processes::BOX_WIDTH_MIN;
use crate::{
    state::{Action, Process, ScreenAction, Standstill, State},
    ui::{
        canvas::{Canvas, width},
        theme::Role,
        words,
    },
};
use wire::BrokerId;

/// Draws the cells; where not all fit, the rows with the picked one, and how many are hidden.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, processes: &[&Process], area: Rect) {
    let columns = (area.width / BOX_WIDTH_MIN).max(1);
    let cell = area.width / columns;
    // The last box is ZooKeeper's: it must not be the one that finds no place.
    let ordered: Vec<&Process> = processes
        .iter()
        .rev()
        .take(1)
        .chain(processes.iter().take(processes.len().saturating_sub(1)))
        .copied()
        .collect();
    let (in_row, rows) = (usize::from(columns), usize::from(area.height));
    let all = ordered.len().div_ceil(in_row);
    let mut shown = ordered.as_slice();
    if all > rows {
        // The last cell says what is not to be seen.
        let room = (rows * in_row).saturating_sub(1);
        let at = ordered.iter().position(|it| it.name == state.view.picked);
        let row = at.unwrap_or(0) / in_row;
        let top = (row + 1).saturating_sub(rows).min(all - rows);
        // Picked under that cell, it is in the row above it.
        let top = match at {
            Some(at) if at >= top * in_row + room => (top + 1).min(all - 1),
            _ => top,
        };
        shown = ordered.get(top * in_row..).unwrap_or_default();
        shown = shown.get(..room.min(shown.len())).unwrap_or_default();
        let first = top * in_row;
        let hidden = |index: usize| index < first || index >= first + shown.len();
        let hidden = ordered
            .iter()
            .enumerate()
            .filter(|(index, _)| hidden(*index));
        let gone = hidden.clone().filter(|(_, it)| it.status.is_gone()).count();
        let words = match gone {
            0 => format!("{} hidden", hidden.count()),
            gone => format!("{} hidden {gone} ✗", hidden.count()),
        };
        let x = area.x + (columns - 1) * cell + 1;
        let role = if gone == 0 { Role::Dim } else { Role::Dead };
        canvas.text(x, area.bottom() - 1, area.right(), &words, role);
    }
    for (index, process) in shown.iter().enumerate() {
        let index = u16::try_from(index).unwrap_or(u16::MAX);
        let y = area.y + index / columns;
        let x = area.x + (index % columns) * cell;
        if y >= area.bottom() {
            break;
        }
        let place = Rect::new(x, y, cell, 1);
        canvas.spot(place, || {
            Action::Screen(ScreenAction::Pick(process.name.clone()))
        });
        let (sign, word) = words::status(process);
        let id = process
            .broker()
            .map_or_else(|| "0".to_owned(), |id| id.to_string());
        let picked = process.name == state.view.picked;
        let head = if picked { "►" } else { " " };
        let x = canvas.text(x, y, x + cell - 1, head, Role::Focus);
        let role = if process.status.is_gone() {
            Role::DeadChip
        } else {
            Role::Strong
        };
        let after = canvas.text(x, y, x + cell - 2, &format!("{id} {sign} {word}"), role);
        if process.status.is_gone() {
            let room = (x + cell - 2).saturating_sub(after + 1);
            if let Some(words) = process.broker().and_then(|id| offline(state, id, room)) {
                canvas.text(after + 1, y, x + cell - 2, &words, Role::Dead);
            }
            continue;
        }
        if let Some(broker) = process.broker() {
            let (leads, _) = state.cluster.roles(broker, &state.view.topic);
            if !leads.is_empty() {
                let led = format!(" ◆ {}", words::few(&leads));
                canvas.text(after, y, x + cell - 2, &led, Role::Focus);
            }
        }
    }
}

/// `p3 offline`, or `p1 waits` for another leader: what stands still because of a dead broker.
fn offline(state: &State, id: BrokerId, room: u16) -> Option<String> {
    let topic = state.cluster.topics.get(&state.view.topic)?;
    let led = topic.partitions.iter();
    let mut offline = Vec::new();
    let mut waits = Vec::new();
    for partition in led.filter(|known| known.led_last() == Some(id)) {
        match state.cluster.standstill(partition) {
            Some(Standstill::Offline { .. }) => offline.push(partition.seen.partition),
            Some(_) => waits.push(partition.seen.partition),
            None => {}
        }
    }
    let (places, word) = match (offline.is_empty(), waits.len()) {
        (false, _) => (offline, "offline"),
        (true, 0) => return None,
        (true, 1) => (waits, "waits"),
        (true, _) => (waits, "wait"),
    };
    let words = format!("{} {word}", words::few(&places));
    let words = if width(&words) <= room {
        words
    } else {
        word.to_owned()
    };
    Some(words)
}
