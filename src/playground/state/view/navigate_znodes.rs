//! Moves about in `ZooKeeper`'s tree, and says when it is to be read.

use super::{Thing, ZnodeItem, ZnodeRow};
use crate::state::{
    State,
    action::{Motion, Pane, Request, command},
    cluster::ProcessName,
};

/// Panes that say nothing unless the tree is read.
const PANES: [Pane; 3] = [Pane::Znodes, Pane::Sessions, Pane::Watches];

impl State {
    /// The rows of the tree as they are drawn.
    #[must_use]
    pub fn znode_rows(&self) -> Vec<ZnodeRow> {
        let filter = self.view.filter(Pane::Znodes);
        let view = &self.view;
        self.cluster.znodes.rows(&view.znodes, &view.topic, filter)
    }

    /// Where `ZooKeeper` listens.
    #[must_use]
    pub fn zookeeper_address(&self) -> &str {
        let process = self.cluster.processes.get(&ProcessName::ZooKeeper);
        process
            .and_then(|process| process.address.as_deref())
            .unwrap_or("127.0.0.1:2181")
    }
}

/// Asks for the tree while a pane shows it, and no longer.
pub(in crate::state) fn watch_znodes(state: &mut State) -> Option<Request> {
    let form = state.view.form().panes();
    let shown = state.is_ready() && PANES.iter().any(|pane| form.contains(pane));
    let wanted = shown.then(|| state.view.topic.clone());
    if wanted == state.znodes_watched {
        return None;
    }
    state.znodes_watched.clone_from(&wanted);
    Some(Request::WatchZnodes(wanted))
}

/// Moves the cursor; the last line shows how a shell reads the znode under it.
pub(super) fn move_in_znodes(state: &mut State, motion: Motion, page: usize) {
    let rows = state.znode_rows();
    state.view.znodes.step(&rows, motion, page);
    let rows = state.znode_rows();
    let path = rows
        .get(state.view.znodes.row(&rows))
        .and_then(ZnodeRow::path);
    if let Some(path) = path {
        let empty = state
            .cluster
            .znodes
            .get(path)
            .is_some_and(|znode| znode.content.data.is_empty());
        let verb = if empty { "ls" } else { "get" };
        state.view.command = Some(command::line(&[
            "zookeeper-shell.sh",
            state.zookeeper_address(),
            verb,
            path,
        ]));
    }
}

/// Opens the row under the cursor: what is folded unfolds, a leaf is shown whole.
pub(super) fn open_znode(state: &mut State) -> Option<Thing> {
    let rows = state.znode_rows();
    let at = state.view.znodes.row(&rows);
    let row = rows.get(at)?;
    let leads_on = rows
        .get(at + 1)
        .is_some_and(|next| next.branches.chars().count() > row.branches.chars().count());
    match &row.item {
        ZnodeItem::Znode(path) if !leads_on => return Some(Thing::Znode(path.clone())),
        ZnodeItem::Unread { .. } => {}
        _ => state.view.znodes.toggle(&row.key()),
    }
    None
}
