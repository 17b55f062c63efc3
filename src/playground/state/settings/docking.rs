//! Where a lesson stands in a layout: beside what it is about, which stays in sight.

use super::layout::{Beside, Form, PaneOptions, Place, Row, Size, Slot};
use crate::state::action::Pane;

/// Rows of a lesson that gets a row of its own, with the frame.
const HEIGHT: u16 = 10;

/// The same in a small window, and where panes take turns in a row of few lines.
const HEIGHT_NARROW: u16 = 8;

/// Rows in place of the caption of a stage, in a large and in a small window.
const STAGE_HEIGHT: u16 = 8;
const STAGE_HEIGHT_NARROW: u16 = 7;

/// The form with a lesson in it: half of the lowest row, or the first of those that take turns there. What stands above
/// does not move, but Replicas may give way to what the lesson is about.
pub(super) fn with_lesson(form: &Form, narrow: bool, beside: Beside) -> Form {
    let mut rows = form.rows.clone();
    let panes = form.panes();
    if !panes.contains(&Pane::Lesson) {
        if panes.contains(&Pane::Replicas) {
            change_places(&mut rows, beside.pane());
        }
        dock(&mut rows, narrow);
    }
    Form { rows }
}

/// Puts a pane where Replicas is, and Replicas where that one was, if it was anywhere.
fn change_places(rows: &mut [Row], beside: Pane) {
    let change = |pane: &mut Pane| match *pane {
        Pane::Replicas => *pane = beside,
        other if other == beside => *pane = Pane::Replicas,
        _ => {}
    };
    for place in rows.iter_mut().flat_map(|row| &mut row.places) {
        match &mut place.slot {
            Slot::Pane(pane, _) => change(pane),
            Slot::Tabs(tabs) => tabs.iter_mut().for_each(change),
            Slot::Rows(rows) => change_places(rows, beside),
        }
    }
}

fn dock(rows: &mut Vec<Row>, narrow: bool) {
    let is_whole = rows.len() == 1;
    let Some(last) = rows.last_mut() else { return };
    let panes = panes_of(last);
    if panes == [Pane::Caption] {
        let height = if narrow {
            STAGE_HEIGHT_NARROW
        } else {
            STAGE_HEIGHT
        };
        last.places = vec![lesson()];
        last.height = at_least(last.height, height);
        return;
    }
    let columns = last.places.iter_mut().rev();
    let mut columns = columns.filter_map(|place| match &mut place.slot {
        Slot::Rows(rows) => rows.last_mut(),
        Slot::Pane(..) | Slot::Tabs(_) => None,
    });
    if let Some(lowest) = columns.next() {
        take_turns(lowest);
        return;
    }
    let tells = panes.contains(&Pane::Story) || panes.len() > 1;
    if is_whole || (narrow && !tells) {
        let height = if narrow { HEIGHT_NARROW } else { HEIGHT };
        rows.push(Row {
            height: Size::Exactly(height),
            places: vec![lesson()],
        });
    } else if narrow
        || last
            .places
            .iter()
            .all(|place| matches!(place.slot, Slot::Tabs(_)))
    {
        last.height = at_least(last.height, HEIGHT_NARROW);
        take_turns(last);
    } else {
        let beside = match last.places.pop() {
            Some(alone) if last.places.is_empty() => alone.slot,
            _ => Slot::Tabs(told_first(panes)),
        };
        last.places = vec![
            lesson(),
            Place {
                width: Size::Share(1),
                slot: beside,
            },
        ];
    }
}

/// The lesson comes first, then those that stood there.
fn take_turns(row: &mut Row) {
    let mut tabs = vec![Pane::Lesson];
    tabs.extend(told_first(panes_of(row)));
    row.places = vec![Place {
        width: Size::Share(1),
        slot: Slot::Tabs(tabs),
    }];
}

/// What happened comes first: the rest is looked up.
fn told_first(mut panes: Vec<Pane>) -> Vec<Pane> {
    panes.sort_by_key(|pane| *pane != Pane::Story);
    panes
}

fn panes_of(row: &Row) -> Vec<Pane> {
    Form {
        rows: vec![row.clone()],
    }
    .panes()
}

fn lesson() -> Place {
    Place {
        width: Size::Share(1),
        slot: Slot::Pane(Pane::Lesson, PaneOptions::default()),
    }
}

fn at_least(height: Size, least: u16) -> Size {
    match height {
        Size::Exactly(cells) => Size::Exactly(cells.max(least)),
        share @ Size::Share(_) => share,
    }
}

#[cfg(test)]
mod tests {
    use crate::state::{
        Pane,
        settings::{Beside, Layout, Layouts, Setting},
    };

    #[test]
    fn every_layout_has_room_for_a_lesson_and_keeps_its_other_panes() {
        for (name, text) in Layout::BUILT_IN {
            let layout = Layout::parse(name, text).expect("valid");
            for narrow in [false, true] {
                let without = layout.form(narrow, None).panes();
                for (_, beside) in Beside::NAMED {
                    let mut with = layout.form(narrow, Some(beside)).panes();
                    assert!(with.contains(&Pane::Lesson), "{name}");
                    with.retain(|pane| *pane != Pane::Lesson);
                    let mut kept: Vec<Pane> = without.clone();
                    kept.retain(|pane| *pane != Pane::Caption);
                    // What the lesson is about comes for Replicas, which is only a tab where it was there before.
                    if kept.contains(&Pane::Replicas) && !kept.contains(&beside.pane()) {
                        kept.retain(|pane| *pane != Pane::Replicas);
                        kept.push(beside.pane());
                    }
                    kept.sort_by_key(|pane| pane.name());
                    with.sort_by_key(|pane| pane.name());
                    assert_eq!(with, kept, "{name}");
                }
            }
        }
    }

    #[test]
    fn a_lesson_about_a_group_has_it_in_the_place_of_replicas() {
        let (_, text) = Layout::BUILT_IN[0];
        let overview = Layout::parse("overview", text).expect("valid");
        let panes = |beside| overview.form(false, Some(beside)).panes();
        let at = |panes: &[Pane], wanted| panes.iter().position(|pane| *pane == wanted);
        let usual = panes(Beside::Replicas);
        let of_group = panes(Beside::Group);
        assert_eq!(
            at(&usual, Pane::Replicas),
            at(&of_group, Pane::Group),
            "{of_group:?}"
        );
        assert!(at(&of_group, Pane::Replicas) > at(&of_group, Pane::Lesson));
    }

    #[test]
    fn an_own_layout_that_has_a_lesson_stays_as_it_is() {
        let mut layouts = Layouts::default();
        let own = "[[wide]]\npanes = [{ pane = \"lesson\" }, { pane = \"log\" }]";
        layouts.put("mine", own).expect("valid");
        layouts.show("mine");
        let mine = layouts.current();
        assert_eq!(
            mine.form(false, Some(Beside::default())),
            mine.form(false, None)
        );
    }
}
