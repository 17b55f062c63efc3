//! What a session begins with: the processes of a cluster of our own, or somebody else's cluster.

use std::path::Path;

use anyhow::Result;
use tokio::sync::mpsc;

use super::control::Control;
use super::executor::Executor;
use super::options::{Attach, Options};
use super::state::{NewTopic, Observation, ProcessName, Reach, Request, SoftwareSeen};
use super::supervisor::{self, ClusterFolder, Plan, Supervisor, WrittenRunFile};
use super::timestamp;
use wire::BrokerId;

/// Brokers where nothing else is said.
const BROKERS: i32 = 3;

/// A cluster that is beginning, or one that was there before.
pub(super) struct Begun {
    pub(super) executor: Executor,
    pub(super) control: Control,
    /// What tells other commands where it is, as long as this is kept.
    pub(super) run_file: Option<WrittenRunFile>,
    pub(super) first: Vec<Observation>,
    pub(super) brokers: Vec<BrokerId>,
    pub(super) topics: Vec<NewTopic>,
    pub(super) reach: Reach,
}

impl Begun {
    /// Starts the processes of a cluster of our own.
    ///
    /// # Errors
    /// There are no ports, or the run file cannot be written.
    pub(super) fn own(
        options: &Options,
        folder: ClusterFolder,
        told: mpsc::Sender<Observation>,
    ) -> Result<Self> {
        let mut first = about(&folder);
        let plan = Plan {
            brokers: brokers(options, &folder),
            base_port: options.base_port,
            zookeeper_port: options.zookeeper_port,
            engine: options.engine.clone(),
        };
        let software = plan.engine.release().map(|release| SoftwareSeen {
            quorum: false,
            release: Some(release.to_owned()),
        });
        first.extend(software.map(Observation::Software));
        let topics = topics(options, plan.brokers.len());
        let names: Vec<String> = topics.iter().map(|topic| topic.name.clone()).collect();
        let (supervisor, notices) = Supervisor::new(folder, plan.clone(), told.clone())?;
        let (control, deaf) = Control::of(&options.folder.name);
        let mut run_file = supervisor.run_file(&options.folder.name);
        run_file.control = control.path().map(Path::to_owned);
        let run_file = run_file.write()?;
        let mut executor = Executor::new(supervisor, names, told);
        let notices = notices.into_iter().chain(deaf);
        first.extend(notices.map(Observation::Notice));
        let processes = std::iter::once(ProcessName::ZooKeeper)
            .chain(plan.brokers.iter().copied().map(ProcessName::Broker));
        for process in processes {
            first.extend(executor.carry_out(Request::Start(process)));
        }
        Ok(Self {
            executor,
            control,
            run_file: Some(run_file),
            first,
            brokers: plan.brokers,
            topics,
            reach: Reach::Own,
        })
    }

    /// Begins to look at a cluster that somebody else runs. Nothing of it is kept, and no other shell is told of it.
    pub(super) fn attached(attach: Attach, told: mpsc::Sender<Observation>) -> Self {
        let secured = attach.security.words();
        let user = attach.security.login.as_ref();
        let user = user.map(|login| login.username.clone());
        Self {
            executor: Executor::attached(&attach.bootstrap, attach.security, told),
            control: Control::deaf(),
            run_file: None,
            first: attach
                .notices
                .into_iter()
                .map(Observation::Notice)
                .collect(),
            brokers: Vec::new(),
            topics: Vec::new(),
            reach: Reach::Attached {
                bootstrap: attach.bootstrap,
                writes: attach.writes,
                secured,
                user,
            },
        }
    }
}

/// The brokers that were asked for, or those whose data is there, or three.
fn brokers(options: &Options, folder: &ClusterFolder) -> Vec<BrokerId> {
    match options.brokers {
        Some(count) => (1..=count).map(BrokerId).collect(),
        None if folder.existed() && !folder.brokers().is_empty() => folder.brokers(),
        None => (1..=BROKERS).map(BrokerId).collect(),
    }
}

/// What there is to say about the data folder.
fn about(folder: &ClusterFolder) -> Vec<Observation> {
    let seen = Observation::DataFolder {
        path: supervisor::shown(folder.path()),
        last_used: folder
            .existed()
            .then(|| folder.last_used())
            .flatten()
            .map(timestamp),
    };
    let open = folder.open_to_others().map(str::to_owned);
    let notices = open.into_iter().chain(folder.cleaned());
    std::iter::once(seen)
        .chain(notices.map(Observation::Notice))
        .collect()
}

fn topics(options: &Options, brokers: usize) -> Vec<NewTopic> {
    if !options.topics.is_empty() || options.only_these_topics {
        return options.topics.clone();
    }
    vec![NewTopic {
        name: "orders".to_owned(),
        partitions: 3,
        replication_factor: i16::try_from(brokers.min(3)).unwrap_or(3),
    }]
}
