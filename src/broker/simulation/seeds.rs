//! Many seeds on all cores; a failing one prints its transcript and how to run it again.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use super::{
    promises::{Invariant, Violation},
    transcript::Transcript,
};
use crate::planted::{self, Bug};

/// Seeds of a test run: some seconds of unoptimized code.
const SEEDS: u64 = 600;

/// Seeds among which one has to find a planted bug.
const SEEDS_TO_FIND: u64 = 3_000;

/// A world that a seed decides.
pub(super) struct Simulation {
    /// The module of its tests.
    pub(super) name: &'static str,
    /// One seed from beginning to end.
    pub(super) run: fn(u64, &mut Transcript) -> Result<(), Violation>,
}

impl Simulation {
    /// Runs [`SEEDS`] seeds, or `KAFKARIUM_SEEDS`.
    pub(super) fn holds_its_promises(&self) {
        let seeds = variable("KAFKARIUM_SEEDS").unwrap_or(SEEDS);
        if let Some((seed, violation)) = self.first_failure(0..seeds, || {}) {
            self.fail(seed, &violation);
        }
    }

    /// Finds a planted bug, says which promise it breaks, and finds that the same seed breaks none without it.
    #[track_caller]
    pub(super) fn finds(&self, bug: Bug, invariants: &[Invariant]) {
        let found = self.first_failure(0..SEEDS_TO_FIND, || planted::plant(Some(bug)));
        let Some((seed, violation)) = found else {
            panic!("no seed finds {bug:?}");
        };
        println!("{bug:?}: seed {seed}: {violation}");
        assert!(
            invariants.contains(&violation.invariant),
            "{bug:?} is found by {violation}"
        );
        assert!(
            (self.run)(seed, &mut Transcript::default()).is_ok(),
            "seed {seed} breaks a promise anyway"
        );
    }

    /// Breaks no promise although a bug is planted: here it does nothing.
    #[track_caller]
    pub(super) fn withstands(&self, bug: Bug) {
        let failed = self.first_failure(0..SEEDS, || planted::plant(Some(bug)));
        if let Some((seed, violation)) = failed {
            panic!("seed {seed} breaks a promise where {bug:?} is planted: {violation}");
        }
    }

    /// Tells what happens in the seed that `KAFKARIUM_SEED` names, if it is set.
    pub(super) fn replay(&self) {
        let Some(seed) = variable("KAFKARIUM_SEED") else {
            return;
        };
        let (result, transcript) = self.told(seed);
        println!("{transcript}");
        if let Err(violation) = result {
            panic!("seed {seed} breaks a promise: {violation}");
        }
    }

    /// The same seed is the same story.
    pub(super) fn is_determined_by_its_seed(&self) {
        for seed in 0..20 {
            let (_, first) = self.told(seed);
            let (_, second) = self.told(seed);
            assert_eq!(first, second, "seed {seed}");
            assert!(first.contains("fault: "), "seed {seed} is without faults");
        }
    }

    /// One seed with everything that happens.
    fn told(&self, seed: u64) -> (Result<(), Violation>, String) {
        let mut transcript = Transcript::kept();
        let result = (self.run)(seed, &mut transcript);
        (result, transcript.into_text())
    }

    /// The lowest of these seeds that breaks a promise. `prepare` is called on every thread.
    fn first_failure(
        &self,
        seeds: Range<u64>,
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
                            if let Err(violation) = (self.run)(seed, &mut Transcript::default()) {
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
    fn fail(&self, seed: u64, violation: &Violation) -> ! {
        let (_, transcript) = self.told(seed);
        panic!(
            "seed {seed} breaks a promise: {violation}\n\n{transcript}\nagain: \
             KAFKARIUM_SEED={seed} cargo test -p kafkarium-broker --lib {}::replay -- --nocapture",
            self.name
        );
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
