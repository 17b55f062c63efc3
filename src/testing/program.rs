//! Where the program is.

use std::path::{Path, PathBuf};

const NAME: &str = "kafkarium";

/// What `KAFKARIUM` names, else the program beside the test's own, else whichever `PATH` has.
pub(crate) fn find() -> PathBuf {
    if let Some(named) = std::env::var_os("KAFKARIUM") {
        return named.into();
    }
    let own = std::env::current_exe().ok();
    let beside = own.as_deref().and_then(beside);
    beside.unwrap_or_else(|| NAME.into())
}

/// Tests and examples stand in a folder below the one for programs: `target/debug/deps/orders-1a2b`.
fn beside(own: &Path) -> Option<PathBuf> {
    let folders = own.ancestors().skip(1).take(2);
    folders
        .map(|folder| folder.join(NAME))
        .find(|program| program.is_file() && program != own)
}

#[cfg(test)]
mod tests {
    use super::beside;

    #[test]
    fn the_program_stands_above_the_tests_of_its_build() {
        let folder = std::env::temp_dir().join(format!("kafkarium-beside-{}", std::process::id()));
        let tests = folder.join("deps");
        std::fs::create_dir_all(&tests).expect("created");
        assert_eq!(beside(&tests.join("orders-1a2b")), None);
        std::fs::write(folder.join("kafkarium"), "").expect("written");
        let found = beside(&tests.join("orders-1a2b"));
        let program = folder.join("kafkarium");
        assert_eq!(found, Some(program));
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
