//! The rules of the house, read from the sources: which wing may use which, which rooms stay pure,
//! how long a file may grow.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// From the top of the map down; an arrow may only point to a later wing.
const WINGS: [&str; 8] = [
    "cli",
    "playground",
    "broker",
    "zookeeper",
    "librdkafka",
    "testing",
    "client",
    "wire",
];

/// Arrows that point down and are forbidden all the same.
const BORDERS: [(&str, &str); 4] = [
    ("playground", "broker"),
    ("playground", "zookeeper"),
    ("broker", "zookeeper"),
    ("broker", "librdkafka"),
];

/// Rooms that decide and never do: time comes in with the event, effects go out as values.
const PURE_ROOMS: [&str; 8] = [
    "broker/replication",
    "broker/coordinator",
    "broker/controller",
    "zookeeper/data_tree",
    "zookeeper/session_tracker",
    "zookeeper/watch_manager",
    "playground/state",
    "playground/ui",
];

/// What a pure room may not mention.
const IMPURE: [&str; 9] = [
    "tokio",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "rand::",
    "Instant::now",
    "SystemTime::now",
    "async fn",
];

/// Lines of a file before its tests.
const FILE_LINES_MAX: usize = 500;

/// Names that say nothing about what is inside.
const NAMELESS: [&str; 4] = ["utils", "util", "common", "helpers"];

struct Source {
    /// Below `src/`, with forward slashes.
    path: String,
    /// Up to the tests written at the end of the file, comment lines left out.
    code: Vec<(usize, String)>,
    /// Lines before the tests, comments included.
    lines: usize,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 10, "the sources are found");
    files.sort();
    files.iter().map(|file| read_source(&root, file)).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn read_source(root: &Path, file: &Path) -> Source {
    let text = fs::read_to_string(file).expect("the source is readable");
    let is_test_file = file.components().any(|part| part.as_os_str() == "tests")
        || file
            .file_stem()
            .is_some_and(|stem| stem == "tests" || stem.to_string_lossy().ends_with("_tests"));
    let body: Vec<&str> = if is_test_file {
        Vec::new()
    } else {
        product_lines(&text)
    };
    Source {
        path: file
            .strip_prefix(root)
            .expect("it was found below the root")
            .to_string_lossy()
            .replace('\\', "/"),
        lines: body.len(),
        code: body
            .iter()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(index, line)| (index + 1, (*line).to_owned()))
            .collect(),
    }
}

/// The lines before a file's own tests. Where they are only declared (`mod tests;`) the file goes
/// on, and other parts that only tests have, as planted bugs, stand where they belong.
fn product_lines(text: &str) -> Vec<&str> {
    let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text.get(..tests).unwrap_or_default().lines().collect()
}

/// The wings that the package of this wing depends on. The compiler lets a wing use no other one.
fn wings_used(manifest: &str) -> Vec<&'static str> {
    let manifest: toml::Table = manifest.parse().expect("Cargo reads it as well");
    ["dependencies", "dev-dependencies"]
        .into_iter()
        .filter_map(|table| manifest.get(table)?.as_table())
        .flat_map(|table| WINGS.into_iter().filter(|wing| table.contains_key(*wing)))
        .collect()
}

#[test]
fn arrows_point_down_and_never_across_a_border() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut broken = Vec::new();
    for (rank, own) in WINGS.iter().enumerate() {
        let file = match *own {
            "cli" => root.join("Cargo.toml"),
            wing => root.join("src").join(wing).join("Cargo.toml"),
        };
        let manifest = fs::read_to_string(&file).expect("each wing has a manifest");
        for wing in wings_used(&manifest) {
            let is_up = WINGS.iter().take(rank).any(|above| *above == wing);
            if is_up || BORDERS.contains(&(*own, wing)) {
                broken.push(format!("{} depends on {wing}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn pure_rooms_do_nothing_but_decide() {
    let mut broken = Vec::new();
    for source in sources() {
        let is_in = |room: &&str| {
            let rest = source.path.strip_prefix(*room);
            rest.is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
        };
        if !PURE_ROOMS.iter().any(is_in) {
            continue;
        }
        for (number, line) in &source.code {
            for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                broken.push(format!("src/{}:{number} mentions {word}", source.path));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut broken = Vec::new();
    for source in sources() {
        if source.lines > FILE_LINES_MAX {
            broken.push(format!(
                "src/{} has {} lines before its tests",
                source.path, source.lines
            ));
        }
        let stem = source
            .path
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .trim_end_matches(".rs");
        if NAMELESS.contains(&stem) {
            broken.push(format!("src/{} has a name that says nothing", source.path));
        }
    }
    for file in sources() {
        let text = fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("src")
                .join(&file.path),
        )
        .expect("the source is readable");
        if !text.starts_with("//!") {
            broken.push(format!("src/{} does not open with a sentence", file.path));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// The files and folders that a page names: what stands between backticks and has a slash or ends
/// in `.rs`.
fn places_named(page: &str) -> impl Iterator<Item = &str> {
    let quoted = page.split('`').skip(1).step_by(2);
    quoted.filter(|word| {
        let is_path = word
            .chars()
            .all(|c| c.is_alphanumeric() || "_/.".contains(c));
        is_path
            && !word.starts_with('/')
            && (word.contains('/') || Path::new(word).extension().is_some_and(|it| it == "rs"))
    })
}

#[test]
fn the_page_on_architecture_names_what_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/ARCHITECTURE.md")).expect("the page is there");
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        collect(&root.join(folder), &mut files);
    }
    let is_there = |place: &str| {
        let place = Path::new(place.trim_end_matches('/'));
        root.join(place).exists()
            || files.iter().any(|file| {
                let folders = file.ancestors();
                folders.clone().any(|path| path.ends_with(place))
                    || folders
                        .map(|path| path.with_extension(""))
                        .any(|path| path.ends_with(place))
            })
    };
    let missing: Vec<&str> = places_named(&page)
        .filter(|place| !is_there(place))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(places_named(&page).count() > 20, "it names places");
}

#[test]
fn the_rules_see_what_they_look_for() {
    let manifest = "[dependencies]\nbytes = \"1\"\nwire = { path = \"../wire\" }";
    assert_eq!(wings_used(manifest), ["wire"]);
    let declared = "#[cfg(test)]\nmod tests;\n\nfn product() {}";
    assert_eq!(product_lines(declared).len(), 4);
    let written = "fn product() {}\n\n#[cfg(test)]\nmod tests {\n}";
    assert_eq!(product_lines(written).len(), 2);
}
