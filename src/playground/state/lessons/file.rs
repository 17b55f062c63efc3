//! A lesson's file.
//!
//! ```toml
//! title = "kill the leader"
//! minutes = 5
//! brokers = 3
//! needs = ["stream 10"]
//!
//! [[step]]
//! text = "Broker 3 leads partition 2 of orders. Kill it."
//! check = "broker 3 down and leader orders p2 not 3"
//! hint = "press 3, then x"
//! why = "ZooKeeper missed broker 3, and the controller chose another replica."
//! do = ["kill broker 3"]
//! undo = ["heal", "wait isr orders 3"]
//! ```
//!
//! A step without `undo` has a check that counts from its beginning, and so can be done again: `acked 1 more`.

use super::{BOOTSTRAP, Lesson, LessonStep};
use crate::state::{
    action::{Action, ActionError, ConditionError, ScreenAction},
    settings::{
        Mistake,
        toml_file::{Table, Value, parse},
    },
};

/// Who has more to do or to read does not finish.
const STEPS_MAX: usize = 6;

/// The same in time.
const MINUTES_MAX: u16 = 5;

/// Brokers where nothing is said: as in a new playground.
const BROKERS: i32 = 3;

/// The most brokers that a playground has.
const BROKERS_MAX: u16 = 100;

pub(super) fn read(text: &str) -> Result<Lesson, Mistake> {
    parse(text, |table| {
        table.only(&["title", "minutes", "brokers", "needs", "step"])?;
        let steps = table.need("step")?;
        let tables = steps.list()?;
        if tables.is_empty() {
            return Err(steps.wrong("a lesson needs a step: add [[step]]"));
        }
        if let Some(one_too_many) = tables.get(STEPS_MAX) {
            return Err(one_too_many.wrong(format!("a lesson has at most {STEPS_MAX} steps")));
        }
        Ok(Lesson {
            title: said(table, "title")?,
            minutes: at_most(table.need("minutes")?, MINUTES_MAX, "minutes")?,
            brokers: match table.get("brokers") {
                Some(count) => i32::from(at_most(count, BROKERS_MAX, "brokers")?),
                None => BROKERS,
            },
            needs: match table.get("needs") {
                Some(actions) => read_actions(actions)?,
                None => Vec::new(),
            },
            steps: tables
                .iter()
                .map(|step| read_step(step.table()?))
                .collect::<Result<_, _>>()?,
        })
    })
}

fn read_step(table: Table<'_>) -> Result<LessonStep, Mistake> {
    table.only(&[
        "text", "check", "hint", "why", "do", "undo", "shell", "apache",
    ])?;
    let check = table.need("check")?;
    let actions = table.need("do")?;
    let step = LessonStep {
        text: said(table, "text")?,
        check: check.string()?.parse().map_err(|error: ConditionError| {
            // Its column is counted from behind the quote.
            let mut mistake = check.wrong(error.to_string());
            mistake.column += error.column;
            mistake
        })?,
        hint: said(table, "hint")?,
        why: said(table, "why")?,
        actions: read_actions(actions)?,
        undo: table.get("undo").map_or(Ok(Vec::new()), read_actions)?,
        shell: read_commands(table, "shell")?,
        apache: read_commands(table, "apache")?,
    };
    if step.actions.is_empty() {
        return Err(actions.wrong("the actions that do the step are expected here"));
    }
    Ok(step)
}

fn read_actions(list: Value<'_>) -> Result<Vec<Action>, Mistake> {
    let read = |value: &Value<'_>| match value.string()?.parse() {
        // Records and consumers go to the topic that is shown.
        Ok(action @ (Action::Cluster(_) | Action::Screen(ScreenAction::ShowTopic(_)))) => {
            Ok(action)
        }
        Ok(Action::Screen(_) | Action::Terminal(_)) => Err(value
            .wrong("an action on the cluster is expected here: the lesson looks at nothing else")),
        Err(error) => {
            let error: ActionError = error;
            Err(value.wrong(error.to_string()))
        }
    };
    list.list()?.iter().map(read).collect()
}

/// Lines for a shell; the address of the cluster stands in them as [`BOOTSTRAP`].
fn read_commands(table: Table<'_>, key: &str) -> Result<Vec<String>, Mistake> {
    let list = table.get(key).map_or(Ok(Vec::new()), |list| list.list())?;
    let read = |value: &Value<'_>| match value.string()?.trim() {
        line if line.contains(BOOTSTRAP) => Ok(line.to_owned()),
        _ => Err(value.wrong(format!(
            "a command with --bootstrap-server {BOOTSTRAP} is expected here"
        ))),
    };
    list.iter().map(read).collect()
}

/// Words, and not none.
fn said(table: Table<'_>, key: &str) -> Result<String, Mistake> {
    let value = table.need(key)?;
    match value.string()?.trim() {
        "" => Err(value.wrong("words are expected here")),
        words => Ok(words.to_owned()),
    }
}

fn at_most(value: Value<'_>, most: u16, what: &str) -> Result<u16, Mistake> {
    let number = value.number(1)?;
    if number > most {
        return Err(value.wrong(format!("at most {most} {what} are possible")));
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::read;

    const WHOLE: &str = r#"title = "kill the leader"
minutes = 5
needs = ["stream 10"]

[[step]]
text = "Kill broker 3."
check = "broker 3 down"
hint = "3 x"
why = "It is gone."
do = ["kill broker 3"]
"#;

    #[test]
    fn a_lesson_is_read_with_what_it_does_not_say() {
        let lesson = read(WHOLE).expect("it is right");
        assert_eq!(lesson.title, "kill the leader");
        assert_eq!((lesson.minutes, lesson.brokers), (5, 3));
        assert_eq!(lesson.needs.len(), 1);
        assert_eq!(lesson.steps[0].check.to_string(), "broker 3 down");
        assert!(lesson.steps[0].undo.is_empty());
    }

    #[test]
    fn a_step_may_say_how_it_is_taken_back_and_typed() {
        let more = "do = [\"topic show chat\", \"kill broker 3\"]\nundo = [\"heal\", \"wait isr orders 3\"]\n\
            shell = [\"kafkarium topics list --bootstrap-server {bootstrap}\"]";
        let text = WHOLE.replace("do = [\"kill broker 3\"]", more);
        let step = &read(&text).expect("it is right").steps[0];
        assert_eq!((step.actions.len(), step.undo.len()), (2, 2));
        let commands: Vec<String> = super::super::LessonStep::at(&step.shell, "[::1]:9").collect();
        assert_eq!(
            commands,
            ["kafkarium topics list --bootstrap-server [::1]:9"]
        );
        let mistake = read(&text.replace("{bootstrap}", "localhost")).expect_err("no address");
        assert!(
            mistake
                .to_string()
                .contains("12:10 a command with --bootstrap-server {bootstrap}"),
            "{mistake}"
        );
    }

    #[test]
    fn a_mistake_is_told_with_line_and_column() {
        for (right, wrong, says) in [
            (
                "broker 3 down",
                "brokr 3 down",
                "7:10 unknown condition \"brokr\"",
            ),
            (
                "\"kill b",
                "\"kil b",
                "10:7 there is no action \"kil broker 3\"",
            ),
            ("\"stream 10\"", "\"help\"", "3:10 an action on the cluster"),
            ("minutes = 5", "minutes = 6", "2:11 at most 5 minutes"),
            ("hint = \"3 x\"", "hint = \" \"", "8:8 words are expected"),
            (
                "[\"kill broker 3\"]",
                "[]",
                "10:6 the actions that do the step",
            ),
            (
                "minutes =",
                "minute =",
                "2:1 unknown setting \"minute\", did you mean \"minutes\"?",
            ),
        ] {
            let text = WHOLE.replace(right, wrong);
            assert_ne!(text, WHOLE, "{right}");
            let mistake = read(&text).expect_err(wrong).to_string();
            assert!(mistake.contains(says), "{wrong}: {mistake}");
        }
        let (_, step) = WHOLE.split_at(WHOLE.find("[[step]]").expect("it has one"));
        let seven = WHOLE.to_owned() + &step.repeat(6);
        let mistake = read(&seven).expect_err("too many").to_string();
        assert!(
            mistake.contains("a lesson has at most 6 steps"),
            "{mistake}"
        );
    }
}
