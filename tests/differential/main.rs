//! The same requests to Kafkarium and to Apache Kafka 3.9: what they answer differently is named in
//! `differences.toml`, each with its reason, and anything else is a mistake of ours.
//!
//! Needs Java and Maven, which fetches the original once; without them it says so and passes.
//! `KAFKARIUM_SEED=4711 cargo test --test differential` plays that random list of requests again.

mod answers;
#[path = "../cluster/mod.rs"]
mod cluster;
mod configs;
mod connection;
mod differences;
#[path = "../../benches/compare/engine.rs"]
#[expect(dead_code, reason = "the benchmark uses the rest of it")]
mod engine;
mod groups;
mod pair;
mod random;
mod records;
mod topics;
mod transactions;

use std::path::PathBuf;

use differences::Differences;
use engine::{Cluster, Engine, fetch};
use pair::Pair;

/// Where cargo keeps what tests make: the original is fetched once.
fn original() -> Option<Engine> {
    let fetch = || fetch(&PathBuf::from(env!("CARGO_TARGET_TMPDIR")));
    let jars = cluster::apache_kafka(fetch)?;
    Some(Engine::Apache { jars, heap: 512 })
}

#[tokio::test]
async fn the_same_requests_have_the_same_answers() {
    let Some(original) = original() else { return };
    let ours = Engine::Kafkarium {
        program: PathBuf::from(env!("CARGO_BIN_EXE_kafkarium")),
    };
    let start = |engine| {
        let mut cluster = Cluster::prepare(engine).expect("folders and ports");
        cluster.start().expect("it starts");
        cluster
    };
    let mut pair = Pair::new(start(ours), start(original)).await;
    pair.wait_for_transactions("before").await;
    topics::compare(&mut pair).await;
    configs::compare(&mut pair).await;
    records::compare(&mut pair).await;
    groups::compare(&mut pair).await;
    transactions::compare(&mut pair).await;
    random::compare(&mut pair).await;
    let report = Differences::read().judge(&pair.outcomes);
    println!("{}", report.summary);
    assert!(report.unexplained.is_empty(), "{}", report.unexplained);
}
