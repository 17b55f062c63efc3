//! Transactions on simulated time: the product's coordinator, and everything that can go wrong around it.
//!
//! One broker after the other leads `__transaction_state`, whose records are those of the product, byte for byte
//! ([`coordinator`]). Three producers ([`producer`]), of which two have one transactional id and one speaks the older
//! protocol, write into three partitions ([`ledger`]): they add them, write, commit, abort, give up in the middle, and
//! ask again where no answer came.
//!
//! A seed decides which answer is lost, which request comes late and twice, which record is refused, or is in the
//! leader's log and not known to be in another; how much of what was not committed the next leader has; which marker is
//! lost, comes twice, or is an earlier coordinator's; and how time passes.
//!
//! What must hold ([`ledger`]): a transaction ends in the same way in every partition, and as its producer was told; none
//! is committed that its producer did not ask for; a marker ends one transaction. When the faults are over, within a minute nothing is open any more.

mod coordinator;
mod ledger;
mod producer;
mod world;

use self::world::World;
use super::{
    promises::{Invariant, Violation},
    seeds::Simulation,
    transcript::Transcript,
};
use crate::planted::Bug;

const TRANSACTIONS: Simulation = Simulation {
    name: "simulation::transactions",
    run,
};

fn run(seed: u64, transcript: &mut Transcript) -> Result<(), Violation> {
    let mut world = World::new(seed, std::mem::take(transcript));
    let result = world.run();
    *transcript = world.transcript;
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
        &[Invariant::AllOrNothing, Invariant::OutcomeIsAsTold],
    );
}

#[test]
fn a_late_end_that_ends_the_next_transaction_is_found() {
    TRANSACTIONS.finds(
        Bug::LateEndEndsTheNext,
        &[Invariant::CommittedAsWished, Invariant::OutcomeIsAsTold],
    );
}

/// `KAFKARIUM_SEED=4711 cargo test -p kafkarium-broker --lib simulation::transactions::replay -- --nocapture` tells what happens.
#[test]
fn replay() {
    TRANSACTIONS.replay();
}
