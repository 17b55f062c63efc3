//! What a terminal answers when it was asked for its colours is no typing: it is kept from the keys, however
//! late it comes, wherever it is cut, and whatever ends it.
//!
//! An answer is `ESC ] 11 ; rgb:1e1e/1e1e/2e2e` (10: the letters' colour), then BEL, `ESC \` or the one byte 0x9C.
//! crossterm knows none of it and makes keys of it: Alt+], characters, and Ctrl+G, Alt+\ or nothing at all; Esc
//! and a character, where a piece ends behind an ESC.

use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// How long an Esc waits for what would make it the beginning of an answer: a pause that nobody notices.
const ESC_WAIT: Duration = Duration::from_millis(50);

/// The same while an answer or its end is owed, over a line that is slow enough to owe it.
const ESC_WAIT_OWED: Duration = Duration::from_millis(250);

/// How long an Alt+] waits. No key of the program's own table waits this long.
const BEGUN_WAIT: Duration = Duration::from_millis(500);

/// How long a beginning that was let through as keys is remembered: what goes on with it waits again.
const REMEMBERED_FOR: Duration = Duration::from_secs(10);

/// How long the parts of an answer may be apart once it is certain that it is one.
const PART_WAIT: Duration = Duration::from_secs(10);

/// What the answer for the background begins with.
const BACKGROUND: &str = "\x1b]11;";

/// What answers begin with.
const BEGINNINGS: [&str; 2] = ["\x1b]10;", BACKGROUND];

/// Keeps answers from the keys. Whatever it holds back comes out in the order in which it came.
#[derive(Debug)]
pub(super) struct TerminalReply {
    /// An answer was asked for and has not come.
    owed: bool,
    /// What came of something that is the beginning of an answer, or looks like it.
    begun: String,
    /// When the last part of it came.
    begun_at: Instant,
    /// Held back until that is known; `true` is a part of it.
    held: Vec<(Event, bool)>,
    /// What came of an answer, behind its beginning, and when the last part of it came.
    reply: Option<(String, Instant)>,
    colour: Option<[u16; 3]>,
}

impl TerminalReply {
    pub(super) fn new(owed: bool, now: Instant) -> Self {
        Self {
            owed,
            begun: String::new(),
            begun_at: now,
            held: Vec::new(),
            reply: None,
            colour: None,
        }
    }

    /// The background that was answered, from 0 to 65535 each of red, green and blue.
    pub(super) fn background(&mut self) -> Option<[u16; 3]> {
        self.colour.take()
    }

    /// When to ask [`Self::let_go`] if nothing comes until then.
    pub(super) fn deadline(&self) -> Option<Instant> {
        (!self.held.is_empty()).then(|| self.begun_at + self.wait())
    }

    /// What was held back long enough to be keys.
    pub(super) fn let_go(&mut self, now: Instant) -> Vec<Event> {
        let since = now.saturating_duration_since(self.begun_at);
        if since > REMEMBERED_FOR {
            self.begun.clear();
        }
        let late = |(_, last): &(String, Instant)| now.saturating_duration_since(*last) > PART_WAIT;
        if self.reply.as_ref().is_some_and(late) {
            self.reply = None;
        }
        if since < self.wait() {
            return Vec::new();
        }
        self.held.drain(..).map(|(event, _)| event).collect()
    }

    /// Takes an event; returns what is no answer, as far as that is known now.
    pub(super) fn take(&mut self, event: Event, now: Instant) -> Vec<Event> {
        let mut free = self.let_go(now);
        match written(&event) {
            Some(text) => free.extend(self.take_written(event, &text, now)),
            None => free.extend(self.pass(event)),
        }
        free
    }

    fn take_written(&mut self, event: Event, text: &str, now: Instant) -> Vec<Event> {
        if let Some((reply, last)) = &mut self.reply {
            let ends = matches!(text, "\x07" | "\x1b\\" | "\u{9c}");
            // An ESC at the end of one piece and the rest of `ESC \` in the next.
            let ends_in_pieces = text == "\\" && self.begun == "\x1b";
            if ends || ends_in_pieces {
                self.reply = None;
                return if ends_in_pieces {
                    self.drop_parts()
                } else {
                    Vec::new()
                };
            }
            if goes_on(reply, text) {
                reply.push_str(text);
                *last = now;
                if let (true, Some(colour)) = (reply.starts_with(BACKGROUND), whole(reply)) {
                    self.colour = Some(colour);
                    self.owed = false;
                }
                return Vec::new();
            }
            let another = text == "\x1b]" && whole(reply).is_some();
            if another {
                self.reply = None;
            } else if text != "\x1b" {
                return self.pass(event).into_iter().collect();
            }
        }
        let begins = matches!(text, "\x1b" | "\x1b]");
        let further = self.begun.len() > text.len() && !self.held.is_empty();
        if begins && further && self.begun != "\x1b" {
            return self.pass(event).into_iter().collect();
        }
        if begins {
            // The newer beginning is the one that goes on, if one does.
            for (_, part) in &mut self.held {
                *part = false;
            }
            text.clone_into(&mut self.begun);
        } else {
            let longer = format!("{}{text}", self.begun);
            let goes_on = BEGINNINGS.iter().any(|whole| whole.starts_with(&longer));
            if self.begun.is_empty() || !goes_on {
                return self.pass(event).into_iter().collect();
            }
            self.begun = longer;
        }
        self.begun_at = now;
        if BEGINNINGS.contains(&self.begun.as_str()) {
            self.reply = Some((self.begun.clone(), now));
            return self.drop_parts();
        }
        self.held.push((event, true));
        Vec::new()
    }

    /// What is no part of any answer keeps its place behind what is not known yet.
    fn pass(&mut self, event: Event) -> Option<Event> {
        if self.held.is_empty() {
            return Some(event);
        }
        self.held.push((event, false));
        None
    }

    /// It was one: its parts are gone, what came between them comes out.
    fn drop_parts(&mut self) -> Vec<Event> {
        self.begun.clear();
        let held = self.held.drain(..);
        let keys = held.filter(|(_, part)| !part).map(|(event, _)| event);
        keys.collect()
    }

    fn wait(&self) -> Duration {
        match self.begun.as_str() {
            "\x1b" if self.owed || self.reply.is_some() => ESC_WAIT_OWED,
            "\x1b" => ESC_WAIT,
            _ => BEGUN_WAIT,
        }
    }
}

/// What stood in the terminal's bytes, as far as it could be of an answer.
fn written(event: &Event) -> Option<String> {
    let Event::Key(KeyEvent {
        code,
        modifiers,
        kind: KeyEventKind::Press,
        ..
    }) = event
    else {
        return None;
    };
    match (code, *modifiers - KeyModifiers::SHIFT) {
        (KeyCode::Esc, KeyModifiers::NONE) => Some("\x1b".to_owned()),
        (KeyCode::Char('g'), KeyModifiers::CONTROL) => Some("\x07".to_owned()),
        (KeyCode::Char(character), KeyModifiers::NONE) => Some(character.to_string()),
        (KeyCode::Char(character), KeyModifiers::ALT) => Some(format!("\x1b{character}")),
        _ => None,
    }
}

/// Whether an answer that came this far can go on with this character.
fn goes_on(reply: &str, text: &str) -> bool {
    let longer = format!("{reply}{text}");
    if whole(reply).is_some() {
        return false;
    }
    let Some((_, said)) = longer.split_once(';') else {
        return false;
    };
    let Some((_, numbers)) = said.split_once(':') else {
        return ["rgb:", "rgba:"].iter().any(|form| form.starts_with(said));
    };
    let hexadecimal = |character: char| character.is_ascii_hexdigit();
    ["rgb:", "rgba:"].iter().any(|form| said.starts_with(form))
        && numbers.len() < "ffff/ffff/ffff/ffff/".len()
        && numbers.chars().all(|sign| hexadecimal(sign) || sign == '/')
}

/// The colour of an answer that has all its numbers. They are all as long as the first, so that the end is
/// known also where it is not seen: crossterm drops the byte 0x9C.
fn whole(reply: &str) -> Option<[u16; 3]> {
    let (form, numbers) = reply.split_once(':')?;
    let wanted = if form.ends_with("rgba") { 4 } else { 3 };
    let parts: Vec<&str> = numbers.split('/').collect();
    let digits = parts.first()?.len();
    if parts.len() != wanted || parts.last()?.len() < digits {
        return None;
    }
    let number = |at: usize| {
        let part = parts.get(at)?;
        let most = 16_u32
            .checked_pow(u32::try_from(part.len()).ok()?)?
            .checked_sub(1)?;
        let value = u32::from_str_radix(part, 16).ok()?;
        u16::try_from(value.checked_mul(u32::from(u16::MAX))?.checked_div(most)?).ok()
    };
    Some([number(0)?, number(1)?, number(2)?])
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
    use proptest::prelude::*;

    use super::TerminalReply;

    fn press(code: KeyCode, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(code, modifiers))
    }

    fn character(character: char) -> Event {
        press(KeyCode::Char(character), KeyModifiers::NONE)
    }

    fn alt(character: char) -> Event {
        press(KeyCode::Char(character), KeyModifiers::ALT)
    }

    fn escape() -> Event {
        press(KeyCode::Esc, KeyModifiers::NONE)
    }

    /// What crossterm makes of bytes that arrive together.
    fn parsed(bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        let mut rest = bytes.iter().peekable();
        while let Some(byte) = rest.next() {
            match (byte, rest.peek()) {
                (0x1b, None) => events.push(escape()),
                (0x1b, Some(next)) => {
                    events.push(alt(char::from(**next)));
                    rest.next();
                }
                (0x07, _) => events.push(press(KeyCode::Char('g'), KeyModifiers::CONTROL)),
                (0x80.., _) => {}
                _ => events.push(character(char::from(*byte))),
            }
        }
        events
    }

    /// Plays pieces, each so many milliseconds after the one before; what comes out, to the very end.
    fn played(owed: bool, pieces: &[(u64, Vec<Event>)]) -> (Vec<Event>, Option<[u16; 3]>) {
        let mut now = Instant::now();
        let mut reply = TerminalReply::new(owed, now);
        let mut out = Vec::new();
        for (after, events) in pieces {
            now += Duration::from_millis(*after);
            if reply.deadline().is_some_and(|deadline| deadline <= now) {
                out.extend(reply.let_go(now));
            }
            for event in events {
                out.extend(reply.take(event.clone(), now));
            }
        }
        out.extend(reply.let_go(now + Duration::from_secs(1)));
        assert_eq!(reply.deadline(), None, "nothing is held back for good");
        (out, reply.background())
    }

    const ENDINGS: [&[u8]; 3] = [b"\x07", b"\x1b\\", b"\x9c"];
    const COLOURS: [(&str, [u16; 3]); 4] = [
        ("rgb:1e1e/1e1e/2e2e", [0x1e1e, 0x1e1e, 0x2e2e]),
        ("rgb:ff/fb/e3", [0xffff, 0xfbfb, 0xe3e3]),
        ("rgba:0000/8080/FFFF/ffff", [0, 0x8080, 0xffff]),
        ("rgb:f/0/8", [0xffff, 0, 0x8888]),
    ];

    fn answer(number: u8, colour: &str, ending: &[u8]) -> Vec<u8> {
        [format!("\x1b]{number};{colour}").as_bytes(), ending].concat()
    }

    #[test]
    fn a_whole_answer_presses_no_key_and_tells_the_background() {
        for ending in ENDINGS {
            for (colour, value) in COLOURS {
                let letters = parsed(&answer(10, "rgb:ffff/ffff/ffff", ending));
                let background = parsed(&answer(11, colour, ending));
                let pieces = [
                    (0, [letters, background].concat()),
                    (1, vec![character('3')]),
                ];
                assert_eq!(played(false, &pieces), (vec![character('3')], Some(value)));
            }
        }
    }

    #[test]
    fn whoever_presses_what_an_answer_begins_with_has_it_in_a_moment() {
        let now = Instant::now();
        let mut reply = TerminalReply::new(false, now);
        assert_eq!(reply.take(escape(), now), Vec::new());
        let soon = now + Duration::from_millis(50);
        assert_eq!(reply.deadline(), Some(soon));
        assert_eq!(reply.let_go(soon), vec![escape()]);
        for key in [alt(']'), character('1'), character('x')] {
            assert_eq!(reply.take(key, soon), Vec::new());
        }
        let moment = soon + Duration::from_millis(500);
        let keys = vec![alt(']'), character('1'), character('x')];
        assert_eq!(reply.let_go(moment), keys);
        // One that is cut short keeps nothing that it could not go on with.
        let (out, _) = played(false, &[(0, parsed(b"\x1b]11;rgb:1e")), (9, parsed(b"xp"))]);
        assert_eq!(out, parsed(b"xp"));
        let long_ago = [(0, parsed(b"\x1b]11;rgb:1e")), (11_000, parsed(b"1p"))];
        assert_eq!(played(false, &long_ago).0, parsed(b"1p"));
    }

    /// Keys of a hand: none is a part of an answer, one is the beginning of one.
    fn hand() -> impl Strategy<Value = Event> {
        prop_oneof![
            Just(press(KeyCode::Up, KeyModifiers::NONE)),
            Just(press(KeyCode::Left, KeyModifiers::SHIFT)),
            Just(press(KeyCode::Enter, KeyModifiers::NONE)),
            Just(character('x')),
            Just(character('q')),
            Just(press(KeyCode::Char('c'), KeyModifiers::CONTROL)),
            Just(alt('x')),
        ]
    }

    proptest! {
        /// Cut at any byte, with a key of a hand in any gap, over a line of any slowness that is a line.
        #[test]
        fn an_answer_in_pieces_presses_no_key_and_swallows_none(
            number in 10_u8..12,
            colour in prop::sample::select(&COLOURS[..]),
            ending in prop::sample::select(&ENDINGS[..]),
            cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_u64..240, prop::option::of(hand())), 0..6),
        ) {
            let bytes = answer(number, colour.0, ending);
            let mut cuts: Vec<_> = cuts
                .into_iter()
                .map(|(at, after, key)| (at.index(bytes.len() + 1), after, key))
                .collect();
            cuts.sort_by_key(|(at, ..)| *at);
            cuts.dedup_by_key(|(at, ..)| *at);
            let mut pieces = Vec::new();
            let (mut from, mut wait, mut keys) = (0, 0, Vec::new());
            for (at, after, key) in cuts {
                pieces.push((wait, parsed(&bytes[from..at])));
                pieces.push((0, key.clone().into_iter().collect()));
                keys.extend(key);
                (from, wait) = (at, after);
            }
            pieces.push((wait, parsed(&bytes[from..])));
            let (out, background) = played(true, &pieces);
            prop_assert_eq!(out, keys);
            prop_assert_eq!(background, (number == 11).then_some(colour.1));
        }

        /// Esc and Alt+] of a hand between the parts of an answer are keys, and are not lost.
        #[test]
        fn what_looks_like_a_beginning_inside_an_answer_is_a_key(
            colour in prop::sample::select(&COLOURS[..]),
            ending in prop::sample::select(&ENDINGS[..]),
            at in any::<prop::sample::Index>(),
            key in prop_oneof![Just(escape()), Just(alt(']'))],
        ) {
            let mut events = parsed(&answer(11, colour.0, ending));
            let end = "\x1b]11;rgb:f/0/8".len() - 1;
            let at = at.index(end);
            events.insert(at, key.clone());
            let (out, background) = played(true, &[(0, events)]);
            prop_assert_eq!(out, vec![key]);
            prop_assert_eq!(background, Some(colour.1));
        }

        /// No answer: everything comes out, in the order in which it came.
        #[test]
        fn a_hand_loses_nothing(keys in prop::collection::vec((0_u64..700, prop_oneof![
            hand(), Just(escape()), Just(alt(']')), Just(character(']')), Just(character('1')), Just(character('r')),
        ]), 0..20)) {
            let pieces: Vec<_> = keys.iter().map(|(after, key)| (*after, vec![key.clone()])).collect();
            let keys: Vec<Event> = keys.into_iter().map(|(_, key)| key).collect();
            prop_assert_eq!(played(true, &pieces).0, keys);
        }
    }
}
