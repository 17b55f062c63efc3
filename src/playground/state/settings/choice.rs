//! Settings of one kind, and which of them is in use.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::toml_file::Mistake;

/// Own files of one kind that are kept; more of them is not a person's folder.
const OWN_MAX: usize = 64;

/// What a file can hold that is chosen by its name.
pub trait Setting: Sized {
    /// Those in the program: name and file. The first one is where everything begins.
    const BUILT_IN: &'static [(&'static str, &'static str)];

    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    fn parse(name: &str, text: &str) -> Result<Self, Mistake>;

    /// The file's name without its ending.
    fn name(&self) -> &str;
}

/// All of a kind, those in the program first. In a saved session only the name of the one in use: files
/// belong to whoever looks at it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "String", from = "String", bound = "T: Setting + Clone")]
pub struct Choice<T: Setting> {
    all: Vec<Arc<T>>,
    current: Arc<T>,
}

impl<T: Setting> PartialEq for Choice<T> {
    /// The same one is in use.
    fn eq(&self, other: &Self) -> bool {
        self.current.name() == other.current.name()
    }
}

impl<T: Setting> Choice<T> {
    /// The one in use.
    #[must_use]
    pub fn current(&self) -> &T {
        &self.current
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|known| known.name())
    }

    /// Uses the one of this name; `false` if there is none.
    pub fn show(&mut self, name: &str) -> bool {
        let found = self.all.iter().find(|known| known.name() == name);
        if let Some(found) = found {
            self.current = Arc::clone(found);
        }
        found.is_some()
    }

    /// Uses the next one or the one before.
    pub fn step(&mut self, forward: bool) {
        let count = self.all.len();
        let at = self.names().position(|name| name == self.current.name());
        let next = (at.unwrap_or(0) + if forward { 1 } else { count - 1 }) % count;
        if let Some(next) = self.all.get(next) {
            self.current = Arc::clone(next);
        }
    }

    /// Takes a file's content in the place of what had its name. Whether that is in use.
    ///
    /// # Errors
    /// What is wrong with it, and where; everything stays as it was.
    pub fn put(&mut self, name: &str, text: &str) -> Result<bool, Mistake> {
        let new = Arc::new(T::parse(name, text)?);
        let room = self.all.len() < T::BUILT_IN.len() + OWN_MAX;
        match self.all.iter_mut().find(|known| known.name() == name) {
            Some(known) => *known = Arc::clone(&new),
            None if room => self.all.push(Arc::clone(&new)),
            None => {}
        }
        let in_use = self.current.name() == name;
        if in_use {
            self.current = new;
        }
        Ok(in_use)
    }

    /// Forgets a file. The program's own of that name comes back; what was in use and is gone gives way to
    /// the first. Whether it was in use.
    pub fn remove(&mut self, name: &str) -> bool {
        self.all.retain(|known| known.name() != name);
        if let Some(at) = T::BUILT_IN.iter().position(|(known, _)| *known == name) {
            self.all.insert(at.min(self.all.len()), built_in(at));
        }
        let in_use = self.current.name().to_owned();
        if !self.show(&in_use)
            && let Some(first) = self.all.first()
        {
            self.current = Arc::clone(first);
        }
        in_use == name
    }
}

fn built_in<T: Setting>(at: usize) -> Arc<T> {
    let (name, text) = T::BUILT_IN.get(at).expect("asked for one that is there");
    Arc::new(T::parse(name, text).expect("a test reads every file in the program"))
}

impl<T: Setting> Default for Choice<T> {
    fn default() -> Self {
        let all: Vec<Arc<T>> = (0..T::BUILT_IN.len()).map(built_in).collect();
        let current = all.first().map(Arc::clone);
        Self {
            all,
            current: current.expect("there is one in the program"),
        }
    }
}

impl<T: Setting> From<Choice<T>> for String {
    fn from(choice: Choice<T>) -> Self {
        choice.current.name().to_owned()
    }
}

impl<T: Setting> From<String> for Choice<T> {
    fn from(name: String) -> Self {
        let mut choice = Self::default();
        choice.show(&name);
        choice
    }
}

#[cfg(test)]
mod tests {
    use crate::state::settings::Layouts;

    const MINE: &str = "[[wide]]\npanes = [{ pane = \"log\" }]";

    #[test]
    fn every_file_in_the_program_can_be_read_and_stepped_to() {
        let mut layouts = Layouts::default();
        let names: Vec<String> = layouts.names().map(str::to_owned).collect();
        for name in &names {
            assert_eq!(layouts.current().name, *name);
            layouts.step(true);
        }
        layouts.step(false);
        assert_eq!(
            layouts.current().name,
            *names.last().expect("there are some")
        );
        assert!(layouts.show("groups") && !layouts.show("nothing"));
    }

    #[test]
    fn an_own_file_takes_the_place_of_one_in_the_program_and_gives_it_back() {
        let mut layouts = Layouts::default();
        let own = layouts.current().clone();
        assert_eq!(layouts.put("overview", MINE), Ok(true));
        assert_ne!(*layouts.current(), own);
        assert!(layouts.put("overview", "wide = 1").is_err());
        assert_ne!(*layouts.current(), own, "a mistake changes nothing");
        layouts.remove("overview");
        assert_eq!(*layouts.current(), own);
        assert_eq!(layouts.put("mine", MINE), Ok(false));
        layouts.show("mine");
        layouts.remove("mine");
        assert_eq!(*layouts.current(), own);
        assert!(!layouts.show("mine"));
    }
}
