//! `Set`, and the size in characters that VHS 0.10 makes of it.

use std::time::Duration;

use regex::Regex;

use super::pattern;

/// What a tape sets, or VHS's own values.
#[derive(Debug)]
pub struct Settings {
    width: f64,
    height: f64,
    padding: f64,
    margin: f64,
    margin_filled: bool,
    bar: bool,
    bar_size: f64,
    font_size: f64,
    letter_spacing: f64,
    line_height: f64,
    pub typing_speed: Duration,
    pub wait_timeout: Duration,
    pub wait_pattern: Regex,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            width: 1200.0,
            height: 600.0,
            padding: 60.0,
            margin: 0.0,
            margin_filled: true,
            bar: false,
            bar_size: 30.0,
            font_size: 22.0,
            letter_spacing: 1.0,
            line_height: 1.0,
            typing_speed: Duration::from_millis(50),
            wait_timeout: Duration::from_secs(15),
            wait_pattern: pattern::compile(">$").expect("valid"),
        }
    }
}

/// How large a font's characters are, as parts of its size.
#[derive(Debug, Clone, Copy)]
struct Font {
    advance: f64,
    /// Whether the font itself makes it whole pixels.
    advance_rounded: bool,
    ascent: f64,
    descent: f64,
}

/// The first of VHS's list, in its container.
const JETBRAINS_MONO: Font = Font {
    advance: 0.6,
    advance_rounded: true,
    ascent: 1.02,
    descent: 0.3,
};

/// The second, on most systems; the third, Menlo, measures the same.
const DEJAVU_SANS_MONO: Font = Font {
    advance: 1233.0 / 2048.0,
    advance_rounded: false,
    ascent: 1901.0 / 2048.0,
    descent: 483.0 / 2048.0,
};

/// What xterm.js keeps free beside the characters: its own padding and, in the width, the scroll bar.
const FREE: (f64, f64) = (10.0 + 15.0, 10.0);

impl Settings {
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let wrong = || format!("Set {name} cannot be {value:?}");
        let whole = || value.parse::<u16>().map(f64::from).map_err(|_| wrong());
        let number = || value.parse::<f64>().map_err(|_| wrong());
        match name {
            "Width" => self.width = whole()?,
            "Height" => self.height = whole()?,
            "Padding" => self.padding = whole()?,
            "Margin" => self.margin = whole()?,
            "WindowBarSize" => self.bar_size = whole()?,
            "FontSize" => self.font_size = whole()?,
            "LetterSpacing" => self.letter_spacing = number()?,
            "LineHeight" => self.line_height = number()?,
            "WindowBar" => {
                let bars = ["", "Colorful", "ColorfulRight", "Rings", "RingsRight"];
                self.bar = !value.is_empty();
                return bars.contains(&value).then_some(()).ok_or_else(wrong);
            }
            "MarginFill" => {
                self.margin_filled = !value.is_empty();
                let colour = value.strip_prefix('#');
                let colour = colour.is_none_or(|colour| {
                    colour.len() == 6 && u32::from_str_radix(colour, 16).is_ok()
                });
                return colour.then_some(()).ok_or_else(wrong);
            }
            "CursorBlink" => {
                let truth = ["true", "false"].contains(&value);
                return truth.then_some(()).ok_or_else(wrong);
            }
            // The shell of the tests is VHS's own bash.
            "Shell" => return (value == "bash").then_some(()).ok_or_else(wrong),
            "FontFamily" => return Err("nobody here knows how large that font is".into()),
            "Framerate" | "BorderRadius" => drop(whole()?),
            "PlaybackSpeed" | "LoopOffset" => drop(number()?),
            "Theme" => {}
            _ => return Err(format!("unknown setting: {name}")),
        }
        Ok(())
    }

    /// Columns and rows that a tape can count on: those of the font, among VHS's first, that leaves the fewest.
    pub fn size(&self) -> (u16, u16) {
        let (few, other) = (self.size_in(JETBRAINS_MONO), self.size_in(DEJAVU_SANS_MONO));
        (few.0.min(other.0), few.1.min(other.1))
    }

    /// `Setup` of VHS's `vhs.go` takes what is around the terminal away; xterm.js measures a character in whole
    /// pixels (the canvas renderer's dimensions) and fits as many as go (its fit add-on).
    fn size_in(&self, font: Font) -> (u16, u16) {
        let margin = if self.margin_filled { self.margin } else { 0.0 };
        let around = 2.0 * (self.padding + margin);
        let bar = if self.bar { self.bar_size } else { 0.0 };
        let advance = font.advance * self.font_size;
        let advance = if font.advance_rounded {
            advance.round()
        } else {
            advance.floor()
        };
        let width = advance + self.letter_spacing.round();
        let ascent = (font.ascent * self.font_size).round();
        let descent = (font.descent * self.font_size).round();
        let height = ((ascent + descent) * self.line_height).floor();
        let columns = (self.width - around - FREE.0) / width;
        let rows = (self.height - around - bar - FREE.1) / height;
        (whole(columns), whole(rows))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a screen's columns and rows, far from both ends; below nothing is nothing"
)]
fn whole(cells: f64) -> u16 {
    cells.floor() as u16
}

#[cfg(test)]
mod tests {
    use super::{DEJAVU_SANS_MONO, Font, JETBRAINS_MONO, Settings};

    fn sized(font: Font, settings: &str) -> (u16, u16) {
        let mut sized = Settings::default();
        for setting in settings.split(", ").filter(|setting| !setting.is_empty()) {
            let (name, value) = setting.split_once(' ').expect("a name and a value");
            sized.set(name, value).expect("valid");
        }
        sized.size_in(font)
    }

    /// What `tput cols` and `tput lines` said in VHS 0.10.0 (ttyd 1.7.7, Chromium on Debian).
    #[test]
    fn a_screen_has_the_columns_and_rows_that_it_has_in_vhs() {
        for (settings, size) in [
            ("", (75, 18)),
            ("FontSize 16, Width 1240, Height 800", (109, 35)),
            ("FontSize 16, Width 1245, Height 805", (110, 35)),
            ("FontSize 16, Width 1254, Height 814", (110, 36)),
            ("FontSize 16, Width 1255, Height 815", (111, 36)),
            ("FontSize 16, Width 1360, Height 910", (121, 41)),
            ("FontSize 14, Width 1020, Height 760", (97, 39)),
            ("FontSize 10, Width 1200, Height 800", (150, 60)),
            ("FontSize 12, Width 1200, Height 800", (131, 47)),
            ("FontSize 13, Width 1200, Height 800", (131, 44)),
            ("FontSize 15, Width 1200, Height 800", (105, 37)),
            ("FontSize 18, Width 1200, Height 800", (95, 31)),
            ("FontSize 20, Width 1200, Height 800", (81, 27)),
            ("FontSize 25, Width 1900, Height 1200", (109, 36)),
            ("FontSize 16, Width 1240, Height 800, Padding 0", (121, 41)),
            ("FontSize 16, Width 1240, Height 800, Padding 20", (117, 39)),
            (
                "FontSize 16, Width 1240, Height 800, LetterSpacing 0",
                (121, 35),
            ),
            (
                "FontSize 17, Width 1260, Height 819, LetterSpacing 1.5",
                (92, 34),
            ),
            (
                "FontSize 16, Width 1240, Height 800, LineHeight 1.2",
                (109, 30),
            ),
            ("FontSize 16, Width 1240, Height 800, Margin 20", (105, 33)),
            (
                "FontSize 16, Width 1240, Height 800, WindowBar Colorful",
                (109, 33),
            ),
        ] {
            assert_eq!(sized(DEJAVU_SANS_MONO, settings), size, "{settings}");
        }
        for (settings, size) in [
            ("", (75, 16)),
            ("FontSize 10, Width 1200, Height 800", (150, 51)),
            ("FontSize 11, Width 1200, Height 800", (131, 47)),
            ("FontSize 12, Width 1200, Height 800", (131, 41)),
            ("FontSize 13, Width 1200, Height 800", (117, 39)),
            ("FontSize 14, Width 1230, Height 780", (120, 36)),
            ("FontSize 15, Width 1350, Height 850", (120, 36)),
            ("FontSize 16, Width 1350, Height 890", (109, 36)),
            ("FontSize 17, Width 1200, Height 800", (95, 30)),
            ("FontSize 18, Width 1200, Height 800", (87, 29)),
            ("FontSize 19, Width 1200, Height 800", (87, 26)),
            ("FontSize 20, Width 1200, Height 800", (81, 25)),
            ("FontSize 25, Width 1900, Height 1200", (109, 31)),
        ] {
            assert_eq!(sized(JETBRAINS_MONO, settings), size, "{settings}");
        }
    }
}
