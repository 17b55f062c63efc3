//! A race without a screen: a leader is killed and started again in both, and what that took is printed.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep_until};

use super::side::Side;
use super::{Race, RaceFigures};
use crate::observer::now;
use crate::state::{ClusterAction, ProcessName, RaceClock, Target};
use crate::{Signals, println_quietly, ui, until};
use wire::{BrokerId, TopicPartition};

/// Records that each side acknowledges before its leader is killed.
const RECORDS: u64 = 50;

/// How long a JVM may take to be there, on a machine that has much else to do.
const LAUNCH: Duration = Duration::from_secs(300);

/// How long each step may take after that.
const STEP: Duration = Duration::from_secs(180);

/// How long CPU is measured at the end.
const AT_REST: Duration = Duration::from_secs(10);

impl Race {
    /// Races once and prints what came of it.
    pub(super) async fn figures(
        &mut self,
        how: RaceFigures,
        mut signals: Signals,
        deadline: Option<Instant>,
    ) -> Result<()> {
        tokio::select! {
            () = signals.next() => bail!("the race was ended before it was over"),
            () = until(deadline) => bail!("the race was not over in that time"),
            raced = self.once(how) => raced?,
        }
        self.print(how)
    }

    async fn once(&mut self, how: RaceFigures) -> Result<()> {
        let say = |words: String| {
            if how == RaceFigures::Text {
                println_quietly(&words);
            }
        };
        self.until("records in both", LAUNCH, |race| race.begun)
            .await?;
        say(format!("both acknowledge records; {RECORDS} into each"));
        self.until("acknowledged records", STEP, |race| {
            race.sides().into_iter().all(|side| side.acked() >= RECORDS)
        })
        .await?;
        let place = TopicPartition::new(&self.ours.playground.state.view.topic, 0);
        let dead = self.sides().map(|side| side.leader(&place));
        let kill = ClusterAction::Kill(Target::LeaderOf(place.clone()));
        self.both(&kill.into());
        say(format!("kill -9 leader of {place}, in both"));
        self.until("a new leader", STEP, |race| {
            let again = |side: &Side| matches!(side.clocks.acked_again, RaceClock::Stopped(_));
            race.sides().into_iter().all(again)
        })
        .await?;
        say("both acknowledge again; start who was killed, in both".to_owned());
        let at = now();
        for (side, dead) in [&mut self.ours, &mut self.theirs].into_iter().zip(dead) {
            let dead = dead.context("nobody led the partition")?;
            let start = ClusterAction::Start(Target::Process(ProcessName::Broker(dead)));
            side.act(&start.into(), at);
        }
        self.until("every replica in sync", STEP, |race| {
            let full = |side: &Side| matches!(side.clocks.isr_full, RaceClock::Stopped(_));
            race.sides().into_iter().all(full)
        })
        .await?;
        say(format!(
            "every replica in sync; CPU for {} s",
            AT_REST.as_secs()
        ));
        let rested = Instant::now() + AT_REST;
        self.until("time", STEP, |race| {
            Instant::now() >= rested && race.settings.is_some()
        })
        .await
    }

    /// Lets both go on until this holds.
    async fn until(
        &mut self,
        what: &str,
        limit: Duration,
        holds: impl Fn(&Self) -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + limit;
        while !holds(self) {
            tokio::select! {
                next = self.next() => self.take(next),
                () = sleep_until(deadline) => bail!("no {what} within {} s", limit.as_secs()),
            }
            if self.is_over() {
                bail!("a side of the race was ended from elsewhere");
            }
        }
        Ok(())
    }

    fn sides(&self) -> [&Side; 2] {
        [&self.ours, &self.theirs]
    }

    fn print(&self, how: RaceFigures) -> Result<()> {
        let view = self.view();
        let figures = ui::race::figures(&view);
        let mut stdout = io::stdout().lock();
        let [ours, theirs] = view.sides;
        if how == RaceFigures::Json {
            let of = |side: usize, name: &str| {
                let values = figures.iter();
                let values = values.map(|it| {
                    (
                        it.key.to_owned(),
                        it.values.get(side).copied().flatten().into(),
                    )
                });
                let mut object: serde_json::Map<String, serde_json::Value> = values.collect();
                object.insert("name".to_owned(), name.into());
                object
            };
            let settings = self.settings.clone().unwrap_or_default();
            let all = serde_json::json!({
                "ours": of(0, ours.name),
                "theirs": of(1, theirs.name),
                "equal_settings": settings.equal,
                "unequal_settings": settings.unequal,
            });
            writeln!(stdout, "{all}")?;
            return Ok(());
        }
        writeln!(stdout, "{:<32}{:>14}{:>22}", "", ours.name, theirs.name)?;
        for figure in &figures {
            let (one, other) = (figure.shown(0), figure.shown(1));
            writeln!(
                stdout,
                "{:<32}{one:>14}{other:>22}   {}",
                figure.what,
                figure.ratio()
            )?;
        }
        writeln!(
            stdout,
            "{}: {}; {}: {}",
            ours.name, ours.made_of, theirs.name, theirs.made_of
        )?;
        if let Some(settings) = &self.settings {
            let count = settings.equal.len();
            writeln!(
                stdout,
                "{count} settings have the same value; these do not:"
            )?;
            for (name, (one, other)) in &settings.unequal {
                writeln!(stdout, "  {name}  {one}  {other}")?;
            }
        }
        Ok(())
    }
}

impl Side {
    fn acked(&self) -> u64 {
        self.playground.state.cluster.produced.acked
    }

    fn leader(&self, place: &TopicPartition) -> Option<BrokerId> {
        self.playground.state.cluster.partition(place)?.seen.leader
    }
}
