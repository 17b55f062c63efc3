//! Records the screen while it is asked to: every frame as the terminal got it.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ratatui::buffer::Buffer;

use super::{
    Frames,
    cast::Cast,
    file::{Kind, new_file},
    shot::whole_frame,
};

/// Whoever records, or not.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    frames: Frames,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    cast: Cast,
    path: PathBuf,
    size: (u16, u16),
}

impl Recorder {
    /// What the terminal's writer copies into.
    pub(crate) fn frames(&self) -> Frames {
        self.frames.clone()
    }

    /// Whether it records.
    pub(crate) fn is_on(&self) -> bool {
        self.running.is_some()
    }

    /// Begins with the screen as it is; returns the file.
    ///
    /// # Errors
    /// The file is there already or cannot be written.
    pub(crate) fn begin(
        &mut self,
        asked: Option<&str>,
        cluster: &str,
        screen: &Buffer,
    ) -> Result<PathBuf> {
        let (path, file) = new_file(asked.map(Path::new), cluster, Kind::Cast)?;
        let size = (screen.area.width, screen.area.height);
        let cast = whole_frame(screen).and_then(|first| {
            let mut cast = Cast::begin(file, size, &format!("kafkarium {cluster}"))?;
            cast.output(&first)?;
            Ok(cast)
        });
        let cast = cast.with_context(|| format!("cannot write {}", path.display()))?;
        self.frames.begin();
        self.running = Some(Running {
            cast,
            path: path.clone(),
            size,
        });
        Ok(path)
    }

    /// Ends; says what there is now.
    pub(crate) fn end(&mut self) -> Option<String> {
        self.frames.end();
        let ended = self.running.take()?;
        let seconds = ended.cast.length().as_secs_f64();
        Some(format!(
            "recorded {seconds:.1} s of the screen: {}",
            ended.path.display()
        ))
    }

    /// A frame was drawn. Says so where that ended the recording.
    pub(crate) fn drawn(&mut self, size: (u16, u16)) -> Option<String> {
        let running = self.running.as_mut()?;
        let bytes = self.frames.take();
        let resized = running.size != size;
        running.size = size;
        let written = if resized {
            running.cast.resized(size)
        } else {
            Ok(())
        };
        let written = written.and_then(|()| match bytes.as_slice() {
            [] => Ok(()),
            bytes => running.cast.output(bytes),
        });
        self.go_on(written)
    }

    /// Something was done. Says so where that ended the recording.
    pub(crate) fn mark(&mut self, label: &str) -> Option<String> {
        let written = self.running.as_mut()?.cast.mark(label);
        self.go_on(written)
    }

    fn go_on(&mut self, written: io::Result<()>) -> Option<String> {
        let why = match written {
            Err(error) => format!("the disk says: {error}"),
            Ok(()) if self.running.as_ref()?.cast.is_full() => "it is as large as it may be".into(),
            Ok(()) => return None,
        };
        Some(format!("{} ({why})", self.end()?))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use ratatui::{Terminal, TerminalOptions, Viewport, backend::CrosstermBackend, layout::Rect};
    use serde_json::Value;

    use super::Recorder;
    use crate::{
        recording::Tee,
        state::Appearance,
        ui::{
            draw,
            tests::{frame, session::Session, text},
        },
    };

    /// The recording, played on another terminal.
    fn played(cast: &str) -> String {
        let mut terminal = vt100::Parser::new(36, 120, 0);
        for line in cast.lines().skip(1) {
            let line: Value = serde_json::from_str(line).expect("JSON");
            let data = line[2].as_str().expect("text");
            match line[1].as_str() {
                Some("o") => terminal.process(data.as_bytes()),
                Some("r") => {
                    let (columns, rows) = data.split_once('x').expect("a size");
                    let (columns, rows) = (columns.parse(), rows.parse());
                    terminal
                        .screen_mut()
                        .set_size(rows.expect("rows"), columns.expect("columns"));
                }
                _ => {}
            }
        }
        terminal.screen().contents()
    }

    #[test]
    fn a_recording_played_on_a_terminal_is_the_screen_after_every_frame() {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let path = folder.path().join("demo.cast");
        let asked = path.to_str().expect("text");
        let mut recorder = Recorder::default();
        let out = Tee::new(std::io::sink(), recorder.frames());
        let whole = TerminalOptions {
            viewport: Viewport::Fixed(Rect::new(0, 0, 120, 36)),
        };
        let mut terminal =
            Terminal::with_options(CrosstermBackend::new(out), whole).expect("nothing to ask");
        let mut session = Session::new((120, 36), Appearance::default());
        session.all_ready();
        let mut compare = |session: &Session, recorder: &mut Recorder, begin: bool| {
            let shown = terminal.draw(|frame| draw(&session.state, frame));
            let shown = shown.expect("a sink takes all").buffer.clone();
            terminal.backend_mut().flush().expect("a sink takes all");
            if begin {
                recorder
                    .begin(Some(asked), "demo", &shown)
                    .expect("a new file");
            } else {
                assert_eq!(recorder.drawn((120, 36)), None);
            }
            let cast = std::fs::read_to_string(&path).expect("it is there");
            let screen = text(&frame(&session.state));
            let screen: Vec<&str> = screen.lines().map(str::trim_end).collect();
            let played = played(&cast);
            let played: Vec<&str> = played.lines().map(str::trim_end).collect();
            assert_eq!(played, screen);
        };
        compare(&session, &mut recorder, true);
        session.later(1000).press('+');
        compare(&session, &mut recorder, false);
        for key in "3x?".chars() {
            session.later(500).press(key);
            compare(&session, &mut recorder, false);
        }
        assert_eq!(recorder.mark("kill broker 3"), None);
        assert!(recorder.end().expect("it went on").contains("demo.cast"));
        assert_eq!(
            recorder.drawn((120, 36)),
            None,
            "nothing is recorded any more"
        );
    }
}
