//! What the picked process writes into its log, as it writes it.

use ratatui::layout::Rect;

use crate::{
    state::{Pane, State},
    ui::{
        canvas::{Canvas, Frame, fit, width},
        theme::Role,
        title, words,
    },
};

/// Signs of `12:01:09.402`.
const HOUR_TO_MS: usize = 12;

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
        (Some(filter), _) => words::filter_note(state, filter),
        (None, 0) if width(file) <= room => file.to_owned(),
        (None, 0) => "live".to_owned(),
        (None, back) => state
            .view
            .keys
            .fill(&format!("{back} lines back, {{move last}} follows")),
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
            Some(filter) => words::no_match(state, filter),
            None => format!("{} wrote nothing yet.", words::name(&state.view.picked)),
        };
        canvas.text(area.x, area.y, end, &words, Role::Dim);
        return;
    }
    for (line, y) in shown.into_iter().zip(area.y..) {
        let room = end.saturating_sub(area.x);
        canvas.text(area.x, y, end, &brief(line, room), level(line));
    }
}

/// What of a line fits: all but the day, `2026-11-22T12:01:09.402Z INFO ...` begins with the hour; where
/// that is too long, without the module that says it and what is smaller than a millisecond.
fn brief(line: &str, columns: u16) -> String {
    let dated = line.split_once('T').filter(|(day, _)| {
        day.len() == 10 && day.chars().all(|sign| sign.is_ascii_digit() || sign == '-')
    });
    let Some((_, whole)) = dated.filter(|(_, whole)| width(whole) > columns) else {
        return fit(dated.map_or(line, |(_, whole)| whole), columns);
    };
    let (time, said) = whole.split_once(' ').unwrap_or((whole, ""));
    let time = time.get(..HOUR_TO_MS).unwrap_or(time);
    let (level, said) = said.trim_start().split_once(' ').unwrap_or((said, ""));
    fit(&format!("{time} {level} {}", without_module(said)), columns)
}

/// `connect{session=1}: zookeeper::session: established`: what comes behind the last module.
fn without_module(said: &str) -> &str {
    let mut rest = said;
    let mut words = said;
    while let Some((head, behind)) = rest.split_once(": ") {
        // Spans stand before the module and have no words, but maybe fields.
        if head.contains(' ') && !head.contains('{') {
            break;
        }
        if head.contains("::") && !head.contains(' ') {
            words = behind;
        }
        rest = behind;
    }
    words
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
        assert_eq!(brief(line, 60), "12:01:09.402Z  WARN broker: no answer");
        assert_eq!(brief("The ERROR came later", 60), "The ERROR came later");
        assert_eq!(level("thread 'main' panicked with ERROR"), Role::Text);
    }

    #[test]
    fn a_long_line_keeps_its_words_and_loses_the_module() {
        let line = "2026-11-22T17:03:03.698047Z  INFO connect{session=0xa2 at=1}: \
                    zookeeper_client::session: succeeds to connect: yes";
        let briefly = brief(line, 58);
        assert_eq!(briefly, "17:03:03.698 INFO succeeds to connect: yes");
        assert_eq!(brief(line, 30), "17:03:03.698 INFO succeeds to…");
        let plain = "2026-11-22T17:03:03.698047Z ERROR no module: only words here";
        assert_eq!(
            brief(plain, 45),
            "17:03:03.698 ERROR no module: only words here"
        );
    }
}
