//! `kafkarium replay FILE`: a saved session on the same screens, without a cluster.

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep_until};

use super::session_file;
use crate::front::{FRAME_EVERY, Front, happening};
use crate::observer::now;
use crate::settings_folder::SettingsFolder;
use crate::state::{Event, Happening, Observation, Reach, Request, Setup, State, update};
use crate::{Signals, instant, terminal, ui, utc_offset_s};

/// Plays a saved session until it is quit.
///
/// # Errors
/// The file is no session, or there is no terminal.
pub fn replay(file: &Path, record: Option<&Path>, reduced_motion: bool) -> Result<()> {
    let history = session_file::read(file)?;
    if !terminal::is_there() {
        bail!("a session is played on a terminal, and this is none");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let taken = terminal::take_keys(reduced_motion)?;
    let own = Setup {
        name: String::new(),
        ephemeral: false,
        started_at: now(),
        utc_offset_s: utc_offset_s(),
        brokers: Vec::new(),
        topics: Vec::new(),
        group: String::new(),
        consumers: 0,
        proves: false,
        reach: Reach::Own,
        appearance: taken.appearance(),
        size: terminal::size(),
    };
    let mut state = State::replay(history, &own).context("the session does not begin")?;
    if let Some(mut folder) = SettingsFolder::of_the_user() {
        for observation in folder.look(true) {
            happen(&mut state, observation);
        }
    }
    runtime.block_on(async {
        let signals = Signals::listen().context("cannot listen for signals")?;
        let (mut front, inputs) = Front::open(taken)?;
        if let Some(file) = record {
            let file = file.to_string_lossy().into_owned();
            let _goes_on = carry_out(&mut front, &mut state, vec![Request::Record(Some(file))])?;
        }
        let played = play(state, &mut front, inputs, signals).await;
        front.close().await;
        played
    })
}

async fn play(
    mut state: State,
    front: &mut Front,
    mut inputs: tokio::sync::mpsc::Receiver<crossterm::event::Event>,
    mut signals: Signals,
) -> Result<()> {
    let mut drawn = Instant::now() - FRAME_EVERY;
    let mut due = true;
    loop {
        if due && drawn.elapsed() >= FRAME_EVERY {
            let told = front.draw(&state, |frame| ui::draw(&state, frame))?;
            drawn = Instant::now();
            due = !told.is_empty();
            for what in told {
                update(&mut state, Event { at: now(), what });
            }
        }
        let requests = tokio::select! {
            biased;
            () = signals.next() => return Ok(()),
            input = inputs.recv() => match input.map(happening) {
                Some(Some(what)) => update(&mut state, Event { at: now(), what }),
                Some(None) => continue,
                // The terminal is gone.
                None => return Ok(()),
            },
            () = sleep_until(drawn + FRAME_EVERY), if due => continue,
            saved = front.saved() => update(&mut state, Event { at: now(), what: saved }),
            () = sleep_until(instant(state.wake_at())) => {
                update(&mut state, Event { at: now(), what: Happening::Tick })
            }
        };
        due = true;
        if carry_out(front, &mut state, requests)?.is_break() {
            return Ok(());
        }
    }
}

/// Does what concerns the terminal; whether that ends the loop. There is nothing else here that could be asked.
fn carry_out(
    front: &mut Front,
    state: &mut State,
    requests: Vec<Request>,
) -> Result<ControlFlow<()>> {
    for request in requests {
        if !request.concerns_the_terminal() {
            continue;
        }
        let (flow, told) = front.carry_out(request, state, |frame| ui::draw(state, frame))?;
        for told in told {
            update(
                state,
                Event {
                    at: now(),
                    what: told,
                },
            );
        }
        if flow.is_break() {
            return Ok(flow);
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn happen(state: &mut State, told: Observation) {
    let what = Happening::Observed(told);
    update(state, Event { at: now(), what });
}
