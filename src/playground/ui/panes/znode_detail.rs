//! The znode under the cursor: its data, what it held before, who wrote it, who is told when it changes.

use ratatui::layout::Rect;

use super::znodes::{owner, owners};
use crate::{
    state::{State, Znode, znode_summary},
    ui::{
        canvas::{Canvas, width},
        theme::Role,
    },
};

/// A line in pieces.
pub type Line = Vec<(Role, String)>;

/// Lines of data that are shown; `enter` shows all.
const DATA_LINES_MAX: usize = 3;

/// What is told of a znode in so many columns.
pub fn lines(state: &State, path: &str, columns: u16) -> Vec<Line> {
    let Some(znode) = state.cluster.znodes.get(path) else {
        return Vec::new();
    };
    let mut lines: Vec<Line> = data(znode, columns);
    lines.push(Line::new());
    lines.push(before(state, path, znode));
    lines.push(by(state, path, znode));
    lines.push(watched(state, path));
    lines
}

/// Draws the lines below the path, and what an ephemeral znode is where there is room.
pub fn draw(canvas: &mut Canvas<'_>, path: &str, lines: &[Line], area: Rect) {
    let end = area.right() + 1;
    let level = "─".repeat(usize::from(area.width + 1));
    canvas.text(area.x, area.y, end, &level, Role::Border);
    let name = format!(" {path} ");
    let columns = width(&name).min(end.saturating_sub(3 + area.x + 4));
    canvas.clear(Rect::new(area.x + 4, area.y, columns, 1));
    canvas.text(area.x + 4, area.y, end - 3, &name, Role::Strong);
    let mut y = area.y + 1;
    for line in lines {
        canvas.pieces(area.x, y, end, line);
        y += 1;
    }
    let lesson = [
        "An ephemeral znode lives as long as its session does.",
        "That is how the others learn that a broker died.",
    ];
    if y + 3 <= area.bottom() {
        for (line, y) in lesson.iter().zip(area.bottom() - 2..) {
            canvas.text(area.x, y, end, line, Role::Dim);
        }
    }
}

fn data(znode: &Znode, columns: u16) -> Vec<Line> {
    let data = &znode.content.data;
    if data.is_empty() {
        return vec![vec![(Role::Dim, "no data".to_owned())]];
    }
    let mut wrapped = broken(data, columns);
    if wrapped.len() > DATA_LINES_MAX {
        wrapped.truncate(DATA_LINES_MAX);
        if let Some(last) = wrapped.last_mut() {
            last.pop();
            last.push('…');
        }
    }
    wrapped
        .into_iter()
        .map(|line| vec![(Role::Text, line)])
        .collect()
}

/// The text in lines, broken behind commas where there are any; what goes on is indented by one.
fn broken(text: &str, columns: u16) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for piece in text.split_inclusive(',') {
        let room = |line: &String| width(line) + width(piece) <= columns;
        if lines
            .last()
            .is_some_and(|line| !line.trim().is_empty() && !room(line))
        {
            lines.push(" ".to_owned());
        }
        if let Some(last) = lines.last_mut() {
            last.push_str(piece);
        }
    }
    lines
}

fn labelled(label: &str, words: String, aside: String) -> Line {
    vec![
        (Role::Dim, format!("{label:<8}")),
        (Role::Text, words),
        (Role::Dim, aside),
    ]
}

fn before(state: &State, path: &str, znode: &Znode) -> Line {
    if let Some(before) = &znode.before {
        let aside = format!("   (v{}, zxid 0x{:x})", before.version, before.mzxid);
        return labelled("before", znode_summary(path, before), aside);
    }
    let words = znode_summary(path, &znode.content);
    let told = state.cluster.znodes.writer(path, &words);
    match told.and_then(|write| write.before.clone()) {
        Some(before) => labelled("before", before, "   (told, not seen)".to_owned()),
        None => labelled("before", String::new(), "no change seen".to_owned()),
    }
}

fn by(state: &State, path: &str, znode: &Znode) -> Line {
    let words = znode_summary(path, &znode.content);
    if let Some(write) = state.cluster.znodes.writer(path, &words) {
        let how = if write.conditional {
            format!(": write if version is {}", znode.content.version - 1)
        } else {
            String::new()
        };
        let by = if write.by.is_session_end() {
            format!("ZooKeeper: {}", write.by)
        } else {
            format!("{}{how}", write.by)
        };
        return labelled("by", by, String::new());
    }
    if znode.content.ephemeral_owner != 0 {
        let owner = owner(state, znode.content.ephemeral_owner);
        return labelled(
            "by",
            format!("the session of {owner}"),
            "   (inferred: it owns it)".into(),
        );
    }
    let controllers = ["/brokers/topics/", "/config/topics/", "/admin/"];
    match state.cluster.controller {
        Some((controller, _)) if controllers.iter().any(|place| path.starts_with(place)) => {
            labelled(
                "by",
                format!("the controller, now broker {controller}"),
                "   (inferred)".into(),
            )
        }
        _ => labelled("by", String::new(), "nobody told".to_owned()),
    }
}

fn watched(state: &State, path: &str) -> Line {
    let mut told: Vec<String> = state
        .cluster
        .znodes
        .watches_on(path)
        .map(|watch| {
            let who = owners(state, &watch.sessions, " and ");
            match (watch.path == path, watch.path.as_str()) {
                (true, _) | (_, "/") => who,
                (false, above) => format!("{who} ({above}, recursive)"),
            }
        })
        .collect();
    told.reverse();
    if told.is_empty() {
        return labelled("watched", String::new(), "by nobody".to_owned());
    }
    // The label is as long as its column.
    vec![
        (Role::Dim, "watched ".to_owned()),
        (Role::Text, told.join(" and ")),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn json_is_broken_behind_commas() {
        let json = r#"{"controller_epoch":1,"leader":1,"version":1,"leader_epoch":5,"isr":[1,2]}"#;
        assert_eq!(
            super::broken(json, 58),
            [
                r#"{"controller_epoch":1,"leader":1,"version":1,"#,
                r#" "leader_epoch":5,"isr":[1,2]}"#,
            ]
        );
    }
}
