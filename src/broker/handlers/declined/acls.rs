//! `DescribeAcls`, `CreateAcls` and `DeleteAcls` 1 to 3: nothing is authorized here, so `SECURITY_DISABLED`.

use kafka_protocol::messages::{
    CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse,
    DescribeAclsRequest, DescribeAclsResponse, create_acls_response::AclCreationResult,
    delete_acls_response::DeleteAclsFilterResult,
};

use super::sentence;
use wire::ErrorCode;

const DISABLED: i16 = ErrorCode::SecurityDisabled.code();

/// What Apache Kafka says to those who change ACLs.
const NO_AUTHORIZER: &str = "No Authorizer is configured.";

pub(crate) fn describe(_version: i16, _request: &DescribeAclsRequest) -> DescribeAclsResponse {
    DescribeAclsResponse::default()
        .with_error_code(DISABLED)
        .with_error_message(Some(sentence("No Authorizer is configured on the broker")))
}

pub(crate) fn create(_version: i16, request: &CreateAclsRequest) -> CreateAclsResponse {
    let results = request.creations.iter().map(|_| {
        AclCreationResult::default()
            .with_error_code(DISABLED)
            .with_error_message(Some(sentence(NO_AUTHORIZER)))
    });
    CreateAclsResponse::default().with_results(results.collect())
}

pub(crate) fn delete(_version: i16, request: &DeleteAclsRequest) -> DeleteAclsResponse {
    let results = request.filters.iter().map(|_| {
        DeleteAclsFilterResult::default()
            .with_error_code(DISABLED)
            .with_error_message(Some(sentence(NO_AUTHORIZER)))
    });
    DeleteAclsResponse::default().with_filter_results(results.collect())
}
