//! Three numbers that can be read from the last row: acknowledged, lost, and how long nobody
//! led.

use ratatui::layout::Rect;

use crate::{
    state::State,
    ui::{
        canvas::{Canvas, fit, width},
        theme::Role,
    },
};

/// Lines of the digits.
const DIGIT_ROWS: u16 = 3;

/// Draws the numbers in three columns.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let lost = state.cluster.lost;
    let (gap, told) = gap(state);
    let numbers = [
        (
            3,
            state.cluster.produced.acked.to_string(),
            "",
            "records acknowledged".to_owned(),
            Role::Good,
        ),
        (
            40,
            lost.to_string(),
            "",
            "of them lost".to_owned(),
            if lost == 0 { Role::Good } else { Role::Dead },
        ),
        (68, gap, "s", told, Role::HighWatermark),
    ];
    let y = area.y + area.height.saturating_sub(DIGIT_ROWS + 1).min(2);
    for (index, (percent, number, unit, label, role)) in numbers.iter().enumerate() {
        let x = area.x + area.width * percent / 100;
        let next = numbers.get(index + 1).map_or(100, |(percent, ..)| *percent);
        let end = area.x + area.width * next / 100 - 1;
        let after = digits(canvas, number, (x, y, end), *role);
        canvas.text(after + 1, y + 1, end, unit, Role::Strong);
        let label = fit(label, end.saturating_sub(x));
        canvas.text(x, y + DIGIT_ROWS, end, &label, Role::Text);
    }
}

/// How long a partition had no leader, or has none yet.
fn gap(state: &State) -> (String, String) {
    let seconds = |gap: std::time::Duration| format!("{:.2}", gap.as_secs_f64());
    let partition = |place: &wire::TopicPartition| format!("p{}", place.partition);
    if let Some((place, since)) = state.outages.open(&state.cluster) {
        let gap = format!("{:.1}", state.now.since(since).as_secs_f64());
        return (gap, format!("nobody leads {}", partition(place)));
    }
    match &state.outages.longest {
        Some((place, gap)) => (seconds(*gap), format!("nobody led {}", partition(place))),
        None => ("0".to_owned(), "nobody had to wait".to_owned()),
    }
}

/// Writes a number in large digits and returns the column behind it; as text where it would not fit or
/// there are no blocks to draw it with.
pub fn digits(
    canvas: &mut Canvas<'_>,
    number: &str,
    (x, y, end): (u16, u16, u16),
    role: Role,
) -> u16 {
    let glyphs: Vec<[&str; 3]> = number.chars().filter_map(glyph).collect();
    let columns: u16 = glyphs.iter().map(|[top, ..]| width(top) + 1).sum();
    if canvas.look.ascii() || x + columns > end {
        let strong = if role == Role::HighWatermark {
            Role::Strong
        } else {
            role
        };
        return canvas.text(x, y + 1, end, number, strong);
    }
    let mut column = x;
    for glyph in glyphs {
        for (line, row) in glyph.iter().zip(y..) {
            canvas.text(column, row, end, line, role);
        }
        column += width(glyph.first().copied().unwrap_or_default()) + 1;
    }
    column
}

fn glyph(character: char) -> Option<[&'static str; 3]> {
    Some(match character {
        '0' => ["█▀█", "█ █", "▀▀▀"],
        '1' => ["▄█ ", " █ ", "▀▀▀"],
        '2' => ["▀▀█", "█▀▀", "▀▀▀"],
        '3' => ["▀▀█", " ▀█", "▀▀▀"],
        '4' => ["█ █", "▀▀█", "  ▀"],
        '5' => ["█▀▀", "▀▀█", "▀▀▀"],
        '6' => ["█▀▀", "█▀█", "▀▀▀"],
        '7' => ["▀▀█", "  █", "  ▀"],
        '8' => ["█▀█", "█▀█", "▀▀▀"],
        '9' => ["█▀█", "▀▀█", "▀▀▀"],
        '.' => [" ", " ", "▀"],
        _ => return None,
    })
}
