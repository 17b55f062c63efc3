//! The terminal: taken over as a whole, and given back as it was on every way out.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use base64::Engine;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, Event,
    KeyboardEnhancementFlags, PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tokio::sync::mpsc;

use super::input;
use super::recording::{Frames, Tee};
use super::state::{Appearance, Depth, Glyphs, Scheme};
use super::terminal_guard::TerminalGuard;

/// Bytes of a frame that are collected before they are written: a whole screen of changes.
const FRAME_BYTES: usize = 64 * 1024;

/// Whether the screen is ours; the panic hook and the signals' way out look here.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether the terminal tells us of the mouse; on every way out it gets it back.
static MOUSE: AtomicBool = AtomicBool::new(false);

type Backend = CrosstermBackend<Tee<BufWriter<Stdout>>>;

/// The screen, given back when this is dropped.
pub(super) struct Screen {
    terminal: ratatui::Terminal<Backend>,
    /// Dropped after our own `drop`, which gives the terminal back in order.
    _raw: RawMode,
}

/// A terminal whose keys come to us one by one and unseen, while it still shows what it showed before. Without a
/// pause until the screen is taken too: what it answers must neither be echoed nor wait for the enter key.
#[derive(Debug)]
pub(super) struct TakenKeys {
    inputs: mpsc::Receiver<Event>,
    appearance: Appearance,
    raw: RawMode,
}

impl TakenKeys {
    /// What this terminal can show.
    pub(super) fn appearance(&self) -> Appearance {
        self.appearance
    }
}

/// Ended when this is dropped.
#[derive(Debug)]
struct RawMode {
    /// Dropped after our own `drop`: it watches until all is given back.
    _guard: Option<TerminalGuard>,
}

impl RawMode {
    fn enter() -> Result<Self> {
        give_back_on_panic();
        let guard = TerminalGuard::post();
        enable_raw_mode().context("cannot take the terminal over")?;
        Ok(Self { _guard: guard })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = disable_raw_mode();
    }
}

/// Takes the keys over, and asks for the background where nothing else tells it.
///
/// # Errors
/// The terminal gives nothing away.
pub(super) fn take_keys(reduced_motion: bool) -> Result<TakenKeys> {
    let raw = RawMode::enter()?;
    let told = if variable("NO_COLOR").is_empty() {
        background_by_environment()
    } else {
        Some(Scheme::Mono)
    };
    let ask = told.is_none() && may_be_asked(&variable("TERM"));
    let (inputs, answered) = input::read(ask)?;
    let scheme = told.or(answered).unwrap_or(Scheme::Dark);
    Ok(TakenKeys {
        inputs,
        appearance: appearance(scheme, reduced_motion),
        raw,
    })
}

impl Screen {
    /// Takes the rest of the terminal over; `frames` can have a copy of what it gets. What comes from it comes
    /// out.
    pub(super) fn take(keys: TakenKeys, frames: Frames) -> Result<(Self, mpsc::Receiver<Event>)> {
        take().context("cannot take the terminal over")?;
        let out = BufWriter::with_capacity(FRAME_BYTES, io::stdout());
        let backend = CrosstermBackend::new(Tee::new(out, frames));
        let terminal = ratatui::Terminal::new(backend).context("cannot draw on the terminal")?;
        let TakenKeys { inputs, raw, .. } = keys;
        Ok((
            Self {
                terminal,
                _raw: raw,
            },
            inputs,
        ))
    }

    /// Draws one frame; returns what the screen shows now.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut ratatui::Frame<'_>)) -> Result<&Buffer> {
        let completed = self.terminal.draw(draw);
        Ok(completed.context("cannot draw on the terminal")?.buffer)
    }

    /// Draws everything anew at the next frame, in the size that the window has now.
    ///
    /// Not by ratatui's `clear`, which asks the terminal where its cursor stands: the thread that reads keys
    /// waits for the terminal already, so the answer never comes and the question fails.
    pub(super) fn clear(&mut self) -> Result<()> {
        let area = self
            .terminal
            .size()
            .map(|size| Rect::from((Position::ORIGIN, size)));
        area.and_then(|area| self.terminal.resize(area))
            .context("cannot draw on the terminal")
    }

    /// Gives the terminal back, stops this process until the shell's `fg`, and takes it again.
    pub(super) fn suspend(&mut self, say: &str) -> Result<()> {
        give_back();
        let _ = writeln!(io::stdout(), "{say}");
        // To the whole group, as the terminal itself does with ^Z: a shell script that started
        // us waits with us. The children have their own groups and run on.
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(0),
            nix::sys::signal::Signal::SIGTSTP,
        )
        .context("cannot leave the screen")?;
        take().context("cannot take the terminal over again")?;
        self.clear()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Puts text on the clipboard of whoever sits at the terminal, also over ssh (OSC 52).
pub(super) fn copy(text: &str) -> Result<()> {
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    let mut stdout = io::stdout().lock();
    write!(stdout, "\x1b]52;c;{encoded}\x07")
        .and_then(|()| stdout.flush())
        .context("cannot write to the terminal")
}

/// Takes the mouse from the terminal, or gives it back.
pub(super) fn follow_mouse(follow: bool) -> Result<()> {
    MOUSE.store(follow, Ordering::SeqCst);
    let mut stdout = io::stdout();
    let done = if follow {
        execute!(stdout, EnableMouseCapture)
    } else {
        execute!(stdout, DisableMouseCapture)
    };
    done.context("cannot write to the terminal")
}

fn take() -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    let mut stdout = io::stdout();
    execute!(
        stdout,
        EnterAlternateScreen,
        cursor::Hide,
        EnableBracketedPaste
    )?;
    if knows_escape_sequences() {
        // Told without asking whether it is understood: the question can cost two seconds where
        // nobody answers, and who does not know the sequence ignores it.
        let flags = KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES
            | KeyboardEnhancementFlags::REPORT_EVENT_TYPES;
        execute!(stdout, PushKeyboardEnhancementFlags(flags))?;
    }
    if MOUSE.load(Ordering::SeqCst) {
        execute!(stdout, EnableMouseCapture)?;
    }
    Ok(())
}

/// Gives the terminal back if it is ours; does nothing the second time.
fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut stdout = io::stdout();
    if MOUSE.load(Ordering::SeqCst) {
        let _ = execute!(stdout, DisableMouseCapture);
    }
    if knows_escape_sequences() {
        let _ = execute!(stdout, PopKeyboardEnhancementFlags);
    }
    let _ = execute!(
        stdout,
        DisableBracketedPaste,
        cursor::Show,
        LeaveAlternateScreen
    );
    let _ = disable_raw_mode();
}

/// The hook runs before an abort too, so the message is readable and the shell usable.
fn give_back_on_panic() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        let _ = disable_raw_mode();
        hook(panic);
    }));
}

/// The Linux console prints parts of sequences that it does not know.
fn knows_escape_sequences() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term != "linux")
}

/// Whether there is a person at a terminal, on both ends.
pub(super) fn is_there() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdin().is_terminal() && io::stdout().is_terminal() && !dumb
}

/// Columns and rows.
pub(super) fn size() -> (u16, u16) {
    crossterm::terminal::size().unwrap_or((80, 24))
}

/// What this terminal can show, apart from its background.
fn appearance(scheme: Scheme, reduced_motion: bool) -> Appearance {
    let term = variable("TERM");
    let depth = match variable("COLORTERM").as_str() {
        "truecolor" | "24bit" => Depth::True,
        _ if term == "linux" || term == "xterm" || term == "vt100" => Depth::Ansi,
        _ => Depth::Indexed,
    };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .map(variable)
        .find(|value| !value.is_empty())
        .unwrap_or_default()
        .to_ascii_lowercase();
    // Without any locale the terminal's own habit is the better guess, and that is UTF-8.
    let utf8 = locale.is_empty() || locale.contains("utf-8") || locale.contains("utf8");
    let glyphs = if term == "linux" || !utf8 {
        Glyphs::Ascii
    } else {
        Glyphs::Unicode
    };
    Appearance {
        scheme,
        depth,
        glyphs,
        reduced_motion,
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// `COLORFGBG=15;0`: the last number is the background, in the sixteen colours.
fn background_by_environment() -> Option<Scheme> {
    let colors = std::env::var("COLORFGBG").ok()?;
    let background: u8 = colors.rsplit(';').next()?.parse().ok()?;
    Some(if matches!(background, 7 | 15) {
        Scheme::Light
    } else {
        Scheme::Dark
    })
}

/// Whether this terminal may be asked for its background. The Linux console prints what it does not know, GNU
/// Screen lets every terminal that it is attached to answer, and Eterm never answers.
fn may_be_asked(term: &str) -> bool {
    !matches!(term, "" | "linux" | "screen" | "Eterm") && !term.starts_with("screen.")
}
