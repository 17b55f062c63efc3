//! A picture of the screen: as text, and with its colours for a terminal.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ratatui::{
    backend::{Backend, CrosstermBackend},
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr;

use super::file::{Kind, new_file};

/// Writes both; returns their names.
///
/// # Errors
/// A file is there already or cannot be written.
pub(crate) fn write(
    asked: Option<&str>,
    cluster: &str,
    buffer: &Buffer,
) -> Result<(PathBuf, PathBuf)> {
    let asked = asked.map(Path::new);
    let named = |ending| asked.map(|path| path.with_extension(ending));
    let (text_path, mut text_file) = new_file(named("txt").as_deref(), cluster, Kind::Text)?;
    // The same name for both, also where it was found by us.
    let ansi_path = text_path.with_extension("ansi");
    let (ansi_path, mut ansi_file) = new_file(Some(&ansi_path), cluster, Kind::Ansi)?;
    text_file
        .write_all(text(buffer).as_bytes())
        .with_context(|| format!("cannot write {}", text_path.display()))?;
    ansi_file
        .write_all(ansi(buffer).as_bytes())
        .with_context(|| format!("cannot write {}", ansi_path.display()))?;
    Ok((text_path, ansi_path))
}

/// The bytes that draw the whole screen on a terminal that shows something else.
pub(super) fn whole_frame(buffer: &Buffer) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut backend = CrosstermBackend::new(&mut bytes);
    backend.hide_cursor()?;
    backend.clear()?;
    let blank = Buffer::empty(buffer.area);
    backend.draw(blank.diff(buffer).into_iter())?;
    Ok(bytes)
}

fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in rows(buffer) {
        let row: String = row.into_iter().map(Cell::symbol).collect();
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

fn ansi(buffer: &Buffer) -> String {
    let mut ansi = String::new();
    for row in rows(buffer) {
        let mut style = String::new();
        for cell in row {
            let wanted = sgr(cell);
            if wanted != style {
                let _ = write!(ansi, "\x1b[0{wanted}m");
                style = wanted;
            }
            ansi.push_str(cell.symbol());
        }
        ansi.push_str("\x1b[0m\n");
    }
    ansi
}

/// The cells of each row that carry a sign; a wide one covers the cell after it.
fn rows(buffer: &Buffer) -> Vec<Vec<&Cell>> {
    let width = usize::from(buffer.area.width).max(1);
    let row = |cells: &'_ [Cell]| {
        let mut covered = 0;
        let mut kept = Vec::new();
        for (index, cell) in cells.iter().enumerate() {
            if covered > 0 {
                covered -= 1;
                continue;
            }
            covered = cell.symbol().width().saturating_sub(1);
            kept.push(index);
        }
        kept
    };
    buffer
        .content
        .chunks(width)
        .map(|cells| {
            row(cells)
                .into_iter()
                .filter_map(|at| cells.get(at))
                .collect()
        })
        .collect()
}

/// The parameters of a cell's style, each after a semicolon.
fn sgr(cell: &Cell) -> String {
    const MODIFIERS: [(Modifier, u8); 8] = [
        (Modifier::BOLD, 1),
        (Modifier::DIM, 2),
        (Modifier::ITALIC, 3),
        (Modifier::UNDERLINED, 4),
        (Modifier::SLOW_BLINK, 5),
        (Modifier::REVERSED, 7),
        (Modifier::HIDDEN, 8),
        (Modifier::CROSSED_OUT, 9),
    ];
    let mut codes = String::new();
    for (modifier, code) in MODIFIERS {
        if cell.modifier.contains(modifier) {
            let _ = write!(codes, ";{code}");
        }
    }
    color(&mut codes, cell.fg, 30);
    color(&mut codes, cell.bg, 40);
    codes
}

/// `ground` is 30 for the sign and 40 for what is behind it.
fn color(codes: &mut String, color: Color, ground: u8) {
    let ansi = |number: u8| match number {
        0..8 => ground + number,
        _ => ground + 60 + (number - 8),
    };
    let number = match color {
        Color::Reset => return,
        Color::Rgb(red, green, blue) => {
            let _ = write!(codes, ";{};2;{red};{green};{blue}", ground + 8);
            return;
        }
        Color::Indexed(index) => {
            let _ = write!(codes, ";{};5;{index}", ground + 8);
            return;
        }
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    let _ = write!(codes, ";{}", ansi(number));
}

#[cfg(test)]
mod tests {
    use ratatui::{buffer::Buffer, layout::Rect, style::Style};

    use super::{ansi, color, text, whole_frame};
    use crate::{
        state::Appearance,
        ui::tests::{frame, session::Session},
    };

    /// Both pictures, drawn by a terminal, against the screen.
    #[test]
    fn a_picture_drawn_by_a_terminal_is_the_screen() {
        let mut session = Session::new((120, 36), Appearance::default());
        session.rebalancing();
        let screen = frame(&session.state);
        let mut whole = vt100::Parser::new(36, 120, 0);
        whole.process(&whole_frame(&screen).expect("memory takes it"));
        let mut shot = vt100::Parser::new(37, 120, 0);
        shot.process(ansi(&screen).replace('\n', "\r\n").as_bytes());
        for (y, row) in text(&screen).lines().enumerate() {
            let y = u16::try_from(y).expect("a row");
            let columns = 0..120;
            let drawn: String = columns
                .map(|x| {
                    shot.screen()
                        .cell(y, x)
                        .expect("a cell")
                        .contents()
                        .to_owned()
                })
                .map(|sign| if sign.is_empty() { " ".into() } else { sign })
                .collect();
            assert_eq!(drawn.trim_end(), row);
            for x in 0..120 {
                let (one, other) = (whole.screen().cell(y, x), shot.screen().cell(y, x));
                let (one, other) = (one.expect("a cell"), other.expect("a cell"));
                let look = |cell: &vt100::Cell| {
                    (cell.fgcolor(), cell.bgcolor(), cell.bold(), cell.inverse())
                };
                assert_eq!(look(one), look(other), "{x},{y}");
                assert_eq!(one.contents().trim(), other.contents().trim(), "{x},{y}");
            }
        }
    }

    #[test]
    fn a_wide_sign_covers_two_cells_and_colours_have_numbers() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
        buffer.set_string(0, 0, "語a", Style::new());
        assert_eq!(text(&buffer), "語a\n");
        let mut codes = String::new();
        color(&mut codes, ratatui::style::Color::LightRed, 40);
        color(&mut codes, ratatui::style::Color::Indexed(75), 30);
        assert_eq!(codes, ";101;38;5;75");
    }
}
