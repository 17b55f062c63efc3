//! Settings, asked of whom they concern.

use super::{ANSWER_WAIT, Admin};
use crate::configs::{self, Config, ConfigChange, ConfigResource};
use crate::refusal::Refusal;
use crate::topics::{self, TopicConfig};
use wire::ErrorCode;

impl Admin {
    /// The settings of these topics.
    ///
    /// # Errors
    /// No broker answers.
    pub async fn topic_configs(
        &mut self,
        names: &[String],
    ) -> Result<Vec<(String, Vec<TopicConfig>)>, Refusal> {
        let address = self.any_broker().await?;
        let connection = self.connection(&address).await?;
        Ok(topics::topic_configs(connection, names, ANSWER_WAIT).await?)
    }

    /// All settings of one resource, by name.
    ///
    /// # Errors
    /// There is no such resource, it is refused, or nobody answers.
    pub async fn describe_configs(
        &mut self,
        resource: &ConfigResource,
    ) -> Result<Vec<Config>, Refusal> {
        let address = self.who_knows(resource).await?;
        let connection = self.connection(&address).await?;
        configs::describe_configs(connection, resource, ANSWER_WAIT).await
    }

    /// Changes some settings of one resource and leaves the others.
    ///
    /// # Errors
    /// There is no such resource, a setting is refused, or nobody answers.
    pub async fn alter_configs(
        &mut self,
        resource: &ConfigResource,
        changes: &[ConfigChange],
    ) -> Result<(), Refusal> {
        let address = self.who_knows(resource).await?;
        let connection = self.connection(&address).await?;
        configs::alter_configs(connection, resource, changes, ANSWER_WAIT).await
    }

    /// A broker knows what it was started with; everything else each of them knows.
    async fn who_knows(&mut self, resource: &ConfigResource) -> Result<String, Refusal> {
        let ConfigResource::Broker(Some(broker)) = resource else {
            return self.any_broker().await;
        };
        let cluster = self.metadata(Some(&[])).await?;
        cluster
            .brokers
            .get(broker)
            .cloned()
            .ok_or_else(|| Refusal::Code {
                code: ErrorCode::BrokerNotAvailable,
                message: Some(format!("broker {broker} is not in the cluster just now")),
            })
    }
}
