//! What happens when, by file and seed.

use std::time::Duration;

use super::{Expectation, Scenario};
use crate::state::{Action, ProcessName, Target};
use wire::BrokerId;

/// Incidents of one scenario at most: more would only be a loop.
const EVENTS_MAX: usize = 10_000;

/// Something that happens at its time, counted from the moment on at which all is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Duration,
    /// What.
    pub what: What,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// An action is done. Whoever chance chose may be dead already.
    Do {
        /// The action; nobody is left to chance in it.
        action: Action,
        /// Whether chance chose its target.
        by_chance: bool,
    },
    /// Something must hold.
    Expect(Expectation),
}

pub(super) fn events(scenario: &Scenario, seed: u64) -> Vec<Event> {
    let mut events = Vec::new();
    let mut at_end = Vec::new();
    for incident in &scenario.incidents {
        let mut at = incident.at;
        while at <= scenario.lasts && events.len() < EVENTS_MAX {
            events.push(Event {
                at,
                what: What::Do {
                    action: incident.action.clone(),
                    by_chance: false,
                },
            });
            match incident.every {
                Some(every) => at = at.saturating_add(every),
                None => break,
            }
        }
    }
    for expectation in &scenario.expectations {
        let event = Event {
            at: expectation.at.unwrap_or(scenario.lasts),
            what: What::Expect(expectation.clone()),
        };
        if expectation.at.is_some() {
            events.push(event);
        } else {
            at_end.push(event);
        }
    }
    // What is at the same time stays in the order of the file.
    events.sort_by_key(|event| event.at);
    events.append(&mut at_end);
    let mut chance = Chance(seed);
    for event in &mut events {
        if let What::Do { action, by_chance } = &mut event.what
            && let Some((_, target)) = action.aim()
        {
            let target = match target {
                Target::Random => {
                    let broker = BrokerId(chance.one_of(scenario.brokers));
                    Target::Process(ProcessName::Broker(broker))
                }
                Target::RandomBrokers(count) => {
                    let mut left: Vec<i32> = (1..=scenario.brokers).collect();
                    let mut thrown = Vec::new();
                    while thrown.len() < usize::try_from(*count).unwrap_or(usize::MAX)
                        && let Ok(sides) = i32::try_from(left.len())
                        && sides > 0
                    {
                        let index = usize::try_from(chance.one_of(sides) - 1).unwrap_or(0);
                        thrown.push(BrokerId(left.remove(index)));
                    }
                    thrown.sort_unstable();
                    Target::Brokers(thrown)
                }
                _ => continue,
            };
            *action = action.at(target);
            *by_chance = true;
        }
    }
    events
}

/// Numbers that follow from a seed alone, on every machine (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 1 to `count`.
    fn one_of(&mut self, count: i32) -> i32 {
        let sides = u64::try_from(count.max(1)).unwrap_or(1);
        1 + i32::try_from(self.next() % sides).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::What;
    use crate::scenario::Scenario;

    fn scenario() -> Scenario {
        let text = r#"
brokers = 5
for = "10s"
[[incident]]
every = "3s"
do = "kill random"
[[incident]]
at = "3s"
do = "heal"
[[expect]]
that = "lost 0"
[[expect]]
at = "1s"
that = "ready"
"#;
        Scenario::read(text).expect("it is right")
    }

    fn told(scenario: &Scenario, seed: u64) -> Vec<(u64, String)> {
        let events = scenario.events(seed).into_iter();
        events
            .map(|event| {
                let words = match event.what {
                    What::Do { action, .. } => action.to_string(),
                    What::Expect(expectation) => expectation.words,
                };
                (event.at.as_secs(), words)
            })
            .collect()
    }

    #[test]
    fn the_same_seed_says_the_same_and_another_one_something_else() {
        let scenario = scenario();
        assert_eq!(told(&scenario, 7), told(&scenario, 7));
        let others = (8..20).filter(|seed| told(&scenario, *seed) != told(&scenario, 7));
        assert!(others.count() > 5);
        assert_eq!(scenario.lasts, Duration::from_secs(10));
    }

    #[test]
    fn things_happen_in_order_and_the_end_comes_last() {
        let told = told(&scenario(), 1);
        let times: Vec<u64> = told.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [1, 3, 3, 6, 9, 10]);
        assert!(told[1].1.starts_with("kill broker "), "{told:?}");
        assert_eq!(told[2].1, "heal");
        assert_eq!(told[5].1, "lost 0");
    }
}
