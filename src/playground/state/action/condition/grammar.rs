//! How a condition is typed: its grammar, and what is said where a text is none.
//!
//! `or` binds least, then `and`, then `not`; parentheses bind most. `within TIME` stands at the end.

use std::str::FromStr;

use super::{
    Being, Compare, Condition, ConditionError, Counted, Existence, Predicate, ReadBy, RecordWanted,
    Role, TopicConfig, TransactionEnd, Wanted, WantedKey, Which, Who,
    forms::FORMS,
    reader::{Read, Reader},
    words::{Unclosed, split},
};
use wire::{BrokerId, GroupState};

impl FromStr for Wanted {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = split(text).map_err(|Unclosed(column)| ConditionError {
            understood: String::new(),
            problem: "a quote is opened and not closed".to_owned(),
            column,
        })?;
        let mut reader = Reader {
            words: &words,
            at: 0,
            began: 0,
            end_column: text.chars().count() + 1,
        };
        let condition = reader.any()?;
        let within = if reader.takes("within") {
            Some(reader.time()?)
        } else {
            None
        };
        if reader.at < words.len() {
            return Err(reader.wrong("and, or, or within TIME may follow"));
        }
        Ok(Self { condition, within })
    }
}

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted: Wanted = text.parse()?;
        match wanted.within {
            None => Ok(wanted.condition),
            Some(_) => Err(ConditionError {
                understood: format!("\"{}\" is understood, ", wanted.condition),
                problem: "within TIME does not belong here".to_owned(),
                column: text.chars().count(),
            }),
        }
    }
}

impl Reader<'_> {
    fn any(&mut self) -> Read<Condition> {
        let mut parts = vec![self.all()?];
        while self.takes("or") {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Condition::Any))
    }

    fn all(&mut self) -> Read<Condition> {
        let mut parts = vec![self.one()?];
        while self.takes("and") {
            parts.push(self.one()?);
        }
        Ok(one_or(parts, Condition::All))
    }

    fn one(&mut self) -> Read<Condition> {
        self.began = self.at;
        if self.takes("not") {
            return Ok(Condition::Not(Box::new(self.one()?)));
        }
        if self.takes("(") {
            let inner = self.any()?;
            if !self.takes(")") {
                return Err(self.wrong("a parenthesis is opened and not closed"));
            }
            return Ok(inner);
        }
        self.predicate().map(Condition::Is)
    }

    fn predicate(&mut self) -> Read<Predicate> {
        let known = self.words.get(self.at).and_then(|word| {
            let plain = FORMS.iter().filter(|_| !word.quoted);
            plain
                .copied()
                .find(|form| form.word.eq_ignore_ascii_case(&word.text))
        });
        let Some(form) = known else {
            return Err(self.unknown_beginning());
        };
        self.at += 1;
        let read = match form.word {
            "ready" => Ok(Predicate::Ready),
            "isr" => self.places().and_then(|places| {
                let count = self.number_of(Compare::Equal)?;
                Ok(Predicate::Isr(places, count))
            }),
            "leader" => self
                .places()
                .and_then(|places| Ok(Predicate::Leader(places, self.who()?))),
            "controller" => self.who().map(Predicate::Controller),
            "broker" => self.of_broker(),
            "brokers" => self
                .keyword("up")
                .and_then(|()| self.number_of(Compare::Equal))
                .map(Predicate::BrokersUp),
            "zookeeper" => self
                .being()
                .map(|being| Predicate::Process(Which::ZooKeeper, being)),
            "consumer" => self
                .name("a consumer's name")
                .and_then(|name| Ok(Predicate::Process(Which::Consumer(name), self.being()?))),
            "producer" => self
                .name("a producer's name")
                .and_then(|name| Ok(Predicate::Process(Which::Producer(name), self.being()?))),
            "txn" => self
                .name("a producer's name")
                .and_then(|name| Ok(Predicate::Transaction(name, self.transaction_end()?))),
            "topic" => self
                .name("a topic")
                .and_then(|name| Ok(Predicate::Topic(name, self.existence()?))),
            "group" => self.group(),
            word => self.of_records(word),
        };
        read.map_err(|wrong| ConditionError {
            problem: format!("{}, as in: {}", wrong.problem, form.usage),
            ..wrong
        })
    }

    /// What is asked of records, and of those who write and read them.
    fn of_records(&mut self, word: &str) -> Read<Predicate> {
        match word {
            "lag" => self
                .name("a group")
                .and_then(|group| Ok(Predicate::Lag(group, self.number_of(Compare::Equal)?))),
            "committed" => self.name("a group").and_then(|group| {
                let place = self.place()?;
                let offset = self.number_of(Compare::AtLeast)?;
                Ok(Predicate::Committed(group, place, offset))
            }),
            "offset" => self
                .place()
                .and_then(|place| Ok(Predicate::Offset(place, self.amount(Compare::AtLeast)?))),
            "log-start" => self
                .place()
                .and_then(|place| Ok(Predicate::LogStart(place, self.amount(Compare::AtLeast)?))),
            "record" => self.record().map(Predicate::Record),
            "read" => self.read(),
            "duplicates" => self.name("a group").and_then(|group| {
                let places = self.places()?;
                Ok(Predicate::Duplicates(
                    group,
                    places,
                    self.amount(Compare::AtLeast)?,
                ))
            }),
            "overtaken" => self.name("a group").and_then(|group| {
                let topic = self.name("a topic")?;
                Ok(Predicate::Overtaken(
                    group,
                    topic,
                    self.amount(Compare::Equal)?,
                ))
            }),
            "replicas" => self.places().and_then(|places| {
                Ok(Predicate::Replicas(places, self.number_of(Compare::Equal)?))
            }),
            "copies" => self
                .name("a topic")
                .and_then(|topic| Ok(Predicate::Copies(topic, self.number_of(Compare::Equal)?))),
            "config" => self.config(),
            "stream" => self.on_or_off().map(Predicate::Stream),
            counted => self.count(counted),
        }
    }

    fn count(&mut self, word: &str) -> Read<Predicate> {
        let (counted, bare) = match word {
            "sent" => (Counted::Sent, Compare::AtLeast),
            "acked" => (Counted::Acked, Compare::AtLeast),
            "failed" => (Counted::Failed, Compare::Equal),
            _ if self.takes("acks") => {
                self.keyword("1")?;
                (Counted::LostByLeader, Compare::Equal)
            }
            _ => (Counted::Lost, Compare::Equal),
        };
        Ok(Predicate::Count(counted, self.amount(bare)?))
    }

    fn group(&mut self) -> Read<Predicate> {
        let group = self.name("a group")?;
        let state = GroupState::NAMED
            .into_iter()
            .find(|state| self.takes(state.name()));
        let members = if self.takes("members") {
            Some(self.number_of(Compare::Equal)?)
        } else {
            None
        };
        if state.is_none() && members.is_none() {
            let states = GroupState::NAMED
                .map(|state| state.name().to_lowercase())
                .join(", ");
            return Err(self.wrong(&format!("one of {states}, or members COUNT is expected")));
        }
        Ok(Predicate::Group {
            group,
            state,
            members,
        })
    }

    fn record(&mut self) -> Read<RecordWanted> {
        let places = self.places()?;
        let key = if self.takes("key") {
            WantedKey::Is(self.name("the key")?)
        } else if self.takes("no") {
            self.keyword("key")?;
            WantedKey::Absent
        } else {
            WantedKey::Whatever
        };
        let value = if self.takes("value") {
            Some(self.name("the value")?)
        } else {
            None
        };
        let new = self.takes("new");
        let partitions = if self.takes("in") {
            Some(self.number_of(Compare::Equal)?)
        } else {
            None
        };
        Ok(RecordWanted {
            places,
            key,
            value,
            new,
            partitions,
        })
    }

    fn read(&mut self) -> Read<Predicate> {
        let by = if self.takes("consumer") {
            ReadBy::Consumer(self.name("a consumer's name")?)
        } else {
            ReadBy::Group(self.name("a group")?)
        };
        let places = self.places()?;
        let amount = self.amount(Compare::AtLeast)?;
        Ok(Predicate::Read { by, places, amount })
    }

    fn of_broker(&mut self) -> Read<Predicate> {
        let id = self.number("a broker's id")?;
        let broker = BrokerId(i32::try_from(id).unwrap_or(-1));
        let role = if self.takes("has") {
            Role::Has
        } else if self.takes("leads") {
            Role::Leads
        } else {
            return Ok(Predicate::Process(Which::Broker(broker), self.being()?));
        };
        let topic = self.name("a topic")?;
        let amount = self.number_of(Compare::Equal)?;
        Ok(Predicate::Share(broker, role, topic, amount))
    }

    fn config(&mut self) -> Read<Predicate> {
        let topic = self.name("a topic")?;
        let name = self.name("a config's name")?;
        let value = self.name("its value")?;
        Ok(Predicate::Config(TopicConfig {
            topic,
            name,
            value: (value != TopicConfig::DEFAULT).then_some(value),
        }))
    }

    fn existence(&mut self) -> Read<Existence> {
        if self.takes("exists") {
            Ok(Existence::Exists)
        } else if self.takes("gone") {
            Ok(Existence::Gone)
        } else if self.takes("partitions") {
            self.number_of(Compare::Equal).map(Existence::Partitions)
        } else {
            Err(self.wrong("exists, gone or partitions COUNT is expected"))
        }
    }

    fn being(&mut self) -> Read<Being> {
        let beings = [
            ("up", Being::Up),
            ("down", Being::Down),
            ("dead", Being::Down),
            ("frozen", Being::Frozen),
        ];
        let being = beings.into_iter().find(|(word, _)| self.takes(word));
        being
            .map(|(_, being)| being)
            .ok_or_else(|| self.wrong("up, down or frozen is expected"))
    }

    fn transaction_end(&mut self) -> Read<TransactionEnd> {
        let named = TransactionEnd::NAMED.into_iter();
        let end = named.into_iter().find(|(word, _)| self.takes(word));
        end.map(|(_, end)| end)
            .ok_or_else(|| self.wrong("open, committed, aborted or left is expected"))
    }

    fn who(&mut self) -> Read<Who> {
        if self.takes("any") {
            Ok(Who::Anybody)
        } else if self.takes("none") {
            Ok(Who::Nobody)
        } else if self.takes("moved") {
            Ok(Who::Moved)
        } else if self.takes("not") {
            self.broker().map(Who::IsNot)
        } else {
            self.broker().map(Who::Is)
        }
    }
}

fn one_or(mut parts: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            many(parts)
        }
        None => many(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::Wanted;

    fn read(text: &str) -> Wanted {
        text.parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn error(text: &str) -> String {
        text.parse::<Wanted>().expect_err(text).to_string()
    }

    #[test]
    fn every_condition_reads_back_from_its_text() {
        for text in [
            "ready",
            "isr orders 3",
            "isr orders p2 >= 2",
            "leader orders p2 not 3",
            "leader orders any",
            "producer t1 down",
            "txn t1 committed",
            "txn t1-2 left",
            "group billing stable members 3",
            "group \"my group\" members >= 1",
            "lag billing 0",
            "record orders key amy",
            "record orders p1 key \"and\" value \"order 1\"",
            "acked 100",
            "acked 3 more",
            "broker 2 down",
            "brokers up 3",
            "zookeeper frozen",
            "consumer c1 up",
            "controller moved",
            "controller not broker 1",
            "offset orders p0 >= 50",
            "committed billing orders p1 7",
            "topic orders gone",
            "topic orders partitions 4",
            "stream on",
            "record orders no key new in >= 2",
            "record \"in\" key \"no\" value \"new\" new",
            "lost acks 1 >= 1 more",
            "log-start orders p0 3 more",
            "read kitchen wide 6",
            "read consumer c3 wide p1 < 6 more",
            "read \"consumer\" wide 1",
            "duplicates billing orders 1 more",
            "overtaken kitchen wide >= 1",
            "replicas wide 2",
            "copies wide 8",
            "broker 4 has orders >= 1",
            "broker 4 leads orders 0",
            "config orders retention.ms 1000",
            "config orders retention.ms default",
            "lost 0 within 10s",
            "not (broker 1 up or broker 2 up) and lost 0 or ready",
            "(ready or lost 0) and not not stream off within 1500ms",
        ] {
            let wanted = read(text);
            assert_eq!(read(&wanted.to_string()), wanted, "{text} as {wanted}");
        }
    }

    #[test]
    fn and_binds_closer_than_or() {
        assert_eq!(
            read("ready or lost 0 and stream on"),
            read("ready or (lost 0 and stream on)")
        );
        assert_ne!(
            read("ready or lost 0 and stream on"),
            read("(ready or lost 0) and stream on")
        );
    }

    #[test]
    fn a_bare_number_is_a_count_to_reach_or_one_to_be() {
        assert_eq!(read("acked 100"), read("acked >= 100"));
        assert_eq!(read("lag billing 0"), read("lag billing = 0"));
    }

    #[test]
    fn what_is_no_condition_is_told_with_what_was_understood() {
        for (text, says) in [
            (
                "leder orders p2 3",
                "unknown condition \"leder\", did you mean \"leader\"? (column 1)",
            ),
            (
                "isr orders many",
                "\"isr orders\" is understood, then a number is expected, not \"many\", as in: isr TOPIC [pN] COUNT (column 12)",
            ),
            (
                "ready and broker 2",
                "\"broker 2\" is understood, then up, down or frozen is expected, as in: broker ID up|down|frozen|has TOPIC COUNT|leads TOPIC COUNT (column 19)",
            ),
            (
                "(ready or lost 0",
                "\"lost 0\" is understood, then a parenthesis is opened and not closed (column 17)",
            ),
            (
                "ready broker 2 up",
                "\"ready\" is understood, then and, or, or within TIME may follow, not \"broker\" (column 7)",
            ),
            (
                "ready within soon",
                "\"ready within\" is understood, then a time such as 500ms, 10s or 2m is expected, not \"soon\" (column 14)",
            ),
            (
                "offset orders 5",
                "\"offset orders\" is understood, then a partition such as p0 is expected, not \"5\", as in: offset TOPIC pN OFFSET [more] (column 15)",
            ),
            (
                "lag \"billing 0",
                "a quote is opened and not closed (column 5)",
            ),
        ] {
            assert_eq!(error(text), says);
        }
        assert!(error("").starts_with("a condition is expected; it begins with ready, isr"));
        assert!(error("xyzzy 3").starts_with("unknown condition \"xyzzy\"; there are ready"));
    }
}
