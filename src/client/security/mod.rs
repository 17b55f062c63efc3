//! How connections to brokers are secured: TLS, and the proof of who we are (SASL).
//!
//! Passwords are in no text that is drawn, written or logged: [`Secret`] shows none.

mod login;
mod scram;
mod stream;
mod tls;

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

pub use self::login::{Login, LoginError, Mechanism};
pub(super) use self::stream::Stream;
pub use self::tls::{Tls, TlsError, TlsSettings};

/// How connections are made.
#[derive(Debug, Clone, Default)]
pub struct Security {
    /// `None`: what is sent can be read by everybody on the way.
    pub tls: Option<Tls>,
    /// `None`: nobody asks who we are.
    pub login: Option<Arc<Login>>,
}

/// Why a connection is not secured as it should be.
#[derive(Debug, Error)]
pub enum SecurityError {
    /// TLS failed.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The broker does not take us for who we say we are.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// What is asked in plain text is answered in TLS, or not at all.
    #[error(
        "the connection ends at the first request in plain text: security.protocol may have to be SSL or SASL_SSL"
    )]
    SpeaksTls,
    /// It answers nothing to whom it does not know.
    #[error(
        "the broker tells nothing to whom it does not know: security.protocol may have to be SASL_SSL or SASL_PLAINTEXT"
    )]
    WantsLogin,
    /// It was refused before, and is not tried again: whoever insists may be locked out.
    #[error("{0}")]
    Refused(String),
}

impl SecurityError {
    /// Whether trying again with the same settings changes nothing, and may lock somebody out.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Login(
                LoginError::Denied { .. } | LoginError::Mechanism { .. } | LoginError::NotAsked
            )
        )
    }
}

impl Security {
    /// `TLS, SCRAM`; `None`: nothing is secured.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let tls = self.tls.as_ref().map(|_| "TLS");
        let login = self.login.as_ref().map(|login| login.mechanism.short());
        let words: Vec<&str> = tls.into_iter().chain(login).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// A password.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps it.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// What only the other end may see.
    pub(super) fn told(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::{Login, Mechanism, Secret, Security};
    use std::sync::Arc;

    #[test]
    fn a_password_is_in_no_text() {
        let login = Login {
            mechanism: Mechanism::Plain,
            username: "reader".to_owned(),
            password: Secret::new("pencil".to_owned()),
        };
        let security = Security {
            tls: None,
            login: Some(Arc::new(login)),
        };
        let shown = format!("{security:?} {security:#?}");
        assert!(
            shown.contains("reader") && !shown.contains("pencil"),
            "{shown}"
        );
        assert_eq!(security.words().as_deref(), Some("PLAIN"));
    }
}
