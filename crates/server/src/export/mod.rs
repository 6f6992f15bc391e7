//! `GET /api/v1/me/export`: everything that is kept of a person, to take away (`spec/trust.md` 13).
//!
//! Here because it gathers from every room. A ZIP, written while it is sent: a file of JSON lines for each kind of thing,
//! and last the manifest with a count and the SHA-256 of each. An export that broke off has no manifest.
//!
//! With `?bundles=1` it holds the histories of one's repositories as well: `histories/{name}/1.stream` is what wire 2 brings
//! of everything that the refs in `refs.jsonl` lead to, and `2.stream` goes on where the first cannot name all of them.

mod archive;

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use hub::{Hub, Own};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use trust::{Account, Allowed, Class, Trust, act};
use web::{Entry, Problem, Queried, Routes, Spec, Surface};

use archive::{Line, Written};

/// What an export gathers from. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Rooms {
    pub(crate) trust: Trust,
    pub(crate) hub: Hub,
}

impl AsRef<Trust> for Rooms {
    fn as_ref(&self) -> &Trust {
        &self.trust
    }
}

pub(crate) fn routes(rooms: Rooms) -> (Router, Vec<Entry>) {
    let trust = rooms.trust.clone();
    let spec = Spec::new(Surface::Api).class(Class::Export).answers(&["application/zip"]);
    Routes::new(rooms, trust).get("/api/v1/me/export", spec, export).finish()
}

/// What may be asked of an export.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// 1 for the histories of one's repositories as well.
    #[serde(default)]
    bundles: u8,
}

async fn export(
    rooms: Rooms,
    allowed: Allowed<act::MeExport, Account>,
    call: Queried<Asked>,
) -> Result<Response, Problem> {
    let with_histories = match call.query()?.bundles {
        0 => false,
        1 => true,
        _ => return Err(Problem::malformed("`bundles` is 0 or 1")),
    };
    call.end().await?;
    rooms.trust.note_export(&allowed).await?;
    let handle = allowed.resource().principal.handle.clone();
    let (lines, taken) = mpsc::channel(64);
    let written = Written::by(taken);
    tokio::spawn(async move {
        if let Err(error) = gather(&rooms, &allowed, with_histories, &lines).await {
            tracing::warn!(%error, "an export broke off");
            // The archive ends without its manifest, and its connection with an error.
            let _gone = lines.send(Line::Broken).await;
        }
    });
    let name = format!("attachment; filename=\"motet-{handle}.zip\"");
    let mut response = Body::from_stream(written).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// Why nothing more is written.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Trust(#[from] trust::Error),
    #[error(transparent)]
    Hub(#[from] hub::Error),
    #[error("whoever asked for it has gone")]
    Gone,
}

type Lines = mpsc::Sender<Line>;

/// Sends every row of every room.
async fn gather(
    rooms: &Rooms,
    allowed: &Allowed<act::MeExport, Account>,
    with_histories: bool,
    lines: &Lines,
) -> Result<(), Ended> {
    for portion in rooms.trust.own_rows(allowed).await? {
        send(lines, portion.name, portion.rows).await?;
    }
    let own = rooms.hub.own_repositories(allowed).await?;
    send(lines, "repositories", own.iter().map(|it| it.row.clone()).collect()).await?;
    for (name, rows) in rooms.hub.own_marks(allowed).await? {
        send(lines, name, rows).await?;
    }
    if with_histories {
        send_histories(rooms, allowed, &own, lines).await?;
    }
    begin(lines, "activity").await?;
    let mut after = None;
    loop {
        let rows = rooms.hub.own_activity(allowed, after).await?;
        let Some((last, _)) = rows.last() else { break };
        after = Some(*last);
        for (_, row) in rows {
            lines.send(Line::Row(row)).await.map_err(|_| Ended::Gone)?;
        }
    }
    begin(lines, "audit").await?;
    let mut after = None;
    loop {
        let rows = rooms.trust.own_audit(allowed, after).await?;
        let Some((last, _)) = rows.last() else { break };
        after = Some(*last);
        for (_, row) in rows {
            lines.send(Line::Row(row)).await.map_err(|_| Ended::Gone)?;
        }
    }
    lines.send(Line::Whole).await.map_err(|_| Ended::Gone)
}

/// Sends where the refs of each repository stand, and what they lead to.
async fn send_histories(
    rooms: &Rooms,
    allowed: &Allowed<act::MeExport, Account>,
    own: &[Own],
    lines: &Lines,
) -> Result<(), Ended> {
    let gone = |_| Ended::Gone;
    let mut histories = Vec::new();
    begin(lines, "refs").await?;
    for Own { id, name, .. } in own {
        let history = rooms.hub.own_history(allowed, *id).await?;
        for (full_name, target) in history.refs() {
            let row = json!({ "repository": name, "ref": full_name, "target": target });
            lines.send(Line::Row(row)).await.map_err(gone)?;
        }
        histories.push((*id, name, history));
    }
    for (id, name, mut history) in histories {
        if let Some(mut bundle) = rooms.hub.own_bundle(allowed, id).await? {
            let file = format!("histories/{name}.bundle");
            lines.send(Line::File(file)).await.map_err(gone)?;
            while let Some(bytes) = bundle.next().await? {
                lines.send(Line::Bytes(bytes)).await.map_err(gone)?;
            }
            lines.send(Line::Count(1)).await.map_err(gone)?;
        }
        let mut number = 0;
        while let Some(mut stream) = history.next().await? {
            number += 1;
            let file = format!("histories/{name}/{number}.stream");
            lines.send(Line::File(file)).await.map_err(gone)?;
            while let Some(bytes) = stream.next().await {
                lines.send(Line::Bytes(bytes)).await.map_err(gone)?;
            }
            lines.send(Line::Count(stream.commits().await?)).await.map_err(gone)?;
        }
    }
    Ok(())
}

async fn begin(lines: &Lines, name: &str) -> Result<(), Ended> {
    lines.send(Line::File(format!("{name}.jsonl"))).await.map_err(|_| Ended::Gone)
}

async fn send(lines: &Lines, name: &str, rows: Vec<Value>) -> Result<(), Ended> {
    begin(lines, name).await?;
    for row in rows {
        lines.send(Line::Row(row)).await.map_err(|_| Ended::Gone)?;
    }
    Ok(())
}
