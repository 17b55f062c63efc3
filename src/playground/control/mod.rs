//! Other shells of the same user: what they ask arrives here and is answered here.
//!
//! A question becomes an event like a key; its answer is a request of the state, with the question's number.

mod status;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::OwnedReadHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use crate::supervisor::control_socket;
use wire::control::{Answer, Question};

pub(crate) use status::{Own, status};

/// Shells that may be connected at a time; more wait until one goes.
const SHELLS_MAX: usize = 64;

/// A question longer than this is none.
const QUESTION_BYTES_MAX: u64 = 64 * 1024;

/// A question that waits for its answer.
#[derive(Debug)]
pub(crate) struct Asked {
    pub question: Question,
    pub answer: oneshot::Sender<Answer>,
}

/// The socket, the questions that came and those that are not answered yet.
#[derive(Debug)]
pub(crate) struct Control {
    asked: mpsc::Receiver<Asked>,
    // Kept, so that waiting for the next question never ends by itself.
    asks: mpsc::Sender<Asked>,
    open: BTreeMap<u64, oneshot::Sender<Answer>>,
    numbers: u64,
    socket: Option<Socket>,
    listening: JoinSet<()>,
}

impl Control {
    /// Where other shells reach the playground of this name; or why they cannot.
    pub fn of(name: &str) -> (Self, Option<String>) {
        let listening = control_socket(name).and_then(|path| {
            let listening = Self::listen(&path);
            listening.with_context(|| format!("cannot listen at {}", path.display()))
        });
        match listening {
            Ok(control) => (control, None),
            Err(error) => {
                let why = format!("other shells cannot reach this playground: {error:#}");
                (Self::deaf(), Some(why))
            }
        }
    }

    /// Listens at `path`, which nobody but the user can open.
    pub fn listen(path: &Path) -> io::Result<Self> {
        // What a dead playground left.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        let mut control = Self::deaf();
        control.socket = Some(Socket(path.to_owned()));
        let asks = control.asks.clone();
        control.listening.spawn(accept(listener, asks));
        Ok(control)
    }

    /// Listens to nobody.
    pub fn deaf() -> Self {
        let (asks, asked) = mpsc::channel(1);
        Self {
            asked,
            asks,
            open: BTreeMap::new(),
            numbers: 0,
            socket: None,
            listening: JoinSet::new(),
        }
    }

    /// Where it listens.
    pub fn path(&self) -> Option<&Path> {
        self.socket.as_ref().map(|socket| socket.0.as_path())
    }

    /// The next question, and the number under which its answer is given.
    pub async fn next(&mut self) -> (u64, Question) {
        loop {
            if let Some(Asked { question, answer }) = self.asked.recv().await {
                self.open.retain(|_, waiting| !waiting.is_closed());
                self.numbers += 1;
                self.open.insert(self.numbers, answer);
                return (self.numbers, question);
            }
        }
    }

    /// Answers a question; whoever asked may have gone.
    pub fn answer(&mut self, number: u64, answer: Answer) {
        if let Some(waiting) = self.open.remove(&number) {
            let _ = waiting.send(answer);
        }
    }
}

/// The socket's file, removed when the playground ends.
#[derive(Debug)]
struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

async fn accept(listener: UnixListener, asks: mpsc::Sender<Asked>) {
    let places = Arc::new(Semaphore::new(SHELLS_MAX));
    let mut shells = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        while shells.try_join_next().is_some() {}
        let asks = asks.clone();
        shells.spawn(async move {
            // Whoever goes without waiting for an answer needs none.
            let _ = serve(stream, &asks).await;
            drop(place);
        });
    }
}

/// Takes one question after the other until the shell goes.
async fn serve(stream: UnixStream, asks: &mpsc::Sender<Asked>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    while let Some(line) = question_line(&mut read).await? {
        let answer = match serde_json::from_slice(&line) {
            Ok(question) => {
                let (answer, answered) = oneshot::channel();
                let asked = Asked { question, answer };
                if asks.send(asked).await.is_err() {
                    return Ok(());
                }
                match answered.await {
                    Ok(answer) => answer,
                    Err(_) => return Ok(()),
                }
            }
            Err(error) => Answer::Wrong {
                why: format!(
                    "this is no question of version {}: {error}",
                    wire::control::VERSION
                ),
            },
        };
        let mut line = serde_json::to_vec(&answer)?;
        line.push(b'\n');
        write.write_all(&line).await?;
    }
    Ok(())
}

/// The next line; `None` at the end. One that is too long ends the connection.
async fn question_line(read: &mut BufReader<OwnedReadHalf>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    read.take(QUESTION_BYTES_MAX)
        .read_until(b'\n', &mut line)
        .await?;
    match line.last() {
        Some(b'\n') => Ok(Some(line)),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::Control;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::UnixStream;
    use wire::control::{Answer, Question};

    #[tokio::test]
    async fn a_question_is_answered_under_its_number() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("demo.sock");
        std::fs::write(&path, "left by a dead playground").expect("written");
        let mut control = Control::listen(&path).expect("listening");
        let mut stream = BufReader::new(UnixStream::connect(&path).await.expect("connected"));
        stream
            .write_all(b"what?\n{\"status\":{}}\n")
            .await
            .expect("written");
        let mut wrong = String::new();
        stream.read_line(&mut wrong).await.expect("answered");
        assert!(
            wrong.starts_with("{\"wrong\":{\"why\":\"this is no question"),
            "{wrong}"
        );
        let (number, question) = control.next().await;
        assert_eq!(question, Question::Status {});
        control.answer(
            number,
            Answer::Holds {
                after_ms: 0,
                seen: "all".into(),
            },
        );
        let mut answer = String::new();
        stream.read_line(&mut answer).await.expect("answered");
        assert_eq!(answer, "{\"holds\":{\"after_ms\":0,\"seen\":\"all\"}}\n");
        drop(control);
        assert!(!path.exists(), "nothing is left");
    }
}
