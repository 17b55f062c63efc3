//! Writes a session into its file while the loop goes on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::task::JoinSet;

use super::file::{Kind, new_file};
use super::session_file;
use crate::state::{Observation, Page};

/// At most one session is being written: a second would only take the disk from the first.
#[derive(Debug, Default)]
pub(crate) struct Saver {
    writing: JoinSet<Observation>,
}

impl Saver {
    /// Begins to write these pages; what cannot begin is told at once, all else by `done`.
    pub(crate) fn save(
        &mut self,
        file: Option<String>,
        cluster: &str,
        pages: Vec<Arc<Page>>,
    ) -> Option<Observation> {
        let (file, cluster) = (file.map(PathBuf::from), cluster.to_owned());
        self.begin(move || save(file.as_deref(), &cluster, &pages))
    }

    fn begin(
        &mut self,
        write: impl FnOnce() -> Result<String> + Send + 'static,
    ) -> Option<Observation> {
        if !self.writing.is_empty() {
            let words = "a session is being saved: this one after it, save again";
            return Some(Observation::NotKept(words.to_owned()));
        }
        self.writing.spawn_blocking(move || match write() {
            Ok(say) => Observation::Kept(say),
            Err(error) => Observation::NotKept(format!("{error:#}")),
        });
        None
    }

    /// What came of the session that is being written. While there is none it does not return.
    pub(crate) async fn done(&mut self) -> Observation {
        match self.writing.join_next().await {
            Some(Ok(told)) => told,
            Some(Err(error)) => Observation::NotKept(format!("the session is not saved: {error}")),
            None => std::future::pending().await,
        }
    }

    /// Waits for what is being written, at the end of everything.
    pub(crate) async fn finish(mut self) -> Option<Observation> {
        if self.writing.is_empty() {
            return None;
        }
        Some(self.done().await)
    }
}

fn save(file: Option<&Path>, cluster: &str, pages: &[Arc<Page>]) -> Result<String> {
    let (path, out) = new_file(file, cluster, Kind::Session)?;
    let written = session_file::write(out, pages);
    if written.is_err() {
        // Half a session is none. Where even that cannot be removed the first reason is the one to tell.
        let _ = std::fs::remove_file(&path);
    }
    let bytes = written.with_context(|| format!("cannot write {}", path.display()))?;
    Ok(format!(
        "session saved, {} KB:  kafkarium replay {}",
        bytes.div_ceil(1024),
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::Saver;
    use crate::state::{Appearance, Observation};
    use crate::ui::tests::session::Session;

    #[tokio::test]
    async fn nobody_waits_for_the_disk_but_who_quits() {
        let mut saver = Saver::default();
        let (disk, answers) = mpsc::sync_channel(1);
        let slow = saver.begin(move || Ok(answers.recv()?));
        assert!(slow.is_none(), "it has begun, and the loop goes on");
        let second = saver.begin(|| Ok("too much".to_owned()));
        assert!(matches!(second, Some(Observation::NotKept(_))));
        disk.send("saved".to_owned()).expect("it is waited for");
        let told = saver.finish().await;
        assert_eq!(told, Some(Observation::Kept("saved".into())));
        assert_eq!(Saver::default().finish().await, None);
    }

    #[tokio::test]
    async fn a_session_is_saved_once_and_nothing_is_written_over() {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let path = folder.path().join("demo.session");
        let file = Some(path.to_string_lossy().into_owned());
        let mut session = Session::new((120, 36), Appearance::default());
        session.rebalancing();
        let mut saver = Saver::default();
        for ends in ["session saved, ", "is there already: say another name"] {
            let pages = session.state.past.history.pages();
            assert_eq!(saver.save(file.clone(), "demo", pages), None);
            let (Observation::Kept(said) | Observation::NotKept(said)) = saver.done().await else {
                panic!("a session is saved, or it is not");
            };
            assert!(said.contains(ends), "{said}");
        }
        super::session_file::read(&path).expect("the first one is whole");
    }
}
