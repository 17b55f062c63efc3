//! Where there is room for one pane only: the panes that have no row take turns.

use ratatui::layout::Rect;

use crate::{
    state::{Action, Pane, ScreenAction, State},
    ui::{
        canvas::{Canvas, Frame, width},
        lesson_bar,
        theme::Role,
    },
};

/// Draws the tabs and the pane whose turn it is.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, tabs: &[Pane], area: Rect) {
    let shown = state.view.turn(tabs);
    let focused = tabs.contains(&state.view.focus);
    let note = Some(shown).filter(|pane| *pane == Pane::Lesson);
    let note = note.and_then(|_| lesson_bar::note(state));
    let note = note.as_deref().unwrap_or("tab");
    let frame = Frame {
        note,
        focused,
        ..Frame::default()
    };
    let inside = canvas.frame(area, &frame);
    let end = area.right().saturating_sub(width(note) + 5);
    let mut x = canvas.text(area.x + 2, area.y, end, " ", Role::Text);
    for pane in tabs.iter().copied() {
        let name = match pane {
            Pane::Group => format!("Group {}", state.view.group),
            Pane::Lesson => lesson_name(state),
            pane => pane.title().to_owned(),
        };
        let fits = |name: &str| x + width(name) + 2 <= end;
        let name = if fits(&name) {
            name
        } else {
            pane.title().to_owned()
        };
        if !fits(&name) {
            break;
        }
        let turn = pane == shown;
        let role = if turn { Role::Selected } else { Role::Dim };
        let tab = Rect::new(x, area.y, width(&name) + 2, 1);
        canvas.spot(tab, || Action::Screen(ScreenAction::FocusPane(pane)));
        canvas.clear(tab);
        x = canvas.text(x, area.y, end, &format!(" {name} "), role);
        if has_news(state, pane) && !turn {
            x = canvas.text(x, area.y, end, "▪", Role::Warning);
            x = canvas.text(x, area.y, end, " ", Role::Text);
        } else if pane != Pane::Group {
            x = canvas.text(x, area.y, end, " ", Role::Text);
        }
    }
    super::draw_inside(canvas, state, shown, inside);
}

/// `Lesson 8`
fn lesson_name(state: &State) -> String {
    let course = state.learning.course.as_ref();
    let number = course.map_or_else(String::new, |course| format!(" {}", course.number));
    format!("{}{number}", Pane::Lesson.title())
}

/// Whether something goes on in a pane that is not shown.
fn has_news(state: &State, pane: Pane) -> bool {
    match pane {
        Pane::Group => state
            .cluster
            .groups
            .get(&state.view.group)
            .is_some_and(crate::state::Group::rebalancing),
        Pane::Story => state.story.told > state.view.story_seen,
        Pane::Lesson => state
            .lesson_sheet()
            .is_some_and(|sheet| sheet.last.is_some()),
        _ => false,
    }
}
