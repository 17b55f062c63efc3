//! The whole cluster in three lines of numbers.

use ratatui::layout::Rect;

use crate::{
    state::{Pane, Partition, Process, State, Status, grouped},
    ui::{
        canvas::{Canvas, Frame, Pieces, columns},
        theme::Role,
        title, words,
    },
};

/// Where the right half of a line begins, where there is room.
const HALF: u16 = 52;

/// Draws the pane with its frame.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let frame = Frame {
        title: title(state, Pane::Now, Pane::Now.title()),
        note: "",
        focused: state.view.focus == Pane::Now,
        dashed: false,
    };
    let inside = canvas.frame(area, &frame);
    draw_inside(canvas, state, inside);
}

/// Draws what is inside the frame: lines side by side where both halves fit, else below each other.
pub fn draw_inside(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let halves = [
        (brokers(state), partitions(state)),
        (leaders(state), refused(state)),
        (group(state), servers(state)),
    ];
    let end = area.right() + 1;
    let wide = area.width >= 2 * HALF;
    let mut y = area.y;
    for (left, right) in halves {
        if y >= area.bottom() {
            return;
        }
        canvas.pieces(area.x, y, end, &left);
        if wide {
            let x = area.x + (columns(&left) + 3).max(HALF);
            canvas.pieces(x, y, end, &right);
        } else if y + 1 < area.bottom() {
            y += 1;
            canvas.pieces(area.x, y, end, &right);
        }
        y += 1;
    }
}

fn say(role: Role, words: impl Into<String>) -> (Role, String) {
    (role, words.into())
}

/// A count that is nothing to worry about where it is 0.
fn count(number: usize, what: &str, role: Role) -> (Role, String) {
    let role = if number == 0 { Role::Dim } else { role };
    (role, format!("{number} {what}"))
}

fn joined(name: &str, parts: Vec<(Role, String)>) -> Pieces {
    let mut pieces = vec![say(Role::Dim, format!("{name:<10}"))];
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            pieces.push(say(Role::Text, "   "));
        }
        pieces.push(part);
    }
    pieces
}

/// `brokers   79 up   1 frozen for 0.9 s   20 dead`
fn brokers(state: &State) -> Pieces {
    let with = |is: fn(Status) -> bool| {
        let brokers = state.cluster.brokers();
        brokers
            .filter(|it| is(it.status))
            .collect::<Vec<&Process>>()
    };
    let up = with(|status| status == Status::Up).len();
    let frozen = with(|status| status == Status::Frozen);
    let dead = with(Status::is_gone).len();
    let mut parts = vec![count(up, "up", Role::Text)];
    if let Some(last) = frozen.iter().map(|it| it.since).max() {
        let since = words::ago(state.now.since(last));
        parts.push(say(
            Role::Warning,
            format!("{} frozen for {since}", frozen.len()),
        ));
    }
    parts.push(count(dead, "dead", Role::Dead));
    joined("brokers", parts)
}

fn all(state: &State) -> impl Iterator<Item = &Partition> {
    let topics = state.cluster.topics.values().filter(|it| !it.internal);
    topics.flat_map(|topic| &topic.partitions)
}

/// `partitions  50 whole   40 miss a copy   10 miss two   0 offline`
fn partitions(state: &State) -> Pieces {
    let missing = |partition: &Partition| {
        let seen = &partition.seen;
        seen.replicas.len().saturating_sub(seen.isr.len())
    };
    let how_many = |wanted: fn(usize) -> bool| {
        let led = all(state).filter(|it| it.seen.leader.is_some());
        led.filter(|it| wanted(missing(it))).count()
    };
    let offline = all(state).filter(|it| it.seen.leader.is_none()).count();
    let mut pieces = joined(
        "partitions",
        vec![
            count(how_many(|missing| missing == 0), "whole", Role::Text),
            count(
                how_many(|missing| missing == 1),
                "miss a copy",
                Role::Warning,
            ),
            count(how_many(|missing| missing > 1), "miss two", Role::Warning),
            count(offline, "offline", Role::Dead),
        ],
    );
    pieces.insert(1, say(Role::Text, "  "));
    pieces
}

/// `leaders   20 moved ◇   0 partitions without one`
fn leaders(state: &State) -> Pieces {
    let moved = all(state).filter(|it| it.seen.leader.is_some() && it.is_astray());
    let without = all(state).filter(|it| it.seen.leader.is_none()).count();
    joined(
        "leaders",
        vec![
            count(moved.count(), "moved ◇", Role::Warning),
            count(without, "partitions without one", Role::Dead),
        ],
    )
}

/// `min.insync.replicas 2: 10 partitions refuse acks=all, 263 wait`
fn refused(state: &State) -> Pieces {
    let Some(topic) = state.cluster.topics.get(&state.view.topic) else {
        return Pieces::new();
    };
    let Some(least) = topic.min_insync_replicas else {
        return Pieces::new();
    };
    let enough = usize::try_from(least).unwrap_or(0);
    let few = topic.partitions.iter();
    let few = few.filter(|it| it.seen.isr.len() < enough).count();
    let waiting = &state.cluster.produced.waiting_for_all;
    let waiting: u64 = waiting.iter().map(|(_, count)| count).sum();
    let mut pieces = vec![say(Role::Dim, format!("min.insync.replicas {least}: "))];
    let refuse = if few == 1 {
        "partition refuses"
    } else {
        "partitions refuse"
    };
    pieces.push(count(few, &format!("{refuse} acks=all"), Role::Dead));
    if few > 0 && waiting > 0 {
        let waiting = grouped(i64::try_from(waiting).unwrap_or(i64::MAX));
        pieces.push(say(Role::Warning, format!(", {waiting} wait")));
    }
    pieces
}

/// `group     billing Stable, gen 6, 10 consumers, lag 31`
fn group(state: &State) -> Pieces {
    let Some(group) = state.cluster.groups.get(&state.view.group) else {
        return joined("group", vec![say(Role::Dim, "none yet")]);
    };
    let generation = group
        .generation
        .map_or_else(String::new, |it| format!(", gen {it}"));
    let members = group.members.len();
    let noun = if members == 1 {
        "consumer"
    } else {
        "consumers"
    };
    let words = format!(
        "{} {}{generation}, {members} {noun}, lag {}",
        state.view.group,
        group.state,
        grouped(state.cluster.group_lag(group))
    );
    joined("group", vec![say(Role::Text, words)])
}

/// `servers   231 MB   19 % of a core   shared in each`: pages that are shared count in each
fn servers(state: &State) -> Pieces {
    let servers = || state.cluster.servers();
    let bytes: u64 = servers().filter_map(|it| it.rss_bytes).sum();
    if bytes == 0 {
        return joined("servers", vec![say(Role::Dim, "not measured yet")]);
    }
    let mut parts = vec![say(Role::Text, words::memory(bytes))];
    let shares: Vec<u64> = servers().filter_map(|it| it.cpu?.ms_per_second).collect();
    if !shares.is_empty() {
        let percent = shares.iter().sum::<u64>() / 10;
        parts.push(say(Role::Text, format!("{percent} % of a core")));
    }
    parts.push(say(Role::Dim, "shared in each"));
    joined("servers", parts)
}
