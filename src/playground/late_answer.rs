//! A terminal that answers the question for its background too late: its answer is no typing.

use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

/// How long after the question an answer may still come, over a slow line.
const EXPECTED_FOR: Duration = Duration::from_secs(10);

/// How long the parts of one answer may be apart.
const PART_WAIT: Duration = Duration::from_millis(200);

/// Recognizes `ESC ] 11 ; rgb:... ESC \` where the keys are read, and keeps it from firing them.
#[derive(Debug)]
pub(super) struct LateAnswer {
    expected_until: Option<Instant>,
    last_part: Option<Instant>,
}

impl LateAnswer {
    /// No answer is outstanding.
    pub(super) fn none() -> Self {
        Self {
            expected_until: None,
            last_part: None,
        }
    }

    /// An answer may come in the next seconds.
    pub(super) fn expected() -> Self {
        Self {
            expected_until: Some(Instant::now() + EXPECTED_FOR),
            last_part: None,
        }
    }

    /// Whether this event is a part of the answer.
    pub(super) fn is_part(&mut self, event: &Event) -> bool {
        self.is_part_at(event, Instant::now())
    }

    fn is_part_at(&mut self, event: &Event, now: Instant) -> bool {
        if self.expected_until.is_none_or(|until| now > until) {
            return false;
        }
        let Event::Key(KeyEvent {
            code, modifiers, ..
        }) = event
        else {
            return false;
        };
        let alt = modifiers.contains(KeyModifiers::ALT);
        let began = self
            .last_part
            .is_some_and(|last| now.duration_since(last) <= PART_WAIT);
        if began {
            self.last_part = Some(now);
            let bell = modifiers.contains(KeyModifiers::CONTROL) && *code == KeyCode::Char('g');
            if bell || alt && *code == KeyCode::Char('\\') {
                *self = Self::none();
            }
            return true;
        }
        if alt && *code == KeyCode::Char(']') {
            self.last_part = Some(now);
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

    use super::LateAnswer;

    fn key(character: char, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(KeyCode::Char(character), modifiers))
    }

    #[test]
    fn a_late_answer_presses_no_keys_and_typing_after_it_does() {
        let mut late = LateAnswer::expected();
        let now = Instant::now();
        assert!(!late.is_part_at(&key('3', KeyModifiers::NONE), now));
        assert!(late.is_part_at(&key(']', KeyModifiers::ALT), now));
        for character in "11;rgb:1e1e/1e1e/2e2e".chars() {
            assert!(late.is_part_at(&key(character, KeyModifiers::NONE), now));
        }
        assert!(late.is_part_at(&key('\\', KeyModifiers::ALT), now));
        assert!(!late.is_part_at(&key('3', KeyModifiers::NONE), now));
    }

    #[test]
    fn an_answer_cut_short_does_not_swallow_later_keys() {
        let mut late = LateAnswer::expected();
        let now = Instant::now();
        assert!(late.is_part_at(&key(']', KeyModifiers::ALT), now));
        let later = now + Duration::from_millis(500);
        assert!(!late.is_part_at(&key('x', KeyModifiers::NONE), later));
    }
}
