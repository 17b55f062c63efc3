//! TLS to brokers: who is trusted, who we show ourselves to be, and what went wrong in a sentence.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error as RustlsError,
    RootCertStore, SignatureScheme,
};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What a client's settings say of TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// A PEM file with certificates of those who may vouch for brokers; without it whom the system trusts.
    pub trusted: Option<PathBuf>,
    /// A PEM file with our own certificate, and those who vouch for it.
    pub certificate: Option<PathBuf>,
    /// A PEM file with its key; it may be the same file.
    pub key: Option<PathBuf>,
    /// Whether a broker's certificate must be made out for the host that is asked.
    pub checks_names: bool,
}

/// Connects within TLS.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// Why there is no TLS with a broker.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file is not what it should be.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The settings do not fit each other.
    #[error("{0}")]
    Settings(String),
    /// Nobody whom we trust vouches for the broker.
    #[error(
        "nobody who is trusted here vouches for the certificate of {host}: name who does with \
         ssl.truststore.location (PEM) or ssl.ca.location"
    )]
    UnknownIssuer {
        /// The broker's host.
        host: String,
    },
    /// Its certificate is too old.
    #[error("the certificate of {host} has expired")]
    Expired {
        /// The broker's host.
        host: String,
    },
    /// Its certificate names other hosts.
    #[error(
        "the certificate of {host} is made out for other names: its subjectAltName counts, not its CN \
         (ssl.endpoint.identification.algorithm= with nothing behind it takes it all the same)"
    )]
    OtherName {
        /// The broker's host.
        host: String,
    },
    /// It wants to know who we are.
    #[error(
        "{host} wants a certificate of ours: ssl.keystore.location (PEM), or ssl.certificate.location \
         and ssl.key.location"
    )]
    WantsOurs {
        /// The broker's host.
        host: String,
    },
    /// Whoever listens there speaks something else.
    #[error(
        "{host} does not speak TLS there: security.protocol may have to be PLAINTEXT or SASL_PLAINTEXT"
    )]
    NotTls {
        /// The broker's host.
        host: String,
    },
    /// Anything else.
    #[error("TLS with {host}: {why}")]
    Other {
        /// The broker's host.
        host: String,
        /// In the library's words.
        why: String,
    },
}

impl Tls {
    /// As these settings say.
    ///
    /// # Errors
    /// A file cannot be read or holds something else.
    pub fn new(settings: &TlsSettings) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        match &settings.trusted {
            Some(path) => {
                for certificate in certificates(path)? {
                    roots
                        .add(certificate)
                        .map_err(|error| of_file(path, error.to_string()))?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        if roots.is_empty() {
            let why = "this system trusts nobody: ssl.truststore.location (PEM) or ssl.ca.location \
                       names who may vouch for brokers";
            return Err(TlsError::Settings(why.to_owned()));
        }
        let trusted =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let trusted = trusted
            .build()
            .map_err(|error| TlsError::Settings(error.to_string()))?;
        let verifier: Arc<dyn ServerCertVerifier> = if settings.checks_names {
            trusted
        } else {
            Arc::new(AnyName(trusted))
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Settings(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match (&settings.certificate, &settings.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(certificate), key) => {
                let path = key.as_ref().unwrap_or(certificate);
                let key = PrivateKeyDer::from_pem_file(path)
                    .map_err(|error| of_file(path, error.to_string()))?;
                builder
                    .with_client_auth_cert(certificates(certificate)?, key)
                    .map_err(|error| of_file(path, error.to_string()))?
            }
            (None, Some(_)) => {
                let why = "ssl.key.location needs ssl.certificate.location beside it";
                return Err(TlsError::Settings(why.to_owned()));
            }
        };
        Ok(Self {
            config: Arc::new(config),
        })
    }

    /// Speaks TLS with who listens at the other end.
    ///
    /// # Errors
    /// One of the two does not trust the other, or no TLS is spoken there.
    pub(crate) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, TlsError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).map_err(|error| TlsError::Other {
            host: host.to_owned(),
            why: error.to_string(),
        })?;
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let connected = connector.connect(name, stream).await;
        connected.map_err(|error| TlsError::of(host, &error))
    }
}

impl TlsError {
    /// What it means that bytes could not be sent or received.
    pub(crate) fn of(host: &str, error: &io::Error) -> Self {
        let host = host.to_owned();
        let inner = error
            .get_ref()
            .and_then(|it| it.downcast_ref::<RustlsError>());
        let Some(inner) = inner else {
            return match error.kind() {
                // A plaintext listener takes the first bytes for a length that it does not take.
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe => Self::NotTls { host },
                _ => Self::Other {
                    host,
                    why: error.to_string(),
                },
            };
        };
        match inner {
            RustlsError::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            ) => Self::Expired { host },
            RustlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => Self::OtherName { host },
            RustlsError::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            ) => Self::UnknownIssuer { host },
            RustlsError::InvalidMessage(_) => Self::NotTls { host },
            RustlsError::AlertReceived(
                AlertDescription::CertificateRequired | AlertDescription::BadCertificate,
            ) => Self::WantsOurs { host },
            other => Self::Other {
                host,
                why: other.to_string(),
            },
        }
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| of_file(path, error.to_string()))?;
    if read.is_empty() {
        let why =
            "no certificate in PEM is in it (a Java keystore becomes PEM with keytool -list -rfc)";
        return Err(of_file(path, why.to_owned()));
    }
    Ok(read)
}

fn of_file(path: &Path, why: String) -> TlsError {
    TlsError::File {
        path: path.to_owned(),
        why,
    }
}

/// Believes a certificate that is vouched for, whatever names it is made out for.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, RustlsError> {
        let verified =
            self.0
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // Names are looked at last: all else was in order.
            Err(RustlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
