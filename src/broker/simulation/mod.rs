//! A whole cluster on simulated time: the brokers' own decisions, and everything that can go wrong around them.

mod chance;
mod clients;
mod controller;
mod faults;
mod ledger;
mod log;
mod message;
mod process;
mod registry;
mod replicas;
mod seeds;
mod transcript;
mod world;
mod zookeeper;

/// Seeds of a test run.
const SEEDS: u64 = 2_000;

#[test]
fn promises_hold_whatever_goes_wrong() {
    let seeds = std::env::var("KAFKARIUM_SEEDS");
    let seeds = seeds.ok().and_then(|it| it.parse().ok()).unwrap_or(SEEDS);
    if let Some((seed, violation)) = seeds::first_failure(0..seeds, || {}) {
        seeds::fail(seed, &violation);
    }
}

/// `KAFKARIUM_SEED=4711 cargo test --lib simulation::replay -- --nocapture` tells what happens.
#[test]
fn replay() {
    let seed = std::env::var("KAFKARIUM_SEED");
    let Some(seed) = seed.ok().and_then(|it| it.parse().ok()) else {
        return;
    };
    let (result, transcript) = seeds::replay(seed);
    println!("{transcript}");
    if let Err(violation) = result {
        panic!("seed {seed} breaks a promise: {violation}");
    }
}
