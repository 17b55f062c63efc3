//! A pseudo-terminal with a screen in it: what a person sees and presses, without the person.

use std::{
    ffi::OsStr,
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

/// How long a screen may take to show what is waited for, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Between two presses of one key by a hand.
const HAND: Duration = Duration::from_millis(250);

/// A program on a screen of its own, in folders of its own.
pub struct Terminal {
    screen: Arc<Screen>,
    keys: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    home: TempDir,
}

/// What the reader thread drew, and the bell it rings for each piece.
struct Screen {
    parser: Mutex<Drawn>,
    changed: Condvar,
}

struct Drawn {
    parser: vt100::Parser,
    /// Everything the program wrote.
    written: Vec<u8>,
    /// The program's end of the terminal is closed.
    ended: bool,
}

impl Terminal {
    /// Starts `program` with `arguments` on a screen of `columns` x `rows`.
    pub fn start<S: AsRef<OsStr>>(
        program: &Path,
        arguments: &[S],
        columns: u16,
        rows: u16,
    ) -> Self {
        let home = TempDir::new().expect("a temporary folder");
        Self::start_in(home, program, arguments, columns, rows)
    }

    /// The same in a home folder that already holds something.
    pub fn start_in<S: AsRef<OsStr>>(
        home: TempDir,
        program: &Path,
        arguments: &[S],
        columns: u16,
        rows: u16,
    ) -> Self {
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        Self::run(home, command, columns, rows)
    }

    /// The same, with other variables in its environment.
    pub fn start_as<S: AsRef<OsStr>>(
        variables: &[(&str, &str)],
        program: &Path,
        arguments: &[S],
        (columns, rows): (u16, u16),
    ) -> Self {
        let home = TempDir::new().expect("a temporary folder");
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        Self::run_as(home, command, variables, columns, rows)
    }

    /// Starts a shell that finds `program` by its name: bash as VHS starts it, with VHS's prompt.
    pub fn start_shell(program: &Path, columns: u16, rows: u16) -> Self {
        let home = TempDir::new().expect("a temporary folder");
        let mut command = CommandBuilder::new("bash");
        command.args(["--noprofile", "--norc", "--login", "+o", "history"]);
        let folder = program
            .parent()
            .expect("the program is in a folder")
            .display();
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{folder}:{path}"));
        command.env("PS1", "\\[\\e[38;2;90;86;224m\\]> \\[\\e[0m\\]");
        Self::run(home, command, columns, rows)
    }

    fn run(home: TempDir, command: CommandBuilder, columns: u16, rows: u16) -> Self {
        Self::run_as(home, command, &[], columns, rows)
    }

    fn run_as(
        home: TempDir,
        mut command: CommandBuilder,
        variables: &[(&str, &str)],
        columns: u16,
        rows: u16,
    ) -> Self {
        let pair = native_pty_system()
            .openpty(size(columns, rows))
            .expect("a pseudo-terminal");
        command.cwd(home.path());
        for (name, value) in environment(home.path()) {
            command.env(name, value);
        }
        command.env_remove("NO_COLOR");
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair
            .slave
            .spawn_command(command)
            .expect("the program starts");
        drop(pair.slave);
        let screen = Arc::new(Screen {
            parser: Mutex::new(Drawn {
                parser: vt100::Parser::new(rows, columns, 0),
                written: Vec::new(),
                ended: false,
            }),
            changed: Condvar::new(),
        });
        let mut output = pair.master.try_clone_reader().expect("a reader");
        let drawn = Arc::clone(&screen);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                let mut state = drawn.parser.lock().expect("no reader panicked");
                state.parser.process(&bytes[..count]);
                state.written.extend_from_slice(&bytes[..count]);
                drawn.changed.notify_all();
            }
            drawn.parser.lock().expect("no reader panicked").ended = true;
            drawn.changed.notify_all();
        });
        Self {
            screen,
            keys: pair.master.take_writer().expect("a writer"),
            master: pair.master,
            child,
            home,
        }
    }

    /// Sends keys as they come from a keyboard.
    pub fn press(&mut self, keys: &str) {
        self.keys
            .write_all(keys.as_bytes())
            .expect("the terminal takes keys");
        self.keys.flush().expect("the terminal takes keys");
    }

    /// Sends the keys one after another with the time between them that a hand takes: the same key sooner
    /// than 80 ms after its last counts as held down.
    pub fn press_by_hand(&mut self, keys: &[&str]) {
        for key in keys {
            thread::park_timeout(HAND);
            self.press(key);
        }
    }

    /// Waits until the screen's text satisfies `holds`; returns that text.
    ///
    /// # Panics
    /// With the last screen, where it does not within [`PATIENCE`].
    pub fn wait_until(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        self.wait_within(PATIENCE, what, holds)
    }

    /// [`Self::wait_until`] with another limit.
    pub fn wait_within(
        &self,
        patience: Duration,
        what: &str,
        holds: impl Fn(&str) -> bool,
    ) -> String {
        self.wait_drawn(patience, what, |screen| holds(&screen.contents()))
    }

    /// Waits until the screen's lines, without the blanks at their ends, and the line of the cursor satisfy `holds`.
    pub fn wait_for_lines(
        &self,
        patience: Duration,
        what: &str,
        holds: impl Fn(&[String], usize) -> bool,
    ) {
        self.wait_drawn(patience, what, |screen| {
            let (_, columns) = screen.size();
            let lines = screen.rows(0, columns);
            let lines: Vec<String> = lines.map(|line| line.trim_end().to_owned()).collect();
            holds(&lines, screen.cursor_position().0.into())
        });
    }

    fn wait_drawn(
        &self,
        patience: Duration,
        what: &str,
        holds: impl Fn(&vt100::Screen) -> bool,
    ) -> String {
        let deadline = Instant::now() + patience;
        let mut state = self.screen.parser.lock().expect("no reader panicked");
        loop {
            let screen = state.parser.screen();
            let text = screen.contents();
            if holds(screen) {
                return text;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "waited {patience:?} for {what}; the screen:\n{text}"
            );
            assert!(
                !state.ended,
                "the program ended before {what}; the screen:\n{text}"
            );
            state = self
                .screen
                .changed
                .wait_timeout(state, left.min(Duration::from_secs(1)))
                .expect("no reader panicked")
                .0;
        }
    }

    /// Waits until the screen shows `text` somewhere.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_until(&format!("{text:?}"), |screen| screen.contains(text))
    }

    /// The screen's text now.
    pub fn text(&self) -> String {
        self.screen
            .parser
            .lock()
            .expect("no reader panicked")
            .parser
            .screen()
            .contents()
    }

    /// Every byte the program wrote to the terminal so far.
    pub fn written(&self) -> Vec<u8> {
        let drawn = self.screen.parser.lock().expect("no reader panicked");
        drawn.written.clone()
    }

    /// Writes over the screen, as another program on the same terminal does.
    pub fn scribble(&self, text: &str) {
        let mut drawn = self.screen.parser.lock().expect("no reader panicked");
        // Somewhere in the middle, with the cursor saved and restored.
        let bytes = format!("\x1b7\x1b[20;5H{text}\x1b8");
        drawn.parser.process(bytes.as_bytes());
    }

    /// Gives the window another size, as a person does who drags its corner.
    pub fn resize(&self, columns: u16, rows: u16) {
        let mut drawn = self.screen.parser.lock().expect("no reader panicked");
        drawn.parser.screen_mut().set_size(rows, columns);
        drop(drawn);
        self.master
            .resize(size(columns, rows))
            .expect("the terminal takes another size");
    }

    /// The program's process id.
    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("the program was started")
    }

    /// The folder that stands for the user's home.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Waits for the program's end; returns how it ended and the home folder.
    pub fn wait_for_end(mut self) -> (ExitStatus, TempDir) {
        let status = wait_until_some("the program to end", || {
            self.child.try_wait().expect("the program is our child")
        });
        let home = std::mem::replace(&mut self.home, TempDir::new().expect("a temporary folder"));
        (status, home)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Already ended is the usual case; the kill is for a test that failed half-way.
        let _ = self.child.kill();
    }
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

/// What makes a program live below `home` and nowhere else.
pub fn environment(home: &Path) -> Vec<(&'static str, PathBuf)> {
    let temporary = home.join("tmp");
    fs::create_dir_all(&temporary).expect("the home folder is writable");
    vec![
        ("TMPDIR", temporary),
        ("HOME", home.to_path_buf()),
        ("XDG_DATA_HOME", home.join("data")),
        ("XDG_CONFIG_HOME", home.join("config")),
        ("XDG_RUNTIME_DIR", home.join("run")),
        ("TERM", "xterm-256color".into()),
        ("COLORTERM", "truecolor".into()),
        ("LANG", "C.UTF-8".into()),
    ]
}

/// Waits until `look` finds something.
///
/// # Panics
/// Where it does not within [`PATIENCE`].
pub fn wait_until_some<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// The live processes that have `home` as their home folder, by their command lines.
pub fn processes_of(home: &Path) -> Vec<String> {
    let home = format!("HOME={}\0", home.display());
    fs::read_dir("/proc")
        .expect("/proc is readable")
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let environment = fs::read(path.join("environ")).ok()?;
            let command = fs::read(path.join("cmdline")).ok()?;
            // What ended and is not yet waited for has neither.
            String::from_utf8_lossy(&environment)
                .contains(&home)
                .then(|| String::from_utf8_lossy(&command).replace('\0', " "))
        })
        .collect()
}

/// Waits until no process is left that works below `home`.
pub fn wait_until_nothing_runs(home: &Path) {
    wait_until_some(
        &format!("the end of all processes; now {:?}", processes_of(home)),
        || processes_of(home).is_empty().then_some(()),
    );
}
