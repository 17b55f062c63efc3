//! A scenario's file.
//!
//! ```toml
//! title = "A leader dies under load"
//! seed = 7
//! brokers = 3
//! for = "20s"
//! stream = "100"
//!
//! [[topic]]
//! name = "orders"
//! partitions = 3
//! replication-factor = 3
//!
//! [[producer]]
//! topic = "orders"
//! rate = "10"
//!
//! [[group]]
//! name = "billing"
//! consumers = 2
//!
//! [[incident]]
//! at = "5s"
//! do = "kill leader of orders p0"
//!
//! [[incident]]
//! every = "4s"
//! do = "restart random"
//!
//! [[expect]]
//! that = "lost 0 and isr orders 3 within 10s"
//! ```

use std::time::Duration;

use super::{Expectation, Incident, Scenario};
use crate::state::{
    Action, ClusterAction, NewTopic, StreamRate,
    settings::{
        Mistake,
        toml_file::{Table, Value, parse},
    },
};
use wire::topic_name;

/// A scenario that says nothing about its time takes so long.
const LASTS: Duration = Duration::from_secs(10);

/// The longest one: a day.
const LASTS_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Incidents come no more often than this.
const EVERY_MIN: Duration = Duration::from_millis(100);

pub(super) fn read(text: &str) -> Result<Scenario, Mistake> {
    parse(text, |table| {
        table.only(&[
            "title", "seed", "brokers", "for", "stream", "producer", "topic", "group", "incident",
            "expect",
        ])?;
        let brokers = match table.get("brokers") {
            Some(count) => {
                let number = count.number(1)?;
                if number > 100 {
                    return Err(count.wrong("at most 100 brokers are possible"));
                }
                i32::from(number)
            }
            None => 3,
        };
        let lasts = match table.get("for") {
            Some(value) => {
                let lasts = time(value)?;
                if lasts > LASTS_MAX {
                    return Err(value.wrong("a scenario lasts a day at most"));
                }
                lasts
            }
            None => LASTS,
        };
        let topics = list(table, "topic", |topic| read_topic(topic, brokers))?;
        let rate = table.get("stream").map_or(Ok(StreamRate::Off), pace)?;
        let producers = list(table, "producer", |producer| {
            read_producer(producer, &topics)
        })?;
        if let (Some(value), true) = (table.get("stream"), topics.is_empty()) {
            return Err(value.wrong("a stream needs a topic: add [[topic]]"));
        }
        let groups = list(table, "group", read_group)?;
        if let (Some(value), true) = (table.get("group"), topics.is_empty()) {
            return Err(value.wrong("a group needs a topic to read: add [[topic]]"));
        }
        let expectations = list(table, "expect", |expect| read_expectation(expect, lasts))?;
        if expectations.is_empty() {
            return Err(table.wrong("nothing is expected: add [[expect]] with that = \"lost 0\""));
        }
        Ok(Scenario {
            title: table
                .get("title")
                .map_or(Ok("scenario"), |title| title.string())?
                .to_owned(),
            seed: match table.get("seed") {
                Some(seed) => u64::from(seed.number(0)?),
                None => 0,
            },
            brokers,
            topics,
            rate,
            producers,
            groups,
            lasts,
            incidents: list(table, "incident", |incident| read_incident(incident, lasts))?,
            expectations,
        })
    })
}

/// Each table of a list, `[[name]]`.
fn list<T>(
    table: Table<'_>,
    name: &str,
    read: impl Fn(Table<'_>) -> Result<T, Mistake>,
) -> Result<Vec<T>, Mistake> {
    let tables = table.get(name).map_or(Ok(Vec::new()), |list| list.list())?;
    tables.iter().map(|value| read(value.table()?)).collect()
}

fn read_topic(table: Table<'_>, brokers: i32) -> Result<NewTopic, Mistake> {
    table.only(&["name", "partitions", "replication-factor"])?;
    let number = |name: &str, otherwise: i32| -> Result<i32, Mistake> {
        table
            .get(name)
            .map_or(Ok(otherwise), |value| value.number(1).map(i32::from))
    };
    let replicas = number("replication-factor", brokers.min(3))?;
    if let (Some(value), true) = (table.get("replication-factor"), replicas > brokers) {
        let brokers = if brokers == 1 {
            "1 broker"
        } else {
            &format!("{brokers} brokers")
        };
        return Err(value.wrong(format!(
            "{replicas} replicas need as many brokers, there are {brokers}"
        )));
    }
    let name = table.need("name")?;
    if let Some(refusal) = topic_name::refusal(name.string()?) {
        return Err(name.wrong(refusal));
    }
    Ok(NewTopic {
        name: name.string()?.to_owned(),
        partitions: number("partitions", 3)?,
        replication_factor: i16::try_from(replicas).unwrap_or(i16::MAX),
    })
}

/// Records a second.
fn pace(value: Value<'_>) -> Result<StreamRate, Mistake> {
    match format!("stream {}", value.string()?).parse() {
        Ok(Action::Cluster(ClusterAction::Stream(rate))) => Ok(rate),
        _ => Err(value.wrong("records a second, off or max are expected")),
    }
}

fn read_producer(table: Table<'_>, topics: &[NewTopic]) -> Result<(String, StreamRate), Mistake> {
    table.only(&["topic", "rate"])?;
    let topic = table.need("topic")?;
    let name = topic.string()?;
    if !topics.iter().any(|known| known.name == name) {
        return Err(topic.wrong(format!("there is no topic {name}: add [[topic]]")));
    }
    Ok((name.to_owned(), pace(table.need("rate")?)?))
}

fn read_group(table: Table<'_>) -> Result<(String, u32), Mistake> {
    table.only(&["name", "consumers"])?;
    let consumers = table
        .get("consumers")
        .map_or(Ok(1), |value| value.number(1))?;
    let name = table.need("name")?;
    let group = name.string()?.to_owned();
    match format!("consumer add {group}").parse() {
        Ok(Action::Cluster(ClusterAction::AddConsumer(Some(_)))) => {
            Ok((group, u32::from(consumers)))
        }
        _ => Err(name.wrong("a group's name in one word is expected")),
    }
}

fn read_incident(table: Table<'_>, lasts: Duration) -> Result<Incident, Mistake> {
    table.only(&["at", "every", "do"])?;
    let action = table.need("do")?;
    let every = table.get("every").map(time).transpose()?;
    if let (Some(value), Some(every)) = (table.get("every"), every)
        && every < EVERY_MIN
    {
        return Err(value.wrong("every 100ms is the most that is possible"));
    }
    let at = match (table.get("at"), every) {
        (Some(value), _) => {
            let at = time(value)?;
            if at > lasts {
                let lasts = lasts.as_secs_f64();
                return Err(value.wrong(format!("the scenario is over by then: for = {lasts} s")));
            }
            at
        }
        (None, Some(every)) => every,
        (None, None) => return Err(table.wrong("\"at\" or \"every\" is missing here")),
    };
    Ok(Incident {
        at,
        every,
        action: action
            .string()?
            .parse()
            .map_err(|error: crate::state::ActionError| action.wrong(error.to_string()))?,
    })
}

fn read_expectation(table: Table<'_>, lasts: Duration) -> Result<Expectation, Mistake> {
    table.only(&["at", "that"])?;
    let that = table.need("that")?;
    let words = that.string()?;
    let at = table.get("at").map(time).transpose()?;
    if let (Some(value), Some(at)) = (table.get("at"), at)
        && at > lasts
    {
        return Err(value.wrong("the scenario is over by then: leave it out to look at the end"));
    }
    Ok(Expectation {
        at,
        wanted: words
            .parse()
            .map_err(|error: crate::state::ConditionError| {
                // Its column is counted from behind the quote.
                let mut mistake = that.wrong(error.to_string());
                mistake.column += error.column;
                mistake
            })?,
        words: words.to_owned(),
    })
}

/// `500ms`, `10s`, `2m`
fn time(value: Value<'_>) -> Result<Duration, Mistake> {
    let text = value.string()?;
    crate::state::duration(text)
        .ok_or_else(|| value.wrong("a time such as \"500ms\", \"10s\" or \"2m\" is expected here"))
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::state::StreamRate;

    const WHOLE: &str = r#"
title = "A leader dies"
seed = 7
brokers = 4
for = "20s"
stream = "100"

[[topic]]
name = "orders"
replication-factor = 2

[[group]]
name = "billing"
consumers = 2

[[incident]]
at = "5s"
do = "kill leader of orders p0"

[[expect]]
that = "lost 0 within 10s"

[[producer]]
topic = "orders"
rate = "10"
"#;

    #[test]
    fn a_scenario_is_read_with_what_it_does_not_say() {
        let scenario = read(WHOLE).expect("it is right");
        assert_eq!(scenario.title, "A leader dies");
        assert_eq!((scenario.seed, scenario.brokers), (7, 4));
        assert_eq!(scenario.rate, StreamRate::PerSecond(100));
        let topic = &scenario.topics[0];
        assert_eq!((topic.partitions, topic.replication_factor), (3, 2));
        let producers = [("orders".to_owned(), StreamRate::PerSecond(10))];
        assert_eq!(scenario.producers, producers);
        assert_eq!(scenario.groups, [("billing".to_owned(), 2)]);
        assert_eq!(scenario.incidents.len(), 1);
    }

    #[test]
    fn a_mistake_is_told_with_line_and_column() {
        for (right, wrong, says) in [
            (
                "do = \"kill leader",
                "do = \"kil leader",
                "18:6 there is no action \"kil leader of orders p0\"; the palette lists them all",
            ),
            (
                "lost 0 within",
                "lsot 0 within",
                "21:9 unknown condition \"lsot\"; there are",
            ),
            (
                "at = \"5s\"",
                "at = \"25s\"",
                "17:6 the scenario is over by then",
            ),
            ("at = \"5s\"", "at = \"soon\"", "17:6 a time such as"),
            (
                "brokers = 4",
                "brokers = 0",
                "4:11 a number from 1 to 65535 is expected here",
            ),
            (
                "brokers = 4",
                "broker = 4",
                "4:1 unknown setting \"broker\", did you mean \"brokers\"?",
            ),
            (
                "factor = 2",
                "factor = 5",
                "10:22 5 replicas need as many brokers, there are 4 brokers",
            ),
            (
                "stream = \"100\"",
                "stream = \"fast\"",
                "6:10 records a second, off or max are expected",
            ),
            (
                "topic = \"orders\"",
                "topic = \"orders2\"",
                "24:9 there is no topic orders2: add [[topic]]",
            ),
            ("rate = \"10\"", "rate = \"much\"", "25:8 records a second"),
            (
                "consumers = 2",
                "consumers = \"two\"",
                "14:13 a number from 1",
            ),
            (
                "[[expect]]\nthat = \"lost 0 within 10s\"",
                "",
                "nothing is expected",
            ),
        ] {
            let text = WHOLE.replace(right, wrong);
            assert_ne!(text, WHOLE, "{right}");
            let mistake = read(&text).expect_err(wrong).to_string();
            assert!(mistake.contains(says), "{wrong}: {mistake}");
        }
    }
}
