//! `kafkarium wait`: ends once a condition holds.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, anyhow};
use clap::Args;

use super::running::Running;
use super::{Outcome, exit, milliseconds};
use crate::cli::playground::duration;
use crate::cli::say::say;
use playground::state::Wanted;
use wire::control::{Answer, Question};

/// Waits until a condition holds in the running playground: isr orders 3, group billing stable members 2,
/// lag billing 0 and lost 0.
///
/// Exits with 0 once it holds, with 1 if it does not in time and says what was seen instead, with 2 if it is no
/// condition or no playground runs.
#[derive(Debug, Args)]
pub(in crate::cli) struct WaitArguments {
    /// The condition.
    #[arg(value_name = "CONDITION", required = true)]
    words: Vec<String>,
    #[command(flatten)]
    running: Running,
    /// For how long at most; a within in the condition goes before.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    timeout: Duration,
}

/// Runs it.
pub(in crate::cli) fn run(arguments: &WaitArguments) -> ExitCode {
    exit(wait(arguments))
}

fn wait(arguments: &WaitArguments) -> Result<Outcome> {
    let condition = condition(&arguments.words);
    condition
        .parse::<Wanted>()
        .map_err(|error| anyhow!("{error}"))?;
    let question = Question::Wait {
        condition: condition.clone(),
        timeout_ms: milliseconds(arguments.timeout),
        since: None,
    };
    match arguments.running.connect()?.ask(&question)? {
        Answer::Holds { after_ms, seen } => {
            say(&format!("{condition}  +{after_ms} ms: {seen}\n"))?;
            Ok(Outcome::Holds)
        }
        Answer::Fails { why, .. } => Ok(Outcome::Fails(format!("{condition}: {why}"))),
        Answer::Wrong { why } => Err(anyhow!("{why}")),
        Answer::Status(_) => Err(anyhow!("the playground answers something else")),
    }
}

/// The condition, written as one text or as words: a word with blanks in it was quoted for the shell.
fn condition(words: &[String]) -> String {
    match words {
        [text] => text.clone(),
        words => {
            let quoted = words.iter().map(|word| {
                if word.contains(char::is_whitespace) {
                    format!("\"{}\"", word.replace('"', "\\\""))
                } else {
                    word.clone()
                }
            });
            quoted.collect::<Vec<_>>().join(" ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::condition;

    #[test]
    fn a_condition_is_one_text_or_words() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(condition(&words(&["isr orders 3"])), "isr orders 3");
        assert_eq!(condition(&words(&["isr", "orders", "3"])), "isr orders 3");
        assert_eq!(
            condition(&words(&["lag", "my group", "0"])),
            "lag \"my group\" 0"
        );
    }
}
