//! Commits as they hang together: lanes, refs, marks.

use axum::response::Response;
use trust::{Allowed, act};
use web::{Call, Problem, look::assets};

use super::parts;
use crate::{
    Hub, Repository,
    graph::{Asked, Drawn, filled},
    signatures,
    views::{
        Section,
        graph::{Drawing, GraphPage, GraphRef, GraphRow, Line, width},
    },
};

/// A page of the graph.
pub(super) async fn graph(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let (asked, of): (Asked, _) = (call.query()?, allowed.resource());
    // A page is two hundred rows, whatever JSON may ask for.
    let asked = Asked { limit: None, ..asked };
    let cursor = hub.picture_cursor(of, &asked)?;
    let wanted = hub.wanted(&allowed, &asked).await?;
    let mut tx = hub.db.read().await?;
    let first = crate::reading::Revision::first(&mut tx, of).await?;
    let picture = hub.picture(tx, of, &wanted, cursor.as_deref()).await?;
    let mut tx = hub.db.read().await?;
    let judged = signatures::judge(&mut tx, picture.rows.iter().map(|it| &it.commit)).await?;
    drop(tx);
    let now = hub.clock.now();
    let drawn = |it: &Drawn| -> Vec<Line> {
        it.edges.iter().map(|edge| (edge.from, edge.to, edge.colour)).collect()
    };
    let mut above: Vec<Line> =
        picture.above.iter().map(|(lane, colour)| (*lane, *lane, *colour)).collect();
    let (mut rows, mut lanes) = (Vec::with_capacity(picture.rows.len()), 1);
    for it in &picture.rows {
        let below = drawn(it);
        let most = below.iter().map(|line| line.0.max(line.1)).max().unwrap_or(0).max(it.lane);
        lanes = lanes.max(usize::from(most) + 1);
        let drawing = Drawing::new((it.lane, it.colour), &above, &below);
        let commit = parts::line(of, &it.commit, judged.get(&it.commit.record.commit_id), now);
        let refs = it.refs.iter().map(|name| shown(of, name)).collect();
        rows.push(GraphRow { commit, refs, words: words(it, wanted.is_filtered()), drawing });
        above = below;
    }
    for row in &mut rows {
        row.drawing.width = width(lanes);
    }
    let here = format!("{}/graph", parts::home_of(of));
    let text = |it: &Option<String>| filled(it.as_deref()).unwrap_or_default().to_owned();
    let (reference, author, path) =
        (text(&asked.reference), text(&asked.author), text(&asked.path));
    let at = |cursor: Option<&str>| {
        let fields = [
            ("ref", &*reference),
            ("author", &*author),
            ("path", &*path),
            ("cursor", cursor.unwrap_or_default()),
        ];
        address(&here, &fields)
    };
    let next = picture.next.map(|it| hub.cursors.write(&asked.list(of), &it));
    web::page(&GraphPage {
        layout: parts::layout(&call, of, format!("Graph · {}", of.full_name())),
        head: parts::head(allowed.actor(), of, first.as_ref(), Section::Graph),
        newer_href: asked.cursor.is_some().then(|| at(None)),
        older_href: next.map(|cursor| at(Some(&cursor))),
        reference,
        author,
        path,
        is_filtered: wanted.is_filtered(),
        rows,
        script: assets::graph_href(),
    })
}

/// An address with those fields that are filled in.
pub(super) fn address(here: &str, fields: &[(&str, &str)]) -> String {
    let filled = fields.iter().filter(|(_, text)| !text.is_empty());
    let query: Vec<_> =
        filled.map(|(name, text)| format!("{name}={}", web::look::href::segment(text))).collect();
    if query.is_empty() { here.to_owned() } else { format!("{here}?{}", query.join("&")) }
}

fn shown(of: &Repository, full: &str) -> GraphRef {
    let (kind, name) = if let Some(name) = full.strip_prefix("refs/heads/") {
        ("branch", name)
    } else if let Some(name) = full.strip_prefix("refs/tags/") {
        ("tag", name)
    } else {
        ("ref", full)
    };
    let href = match kind {
        "branch" => address(&format!("{}/graph", parts::home_of(of)), &[("ref", name)]),
        _ => String::new(),
    };
    GraphRef { name: name.to_owned(), kind, href }
}

/// What the picture shows, in words.
fn words(it: &Drawn, is_filtered: bool) -> String {
    let parents: Vec<_> = it.commit.parents().map(|id| id.short()).collect();
    let parents = match &parents[..] {
        [] => "no parent".to_owned(),
        [one] => format!("parent {one}"),
        more => format!("merges {}", more.join(" and ")),
    };
    if is_filtered { parents } else { format!("Lane {}, {parents}", it.lane + 1) }
}
