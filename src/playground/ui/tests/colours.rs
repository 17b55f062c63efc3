//! Colours by numbers: states are told apart under every colour vision, and text stands out from the
//! backgrounds that people use.

use ratatui::style::{Color, Modifier};

use super::{frame, session::Session, text};
use crate::{
    state::{
        Appearance, Depth, Key, Scheme,
        settings::{Setting, Theme},
    },
    ui::theme::Role,
};

type Rgb = [f64; 3];

/// What the three colour-vision deficiencies make of linear red, green and blue, in full severity: Machado,
/// Oliveira, Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009.
const VISIONS: [(&str, [Rgb; 3]); 4] = [
    (
        "normal",
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    ),
    (
        "protan",
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
    ),
    (
        "deutan",
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
    ),
    (
        "tritan",
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ),
];

/// Roles whose hue says what state something is in.
const STATES: [Role; 4] = [Role::Focus, Role::Warning, Role::Dead, Role::Good];

/// Black, Catppuccin, One Dark, Solarized, Nord.
const DARK: [u32; 5] = [0x00_00_00, 0x1E_1E_2E, 0x28_2C_34, 0x00_2B_36, 0x2E_34_40];
/// White, Solarized, Catppuccin Latte.
const LIGHT: [u32; 3] = [0xFF_FF_FF, 0xFD_F6_E3, 0xEF_F1_F5];

/// What WCAG asks of text.
const CONTRAST: f64 = 4.5;

fn theme(name: &str) -> Theme {
    let (_, text) = Theme::BUILT_IN
        .iter()
        .find(|(known, _)| *known == name)
        .expect("it comes with the program");
    Theme::parse(name, text).expect("it can be read")
}

/// Linear red, green and blue of a colour.
fn linear(colour: Option<Color>) -> Rgb {
    let Some(Color::Rgb(red, green, blue)) = colour else {
        panic!("{colour:?} has no fixed value");
    };
    [red, green, blue].map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.040_45 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    })
}

fn of_hex(hex: u32) -> Rgb {
    let [_, red, green, blue] = hex.to_be_bytes();
    linear(Some(Color::Rgb(red, green, blue)))
}

fn mix(rows: [Rgb; 3], [red, green, blue]: Rgb) -> Rgb {
    rows.map(|[r, g, b]| r * red + g * green + b * blue)
}

/// L*a*b* under daylight (D65).
fn lab(colour: Rgb) -> Rgb {
    let to_xyz = [
        [0.412_456_4, 0.357_576_1, 0.180_437_5],
        [0.212_672_9, 0.715_152_2, 0.072_175_0],
        [0.019_333_9, 0.119_192_0, 0.950_304_1],
    ];
    let [x, y, z] = mix(to_xyz, colour);
    let [x, y, z] = [x / 0.950_47, y, z / 1.088_83].map(|part: f64| {
        if part > 216.0 / 24_389.0 {
            part.cbrt()
        } else {
            (24_389.0 / 27.0 * part + 16.0) / 116.0
        }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn distance(one: Rgb, other: Rgb, vision: [Rgb; 3]) -> f64 {
    let seen = |colour| lab(mix(vision, colour).map(|part| part.clamp(0.0, 1.0)));
    let apart = seen(one).into_iter().zip(seen(other));
    apart.map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

fn contrast(one: Rgb, other: Rgb) -> f64 {
    let luminance = |[red, green, blue]: Rgb| 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn states_are_told_apart_under_every_colour_vision() {
    for (name, least) in [("dark", 30.0), ("light", 19.0)] {
        let theme = theme(name);
        for (index, one) in STATES.into_iter().enumerate() {
            for other in STATES.into_iter().skip(index + 1) {
                let [a, b] = [one, other].map(|role| linear(theme.style(role, Depth::True).fg));
                for (vision, rows) in VISIONS {
                    let apart = distance(a, b, rows);
                    assert!(
                        apart >= least,
                        "{name}, {vision}: {one:?} and {other:?} are {apart:.1} apart"
                    );
                }
            }
        }
    }
}

/// The colour of a piece of text on what lies behind it; `None` where both are the terminal's own.
fn stands_out(
    theme: &Theme,
    (fg, bg): (Option<Color>, Option<Color>),
    grounds: &[Rgb],
) -> Option<f64> {
    let own = |colour: Option<Color>| colour.filter(|colour| *colour != Color::Reset);
    let painted = theme.style(Role::Background, Depth::True);
    let (fg, bg) = (own(fg), own(bg));
    if fg.is_none() && bg.is_none() {
        return None;
    }
    // Where the terminal's own ink stands on a colour of ours, it is like the one that we would paint.
    let ink = linear(fg.or(painted.fg));
    let behind = bg.map_or_else(|| grounds.to_vec(), |bg| vec![linear(Some(bg))]);
    let ratios = behind.into_iter().map(|ground| contrast(ink, ground));
    ratios.reduce(f64::min)
}

fn grounds(name: &str) -> Vec<Rgb> {
    let hexes = if name == "dark" {
        &DARK[..]
    } else {
        &LIGHT[..]
    };
    let theme = theme(name);
    let own = [Role::Bar, Role::Selected, Role::Background];
    let own = own.map(|role| linear(theme.style(role, Depth::True).bg));
    hexes.iter().map(|hex| of_hex(*hex)).chain(own).collect()
}

#[test]
fn every_role_stands_out_from_the_backgrounds_that_people_use() {
    for name in ["dark", "light"] {
        let (theme, grounds) = (theme(name), grounds(name));
        for (role_name, role) in Role::ALL {
            // Lines only: no letter is drawn in it, as the next test sees.
            if role == Role::Border {
                continue;
            }
            let style = theme.style(role, Depth::True);
            if let Some(ratio) = stands_out(&theme, (style.fg, style.bg), &grounds) {
                assert!(ratio >= CONTRAST, "{name}: {role_name}: {ratio:.2}");
            }
        }
    }
}

#[test]
fn every_letter_on_the_screen_stands_out() {
    for (name, scheme) in [("dark", Scheme::Dark), ("light", Scheme::Light)] {
        let (theme, grounds) = (theme(name), grounds(name));
        let appearance = Appearance {
            scheme,
            depth: Depth::True,
            ..Appearance::default()
        };
        for size in [(120, 36), (80, 24)] {
            let mut session = Session::new(size, appearance);
            session.rebalancing();
            for _ in 0..8 {
                for pressed in [None, Some('?'), Some(':')] {
                    pressed.map(|key| session.later(400).press(key));
                    letters_stand_out(&session, &theme, &grounds, name);
                    if pressed.is_some() {
                        session.later(400).key(Key::Esc);
                    }
                }
                session.later(400).press('v');
            }
        }
    }
}

fn letters_stand_out(session: &Session, theme: &Theme, grounds: &[Rgb], name: &str) {
    let drawn = frame(&session.state);
    for at in drawn.area.positions() {
        let cell = &drawn[at];
        let turned = cell.modifier.contains(Modifier::REVERSED);
        if turned || !cell.symbol().contains(char::is_alphanumeric) {
            continue;
        }
        if let Some(ratio) = stands_out(theme, (Some(cell.fg), Some(cell.bg)), grounds) {
            assert!(
                ratio >= CONTRAST,
                "{name}: \"{}\" at {at}: {ratio:.2} in\n{}",
                cell.symbol(),
                text(&drawn)
            );
        }
    }
}

#[test]
fn the_numbers_are_those_of_the_papers() {
    let [white, black, red] = [0xFF_FF_FF, 0, 0xFF_00_00].map(of_hex);
    assert!((contrast(white, black) - 21.0).abs() < 0.01);
    let [lightness, a, b] = lab(red);
    for (found, meant) in [(lightness, 53.24), (a, 80.09), (b, 67.20)] {
        assert!((found - meant).abs() < 0.05, "{found} {meant}");
    }
}
