//! The tree of znodes as rows: what is folded, what is summed up, where the cursor is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::state::{
    action::Motion,
    cluster::{Znode, Znodes, parent, znode_summary},
};

/// Where the person is in the tree.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ZnodeView {
    /// The row that the cursor is on, by its key; the first row without one.
    pub cursor: Option<String>,
    /// Rows that are not as open, or as closed, as they are by themselves.
    pub toggled: BTreeSet<String>,
    /// Whether data is shown as it is, not in words.
    pub raw: bool,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZnodeRow {
    /// `│ │ ├ `
    pub branches: String,
    /// `orders`, or `0/state` where a znode is only the way to another.
    pub name: String,
    /// What it stands for.
    pub item: ZnodeItem,
}

/// What a row stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ZnodeItem {
    /// A znode that is a leaf, or whose children are shown.
    Znode(String),
    /// One whose children are not shown.
    Folded(String),
    /// Siblings that say little, below this path; `enter` shows or hides them.
    Minor {
        /// The path above them.
        parent: String,
        /// How many.
        count: usize,
        /// Whether they are shown.
        shown: bool,
    },
    /// Children of this path that were not read: there are too many.
    Unread {
        /// The path above them.
        parent: String,
        /// How many.
        count: usize,
    },
}

impl ZnodeRow {
    /// What the cursor remembers of the row.
    #[must_use]
    pub fn key(&self) -> String {
        match &self.item {
            ZnodeItem::Znode(path) | ZnodeItem::Folded(path) => path.clone(),
            ZnodeItem::Minor { parent, .. } => minor_key(parent),
            ZnodeItem::Unread { parent, .. } => format!("{parent}?"),
        }
    }

    /// The znode, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match &self.item {
            ZnodeItem::Znode(path) | ZnodeItem::Folded(path) => Some(path),
            ZnodeItem::Minor { .. } | ZnodeItem::Unread { .. } => None,
        }
    }
}

impl ZnodeView {
    /// The index of the cursor's row.
    #[must_use]
    pub fn row(&self, rows: &[ZnodeRow]) -> usize {
        let cursor = self.cursor.as_ref();
        cursor
            .and_then(|cursor| rows.iter().position(|row| row.key() == *cursor))
            .unwrap_or(0)
    }

    /// Moves the cursor.
    pub(in crate::state) fn step(&mut self, rows: &[ZnodeRow], motion: Motion, page: usize) {
        let at = self.row(rows);
        let last = rows.len().saturating_sub(1);
        let next = match motion {
            Motion::Up => at.saturating_sub(1),
            Motion::Down => at + 1,
            Motion::PageUp => at.saturating_sub(page),
            Motion::PageDown => at + page,
            Motion::First => 0,
            Motion::Last => last,
            Motion::Left | Motion::Right => {
                self.fold(rows, at, motion);
                return;
            }
        };
        self.cursor = rows.get(next.min(last)).map(ZnodeRow::key);
    }

    /// Left folds the row, or goes to the one above it in the tree; right unfolds it.
    fn fold(&mut self, rows: &[ZnodeRow], at: usize, motion: Motion) {
        let Some(row) = rows.get(at) else { return };
        match (&row.item, motion) {
            (ZnodeItem::Folded(_) | ZnodeItem::Minor { shown: false, .. }, Motion::Right)
            | (ZnodeItem::Minor { shown: true, .. }, Motion::Left) => self.toggle(&row.key()),
            (_, Motion::Left) => {
                let indent = row.branches.chars().count();
                let above = rows.iter().take(at).rev();
                let mut above = above.filter(|row| row.branches.chars().count() < indent);
                self.cursor = above.next().map(ZnodeRow::key).or(self.cursor.take());
            }
            _ => {}
        }
    }

    /// Opens what is closed and closes what is open.
    pub(super) fn toggle(&mut self, key: &str) {
        if !self.toggled.remove(key) {
            self.toggled.insert(key.to_owned());
        }
    }
}

impl Znodes {
    /// The rows of the tree, `topic` open among the topics. With a filter, only the znodes whose path or
    /// data contains it, each with its whole path.
    #[must_use]
    pub fn rows(&self, view: &ZnodeView, topic: &str, filter: Option<&str>) -> Vec<ZnodeRow> {
        if let Some(filter) = filter {
            let matches = self.iter().filter(|(path, znode)| {
                path.contains(filter) || znode.content.data.contains(filter)
            });
            return matches
                .map(|(path, _)| {
                    row(
                        String::new(),
                        path.to_owned(),
                        ZnodeItem::Znode(path.into()),
                    )
                })
                .collect();
        }
        let mut growing = Growing {
            znodes: self,
            view,
            topic,
            children: BTreeMap::new(),
            rows: Vec::new(),
        };
        for (path, _) in self.iter().filter(|(path, _)| *path != "/") {
            growing.children.entry(parent(path)).or_default().push(path);
        }
        if self.get("/").is_some() {
            let root = ZnodeItem::Znode("/".into());
            growing.rows.push(row(String::new(), "/".into(), root));
            growing.grow("/", "");
        }
        growing.rows
    }
}

/// The rows while they are collected.
struct Growing<'a> {
    znodes: &'a Znodes,
    view: &'a ZnodeView,
    topic: &'a str,
    children: BTreeMap<&'a str, Vec<&'a str>>,
    rows: Vec<ZnodeRow>,
}

impl<'a> Growing<'a> {
    /// Adds the rows below a znode.
    fn grow(&mut self, path: &'a str, indent: &str) {
        let children = self.children.get(path).cloned().unwrap_or_default();
        let (minor, major): (Vec<&str>, Vec<&str>) =
            children.iter().partition(|child| self.is_minor(child));
        let group = minor_key(path);
        let shown = self.view.toggled.contains(&group);
        let mut listed = major;
        if shown {
            listed.extend(&minor);
        }
        let unread = self.unread(path, &children);
        let mut left = listed.len() + usize::from(!minor.is_empty()) + usize::from(unread > 0);
        let mut branch = || {
            left -= 1;
            if left == 0 {
                ("└ ", "  ")
            } else {
                ("├ ", "│ ")
            }
        };
        for child in listed {
            let (here, below) = branch();
            self.add(
                child,
                &format!("{indent}{here}"),
                &format!("{indent}{below}"),
            );
        }
        if !minor.is_empty() {
            let count = minor.len();
            let name = if shown {
                format!("hide {count}")
            } else {
                format!("{count} more")
            };
            let item = ZnodeItem::Minor {
                parent: path.to_owned(),
                count,
                shown,
            };
            self.rows
                .push(row(format!("{indent}{}", branch().0), name, item));
        }
        if unread > 0 {
            let item = ZnodeItem::Unread {
                parent: path.to_owned(),
                count: unread,
            };
            let name = format!("{unread} not read");
            self.rows
                .push(row(format!("{indent}{}", branch().0), name, item));
        }
    }

    /// Adds a znode, together with those that it is only the way to.
    fn add(&mut self, first: &'a str, branches: &str, indent: &str) {
        let mut path = first;
        let mut name = last_name(path).to_owned();
        while let Some(only) = self.only_child(path) {
            path = only;
            name = format!("{name}/{}", last_name(path));
        }
        let has_children = self
            .children
            .get(path)
            .is_some_and(|below| !below.is_empty());
        let open = self.opens(path) != self.view.toggled.contains(path);
        let item = if has_children && !open {
            name.push_str(" ▸");
            ZnodeItem::Folded(path.to_owned())
        } else {
            ZnodeItem::Znode(path.to_owned())
        };
        self.rows.push(row(branches.to_owned(), name, item));
        if has_children && open {
            self.grow(path, indent);
        }
    }

    /// The one znode below an empty one.
    fn only_child(&self, path: &str) -> Option<&'a str> {
        let znode = self.znodes.get(path)?;
        let children = self.children.get(path)?;
        match children.as_slice() {
            [only] if znode.content.data.is_empty() && znode.content.children <= 1 => Some(only),
            _ => None,
        }
    }

    /// Whether its children are shown without being asked for.
    fn opens(&self, path: &str) -> bool {
        path != "/zookeeper"
            && match path.strip_prefix("/brokers/topics/") {
                Some(topic) => topic == self.topic || topic.contains('/'),
                None => true,
            }
    }

    /// Whether it says little: empty without having been used, or kept for Kafka's own purposes.
    fn is_minor(&self, path: &str) -> bool {
        let name = last_name(path);
        if path == "/zookeeper" || name.starts_with("__") && name != self.topic {
            return true;
        }
        self.znodes.get(path).is_some_and(|znode: &Znode| {
            znode.removed_at.is_none()
                && znode.content.children == 0
                && znode.content.data.is_empty()
                && znode.content.version == 0
                && !self.children.contains_key(path)
        })
    }

    fn unread(&self, path: &str, children: &[&str]) -> usize {
        let there = |child: &&&str| {
            let znode = self.znodes.get(child);
            znode.is_some_and(|znode| znode.removed_at.is_none())
        };
        let read = children.iter().filter(there).count();
        let told = self
            .znodes
            .get(path)
            .map_or(0, |znode| znode.content.children);
        usize::try_from(told).unwrap_or(0).saturating_sub(read)
    }
}

fn row(branches: String, name: String, item: ZnodeItem) -> ZnodeRow {
    ZnodeRow {
        branches,
        name,
        item,
    }
}

fn minor_key(parent: &str) -> String {
    format!("{parent}*")
}

fn last_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What a znode's row says of its data.
#[must_use]
pub fn row_words(view: &ZnodeView, path: &str, znode: &Znode) -> String {
    if view.raw && !znode.content.data.is_empty() {
        znode.content.data.clone()
    } else {
        znode_summary(path, &znode.content)
    }
}

#[cfg(test)]
mod tests {
    use super::{ZnodeRow, ZnodeView};
    use crate::state::{Motion, Timestamp, ZnodeContent, ZnodeSeen, Znodes, ZnodesSeen};

    fn tree(paths: &[(&str, &str, i32)]) -> Znodes {
        let znodes = paths.iter().map(|(path, data, children)| ZnodeSeen {
            path: (*path).into(),
            content: Some(ZnodeContent {
                data: (*data).into(),
                children: *children,
                ..ZnodeContent::default()
            }),
        });
        let seen = ZnodesSeen {
            session: 4,
            whole: true,
            znodes: znodes.collect(),
        };
        let mut tree = Znodes::default();
        tree.see(&seen, Timestamp(0));
        tree
    }

    fn kafka() -> Znodes {
        tree(&[
            ("/", "", 4),
            ("/controller", "{}", 0),
            ("/brokers", "", 2),
            ("/brokers/seqid", "", 0),
            ("/brokers/topics", "", 903),
            ("/brokers/topics/orders", "{}", 1),
            ("/brokers/topics/orders/partitions", "", 2),
            ("/brokers/topics/orders/partitions/0", "", 1),
            ("/brokers/topics/orders/partitions/0/state", "{}", 0),
            ("/brokers/topics/orders/partitions/1", "", 1),
            ("/brokers/topics/orders/partitions/1/state", "{}", 0),
            ("/brokers/topics/chat", "{}", 1),
            ("/brokers/topics/chat/partitions", "", 0),
            ("/brokers/topics/__consumer_offsets", "{}", 0),
            ("/admin", "", 1),
            ("/admin/delete_topics", "", 0),
            ("/consumers", "", 0),
        ])
    }

    fn drawn(rows: &[ZnodeRow]) -> Vec<String> {
        rows.iter()
            .map(|row| format!("{}{}", row.branches, row.name))
            .collect()
    }

    #[test]
    fn the_tree_shows_what_matters_and_counts_the_rest() {
        let rows = kafka().rows(&ZnodeView::default(), "orders", None);
        assert_eq!(
            drawn(&rows),
            [
                "/",
                "├ controller",
                "├ brokers",
                "│ ├ topics",
                "│ │ ├ chat ▸",
                "│ │ ├ orders",
                "│ │ │ └ partitions",
                "│ │ │   ├ 0/state",
                "│ │ │   └ 1/state",
                "│ │ ├ 1 more",
                "│ │ └ 900 not read",
                "│ └ 1 more",
                "├ admin/delete_topics",
                "└ 1 more",
            ]
        );
    }

    #[test]
    fn rows_open_and_close_and_the_cursor_finds_its_way() {
        let znodes = kafka();
        let mut view = ZnodeView::default();
        let rows = |view: &ZnodeView| znodes.rows(view, "orders", None);
        for _ in 0..4 {
            view.step(&rows(&view), Motion::Down, 10);
        }
        assert_eq!(view.cursor.as_deref(), Some("/brokers/topics/chat"));
        view.step(&rows(&view), Motion::Right, 10);
        assert!(drawn(&rows(&view)).contains(&"│ │ ├ chat".to_owned()));
        view.step(&rows(&view), Motion::Left, 10);
        assert_eq!(view.cursor.as_deref(), Some("/brokers/topics"));
        view.step(&rows(&view), Motion::Last, 10);
        view.step(&rows(&view), Motion::Right, 10);
        let opened = drawn(&rows(&view));
        let last: Vec<&str> = opened.iter().rev().take(2).map(String::as_str).collect();
        assert_eq!(last, ["└ hide 1", "├ consumers"]);
        view.step(&rows(&view), Motion::Left, 10);
        assert_eq!(rows(&view).len(), opened.len() - 1);
    }

    #[test]
    fn a_filter_leaves_whole_paths() {
        let rows = kafka().rows(&ZnodeView::default(), "orders", Some("state"));
        assert_eq!(
            drawn(&rows),
            [
                "/brokers/topics/orders/partitions/0/state",
                "/brokers/topics/orders/partitions/1/state",
            ]
        );
    }
}
