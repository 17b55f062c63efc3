//! What another shell asks: how things are, to wait for something, to do something and tell when it is there.

use std::time::Duration;

use crate::state::{
    State,
    action::{
        Action, Request, Wanted,
        waits::{Before, keep_mark, wait_for_shell, wait_until_done},
    },
    gate::{By, pass},
};
use wire::control::{Answer, Asker, Question};

/// Another shell asks something; where that can be answered at once, it is.
pub(super) fn asked(state: &mut State, number: u64, question: &Question) -> Vec<Request> {
    let wrong = |why: String| {
        vec![Request::Answer {
            number,
            answer: Answer::Wrong { why },
        }]
    };
    match question {
        Question::Status {} => vec![Request::TellStatus { number }],
        Question::Mark { mark } => {
            let answer = keep_mark(state, mark);
            vec![Request::Answer { number, answer }]
        }
        Question::Wait {
            condition,
            timeout_ms,
            since,
        } => match condition.parse::<Wanted>() {
            Err(error) => wrong(error.to_string()),
            Ok(wanted) => {
                let within = Duration::from_millis(*timeout_ms);
                let answer = wait_for_shell(state, number, wanted, within, since.as_deref());
                let answer = answer.map(|answer| Request::Answer { number, answer });
                answer.into_iter().collect()
            }
        },
        Question::Do {
            action,
            timeout_ms,
            by,
        } => match action.parse::<Action>() {
            Err(error) => wrong(error.to_string()),
            Ok(action) => {
                let within = Duration::from_millis(*timeout_ms);
                do_for(state, number, &action, within, *by)
            }
        },
    }
}

/// Does what another shell wants, and waits until it is there.
fn do_for(
    state: &mut State,
    number: u64,
    action: &Action,
    within: Duration,
    by: Asker,
) -> Vec<Request> {
    let before = Before::doing(state, action);
    // What stood in the footer before is no answer to this.
    state.view.message = None;
    let here = std::mem::replace(&mut state.hand, by.into());
    let mut requests = pass(state, action, By::Sure);
    state.hand = here;
    let refused = state.view.message.as_ref();
    let refused = refused.filter(|message| message.bad || requests.is_empty());
    let answer = match refused.map(|message| message.text.clone()) {
        Some(why) => Some(Answer::Fails { after_ms: 0, why }),
        None => wait_until_done(state, number, action, before, within),
    };
    requests.extend(answer.map(|answer| Request::Answer { number, answer }));
    requests
}
