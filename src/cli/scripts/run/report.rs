//! What came of a scenario: for people as a table, for machines as `JUnit` XML.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use playground::scenario::Scenario;
use wire::control::Answer;

/// What came of everything that happened.
#[derive(Debug)]
pub(super) struct Report {
    title: String,
    seed: u64,
    lines: Vec<Line>,
    /// Why it did not come to its end.
    broken_off: Option<String>,
    ended: bool,
}

#[derive(Debug)]
struct Line {
    at: Duration,
    words: String,
    verdict: Verdict,
}

/// What came of one thing.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It was done, or holds: after so long, and what was seen.
    Holds(Duration, String),
    /// It was refused, or does not hold.
    Fails(Duration, String),
    /// Chance chose what was not possible then.
    Skipped(String),
}

impl Verdict {
    pub(super) fn of(answer: Answer) -> Self {
        match answer {
            Answer::Holds { after_ms, seen } => Self::Holds(Duration::from_millis(after_ms), seen),
            Answer::Fails { after_ms, why } => Self::Fails(Duration::from_millis(after_ms), why),
            Answer::Wrong { why } => Self::Fails(Duration::ZERO, why),
            Answer::Status(_) => Self::Fails(Duration::ZERO, "a status was answered".to_owned()),
        }
    }
}

impl Report {
    pub(super) fn new(scenario: &Scenario, seed: u64) -> Self {
        Self {
            title: scenario.title.clone(),
            seed,
            lines: Vec::new(),
            broken_off: None,
            ended: false,
        }
    }

    pub(super) fn tell(&mut self, at: Duration, words: &str, verdict: Verdict) {
        self.lines.push(Line {
            at,
            words: words.to_owned(),
            verdict,
        });
    }

    pub(super) fn break_off(&mut self, why: String) {
        self.broken_off.get_or_insert(why);
    }

    /// Everything has happened.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// How much does not hold; a scenario that somebody ended holds nothing.
    pub(super) fn failures(&self) -> usize {
        let failed = self.lines.iter();
        let failed = failed.filter(|line| matches!(line.verdict, Verdict::Fails(..)));
        failed.count() + usize::from(self.why_not_whole().is_some())
    }

    fn why_not_whole(&self) -> Option<&str> {
        match &self.broken_off {
            Some(why) => Some(why),
            None if self.ended => None,
            None => Some("it was ended before its end"),
        }
    }

    /// The same as `JUnit` XML: a test case for each line.
    pub(super) fn junit(&self) -> Result<String> {
        let mut suite = TestSuite::new(self.title.clone());
        suite.add_property(("seed", self.seed.to_string().as_str()));
        for line in &self.lines {
            let (status, took) = match &line.verdict {
                Verdict::Holds(after, _) => (TestCaseStatus::success(), *after),
                Verdict::Fails(after, why) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    status.set_message(why.clone());
                    (status, *after)
                }
                Verdict::Skipped(why) => {
                    let mut status = TestCaseStatus::skipped();
                    status.set_message(why.clone());
                    (status, Duration::ZERO)
                }
            };
            let name = format!("{:.3} s: {}", line.at.as_secs_f64(), line.words);
            let mut case = TestCase::new(name, status);
            case.set_classname(self.title.clone());
            case.set_time(took);
            suite.add_test_case(case);
        }
        if let Some(why) = self.why_not_whole() {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(why.to_owned());
            suite.add_test_case(TestCase::new("the scenario comes to its end", status));
        }
        let mut report = quick_junit::Report::new("kafkarium");
        report.add_test_suite(suite);
        report.to_string().context("cannot write the XML")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, seed {}", self.title, self.seed)?;
        for line in &self.lines {
            let (mark, seen) = match &line.verdict {
                Verdict::Holds(_, seen) => ("ok", seen),
                Verdict::Fails(_, why) => ("FAILS", why),
                Verdict::Skipped(why) => ("skipped", why),
            };
            let at = line.at.as_secs_f64();
            write!(f, "{at:>8.3} s  {mark:<7}  {}", line.words)?;
            if !seen.is_empty() {
                write!(f, "  ({seen})")?;
            }
            writeln!(f)?;
        }
        match self.why_not_whole() {
            Some(why) => writeln!(f, "not to its end: {why}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Report, Verdict};
    use playground::scenario::Scenario;

    fn report() -> Report {
        let text = "title = \"a & b\"\n[[expect]]\nthat = \"lost 0\"";
        let scenario = Scenario::read(text).expect("it is right");
        let mut report = Report::new(&scenario, 7);
        let second = Duration::from_secs(1);
        report.tell(
            second,
            "kill broker 2",
            Verdict::Holds(second, String::new()),
        );
        report.tell(second, "lost 0", Verdict::Fails(second, "lost <3>".into()));
        report.tell(
            second,
            "stop broker 2",
            Verdict::Skipped("it is dead".into()),
        );
        report
    }

    #[test]
    fn junit_counts_what_failed_and_what_was_skipped() {
        let mut report = report();
        report.end();
        let xml = report.junit().expect("it can be written");
        let read = quick_junit::Report::deserialize_from_str(&xml).expect("it is XML");
        let suite = &read.test_suites[0];
        assert_eq!(suite.name.as_str(), "a & b");
        assert_eq!((suite.tests, suite.failures), (3, 1));
        assert!(xml.contains("<skipped message=\"it is dead\"/>"), "{xml}");
        assert!(xml.contains("lost &lt;3&gt;"), "{xml}");
        assert_eq!(report.failures(), 1);
    }

    #[test]
    fn a_scenario_that_was_ended_early_holds_nothing() {
        assert_eq!(report().failures(), 2);
        assert!(
            report()
                .to_string()
                .ends_with("not to its end: it was ended before its end\n")
        );
    }
}
