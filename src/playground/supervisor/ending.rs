//! The end of the playground: no process stays behind.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Supervisor;
use crate::state::{Observation, ProcessChange, ProcessName};

/// How long consumers get to leave their group, and producers to abort what is open, when the playground ends.
const CLIENTS_STOP: Duration = Duration::from_millis(600);

/// How long servers get to close their sessions when the playground ends; a kill loses nothing.
const SERVERS_STOP: Duration = Duration::from_millis(1500);

/// How long a killed process may take to be gone.
const KILLED_GONE: Duration = Duration::from_millis(500);

/// Which processes.
type Kind = fn(&ProcessName) -> bool;

impl Supervisor {
    /// Ends every process: clients leave first, brokers close their sessions while `ZooKeeper`
    /// still answers, it goes last. Who does not heed is killed.
    pub async fn stop_all(&mut self, observations: &mut mpsc::Receiver<Observation>) {
        let phases: [(Kind, Duration); 3] = [
            (
                |process| matches!(process, ProcessName::Consumer(_) | ProcessName::Producer(_)),
                CLIENTS_STOP,
            ),
            (
                |process| matches!(process, ProcessName::Broker(_)),
                SERVERS_STOP,
            ),
            (
                |process| matches!(process, ProcessName::ZooKeeper),
                SERVERS_STOP,
            ),
        ];
        for slot in self.slots.values_mut() {
            slot.start_when_gone = false;
        }
        for (of_phase, patience) in phases {
            self.signal_each(of_phase, &[Signal::SIGTERM, Signal::SIGCONT]);
            self.wait_gone(of_phase, patience, observations).await;
            self.signal_each(of_phase, &[Signal::SIGKILL]);
        }
        self.wait_gone(|_| true, KILLED_GONE, observations).await;
    }

    fn signal_each(&self, chosen: Kind, signals: &[Signal]) {
        for (_, slot) in self.slots.iter().filter(|(process, _)| chosen(process)) {
            for signal in signals {
                if let Some(running) = slot.running {
                    let _ = running.signal(*signal);
                }
            }
        }
    }

    async fn wait_gone(
        &mut self,
        chosen: Kind,
        patience: Duration,
        observations: &mut mpsc::Receiver<Observation>,
    ) {
        let deadline = Instant::now() + patience;
        while self
            .slots
            .iter()
            .any(|(process, slot)| chosen(process) && slot.running.is_some())
        {
            match tokio::time::timeout_at(deadline, observations.recv()).await {
                Ok(Some(Observation::Process {
                    process,
                    change: ProcessChange::Exited { .. },
                })) => {
                    let _ = self.exited(&process);
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return,
            }
        }
    }
}
