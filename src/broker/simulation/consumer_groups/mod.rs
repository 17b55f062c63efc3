//! A group of the consumer protocol (KIP-848) on simulated time: the product's coordinator, and everything that can go wrong
//! around it.
//!
//! One broker after the other leads `__consumer_offsets`, whose records are those of the product, byte for byte ([`log`]).
//! Four consumers, of which one is a static member ([`member`]), join, move towards what they are told with their
//! heartbeats, commit, and begin again after an error, as Kafka's do.
//!
//! A seed decides how long a message takes and which is lost, which commit comes late; which consumer crashes, stands still,
//! leaves, or is closed to come back; how slow each gives up; which write is refused, or is in the log and not known to be;
//! who leads next, and how much of what was not committed it has; when the topic grows. What a member says in its heartbeats
//! comes in order, as on one connection.
//!
//! What must hold ([`ledger`]): a partition has one reader among the members; a member's epoch does not fall; nobody commits
//! what another member reads. When the faults are over the group is stable, has exactly the consumers that live, and each
//! partition has one.

mod ledger;
mod log;
mod member;
mod world;

use self::world::World;
use super::{
    promises::{Invariant, Violation},
    seeds::Simulation,
    transcript::Transcript,
};
use crate::planted::Bug;

const CONSUMER_GROUPS: Simulation = Simulation {
    name: "simulation::consumer_groups",
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
    CONSUMER_GROUPS.holds_its_promises();
}

#[test]
fn a_seed_decides_everything() {
    CONSUMER_GROUPS.is_determined_by_its_seed();
}

#[test]
fn a_partition_that_is_given_before_it_is_given_up_is_found() {
    CONSUMER_GROUPS.finds(Bug::HeldPartitionsGiven, &[Invariant::OneOwner]);
}

#[test]
fn a_change_that_is_told_before_it_is_stored_is_found() {
    CONSUMER_GROUPS.finds(
        Bug::ConsumerGroupToldTooEarly,
        &[
            Invariant::OneOwner,
            Invariant::GenerationsGrow,
            Invariant::MembersCommit,
        ],
    );
}

#[test]
fn a_late_commit_of_what_another_member_reads_is_found() {
    CONSUMER_GROUPS.finds(Bug::LateCommitsCount, &[Invariant::MembersCommit]);
}

/// `KAFKARIUM_SEED=4711 cargo test -p kafkarium-broker --lib simulation::consumer_groups::replay -- --nocapture` tells what
/// happens.
#[test]
fn replay() {
    CONSUMER_GROUPS.replay();
}
