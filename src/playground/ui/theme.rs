//! Colours and signs by role. Hue is never alone: every role that means a state also has a sign, a
//! word or a weight.

use ratatui::style::{Color, Modifier, Style};

use crate::playground::state::{Appearance, Depth, Glyphs, Scheme};

/// What a piece of the screen means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Plain.
    Text,
    /// Plain and heavy: titles, numbers that matter.
    Strong,
    /// A leader's chip.
    Leader,
    /// A leader in words, a key, what has the focus.
    Focus,
    /// The frame of what has the focus.
    FocusBorder,
    /// Lagging, rebalancing, take care.
    Warning,
    /// A state to take care of, as a chip.
    WarningChip,
    /// Dead, in words.
    Dead,
    /// Dead, as a chip.
    DeadChip,
    /// All is well.
    Good,
    /// A reader's mark.
    Reader,
    /// The high watermark: the strongest ink there is.
    HighWatermark,
    /// Not safe yet, aside.
    Dim,
    /// Frames.
    Border,
    /// The row that the cursor is on.
    Selected,
    /// This just changed.
    Flash,
    /// The lines at the top and the bottom.
    Bar,
    /// One of four hues for record keys.
    Key(u8),
}

/// Turns roles into styles for one kind of terminal.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    appearance: Appearance,
}

/// A colour at each depth: red, green, blue; the index of 256; the name of 16, if one of those fits.
type Tint = (u32, u8, Option<Color>);

const DARK_BLUE: Tint = (0x72_A8_F0, 75, Some(Color::Cyan));
const DARK_AMBER: Tint = (0xFC_B7_52, 215, Some(Color::Yellow));
const DARK_RED: Tint = (0xEE_78_74, 210, Some(Color::Red));
const DARK_GREEN: Tint = (0x6F_FD_DB, 86, Some(Color::Green));
const LIGHT_BLUE: Tint = (0x0B_3D_91, 24, Some(Color::Blue));
const LIGHT_BROWN: Tint = (0x8A_5A_00, 94, Some(Color::Magenta));
const LIGHT_RED: Tint = (0x8F_0A_1E, 88, Some(Color::Red));
const LIGHT_GREEN: Tint = (0x1D_6D_53, 23, Some(Color::Green));
const BLACK: Tint = (0x00_00_00, 16, None);
const WHITE: Tint = (0xFF_FF_FF, 231, None);
const DARK_KEYS: [u32; 4] = [0xD5_E4_F4, 0xD1_B2_4F, 0xE3_81_DA, 0x21_E0_A8];
const LIGHT_KEYS: [u32; 4] = [0x24_29_2F, 0x6B_54_00, 0xA3_00_9A, 0x10_66_4C];
const DARK_KEYS_INDEXED: [u8; 4] = [255, 179, 176, 43];
const LIGHT_KEYS_INDEXED: [u8; 4] = [235, 58, 127, 23];

impl Theme {
    /// The theme of an appearance.
    #[must_use]
    pub fn new(appearance: Appearance) -> Self {
        Self { appearance }
    }

    /// Whether only ASCII may be drawn.
    #[must_use]
    pub fn ascii(self) -> bool {
        self.appearance.glyphs == Glyphs::Ascii
    }

    /// How this role looks.
    #[must_use]
    pub fn style(self, role: Role) -> Style {
        match self.appearance.scheme {
            Scheme::Mono => mono(role),
            Scheme::Dark => self.coloured(role, true),
            Scheme::Light => self.coloured(role, false),
        }
    }

    fn coloured(self, role: Role, dark: bool) -> Style {
        let either = |on_dark: Tint, on_light: Tint| if dark { on_dark } else { on_light };
        let blue = either(DARK_BLUE, LIGHT_BLUE);
        let amber = either(DARK_AMBER, LIGHT_BROWN);
        let red = either(DARK_RED, LIGHT_RED);
        let green = either(DARK_GREEN, LIGHT_GREEN);
        let ink = either(BLACK, WHITE);
        let style = Style::new();
        match role {
            Role::Text => style,
            Role::Strong => style.add_modifier(Modifier::BOLD),
            Role::Leader => self.chip(ink, blue),
            Role::Focus => style.fg(self.tint(blue)).add_modifier(Modifier::BOLD),
            Role::FocusBorder => style.fg(self.tint(blue)),
            Role::Warning => style.fg(self.tint(amber)),
            Role::WarningChip => self.chip(ink, amber),
            Role::Dead => style.fg(self.tint(red)),
            Role::DeadChip => self.chip(ink, red),
            Role::Good => style.fg(self.tint(green)),
            Role::Reader => style.fg(self.tint(green)).add_modifier(Modifier::BOLD),
            Role::HighWatermark => match self.appearance.depth {
                Depth::Ansi => style.add_modifier(Modifier::BOLD),
                _ => style
                    .fg(self.tint(either(WHITE, BLACK)))
                    .add_modifier(Modifier::BOLD),
            },
            Role::Dim => self.faint(either((0x98_A2_B3, 248, None), (0x57_60_6A, 59, None))),
            Role::Border => self.faint(either((0x5C_66_75, 242, None), (0x8C_95_9F, 246, None))),
            Role::Selected => self.ground(either((0x2B_34_45, 237, None), (0xDC_E9_F7, 189, None))),
            Role::Flash => {
                let ground = either((0xF0_E4_42, 221, None), (0x1F_23_28, 235, None));
                self.chip(ink, ground)
            }
            Role::Bar => match self.appearance.depth {
                Depth::Ansi => style,
                _ => style.bg(self.tint(either((0x1A_1F_2E, 234, None), (0xE8_EC_F2, 255, None)))),
            },
            Role::Key(hue) => self.key(usize::from(hue) % 4, dark),
        }
    }

    fn key(self, hue: usize, dark: bool) -> Style {
        let (full, indexed) = if dark {
            (DARK_KEYS, DARK_KEYS_INDEXED)
        } else {
            (LIGHT_KEYS, LIGHT_KEYS_INDEXED)
        };
        match (full.get(hue), indexed.get(hue)) {
            (Some(full), Some(indexed)) if self.appearance.depth != Depth::Ansi => {
                Style::new().fg(self.tint((*full, *indexed, None)))
            }
            _ => Style::new(),
        }
    }

    /// Black or white on a colour; where colours are the user's own, reversed.
    fn chip(self, ink: Tint, ground: Tint) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD);
        match self.appearance.depth {
            Depth::Ansi => match ground.2 {
                Some(Color::Red) => style.fg(Color::Red).add_modifier(Modifier::REVERSED),
                _ => style.add_modifier(Modifier::REVERSED),
            },
            _ => style.fg(self.tint(ink)).bg(self.tint(ground)),
        }
    }

    /// Grey; where colours are the user's own, the dim attribute: colour 8 can be the background.
    fn faint(self, tint: Tint) -> Style {
        match self.appearance.depth {
            Depth::Ansi => Style::new().add_modifier(Modifier::DIM),
            _ => Style::new().fg(self.tint(tint)),
        }
    }

    fn ground(self, tint: Tint) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD);
        match self.appearance.depth {
            Depth::Ansi => style.add_modifier(Modifier::REVERSED),
            _ => style.bg(self.tint(tint)),
        }
    }

    fn tint(self, (full, indexed, named): Tint) -> Color {
        match self.appearance.depth {
            Depth::True => {
                let [_, red, green, blue] = full.to_be_bytes();
                Color::Rgb(red, green, blue)
            }
            Depth::Indexed => Color::Indexed(indexed),
            Depth::Ansi => named.unwrap_or(Color::Reset),
        }
    }
}

/// Weight and reversal only; colours stay the terminal's own.
fn mono(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Text | Role::Warning | Role::Dead | Role::Good | Role::Key(_) => style,
        Role::Strong | Role::Focus | Role::FocusBorder | Role::Reader | Role::HighWatermark => {
            style.add_modifier(Modifier::BOLD)
        }
        Role::Leader | Role::WarningChip | Role::DeadChip | Role::Flash | Role::Selected => {
            style.add_modifier(Modifier::BOLD | Modifier::REVERSED)
        }
        Role::Bar => style.add_modifier(Modifier::REVERSED),
        Role::Dim | Role::Border => style.add_modifier(Modifier::DIM),
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
        '▄' | '▅' => 'm',
        '▆' | '▇' => 'M',
        sign if sign.is_ascii() => sign,
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::{Role, Theme};
    use crate::playground::state::{Appearance, Depth, Scheme};

    const ROLES: [Role; 18] = [
        Role::Text,
        Role::Strong,
        Role::Leader,
        Role::Focus,
        Role::FocusBorder,
        Role::Warning,
        Role::WarningChip,
        Role::Dead,
        Role::DeadChip,
        Role::Good,
        Role::Reader,
        Role::HighWatermark,
        Role::Dim,
        Role::Border,
        Role::Selected,
        Role::Flash,
        Role::Bar,
        Role::Key(2),
    ];

    #[test]
    fn mono_names_no_colour() {
        let theme = Theme::new(Appearance {
            scheme: Scheme::Mono,
            ..Appearance::default()
        });
        for role in ROLES {
            let style = theme.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
    }

    #[test]
    fn sixteen_colours_never_use_the_one_that_solarized_paints_behind() {
        for scheme in [Scheme::Dark, Scheme::Light] {
            let theme = Theme::new(Appearance {
                scheme,
                depth: Depth::Ansi,
                ..Appearance::default()
            });
            for role in ROLES {
                let style = theme.style(role);
                for colour in [style.fg, style.bg].into_iter().flatten() {
                    assert_ne!(colour, Color::DarkGray, "{role:?}");
                    assert!(!matches!(colour, Color::Rgb(..) | Color::Indexed(_)));
                }
            }
        }
    }
}
