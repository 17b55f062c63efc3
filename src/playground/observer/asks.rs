//! Counts what our own connections ask of somebody else's brokers: whoever looks on says what that costs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::scope::Scope;
use crate::state::{AsksSeen, Observation};

/// How often it is told.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// The first time sooner: somebody looks at it from the start.
const TOLD_FIRST: Duration = Duration::from_secs(3);

/// Counts until cancelled.
pub(super) async fn run(scope: Arc<Scope>, stop: CancellationToken) {
    let mut pause = TOLD_FIRST;
    let mut since = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = TOLD_EVERY;
        let now = Instant::now();
        let within = now.duration_since(since);
        since = now;
        let mut by_api = scope.tap().asked();
        by_api.sort_by(|(a, few), (b, many)| many.cmp(few).then_with(|| a.cmp(b)));
        scope
            .tell(Observation::Asks(AsksSeen { within, by_api }))
            .await;
    }
}
