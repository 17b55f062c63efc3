//! Where the jars of an Apache Kafka release are: in a distribution, in a folder of jars, or where Maven put them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use etcetera::BaseStrategy;

use crate::supervisor::folder::shown;

/// Beginning of the server's jar; Scala's version and the release follow.
const SERVER: &str = "kafka_2.1";

/// Jars that its distribution has and that the server's own description does not name: they write the log.
const BESIDE: [(&str, &str, &str); 2] = [
    ("org.slf4j", "slf4j-reload4j", "1.7.36"),
    ("io.dropwizard.metrics", "metrics-core", "4.1.12.1"),
];

/// A release that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jars {
    /// The folder that has them.
    pub folder: PathBuf,
    /// Which release they are, `3.9.2`.
    pub version: String,
}

impl Jars {
    /// The release whose number begins with `series`: in `home`, a distribution or a folder of jars, else among those that were fetched.
    ///
    /// # Errors
    /// There is none; the sentence says how to get one.
    pub fn find(series: &str, home: Option<&Path>) -> Result<Self> {
        let Some(home) = home else {
            let found = fetched()?.into_iter().rfind(|jars| jars.is_of(series));
            return found.with_context(|| {
                format!(
                    "Apache Kafka {series} is not here: kafkarium engine fetch {series}.2 gets it with Maven, \
                     or say --kafka-home DIR, a distribution or a folder of its jars"
                )
            });
        };
        let of_a_distribution = home.join("libs");
        let folder = if of_a_distribution.is_dir() {
            of_a_distribution
        } else {
            home.to_owned()
        };
        let Some(version) = version_in(&folder) else {
            bail!(
                "--kafka-home {}: there is no {SERVER}3-{series}.x.jar in it or in its folder libs",
                shown(home)
            );
        };
        let jars = Self {
            // A process has a working folder of its own.
            folder: folder
                .canonicalize()
                .with_context(|| format!("cannot open {}", shown(&folder)))?,
            version,
        };
        ensure!(
            jars.is_of(series),
            "--kafka-home {} is Apache Kafka {}, not {series}",
            shown(home),
            jars.version
        );
        Ok(jars)
    }

    fn is_of(&self, series: &str) -> bool {
        let rest = self.version.strip_prefix(series);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// The releases that were fetched, older ones first.
///
/// # Errors
/// The user has no home folder.
pub fn fetched() -> Result<Vec<Jars>> {
    let folders = fs::read_dir(home()?).into_iter().flatten().flatten();
    let mut found: Vec<Jars> = folders
        .filter_map(|entry| {
            let folder = entry.path().join("jars");
            let version = version_in(&folder)?;
            Some(Jars { folder, version })
        })
        .collect();
    found.sort_by_key(|jars| numbers(&jars.version));
    Ok(found)
}

/// Gets a release with Maven into the user's cache, where it is not there yet.
///
/// # Errors
/// Maven is not there, or does not find it.
pub fn fetch(version: &str) -> Result<Jars> {
    ensure!(
        numbers(version).is_some() && version.contains('.'),
        "{version:?} is no release: 3.9.2 is one"
    );
    fetch_into(version, &home()?.join(version))
}

/// [`fetch`] into a folder of its own.
///
/// # Errors
/// As there.
pub fn fetch_into(version: &str, folder: &Path) -> Result<Jars> {
    let jars = Jars {
        folder: folder.join("jars"),
        version: version.to_owned(),
    };
    if version_in(&jars.folder).is_some() {
        return Ok(jars);
    }
    // Beside its place: a fetch that is cut short leaves no half a release.
    let incomplete = folder.join("incomplete");
    fs::create_dir_all(&incomplete)
        .with_context(|| format!("cannot create {}", shown(&incomplete)))?;
    fs::write(folder.join("pom.xml"), project(version))
        .with_context(|| format!("cannot write to {}", shown(folder)))?;
    let run = Command::new("mvn")
        .args(["-q", "-B", "dependency:copy-dependencies"])
        .arg("-DincludeScope=runtime")
        .args([
            "-Daether.connector.connectTimeout=10000",
            "-Daether.connector.requestTimeout=60000",
        ])
        .arg(format!("-DoutputDirectory={}", incomplete.display()))
        .current_dir(folder)
        .output()
        .context("Maven (mvn) gets Apache Kafka: install it, or say --kafka-home DIR")?;
    if !run.status.success() {
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        let why = said.lines().find(|line| line.contains("ERROR"));
        bail!(
            "Maven could not get Apache Kafka {version}: {}",
            why.unwrap_or("it does not say why")
        );
    }
    fs::rename(&incomplete, &jars.folder)
        .with_context(|| format!("cannot write to {}", shown(folder)))?;
    Ok(jars)
}

/// What Maven is asked for.
fn project(version: &str) -> String {
    let own = ["kafka_2.13", "kafka-tools"].map(|artifact| ("org.apache.kafka", artifact, version));
    let dependencies: Vec<String> = own
        .into_iter()
        .chain(BESIDE)
        .map(|(group, artifact, version)| {
            format!(
                "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>"
            )
        })
        .collect();
    let dependencies = dependencies.concat();
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>kafkarium</groupId><artifactId>engine</artifactId><version>1</version>\
         <packaging>pom</packaging><dependencies>{dependencies}</dependencies></project>"
    )
}

fn home() -> Result<PathBuf> {
    let base = etcetera::choose_base_strategy()
        .context("there is no home folder: say --kafka-home DIR")?;
    Ok(base.cache_dir().join("kafkarium").join("engines"))
}

/// The release whose server is in a folder.
fn version_in(folder: &Path) -> Option<String> {
    let files = fs::read_dir(folder).ok()?.flatten();
    files
        .map(|file| file.file_name())
        .find_map(|name| version_of(&name))
}

/// `kafka_2.13-3.9.2.jar`
fn version_of(file: &OsStr) -> Option<String> {
    let rest = file.to_str()?.strip_prefix(SERVER)?.strip_suffix(".jar")?;
    let (_, version) = rest.split_once('-')?;
    numbers(version).map(|_| version.to_owned())
}

/// `3.9.2`; nothing else is a release.
fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::Jars;

    #[test]
    fn a_distribution_and_a_folder_of_jars_are_taken_and_what_is_neither_is_named() {
        let dir = tempfile::tempdir().expect("temporary folder");
        let libs = dir.path().join("libs");
        fs::create_dir(&libs).expect("created");
        let find = |path: &std::path::Path| Jars::find("3.9", Some(path));
        let refused = find(dir.path()).expect_err("empty").to_string();
        assert!(refused.contains("kafka_2.13-3.9.x.jar"), "{refused}");
        File::create(libs.join("kafka_2.13-3.9.2-test.jar")).expect("created");
        find(dir.path()).expect_err("that is no server");
        File::create(libs.join("kafka_2.13-3.9.2.jar")).expect("created");
        let found = find(dir.path()).expect("a distribution");
        assert_eq!(found.version, "3.9.2");
        assert_eq!(found, find(&libs).expect("a folder of jars"));
    }

    #[test]
    fn another_release_than_the_one_asked_for_is_said() {
        let dir = tempfile::tempdir().expect("temporary folder");
        File::create(dir.path().join("kafka_2.13-4.1.0.jar")).expect("created");
        let refused = Jars::find("3.9", Some(dir.path())).expect_err("4.1");
        let refused = refused.to_string();
        assert!(
            refused.ends_with("is Apache Kafka 4.1.0, not 3.9"),
            "{refused}"
        );
    }
}
