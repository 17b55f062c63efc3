//! Colours by numbers: states are told apart under every colour vision, and text stands out from the
//! backgrounds that people use.

use ratatui::style::Color;

use crate::{
    state::{
        Depth,
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

/// Roles that are read as text on the terminal's own background.
const TEXTS: [Role; 11] = [
    Role::Focus,
    Role::Warning,
    Role::Dead,
    Role::Good,
    Role::Reader,
    Role::HighWatermark,
    Role::Dim,
    Role::Key(0),
    Role::Key(1),
    Role::Key(2),
    Role::Key(3),
];

const CHIPS: [Role; 4] = [Role::Leader, Role::WarningChip, Role::DeadChip, Role::Flash];

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

#[test]
fn text_stands_out_from_the_backgrounds_that_people_use() {
    for (name, grounds) in [("dark", &DARK[..]), ("light", &LIGHT[..])] {
        let theme = theme(name);
        let style = |role| theme.style(role, Depth::True);
        let own = [Role::Bar, Role::Selected, Role::Background].map(|role| linear(style(role).bg));
        let grounds: Vec<Rgb> = grounds.iter().map(|hex| of_hex(*hex)).chain(own).collect();
        for role in TEXTS {
            for (index, ground) in grounds.iter().enumerate() {
                let ratio = contrast(linear(style(role).fg), *ground);
                assert!(ratio >= CONTRAST, "{name}: {role:?} on {index}: {ratio:.2}");
            }
        }
        for role in CHIPS {
            let ratio = contrast(linear(style(role).fg), linear(style(role).bg));
            assert!(ratio >= CONTRAST, "{name}: {role:?}: {ratio:.2}");
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
