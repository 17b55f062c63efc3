//! The palette: every action by name, with arguments completed from the live cluster.

mod offers;
mod preview;

use std::cmp::Reverse;

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};

use crate::state::{
    State,
    action::{Action, Target},
    view::{Candidate, Enter, Overlay, Typing},
};
pub use offers::summary;

/// What the palette finds and shows of what it would do, after its text, its cursor or the cluster changed.
pub(super) fn refresh(state: &mut State) {
    let Overlay::Palette(palette) = &state.view.overlay else {
        return;
    };
    let typed = palette.input.text().trim().to_owned();
    let named = named(state, &typed);
    let offers = offers::all(state);
    let Overlay::Palette(palette) = &state.view.overlay else {
        return;
    };
    let found = find(&typed, named.as_ref(), offers);
    let cursor = palette.cursor.min(found.len().saturating_sub(1));
    let action = named.filter(|_| cursor == 0);
    let action = action.or_else(|| found.get(cursor)?.text.parse().ok());
    let enter = enter(&typed, cursor, &found);
    let preview = action.map(|action| preview::preview(state, action));
    if let Overlay::Palette(palette) = &mut state.view.overlay {
        palette.found = found;
        palette.cursor = cursor;
        palette.preview = preview;
        palette.enter = enter;
    }
}

/// The action that was typed; at what is picked where a verb was typed alone.
fn named(state: &State, typed: &str) -> Option<Action> {
    let action: Action = typed.parse().ok()?;
    Some(match action.aim() {
        Some((_, Target::Picked)) => action.at(Target::Process(state.view.picked.clone())),
        _ => action,
    })
}

/// What enter does: what was typed, if that is an action, else the candidate under the cursor. What takes
/// something away must have been named exactly, or walked to.
fn enter(typed: &str, cursor: usize, found: &[Candidate]) -> Enter {
    let typed_action = typed.parse::<Action>();
    let exactly = |action: &Action| {
        !action.is_destructive() || !matches!(action.aim(), Some((_, Target::Picked)))
    };
    match (&typed_action, found.get(cursor)) {
        (Ok(action), _) if cursor == 0 && exactly(action) => Enter::Does(typed.to_owned()),
        (Err(wrong), Some(candidate))
            if cursor == 0 && (candidate.only_verb || candidate.text == typed) =>
        {
            Enter::Refuses(wrong.to_string())
        }
        (_, Some(candidate)) => {
            let action = candidate.text.parse::<Action>();
            let wants_more = action.is_err();
            let takes = action.is_ok_and(|action| action.is_destructive());
            if wants_more || (cursor == 0 && takes) {
                Enter::Completes(candidate.text.clone())
            } else {
                Enter::Does(candidate.text.clone())
            }
        }
        (_, None) if typed.is_empty() => Enter::Nothing,
        (Err(wrong), None) => Enter::Refuses(wrong.to_string()),
        (Ok(_), None) => Enter::Does(typed.to_owned()),
    }
}

/// Puts the chosen candidate into the input, with room for what its action still wants to know.
pub(super) fn complete(state: &mut State) {
    let Overlay::Palette(palette) = &mut state.view.overlay else {
        return;
    };
    if let Some(chosen) = palette.found.get(palette.cursor) {
        let more = if chosen.text.parse::<Action>().is_ok() {
            ""
        } else {
            " "
        };
        palette.input = Typing::new(format!("{}{more}", chosen.text));
        palette.cursor = 0;
    }
}

/// What enter does now.
pub(super) fn chosen(state: &mut State) -> Enter {
    // The cluster may have changed since the list was made, and a paste is not followed by it.
    refresh(state);
    match &state.view.overlay {
        Overlay::Palette(palette) => palette.enter.clone(),
        _ => Enter::Nothing,
    }
}

/// Those that match what was typed, best first: each typed word has its letters in the candidate, in their
/// order. What was named exactly stands before them; where only the verb matches, the candidate comes last.
fn find(typed: &str, named: Option<&Action>, all: Vec<Candidate>) -> Vec<Candidate> {
    let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
    let verb = typed.split_whitespace().next().unwrap_or_default();
    let named = named.map(Action::to_string);
    let mut matcher = Matcher::new(Config::DEFAULT.match_paths());
    let mut letters = Vec::new();
    let mut found: Vec<(bool, Reverse<u32>, Candidate)> = all
        .into_iter()
        .filter_map(|mut candidate| {
            let is_named = named.as_ref() == Some(&candidate.text);
            let text = Utf32Str::new(&candidate.text, &mut letters);
            let score = pattern.score(text, &mut matcher);
            let score = match score {
                None if is_named => 0,
                None if typed != verb && candidate.text.starts_with(verb) => {
                    candidate.only_verb = true;
                    0
                }
                score => score?,
            };
            Some((!is_named, Reverse(score), candidate))
        })
        .collect();
    // Equals stay in the order in which people meet them.
    found.sort_by_key(|(other, score, _)| (*other, *score));
    found.truncate(FOUND_MAX);
    found
        .into_iter()
        .map(|(_, _, candidate)| candidate)
        .collect()
}

/// Candidates that are kept: nobody walks further down a list than this.
const FOUND_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::{Candidate, find};

    fn found(typed: &str, texts: &[&str]) -> Vec<String> {
        let all = texts.iter().map(|text| Candidate {
            text: (*text).to_owned(),
            keys: None,
            note: String::new(),
            asks: false,
            idle: false,
            only_verb: false,
        });
        let named = typed.parse().ok();
        let found = find(typed, named.as_ref(), all.collect());
        found.into_iter().map(|candidate| candidate.text).collect()
    }

    #[test]
    fn words_match_by_their_letters_and_the_best_comes_first() {
        let all = [
            "stop broker 1",
            "kill zookeeper",
            "kill broker 1",
            "kill all brokers",
        ];
        assert_eq!(
            found("ki br", &all),
            ["kill broker 1", "kill all brokers", "kill zookeeper"]
        );
        assert_eq!(found("klbr", &all), ["kill broker 1", "kill all brokers"]);
        assert_eq!(
            found("kill zookeeper", &all),
            ["kill zookeeper", "kill broker 1", "kill all brokers"],
            "what is named stands first"
        );
        assert_eq!(found("", &all), all);
        assert_eq!(found("xyz", &all), [""; 0]);
    }
}
