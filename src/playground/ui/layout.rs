//! Where each pane stands: rows and shares from a layout file, laid over the window.

use std::sync::LazyLock;

use ratatui::layout::Rect;
use serde::Deserialize;

use crate::playground::state::{LAYOUTS, Pane, View};

/// A layout file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Layout {
    /// Rows where there is room.
    wide: Vec<Row>,
    /// Rows where there is not.
    narrow: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// Lines, exactly.
    height: Option<u16>,
    /// Of the lines that are left.
    share: Option<u16>,
    panes: Vec<Column>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    pane: Slot,
    share: u16,
}

/// What stands in a place of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// The boxes.
    Processes,
    /// Which broker keeps which partition.
    Replicas,
    /// The partitions' logs.
    Log,
    /// The group.
    Group,
    /// What happened.
    Story,
    /// The panes without a row of their own, one at a time.
    Tabs,
}

impl Slot {
    /// The pane that stands here; `None` where several take turns.
    #[must_use]
    pub fn pane(self) -> Option<Pane> {
        match self {
            Self::Processes => Some(Pane::Processes),
            Self::Replicas => Some(Pane::Replicas),
            Self::Log => Some(Pane::Log),
            Self::Group => Some(Pane::Group),
            Self::Story => Some(Pane::Story),
            Self::Tabs => None,
        }
    }
}

/// The layouts that come with the program, by name.
static LAYOUT_FILES: LazyLock<Vec<(&str, Layout)>> = LazyLock::new(|| {
    let files = [
        include_str!("../../../layouts/overview.toml"),
        include_str!("../../../layouts/replication.toml"),
        include_str!("../../../layouts/groups.toml"),
    ];
    LAYOUTS
        .into_iter()
        .zip(files)
        .map(|(name, file)| {
            let layout = toml::from_str(file).expect("a test reads every layout in the program");
            (name, layout)
        })
        .collect()
});

/// The middle of the window, between the header and the footer, divided among the panes.
#[must_use]
pub fn places(view: &View, area: Rect) -> Vec<(Slot, Rect)> {
    let Some((_, layout)) = LAYOUT_FILES
        .iter()
        .find(|(name, _)| *name == view.layout)
        .or_else(|| LAYOUT_FILES.first())
    else {
        return Vec::new();
    };
    let rows = if view.narrow() {
        &layout.narrow
    } else {
        &layout.wide
    };
    let fixed: u16 = rows.iter().filter_map(|row| row.height).sum();
    let shares: Vec<u16> = rows.iter().map(|row| row.share.unwrap_or(0)).collect();
    let heights = divide(area.height.saturating_sub(fixed), &shares);
    let mut places = Vec::new();
    let mut top = area.top();
    for (row, share) in rows.iter().zip(heights) {
        let height = row.height.unwrap_or(share).min(area.bottom() - top);
        let shares: Vec<u16> = row.panes.iter().map(|column| column.share).collect();
        let mut left = area.left();
        for (column, width) in row.panes.iter().zip(divide(area.width, &shares)) {
            places.push((column.pane, Rect::new(left, top, width, height)));
            left += width;
        }
        top += height;
    }
    if view.full {
        let focused = Slot::of(view.focus);
        let below: u16 = area.top()
            + places
                .iter()
                .find(|(slot, _)| *slot == Slot::Processes)
                .map_or(0, |(_, place)| place.height);
        places.retain(|(slot, _)| *slot == Slot::Processes);
        let rest = Rect::new(area.left(), below, area.width, area.bottom() - below);
        places.push((focused, rest));
    }
    places
}

impl Slot {
    fn of(pane: Pane) -> Self {
        match pane {
            Pane::Processes | Pane::Log => Self::Log,
            Pane::Replicas => Self::Replicas,
            Pane::Group => Self::Group,
            Pane::Story => Self::Story,
        }
    }
}

/// Divides a length by shares, without a rest.
fn divide(length: u16, shares: &[u16]) -> Vec<u16> {
    let total: u32 = shares.iter().map(|share| u32::from(*share)).sum();
    let mut upto = 0_u32;
    let mut before = 0_u32;
    shares
        .iter()
        .map(|share| {
            upto += u32::from(*share);
            let end = (u32::from(length) * upto).checked_div(total).unwrap_or(0);
            let part = end - before;
            before = end;
            u16::try_from(part).unwrap_or(0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{LAYOUT_FILES, divide};

    #[test]
    fn every_layout_in_the_program_can_be_read() {
        assert_eq!(LAYOUT_FILES.len(), 3);
    }

    #[test]
    fn shares_leave_no_rest() {
        assert_eq!(divide(120, &[19, 41]), [38, 82]);
        assert_eq!(divide(28, &[4, 3]), [16, 12]);
        assert_eq!(divide(10, &[1, 1, 1]).iter().sum::<u16>(), 10);
        assert_eq!(divide(10, &[0]), [0]);
    }
}
