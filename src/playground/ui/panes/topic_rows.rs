//! Topics that are not open in Replicas, a row each: how large, how well kept, what the next failure costs.
//!
//! ```text
//! ▸ audit         4 x RF 3   1 may die
//! ▸ payments      6 x RF 3   2 under  none may die
//! ```

use ratatui::layout::Rect;

use crate::{
    state::{Action, ScreenAction, Spare, State, Topic},
    ui::{
        canvas::{Canvas, fit, width},
        theme::Role,
    },
};

/// Columns of a name, where the pane is as narrow as in the overview.
const NAME: u16 = 14;

/// Draws the row of a topic.
pub fn draw(
    canvas: &mut Canvas<'_>,
    state: &State,
    name: &str,
    (x, y, end): (u16, u16, u16),
    cursor: bool,
) {
    let Some(topic) = state.cluster.topics.get(name) else {
        return;
    };
    let place = Rect::new(x, y, end.saturating_sub(x), 1);
    canvas.spot(place, || {
        Action::Screen(ScreenAction::ShowTopic(name.to_owned()))
    });
    let open = name == state.view.topic;
    if cursor {
        canvas.text(x - 1, y, end, "►", Role::Focus);
    }
    let sign = if open { " " } else { "▸" };
    let after = canvas.text(x, y, end, sign, Role::Dim);
    let columns = NAME.max(end.saturating_sub(x) / 3).min(40);
    let role = if open || cursor {
        Role::Strong
    } else {
        Role::Text
    };
    canvas.text(after + 1, y, end, &fit(name, columns), role);
    let mut x = after + 2 + columns;
    let factor = topic
        .partitions
        .iter()
        .map(|partition| partition.seen.replicas.len())
        .max();
    let size = format!("{} x RF {}", topic.partitions.len(), factor.unwrap_or(0));
    x = canvas.text(x, y, end, &format!("{size:<9}"), Role::Dim);
    if open {
        return;
    }
    for (index, (role, words)) in trouble(state, topic).into_iter().enumerate() {
        let air = if index > 0 { "  " } else { " " };
        let words = format!("{air}{words}");
        if x + width(&words) > end {
            break;
        }
        x = canvas.text(x, y, end, &words, role);
    }
}

/// The worst first.
fn trouble(state: &State, topic: &Topic) -> Vec<(Role, String)> {
    let mut words = Vec::new();
    let headless = topic.partitions.iter().filter(|partition| {
        let leader = partition.seen.leader;
        leader.is_none_or(|leader| state.cluster.is_gone(leader))
    });
    let headless = headless.count();
    if headless > 0 {
        words.push((Role::Dead, format!("{headless} offline")));
    }
    let under = topic
        .partitions
        .iter()
        .filter(|partition| partition.under_replicated())
        .count();
    if under > 0 {
        words.push((Role::Warning, format!("{under} under")));
    }
    words.push(match topic.spare() {
        Some(Spare::Refused) => (Role::Dead, "acks=all refused".into()),
        Some(Spare::None) => (Role::Warning, "none may die".into()),
        Some(Spare::Last) => (Role::Warning, "one copy".into()),
        Some(Spare::Brokers(count)) => (Role::Dim, format!("{count} may die")),
        None => (Role::Dim, String::new()),
    });
    words
}
