//! Which topics a command means: by name, by regular expression, or all.

use anyhow::{Context, Result};
use regex::Regex;

use client::topics::{Cluster, Topic};

/// The topics that `--topic` and `--exclude-internal` leave.
#[derive(Debug)]
pub(super) struct Selection {
    name: Option<(String, Regex)>,
    exclude_internal: bool,
}

impl Selection {
    /// `name` is a topic's name, or as `kafka-topics.sh` reads it: a regular expression of whole
    /// names, in which a comma means "or".
    pub(super) fn new(name: Option<&str>, exclude_internal: bool) -> Result<Self> {
        let name = name
            .map(|name| {
                let plain = name.trim().trim_matches(['"', '\'']);
                let alternatives = plain.replace(' ', "").replace(',', "|");
                let expression = Regex::new(&format!("^(?:{alternatives})$"))
                    .with_context(|| format!("{name:?} is no regular expression"));
                Ok::<_, anyhow::Error>((name.to_owned(), expression?))
            })
            .transpose()?;
        Ok(Self {
            name,
            exclude_internal,
        })
    }

    /// What was said after `--topic`.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_ref().map(|(name, _)| name.as_str())
    }

    /// The chosen topics, by name. A topic that is called exactly so is meant alone: the dot of
    /// `a.b` stands for any letter otherwise, and this also says what is deleted.
    pub(super) fn of<'a>(&self, cluster: &'a Cluster) -> Vec<&'a Topic> {
        let wanted = cluster
            .topics
            .iter()
            .filter(|topic| !(self.exclude_internal && topic.internal));
        let Some((name, expression)) = &self.name else {
            return wanted.collect();
        };
        let exact = wanted.clone().find(|topic| topic.name == *name);
        match exact {
            Some(topic) => vec![topic],
            // What Kafka keeps for itself is meant only by its whole name.
            None => wanted
                .filter(|topic| !topic.internal && expression.is_match(&topic.name))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Selection;
    use client::topics::{Cluster, Topic};

    fn chosen(name: Option<&str>, exclude_internal: bool) -> Vec<String> {
        let topics = ["__consumer_offsets", "a.b", "axb", "orders", "orders-eu"];
        let topics = topics.map(|name| Topic {
            name: name.into(),
            topic_id: None,
            error: None,
            internal: name.starts_with("__"),
            partitions: Vec::new(),
        });
        let cluster = Cluster {
            topics: topics.into(),
            ..Cluster::default()
        };
        let selection = Selection::new(name, exclude_internal).expect("an expression");
        let topics = selection.of(&cluster).into_iter();
        topics.map(|topic| topic.name.clone()).collect()
    }

    #[test]
    fn a_topic_is_meant_by_its_name_before_it_is_meant_by_an_expression() {
        assert_eq!(chosen(Some("a.b"), false), ["a.b"]);
        assert_eq!(chosen(Some("a.."), false), ["a.b", "axb"]);
        assert_eq!(chosen(Some("orders.*"), false), ["orders", "orders-eu"]);
        assert_eq!(chosen(Some("order"), false), [""; 0]);
        assert_eq!(chosen(Some("\"orders,axb\""), false), ["axb", "orders"]);
    }

    #[test]
    fn what_kafka_keeps_for_itself_is_listed_and_never_met_by_chance() {
        assert_eq!(chosen(None, false).len(), 5);
        assert_eq!(chosen(None, true).len(), 4);
        assert_eq!(chosen(Some(".*"), false).len(), 4);
        assert_eq!(chosen(Some("__consumer_offsets"), false).len(), 1);
    }

    #[test]
    fn what_is_no_expression_is_said() {
        let error = Selection::new(Some("orders("), false).expect_err("no expression");
        assert_eq!(error.to_string(), "\"orders(\" is no regular expression");
    }
}
