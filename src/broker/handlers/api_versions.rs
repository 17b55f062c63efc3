//! ApiVersions 0 to 5: the versions of every API that this broker answers.
//!
//! Behaviour: a version that is not known is answered in version 0 with `UNSUPPORTED_VERSION` and
//! the range of this API, so that the client asks again (KIP-511). The response header is of
//! version 0 in all versions. From version 5 on a client that says which broker of which cluster it means, and speaks to
//! another, is told `REBOOTSTRAP_REQUIRED` (KIP-1242); one that says half of it, `INVALID_REQUEST`.
//!
//! Two features (KIP-584): from `transaction.version` 2 clients learn that they need not name their partitions and
//! offsets to the coordinator, and that each end raises their epoch (KIP-890); `group.version` 1 is the protocol of
//! consumer groups (KIP-848). Versions before 4 do not list what is supported from level 0 on, only what is finalized.

use std::sync::Arc;

use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse,
    api_versions_response::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey},
};
use kafka_protocol::protocol::StrBytes;

use super::{APIS, Api, Reply, RequestContext, RequestError};
use crate::Broker;
use wire::ErrorCode;
use wire::api_versions::{API_VERSIONS_CODEC, ApiVersionsRequest};

/// The features, each at the level that is the highest here and finalized.
const FEATURES: [(&str, i16); 2] = [("group.version", 1), ("transaction.version", 2)];

/// The first version that lists features which are supported from level 0 on.
const LEVEL_0_SINCE: i16 = 4;

/// Longest name or version of a client's software; Kafka takes letters, digits, dots and hyphens.
fn is_software_text(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.chars().all(inner) && edge(text.chars().next()) && edge(text.chars().next_back())
}

#[expect(
    clippy::unused_async,
    reason = "handlers have one signature, and most of them wait"
)]
pub(super) async fn handle(
    broker: &Arc<Broker>,
    context: &RequestContext,
    request: ApiVersionsRequest,
) -> Result<Reply, RequestError> {
    let response = answer(broker, context.version, &request);
    // Answers did not change with the version that the codec does not know.
    let context = RequestContext {
        version: context.version.min(API_VERSIONS_CODEC),
        ..context.clone()
    };
    Reply::response(&context, &response)
}

fn answer(broker: &Broker, version: i16, request: &ApiVersionsRequest) -> ApiVersionsResponse {
    let refused = |code: ErrorCode| ApiVersionsResponse::default().with_error_code(code.code());
    let valid = version < 3
        || (is_software_text(&request.client_software_name)
            && is_software_text(&request.client_software_version));
    if !valid {
        return refused(ErrorCode::InvalidRequest);
    }
    match (&request.cluster_id, request.node_id) {
        (None, None) => {}
        (Some(cluster), Some(node)) => {
            let image = broker.registry.image();
            if *cluster != image.cluster_id || node != broker.id.0 {
                return refused(ErrorCode::RebootstrapRequired);
            }
        }
        _ => return refused(ErrorCode::InvalidRequest),
    }
    let advertised = APIS.iter().filter(|api| api.is_advertised);
    let response = ApiVersionsResponse::default().with_api_keys(advertised.map(range).collect());
    if version < 3 {
        return response;
    }
    let finalized = FEATURES.iter().map(|(name, level)| {
        FinalizedFeatureKey::default()
            .with_name(StrBytes::from_static_str(name))
            .with_max_version_level(*level)
            .with_min_version_level(*level)
    });
    let supported = FEATURES.iter().map(|(name, level)| {
        SupportedFeatureKey::default()
            .with_name(StrBytes::from_static_str(name))
            .with_min_version(0)
            .with_max_version(*level)
    });
    let response = response
        // Of all brokers, and for good: clients take what comes with a later epoch.
        .with_finalized_features_epoch(0)
        .with_finalized_features(finalized.collect());
    if version < LEVEL_0_SINCE {
        response
    } else {
        response.with_supported_features(supported.collect())
    }
}

/// The answer to a version of ApiVersions that this broker does not know.
pub(crate) fn unsupported_version(
    correlation_id: i32,
    peer: std::net::SocketAddr,
) -> Result<Reply, RequestError> {
    let context = RequestContext {
        version: 0,
        sent_version: 0,
        correlation_id,
        client_id: None,
        peer,
    };
    let own = APIS.iter().filter(|api| api.key == ApiKey::ApiVersions);
    Reply::response(
        &context,
        &ApiVersionsResponse::default()
            .with_error_code(ErrorCode::UnsupportedVersion.code())
            .with_api_keys(own.map(range).collect()),
    )
}

fn range(api: &Api) -> ApiVersion {
    ApiVersion::default()
        .with_api_key(api.key as i16)
        .with_min_version(api.advertised_from)
        .with_max_version(api.max_version)
}

#[cfg(test)]
mod tests {
    use super::{APIS, ApiKey, is_software_text};

    #[test]
    fn a_software_name_is_plain() {
        for good in ["apache-kafka-java", "3.9.2", "x"] {
            assert!(is_software_text(good), "{good}");
        }
        for bad in ["", "-a", "a.", "a b", "ä"] {
            assert!(!is_software_text(bad), "{bad}");
        }
    }

    /// Every API that Apache Kafka 3.9 offers to clients, with its highest version there. Tools tell a broker's version by
    /// this: one that is missing makes it older than the release that brought it.
    const APACHE: [(i16, i16); 53] = [
        (0, 11),
        (1, 17),
        (2, 9),
        (3, 12),
        (8, 9),
        (9, 9),
        (10, 6),
        (11, 9),
        (12, 4),
        (13, 5),
        (14, 5),
        (15, 5),
        (16, 5),
        (17, 1),
        (18, 4),
        (19, 7),
        (20, 6),
        (21, 2),
        (22, 5),
        (23, 4),
        (24, 5),
        (25, 4),
        (26, 4),
        (28, 4),
        (29, 3),
        (30, 3),
        (31, 3),
        (32, 4),
        (33, 2),
        (34, 2),
        (35, 4),
        (36, 2),
        (37, 3),
        (38, 3),
        (39, 2),
        (40, 2),
        (41, 3),
        (42, 2),
        (43, 2),
        (44, 1),
        (45, 0),
        (46, 0),
        (47, 0),
        (48, 1),
        (49, 1),
        (50, 0),
        (51, 0),
        (60, 1),
        (61, 0),
        (65, 0),
        (66, 1),
        (68, 0),
        (69, 0),
    ];

    #[test]
    fn a_client_takes_us_for_kafka_3_9_or_later() {
        for (key, version) in APACHE {
            let offered = APIS
                .iter()
                .find(|api| api.key as i16 == key && api.is_advertised);
            assert!(
                offered.is_some_and(|api| api.max_version >= version),
                "{key} in version {version}"
            );
        }
    }

    #[test]
    fn what_brokers_ask_each_other_is_not_offered_to_clients() {
        let between = [ApiKey::BrokerHeartbeat, ApiKey::BrokerRegistration];
        assert!(
            APIS.iter()
                .all(|api| !api.is_advertised || !between.contains(&api.key))
        );
    }

    #[test]
    fn apis_are_listed_once_and_in_order() {
        assert!(APIS.is_sorted_by(|a, b| (a.key as i16) < (b.key as i16)));
        assert!(APIS.iter().all(|api| api.min_version <= api.max_version));
    }
}
