//! `kafkarium learn`: the playground with its list of lessons open, or with one of them.

use anyhow::Result;
use clap::Args;

use super::playground::{PlaygroundArguments, start};
use ::playground::Learn;

/// The playground with its lessons: all of them with what is done, or one that begins or goes on.
#[derive(Debug, Args)]
pub(super) struct LearnArguments {
    /// The lesson's number in the list, or its name.
    #[arg(value_name = "LESSON")]
    lesson: Option<String>,
    #[command(flatten)]
    playground: PlaygroundArguments,
}

/// Runs it until it is quit.
pub(super) fn run(arguments: LearnArguments) -> Result<()> {
    let learn = arguments.lesson.map_or(Learn::List, Learn::Lesson);
    start(arguments.playground, Some(learn))
}
