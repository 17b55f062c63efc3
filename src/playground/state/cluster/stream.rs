//! The paces of the demo stream.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many records a second the demo stream sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StreamRate {
    /// None.
    #[default]
    Off,
    /// So many a second.
    PerSecond(u32),
    /// As many as the brokers take.
    Max,
}

/// The paces that `+` and `-` walk through.
const RATES: [StreamRate; 7] = [
    StreamRate::Off,
    StreamRate::PerSecond(1),
    StreamRate::PerSecond(10),
    StreamRate::PerSecond(100),
    StreamRate::PerSecond(1000),
    StreamRate::PerSecond(10_000),
    StreamRate::Max,
];

impl StreamRate {
    /// The next faster pace; the fastest stays.
    #[must_use]
    pub fn faster(self) -> Self {
        RATES
            .into_iter()
            .find(|rate| *rate > self)
            .unwrap_or(Self::Max)
    }

    /// The next slower pace; off stays off.
    #[must_use]
    pub fn slower(self) -> Self {
        RATES
            .into_iter()
            .rev()
            .find(|rate| *rate < self)
            .unwrap_or(Self::Off)
    }
}

impl fmt::Display for StreamRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::PerSecond(rate) => write!(f, "{rate}"),
            Self::Max => f.write_str("max"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::StreamRate;

    #[test]
    fn paces_end_at_off_and_max() {
        assert_eq!(StreamRate::Off.slower(), StreamRate::Off);
        assert_eq!(
            StreamRate::PerSecond(10).faster(),
            StreamRate::PerSecond(100)
        );
        assert_eq!(StreamRate::PerSecond(7).slower(), StreamRate::PerSecond(1));
        assert_eq!(StreamRate::Max.faster(), StreamRate::Max);
    }
}
