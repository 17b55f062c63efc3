//! What a config's value may be, by Kafka's types and ranges, and how refusals are worded.

use std::fmt;

use thiserror::Error;

/// Kafka's config types, with their numbers in `DescribeConfigs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigType {
    Unknown = 0,
    Boolean = 1,
    String = 2,
    Int = 3,
    Short = 4,
    Long = 5,
    Double = 6,
    List = 7,
    Class = 8,
    Password = 9,
}

/// The values that a config takes, beyond those of its type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Accepts {
    Any,
    AtLeast(i64),
    Between(i64, i64),
    /// A double between these.
    Share(f64, f64),
    OneOf(&'static [&'static str]),
    OneOfInAnyCase(&'static [&'static str]),
    ListOf(&'static [&'static str]),
    NonEmpty,
    /// A level of gzip, or -1 for its own default.
    GzipLevel,
    /// A count, or -1 for one that another config says.
    OwnOrCount,
    /// `partition:broker` with commas between, or `*`.
    Replicas,
    /// The default alone, for this reason.
    Only {
        value: &'static str,
        why: &'static str,
    },
    /// A version of Kafka, such as `3.0-IV1` or `2.8`.
    KafkaVersion,
}

pub(crate) const AT_LEAST_0: Accepts = Accepts::AtLeast(0);
pub(crate) const AT_LEAST_1: Accepts = Accepts::AtLeast(1);

/// Why a config is refused, in Kafka's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// No topic config has this name.
    #[error("Unknown topic config name: {0}")]
    Unknown(String),
    /// The value does not fit the config's type or range.
    #[error("Invalid value {value} for configuration {name}: {expected}")]
    Invalid {
        name: String,
        value: String,
        expected: String,
    },
    /// A group cannot have this config.
    #[error("{0}")]
    Group(String),
    /// Values that are fine each for itself do not fit together.
    #[error("requirement failed: {0}")]
    Requirement(String),
    /// Nobody can connect to "any address of this machine".
    #[error(
        "requirement failed: advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a \
         routable IP address. --advertised-listener HOST:PORT says it"
    )]
    MetaAddress,
    /// A topic's records would have to be compacted before they may be.
    #[error(
        "conflict topic config setting min.compaction.lag.ms ({min}) > max.compaction.lag.ms ({max})"
    )]
    CompactionLag { min: i64, max: i64 },
    /// The configs are read when a broker starts.
    #[error("Cannot update these configs dynamically: Set({})", .0.join(", "))]
    ReadOnly(Vec<String>),
    /// The configs differ from broker to broker.
    #[error(
        "Cannot update these configs at default cluster level, broker id must be specified: Set({})",
        .0.join(", ")
    )]
    PerBroker(Vec<String>),
    /// The configs belong to one listener.
    #[error(
        "These security configs can be dynamically updated only per-listener using the listener prefix: Set({})",
        .0.join(", ")
    )]
    PerListener(Vec<String>),
    /// A pool of threads grows and shrinks step by step.
    #[error("{0}")]
    Pool(String),
    /// Kafka changes it while the broker runs; here it takes a restart.
    #[error("{0} is read when a broker starts here: start the broker again with another")]
    AtStart(String),
    /// The file or flags ask for what this broker is not.
    #[error("{name}={value}: {why}")]
    NotHere {
        name: String,
        value: String,
        why: &'static str,
    },
}

impl fmt::Display for ConfigType {
    /// As Kafka's messages call it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "UNKNOWN",
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Int => "INT",
            Self::Short => "SHORT",
            Self::Long => "LONG",
            Self::Double => "DOUBLE",
            Self::List => "LIST",
            Self::Class => "CLASS",
            Self::Password => "PASSWORD",
        })
    }
}

impl ConfigType {
    /// The value as Kafka writes it after it has read it, if it can be read.
    pub(crate) fn canonical(self, text: &str) -> Option<String> {
        let text = text.trim();
        match self {
            Self::Boolean => Some(boolean(text)?.to_string()),
            Self::Int => Some(text.parse::<i32>().ok()?.to_string()),
            Self::Short => Some(text.parse::<i16>().ok()?.to_string()),
            Self::Long => Some(text.parse::<i64>().ok()?.to_string()),
            Self::Double => Some(written_by_java(double(text)?)),
            Self::List => Some(items(text).collect::<Vec<_>>().join(",")),
            Self::Unknown | Self::String | Self::Class | Self::Password => Some(text.to_owned()),
        }
    }

    fn refusal(self) -> String {
        match self {
            Self::Boolean => "Expected value to be either true or false".into(),
            _ => format!("Not a number of type {self}"),
        }
    }
}

/// The items of a list. An empty text is an empty list.
pub(crate) fn items(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.trim().split(',').map(str::trim);
    parts.filter(move |_| !text.trim().is_empty())
}

/// As Kafka reads it, in any case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    let is = |word: &str| text.trim().eq_ignore_ascii_case(word);
    is("true").then_some(true).or(is("false").then_some(false))
}

/// As Java reads it: a `d` or `f` may follow, and infinity has its own name.
pub(crate) fn double(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    match plain.trim_start_matches(['+', '-']) {
        "Infinity" => plain.replace("Infinity", "inf").parse().ok(),
        digits if digits.starts_with(|it: char| it.is_ascii_digit() || it == '.') => {
            plain.parse().ok()
        }
        _ => None,
    }
}

/// As Java writes it: with a point always, and with an exponent from ten millions on and under a thousandth.
fn written_by_java(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || (1e-3..1e7).contains(&size) || number.is_infinite() {
        return format!("{number:?}").replace("inf", "Infinity");
    }
    let text = format!("{number:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

/// Checks a value by its config's type and range.
pub(crate) fn check_value(
    name: &str,
    value: &str,
    kind: ConfigType,
    accepts: Accepts,
) -> Result<(), ConfigError> {
    let invalid = |value: String, expected: String| ConfigError::Invalid {
        name: name.to_owned(),
        value,
        expected,
    };
    let Some(read) = kind.canonical(value) else {
        return Err(invalid(value.trim().to_owned(), kind.refusal()));
    };
    // Of lists, Kafka names the item that is wrong.
    let item = match accepts {
        Accepts::ListOf(allowed) => items(&read).find(|item| !allowed.contains(item)),
        _ => None,
    };
    let checked = accepts.check(&read, name);
    let shown = item.unwrap_or(&read).to_owned();
    checked.map_err(|expected| invalid(shown, expected))
}

impl Accepts {
    /// Checks a value that was read by its type; tells what is expected where it is not.
    fn check(self, value: &str, name: &str) -> Result<(), String> {
        let one_of = |allowed: &[&str]| format!("String must be one of: {}", allowed.join(", "));
        let expected = |is_fine: bool, expected: &dyn Fn() -> String| {
            if is_fine { Ok(()) } else { Err(expected()) }
        };
        let number = || value.parse::<i64>().unwrap_or_default();
        match self {
            Self::Any => Ok(()),
            Self::AtLeast(min) => within(number(), min, i64::MAX),
            Self::Between(min, max) => within(number(), min, max),
            Self::Share(min, max) => within(double(value).unwrap_or_default(), min, max),
            Self::OneOf(allowed) => expected(allowed.contains(&value), &|| one_of(allowed)),
            Self::OneOfInAnyCase(allowed) => {
                let is_fine = allowed.iter().any(|it| it.eq_ignore_ascii_case(value));
                expected(is_fine, &|| {
                    let allowed = allowed.join(", ");
                    format!("String must be one of (case insensitive): {allowed}")
                })
            }
            // An empty list is one: nothing is done then.
            Self::ListOf(allowed) => {
                let is_fine = items(value).all(|item| allowed.contains(&item));
                expected(is_fine, &|| one_of(allowed))
            }
            Self::NonEmpty => expected(!value.is_empty(), &|| "String must be non-empty".into()),
            Self::GzipLevel => expected(matches!(number(), -1 | 1..=9), &|| {
                "Value must be between 1 and 9 or equal to -1".into()
            }),
            Self::OwnOrCount => expected(matches!(number(), -1 | 1..), &|| {
                "Value can be -1 or greater than 0".into()
            }),
            Self::Replicas => expected(lists_replicas(value), &|| {
                format!(
                    "{name} must be the literal '*' or a list of replicas in the following format: \
                     [partitionId]:[brokerId],[partitionId]:[brokerId],..."
                )
            }),
            Self::Only { value: only, why } => {
                expected(value == only, &|| format!("Value must be {only}: {why}"))
            }
            Self::KafkaVersion => expected(is_kafka_version(value), &|| {
                format!("Version {value} is not a valid version")
            }),
        }
    }
}

fn within<T: PartialOrd + fmt::Display + Copy>(number: T, min: T, max: T) -> Result<(), String> {
    if number < min {
        return Err(format!("Value must be at least {min}"));
    }
    if number > max {
        return Err(format!("Value must be no more than {max}"));
    }
    Ok(())
}

fn lists_replicas(value: &str) -> bool {
    let is_number = |text: &str| text.trim().parse::<u32>().is_ok();
    let is_replica = |part: &str| {
        part.split_once(':')
            .is_some_and(|(partition, broker)| is_number(partition) && is_number(broker))
    };
    matches!(value, "" | "*") || value.split(',').all(is_replica)
}

fn is_kafka_version(value: &str) -> bool {
    let numbers = value
        .split_once("-IV")
        .map_or(value, |(numbers, _)| numbers);
    let mut parts = numbers.split('.');
    numbers.contains('.') && parts.all(|part| part.parse::<u8>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::{AT_LEAST_1, Accepts, ConfigType, check_value};

    #[test]
    fn values_are_read_and_written_as_kafka_does() {
        for (kind, text, written) in [
            (ConfigType::Boolean, " TRUE", Some("true")),
            (ConfigType::Boolean, "yes", None),
            (ConfigType::Int, " +5 ", Some("5")),
            (ConfigType::Int, "99999999999", None),
            (ConfigType::Int, "0x5", None),
            (ConfigType::Int, "5.0", None),
            (ConfigType::Short, "99999", None),
            (ConfigType::Long, "99999999999", Some("99999999999")),
            (ConfigType::Double, "0.50", Some("0.5")),
            (ConfigType::Double, "1d", Some("1.0")),
            (ConfigType::Double, "1e10", Some("1.0E10")),
            (
                ConfigType::Double,
                "1.7976931348623157E308",
                Some("1.7976931348623157E308"),
            ),
            (ConfigType::Double, "inf", None),
            (ConfigType::Double, "NaN", None),
            (ConfigType::List, "compact , delete", Some("compact,delete")),
            (ConfigType::List, "", Some("")),
            (ConfigType::String, " a b ", Some("a b")),
        ] {
            assert_eq!(kind.canonical(text).as_deref(), written, "{kind} {text:?}");
        }
    }

    #[test]
    fn a_refusal_names_config_value_and_what_is_allowed() {
        let told = |value, kind, accepts| {
            let refused = check_value("some.config", value, kind, accepts);
            refused.expect_err(value).to_string()
        };
        let prefix = |value: &str| format!("Invalid value {value} for configuration some.config: ");
        assert_eq!(
            told("-3", ConfigType::Int, AT_LEAST_1),
            prefix("-3") + "Value must be at least 1"
        );
        assert_eq!(
            told("2", ConfigType::Double, Accepts::Share(0.0, 1.0)),
            prefix("2.0") + "Value must be no more than 1"
        );
        assert_eq!(
            told(
                "delete, eat",
                ConfigType::List,
                Accepts::ListOf(&["compact", "delete"])
            ),
            prefix("eat") + "String must be one of: compact, delete"
        );
        assert_eq!(
            told("0", ConfigType::Int, Accepts::GzipLevel),
            prefix("0") + "Value must be between 1 and 9 or equal to -1"
        );
        assert_eq!(
            told("maybe", ConfigType::Boolean, Accepts::Any),
            prefix("maybe") + "Expected value to be either true or false"
        );
    }
}
