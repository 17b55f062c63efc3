//! Turns what our transactional producers tell into lines of "what happened".

use super::{
    Hand,
    story::{Line, Story, Subject, Tone},
};
use crate::state::cluster::{Change, Cluster, ProcessName, Producing, Told};
use wire::report::TransactionStep;

/// A producer came a step on in its transaction, or did not.
pub(super) fn told(story: &mut Story, cluster: &Cluster, told: &Told) {
    let ProcessName::Producer(name) = &told.by else {
        return;
    };
    let hand = Hand::Process(told.by.clone());
    let causes = [
        Subject::Transaction(name.clone()),
        Subject::Process(told.by.clone()),
    ];
    let line = Line::new(told.at, hand);
    match &told.change {
        // The line of who wanted it says so; the brokers do not know of it yet.
        Change::Transaction {
            step: TransactionStep::Began,
        } => {}
        Change::Transaction { step } => {
            let known = cluster.processes.get(&told.by);
            let written = known.and_then(|known| known.producing.as_ref());
            let written = written.map_or(0, Producing::written);
            let line = match (step, written) {
                (_, 0) => line.say("nothing was written: nothing to do"),
                (TransactionStep::Committed, 1) => {
                    line.with(Tone::Good, "committed: 1 record counts")
                }
                (TransactionStep::Committed, count) => {
                    line.with(Tone::Good, format!("committed: {count} records count"))
                }
                (_, 1) => line.say("aborted: 1 record does not count"),
                (_, count) => line.say(format!("aborted: {count} records do not count")),
            };
            story.tell(&causes, line);
        }
        Change::TransactionRefused { step, error, .. } => {
            story.tell(&causes, line.with(Tone::Bad, refused(*step, error)));
        }
        _ => {}
    }
}

/// `cannot commit: ...`
pub(in crate::state) fn refused(step: TransactionStep, error: &str) -> String {
    let verb = match step {
        TransactionStep::Began => "begin",
        TransactionStep::Committed => "commit",
        TransactionStep::Aborted => "abort",
    };
    format!("cannot {verb}: {error}")
}
