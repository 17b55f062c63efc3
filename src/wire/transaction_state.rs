//! Where a transaction stands, by Kafka's names.

use serde::{Deserialize, Serialize};

/// Where a transaction stands. In text it is Kafka's name, `PrepareCommit`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String")]
pub enum TransactionState {
    /// Nobody told yet, or a later Kafka has a state that this program has no name for.
    #[default]
    Unknown,
    /// None was begun by this producer.
    Empty,
    /// It is open.
    Ongoing,
    /// It will be committed whatever happens: the markers are on their way.
    PrepareCommit,
    /// It will be aborted whatever happens.
    PrepareAbort,
    /// Every partition has its commit marker.
    CompleteCommit,
    /// Every partition has its abort marker.
    CompleteAbort,
    /// The id expired and is about to be forgotten.
    Dead,
    /// A newer producer aborts it.
    PrepareEpochFence,
}

impl TransactionState {
    const NAMED: [Self; 8] = [
        Self::Empty,
        Self::Ongoing,
        Self::PrepareCommit,
        Self::PrepareAbort,
        Self::CompleteCommit,
        Self::CompleteAbort,
        Self::Dead,
        Self::PrepareEpochFence,
    ];

    /// Kafka's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
            Self::Dead => "Dead",
            Self::PrepareEpochFence => "PrepareEpochFence",
        }
    }

    /// The state of this name; [`Self::Unknown`] for all others.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let mut named = Self::NAMED.into_iter();
        named.find(|state| state.name() == name).unwrap_or_default()
    }

    /// Whether it is open, or not every partition has its marker yet.
    #[must_use]
    pub const fn is_under_way(self) -> bool {
        matches!(
            self,
            Self::Ongoing | Self::PrepareCommit | Self::PrepareAbort | Self::PrepareEpochFence
        )
    }
}

impl From<String> for TransactionState {
    fn from(name: String) -> Self {
        Self::of_name(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::TransactionState;

    #[test]
    fn states_are_read_by_the_names_that_are_written() {
        for state in TransactionState::NAMED {
            let text = serde_json::to_string(&state).expect("a name");
            assert_eq!(text, format!("\"{}\"", state.name()));
            assert_eq!(
                serde_json::from_str::<TransactionState>(&text).expect("own"),
                state
            );
        }
        assert_eq!(
            TransactionState::of_name("Later"),
            TransactionState::Unknown
        );
    }
}
