//! `DescribeClientQuotas` and `AlterClientQuotas` 0 to 1: nobody is held back here, so there are no quotas, and none
//! can be set. Apache Kafka stores them; a quota that is kept and not obeyed would be a lie.

use std::collections::BTreeSet;

use kafka_protocol::messages::{
    AlterClientQuotasRequest, AlterClientQuotasResponse, DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
    alter_client_quotas_response::{EntityData, EntryData},
};

use super::sentence;
use wire::ErrorCode;

/// The name is given, and matched exactly.
const EXACT: i8 = 0;
/// Without a name: the default, and any.
const DEFAULT: i8 = 1;
const ANY: i8 = 2;

pub(crate) fn describe(
    _version: i16,
    request: &DescribeClientQuotasRequest,
) -> DescribeClientQuotasResponse {
    match check(request) {
        Ok(()) => DescribeClientQuotasResponse::default().with_entries(Some(Vec::new())),
        Err((code, message)) => DescribeClientQuotasResponse::default()
            .with_error_code(code.code())
            .with_error_message(Some(sentence(message)))
            .with_entries(None),
    }
}

/// What Apache Kafka refuses in a filter, in its words.
fn check(request: &DescribeClientQuotasRequest) -> Result<(), (ErrorCode, String)> {
    let invalid = |message: String| Err((ErrorCode::InvalidRequest, message));
    let mut seen = BTreeSet::new();
    for component in &request.components {
        let (entity_type, called) = match component.entity_type.as_str() {
            "user" => ("user", "user"),
            "client-id" => ("client-id", "client"),
            "ip" => ("ip", "ip"),
            "" => return invalid("Unexpected empty filter component entity type".to_owned()),
            other => {
                let message = format!("Custom entity type '{other}' not supported");
                return Err((ErrorCode::UnsupportedVersion, message));
            }
        };
        if !seen.insert(entity_type) {
            return invalid(format!("Duplicate {called} filter component entity type"));
        }
        match (component.match_type, &component._match) {
            (EXACT, Some(_)) | (DEFAULT | ANY, None) => {}
            (EXACT, None) => {
                return invalid(
                    "Request specifies MATCH_TYPE_EXACT, but match string is null".to_owned(),
                );
            }
            (DEFAULT | ANY, Some(_)) => {
                return invalid(
                    "Request specifies a match string for a match type without one".to_owned(),
                );
            }
            (other, _) => return invalid(format!("Unexpected match type: {other}")),
        }
    }
    if seen.contains("ip") && seen.len() > 1 {
        let message = "Invalid entity filter component combination, IP filter component should not be used with user \
                       or clientId filter component.";
        return invalid(message.to_owned());
    }
    Ok(())
}

pub(crate) fn alter(
    _version: i16,
    request: &AlterClientQuotasRequest,
) -> AlterClientQuotasResponse {
    let entries = request.entries.iter().map(|entry| {
        let entity = entry.entity.iter().map(|entity| {
            EntityData::default()
                .with_entity_type(entity.entity_type.clone())
                .with_entity_name(entity.entity_name.clone())
        });
        EntryData::default()
            .with_error_code(ErrorCode::UnsupportedVersion.code())
            .with_error_message(Some(sentence(
                "This broker has no client quotas: none can be set.",
            )))
            .with_entity(entity.collect())
    });
    AlterClientQuotasResponse::default().with_entries(entries.collect())
}
