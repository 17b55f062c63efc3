//! What is asked of the cluster by our own connections, each in the background until it is answered.

use std::time::Duration;

use anyhow::Result;
use tokio::sync::watch;
use tokio::time::Instant;

use super::state::{NewTopic, TopicConfig};
use super::supervisor::OFFSETS_PARTITIONS;
use client::admin::Admin;
use client::configs::{ConfigChange, ConfigResource};
use client::refusal::Refusal;
use client::topics;
use wire::ErrorCode;
use wire::topic_name::CONSUMER_OFFSETS;

/// How long a new topic waits for brokers that are still registering.
const REGISTERING_WAIT: Duration = Duration::from_secs(8);

/// How often it tries.
const REGISTERING_RETRY: Duration = Duration::from_millis(3);

/// How often the group's coordinator is asked for.
pub(super) const COORDINATOR_RETRY: Duration = Duration::from_millis(25);

/// How long a preferred leader that came back may take to be in sync, and the controller to learn it from `ZooKeeper`.
const IN_SYNC_WAIT: Duration = Duration::from_secs(5);

/// How often it is asked meanwhile.
const IN_SYNC_RETRY: Duration = Duration::from_millis(50);

/// Gives leadership back; what cannot be is named, the rest shows by itself.
pub(super) async fn elect_leaders(mut admin: Admin) -> Result<Option<String>> {
    let deadline = Instant::now() + IN_SYNC_WAIT;
    // A broker's metadata may say it before the controller knows it.
    let unavailable = |(_, code): &(_, ErrorCode)| *code == ErrorCode::PreferredLeaderNotAvailable;
    let elected = loop {
        let over = Instant::now() >= deadline;
        match admin.elect_preferred_leaders().await {
            Ok(elected) if over || !elected.iter().any(unavailable) => break elected,
            Ok(_) => {}
            // The controller may be the broker that was just killed, or starts again.
            Err(refusal) if !over && moves(&refusal) => admin.disconnect(),
            Err(refusal) => return Err(refusal.into()),
        }
        tokio::time::sleep(IN_SYNC_RETRY).await;
    };
    let mut failed = elected.iter().filter(|(_, code)| !code.is_none());
    if let Some((at, code)) = failed.next() {
        let others = match failed.count() {
            0 => String::new(),
            others => format!(", and {others} more"),
        };
        anyhow::bail!("preferred leader of {at} not elected: {code}{others}");
    }
    Ok(elected
        .is_empty()
        .then(|| "every preferred leader leads already".to_owned()))
}

/// Whether the controller is on its way from one broker to another, as far as a refusal tells.
fn moves(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::Code { code, .. } => *code == ErrorCode::NotController,
        Refusal::NoController | Refusal::Connection(_) => true,
        Refusal::Unreachable { .. } => false,
    }
}

pub(super) fn config(name: &str, value: &str) -> (String, String) {
    (name.into(), value.into())
}

/// Lets the cluster make the topic of committed offsets while the demo's topic is made. Brokers that were told to
/// keep it on more of them than there are would never make it.
pub(super) async fn prepare_groups(
    mut admin: Admin,
    replicas: i16,
    running: watch::Receiver<usize>,
) -> Result<Option<String>> {
    if usize::try_from(replicas).is_ok_and(|wanted| wanted > *running.borrow()) {
        let topic = NewTopic {
            name: CONSUMER_OFFSETS.into(),
            partitions: OFFSETS_PARTITIONS,
            replication_factor: replicas,
        };
        // As brokers make it themselves.
        let configs = |_| {
            vec![
                config("cleanup.policy", "compact"),
                config("compression.type", "producer"),
                config("segment.bytes", "104857600"),
            ]
        };
        return create_topic(admin, topic, configs, running, true).await;
    }
    let deadline = Instant::now() + REGISTERING_WAIT;
    while admin.find_coordinator(super::GROUP).await.is_err() && Instant::now() < deadline {
        admin.disconnect();
        tokio::time::sleep(COORDINATOR_RETRY).await;
    }
    Ok(None)
}

pub(super) async fn delete_group(mut admin: Admin, group: String) -> Result<Option<String>> {
    let deleted = admin.delete_group(&group).await;
    deleted.map_err(|refusal| why_not_deleted(&group, refusal))?;
    Ok(Some(format!("group {group} deleted")))
}

/// The broker's code alone says neither which group nor what to do.
fn why_not_deleted(group: &str, refusal: Refusal) -> anyhow::Error {
    if refusal.code() == Some(ErrorCode::NonEmptyGroup) {
        return anyhow::anyhow!(
            "NON_EMPTY_GROUP: {group} has members. It can be deleted once all have left: pick each, {{stop}}"
        );
    }
    anyhow::Error::from(refusal).context(format!("group {group} was not deleted"))
}

pub(super) async fn set_config(mut admin: Admin, config: TopicConfig) -> Result<Option<String>> {
    let TopicConfig { topic, name, value } = config;
    let done = match &value {
        Some(value) => format!("{topic}: {name} is {value}"),
        None => format!("{topic}: {name} is what the brokers have"),
    };
    let change = match value {
        Some(value) => ConfigChange::Set(name, value),
        None => ConfigChange::Delete(name),
    };
    let resource = ConfigResource::Topic(topic);
    admin.alter_configs(&resource, &[change]).await?;
    Ok(Some(done))
}

/// Creates a topic; one that the start brings is kept by as many brokers as there are.
pub(super) async fn create_topic(
    mut admin: Admin,
    topic: NewTopic,
    configs: impl Fn(i16) -> Vec<(String, String)>,
    brokers: watch::Receiver<usize>,
    expected: bool,
) -> Result<Option<String>> {
    let deadline = Instant::now() + REGISTERING_WAIT;
    let some_suffice =
        |running| i16::try_from(running).is_ok_and(|running| running > topic.replication_factor);
    if expected && some_suffice(*brokers.borrow()) {
        wait_for_all(&mut admin, &brokers, deadline).await;
    }
    // Whether an attempt may have worked without our hearing of it.
    let mut unheard = false;
    loop {
        let running = *brokers.borrow();
        let replication_factor = match i16::try_from(running) {
            Ok(running @ 1..) if expected => topic.replication_factor.min(running),
            _ => topic.replication_factor,
        };
        let wanted = topics::NewTopic {
            name: topic.name.clone(),
            partitions: topic.partitions,
            replication_factor,
            configs: configs(replication_factor),
            assignments: Vec::new(),
        };
        let error = match admin.create_topic(&wanted).await {
            Ok(()) => {
                return Ok((replication_factor < topic.replication_factor).then(|| {
                    format!(
                        "{}: replication factor {replication_factor} instead of {}, {running} brokers run",
                        topic.name, topic.replication_factor
                    )
                }));
            }
            Err(error) => error,
        };
        let code = error.code();
        if code == Some(ErrorCode::TopicAlreadyExists) && (expected || unheard) {
            return Ok(None);
        }
        let too_few = code == Some(ErrorCode::InvalidReplicationFactor);
        let enough = usize::try_from(replication_factor).is_ok_and(|wanted| wanted <= running);
        let unreachable = matches!(error, Refusal::Unreachable { .. });
        let passing = too_few && enough || unreachable || moves(&error);
        if !passing || Instant::now() >= deadline {
            if too_few {
                let live = admin
                    .metadata(Some(&[]))
                    .await
                    .map_or(running, |seen| seen.brokers.len());
                anyhow::bail!(
                    "INVALID_REPLICATION_FACTOR: {} wanted, {live} brokers live. {{broker add}} adds one",
                    topic.replication_factor
                );
            }
            return Err(
                anyhow::Error::from(error).context(format!("topic {} was not created", topic.name))
            );
        }
        if matches!(error, Refusal::Connection(_)) {
            unheard = true;
            admin.disconnect();
        }
        tokio::time::sleep(REGISTERING_RETRY).await;
    }
}

/// Waits until the controller knows all brokers that run. Where a topic needs fewer nothing is refused, and its
/// replicas would be spread over those that were quick.
async fn wait_for_all(admin: &mut Admin, brokers: &watch::Receiver<usize>, deadline: Instant) {
    while Instant::now() < deadline {
        match admin.brokers_of_the_controller().await {
            Ok(live) if live >= *brokers.borrow() => break,
            Ok(_) => {}
            Err(_) => admin.disconnect(),
        }
        tokio::time::sleep(REGISTERING_RETRY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::{moves, why_not_deleted};
    use client::refusal::Refusal;
    use wire::ErrorCode;

    #[test]
    fn a_controller_that_moves_is_asked_again_and_a_refusal_is_told() {
        let code = |code| Refusal::Code {
            code,
            message: None,
        };
        assert!(moves(&Refusal::NoController));
        assert!(moves(&code(ErrorCode::NotController)));
        assert!(!moves(&code(ErrorCode::ClusterAuthorizationFailed)));
    }

    #[test]
    fn a_group_that_stays_is_named_with_what_to_do() {
        let told = |code| {
            let refusal = Refusal::Code {
                code,
                message: None,
            };
            format!("{:#}", why_not_deleted("billing", refusal))
        };
        let members = told(ErrorCode::NonEmptyGroup);
        assert!(
            members.starts_with("NON_EMPTY_GROUP: billing has members."),
            "{members}"
        );
        assert!(members.ends_with("{stop}"), "{members}");
        let other = told(ErrorCode::GroupIdNotFound);
        assert_eq!(other, "group billing was not deleted: GROUP_ID_NOT_FOUND");
    }
}
