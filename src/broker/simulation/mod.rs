//! A whole cluster on simulated time: the brokers' own decisions, and everything that can go wrong around them.
//!
//! Four brokers, a ZooKeeper, two producers and two consumers run in one thread on a clock that jumps from
//! event to event. The brokers decide with the code of the product: `replication` (roles, ISR, high watermark,
//! truncation), `controller` (elections), the epochs of `log`, and of `registry` the image that is kept
//! of the znodes, the order of reads, and the multis with their checks. What is written anew here is the shell
//! around it: files ([`log`]), sockets ([`network`]), ZooKeeper ([`zookeeper`]) and the tasks ([`process`],
//! [`registry`], [`controller`], [`replicas`]), one message at a time.
//!
//! A seed decides everything: how long a message takes, which is lost, who crashes, is frozen, stops cleanly, is
//! cut off from another broker or from ZooKeeper, whose clock jumps, when ZooKeeper is away, when the topic is deleted
//! and made anew under its name, or moved to other brokers, elsewhere again, or back ([`faults`]). A crash loses memory and keeps what was written; a checkpoint
//! may be old. A connection to ZooKeeper that breaks leaves its writes in doubt, and a session lives on
//! until its timeout.
//!
//! What must hold ([`ledger`]) is looked at after every event: records below a high watermark are the same on every
//! replica and at any time; who is in the ISR, and so may be elected, has all of them; no latest offset and no record
//! that a consumer was told is withdrawn; one process leads in one epoch. When the faults are over, within
//! 1.5 simulated seconds there must be a leader, a full ISR, equal logs, and an answer for every producer.
//!
//! Consumer groups of either protocol have a world of their own ([`groups`], [`consumer_groups`]), and so have transactions
//! ([`transactions`]) and a group's offsets in them ([`transactional_offsets`]).
//!
//! A test run takes some hundred seeds, or `KAFKARIUM_SEEDS`; many more are worth optimized code:
//!
//! ```text
//! KAFKARIUM_SEEDS=40000 CARGO_PROFILE_TEST_OPT_LEVEL=2 cargo test -p kafkarium-broker --lib promises_hold
//! ```
//!
//! A seed that breaks a promise prints everything that happened and which promise it was. It runs again, on any
//! machine, as often as wanted:
//!
//! ```text
//! KAFKARIUM_SEED=4711 cargo test -p kafkarium-broker --lib simulation::replay -- --nocapture
//! ```
//!
//! Whether it would find a mistake is tested too: bugs of Kafka's past are planted (`broker::planted`), and each is found.

mod chance;
mod clients;
mod consumer_groups;
mod controller;
mod course;
mod faults;
mod groups;
mod ledger;
mod log;
mod message;
mod network;
mod process;
mod promises;
mod queue;
mod reassignment;
mod registry;
mod replicas;
mod seeds;
mod transactional_offsets;
mod transactions;
mod transcript;
mod world;
mod zookeeper;

use self::{
    promises::{Invariant, Violation},
    seeds::Simulation,
    transcript::Transcript,
    world::World,
};
use super::planted::Bug;

/// Brokers of a simulation, one more than the topic has replicas: it can be moved.
const BROKERS: i32 = 4;

const CLUSTER: Simulation = Simulation {
    name: "simulation",
    run,
};

fn run(seed: u64, transcript: &mut Transcript) -> Result<(), Violation> {
    let mut world = World::new(seed, BROKERS, std::mem::take(transcript));
    let result = faults::run(&mut world);
    *transcript = world.transcript;
    result
}

#[test]
fn promises_hold_whatever_goes_wrong() {
    CLUSTER.holds_its_promises();
}

#[test]
fn a_seed_decides_everything() {
    CLUSTER.is_determined_by_its_seed();
}

#[track_caller]
fn finds(bug: Bug, invariants: &[Invariant]) {
    CLUSTER.finds(bug, invariants);
}

#[test]
fn truncation_to_the_high_watermark_is_found() {
    finds(
        Bug::TruncationToHighWatermark,
        &[Invariant::AcknowledgedRecordsStay],
    );
}

#[test]
fn an_entry_into_the_isr_below_the_epochs_start_is_found() {
    finds(
        Bug::EntryBelowEpochStart,
        &[Invariant::AcknowledgedRecordsStay],
    );
}

#[test]
fn a_high_watermark_that_does_not_wait_for_a_pending_entry_is_found() {
    finds(
        Bug::PendingIsrIgnored,
        &[Invariant::AcknowledgedRecordsStay],
    );
}

#[test]
fn a_removal_from_the_isr_that_counts_before_it_is_written_is_found() {
    finds(
        Bug::ShrinkBeforeWrite,
        &[Invariant::AcknowledgedRecordsStay],
    );
}

#[test]
fn an_entry_into_the_isr_below_the_high_watermark_is_found() {
    finds(
        Bug::EntryBelowHighWatermark,
        &[Invariant::AcknowledgedRecordsStay],
    );
}

#[test]
fn a_latest_offset_told_too_early_is_found() {
    finds(Bug::LatestOffsetTooEarly, &[Invariant::LatestOffsetStays]);
}

#[test]
fn an_answer_to_a_fetch_of_another_role_is_found() {
    // Another history in the log is met first wherever it is looked for first.
    finds(
        Bug::StaleFetchAnswer,
        &[Invariant::LogsAgree, Invariant::AcknowledgedRecordsStay],
    );
}

#[test]
fn a_restart_that_nobody_saw_is_found() {
    finds(Bug::RestartUnseen, &[Invariant::OneLeaderPerEpoch]);
}

/// `KAFKARIUM_SEED=4711 cargo test -p kafkarium-broker --lib simulation::replay -- --nocapture` tells what happens.
#[test]
fn replay() {
    CLUSTER.replay();
}
