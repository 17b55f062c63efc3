//! What is picked, and what can be done to it, as the footer says it.

use super::{attached, canvas::Pieces, moment, theme::Role, words};
use crate::state::{State, Status};

/// Actions by their names, and what they do.
pub(super) type Verbs = Vec<(&'static str, &'static str)>;

/// What is picked, and the verbs that make sense for it now, by action.
pub(super) fn picked(state: &State) -> (Pieces, Verbs) {
    let mut name = words::name(&state.view.picked);
    if let Some(quorum) = attached::quorum(state) {
        quorum.clone_into(&mut name);
    }
    if state.view.typed_pick.is_some() {
        name.push('_');
    }
    if let Some(moment) = state.moment() {
        let name = if moment.replay.is_some() {
            " replay "
        } else {
            " held "
        };
        let chip = vec![(Role::Text, " ".into()), (Role::WarningChip, name.into())];
        return (chip, moment::verbs(state, &moment));
    }
    let Some(process) = state.cluster.processes.get(&state.view.picked) else {
        return (vec![(Role::Focus, format!(" {name}"))], Vec::new());
    };
    let consumer = process.group.is_some();
    let open = process
        .producing
        .as_ref()
        .is_some_and(|known| known.stage.is_open());
    if process.status == Status::Up && open {
        let chip = vec![(Role::Focus, format!(" {name}"))];
        let verbs = [
            ("txn produce", "into it"),
            ("txn", "commit"),
            ("txn abort", "abort"),
            ("txn abandon", "kill its producer"),
        ];
        return (chip, verbs.to_vec());
    }
    if !process.ours {
        let chip = match words::status(process).0 {
            "●" => vec![(Role::Focus, format!(" {name}"))],
            sign => vec![
                (Role::Text, " ".into()),
                (Role::DeadChip, format!(" {name} {sign} ")),
            ],
        };
        return (chip, Vec::new());
    }
    match process.status {
        status if status.is_gone() => {
            let mut verbs = vec![("start", "start again")];
            if matches!(status, Status::Died { .. }) {
                verbs.push(("open", "whole log"));
            }
            let chip = vec![
                (Role::Text, " ".into()),
                (Role::DeadChip, format!(" {name} ✗ ")),
            ];
            (chip, verbs)
        }
        Status::Frozen => (
            vec![
                (Role::Text, " ".into()),
                (Role::WarningChip, format!(" {name} z ")),
            ],
            vec![("freeze", "thaw"), ("kill", "kill -9")],
        ),
        Status::Up => (
            vec![(Role::Focus, format!(" {name}"))],
            vec![
                ("kill", "kill -9"),
                ("stop", if consumer { "leave" } else { "stop" }),
                ("freeze", "freeze"),
            ],
        ),
        _ => (
            vec![(Role::Dim, format!(" {name}"))],
            vec![("kill", "kill -9")],
        ),
    }
}
