//! `/usage`: what an owner uses, beside what they may.

use axum::response::Response;
use names::Handle;
use serde::Deserialize;
use trust::{Actor, Allowed, Anything, act};
use web::{
    Call, Problem,
    look::{
        Layout,
        charts::{Bar, bars},
        sizes,
    },
};

use crate::{
    Error, Hub,
    quotas::{Limited, Usage},
    repositories,
    views::around::{Choice, UsagePage},
};

/// Repositories that are shown: the largest.
const LARGEST: u32 = 50;
/// A bar of one limit is so long, whatever the limit is.
const WHOLE: u64 = 1_000;

#[derive(Deserialize)]
struct Asked {
    owner: Option<String>,
}

/// Of oneself, or of an organization that one owns.
pub(super) async fn usage(
    hub: Hub,
    allowed: Allowed<act::MeRead, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let asked: Asked = call.query()?;
    let actor = allowed.actor();
    let own = actor.handle().cloned().ok_or(trust::Refusal::Unauthenticated)?;
    let handle: Handle = match asked.owner {
        Some(owner) => owner.parse().map_err(|_| Problem::not_found())?,
        None => own.clone(),
    };
    let mut tx = hub.db.read().await?;
    let id = hub.owned_space(&mut tx, actor, &handle).await?.ok_or_else(Problem::not_found)?;
    let usage = hub.usage(&mut tx, id, None).await?;
    let count = repositories::count(&mut tx, id).await.map_err(Error::Db)?;
    let largest = repositories::largest(&mut tx, id, LARGEST).await.map_err(Error::Db)?;
    let me = actor.principal().ok_or(trust::Refusal::Unauthenticated)?;
    let around = hub.trust.around(&mut tx, me.id, actor).await?;
    let mut others = Vec::new();
    // A handful: one is in few organizations, and owns fewer.
    for other in std::iter::once(own.clone()).chain(around.organizations) {
        if hub.owned_space(&mut tx, actor, &other).await?.is_some() {
            others.push(Choice {
                href: if other == own {
                    "/usage".to_owned()
                } else {
                    format!("/usage?owner={other}")
                },
                text: other.to_string(),
                count: None,
                is_current: other == handle,
            });
        }
    }
    let sized = |(name, bytes): &(names::RepositoryName, u64)| Bar {
        name: name.to_string(),
        value: *bytes,
        text: sizes::bytes(*bytes),
    };
    let limits: Vec<_> = limits(&usage, count);
    let largest: Vec<_> = largest.iter().map(sized).collect();
    web::page(&UsagePage {
        layout: Layout {
            title: format!("Usage of {handle}"),
            reader: call.context.reader(),
            is_noindex: true,
            ..Layout::default()
        },
        handle: handle.to_string(),
        limits: bars("What is used of each limit", &limits, Some(WHOLE)),
        is_empty: largest.is_empty(),
        repositories: bars("Repositories by size", &largest, None),
        others,
    })
}

fn limits(usage: &[Usage], count: u64) -> Vec<Bar> {
    let bar = |name: &str, used: u64, allowed: u64, text: String| {
        let part = u128::from(used.min(allowed)) * u128::from(WHOLE) / u128::from(allowed.max(1));
        Bar { name: name.to_owned(), value: u64::try_from(part).unwrap_or(WHOLE), text }
    };
    let bytes = usage.iter().find(|it| it.of == Limited::OwnerBytes).map(|it| {
        let text = format!("{} of {}", sizes::bytes(it.used), sizes::bytes(it.allowed));
        bar("Bytes of all repositories", it.used, it.allowed, text)
    });
    let most = repositories::MAX_PER_OWNER;
    let text = format!("{} of {}", sizes::count(count), sizes::count(most));
    bytes.into_iter().chain([bar("Repositories", count, most, text)]).collect()
}

impl Hub {
    /// The owner of a namespace in which whoever asks may make repositories: what it holds is theirs to see.
    pub(crate) async fn owned_space(
        &self,
        tx: &mut db::Tx,
        actor: &Actor,
        handle: &Handle,
    ) -> Result<Option<names::Id<trust::Principal>>, Error> {
        let space = self.trust.space(tx, actor, handle.clone()).await?;
        let id = space.id;
        Ok(Allowed::<act::RepoCreate, _>::ask(actor, space).ok().and(id))
    }
}
