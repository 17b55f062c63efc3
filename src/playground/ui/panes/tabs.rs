//! Where there is room for one pane only: the panes that have no row take turns.

use ratatui::layout::Rect;

use crate::{
    state::{Action, Pane, ScreenAction, State},
    ui::{
        canvas::{Canvas, Frame, width},
        theme::Role,
    },
};

/// Draws the tabs and the pane whose turn it is.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, tabs: &[Pane], area: Rect) {
    let shown = state.view.turn(tabs);
    let focused = tabs.contains(&state.view.focus);
    let frame = Frame {
        note: "tab",
        focused,
        ..Frame::default()
    };
    let inside = canvas.frame(area, &frame);
    let end = area.right().saturating_sub(8);
    let mut x = canvas.text(area.x + 2, area.y, end, " ", Role::Text);
    for pane in tabs.iter().copied() {
        let name = match pane {
            Pane::Group => format!("Group {}", state.view.group),
            pane => pane.title().to_owned(),
        };
        if x + width(&name) + 2 > end {
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

/// Whether something goes on in a pane that is not shown.
fn has_news(state: &State, pane: Pane) -> bool {
    match pane {
        Pane::Group => state
            .cluster
            .groups
            .get(&state.view.group)
            .is_some_and(crate::state::Group::rebalancing),
        Pane::Story => state.story.told > state.view.story_seen,
        _ => false,
    }
}
