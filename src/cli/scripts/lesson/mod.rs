//! `kafkarium lesson`: lists lessons, tells one, and proves them on a real cluster.

mod prove;

use std::fmt::Write;
use std::fs;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};

use self::prove::{Broken, prove};
use super::{Outcome, exit};
use crate::cli::say::say;
use playground::state::{Lesson, LessonStep, settings::Keymap};
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
        /// Its number in the list, its name, or its file.
        #[arg(value_name = "NUMBER|NAME|FILE")]
        lesson: String,
    },
    /// Proves lessons, each on a cluster of its own and without a screen, several at a time: before a step its
    /// condition does not hold, what the lesson itself does makes it hold, and taken back it can be done again, in
    /// a shell where the step has commands for one. In the end the cluster is what it was.
    ///
    /// Exits with 0 if all are right, with 1 if a step is broken, with 2 if a file is wrong or the cluster could
    /// not be run.
    Check {
        /// Their numbers in the list, their names, or their files; without any, the whole list.
        #[arg(value_name = "NUMBER|NAME|FILE")]
        lessons: Vec<String>,
        /// How many are proved at a time.
        #[arg(long, value_name = "COUNT", default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=64))]
        jobs: u16,
    },
}

/// Where a playground listens that found its ports free.
const USUAL_ADDRESS: &str = "127.0.0.1:9092";

/// Runs it.
pub(in crate::cli) fn run(arguments: &LessonArguments) -> ExitCode {
    exit(match &arguments.command {
        LessonCommand::List => list(),
        LessonCommand::Show { lesson } => show(lesson),
        LessonCommand::Check { lessons, jobs } => check(lessons, *jobs),
    })
}

fn list() -> Result<Outcome> {
    let mut text = String::new();
    for (index, lesson) in Lesson::built_in().enumerate() {
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
    let bootstrap = playground::find(None).map_or(USUAL_ADDRESS.to_owned(), |run| run.bootstrap);
    let keys = Keymap::default();
    for (index, step) in lesson.steps.iter().enumerate() {
        writeln!(text, "\n{} of {}", index + 1, lesson.steps.len())?;
        writeln!(text, "  {}", keys.fill(&step.text))?;
        if let Some(how) = &step.how {
            writeln!(text, "  by         {}", keys.fill(how))?;
        }
        if let Some(predict) = &step.predict {
            writeln!(text, "  asks       {}", predict.question)?;
            for (choice, letter) in predict.choices.iter().zip('a'..) {
                writeln!(text, "          {letter}  {}", choice.text)?;
            }
        }
        writeln!(text, "  done when  {}", step.check)?;
        writeln!(text, "  hint       {}", keys.fill(&step.hint))?;
        for action in &step.actions {
            writeln!(text, "  or         :{action}")?;
        }
        for command in LessonStep::at(&step.shell, &bootstrap) {
            writeln!(text, "  or         $ {command}")?;
        }
        for command in LessonStep::at(&step.apache, &bootstrap) {
            writeln!(text, "  or         $ {command}")?;
        }
        writeln!(text, "  why        {}", keys.fill(&step.why))?;
    }
    say(&text)?;
    Ok(Outcome::Holds)
}

fn check(names: &[String], jobs: u16) -> Result<Outcome> {
    // All are read before the first is proved.
    let lessons: Vec<Lesson> = if names.is_empty() {
        Lesson::built_in().cloned().collect()
    } else {
        names.iter().map(|name| find(name)).collect::<Result<_>>()?
    };
    let mut broken = 0;
    let proved = prove_all(&lessons, jobs);
    for (lesson, proved) in lessons.iter().zip(proved) {
        let (title, steps) = (&lesson.title, lesson.steps.len());
        match proved? {
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

/// Proves each, so many at a time: most of the time a lesson waits for something.
fn prove_all(lessons: &[Lesson], jobs: u16) -> Vec<Result<Option<Broken>>> {
    let next = Mutex::new(lessons.iter().zip(1..));
    let prove_some = || {
        let mut proved = Vec::new();
        loop {
            let taken = next.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((lesson, number)) = taken else {
                return proved;
            };
            proved.push((number, on_a_cluster(lesson, number)));
        }
    };
    let mut proved = thread::scope(|scope| {
        let jobs = usize::from(jobs).min(lessons.len());
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(prove_some)).collect();
        let mut proved = Vec::new();
        for worker in workers {
            let ended_early =
                |_| vec![(usize::MAX, Err(anyhow!("what proves lessons ended early")))];
            proved.extend(worker.join().unwrap_or_else(ended_early));
        }
        proved
    });
    proved.sort_by_key(|(number, _)| *number);
    proved.into_iter().map(|(_, proved)| proved).collect()
}

/// Proves it on a cluster of its own, which keeps nothing. `None`: it is right.
fn on_a_cluster(lesson: &Lesson, number: usize) -> Result<Option<Broken>> {
    let name = format!("lesson-{}-{number}", std::process::id());
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
    thread::scope(|scope| {
        let proving = scope.spawn(|| prove(lesson, &name));
        playground::run(&options)?;
        let proved = proving.join();
        proved.map_err(|_| anyhow!("what proves the lesson ended early"))?
    })
}

/// A lesson by its number in the list, its name, or its file.
fn find(name: &str) -> Result<Lesson> {
    if let Ok(number) = name.parse::<usize>() {
        let mut lessons = Lesson::built_in();
        let count = lessons.len();
        let found = number.checked_sub(1).and_then(|index| lessons.nth(index));
        return found
            .cloned()
            .with_context(|| format!("there is no lesson {number}: there are 1 to {count}"));
    }
    if let Some(lesson) = Lesson::named(name) {
        return Ok(lesson.clone());
    }
    let text = fs::read_to_string(name)
        .with_context(|| format!("there is no lesson {name}, and as a file it cannot be read"))?;
    match Lesson::read(&text) {
        Ok(lesson) => Ok(lesson),
        Err(mistake) => bail!("{name}:{mistake}"),
    }
}
