//! Colours and signs by role. Hue is never alone: every role that means a state also has a sign, a
//! word or a weight.

use ratatui::style::Style;

pub use crate::state::settings::Role;
use crate::state::{Depth, Glyphs, Tone, View, settings::Theme};

/// A theme as one terminal can show it.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    theme: &'a Theme,
    depth: Depth,
    glyphs: Glyphs,
    paint_background: bool,
}

impl<'a> Look<'a> {
    /// How this view wants things to look.
    #[must_use]
    pub fn new(view: &'a View) -> Self {
        Self {
            theme: view.themes.current(),
            depth: view.appearance.depth,
            glyphs: view.appearance.glyphs,
            paint_background: view.layouts.current().paint_background,
        }
    }

    /// Whether only ASCII may be drawn.
    #[must_use]
    pub fn ascii(self) -> bool {
        self.glyphs == Glyphs::Ascii
    }

    /// How this role looks.
    #[must_use]
    pub fn style(self, role: Role) -> Style {
        self.theme.style(role, self.depth)
    }

    /// What lies behind everything, if that is painted.
    #[must_use]
    pub fn background(self) -> Option<Style> {
        self.paint_background.then(|| self.style(Role::Background))
    }
}

/// How words of this tone look.
#[must_use]
pub const fn role_of(tone: Tone) -> Role {
    match tone {
        Tone::Plain => Role::Text,
        Tone::Dim | Tone::Hint => Role::Dim,
        Tone::Good => Role::Good,
        Tone::Bad => Role::Dead,
    }
}

/// The sign that stands for this one where there is only ASCII.
#[must_use]
pub fn plain(sign: char) -> char {
    match sign {
        '◆' => 'L',
        '●' => 'f',
        '◌' | '○' => 'o',
        '▸' | '►' | '›' => '>',
        '◂' | '‹' | '◄' => '<',
        '✗' => 'x',
        '◇' => '\'',
        '│' => '|',
        '┃' | '■' | '█' => '#',
        '┊' | '┆' | '╎' => ':',
        '╞' => '[',
        '▼' | '↓' => 'v',
        '▲' | '↑' => '^',
        '△' | '·' | '□' => '.',
        '╭' | '╮' | '╰' | '╯' | '├' | '┤' | '┬' | '┴' | '┼' | '✓' => '+',
        '─' | '┄' => '-',
        '└' => '`',
        '▪' => '*',
        '…' => '~',
        '▁' => '_',
        '▂' | '▃' => ',',
        '▀' => '"',
        '▄' | '▅' => 'm',
        '▆' | '▇' => 'M',
        sign if sign.is_ascii() => sign,
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::{Depth, Role, Theme};
    use crate::state::settings::{Setting, Themes};

    fn theme(name: &str) -> Theme {
        let found = Theme::BUILT_IN.iter().find(|(known, _)| *known == name);
        Theme::parse(name, found.expect("it is in the program").1).expect("valid")
    }

    #[test]
    fn mono_names_no_colour() {
        for (name, role) in Role::ALL {
            for depth in [Depth::True, Depth::Indexed, Depth::Ansi] {
                let style = theme("mono").style(role, depth);
                assert_eq!((style.fg, style.bg), (None, None), "{name}");
            }
        }
    }

    #[test]
    fn sixteen_colours_never_use_the_one_that_solarized_paints_behind() {
        for scheme in Themes::default().names() {
            for (name, role) in Role::ALL {
                let style = theme(scheme).style(role, Depth::Ansi);
                for colour in [style.fg, style.bg].into_iter().flatten() {
                    assert_ne!(colour, Color::DarkGray, "{name}");
                    assert!(!matches!(colour, Color::Rgb(..) | Color::Indexed(_)));
                }
            }
        }
    }
}
