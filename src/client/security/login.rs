//! Who we are to the brokers, and how that is proved (SASL): `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use thiserror::Error;

use super::Secret;
use super::scram::{Hash, Proof, Scram, ScramError};

/// Bytes of chance in a nonce.
const NONCE_BYTES: usize = 24;

/// How it is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// The password itself is sent.
    Plain,
    /// Only what proves that it is known, by SHA-256.
    ScramSha256,
    /// The same by SHA-512.
    ScramSha512,
}

impl Mechanism {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::ScramSha256, Self::ScramSha512];

    /// As Kafka names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }

    /// The same where there is little room.
    pub(super) const fn short(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 | Self::ScramSha512 => "SCRAM",
        }
    }
}

/// Who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// How it is proved.
    pub mechanism: Mechanism,
    /// By this name.
    pub username: String,
    /// With this.
    pub password: Secret,
}

/// Why a broker does not take us for who we say we are.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoginError {
    /// It does not know this password.
    #[error("wrong password for {username} ({mechanism}), or no such user")]
    Denied {
        /// Who we said we were.
        username: String,
        /// How it was proved.
        mechanism: &'static str,
    },
    /// It takes no such proof.
    #[error("the broker does not take {wanted}: sasl.mechanism can be {offered}")]
    Mechanism {
        /// What we wanted.
        wanted: &'static str,
        /// What it takes, with commas between.
        offered: String,
    },
    /// It takes us as we are.
    #[error(
        "the broker asks nobody who they are there: security.protocol may have to be PLAINTEXT or SSL"
    )]
    NotAsked,
    /// It does not speak as the mechanism demands.
    #[error("{mechanism}: {why}")]
    Scram {
        /// Which.
        mechanism: &'static str,
        /// What is wrong.
        why: ScramError,
    },
    /// The system has no chance to give.
    #[error("the system gives no random numbers")]
    NoChance,
}

/// A conversation with one broker.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    login: &'a Login,
    nonce: String,
    proof: Option<Proof>,
}

impl Login {
    /// Begins to prove it.
    ///
    /// # Errors
    /// The system has no chance to give.
    pub(crate) fn begin(&self) -> Result<Exchange<'_>, LoginError> {
        let mut chance = [0; NONCE_BYTES];
        let filled = SystemRandom::new().fill(&mut chance);
        filled.map_err(|_| LoginError::NoChance)?;
        Ok(Exchange {
            login: self,
            nonce: STANDARD_NO_PAD.encode(chance),
            proof: None,
        })
    }

    /// What it means that the broker refuses.
    pub(crate) fn denied(&self) -> LoginError {
        LoginError::Denied {
            username: self.username.clone(),
            mechanism: self.mechanism.name(),
        }
    }
}

impl Exchange<'_> {
    /// What is sent first.
    pub(crate) fn first(&self) -> Vec<u8> {
        let Login {
            username, password, ..
        } = self.login;
        match self.scram() {
            None => format!("\0{username}\0{}", password.told()).into_bytes(),
            Some(scram) => scram.first().into_bytes(),
        }
    }

    /// What is sent after this answer; `None`: all is proved.
    ///
    /// # Errors
    /// The answer is not to be believed.
    pub(crate) fn next(&mut self, answer: &[u8]) -> Result<Option<Vec<u8>>, LoginError> {
        let Some(scram) = self.scram() else {
            return Ok(None);
        };
        let mechanism = self.login.mechanism.name();
        let wrong = |why| LoginError::Scram { mechanism, why };
        let answer = std::str::from_utf8(answer).map_err(|_| wrong(ScramError::Malformed))?;
        if let Some(proof) = &self.proof {
            return proof.check(answer).map(|()| None).map_err(wrong);
        }
        let proof = scram.prove(answer).map_err(wrong)?;
        let message = proof.message.clone().into_bytes();
        self.proof = Some(proof);
        Ok(Some(message))
    }

    fn scram(&self) -> Option<Scram<'_>> {
        let hash = match self.login.mechanism {
            Mechanism::Plain => return None,
            Mechanism::ScramSha256 => Hash::Sha256,
            Mechanism::ScramSha512 => Hash::Sha512,
        };
        Some(Scram {
            hash,
            username: &self.login.username,
            password: self.login.password.told(),
            nonce: &self.nonce,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Login, LoginError, Mechanism};
    use crate::security::Secret;

    fn login(mechanism: Mechanism) -> Login {
        Login {
            mechanism,
            username: "reader".to_owned(),
            password: Secret::new("pencil".to_owned()),
        }
    }

    #[test]
    fn plain_says_name_and_password_at_once() {
        let login = login(Mechanism::Plain);
        let mut exchange = login.begin().expect("chance");
        assert_eq!(exchange.first(), b"\0reader\0pencil");
        assert_eq!(exchange.next(b""), Ok(None));
    }

    #[test]
    fn scram_never_says_the_password_and_hears_who_answers() {
        let login = login(Mechanism::ScramSha512);
        let mut exchange = login.begin().expect("chance");
        let first = String::from_utf8(exchange.first()).expect("text");
        assert!(first.starts_with("n,,n=reader,r="), "{first}");
        let nonce = first.rsplit_once("r=").expect("it has one").1;
        let server_first = format!("r={nonce}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        let proof = exchange
            .next(server_first.as_bytes())
            .expect("it is believed");
        let proof = String::from_utf8(proof.expect("a proof")).expect("text");
        assert!(!proof.contains("pencil"), "{proof}");
        let wrong = exchange.next(b"v=AAAA");
        assert!(matches!(wrong, Err(LoginError::Scram { .. })), "{wrong:?}");
        let other = login.begin().expect("chance");
        assert_ne!(
            other.first(),
            first.as_bytes(),
            "each exchange has its own chance"
        );
    }
}
