//! Files of the user's settings, seen on the screen.

use super::{
    frame,
    session::{Session, ready},
    text,
};
use crate::state::{Key, Observation, RecordFace, Unreadable, settings::Setting};

fn save(session: &mut Session, file: &str, content: Option<&str>) {
    session.later(100).see(Observation::SettingsFile {
        file: file.to_owned(),
        text: content.map(str::to_owned),
        at_start: false,
    });
}

fn screen(session: &Session) -> String {
    text(&frame(&session.state))
}

fn typed(session: &mut Session, words: &str) {
    session.later(500).press(':');
    for character in words.chars() {
        session.later(100).press(character);
    }
    session.later(100).key(Key::Enter);
}

#[test]
fn a_layout_is_shown_by_its_name_and_changes_when_it_is_saved() {
    let mut session = ready((120, 36));
    save(
        &mut session,
        "layouts/my.toml",
        Some("[[wide]]\npanes = [{ pane = \"log\", face = \"value\" }]"),
    );
    assert!(screen(&session).contains("layouts/my.toml read: :layout my shows it"));
    typed(&mut session, "layout my");
    let shown = screen(&session);
    assert!(
        shown.contains(" my ") && !shown.contains("Replicas of"),
        "{shown}"
    );
    assert_eq!(session.state.view.face, RecordFace::Value);
    save(
        &mut session,
        "layouts/my.toml",
        Some("[[wide]]\npanes = [{ pane = \"log\" }, { pane = \"replicas\" }]"),
    );
    let shown = screen(&session);
    assert!(shown.contains("Replicas of orders"), "{shown}");
    assert!(shown.contains("layouts/my.toml read again"), "{shown}");
    save(&mut session, "layouts/my.toml", None);
    assert!(
        screen(&session).contains("What happened"),
        "overview is back"
    );
}

#[test]
fn a_mistake_is_named_by_line_and_column_and_the_old_layout_stays() {
    let mut session = ready((120, 36));
    let before = session.state.view.layouts.current().clone();
    save(
        &mut session,
        "layouts/overview.toml",
        Some("[[wide]]\npanes = [\n  { pane = \"repicas\" },\n]"),
    );
    let shown = screen(&session);
    let words = "layouts/overview.toml:3:12 unknown pane \"repicas\", did you mean \"replicas\"? The old layout";
    assert_eq!(
        shown.matches("overview.toml:3:12 unknown pane").count(),
        2,
        "{shown}"
    );
    assert!(shown.contains(words), "{shown}");
    assert_eq!(*session.state.view.layouts.current(), before);
}

#[test]
fn footer_and_help_name_the_keys_of_the_user() {
    let mut session = ready((120, 36));
    save(
        &mut session,
        "keys.toml",
        Some("[always]\nkill = \"K\"\nhelp = \"f1\"\n\"theme light\" = \"u\""),
    );
    let shown = screen(&session);
    assert!(
        shown.contains("K kill -9") && shown.contains("f1 help"),
        "{shown}"
    );
    session.later(500).key(Key::F(1));
    let help = screen(&session);
    assert!(
        help.contains("K  kill -9") && help.contains("u  theme light"),
        "{help}"
    );
    session.later(500).key(Key::Esc);
    session.later(500).press('u');
    assert_eq!(session.state.view.themes.current().name(), "light");
    save(
        &mut session,
        "keys.toml",
        Some("[always]\nkill = \"u\"\nstop = \"u\""),
    );
    assert!(
        screen(&session)
            .contains("keys.toml:3:8 u is \"kill\" already, in line 2. The old keys stay.")
    );
    save(&mut session, "keys.toml", None);
    assert!(screen(&session).contains("x kill -9"));
}

#[test]
fn a_file_that_cannot_be_read_leaves_the_old_one_and_says_why() {
    let mut session = ready((120, 36));
    save(&mut session, "keys.toml", Some("[always]\nkill = \"K\""));
    let mut cannot = |file: &str, why, at_start| {
        session.later(100).see(Observation::SettingsFileUnreadable {
            file: file.into(),
            why,
            at_start,
        });
        screen(&session)
    };
    let (line, column, byte) = (3, 7, 0xe9);
    let shown = cannot(
        "keys.toml",
        Unreadable::NotUtf8 { line, column, byte },
        false,
    );
    let words =
        "keys.toml:3:7 the byte 0xE9 is not UTF-8: save the file as UTF-8. The old keys stay.";
    assert!(
        shown.contains(words) && shown.contains("K kill -9"),
        "{shown}"
    );
    let bytes_max = 65536;
    let too_large = Unreadable::TooLarge { bytes_max };
    for (file, at_start, end) in [
        ("layouts/my.toml", false, "The old layout stays."),
        ("themes/my.toml", false, "The old theme stays."),
        ("keys.toml", true, "The program's own keys hold."),
        ("themes/my.toml", true, "It is left out."),
    ] {
        let shown = cannot(file, too_large.clone(), at_start);
        let words = format!("{file} is larger than 65536 bytes, the most that is read. {end}");
        assert!(shown.contains(&words), "{shown}");
    }
    let refused = Unreadable::Refused("Permission denied (os error 13)".into());
    let shown = cannot("layouts", refused, false);
    let words =
        "layouts cannot be read: Permission denied (os error 13). What was read from it stays.";
    assert!(shown.contains(words), "{shown}");
}

#[test]
fn an_own_theme_paints_the_roles_it_names() {
    let mut session = ready((120, 36));
    let painted = |session: &Session| frame(&session.state)[(1, 0)].fg;
    let before = painted(&session);
    save(
        &mut session,
        "themes/dark.toml",
        Some("focus = { fg = \"#FF8800 208\" }"),
    );
    assert_ne!(painted(&session), before);
    save(
        &mut session,
        "themes/dark.toml",
        Some("focus = { fg = \"orange\" }"),
    );
    assert!(screen(&session).contains("themes/dark.toml:1:16 \"orange\" is no colour"));
    assert_ne!(painted(&session), before);
}
