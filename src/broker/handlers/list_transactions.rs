//! `ListTransactions` 0 to 2: the transactional ids that this broker coordinates.
//!
//! Behaviour: each broker answers for itself. Filters by state and producer id, from version 1 on by the age of the
//! transaction, in 2 by a pattern of the id, which is another regular expression than RE2 only in what neither has
//! of the other's extras. States that do not exist are named and fit nothing.

use std::sync::Arc;

use kafka_protocol::{
    messages::{
        ListTransactionsRequest, ListTransactionsResponse,
        list_transactions_response::TransactionState as Listed,
    },
    protocol::StrBytes,
};
use regex::Regex;

use super::RequestContext;
use crate::{
    Broker,
    transactions::{Filter, TransactionState},
};
use wire::ErrorCode;

#[expect(clippy::unused_async, reason = "handlers have one signature")]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    _context: &RequestContext,
    request: ListTransactionsRequest,
) -> ListTransactionsResponse {
    let known = |name: &StrBytes| {
        let mut all = TransactionState::ALL.into_iter();
        all.find(|state| state.name() == name.as_str())
    };
    let unknown = request.state_filters.iter();
    let unknown: Vec<StrBytes> = unknown
        .filter(|name| known(name).is_none())
        .cloned()
        .collect();
    let filter = Filter {
        states: request.state_filters.iter().filter_map(known).collect(),
        producer_ids: request.producer_id_filters.iter().map(|id| id.0).collect(),
        duration_ms: request.duration_filter,
    };
    let fits_none = !request.state_filters.is_empty() && filter.states.is_empty();
    let response = ListTransactionsResponse::default().with_unknown_state_filters(unknown);
    let pattern = request.transactional_id_pattern;
    let pattern = pattern.filter(|pattern| !pattern.is_empty());
    let pattern = match pattern.map(|pattern| Regex::new(&format!("^(?:{pattern})$"))) {
        Some(Ok(pattern)) => Some(pattern),
        Some(Err(_)) => {
            return response.with_error_code(ErrorCode::InvalidRegularExpression.code());
        }
        None => None,
    };
    let all = match broker.transactions.list(&filter) {
        Ok(_) if fits_none => Vec::new(),
        Ok(all) => all,
        Err(code) => return response.with_error_code(code.code()),
    };
    let fits = |id: &str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(id));
    let listed = all.into_iter().filter(|(id, ..)| fits(id));
    let listed = listed.map(|(id, producer_id, state)| {
        Listed::default()
            .with_transactional_id(StrBytes::from_string(id).into())
            .with_producer_id(producer_id.into())
            .with_transaction_state(StrBytes::from_static_str(state.name()))
    });
    response.with_transaction_states(listed.collect())
}
