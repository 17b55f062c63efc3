//! What a command shall do: a word, or a flag as Kafka's tools have it, anywhere in the line.

use std::ffi::OsStr;
use std::marker::PhantomData;

use anyhow::{Result, bail};
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, ValueEnum};

/// Takes any word, and offers the actions to shells and to help: whether it is one depends on the
/// flags that stand around it.
#[derive(Debug, Clone)]
pub(super) struct Word<A>(PhantomData<A>);

impl<A> Default for Word<A> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<A: ValueEnum + Send + Sync + 'static> TypedValueParser for Word<A> {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let values = A::value_variants().iter();
        Some(Box::new(values.filter_map(ValueEnum::to_possible_value)))
    }
}

/// The one action that the line asks for, and the name that stands after it.
pub(super) fn chosen<A: ValueEnum>(
    flags: &[(bool, A)],
    word: Option<String>,
    name: Option<String>,
) -> Result<(A, Option<String>)> {
    let mut asked = flags.iter().filter(|(given, _)| *given);
    let of_word = word
        .as_deref()
        .and_then(|word| A::from_str(word, false).ok());
    match (asked.next(), asked.next(), word, of_word) {
        (None, _, Some(_), Some(action)) => Ok((action, name)),
        (None, _, Some(word), None) => {
            bail!("{word:?} is no action: {} expected", actions::<A>(""))
        }
        // `--describe orders`: no tool of Kafka's takes it, and it can mean nothing else.
        (Some((_, action)), None, word, None) if name.is_none() => Ok((action.clone(), word)),
        // In the words of Kafka's tools.
        _ => bail!(
            "Command must include exactly one action: {}",
            actions::<A>("--")
        ),
    }
}

/// `list, describe or delete`.
fn actions<A: ValueEnum>(before: &str) -> String {
    let mut names: Vec<String> = A::value_variants()
        .iter()
        .filter_map(|action| {
            Some(format!(
                "{before}{}",
                action.to_possible_value()?.get_name()
            ))
        })
        .collect();
    let last = names.pop().unwrap_or_default();
    format!("{} or {last}", names.join(", "))
}

/// The name, by position or by its flag: both may be said if they agree.
pub(super) fn named(
    what: &str,
    position: Option<String>,
    flag: Option<String>,
) -> Result<Option<String>> {
    match (position, flag) {
        (Some(position), Some(flag)) if position != flag => {
            bail!("two {what}s are named, {position} and {flag}: name one")
        }
        (position, flag) => Ok(position.or(flag)),
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::{chosen, named};

    #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
    enum Action {
        List,
        Describe,
        Delete,
    }

    fn ask(flags: &[Action], words: &[&str]) -> Result<(Action, Option<String>), String> {
        let flags: Vec<(bool, Action)> = Action::value_variants()
            .iter()
            .map(|action| (flags.contains(action), *action))
            .collect();
        let mut words = words.iter().map(|word| (*word).to_owned());
        chosen(&flags, words.next(), words.next()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_action_is_a_word_or_a_flag_and_never_two() {
        let orders = || Some("orders".to_owned());
        assert_eq!(
            ask(&[], &["delete", "orders"]),
            Ok((Action::Delete, orders()))
        );
        assert_eq!(ask(&[Action::List], &[]), Ok((Action::List, None)));
        assert_eq!(
            ask(&[Action::Describe], &["orders"]),
            Ok((Action::Describe, orders()))
        );
        // Whoever deletes must have said so once, and nothing else.
        let exactly_one = "Command must include exactly one action: --list, --describe or --delete";
        assert_eq!(
            ask(&[Action::Delete], &["describe"]),
            Err(exactly_one.into())
        );
        assert_eq!(
            ask(&[Action::Delete, Action::List], &[]),
            Err(exactly_one.into())
        );
        assert_eq!(ask(&[], &[]), Err(exactly_one.into()));
        assert_eq!(
            ask(&[], &["delte", "orders"]),
            Err("\"delte\" is no action: list, describe or delete expected".into())
        );
    }

    #[test]
    fn one_name_may_be_said_twice_and_two_names_are_refused() {
        let name = |name: &str| Some(name.to_owned());
        assert_eq!(named("topic", name("a"), name("a")).ok(), Some(name("a")));
        let refused = named("topic", name("a"), name("b")).expect_err("two");
        assert_eq!(
            refused.to_string(),
            "two topics are named, a and b: name one"
        );
    }
}
