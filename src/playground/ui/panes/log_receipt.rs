//! The last record that was acknowledged: by whom, and who read it since.

use ratatui::layout::Rect;

use crate::{
    state::{Acks, Delivery, State},
    ui::{
        canvas::{Canvas, Pieces, columns, fit},
        theme::Role,
        words,
    },
};

/// `last fay -> p2 @41   acked by ISR 1,2 +2.3 ms   read by billing/c2 +3.1 ms`
pub(super) fn receipt(canvas: &mut Canvas<'_>, state: &State, area: Rect, y: u16) {
    let Some(delivery) = &state.cluster.receipt else {
        return;
    };
    let end = area.right() + 1;
    let receipt = &delivery.receipt;
    let key = receipt.key.as_deref().unwrap_or("no key");
    let at = match receipt.acks {
        // Nobody told where it is.
        Acks::None => String::new(),
        _ => format!(" @{}", receipt.offset),
    };
    let place = format!("{} -> p{}{at}", fit(key, 20), receipt.partition.partition);
    let written = vec![(Role::Dim, "last ".to_owned()), (Role::Text, place)];
    let latency = (Role::Good, format!("+{}", words::latency(receipt.latency)));
    let by = words::listed(&delivery.isr);
    let [by, short] = match receipt.acks {
        Acks::All => [format!("   acked by ISR {by} "), "   acked ".to_owned()],
        Acks::Leader => [
            format!("   acks=1: acked by broker {by} "),
            "   acks=1: acked ".to_owned(),
        ],
        Acks::None => [
            "   acks=0: sent, nobody acknowledges ".to_owned(),
            "   acks=0: sent ".to_owned(),
        ],
    };
    let acked = |by: &str| {
        let mut pieces = written.clone();
        pieces.extend([(Role::Text, by.to_owned()), latency.clone()]);
        pieces
    };
    let mut afterwards = match &delivery.read {
        Some(_) => read_by(delivery),
        None => not_shown(state, delivery),
    };
    afterwards.push(Vec::new());
    // What does not fit whole is said in fewer words: half a number is another number.
    let ways = afterwards.iter().flat_map(|after| {
        [&by, &short].map(|by| {
            let mut pieces = acked(by);
            pieces.extend(after.iter().cloned());
            pieces
        })
    });
    let mut ways = ways.chain([written.clone()]);
    if let Some(pieces) = ways.find(|pieces| area.x + columns(pieces) <= end) {
        canvas.pieces(area.x, y, end, &pieces);
    }
}

/// Who read it, with the group and without.
fn read_by(delivery: &Delivery) -> Vec<Pieces> {
    let Some((group, consumer, after)) = &delivery.read else {
        return Vec::new();
    };
    [format!("{group}/{consumer}"), consumer.clone()]
        .map(|reader| {
            vec![
                (Role::Text, format!("   read by {reader} ")),
                (Role::Good, format!("+{}", words::latency(*after))),
            ]
        })
        .to_vec()
}

/// Why nobody reads it yet, and the keys that end that; the longest first.
fn not_shown(state: &State, delivery: &Delivery) -> Vec<Pieces> {
    let place = &delivery.receipt.partition;
    let topic = state.cluster.topics.get(&place.topic);
    let known = topic.and_then(|topic| Some((topic, topic.partition(place.partition)?)));
    let Some((topic, partition)) = known else {
        return Vec::new();
    };
    let Some(hidden) = topic.hidden(partition) else {
        return Vec::new();
    };
    if delivery.receipt.offset < partition.high_watermark {
        return Vec::new();
    }
    let (in_sync, needed) = (hidden.in_sync, hidden.needed);
    let below = state.cluster.below_minimum(place);
    let missed = below.and_then(|below| below.missed);
    let back = missed.map(|broker| state.cluster.revival(broker));
    let keys = back.map_or_else(String::new, |back| {
        format!("   {}", state.view.keys_in_turn(&back).join(", "))
    });
    [
        format!("   not shown to readers: {in_sync} in sync, min.insync.replicas {needed}"),
        format!("   not shown: {in_sync} in sync, {needed} needed"),
        "   not shown yet".to_owned(),
    ]
    .map(|words| vec![(Role::Warning, words), (Role::Text, keys.clone())])
    .to_vec()
}
