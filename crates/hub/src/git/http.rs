//! Git over HTTP: three addresses below `/{owner}/{name}`, with and without `.git` (`man gitprotocol-http`).

use std::{
    future::{Ready, ready},
    io,
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::stream;
use names::{Handle, RepositoryName};
use tokio::{io::AsyncReadExt as _, process::ChildStdout, sync::watch, task::JoinHandle};
use trust::{Actor, Allowed, Class, Resource, act, authority::Facts};
use web::{Call, Load, Media, Params, Problem, Routes, Spec, Surface};

use super::{
    Asked, GitAllowed, GitCaller, GitProtocol, GitVia, Manner, Service,
    body::{self, Packing},
    chores::complaint,
    pkt,
    process::{GitProcess, Life},
};
use crate::{Hub, Repository, repositories::PushTarget};

/// What a client may say of what it has and wants: some hundred thousand ids.
const WANTS_BYTES: u64 = 32 << 20;
/// What goes over the wire beside a pack, and what a pack may be too large by until Git itself says so.
const BESIDE_BYTES: u64 = 32 << 20;
/// How long an answer may take to begin.
const BEGIN: Duration = Duration::from_mins(15);
/// What is read of an answer at once.
const PIECE: usize = 64 << 10;

pub(crate) fn routes(routes: Routes<Hub>, push_bytes: u64) -> Routes<Hub> {
    let read = Spec::new(Surface::Git).class(Class::WireRead).within(BEGIN);
    let want =
        read.body_bytes(WANTS_BYTES).media(Media::Own("application/x-git-upload-pack-request"));
    let push = read
        .class(Class::Push)
        .body_bytes(push_bytes.saturating_add(BESIDE_BYTES))
        .media(Media::Own("application/x-git-receive-pack-request"));
    let ways = [
        routes.way("/{owner}/{name}/info/refs?service=git-upload-pack", read, refs_to_fetch),
        routes.way("/{owner}/{name}/info/refs?service=git-receive-pack", read, refs_to_push),
        routes.way("/{owner}/{name}/info/refs", read, dumb),
    ];
    routes.get_ways(ways).on(Method::POST, "/{owner}/{name}/git-upload-pack", want, fetch).on(
        Method::POST,
        "/{owner}/{name}/git-receive-pack",
        push,
        receive,
    )
}

/// A repository as Git's addresses name it.
struct Fetched(Repository);

impl Resource for Fetched {
    fn facts(&self) -> Facts<'_> {
        self.0.facts()
    }
}

impl Load<Hub> for Fetched {
    async fn load(hub: &Hub, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        let (owner, name) = named(params)?;
        hub.repository_at(&owner, &name, actor).await.map(Self)
    }
}

/// Where a push goes, as Git's addresses name it.
struct Pushed(PushTarget);

impl Resource for Pushed {
    fn facts(&self) -> Facts<'_> {
        self.0.facts()
    }
}

impl Load<Hub> for Pushed {
    async fn load(hub: &Hub, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        let (owner, name) = named(params)?;
        hub.push_target_at(&owner, &name, actor).await.map(Self)
    }
}

/// Owner and name, which may have `.git` behind it.
fn named(params: &Params) -> Result<(Handle, RepositoryName), Problem> {
    let name = params.text("name");
    let name = name.strip_suffix(".git").unwrap_or(name);
    Ok((params.parse("owner")?, name.parse().map_err(|_| Problem::not_found())?))
}

fn may_fetch(allowed: &Allowed<act::ObjectRead, Fetched>) -> Result<GitAllowed, Problem> {
    let same = Allowed::ask(allowed.actor(), allowed.resource().0.clone())?;
    Ok(GitAllowed(Asked::Fetch(Box::new(same))))
}

fn may_push(allowed: &Allowed<act::RefPush, Pushed>) -> Result<GitAllowed, Problem> {
    let same = Allowed::ask(allowed.actor(), allowed.resource().0.clone())?;
    Ok(GitAllowed(Asked::Push(Box::new(same))))
}

/// A client that asks for files instead of speaking.
fn dumb(_: Hub, _: Allowed<act::ObjectRead, Fetched>, _: Call) -> Ready<Result<Response, Problem>> {
    let detail =
        "files of a repository are not served one by one; use a Git that speaks its smart protocol";
    ready(Err(Problem::refuse(StatusCode::FORBIDDEN, "forbidden", detail)))
}

async fn refs_to_fetch(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Fetched>,
    call: Call,
) -> Result<Response, Problem> {
    let (actor, allowed) = (allowed.actor().clone(), may_fetch(&allowed)?);
    answer(&hub, (actor, allowed), (Service::UploadPack, Manner::Advertise), call).await
}

async fn refs_to_push(
    hub: Hub,
    allowed: Allowed<act::RefPush, Pushed>,
    call: Call,
) -> Result<Response, Problem> {
    let (actor, allowed) = (allowed.actor().clone(), may_push(&allowed)?);
    answer(&hub, (actor, allowed), (Service::ReceivePack, Manner::Advertise), call).await
}

async fn fetch(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Fetched>,
    call: Call,
) -> Result<Response, Problem> {
    let (actor, allowed) = (allowed.actor().clone(), may_fetch(&allowed)?);
    answer(&hub, (actor, allowed), (Service::UploadPack, Manner::Stateless), call).await
}

async fn receive(
    hub: Hub,
    allowed: Allowed<act::RefPush, Pushed>,
    call: Call,
) -> Result<Response, Problem> {
    let (actor, allowed) = (allowed.actor().clone(), may_push(&allowed)?);
    answer(&hub, (actor, allowed), (Service::ReceivePack, Manner::Stateless), call).await
}

/// Runs Git with what was sent, and sends what it answers.
async fn answer(
    hub: &Hub,
    (actor, allowed): (Actor, GitAllowed),
    (service, manner): (Service, Manner),
    call: Call,
) -> Result<Response, Problem> {
    let protocol = call.header("git-protocol").parse::<GitProtocol>();
    let protocol = protocol
        .map_err(|()| Problem::malformed("Git-Protocol is words and numbers, as in version=2"))?;
    let packing = Packing::of(call.header("content-encoding"))?;
    let cap = match service {
        Service::UploadPack => WANTS_BYTES,
        Service::ReceivePack => hub.git.0.push_bytes.saturating_add(BESIDE_BYTES),
    };
    let caller = GitCaller { actor, place: call.context.place(), via: GitVia::Http };
    let (tell, whole) = watch::channel(false);
    let running = hub.git_service(caller, allowed, (manner, &protocol), whole).await?;
    let GitProcess { input, output, errors, life } = running;
    let complaints = tokio::spawn(complaint(errors));
    let sent = Sent(tokio::spawn(body::hand_over(call.body, (packing, cap), input, tell)));
    let says_name =
        manner == Manner::Advertise && !(service == Service::UploadPack && protocol.is_second());
    let head = says_name.then(|| {
        let line = pkt::line(format!("# service=git-{}\n", service.as_str()).as_bytes());
        Bytes::from([&line[..], pkt::FLUSH].concat())
    });
    let mut answer = Answer { head, output, life, sent: Some(sent), complaints: Some(complaints) };
    // What is wrong with a body is told as such, if Git has not begun to answer.
    let first = answer.first().await?;
    let what = if manner == Manner::Advertise { "advertisement" } else { "result" };
    let kind = format!("application/x-git-{}-{what}", service.as_str());
    let kind = HeaderValue::try_from(kind).map_err(|error| Problem::internal(&error))?;
    let pieces = stream::unfold((first, Some(answer)), |(first, answer)| async move {
        let mut answer = answer?;
        match first {
            Some(first) => Some((Ok(first), (None, Some(answer)))),
            None => match answer.next().await {
                Ok(Some(piece)) => Some((Ok(piece), (None, Some(answer)))),
                Ok(None) => None,
                Err(error) => Some((Err(error), (None, None))),
            },
        }
    });
    let head = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache, max-age=0, must-revalidate")),
    ];
    Ok((head, Body::from_stream(pieces)).into_response())
}

/// What a client sends, on its way to Git. Left where it is when nobody waits for it any more.
struct Sent(JoinHandle<Result<(), Problem>>);

impl Drop for Sent {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// An answer under way. Whoever drops it ends Git.
struct Answer {
    head: Option<Bytes>,
    output: ChildStdout,
    life: Life,
    sent: Option<Sent>,
    complaints: Option<JoinHandle<String>>,
}

impl Answer {
    /// The first piece, or what was wrong with what was sent.
    async fn first(&mut self) -> Result<Option<Bytes>, Problem> {
        let mut buffer = Vec::with_capacity(PIECE);
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        loop {
            let Some(sent) = &mut self.sent else {
                return self.next().await.map_err(|error| Problem::internal(&error));
            };
            tokio::select! {
                biased;
                handed = &mut sent.0 => {
                    self.sent = None;
                    handed.map_err(|error| Problem::internal(&error))??;
                }
                read = self.output.read_buf(&mut buffer) => {
                    return match read.map_err(|error| Problem::internal(&error))? {
                        // It has said nothing, and perhaps does not want to hear the rest.
                        0 => self.heard_out().await,
                        _ => Ok(Some(buffer.into())),
                    };
                }
            }
        }
    }

    /// The end of an answer that never began, once everything was sent.
    async fn heard_out(&mut self) -> Result<Option<Bytes>, Problem> {
        if let Some(mut sent) = self.sent.take() {
            (&mut sent.0).await.map_err(|error| Problem::internal(&error))??;
        }
        self.end().await.map_err(|error| Problem::internal(&error))?;
        Ok(Some(Bytes::new()))
    }

    /// The next piece; nothing at the end of a process that came to its own end.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut buffer = Vec::with_capacity(PIECE);
        if self.output.read_buf(&mut buffer).await? > 0 {
            return Ok(Some(buffer.into()));
        }
        self.end().await?;
        Ok(None)
    }

    /// Waits for the end of the process. One that was killed has not said everything.
    async fn end(&mut self) -> io::Result<()> {
        let status = self.life.ended().await?;
        let complaint = match self.complaints.take() {
            Some(it) => it.await.unwrap_or_default(),
            None => String::new(),
        };
        if !status.success() {
            // Most of it is of the client's making, who hears of it in the answer.
            tracing::info!(%status, complaint, "git ended otherwise than well");
        }
        match status.code() {
            Some(_) => Ok(()),
            None => Err(io::Error::other("git was ended")),
        }
    }
}
