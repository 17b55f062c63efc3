//! Lines from older tutorials: a sentence that says what to write today.

use clap::Command;

/// The commands that stand for Kafka's tools.
const TOOLS: [&str; 5] = ["topics", "groups", "configs", "produce", "consume"];

/// What to write instead of the first old spelling in a line, `words` being what stands behind the program.
pub(super) fn today(words: &[String], program: &Command) -> Option<String> {
    let (name, words) = words.split_first()?;
    let tool = TOOLS
        .contains(&name.as_str())
        .then(|| program.find_subcommand(name))??;
    let is_option = |name: &str| {
        tool.get_arguments().any(|argument| {
            argument.get_long() == Some(name)
                || argument
                    .get_all_aliases()
                    .is_some_and(|all| all.contains(&name))
        })
    };
    words
        .iter()
        .take_while(|word| *word != "--")
        .find_map(|word| {
            let (dashes, option) = match (word.strip_prefix("--"), word.strip_prefix('-')) {
                (Some(option), _) => (2, option),
                (None, Some(option)) => (1, option),
                _ => return None,
            };
            let option = option.split('=').next().unwrap_or(option);
            match option {
                "zookeeper" => Some(
                    "--zookeeper went with Kafka 3.0: write --bootstrap-server HOST:PORT with a broker's address, \
                     for example localhost:9092"
                        .to_owned(),
                ),
                "broker-list" => Some(
                    "--broker-list is called --bootstrap-server today: write --bootstrap-server HOST:PORT".to_owned(),
                ),
                "whitelist" => Some("--whitelist is called --include today".to_owned()),
                "new-consumer" => Some("--new-consumer is the only consumer today: leave it out".to_owned()),
                // `-t` is --topic, so `-topic` would be the topic "opic".
                _ if dashes == 1 && option.len() > 1 && is_option(option) => {
                    Some(format!("-{option} is written with two dashes today: --{option}"))
                }
                _ => None,
            }
        })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::today;
    use crate::cli::Arguments;

    fn told(line: &str) -> Option<String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        today(&words, &Arguments::command())
    }

    #[test]
    fn an_old_line_is_told_what_to_write_today() {
        let told = |line: &str| told(line).unwrap_or_default();
        assert!(
            told("topics --create --zookeeper localhost:2181 --topic t")
                .contains("--bootstrap-server HOST:PORT")
        );
        assert!(told("consume --zookeeper=localhost:2181 -topic t").contains("a broker's address"));
        assert!(
            told("produce --broker-list localhost:9092 --topic t")
                .contains("write --bootstrap-server")
        );
        assert_eq!(
            told("produce -topic t"),
            "-topic is written with two dashes today: --topic"
        );
        assert_eq!(
            told("topics -bootstrap-server b:1"),
            "-bootstrap-server is written with two dashes today: --bootstrap-server"
        );
    }

    #[test]
    fn no_two_options_of_a_command_have_one_name() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn lines_of_today_are_left_alone() {
        for line in [
            "topics --list",
            "produce -t orders -b localhost:9092",
            "produce -torders",
            "groups --shift-by -2",
            "broker --id 1 --zookeeper localhost:2181",
            "consume -- -topic",
        ] {
            assert_eq!(told(line), None, "{line}");
        }
    }
}
