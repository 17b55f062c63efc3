//! What a lesson has in the first line of a stage and in the footer.

use ratatui::layout::Rect;

use super::{
    canvas::{Canvas, width},
    panes::lesson,
    theme::Role,
};
use crate::state::{Course, Pane, State, letter_of};

/// At the right of a stage's first line, as far as there is room: `lesson 8 of 16   kill the leader   step 4 of 6`.
pub fn on_stage(canvas: &mut Canvas<'_>, state: &State, (x, y, end): (u16, u16, u16)) {
    let Some(sheet) = state.lesson_sheet().filter(|_| state.view.lesson.docked) else {
        return;
    };
    let which = format!("lesson {} of {}", sheet.number, sheet.lessons);
    let step = format!("step {} of {}", sheet.step, sheet.steps);
    let titled = format!("{which}   {}   {step}", sheet.title);
    let plain = format!("{which}   {step}");
    let fits = |words: &&String| width(words) + 3 <= end.saturating_sub(x);
    if let Some(words) = [titled, plain, step].iter().find(fits) {
        canvas.right(x, y, end - 1, words, Role::Text);
    }
}

/// The keys that lead through the lesson, by their actions, with what they do.
pub fn keys(state: &State) -> Option<[(&'static str, &'static str); 3]> {
    if !state.leads_through_a_lesson() {
        return None;
    }
    Some([
        ("lesson next", "next"),
        ("lesson back", "back"),
        ("lesson do", "do it"),
    ])
}

/// The footer while a question has the keys; whether it does.
pub fn question(canvas: &mut Canvas<'_>, state: &State, area: Rect) -> bool {
    let asks = state.asks_in_lesson() && state.view.focus == Pane::Lesson;
    let choices = state.learning.course.as_ref().map_or(0, Course::choices);
    if !asks {
        return false;
    }
    let shown = |action: &str| state.view.keys.shown(action);
    let letters: Vec<String> = (0..choices)
        .map(|choice| shown(&format!("mark {}", letter_of(choice))))
        .collect();
    let narrow = state.view.narrow();
    let marks = if narrow {
        letters.join(" ")
    } else {
        format!("{} or ↑ ↓", letters.join(" "))
    };
    let mut hints = vec![
        (marks, "mark"),
        (shown("answer"), "answer"),
        (shown("back"), "not now"),
    ];
    for (action, does) in keys(state).into_iter().flatten().skip(usize::from(narrow)) {
        hints.push((shown(action), does));
    }
    let (y, end) = (area.y, area.right());
    let help = format!("{} help ", shown("help"));
    let stop = end.saturating_sub(width(&help) + 1);
    let mut x = canvas.text(area.x, y, stop, " question", Role::Warning);
    for (key, does) in hints {
        if x + 3 + width(&key) + 1 + width(does) > stop {
            break;
        }
        let gap = if narrow { 2 } else { 3 };
        x = canvas.text(x + gap, y, stop, &key, Role::Focus);
        x = canvas.text(x, y, stop, &format!(" {does}"), Role::Text);
    }
    canvas.right(x, y, end, &help, Role::Text);
    true
}

/// `3 of 6   2:10 of 5 min`, for a frame in which panes take turns.
pub fn note(state: &State) -> Option<String> {
    state.lesson_sheet().as_ref().map(lesson::note)
}
