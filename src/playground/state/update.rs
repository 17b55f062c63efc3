//! The only writer: takes an event, changes the state, says what is to be done.

use crate::state::{
    Event, Happening, Setup, State, Timestamp,
    action::{Answer, Request, command, heal_further, opening, rewind, step_refused, waits},
    cluster::{Fact, Observation, ProducedSeen},
    dispatch::{key, paste},
    gate::{By, go_on_with_lesson, pass},
    past::{self, History, PageError, Relived},
    process_changed::process_changed,
    settings_file,
    shell::asked,
    story::{self, Hand, Line, Subject, Tone, outage, welcome},
    view::{
        AGAIN_WITHIN, HELD_WITHIN, MESSAGE_FOR, follow, look_back, watch_transactions, watch_znodes,
    },
};
use wire::TopicPartition;

/// Folds one event into the state.
pub fn update(state: &mut State, event: Event) -> Vec<Request> {
    state.now = state.now.max(event.at);
    if past::is_for_picture(state, &event.what) {
        return update_picture(state, event.what);
    }
    past::remember(state, &event);
    let told = state.story.told;
    let ticks = event.what == Happening::Tick;
    past::share_old_records(state, &event.what);
    let requests = fold(state, event.what);
    past::travel(state, fold);
    if state.story.told > told {
        state.past.history.step();
    }
    if ticks {
        past::play_on(state, fold);
    }
    past::show(state);
    requests
}

/// Lets the person move about in the held picture.
fn update_picture(state: &mut State, what: Happening) -> Vec<Request> {
    let Some(mut look) = past::look(state) else {
        return Vec::new();
    };
    let picture = &mut look.picture;
    let requests = match what {
        Happening::Key(press) => key(picture, press),
        Happening::Paste(text) => {
            paste(picture, &text);
            Vec::new()
        }
        Happening::Do(action) => pass(picture, &action, By::Sure),
        _ => Vec::new(),
    };
    crate::state::palette::refresh(picture);
    let requests = past::put_back(state, look, requests);
    past::travel(state, fold);
    requests
}

impl State {
    /// A session from a file, at its beginning and playing. `own` says what this terminal is like and
    /// when it is now.
    ///
    /// # Errors
    /// Its first page does not read.
    pub fn replay(history: History, own: &Setup) -> Result<Self, PageError> {
        Self::replayed(history, own, fold)
    }
}

impl Relived {
    /// Goes on with what happened next.
    pub fn happen(&mut self, event: Event) {
        self.go_on(event, fold);
    }
}

/// What an event changes, apart from what can be gone back to.
fn fold(state: &mut State, what: Happening) -> Vec<Request> {
    let concerns_palette = match &what {
        Happening::Observed(observation) => matches!(
            observation,
            Observation::Process { .. } | Observation::Cluster(_) | Observation::Group(_)
        ),
        _ => true,
    };
    let mut requests = match what {
        Happening::Key(press) => key(state, press),
        Happening::Paste(text) => {
            paste(state, &text);
            Vec::new()
        }
        Happening::Resize(columns, rows) => {
            state.view.size = (columns, rows);
            Vec::new()
        }
        Happening::Tick => tick(state),
        Happening::Do(action) => pass(state, &action, By::Sure),
        Happening::Asked(number, question) => asked(state, number, &question),
        Happening::Observed(observation) => {
            let mut requests = observe(state, &observation);
            requests.extend(waits::answered(state, &observation));
            requests
        }
        Happening::Returned(eye) => {
            state.held = None;
            state.view.look_at(*eye);
            Vec::new()
        }
    };
    requests.extend(waits::look(state));
    requests.extend(go_on_with_lesson(state));
    requests.extend(watch(state));
    requests.extend(look_back(state));
    requests.extend(watch_znodes(state));
    requests.extend(watch_transactions(state));
    requests.extend(follow(state));
    requests.extend(rewind::go_on(state));
    state
        .rates
        .sample(&state.cluster, &state.view.topic, state.now);
    state
        .coach
        .follow(&state.cluster, &state.outages, state.now);
    state.view.settle_focus();
    // In a moment that is over it offers what was there then.
    if concerns_palette && state.held.is_none() {
        crate::state::palette::refresh(state);
    }
    if state.view.is_on_screen(crate::state::action::Pane::Story) {
        state.view.story_seen = state.story.told;
    }
    requests
}

/// Confirmations that were pressed once too few, messages that stood long enough.
fn tick(state: &mut State) -> Vec<Request> {
    let now = state.now;
    let outdated = |message: &crate::state::view::Message| now.since(message.since) >= MESSAGE_FOR;
    if state.view.message.as_ref().is_some_and(outdated) {
        state.view.message = None;
    }
    state.view.forget_what_was_pressed(now);
    state.cluster.sample_lags(now);
    state.cluster.znodes.forget(now);
    state.cluster.flow.explain(now);
    state.zookeeper_story.flush(&state.cluster, now);
    let Some(ask) = state.view.ask.clone() else {
        return Vec::new();
    };
    match ask.how {
        Answer::Again { at: Some(at), .. } if now.since(at) >= HELD_WITHIN => {
            state.view.ask = None;
            pass(state, &ask.action, By::Sure)
        }
        Answer::Again { at: None, .. } if now.since(ask.since) >= AGAIN_WITHIN => {
            state.view.ask = None;
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Takes in what was observed, and tells what it came to.
fn take_in(state: &mut State, seen: &Observation) -> Vec<Request> {
    let at = state.now;
    let mut requests = Vec::new();
    let fact = state.cluster.see(seen, at);
    if let Some(fact) = &fact {
        let starting = starting(state);
        state.outages.hear(&state.cluster, fact, starting, at);
    }
    state.outages.follow(&state.cluster, at);
    if matches!(seen, Observation::Report { .. }) {
        state.zookeeper_story.follow(&state.story);
    }
    match &fact {
        Some(Fact::Process {
            process,
            change,
            status,
        }) => process_changed(state, process, change, *status),
        Some(Fact::QuorumSeen(before)) => {
            let now = state.cluster.quorum.as_ref();
            story::seen_quorum::quorum(&mut state.story, before.as_ref(), now, at);
        }
        Some(Fact::RecordsDeleted(starts)) => {
            let home = &state.narrator.home;
            story::deleted(&mut state.story, &state.cluster, home, starts, at);
        }
        Some(Fact::LeadersSeen(moved)) => {
            state.outages.forget(&state.cluster);
            // Of our own cluster whoever moved them tells it, and why.
            if !state.setup.reach.is_own() && !starting(state) {
                story::seen::roles(&mut state.story, &state.cluster, moved, at);
            }
            show_a_topic(state);
        }
        Some(Fact::Told(told)) => {
            state.narrator.tell(&mut state.story, &state.cluster, told);
            state.zookeeper_story.hear(&state.cluster, told);
            requests = step_refused(state, told);
        }
        None => {}
    }
    if let Observation::Report { line, .. } = seen {
        let told_at = Timestamp::from_ms(line.at_ms);
        state.zookeeper_story.flush(&state.cluster, told_at);
    }
    if !state.cluster.waits_for_replicas() {
        state.view.message.take_if(|message| message.while_waiting);
    }
    requests
}

/// Whether what happens belongs to the start.
fn starting(state: &State) -> bool {
    state.narrator.opening
}

/// Says why records wait, in What happened and in the footer, which has room for what helps.
fn explain_waiting(state: &mut State, produced: &ProducedSeen) {
    let told = outage::explain_waiting(&mut state.story, &state.cluster, produced, state.now);
    if let Some(words) = told {
        state.message(words, true);
        if let Some(message) = &mut state.view.message {
            message.while_waiting = true;
        }
    }
}

fn observe(state: &mut State, seen: &Observation) -> Vec<Request> {
    let at = state.now;
    let answered = take_in(state, seen);
    match seen {
        Observation::Produced(produced) => explain_waiting(state, produced),
        Observation::Acked(receipt) => {
            if let Some(ended) = state.outages.end(&state.cluster, receipt) {
                outage::tell_end(
                    &mut state.story,
                    &state.cluster,
                    &state.narrator.home,
                    ended,
                );
            }
        }
        Observation::SendFailed {
            partition,
            key,
            error,
        } => outage::refused(
            &mut state.story,
            partition.as_ref(),
            key.as_deref(),
            error,
            at,
        ),
        Observation::DataFolder { path, last_used } => {
            state.data_folder = Some((path.clone(), *last_used));
            // Reports carry the clock of their process: none is older than this.
            let line = Line::new(state.setup.started_at, Hand::Kafkarium);
            let name = &state.setup.name;
            let line = match last_used {
                None => line.say(format!("data folder {name} created")),
                // What it holds is counted once it is known.
                Some(_) => line.say(welcome::first_words(name)).about(Subject::Data),
            };
            state.story.begin(line.about(Subject::Opening));
        }
        Observation::QuorumSilent { why } => {
            story::seen_quorum::silent(&mut state.story, why, at);
        }
        // Whoever began without a group is shown the first.
        Observation::Group(seen) if state.view.group.is_empty() => {
            state.view.group.clone_from(&seen.group);
        }
        Observation::Proved => state.opening.proof = opening::Proof::Given,
        Observation::OffsetCommitted { group, error } => {
            return rewind::committed(state, group, error.as_deref());
        }
        Observation::Wire { exchanges, missed } => state.wire.hear(exchanges, *missed),
        Observation::Notice(text) => {
            let causes = if state.is_ready() {
                &[][..]
            } else {
                &[Subject::Opening][..]
            };
            let line = Line::new(at, Hand::Kafkarium).say(text.clone());
            state.story.tell(causes, line);
        }
        Observation::Done { say: Some(text) } => {
            let line = Line::new(at, Hand::Kafkarium).with(Tone::Good, text.clone());
            state.story.begin(line);
        }
        Observation::Failed { why } => {
            let why = state.view.fill(why);
            let line = Line::new(at, Hand::Kafkarium).with(Tone::Bad, why.clone());
            state.story.begin(line);
            state.message(why, true);
        }
        Observation::SettingsFile {
            file,
            text,
            at_start,
        } => settings_file::take(state, file, text.as_deref(), *at_start),
        Observation::SettingsFileUnreadable {
            file,
            why,
            at_start,
        } => settings_file::leave(state, file, why, *at_start),
        Observation::Recording { on, say } => {
            state.view.recording = on.then_some(at);
            state.message(say.clone(), false);
        }
        Observation::Kept(say) => state.message(say.clone(), false),
        Observation::NotKept(why) => state.message(why.clone(), true),
        Observation::Copied(text) => {
            let said = format!("copied (your terminal may refuse OSC 52): $ {text}");
            state.message(said, false);
        }
        _ => {}
    }
    let mut requests = answered;
    requests.extend(open_further(state));
    tell_of_a_second_start(state);
    requests.extend(heal_further(state));
    requests
}

/// Tells what was found of an earlier run, and who leads for others since.
fn tell_of_a_second_start(state: &mut State) {
    let Some((_, Some(last_used))) = state.data_folder else {
        return;
    };
    let second_start = welcome::SecondStart {
        now: state.now,
        setup: &state.setup,
        last_used,
        shown: (&state.view.topic, &state.view.group),
        home: &state.narrator.home,
    };
    if !state.is_ready() || second_start.is_over() {
        return;
    }
    second_start.count_what_is_there(&mut state.story, &state.cluster);
    if !state.opening.leaders_counted {
        state.opening.leaders_counted =
            second_start.tell_who_leads(&mut state.story, &state.cluster);
    }
}

/// Turns to the topic that was asked for when it is there, and away from one that is gone.
fn show_a_topic(state: &mut State) {
    let topics = &state.cluster.topics;
    let view = &mut state.view;
    let come = view.topic_to_come.take_if(|name| topics.contains_key(name));
    let began = state.opening.ready_after.is_some() || view.topic.is_empty();
    let gone = began && !topics.contains_key(&view.topic);
    let other = || {
        let mut people = topics.iter().filter(|(_, topic)| !topic.internal);
        people.next().map(|(name, _)| name.clone())
    };
    let next = come.or_else(|| gone.then(other).flatten());
    if let Some(next) = next {
        view.topic = next;
        view.partition = 0;
        view.record = None;
    }
}

/// Goes on with the start where the last fact allows it; what was kept is sent when all is there.
fn open_further(state: &mut State) -> Vec<Request> {
    let mut requests = state.opening.next(&state.setup, &state.cluster, state.now);
    if state.narrator.opening && state.is_ready() {
        state.narrator.opening = false;
        if !state.setup.reach.is_own() {
            story::seen::attached(&mut state.story, &state.setup, &state.cluster, state.now);
            state.view.command = Some(command::list_topics(&state.bootstrap()));
            return requests;
        }
        let took = state.opening.ready_after.unwrap_or_default().as_secs_f64();
        let mut line =
            Line::new(state.now, Hand::Nobody).with(Tone::Good, format!("ready in {took:.3} s"));
        let (bootstrap, topic) = (state.bootstrap(), &state.view.topic);
        let connect = command::line(&["kcat", "-b", &bootstrap, "-t", topic, "-C"]);
        for (tone, words) in opening::how_it_went(&state.cluster, &connect) {
            line = line.with(tone, words);
        }
        state.story.tell(&[Subject::Opening], line);
        if state.view.command.is_none() {
            state.view.command = state.first_topic_command();
        }
        let kept = std::mem::take(&mut state.opening.kept);
        let records: Vec<_> = (0..kept).map(|_| state.next_demo_record()).collect();
        if !records.is_empty() {
            requests.push(Request::Produce(records));
        }
    }
    requests
}

/// Asks for the tails of what the screen shows, when that changed.
fn watch(state: &mut State) -> Option<Request> {
    let shown = state.view.topic.as_str();
    let looked_at = state.waits.topics().chain(state.learning.topics());
    let mut topics: Vec<&str> = std::iter::once(shown).chain(looked_at).collect();
    topics.sort_unstable();
    topics.dedup();
    let places = |topic: &&str| {
        let known = state.cluster.topics.get(*topic);
        let topic = (*topic).to_owned();
        let partitions = known.into_iter().flat_map(|known| &known.partitions);
        partitions.map(move |partition| TopicPartition::new(&topic, partition.seen.partition))
    };
    let wanted: Vec<TopicPartition> = topics.iter().flat_map(places).collect();
    if wanted == state.watched {
        return None;
    }
    state.watched.clone_from(&wanted);
    Some(Request::Watch(wanted))
}
