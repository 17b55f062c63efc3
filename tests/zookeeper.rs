//! `kafkarium zookeeper` as a process, driven by a client library that knows nothing of it and by
//! sockets that send what no client would.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use bytes::Bytes;
use kafkarium::wire::{
    jute::{
        AddWatchRequest, ConnectRequest, ConnectResponse, CreateRequest, JuteReader, OpCode,
        Record, RequestHeader, frame, open_acl,
    },
    report::{Report, ReportLine},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;
use zookeeper_client::{
    Acls, AddWatchMode, Client, CreateMode, Error, EventType, MultiWriteError, SessionState,
};

/// No step here takes a second on an idle machine; this is for a very busy one.
const DEADLINE: Duration = Duration::from_secs(30);

/// A running server, killed when dropped.
struct Server {
    child: Child,
    address: SocketAddr,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Server {
    fn start(data_dir: &Path) -> Self {
        Self::start_at("127.0.0.1:0".parse().expect("an address"), data_dir)
    }

    fn start_at(listener: SocketAddr, data_dir: &Path) -> Self {
        let mut child = command(listener, data_dir)
            .arg("--report")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let Report::Ready { address } = next_report(&mut stdout) else {
            panic!("the first line says ready");
        };
        Self {
            child,
            address: address.parse().expect("an address"),
            stdout,
        }
    }

    fn signal(&self, signal: Signal) {
        kill(pid(&self.child), signal).expect("the process is there");
    }

    /// `SIGKILL`, then a new process on the same port and folder.
    fn crash_and_restart(mut self, data_dir: &Path) -> Self {
        let address = self.address;
        self.child.kill().expect("the process is there");
        self.child.wait().expect("it ended");
        Self::start_at(address, data_dir)
    }

    /// Reads reports until one is what is waited for.
    fn wait_for<T>(&mut self, mut wanted: impl FnMut(Report) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(next_report(&mut self.stdout)) {
                return found;
            }
        }
    }

    async fn client(&self, session_timeout: Duration) -> Client {
        Client::connector()
            .with_session_timeout(session_timeout)
            .connect(&self.address.to_string())
            .await
            .expect("the server answers")
    }

    fn ask(&self, word: &str) -> String {
        let mut socket = TcpStream::connect(self.address).expect("the server listens");
        socket.write_all(word.as_bytes()).expect("it reads");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("it answers");
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A session by hand: no library sends heartbeats for it.
struct RawSession {
    socket: TcpStream,
}

impl RawSession {
    fn open(server: &Server, timeout_ms: i32) -> Self {
        let mut socket = TcpStream::connect(server.address).expect("the server listens");
        let request = ConnectRequest {
            timeout_ms,
            ..ConnectRequest::default()
        };
        socket
            .write_all(&frame(|to| request.write(to)))
            .expect("it reads");
        let mut session = Self { socket };
        let response: ConnectResponse = JuteReader::new(&session.answer()).read().expect("granted");
        assert_eq!(response.timeout_ms, timeout_ms);
        session
    }

    fn create_ephemeral(&mut self, path: &str) {
        let request = CreateRequest {
            path: path.into(),
            data: Some(Bytes::new()),
            acl: open_acl(),
            flags: 1,
        };
        self.ask(OpCode::Create, &request);
    }

    /// Watches a znode and all below it.
    fn watch_all(&mut self, path: &str) {
        const PERSISTENT_RECURSIVE: i32 = 1;
        let request = AddWatchRequest {
            path: path.into(),
            mode: PERSISTENT_RECURSIVE,
        };
        self.ask(OpCode::AddWatch, &request);
    }

    fn ask(&mut self, op_code: OpCode, request: &impl Record) {
        let header = RequestHeader {
            xid: 1,
            op_code: op_code.code(),
        };
        let frame = frame(|to| {
            header.write(to);
            request.write(to);
        });
        self.socket.write_all(&frame).expect("it reads");
        self.answer();
    }

    fn answer(&mut self) -> Vec<u8> {
        let mut length = [0; 4];
        self.socket.read_exact(&mut length).expect("an answer");
        let length = usize::try_from(i32::from_be_bytes(length)).expect("a length");
        let mut bytes = vec![0; length];
        self.socket.read_exact(&mut bytes).expect("a whole answer");
        bytes
    }
}

fn command(listener: SocketAddr, data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kafkarium"));
    command
        .arg("zookeeper")
        .args(["--listener", &listener.to_string()])
        .arg("--data-dir")
        .arg(data_dir);
    command
}

fn next_report(stdout: &mut impl BufRead) -> Report {
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    let line: ReportLine = serde_json::from_str(&line).expect("a report");
    line.report
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a process id"))
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn persistent() -> zookeeper_client::CreateOptions<'static> {
    CreateMode::Persistent.with_acls(Acls::anyone_all())
}

fn ephemeral() -> zookeeper_client::CreateOptions<'static> {
    CreateMode::Ephemeral.with_acls(Acls::anyone_all())
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("in time: {what}"))
}

/// Asks again until the client is back on a server that was away.
async fn until_connected(client: &Client) {
    let mut states = client.state_watcher();
    within("the client is back", async {
        while client.check_stat("/").await.is_err() {
            assert!(!client.state().is_terminated(), "{:?}", client.state());
            if states.state() != SessionState::SyncConnected {
                states.changed().await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_library_finds_a_zookeeper() {
    let folder = folder();
    let server = Server::start(folder.path());
    let client = server.client(Duration::from_secs(10)).await;
    let other = server.client(Duration::from_secs(10)).await;

    let mut below = client
        .watch("/", AddWatchMode::PersistentRecursive)
        .await
        .expect("watched");
    other.create("/a", b"1", &persistent()).await.expect("new");
    let (data, stat, watch) = client.get_and_watch_data("/a").await.expect("there");
    assert_eq!((data.as_slice(), stat.version), (b"1".as_slice(), 0));
    other
        .set_data("/a", b"2", Some(0))
        .await
        .expect("version 0");
    let event = within("the watch", watch.changed()).await;
    assert_eq!(event.event_type, EventType::NodeDataChanged);
    assert_eq!(
        other.set_data("/a", b"3", Some(0)).await.err(),
        Some(Error::BadVersion)
    );
    for event_type in [EventType::NodeCreated, EventType::NodeDataChanged] {
        let event = within("the recursive watch", below.changed()).await;
        assert_eq!((event.event_type, event.path.as_str()), (event_type, "/a"));
    }

    let mut writer = client.new_multi_writer();
    writer
        .add_create("/a/x", b"", &persistent())
        .expect("valid");
    writer.add_check_version("/a", 7).expect("valid");
    let error = writer.commit().await.expect_err("the version is 1");
    assert!(matches!(
        error,
        MultiWriteError::OperationFailed {
            index: 1,
            source: Error::BadVersion
        }
    ));
    assert_eq!(client.check_stat("/a/x").await.expect("asked"), None);

    other.create("/a/e", b"", &ephemeral()).await.expect("new");
    let (_, watch) = client.check_and_watch_stat("/a/e").await.expect("there");
    drop(other);
    let event = within("the session's end", watch.changed()).await;
    assert_eq!(event.event_type, EventType::NodeDeleted);
}

#[tokio::test]
async fn a_silent_session_expires_at_its_deadline() {
    let folder = folder();
    let server = Server::start(folder.path());
    let client = server.client(Duration::from_secs(10)).await;
    let mut session = RawSession::open(&server, 300);
    let last_heard = Instant::now();
    session.create_ephemeral("/e");
    let (_, watch) = client.check_and_watch_stat("/e").await.expect("there");
    // A closed socket is no end of a session.
    drop(session);
    within("the session's end", watch.changed()).await;
    assert!(last_heard.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_watcher_that_reads_late_hears_of_tens_of_thousands_of_znodes() {
    const ZNODES: usize = 40_000;
    const TOGETHER: usize = 2_000;
    let folder = folder();
    let server = Server::start(folder.path());
    let client = server.client(Duration::from_secs(30)).await;
    let mut watcher = RawSession::open(&server, 60_000);
    watcher.watch_all("/many");
    client
        .create("/many", b"", &persistent())
        .await
        .expect("new");
    // Long enough that the system's own buffers do not hold all the events.
    let name = "n".repeat(300);
    for first in (0..ZNODES).step_by(TOGETHER) {
        let mut multi = client.new_multi_writer();
        for number in first..first + TOGETHER {
            let path = format!("/many/{name}{number}");
            multi.add_create(&path, b"", &persistent()).expect("a path");
        }
        multi.commit().await.expect("created");
    }
    for number in 0..=ZNODES {
        let event = watcher.answer();
        assert!(event.len() > 20, "event {number}");
    }
}

#[tokio::test]
async fn what_was_answered_survives_kill_9_and_so_do_sessions() {
    let folder = folder();
    let mut server = Server::start(folder.path());
    let client = server.client(Duration::from_secs(30)).await;
    let session = client.session_id();
    client.create("/e", b"", &ephemeral()).await.expect("new");
    let mut last_zxid = 0;
    for round in 0..3 {
        let path = format!("/n{round}");
        let (stat, _) = client
            .create(&path, b"kept", &persistent())
            .await
            .expect("new");
        assert!(stat.czxid > last_zxid);
        last_zxid = stat.czxid;
        let (_, watch) = client.check_and_watch_stat(&path).await.expect("there");
        server = server.crash_and_restart(folder.path());
        until_connected(&client).await;
        assert_eq!(client.get_data(&path).await.expect("there").0, b"kept");
        client.set_data(&path, b"new", None).await.expect("there");
        within("a watch set again", watch.changed()).await;
    }
    assert_eq!(client.session_id(), session);
    assert!(client.check_stat("/e").await.expect("asked").is_some());
    server.wait_for(|report| match report {
        Report::SessionOpened { reattached, .. } => reattached.then_some(()),
        _ => None,
    });
}

#[tokio::test]
async fn a_frozen_server_costs_nobody_the_session() {
    let folder = folder();
    let server = Server::start(folder.path());
    let client = server.client(Duration::from_millis(500)).await;
    let session = client.session_id();
    client.create("/e", b"", &ephemeral()).await.expect("new");
    server.signal(Signal::SIGSTOP);
    // The freeze is longer than the session: the client library gives it up by itself. The server does not.
    let mut states = client.state_watcher();
    within("the client gives its session up", async {
        while !states.state().is_terminated() {
            states.changed().await;
        }
    })
    .await;
    server.signal(Signal::SIGCONT);
    let stat = server
        .client(Duration::from_secs(10))
        .await
        .check_stat("/e")
        .await
        .expect("asked");
    assert_eq!(stat.map(|stat| stat.ephemeral_owner), Some(session.0));
}

#[tokio::test]
async fn garbage_ends_its_own_connection_only() {
    let folder = folder();
    let server = Server::start(folder.path());
    let client = server.client(Duration::from_secs(10)).await;
    let session = client.session_id();
    let noise: Vec<u8> = (0..4096_u32).map(|n| (n * 7919 % 251) as u8).collect();
    for bytes in [
        noise.as_slice(),
        b"\x7f\xff\xff\xff",
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
        b"\0\0\0\x04abcd",
        b"\0\x0f\xff\xffhalf a frame",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        let mut socket = TcpStream::connect(server.address).expect("the server listens");
        socket.write_all(bytes).expect("sent");
        // A reset is as good an end as any, and may come before our own.
        let _ = socket.shutdown(Shutdown::Write);
        socket.set_read_timeout(Some(DEADLINE)).expect("set");
        let mut answer = Vec::new();
        if let Err(error) = socket.read_to_end(&mut answer) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
        assert!(answer.is_empty(), "{bytes:?}");
    }
    // A count of two thousand million watches, in a session that is otherwise fine.
    let mut raw = RawSession::open(&server, 10_000);
    let header = RequestHeader {
        xid: 1,
        op_code: OpCode::SetWatches.code(),
    };
    let bytes = frame(|to| {
        header.write(to);
        0_i64.write(to);
        i32::MAX.write(to);
    });
    raw.socket.write_all(&bytes).expect("sent");
    assert!(raw.answer().ends_with(&(-5_i32).to_be_bytes()));

    client.check_stat("/").await.expect("the others go on");
    assert_eq!(client.session_id(), session);
}

#[tokio::test]
async fn operators_ask_in_four_letters() {
    let folder = folder();
    let server = Server::start(folder.path());
    let client = server.client(Duration::from_secs(10)).await;
    client.create("/e", b"", &ephemeral()).await.expect("new");
    let (_, _watch) = client.check_and_watch_stat("/e").await.expect("there");
    let session = format!("0x{:x}", client.session_id().0);
    assert_eq!(server.ask("ruok"), "imok");
    assert_eq!(server.ask("isro"), "rw");
    let srvr = server.ask("srvr");
    assert!(srvr.contains("Mode: standalone\n"), "{srvr}");
    assert!(srvr.contains("Node count: 5\n"), "{srvr}");
    let cons = server.ask("cons");
    assert!(cons.contains(&format!("sid={session},lop=EXIS,")), "{cons}");
    assert!(cons.contains(",to=10000,"), "{cons}");
    let dump = server.ask("dump");
    assert!(dump.contains(&format!("{session}:\n\t/e\n")), "{dump}");
    let deadline = format!("\t{session}: ");
    let left = dump.lines().find_map(|line| line.strip_prefix(&deadline));
    assert!(
        left.is_some_and(|left| left.ends_with(" ms left")),
        "{dump}"
    );
    let wchp = server.ask("wchp");
    assert!(wchp.starts_with(&format!("/e\n\t{session}\n")), "{wchp}");
    let mntr = server.ask("mntr");
    assert!(mntr.contains("zk_ephemerals_count\t1\n"), "{mntr}");
}

#[test]
fn one_process_has_a_folder_and_a_port() {
    let (folder, other) = (folder(), folder());
    let server = Server::start(folder.path());
    let refused = |listener: SocketAddr, data_dir: &Path| {
        let output = command(listener, data_dir).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).expect("text")
    };
    let text = refused("127.0.0.1:0".parse().expect("an address"), folder.path());
    assert!(text.contains("is in use by process"), "{text}");
    let text = refused(server.address, other.path());
    let port = format!("port {} is in use", server.address.port());
    assert!(text.contains(&port), "{text}");
}

#[test]
fn sigterm_is_a_clean_stop() {
    let folder = folder();
    let mut child = command("127.0.0.1:0".parse().expect("an address"), folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    assert!(line.starts_with("ready 127.0.0.1:"), "{line}");
    kill(pid(&child), Signal::SIGTERM).expect("the process is there");
    assert!(child.wait().expect("it ended").success());
    line.clear();
    stdout.read_line(&mut line).expect("the end");
    assert!(line.is_empty(), "one line is all: {line}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_child_dies_with_its_parent() {
    let folder = folder();
    let script = r#""$0" zookeeper --listener 127.0.0.1:0 --data-dir "$1" --die-with-parent $$ 2>&1 & echo $!; wait"#;
    let mut parent = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_kafkarium")])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut lines = BufReader::new(parent.stdout.take().expect("a pipe")).lines();
    let mut next = || lines.next().map(|line| line.expect("text"));
    let child = next().expect("the child's id");
    while next().is_some_and(|line| !line.starts_with("ready ")) {}
    parent.kill().expect("it runs");
    parent.wait().expect("it ended");
    // The pipe ends when the last process that holds it does.
    while next().is_some() {}
    assert!(!Path::new("/proc").join(child).join("fd/0").exists());
}
