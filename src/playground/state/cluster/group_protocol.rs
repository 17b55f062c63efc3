//! By which protocol a group divides its partitions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How consumers join a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupProtocol {
    /// Members divide among themselves, and all stand still meanwhile.
    #[default]
    Classic,
    /// The coordinator divides, and only what moves stands still (KIP-848).
    Consumer,
}

impl GroupProtocol {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Classic => Self::Consumer,
            Self::Consumer => Self::Classic,
        }
    }

    /// As Kafka's setting `group.protocol` has it.
    #[must_use]
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
        }
    }

    /// The protocol of this name.
    #[must_use]
    pub fn of_setting(name: &str) -> Option<Self> {
        let all = [Self::Classic, Self::Consumer];
        all.into_iter().find(|protocol| protocol.setting() == name)
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes what it may skip by reference"
    )]
    pub(super) const fn is_usual(&self) -> bool {
        matches!(self, Self::Classic)
    }
}

impl fmt::Display for GroupProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.setting())
    }
}
