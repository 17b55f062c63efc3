//! Moves about in the lesson's pane and in the list of lessons.

use super::{Overlay, navigate::Moved};
use crate::state::{
    State,
    action::{Action, Key, LessonAction, Motion, Pane},
};

/// Lines that a sheet is scrolled at most: none is longer.
const SCROLL_MAX: usize = 60;

impl State {
    /// Marks the choice above or below; where nothing is asked, scrolls.
    pub(super) fn move_in_lesson(&mut self, motion: Motion) {
        let choices = match &self.learning.course {
            Some(course) if course.asks() => Some(course.choices()),
            _ => None,
        };
        let lesson = &mut self.view.lesson;
        let (at, last) = match choices {
            Some(choices) => (&mut lesson.marked, choices.saturating_sub(1)),
            None => (&mut lesson.scroll, SCROLL_MAX),
        };
        *at = match motion {
            Motion::Up | Motion::PageUp => at.saturating_sub(1),
            Motion::Down | Motion::PageDown => *at + 1,
            Motion::First => 0,
            Motion::Last => last,
            Motion::Left | Motion::Right => *at,
        }
        .min(last);
    }

    /// A question was opened: the keys go to it.
    pub(in crate::state) fn ask_in_lesson(&mut self) {
        self.view.focus_on(Pane::Lesson);
    }
}

/// Moves the cursor of the list, which has two columns where there is room.
pub(super) fn move_in_list(cursor: &mut usize, motion: Motion, lessons: usize) {
    let column = lessons.div_ceil(2);
    *cursor = match motion {
        Motion::Up | Motion::PageUp => cursor.saturating_sub(1),
        Motion::Down | Motion::PageDown => *cursor + 1,
        Motion::Left => cursor.saturating_sub(column),
        Motion::Right => *cursor + column,
        Motion::First => 0,
        Motion::Last => lessons,
    }
    .min(lessons.saturating_sub(1));
}

/// Enter in the list opens the lesson under the cursor.
pub(super) fn choose(state: &State) -> Option<Moved> {
    let Overlay::Lessons(cursor) = state.view.overlay else {
        return None;
    };
    let begin = LessonAction::BeginLesson((cursor + 1).to_string());
    Some(Moved {
        chosen: Some((Key::Enter, Action::Lesson(begin))),
        ..Moved::default()
    })
}
