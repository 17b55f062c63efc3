//! What the picked process writes into its log, as it writes it.

use ratatui::layout::Rect;

use crate::playground::{
    state::{Pane, State},
    ui::{
        canvas::{Canvas, Frame, fit, width},
        theme::Role,
        title, words,
    },
};

/// Draws the pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let name = format!("Output of {}", words::name(&state.view.picked));
    let file = state
        .cluster
        .processes
        .get(&state.view.picked)
        .map_or("", |process| process.log_file.as_str());
    let room = area.width.saturating_sub(width(&name) + 12);
    let note = match (state.view.filter(Pane::Output), state.view.output_back) {
        (Some(filter), _) => format!("/{filter}   esc clears"),
        (None, 0) if width(file) <= room => file.to_owned(),
        (None, 0) => "live".to_owned(),
        (None, back) => format!("{back} lines back, G follows"),
    };
    let frame = Frame {
        title: title(state, Pane::Output, name),
        note: &note,
        focused: state.view.focus == Pane::Output,
        dashed: false,
    };
    let inside = canvas.frame(area, &frame);
    draw_inside(canvas, state, inside);
}

/// Draws what is inside the frame.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let filter = state.view.filter(Pane::Output);
    let lines = state
        .cluster
        .processes
        .get(&state.view.picked)
        .map_or(&[][..], |process| process.log.as_slice());
    let mut shown: Vec<&String> = lines
        .iter()
        .rev()
        .filter(|line| filter.is_none_or(|filter| line.contains(filter)))
        .skip(state.view.output_back)
        .take(usize::from(area.height))
        .collect();
    shown.reverse();
    let end = area.right() + 1;
    if shown.is_empty() {
        let words = match filter {
            Some(filter) => format!("nothing matches \"{filter}\".  esc clears"),
            None => format!("{} wrote nothing yet.", words::name(&state.view.picked)),
        };
        canvas.text(area.x, area.y, end, &words, Role::Dim);
        return;
    }
    for (line, y) in shown.into_iter().zip(area.y..) {
        let room = end.saturating_sub(area.x);
        canvas.text(area.x, y, end, &fit(brief(line), room), level(line));
    }
}

/// A line without the day: `2026-11-22T12:01:09.402Z INFO ...` begins with the hour.
fn brief(line: &str) -> &str {
    let dated = line.split_once('T').filter(|(day, _)| {
        day.len() == 10 && day.chars().all(|sign| sign.is_ascii_digit() || sign == '-')
    });
    dated.map_or(line, |(_, rest)| rest)
}

/// The role of a line: by its level, which stands among its first words.
fn level(line: &str) -> Role {
    for word in line.split_whitespace().take(3) {
        match word {
            "ERROR" => return Role::Dead,
            "WARN" => return Role::Warning,
            "DEBUG" | "TRACE" => return Role::Dim,
            _ => {}
        }
    }
    Role::Text
}

#[cfg(test)]
mod tests {
    use super::{Role, brief, level};

    #[test]
    fn a_line_is_read_by_its_level_and_shown_without_its_day() {
        let line = "2026-11-22T12:01:09.402Z  WARN broker: no answer";
        assert_eq!(level(line), Role::Warning);
        assert_eq!(brief(line), "12:01:09.402Z  WARN broker: no answer");
        assert_eq!(brief("The ERROR came later"), "The ERROR came later");
        assert_eq!(level("thread 'main' panicked with ERROR"), Role::Text);
    }
}
