//! Below the cells of a partition: the records of a transaction, from its first to its last.
//!
//! ```text
//! open       ╰──┴─────┴───────────┴──╯ t1 open 7.4 s of 60 s   id 7001 epoch 0
//! aborted    ╰┄┄┴┄┄┄┄┄┴┄┄╯ t2 aborted: its time was up   id 7002 epoch 3
//! ```

use std::time::Duration;

use super::{log_lane::Lane, log_window::CELL};
use crate::{
    state::{Bracket, Outcome, Transaction},
    ui::{
        canvas::{Canvas, fit, width},
        theme::Role,
    },
};

/// How long a committed transaction is still shown.
const COMMITTED_FOR: Duration = Duration::from_secs(10);

/// Columns of an id in a sentence.
const ID: u16 = 16;

impl Lane<'_> {
    /// The transaction to show: the one that holds readers back before others, then the newest that ended, unless it
    /// was committed a while ago.
    pub(super) fn bracket(&self) -> Option<Bracket> {
        if self.window.per_cell > 1 {
            return None;
        }
        let mut brackets = self.partition.brackets();
        brackets.retain(|it| it.last().0 >= self.window.start && it.first().0 < self.window.end);
        let open = brackets.iter().find(|it| it.end.is_none());
        let ended = brackets.iter().rev().find(|it| {
            let recent = |end: crate::state::BracketEnd| {
                !end.commit || self.now().since(end.at) < COMMITTED_FOR
            };
            it.end.is_some_and(recent)
        });
        open.or(ended).cloned()
    }

    /// Draws it.
    pub(super) fn draw_bracket(&self, canvas: &mut Canvas<'_>, y: u16, bracket: &Bracket) {
        let end = self.ruler.figures;
        let (label, role, line) = match bracket.end {
            None => ("open", Role::Warning, "─"),
            Some(end) if end.commit => ("commit", Role::Good, "─"),
            Some(_) => ("aborted", Role::Dim, "┄"),
        };
        canvas.text(self.ruler.labels, y, self.ruler.cells, label, Role::Dim);
        let first = bracket.first().0;
        let from_before = first < self.window.start;
        let start = self.window.column(first.max(self.window.start));
        let last = self.window.column(bracket.last().0);
        let (Some(start), Some(last)) = (start, last) else {
            return;
        };
        let stop = last + CELL;
        let corner = if from_before { "‹" } else { "╰" };
        canvas.text(start, y, end, corner, role);
        for x in start + 1..stop.min(end) {
            canvas.text(x, y, end, line, role);
        }
        for offset in &bracket.own {
            if let Some(column) = self.window.column(offset.0) {
                canvas.text(column + CELL / 2, y, end, "┴", role);
            }
        }
        canvas.text(stop, y, end, "╯", role);
        let x = stop + 2;
        let whole = self.ruler.end;
        let ways = self.bracket_words(bracket);
        let fits = |words: &&String| x + width(words) <= whole;
        if let Some(words) = ways.iter().find(fits) {
            canvas.text(x, y, whole, words, role);
        }
    }

    /// The longest words first.
    fn bracket_words(&self, bracket: &Bracket) -> Vec<String> {
        let id = self.cluster().transactional_id_of(bracket.producer_id);
        let known = id.and_then(|id| self.cluster().transactions.get(id));
        let name = fit(id.unwrap_or("transaction"), ID);
        let how = match bracket.end {
            None => open(self, known),
            Some(end) if end.commit => "committed".to_owned(),
            Some(_) => aborted(known, bracket).to_owned(),
        };
        let of = format!("id {} epoch {}", bracket.producer_id, bracket.epoch);
        let short = how.split([':', ' ']).next().unwrap_or_default();
        vec![
            format!("{name} {how}   {of}"),
            format!("{name} {how}"),
            format!("{name} {short}"),
            name,
        ]
    }

    /// `LSO 41 ╎`, above the mark of the last stable offset.
    pub(super) fn stable_mark(&self, canvas: &mut Canvas<'_>, y: u16) {
        let Some(stable) = self.partition.stable_end() else {
            return;
        };
        let column = self.window.column(stable.0);
        let Some(column) = column.filter(|column| *column < self.ruler.figures) else {
            return;
        };
        let words = format!("LSO {stable} ");
        let left = column.saturating_sub(width(&words));
        if left > self.ruler.cells && canvas.blank(left - 1, y, width(&words) + 2) {
            let x = canvas.text(left, y, self.ruler.figures, &words, Role::Warning);
            canvas.text(x, y, self.ruler.figures, "╎", Role::Warning);
        }
    }
}

/// `open 7.4 s of 60 s`
fn open(lane: &Lane<'_>, known: Option<&Transaction>) -> String {
    let since = known.and_then(|known| Some((known.started?, known.timeout)));
    match since.filter(|(_, timeout)| !timeout.is_zero()) {
        Some((started, timeout)) => format!(
            "open {:.1} s of {} s",
            lane.now().since(started).as_secs_f64(),
            timeout.as_secs_f64()
        ),
        None => "open".to_owned(),
    }
}

/// Why it was aborted, where that is the one that its coordinator told of last.
fn aborted(known: Option<&Transaction>, bracket: &Bracket) -> &'static str {
    let last = known.and_then(|known| known.last);
    let same = known.is_some_and(|known| known.epoch <= bracket.epoch.saturating_add(1));
    match last.filter(|_| same) {
        Some((Outcome::TimedOut, _)) => "aborted: its time was up",
        Some((Outcome::TakenOver, _)) => "aborted: another producer took its id",
        _ => "aborted",
    }
}
