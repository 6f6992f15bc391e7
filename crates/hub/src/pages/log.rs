//! `/{owner}/{name}/log`: every movement of every ref, and whether the chain of it holds.

use axum::response::Response;
use history::ref_log::{Item, SERVER_KEY};
use names::{CommitId, UnixMillis};
use serde::Deserialize;
use trust::{Allowed, act};
use web::{Call, Problem, look::When};

use super::parts;
use crate::{
    Hub, Repository,
    ref_log::{Moved, Signed},
    views::{
        Section,
        log::{LogPage, LogRow, Place},
    },
};

/// Movements of one page.
const PAGE: u16 = 50;

#[derive(Deserialize)]
struct Asked {
    before: Option<u64>,
}

pub(super) async fn show(
    hub: Hub,
    allowed: Allowed<act::RefRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let Asked { before } = call.query()?;
    let (actor, repository) = (allowed.actor(), allowed.resource());
    let log = hub.movements(&allowed, before, PAGE).await?;
    let now = hub.clock.now();
    let here = format!("{}/log", parts::home_of(repository));
    let last_seq = log.last.as_ref().map_or(0, |it| it.seq);
    // Numbers have no gap, so that the page before this one is known.
    let newer = before.map(|before| before.saturating_add(PAGE.into()));
    let newer_href = newer.filter(|_| last_seq > 0).map(|newer| match newer {
        newer if newer > last_seq => here.clone(),
        newer => format!("{here}?before={newer}"),
    });
    let title = format!("Ref log · {}", repository.full_name());
    web::page(&LogPage {
        layout: parts::layout(&call, repository, title),
        head: parts::head(actor, repository, None, Section::Branches),
        rows: log.rows.iter().map(|it| row(repository, it, now)).collect(),
        is_whole: log.is_whole,
        last: log.last.map(|it| (it.seq, it.seal_hash.to_string())),
        address: format!("{}{}", call.context.base_url, parts::home_of(repository)),
        newer_href,
        older_href: log.older.map(|seq| format!("{here}?before={seq}")),
    })
}

fn row(repository: &Repository, it: &Moved, now: UnixMillis) -> LogRow {
    let Item { entry, seal, .. } = &it.item;
    let place = |text: &str| match text.parse::<CommitId>() {
        Ok(id) => Place { text: id.short(), href: Some(parts::commit_href(repository, id)) },
        Err(_) => Place { text: text.to_owned(), href: None },
    };
    let said = |text: &str| (!text.is_empty()).then(|| place(text));
    let (kind, name) = match entry.name.as_str() {
        SERVER_KEY => ("key of the server", ""),
        full => match (full.strip_prefix("refs/heads/"), full.strip_prefix("refs/tags/")) {
            (Some(branch), _) => ("branch", branch),
            (None, Some(tag)) => ("tag", tag),
            (None, None) => ("ref", full),
        },
    };
    let (class, word) = match &it.signed {
        Signed::By(handle) => ("good", format!("signed by {handle}")),
        Signed::Server => ("good", "signed by the server".to_owned()),
        Signed::Unknown => ("warn", "signed, key unknown".to_owned()),
        Signed::Request(Some(handle)) => ("quiet", format!("request signed by {handle}")),
        Signed::Request(None) => ("quiet", "request signed".to_owned()),
        Signed::Nobody => ("quiet", "not signed".to_owned()),
    };
    let time: Option<UnixMillis> = seal.time.parse().ok();
    LogRow {
        seq: seal.seq,
        kind,
        name: name.to_owned(),
        old: said(&entry.old),
        new: said(&entry.new),
        is_forced: it.is_forced,
        who: seal.principal.clone(),
        how: match seal.via.as_str() {
            "msign" => "key",
            "token" => "token",
            "server" => "server",
            _ => "other",
        },
        signature_class: class,
        signature: word,
        key: entry.pusher_key.clone(),
        when: time.map(|then| When::new(then, now)),
    }
}
