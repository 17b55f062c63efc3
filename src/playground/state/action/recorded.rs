//! What those see who watch a recording: a mark for each thing that was done.

use super::{Action, LessonAction, Request, ScreenAction};
use crate::state::State;

/// The mark of an action, while the screen is recorded: for players that jump from one to the next.
pub(in crate::state) fn mark(state: &State, action: &Action) -> Option<Request> {
    state.view.recording?;
    let label = match (action, action.aim()) {
        (_, Some((verb, target))) => {
            let aimed = state.aimed(target);
            let aimed: Vec<String> = aimed.iter().map(ToString::to_string).collect();
            format!("{verb} {}", aimed.join(", "))
        }
        (Action::Screen(ScreenAction::Say(words)), _) => words.clone(),
        (
            Action::Cluster(_)
            | Action::Screen(
                ScreenAction::Hold
                | ScreenAction::Live
                | ScreenAction::Step(_)
                | ScreenAction::Layout(_),
            )
            | Action::Lesson(LessonAction::BeginLesson(_) | LessonAction::NextStep),
            _,
        ) => action.to_string(),
        (Action::Screen(_) | Action::Terminal(_) | Action::Lesson(_), _) => return None,
    };
    Some(Request::Mark(label))
}
