//! The words for a moment that is not now: which one it is, and what keys do there.

use std::time::Duration;

use super::theme::Role;
use crate::state::{Moment, Progress, State, mib};

/// The chip of the header.
pub fn chip(state: &State, moment: &Moment) -> (Role, String) {
    let narrow = state.view.narrow();
    let clock = moment.at.clock(state.setup.utc_offset_s);
    let text = match moment.replay {
        Some(progress) => {
            let far = far(&progress, narrow);
            if narrow {
                format!(" {clock:#} {far} ")
            } else {
                format!(" saved session {clock:#}   {far} ")
            }
        }
        None if narrow => format!(" {clock:#}, {} ago ", ago(moment.ago)),
        None => format!(" this is {clock:#}, {} ago ", ago(moment.ago)),
    };
    (Role::WarningChip, text)
}

fn far(progress: &Progress, narrow: bool) -> String {
    let of = if narrow { "/" } else { " of " };
    let pace = progress
        .playing
        .map_or_else(|| "held".to_owned(), |pace| pace.to_string());
    format!(
        "{}{of}{} {pace}",
        minutes(progress.passed),
        minutes(progress.whole)
    )
}

/// Seconds with a tenth for the first minute, then minutes.
fn ago(passed: Duration) -> String {
    if passed.as_secs() < 60 {
        format!("{:.1} s", passed.as_secs_f64())
    } else {
        minutes(passed)
    }
}

/// `1:04`, or `2:01:04` from an hour on.
pub fn minutes(passed: Duration) -> String {
    let seconds = passed.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match hours {
        0 => format!("{minutes}:{:02}", seconds % 60),
        _ => format!("{hours}:{minutes:02}:{:02}", seconds % 60),
    }
}

/// The note of What happened, which ends at the moment shown, and how far back it goes; the longest that fits.
pub fn story_note(state: &State, room: usize) -> String {
    let Some(of) = state.picture_of else {
        return "live".to_owned();
    };
    let clock = of.at.clock(state.setup.utc_offset_s);
    let brief = format!("until {clock}");
    if of.replay {
        return brief;
    }
    let max = mib(of.kept.bytes_max);
    let since = of
        .kept
        .since
        .map(|since| since.clock(state.setup.utc_offset_s));
    let whole = match &since {
        Some(since) => format!("{brief}, {max} MiB kept since {since}"),
        None => format!("{brief}, {} of {max} MiB kept", mib(of.kept.bytes)),
    };
    let shorter = since.map(|since| format!("{brief}, kept since {since}"));
    let fits = |note: &String| note.len() <= room;
    [Some(whole), shorter]
        .into_iter()
        .flatten()
        .find(fits)
        .unwrap_or(brief)
}

/// What keys do: their actions by name, and the words.
pub fn verbs(state: &State, moment: &Moment) -> Vec<(&'static str, &'static str)> {
    let mut verbs = match moment.replay {
        Some(Progress {
            playing: Some(_), ..
        }) => vec![("hold", "hold")],
        Some(_) => vec![("hold", "play")],
        None => vec![("hold", "live")],
    };
    verbs.extend([("step -1", "back"), ("step 1", "on")]);
    if moment.replay.is_some() {
        verbs.extend([("stream faster", "faster"), ("stream slower", "slower")]);
        verbs.push(("quit", "quit"));
    }
    if state.view.narrow() {
        verbs.truncate(5);
    }
    verbs
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ago, minutes};

    #[test]
    fn the_first_minute_has_tenths() {
        assert_eq!(ago(Duration::from_millis(4321)), "4.3 s");
        assert_eq!(ago(Duration::from_secs(64)), "1:04");
        assert_eq!(minutes(Duration::from_secs(7264)), "2:01:04");
    }
}
