//! Connections that are secured: TLS below Kafka's protocol, and the proof of who we are before anything else is asked.

use std::time::Duration;

use kafka_protocol::messages::{ApiKey, SaslAuthenticateRequest, SaslHandshakeRequest};
use kafka_protocol::protocol::StrBytes;

use super::kafka::{KafkaConnection, KafkaError, open, within};
use super::security::{Login, LoginError, Security, SecurityError, Stream, TlsError};
use super::tap::Tap;
use wire::ErrorCode;
use wire::frame::FrameError;

/// How TLS complains of what is no TLS: an alert of a version 3.
const TLS_ALERT: [u8; 2] = [0x15, 0x03];

impl KafkaConnection {
    /// Connects to a host and port as `security` demands, and tells `tap` every request and answer but those that prove
    /// who we are.
    ///
    /// # Errors
    /// Nobody answered in time, not in Kafka's protocol, or one side does not trust the other.
    pub async fn connect_secured(
        address: &str,
        client_id: &str,
        wait: Duration,
        tap: Tap,
        security: &Security,
    ) -> Result<Self, KafkaError> {
        let connect = async {
            let stream = open(address).await?;
            let stream = match &security.tls {
                None => Stream::Plain(stream),
                Some(tls) => {
                    let secured = tls.connect(host(address), stream).await;
                    Stream::Tls(Box::new(secured.map_err(SecurityError::from)?))
                }
            };
            let mut connection = Self::new(stream, client_id, tap);
            let negotiated = connection.negotiate(wait).await;
            negotiated.map_err(|error| meaning(error, address, security))?;
            if let Some(login) = &security.login {
                connection.log_in(login, wait).await?;
            }
            Ok(connection)
        };
        within(wait, connect).await
    }

    /// Proves who we are. What proves it is told to nobody else.
    async fn log_in(&mut self, login: &Login, wait: Duration) -> Result<(), KafkaError> {
        let of = |error: LoginError| KafkaError::from(SecurityError::from(error));
        let mechanism = StrBytes::from_static_str(login.mechanism.name());
        let handshake = SaslHandshakeRequest::default().with_mechanism(mechanism);
        // From version 1 on what follows is framed as every request.
        let answer = self.ask_in(1, &handshake, wait).await?;
        match ErrorCode::from_code(answer.error_code) {
            code if code.is_none() => {}
            ErrorCode::UnsupportedSaslMechanism => {
                let offered = answer.mechanisms.iter().map(ToString::to_string);
                return Err(of(LoginError::Mechanism {
                    wanted: login.mechanism.name(),
                    offered: offered.collect::<Vec<_>>().join(", "),
                }));
            }
            ErrorCode::IllegalSaslState => return Err(of(LoginError::NotAsked)),
            code => return Err(malformed(ApiKey::SaslHandshake, code)),
        }
        let version = self.version::<SaslAuthenticateRequest>(i16::MAX)?;
        let mut exchange = login.begin().map_err(of)?;
        let mut message = Some(exchange.first());
        while let Some(bytes) = message {
            let request = SaslAuthenticateRequest::default().with_auth_bytes(bytes.into());
            let answer = self.exchange(version, &request).await?;
            message = match ErrorCode::from_code(answer.error_code) {
                code if code.is_none() => exchange.next(&answer.auth_bytes).map_err(of)?,
                ErrorCode::SaslAuthenticationFailed => return Err(of(login.denied())),
                code => return Err(malformed(ApiKey::SaslAuthenticate, code)),
            };
        }
        Ok(())
    }
}

fn malformed(api: ApiKey, code: ErrorCode) -> KafkaError {
    let why = code.to_string();
    KafkaError::Malformed { api, why }
}

fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

/// What it means that the first request was not answered.
fn meaning(error: KafkaError, address: &str, security: &Security) -> KafkaError {
    match error {
        // With TLS 1.3 a broker says only now that it does not trust us.
        KafkaError::Frame(FrameError::Io(io)) if security.tls.is_some() => {
            SecurityError::from(TlsError::of(host(address), &io)).into()
        }
        KafkaError::Frame(FrameError::Length { announced, .. })
            if security.tls.is_none() && announced.to_be_bytes().starts_with(&TLS_ALERT) =>
        {
            SecurityError::SpeaksTls.into()
        }
        KafkaError::Closed { .. } if security.tls.is_none() => SecurityError::SpeaksTls.into(),
        other => other,
    }
}

#[cfg(test)]
mod tests;
