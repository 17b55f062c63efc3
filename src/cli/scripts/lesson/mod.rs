//! `kafkarium lesson`: lists lessons, tells one, and proves them on a real cluster.

mod prove;

use std::fmt::Write;
use std::fs;
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};

use self::prove::prove;
use super::{Outcome, exit};
use crate::cli::say::say;
use playground::state::{Action, Lesson};
use playground::{Announce, FolderOptions, Options};

/// Lists lessons, tells one, and proves them on a real cluster.
#[derive(Debug, Args)]
pub(in crate::cli) struct LessonArguments {
    #[command(subcommand)]
    command: LessonCommand,
}

#[derive(Debug, Subcommand)]
enum LessonCommand {
    /// The lessons that there are.
    List,
    /// Tells a lesson: what to do, when it is done, and why it is so.
    Show {
        /// Its number in the list, or its file.
        #[arg(value_name = "NUMBER|FILE")]
        lesson: String,
    },
    /// Proves lessons, each on a cluster of its own and without a screen: before a step its condition does not
    /// hold, and what the lesson itself does makes it hold.
    ///
    /// Exits with 0 if all are right, with 1 if a step is broken, with 2 if a file is wrong or the cluster could
    /// not be run.
    Check {
        /// Their numbers in the list, or their files; without any, the whole list.
        #[arg(value_name = "NUMBER|FILE")]
        lessons: Vec<String>,
    },
}

/// Runs it.
pub(in crate::cli) fn run(arguments: &LessonArguments) -> ExitCode {
    exit(match &arguments.command {
        LessonCommand::List => list(),
        LessonCommand::Show { lesson } => show(lesson),
        LessonCommand::Check { lessons } => check(lessons),
    })
}

fn list() -> Result<Outcome> {
    let mut text = String::new();
    for (index, lesson) in Lesson::built_in().iter().enumerate() {
        let Lesson { title, minutes, .. } = lesson;
        writeln!(text, "{:>2}  {title:<40}  {minutes} min", index + 1)?;
    }
    say(&text)?;
    Ok(Outcome::Holds)
}

fn show(name: &str) -> Result<Outcome> {
    let lesson = find(name)?;
    let Lesson { title, minutes, .. } = &lesson;
    let mut text = format!("{title}, {minutes} min\n");
    for (index, step) in lesson.steps.iter().enumerate() {
        writeln!(text, "\n{} of {}", index + 1, lesson.steps.len())?;
        writeln!(text, "  {}", step.text)?;
        writeln!(text, "  done when  {}", step.check)?;
        writeln!(text, "  hint       {}", step.hint)?;
        for action in &step.actions {
            writeln!(text, "  or         :{}", Action::Cluster(action.clone()))?;
        }
        writeln!(text, "  why        {}", step.why)?;
    }
    say(&text)?;
    Ok(Outcome::Holds)
}

fn check(names: &[String]) -> Result<Outcome> {
    // All are read before the first is proved.
    let lessons = if names.is_empty() {
        Lesson::built_in()
    } else {
        names.iter().map(|name| find(name)).collect::<Result<_>>()?
    };
    let mut broken = 0;
    for lesson in lessons {
        let (title, steps) = (lesson.title.clone(), lesson.steps.len());
        match on_a_cluster(lesson)? {
            None => say(&format!(
                "ok      {title}: each of {steps} steps is proved\n"
            ))?,
            Some(step) => {
                broken += 1;
                say(&format!("BROKEN  {title}: {step}\n"))?;
            }
        }
    }
    match broken {
        0 => Ok(Outcome::Holds),
        1 => Ok(Outcome::Fails("1 lesson is broken".to_owned())),
        broken => Ok(Outcome::Fails(format!("{broken} lessons are broken"))),
    }
}

/// Proves it on a cluster of its own, which keeps nothing. `None`: it is right.
fn on_a_cluster(lesson: Lesson) -> Result<Option<prove::Broken>> {
    let name = format!("lesson-{}", std::process::id());
    let options = Options {
        folder: FolderOptions {
            name: name.clone(),
            ephemeral: true,
            ..FolderOptions::default()
        },
        brokers: Some(lesson.brokers),
        announce: Some(Announce::Nothing),
        ..Options::default()
    };
    let proving = thread::spawn(move || prove(&lesson, &name));
    playground::run(&options)?;
    let proved = proving.join();
    proved.map_err(|_| anyhow!("what proves the lesson ended early"))?
}

/// A lesson by its number in the list, or its file.
fn find(name: &str) -> Result<Lesson> {
    if let Ok(number) = name.parse::<usize>() {
        let lessons = Lesson::built_in();
        let count = lessons.len();
        let found = lessons.into_iter().zip(1..).find(|(_, at)| *at == number);
        return found
            .map(|(lesson, _)| lesson)
            .with_context(|| format!("there is no lesson {number}: there are 1 to {count}"));
    }
    let text = fs::read_to_string(name).with_context(|| format!("cannot read {name}"))?;
    match Lesson::read(&text) {
        Ok(lesson) => Ok(lesson),
        Err(mistake) => bail!("{name}:{mistake}"),
    }
}
