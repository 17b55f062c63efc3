//! Brokers that speak TLS and SASL, in this process: each test's own, for one connection.

use std::io::Write as _;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, MetadataRequest, MetadataResponse, SaslAuthenticateRequest,
    SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use ring::{digest, hmac, pbkdf2};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::kafka::{KafkaConnection, KafkaError};
use crate::security::{Login, Mechanism, Secret, Security, Tls, TlsSettings};
use crate::tap::Tap;
use wire::ErrorCode;
use wire::frame::{Frame, FrameReader, RequestHead};

const WAIT: Duration = Duration::from_secs(30);

const SALT: &[u8] = b"grains of salt";

const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("not zero");

/// What a broker demands of whoever connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demands {
    Nothing,
    /// The password of `reader`.
    Login(&'static str),
    /// The same, but it does not know it itself.
    LoginOfNobody,
}

/// Who vouches for certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: tempfile::NamedTempFile,
    der: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let text = STANDARD.encode(certificate.der());
        writeln!(
            file,
            "-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----"
        )
        .expect("it is written");
        Self {
            issuer: Issuer::new(params, key),
            file,
            der: certificate.der().clone(),
        }
    }

    /// A broker's side of TLS with a certificate for this name.
    fn acceptor(&self, name: &str, last_year: i32, asks_for_ours: bool) -> TlsAcceptor {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions");
        let builder = if asks_for_ours {
            let mut roots = RootCertStore::empty();
            roots.add(self.der.clone()).expect("a certificate");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        } else {
            builder.with_no_client_auth()
        };
        let config = builder.with_single_cert(vec![certificate.der().clone()], key);
        TlsAcceptor::from(Arc::new(config.expect("they fit")))
    }

    fn good(&self) -> TlsAcceptor {
        self.acceptor("127.0.0.1", 4000, false)
    }

    /// A client's side that trusts this authority.
    fn trusted(&self) -> Tls {
        let settings = TlsSettings {
            trusted: Some(self.file.path().to_owned()),
            checks_names: true,
            ..TlsSettings::default()
        };
        Tls::new(&settings).expect("a certificate in PEM")
    }
}

fn login(mechanism: Mechanism, password: &str) -> Arc<Login> {
    Arc::new(Login {
        mechanism,
        username: "reader".to_owned(),
        password: Secret::new(password.to_owned()),
    })
}

/// What becomes of a connection to such a broker, and of the first question behind it.
async fn connect(
    tls: Option<TlsAcceptor>,
    demands: Demands,
    security: &Security,
) -> Result<MetadataResponse, KafkaError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it has one").to_string();
    let peer = async {
        let (stream, _) = listener.accept().await.expect("a client");
        match tls {
            None => serve(stream, demands).await,
            // It said why to the client.
            Some(tls) => match tls.accept(stream).await {
                Ok(stream) => serve(stream, demands).await,
                Err(_) => None,
            },
        }
    };
    let ask = async {
        let tap = Tap::default();
        let mut connection =
            KafkaConnection::connect_secured(&address, "test", WAIT, tap, security).await?;
        connection.ask(&MetadataRequest::default(), WAIT).await
    };
    let (_, answer) = tokio::join!(peer, ask);
    answer
}

/// Answers until the client is gone or is refused.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, demands: Demands) -> Option<()> {
    let mut frames = FrameReader::new(100_000);
    let mut scram = Vec::new();
    loop {
        let mut request = frames.read(&mut stream).await.ok()??;
        let head = RequestHead::read(&mut request).ok()?;
        let version = head.api_version;
        // The client's name, and what else stands before the body.
        let client = usize::try_from(request.try_get_i16().ok()?).ok()?;
        request.advance(client);
        let mut answer = BytesMut::new();
        match ApiKey::try_from(head.api_key).ok()? {
            ApiKey::ApiVersions => write(&mut answer, version, &offered()),
            ApiKey::SaslHandshake => {
                let asked = SaslHandshakeRequest::decode(&mut request, version).ok()?;
                write(&mut answer, version, &greeting(&asked.mechanism, demands));
            }
            ApiKey::SaslAuthenticate => {
                request.advance(1);
                let told = SaslAuthenticateRequest::decode(&mut request, version).ok()?;
                let told = authenticate(&mut scram, &told.auth_bytes, demands);
                write(&mut answer, version, &told);
            }
            _ => write(&mut answer, version, &MetadataResponse::default()),
        }
        let mut whole = BytesMut::from(&head.correlation_id.to_be_bytes()[..]);
        whole.extend_from_slice(&answer);
        let mut frame = Frame::new(vec![whole.freeze()]).ok()?;
        stream.write_all_buf(&mut frame).await.ok()?;
        stream.flush().await.ok()?;
    }
}

fn write<A: Encodable + HeaderVersion>(out: &mut BytesMut, version: i16, answer: &A) {
    if A::header_version(version) > 0 {
        out.extend_from_slice(&[0]);
    }
    answer.encode(out, version).expect("it fits");
}

fn offered() -> ApiVersionsResponse {
    let api = |key: ApiKey, max| {
        ApiVersion::default()
            .with_api_key(key as i16)
            .with_max_version(max)
    };
    ApiVersionsResponse::default().with_api_keys(vec![
        api(ApiKey::ApiVersions, 3),
        api(ApiKey::Metadata, 8),
        api(ApiKey::SaslHandshake, 1),
        api(ApiKey::SaslAuthenticate, 2),
    ])
}

/// Of a broker that takes SCRAM only, and PLAIN where the password is `plain`.
fn greeting(mechanism: &str, demands: Demands) -> SaslHandshakeResponse {
    let (code, offered) = match demands {
        Demands::Nothing => (ErrorCode::IllegalSaslState, &[][..]),
        Demands::Login("plain") => (ErrorCode::None, &["PLAIN"][..]),
        _ if mechanism == "PLAIN" => (
            ErrorCode::UnsupportedSaslMechanism,
            &["SCRAM-SHA-256", "SCRAM-SHA-512"][..],
        ),
        _ => (ErrorCode::None, &["SCRAM-SHA-256", "SCRAM-SHA-512"][..]),
    };
    SaslHandshakeResponse::default()
        .with_error_code(code.code())
        .with_mechanisms(
            offered
                .iter()
                .copied()
                .map(StrBytes::from_static_str)
                .collect(),
        )
}

/// The next message of the exchange, in which `said` was said so far.
fn authenticate(
    said: &mut Vec<String>,
    message: &Bytes,
    demands: Demands,
) -> SaslAuthenticateResponse {
    let refused = || {
        SaslAuthenticateResponse::default()
            .with_error_code(ErrorCode::SaslAuthenticationFailed.code())
            .with_error_message(Some(StrBytes::from_static_str("Authentication failed")))
    };
    let told = |bytes: String| SaslAuthenticateResponse::default().with_auth_bytes(bytes.into());
    let Demands::Login(password) = demands else {
        // Whoever does not know the password can only go through the motions.
        return if said.is_empty() {
            first(said, message)
        } else {
            told(format!("v={}", STANDARD.encode([7; 64])))
        };
    };
    if message.first() == Some(&0) {
        let expected = format!("\0reader\0{password}");
        return if message == expected.as_bytes() {
            told(String::new())
        } else {
            refused()
        };
    }
    if said.is_empty() {
        return first(said, message);
    }
    let text = std::str::from_utf8(message).expect("text");
    let (without_proof, proof) = text.rsplit_once(",p=").expect("a proof");
    let proof = STANDARD.decode(proof).expect("base 64");
    let all = format!("{},{without_proof}", said.join(","));
    // By the length of the proof: 32 bytes are of SHA-256.
    let (hash, mac, derive) = if proof.len() == 32 {
        (
            &digest::SHA256,
            hmac::HMAC_SHA256,
            pbkdf2::PBKDF2_HMAC_SHA256,
        )
    } else {
        (
            &digest::SHA512,
            hmac::HMAC_SHA512,
            pbkdf2::PBKDF2_HMAC_SHA512,
        )
    };
    let sign = |key: &[u8], message: &[u8]| {
        let key = hmac::Key::new(mac, key);
        hmac::sign(&key, message).as_ref().to_vec()
    };
    let mut salted = vec![0; proof.len()];
    pbkdf2::derive(derive, ITERATIONS, SALT, password.as_bytes(), &mut salted);
    let client_key = sign(&salted, b"Client Key");
    let stored_key = digest::digest(hash, &client_key);
    let signature = sign(stored_key.as_ref(), all.as_bytes());
    let fits = (proof.iter().zip(&signature)).map(|(proof, sign)| proof ^ sign);
    if fits.collect::<Vec<u8>>() != client_key {
        return refused();
    }
    let server_key = sign(&salted, b"Server Key");
    let signature = sign(&server_key, all.as_bytes());
    told(format!("v={}", STANDARD.encode(signature)))
}

/// The first answer of SCRAM.
fn first(said: &mut Vec<String>, message: &Bytes) -> SaslAuthenticateResponse {
    let bare = std::str::from_utf8(message).expect("text");
    let bare = bare.strip_prefix("n,,").expect("no channel is bound");
    let (name, nonce) = bare.split_once(",r=").expect("a nonce");
    assert_eq!(name, "n=reader");
    let salt = STANDARD.encode(SALT);
    let answer = format!("r={nonce}and-ours,s={salt},i={ITERATIONS}");
    said.extend([bare.to_owned(), answer.clone()]);
    SaslAuthenticateResponse::default().with_auth_bytes(answer.into())
}

#[tokio::test]
async fn every_mechanism_lets_us_in_within_tls_and_without() {
    let authority = Authority::new();
    for mechanism in Mechanism::ALL {
        let password = if mechanism == Mechanism::Plain {
            "plain"
        } else {
            "pencil"
        };
        for tls in [true, false] {
            let (theirs, ours) = if tls {
                (Some(authority.good()), Some(authority.trusted()))
            } else {
                (None, None)
            };
            let login = Some(login(mechanism, password));
            let security = Security { tls: ours, login };
            let answer = connect(theirs, Demands::Login(password), &security).await;
            answer.unwrap_or_else(|error| panic!("{mechanism:?}, TLS {tls}: {error}"));
        }
    }
}

#[tokio::test]
async fn who_is_not_let_in_is_told_why_and_whether_to_try_again() {
    let scram = Mechanism::ScramSha512;
    for (mechanism, password, demands, why, refused) in [
        (
            scram,
            "crayon",
            Demands::Login("pencil"),
            "wrong password for reader (SCRAM-SHA-512), or no such user",
            true,
        ),
        (
            Mechanism::Plain,
            "crayon",
            Demands::Login("plain"),
            "wrong password for reader (PLAIN), or no such user",
            true,
        ),
        (
            Mechanism::Plain,
            "pencil",
            Demands::Login("pencil"),
            "the broker does not take PLAIN: sasl.mechanism can be SCRAM-SHA-256, SCRAM-SHA-512",
            true,
        ),
        (
            scram,
            "pencil",
            Demands::Nothing,
            "the broker asks nobody who they are there: security.protocol may have to be PLAINTEXT or SSL",
            true,
        ),
        (
            scram,
            "pencil",
            Demands::LoginOfNobody,
            "SCRAM-SHA-512: the broker does not know the password itself",
            false,
        ),
    ] {
        let security = Security {
            tls: None,
            login: Some(login(mechanism, password)),
        };
        let error = connect(None, demands, &security).await.expect_err(why);
        assert_eq!(error.to_string(), why);
        let KafkaError::Security(error) = error else {
            panic!("{error:?}");
        };
        assert_eq!(error.is_refusal(), refused, "{error}");
    }
}

#[tokio::test]
async fn each_trouble_with_tls_has_a_sentence() {
    let authority = Authority::new();
    let stranger = Authority::new();
    for (theirs, ours, why) in [
        (
            Some(authority.acceptor("127.0.0.1", 2001, false)),
            Some(authority.trusted()),
            "the certificate of 127.0.0.1 has expired",
        ),
        (
            Some(authority.acceptor("k1.shop", 4000, false)),
            Some(authority.trusted()),
            "the certificate of 127.0.0.1 is made out for other names",
        ),
        (
            Some(authority.good()),
            Some(stranger.trusted()),
            "nobody who is trusted here vouches for the certificate of 127.0.0.1",
        ),
        (
            Some(authority.acceptor("127.0.0.1", 4000, true)),
            Some(authority.trusted()),
            "127.0.0.1 wants a certificate of ours: ssl.keystore.location",
        ),
        (
            None,
            Some(authority.trusted()),
            "127.0.0.1 does not speak TLS there: security.protocol may have to be PLAINTEXT",
        ),
        (
            Some(authority.good()),
            None,
            "the connection ends at the first request in plain text: security.protocol may have to be SSL",
        ),
    ] {
        let security = Security {
            tls: ours,
            login: None,
        };
        let error = connect(theirs, Demands::Nothing, &security).await;
        let error = error.expect_err(why);
        assert!(error.to_string().starts_with(why), "{error}");
        let KafkaError::Security(error) = error else {
            panic!("{error:?}");
        };
        assert!(!error.is_refusal(), "a broker's certificate may be renewed");
    }
}
