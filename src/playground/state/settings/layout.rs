//! Layouts: which panes there are, in which rows and columns, in a large window and in a small one.
//!
//! The format is told in `layouts/overview.toml`.

use ratatui::layout::Rect;
use serde::{Deserialize, Serialize};

use super::choice::Setting;
use super::docking::with_lesson;
use super::toml_file::{Mistake, Table, Value, parse};
use crate::state::action::{Pane, RecordFace};

/// Rows in rows: deeper than any window needs, and a bound for what a file may ask for.
const DEPTH_MAX: usize = 4;

/// A layout file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The file's name without its ending.
    pub name: String,
    /// Rows where there is room; the same with a lesson, as each of them may have it.
    wide: Forms,
    /// Rows where there is not.
    narrow: Forms,
    /// Whether the background is painted, for those who share their screen.
    pub paint_background: bool,
}

impl Setting for Layout {
    const BUILT_IN: &'static [(&'static str, &'static str)] = &[
        (
            "overview",
            include_str!("../../../../layouts/overview.toml"),
        ),
        (
            "replication",
            include_str!("../../../../layouts/replication.toml"),
        ),
        ("flow", include_str!("../../../../layouts/flow.toml")),
        ("stage", include_str!("../../../../layouts/stage.toml")),
        (
            "zookeeper",
            include_str!("../../../../layouts/zookeeper.toml"),
        ),
        ("quorum", include_str!("../../../../layouts/quorum.toml")),
        ("groups", include_str!("../../../../layouts/groups.toml")),
        (
            "transactions",
            include_str!("../../../../layouts/transactions.toml"),
        ),
        ("fleet", include_str!("../../../../layouts/fleet.toml")),
        (
            "developer",
            include_str!("../../../../layouts/developer.toml"),
        ),
    ];

    fn parse(name: &str, text: &str) -> Result<Self, Mistake> {
        parse(text, |table| {
            table.only(&["wide", "narrow", "paint_background"])?;
            let wide = Form::read(table.need("wide")?)?;
            let narrow = table.get("narrow").map(Form::read).transpose()?;
            let paint = table.get("paint_background");
            Ok(Self {
                name: name.to_owned(),
                narrow: Forms::of(narrow.unwrap_or_else(|| wide.clone()), true),
                wide: Forms::of(wide, false),
                paint_background: paint.map_or(Ok(false), |paint| paint.truth())?,
            })
        })
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Layout {
    /// The rows for a window that is narrow or not, with a lesson or without.
    #[must_use]
    pub fn form(&self, narrow: bool, lesson: Option<Beside>) -> &Form {
        let forms = if narrow { &self.narrow } else { &self.wide };
        match lesson {
            None => &forms.without,
            Some(Beside::Replicas) => &forms.with_replicas,
            Some(Beside::Group) => &forms.with_group,
            Some(Beside::Order) => &forms.with_order,
        }
    }
}

/// What stands beside a lesson, in the place of Replicas.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Beside {
    /// Replicas as ever.
    #[default]
    Replicas,
    /// The group.
    Group,
    /// Who was read when.
    Order,
}

impl Beside {
    /// As lessons call them.
    pub const NAMED: [(&str, Self); 3] = [
        ("replicas", Self::Replicas),
        ("group", Self::Group),
        ("order", Self::Order),
    ];

    /// The pane.
    #[must_use]
    pub fn pane(self) -> Pane {
        match self {
            Self::Replicas => Pane::Replicas,
            Self::Group => Pane::Group,
            Self::Order => Pane::Order,
        }
    }
}

/// The rows of a layout, made once: they are asked for with every frame.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Forms {
    without: Form,
    with_replicas: Form,
    with_group: Form,
    with_order: Form,
}

impl Forms {
    fn of(without: Form, narrow: bool) -> Self {
        let with = |beside| with_lesson(&without, narrow, beside);
        Self {
            with_replicas: with(Beside::Replicas),
            with_group: with(Beside::Group),
            with_order: with(Beside::Order),
            without,
        }
    }
}

/// Rows of panes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// From the top down.
    pub rows: Vec<Row>,
}

impl Form {
    fn read(value: Value<'_>) -> Result<Self, Mistake> {
        let form = Self {
            rows: rows(value, DEPTH_MAX)?,
        };
        let mut seen = Vec::new();
        for pane in form.panes() {
            if seen.contains(&pane) {
                return Err(value.wrong(format!("the pane \"{}\" stands here twice", pane.name())));
            }
            seen.push(pane);
        }
        Ok(form)
    }

    /// Every pane in reading order, those that take turns included: the order of the tabulator.
    #[must_use]
    pub fn panes(&self) -> Vec<Pane> {
        fn collect(rows: &[Row], panes: &mut Vec<Pane>) {
            for place in rows.iter().flat_map(|row| &row.places) {
                match &place.slot {
                    Slot::Pane(pane, _) => panes.push(*pane),
                    Slot::Tabs(tabs) => panes.extend(tabs),
                    Slot::Rows(rows) => collect(rows, panes),
                }
            }
        }
        let mut panes = Vec::new();
        collect(&self.rows, &mut panes);
        panes
    }

    /// What a pane was told by the layout.
    #[must_use]
    pub fn options(&self, pane: Pane) -> Option<&PaneOptions> {
        fn find(rows: &[Row], wanted: Pane) -> Option<&PaneOptions> {
            let mut places = rows.iter().flat_map(|row| &row.places);
            places.find_map(|place| match &place.slot {
                Slot::Pane(pane, options) => (*pane == wanted).then_some(options),
                Slot::Rows(rows) => find(rows, wanted),
                Slot::Tabs(_) => None,
            })
        }
        find(&self.rows, pane)
    }

    /// The places of an area, divided among what stands in them.
    #[must_use]
    pub fn places(&self, area: Rect) -> Vec<(&Slot, Rect)> {
        let mut places = Vec::new();
        divide_rows(&self.rows, area, &mut places);
        places
    }
}

/// A row of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its height.
    pub height: Size,
    /// From left to right.
    pub places: Vec<Place>,
}

/// A place in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its width.
    pub width: Size,
    /// What stands there.
    pub slot: Slot,
}

/// How much of a window something takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// So many cells.
    Exactly(u16),
    /// So many parts of what is left.
    Share(u16),
}

/// What stands in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// One pane.
    Pane(Pane, PaneOptions),
    /// Panes that take turns.
    Tabs(Vec<Pane>),
    /// Rows again.
    Rows(Vec<Row>),
}

/// What a layout tells a pane. Each option says which panes know it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaneOptions {
    /// Panes with `/`: what is shown until somebody filters by hand.
    pub filter: Option<String>,
    /// Log: what a cell says under its offset.
    pub face: Option<RecordFace>,
}

impl PaneOptions {
    /// The names of all options.
    const NAMES: [&str; 2] = ["filter", "face"];

    fn read(pane: Pane, place: Table<'_>) -> Result<Self, Mistake> {
        let mut known = vec!["pane", "share", "width"];
        known.extend(Self::NAMES.iter().filter(|name| match **name {
            "face" => pane == Pane::Log,
            _ => pane != Pane::Processes,
        }));
        place.only(&known)?;
        let filter = place.get("filter").map(|value| value.string());
        let face = place
            .get("face")
            .map(|value| value.word("face", &RecordFace::NAMES));
        Ok(Self {
            filter: filter.transpose()?.map(str::to_owned),
            face: face.transpose()?,
        })
    }
}

fn rows(value: Value<'_>, depth: usize) -> Result<Vec<Row>, Mistake> {
    let list = value.list()?;
    if list.is_empty() || depth == 0 {
        return Err(value.wrong(format!("1 row at least, nested {DEPTH_MAX} deep at most")));
    }
    list.into_iter().map(|row| read_row(row, depth)).collect()
}

fn read_row(value: Value<'_>, depth: usize) -> Result<Row, Mistake> {
    let row = value.table()?;
    row.only(&["height", "share", "panes"])?;
    let panes = row.need("panes")?;
    let places = panes.list()?;
    if places.is_empty() {
        return Err(panes.wrong("a row has 1 pane at least"));
    }
    Ok(Row {
        height: size(row, "height")?,
        places: places
            .into_iter()
            .map(|place| read_place(place, depth))
            .collect::<Result<_, _>>()?,
    })
}

fn read_place(value: Value<'_>, depth: usize) -> Result<Place, Mistake> {
    let place = value.table()?;
    let width = size(place, "width")?;
    let slot = match (place.get("pane"), place.get("tabs"), place.get("rows")) {
        (Some(pane), None, None) => {
            let pane = read_pane(pane)?;
            Slot::Pane(pane, PaneOptions::read(pane, place)?)
        }
        (None, Some(tabs), None) => {
            place.only(&["tabs", "share", "width"])?;
            let tabs = tabs.list()?.into_iter().map(read_pane);
            Slot::Tabs(tabs.collect::<Result<_, _>>()?)
        }
        (None, None, Some(inner)) => {
            place.only(&["rows", "share", "width"])?;
            Slot::Rows(rows(inner, depth - 1)?)
        }
        _ => return Err(place.wrong("one of \"pane\", \"tabs\" and \"rows\" is expected here")),
    };
    Ok(Place { width, slot })
}

fn read_pane(value: Value<'_>) -> Result<Pane, Mistake> {
    let known = Pane::ALL.map(|pane| (pane.name(), pane));
    value.word("pane", &known)
}

/// `height = 5` or `share = 3`; without both one share.
fn size(table: Table<'_>, exact: &str) -> Result<Size, Mistake> {
    match (table.get(exact), table.get("share")) {
        (Some(_), Some(share)) => Err(share.wrong(format!("either \"{exact}\" or \"share\""))),
        (Some(exact), None) => exact.number(1).map(Size::Exactly),
        (None, Some(share)) => share.number(1).map(Size::Share),
        (None, None) => Ok(Size::Share(1)),
    }
}

fn divide_rows<'a>(rows: &'a [Row], area: Rect, places: &mut Vec<(&'a Slot, Rect)>) {
    let heights = divide(area.height, rows.iter().map(|row| row.height));
    let mut top = area.top();
    for (row, height) in rows.iter().zip(heights) {
        let mut left = area.left();
        let widths = divide(area.width, row.places.iter().map(|place| place.width));
        for (place, width) in row.places.iter().zip(widths) {
            let area = Rect::new(left, top, width, height);
            match &place.slot {
                Slot::Rows(rows) => divide_rows(rows, area, places),
                slot => places.push((slot, area)),
            }
            left += width;
        }
        top += height;
    }
}

/// Divides a length: exact parts first, shares of the rest without a remainder.
fn divide(length: u16, sizes: impl Iterator<Item = Size> + Clone) -> Vec<u16> {
    let mut exact = 0_u16;
    let mut shares = 0_u32;
    for size in sizes.clone() {
        match size {
            Size::Exactly(cells) => exact = exact.saturating_add(cells),
            Size::Share(share) => shares += u32::from(share),
        }
    }
    let rest = u32::from(length.saturating_sub(exact));
    let mut left = length;
    let (mut upto, mut before) = (0_u32, 0_u32);
    sizes
        .map(|size| {
            let part = match size {
                Size::Exactly(cells) => cells,
                Size::Share(share) => {
                    upto += u32::from(share);
                    let end = (rest * upto).checked_div(shares).unwrap_or(0);
                    let part = end - before;
                    before = end;
                    u16::try_from(part).unwrap_or(u16::MAX)
                }
            }
            .min(left);
            left -= part;
            part
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::{Layout, Setting, Size, Slot, divide};
    use crate::state::Pane;

    #[test]
    fn shares_leave_no_rest_and_exact_parts_come_first() {
        let shares =
            |length, shares: &[u16]| divide(length, shares.iter().map(|share| Size::Share(*share)));
        assert_eq!(shares(120, &[19, 41]), [38, 82]);
        assert_eq!(shares(28, &[4, 3]), [16, 12]);
        assert_eq!(shares(10, &[1, 1, 1]).iter().sum::<u16>(), 10);
        let mixed = [Size::Exactly(5), Size::Share(4), Size::Share(3)];
        assert_eq!(divide(33, mixed.into_iter()), [5, 16, 12]);
        assert_eq!(divide(4, mixed.into_iter()), [4, 0, 0]);
    }

    #[test]
    fn rows_stand_in_rows() {
        let layout = Layout::parse(
            "mine",
            r#"
                [[wide]]
                panes = [
                  { pane = "log", face = "value" },
                  { width = 20, rows = [
                    { height = 4, panes = [{ tabs = ["group", "replicas"] }] },
                    { panes = [{ pane = "story", filter = "zookeeper" }] },
                  ] },
                ]
            "#,
        )
        .expect("valid");
        let form = layout.form(true, None);
        assert_eq!(
            form.panes(),
            [Pane::Log, Pane::Group, Pane::Replicas, Pane::Story]
        );
        let places = form.places(Rect::new(0, 1, 100, 30));
        let areas: Vec<Rect> = places.iter().map(|(_, area)| *area).collect();
        assert_eq!(
            areas,
            [
                Rect::new(0, 1, 80, 30),
                Rect::new(80, 1, 20, 4),
                Rect::new(80, 5, 20, 26)
            ]
        );
        assert!(matches!(places[1].0, Slot::Tabs(tabs) if tabs.len() == 2));
        let filter = form.options(Pane::Story).and_then(|o| o.filter.as_deref());
        assert_eq!(filter, Some("zookeeper"));
    }

    #[test]
    fn mistakes_are_named_where_they_are() {
        let wrong = |text: &str| Layout::parse("my", text).expect_err(text).to_string();
        for (text, mistake) in [
            (
                "[[wide]]\nheight = 5\npanes = [{ pane = \"log\" }]\n\n[[wide]]\npanes = [\n  { pane = \"repicas\" },\n]",
                "7:12 unknown pane \"repicas\", did you mean \"replicas\"?",
            ),
            (
                "wde = 1",
                "1:1 unknown setting \"wde\", did you mean \"wide\"?",
            ),
            ("", "1:1 \"wide\" is missing here"),
            (
                "[[wide]]\nheight = 0\npanes = [{ pane = \"log\" }]",
                "2:10 a number from 1 to 65535 is expected here",
            ),
            (
                "wide = [{ height = 3, share = 2, panes = [{ pane = \"log\" }] }]",
                "1:31 either \"height\" or \"share\"",
            ),
            (
                "wide = [{ panes = [{ pane = \"story\", face = \"key\" }] }]",
                "1:38 unknown setting \"face\", there are pane, share, width, filter",
            ),
            (
                "wide = [{ panes = [{ pane = \"log\" }, { pane = \"log\" }] }]",
                "1:8 the pane \"log\" stands here twice",
            ),
            (
                "wide = [{ panes = [{ share = 2 }] }]",
                "1:20 one of \"pane\", \"tabs\" and \"rows\" is expected here",
            ),
        ] {
            assert_eq!(wrong(text), mistake, "{text}");
        }
    }
}
