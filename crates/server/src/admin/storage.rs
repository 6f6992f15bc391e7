//! JSON under `/api/v1/admin/storage`: what is stored, what is wrong with it, walks over it.

use api::json;
use axum::{http::StatusCode, response::IntoResponse};
use names::Id;
use objects::{FaultKind, Group, Scan, Statistics};
use serde::Deserialize;
use trust::{Allowed, Anything, act};
use uuid::Uuid;
use web::{Fault, Json, Problem, Queried};

use super::{Admin, bad_cursor, position, told};

/// What can be asked for, and the schedule that does it.
const SCANS: &[(&str, &str)] = &[
    ("sample", "objects.sample"),
    ("scrub", "objects.scrub"),
    ("orphans", "objects.orphans"),
    ("records", "hub.records"),
    ("tidy", "objects.tidy"),
];

/// The one place where the store's failures become HTTP in here.
pub(super) fn told_by_store(error: objects::Error) -> Problem {
    hub::Error::from(error).into()
}

/// Everything that is counted.
pub(super) async fn show(
    admin: Admin,
    _: Allowed<act::InstallRead, Anything>,
    (): (),
) -> Result<Json<json::Storage>, Problem> {
    let counted = admin.objects.statistics().await.map_err(told_by_store)?;
    let scans = admin.objects.scans().await.map_err(told_by_store)?;
    Ok(Json(storage(&counted, &scans)))
}

fn storage(counted: &Statistics, scans: &[Scan]) -> json::Storage {
    let sums = counted.sums;
    json::Storage {
        states: counted.states.iter().map(group).collect(),
        sizes: counted.sizes.iter().map(group).collect(),
        segments: sums.segments,
        segment_bytes: sums.segment_bytes,
        files: sums.files,
        file_bytes: sums.file_bytes,
        links: sums.links,
        logical_bytes: sums.linked_bytes,
        physical_bytes: counted.physical_bytes(),
        saved_by_joining_bytes: counted.saved_by_joining(),
        pending: sums.pending,
        waste: sums.waste,
        waste_bytes: sums.waste_bytes,
        open_faults: sums.open_faults,
        free_bytes: counted.space.map(|(free, _)| free),
        scans: scans.iter().map(scan).collect(),
    }
}

fn group(it: &Group) -> json::StorageGroup {
    json::StorageGroup { name: it.name.clone(), objects: it.objects, bytes: it.bytes }
}

fn scan(it: &Scan) -> json::StorageScan {
    json::StorageScan {
        kind: it.kind.as_str().to_owned(),
        checked: it.checked,
        bytes: it.bytes,
        faults: it.faults,
        started_at: it.started_at.to_string(),
        ended_at: it.ended_at.map(|time| time.to_string()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultQuery {
    state: Option<String>,
    cursor: Option<String>,
}

/// Faults, newest first: the open ones unless asked.
pub(super) async fn faults(
    admin: Admin,
    _: Allowed<act::InstallRead, Anything>,
    call: Queried<FaultQuery>,
) -> Result<impl IntoResponse, Problem> {
    let query = call.query()?;
    let (state, is_open) = match query.state.as_deref() {
        None | Some("open") => ("open", true),
        Some("resolved") => ("resolved", false),
        Some(_) => return Err(Problem::malformed("a state of faults is `open` or `resolved`")),
    };
    let list = format!("admin/storage/faults?state={state}");
    let before = position(&admin.cursors, &list, query.cursor.as_deref())?;
    let before = before.map(|it| Uuid::from_slice(&it).map_err(|_| bad_cursor())).transpose()?;
    let page = admin.objects.faults(is_open, before.map(Id::from_uuid)).await;
    let page = page.map_err(told_by_store)?;
    let next_cursor = page.next.map(|id| admin.cursors.write(&list, id.uuid().as_bytes()));
    let link = next_cursor.as_ref().map(|cursor| {
        let next = format!("/api/v1/admin/storage/faults?state={state}&cursor={cursor}");
        [("link", format!("<{next}>; rel=\"next\""))]
    });
    let items = page.faults.iter().map(fault).collect();
    Ok((link, Json(json::FaultPage { items, next_cursor })))
}

fn fault(it: &objects::Fault) -> json::Fault {
    json::Fault {
        id: it.id.to_string(),
        kind: FaultKind::as_str(it.kind).to_owned(),
        subject: it.subject.clone(),
        object_id: it.object.map(|id| id.to_string()),
        detail: it.detail.clone(),
        found_at: it.found_at.to_string(),
        resolved_at: it.resolved_at.map(|time| time.to_string()),
        how: it.how.clone(),
    }
}

/// Begins a walk, or lets the one that is under way go on.
pub(super) async fn start(
    admin: Admin,
    allowed: Allowed<act::JobWrite, Anything>,
    Json(asked): Json<json::StartScan>,
) -> Result<impl IntoResponse, Problem> {
    let Some((_, name)) = SCANS.iter().find(|(kind, _)| *kind == asked.kind) else {
        let kinds = SCANS.iter().map(|(kind, _)| *kind).collect::<Vec<_>>().join(", ");
        let message = format!("a scan is one of {kinds}");
        let fault = Fault { pointer: "/kind".to_owned(), code: "invalid", message };
        return Err(Problem::invalid(vec![fault]));
    };
    let mut tx = admin.trust.begin(allowed.actor()).await?;
    let bell = admin.queue.run_schedule(&mut tx, name).await.map_err(told)?;
    tx.commit().await?;
    let pushed = bell.added() > 0;
    bell.ring();
    tracing::info!(job = name, by = ?allowed.actor().handle(), "a scan of the store was asked for");
    Ok((StatusCode::ACCEPTED, Json(json::ScanStarted { job: (*name).to_owned(), pushed })))
}

/// Looks again at what is broken, and gives up wrong copies where another is right.
pub(super) async fn heal(
    admin: Admin,
    allowed: Allowed<act::JobWrite, Anything>,
    (): (),
) -> Result<Json<json::Healed>, Problem> {
    // Writes the nonce of the request; what heals commits by itself, fault by fault.
    admin.trust.begin(allowed.actor()).await?.commit().await?;
    let healed = admin.objects.heal().await.map_err(told_by_store)?;
    let open_faults = admin.objects.statistics().await.map_err(told_by_store)?.sums.open_faults;
    tracing::info!(healed, open_faults, by = ?allowed.actor().handle(), "faults were looked at again");
    Ok(Json(json::Healed { healed, open_faults }))
}
