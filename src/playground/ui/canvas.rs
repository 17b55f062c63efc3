//! Text on cells: everything is clipped to its area, nothing is drawn twice.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::theme::{Look, Role};
use crate::state::Action;
use wire::shown;

/// A line's words, each with its role.
pub type Pieces = Vec<(Role, String)>;

/// A buffer with a look.
pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    /// How roles look.
    pub look: Look<'a>,
    /// What a click means where, outer places first; kept only for who asks.
    spots: Option<Vec<(Rect, Action)>>,
}

/// The frame of a pane.
#[derive(Debug, Default)]
pub struct Frame<'a> {
    /// The title, in pieces.
    pub title: Vec<(Role, String)>,
    /// What stands at the right of the top line.
    pub note: &'a str,
    /// Whether the pane has the focus.
    pub focused: bool,
    /// Whether it is drawn dashed: nothing lives inside.
    pub dashed: bool,
}

impl<'a> Canvas<'a> {
    /// A canvas on this buffer.
    pub fn new(buffer: &'a mut Buffer, look: Look<'a>) -> Self {
        if let Some(background) = look.background() {
            buffer.set_style(buffer.area, background);
        }
        Self {
            buffer,
            look,
            spots: None,
        }
    }

    /// The same, which keeps what a click means.
    pub fn with_spots(buffer: &'a mut Buffer, look: Look<'a>) -> Self {
        Self {
            spots: Some(Vec::new()),
            ..Self::new(buffer, look)
        }
    }

    /// A click here means this.
    pub fn spot(&mut self, area: Rect, action: impl FnOnce() -> Action) {
        if let Some(spots) = &mut self.spots {
            spots.push((area, action()));
        }
    }

    /// What a click at this place means, the outermost first.
    pub fn spots_at(self, at: Position) -> Vec<Action> {
        let spots = self.spots.into_iter().flatten();
        spots
            .filter(|(area, _)| area.contains(at))
            .map(|(_, action)| action)
            .collect()
    }

    /// Writes text at a place, not beyond `end`, and returns the column behind it.
    pub fn text(&mut self, x: u16, y: u16, end: u16, text: &str, role: Role) -> u16 {
        if x >= end || y >= self.buffer.area.bottom() {
            return x;
        }
        let room = usize::from(end - x);
        let style = self.look.style(role);
        let text = shown::line(text);
        let (after, _) = self.buffer.set_stringn(x, y, text, room, style);
        after
    }

    /// Writes pieces one behind the other.
    pub fn pieces(&mut self, x: u16, y: u16, end: u16, pieces: &[(Role, String)]) -> u16 {
        pieces
            .iter()
            .fold(x, |x, (role, text)| self.text(x, y, end, text, *role))
    }

    /// Whether nothing is written in a stretch of a line yet.
    #[must_use]
    pub fn blank(&self, x: u16, y: u16, columns: u16) -> bool {
        let area = Rect::new(x, y, columns, 1).intersection(self.buffer.area);
        let mut cells = area.positions().filter_map(|at| self.buffer.cell(at));
        cells.all(|cell| cell.symbol() == " ")
    }

    /// Writes text that ends just before `end`.
    pub fn right(&mut self, start: u16, y: u16, end: u16, text: &str, role: Role) -> u16 {
        let x = end.saturating_sub(width(text)).max(start);
        self.text(x, y, end, text, role);
        x
    }

    /// Gives a stretch of a line a role, over what is written there.
    pub fn tone(&mut self, x: u16, y: u16, columns: u16, role: Role) {
        let area = Rect::new(x, y, columns, 1).intersection(self.buffer.area);
        let style = self.look.style(role);
        self.buffer.set_style(area, style);
    }

    /// Empties an area, for what lies over something else.
    pub fn clear(&mut self, area: Rect) {
        let background = self.look.background().unwrap_or_default();
        for position in area.intersection(self.buffer.area).positions() {
            if let Some(cell) = self.buffer.cell_mut(position) {
                cell.reset();
                cell.set_style(background);
            }
        }
    }

    /// Draws a frame and returns what is inside: one column of air left and right.
    pub fn frame(&mut self, area: Rect, frame: &Frame<'_>) -> Rect {
        if area.width < 4 || area.height < 2 {
            return Rect::default();
        }
        let role = if frame.focused {
            Role::FocusBorder
        } else {
            Role::Border
        };
        let (level, upright) = if frame.dashed {
            ("┄", "┆")
        } else {
            ("─", "│")
        };
        let (left, right) = (area.left(), area.right() - 1);
        let (top, bottom) = (area.top(), area.bottom() - 1);
        let line = level.repeat(usize::from(area.width - 2));
        self.text(left, top, area.right(), &format!("╭{line}╮"), role);
        self.text(left, bottom, area.right(), &format!("╰{line}╯"), role);
        for y in top + 1..bottom {
            self.text(left, y, area.right(), upright, role);
            self.text(right, y, area.right(), upright, role);
        }
        let mut end = right - 1;
        // The name matters more than what is said aside.
        if !frame.note.is_empty() && width(frame.note) <= room_for_note(area, &frame.title) {
            let note = format!(" {} ", frame.note);
            // What takes the terminal's own ink must not take over the border's, which is too pale to read.
            self.clear(Rect::new(end - width(&note), top, width(&note), 1));
            end = self.right(left, top, end, &note, Role::Dim);
        }
        if !frame.title.is_empty() {
            let title: u16 = frame.title.iter().map(|(_, piece)| width(piece)).sum();
            let columns = (title + 2).min(end.saturating_sub(left + 2));
            self.clear(Rect::new(left + 2, top, columns, 1));
            let after = self.text(left + 2, top, end, " ", Role::Text);
            let after = self.pieces(after, top, end, &frame.title);
            self.text(after, top, end, " ", Role::Text);
        }
        Rect::new(left + 2, top + 1, area.width - 4, area.height - 2)
    }

    /// Fills a pane that has nothing to show yet: what it will show, and what brings that about.
    pub fn nothing_yet(&mut self, area: Rect, what: &str, hint: &str) {
        let below = Rect::new(
            area.x,
            area.y + 1,
            area.width,
            area.height.saturating_sub(1),
        );
        self.sentences(
            below,
            &[(Role::Text, what), (Role::Text, ""), (Role::Dim, hint)],
        );
    }

    /// Writes sentences below each other, each over as many lines as it needs; returns the row behind them.
    pub fn sentences(&mut self, area: Rect, sentences: &[(Role, &str)]) -> u16 {
        let columns = usize::from(area.width + 1);
        let mut y = area.y;
        for (role, words) in sentences {
            for line in wrap(words, columns) {
                if y < area.bottom() {
                    self.text(area.x, y, area.right() + 1, &line, *role);
                    y += 1;
                }
            }
        }
        y
    }

    /// Replaces every sign that is not ASCII by its stand-in.
    pub fn replace_signs(&mut self) {
        for cell in &mut self.buffer.content {
            let symbol = cell.symbol();
            if !symbol.is_ascii() {
                let plain = symbol.chars().next().map_or(' ', super::theme::plain);
                cell.set_char(plain);
            }
        }
    }
}

/// Columns of a frame's top line that a note may take beside the title.
pub fn room_for_note(area: Rect, title: &[(Role, String)]) -> u16 {
    let title: u16 = title.iter().map(|(_, piece)| width(piece)).sum();
    area.width.saturating_sub(title + 8)
}

/// How many columns a text takes as it is drawn.
#[must_use]
pub fn width(text: &str) -> u16 {
    u16::try_from(UnicodeWidthStr::width(&*shown::line(text))).unwrap_or(u16::MAX)
}

/// Columns that pieces take, one behind the other.
#[must_use]
pub fn columns(pieces: &[(Role, String)]) -> u16 {
    pieces.iter().map(|(_, text)| width(text)).sum()
}

/// A text that fits into so many columns, with `…` for what does not.
#[must_use]
pub fn fit(text: &str, columns: u16) -> String {
    let text = &*shown::line(text);
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut taken = 1;
    for character in text.chars() {
        taken += u16::try_from(character.width().unwrap_or(0)).unwrap_or(0);
        if taken > columns {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    kept
}

/// Breaks a text between words; blanks before it, and two after a full stop, stay where they do not break.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let text = &*shown::line(text);
    let words = text.trim_start_matches(' ');
    let mut line = " ".repeat(text.len() - words.len());
    for word in words.split(' ') {
        if !line.is_empty() && line.width() + 1 + word.width() > columns {
            lines.push(line.trim_end().to_owned());
            line = String::new();
            if word.is_empty() {
                continue;
            }
        } else if !line.trim_start().is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// Breaks pieces between words into lines of so many columns; words that are longer are broken anywhere.
#[must_use]
pub fn wrap_pieces(pieces: &[(Role, String)], columns: u16) -> Vec<Pieces> {
    let signs: Vec<(Role, char)> = pieces
        .iter()
        .flat_map(|(role, words)| {
            let signs: Vec<char> = shown::line(words).chars().collect();
            signs.into_iter().map(|sign| (*role, sign))
        })
        .collect();
    let mut lines = Vec::new();
    let mut rest = signs.as_slice();
    loop {
        let mut free = columns;
        let fits = rest.iter().take_while(|(_, sign)| {
            let wide = u16::try_from(sign.width().unwrap_or(0)).unwrap_or(0);
            let left = free.checked_sub(wide);
            free = left.unwrap_or(0);
            left.is_some()
        });
        let fits = fits.count().max(1);
        if fits >= rest.len() {
            lines.push(gathered(rest));
            return lines;
        }
        let blank = |(_, sign): &(Role, char)| *sign == ' ';
        let begin = rest.iter().position(|sign| !blank(sign)).unwrap_or(0);
        let between = (begin + 1..=fits).rev().find(|at| breaks(rest, *at));
        let (line, after) = rest.split_at(between.unwrap_or(fits));
        let kept = line.iter().rposition(|sign| !blank(sign));
        lines.push(gathered(line.split_at(kept.map_or(0, |last| last + 1)).0));
        let blanks = after.iter().position(|sign| !blank(sign));
        rest = after.split_at(blanks.unwrap_or(after.len())).1;
    }
}

/// Whether a line may end here: at a blank, but not at the one between a number and its unit.
fn breaks(signs: &[(Role, char)], at: usize) -> bool {
    let sign = |at: usize| signs.get(at).map_or(' ', |(_, sign)| *sign);
    let after = signs.iter().skip(at + 1).map(|(_, sign)| *sign);
    let word: String = after.take_while(|sign| sign.is_alphabetic()).collect();
    let unit = at > 0 && sign(at - 1).is_ascii_digit() && matches!(word.as_str(), "s" | "ms");
    sign(at) == ' ' && !unit
}

/// Signs of the same role together again.
fn gathered(signs: &[(Role, char)]) -> Pieces {
    let mut pieces = Pieces::new();
    for (role, sign) in signs {
        match pieces.last_mut() {
            Some((last, words)) if last == role => words.push(*sign),
            _ => pieces.push((*role, sign.to_string())),
        }
    }
    pieces
}

/// A line in pieces that fit into so many columns, broken anywhere: it may be data.
#[must_use]
pub fn broken(line: &str, columns: u16) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut taken = 0;
    for character in shown::line(line).chars() {
        let wide = u16::try_from(character.width().unwrap_or(0)).unwrap_or(0);
        if taken + wide > columns {
            pieces.push(String::new());
            taken = 0;
        }
        taken += wide;
        if let Some(piece) = pieces.last_mut() {
            piece.push(character);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis() {
        assert_eq!(super::fit("replication", 20), "replication");
        assert_eq!(super::fit("replication", 6), "repli…");
        assert_eq!(super::fit("日本語", 4), "日…");
    }

    #[test]
    fn a_text_is_wrapped_by_columns_not_by_signs() {
        assert_eq!(super::wrap("日本 日本 日本", 9), ["日本 日本", "日本"]);
        assert_eq!(
            super::wrap("  two blanks.  stay", 13),
            ["  two blanks.", "stay"]
        );
    }

    #[test]
    fn pieces_are_broken_between_words_and_keep_their_roles() {
        let pieces = [(Role::Text, "p0 p2 prefer 3".to_owned())];
        let pieces = [
            &pieces[..],
            &[(Role::Warning, "  e moves them back".into())],
        ]
        .concat();
        let broken = super::wrap_pieces(&pieces, 17);
        let broken: Vec<Vec<(Role, &str)>> = broken
            .iter()
            .map(|line| line.iter().map(|(role, it)| (*role, it.as_str())).collect())
            .collect();
        assert_eq!(
            broken,
            [
                vec![(Role::Text, "p0 p2 prefer 3"), (Role::Warning, "  e")],
                vec![(Role::Warning, "moves them back")]
            ]
        );
        let time = [(Role::Text, "writes waited 1.50 s".to_owned())];
        let time = super::wrap_pieces(&time, 19);
        assert_eq!(time[1], [(Role::Text, "1.50 s".to_owned())]);
        let data = [(Role::Text, "  abcdefghij".to_owned())];
        assert_eq!(super::wrap_pieces(&data, 6).len(), 2);
        assert_eq!(super::wrap_pieces(&[], 6), [vec![]]);
    }

    #[test]
    fn a_long_line_is_broken_between_columns() {
        assert_eq!(super::broken("abcdef", 4), ["abcd", "ef"]);
        assert_eq!(super::broken("日本語", 5), ["日本", "語"]);
        assert_eq!(super::broken("", 5), [""]);
    }
}
