//! The one gate: whatever is done passes here, whether a key, the palette, a script or another shell wants it.
//!
//! A moment that is over refuses; what is in the way is said; what asks first asks; who has a role is looked up
//! once, so that what is marked is what is done. Only then it is done, by the room of its kind.

use std::time::Duration;

use crate::state::{
    State,
    action::{
        Action, ClusterAction, Key, NewRecord, Pane, Request, ask_terminal, mark, perform,
        question, send,
        waits::{Before, wait_for_lesson},
    },
    lessons, past,
    story::Hand,
    view::{ask_for_words, navigate::move_on_screen},
};

/// Who wants something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Somebody who pressed this key, or chose what it does: is asked where that is due.
    Key(Key),
    /// Somebody who was asked already, a script, another shell.
    Sure,
    /// The open lesson, which prepares itself or does a step for somebody.
    Lesson,
}

/// Bad news stand so long whatever is pressed.
const READ_WITHIN: Duration = Duration::from_secs(2);

/// Lets an action happen, unless something speaks against it.
pub(super) fn pass(state: &mut State, action: &Action, by: By) -> Vec<Request> {
    if past::takes(state, action) {
        return Vec::new();
    }
    if let Some(obstacle) = state.out_of_reach(action) {
        state.message(obstacle.sentence(), true);
        return Vec::new();
    }
    if let By::Key(key) = by {
        if let Some(obstacle) = state.refusal(action) {
            state.message(obstacle.sentence(), true);
            return Vec::new();
        }
        if let Some(ask) = question(state, action, key) {
            state.view.ask = Some(ask);
            return Vec::new();
        }
        if let Some(nothing) = nothing_to_delete(state, action) {
            state.message(nothing, false);
            return Vec::new();
        }
    }
    let action = match state.settled(action) {
        Ok(action) => action,
        Err(nobody) => {
            state.message(nobody, true);
            return Vec::new();
        }
    };
    let mark = mark(state, &action);
    let acts = matches!(action, Action::Cluster(_));
    let now = state.now;
    state.view.message.take_if(|message| {
        let read = now.since(message.since) >= READ_WITHIN;
        !message.bad || read || (message.while_waiting && acts)
    });
    let mut requests = match &action {
        action if ask_for_words(state, action) => Vec::new(),
        Action::Cluster(action) => {
            if by != By::Lesson {
                lessons::tried(state);
                lessons::note(state, action);
            }
            let command = state.command_of(action);
            let requests = perform(state, action);
            if !requests.is_empty() {
                state.view.command = command;
            }
            requests
        }
        Action::Terminal(action) => ask_terminal(state, action),
        Action::Lesson(action) => lessons::lead(state, action),
        Action::Screen(action) => {
            let moved = move_on_screen(state, action);
            let mut requests = moved.requests;
            if let Some((key, action)) = moved.chosen {
                requests.extend(pass(state, &action, By::Key(key)));
            }
            requests
        }
    };
    requests.extend(mark);
    requests
}

/// Why nobody was asked about what a key wants deleted: it is not there.
fn nothing_to_delete(state: &State, action: &Action) -> Option<String> {
    let Action::Cluster(action) = action else {
        return None;
    };
    let (topic, group) = match action {
        ClusterAction::DeleteTopic(topic) => (Some(topic), None),
        ClusterAction::DeleteGroup(group) => (None, Some(group)),
        ClusterAction::Delete if state.view.focus == Pane::Group => (None, Some(&state.view.group)),
        ClusterAction::Delete => (Some(&state.view.topic), None),
        _ => return None,
    };
    let topic = topic.map(|topic| format!("there is no topic {topic}: {{topic create}} makes one"));
    topic.or_else(|| Some(format!("there is no group {}", group?)))
}

/// Goes on with the open lesson: looks what came about, and does what it shall do, one thing after the other.
pub(super) fn go_on_with_lesson(state: &mut State) -> Vec<Request> {
    let mut requests = lessons::follow(state);
    while let Some(action) = lessons::due(state) {
        let before = Before::doing(state, &action);
        state.view.message = None;
        // What it needs it does itself; a step it does for somebody.
        let hand = if lessons::prepares(state) {
            Hand::Lesson
        } else {
            Hand::You
        };
        let here = std::mem::replace(&mut state.hand, hand);
        let asked = pass(state, &action, By::Lesson);
        state.hand = here;
        // Who is told why it was not done need not wait.
        if !asked.is_empty() || state.view.message.is_none() {
            wait_for_lesson(state, &action, before);
        }
        requests.extend(asked);
        // What was done at once may be all that was waited for.
        requests.extend(lessons::follow(state));
    }
    requests
}

/// Lets a record go that was composed by hand.
pub(super) fn pass_record(state: &mut State, record: NewRecord) -> Vec<Request> {
    let compose = Action::Cluster(ClusterAction::Compose);
    if past::takes(state, &compose) || state.out_of_reach(&compose).is_some() {
        return Vec::new();
    }
    send(state, record)
}

#[cfg(test)]
mod tests {
    use crate::state::{Action, Appearance, Happening, Key, Request};
    use crate::ui::tests::session::Session;

    fn wanted(session: &mut Session, action: &str) {
        let action: Action = action.parse().expect("an action");
        session.happen(Happening::Do(action));
    }

    #[test]
    fn nothing_is_done_to_a_cluster_in_a_moment_that_is_over() {
        let mut session = Session::new((120, 36), Appearance::default());
        session.all_ready();
        session.later(500).press('P');
        session.press('a');
        wanted(&mut session, "hold");
        session.requests.clear();
        session.later(500).key(Key::Enter);
        for action in ["kill broker 1", "wait ready", "produce amy:tea"] {
            wanted(&mut session, action);
        }
        let for_cluster = |request: &Request| !request.concerns_the_terminal();
        let done: Vec<_> = session
            .requests
            .iter()
            .filter(|it| for_cluster(it))
            .collect();
        assert!(done.is_empty(), "{done:?}");
        let message = session.state.view.message.as_ref().expect("it says why");
        assert!(message.text.contains("not now"), "{}", message.text);
        wanted(&mut session, "live");
        wanted(&mut session, "kill broker 1");
        assert!(session.requests.iter().any(for_cluster), "now it is");
    }

    #[test]
    fn what_a_key_asks_first_a_script_does() {
        let mut session = Session::new((120, 36), Appearance::default());
        session.all_ready();
        session.later(500).press('q');
        assert!(session.state.view.ask.is_some());
        assert!(!session.requests.contains(&Request::Quit));
        wanted(&mut session, "quit");
        assert!(session.requests.contains(&Request::Quit));
    }
}
