//! `GET /api/v1/me/export`: everything that is kept of a person, to take away (`spec/trust.md` 13).
//!
//! Here because it gathers from every room. A ZIP, written while it is sent: a file of JSON lines for each kind of thing,
//! and last the manifest with the number of lines and the SHA-256 of each. An export that broke off has no manifest.

mod archive;

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use hub::Hub;
use serde_json::Value;
use tokio::sync::mpsc;
use trust::{Account, Allowed, Class, Trust, act};
use web::{Entry, Problem, Routes, Spec, Surface};

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
    let spec = Spec::new(Surface::Api).class(Class::Export);
    Routes::new(rooms, trust).get("/api/v1/me/export", spec, export).finish()
}

async fn export(
    rooms: Rooms,
    allowed: Allowed<act::MeExport, Account>,
    (): (),
) -> Result<Response, Problem> {
    rooms.trust.note_export(&allowed).await?;
    let handle = allowed.resource().principal.handle.clone();
    let (lines, taken) = mpsc::channel(64);
    let written = Written::by(taken);
    tokio::spawn(async move {
        if let Err(error) = gather(&rooms, &allowed, &lines).await {
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
    lines: &Lines,
) -> Result<(), Ended> {
    for portion in rooms.trust.own_rows(allowed).await? {
        send(lines, portion.name, portion.rows).await?;
    }
    send(lines, "repositories", rooms.hub.own_repositories(allowed).await?).await?;
    for (name, rows) in rooms.hub.own_marks(allowed).await? {
        send(lines, name, rows).await?;
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

async fn begin(lines: &Lines, name: &'static str) -> Result<(), Ended> {
    lines.send(Line::File(name)).await.map_err(|_| Ended::Gone)
}

async fn send(lines: &Lines, name: &'static str, rows: Vec<Value>) -> Result<(), Ended> {
    begin(lines, name).await?;
    for row in rows {
        lines.send(Line::Row(row)).await.map_err(|_| Ended::Gone)?;
    }
    Ok(())
}
