//! Limits at the gate: who may go on, and what the rest are told (`spec/trust.md` 2, 9).
//!
//! The address comes first, before any signature is looked at; the class of the route once it is known who asks, before
//! anything is looked up; the failure limiter around whatever takes a proof.

use axum::http::{HeaderMap, StatusCode, header};
use trust::{
    Actor, Class, Exceeded, Trust,
    limits::{Admitted, Suspect},
};

use crate::{Context, Params, Problem, Spec, Surface};

/// How long a bot is told to stay away, in seconds.
const BOT_WAIT_SECONDS: u32 = 3_600;

const SIGN_IN: &str = "whoever is signed in may read more";

/// What a page costs those who are not signed in, in points (`spec/trust.md` 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// A page that is cheap to make: 1.
    Page,
    /// A file or directory: 5 where the address names an old commit instead of a branch, else 1.
    Place,
    /// A commit with everything that it changes: as a file at an old commit, 5.
    Changes,
    /// What walks a history, as the lines of a file with their commits, and a search: 10.
    Walk,
}

/// What an id of a commit is as text.
const ID_LENGTH: usize = 64;

impl Cost {
    fn points(self, params: &Params) -> u64 {
        match self {
            Self::Page => 1,
            Self::Changes => 5,
            Self::Walk => 10,
            Self::Place => {
                let text = params.text("place").trim_start_matches('/');
                let first = text.split('/').next().unwrap_or_default();
                let first = first.trim_start_matches("sha256:");
                let is_id =
                    first.len() == ID_LENGTH && first.bytes().all(|it| it.is_ascii_hexdigit());
                if is_id { 5 } else { 1 }
            }
        }
    }
}

/// Before anything of the request is looked at. What is free does not count.
pub(crate) fn arrive(trust: &Trust, class: Class, context: &Context) -> Result<(), Problem> {
    if class == Class::Free {
        return Ok(());
    }
    Ok(trust.limits().arrive(context.place())?)
}

/// A credential was refused. It costs its address more than others, and fails once more if it is known whose it was.
pub(crate) async fn refused(
    trust: &Trust,
    error: trust::Error,
    headers: &HeaderMap,
    context: &Context,
) -> Problem {
    let is_failure = matches!(error, trust::Error::Unauthenticated);
    let problem = Problem::from(error);
    if problem.status() != StatusCode::UNAUTHORIZED {
        return problem;
    }
    trust.limits().charge_failed(context.place());
    if is_failure
        && let Some(suspect) = Suspect::of_headers(context.place(), headers)
        && let Err(error) = trust.failed(suspect).await
    {
        // It is counted in memory; what could not be written is another process's loss.
        tracing::warn!(%error, "a lock could not be written");
    }
    problem
}

/// Once it is known who asks, and before anything is looked up.
pub(crate) fn admit(
    trust: &Trust,
    spec: &Spec,
    actor: &Actor,
    context: &Context,
    headers: &HeaderMap,
    params: &Params,
) -> Result<Admitted, Problem> {
    let is_page = spec.surface == Surface::Page;
    if actor.is_anonymous() && is_page {
        refuse_bots(trust, headers)?;
    }
    let repository = format!("{}/{}", params.text("owner"), params.text("name"));
    let admitted = trust.limits().admit(spec.class, actor, context.place(), &repository);
    let admitted = admitted.map_err(|exceeded| refuse(exceeded, spec.class, actor))?;
    // Raw files have a count of their own.
    if actor.is_anonymous() && is_page && matches!(spec.class, Class::Global | Class::Search) {
        let points = spec.cost.points(params);
        let page = trust.limits().page(context.place(), points);
        page.map_err(|exceeded| refuse(exceeded, spec.class, actor))?;
    }
    Ok(admitted)
}

/// The same for an address that no route has, so that looking for one is no way around the limits.
pub fn admit_unrouted(trust: &Trust, context: &Context) -> Result<(), Problem> {
    arrive(trust, Class::Global, context)?;
    let actor = Actor::anonymous();
    let admitted = trust.limits().admit(Class::Global, &actor, context.place(), "");
    admitted.map(drop).map_err(|exceeded| refuse(exceeded, Class::Global, &actor))
}

fn refuse(exceeded: Exceeded, class: Class, actor: &Actor) -> Problem {
    let problem = Problem::from(exceeded);
    let would_help = actor.is_anonymous() && !class.is_by_address();
    if would_help { problem.hint(SIGN_IN) } else { problem }
}

fn refuse_bots(trust: &Trust, headers: &HeaderMap) -> Result<(), Problem> {
    let agent = headers.get(header::USER_AGENT).map(|it| String::from_utf8_lossy(it.as_bytes()));
    if !trust.settings().limits.is_bot(&agent.unwrap_or_default()) {
        return Ok(());
    }
    let detail = "these pages are for people and their tools: programs that copy them, or do not say what they are, \
                  use the API or the wire";
    let by = Exceeded::wait("bots", 0, BOT_WAIT_SECONDS.into(), BOT_WAIT_SECONDS);
    Err(Problem::refuse(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail).limited(&by))
}

/// The failure limiter around a route that takes a proof in its body: refuses while a lock lasts.
pub(crate) async fn guard(trust: &Trust, spec: &Spec, context: &Context) -> Result<(), Problem> {
    if !spec.is_guarded {
        return Ok(());
    }
    Ok(trust.check_guarded(Suspect::Place(context.place())).await?)
}

/// What came of it: a 401 is a failure, success begins anew, and everything else says nothing about the proof.
pub(crate) async fn judge(
    trust: &Trust,
    spec: &Spec,
    context: &Context,
    refused: Option<StatusCode>,
) {
    if !spec.is_guarded {
        return;
    }
    let suspect = Suspect::Place(context.place());
    let noted = match refused {
        None => trust.succeeded(suspect).await,
        Some(StatusCode::UNAUTHORIZED) => trust.failed(suspect).await,
        Some(_) => Ok(()),
    };
    if let Err(error) = noted {
        tracing::warn!(%error, "a lock could not be written or lifted");
    }
}
