//! Hints: the keys that do something from here, with what is picked now and the pane that has the keys.

use std::cell::RefCell;

use super::View;
use crate::state::{
    action::{Action, ClusterAction, Key, Pane, ScreenAction, Target},
    cluster::ProcessName,
    settings::Context,
    spelling::filled,
};

impl View {
    /// The keys that do this from here: `r`, or `3 r` where another process is picked; as the palette takes it
    /// where keys cannot say it.
    #[must_use]
    pub fn keys_for(&self, action: &Action) -> String {
        self.keys_with(action, &self.picked)
    }

    /// The keys of actions that are done one after the other, each from where the one before has left off.
    #[must_use]
    pub fn keys_in_turn(&self, actions: &[Action]) -> Vec<String> {
        let mut picked = &self.picked;
        let mut keys = Vec::new();
        for action in actions {
            keys.push(self.keys_with(action, picked));
            if let Some((_, Target::Process(process))) = action.aim() {
                picked = process;
            }
        }
        keys
    }

    fn keys_with(&self, action: &Action, picked: &ProcessName) -> String {
        let free = |key: &Key| self.keys.lookup(Context::Pane(self.focus), *key).is_none();
        let plain = |name: &str| {
            let action = name.parse().ok()?;
            self.keys.key_always(&action)
        };
        let keys = match (action, action.aim()) {
            (Action::Cluster(ClusterAction::DeleteTopic(topic)), _) if *topic != self.topic => None,
            (Action::Cluster(ClusterAction::DeleteTopic(_)), _) if self.focus == Pane::Group => {
                None
            }
            (Action::Cluster(ClusterAction::DeleteTopic(_)), _) => {
                plain("delete").map(|key| key.to_string())
            }
            (_, Some((verb, Target::Process(process)))) if process == picked => {
                plain(verb).filter(free).map(|key| key.to_string())
            }
            // Who picks a server leaves the pane for the boxes.
            (_, Some((verb, Target::Process(process)))) => self
                .keys
                .key_always(&Action::Screen(ScreenAction::Pick(process.clone())))
                .filter(free)
                .zip(plain(verb))
                .map(|(picks, does)| format!("{picks} {does}")),
            _ => return self.keys.shown(&action.to_string()),
        };
        let typed = || match action.aim() {
            Some((verb, Target::Process(ProcessName::Consumer(name)))) => format!(":{verb} {name}"),
            _ => format!(":{action}"),
        };
        keys.unwrap_or_else(typed)
    }

    /// A sentence with the keys of the actions that it names in braces, as they work from here: `{start broker 3}`.
    #[must_use]
    pub fn fill(&self, sentence: &str) -> String {
        filled(sentence, |name| self.named(name, &self.picked))
    }

    /// The same where the actions are done one after the other, each from where the one before has left off.
    #[must_use]
    pub fn fill_in_turn(&self, sentence: &str) -> String {
        let picked = RefCell::new(self.picked.clone());
        filled(sentence, |name| {
            let keys = self.named(name, &picked.borrow());
            let action: Option<Action> = name.parse().ok();
            if let Some((_, Target::Process(process))) = action.as_ref().and_then(Action::aim) {
                picked.replace(process.clone());
            }
            keys
        })
    }

    fn named(&self, name: &str, picked: &ProcessName) -> Option<String> {
        match name.parse() {
            Ok(action @ Action::Cluster(ClusterAction::DeleteTopic(_))) => {
                Some(self.keys_with(&action, picked))
            }
            Ok(action) if action.aim().is_some() => Some(self.keys_with(&action, picked)),
            _ => self.keys.named(name),
        }
    }
}
