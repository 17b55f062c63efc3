//! The list of lessons, docked over the lower rows: what is done, what was begun, what there is.

use ratatui::layout::Rect;

use super::above_the_footer;
use crate::{
    state::{Listed, State},
    ui::{
        canvas::{Canvas, Frame, fit, width},
        theme::Role,
    },
};

/// Rows of the frame.
const FRAME: u16 = 2;

/// Columns from which on there are two of lessons.
const WIDE: u16 = 100;

/// Draws the list with its footer.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, cursor: usize, window: Rect) {
    let list = state.learning.list();
    let mistakes: Vec<&str> = state.learning.mistakes().collect();
    let count = u16::try_from(list.len()).unwrap_or(u16::MAX);
    let columns = if window.width >= WIDE { 2 } else { 1 };
    let below = u16::try_from(mistakes.len()).unwrap_or(0).min(3);
    let room = window.height.saturating_sub(FRAME + 6);
    let rows = count
        .div_ceil(columns)
        .min(room.saturating_sub(below))
        .max(1);
    let height = rows + below + FRAME;
    let area = above_the_footer(window, height);
    canvas.clear(area);
    let per_column = if columns == 1 {
        list.len()
    } else {
        usize::from(rows)
    };
    let first = cursor
        .saturating_sub(usize::from(rows) - 1)
        .min(if columns == 1 {
            list.len().saturating_sub(usize::from(rows))
        } else {
            0
        });
    let mut note = summary(&list);
    if columns == 1 && list.len() > usize::from(rows) {
        let upto = first + usize::from(rows);
        note = format!("rows {}-{upto} of {}   {note}", first + 1, list.len());
    }
    let frame = Frame {
        title: vec![(Role::Strong, "Lessons".into())],
        note: &note,
        focused: true,
        dashed: false,
    };
    let inside = canvas.frame(area, &frame);
    let wide = (inside.width + 1) / columns;
    for (index, listed) in list.iter().enumerate().skip(first) {
        let place = index - first;
        let (column, row) = if columns == 1 {
            (0, place)
        } else {
            (index / per_column.max(1), index % per_column.max(1))
        };
        let (Ok(column), Ok(row)) = (u16::try_from(column), u16::try_from(row)) else {
            continue;
        };
        if row >= rows || column >= columns {
            continue;
        }
        let x = inside.x + column * wide;
        let place = Rect::new(x, inside.y + row, wide.saturating_sub(2), 1);
        line(canvas, listed, index == cursor, place);
    }
    for (words, y) in mistakes.iter().zip(inside.y + rows..inside.bottom()) {
        canvas.text(inside.x, y, inside.right() + 1, words, Role::Dead);
    }
    footer(canvas, state, list.get(cursor), window);
}

/// `7 of 16 done   about 38 min left`
fn summary(list: &[Listed<'_>]) -> String {
    let done = list.iter().filter(|listed| listed.done).count();
    let left = list.iter().filter(|listed| !listed.done);
    let minutes: u32 = left.map(|listed| u32::from(listed.lesson.minutes)).sum();
    let done = format!("{done} of {} done", list.len());
    if minutes == 0 {
        return done;
    }
    format!("{done}   about {minutes} min left")
}

fn line(canvas: &mut Canvas<'_>, listed: &Listed<'_>, chosen: bool, place: Rect) {
    let (x, y, end) = (place.x, place.y, place.right());
    let (sign, role) = match (listed.done, listed.begun) {
        (_, Some(_)) => ("►", Role::Focus),
        (true, None) => ("✓", Role::Good),
        (false, None) => (" ", Role::Text),
    };
    canvas.text(x, y, end, sign, role);
    let number = format!("{:>2}", listed.number);
    let x = canvas.text(x + 2, y, end, &number, Role::Dim);
    let time = format!("{} min", listed.lesson.minutes);
    let begun = listed.begun.map(|step| {
        let steps = listed.lesson.steps.len();
        format!("at {} of {steps}", step + 1)
    });
    let note = begun.unwrap_or_default();
    let notes = width(&time) + 2 + 10;
    let title = fit(&listed.lesson.title, end.saturating_sub(x + 2 + notes));
    canvas.text(x + 2, y, end, &title, Role::Text);
    let at = end.saturating_sub(notes);
    let after = canvas.text(at, y, end, &time, Role::Dim);
    canvas.text(after + 2, y, end, &note, Role::Focus);
    if chosen {
        canvas.tone(place.x, y, place.width, Role::Selected);
    }
}

/// What keys do with the lesson under the cursor.
fn footer(canvas: &mut Canvas<'_>, state: &State, chosen: Option<&Listed<'_>>, window: Rect) {
    let (y, end) = (window.bottom().saturating_sub(2), window.right());
    let keys = |sentence: &str| state.view.keys.fill(sentence);
    canvas.clear(Rect::new(window.x, y, window.width, 1));
    canvas.tone(window.x, y, window.width, Role::Bar);
    let Some(chosen) = chosen else { return };
    let name = format!(" lesson {}", chosen.number);
    let mut x = canvas.text(window.x, y, end, &name, Role::Focus);
    let begins = match chosen.begun {
        Some(step) => format!("go on at step {}", step + 1),
        None => "begin".to_owned(),
    };
    let mut hints = vec![("{overlay accept}", begins)];
    if chosen.begun.is_some() || chosen.done {
        hints.push(("{overlay lesson reset}", "from its start".to_owned()));
    }
    hints.push(("{overlay back}", "close".to_owned()));
    for (key, does) in hints {
        x = canvas.text(x + 3, y, end, &keys(key), Role::Focus);
        x = canvas.text(x, y, end, &format!(" {does}"), Role::Text);
    }
    let own = "yours in ~/.config/kafkarium/lessons ";
    if x + width(own) + 3 < end {
        canvas.right(x, y, end, own, Role::Dim);
    }
}
