//! How a condition is typed: its grammar, and what is said where a text is none.
//!
//! `or` binds least, then `and`, then `not`; parentheses bind most. `within TIME` stands at the end.

use std::{str::FromStr, time::Duration};

use super::{
    Amount, Being, COMPARES, Compare, Condition, Counted, Existence, Places, Predicate, Wanted,
    Which, Who,
    forms::FORMS,
    words::{Unclosed, Word, split},
};
use crate::state::spelling::did_you_mean;
use wire::{BrokerId, GroupState, TopicPartition};

/// Why a text is no condition, and in which column, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{understood}{problem} (column {column})")]
pub struct ConditionError {
    /// The part before it that was understood, with a comma; may be empty.
    pub understood: String,
    /// What is wrong, and what is right.
    pub problem: String,
    /// Where.
    pub column: usize,
}

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

struct Reader<'a> {
    words: &'a [Word],
    at: usize,
    /// The first word of what is being read.
    began: usize,
    end_column: usize,
}

type Read<T> = Result<T, ConditionError>;

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
                let count = self.amount(Compare::Equal)?;
                Ok(Predicate::Isr(places, count))
            }),
            "leader" => self
                .places()
                .and_then(|places| Ok(Predicate::Leader(places, self.who()?))),
            "controller" => self.who().map(Predicate::Controller),
            "broker" => self.number("a broker's id").and_then(|id| {
                let which = Which::Broker(BrokerId(i32::try_from(id).unwrap_or(-1)));
                Ok(Predicate::Process(which, self.being()?))
            }),
            "brokers" => self
                .keyword("up")
                .and_then(|()| self.amount(Compare::Equal))
                .map(Predicate::BrokersUp),
            "zookeeper" => self
                .being()
                .map(|being| Predicate::Process(Which::ZooKeeper, being)),
            "consumer" => self
                .name("a consumer's name")
                .and_then(|name| Ok(Predicate::Process(Which::Consumer(name), self.being()?))),
            "topic" => self
                .name("a topic")
                .and_then(|name| Ok(Predicate::Topic(name, self.existence()?))),
            "group" => self.group(),
            "lag" => self
                .name("a group")
                .and_then(|group| Ok(Predicate::Lag(group, self.amount(Compare::Equal)?))),
            "committed" => self.name("a group").and_then(|group| {
                let place = self.place()?;
                let offset = self.amount(Compare::AtLeast)?;
                Ok(Predicate::Committed(group, place, offset))
            }),
            "offset" => self
                .place()
                .and_then(|place| Ok(Predicate::Offset(place, self.amount(Compare::AtLeast)?))),
            "record" => self.record(),
            "stream" => self.on_or_off().map(Predicate::Stream),
            counted => self.count(counted),
        };
        read.map_err(|wrong| ConditionError {
            problem: format!("{}, as in: {}", wrong.problem, form.usage),
            ..wrong
        })
    }

    fn count(&mut self, word: &str) -> Read<Predicate> {
        let (counted, bare) = match word {
            "sent" => (Counted::Sent, Compare::AtLeast),
            "acked" => (Counted::Acked, Compare::AtLeast),
            "failed" => (Counted::Failed, Compare::Equal),
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
            Some(self.amount(Compare::Equal)?)
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

    fn record(&mut self) -> Read<Predicate> {
        let places = self.places()?;
        let mut described = |word: &str| -> Read<Option<String>> {
            if self.takes(word) {
                return self.name(&format!("the {word}")).map(Some);
            }
            Ok(None)
        };
        let key = described("key")?;
        let value = described("value")?;
        Ok(Predicate::Record { places, key, value })
    }

    fn existence(&mut self) -> Read<Existence> {
        if self.takes("exists") {
            Ok(Existence::Exists)
        } else if self.takes("gone") {
            Ok(Existence::Gone)
        } else if self.takes("partitions") {
            self.amount(Compare::Equal).map(Existence::Partitions)
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

    fn broker(&mut self) -> Read<BrokerId> {
        // `broker 3` says the same.
        self.takes("broker");
        let id = self.number("a broker's id, not ID, any, none or moved")?;
        Ok(BrokerId(i32::try_from(id).unwrap_or(-1)))
    }

    fn places(&mut self) -> Read<Places> {
        let topic = self.name("a topic")?;
        let partition = self.words.get(self.at).and_then(partition);
        self.at += usize::from(partition.is_some());
        Ok(Places { topic, partition })
    }

    fn place(&mut self) -> Read<TopicPartition> {
        let Places { topic, partition } = self.places()?;
        match partition {
            Some(partition) => Ok(TopicPartition::new(&topic, partition)),
            None => Err(self.wrong("a partition such as p0 is expected")),
        }
    }

    fn amount(&mut self, bare: Compare) -> Read<Amount> {
        let compare = COMPARES.into_iter().find(|(sign, _)| self.takes(sign));
        let number = self.number("a number")?;
        Ok(Amount {
            compare: compare.map_or(bare, |(_, compare)| compare),
            number,
            more: self.takes("more"),
        })
    }

    fn number(&mut self, what: &str) -> Read<i64> {
        let number = self
            .words
            .get(self.at)
            .and_then(|word| word.text.parse().ok());
        match number {
            Some(number) if number >= 0 => {
                self.at += 1;
                Ok(number)
            }
            _ => Err(self.wrong(&format!("{what} is expected"))),
        }
    }

    fn name(&mut self, what: &str) -> Read<String> {
        match self.next() {
            Some(word) if word.quoted || word.text.chars().all(|sign| !"()<>=".contains(sign)) => {
                Ok(word.text.clone())
            }
            Some(_) => {
                self.at -= 1;
                Err(self.wrong(&format!("{what} is expected")))
            }
            None => Err(self.wrong(&format!("{what} is expected"))),
        }
    }

    fn on_or_off(&mut self) -> Read<bool> {
        if self.takes("on") {
            Ok(true)
        } else if self.takes("off") {
            Ok(false)
        } else {
            Err(self.wrong("on or off is expected"))
        }
    }

    fn keyword(&mut self, word: &str) -> Read<()> {
        if self.takes(word) {
            Ok(())
        } else {
            Err(self.wrong(&format!("{word} is expected")))
        }
    }

    fn time(&mut self) -> Read<Duration> {
        let time = self
            .words
            .get(self.at)
            .and_then(|word| duration(&word.text));
        match time {
            Some(time) => {
                self.at += 1;
                Ok(time)
            }
            None => Err(self.wrong("a time such as 500ms, 10s or 2m is expected")),
        }
    }

    fn next(&mut self) -> Option<&Word> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    fn takes(&mut self, wanted: &str) -> bool {
        let is_it = self
            .words
            .get(self.at)
            .is_some_and(|word| !word.quoted && word.text.eq_ignore_ascii_case(wanted));
        self.at += usize::from(is_it);
        is_it
    }

    /// The word at hand is not what it should be.
    fn wrong(&self, expected: &str) -> ConditionError {
        let before = self.words.get(self.began..self.at).unwrap_or_default();
        let before: Vec<&str> = before.iter().map(|word| word.text.as_str()).collect();
        let understood = match before.as_slice() {
            [] => String::new(),
            words => format!("\"{}\" is understood, then ", words.join(" ")),
        };
        let (column, problem) = match self.words.get(self.at) {
            Some(word) => (word.column, format!("{expected}, not \"{}\"", word.text)),
            None => (self.end_column, expected.to_owned()),
        };
        ConditionError {
            understood,
            problem,
            column,
        }
    }

    fn unknown_beginning(&self) -> ConditionError {
        let list: Vec<&str> = FORMS.iter().map(|form| form.word).collect();
        let list = list.join(", ");
        let Some(word) = self.words.get(self.at) else {
            return self.wrong(&format!("a condition is expected; it begins with {list}"));
        };
        let names = FORMS.iter().map(|form| form.word);
        let problem = match did_you_mean(&word.text.to_lowercase(), names) {
            Some(meant) => format!(
                "unknown condition \"{}\", did you mean \"{meant}\"?",
                word.text
            ),
            None => format!("unknown condition \"{}\"; there are {list}", word.text),
        };
        ConditionError {
            understood: String::new(),
            problem,
            column: word.column,
        }
    }
}

/// `p2`
fn partition(word: &Word) -> Option<i32> {
    let digits = word.text.strip_prefix('p').filter(|_| !word.quoted)?;
    digits.parse().ok().filter(|partition| *partition >= 0)
}

/// `500ms`, `10s`, `2m`
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|sign: char| sign.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let milliseconds = match text.get(digits.len()..)? {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
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
                "\"broker 2\" is understood, then up, down or frozen is expected, as in: broker ID up|down|frozen (column 19)",
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
                "\"offset orders\" is understood, then a partition such as p0 is expected, not \"5\", as in: offset TOPIC pN OFFSET (column 15)",
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
