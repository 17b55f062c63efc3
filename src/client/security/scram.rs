//! SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677) as Kafka speaks them: without channel binding, the password's bytes
//! as they are.
//!
//! Pure: the nonce comes from outside, messages are values.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};
use thiserror::Error;

/// Whoever asks for less does not mean to keep passwords safe; Kafka's own clients refuse it as well.
const ITERATIONS_MIN: u32 = 4096;

/// Whoever asks for more wants our time.
const ITERATIONS_MAX: u32 = 1_000_000;

/// `n,,` in base 64: no channel is bound.
const NO_BINDING: &str = "c=biws";

/// The hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// `SCRAM-SHA-256`
    Sha256,
    /// `SCRAM-SHA-512`
    Sha512,
}

/// Why the other end is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ScramError {
    /// A message is not as the standard writes it.
    #[error("a message of the broker is not SCRAM's")]
    Malformed,
    /// Its nonce does not go on with ours: it answers somebody else.
    #[error("the broker answered another exchange")]
    Nonce,
    /// It asks for too little work, or for too much.
    #[error("the broker asks for {0} iterations, {ITERATIONS_MIN} to {ITERATIONS_MAX} are done")]
    Iterations(u32),
    /// It does not know the password either.
    #[error("the broker does not know the password itself")]
    Signature,
}

/// A client's side of one exchange.
#[derive(Debug, Clone, Copy)]
pub struct Scram<'a> {
    /// The hash function.
    pub hash: Hash,
    /// Who is there.
    pub username: &'a str,
    /// How that is proved.
    pub password: &'a str,
    /// Chosen by chance for this exchange, printable and without a comma.
    pub nonce: &'a str,
}

/// The client's proof, and what the broker must answer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What is sent.
    pub message: String,
    signature: Vec<u8>,
}

impl Hash {
    const fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    const fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }

    const fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn sign(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        let key = hmac::Key::new(self.hmac(), key);
        hmac::sign(&key, message).as_ref().to_vec()
    }
}

impl Scram<'_> {
    /// The first message.
    #[must_use]
    pub fn first(&self) -> String {
        format!("n,,{}", self.first_bare())
    }

    fn first_bare(&self) -> String {
        let name = self.username.replace('=', "=3D").replace(',', "=2C");
        format!("n={name},r={}", self.nonce)
    }

    /// The proof that the broker's first message asks for.
    ///
    /// # Errors
    /// That message is not to be believed.
    pub fn prove(&self, server_first: &str) -> Result<Proof, ScramError> {
        let nonce = field(server_first, 'r')?;
        if !nonce.starts_with(self.nonce) || nonce.len() == self.nonce.len() {
            return Err(ScramError::Nonce);
        }
        let salt = decoded(field(server_first, 's')?)?;
        let count = field(server_first, 'i')?.parse().ok();
        let count: NonZeroU32 = count.ok_or(ScramError::Malformed)?;
        if !(ITERATIONS_MIN..=ITERATIONS_MAX).contains(&count.get()) {
            return Err(ScramError::Iterations(count.get()));
        }
        let hash = self.hash;
        let mut salted = vec![0; hash.digest().output_len()];
        pbkdf2::derive(
            hash.pbkdf2(),
            count,
            &salt,
            self.password.as_bytes(),
            &mut salted,
        );
        let client_key = hash.sign(&salted, b"Client Key");
        let stored_key = digest::digest(hash.digest(), &client_key);
        let without_proof = format!("{NO_BINDING},r={nonce}");
        let all = format!("{},{server_first},{without_proof}", self.first_bare());
        let signature = hash.sign(stored_key.as_ref(), all.as_bytes());
        let proof: Vec<u8> = client_key
            .iter()
            .zip(&signature)
            .map(|(key, sign)| key ^ sign)
            .collect();
        let server_key = hash.sign(&salted, b"Server Key");
        Ok(Proof {
            message: format!("{without_proof},p={}", STANDARD.encode(proof)),
            signature: hash.sign(&server_key, all.as_bytes()),
        })
    }
}

impl Proof {
    /// Whether the broker's last message shows that it knows the password.
    ///
    /// # Errors
    /// It does not.
    pub fn check(&self, server_final: &str) -> Result<(), ScramError> {
        let told = decoded(field(server_final, 'v')?)?;
        if told == self.signature {
            Ok(())
        } else {
            Err(ScramError::Signature)
        }
    }
}

/// What stands behind `name=`, up to the next comma.
fn field(message: &str, name: char) -> Result<&str, ScramError> {
    let fields = message.split(',');
    let mut named = fields.filter_map(|field| field.strip_prefix(name)?.strip_prefix('='));
    named.next().ok_or(ScramError::Malformed)
}

fn decoded(text: &str) -> Result<Vec<u8>, ScramError> {
    STANDARD.decode(text).map_err(|_| ScramError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::{Hash, Scram, ScramError};

    /// The exchange of RFC 7677.
    const RFC: Scram<'static> = Scram {
        hash: Hash::Sha256,
        username: "user",
        password: "pencil",
        nonce: "rOprNGfwEbeRWgbNEkqO",
    };

    const SERVER_FIRST: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    #[test]
    fn the_exchange_of_rfc_7677_is_spoken_to_the_letter() {
        assert_eq!(RFC.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let proof = RFC.prove(SERVER_FIRST).expect("it is the standard's");
        assert_eq!(
            proof.message,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        let told = proof.check("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        assert_eq!(told, Ok(()));
        let told = proof.check("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        assert_eq!(told, Err(ScramError::Signature));
    }

    #[test]
    fn sha_512_is_spoken_the_same_way() {
        // Computed with Python's hashlib.
        let scram = Scram {
            hash: Hash::Sha512,
            ..RFC
        };
        let proof = scram.prove(SERVER_FIRST).expect("the same message");
        assert_eq!(
            proof.message,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ=="
        );
        assert_eq!(
            proof.check("v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw=="),
            Ok(())
        );
    }

    #[test]
    fn a_broker_that_is_not_to_be_believed_is_not_given_the_proof() {
        for (message, why) in [
            ("", ScramError::Malformed),
            ("r=other,s=AAAA,i=4096", ScramError::Nonce),
            ("r=rOprNGfwEbeRWgbNEkqO,s=AAAA,i=4096", ScramError::Nonce),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=!,i=4096", ScramError::Malformed),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=0", ScramError::Malformed),
            (
                "r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=1",
                ScramError::Iterations(1),
            ),
            (
                "r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=4000000000",
                ScramError::Iterations(4_000_000_000),
            ),
            ("e=unknown-user", ScramError::Malformed),
        ] {
            assert_eq!(RFC.prove(message), Err(why), "{message}");
        }
    }

    #[test]
    fn commas_and_equal_signs_of_a_name_are_spelled_out() {
        let scram = Scram {
            username: "a=b,c",
            ..RFC
        };
        assert!(scram.first().starts_with("n,,n=a=3Db=2Cc,r="));
    }
}
