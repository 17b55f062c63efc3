//! Questions to a running playground, from another shell of its user.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use wire::control::{Answer, LINE_BYTES_MAX, Question};

/// How much longer than the question itself allows its answer may take: the playground watches the time, and a
/// machine may be busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a playground could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens there.
    #[error("cannot reach the playground at {path}: {error}")]
    Unreachable {
        /// Where it should listen.
        path: String,
        /// What the system says.
        error: io::Error,
    },
    /// It ended, or did not answer.
    #[error("the playground did not answer: {0}")]
    NoAnswer(#[from] io::Error),
    /// What it answered is none: another version answers.
    #[error("the playground answers in words of another version: {0}")]
    Strange(#[from] serde_json::Error),
}

/// A connection to a running playground.
#[derive(Debug)]
pub struct Control {
    stream: BufReader<UnixStream>,
}

impl Control {
    /// Connects to the playground that listens at this socket.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn connect(path: &Path) -> Result<Self, ControlError> {
        let stream = UnixStream::connect(path).map_err(|error| ControlError::Unreachable {
            path: path.display().to_string(),
            error,
        })?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// The playground ended or answers nothing that can be read.
    pub fn ask(&mut self, question: &Question) -> Result<Answer, ControlError> {
        let allowed = match question {
            Question::Do { timeout_ms, .. } | Question::Wait { timeout_ms, .. } => *timeout_ms,
            Question::Mark { .. } | Question::Status {} => 0,
        };
        let allowed = Duration::from_millis(allowed).saturating_add(PATIENCE);
        let stream = self.stream.get_mut();
        stream.set_read_timeout(Some(allowed))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut line = serde_json::to_vec(question)?;
        line.push(b'\n');
        stream.write_all(&line)?;
        let mut answer = Vec::new();
        let most = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
        self.stream
            .by_ref()
            .take(most)
            .read_until(b'\n', &mut answer)?;
        if answer.last() != Some(&b'\n') {
            return Err(ControlError::NoAnswer(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(serde_json::from_slice(&answer)?)
    }
}
