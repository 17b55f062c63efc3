//! The rules of the house, read from the sources: which wing may use which, which rooms stay pure,
//! how long a file may grow.

use std::{
    collections::BTreeSet,
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
const PURE_ROOMS: [&str; 9] = [
    "broker/replication",
    "broker/coordinator",
    "broker/transactions",
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

/// The rooms of the terminal's memory, from the bottom up: each uses only those before it.
const STATE_ROOMS: [&str; 18] = [
    "time",
    "spelling",
    "setup",
    "cluster",
    "story",
    "action",
    "settings",
    "view",
    "palette",
    "past",
    "lessons",
    "race",
    "settings_file",
    "gate",
    "dispatch",
    "shell",
    "process_changed",
    "update",
];

/// The whole of what these rooms keep. Who tells facts or sentences takes the parts it needs.
const WHOLE: [&str; 2] = ["model", "mod"];

/// The first room that may take the whole.
const WHOLE_FROM: &str = "action";

/// Arrows in the terminal's memory that point up as yet: this list only gets shorter.
const STATE_ARROWS_UP: [(&str, &str); 0] = [];

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

/// Every path in the code that begins in its own crate, from the crate's root on, with the line it stands in. What a
/// `use` takes together is taken apart.
fn paths_in(source: &Source) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let lines: Vec<&str> = source.code.iter().map(|(_, line)| line.as_str()).collect();
    let text = lines.join("\n");
    let home = module_of(&source.path);
    for (at, _) in text
        .match_indices("crate::")
        .chain(text.match_indices("super::"))
    {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|sign| sign.is_alphanumeric() || "_:".contains(sign)) {
            continue;
        }
        let line = text[..at].matches('\n').count();
        let number = source.code.get(line).map_or(0, |(number, _)| *number);
        let mut rest = &text[at..];
        let mut paths = Vec::new();
        read_paths(&mut rest, &[], &mut paths);
        for path in paths {
            found.push((number, absolute(&home, &path)));
        }
    }
    found
}

/// Reads `a::b::{c, d::e}` and leaves what follows it.
fn read_paths(rest: &mut &str, before: &[String], found: &mut Vec<Vec<String>>) {
    let mut path = before.to_vec();
    loop {
        if let Some(inner) = rest.strip_prefix('{') {
            *rest = inner.trim_start();
            while !rest.is_empty() && !rest.starts_with('}') {
                let length = rest.len();
                read_paths(rest, &path, found);
                let end = rest.find([',', '}']).unwrap_or(rest.len());
                *rest = rest[end..].trim_start_matches(',').trim_start();
                assert!(rest.len() < length, "a use list is read on");
            }
            *rest = rest.strip_prefix('}').unwrap_or(rest);
            return;
        }
        let is_word = |sign: char| sign.is_alphanumeric() || sign == '_';
        let end = rest.find(|sign| !is_word(sign)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        *rest = after;
        if !word.is_empty() && word != "self" {
            path.push(word.to_owned());
        }
        match rest.strip_prefix("::") {
            Some(more) if more.starts_with(|sign| is_word(sign) || sign == '{') => *rest = more,
            _ => {
                found.push(path);
                return;
            }
        }
    }
}

/// `playground/state/cluster/fold.rs` is `state::cluster::fold` of its crate.
fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs");
    let path = path.trim_end_matches("/mod");
    path.split('/').skip(1).map(str::to_owned).collect()
}

/// A path from the root of its crate on.
fn absolute(home: &[String], path: &[String]) -> Vec<String> {
    let mut from = match path.first().map(String::as_str) {
        Some("crate") => Vec::new(),
        _ => home.to_vec(),
    };
    for word in path {
        match word.as_str() {
            "crate" => {}
            "super" => {
                from.pop();
            }
            word => from.push(word.to_owned()),
        }
    }
    from
}

/// The room that a file belongs to, as `broker/log` for `broker/log/append.rs`.
fn room_of(path: &str) -> String {
    let rooms: Vec<&str> = path.split('/').take(2).collect();
    rooms.join("/").trim_end_matches(".rs").to_owned()
}

#[test]
fn what_decides_uses_nothing_that_does() {
    let sources = sources();
    let mut doing = BTreeSet::new();
    for source in &sources {
        let mut lines = source.code.iter();
        if lines.any(|(_, line)| IMPURE.iter().any(|word| line.contains(word))) {
            doing.insert(room_of(&source.path));
        }
    }
    assert!(
        doing.contains("broker/log"),
        "a shell is known by what it does"
    );
    let mut broken = Vec::new();
    for source in &sources {
        if !PURE_ROOMS.contains(&&*room_of(&source.path)) {
            continue;
        }
        let wing = source.path.split('/').next().unwrap_or_default();
        for (number, path) in paths_in(source) {
            let Some(used) = path.first() else { continue };
            if doing.contains(&format!("{wing}/{used}")) {
                let path = path.join("::");
                broken.push(format!("src/{}:{number} uses {path}", source.path));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Where each name comes from that the terminal's memory shows outside.
fn shown_by_state(sources: &[Source]) -> Vec<(String, String)> {
    let map = sources
        .iter()
        .find(|source| source.path == "playground/state/mod.rs")
        .expect("the map is there");
    let lines: Vec<&str> = map.code.iter().map(|(_, line)| line.as_str()).collect();
    let text = lines.join("\n");
    let mut shown = Vec::new();
    for (at, found) in text.match_indices("pub use ") {
        let mut rest = &text[at + found.len()..];
        let mut paths = Vec::new();
        read_paths(&mut rest, &[], &mut paths);
        for path in paths {
            if let [room, .., name] = path.as_slice() {
                shown.push((name.clone(), room.clone()));
            }
        }
    }
    shown
}

#[test]
fn rooms_of_the_state_use_only_those_below_them() {
    let sources = sources();
    let shown = shown_by_state(&sources);
    assert!(shown.len() > 50, "the map shows names");
    let rank = |room: &str| STATE_ROOMS.iter().position(|known| *known == room);
    let whole_from = rank(WHOLE_FROM).expect("it is a room");
    let (mut broken, mut known) = (Vec::new(), Vec::new());
    for source in &sources {
        let module = module_of(&source.path);
        let [state, own, ..] = module.as_slice() else {
            continue;
        };
        if !source.path.starts_with("playground/state/") || WHOLE.contains(&own.as_str()) {
            continue;
        }
        assert_eq!(state, "state");
        let Some(own_rank) = rank(own) else {
            assert!(
                source.lines == 0 || own == "day",
                "no room has src/{}",
                source.path
            );
            continue;
        };
        for (number, path) in paths_in(source) {
            let [state, used, ..] = path.as_slice() else {
                continue;
            };
            if state != "state" || used == own {
                continue;
            }
            let room = shown.iter().find(|(name, _)| name == used);
            let room = room.map_or(used.as_str(), |(_, room)| room);
            let room = if room.starts_with(char::is_uppercase) {
                "mod"
            } else {
                room
            };
            let is_below = match rank(room) {
                Some(rank) => rank <= own_rank,
                None => WHOLE.contains(&room) && own_rank >= whole_from,
            };
            if is_below {
                continue;
            }
            let file = source.path.trim_start_matches("playground/state/");
            if STATE_ARROWS_UP.contains(&(file, room)) {
                known.push((file, room.to_owned()));
            } else {
                let path = path.join("::");
                broken.push(format!(
                    "src/{}:{number} uses {path} of {room}",
                    source.path
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    for (file, room) in STATE_ARROWS_UP {
        let is_there = known.iter().any(|(from, to)| *from == file && to == room);
        assert!(is_there, "{file} uses {room} no more: take it off the list");
    }
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
    let code = "use super::{a::B, c::{self, D as E}};\nlet it = crate::state::f::G::new();";
    let source = Source {
        path: "playground/state/room/file.rs".into(),
        code: (1..).zip(code.lines().map(str::to_owned)).collect(),
        lines: 2,
    };
    let found: Vec<String> = paths_in(&source)
        .into_iter()
        .map(|(number, path)| format!("{number} {}", path.join("::")))
        .collect();
    let named = [
        "1 state::room::a::B",
        "1 state::room::c",
        "1 state::room::c::D",
    ];
    for path in named.into_iter().chain(["2 state::f::G::new"]) {
        assert!(found.iter().any(|found| found == path), "{path}: {found:?}");
    }
}
