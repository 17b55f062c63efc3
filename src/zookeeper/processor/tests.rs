//! Requests one after another, and what each of them causes.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{CloseReason, Effects, Now, Processor, Send};
use crate::{ConnectionId, acl, database::Database};
use wire::{
    jute::{
        AddWatchRequest, AuthPacket, CheckWatchesRequest, ConnectRequest, ConnectResponse,
        Create2Response, CreateRequest, CreateResponse, DeleteRequest, GetChildrenResponse,
        GetDataResponse, JuteReader, KeeperCode, MultiHeader, OpCode, PathRequest,
        PathVersionRequest, PathWatchRequest, Record, ReplyHeader, RequestHeader, SetAclRequest,
        SetDataRequest, SetWatches2, Stat, WatcherEvent, open_acl, perms, to_bytes,
    },
    report::{Report, ZnodeChange},
};

const PASSWORD: [u8; 16] = [7; 16];
const A: ConnectionId = ConnectionId(1);
const B: ConnectionId = ConnectionId(2);

/// A processor with a clock, spoken to in records.
struct Server {
    processor: Processor,
    now: Now,
    xid: i32,
    /// Everything logged so far, to replay.
    txns: Vec<super::Txn>,
}

/// What one frame caused, read back.
#[derive(Debug, Default)]
struct Seen {
    /// The answer to the frame, with the bytes behind its header.
    reply: Option<(ReplyHeader, Bytes)>,
    /// Watch events: connection, event type, path. Those before the reply.
    events: Vec<(ConnectionId, i32, String)>,
    closed: Vec<(ConnectionId, CloseReason)>,
    reports: Vec<Report>,
}

impl Server {
    fn new() -> Self {
        let now = Now {
            instant: Instant::now(),
            wall_ms: 1_000_000,
        };
        Self {
            processor: Processor::new(Database::new(), now),
            now,
            xid: 0,
            txns: Vec::new(),
        }
    }

    fn pass(&mut self, ms: u64) -> Seen {
        self.now.instant += Duration::from_millis(ms);
        let mut effects = Effects::default();
        self.processor.expire(self.now, &mut effects);
        self.seen(effects, None)
    }

    fn frame(&mut self, id: ConnectionId, bytes: &[u8]) -> Effects {
        let mut effects = Effects::default();
        self.processor
            .frame(id, bytes, PASSWORD, self.now, &mut effects);
        effects
    }

    fn seen(&mut self, effects: Effects, asker: Option<ConnectionId>) -> Seen {
        self.txns.extend(effects.txns);
        let mut seen = Seen {
            reports: effects.reports,
            ..Seen::default()
        };
        for (id, send) in effects.sends {
            match send {
                Send::Reply { frame, .. } => {
                    assert_eq!(Some(id), asker);
                    let mut reader = JuteReader::new(&frame[4..]);
                    let header = reader.read().expect("a header");
                    let body = frame.slice(frame.len() - reader.remaining()..);
                    seen.reply = Some((header, body));
                }
                Send::Event(frame) => {
                    let mut reader = JuteReader::new(&frame[4..]);
                    let header: ReplyHeader = reader.read().expect("a header");
                    assert_eq!(header.xid, -1);
                    let event: WatcherEvent = reader.read().expect("an event");
                    assert!(
                        asker != Some(id) || seen.reply.is_none(),
                        "an event comes before the answer that shows its change"
                    );
                    seen.events.push((id, event.event_type, event.path));
                }
                Send::Close(reason) => seen.closed.push((id, reason)),
            }
        }
        seen
    }

    /// Connects and asks for a session, for `session` again if it is not 0.
    fn connect(&mut self, id: ConnectionId, session: i64, last_zxid_seen: i64) -> (i64, Seen) {
        let peer = "127.0.0.1:5000".parse().expect("an address");
        self.processor.connected(id, peer, self.now);
        let request = ConnectRequest {
            last_zxid_seen,
            timeout_ms: 1000,
            session_id: session,
            password: Some(Bytes::copy_from_slice(&PASSWORD)),
            ..ConnectRequest::default()
        };
        let mut effects = self.frame(id, &to_bytes(&request));
        let mut granted = 0;
        effects.sends.retain(|(_, send)| match send {
            Send::Reply { frame, .. } => {
                let response: ConnectResponse =
                    JuteReader::new(&frame[4..]).read().expect("a response");
                granted = response.session_id;
                assert_eq!(response.timeout_ms == 0, granted == 0);
                false
            }
            _ => true,
        });
        let seen = self.seen(effects, Some(id));
        (granted, seen)
    }

    fn ask(&mut self, id: ConnectionId, op: OpCode, body: &impl Record) -> Seen {
        self.ask_bytes(id, op, &to_bytes(body))
    }

    fn ask_bytes(&mut self, id: ConnectionId, op: OpCode, body: &[u8]) -> Seen {
        self.xid += 1;
        let mut bytes = to_bytes(&RequestHeader {
            xid: self.xid,
            op_code: op.code(),
        });
        bytes.extend_from_slice(body);
        let effects = self.frame(id, &bytes);
        let seen = self.seen(effects, Some(id));
        if let Some((header, _)) = &seen.reply {
            assert_eq!(header.xid, self.xid);
            assert_eq!(header.zxid, self.processor.last_zxid());
        }
        seen
    }

    fn create(&mut self, id: ConnectionId, path: &str, flags: i32) -> Result<String, KeeperCode> {
        let seen = self.ask(id, OpCode::Create, &create(path, flags));
        seen.answer::<CreateResponse>().map(|answer| answer.path)
    }

    fn children(&mut self, id: ConnectionId, path: &str, watch: bool) -> Vec<String> {
        let seen = self.ask(id, OpCode::GetChildren, &path_watch(path, watch));
        seen.answer::<GetChildrenResponse>()
            .expect("the znode is there")
            .children
    }
}

impl Seen {
    fn err(&self) -> KeeperCode {
        let (header, _) = self.reply.as_ref().expect("an answer");
        KeeperCode::from_code(header.err).expect("a known code")
    }

    fn answer<R: Record>(&self) -> Result<R, KeeperCode> {
        match self.err() {
            KeeperCode::Ok => {
                let (_, body) = self.reply.as_ref().expect("an answer");
                Ok(JuteReader::new(body).read().expect("the record"))
            }
            code => Err(code),
        }
    }
}

fn create(path: &str, flags: i32) -> CreateRequest {
    CreateRequest {
        path: path.into(),
        data: Some(Bytes::from_static(b"v")),
        acl: open_acl(),
        flags,
    }
}

fn path_watch(path: &str, watch: bool) -> PathWatchRequest {
    PathWatchRequest {
        path: path.into(),
        watch,
    }
}

fn set_data(path: &str, version: i32) -> SetDataRequest {
    SetDataRequest {
        path: path.into(),
        data: None,
        version,
    }
}

fn delete(path: &str, version: i32) -> DeleteRequest {
    DeleteRequest {
        path: path.into(),
        version,
    }
}

fn event(id: ConnectionId, event_type: i32, path: &str) -> (ConnectionId, i32, String) {
    (id, event_type, path.to_owned())
}

fn multi(parts: &[(OpCode, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (op, body) in parts {
        MultiHeader {
            op_code: op.code(),
            done: false,
            err: -1,
        }
        .write(&mut bytes);
        bytes.extend_from_slice(body);
    }
    MultiHeader {
        op_code: -1,
        done: true,
        err: -1,
    }
    .write(&mut bytes);
    bytes
}

#[test]
fn sequential_names_count_the_children_that_ever_were() {
    let mut server = Server::new();
    server.connect(A, 0, 0);
    server.create(A, "/q", 0).expect("new");
    assert_eq!(
        server.create(A, "/q/n-", 2).as_deref(),
        Ok("/q/n-0000000000")
    );
    assert_eq!(server.create(A, "/q/", 3).as_deref(), Ok("/q/0000000001"));
    let gone = server.ask(A, OpCode::Delete, &delete("/q/n-0000000000", -1));
    assert_eq!(gone.err(), KeeperCode::Ok);
    assert_eq!(
        server.create(A, "/q/n-", 2).as_deref(),
        Ok("/q/n-0000000002")
    );
    assert_eq!(
        server.children(A, "/q", false),
        ["0000000001", "n-0000000002"]
    );
}

#[test]
fn wrong_requests_get_the_codes_of_the_original() {
    let mut server = Server::new();
    server.connect(A, 0, 0);
    server.create(A, "/e", 1).expect("new");
    for (path, flags, code) in [
        ("/", 0, KeeperCode::NodeExists),
        ("/e", 0, KeeperCode::NodeExists),
        ("/x/y", 0, KeeperCode::NoNode),
        ("/e/y", 0, KeeperCode::NoChildrenForEphemerals),
        ("e", 0, KeeperCode::BadArguments),
        ("", 0, KeeperCode::BadArguments),
        ("/e/", 0, KeeperCode::BadArguments),
        ("/..", 0, KeeperCode::BadArguments),
        ("/t", 5, KeeperCode::Unimplemented),
        ("/t", 9, KeeperCode::BadArguments),
        ("/zookeeper/config/x", 0, KeeperCode::NoAuth),
    ] {
        assert_eq!(server.create(A, path, flags), Err(code), "{path:?} {flags}");
    }
    let txns = server.txns.len();
    for (op, body, code) in [
        (
            OpCode::SetData,
            to_bytes(&set_data("/e", 3)),
            KeeperCode::BadVersion,
        ),
        (
            OpCode::SetData,
            to_bytes(&set_data("/x", -1)),
            KeeperCode::NoNode,
        ),
        (
            OpCode::Delete,
            to_bytes(&delete("/e", 3)),
            KeeperCode::BadVersion,
        ),
        (
            OpCode::Delete,
            to_bytes(&delete("/", -1)),
            KeeperCode::BadArguments,
        ),
        (
            OpCode::Delete,
            to_bytes(&delete("/zookeeper", -1)),
            KeeperCode::BadArguments,
        ),
        (
            OpCode::GetData,
            to_bytes(&path_watch("/x", true)),
            KeeperCode::NoNode,
        ),
        (OpCode::GetData, vec![1, 2, 3], KeeperCode::MarshallingError),
        (
            OpCode::Multi,
            vec![0, 0, 0, 99, 0, 0, 0, 0, 0],
            KeeperCode::MarshallingError,
        ),
        (OpCode::Error, Vec::new(), KeeperCode::Unimplemented),
        (
            OpCode::SetAcl,
            to_bytes(&SetAclRequest {
                path: "/e".into(),
                acl: vec![],
                version: -1,
            }),
            KeeperCode::InvalidAcl,
        ),
        (
            OpCode::RemoveWatches,
            to_bytes(&CheckWatchesRequest {
                path: "/x".into(),
                watcher_type: 3,
            }),
            KeeperCode::NoWatcher,
        ),
    ] {
        assert_eq!(server.ask_bytes(A, op, &body).err(), code, "{op:?}");
    }
    assert_eq!(server.txns.len(), txns, "what fails is not a transaction");
}

#[test]
fn null_data_is_not_empty_data() {
    let mut server = Server::new();
    server.connect(A, 0, 0);
    let null = CreateRequest {
        data: None,
        ..create("/null", 0)
    };
    let created = server.ask(A, OpCode::Create2, &null);
    let created: Create2Response = created.answer().expect("new");
    assert_eq!((created.stat.data_length, created.stat.czxid), (0, 2));
    let read = server.ask(A, OpCode::GetData, &path_watch("/null", false));
    assert_eq!(read.answer::<GetDataResponse>().expect("there").data, None);
    let root = server.ask(A, OpCode::GetData, &path_watch("/", false));
    let root: GetDataResponse = root.answer().expect("there");
    assert_eq!(root.data, Some(Bytes::new()));
}

#[test]
fn a_multi_happens_whole_or_not_at_all() {
    let mut server = Server::new();
    server.connect(A, 0, 0);
    server.connect(B, 0, 0);
    server.children(B, "/", true);
    let parts = [
        (OpCode::Create2, to_bytes(&create("/m", 0))),
        (OpCode::Create, to_bytes(&create("/m/s-", 2))),
        (OpCode::SetData, to_bytes(&set_data("/m", 0))),
        (
            OpCode::Check,
            to_bytes(&PathVersionRequest {
                path: "/m".into(),
                version: 1,
            }),
        ),
        (OpCode::Delete, to_bytes(&delete("/m/s-0000000000", -1))),
    ];
    let before = server.processor.last_zxid();
    let mut failing = parts.to_vec();
    failing.insert(2, (OpCode::Delete, to_bytes(&delete("/m", 5))));
    let seen = server.ask_bytes(A, OpCode::Multi, &multi(&failing));
    assert_eq!(seen.err(), KeeperCode::Ok, "the errors are in the parts");
    let (_, body) = seen.reply.expect("an answer");
    let mut reader = JuteReader::new(&body);
    let mut codes = Vec::new();
    loop {
        let header: MultiHeader = reader.read().expect("a header");
        if header.done {
            break;
        }
        assert_eq!(header.op_code, -1);
        codes.push(reader.read::<i32>().expect("a code"));
    }
    assert_eq!(codes, [0, 0, -103, -2, -2, -2]);
    assert!(seen.events.is_empty());
    assert_eq!(server.processor.last_zxid(), before);
    assert_eq!(server.children(A, "/", false), ["zookeeper"]);

    let seen = server.ask_bytes(A, OpCode::Multi, &multi(&parts));
    assert_eq!(seen.events, [event(B, 4, "/")]);
    assert_eq!(server.processor.last_zxid(), before + 1);
    let stat = server.ask(A, OpCode::Exists, &path_watch("/m", false));
    let stat: Stat = stat.answer().expect("there");
    assert_eq!(
        (stat.version, stat.cversion, stat.pzxid),
        (1, 2, before + 1)
    );
}

#[test]
fn watches_tell_once_and_before_the_answer_that_shows_it() {
    let mut server = Server::new();
    let (session, _) = server.connect(A, 0, 0);
    server.connect(B, 0, 0);
    server.ask(A, OpCode::Exists, &path_watch("/w", true));
    let seen = server.ask(B, OpCode::Create, &create("/w", 0));
    assert_eq!(seen.events, [event(A, 1, "/w")]);
    assert!(matches!(
        seen.reports.as_slice(),
        [Report::WatchFired { path, change, sessions }]
            if path == "/w" && *change == ZnodeChange::Created && *sessions == [session]
    ));
    server.ask(A, OpCode::GetData, &path_watch("/w", true));
    let seen = server.ask(A, OpCode::SetData, &set_data("/w", -1));
    assert_eq!(seen.events, [event(A, 3, "/w")]);
    let seen = server.ask(A, OpCode::SetData, &set_data("/w", -1));
    assert!(seen.events.is_empty());
    server.ask(A, OpCode::GetData, &path_watch("/w", true));
    server.children(A, "/w", true);
    let seen = server.ask(B, OpCode::Delete, &delete("/w", -1));
    assert_eq!(
        seen.events,
        [event(A, 2, "/w")],
        "one event for two watches"
    );
}

#[test]
fn persistent_watches_are_set_checked_and_removed() {
    let mut server = Server::new();
    server.connect(A, 0, 0);
    let add = AddWatchRequest {
        path: "/".into(),
        mode: 1,
    };
    let added = server.ask(A, OpCode::AddWatch, &add);
    assert_eq!(
        added.answer::<i32>(),
        Ok(0),
        "an error response without error"
    );
    for (path, event_type) in [("/a", 1), ("/a/b", 1)] {
        let seen = server.ask(A, OpCode::Create, &create(path, 0));
        assert_eq!(seen.events, [event(A, event_type, path)]);
    }
    let which = |watcher_type| CheckWatchesRequest {
        path: "/".into(),
        watcher_type,
    };
    let checked = server.ask(A, OpCode::CheckWatches, &which(5));
    assert_eq!(checked.err(), KeeperCode::Ok);
    let checked = server.ask(A, OpCode::CheckWatches, &which(2));
    assert_eq!(checked.err(), KeeperCode::NoWatcher);
    let removed = server.ask(A, OpCode::RemoveWatches, &which(3));
    assert_eq!(removed.err(), KeeperCode::Ok);
    let seen = server.ask(A, OpCode::SetData, &set_data("/a", -1));
    assert!(seen.events.is_empty());
}

#[test]
fn watches_that_are_set_again_tell_what_was_missed() {
    let mut server = Server::new();
    let (session, _) = server.connect(A, 0, 0);
    server.connect(B, 0, 0);
    for path in ["/same", "/changed", "/gone", "/parent"] {
        server.create(B, path, 0).expect("new");
    }
    let relative_zxid = server.processor.last_zxid();
    server.processor.disconnected(A);
    server.ask(B, OpCode::SetData, &set_data("/changed", -1));
    server.ask(B, OpCode::Delete, &delete("/gone", -1));
    server.create(B, "/came", 0).expect("new");
    server.create(B, "/parent/child", 0).expect("new");
    server.connect(A, session, relative_zxid);
    let paths = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
    let request = SetWatches2 {
        relative_zxid,
        data: paths(&["/same", "/changed", "/gone"]),
        exist: paths(&["/came", "/not-yet"]),
        child: paths(&["/same", "/parent"]),
        persistent: paths(&["/same"]),
        persistent_recursive: paths(&["/parent"]),
    };
    let seen = server.ask(A, OpCode::SetWatches2, &request);
    assert_eq!(
        seen.events,
        [
            event(A, 3, "/changed"),
            event(A, 2, "/gone"),
            event(A, 1, "/came"),
            event(A, 4, "/parent"),
        ]
    );
    server.create(B, "/not-yet", 0).expect("new");
    let seen = server.ask(B, OpCode::SetData, &set_data("/parent/child", -1));
    assert_eq!(seen.events, [event(A, 3, "/parent/child")]);
    let seen = server.ask(B, OpCode::SetData, &set_data("/same", -1));
    assert_eq!(seen.events, [event(A, 3, "/same")]);
}

#[test]
fn a_session_that_ends_takes_its_ephemerals_in_the_same_transaction() {
    let mut server = Server::new();
    let (session, _) = server.connect(A, 0, 0);
    server.connect(B, 0, 0);
    server.create(A, "/e", 1).expect("new");
    server.ask(B, OpCode::Exists, &path_watch("/e", true));
    let before = server.processor.last_zxid();
    let seen = server.ask(A, OpCode::CloseSession, &PathRequest::default());
    assert_eq!(seen.events, [event(B, 2, "/e")]);
    assert_eq!(seen.closed, [(A, CloseReason::SessionClosed)]);
    assert_eq!(server.processor.last_zxid(), before + 1);
    assert!(matches!(
        seen.reports.first(),
        Some(Report::SessionClosed { session: closed, ephemerals })
            if *closed == session && *ephemerals == ["/e"]
    ));
    let (granted, seen) = server.connect(ConnectionId(3), session, 0);
    assert_eq!(granted, 0);
    assert_eq!(seen.closed, [(ConnectionId(3), CloseReason::NoSuchSession)]);
}

#[test]
fn a_silent_session_expires_and_a_heard_one_does_not() {
    let mut server = Server::new();
    server.connect(A, 0, 0);
    server.connect(B, 0, 0);
    server.create(A, "/e", 1).expect("new");
    server.ask(B, OpCode::Exists, &path_watch("/e", true));
    assert!(server.pass(600).closed.is_empty());
    let ping = server.ask(B, OpCode::Ping, &PathRequest::default());
    assert_eq!(ping.err(), KeeperCode::Ok);
    let seen = server.pass(400);
    assert_eq!(seen.closed, [(A, CloseReason::SessionExpired)]);
    assert_eq!(seen.events, [event(B, 2, "/e")]);
    assert!(matches!(
        seen.reports.first(),
        Some(Report::SessionExpired { timeout_ms: 1000, ephemerals, .. }) if *ephemerals == ["/e"]
    ));
}

#[test]
fn a_session_moves_to_the_connection_that_asks_with_its_password() {
    let mut server = Server::new();
    let (session, _) = server.connect(A, 0, 0);
    server.create(A, "/e", 1).expect("new");
    server.children(A, "/", true);
    let (granted, seen) = server.connect(B, session, 1);
    assert_eq!(granted, session);
    assert_eq!(seen.closed, [(A, CloseReason::SessionMoved)]);
    let late = server.ask(A, OpCode::Ping, &PathRequest::default());
    assert!(late.reply.is_none(), "the old connection is not heard");
    server.processor.disconnected(A);
    let seen = server.ask(B, OpCode::Create, &create("/x", 0));
    assert!(seen.events.is_empty(), "watches belong to the connection");
    assert_eq!(server.children(B, "/", false), ["e", "x", "zookeeper"]);
}

#[test]
fn a_client_that_saw_another_servers_future_is_sent_away() {
    let mut server = Server::new();
    let (granted, seen) = server.connect(A, 0, 99);
    assert_eq!(granted, 0);
    assert_eq!(seen.closed, [(A, CloseReason::AheadOfServer)]);
}

#[test]
fn an_old_client_gets_no_byte_it_does_not_know() {
    let mut server = Server::new();
    let peer = "127.0.0.1:5000".parse().expect("an address");
    let mut lengths = Vec::new();
    for (id, read_only) in [(A, None), (B, Some(true))] {
        server.processor.connected(id, peer, server.now);
        let mut bytes = to_bytes(&ConnectRequest::default());
        bytes.extend(read_only.map(u8::from));
        let effects = server.frame(id, &bytes);
        let Some((_, Send::Reply { frame, .. })) = effects.sends.first() else {
            panic!("an answer")
        };
        lengths.push(frame.len());
    }
    assert_eq!(lengths, [4 + 36, 4 + 37]);
}

#[test]
fn an_acl_keeps_others_out() {
    let mut server = Server::new();
    server.connect(A, 0, 0);
    server.connect(B, 0, 0);
    let bob = acl::digest_identity(b"bob:secret").expect("text");
    let mut request = create("/private", 0);
    request.acl[0].id = bob;
    let created = server.ask(A, OpCode::Create, &request);
    assert_eq!(created.err(), KeeperCode::Ok);
    let read = server.ask(B, OpCode::GetData, &path_watch("/private", false));
    assert_eq!(read.err(), KeeperCode::NoAuth);
    let auth = |scheme: &str| AuthPacket {
        auth_type: 0,
        scheme: scheme.into(),
        auth: Some(Bytes::from_static(b"bob:secret")),
    };
    let known = server.ask(B, OpCode::Auth, &auth("digest"));
    assert_eq!(known.err(), KeeperCode::Ok);
    let read = server.ask(B, OpCode::GetData, &path_watch("/private", false));
    assert_eq!(read.err(), KeeperCode::Ok);
    let mut open = SetAclRequest {
        path: "/private".into(),
        acl: open_acl(),
        version: 0,
    };
    open.acl[0].perms = perms::READ;
    assert_eq!(server.ask(B, OpCode::SetAcl, &open).err(), KeeperCode::Ok);
    assert_eq!(
        server.ask(B, OpCode::SetAcl, &open).err(),
        KeeperCode::NoAuth
    );
    let unknown = server.ask(A, OpCode::Auth, &auth("magic"));
    assert_eq!(unknown.err(), KeeperCode::AuthFailed);
    assert_eq!(unknown.closed, [(A, CloseReason::AuthFailed)]);
}

#[test]
fn a_container_looks_like_any_other_znode() {
    let mut server = Server::new();
    server.connect(A, 0, 0);
    let created = server.ask(A, OpCode::CreateContainer, &create("/box", 4));
    let created: Create2Response = created.answer().expect("new");
    let parts = [(OpCode::CreateContainer, to_bytes(&create("/box/inner", 4)))];
    let (_, body) = server
        .ask_bytes(A, OpCode::Multi, &multi(&parts))
        .reply
        .expect("an answer");
    let part: MultiHeader = JuteReader::new(&body).read().expect("a header");
    assert_eq!(part.op_code, OpCode::Create2.code(), "as the original says");
    server.ask(A, OpCode::Delete, &delete("/box/inner", -1));
    let stat = server.ask(A, OpCode::Exists, &path_watch("/box", false));
    let stat: Stat = stat.answer().expect("there");
    let owners = [created.stat.ephemeral_owner, stat.ephemeral_owner];
    assert_eq!(owners, [0, 0], "what it is is not told");
}

#[test]
fn an_empty_container_that_had_children_goes() {
    let mut server = Server::new();
    server.connect(A, 0, 0);
    server.ask(A, OpCode::CreateContainer, &create("/box", 4));
    let mut effects = Effects::default();
    server
        .processor
        .delete_empty_containers(server.now, &mut effects);
    assert!(effects.txns.is_empty(), "it is waiting for its first child");
    server.create(A, "/box/c", 1).expect("new");
    server.ask(A, OpCode::Delete, &delete("/box/c", -1));
    server
        .processor
        .delete_empty_containers(server.now, &mut effects);
    assert_eq!(effects.txns.len(), 1);
    assert_eq!(server.children(A, "/", false), ["zookeeper"]);
}

#[test]
fn what_the_log_replays_is_the_state_that_was() {
    let mut server = Server::new();
    server.connect(A, 0, 0);
    server.connect(B, 0, 0);
    server.create(A, "/a", 0).expect("new");
    server.create(B, "/a/e-", 3).expect("new");
    server.create(A, "/a/e-", 3).expect("new");
    server.ask(A, OpCode::SetData, &set_data("/a", 0));
    server.ask(B, OpCode::CloseSession, &PathRequest::default());
    let mut database = Database::new();
    for txn in &server.txns {
        database.replay(txn).expect("in order");
    }
    assert_eq!(
        format!("{:?}", database.tree),
        format!("{:?}", server.processor.tree())
    );
    assert_eq!(database.sessions.len(), 1);
    assert_eq!(database.last_zxid, server.processor.last_zxid());
}
