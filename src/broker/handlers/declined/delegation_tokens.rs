//! `CreateDelegationToken`, `RenewDelegationToken`, `ExpireDelegationToken` and `DescribeDelegationToken`: tokens are
//! for those who authenticated, which nobody does on a plaintext listener.

use kafka_protocol::{
    messages::{
        CreateDelegationTokenRequest, CreateDelegationTokenResponse,
        DescribeDelegationTokenRequest, DescribeDelegationTokenResponse,
        ExpireDelegationTokenRequest, ExpireDelegationTokenResponse, RenewDelegationTokenRequest,
        RenewDelegationTokenResponse,
    },
    protocol::StrBytes,
};

use wire::ErrorCode;

const NOT_ALLOWED: i16 = ErrorCode::DelegationTokenRequestNotAllowed.code();

/// In the place of a time that does not exist.
const NEVER: i64 = -1;

/// Who everybody is: a principal of this type and name.
const USER: StrBytes = StrBytes::from_static_str("User");
const ANONYMOUS: StrBytes = StrBytes::from_static_str("ANONYMOUS");

pub(crate) fn create(
    version: i16,
    _request: &CreateDelegationTokenRequest,
) -> CreateDelegationTokenResponse {
    let response = CreateDelegationTokenResponse::default()
        .with_error_code(NOT_ALLOWED)
        .with_principal_type(USER)
        .with_principal_name(ANONYMOUS)
        .with_issue_timestamp_ms(NEVER)
        .with_expiry_timestamp_ms(NEVER)
        .with_max_timestamp_ms(NEVER);
    if version < 3 {
        return response;
    }
    response
        .with_token_requester_principal_type(USER)
        .with_token_requester_principal_name(ANONYMOUS)
}

pub(crate) fn renew(
    _version: i16,
    _request: &RenewDelegationTokenRequest,
) -> RenewDelegationTokenResponse {
    RenewDelegationTokenResponse::default()
        .with_error_code(NOT_ALLOWED)
        .with_expiry_timestamp_ms(NEVER)
}

pub(crate) fn expire(
    _version: i16,
    _request: &ExpireDelegationTokenRequest,
) -> ExpireDelegationTokenResponse {
    ExpireDelegationTokenResponse::default()
        .with_error_code(NOT_ALLOWED)
        .with_expiry_timestamp_ms(NEVER)
}

pub(crate) fn describe(
    _version: i16,
    _request: &DescribeDelegationTokenRequest,
) -> DescribeDelegationTokenResponse {
    DescribeDelegationTokenResponse::default().with_error_code(NOT_ALLOWED)
}
