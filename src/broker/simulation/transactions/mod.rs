//! Transactions on simulated time: the product's coordinator and what leaders know of producers, and everything that can
//! go wrong around them.
//!
//! One broker after the other leads `__transaction_state`, whose records are those of the product, byte for byte
//! ([`coordinator`]). Four producers ([`producer`]), of which two have one transactional id and two speak the older
//! protocol, write into three partitions, whose leaders change as well ([`partition`]): they add them, write, commit,
//! abort, are killed or stand still in the middle, and ask again where no answer came. Consumers read what is committed.
//!
//! A seed decides how long a message takes and which is lost; which record, which request and which marker comes late, or
//! late and twice; which record of the coordinator is refused, or is in its log and not known to be in another; who leads
//! next, and how much of what was not committed it has; and how time passes.
//!
//! What must hold ([`ledger`]): a transaction ends in the same way in every partition, with all its records, and as its
//! producer was told; none is committed that its producer did not ask for; a marker ends one transaction; the last stable
//! offset does not pass an open one; nobody reads a record that was aborted. When the faults are over, everything ends by
//! itself and is read.
//!
//! The older protocol cannot tell a request of one transaction from the same one of the next: its clients' requests to
//! the coordinator come in order here, unless [`Bug::LateEndOfOlderProtocol`] is planted.

mod coordinator;
mod ledger;
mod partition;
mod producer;
mod world;

use self::world::World;
use super::{
    promises::{Invariant, Violation},
    seeds::Simulation,
    transcript::Transcript,
};
use crate::planted::Bug;

/// Producers of both protocols.
const TRANSACTIONS: Simulation = Simulation {
    name: "simulation::transactions",
    run: |seed, transcript| run(seed, [2, 0, 2, 0], transcript),
};

/// Producers whose epochs rise with each end alone.
const RAISED_EPOCHS: Simulation = Simulation {
    name: "simulation::transactions",
    run: |seed, transcript| run(seed, [2; 4], transcript),
};

fn run(seed: u64, versions: [i16; 4], transcript: &mut Transcript) -> Result<(), Violation> {
    let mut world = World::new(seed, versions, std::mem::take(transcript));
    let result = world.run();
    *transcript = world.into_transcript();
    result
}

#[test]
fn promises_hold_whatever_goes_wrong() {
    TRANSACTIONS.holds_its_promises();
}

#[test]
fn a_seed_decides_everything() {
    TRANSACTIONS.is_determined_by_its_seed();
}

#[test]
fn markers_that_are_sooner_than_their_outcome_are_found() {
    TRANSACTIONS.finds(
        Bug::MarkersBeforeOutcome,
        &[
            Invariant::AllOrNothing,
            Invariant::OutcomeIsAsTold,
            Invariant::NoAbortedRead,
        ],
    );
}

#[test]
fn a_late_end_that_ends_the_next_transaction_is_found() {
    TRANSACTIONS.finds(
        Bug::LateEndEndsTheNext,
        &[Invariant::CommittedAsWished, Invariant::OutcomeIsAsTold],
    );
}

#[test]
fn a_late_record_that_opens_a_transaction_is_found_and_refused_where_epochs_rise() {
    TRANSACTIONS.finds(
        Bug::TransactionsUnverified,
        &[Invariant::HealsAgain, Invariant::AllOrNothing],
    );
    RAISED_EPOCHS.withstands(Bug::TransactionsUnverified);
}

#[test]
fn a_marker_between_question_and_record_is_found_and_refused_where_epochs_rise() {
    TRANSACTIONS.finds(
        Bug::VerifiedForGood,
        &[Invariant::HealsAgain, Invariant::AllOrNothing],
    );
    RAISED_EPOCHS.withstands(Bug::VerifiedForGood);
}

#[test]
fn a_marker_that_is_done_before_it_is_replicated_is_found() {
    RAISED_EPOCHS.finds(
        Bug::RepeatedMarkerNotAwaited,
        &[Invariant::HealsAgain, Invariant::AllOrNothing],
    );
}

#[test]
fn an_end_that_is_sent_again_and_comes_late_is_found_and_refused_where_epochs_rise() {
    TRANSACTIONS.finds(
        Bug::LateEndOfOlderProtocol,
        &[Invariant::CommittedAsWished, Invariant::OutcomeIsAsTold],
    );
    RAISED_EPOCHS.withstands(Bug::LateEndOfOlderProtocol);
}

/// `KAFKARIUM_SEED=4711 cargo test -p kafkarium-broker --lib simulation::transactions::replay -- --nocapture` tells what happens.
#[test]
fn replay() {
    TRANSACTIONS.replay();
}
