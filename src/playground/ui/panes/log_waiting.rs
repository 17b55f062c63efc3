//! Behind the cells of a partition: what waits, and why.

use super::log_lane::Lane;
use crate::ui::{
    canvas::{Canvas, width},
    theme::Role,
    words,
};

impl Lane<'_> {
    /// Writes that wait for a leader or for replicas, for as long as they do, or records that are written and wait to be
    /// shown.
    pub(super) fn waiting(&self, canvas: &mut Canvas<'_>, y: u16) {
        let ways = self.why_it_waits();
        let (x, end) = (self.window.right() + 1, self.ruler.end);
        let fits = |words: &&String| x + width(words) <= end;
        if let Some(words) = ways.iter().find(fits) {
            canvas.text(x, y, end, words, Role::Warning);
        }
    }

    /// The longest words first.
    fn why_it_waits(&self) -> Vec<String> {
        let waiting = self.cluster().waiting(&self.place);
        let below = self.cluster().below_minimum(&self.place);
        // Who waits for the leader only is not refused.
        let for_all = self.cluster().waiting_for_all(&self.place);
        let below = below.filter(|_| for_all > 0);
        let standstill = self.cluster().standstill(self.partition);
        let leaderless = standstill.is_some_and(|it| it.is_without_leader());
        if waiting > 0 && (leaderless || below.is_some()) {
            let wait = words::writes_wait(waiting);
            if leaderless {
                return vec![
                    format!("   {wait}"),
                    format!(" {wait}"),
                    format!(" {waiting} wait"),
                ];
            }
            let Some(below) = below else {
                return Vec::new();
            };
            let back = below.missed.map(|broker| self.cluster().revival(broker));
            let keys = back.map(|back| self.state.view.keys_in_turn(&back).join(", "));
            let key = keys.map_or_else(String::new, |keys| format!("   {keys}"));
            let short = format!("{} of {} in sync", below.in_sync, below.needed);
            return vec![
                format!("   {wait}: NOT_ENOUGH_REPLICAS{key}"),
                format!("   {wait}: NOT_ENOUGH_REPLICAS"),
                format!("  {waiting} wait: NOT_ENOUGH_REPLICAS"),
                format!("   {wait}: {short}"),
                format!("  {waiting} wait: {short}"),
                format!("   {wait}{key}"),
                format!("   {wait}"),
                format!(" {waiting} wait{key}"),
                format!(" {waiting} wait"),
            ];
        }
        let topic = self.cluster().topics.get(&self.place.topic);
        let Some(hidden) = topic.and_then(|topic| topic.hidden(self.partition)) else {
            return Vec::new();
        };
        let (in_sync, needed) = (hidden.in_sync, hidden.needed);
        vec![
            format!("   written on {in_sync} of {needed} in sync: not shown yet"),
            format!("   {in_sync} of {needed} in sync: not shown"),
            format!("   {} not shown", hidden.records),
            format!(" {} not shown", hidden.records),
        ]
    }
}
