//! Turns what brokers report of clients into lines of "what happened".

use super::story::{Line, Merge, Story, Tone};
use crate::state::Timestamp;
use wire::BrokerId;

/// A client that is refused is started again and again: the same one is told of once.
pub(super) fn transactions_refused(
    story: &mut Story,
    at: Timestamp,
    broker: BrokerId,
    transactional_id: &str,
    client_id: &str,
) {
    let once = Merge::TransactionsRefused(transactional_id.to_owned());
    if story.has(&once) {
        return;
    }
    let client = match client_id {
        "" => "a client".to_owned(),
        named => format!("client {named}"),
    };
    let words = format!("refused {client}: no transactions here");
    let line = Line::new(at, format!("broker {broker}"))
        .with(Tone::Bad, words)
        .with(
            Tone::Dim,
            format!("  run it without transactional.id {transactional_id}"),
        );
    story.tell(&[], line.merging(once));
}

#[cfg(test)]
mod tests {
    use super::super::Narrator;
    use super::*;
    use crate::state::{Cluster, ProcessName};
    use wire::report::{Report, ReportLine};

    #[test]
    fn who_wants_transactions_is_told_of_once() {
        let (mut narrator, mut story) = (Narrator::default(), Story::default());
        let mut refuse = |at_ms: i64, transactional_id: &str| {
            let report = Report::TransactionsRefused {
                broker: BrokerId(2),
                transactional_id: transactional_id.to_owned(),
                client_id: "rdkafka".to_owned(),
            };
            let process = ProcessName::Broker(BrokerId(2));
            let line = ReportLine { at_ms, report };
            narrator.tell(&mut story, &Cluster::default(), &process, &line);
        };
        refuse(1, "billing");
        refuse(600_000, "billing");
        refuse(600_000, "shipping");
        let told = story.entries().iter().map(|entry| {
            assert_eq!(entry.who, "broker 2");
            entry.text.iter().map(|(_, it)| it.as_str()).collect()
        });
        let words = |id: &str| {
            format!(
                "refused client rdkafka: no transactions here  run it without transactional.id {id}"
            )
        };
        let told: Vec<String> = told.collect();
        assert_eq!(told.len(), 2);
        assert!(told.contains(&words("billing")) && told.contains(&words("shipping")));
    }
}
