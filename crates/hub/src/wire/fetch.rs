//! Reading over wire 1: refs, negotiate, fetch (`spec/wire.md` 4).

use std::collections::{HashMap, HashSet};

use api::{
    Value, WireCode, msgpack,
    wire::{FetchRequest, Format, InlineObject, Negotiate, Negotiated, Refs, limits},
    wire2::RefPlace,
};
use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use db::Tx;
use futures_util::TryStreamExt as _;
use names::{CommitId, NodeId, ObjectId, SnapshotId};
use trust::{Allowed, act};
use web::{Call, Problem, prefers_page};

use super::{Answer, body, encoded};
use crate::{
    Error, Hub, Repository, pages,
    reading::{self, Snapshot},
    ref_log,
    wire2::{PIECE_BYTES, Watch},
};

/// What a fetch after `ready` may bring.
const READY_BYTES: u64 = 16 << 20;
/// What an object costs in an answer beside its bytes: its id and the keys.
const OBJECT_OVERHEAD_BYTES: u64 = 100;

/// Refs that are gone of which is told. A name of another one is found in the log.
const GONE: u32 = 10_000;

/// The branches and what the repository is.
pub(super) async fn refs(
    hub: Hub,
    allowed: Allowed<act::RefRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    if prefers_page(&call.headers) {
        let allowed = Allowed::ask(allowed.actor(), repository.clone())?;
        return pages::home(hub, allowed, call).await;
    }
    super::muse(repository)?;
    // One state: a client compares the branches with the end of the log, and takes a difference for a lie.
    let mut tx = hub.db.read().await?;
    let branch_heads = reading::heads(&mut tx, repository).await?;
    let log = ref_log::head_of(&hub, &mut tx, repository).await?;
    let places = reading::refs(&mut tx, repository.id).await.map_err(Error::Db)?;
    let refs = Refs {
        repo_id: repository.id.to_string(),
        domain: repository.domain.clone(),
        default_branch: repository.default_branch.to_string(),
        branch_heads,
    };
    let mut answer = Value::from(refs);
    // Who speaks wire 2 gets what it asks for beside what wire 1 says.
    if let (true, Value::Map(fields)) = (call.context.speaks_protocol_2, &mut answer) {
        let gone = ref_log::gone(&mut tx, repository.id, GONE).await.map_err(Error::Db)?;
        let gone = gone.into_iter().map(|(name, counter, entry_hash)| RefPlace {
            name,
            target: None,
            counter,
            entry_hash: entry_hash.to_string(),
        });
        let places = places.into_iter().map(|it| RefPlace {
            name: it.name,
            target: Some(it.target),
            counter: it.counter,
            entry_hash: it.entry_hash.map(|it| it.to_string()).unwrap_or_default(),
        });
        fields.extend([
            ("protocol".to_owned(), 2_u64.into()),
            ("repository_id".to_owned(), repository.id.to_string().into()),
            ("format".to_owned(), "muse".into()),
            ("refs".to_owned(), Value::list(places)),
            // Whoever makes one of them again goes on with its numbers.
            ("gone".to_owned(), Value::list(gone)),
            ("next_cursor".to_owned(), Value::Nil),
            ("log".to_owned(), log.into()),
        ]);
    }
    Ok(Answer::new(&call, answer).into_response())
}

/// Which of the client's commits are held, and from which it should fetch.
pub(super) async fn negotiate(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Answer, Problem> {
    super::muse(allowed.resource())?;
    let format = super::accepted(&call);
    let (message, _weight) = body::weighed(call, limits::FETCH_BODY_BYTES).await?;
    let Negotiate { want, have } = Negotiate::try_from(message).map_err(Error::Wire)?;
    let mut tx = hub.db.read().await?;
    let id = allowed.resource().id;
    let known = reading::known_commits(&mut tx, id, &have).await.map_err(Error::Db)?;
    let ack: Vec<_> = have.iter().copied().filter(|id| known.contains_key(id)).collect();
    // Everything that the wanted commits lead to, in one question, however many commits the client offers.
    let reached = reading::between(&mut tx, id, &want, &[]).await.map_err(Error::Db)?;
    let reached: HashSet<_> = reached.into_iter().collect();
    let shared = ack.iter().filter(|id| reached.contains(id));
    let common_base = shared.max_by_key(|id| known.get(id).map(|it| it.generation)).copied();
    let ready = match common_base {
        None => have.is_empty(),
        Some(base) => hub.plan(&mut tx, &allowed, &want, &[base]).await?.bytes <= READY_BYTES,
    };
    Ok(Answer { format, body: Negotiated { ack, common_base, ready }.into() })
}

/// Commits, snapshots and objects that the client lacks, in one answer.
pub(super) async fn fetch(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    super::muse(allowed.resource())?;
    let format = super::accepted(&call);
    let base = call.context.base_url.clone();
    let (message, _weight) = body::weighed(call, limits::FETCH_BODY_BYTES).await?;
    let FetchRequest { want, have } = FetchRequest::try_from(message).map_err(Error::Wire)?;
    let mut tx = hub.db.read().await?;
    let plan = hub.plan(&mut tx, &allowed, &want, &have).await?;
    if plan.bytes > limits::ANSWER_BYTES {
        let (needs, stops) = (plan.bytes.div_ceil(1 << 20), limits::ANSWER_BYTES >> 20);
        let address = format!("{base}/{}", allowed.resource().full_name());
        let sentence = format!(
            "this answer needs {needs} MiB and a Muse client stops at {stops} MiB; use: motet clone {address}"
        );
        return Err(Error::wire(WireCode::TooLarge, sentence).into());
    }
    let bytes = hub.answer(tx, &allowed, plan, format).await?;
    let length = bytes.len();
    let mut response = encoded(format, bytes);
    if length <= PIECE_BYTES {
        return Ok(response);
    }
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let watch = Watch::of(&allowed);
    Ok(response.map(|body| watch.over(hub, body)))
}

/// What a fetch would send.
struct Plan {
    commits: Vec<CommitId>,
    snapshots: HashMap<SnapshotId, Snapshot>,
    objects: HashMap<ObjectId, u64>,
    bytes: u64,
}

impl Hub {
    async fn plan(
        &self,
        tx: &mut Tx,
        allowed: &Allowed<act::ObjectRead, Repository>,
        want: &[CommitId],
        have: &[CommitId],
    ) -> Result<Plan, Error> {
        let id = allowed.resource().id;
        let mut seen = HashSet::new();
        let want: Vec<_> = want.iter().copied().filter(|id| seen.insert(*id)).collect();
        if !self.are_visible(tx, id, &want).await? {
            return Err(Error::wire(
                WireCode::NotFound,
                "a wanted commit is on no branch of this repository",
            ));
        }
        let held: Vec<_> = reading::known_commits(tx, id, have).await?.into_keys().collect();
        let ids = reading::between(tx, id, &want, &held).await?;
        let records = reading::commits(tx, id, &ids).await?;
        let of_commits: HashSet<_> = records.values().map(|it| it.record.snapshot_id).collect();
        let snapshots = reading::snapshots(tx, id, &of_commits).await?;
        let known = self.roots(tx, allowed.resource(), &held).await?;
        let mut objects = reading::objects_below(tx, snapshots.values().map(|it| it.root)).await?;
        for object in reading::objects_below(tx, known).await?.keys() {
            objects.remove(object);
        }
        let bytes = records.values().map(|it| it.wire_bytes).sum::<u64>()
            + snapshots.values().map(|it| it.wire_bytes).sum::<u64>()
            + objects.values().map(|size| size + OBJECT_OVERHEAD_BYTES).sum::<u64>();
        Ok(Plan { commits: ids, snapshots, objects, bytes })
    }

    /// The roots of what the client holds.
    async fn roots(
        &self,
        tx: &mut Tx,
        of: &Repository,
        held: &[CommitId],
    ) -> Result<Vec<NodeId>, Error> {
        let records = reading::commits(tx, of.id, held).await?;
        let ids: HashSet<_> = records.values().map(|it| it.record.snapshot_id).collect();
        Ok(reading::snapshots(tx, of.id, &ids).await?.values().map(|it| it.root).collect())
    }

    /// Writes the answer piece by piece; it is at most what a Muse client can read.
    async fn answer(
        &self,
        mut tx: Tx,
        allowed: &Allowed<act::ObjectRead, Repository>,
        plan: Plan,
        format: Format,
    ) -> Result<Vec<u8>, Error> {
        let repository = allowed.resource();
        let mut out = Pieces::begin(format);
        let mut records = reading::commits(&mut tx, repository.id, &plan.commits).await?;
        let mut deltas = reading::deltas(&mut tx, repository.id, &plan.commits).await?;
        out.list("commits", plan.commits.len())?;
        for id in &plan.commits {
            let Some(mut commit) = records.remove(id) else { continue };
            commit.record.structured_delta = deltas.remove(id);
            out.item(&commit.record.into())?;
        }
        out.list("snapshots", plan.snapshots.len())?;
        for (id, snapshot) in &plan.snapshots {
            out.item(&reading::manifest(&mut tx, *id, snapshot).await?.into())?;
        }
        let ids: Vec<_> = plan.objects.keys().copied().collect();
        let places = self.objects.find(&mut tx, &ids).await?;
        let heads = reading::heads(&mut tx, repository).await?;
        // Bytes may be slow to come, and others want the connection.
        drop(tx);
        out.list("objects", ids.len())?;
        for object_id in ids.into_iter().filter(|id| !places.contains_key(id)) {
            if object_id != ObjectId::EMPTY {
                return Err(objects::Error::Missing(object_id).into());
            }
            out.item(&InlineObject { object_id, content: Vec::new() }.into_value(format))?;
        }
        let mut read = self.objects.read_all(places);
        while let Some(some) = read.try_next().await? {
            for (object_id, content) in some {
                out.item(&InlineObject { object_id, content }.into_value(format))?;
            }
        }
        let heads = heads.into_iter().map(|(name, id)| (name, Value::from(id.to_string())));
        out.last("branch_heads", &Value::map(heads))
    }
}

/// A map of four keys, written as its parts become known, in either encoding.
struct Pieces {
    format: Format,
    out: Vec<u8>,
    /// Items of the open list so far; nothing when no list is open.
    items: Option<usize>,
}

impl Pieces {
    fn begin(format: Format) -> Self {
        let mut out = Vec::new();
        match format {
            // Writing into memory does not fail.
            Format::MessagePack => drop(msgpack::write_map_header(&mut out, 4)),
            Format::Json => out.push(b'{'),
        }
        Self { format, out, items: None }
    }

    fn list(&mut self, key: &str, length: usize) -> Result<(), Error> {
        self.key(key)?;
        match self.format {
            Format::MessagePack => {
                let length = u32::try_from(length).unwrap_or(u32::MAX);
                msgpack::write_array_header(&mut self.out, length).map_err(body::of_io)?;
            }
            Format::Json => self.out.push(b'['),
        }
        self.items = Some(0);
        Ok(())
    }

    fn item(&mut self, value: &Value) -> Result<(), Error> {
        if self.format == Format::Json && self.items > Some(0) {
            self.out.push(b',');
        }
        self.items = self.items.map(|items| items + 1);
        self.format.write(&mut self.out, value).map_err(body::of_io)
    }

    fn last(mut self, key: &str, value: &Value) -> Result<Vec<u8>, Error> {
        self.key(key)?;
        self.format.write(&mut self.out, value).map_err(body::of_io)?;
        if self.format == Format::Json {
            self.out.push(b'}');
        }
        Ok(self.out)
    }

    fn key(&mut self, key: &str) -> Result<(), Error> {
        if self.format == Format::Json {
            if self.items.is_some() {
                self.out.extend_from_slice(b"],");
            }
            Value::from(key).write_json(&mut self.out).map_err(body::of_io)?;
            self.out.push(b':');
            return Ok(());
        }
        msgpack::write_text(&mut self.out, key).map_err(body::of_io)
    }
}
