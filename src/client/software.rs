//! What a broker's ApiVersions answer tells of the cluster's software: whether a quorum or `ZooKeeper` keeps its metadata, and
//! which release of Kafka it is at least like.

use kafka_protocol::messages::{ApiKey, ApiVersionsResponse};

/// The feature whose levels tell releases apart.
const METADATA_VERSION: &str = "metadata.version";

/// The first level of each release (`MetadataVersion` of Apache Kafka).
const LEVELS: [(i16, &str); 13] = [
    (7, "3.3"),
    (8, "3.4"),
    (9, "3.5"),
    (12, "3.6"),
    (15, "3.7"),
    (20, "3.8"),
    (21, "3.9"),
    (22, "4.0"),
    (26, "4.1"),
    (28, "4.2"),
    (30, "4.3"),
    (31, "4.4"),
    (34, "4.5"),
];

/// What a broker told of its software.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Software {
    /// Whether a quorum of controllers keeps the cluster's metadata; else `ZooKeeper` does.
    pub quorum: bool,
    /// The release of Apache Kafka, `4.3`, that has the broker's highest `metadata.version`; `None`: it told none.
    pub release: Option<&'static str>,
}

impl Software {
    /// What this answer tells.
    pub(super) fn of(answer: &ApiVersionsResponse) -> Self {
        let describes_quorum =
            |key: i16| ApiKey::try_from(key).is_ok_and(|key| key == ApiKey::DescribeQuorum);
        let features = &answer.supported_features;
        let level = features
            .iter()
            .find(|feature| feature.name.as_str() == METADATA_VERSION)
            .map(|feature| feature.max_version);
        Self {
            quorum: answer
                .api_keys
                .iter()
                .any(|api| describes_quorum(api.api_key)),
            release: level.and_then(release),
        }
    }
}

/// The release that brought this level.
fn release(level: i16) -> Option<&'static str> {
    let known = LEVELS.iter().rev();
    known
        .clone()
        .find(|(first, _)| *first <= level)
        .map(|(_, release)| *release)
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::ApiVersionsResponse;
    use kafka_protocol::messages::api_versions_response::{ApiVersion, SupportedFeatureKey};
    use kafka_protocol::protocol::StrBytes;

    use super::{Software, release};

    #[test]
    fn a_level_is_of_the_release_that_brought_it_or_came_before() {
        let releases = [6, 7, 14, 21, 25, 27, 30, 33].map(release);
        let told = ["3.3", "3.6", "3.9", "4.0", "4.1", "4.3", "4.4"].map(Some);
        assert_eq!(releases.first(), Some(&None));
        assert_eq!(releases[1..], told);
    }

    #[test]
    fn who_describes_a_quorum_has_one() {
        let offers = |key: i16| {
            let feature = SupportedFeatureKey::default()
                .with_name(StrBytes::from_static_str("metadata.version"))
                .with_max_version(30);
            let answer = ApiVersionsResponse::default()
                .with_api_keys(vec![ApiVersion::default().with_api_key(key)])
                .with_supported_features(vec![feature]);
            Software::of(&answer)
        };
        let metadata_only = Software {
            quorum: false,
            release: Some("4.3"),
        };
        assert_eq!(offers(3), metadata_only);
        assert!(offers(55).quorum);
        assert_eq!(
            Software::of(&ApiVersionsResponse::default()),
            Software::default()
        );
    }
}
