//! A consumer group on simulated time: the product's coordinator, and everything that can go wrong around it.
//!
//! Three brokers, of which one leads `__consumer_offsets`, and four consumers, of which two are static members. The
//! brokers decide with the code of the product (`coordinator`), and the log holds the records that it wrote, byte for
//! byte ([`offsets_log`]). What is written anew here is the shell around it ([`broker`]) and a client ([`consumer`])
//! that joins, divides, fetches, commits with and without waiting, and begins again after an error as Kafka's does.
//!
//! A seed decides how long a message takes, which is lost or comes twice, which consumer crashes, is frozen or closed
//! with and without a word, which broker crashes, is frozen, or does not hear that another leads; when an election takes
//! the lead from a broker that lives, and how much of what was not committed its successor has; when there are too few
//! replicas, or slow ones; how wall clocks jump; when an administrator deletes offsets or the group, or sets it back.
//!
//! What must hold ([`ledger`]): a partition has one owner in a generation; only members of the stored generation
//! commit; an acknowledged commit outlives its coordinator, and no older one is told after it; generations grow; a
//! static member that was told its partitions is fenced only by its successor; offsets are forgotten only while
//! nobody is in the group; no consumer begins behind a record that nobody read. A coordinator that was replaced and does
//! not know it may tell what was true when it was replaced, as Kafka's may. When the faults are over, within two
//! simulated seconds the group is stable, has exactly the consumers that live, and commits of every partition.

mod answers;
mod broker;
mod consumer;
mod division;
mod faults;
mod ledger;
mod message;
mod offsets_log;
mod world;
mod writes;

use self::world::World;
use super::{
    promises::{Invariant, Violation},
    seeds::Simulation,
    transcript::Transcript,
};
use crate::planted::Bug;

/// The one group.
const GROUP: &str = "billing";

const GROUPS: Simulation = Simulation {
    name: "simulation::groups",
    run,
};

fn run(seed: u64, transcript: &mut Transcript) -> Result<(), Violation> {
    let mut world = World::new(seed, std::mem::take(transcript));
    let result = faults::run(&mut world);
    *transcript = world.transcript;
    result
}

#[test]
fn promises_hold_whatever_goes_wrong() {
    GROUPS.holds_its_promises();
}

#[test]
fn a_seed_decides_everything() {
    GROUPS.is_determined_by_its_seed();
}

#[test]
fn a_static_member_whose_new_id_is_not_stored_is_found() {
    GROUPS.finds(
        Bug::StaticMemberNotStored,
        &[Invariant::NewestInstanceStays],
    );
}

#[test]
fn a_log_whose_first_records_count_is_found() {
    GROUPS.finds(Bug::FirstRecordCounts, &[Invariant::CommittedOffsetsStay]);
}

#[test]
fn a_commit_of_another_generation_is_found() {
    GROUPS.finds(Bug::CommitOfAnyGeneration, &[Invariant::MembersCommit]);
}

#[test]
fn an_older_commit_that_replaces_a_newer_one_is_found() {
    GROUPS.finds(Bug::CommitsInAnyOrder, &[Invariant::CommittedOffsetsStay]);
}

/// `KAFKARIUM_SEED=4711 cargo test -p kafkarium-broker --lib simulation::groups::replay -- --nocapture` tells what happens.
#[test]
fn replay() {
    GROUPS.replay();
}
