//! Many seeds on all cores; a failing one prints its transcript and how to run it again.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use super::{faults, ledger::Violation, transcript::Transcript, world::World};

/// Brokers of a simulation; the topic has as many replicas.
const BROKERS: i32 = 3;

/// One seed from beginning to end.
pub(super) fn run(seed: u64) -> Result<(), Violation> {
    faults::run(&mut World::new(seed, BROKERS, Transcript::default()))
}

/// The same once more, with everything that happens.
pub(super) fn replay(seed: u64) -> (Result<(), Violation>, String) {
    let mut world = World::new(seed, BROKERS, Transcript::kept());
    let result = faults::run(&mut world);
    (result, world.transcript.into_text())
}

/// The lowest of these seeds that breaks a promise. `prepare` is called on every thread.
pub(super) fn first_failure(
    seeds: std::ops::Range<u64>,
    prepare: impl Fn() + Sync,
) -> Option<(u64, Violation)> {
    let next = AtomicU64::new(seeds.start);
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let failures = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    prepare();
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= seeds.end {
                            return None;
                        }
                        if let Err(violation) = run(seed) {
                            // Later seeds are of no interest any more; earlier ones are under way.
                            next.store(seeds.end, Ordering::Relaxed);
                            return Some((seed, violation));
                        }
                    }
                })
            })
            .collect();
        let found = workers
            .into_iter()
            .filter_map(|it| it.join().expect("no panic"));
        found.collect::<Vec<_>>()
    });
    failures.into_iter().min_by_key(|(seed, _)| *seed)
}

/// The end of a failing test: what was broken, everything that led to it, and how to see it again.
pub(super) fn fail(seed: u64, violation: &Violation) -> ! {
    let (_, transcript) = replay(seed);
    panic!(
        "seed {seed} breaks a promise: {violation}\n\n{transcript}\nagain: \
         KAFKARIUM_SEED={seed} cargo test --lib simulation::replay -- --nocapture"
    );
}
