//! A cluster without its screen: started, driven, asked and ended from scripts.
//!
//! Exit codes: 0 it holds or is done, 1 it does not, 2 it could not be asked.

mod clean;
mod down;
mod exec;
mod lesson;
mod run;
mod running;
mod status;
mod up;
mod wait;

use std::process::ExitCode;
use std::time::Duration;

pub(super) use clean::{CleanArguments, run as clean};
pub(super) use down::{DownArguments, run as down};
pub(super) use exec::{ExecArguments, run as exec};
pub(super) use lesson::{LessonArguments, run as lesson};
pub(super) use run::{RunArguments, run as play};
pub(super) use status::{PsArguments, StatusArguments, ps, run as status};
pub(super) use up::{UpArguments, run as up};
pub(super) use wait::{WaitArguments, run as wait};

/// How a script's command ended.
#[derive(Debug)]
enum Outcome {
    /// It holds, or is done.
    Holds,
    /// It does not, with the reason.
    Fails(String),
}

/// It could not even be asked.
const NOT_ASKED: u8 = 2;

/// Says what went wrong, and gives the exit code that scripts look at.
fn exit(outcome: anyhow::Result<Outcome>) -> ExitCode {
    match outcome {
        Ok(Outcome::Holds) => ExitCode::SUCCESS,
        Ok(Outcome::Fails(why)) => {
            let _ = super::say::tell(&format!("kafkarium: {why}"));
            ExitCode::FAILURE
        }
        Err(error) if super::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = super::say::tell(&format!("kafkarium: {error:#}"));
            ExitCode::from(NOT_ASKED)
        }
    }
}

/// Milliseconds, as questions carry them.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
