//! What a topic may be called.

/// Keeps what groups committed, and their members.
pub const CONSUMER_OFFSETS: &str = "__consumer_offsets";

/// Keeps how transactions stand.
pub const TRANSACTION_STATE: &str = "__transaction_state";

/// Kafka's longest name: with the partition's index it still makes a folder name.
const LENGTH_MAX: usize = 249;

/// Whether Kafka allows a topic of this name.
#[must_use]
pub fn is_valid(name: &str) -> bool {
    refusal(name).is_none()
}

/// Why a topic may not have this name, in Kafka's words.
#[must_use]
pub fn refusal(name: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() {
        Some("Topic name is invalid: the empty string is not allowed".into())
    } else if matches!(name, "." | "..") {
        Some(format!("Topic name is invalid: '{name}' is not allowed"))
    } else if name.len() > LENGTH_MAX {
        Some(format!(
            "Topic name is invalid: the length of '{name}' is longer than the max allowed length {LENGTH_MAX}"
        ))
    } else if !name.chars().all(allowed) {
        Some(format!(
            "Topic name is invalid: '{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
        ))
    } else {
        None
    }
}

/// The name that a topic's metrics have in Kafka, which writes `_` for `.`.
#[must_use]
pub fn metric(name: &str) -> String {
    name.replace('.', "_")
}

/// Whether two topics would have the same metrics.
#[must_use]
pub fn collide(one: &str, other: &str) -> bool {
    one != other && metric(one) == metric(other)
}

#[cfg(test)]
mod tests {
    use super::{collide, is_valid};

    #[test]
    fn names_are_plain() {
        for good in ["a", "orders-1_x.y", "__consumer_offsets"] {
            assert!(is_valid(good), "{good}");
        }
        for bad in ["", ".", "..", "a b", "ä", "a/b", &"x".repeat(250)] {
            assert!(!is_valid(bad), "{bad}");
        }
        assert!(collide("a.b", "a_b") && !collide("a.b", "a.b") && !collide("a", "b"));
    }
}
