//! One revision beside another: what the second has that the first does not.

use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use trust::{Allowed, act};
use web::{
    Call, Problem,
    look::{Layout, href},
};

use super::{
    changes::{Asked, Between},
    parts,
};
use crate::{
    Error, Hub, Repository,
    reading::{self, History, LogQuery, ancestry, api},
    views::{
        Section,
        commit::Parent,
        compare::{ComparePage, Compared},
    },
};

/// Commits that the page lists.
const COMMITS: usize = 100;
/// Branches that the fields offer.
const OFFERED: usize = 200;

#[derive(Deserialize)]
struct Sides {
    base: Option<String>,
    head: Option<String>,
}

/// A form that leads to a comparison, or on to the one that was asked for.
pub(super) async fn choose(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let sides: Sides = call.query()?;
    let repository = allowed.resource();
    let text = |it: Option<String>| it.map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
    if let (Some(base), Some(head)) = (text(sides.base), text(sides.head)) {
        let range = format!("{}...{}", href::path(&base), href::path(&head));
        let to = format!("{}/compare/{range}", parts::home_of(repository));
        return Ok(Redirect::to(&to).into_response());
    }
    let base = repository.default_branch.to_string();
    let layout = layout(&call, repository, None);
    show(&hub, &allowed, layout, (base, String::new()), None).await
}

/// `a...b`.
pub(super) async fn compare(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let asked: Asked = call.query()?;
    let (repository, history) = (allowed.resource(), History::open(&hub, &allowed));
    let text = call.params.text("range").to_owned();
    let (base_text, head_text) = api::split_range(&text)?;
    let base = history.resolve(base_text).await?.commit;
    let head = history.resolve(head_text).await?.commit;
    let bases = ancestry::merge_bases(&history, base, head).await?;
    let (ahead, behind) = ancestry::ahead_behind(&history, head, base).await?;
    // Without a common ancestor there is the other side itself to compare with.
    let before = bases.first().copied().unwrap_or(base);
    let found = history.between((Some(before), head), asked.path()).await?;
    let here = format!("{}/compare/{}", parts::home_of(repository), href::path(&text));
    let between = Between { before: Some(before), after: head, here: &here };
    let changes = history.show_changes(&between, &found, &asked).await?;
    let query = LogQuery { from: vec![head], not: vec![base], ..LogQuery::default() };
    let log = history.log(&query, None, COMMITS).await?;
    let days = hub.days(repository, &log, None).await?;
    let swapped = format!("{}...{}", href::path(head_text), href::path(base_text));
    let compared = Compared {
        merge_base: bases
            .first()
            .map(|id| Parent { short_id: id.short(), href: parts::commit_href(repository, *id) }),
        base_count: bases.len() as u64,
        ahead,
        behind,
        days,
        has_more_commits: log.next.is_some(),
        swap_href: format!("{}/compare/{swapped}", parts::home_of(repository)),
        patch_href: format!(
            "/api/v1/repos/{}/compare/{}",
            repository.full_name(),
            href::path(&text)
        ),
        changes,
    };
    let sides = (base_text.to_owned(), head_text.to_owned());
    let layout = layout(&call, repository, Some(&text));
    show(&hub, &allowed, layout, sides, Some(compared)).await
}

fn layout(call: &Call, repository: &Repository, range: Option<&str>) -> Layout {
    let title = format!("{} · {}", range.unwrap_or("Compare"), repository.full_name());
    Layout { is_noindex: true, ..parts::layout(call, repository, title) }
}

async fn show(
    hub: &Hub,
    allowed: &Allowed<act::ObjectRead, Repository>,
    layout: Layout,
    (base, head): (String, String),
    compared: Option<Compared>,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let first = History::open(hub, allowed).first().await?;
    let mut tx = hub.db.glance().await?;
    let heads = reading::branches(&mut tx, repository.id).await.map_err(Error::Db)?;
    drop(tx);
    web::page(&ComparePage {
        layout,
        head: parts::head(allowed.actor(), repository, first.as_ref(), Section::Commits),
        form_href: format!("{}/compare", parts::home_of(repository)),
        base,
        compare: head,
        offered: heads.iter().take(OFFERED).map(|(name, _)| name.to_string()).collect(),
        compared,
    })
}
