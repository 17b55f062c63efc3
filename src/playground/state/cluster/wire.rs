//! Requests and answers of our own connections, the newest of them.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::state::Timestamp;

/// Exchanges kept: some seconds of a busy cluster, a few megabytes with their decoded fields.
pub const EXCHANGES_MAX: usize = 300;

/// A request and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeSeen {
    /// When it was sent.
    pub at: Timestamp,
    /// To whom, `127.0.0.1:9092`.
    pub address: String,
    /// `Metadata`, `Fetch`, ...
    pub api: String,
    /// The version that was spoken.
    pub version: i16,
    /// The request's number on its connection.
    pub correlation_id: i32,
    /// From the request to the whole answer.
    pub latency: Duration,
    /// The request's bytes on the wire.
    pub request_bytes: u64,
    /// The answer's; `None`: there was none.
    pub answer_bytes: Option<u64>,
    /// What was asked, in a few words.
    pub asks: String,
    /// What was answered, in a few words, or why nothing was.
    pub tells: String,
    /// The first error in the answer, in Kafka's words.
    pub error: Option<String>,
    /// The request field by field.
    pub request: String,
    /// The answer field by field.
    pub answer: String,
}

impl ExchangeSeen {
    /// Whether something went wrong.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.error.is_some() || self.answer_bytes.is_none()
    }

    /// Whether a filter finds it: by API, address, error or words.
    #[must_use]
    pub fn matches(&self, filter: &str) -> bool {
        let wanted = filter.to_lowercase();
        let error = self.error.as_deref().unwrap_or_default();
        [&self.api, &self.address, &self.asks, &self.tells]
            .into_iter()
            .map(String::as_str)
            .chain([error])
            .any(|text| text.to_lowercase().contains(&wanted))
    }
}

/// What was heard on the wire while somebody listened.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Wire {
    exchanges: VecDeque<ExchangeSeen>,
    /// How many were heard before the oldest that is kept.
    forgotten: u64,
    /// How many came faster than they could be told.
    pub missed: u64,
}

impl Wire {
    /// All that are kept with their numbers, oldest first.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &ExchangeSeen)> {
        let count = u64::try_from(self.exchanges.len()).unwrap_or(0);
        (self.forgotten..self.forgotten + count)
            .filter_map(|number| Some((number, self.get(number)?)))
    }

    /// The exchange with this number.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<&ExchangeSeen> {
        let at = number.checked_sub(self.forgotten)?;
        self.exchanges.get(usize::try_from(at).ok()?)
    }

    pub(in crate::state) fn hear(&mut self, exchanges: &[ExchangeSeen], missed: u64) {
        self.missed = missed;
        self.exchanges.extend(exchanges.iter().cloned());
        while self.exchanges.len() > EXCHANGES_MAX {
            self.exchanges.pop_front();
            self.forgotten += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{EXCHANGES_MAX, ExchangeSeen, Wire};

    #[test]
    fn numbers_stay_while_the_oldest_are_forgotten() {
        let mut wire = Wire::default();
        for id in 0..EXCHANGES_MAX + 5 {
            let exchange = ExchangeSeen {
                correlation_id: i32::try_from(id).expect("small"),
                ..ExchangeSeen::default()
            };
            wire.hear(&[exchange], 0);
        }
        assert!(wire.get(4).is_none());
        let kept = wire.get(5).map(|exchange| exchange.correlation_id);
        assert_eq!(kept, Some(5));
        assert_eq!(wire.iter().next().map(|(number, _)| number), Some(5));
        assert_eq!(wire.iter().count(), EXCHANGES_MAX);
    }
}
