//! The handle through which a process writes its reports: it never makes the process wait.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use super::report::{Report, ReportLine};

/// Lines that may wait for a slow reader: several seconds of a busy rebalance. Beyond it they are
/// dropped, because a report must never hold up what it reports about.
const LINES_WAITING_MAX: usize = 4_096;

/// A line in the queue, whose places are all there from the start: as wide as a line, they were most of what a broker at
/// rest takes of memory.
type Queued = Box<ReportLine>;

/// How long the end of the process waits for the last lines to be read.
const LAST_LINES_WAIT: Duration = Duration::from_millis(200);

/// Writes [`Report`]s to stdout, one JSON object a line. Clones write to the same queue.
/// Dropping the last clone writes what is still queued, within [`LAST_LINES_WAIT`].
#[derive(Debug, Clone, Default)]
pub struct Reporter {
    queue: Option<Arc<Queue>>,
}

#[derive(Debug)]
struct Queue {
    /// `None` only while being dropped.
    lines: Option<SyncSender<Queued>>,
    dropped: AtomicU64,
    /// Disconnects when the writer is done.
    done: std::sync::Mutex<Receiver<()>>,
}

impl Reporter {
    /// A reporter that says nothing.
    #[must_use]
    pub fn off() -> Self {
        Self { queue: None }
    }

    /// A reporter that writes to this process's stdout, from a thread of its own.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn stdout() -> io::Result<Self> {
        Self::to(io::stdout())
    }

    fn to(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, waiting) = sync_channel(LINES_WAITING_MAX);
        let (finished, done) = sync_channel(0);
        thread::Builder::new()
            .name("reports".into())
            .spawn(move || {
                write_lines(out, &waiting);
                drop(finished);
            })?;
        Ok(Self {
            queue: Some(Arc::new(Queue {
                lines: Some(lines),
                dropped: AtomicU64::new(0),
                done: std::sync::Mutex::new(done),
            })),
        })
    }

    /// Whether anybody listens: spares the caller the making of a costly report.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Queues one report, stamped with the current time. Never waits; with a full queue the
    /// report is dropped and the first such loss is logged.
    pub fn report(&self, report: Report) {
        let Some(queue) = &self.queue else { return };
        let Some(lines) = &queue.lines else { return };
        if lines.try_send(Box::new(ReportLine::now(report))).is_err()
            && queue.dropped.fetch_add(1, Ordering::Relaxed) == 0
        {
            tracing::debug!("nobody reads the reports: some are dropped");
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.lines = None;
        if let Ok(done) = self.done.get_mut() {
            let _ = done.recv_timeout(LAST_LINES_WAIT);
        }
    }
}

/// Writes lines until the last reporter is gone or nobody reads any more.
fn write_lines(mut out: impl Write, lines: &Receiver<Queued>) {
    while let Ok(line) = lines.recv() {
        let Ok(mut text) = serde_json::to_vec(&line) else {
            continue;
        };
        text.push(b'\n');
        if out.write_all(&text).and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use super::{LINES_WAITING_MAX, Queued, Reporter};
    use crate::report::Report;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A pipe that nobody reads: the first write never returns while the test runs.
    struct Stuck(Arc<Mutex<()>>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _held = self.0.lock().expect("not poisoned");
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn ready(number: usize) -> Report {
        Report::Ready {
            address: number.to_string(),
        }
    }

    #[test]
    fn what_was_reported_is_written_before_the_reporter_is_gone() {
        let out = Shared::default();
        let reporter = Reporter::to(out.clone()).expect("a thread");
        for number in 0..100 {
            reporter.clone().report(ready(number));
        }
        drop(reporter);
        let text = String::from_utf8(out.0.lock().expect("not poisoned").clone()).expect("JSON");
        assert_eq!(text.lines().count(), 100);
        assert!(text.lines().last().is_some_and(|line| line.contains("99")));
    }

    #[test]
    fn a_queue_without_lines_is_small() {
        assert!(size_of::<Queued>() * LINES_WAITING_MAX <= 32 * 1024);
    }

    #[test]
    fn a_reader_that_does_not_read_holds_nobody_up() {
        let gate = Arc::new(Mutex::new(()));
        let held = gate.lock().expect("not poisoned");
        let reporter = Reporter::to(Stuck(gate.clone())).expect("a thread");
        for number in 0..LINES_WAITING_MAX * 2 {
            reporter.report(ready(number));
        }
        drop(held);
    }
}
