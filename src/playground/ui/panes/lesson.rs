//! The lesson that is open: what is to be done, what is asked, what the cluster answered.

use ratatui::layout::Rect;

use super::stage_brokers;
use crate::{
    state::{Pane, Part, Sheet, State},
    ui::{
        canvas::{Canvas, Frame, Pieces, columns, room_for_note, width, wrap_pieces},
        moment::minutes,
        theme::Role,
        title,
    },
};

/// Columns before the text of a choice.
const CHOICE: u16 = 5;

/// Draws the pane with its frame. On a stage the header says which lesson it is.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let sheet = state.lesson_sheet();
    let note = sheet.as_ref().map_or_else(String::new, note);
    let named = |words: String| title(state, Pane::Lesson, words);
    let whole = sheet.as_ref().map_or_else(
        || named(Pane::Lesson.title().to_owned()),
        |sheet| named(format!("Lesson {}  {}", sheet.number, sheet.title)),
    );
    // How far it is matters more than what it is called.
    let brief = sheet
        .as_ref()
        .map(|sheet| named(format!("Lesson {}", sheet.number)));
    let brief = brief.filter(|_| width(&note) > room_for_note(area, &whole));
    let focused = state.view.focus == Pane::Lesson;
    let frame = if stage_brokers::is_on(state) {
        Frame {
            focused,
            ..Frame::default()
        }
    } else {
        Frame {
            title: brief.unwrap_or(whole),
            note: &note,
            focused,
            dashed: false,
        }
    };
    let inside = canvas.frame(area, &frame);
    draw_inside(canvas, state, inside);
}

/// `3 of 6   2:10 of 5 min`
pub fn note(sheet: &Sheet) -> String {
    let Sheet { step, steps, .. } = sheet;
    let used = minutes(sheet.used);
    format!("{step} of {steps}   {used} of {} min", sheet.minutes)
}

/// Draws what is inside the frame.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let Some(sheet) = state.lesson_sheet() else {
        let hint = state.view.keys.fill("{lesson list} lists the lessons");
        canvas.nothing_yet(area, "No lesson is open.", &hint);
        return;
    };
    let room = area.width + 1;
    let mut lines: Vec<Option<Pieces>> = Vec::new();
    let mut checks = Pieces::new();
    for part in &sheet.parts {
        if let Part::Check(true, words, seen) = part
            && seen.is_empty()
        {
            // What holds stands in one line.
            let gap = if checks.is_empty() { "" } else { "   " };
            checks.push((Role::Good, format!("{gap}✓ ")));
            checks.push((Role::Text, words.clone()));
            continue;
        }
        flush(&mut lines, &mut checks, room);
        if *part == Part::Gap {
            lines.push(None);
        } else {
            lines.extend(written(part, room).into_iter().map(Some));
        }
    }
    flush(&mut lines, &mut checks, room);
    let last = sheet.last.iter().flat_map(|part| written(part, room));
    let mut last: Vec<Pieces> = last.collect();
    if sheet.asks && lines.len() + last.len() > usize::from(area.height) {
        // The footer says the same.
        last.clear();
    }
    let below = u16::try_from(last.len()).unwrap_or(0).min(area.height);
    let height = usize::from(area.height - below);
    if lines.len() > height {
        lines.retain(Option::is_some);
    }
    let excess = lines.len().saturating_sub(height);
    // Of a question the choices are seen first.
    let first = if sheet.asks {
        excess
    } else {
        state.view.lesson.scroll.min(excess)
    };
    let end = area.right() + 1;
    for (line, y) in lines.iter().skip(first).take(height).zip(area.y..) {
        if let Some(line) = line {
            canvas.pieces(area.x, y, end, line);
        }
    }
    let bottom = area.bottom();
    for (line, y) in last.iter().zip(bottom - below..) {
        canvas.pieces(area.x, y, end, line);
    }
    if first < excess && height > 0 {
        let more = if state.view.focus == Pane::Lesson {
            " ↓ more"
        } else {
            " tab ↓ more"
        };
        let more = more.replace("tab", &state.view.keys.shown("pane next"));
        // Beside words that it does not cover, where there are such.
        let room = area.width.saturating_sub(width(&more));
        let free = last.iter().rposition(|line| columns(line) < room);
        let above = u16::try_from(free.map_or(last.len(), |free| last.len() - free)).unwrap_or(1);
        let y = bottom.saturating_sub(above.max(1));
        canvas.right(area.x, y, end, &more, Role::Dim);
    }
}

fn flush(lines: &mut Vec<Option<Pieces>>, checks: &mut Pieces, room: u16) {
    if !checks.is_empty() {
        lines.extend(wrap_pieces(checks, room).into_iter().map(Some));
        checks.clear();
    }
}

/// A part in lines of so many columns.
fn written(part: &Part, room: u16) -> Vec<Pieces> {
    let plain = |role: Role, words: &str| wrap_pieces(&[(role, words.to_owned())], room);
    match part {
        Part::Gap => vec![Pieces::new()],
        Part::Text(words) | Part::Observed(words) | Part::Why(words) => plain(Role::Text, words),
        Part::Question(words, None) => plain(Role::Strong, words),
        Part::Question(words, Some((guess, right))) => guessed(words, guess, *right, room),
        Part::Choice(letter, words, marked) => choice(*letter, words, *marked, room),
        Part::Check(holds, words, seen) => {
            let (sign, role) = if *holds {
                ("✓ ", Role::Good)
            } else {
                ("□ ", Role::Dim)
            };
            let line = [
                (role, sign.to_owned()),
                (Role::Text, words.clone()),
                (Role::Dim, format!("   {seen}")),
            ];
            wrap_pieces(&line, room)
        }
        Part::How(words) => plain(Role::Focus, words),
        Part::Note(words) => plain(Role::Warning, words),
        Part::Hint(words) => wrap_pieces(
            &[
                (Role::Warning, "▪ hint  ".to_owned()),
                (Role::Text, words.clone()),
            ],
            room,
        ),
        Part::Shell(words) => wrap_pieces(
            &[(Role::Dim, "$ ".to_owned()), (Role::Text, words.clone())],
            room,
        ),
        Part::Aside(words) => plain(Role::Dim, words),
    }
}

/// The question, and at its right what was guessed.
fn guessed(question: &str, guess: &str, right: bool, room: u16) -> Vec<Pieces> {
    let (guess, role) = if right {
        (format!("{guess}  ✓"), Role::Good)
    } else {
        (guess.to_owned(), Role::Dim)
    };
    let guess = vec![(role, guess)];
    let mut lines = wrap_pieces(&[(Role::Strong, question.to_owned())], room);
    let taken = lines.last().map_or(0, |line| columns(line));
    let beside = columns(&guess);
    match lines.last_mut() {
        Some(line) if taken + beside + 2 <= room => {
            let gap = " ".repeat(usize::from(room - 1 - taken - beside));
            line.push((Role::Text, gap));
            line.extend(guess);
        }
        _ => lines.push(guess),
    }
    lines
}

fn choice(letter: char, words: &str, marked: bool, room: u16) -> Vec<Pieces> {
    let (sign, role) = if marked {
        ("► ", Role::Strong)
    } else {
        ("  ", Role::Text)
    };
    let lines = wrap_pieces(&[(role, words.to_owned())], room.saturating_sub(CHOICE));
    let lines = lines.into_iter().enumerate();
    lines
        .map(|(index, line)| {
            let mut pieces = if index == 0 {
                vec![
                    (Role::Focus, sign.to_owned()),
                    (Role::Focus, format!("{letter}  ")),
                ]
            } else {
                vec![(Role::Text, " ".repeat(usize::from(CHOICE)))]
            };
            pieces.extend(line);
            pieces
        })
        .collect()
}
