//! What the playground tells its transactional producers: one JSON object a line on their stdin.

use serde::{Deserialize, Serialize};

/// The longest order that is read; a record that is typed is far shorter.
pub const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// What a producer is told. Orders are done one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Take the transactional id, where it does not have it with this timeout already, and begin.
    Begin {
        /// After so long brokers abort what is open.
        timeout_ms: u32,
    },
    /// Send this record as part of the open transaction.
    Send {
        /// Comes back with the record's acknowledgement.
        number: u64,
        topic: String,
        /// A partition chosen by hand; else the key picks it.
        partition: Option<i32>,
        key: Option<String>,
        value: Option<String>,
    },
    /// Commit the open transaction.
    Commit,
    /// Abort the open transaction.
    Abort,
}

#[cfg(test)]
mod tests {
    use super::Order;

    #[test]
    fn an_order_is_one_flat_json_object() {
        let told = [
            (
                Order::Begin { timeout_ms: 60_000 },
                r#"{"order":"begin","timeout_ms":60000}"#,
            ),
            (
                Order::Send {
                    number: 7,
                    topic: "orders".into(),
                    partition: None,
                    key: Some("amy".into()),
                    value: Some("two\nlines".into()),
                },
                r#"{"order":"send","number":7,"topic":"orders","partition":null,"key":"amy","value":"two\nlines"}"#,
            ),
            (Order::Commit, r#"{"order":"commit"}"#),
            (Order::Abort, r#"{"order":"abort"}"#),
        ];
        for (order, text) in told {
            assert_eq!(serde_json::to_string(&order).expect("plain data"), text);
            let read: Order = serde_json::from_str(text).expect("own line");
            assert_eq!(read, order);
        }
    }
}
