//! Themes: how each role looks, at each depth of colour.
//!
//! The format is told in `themes/dark.toml`.

use ratatui::style::{Color, Modifier, Style};

use super::choice::Setting;
use super::toml_file::{Mistake, Table, Value, parse};
use crate::state::Depth;

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
    /// Behind everything, where a layout paints it.
    Background,
}

impl Role {
    /// All roles by the names that files give them.
    pub const ALL: [(&str, Self); 22] = [
        ("text", Self::Text),
        ("strong", Self::Strong),
        ("leader", Self::Leader),
        ("focus", Self::Focus),
        ("focus_border", Self::FocusBorder),
        ("warning", Self::Warning),
        ("warning_chip", Self::WarningChip),
        ("dead", Self::Dead),
        ("dead_chip", Self::DeadChip),
        ("good", Self::Good),
        ("reader", Self::Reader),
        ("high_watermark", Self::HighWatermark),
        ("dim", Self::Dim),
        ("border", Self::Border),
        ("selected", Self::Selected),
        ("flash", Self::Flash),
        ("bar", Self::Bar),
        ("key_1", Self::Key(0)),
        ("key_2", Self::Key(1)),
        ("key_3", Self::Key(2)),
        ("key_4", Self::Key(3)),
        ("background", Self::Background),
    ];
}

/// A theme file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    name: String,
    /// In the order of the roles.
    paints: Vec<Paint>,
}

impl Theme {
    /// How a role looks where there are so many colours.
    #[must_use]
    pub fn style(&self, role: Role, depth: Depth) -> Style {
        let role = match role {
            Role::Key(hue) => Role::Key(hue % 4),
            role => role,
        };
        let at = Role::ALL.iter().position(|(_, known)| *known == role);
        let paint = at.and_then(|at| self.paints.get(at)).copied();
        let paint = paint.unwrap_or_default();
        match depth {
            Depth::True => paint.full,
            Depth::Indexed => paint.indexed,
            Depth::Ansi => paint.sixteen,
        }
    }
}

impl Setting for Theme {
    const BUILT_IN: &'static [(&'static str, &'static str)] = &[
        ("dark", include_str!("../../../../themes/dark.toml")),
        ("light", include_str!("../../../../themes/light.toml")),
        ("mono", include_str!("../../../../themes/mono.toml")),
    ];

    fn parse(name: &str, text: &str) -> Result<Self, Mistake> {
        parse(text, |file| {
            let known: Vec<&str> = std::iter::once("like")
                .chain(Role::ALL.into_iter().map(|(name, _)| name))
                .collect();
            file.only(&known)?;
            let mut paints = match file.get("like") {
                Some(like) => Self::parse("", like.word("theme", Self::BUILT_IN)?)?.paints,
                // What comes with the program leaves nothing out.
                None if Self::BUILT_IN.iter().any(|(_, own)| *own == text) => {
                    vec![Paint::default(); Role::ALL.len()]
                }
                None => {
                    let (_, first) = Self::BUILT_IN.first().expect("there is one in the program");
                    Self::parse("", first)?.paints
                }
            };
            for ((role, _), paint) in Role::ALL.iter().zip(&mut paints) {
                if let Some(look) = file.get(role) {
                    *paint = Paint::read(look.table()?)?;
                }
            }
            Ok(Self {
                name: name.to_owned(),
                paints,
            })
        })
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// How one role looks, at each depth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Paint {
    full: Style,
    indexed: Style,
    sixteen: Style,
}

impl Paint {
    fn read(look: Table<'_>) -> Result<Self, Mistake> {
        look.only(&["fg", "bg", "weight", "sixteen"])?;
        let mut paint = Self::default();
        if let Some(weight) = look.get("weight") {
            let style = words(weight, &WEIGHTS)?;
            paint = Self {
                full: style,
                indexed: style,
                sixteen: style,
            };
        }
        if let Some((full, indexed)) = look.get("fg").map(colour).transpose()? {
            paint.full = paint.full.fg(full);
            paint.indexed = paint.indexed.fg(indexed);
        }
        if let Some((full, indexed)) = look.get("bg").map(colour).transpose()? {
            paint.full = paint.full.bg(full);
            paint.indexed = paint.indexed.bg(indexed);
        }
        if let Some(sixteen) = look.get("sixteen") {
            let known: Vec<(&str, Style)> = WEIGHTS.into_iter().chain(SIXTEEN).collect();
            paint.sixteen = words(sixteen, &known)?;
        }
        Ok(paint)
    }
}

const WEIGHTS: [(&str, Style); 4] = [
    ("bold", Style::new().add_modifier(Modifier::BOLD)),
    ("dim", Style::new().add_modifier(Modifier::DIM)),
    ("reverse", Style::new().add_modifier(Modifier::REVERSED)),
    (
        "underlined",
        Style::new().add_modifier(Modifier::UNDERLINED),
    ),
];

/// Black, white and the bright ones are missing: any of them is somebody's background.
const SIXTEEN: [(&str, Style); 6] = [
    ("red", Style::new().fg(Color::Red)),
    ("green", Style::new().fg(Color::Green)),
    ("yellow", Style::new().fg(Color::Yellow)),
    ("blue", Style::new().fg(Color::Blue)),
    ("magenta", Style::new().fg(Color::Magenta)),
    ("cyan", Style::new().fg(Color::Cyan)),
];

fn words(value: Value<'_>, known: &[(&str, Style)]) -> Result<Style, Mistake> {
    let text = value.string()?;
    text.split_whitespace()
        .try_fold(Style::new(), |style, word| {
            let meant = value.known("word", word, known)?;
            Ok(style.patch(meant))
        })
}

/// `#72A8F0 75`: any colour, and the one of 256 that stands for it.
fn colour(value: Value<'_>) -> Result<(Color, Color), Mistake> {
    let text = value.string()?;
    let wrong = || {
        value.wrong(format!(
            "\"{text}\" is no colour: \"#72A8F0\" or \"#72A8F0 75\""
        ))
    };
    let (full, indexed) = text.split_once(' ').unwrap_or((text, ""));
    let digits = full.strip_prefix('#').filter(|digits| digits.len() == 6);
    let rgb = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let [_, red, green, blue] = rgb.ok_or_else(wrong)?.to_be_bytes();
    let indexed = match indexed.trim() {
        "" => nearest([red, green, blue]),
        number => number.parse().map_err(|_| wrong())?,
    };
    Ok((Color::Rgb(red, green, blue), Color::Indexed(indexed)))
}

/// The steps of the cube of colours 16 to 231.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The nearest of the 256 that every terminal agrees on: the cube, and the greys behind it.
fn nearest(rgb: [u8; 3]) -> u8 {
    let cube = (0..216_u8).map(|at| {
        let step = |at: u8| CUBE.get(usize::from(at % 6)).copied().unwrap_or(0);
        (16 + at, [step(at / 36), step(at / 6), step(at)])
    });
    let greys = (0..24_u8).map(|at| (232 + at, [8 + 10 * at; 3]));
    let distance = |other: [u8; 3]| -> u32 {
        let apart = rgb.into_iter().zip(other);
        apart
            .map(|(one, other)| u32::from(one.abs_diff(other)).pow(2))
            .sum()
    };
    cube.chain(greys)
        .min_by_key(|(_, colour)| distance(*colour))
        .map_or(16, |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use ratatui::style::{Color, Modifier, Style};

    use super::{Role, Setting, Theme, nearest};
    use crate::state::Depth;

    #[test]
    fn what_a_file_leaves_out_is_as_in_the_theme_it_is_like() {
        let theme = Theme::parse("mine", "like = \"light\"\ndead = { fg = \"#FF0000\" }");
        let theme = theme.expect("valid");
        let red = Style::new().fg(Color::Indexed(196));
        assert_eq!(theme.style(Role::Dead, Depth::Indexed), red);
        assert_eq!(theme.style(Role::Dead, Depth::Ansi), Style::new());
        let blue = Style::new().fg(Color::Rgb(0x0B, 0x3D, 0x91));
        let focus = theme.style(Role::Focus, Depth::True);
        assert_eq!(focus, blue.add_modifier(Modifier::BOLD));
    }

    #[test]
    fn what_comes_with_the_program_leaves_no_role_out() {
        for (name, text) in Theme::BUILT_IN {
            for (role, _) in Role::ALL {
                let told = text.lines().any(|line| {
                    line.split_once('=')
                        .is_some_and(|(name, _)| name.trim() == role)
                });
                assert!(told, "{name} says nothing of {role}");
            }
        }
    }

    #[test]
    fn the_nearest_of_256_is_found() {
        assert_eq!(nearest([255, 255, 255]), 231);
        assert_eq!(nearest([0x98, 0xA2, 0xB3]), 248);
        assert_eq!(nearest([0x72, 0xA8, 0xF0]), 75);
    }

    #[test]
    fn mistakes_are_named_where_they_are() {
        for (text, mistake) in [
            (
                "deat = {}",
                "1:1 unknown setting \"deat\", did you mean \"dead\"?",
            ),
            (
                "dead = { fg = \"red\" }",
                "1:15 \"red\" is no colour: \"#72A8F0\" or \"#72A8F0 75\"",
            ),
            (
                "dead = { weight = \"blod\" }",
                "1:19 unknown word \"blod\", there are bold, dim, reverse, underlined",
            ),
            (
                "like = \"drak\"",
                "1:8 unknown theme \"drak\", there are dark, light, mono",
            ),
        ] {
            let wrong = Theme::parse("my", text).expect_err(text).to_string();
            assert_eq!(wrong, mistake, "{text}");
        }
    }
}
