//! Dates and durations as `--to-datetime` and `--by-duration` take them: ISO 8601.

use jiff::{Span, SpanRelativeTo, Timestamp};

/// `2026-01-31T12:00:00.000`, which is UTC unless a zone follows, in milliseconds since the Unix
/// epoch.
pub(super) fn datetime(text: &str) -> Result<i64, String> {
    let Some((_, time)) = text.split_once('T') else {
        // The words of Kafka's tool.
        return Err(format!(
            "Error parsing timestamp. It does not contain a 'T' according to ISO8601 format: \
             {text} instead of YYYY-MM-DDTHH:mm:SS.sss"
        ));
    };
    let has_zone = time.contains(['+', '-', 'Z']);
    let zoned = format!("{text}{}", if has_zone { "" } else { "Z" });
    let timestamp: Timestamp = zoned
        .parse()
        .map_err(|_| format!("{text} is no time: YYYY-MM-DDTHH:mm:SS.sss expected"))?;
    Ok(timestamp.as_millisecond())
}

/// `PT1H30M` or `P7D`, in milliseconds.
pub(super) fn duration(text: &str) -> Result<i64, String> {
    let wrong = || {
        format!(
            "Text cannot be parsed to a Duration: {text} instead of PnDTnHnMnS, for example PT1H"
        )
    };
    // The crate would also take `1 hour`, which no tool of Kafka's does.
    if !text.trim_start_matches(['-', '+']).starts_with(['P', 'p']) {
        return Err(wrong());
    }
    let span: Span = text.parse().map_err(|_| wrong())?;
    span.to_duration(SpanRelativeTo::days_are_24_hours())
        .ok()
        .and_then(|duration| i64::try_from(duration.as_millis()).ok())
        .ok_or_else(wrong)
}

/// Now, in milliseconds since the Unix epoch.
pub(super) fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::{datetime, duration};

    #[test]
    fn times_are_read_as_kafka_reads_them() {
        assert_eq!(datetime("1970-01-01T00:00:01.500"), Ok(1500));
        assert_eq!(datetime("1970-01-01T00:00:01.500Z"), Ok(1500));
        assert_eq!(datetime("1970-01-01T01:00:00.000+0100"), Ok(0));
        assert_eq!(datetime("1970-01-01T01:00:00.000+01:00"), Ok(0));
        assert_eq!(datetime("1970-01-01T00:00:02"), Ok(2000));
        for wrong in [
            "2020-01-01",
            "",
            "yesterday",
            "2020-13-01T00:00:00.000",
            "T",
        ] {
            datetime(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn durations_are_read_as_java_reads_them() {
        assert_eq!(duration("PT1H"), Ok(3_600_000));
        assert_eq!(duration("PT1M30S"), Ok(90_000));
        assert_eq!(duration("P2DT1H"), Ok(49 * 3_600_000));
        assert_eq!(duration("PT0.5S"), Ok(500));
        for wrong in ["1h", "", "P1M", "3600", "PT"] {
            duration(wrong).expect_err(wrong);
        }
    }
}
