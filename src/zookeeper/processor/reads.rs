//! Requests that change nothing, apart from leaving watches.

use super::Processor;
use crate::{ConnectionId, acl, data_tree::Znode};
use wire::jute::{
    ClientInfo, GetAclResponse, GetChildren2Response, GetChildrenResponse, GetDataResponse,
    JuteReader, KeeperCode, MultiHeader, OpCode, PathRequest, PathWatchRequest, Record, perms,
    to_bytes,
};

impl Processor {
    /// Versions: `exists`, `getData`, `getACL`, `getChildren`, `getChildren2`, `getEphemerals`,
    /// `getAllChildrenNumber`, `multiRead`, `sync`, `whoAmI`.
    pub(super) fn read_request(
        &mut self,
        id: ConnectionId,
        session: i64,
        op: OpCode,
        body: &mut JuteReader<'_>,
    ) -> Result<Vec<u8>, KeeperCode> {
        match op {
            OpCode::Exists | OpCode::GetData | OpCode::GetChildren | OpCode::GetChildren2 => {
                let request = body.read()?;
                self.read_znode(id, op, &request)
            }
            OpCode::MultiRead => self.multi_read(id, body),
            OpCode::GetAcl => {
                let PathRequest { path } = body.read()?;
                let node = self.readable(id, &path, perms::READ | perms::ADMIN)?;
                Ok(to_bytes(&GetAclResponse {
                    acl: acl::masked(&node.acl, &self.identities(id)),
                    stat: node.stat(),
                }))
            }
            OpCode::GetEphemerals => {
                let PathRequest { path: prefix } = body.read()?;
                let prefix = match prefix.trim() {
                    "/" => "",
                    other => other,
                };
                let children = self
                    .tree
                    .ephemerals_of(session)
                    .filter(|path| path.starts_with(prefix))
                    .map(str::to_owned)
                    .collect();
                Ok(to_bytes(&GetChildrenResponse { children }))
            }
            OpCode::GetAllChildrenNumber => {
                let PathRequest { path } = body.read()?;
                self.readable(id, &path, perms::READ)?;
                let number = self.tree.descendants(&path);
                Ok(to_bytes(&i32::try_from(number).unwrap_or(i32::MAX)))
            }
            // One server answers everybody in one order: what was written before is seen.
            OpCode::Sync => Ok(to_bytes(&body.read::<PathRequest>()?)),
            OpCode::WhoAmI => {
                let infos: Vec<ClientInfo> = self
                    .identities(id)
                    .iter()
                    .map(|identity| ClientInfo {
                        auth_scheme: identity.scheme.clone(),
                        user: identity.id.split(':').next().unwrap_or_default().to_owned(),
                    })
                    .collect();
                Ok(to_bytes(&infos))
            }
            _ => Err(KeeperCode::Unimplemented),
        }
    }

    fn read_znode(
        &mut self,
        id: ConnectionId,
        op: OpCode,
        request: &PathWatchRequest,
    ) -> Result<Vec<u8>, KeeperCode> {
        let PathWatchRequest { path, watch } = request;
        let answer = self.readable(id, path, perms::READ).map(|node| match op {
            OpCode::Exists => to_bytes(&node.stat()),
            OpCode::GetData => to_bytes(&GetDataResponse {
                data: node.data.clone(),
                stat: node.stat(),
            }),
            OpCode::GetChildren => to_bytes(&GetChildrenResponse {
                children: node.children.iter().cloned().collect(),
            }),
            _ => to_bytes(&GetChildren2Response {
                children: node.children.iter().cloned().collect(),
                stat: node.stat(),
            }),
        });
        // Only `exists` also waits for a znode that is not there yet.
        let waits =
            answer.is_ok() || (op == OpCode::Exists && matches!(answer, Err(KeeperCode::NoNode)));
        if *watch && waits {
            match op {
                OpCode::Exists | OpCode::GetData => self.watches.watch_data(path, id),
                _ => self.watches.watch_children(path, id),
            }
        }
        answer
    }

    /// Each part succeeds or fails by itself.
    fn multi_read(
        &mut self,
        id: ConnectionId,
        body: &mut JuteReader<'_>,
    ) -> Result<Vec<u8>, KeeperCode> {
        let mut answer = Vec::new();
        loop {
            let header: MultiHeader = body.read()?;
            if header.done {
                break;
            }
            let Some(op @ (OpCode::GetData | OpCode::GetChildren)) =
                OpCode::from_code(header.op_code)
            else {
                return Err(KeeperCode::MarshallingError);
            };
            let request = body.read()?;
            write_part(op, self.read_znode(id, op, &request), &mut answer);
        }
        write_end(&mut answer);
        Ok(answer)
    }

    fn readable(&self, id: ConnectionId, path: &str, wanted: i32) -> Result<&Znode, KeeperCode> {
        let node = self.tree.get(path).ok_or(KeeperCode::NoNode)?;
        if acl::allows(&node.acl, wanted, &self.identities(id)) {
            Ok(node)
        } else {
            Err(KeeperCode::NoAuth)
        }
    }
}

/// Appends the result of one part of a multi: its answer, or its error.
pub(super) fn write_part(op: OpCode, result: Result<Vec<u8>, KeeperCode>, to: &mut Vec<u8>) {
    let (op, err) = match &result {
        Ok(_) => (op, KeeperCode::Ok),
        Err(code) => (OpCode::Error, *code),
    };
    MultiHeader {
        op_code: op.code(),
        done: false,
        err: err.code(),
    }
    .write(to);
    match result {
        Ok(body) => to.extend_from_slice(&body),
        Err(code) => code.code().write(to),
    }
}

/// Ends the results of a multi.
pub(super) fn write_end(to: &mut Vec<u8>) {
    MultiHeader {
        op_code: OpCode::Error.code(),
        done: true,
        err: -1,
    }
    .write(to);
}
