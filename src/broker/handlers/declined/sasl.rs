//! `SaslHandshake` 0 to 1 and `SaslAuthenticate` 0 to 2: a plaintext listener takes everybody, and says
//! `ILLEGAL_SASL_STATE` to a client that is set to authenticate.

use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};

use super::sentence;
use wire::ErrorCode;

pub(crate) fn handshake(_version: i16, _request: &SaslHandshakeRequest) -> SaslHandshakeResponse {
    SaslHandshakeResponse::default().with_error_code(ErrorCode::IllegalSaslState.code())
}

pub(crate) fn authenticate(
    _version: i16,
    _request: &SaslAuthenticateRequest,
) -> SaslAuthenticateResponse {
    let message = "SaslAuthenticate request received after successful authentication";
    SaslAuthenticateResponse::default()
        .with_error_code(ErrorCode::IllegalSaslState.code())
        .with_error_message(Some(sentence(message)))
}
