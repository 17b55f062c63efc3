//! What a broker says when it does not do what it was asked.

use thiserror::Error;

use super::kafka::KafkaError;
use wire::ErrorCode;

/// Why something was not done.
#[derive(Debug, Error)]
pub enum Refusal {
    /// A broker said no, with Kafka's code and perhaps more.
    #[error("{code}{}", explained(message.as_deref()))]
    Code {
        /// Kafka's code.
        code: ErrorCode,
        /// The broker's own words.
        message: Option<String>,
    },
    /// There was no answer.
    #[error(transparent)]
    Connection(#[from] KafkaError),
    /// No broker could be asked.
    #[error("no broker of {bootstrap} answers: {why}")]
    Unreachable {
        /// Whom we asked.
        bootstrap: String,
        /// What the last of them did.
        why: String,
    },
    /// The cluster has no controller just now.
    #[error("the cluster has no controller just now")]
    NoController,
}

impl Refusal {
    /// Kafka's code, where a broker gave one.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Code { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Turns an answer's code into a refusal, unless it is `NONE`.
    pub(super) fn check(code: i16, message: Option<&str>) -> Result<(), Self> {
        let code = ErrorCode::from_code(code);
        if code.is_none() {
            return Ok(());
        }
        Err(Self::Code {
            code,
            message: message
                .filter(|message| !message.is_empty())
                .map(str::to_owned),
        })
    }
}

fn explained(message: Option<&str>) -> String {
    message.map_or_else(String::new, |message| format!(": {message}"))
}
