//! `DescribeUserScramCredentials` and `AlterUserScramCredentials` 0: nobody authenticates here, so no user has
//! credentials, and none can be given any.

use std::collections::BTreeSet;

use kafka_protocol::{
    messages::{
        AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse,
        DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
        alter_user_scram_credentials_response::AlterUserScramCredentialsResult,
        describe_user_scram_credentials_response::DescribeUserScramCredentialsResult,
    },
    protocol::StrBytes,
};

use super::{super::repeated, sentence};
use wire::ErrorCode;

pub(crate) fn describe(
    _version: i16,
    request: &DescribeUserScramCredentialsRequest,
) -> DescribeUserScramCredentialsResponse {
    let names = request.users.iter().flatten();
    let names: Vec<StrBytes> = names.map(|user| user.name.clone()).collect();
    let twice = repeated(names.iter().cloned());
    let users: BTreeSet<StrBytes> = names.into_iter().collect();
    let results = users.into_iter().map(|user| {
        let (code, message) = if user.is_empty() {
            (
                ErrorCode::ResourceNotFound,
                "Username must not be empty".to_owned(),
            )
        } else if twice.contains(&user) {
            let message = format!(
                "Cannot describe SCRAM credentials for the same user twice in a single request: {user}"
            );
            (ErrorCode::DuplicateResource, message)
        } else {
            let message =
                format!("Attempt to describe a user credential that does not exist: {user}");
            (ErrorCode::ResourceNotFound, message)
        };
        DescribeUserScramCredentialsResult::default()
            .with_user(user)
            .with_error_code(code.code())
            .with_error_message(Some(sentence(message)))
    });
    DescribeUserScramCredentialsResponse::default().with_results(results.collect())
}

pub(crate) fn alter(
    _version: i16,
    request: &AlterUserScramCredentialsRequest,
) -> AlterUserScramCredentialsResponse {
    let deleted: BTreeSet<&StrBytes> = request.deletions.iter().map(|it| &it.name).collect();
    let inserted: BTreeSet<&StrBytes> = request.upsertions.iter().map(|it| &it.name).collect();
    let refused = |user: &StrBytes, code: ErrorCode, message: &str| {
        AlterUserScramCredentialsResult::default()
            .with_user(user.clone())
            .with_error_code(code.code())
            .with_error_message(Some(sentence(message)))
    };
    let absent = deleted.difference(&inserted).map(|user| {
        let message = "Attempt to delete a user credential that does not exist";
        refused(user, ErrorCode::ResourceNotFound, message)
    });
    let unwanted = inserted.iter().map(|user| {
        let message = "This broker has no SASL listener: no user can have SCRAM credentials.";
        refused(user, ErrorCode::UnsupportedSaslMechanism, message)
    });
    AlterUserScramCredentialsResponse::default().with_results(absent.chain(unwanted).collect())
}
