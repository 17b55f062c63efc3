//! The members of a group of the consumer protocol (KIP-848): what each has, what it is to have, and how long it could
//! read nothing.
//!
//! ```text
//! member  epoch  has          target       stood still  lag
//! c1      2      p0 p1 p2     p0 p1        0 ms           0
//! c2 new  3      - ◄┄┄ p2     p2           0.31 s         4
//! ```

use std::collections::BTreeSet;
use std::time::Duration;

use ratatui::layout::Rect;

use crate::{
    state::{Group, GroupProtocol, Member, ProcessName, State, StoodStill, Timestamp},
    ui::{
        canvas::{Canvas, fit, width},
        theme::Role,
        words,
    },
};
use wire::TopicPartition;

/// Columns that the rows need.
const FROM: u16 = 50;

/// How long a rebalance of the classic protocol is told of.
const TOLD_FOR: Duration = Duration::from_secs(30);

/// Where the columns stand.
pub(super) struct Columns {
    area: Rect,
    epoch: u16,
    has: u16,
    target: u16,
    stood: u16,
    with_topics: bool,
}

impl Columns {
    /// Where they stand in a pane for this group; `None`: it has other rows.
    pub(super) fn of(state: &State, group: &Group, area: Rect) -> Option<Self> {
        if group.kind != Some(GroupProtocol::Consumer) || area.width < FROM {
            return None;
        }
        let strangers = group.members.values().any(|member| !member.ours);
        let epoch = area.x + if strangers { 14 } else { 8 };
        let stood = area.right() - 17;
        let half = (stood - (epoch + 7)) / 2;
        let shown = state.view.topic.as_str();
        Some(Self {
            area,
            epoch,
            has: epoch + 7,
            target: epoch + 7 + half,
            stood,
            with_topics: group.topics().iter().any(|topic| *topic != shown),
        })
    }

    pub(super) fn head(&self, canvas: &mut Canvas<'_>, y: u16) {
        let heads = [
            (self.area.x, "member"),
            (self.epoch, "epoch"),
            (self.has, "has"),
            (self.target, "target"),
            (self.stood, "stood still"),
        ];
        for (x, head) in heads {
            canvas.text(x, y, self.area.right() + 1, head, Role::Dim);
        }
        canvas.right(self.stood, y, self.area.right(), "lag", Role::Dim);
    }

    pub(super) fn row(
        &self,
        canvas: &mut Canvas<'_>,
        state: &State,
        group: &Group,
        name: &ProcessName,
        y: u16,
    ) {
        let ProcessName::Consumer(client) = name else {
            return;
        };
        let end = self.area.right() + 1;
        let picked = state.view.picked == *name && state.view.group_row.is_none();
        if picked {
            canvas.text(self.area.x - 1, y, end, "►", Role::Focus);
        }
        let columns = self.epoch - self.area.x - 1;
        let shown = words::member(client, columns);
        canvas.text(self.area.x, y, end, &fit(&shown, columns), Role::Text);
        let process = state.cluster.processes.get(name);
        let member = group.named(client).map(|(_, member)| member);
        let Some(member) = member else {
            let gone = process.is_some_and(|process| process.status.is_gone());
            let (word, role) = if gone {
                ("✗ no member", Role::Dead)
            } else {
                ("joins", Role::Dim)
            };
            canvas.text(self.epoch, y, end, word, role);
            return;
        };
        let epoch = member
            .epoch
            .map_or("-".to_owned(), |epoch| epoch.to_string());
        canvas.text(self.epoch, y, self.has, &epoch, Role::Text);
        self.has(canvas, member, y);
        let target = self.places(&member.target, self.stood - self.target - 1);
        canvas.text(self.target, y, self.stood, &target, Role::Text);
        if let Some(process) = process.filter(|_| member.ours)
            && let Some((words, role)) = stood(&process.stood, state.now)
        {
            canvas.text(self.stood, y, end, &words, role);
        }
        let lag = member
            .reads
            .iter()
            .filter_map(|at| state.cluster.lag(group, at));
        let lag: i64 = lag.sum();
        canvas.right(
            self.stood + 7,
            y,
            self.area.right(),
            &lag.to_string(),
            Role::Text,
        );
    }

    /// `p0 p1`, and behind an arrow what is on its way to the member.
    fn has(&self, canvas: &mut Canvas<'_>, member: &Member, y: u16) {
        let room = self.target - self.has - 1;
        let has = self.places(&member.reads, room);
        let x = canvas.text(self.has, y, self.target, &has, Role::Text);
        let coming: BTreeSet<TopicPartition> =
            member.target.difference(&member.reads).cloned().collect();
        if coming.is_empty() {
            return;
        }
        let coming = words::places(self.with_topics, &coming, room);
        let words = format!(" ◄┄┄ {coming}");
        if x + width(&words) < self.target {
            canvas.text(x, y, self.target, &words, Role::Warning);
        }
    }

    fn places(&self, places: &BTreeSet<TopicPartition>, room: u16) -> String {
        if places.is_empty() {
            return "-".to_owned();
        }
        words::places(self.with_topics, places, room)
    }
}

/// How long a member stood still, and whether it still does.
fn stood(stood: &StoodStill, now: Timestamp) -> Option<(String, Role)> {
    if let Some(since) = stood.since {
        return Some((format!("{} …", time(now.since(since))), Role::Warning));
    }
    let (_, time_stood) = stood.last?;
    Some((time(time_stood), Role::Text))
}

/// `0 ms`, `0.31 s`
fn time(time: Duration) -> String {
    if time < Duration::from_millis(100) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

/// Says what there is room for; gives the row below back.
pub(super) fn tell(
    canvas: &mut Canvas<'_>,
    state: &State,
    group: &Group,
    area: Rect,
    (mut y, bottom): (u16, u16),
) -> u16 {
    for (role, words) in told(state, group) {
        if y + 1 < bottom && width(&words) <= area.width {
            canvas.text(area.x, y + 1, area.right() + 1, &words, role);
            y += 1;
        }
    }
    y
}

/// What moves from whom to whom, how long members of the classic protocol stood still, and how the next ones join.
fn told(state: &State, group: &Group) -> Vec<(Role, String)> {
    let mut lines = Vec::new();
    if group.kind == Some(GroupProtocol::Consumer) {
        lines.extend(moves(state, group));
    } else {
        lines.extend(stood_in_classic(state, group));
    }
    if state.cluster.joins_by == GroupProtocol::Consumer {
        let words = "next consumers join by: consumer   {group protocol} classic";
        lines.push((Role::Dim, state.view.fill(words)));
    }
    lines
}

/// `p2 goes from c1 to c2: c1 gives it up at its heartbeat`
fn moves(state: &State, group: &Group) -> Option<(Role, String)> {
    let members = || group.members.values();
    let shown = &state.view.topic;
    let mut moves = members().flat_map(|to| {
        let coming = to.target.difference(&to.reads);
        coming.filter_map(move |at| {
            let from = members().find(|from| from.reads.contains(at))?;
            Some((at, from, to))
        })
    });
    let (at, from, to) = moves.next()?;
    let place = if at.topic == *shown {
        format!("p{}", at.partition)
    } else {
        at.to_string()
    };
    let (from, to) = (&from.name, &to.name);
    let words = format!("{place} goes from {from} to {to}: {from} gives it up at its heartbeat");
    Some((Role::Warning, words))
}

/// `stood still  c1 0.52 s  c2 0.52 s`, for a while after a rebalance.
fn stood_in_classic(state: &State, group: &Group) -> Option<(Role, String)> {
    let ours = group.members.values().filter(|member| member.ours);
    let stood = ours.filter_map(|member| {
        let process = ProcessName::Consumer(member.name.clone());
        let stood = &state.cluster.processes.get(&process)?.stood;
        let (at, stood) = stood.last.filter(|_| stood.moved)?;
        let fresh = state.now.since(at) < TOLD_FOR;
        fresh.then(|| format!("{} {}", member.name, time(stood)))
    });
    let stood: Vec<String> = stood.collect();
    (!stood.is_empty()).then(|| (Role::Dim, format!("stood still  {}", stood.join("  "))))
}
