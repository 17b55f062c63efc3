//! Which panes are on the screen, and where: the one answer for drawing, for the tabulator and for the mouse.

use ratatui::layout::Rect;

use super::View;
use crate::state::{
    action::Pane,
    settings::{Form, Slot},
};

/// What stands in a place of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// One pane.
    Pane(Pane),
    /// Panes that take turns.
    Tabs(&'a [Pane]),
}

impl View {
    /// The rows of the layout for a window of this size.
    #[must_use]
    pub fn form(&self) -> &Form {
        self.layouts.current().form(
            self.narrow(),
            self.lesson.docked.then_some(self.lesson.beside),
        )
    }

    /// The window between the header and the footer.
    #[must_use]
    pub fn middle(&self) -> Rect {
        let (columns, rows) = self.size;
        Rect::new(0, 1, columns, rows.saturating_sub(3))
    }

    /// The middle of the window, divided among the panes.
    #[must_use]
    pub fn places(&self) -> Vec<(Standing<'_>, Rect)> {
        let area = self.middle();
        let mut places: Vec<(Standing<'_>, Rect)> = self
            .form()
            .places(area)
            .into_iter()
            .filter_map(|(slot, place)| match slot {
                Slot::Pane(pane, _) => Some((Standing::Pane(*pane), place)),
                Slot::Tabs(tabs) => Some((Standing::Tabs(tabs), place)),
                Slot::Rows(_) => None,
            })
            .collect();
        if self.full {
            // The boxes stay where they are a row of their own: verbs reach them from everywhere.
            places.retain(|(standing, place)| {
                *standing == Standing::Pane(Pane::Processes) && place.width == area.width
            });
            let top = places
                .first()
                .map_or(area.top(), |(_, boxes)| boxes.bottom());
            let rest = Rect::new(area.left(), top, area.width, area.bottom() - top);
            places.push((Standing::Pane(self.full_pane()), rest));
        }
        places
    }

    /// The pane that fills the screen when one does: never the boxes.
    fn full_pane(&self) -> Pane {
        match self.focus {
            Pane::Processes => self.first_below_the_boxes(),
            pane => pane,
        }
    }

    /// The pane of this layout in which brokers are picked.
    pub(super) fn boxes(&self) -> Pane {
        let panes = self.form().panes();
        let cells = panes.contains(&Pane::Brokers) && !panes.contains(&Pane::Processes);
        if cells {
            Pane::Brokers
        } else {
            Pane::Processes
        }
    }

    pub(super) fn first_below_the_boxes(&self) -> Pane {
        let mut panes = self.form().panes().into_iter();
        let found = panes.find(|pane| *pane != Pane::Processes);
        found.unwrap_or(Pane::Log)
    }

    /// Whose turn it is among panes that share a place.
    #[must_use]
    pub fn turn(&self, tabs: &[Pane]) -> Pane {
        let turn = tabs.iter().find(|pane| **pane == self.tab);
        turn.or_else(|| tabs.first()).copied().unwrap_or(self.tab)
    }

    /// Whether a pane can be seen now.
    #[must_use]
    pub fn is_on_screen(&self, pane: Pane) -> bool {
        self.places().iter().any(|(standing, _)| match standing {
            Standing::Pane(standing) => *standing == pane,
            Standing::Tabs(tabs) => self.turn(tabs) == pane,
        })
    }

    /// Moves the focus to a pane; where panes take turns it is its turn.
    pub(super) fn focus_on(&mut self, pane: Pane) {
        self.focus = pane;
        let takes_turns = self
            .form()
            .places(self.middle())
            .iter()
            .any(|(slot, _)| matches!(slot, Slot::Tabs(tabs) if tabs.contains(&pane)));
        if takes_turns {
            self.tab = pane;
        }
    }

    /// The next pane in reading order, or the one before.
    pub(super) fn neighbour(&self, forward: bool) -> Pane {
        let panes = self.form().panes();
        let count = panes.len();
        let at = panes.iter().position(|pane| *pane == self.focus);
        let next = match (at, forward) {
            (None, _) => 0,
            (Some(at), true) => at + 1,
            (Some(at), false) => at + count - 1,
        };
        panes
            .get(next.checked_rem(count).unwrap_or(0))
            .copied()
            .unwrap_or(self.focus)
    }

    /// Keeps the focus on a pane that this layout has, whatever changed.
    pub(in crate::state) fn settle_focus(&mut self) {
        let panes = self.form().panes();
        if !panes.contains(&self.focus)
            && let Some(first) = panes.first()
        {
            self.focus_on(*first);
        }
    }
}
