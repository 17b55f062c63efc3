//! The first line of a stage and its last two: nothing that a hall need not know.

use ratatui::layout::Rect;

use super::{
    bars,
    canvas::{Canvas, Pieces},
    lesson_bar, moment,
    theme::Role,
};
use crate::state::State;

/// What is on the stage, and whether it is now: no address, no pace, no clock.
pub fn header(canvas: &mut Canvas<'_>, state: &State, shown: &State, area: Rect) {
    let mut pieces: Pieces = vec![(Role::Focus, " kafkarium".into())];
    let topic = shown.cluster.topics.get(&state.view.topic);
    if let (Some(topic), true) = (topic, shown.is_ready()) {
        let copies = topic
            .partitions
            .iter()
            .map(|known| known.seen.replicas.len());
        let count = topic.partitions.len();
        let copies = copies.max().unwrap_or(0);
        let partitions = if count == 1 {
            "partition"
        } else {
            "partitions, each"
        };
        let brokers = if copies == 1 { "broker" } else { "brokers" };
        let name = &state.view.topic;
        let words = format!("   {name}: {count} {partitions} on {copies} {brokers}");
        pieces.push((Role::Text, words));
    }
    if let Some(moment) = &state.moment() {
        pieces.push((Role::Text, "   ".into()));
        pieces.push(moment::chip(state, moment));
    }
    let x = canvas.pieces(area.x, area.y, area.right(), &pieces);
    lesson_bar::on_stage(canvas, shown, (x, area.y, area.right()));
}

/// The keys in the last line, and above it only what the keys had to say: commands name pids and ports.
pub fn footer(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let last = Rect::new(area.x, area.y + 1, area.width, 1);
    canvas.tone(last.x, last.y, last.width, Role::Bar);
    bars::verbs(canvas, state, last);
    if let Some(message) = &state.view.message {
        super::message::draw(canvas, message, (area.x, area.y, area.right()), &(0..0));
    }
}
