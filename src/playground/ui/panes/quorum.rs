//! The quorum of controllers, in the place of `ZooKeeper`: who leads, who votes, who only follows, and what the next failure
//! costs.
//!
//! ```text
//!        role         log end  behind  fetched  caught up
//! 3000   ● voter       48,211       0    0.2 s      0.2 s
//! 3001   ◆ leads       48,211       0        -          -
//! 3002   ◌ voter       48,174     -37    6.1 s      9.8 s
//! ```

use ratatui::layout::Rect;

use super::processes::{Line, text};
use crate::{
    state::{Pane, QuorumReplica, QuorumSeen, QuorumSpare, State, grouped},
    ui::{
        canvas::{Canvas, Frame, columns, width},
        theme::Role,
        title, words,
    },
};
use wire::BrokerId;

/// Where the columns end, counted from the pane's left side; the first of them begins there.
const ROLE: u16 = 7;
const LOG_END: u16 = 27;
const BEHIND: u16 = 35;
const FETCHED: u16 = 44;
const CAUGHT_UP: u16 = 55;

/// Draws the pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let note = note(state);
    let frame = Frame {
        title: title(state, Pane::Quorum, Pane::Quorum.title()),
        note: &note,
        focused: state.view.focus == Pane::Quorum,
        dashed: is_silent(state),
    };
    let inside = canvas.frame(area, &frame);
    draw_inside(canvas, state, inside);
}

/// Draws what is inside the frame.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let Some(quorum) = &state.cluster.quorum else {
        let words = nothing(state);
        canvas.sentences(area, &[(Role::Dim, &words)]);
        return;
    };
    let seen = &quorum.seen;
    let end = area.right() + 1;
    heads(canvas, area, end);
    let mut y = area.y + 1;
    let mut voted = true;
    let says = sentences(state, seen);
    // What it comes to matters more than who follows last.
    let below = u16::try_from(says.len()).unwrap_or(u16::MAX).min(1) + 1;
    let mut left = 0;
    for (replica, votes) in seen.replicas() {
        if voted != votes && area.height > 12 {
            y += 1;
        }
        voted = votes;
        if y + below >= area.bottom() {
            left += 1;
            continue;
        }
        row(canvas, (seen, replica, votes), (area.x, y, end));
        y += 1;
    }
    if left > 0 {
        let more = format!("{left} more observers");
        canvas.text(area.x, y, end, &more, Role::Dim);
        y += 1;
    }
    y += u16::from(area.height > 12);
    let rest = Rect::new(area.x, y, area.width, area.bottom().saturating_sub(y));
    let says: Vec<(Role, &str)> = says
        .iter()
        .map(|(role, words)| (*role, words.as_str()))
        .collect();
    canvas.sentences(rest, &says);
}

/// `HW 48,211   3001 leads in epoch 12`
fn note(state: &State) -> String {
    let Some(quorum) = &state.cluster.quorum else {
        return String::new();
    };
    let seen = &quorum.seen;
    let high = grouped(seen.high_watermark.0);
    match seen.leader {
        Some(leader) => format!("HW {high}   {leader} leads in epoch {}", seen.epoch),
        None => format!("HW {high}   nobody leads in epoch {}", seen.epoch),
    }
}

fn heads(canvas: &mut Canvas<'_>, area: Rect, end: u16) {
    let (x, y) = (area.x, area.y);
    canvas.text(x + ROLE, y, end, "role", Role::Dim);
    for (at, name) in [
        (LOG_END, "log end"),
        (BEHIND, "behind"),
        (FETCHED, "fetched"),
        (CAUGHT_UP, "caught up"),
    ] {
        if x + at <= end {
            canvas.right(x, y, x + at, name, Role::Dim);
        }
    }
}

fn row(
    canvas: &mut Canvas<'_>,
    (seen, replica, votes): (&QuorumSeen, &QuorumReplica, bool),
    (x, y, end): (u16, u16, u16),
) {
    let leads = seen.leader == Some(replica.id);
    let behind = !seen.is_in_step(replica);
    canvas.text(x, y, end, &replica.id.to_string(), Role::Strong);
    let (words, role) = match (leads, votes, behind) {
        (true, ..) => ("◆ leads", Role::Focus),
        (_, true, false) => ("● voter", Role::Good),
        (_, true, true) => ("◌ voter", Role::Warning),
        (_, false, false) => ("observer", Role::Text),
        (_, false, true) => ("◌ observer", Role::Warning),
    };
    canvas.text(x + ROLE, y, end, words, role);
    let unknown = || "-".to_owned();
    let log_end = replica.log_end.map_or_else(unknown, |end| grouped(end.0));
    let lag = seen.lag(replica).map_or_else(unknown, |lag| match lag {
        0 => "0".to_owned(),
        lag => format!("-{}", grouped(lag)),
    });
    let age = |at| {
        let age = seen.age(at).filter(|_| !leads);
        age.map_or_else(unknown, words::ago)
    };
    let role = if behind { Role::Warning } else { Role::Text };
    for (at, words, role) in [
        (LOG_END, log_end, Role::Text),
        (BEHIND, lag, role),
        (FETCHED, age(replica.fetched), role),
        (CAUGHT_UP, age(replica.caught_up), role),
    ] {
        if x + at <= end {
            canvas.right(x + ROLE, y, x + at, &words, role);
        }
    }
}

/// What the next failure costs, and what this is.
fn sentences(state: &State, seen: &QuorumSeen) -> Vec<(Role, String)> {
    let mut says = vec![costs(seen)];
    if let Some(silent) = is_silent(state)
        .then(|| state.cluster.quorum.as_ref()?.silent_since)
        .flatten()
    {
        let since = words::ago(state.now.since(silent));
        let words = format!("nobody of the quorum answers for {since}: this is what was said last");
        says.insert(0, (Role::Dead, words));
    }
    says.push((Role::Dim, String::new()));
    let what = "there is no ZooKeeper here: the voters keep what its znodes kept, in the log __cluster_metadata.";
    says.push((Role::Dim, what.to_owned()));
    says
}

/// What the next failure costs, as far as voters are in step.
fn costs(seen: &QuorumSeen) -> (Role, String) {
    let voters = seen.voters.len();
    let in_step = seen.voters.iter().filter(|it| seen.is_in_step(it)).count();
    let of = format!("{in_step} of {voters} voters in step");
    match seen.spare() {
        QuorumSpare::Nothing { needed } => (
            Role::Dead,
            format!("{of}, {needed} needed: nobody can be elected or created now."),
        ),
        QuorumSpare::None { in_step, behind } if behind.is_empty() => (
            Role::Text,
            format!(
                "{of}: lose {} and nobody can be elected or created until it is back.",
                any(&in_step)
            ),
        ),
        QuorumSpare::None { in_step, behind } => (
            Role::Warning,
            format!(
                "{of}: lose {} and nobody can be elected or created until {} has caught up.",
                any(&in_step),
                any(&behind)
            ),
        ),
        QuorumSpare::Voters(1) => (
            Role::Text,
            format!("{of}: one may be lost, and leaders are elected and topics created as before."),
        ),
        QuorumSpare::Voters(spare) => (
            Role::Text,
            format!(
                "{of}: {spare} may be lost, and leaders are elected and topics created as before."
            ),
        ),
    }
}

/// `3000 or 3001`
fn any(ids: &[BrokerId]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.join(" or ")
}

/// Why there is no quorum to show.
fn nothing(state: &State) -> String {
    match &state.cluster.software {
        Some(software) if software.quorum => "The quorum is asked.".to_owned(),
        None if !state.setup.reach.is_own() => "Nobody has answered yet.".to_owned(),
        _ => "There is no quorum: ZooKeeper keeps this cluster's metadata.".to_owned(),
    }
}

fn is_silent(state: &State) -> bool {
    let quorum = state.cluster.quorum.as_ref();
    quorum.is_some_and(|quorum| quorum.silent_since.is_some())
}

/// The lines of the box in which `ZooKeeper` stands elsewhere.
pub(super) fn in_box(seen: &QuorumSeen, room: u16) -> Vec<Line> {
    let leader = match seen.leader {
        Some(leader) => vec![
            (Role::Text, "leader ".to_owned()),
            (Role::Focus, leader.to_string()),
            (Role::Text, format!("   epoch {}", seen.epoch)),
        ],
        None => text(Role::Dead, format!("nobody leads   epoch {}", seen.epoch)),
    };
    let in_step = seen.voters.iter().filter(|it| seen.is_in_step(it)).count();
    let behind = seen.voters.len() - in_step;
    let step = match behind {
        0 => text(Role::Good, format!("{in_step} in step")),
        behind => vec![
            (Role::Text, format!("{in_step} in step")),
            (Role::Warning, format!(", {behind} behind")),
        ],
    };
    let voters = counted(seen.voters.len(), "voter");
    let all = vec![
        (Role::Text, voters.clone()),
        (
            Role::Text,
            format!("   {}", counted(seen.observers.len(), "observer")),
        ),
    ];
    let all = if columns(&all) > room {
        text(Role::Text, voters)
    } else {
        all
    };
    vec![leader, all, step]
}

/// The same in one line.
pub(super) fn in_small_box(seen: &QuorumSeen, room: u16) -> (Role, String) {
    let (role, leads) = match seen.leader {
        Some(leader) => (Role::Focus, format!("◆ {leader}")),
        None => (Role::Dead, "nobody leads".to_owned()),
    };
    let in_step = seen.voters.iter().filter(|it| seen.is_in_step(it)).count();
    let whole = format!("{leads}   {in_step} of {}", seen.voters.len());
    (role, if width(&whole) <= room { whole } else { leads })
}

fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
