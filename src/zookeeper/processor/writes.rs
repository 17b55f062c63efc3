//! Requests that change znodes. Each one is checked and tried on the tree; a multi whose parts do
//! not all succeed is taken back before anybody can see it.

use super::{
    Effects, Now, Processor,
    reads::{write_end, write_part},
};
use crate::{
    ConnectionId, acl,
    data_tree::{CONTAINER_OWNER, DataTree, Undo, Znode},
    path,
    txn::{Change, Stamp, TxnKind},
};
use wire::jute::{
    Create2Response, CreateMode, CreateRequest, CreateResponse, CreateTtlRequest, DeleteRequest,
    Id, JuteError, JuteReader, KeeperCode, MultiHeader, OpCode, PathRequest, PathVersionRequest,
    SetAclRequest, SetDataRequest, perms, to_bytes,
};

/// A request as it was read.
enum Write {
    Create(OpCode, CreateRequest),
    Delete(OpCode, DeleteRequest),
    SetData(SetDataRequest),
    SetAcl(SetAclRequest),
    Check(PathVersionRequest),
}

/// A request that was carried out on the tree, but not yet committed.
struct Tried {
    change: Option<(Change, Undo)>,
    answer: Vec<u8>,
}

impl Processor {
    /// Versions: `create`, `create2`, `createContainer`, `createTTL` (refused: its znode types are
    /// off by default in the original too), `delete`, `deleteContainer`, `setData`, `setACL`,
    /// `check`, `multi`.
    pub(super) fn write_request(
        &mut self,
        id: ConnectionId,
        session: i64,
        op: OpCode,
        body: &mut JuteReader<'_>,
        now: Now,
        effects: &mut Effects,
    ) -> Result<Vec<u8>, KeeperCode> {
        let identities = self.identities(id);
        let at = self.next_stamp(now);
        if op == OpCode::Multi {
            let writes = read_multi(body)?;
            return Ok(self.multi(session, &identities, writes, at, effects));
        }
        let write = Write::read(op, body)?;
        let tried = self.try_write(session, &identities, write, at)?;
        self.commit_changes(at, tried.change.into_iter().collect(), effects);
        Ok(tried.answer)
    }

    /// Deletes containers whose children are all gone.
    pub(crate) fn delete_empty_containers(&mut self, now: Now, effects: &mut Effects) {
        for path in self.tree.empty_containers() {
            let at = self.next_stamp(now);
            let change = Change::Delete { path };
            if let Ok(undo) = self.tree.apply(&change, at) {
                self.commit_changes(at, vec![(change, undo)], effects);
            }
        }
    }

    fn multi(
        &mut self,
        session: i64,
        identities: &[Id],
        writes: Vec<Write>,
        at: Stamp,
        effects: &mut Effects,
    ) -> Vec<u8> {
        let ops: Vec<OpCode> = writes.iter().map(Write::op).collect();
        let mut changes = Vec::new();
        let mut answers = Vec::new();
        let mut failure = None;
        for write in writes {
            match self.try_write(session, identities, write, at) {
                Ok(tried) => {
                    changes.extend(tried.change);
                    answers.push(tried.answer);
                }
                Err(code) => {
                    failure = Some(code);
                    break;
                }
            }
        }
        let mut answer = Vec::new();
        if let Some(code) = failure {
            for (_, undo) in changes.into_iter().rev() {
                self.tree.undo(undo);
            }
            // As in the original: parts before the one that failed say 0, parts behind it -2.
            let failed = answers.len();
            for (index, op) in ops.into_iter().enumerate() {
                let result = match index.cmp(&failed) {
                    std::cmp::Ordering::Less => KeeperCode::Ok,
                    std::cmp::Ordering::Equal => code,
                    std::cmp::Ordering::Greater => KeeperCode::RuntimeInconsistency,
                };
                write_part(op, Err(result), &mut answer);
            }
        } else {
            for (op, body) in ops.into_iter().zip(answers) {
                // The original names every creation that is answered with a stat `create2`.
                let op = match op {
                    OpCode::CreateContainer => OpCode::Create2,
                    op => op,
                };
                write_part(op, Ok(body), &mut answer);
            }
            self.commit_changes(at, changes, effects);
        }
        write_end(&mut answer);
        answer
    }

    fn commit_changes(&mut self, at: Stamp, changes: Vec<(Change, Undo)>, effects: &mut Effects) {
        if changes.is_empty() {
            return;
        }
        let changes: Vec<Change> = changes.into_iter().map(|(change, _)| change).collect();
        self.commit(at, TxnKind::Changes(changes.clone()), effects);
        for change in &changes {
            self.fire_change(change, effects);
        }
    }

    fn try_write(
        &mut self,
        session: i64,
        identities: &[Id],
        write: Write,
        at: Stamp,
    ) -> Result<Tried, KeeperCode> {
        match write {
            Write::Create(op, request) => self.try_create(session, identities, op, request, at),
            Write::Delete(_, request) => self.try_delete(identities, request, at),
            Write::SetData(request) => {
                let SetDataRequest {
                    path,
                    data,
                    version,
                } = request;
                let node = self.writable(identities, &path, perms::WRITE)?;
                check_version(node.version, version)?;
                self.try_change(Change::SetData { path, data }, at)
            }
            Write::SetAcl(request) => {
                let SetAclRequest { path, acl, version } = request;
                let acl = acl::stored_form(acl, identities)?;
                let node = self.writable(identities, &path, perms::ADMIN)?;
                check_version(node.aversion, version)?;
                self.try_change(Change::SetAcl { path, acl }, at)
            }
            Write::Check(PathVersionRequest { path, version }) => {
                let node = self.writable(identities, &path, perms::READ)?;
                check_version(node.version, version)?;
                Ok(Tried {
                    change: None,
                    answer: Vec::new(),
                })
            }
        }
    }

    fn try_create(
        &mut self,
        session: i64,
        identities: &[Id],
        op: OpCode,
        request: CreateRequest,
        at: Stamp,
    ) -> Result<Tried, KeeperCode> {
        let CreateRequest {
            mut path,
            data,
            acl,
            flags,
        } = request;
        let mode = CreateMode::from_code(flags).ok_or(KeeperCode::BadArguments)?;
        let owner = match mode {
            CreateMode::PersistentWithTtl | CreateMode::PersistentSequentialWithTtl => {
                return Err(KeeperCode::Unimplemented);
            }
            CreateMode::Container => CONTAINER_OWNER,
            mode if mode.is_ephemeral() => session,
            _ => 0,
        };
        if path == path::ROOT && !mode.is_sequential() {
            return Err(KeeperCode::NodeExists);
        }
        let (parent_path, _) = split_any(&path).ok_or(KeeperCode::BadArguments)?;
        let acl = acl::stored_form(acl, identities)?;
        let parent = self.tree.get(parent_path).ok_or(KeeperCode::NoNode)?;
        if !acl::allows(&parent.acl, perms::CREATE, identities) {
            return Err(KeeperCode::NoAuth);
        }
        if mode.is_sequential() {
            path = format!("{path}{:010}", parent.creations);
        }
        if !path::is_valid(&path) {
            return Err(KeeperCode::BadArguments);
        }
        let create = Change::Create {
            path: path.clone(),
            data,
            acl,
            owner,
        };
        let mut tried = self.try_change(create, at)?;
        tried.answer = if op == OpCode::Create {
            to_bytes(&CreateResponse { path })
        } else {
            let stat = self.tree.get(&path).map(Znode::stat).unwrap_or_default();
            to_bytes(&Create2Response { path, stat })
        };
        Ok(tried)
    }

    fn try_delete(
        &mut self,
        identities: &[Id],
        request: DeleteRequest,
        at: Stamp,
    ) -> Result<Tried, KeeperCode> {
        let DeleteRequest { path, version } = request;
        if DataTree::is_reserved(&path) {
            return Err(KeeperCode::BadArguments);
        }
        let (parent, _) = path::split(&path).ok_or(KeeperCode::BadArguments)?;
        self.writable(identities, parent, perms::DELETE)?;
        let node = self.tree.get(&path).ok_or(KeeperCode::NoNode)?;
        check_version(node.version, version)?;
        let mut tried = self.try_change(Change::Delete { path }, at)?;
        tried.answer.clear();
        Ok(tried)
    }

    /// Makes a change; its answer is the stat of the znode, if it is still there.
    fn try_change(&mut self, change: Change, at: Stamp) -> Result<Tried, KeeperCode> {
        let undo = self.tree.apply(&change, at)?;
        let path = match &change {
            Change::Create { path, .. }
            | Change::Delete { path }
            | Change::SetData { path, .. }
            | Change::SetAcl { path, .. } => path,
        };
        let stat = self.tree.get(path).map(Znode::stat);
        Ok(Tried {
            answer: stat.as_ref().map(to_bytes).unwrap_or_default(),
            change: Some((change, undo)),
        })
    }

    fn writable(&self, identities: &[Id], path: &str, wanted: i32) -> Result<&Znode, KeeperCode> {
        let node = self.tree.get(path).ok_or(if path::is_valid(path) {
            KeeperCode::NoNode
        } else {
            KeeperCode::BadArguments
        })?;
        if acl::allows(&node.acl, wanted, identities) {
            Ok(node)
        } else {
            Err(KeeperCode::NoAuth)
        }
    }
}

impl Write {
    fn read(op: OpCode, body: &mut JuteReader<'_>) -> Result<Self, JuteError> {
        Ok(match op {
            OpCode::Delete => Self::Delete(op, body.read()?),
            OpCode::DeleteContainer => {
                let PathRequest { path } = body.read()?;
                Self::Delete(op, DeleteRequest { path, version: -1 })
            }
            OpCode::SetData => Self::SetData(body.read()?),
            OpCode::SetAcl => Self::SetAcl(body.read()?),
            OpCode::Check => Self::Check(body.read()?),
            OpCode::CreateTtl => {
                let CreateTtlRequest {
                    path,
                    data,
                    acl,
                    flags,
                    ..
                } = body.read()?;
                let request = CreateRequest {
                    path,
                    data,
                    acl,
                    flags,
                };
                Self::Create(op, request)
            }
            _ => Self::Create(op, body.read()?),
        })
    }

    fn op(&self) -> OpCode {
        match self {
            Self::Create(op, _) | Self::Delete(op, _) => *op,
            Self::SetData(_) => OpCode::SetData,
            Self::SetAcl(_) => OpCode::SetAcl,
            Self::Check(_) => OpCode::Check,
        }
    }
}

/// The parts of a multi, all of them read before any is tried.
fn read_multi(body: &mut JuteReader<'_>) -> Result<Vec<Write>, KeeperCode> {
    let mut writes = Vec::new();
    loop {
        let header: MultiHeader = body.read()?;
        if header.done {
            return Ok(writes);
        }
        let Some(
            op @ (OpCode::Create
            | OpCode::Create2
            | OpCode::CreateContainer
            | OpCode::CreateTtl
            | OpCode::Delete
            | OpCode::DeleteContainer
            | OpCode::SetData
            | OpCode::Check),
        ) = OpCode::from_code(header.op_code)
        else {
            return Err(KeeperCode::MarshallingError);
        };
        writes.push(Write::read(op, body)?);
    }
}

/// Like [`path::split`], also for a path that ends in a slash: a sequential name may be only its number.
fn split_any(path: &str) -> Option<(&str, &str)> {
    let (parent, name) = path.rsplit_once('/')?;
    Some((
        if parent.is_empty() {
            path::ROOT
        } else {
            parent
        },
        name,
    ))
}

fn check_version(version: i32, expected: i32) -> Result<(), KeeperCode> {
    if expected == -1 || expected == version {
        Ok(())
    } else {
        Err(KeeperCode::BadVersion)
    }
}
