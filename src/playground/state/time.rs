//! Points in time, as events carry them: nothing in the pure rooms reads a clock.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// Microseconds since the Unix epoch.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The point `ms` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn ms(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long after `earlier` this is; nothing if it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The point `later` after this one.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(later.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// The time of day where the person sits, `utc_offset_s` seconds east of Greenwich.
    #[must_use]
    pub fn clock(self, utc_offset_s: i32) -> Clock {
        Clock {
            ms_of_day: (self.ms() + i64::from(utc_offset_s) * 1000).rem_euclid(86_400_000),
        }
    }
}

/// A time of day: `12:01:07`, or `12:01:07.120` with `{:#}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    ms_of_day: i64,
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.ms_of_day / 1000;
        write!(
            f,
            "{:02}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )?;
        if f.alternate() {
            write!(f, ".{:03}", self.ms_of_day % 1000)?;
        }
        Ok(())
    }
}

/// How long, as people write it everywhere here: `500ms`, `20s`, `5m`, `1h`; a bare number is seconds.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|sign: char| sign.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let milliseconds = match text.get(digits.len()..)? {
        "ms" => 1,
        "s" | "" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Timestamp, duration};

    #[test]
    fn times_are_read_with_their_units() {
        assert_eq!(duration("20s"), Some(Duration::from_secs(20)));
        assert_eq!(duration("20"), Some(Duration::from_secs(20)));
        assert_eq!(duration("5m"), Some(Duration::from_secs(300)));
        assert_eq!(duration("1h"), Some(Duration::from_secs(3600)));
        assert_eq!(duration("1500ms"), Some(Duration::from_millis(1500)));
        for wrong in ["", "s", "20 s", "20x", "-1s", "99999999999999999h"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_clock_shows_local_time_with_and_without_milliseconds() {
        let at = Timestamp::from_ms(43_267_120);
        assert_eq!(at.clock(0).to_string(), "12:01:07");
        assert_eq!(format!("{:#}", at.clock(-43_200)), "00:01:07.120");
    }
}
