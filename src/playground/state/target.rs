//! Which process a verb is aimed at, as it is typed and said.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::ProcessName;
use crate::wire::{BrokerId, TopicPartition};

/// The aim of a verb.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// What is picked now.
    Picked,
    /// This process.
    Process(ProcessName),
    /// Whichever broker leads this partition when the verb is done.
    LeaderOf(TopicPartition),
    /// Every broker.
    AllBrokers,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Picked => f.write_str("what is picked"),
            Self::Process(process) => process.fmt(f),
            Self::LeaderOf(at) => write!(f, "leader of {} p{}", at.topic, at.partition),
            Self::AllBrokers => f.write_str("all brokers"),
        }
    }
}

/// The text names no process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no process")]
pub struct UnknownTarget(pub String);

impl FromStr for Target {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownTarget(text.to_owned());
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [] | ["what", "is", "picked"] => Ok(Self::Picked),
            ["zookeeper" | "0"] => Ok(Self::Process(ProcessName::ZooKeeper)),
            ["all", "brokers"] => Ok(Self::AllBrokers),
            ["broker", id] => id
                .parse()
                .map(|id| Self::Process(ProcessName::Broker(BrokerId(id))))
                .map_err(|_| unknown()),
            ["consumer", name] => Ok(Self::Process(ProcessName::Consumer((*name).to_owned()))),
            ["leader", "of", topic, partition] => partition
                .trim_start_matches('p')
                .parse()
                .map(|partition| Self::LeaderOf(TopicPartition::new(*topic, partition)))
                .map_err(|_| unknown()),
            [word] => match word.parse() {
                Ok(id) => Ok(Self::Process(ProcessName::Broker(BrokerId(id)))),
                Err(_) if is_consumer_name(word) => {
                    Ok(Self::Process(ProcessName::Consumer((*word).to_owned())))
                }
                Err(_) => Err(unknown()),
            },
            _ => Err(unknown()),
        }
    }
}

/// `c1`, as the playground names its consumers.
fn is_consumer_name(word: &str) -> bool {
    word.strip_prefix('c')
        .is_some_and(|number| number.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::Target;
    use crate::{playground::state::ProcessName, wire::BrokerId};

    #[test]
    fn digits_are_brokers_and_zero_is_zookeeper() {
        assert_eq!("0".parse(), Ok(Target::Process(ProcessName::ZooKeeper)));
        assert_eq!(
            "3".parse(),
            Ok(Target::Process(ProcessName::Broker(BrokerId(3))))
        );
        assert_eq!(
            "c2".parse(),
            Ok(Target::Process(ProcessName::Consumer("c2".into())))
        );
        assert!("kafka".parse::<Target>().is_err());
    }
}
