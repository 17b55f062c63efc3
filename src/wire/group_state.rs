//! The states of a consumer group, by the names that Kafka's protocol and tools give them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a group stands. In text it is Kafka's name, `PreparingRebalance`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String")]
pub enum GroupState {
    /// Nobody told yet, or a later Kafka has a state that this program has no name for.
    #[default]
    Unknown,
    /// Everybody has its assignment.
    Stable,
    /// No members; it lives as long as its offsets.
    Empty,
    /// Members are asked to join (again).
    PreparingRebalance,
    /// The generation's members are known; the leader divides the partitions.
    CompletingRebalance,
    /// KIP-848: the coordinator computes who is to read what.
    Assigning,
    /// KIP-848: members give up and take over what was computed.
    Reconciling,
    /// KIP-1071: a streams group that lacks one of its topics.
    NotReady,
    /// Being deleted, or not there.
    Dead,
}

impl GroupState {
    /// All that have a meaning, the usual ones first.
    pub const NAMED: [Self; 8] = [
        Self::Stable,
        Self::Empty,
        Self::PreparingRebalance,
        Self::CompletingRebalance,
        Self::Assigning,
        Self::Reconciling,
        Self::NotReady,
        Self::Dead,
    ];

    /// Kafka's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Stable => "Stable",
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::NotReady => "NotReady",
            Self::Dead => "Dead",
        }
    }

    /// The state of this name; like Kafka's own client, [`Self::Unknown`] for all others.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let mut named = Self::NAMED.into_iter();
        named.find(|state| state.name() == name).unwrap_or_default()
    }

    /// Whether partitions are being divided anew.
    #[must_use]
    pub const fn is_rebalance(self) -> bool {
        matches!(self, Self::PreparingRebalance | Self::CompletingRebalance)
    }

    /// Whether nobody reads in it.
    #[must_use]
    pub const fn is_inactive(self) -> bool {
        matches!(self, Self::Empty | Self::Dead)
    }
}

impl From<String> for GroupState {
    fn from(name: String) -> Self {
        Self::of_name(&name)
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::GroupState;

    #[test]
    fn a_state_is_written_by_its_name_and_read_by_it() {
        for state in GroupState::NAMED {
            let text = serde_json::to_string(&state).expect("plain data");
            assert_eq!(text, format!("\"{state}\""));
            let read: GroupState = serde_json::from_str(&text).expect("own text");
            assert_eq!(read, state);
        }
        // Of a later Kafka, and of sessions that were saved before anybody told.
        for foreign in ["\"Sharing\"", "\"\"", "\"Stable\\u001b[31m\""] {
            let read: GroupState = serde_json::from_str(foreign).expect("any name");
            assert_eq!(read, GroupState::Unknown);
        }
    }
}
