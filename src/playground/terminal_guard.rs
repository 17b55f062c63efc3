//! Who gives the terminal back when this process is killed with -9 and cannot: a waiting shell.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Waits for a word or for our death. After the latter: shows the cursor, leaves the alternate
/// screen, ends bracketed paste and the keyboard flags, and sets the terminal as it was, unless the
/// user's own shell was faster (it then no longer has `-opost`, which only a full-screen program sets).
/// Its own process group keeps the terminal's signals away, and a background process may only
/// write to the terminal while it ignores SIGTTOU.
const SCRIPT: &str = r#"trap '' HUP INT TERM TTOU TTIN
read -r word
[ "$word" = given-back ] && exit 0
exec </dev/tty >/dev/tty 2>/dev/null || exit 0
printf '\033[<u\033[?2004l\033[?25h\033[?1049l'
case "$(stty -a)" in *-opost*) stty "$1" ;; esac
"#;

/// The waiting shell. It ends with a word when this is dropped, without one when we are killed.
#[derive(Debug)]
pub(super) struct TerminalGuard {
    shell: Child,
    word: Option<ChildStdin>,
}

impl TerminalGuard {
    /// Posts the guard, while the terminal is still as the user left it. Without `sh` and `stty`
    /// there is none, and only a kill -9 leaves the terminal in disorder.
    pub(super) fn post() -> Option<Self> {
        let as_it_was = Command::new("stty")
            .arg("-g")
            .stdin(Stdio::inherit())
            .output()
            .ok()?;
        let as_it_was = String::from_utf8(as_it_was.stdout).ok()?;
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh", as_it_was.trim()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .ok()?;
        let word = shell.stdin.take();
        Some(Self { shell, word })
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        if let Some(mut word) = self.word.take() {
            let _ = word.write_all(b"given-back\n");
        }
        let _ = self.shell.wait();
    }
}
