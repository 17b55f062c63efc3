//! What is done to a process that runs: the signals of a person at the keyboard.

use anyhow::Result;
use nix::sys::signal::Signal;

use super::{Supervisor, changed};
use crate::state::{Observation, ProcessChange, ProcessName};

impl Supervisor {
    /// Stops it cleanly and starts it when it is gone.
    ///
    /// # Errors
    /// The signal could not be sent.
    pub fn restart(&mut self, process: &ProcessName) -> Result<Vec<Observation>> {
        let told = self.stop(process)?;
        if let Some(slot) = self.slots.get_mut(process) {
            slot.start_when_gone = true;
        }
        Ok(told)
    }

    /// SIGKILL; a frozen process dies too.
    ///
    /// # Errors
    /// It does not run, or the signal could not be sent.
    pub fn kill(&mut self, process: &ProcessName) -> Result<()> {
        self.running(process)?.signal(Signal::SIGKILL)
    }

    /// SIGTERM. A frozen process is thawed, or it could not heed it.
    ///
    /// # Errors
    /// It does not run, or the signal could not be sent.
    pub fn stop(&mut self, process: &ProcessName) -> Result<Vec<Observation>> {
        self.running(process)?.signal(Signal::SIGTERM)?;
        if self.is_frozen(process) {
            return self.thaw(process);
        }
        Ok(Vec::new())
    }

    /// SIGSTOP.
    ///
    /// # Errors
    /// It does not run, or the signal could not be sent.
    pub fn freeze(&mut self, process: &ProcessName) -> Result<Vec<Observation>> {
        self.running(process)?.signal(Signal::SIGSTOP)?;
        self.set_frozen(process, true);
        Ok(vec![changed(process, ProcessChange::Frozen)])
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// It does not run, or the signal could not be sent.
    pub fn thaw(&mut self, process: &ProcessName) -> Result<Vec<Observation>> {
        self.running(process)?.signal(Signal::SIGCONT)?;
        self.set_frozen(process, false);
        Ok(vec![changed(process, ProcessChange::Thawed)])
    }

    pub(super) fn set_frozen(&mut self, process: &ProcessName, frozen: bool) {
        if let Some(slot) = self.slots.get_mut(process) {
            slot.frozen = frozen;
        }
    }
}
