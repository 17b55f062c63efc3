//! Transactional ids: how each stands, and what the picked one holds up.
//!
//! ```text
//!  id   state          at  producer  epoch  on  open
//! ►t1   Ongoing         2      7001      0  p0  7.4 of 60 s
//!  t2   CompleteAbort   1      7002      4  -
//!
//!  t1   4 records, pid 4171, ■□□□□□□□ of its timeout
//!       behind it waits billing: 7 offsets, 3 not of t1
//!       before: committed 41 s ago, 2 markers
//!
//!  1 committed   1 aborted   1 open
//! ```

use std::collections::BTreeSet;
use std::time::Duration;

use ratatui::layout::Rect;

use crate::{
    state::{
        Outcome, Pane, Partition, Stage, State, Status, Timestamp, Transaction, TransactionRow,
        named_places,
    },
    ui::{
        canvas::{Canvas, Frame, fit, width},
        theme::Role,
        title, words,
    },
};
use wire::{BrokerId, TopicPartition, TransactionState};

/// Cells of the bar of a transaction's time.
const BAR: u16 = 8;

/// From this part of its time on an open transaction is a warning.
const LATE: (u128, u128) = (3, 4);

/// Columns of an id.
const NAME_MIN: u16 = 4;
const NAME_MAX: u16 = 14;

/// Draws the pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let note = note(state);
    let frame = Frame {
        title: title(state, Pane::Transactions, Pane::Transactions.title()),
        note: &note,
        focused: state.view.focus == Pane::Transactions,
        dashed: false,
    };
    let inside = canvas.frame(area, &frame);
    draw_inside(canvas, state, inside);
}

fn note(state: &State) -> String {
    let known = state.cluster.transactions.values();
    let brokers: BTreeSet<BrokerId> = known.filter_map(|known| known.coordinator).collect();
    let ids: Vec<String> = brokers.iter().map(ToString::to_string).collect();
    match ids.as_slice() {
        [] => String::new(),
        [one] => format!("coordinator {one}"),
        several => format!("coordinators {}", several.join(" ")),
    }
}

/// Draws what is inside the frame.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let rows = state.transaction_rows();
    if rows.is_empty() {
        let words = match state.view.filter(Pane::Transactions) {
            Some(filter) => words::no_match(state, filter),
            None => state.view.fill("No transaction yet.  {txn} begins one"),
        };
        canvas.text(area.x, area.y, area.right() + 1, &words, Role::Dim);
        return;
    }
    let cursor = state.transaction_cursor(&rows);
    let details = rows.get(cursor).map(|row| details(state, row));
    let details = details.unwrap_or_default();
    // The head, the picked one's lines and the sums, each with an empty line before it where there is room.
    let below = u16::try_from(details.len()).unwrap_or(0);
    let room = area.height.saturating_sub(1 + below.min(area.height / 2));
    let listed = usize::from(room.max(1));
    let first = (cursor + 1).saturating_sub(listed);
    let columns = Columns::new(&rows, area);
    columns.head(canvas);
    let mut y = area.y + 1;
    for (index, row) in rows.iter().enumerate().skip(first).take(listed) {
        if y >= area.bottom() {
            return;
        }
        columns.row(canvas, state, row, index == cursor, y);
        y += 1;
    }
    let spare = area.bottom().saturating_sub(y);
    let airy = spare >= below + 3;
    y += u16::from(airy);
    let end = area.right() + 1;
    for (index, (role, line)) in details.iter().enumerate() {
        if y >= area.bottom() {
            return;
        }
        let name = rows.get(cursor).map_or("", |row| row.name);
        if index == 0 {
            canvas.text(
                area.x,
                y,
                area.x + columns.name,
                &fit(name, columns.name - 1),
                Role::Strong,
            );
        }
        canvas.text(area.x + columns.name, y, end, line, *role);
        y += 1;
    }
    y += u16::from(airy);
    if y < area.bottom() {
        canvas.text(area.x, y, end, &sums(state), Role::Dim);
    }
}

/// `1 committed   1 aborted   1 open`
fn sums(state: &State) -> String {
    let known = || state.cluster.transactions.values();
    let committed: u64 = known().map(|known| known.committed).sum();
    let aborted: u64 = known().map(|known| known.aborted).sum();
    let open = known().filter(|known| known.state.is_under_way()).count();
    format!("{committed} committed   {aborted} aborted   {open} open")
}

/// Where the columns stand.
struct Columns {
    area: Rect,
    /// Columns of a name and the space behind it.
    name: u16,
}

impl Columns {
    const STATE: u16 = 15;
    /// Coordinator, producer and epoch, and the space behind them.
    const NUMBERS: u16 = 21;

    fn new(rows: &[TransactionRow<'_>], area: Rect) -> Self {
        let longest = rows.iter().map(|row| width(row.name)).max().unwrap_or(0);
        Self {
            area,
            name: longest.clamp(NAME_MIN, NAME_MAX) + 1,
        }
    }

    fn head(&self, canvas: &mut Canvas<'_>) {
        let (y, end) = (self.area.y, self.area.right() + 1);
        let mut x = canvas.text(self.area.x, y, end, "id", Role::Dim);
        x = canvas.text(x.max(self.area.x + self.name), y, end, "state", Role::Dim);
        x = x.max(self.area.x + self.name + Self::STATE);
        let numbers = format!("{:>2}  {:>8}  {:>5}  ", "at", "producer", "epoch");
        x = canvas.text(x, y, end, &numbers, Role::Dim);
        canvas.text(x, y, end, "on   open", Role::Dim);
    }

    fn row(
        &self,
        canvas: &mut Canvas<'_>,
        state: &State,
        row: &TransactionRow<'_>,
        picked: bool,
        y: u16,
    ) {
        let end = self.area.right() + 1;
        let left = self.area.x;
        if picked {
            canvas.text(left.saturating_sub(1), y, end, "►", Role::Focus);
        }
        let role = if picked { Role::Strong } else { Role::Text };
        canvas.text(left, y, end, &fit(row.name, self.name - 1), role);
        let x = left + self.name;
        let (word, role) = stands(row);
        canvas.text(x, y, end, &fit(&word, Self::STATE - 1), role);
        let Some(known) = row.transaction else { return };
        let x = x + Self::STATE;
        let at = known
            .coordinator
            .map_or("-".to_owned(), |id| id.to_string());
        let numbers = format!("{at:>2}  {:>8}  {:>5}", known.producer_id, known.epoch);
        canvas.text(x, y, end, &numbers, Role::Text);
        let x = x + Self::NUMBERS;
        let places = on(state, known);
        let x = canvas.text(x, y, end, &places, Role::Text);
        if let Some((words, late)) = open_for(state, known) {
            let role = if late { Role::Warning } else { Role::Text };
            canvas.text(x.max(left) + 2, y, end, &words, role);
        }
    }
}

/// How a row stands, in Kafka's word where its coordinator says it.
fn stands(row: &TransactionRow<'_>) -> (String, Role) {
    if row.taken_over {
        return ("lost its id".to_owned(), Role::Dead);
    }
    let own = row.ours.map(|(_, producing)| producing.stage);
    let known = row.transaction.map(|known| known.state);
    match (known, own) {
        (Some(TransactionState::Ongoing), _) => ("Ongoing".to_owned(), Role::Warning),
        (Some(state), _) if state.is_under_way() => (state.name().to_owned(), Role::Warning),
        (_, Some(Stage::Beginning)) => ("beginning".to_owned(), Role::Dim),
        // The brokers learn of it with its first record.
        (_, Some(Stage::Open)) => ("begun".to_owned(), Role::Text),
        (Some(state), _) => (state.name().to_owned(), Role::Text),
        (None, _) => ("-".to_owned(), Role::Dim),
    }
}

/// `p0 p2`; of many partitions how many.
fn on(state: &State, known: &Transaction) -> String {
    let home = &state.view.topic;
    match known.partitions.len() {
        0 => "- ".to_owned(),
        1..=3 => {
            let topics = known.partitions.iter().any(|at| at.topic != *home);
            named_places(topics, &known.partitions)
        }
        many => format!("{many} parts"),
    }
}

/// `7.4 of 60 s`, and whether that is late.
fn open_for(state: &State, known: &Transaction) -> Option<(String, bool)> {
    match known.state {
        TransactionState::Ongoing => {}
        state if state.is_under_way() => {
            let left = known.partitions.len();
            let all = known.ended_in.len().max(left);
            return Some((format!("{} of {all} markers", all - left), true));
        }
        _ => return None,
    }
    let since = state.now.since(known.started?);
    let words = format!("{:.1} of {} s", since.as_secs_f64(), seconds(known.timeout));
    Some((words, is_late(since, known.timeout)))
}

fn is_late(since: Duration, timeout: Duration) -> bool {
    since.as_millis() * LATE.1 >= timeout.as_millis() * LATE.0
}

/// `60`, `1.5`
fn seconds(time: Duration) -> String {
    time.as_secs_f64().to_string()
}

/// What there is to say of the picked one.
fn details(state: &State, row: &TransactionRow<'_>) -> Vec<(Role, String)> {
    let mut lines = vec![holds(state, row)];
    if let Some(known) = row.transaction {
        lines.extend(missing_markers(state, known));
        lines.extend(waiting(state, row.id, known));
        lines.extend(before(state, known));
    }
    if let Some(why) = row
        .ours
        .and_then(|(_, producing)| producing.refused.clone())
    {
        lines.push((Role::Dead, why));
    }
    lines
}

/// `4 records, pid 4171, ■□□□□□□□ of its timeout`
fn holds(state: &State, row: &TransactionRow<'_>) -> (Role, String) {
    let mut facts = Vec::new();
    let mut role = Role::Text;
    let open = row
        .transaction
        .is_some_and(|known| known.state == TransactionState::Ongoing);
    if let Some((process, producing)) = row.ours {
        let count = producing.written() + producing.under_way;
        let noun = if count == 1 { "record" } else { "records" };
        if producing.stage != Stage::Idle {
            facts.push(format!("{count} {noun}"));
        }
        match (process.status, process.pid) {
            (status, _) if status.is_gone() => {
                role = if open { Role::Dead } else { Role::Text };
                facts.push("its producer is dead".to_owned());
            }
            (Status::Frozen, _) => facts.push("its producer is frozen".to_owned()),
            (_, Some(pid)) => facts.push(format!("pid {pid}")),
            (_, None) => {}
        }
    }
    if row.taken_over {
        return (
            Role::Dead,
            format!("{}, another producer has its id", facts.join(", ")),
        );
    }
    if let Some(known) = row.transaction.filter(|_| open)
        && let Some(started) = known.started
    {
        facts.push(format!(
            "{} of its timeout",
            bar(state.now, started, known.timeout)
        ));
    }
    if facts.is_empty() {
        facts.push("another program's".to_owned());
    }
    (role, facts.join(", "))
}

fn bar(now: Timestamp, started: Timestamp, timeout: Duration) -> String {
    let since = now.since(started).as_millis() * u128::from(BAR);
    let full = if timeout.is_zero() {
        0
    } else {
        since.div_ceil(timeout.as_millis().max(1))
    };
    let full = usize::try_from(full)
        .unwrap_or_default()
        .min(usize::from(BAR));
    let rest = usize::from(BAR) - full;
    format!("{}{}", "■".repeat(full), "□".repeat(rest))
}

/// `1 of 3 markers, leader of p1 is dead`
fn missing_markers(state: &State, known: &Transaction) -> Option<(Role, String)> {
    if !known.state.is_under_way() || known.state == TransactionState::Ongoing {
        return None;
    }
    let left = known.partitions.len();
    let all = known.ended_in.len().max(left);
    let without = known.partitions.iter().filter(|at| {
        let leader = state.cluster.partition(at).and_then(|it| it.seen.leader);
        leader.is_none_or(|leader| state.cluster.is_gone(leader))
    });
    let without: Vec<&TopicPartition> = without.collect();
    let why = if without.is_empty() {
        String::new()
    } else {
        let topics = without.iter().any(|at| at.topic != state.view.topic);
        let named = named_places(topics, without);
        format!(", leader of {named} is dead")
    };
    Some((
        Role::Warning,
        format!("{} of {all} markers{why}", all - left),
    ))
}

/// `behind it waits billing: 7 offsets, 3 not of t1`, and who does not wait.
fn waiting(state: &State, id: &str, known: &Transaction) -> Vec<(Role, String)> {
    let held: Vec<(&TopicPartition, &Partition)> = known
        .partitions
        .iter()
        .filter_map(|at| Some((at, state.cluster.partition(at)?)))
        .filter(|(_, partition)| partition.stable_end().is_some())
        .collect();
    let mut offsets = 0;
    let mut others = 0;
    for (_, partition) in &held {
        let Some(stable) = partition.stable_end() else {
            continue;
        };
        offsets += partition.high_watermark.0 - stable.0;
        let behind = partition
            .tail
            .iter()
            .filter(|record| record.offset >= stable);
        let foreign = behind.filter(|record| record.batch.producer_id != known.producer_id);
        others += foreign.count();
    }
    let mut lines = Vec::new();
    for (name, group) in &state.cluster.groups {
        let here = || {
            held.iter()
                .filter(|(at, _)| group.committed.contains_key(*at))
        };
        if here().next().is_none() {
            continue;
        }
        // Who stands behind the last stable offset reads what is not committed.
        let passed = here().any(|(at, partition)| {
            let position = group
                .positions
                .get(*at)
                .or_else(|| group.committed.get(*at));
            position.copied() > partition.stable_end()
        });
        lines.push(if passed {
            (
                Role::Dim,
                format!("{name} does not wait (read_uncommitted)"),
            )
        } else {
            let words = format!("behind it waits {name}: {offsets} offsets, {others} not of {id}");
            (Role::Warning, words)
        });
    }
    lines
}

/// `before: committed 41 s ago, 2 markers`
fn before(state: &State, known: &Transaction) -> Option<(Role, String)> {
    let (outcome, at) = known.last?;
    let how = match outcome {
        Outcome::Committed => "committed",
        Outcome::Aborted => "aborted",
        Outcome::TimedOut => "aborted, its time was up,",
        Outcome::TakenOver => "aborted for another producer",
    };
    let label = if known.state.is_under_way() {
        "before: "
    } else {
        ""
    };
    let ago = state.now.since(at).as_secs();
    let markers = known.ended_in.len();
    let noun = if markers == 1 { "marker" } else { "markers" };
    let markers = match markers {
        0 => String::new(),
        count => format!(", {count} {noun}"),
    };
    Some((Role::Dim, format!("{label}{how} {ago} s ago{markers}")))
}
