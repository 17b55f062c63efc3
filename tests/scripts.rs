//! A cluster without a screen, driven by other shells: `up`, `exec`, `wait`, `status`, `ps`, `down`, `clean`.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A user of their own: nothing here is seen by, or sees, another playground of this machine.
struct User {
    home: TempDir,
}

impl User {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("temporary folder");
        std::fs::create_dir(home.path().join("run")).expect("created");
        Self { home }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kafkarium"));
        command
            .args(arguments)
            .env("HOME", self.home.path())
            .env("XDG_DATA_HOME", self.home.path().join("data"))
            .env("XDG_RUNTIME_DIR", self.home.path().join("run"))
            .env("KAFKARIUM_LOG", "error")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary starts")
    }

    /// The command must end with this code; what it said.
    fn ends(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    fn status(&self, arguments: &[&str]) -> Value {
        let said = self.ends(0, arguments);
        serde_json::from_str(&said).expect("one JSON object")
    }

    /// Starts a cluster in the background on ports that the system chooses.
    fn up(&self, more: &[&str]) -> Up<'_> {
        let base = free_port().to_string();
        let zookeeper = free_port().to_string();
        let mut arguments = vec!["up", "--detach", "--json", "--base-port", &base];
        arguments.extend(["--zookeeper-port", &zookeeper]);
        arguments.extend(more);
        let status = self.status(&arguments);
        Up { user: self, status }
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

/// A cluster in the background; it ends with the test, whatever comes.
struct Up<'a> {
    user: &'a User,
    status: Value,
}

impl Drop for Up<'_> {
    fn drop(&mut self) {
        let _ = self.user.run(&["down"]);
    }
}

fn pid(status: &Value, process: &str) -> i64 {
    let processes = status["processes"].as_array().expect("processes");
    let found = processes.iter().find(|known| known["name"] == process);
    found.expect("it is there")["pid"]
        .as_i64()
        .expect("it runs")
}

#[test]
fn a_cluster_is_started_driven_asked_and_ended_from_a_shell() {
    let user = User::new();
    let up = user.up(&["--topic", "orders:3:3"]);
    assert_eq!(up.status["version"], 1);
    assert_eq!(up.status["ready"], true);
    assert_eq!(
        up.status["groups"],
        Value::Array(Vec::new()),
        "the proof left nothing"
    );
    let brokers = up.status["bootstrap"].as_str().expect("addresses");
    assert_eq!(
        brokers.split(',').count(),
        3,
        "whoever dies, clients find another"
    );
    let before = pid(&up.status, "broker 2");

    let said = user.ends(
        0,
        &[
            "exec",
            "kill broker 2",
            "wait isr orders 2",
            "start broker 2",
            "wait isr orders 3",
            "produce amy:hello",
            "wait record orders key amy",
            "topic create chat 2 2",
            "wait topic chat partitions 2",
            "topic delete chat",
        ],
    );
    assert_eq!(said.lines().count(), 9, "{said}");
    let after = user.status(&["status", "--json"]);
    assert_ne!(pid(&after, "broker 2"), before, "it is another process");
    assert!(user.ends(0, &["ps"]).contains("broker 3"));
    assert!(user.ends(0, &["status"]).contains("orders"));

    assert!(
        user.ends(0, &["wait", "isr", "orders", "3"])
            .contains("p2 3")
    );
    let not = user.ends(1, &["wait", "isr orders 2", "--timeout", "50ms"]);
    assert!(not.contains("isr of orders: p0 3, p1 3, p2 3"), "{not}");
    let wrong = user.ends(2, &["wait", "isrr orders 3"]);
    assert!(wrong.contains("did you mean \"isr\"?"), "{wrong}");
    let refused = user.ends(1, &["exec", "kill broker 9", "kill broker 1"]);
    assert!(refused.contains("there is no broker 9"), "{refused}");
    let unread = user.ends(2, &["exec", "kill broker 1", "explode"]);
    assert!(
        unread.contains("there is no action \"explode\""),
        "{unread}"
    );
    user.ends(0, &["wait", "brokers up 3"]);
    let there = user.ends(1, &["exec", "topic create orders 3 3"]);
    assert!(there.contains("TOPIC_ALREADY_EXISTS"), "{there}");
    let unnamed = user.ends(2, &["up", "--topic", "two words"]);
    assert!(unnamed.contains("Topic name is invalid"), "{unnamed}");
    let twice = user.ends(2, &["up", "--detach"]);
    assert!(twice.contains("is open in another kafkarium"), "{twice}");

    user.ends(0, &["down"]);
    let none = user.ends(2, &["status"]);
    assert!(none.contains("no playground is running"), "{none}");
    assert!(!Path::new(&format!("/proc/{before}")).exists());
    assert!(
        user.ends(0, &["clean", "--name", "demo"])
            .contains("removed ")
    );
    assert!(user.ends(0, &["clean"]).contains("nothing was left"));
}

#[test]
fn what_a_killed_cluster_left_is_removed() {
    let user = User::new();
    let up = user.up(&["--brokers", "1"]);
    let own = up.status["pid"].as_i64().expect("it runs");
    let own = nix::unistd::Pid::from_raw(i32::try_from(own).expect("a pid"));
    nix::sys::signal::kill(own, nix::sys::signal::Signal::SIGKILL).expect("it runs");
    cluster::wait_until("the run file is no longer believed", || {
        (user.run(&["status"]).status.code() == Some(2)).then_some(())
    });
    let left = user.ends(0, &["clean"]);
    assert!(left.contains("demo.json"), "{left}");
    assert!(left.contains(".sock"), "{left}");
}

#[test]
fn two_clusters_side_by_side_do_not_touch_each_other() {
    let user = User::new();
    let _one = user.up(&["--name", "one", "--brokers", "1"]);
    let _two = user.up(&["--name", "two", "--brokers", "1", "--topic", "chat:1:1"]);
    user.ends(0, &["exec", "--name", "one", "kill broker 1"]);
    user.ends(
        0,
        &["wait", "--name", "two", "broker 1 up and topic chat exists"],
    );
    user.ends(0, &["wait", "--name", "one", "broker 1 down"]);
    let which = user.ends(2, &["status"]);
    assert!(which.contains("--name one or --name two"), "{which}");
    user.ends(0, &["down", "--name", "one"]);
    user.ends(0, &["down", "--name", "two"]);
}

#[path = "cluster/mod.rs"]
mod cluster;

/// Whoever came back copies first what it missed, and the controller reads in ZooKeeper that it did.
#[test]
fn leaders_are_elected_as_soon_as_they_are_in_sync_again() {
    let user = User::new();
    let up = user.up(&["--topic", "orders:3:3"]);
    user.ends(
        0,
        &[
            "exec",
            "kill broker 1",
            "wait isr orders 2 within 30s",
            "start broker 1",
            "leaders elect",
            "wait leader orders p0 1 within 30s",
        ],
    );
    drop(up);
}

#[test]
fn a_scenario_is_checked_run_and_told_as_junit() {
    let user = User::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/scenarios");
    let mut checked = 0;
    for entry in std::fs::read_dir(&examples).expect("the folder is there") {
        let file = entry.expect("an entry").path();
        user.ends(0, &["run", "--check", file.to_str().expect("a name")]);
        checked += 1;
    }
    assert!(checked >= 5, "{checked}");

    let folder = user.home.path();
    let file = folder.join("short.toml");
    let file = file.to_str().expect("a name");
    let junit = folder.join("out.xml");
    let text = r#"
title = "short"
for = "1s"
brokers = 2
stream = "10"
[[topic]]
name = "orders"
[[topic]]
name = "payments"
[[producer]]
topic = "payments"
rate = "20"
[[group]]
name = "billing"
[[incident]]
at = "100ms"
do = "restart broker 2"
[[expect]]
that = "acked 25 and isr orders 2 and lost 0 and offset payments p0 1 within 20s"
[[expect]]
that = "brokers up 7"
"#;
    std::fs::write(file, text).expect("written");
    let nowhere = user.ends(2, &["run", file, "--junit", "/nowhere/out.xml"]);
    assert!(
        nowhere.starts_with("kafkarium: cannot write /nowhere/out.xml"),
        "nothing was run: {nowhere}"
    );
    let said = user.ends(
        1,
        &["run", file, "--junit", junit.to_str().expect("a name")],
    );
    assert!(said.contains("ok       restart broker 2"), "{said}");
    assert!(
        said.contains("FAILS    brokers up 7  (2 of 2 brokers answer)"),
        "{said}"
    );
    assert!(
        said.ends_with("kafkarium: 1 expectation does not hold\n"),
        "{said}"
    );
    let xml = std::fs::read_to_string(&junit).expect("it was written");
    assert!(
        xml.contains("tests=\"3\"") && xml.contains("failures=\"1\""),
        "{xml}"
    );

    std::fs::write(file, text.replace("brokers up 7", "brokrs up 7")).expect("written");
    let wrong = user.ends(2, &["run", file, "--check"]);
    assert!(
        wrong.contains("short.toml:21:9 unknown condition \"brokrs\""),
        "{wrong}"
    );
}

/// Most of the time a lesson waits for a session to end, so several are proved at a time.
#[test]
fn every_lesson_is_proved_on_a_cluster_taken_back_and_done_again() {
    let user = User::new();
    let proves = |arguments: &[&str]| {
        let arguments = [&["lesson", "check"], arguments].concat();
        let proved = user.ends(0, &arguments);
        proved
            .lines()
            .filter(|line| line.starts_with("ok "))
            .count()
    };
    // What it does within a second needs the machine for itself.
    assert_eq!(proves(&["8"]), 1);
    let others: Vec<String> = (1..=16)
        .filter(|it| *it != 8)
        .map(|it| it.to_string())
        .collect();
    let others = others.iter().map(String::as_str);
    let others: Vec<&str> = ["--jobs", "8"].into_iter().chain(others).collect();
    assert_eq!(proves(&others), 15);
}

#[test]
fn a_lesson_is_told_and_a_broken_step_is_named() {
    let user = User::new();
    let all = user.ends(0, &["lesson", "list"]);
    assert!(all.contains(" 8  kill the leader"), "{all}");
    let told = user.ends(0, &["lesson", "show", "leader"]);
    assert_eq!(told, user.ends(0, &["lesson", "show", "8"]));
    assert!(told.contains("or         :kill broker 3"), "{told}");
    let typed = user.ends(0, &["lesson", "show", "16"]);
    let apache = "$ kafka-topics.sh --bootstrap-server 127.0.0.1:9092 --create --topic chat";
    assert!(typed.contains(apache), "{typed}");

    let file = user.home.path().join("mine.toml");
    let name = file.to_str().expect("a name");
    let text = r#"title = "mine"
minutes = 1
brokers = 1
[[step]]
text = "Send a record with the key amy."
check = "record orders key amy new"
hint = "produce"
why = "It is there."
do = ["produce amy:hello"]
[[step]]
text = "Create a topic."
check = "topic chat exists"
hint = "none"
why = "It is there."
do = ["topic create chat 1 1"]
undo = ["topic delete chat"]
"#;
    let broken = |right: &str, wrong: &str| {
        let changed = text.replace(right, wrong);
        assert_ne!(changed, text, "{right}");
        std::fs::write(&file, changed).expect("written");
        user.ends(1, &["lesson", "check", name])
    };
    let before = broken("topic chat exists", "broker 1 up");
    assert!(
        before.contains("step 2, \"broker 1 up\", holds before anything is done: broker 1 is up"),
        "{before}"
    );
    let refused = broken("[\"topic create chat 1 1\"]", "[\"kill broker 9\"]");
    assert!(
        refused.contains("kill broker 9 was refused: there is no broker 9"),
        "{refused}"
    );
    let still = broken("undo = [\"topic delete chat\"]", "");
    assert!(
        still.contains("holds still after it was taken back: topic chat has 1 partition"),
        "{still}"
    );
    let left = broken("chat 1 1\"]", "chat 1 1\", \"consumer add audit\"]");
    assert!(
        left.contains("all steps were taken back, and group audit is "),
        "{left}"
    );
    assert!(left.contains(", and was not there"), "{left}");
    std::fs::write(
        &file,
        text.replace("topic chat exists", "topik chat exists"),
    )
    .expect("written");
    let wrong = user.ends(2, &["lesson", "check", name]);
    assert!(
        wrong.contains("mine.toml:12:10 unknown condition \"topik\""),
        "{wrong}"
    );
    let none = user.ends(2, &["lesson", "show", "99"]);
    assert!(none.contains("there is no lesson 99"), "{none}");
}

#[test]
fn the_same_words_break_and_heal_apache_kafka() {
    // Cargo keeps what is fetched.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("apache-kafka-3.9");
    let fetch = || Ok(kafkarium::playground::fetch_into("3.9.2", &folder)?.folder);
    let Some(jars) = cluster::apache_kafka(fetch) else {
        return;
    };
    let jars = jars.to_str().expect("a name");
    let user = User::new();
    let engine = ["--engine", "apache-3.9", "--kafka-home", jars];
    let mut wanted = engine.to_vec();
    // Two JVMs are enough to move a leader.
    wanted.extend([
        "--brokers",
        "2",
        "--topic",
        "orders:2:2",
        "--timeout",
        "300s",
    ]);
    let up = user.up(&wanted);
    assert_eq!(up.status["ready"], true);
    let before = pid(&up.status, "broker 2");
    let command = std::fs::read(format!("/proc/{before}/cmdline")).expect("it runs");
    assert!(String::from_utf8_lossy(&command).contains("kafka.Kafka"));
    let said = user.ends(
        0,
        &[
            "exec",
            "kill broker 2",
            "wait isr orders 1 within 120s",
            "produce amy:hello",
            "wait record orders key amy within 120s",
            "heal",
            "wait isr orders 2 within 300s",
        ],
    );
    let after = pid(&user.status(&["status", "--json"]), "broker 2");
    assert_ne!(before, after, "{said}");
    user.ends(0, &["down"]);
    assert!(!Path::new(&format!("/proc/{after}")).exists());

    // Its data is no data of our own brokers.
    let refused = user.ends(2, &["up", "--detach"]);
    assert!(
        refused.contains("holds a cluster of --engine apache-3.9: say --fresh to begin anew"),
        "{refused}"
    );
}
