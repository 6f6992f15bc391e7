//! JSON: files are changed, in one commit.

use ::api::{CommitRecord, json};
use axum::{
    http::{StatusCode, header},
    response::IntoResponse,
};
use trust::{Allowed, act};
use web::{Json, Problem, Routes, Spec, Surface};

use super::check;
use crate::{Hub, Repository};

/// 10 MiB of files in base64, and what stands around them.
const BODY: u64 = 15 << 20;

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let body = Spec::new(Surface::Api).body_bytes(BODY);
    routes.post("/api/v1/repos/{owner}/{name}/edits", body, edit)
}

async fn edit(
    hub: Hub,
    allowed: Allowed<act::RefPush, Repository>,
    Json(asked): Json<json::NewEdit>,
) -> Result<impl IntoResponse, Problem> {
    let (made, warnings) = hub.commit_files(&allowed, check::edits(asked)?).await?;
    let name = allowed.resource().full_name();
    let location = format!("/api/v1/repos/{name}/commits/{}", made.commit_id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(json_of(made, warnings))))
}

fn json_of(made: CommitRecord, warnings: Vec<String>) -> json::Edited {
    json::Edited {
        commit_id: made.commit_id.to_string(),
        snapshot_id: made.snapshot_id.to_string(),
        parent_commit_id: made.parent_commit_id.map(|it| it.to_string()),
        branch: made.branch,
        author: made.author,
        committed_at: made.committed_at,
        signer_key_id: made.signer_key_id,
        warnings,
    }
}
