//! The Log before there is one: what comes next, by itself.

use ratatui::layout::Rect;

use crate::{
    state::{Opening, State},
    ui::{canvas::Canvas, theme::Role},
};

/// Before the cluster is there: what comes next, by itself.
pub(super) fn starting(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    if state.is_ready() {
        let keys = &state.view.keys;
        let words = if state.setup.reach.may_write() {
            keys.fill("No topic to show.  {topic create} makes one")
        } else {
            "No topic to show: this cluster has none".to_owned()
        };
        canvas.text(area.x + 2, area.y + 1, area.right(), &words, Role::Dim);
        return;
    }
    if let Some(given) = state.setup.reach.given() {
        let words = format!("Nobody has answered yet at {given}.");
        canvas.text(area.x + 2, area.y + 1, area.right(), &words, Role::Text);
        return;
    }
    let x = area.x + 2;
    let end = area.right();
    let roomy = area.height >= 13;
    let mut y = area.y + if roomy { 2 } else { 0 };
    let mut line = |canvas: &mut Canvas<'_>, text: &str, role: Role, skip: u16| {
        if y < area.bottom() {
            canvas.text(x, y, end, text, role);
        }
        y += if roomy { skip } else { 1 };
    };
    line(
        canvas,
        "A real Kafka cluster is starting on this machine.",
        Role::Strong,
        2,
    );
    line(
        canvas,
        "Each box above is a process. Next, by themselves:",
        Role::Text,
        2,
    );
    let steps = Opening::steps(&state.setup, &state.cluster);
    let last = steps.len().saturating_sub(1);
    for (index, step) in steps.iter().enumerate() {
        let (sign, role) = if step.done {
            ("✓", Role::Good)
        } else {
            ("□", Role::Text)
        };
        let skip = if index == last { 3 } else { 1 };
        line(canvas, &format!("{sign} {}", step.text), role, skip);
    }
    let key = state.view.keys.shown("produce");
    let kept = match state.opening.kept {
        0 => format!(
            "Then press {key}. (Pressed now, it is kept and sent when {} is there.)",
            state.view.topic
        ),
        1 => "1 record is kept and sent then.".to_owned(),
        kept => format!("{kept} records are kept and sent then."),
    };
    let below = Rect::new(x, y, end.saturating_sub(x), area.bottom().saturating_sub(y));
    canvas.sentences(below, &[(Role::Text, kept.as_str())]);
}
