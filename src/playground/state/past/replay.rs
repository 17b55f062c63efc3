//! A saved session, played at the pace it had, or faster, or slower.

use std::{fmt, time::Duration};

use super::{Fold, History, PageError, Past, go_to};
use crate::state::{
    Setup, State, Timestamp,
    settings::Setting,
    view::{Caption, Overlay, View},
};

/// How often a played session looks whether something is due.
const PLAY_EVERY: Duration = Duration::from_millis(33);

/// Twice, four times, ... as fast; below 1 as slow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace(i8);

impl Pace {
    const SLOWEST: i8 = -3;
    const FASTEST: i8 = 6;

    fn changed(self, faster: bool) -> Self {
        let power = if faster { self.0 + 1 } else { self.0 - 1 };
        Self(power.clamp(Self::SLOWEST, Self::FASTEST))
    }

    fn of(self, passed: Duration) -> Duration {
        passed.mul_f64(f64::from(self.0).exp2())
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let factor = 1_u32 << self.0.unsigned_abs();
        match self.0 {
            ..0 => write!(f, "x1/{factor}"),
            _ => write!(f, "x{factor}"),
        }
    }
}

/// How far a saved session was played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// From its beginning to the moment shown.
    pub passed: Duration,
    /// From its beginning to its end.
    pub whole: Duration,
    /// How fast; `None`: it stands.
    pub playing: Option<Pace>,
}

#[derive(Debug, Clone)]
pub(super) struct Replay {
    pace: Pace,
    /// Since when it plays, and from which recorded time on.
    playing: Option<(Timestamp, Timestamp)>,
    /// Whether the screen follows whoever recorded it; moving about ends that, playing on begins it.
    follows: bool,
}

impl Replay {
    /// The eye went its own way.
    pub(super) fn look_away(&mut self, before: &View, after: &View) {
        let place = |view: &View| View {
            overlay: Overlay::None,
            ask: None,
            message: None,
            caption: None,
            show_keys: false,
            pressed: Vec::new(),
            recording: None,
            last_key: None,
            typed_pick: None,
            ..view.clone()
        };
        self.follows &= place(before) == place(after);
    }

    /// Looks where whoever recorded it looked. What lies over the panes is not taken over: it would
    /// take the keys.
    pub(super) fn follow(&self, recorded: &View, ours: &mut View, now: Timestamp) {
        if !self.follows {
            return;
        }
        let mut own = ours.clone();
        own.layouts.show(recorded.layouts.current().name());
        *ours = View {
            size: own.size,
            appearance: own.appearance,
            keys: own.keys,
            layouts: own.layouts,
            themes: own.themes,
            overlay: own.overlay,
            ask: own.ask,
            message: own.message,
            caption: said(recorded, own.caption, now),
            show_keys: own.show_keys,
            pressed: own.pressed,
            recording: own.recording,
            recent: own.recent,
            last_key: own.last_key,
            ..recorded.clone()
        };
    }
}

/// The recorded caption, on our clock; without one ours stays.
fn said(recorded: &View, own: Option<Caption>, now: Timestamp) -> Option<Caption> {
    let Some(caption) = &recorded.caption else {
        return own;
    };
    let stands = own.filter(|own| own.text == caption.text);
    stands.or_else(|| {
        Some(Caption {
            text: caption.text.clone(),
            since: now,
        })
    })
}

impl Past {
    pub(super) fn progress(&self, shown: Timestamp) -> Option<Progress> {
        let replay = self.replay.as_ref()?;
        let (first, last) = self.history.span()?;
        Some(Progress {
            passed: shown.since(first),
            whole: last.since(first),
            playing: replay.playing.map(|_| replay.pace),
        })
    }
}

impl State {
    /// A session from a file, at its beginning and playing. `own` says what this terminal is like and
    /// when it is now.
    ///
    /// # Errors
    /// Its first page does not read.
    pub(in crate::state) fn replayed(
        history: History,
        own: &Setup,
        fold: Fold,
    ) -> Result<Self, PageError> {
        let first = history.read(0).unwrap_or(Err(PageError::Damaged))?;
        let mut state = first.unpacked.state.clone();
        state.now = own.started_at;
        state.view.size = own.size;
        state.view.appearance = own.appearance;
        state.view.overlay = Overlay::None;
        state.view.ask = None;
        state.view.message = None;
        state.view.show_keys = false;
        state.view.recording = None;
        state.past = Past {
            history,
            replay: Some(Replay {
                pace: Pace::default(),
                playing: None,
                follows: true,
            }),
            ..Past::default()
        };
        go_to(&mut state, 0, fold);
        play_or_hold(&mut state, fold);
        Ok(state)
    }

    /// When a played session moves on.
    pub(in crate::state) fn plays_at(&self) -> Option<Timestamp> {
        let playing = self.past.replay.as_ref()?.playing;
        playing.map(|_| self.now.plus(PLAY_EVERY))
    }
}

/// Plays on from the moment shown, or holds it.
pub(super) fn play_or_hold(state: &mut State, fold: Fold) {
    let now = state.now;
    let ended = state.past.at >= state.past.history.len();
    if ended {
        go_to(state, 0, fold);
    }
    let shown = state.held.as_ref().map(|picture| picture.now);
    let (Some(replay), Some(mut shown)) = (&mut state.past.replay, shown) else {
        return;
    };
    if let (0, Some((first, _))) = (state.past.at, state.past.history.span()) {
        shown = first;
    }
    replay.playing = match replay.playing {
        Some(_) => None,
        None => Some((now, shown)),
    };
    replay.follows |= replay.playing.is_some();
}

/// Stands still where it is.
pub(super) fn stop(state: &mut State) {
    if let Some(replay) = &mut state.past.replay {
        replay.playing = None;
    }
}

pub(super) fn change_pace(state: &mut State, faster: bool) {
    let now = state.now;
    let shown = state.held.as_ref().map(|picture| picture.now);
    if let (Some(replay), Some(shown)) = (&mut state.past.replay, shown) {
        replay.pace = replay.pace.changed(faster);
        replay.playing = replay.playing.map(|_| (now, shown));
    }
}

/// Folds in what is due by now.
pub(in crate::state) fn play_on(state: &mut State, fold: Fold) {
    let Some(replay) = &state.past.replay else {
        return;
    };
    let Some((since, from)) = replay.playing else {
        return;
    };
    let until = from.plus(replay.pace.of(state.now.since(since)));
    while let Some(page) = &state.past.reading {
        let end = page.end();
        let skip = usize::try_from(state.past.at - page.first).unwrap_or(usize::MAX);
        let events = page.unpacked.events.iter().skip(skip);
        let due = events.take_while(|event| event.at <= until).count() as u64;
        go_to(state, state.past.at + due, fold);
        if state.past.at < end || state.past.at >= state.past.history.len() {
            break;
        }
        // The next page begins here.
        state.past.reading = None;
        go_to(state, state.past.at, fold);
    }
    if let Some(picture) = &mut state.held {
        picture.now = picture.now.max(until);
    }
    if state.past.at >= state.past.history.len() {
        stop(state);
        state.message("the session ends here. space plays it again", false);
        super::show(state);
    }
}
