//! What is the same on both sides, and what is not.

use ratatui::layout::Rect;

use super::Race;
use crate::ui::{
    canvas::{Canvas, Frame, fit},
    theme::Role,
};

/// Draws the page.
pub(super) fn draw(canvas: &mut Canvas<'_>, race: &Race<'_>, area: Rect) {
    let inside = canvas.frame(
        area,
        &Frame {
            title: vec![(Role::Strong, "What differs".to_owned())],
            note: "as broker 1 of each answers DescribeConfigs",
            focused: true,
            dashed: false,
        },
    );
    let end = inside.right() + 1;
    let mut y = inside.y;
    let mut row = |canvas: &mut Canvas<'_>, words: [&str; 3], role: Role| {
        if y < inside.bottom() {
            let half = inside.width / 2;
            let quarter = inside.width / 4;
            for (word, (x, room)) in words.into_iter().zip([
                (0, half),
                (half, quarter),
                (half + quarter, inside.width + 1 - half - quarter),
            ]) {
                let word = fit(word, room.saturating_sub(1));
                canvas.text(inside.x + x, y, end, &word, role);
            }
            y += 1;
        }
    };
    let [ours, theirs] = race.sides.map(|side| side.short);
    row(canvas, ["", ours, theirs], Role::Strong);
    let [one, other] = race.sides.map(|side| side.made_of);
    row(canvas, ["processes", one, other], Role::Text);
    let Some(settings) = race.settings else {
        row(
            canvas,
            ["its brokers were not asked yet", "", ""],
            Role::Dim,
        );
        return;
    };
    for (name, (ours, theirs)) in &settings.unequal {
        row(canvas, [name, ours, theirs], Role::Warning);
    }
    row(canvas, ["", "", ""], Role::Text);
    let count = settings.equal.len();
    row(
        canvas,
        [
            &format!("settings that are the same in both: {count}"),
            "",
            "",
        ],
        Role::Strong,
    );
    for (name, value) in &settings.equal {
        row(canvas, [name, value, value], Role::Dim);
    }
}
