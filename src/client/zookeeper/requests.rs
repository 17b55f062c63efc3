//! What is asked of ZooKeeper, and what its answers say: bytes of the client protocol and back. Pure.

use bytes::Bytes;

use super::{ZnodeWrite, ZooKeeperError};
use wire::jute::{
    AddWatchRequest, Create2Response, CreateMode, CreateRequest, DeleteRequest,
    GetChildrenResponse, GetDataResponse, JuteError, JuteReader, KeeperCode, MultiHeader, OpCode,
    PathVersionRequest, PathWatchRequest, Record, SetDataRequest, Stat, WatchMode, open_acl,
};

/// Takes any version.
const ANY_VERSION: i32 = -1;

/// What a read of a znode's data finds: nothing where there is no such znode.
pub(super) type Found = Option<(Vec<u8>, Stat)>;

/// A request without its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) op: OpCode,
    pub(super) body: Vec<u8>,
}

/// Under which path of the server everything lies, as the end of a connect string says: `/kafka`, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chroot(String);

impl Chroot {
    pub(super) fn of(connect: &str) -> Self {
        let path = connect.split_once('/').map_or("", |(_, path)| path);
        match path.trim_end_matches('/') {
            "" => Self::default(),
            path => Self(format!("/{path}")),
        }
    }

    fn inside(&self, path: &str) -> String {
        match path {
            "/" if !self.0.is_empty() => self.0.clone(),
            path => format!("{}{path}", self.0),
        }
    }

    /// The path as it is called here; `None` where it lies elsewhere.
    pub(super) fn outside(&self, path: &str) -> Option<String> {
        match path.strip_prefix(self.0.as_str())? {
            "" => Some("/".to_owned()),
            inner => inner.starts_with('/').then(|| inner.to_owned()),
        }
    }
}

fn request(op: OpCode, record: &impl Record) -> Request {
    let mut body = Vec::new();
    record.write(&mut body);
    Request { op, body }
}

fn unwatched(chroot: &Chroot, path: &str) -> PathWatchRequest {
    PathWatchRequest {
        path: chroot.inside(path),
        watch: false,
    }
}

pub(super) fn get_data(chroot: &Chroot, path: &str) -> Request {
    request(OpCode::GetData, &unwatched(chroot, path))
}

pub(super) fn get_children(chroot: &Chroot, path: &str) -> Request {
    request(OpCode::GetChildren, &unwatched(chroot, path))
}

pub(super) fn exists(chroot: &Chroot, path: &str) -> Request {
    request(OpCode::Exists, &unwatched(chroot, path))
}

pub(super) fn set_data(chroot: &Chroot, path: &str, data: &[u8], version: Option<i32>) -> Request {
    request(OpCode::SetData, &set(chroot, path, data, version))
}

fn set(chroot: &Chroot, path: &str, data: &[u8], version: Option<i32>) -> SetDataRequest {
    SetDataRequest {
        path: chroot.inside(path),
        data: Some(Bytes::copy_from_slice(data)),
        version: version.unwrap_or(ANY_VERSION),
    }
}

/// Watches a znode and everything below it until the connection ends.
pub(super) fn watch(chroot: &Chroot, path: &str) -> Request {
    let watch = AddWatchRequest {
        path: chroot.inside(path),
        mode: WatchMode::PersistentRecursive.code(),
    };
    request(OpCode::AddWatch, &watch)
}

/// Several reads of data at one moment.
pub(super) fn multi_read(chroot: &Chroot, paths: &[String]) -> Request {
    let mut body = Vec::new();
    for path in paths {
        part(OpCode::GetData, &unwatched(chroot, path), &mut body);
    }
    end(&mut body);
    let op = OpCode::MultiRead;
    Request { op, body }
}

/// All of it or nothing.
pub(super) fn multi(chroot: &Chroot, writes: &[ZnodeWrite]) -> Request {
    let mut body = Vec::new();
    for write in writes {
        let create = |path: &str, data: &[u8], mode: CreateMode| CreateRequest {
            path: chroot.inside(path),
            data: Some(Bytes::copy_from_slice(data)),
            acl: open_acl(),
            flags: mode.code(),
        };
        match write {
            ZnodeWrite::Check { path, version } => {
                let check = PathVersionRequest {
                    path: chroot.inside(path),
                    version: *version,
                };
                part(OpCode::Check, &check, &mut body);
            }
            ZnodeWrite::Create { path, data } => {
                let create = create(path, data, CreateMode::Persistent);
                part(OpCode::Create2, &create, &mut body);
            }
            ZnodeWrite::CreateEphemeral { path, data } => {
                let create = create(path, data, CreateMode::Ephemeral);
                part(OpCode::Create2, &create, &mut body);
            }
            ZnodeWrite::SetData {
                path,
                data,
                version,
            } => part(
                OpCode::SetData,
                &set(chroot, path, data, *version),
                &mut body,
            ),
            ZnodeWrite::Delete { path } => {
                let delete = DeleteRequest {
                    path: chroot.inside(path),
                    version: ANY_VERSION,
                };
                part(OpCode::Delete, &delete, &mut body);
            }
        }
    }
    end(&mut body);
    let op = OpCode::Multi;
    Request { op, body }
}

fn part(op: OpCode, record: &impl Record, body: &mut Vec<u8>) {
    let header = MultiHeader {
        op_code: op.code(),
        done: false,
        err: -1,
    };
    header.write(body);
    record.write(body);
}

fn end(body: &mut Vec<u8>) {
    let header = MultiHeader {
        op_code: -1,
        done: true,
        err: -1,
    };
    header.write(body);
}

/// What a znode's data is.
pub(super) fn data(body: &[u8]) -> Result<(Vec<u8>, Stat), JuteError> {
    let answer: GetDataResponse = JuteReader::new(body).read()?;
    Ok((answer.data.unwrap_or_default().to_vec(), answer.stat))
}

/// The names below a znode.
pub(super) fn children(body: &[u8]) -> Result<Vec<String>, JuteError> {
    let answer: GetChildrenResponse = JuteReader::new(body).read()?;
    Ok(answer.children)
}

/// A znode's numbers.
pub(super) fn stat(body: &[u8]) -> Result<Stat, JuteError> {
    JuteReader::new(body).read()
}

/// Why a part of a multi did not happen: its index and its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) index: usize,
    pub(super) code: i32,
}

/// What each part of a multi that was written came to, or the part that did not fit.
pub(super) fn written(body: &[u8]) -> Result<Result<Vec<Option<Stat>>, Failed>, JuteError> {
    let mut reader = JuteReader::new(body);
    let (mut stats, mut failed, mut index) = (Vec::new(), None, 0);
    loop {
        let header: MultiHeader = reader.read()?;
        if header.done {
            return Ok(match failed {
                Some(failed) => Err(failed),
                None => Ok(stats),
            });
        }
        match OpCode::from_code(header.op_code) {
            Some(OpCode::Create2) => {
                let created: Create2Response = reader.read()?;
                stats.push(Some(created.stat));
            }
            Some(OpCode::SetData) => stats.push(Some(reader.read()?)),
            Some(OpCode::Error) => {
                let code: i32 = reader.read()?;
                // Those before it say that they are fine, those behind it that something else failed.
                let is_cause = !matches!(
                    KeeperCode::from_code(code),
                    Some(KeeperCode::Ok | KeeperCode::RuntimeInconsistency)
                );
                if is_cause && failed.is_none() {
                    failed = Some(Failed { index, code });
                }
            }
            _ => stats.push(None),
        }
        index += 1;
    }
}

/// What each part of a multi that reads found, or why one was refused.
pub(super) fn all_data(body: &[u8]) -> Result<Vec<Result<Found, Failed>>, JuteError> {
    let mut reader = JuteReader::new(body);
    let mut found = Vec::new();
    loop {
        let header: MultiHeader = reader.read()?;
        if header.done {
            return Ok(found);
        }
        if OpCode::from_code(header.op_code) == Some(OpCode::Error) {
            let code: i32 = reader.read()?;
            let index = found.len();
            found.push(match KeeperCode::from_code(code) {
                Some(KeeperCode::NoNode) => Ok(None),
                _ => Err(Failed { index, code }),
            });
        } else {
            let data: GetDataResponse = reader.read()?;
            let bytes = data.data.unwrap_or_default().to_vec();
            found.push(Ok(Some((bytes, data.stat))));
        }
    }
}

impl ZooKeeperError {
    /// What an answer's code says about a znode.
    pub(super) fn of(path: &str, code: i32) -> Self {
        let path = path.to_owned();
        match KeeperCode::from_code(code) {
            Some(KeeperCode::NoNode) => Self::NoNode { path },
            Some(KeeperCode::NodeExists) => Self::NodeExists { path },
            Some(KeeperCode::BadVersion) => Self::BadVersion { path },
            // The session is another connection's by now, or over: the link tells which.
            Some(KeeperCode::SessionExpired) => Self::ConnectionLost,
            _ if code == SESSION_MOVED => Self::ConnectionLost,
            known => Self::Refused {
                path,
                why: known.map_or_else(|| format!("code {code}"), |code| format!("{code:?}")),
            },
        }
    }
}

/// `KeeperException.Code.SESSIONMOVED`.
const SESSION_MOVED: i32 = -118;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chroot_lies_before_every_path_and_is_not_told() {
        let chroot = Chroot::of("a:1,b:2/kafka/");
        assert_eq!(chroot.inside("/brokers"), "/kafka/brokers");
        assert_eq!(chroot.inside("/"), "/kafka");
        assert_eq!(
            chroot.outside("/kafka/brokers").as_deref(),
            Some("/brokers")
        );
        assert_eq!(chroot.outside("/kafka").as_deref(), Some("/"));
        assert_eq!(chroot.outside("/kafkas"), None);
        for none in ["a:1", "a:1/"] {
            assert_eq!(Chroot::of(none).inside("/brokers"), "/brokers");
            assert_eq!(Chroot::of(none).outside("/a").as_deref(), Some("/a"));
        }
    }

    fn results(parts: &[(OpCode, Vec<u8>)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (op, bytes) in parts {
            let header = MultiHeader {
                op_code: op.code(),
                done: false,
                err: 0,
            };
            header.write(&mut body);
            body.extend_from_slice(bytes);
        }
        end(&mut body);
        body
    }

    fn code(code: KeeperCode) -> Vec<u8> {
        code.code().to_be_bytes().to_vec()
    }

    #[test]
    fn the_part_that_did_not_fit_is_the_cause_and_not_those_that_fell_with_it() {
        let body = results(&[
            (OpCode::Error, code(KeeperCode::Ok)),
            (OpCode::Error, code(KeeperCode::BadVersion)),
            (OpCode::Error, code(KeeperCode::RuntimeInconsistency)),
        ]);
        let failed = Failed {
            index: 1,
            code: KeeperCode::BadVersion.code(),
        };
        assert_eq!(written(&body), Ok(Err(failed)));
    }

    #[test]
    fn what_was_written_has_its_numbers() {
        let stat = Stat {
            version: 3,
            ..Stat::default()
        };
        let mut bytes = Vec::new();
        stat.write(&mut bytes);
        let body = results(&[(OpCode::Check, Vec::new()), (OpCode::SetData, bytes)]);
        assert_eq!(written(&body), Ok(Ok(vec![None, Some(stat)])));
        for cut in 0..body.len() {
            assert!(written(&body[..cut]).is_err());
        }
    }

    #[test]
    fn a_znode_that_is_not_there_is_no_failure_of_the_others() {
        let answer = GetDataResponse {
            data: Some(Bytes::from_static(b"{}")),
            stat: Stat::default(),
        };
        let mut bytes = Vec::new();
        answer.write(&mut bytes);
        let body = results(&[
            (OpCode::Error, code(KeeperCode::NoNode)),
            (OpCode::GetData, bytes),
            (OpCode::Error, code(KeeperCode::NoAuth)),
        ]);
        let failed = Failed {
            index: 2,
            code: KeeperCode::NoAuth.code(),
        };
        let found = Some((b"{}".to_vec(), Stat::default()));
        assert_eq!(all_data(&body), Ok(vec![Ok(None), Ok(found), Err(failed)]));
    }
}
