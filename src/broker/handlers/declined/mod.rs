//! What this cluster does not have, answered as Apache Kafka 3.9 answers where it is not set up: empty lists, and
//! refusals that name what is missing. Tools that list everything a broker has go on instead of failing.
//!
//! A function takes the version and the request, and returns the response.

pub(super) mod acls;
pub(super) mod client_quotas;
pub(super) mod delegation_tokens;
pub(super) mod sasl;
pub(super) mod scram_credentials;

use kafka_protocol::protocol::StrBytes;

/// A sentence for an `error_message`.
fn sentence(text: impl Into<String>) -> StrBytes {
    StrBytes::from_string(text.into())
}
