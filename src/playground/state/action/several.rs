//! A verb that reaches several brokers at once: which, and what is left then.

use super::{Action, Answer, Ask, ClusterAction, Request, Target, verbs::alive_now};
use crate::state::{
    State,
    cluster::{Intent, Process, ProcessName},
    story::{Hand, Line, MANY, Subject, Tone},
};
use wire::BrokerId;

/// Ids that are named one by one in a sentence; of more, how many there are.
const NAMED_MAX: usize = 20;

impl State {
    /// So many of these by chance, in their order: the microsecond in which somebody pressed the key, as for one.
    pub(super) fn thrown(&self, among: &[BrokerId], count: usize) -> Vec<BrokerId> {
        let mut left = among.to_vec();
        let mut thrown = Vec::new();
        let mut chance = self.now.0.unsigned_abs();
        while thrown.len() < count && !left.is_empty() {
            chance = chance.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) ^ 0x5851_f42d;
            let sides = u64::try_from(left.len()).unwrap_or(1);
            let index = usize::try_from((chance >> 16) % sides).unwrap_or(0);
            thrown.push(left.remove(index));
        }
        thrown.sort_unstable();
        thrown
    }

    /// So many of these from the one that is picked on, as they would stand in a rack; behind the last comes the first.
    pub(super) fn neighbours(&self, among: &[BrokerId], count: usize) -> Vec<BrokerId> {
        let picked = match self.view.picked {
            ProcessName::Broker(id) => id,
            _ => BrokerId(0),
        };
        let begin = among.iter().position(|id| *id >= picked).unwrap_or(0);
        let around = among.iter().cycle().skip(begin);
        let mut found: Vec<BrokerId> = around.take(count.min(among.len())).copied().collect();
        found.sort_unstable();
        found
    }

    /// Partitions of which no living replica is left without these brokers, though one is now.
    fn last_copies(&self, gone: &[BrokerId]) -> usize {
        let lives = |id: &BrokerId| !self.cluster.is_gone(*id);
        let partitions = self.cluster.partitions();
        let lost = partitions.filter(|(_, partition)| {
            let mut living = partition
                .seen
                .replicas
                .iter()
                .filter(|id| lives(id))
                .peekable();
            living.peek().is_some() && living.all(|id| gone.contains(id))
        });
        lost.count()
    }
}

/// `kill 20 of 99 brokers? 0 partitions lose their last copy   y kill   n keep`
pub(super) fn question(state: &State, action: &ClusterAction) -> Option<Ask> {
    let wanted = Action::Cluster(action.clone());
    let meant = state.settled(&wanted).ok()?;
    if !wanted.is_destructive() {
        return None;
    }
    let (verb, Target::Brokers(brokers)) = meant.aim()? else {
        return None;
    };
    let lives = |broker: &&Process| !broker.status.is_gone();
    let all = state.cluster.brokers().filter(lives).count();
    let lost = match meant {
        Action::Cluster(ClusterAction::Kill(_) | ClusterAction::Stop(_)) => {
            let lost = state.last_copies(brokers);
            let words = if lost == 1 {
                "partition loses its"
            } else {
                "partitions lose their"
            };
            format!(" {lost} {words} last copy")
        }
        _ => String::new(),
    };
    let text = format!(
        "{verb} {} of {all} brokers ({})?{lost}   {{confirm accept}} {verb}   {{confirm back}} keep",
        brokers.len(),
        named(brokers)
    );
    Some(Ask {
        text: state.view.keys.fill(&text),
        action: meant,
        since: state.now,
        how: Answer::Yes,
    })
}

/// `2 8 13`
fn named(brokers: &[BrokerId]) -> String {
    let mut ids: Vec<String> = brokers
        .iter()
        .take(NAMED_MAX)
        .map(ToString::to_string)
        .collect();
    if brokers.len() > NAMED_MAX {
        ids.push("…".to_owned());
    }
    ids.join(" ")
}

/// SIGKILL to all of them at once, told as one thing.
pub(super) fn kill(state: &mut State, brokers: &[BrokerId]) -> Vec<Request> {
    let mut killed = Vec::new();
    for id in brokers {
        let name = ProcessName::Broker(*id);
        if let Some(process) = state.cluster.processes.get_mut(&name)
            && alive_now(process)
        {
            process.intent = Some(Intent::Kill);
            killed.push(*id);
        }
    }
    if killed.is_empty() {
        state.message("none of them runs", false);
        return Vec::new();
    }
    let noun = if killed.len() == 1 {
        "broker"
    } else {
        "brokers"
    };
    let line = Line::new(state.now, Hand::You)
        .say(format!("kill -9 {} {noun}", killed.len()))
        .with(Tone::Dim, format!(" ({})", named(&killed)))
        .with(Tone::Hint, "  {heal} heals all");
    let names = || killed.iter().copied().map(ProcessName::Broker);
    let line = names().fold(line, |line, name| line.about(Subject::Process(name)));
    state.story.begin(line);
    names().map(Request::Kill).collect()
}

/// Starts all brokers that are gone, told as one thing where they are many; of few each has its line.
pub(super) fn start_again(state: &mut State) -> Vec<Request> {
    let gone: Vec<BrokerId> = state
        .cluster
        .brokers()
        .filter(|it| it.status.is_gone())
        .filter_map(Process::broker)
        .collect();
    if gone.len() < MANY {
        return Vec::new();
    }
    let names = || gone.iter().copied().map(ProcessName::Broker);
    for name in names() {
        if let Some(process) = state.cluster.processes.get_mut(&name) {
            process.start_again(state.now);
        }
    }
    let line = state
        .wish()
        .say(format!("start {} brokers again", gone.len()))
        .with(Tone::Dim, format!(" ({})", named(&gone)));
    let line = names().fold(line, |line, name| line.about(Subject::Process(name)));
    state.story.begin(line);
    names().map(Request::Start).collect()
}

#[cfg(test)]
mod tests {
    use crate::state::{Appearance, Key, ProcessChange, Request};
    use crate::ui::tests::session::{Session, broker};

    /// Ten brokers, the ones behind the third without a topic.
    fn ten() -> Session {
        let mut session = Session::new((120, 36), Appearance::default());
        session.all_ready();
        for id in 4..=10 {
            session.later(100).press('a');
            let number = u16::try_from(id).expect("small");
            session.spawned(broker(id), 4200 + u32::from(number), Some(9091 + number));
            session.ready(broker(id), 9091 + number);
        }
        session.requests.clear();
        session
    }

    fn wish(session: &mut Session, words: &str) {
        session.press(':');
        for sign in words.chars() {
            session.press(sign);
        }
        session.key(Key::Enter);
    }

    fn killed(session: &Session) -> Vec<String> {
        let requests = session.requests.iter();
        let killed = requests.filter_map(|request| match request {
            Request::Kill(name) => Some(name.to_string()),
            _ => None,
        });
        killed.collect()
    }

    #[test]
    fn a_rack_is_asked_for_and_dies_at_once() {
        let mut session = ten();
        session.press('2');
        session.later(2_000);
        wish(&mut session, "kill 3 brokers");
        let ask = session.state.view.ask.as_ref().expect("it asks");
        assert!(
            ask.text
                .starts_with("kill 3 of 10 brokers (2 3 4)? 0 partitions lose"),
            "{}",
            ask.text
        );
        assert!(killed(&session).is_empty());
        session.later(200).press('y');
        assert_eq!(killed(&session), ["broker 2", "broker 3", "broker 4"]);
    }

    #[test]
    fn many_that_died_are_started_again_as_one_thing() {
        let mut session = ten();
        session.later(777);
        wish(&mut session, "kill random 6");
        session.later(100).press('y');
        for id in 1..=10 {
            let status = session.state.cluster.processes.get(&broker(id));
            if status.is_some_and(|it| it.intent.is_some()) {
                let change = ProcessChange::Exited {
                    code: None,
                    signal: Some(9),
                };
                session.later(1).process(broker(id), change);
            }
        }
        session.requests.clear();
        session.later(100).press('H');
        let started = session.requests.iter();
        let started = started.filter(|it| matches!(it, Request::Start(_)));
        assert_eq!(started.count(), 6);
        let mut entries = session.state.story.entries().iter();
        assert!(entries.any(|entry| entry.says("start 6 brokers again")));
    }

    #[test]
    fn chance_is_thrown_once_and_what_is_asked_is_what_dies() {
        let mut session = ten();
        session.later(777);
        wish(&mut session, "kill random 4");
        let ask = session.state.view.ask.clone().expect("it asks");
        session.later(3_000).press('y');
        let killed = killed(&session);
        assert_eq!(killed.len(), 4);
        let ids: Vec<&str> = killed
            .iter()
            .filter_map(|it| it.strip_prefix("broker "))
            .collect();
        for id in &ids {
            let id = id.parse().expect("an id");
            let change = ProcessChange::Exited {
                code: None,
                signal: Some(9),
            };
            session.later(1).process(broker(id), change);
        }
        assert!(
            ask.text.contains(&format!("({})", ids.join(" "))),
            "{}",
            ask.text
        );
        wish(&mut session, "kill random 99");
        let ask = session.state.view.ask.as_ref().expect("it asks");
        assert!(ask.text.starts_with("kill 6 of 6 brokers"), "{}", ask.text);
        assert!(
            ask.text.contains("3 partitions lose their last copy"),
            "{}",
            ask.text
        );
        session.press('n');
        assert_eq!(self::killed(&session).len(), 4, "kept");
    }
}
