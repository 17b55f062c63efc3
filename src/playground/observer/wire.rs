//! Hands on what was heard on our own connections, some at a time.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::timestamp;
use super::scope::Scope;
use crate::state::{ExchangeSeen, Observation};
use client::tap::Exchange;

/// Exchanges that are told together.
const AT_ONCE: usize = 64;

/// Tells until cancelled. While nobody listens nothing is heard, and this sleeps.
pub(super) async fn run(
    scope: Arc<Scope>,
    mut heard: mpsc::Receiver<Exchange>,
    stop: CancellationToken,
) {
    let mut exchanges = Vec::new();
    loop {
        let count = tokio::select! {
            () = stop.cancelled() => return,
            count = heard.recv_many(&mut exchanges, AT_ONCE) => count,
        };
        if count == 0 {
            return;
        }
        let told = Observation::Wire {
            exchanges: exchanges.drain(..).map(seen).collect(),
            missed: scope.tap().missed(),
        };
        scope.tell(told).await;
    }
}

fn seen(exchange: Exchange) -> ExchangeSeen {
    let (tells, answer) = match exchange.answer {
        Ok(answer) => (answer.summary, answer.fields),
        Err(why) => (why, String::new()),
    };
    ExchangeSeen {
        at: timestamp(exchange.sent_at),
        address: exchange.address,
        api: exchange.api,
        version: exchange.version,
        correlation_id: exchange.correlation_id,
        latency: exchange.latency,
        request_bytes: bytes(exchange.request_bytes),
        answer_bytes: exchange.answer_bytes.map(bytes),
        asks: exchange.request.summary,
        tells,
        error: exchange.error.map(|code| code.to_string()),
        request: exchange.request.fields,
        answer,
    }
}

fn bytes(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
