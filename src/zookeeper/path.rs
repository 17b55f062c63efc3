//! Which znode paths are valid, and who is whose parent.

/// The root of the tree.
pub(super) const ROOT: &str = "/";

/// Whether a znode may be created at `path`: absolute, no empty, `.` or `..` component, no trailing
/// slash, no control or private characters.
pub(super) fn is_valid(path: &str) -> bool {
    if path == ROOT {
        return true;
    }
    let Some(relative) = path.strip_prefix('/') else {
        return false;
    };
    relative
        .split('/')
        .all(|name| !matches!(name, "" | "." | ".."))
        && !path.chars().any(is_forbidden)
}

fn is_forbidden(character: char) -> bool {
    matches!(character,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{ffff}')
}

/// The parent's path and the name below it; `None` for the root and what is not absolute.
pub(super) fn split(path: &str) -> Option<(&str, &str)> {
    if path == ROOT {
        return None;
    }
    let (parent, name) = path.rsplit_once('/')?;
    Some((if parent.is_empty() { ROOT } else { parent }, name))
}

/// The path itself, then its parents up to the root.
pub(super) fn up_from(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |below| split(below).map(|(parent, _)| parent))
}

/// What every path below `path` begins with.
pub(super) fn prefix_of_children(path: &str) -> String {
    if path == ROOT {
        ROOT.to_owned()
    } else {
        format!("{path}/")
    }
}

#[cfg(test)]
mod tests {
    use super::{is_valid, split, up_from};

    #[test]
    fn paths_are_valid_as_in_the_original() {
        for path in ["/", "/a", "/a/b", "/a/..b", "/a/.../b", "/ä/日本", "/a b"] {
            assert!(is_valid(path), "{path:?}");
        }
        for path in [
            "",
            "a",
            "/a/",
            "//",
            "/a//b",
            "/.",
            "/a/./b",
            "/a/..",
            "/a\0b",
            "/a\u{1}",
            "/\u{f8ff}",
        ] {
            assert!(!is_valid(path), "{path:?}");
        }
    }

    #[test]
    fn parents_lead_to_the_root() {
        assert_eq!(split("/a"), Some(("/", "a")));
        assert_eq!(split("/a/b"), Some(("/a", "b")));
        assert_eq!(split("/"), None);
        assert_eq!(split("a"), None);
        assert_eq!(up_from("/a/b").collect::<Vec<_>>(), ["/a/b", "/a", "/"]);
    }
}
