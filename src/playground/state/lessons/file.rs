//! A lesson's file.
//!
//! ```toml
//! title = "kill the leader"
//! minutes = 5
//! brokers = 3
//! beside = "replicas"                 # what stands beside the Log: replicas, group or order
//! needs = ["stream 10"]
//!
//! [[step]]
//! text = "Broker 3 leads partition 2 of orders. Kill it."
//! how = "{kill broker 3}"              # one way to do it
//! check = "broker 3 down and leader orders p2 not 3"
//! hint = "the digit picks a broker"
//! why = "ZooKeeper missed broker 3, and the controller chose another replica."
//! do = ["kill broker 3"]
//! undo = ["heal", "wait isr orders 3"]
//!
//! [step.predict]                      # a question that is asked before the step is done
//! question = "When can p2 be written to again?"
//! choices = [                         # the answer is the first that came, counted from the deed
//!   { text = "at once", comes = "leader orders p2 not 3 within 1s" },
//!   { text = "once ZooKeeper has missed broker 3", comes = "leader orders p2 not 3" },
//!   { text = "never" },               # what came when nothing else did
//! ]
//! ```
//!
//! A step without `undo` has a check that counts from its beginning, and so can be done again: `acked 1 more`.
//! Texts may name actions in braces, `{kill broker 3}`: they are shown as the keys that do them.

use std::str::FromStr;

use super::{BOOTSTRAP, Guess, Lesson, LessonStep, Predict};
use crate::state::{
    action::{Action, ActionError, ConditionError, ScreenAction},
    settings::{
        Beside, Mistake,
        toml_file::{Table, Value, parse},
    },
};

/// Who has more to do or to read does not finish.
pub(super) const STEPS_MAX: usize = 6;

/// The same in time.
pub(super) const MINUTES_MAX: u16 = 5;

/// Fewer are no question.
const CHOICES_MIN: usize = 2;

/// Each has a letter, a to d.
const CHOICES_MAX: usize = 4;

/// Brokers where nothing is said: as in a new playground.
const BROKERS: i32 = 3;

/// The most brokers that a playground has.
const BROKERS_MAX: u16 = 100;

pub(super) fn read(text: &str) -> Result<Lesson, Mistake> {
    parse(text, |table| {
        table.only(&["title", "minutes", "brokers", "beside", "needs", "step"])?;
        let steps = table.need("step")?;
        let tables = steps.list()?;
        if tables.is_empty() {
            return Err(steps.wrong("a lesson needs a step: add [[step]]"));
        }
        if let Some(one_too_many) = tables.get(STEPS_MAX) {
            return Err(one_too_many.wrong(format!("a lesson has at most {STEPS_MAX} steps")));
        }
        Ok(Lesson {
            source: text.to_owned(),
            title: said(table, "title")?,
            minutes: at_most(table.need("minutes")?, MINUTES_MAX, "minutes")?,
            brokers: match table.get("brokers") {
                Some(count) => i32::from(at_most(count, BROKERS_MAX, "brokers")?),
                None => BROKERS,
            },
            beside: table
                .get("beside")
                .map_or(Ok(Beside::default()), read_beside)?,
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

/// The pane that a lesson is about.
fn read_beside(value: Value<'_>) -> Result<Beside, Mistake> {
    let name = value.string()?;
    let found = Beside::NAMED.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, beside)| *beside)
        .ok_or_else(|| value.wrong("one of replicas, group and order is expected here"))
}

fn read_step(table: Table<'_>) -> Result<LessonStep, Mistake> {
    table.only(&[
        "text", "how", "predict", "check", "hint", "why", "do", "undo", "shell", "apache",
    ])?;
    let check = table.need("check")?;
    let actions = table.need("do")?;
    let step = LessonStep {
        text: said(table, "text")?,
        how: match table.get("how") {
            Some(_) => Some(said(table, "how")?),
            None => None,
        },
        predict: match table.get("predict") {
            Some(question) => Some(read_predict(question.table()?)?),
            None => None,
        },
        check: read_condition(check)?,
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

fn read_predict(table: Table<'_>) -> Result<Predict, Mistake> {
    table.only(&["question", "choices"])?;
    let choices = table.need("choices")?;
    let list = choices.list()?;
    if let Some(one_too_many) = list.get(CHOICES_MAX) {
        return Err(one_too_many.wrong(format!("a question has at most {CHOICES_MAX} choices")));
    }
    if list.len() < CHOICES_MIN {
        return Err(choices.wrong(format!("a question has at least {CHOICES_MIN} choices")));
    }
    let mut read: Vec<Guess> = Vec::new();
    for choice in list {
        let guess = read_guess(choice.table()?)?;
        if guess.comes.is_none() && read.iter().any(|other| other.comes.is_none()) {
            return Err(choice.wrong("\"comes\" is missing here: only one choice may be without"));
        }
        read.push(guess);
    }
    Ok(Predict {
        question: said(table, "question")?,
        choices: read,
    })
}

fn read_guess(table: Table<'_>) -> Result<Guess, Mistake> {
    table.only(&["text", "comes"])?;
    let comes = table.get("comes").map(read_condition);
    Ok(Guess {
        text: said(table, "text")?,
        comes: comes.transpose()?,
    })
}

/// A condition, which may say how soon where that is possible.
fn read_condition<T: FromStr<Err = ConditionError>>(value: Value<'_>) -> Result<T, Mistake> {
    value.string()?.parse().map_err(|error: ConditionError| {
        // Its column is counted from behind the quote.
        let mut mistake = value.wrong(error.to_string());
        mistake.column += error.column;
        mistake
    })
}

fn read_actions(list: Value<'_>) -> Result<Vec<Action>, Mistake> {
    let read = |value: &Value<'_>| match value.string()?.parse() {
        // Records and consumers go to the topic that is shown.
        Ok(action @ (Action::Cluster(_) | Action::Screen(ScreenAction::ShowTopic(_)))) => {
            Ok(action)
        }
        Ok(Action::Screen(_) | Action::Terminal(_) | Action::Lesson(_)) => Err(value
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

    const PREDICT: &str = r#"
[step.predict]
question = "When?"
choices = [
  { text = "at once", comes = "broker 3 down within 1s" },
  { text = "never" },
]
"#;

    #[test]
    fn a_question_is_read_with_what_tells_its_answer() {
        let lesson = read(&(WHOLE.to_owned() + PREDICT)).expect("it is right");
        let predict = lesson.steps[0].predict.as_ref().expect("it asks");
        assert_eq!(predict.question, "When?");
        let [soon, never] = &predict.choices[..] else {
            panic!("{predict:?}");
        };
        let comes = soon.comes.as_ref().map(ToString::to_string);
        assert_eq!(comes.as_deref(), Some("broker 3 down within 1000ms"));
        assert_eq!((never.text.as_str(), &never.comes), ("never", &None));
        let more = "  { text = \"later\" },\n".repeat(3);
        for (right, wrong, says) in [
            ("3 down within", "3 dwn within", "15:41 "),
            (
                "  { text = \"never\" },\n",
                "",
                "14:11 a question has at least 2",
            ),
            (
                "  { text = \"never\" },\n",
                &more,
                "17:3 \"comes\" is missing here",
            ),
        ] {
            let text = WHOLE.to_owned() + &PREDICT.replace(right, wrong);
            let mistake = read(&text).expect_err(wrong).to_string();
            assert!(mistake.starts_with(says), "{wrong}: {mistake}");
        }
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
