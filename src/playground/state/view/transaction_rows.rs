//! The rows of the pane of transactions, the cursor in it, and when transactions are asked for.

use std::collections::BTreeSet;

use super::{Thing, navigate_znodes::open_znode, rows::moved};
use crate::state::{
    State,
    action::{Motion, Pane, Request},
    cluster::{Process, ProcessName, Producing, Stage, Transaction},
};

/// A row: a transactional id, and a producer of ours that has it or had it.
#[derive(Debug, Clone, Copy)]
pub struct TransactionRow<'a> {
    /// What it is called: our producer's name, else the id.
    pub name: &'a str,
    /// The transactional id.
    pub id: &'a str,
    /// How its coordinator says that it stands; `None` where no broker knows it yet, and for a producer of ours that
    /// lost the id to another one.
    pub transaction: Option<&'a Transaction>,
    /// Our producer.
    pub ours: Option<(&'a Process, &'a Producing)>,
    /// Whether another producer of ours took the id since.
    pub taken_over: bool,
}

impl State {
    /// The rows of the pane: our producers and all other ids, by name.
    #[must_use]
    pub fn transaction_rows(&self) -> Vec<TransactionRow<'_>> {
        let cluster = &self.cluster;
        let mut rows = Vec::new();
        let mut ours = BTreeSet::new();
        for (process, producing) in cluster.producers() {
            let ProcessName::Producer(name) = &process.name else {
                continue;
            };
            let id = producing.transactional_id.as_str();
            ours.insert(id);
            let later = |other: &Producing| {
                other.transactional_id == id
                    && other.began > producing.began
                    && other.stage != Stage::Beginning
            };
            let taken_over = cluster.producers().any(|(_, other)| later(other));
            rows.push(TransactionRow {
                name,
                id,
                transaction: cluster.transactions.get(id).filter(|_| !taken_over),
                ours: Some((process, producing)),
                taken_over,
            });
        }
        let others = cluster.transactions.iter();
        let others = others.filter(|(id, _)| !ours.contains(id.as_str()));
        rows.extend(others.map(|(id, transaction)| TransactionRow {
            name: id,
            id,
            transaction: Some(transaction),
            ours: None,
            taken_over: false,
        }));
        let filter = self.view.filter(Pane::Transactions);
        rows.retain(|row| filter.is_none_or(|filter| row.name.contains(filter)));
        rows.sort_by_key(|row| (row.name.len(), row.name));
        rows
    }

    /// Which of them the cursor is on.
    #[must_use]
    pub fn transaction_cursor(&self, rows: &[TransactionRow<'_>]) -> usize {
        let picked = match &self.view.picked {
            ProcessName::Producer(name) => Some(name.as_str()),
            _ => None,
        };
        let wanted = self.view.transaction.as_deref().or(picked);
        let at = rows.iter().position(|row| Some(row.name) == wanted);
        at.unwrap_or(0)
    }
}

/// Moves among the rows; one of ours is picked with it.
pub(super) fn move_among(state: &mut State, motion: Motion, page: usize) {
    let rows = state.transaction_rows();
    let names: Vec<&str> = rows.iter().map(|row| row.name).collect();
    let Some(cursor) = names.get(state.transaction_cursor(&rows)) else {
        return;
    };
    let Some(next) = moved(&names, cursor, motion, page).map(str::to_owned) else {
        return;
    };
    let row = rows.iter().find(|row| row.name == next);
    let ours = row.and_then(|row| Some(row.ours?.0.name.clone()));
    if let Some(ours) = ours {
        state.view.picked = ours;
    }
    state.view.transaction = Some(next);
}

/// What stands in the row that the cursor is on, in the pane of transactions or in that of znodes.
pub(super) fn open_row(state: &mut State) -> Option<Thing> {
    if state.view.focus == Pane::Znodes {
        return open_znode(state);
    }
    let rows = state.transaction_rows();
    let row = rows.get(state.transaction_cursor(&rows))?;
    let (process, _) = row.ours?;
    Some(Thing::Process(process.name.clone()))
}

/// Asks for transactions while somebody looks at them, and while one of ours is open: else the cluster is left alone.
pub(in crate::state) fn watch_transactions(state: &mut State) -> Option<Request> {
    let ours = state.cluster.producers();
    let open = ours
        .filter(|(_, producing)| producing.stage.is_under_way() || producing.stage == Stage::Left)
        .any(|(_, producing)| {
            let known = state.cluster.transactions.get(&producing.transactional_id);
            producing.stage != Stage::Left || known.is_some_and(|it| it.state.is_under_way())
        });
    let shown = state.view.is_on_screen(Pane::Transactions) && !state.view.too_small();
    let wanted = open || shown;
    if wanted == state.transactions_watched {
        return None;
    }
    state.transactions_watched = wanted;
    Some(Request::WatchTransactions(wanted))
}
