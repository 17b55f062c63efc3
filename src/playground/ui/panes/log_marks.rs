//! Above the cells of a partition: where each broker's log ends.
//!
//! ```text
//! ‹ ✗3 ends at 36                    2▼         ◆1▼
//! ```

use std::collections::BTreeMap;

use super::log_lane::Lane;
use crate::{
    state::Status,
    ui::{
        canvas::{Canvas, width},
        theme::Role,
    },
};
use wire::BrokerId;

impl Lane<'_> {
    /// Each broker's log end, `▼` on the boundary.
    pub(super) fn marks(&self, canvas: &mut Canvas<'_>, y: u16, after: u16) {
        let mut places: BTreeMap<i64, Vec<(String, Role)>> = BTreeMap::new();
        let leader = self.partition.seen.leader;
        let mut replicas: Vec<BrokerId> = self.partition.seen.replicas.clone();
        replicas.sort_by_key(|broker| (Some(*broker) == leader, *broker));
        for broker in replicas {
            let Some(end) = self.partition.ends.get(&broker) else {
                continue;
            };
            places.entry(end.0).or_default().push(self.mark(broker));
        }
        let mut free = after + 2;
        let before: Vec<String> = places
            .iter()
            .filter(|(offset, _)| **offset < self.window.start)
            .flat_map(|(offset, marks)| {
                marks
                    .iter()
                    .map(move |(mark, _)| format!("{mark} ends at {offset}"))
            })
            .collect();
        if !before.is_empty() {
            let role = self.left_out_role();
            let words = format!("‹ {}", before.join(", "));
            free = canvas.text(self.ruler.cells, y, self.ruler.figures, &words, role) + 1;
        }
        let in_view = |offset: i64| {
            let column = self.window.column(offset);
            column.filter(|column| *column < self.ruler.figures)
        };
        for (offset, marks) in &places {
            let Some(column) = in_view(*offset) else {
                continue;
            };
            let texts: Vec<&str> = marks.iter().map(|(mark, _)| mark.as_str()).collect();
            let whole = width(&texts.join(" "));
            let lead = marks.iter().any(|(mark, _)| mark.starts_with('◆'));
            let tip = marks.last().map_or(Role::Text, |(_, role)| *role);
            if column >= free + whole || column + 1 == free + whole {
                let mut x = column - whole;
                for (index, (mark, role)) in marks.iter().enumerate() {
                    if index > 0 {
                        x += 1;
                    }
                    x = canvas.text(x, y, self.ruler.end, mark, *role);
                }
                canvas.text(column, y, self.ruler.end, "▼", tip);
            } else if column + 1 >= free {
                let role = if lead { Role::Focus } else { tip };
                canvas.text(column, y, self.ruler.end, "▼", role);
            }
            free = column + 2;
        }
        let beyond: Vec<_> = places
            .iter()
            .filter(|(offset, _)| **offset >= self.window.start && in_view(**offset).is_none())
            .collect();
        self.beyond(canvas, y, free, &beyond);
    }

    /// Marks that lie behind the right edge, in as many words as there is room for.
    fn beyond(
        &self,
        canvas: &mut Canvas<'_>,
        y: u16,
        free: u16,
        places: &[(&i64, &Vec<(String, Role)>)],
    ) {
        let marks = || places.iter().flat_map(|(_, marks)| marks.iter());
        let Some((_, role)) = marks().last() else {
            return;
        };
        let names: Vec<&str> = marks().map(|(mark, _)| mark.as_str()).collect();
        let each: Vec<String> = places
            .iter()
            .flat_map(|(offset, marks)| {
                marks
                    .iter()
                    .map(move |(mark, _)| format!("{mark} ends at {offset}"))
            })
            .collect();
        let end = self.ruler.figures - 1;
        let ways = [
            format!("{} ›", each.join(", ")),
            format!("{} ›", names.join(" ")),
            "›".to_owned(),
        ];
        let fits = |words: &&String| free + width(words) <= end;
        if let Some(words) = ways.iter().find(fits) {
            canvas.right(free, y, end, words, *role);
        }
    }

    /// `◆1`, `✗3`, `◌2`, `z2` or `2`
    fn mark(&self, broker: BrokerId) -> (String, Role) {
        let process = self.cluster().process(broker);
        let leads = self.partition.seen.leader == Some(broker);
        if process.is_some_and(|process| process.status.is_gone()) {
            (format!("✗{broker}"), Role::Dead)
        } else if process.is_some_and(|process| process.status == Status::Frozen) {
            (format!("z{broker}"), Role::Warning)
        } else if leads {
            (format!("◆{broker}"), Role::Focus)
        } else if !self.partition.seen.isr.contains(&broker) {
            (format!("◌{broker}"), Role::Warning)
        } else {
            (broker.to_string(), Role::Text)
        }
    }

    fn left_out_role(&self) -> Role {
        let out_dead = self
            .partition
            .ends
            .iter()
            .any(|(broker, end)| end.0 < self.window.start && self.cluster().is_gone(*broker));
        if out_dead { Role::Dead } else { Role::Warning }
    }
}
