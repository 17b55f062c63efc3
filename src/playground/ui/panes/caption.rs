//! What the last thing that happened came to, in sentences.

use ratatui::layout::Rect;

use crate::{
    state::State,
    ui::{
        canvas::{Canvas, Frame, fit, width, wrap},
        theme::Role,
    },
};

/// Draws the caption in its box.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let inside = canvas.frame(area, &Frame::default());
    if inside.width < 10 {
        return;
    }
    let caption = state.stage_caption();
    let (x, end) = (inside.x + 1, inside.right());
    let columns = end - x;
    canvas.text(
        x,
        inside.y,
        end,
        &fit(&caption.headline, columns),
        Role::Strong,
    );
    let last = inside.bottom().saturating_sub(1);
    let room = inside.y + 1..last.max(inside.y + 1);
    let lines = whole_sentences(&caption.text, columns, room.len());
    for (line, y) in lines.iter().zip(room) {
        canvas.text(x, y, end, &fit(line, columns), Role::Text);
    }
    if last <= inside.y {
        return;
    }
    let mut column = x;
    for (holds, words) in &caption.checks {
        if column + width(words) + 2 > end {
            break;
        }
        let (sign, role) = if *holds {
            ("✓", Role::Good)
        } else {
            ("✗", Role::Dead)
        };
        column = canvas.text(column, last, end, sign, role);
        column = canvas.text(column, last, end, &format!(" {words}     "), Role::Dim);
    }
    if let Some((action, does)) = &caption.next {
        let key = state.view.keys_for(action);
        if column + width(&key) + width(does) + 7 <= end {
            column = canvas.text(column, last, end, "next: ", Role::Dim);
            column = canvas.text(column, last, end, &key, Role::Focus);
            canvas.text(column, last, end, &format!(" {does}"), Role::Dim);
        }
    }
}

/// As many sentences as there are lines for; where not even the first has room, the beginning of it.
fn whole_sentences(text: &str, columns: u16, room: usize) -> Vec<String> {
    let lines = |text: &str| wrap(text, usize::from(columns));
    let all = lines(text);
    if all.len() <= room {
        return all;
    }
    let ends = text.rmatch_indices(". ");
    let mut shorter = ends.filter_map(|(at, _)| Some(lines(&format!("{} …", text.get(..=at)?))));
    let fitting = shorter.find(|lines| lines.len() <= room);
    fitting.unwrap_or_else(|| {
        let mut beginning: Vec<String> = all.into_iter().take(room).collect();
        if let Some(last) = beginning.last_mut() {
            last.push_str(" …");
        }
        beginning
    })
}
