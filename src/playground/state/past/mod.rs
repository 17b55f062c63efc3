//! Looking at what was: a held picture that can be moved through the session, and a saved session
//! that is played. Life goes on underneath; the eye that looks, its view, is one for both.

mod beginning;
mod history;
mod page;
mod relive;
mod replay;
#[cfg(test)]
mod tests;

pub use beginning::Beginning;
pub use history::{BYTES_MAX, History, Kept, mib};
pub use page::{Page, PageError};
pub use relive::Relived;
pub(super) use replay::play_on;
pub use replay::{Pace, Progress};

use std::time::Duration;

use self::{history::Reading, replay::Replay};
use crate::state::{
    Event, Happening, State, Timestamp,
    action::{Action, ClusterAction, Motion, Pane, Request, ScreenAction},
    cluster::Observation,
    view::{Overlay, View, look_back},
};

/// Lines of what happened that a page key steps over.
const STEPS_A_PAGE: i32 = 10;

/// The session so far, and where in it the held picture stands.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// All that is kept of the session.
    pub history: History,
    /// How many events the picture has seen.
    at: u64,
    /// The view that belongs to the picture's facts: recorded keys move in it, not in ours.
    recorded: Option<View>,
    /// The page that was read last.
    reading: Option<Box<Reading>>,
    replay: Option<Replay>,
    /// What a key asked for that the picture itself cannot do.
    asked: Option<Travel>,
}

/// Where to from a picture of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Travel {
    /// Back to now; in a replay: play on, or stop playing.
    Now,
    /// So many lines of what happened on, or back.
    Steps(i32),
    /// A replay's pace, faster or slower.
    Pace(bool),
}

/// What a state that is only a picture knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureOf {
    /// The moment.
    pub at: Timestamp,
    /// Whether there is no cluster behind it.
    pub replay: bool,
    /// What there is to go back to.
    pub kept: Kept,
}

/// The point in time that a picture shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// When that was.
    pub at: Timestamp,
    /// How long before now.
    pub ago: Duration,
    /// How far a saved session was played.
    pub replay: Option<Progress>,
}

impl State {
    /// The moment that is shown, while that is not now.
    #[must_use]
    pub fn moment(&self) -> Option<Moment> {
        let picture = self.held.as_ref()?;
        Some(Moment {
            at: picture.now,
            ago: self.now.since(picture.now),
            replay: self.past.progress(picture.now),
        })
    }

    /// Whether a saved session is played here, so that there is no cluster at all.
    #[must_use]
    pub fn is_replay(&self) -> bool {
        self.past.replay.is_some()
    }

    fn picture_of(&self, at: Timestamp) -> PictureOf {
        PictureOf {
            at,
            replay: self.is_replay(),
            kept: self.past.history.kept(),
        }
    }
}

/// Takes an event in, for going back to it.
pub(super) fn remember(state: &mut State, event: &Event) {
    if state.is_replay() || state.picture_of.is_some() {
        return;
    }
    let mut past = std::mem::take(&mut state.past);
    past.history.remember(state, event);
    state.past = past;
}

/// Whether this event is for the held picture and not for what goes on underneath.
pub(super) fn is_for_picture(state: &State, what: &Happening) -> bool {
    state.held.is_some()
        && matches!(
            what,
            Happening::Key(_) | Happening::Paste(_) | Happening::Do(_)
        )
}

/// A look at the held picture: it is what keys reach for a while.
pub(super) struct Look {
    /// The picture, as of now: what is pressed in it is pressed now.
    pub picture: Box<State>,
    moment: Timestamp,
    before: View,
}

/// Takes the picture out to move about in it.
pub(super) fn look(state: &mut State) -> Option<Look> {
    let mut picture = state.held.take()?;
    let moment = std::mem::replace(&mut picture.now, state.now);
    picture.picture_of = Some(state.picture_of(moment));
    Some(Look {
        before: picture.view.clone(),
        picture,
        moment,
    })
}

/// Puts it back; what was asked of the outside is what the picture may ask.
pub(super) fn put_back(state: &mut State, look: Look, mut requests: Vec<Request>) -> Vec<Request> {
    let Look {
        mut picture,
        moment,
        before,
    } = look;
    picture.now = moment;
    // Whatever a picture may ask for, nothing of it reaches a cluster.
    requests.retain(Request::concerns_the_terminal);
    // A log says today what it said then: old records may be read for the picture too.
    if !state.is_replay() {
        requests.extend(look_back(&mut picture));
    }
    state.view.clone_from(&picture.view);
    state.past.asked = picture.past.asked.take();
    if let Some(replay) = &mut state.past.replay
        && state.past.asked.is_none()
    {
        replay.look_away(&before, &picture.view);
    }
    state.held = Some(picture);
    requests
}

/// How an event is folded into a state: the past has no way of its own.
pub(super) type Fold = fn(&mut State, Happening) -> Vec<Request>;

/// Goes where the gate was asked to go.
pub(super) fn travel(state: &mut State, fold: Fold) {
    match state.past.asked.take() {
        Some(Travel::Now) if state.is_replay() => replay::play_or_hold(state, fold),
        Some(Travel::Now) => leave(state),
        Some(Travel::Steps(lines)) => step(state, lines, fold),
        Some(Travel::Pace(faster)) => replay::change_pace(state, faster),
        None => {}
    }
}

/// Gives the picture the old records that it asked for.
pub(super) fn share_old_records(state: &mut State, what: &Happening) {
    if let (
        Some(picture),
        Happening::Observed(Observation::Records {
            partition,
            from,
            upto,
            records,
        }),
    ) = (&mut state.held, what)
    {
        picture
            .cluster
            .see_old_records(partition, (*from, *upto), records);
    }
}

/// Whether an action is the past's: it goes to another moment, or it means nothing in a moment that is over.
pub(super) fn takes(state: &mut State, action: &Action) -> bool {
    match state.picture_of {
        Some(of) => means_travel(state, action, of) || refuses(state, action, of),
        None => begins_travel(state, action),
    }
}

/// Now is left by holding it.
fn begins_travel(state: &mut State, action: &Action) -> bool {
    let steps = match action {
        Action::Screen(ScreenAction::Hold) => None,
        Action::Screen(ScreenAction::Step(lines)) => Some(Travel::Steps(*lines)),
        _ => return false,
    };
    hold(state);
    state.past.asked = steps;
    true
}

/// What an action means in a picture.
fn means_travel(state: &mut State, action: &Action, of: PictureOf) -> bool {
    let pages = matches!(state.view.focus, Pane::Processes | Pane::Story)
        && state.view.overlay == Overlay::None;
    let travel = match action {
        Action::Screen(ScreenAction::Hold | ScreenAction::Live) => Travel::Now,
        Action::Screen(ScreenAction::Step(lines)) => Travel::Steps(*lines),
        Action::Screen(ScreenAction::Move(Motion::PageUp)) if pages => Travel::Steps(-STEPS_A_PAGE),
        Action::Screen(ScreenAction::Move(Motion::PageDown)) if pages => {
            Travel::Steps(STEPS_A_PAGE)
        }
        Action::Cluster(ClusterAction::StreamFaster) if of.replay => Travel::Pace(true),
        Action::Cluster(ClusterAction::StreamSlower) if of.replay => Travel::Pace(false),
        _ => return false,
    };
    state.past.asked = Some(travel);
    true
}

/// Nothing is done to a cluster that is only a picture; a sentence says so.
fn refuses(state: &mut State, action: &Action, of: PictureOf) -> bool {
    if !matches!(action, Action::Cluster(_) | Action::Lesson(_)) {
        return false;
    }
    let clock = of.at.clock(state.setup.utc_offset_s);
    let text = if of.replay {
        format!("this is {clock:#} of a saved session: no cluster is behind it")
    } else {
        format!("this is {clock:#}, not now. {{hold}} returns to now")
    };
    state.message(text, false);
    true
}

/// Holds the picture as it is now.
fn hold(state: &mut State) {
    let picture_of = state.picture_of(state.now);
    let mut past = std::mem::take(&mut state.past);
    let mut picture = state.clone();
    picture.held = None;
    picture.picture_of = Some(picture_of);
    past.at = past.history.len();
    past.recorded = None;
    state.past = past;
    state.held = Some(Box::new(picture));
}

/// Back to now. Where the eye went meanwhile becomes part of the session: later keys mean what it
/// looks at.
fn leave(state: &mut State) {
    state.held = None;
    state.past.reading = None;
    state.past.recorded = None;
    let event = Event {
        at: state.now,
        what: Happening::Returned(Box::new(state.view.eye())),
    };
    remember(state, &event);
}

/// Steps through what happened: to the moment of the line before, or after, the one shown.
fn step(state: &mut State, lines: i32, fold: Fold) {
    let mut target = state.past.at;
    for _ in 0..lines.unsigned_abs() {
        let history = &state.past.history;
        let next = if lines < 0 {
            history.step_before(target)
        } else {
            history.step_after(target)
        };
        let Some(next) = next else { break };
        target = next;
    }
    replay::stop(state);
    if target == state.past.at {
        let text = match (lines < 0, state.past.history.kept_since()) {
            (false, _) if state.is_replay() => "the session ends here".to_owned(),
            (false, _) => "nothing happened after this. {hold} returns to now".to_owned(),
            (true, None) => "nothing happened before this".to_owned(),
            (true, Some(since)) => format!(
                "what happened before {} was let go: {} MiB are kept",
                since.clock(state.setup.utc_offset_s),
                mib(state.past.history.kept().bytes_max)
            ),
        };
        state.message(text, false);
        show(state);
        return;
    }
    go_to(state, target, fold);
}

/// Shows the session as it was after this many events.
fn go_to(state: &mut State, target: u64, fold: Fold) {
    let past = &mut state.past;
    let page = match past.reading.take() {
        Some(page) if page.first <= target && target <= page.end() => page,
        _ => match past.history.read(target) {
            Some(Ok(page)) => Box::new(page),
            Some(Err(error)) => {
                state.message(format!("that moment {error}"), true);
                show(state);
                return;
            }
            None => return,
        },
    };
    let on_from_here = past.at >= page.first && past.at <= target;
    let (mut picture, folded) = match (state.held.take(), past.recorded.take()) {
        (Some(mut picture), Some(recorded)) if on_from_here => {
            picture.view = recorded;
            (picture, past.at)
        }
        _ => (Box::new(page.unpacked.state.clone()), page.first),
    };
    // While it is folded it is no picture: the keys of then did what they did.
    picture.picture_of = None;
    let skip = usize::try_from(folded - page.first).unwrap_or(usize::MAX);
    let take = usize::try_from(target.saturating_sub(folded)).unwrap_or(usize::MAX);
    for event in page.unpacked.events.iter().skip(skip).take(take) {
        picture.now = picture.now.max(event.at);
        fold(&mut picture, event.what.clone());
    }
    // Whoever travelled then travels no more.
    picture.past.asked = None;
    picture.picture_of = Some(PictureOf {
        at: picture.now,
        replay: past.replay.is_some(),
        kept: past.history.kept(),
    });
    past.at = target;
    past.reading = Some(page);
    past.recorded = Some(picture.view.clone());
    state.held = Some(picture);
    if let (Some(replay), Some(recorded)) = (&state.past.replay, &state.past.recorded) {
        replay.follow(recorded, &mut state.view, state.now);
    }
    show(state);
}

/// The picture is looked at with the view that keys move in.
pub(super) fn show(state: &mut State) {
    if let Some(picture) = &mut state.held {
        picture.view.clone_from(&state.view);
    }
}
