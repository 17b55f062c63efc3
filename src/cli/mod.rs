//! One file per subcommand: parse, call, print.

mod action;
mod broker;
mod child;
mod client_settings;
mod cluster;
mod completions;
mod configs;
mod connection_settings;
mod consume;
mod data_folder;
mod engine;
mod foreign;
mod groups;
mod java_properties;
mod learn;
mod logging;
mod mirror;
mod old_spellings;
mod open_files;
mod playground;
mod produce;
mod race;
mod remote;
mod replay;
mod say;
mod scripts;
mod server_files;
mod shutdown;
mod table;
mod topics;
mod transact;
mod verify;
mod zookeeper;
mod zookeeper_properties;

use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// A terminal playground on a real, local, Kafka-compatible cluster.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(flatten)]
    playground: playground::PlaygroundArguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(name = "zookeeper")]
    ZooKeeper(zookeeper::ZooKeeperArguments),
    Broker(broker::BrokerArguments),
    Topics(topics::TopicsArguments),
    Groups(groups::GroupsArguments),
    Configs(configs::ConfigsArguments),
    Produce(produce::ProduceArguments),
    Consume(consume::ConsumeArguments),
    Mirror(mirror::MirrorArguments),
    #[command(hide = true)]
    Transact(transact::TransactArguments),
    Verify(verify::VerifyArguments),
    #[command(hide = true)]
    VerifyTransactionsWorker(verify::WorkerArguments),
    Up(scripts::UpArguments),
    Run(scripts::RunArguments),
    Learn(learn::LearnArguments),
    Lesson(scripts::LessonArguments),
    Exec(scripts::ExecArguments),
    Wait(scripts::WaitArguments),
    Status(scripts::StatusArguments),
    Ps(scripts::PsArguments),
    Down(scripts::DownArguments),
    Clean(scripts::CleanArguments),
    Engine(engine::EngineArguments),
    Race(race::RaceArguments),
    #[command(hide = true)]
    Foreign(foreign::ForeignArguments),
    Replay(replay::ReplayArguments),
    Completions(completions::CompletionsArguments),
}

/// Parses the command line and runs what it names.
#[must_use]
pub fn main() -> ExitCode {
    // Before anything is created.
    ::playground::own_folder::keep_others_out();
    let words: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    if let Some(sentence) = old_spellings::today(&words, &Arguments::command()) {
        let _ = say::tell(&format!("kafkarium: {sentence}"));
        return ExitCode::FAILURE;
    }
    let arguments = Arguments::parse();
    let result = match arguments.command {
        None => playground::run(arguments.playground),
        Some(Command::ZooKeeper(arguments)) => zookeeper::run(&arguments),
        Some(Command::Broker(arguments)) => broker::run(arguments),
        Some(Command::Topics(arguments)) => topics::run(arguments),
        Some(Command::Groups(arguments)) => groups::run(arguments),
        Some(Command::Configs(arguments)) => configs::run(arguments),
        Some(Command::Produce(arguments)) => produce::run(&arguments),
        Some(Command::Consume(arguments)) => consume::run(&arguments),
        Some(Command::Transact(arguments)) => transact::run(&arguments),
        Some(Command::Mirror(arguments)) => mirror::run(&arguments),
        Some(Command::Verify(arguments)) => return verify::run(&arguments),
        Some(Command::VerifyTransactionsWorker(arguments)) => {
            return verify::run_worker(&arguments);
        }
        Some(Command::Up(arguments)) => return scripts::up(arguments),
        Some(Command::Run(arguments)) => return scripts::play(&arguments),
        Some(Command::Learn(arguments)) => learn::run(arguments),
        Some(Command::Lesson(arguments)) => return scripts::lesson(&arguments),
        Some(Command::Exec(arguments)) => return scripts::exec(&arguments),
        Some(Command::Wait(arguments)) => return scripts::wait(&arguments),
        Some(Command::Status(arguments)) => return scripts::status(&arguments),
        Some(Command::Ps(arguments)) => return scripts::ps(&arguments),
        Some(Command::Down(arguments)) => return scripts::down(&arguments),
        Some(Command::Clean(arguments)) => return scripts::clean(&arguments),
        Some(Command::Engine(arguments)) => engine::run(&arguments),
        Some(Command::Race(arguments)) => race::run(&arguments),
        Some(Command::Foreign(arguments)) => foreign::run(&arguments),
        Some(Command::Replay(arguments)) => replay::run(&arguments),
        Some(Command::Completions(arguments)) => completions::run::<Arguments>(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // `| head` has seen enough, which is no failure.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = say::tell(&format!("kafkarium: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
