//! Versions: listed, whole, as they were sent, compared.

use api::json;
use axum::response::{IntoResponse, Response};
use http::header;
use pipelines_core::{json::Form, name::PipelineId};
use serde::Deserialize;
use trust::{Allowed, Publisher, act};
use web::{Call, Input as _, Json, Problem, Queried};

use super::pipelines::graph;
use crate::{
    Door,
    definitions::versions::{Version, form_word},
    paging::{PageQuery, bad_cursor},
};

/// The type by which a version is asked for as it was sent.
const YAML: &str = "application/yaml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CompareQuery {
    to: u32,
}

pub(super) async fn list(
    door: Door,
    allowed: Allowed<act::PipelineRead, Publisher>,
    call: Queried<PageQuery>,
) -> Result<impl IntoResponse, Problem> {
    let (query, pipeline) = (call.query()?, call.params.parse::<PipelineId>("pipeline")?);
    call.end().await?;
    let limit = query.limit()?;
    let publisher = &allowed.resource().organization;
    let list = format!("pipelines/{}/{pipeline}/versions", publisher.id);
    let before = match query.cursor.as_deref() {
        None => None,
        Some(text) => Some(position(&door, &list, text).ok_or_else(bad_cursor)?),
    };
    let found = door.pipelines.versions(&allowed, &pipeline, before, limit).await?;
    let end = found.last().filter(|it| found.len() >= limit as usize && it.number > 1);
    let next_cursor = end.map(|it| door.cursors.write(&list, &it.number.to_be_bytes()));
    let link = next_cursor.as_ref().map(|cursor| {
        let list = format!("/api/v1/publishers/{}/pipelines/{pipeline}/versions", publisher.handle);
        [(header::LINK, format!("<{list}?limit={limit}&cursor={cursor}>; rel=\"next\""))]
    });
    let items = found.iter().map(shown).collect();
    Ok((link, Json(json::PipelineVersionPage { items, next_cursor })))
}

fn position(door: &Door, list: &str, text: &str) -> Option<u32> {
    let bytes = door.cursors.read(list, text)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// What it says as JSON, or the bytes that were sent for those who ask for YAML.
pub(super) async fn show(
    door: Door,
    allowed: Allowed<act::PipelineRead, Publisher>,
    call: Call,
) -> Result<Response, Problem> {
    let pipeline: PipelineId = call.params.parse("pipeline")?;
    let number: u32 = call.params.parse("version")?;
    let wants_source = wants_source(call.header("accept"));
    <()>::take(call).await?;
    let varies = (header::VARY, "accept");
    if wants_source {
        let (bytes, form) = door.pipelines.source(&allowed, &pipeline, number).await?;
        let kind = match form {
            Form::Json => "application/json",
            Form::Yaml => YAML,
        };
        return Ok(([varies, (header::CONTENT_TYPE, kind)], bytes).into_response());
    }
    let whole = door.pipelines.version(&allowed, &pipeline, number).await?;
    let told = json::PipelineVersionDetail {
        id: pipeline.to_string(),
        version: shown(&whole.version),
        is_current: whole.is_current,
        graph: graph(&whole.definition),
        definition: whole.definition.source.clone(),
    };
    Ok(([varies], Json(told)).into_response())
}

/// Whether YAML is named, and JSON is not.
fn wants_source(accept: &str) -> bool {
    let names = |kind: &str| {
        let kinds = accept.split(',').filter_map(|it| it.split(';').next());
        kinds.map(str::trim).any(|it| it.eq_ignore_ascii_case(kind))
    };
    names(YAML) && !names("application/json")
}

pub(super) async fn compare(
    door: Door,
    allowed: Allowed<act::PipelineRead, Publisher>,
    call: Queried<CompareQuery>,
) -> Result<Json<json::PipelineDiff>, Problem> {
    let CompareQuery { to } = call.query()?;
    let pipeline: PipelineId = call.params.parse("pipeline")?;
    let from: u32 = call.params.parse("version")?;
    call.end().await?;
    let found = door.pipelines.difference(&allowed, &pipeline, from, to).await?;
    let changes = found.changes.into_iter().map(|it| json::PipelineChange {
        kind: it.kind().to_owned(),
        pointer: it.pointer,
        before: it.before,
        after: it.after,
    });
    Ok(Json(json::PipelineDiff {
        id: pipeline.to_string(),
        from,
        to,
        compatible: found.incompatible_at.is_empty(),
        incompatible_at: found.incompatible_at,
        changes: changes.collect(),
        truncated: found.is_truncated,
    }))
}

fn shown(it: &Version) -> json::PipelineVersion {
    json::PipelineVersion {
        version: it.number,
        definition_sha256: it.sha256.to_string(),
        title: it.title.clone(),
        source_type: form_word(it.form).to_owned(),
        created_by: it.by.to_string(),
        created_at: it.created_at.to_string(),
    }
}
