//! Conditions as they are typed: what is shown reads back as the same condition.

use std::fmt;

use super::{
    Amount, Being, COMPARES, Compare, Condition, Counted, Existence, Places, Predicate, ReadBy,
    RecordWanted, Role, TopicConfig, TransactionEnd, Wanted, WantedKey, Which, Who, words,
};

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)?;
        match self.within {
            Some(within) => write!(f, " within {}ms", within.as_millis()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(predicate) => predicate.fmt(f),
            Self::Not(inner) => match **inner {
                Self::Is(_) | Self::Not(_) => write!(f, "not {inner}"),
                _ => write!(f, "not ({inner})"),
            },
            Self::All(parts) => joined(f, parts, " and ", |part| matches!(part, Self::Any(_))),
            Self::Any(parts) => joined(f, parts, " or ", |_| false),
        }
    }
}

fn joined(
    f: &mut fmt::Formatter<'_>,
    parts: &[Condition],
    between: &str,
    wrapped: impl Fn(&Condition) -> bool,
) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        if wrapped(part) {
            write!(f, "({part})")?;
        } else {
            write!(f, "{part}")?;
        }
    }
    Ok(())
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Isr(places, amount) => write!(f, "isr {places} {}", amount.said(Compare::Equal)),
            Self::Leader(places, who) => write!(f, "leader {places} {who}"),
            Self::Controller(who) => write!(f, "controller {who}"),
            Self::Process(which, being) => write!(f, "{which} {being}"),
            Self::Transaction(name, end) => write!(f, "txn {} {end}", Name(name)),
            Self::BrokersUp(amount) => write!(f, "brokers up {}", amount.said(Compare::Equal)),
            Self::Topic(topic, existence) => write!(f, "topic {} {existence}", Name(topic)),
            Self::Group {
                group,
                state,
                members,
            } => {
                write!(f, "group {}", Name(group))?;
                if let Some(state) = state {
                    write!(f, " {}", state.name().to_lowercase())?;
                }
                match members {
                    Some(members) => write!(f, " members {}", members.said(Compare::Equal)),
                    None => Ok(()),
                }
            }
            Self::Lag(group, amount) => write!(f, "lag {} {amount}", Name(group)),
            Self::Committed(group, at, amount) => write!(
                f,
                "committed {} {} p{} {amount}",
                Name(group),
                Name(&at.topic),
                at.partition
            ),
            Self::Offset(at, amount) => {
                write!(f, "offset {} p{} {amount}", Name(&at.topic), at.partition)
            }
            Self::LogStart(at, amount) => {
                write!(
                    f,
                    "log-start {} p{} {amount}",
                    Name(&at.topic),
                    at.partition
                )
            }
            Self::Record(record) => record.fmt(f),
            Self::Read { by, places, amount } => write!(f, "read {by} {places} {amount}"),
            Self::Duplicates(group, places, amount) => {
                write!(f, "duplicates {} {places} {amount}", Name(group))
            }
            Self::Overtaken(group, topic, amount) => {
                write!(f, "overtaken {} {} {amount}", Name(group), Name(topic))
            }
            Self::Replicas(places, amount) => {
                write!(f, "replicas {places} {}", amount.said(Compare::Equal))
            }
            Self::Copies(topic, amount) => write!(f, "copies {} {amount}", Name(topic)),
            Self::Share(broker, role, topic, amount) => {
                let role = match role {
                    Role::Has => "has",
                    Role::Leads => "leads",
                };
                write!(f, "broker {broker} {role} {} {amount}", Name(topic))
            }
            Self::Config(TopicConfig { topic, name, value }) => {
                let value = value.as_deref().unwrap_or(TopicConfig::DEFAULT);
                write!(f, "config {} {name} {}", Name(topic), Name(value))
            }
            Self::Count(counted, amount) => {
                let usual = match counted {
                    Counted::Sent | Counted::Acked => Compare::AtLeast,
                    Counted::Failed | Counted::Lost | Counted::LostByLeader => Compare::Equal,
                };
                write!(f, "{counted} {}", amount.said(usual))
            }
            Self::Stream(true) => f.write_str("stream on"),
            Self::Stream(false) => f.write_str("stream off"),
        }
    }
}

/// A name as it is typed: in quotes where it is more than one word, or a word that means something.
struct Name<'a>(&'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if words::needs_quotes(self.0) {
            write!(f, "\"{}\"", self.0.replace('"', "\\\""))
        } else {
            f.write_str(self.0)
        }
    }
}

impl fmt::Display for RecordWanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {}", self.places)?;
        match &self.key {
            WantedKey::Whatever => {}
            WantedKey::Absent => f.write_str(" no key")?,
            WantedKey::Is(key) => write!(f, " key {}", Name(key))?,
        }
        if let Some(value) = &self.value {
            write!(f, " value {}", Name(value))?;
        }
        if self.new {
            f.write_str(" new")?;
        }
        match self.partitions {
            Some(partitions) => write!(f, " in {partitions}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ReadBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(group) => Name(group).fmt(f),
            Self::Consumer(name) => write!(f, "consumer {}", Name(name)),
        }
    }
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Name(&self.topic).fmt(f)?;
        match self.partition {
            Some(partition) => write!(f, " p{partition}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sent => "sent",
            Self::Acked => "acked",
            Self::Failed => "failed",
            Self::Lost => "lost",
            Self::LostByLeader => "lost acks 1",
        })
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZooKeeper => f.write_str("zookeeper"),
            Self::Broker(id) => write!(f, "broker {id}"),
            Self::Consumer(name) => write!(f, "consumer {}", Name(name)),
            Self::Producer(name) => write!(f, "producer {}", Name(name)),
        }
    }
}

impl fmt::Display for Being {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Frozen => "frozen",
        })
    }
}

impl fmt::Display for TransactionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Self::NAMED.iter().find(|(_, end)| end == self);
        f.write_str(named.map_or("", |(name, _)| name))
    }
}

impl fmt::Display for Existence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_str("exists"),
            Self::Gone => f.write_str("gone"),
            Self::Partitions(amount) => write!(f, "partitions {}", amount.said(Compare::Equal)),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(broker) => broker.fmt(f),
            Self::IsNot(broker) => write!(f, "not {broker}"),
            Self::Anybody => f.write_str("any"),
            Self::Nobody => f.write_str("none"),
            Self::Moved => f.write_str("moved"),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = COMPARES
            .into_iter()
            .find(|(_, compare)| *compare == self.compare)
            .map_or("", |(sign, _)| sign);
        write!(f, "{sign} {}", self.number)?;
        if self.more {
            f.write_str(" more")
        } else {
            Ok(())
        }
    }
}

impl Amount {
    /// As it is typed where nothing said means `usual`.
    fn said(self, usual: Compare) -> String {
        let whole = self.to_string();
        let brief = whole.split_once(' ').filter(|_| self.compare == usual);
        brief.map_or(whole.clone(), |(_, number)| number.to_owned())
    }
}
