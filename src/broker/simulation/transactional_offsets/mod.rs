//! A group's offsets in transactions on simulated time: the product's coordinator of groups, and everything that can go
//! wrong around it.
//!
//! One broker after the other leads `__consumer_offsets`, whose records are those of the product, byte for byte ([`log`]).
//! Three producers, of which one speaks the older protocol, commit offsets in transactions, end them, are killed, and begin
//! the next one once the marker of the last one is acknowledged ([`producer`]); beside them somebody commits without
//! transactions.
//!
//! A seed decides how long a message takes and which is lost; which commit comes late, as its transaction has ended; which
//! write is refused, or is in the log and not known to be; which marker is written twice, and when the coordinator hears of
//! each; who leads next, how much of what was not committed it has, and which markers come while it reads.
//!
//! What must hold ([`ledger`]): no offset of a transaction is told that is open or was aborted; where an offset's commit, or
//! its transaction's, was acknowledged, no older one is told; and nobody who wants stable offsets gets one that an open
//! transaction is about to change. When the faults are over, every coordinator tells what the log says.

mod ledger;
mod log;
mod producer;
mod world;

use self::world::World;
use super::{
    promises::{Invariant, Violation},
    seeds::Simulation,
    transcript::Transcript,
};
use crate::planted::Bug;

const TRANSACTIONAL_OFFSETS: Simulation = Simulation {
    name: "simulation::transactional_offsets",
    run,
};

fn run(seed: u64, transcript: &mut Transcript) -> Result<(), Violation> {
    let mut world = World::new(seed, std::mem::take(transcript));
    let result = world.run();
    *transcript = world.into_transcript();
    result
}

#[test]
fn promises_hold_whatever_goes_wrong() {
    TRANSACTIONAL_OFFSETS.holds_its_promises();
}

#[test]
fn a_seed_decides_everything() {
    TRANSACTIONAL_OFFSETS.is_determined_by_its_seed();
}

#[test]
fn offsets_that_count_before_their_marker_are_found() {
    TRANSACTIONAL_OFFSETS.finds(
        Bug::OpenOffsetsCount,
        &[Invariant::NoAbortedRead, Invariant::OpenIsNotStable],
    );
}

#[test]
fn a_marker_that_is_forgotten_while_the_log_is_read_is_found() {
    TRANSACTIONAL_OFFSETS.finds(
        Bug::MarkersWhileLoadingForgotten,
        &[Invariant::CommittedOffsetsStay, Invariant::HealsAgain],
    );
}

#[test]
fn a_marker_that_puts_an_offset_before_a_later_one_is_found() {
    TRANSACTIONAL_OFFSETS.finds(
        Bug::MarkersDecideTheOrder,
        &[Invariant::CommittedOffsetsStay],
    );
}

#[test]
fn late_news_of_a_marker_that_end_the_next_transaction_are_found() {
    TRANSACTIONAL_OFFSETS.finds(
        Bug::LateNewsEndsTheNext,
        &[Invariant::NoAbortedRead, Invariant::OpenIsNotStable],
    );
}

/// `KAFKARIUM_SEED=4711 cargo test -p kafkarium-broker --lib simulation::transactional_offsets::replay -- --nocapture` tells
/// what happens.
#[test]
fn replay() {
    TRANSACTIONAL_OFFSETS.replay();
}
