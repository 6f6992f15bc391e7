//! Pipelines: registered, listed, set up, archived.

use api::json;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use pipelines_core::{
    definition::{Definition, Join, Kind, Requirement, Rest, Step},
    fault::Fault,
    json::Form,
    name::PipelineId,
};
use serde::Deserialize;
use trust::{Allowed, Publisher, act};
use web::{Call, Input as _, Json, Problem, Queried};

use crate::{
    Door, Error,
    definitions::{Audience, Change, Pipeline, Registered, Sent},
    paging::{PageQuery, bad_cursor},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterQuery {
    dry_run: Option<bool>,
    activate: Option<bool>,
}

/// 201 with a new version, 200 with the one that was there before.
pub(super) async fn register(
    door: Door,
    allowed: Allowed<act::PipelineRegister, Publisher>,
    call: Queried<RegisterQuery>,
) -> Result<impl IntoResponse, Problem> {
    let RegisterQuery { dry_run, activate } = call.query()?;
    let call = call.into_call();
    let expected = call.header("if-match").to_owned();
    let kind = call.header("content-type").split(';').next().unwrap_or_default().trim();
    let is_json = kind.eq_ignore_ascii_case("application/json");
    let sent = Sent {
        form: if is_json { Form::Json } else { Form::Yaml },
        is_dry_run: dry_run.unwrap_or_default(),
        activates: activate.unwrap_or(true),
        text: call.body.bytes().await?,
    };
    let is_dry_run = sent.is_dry_run;
    let is_expected = |it: Option<&Pipeline>| match it {
        Some(pipeline) => is_tagged(&expected, pipeline),
        None => expected.is_empty(),
    };
    let made = door.pipelines.register(&allowed, sent, is_expected).await?;
    let status = if made.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let handle = &allowed.resource().organization.handle;
    let location =
        format!("/api/v1/publishers/{handle}/pipelines/{}/versions/{}", made.id, made.version);
    Ok((status, [(header::LOCATION, location)], Json(told(&made, is_dry_run))))
}

/// Whether `If-Match` names the pipeline as it is shown; it does where there is none.
fn is_tagged(expected: &str, pipeline: &Pipeline) -> bool {
    let bytes = serde_json::to_vec(&shown(pipeline)).unwrap_or_default();
    expected.is_empty() || web::is_tag_of(expected, &bytes)
}

pub(super) async fn list(
    door: Door,
    allowed: Allowed<act::PipelineRead, Publisher>,
    call: Queried<PageQuery>,
) -> Result<impl IntoResponse, Problem> {
    let query = call.query()?;
    call.end().await?;
    let limit = query.limit()?;
    let publisher = &allowed.resource().organization;
    let list = format!("pipelines/{}", publisher.id);
    let after = match query.cursor.as_deref() {
        None => None,
        Some(text) => Some(position(&door, &list, text).ok_or_else(bad_cursor)?),
    };
    let found = door.pipelines.list(&allowed, after.as_ref(), limit).await?;
    let end = found.last().filter(|_| found.len() >= limit as usize);
    let next_cursor = end.map(|it| door.cursors.write(&list, it.id.as_str().as_bytes()));
    let link = next_cursor.as_ref().map(|cursor| {
        let list = format!("/api/v1/publishers/{}/pipelines", publisher.handle);
        [(header::LINK, format!("<{list}?limit={limit}&cursor={cursor}>; rel=\"next\""))]
    });
    let items = found.iter().map(shown).collect();
    Ok((link, Json(json::PipelinePage { items, next_cursor })))
}

fn position(door: &Door, list: &str, text: &str) -> Option<PipelineId> {
    let bytes = door.cursors.read(list, text)?;
    std::str::from_utf8(&bytes).ok()?.parse().ok()
}

pub(super) async fn show(
    door: Door,
    allowed: Allowed<act::PipelineRead, Publisher>,
    call: Call,
) -> Result<Json<json::Pipeline>, Problem> {
    let pipeline = call.params.parse("pipeline")?;
    <()>::take(call).await?;
    Ok(Json(shown(&door.pipelines.show(&allowed, &pipeline).await?)))
}

pub(super) async fn change(
    door: Door,
    allowed: Allowed<act::PipelineRegister, Publisher>,
    call: web::Posted<json::ChangePipeline>,
) -> Result<Json<json::Pipeline>, Problem> {
    let pipeline = call.params.parse("pipeline")?;
    let expected = call.header("if-match").to_owned();
    let asked = call.json().await?;
    let read = |word: String| {
        word.parse::<Audience>().map_err(|message| Error::Invalid { pointer: "/audience", message })
    };
    let change = Change {
        current_version: asked.current_version,
        audience: asked.audience.map(read).transpose()?,
        is_paused: asked.paused,
    };
    let is_expected = |it: &Pipeline| is_tagged(&expected, it);
    let changed = door.pipelines.change(&allowed, &pipeline, change, is_expected).await?;
    Ok(Json(shown(&changed)))
}

pub(super) async fn archive(
    door: Door,
    allowed: Allowed<act::PipelineRegister, Publisher>,
    call: Call,
) -> Result<StatusCode, Problem> {
    let pipeline = call.params.parse("pipeline")?;
    <()>::take(call).await?;
    door.pipelines.archive(&allowed, &pipeline).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(it: &Pipeline) -> json::Pipeline {
    json::Pipeline {
        id: it.id.to_string(),
        title: it.title.clone(),
        current_version: it.current_version,
        last_version: it.last_version,
        definition_sha256: it.sha256.to_string(),
        audience: it.audience.as_str().to_owned(),
        paused: it.is_paused,
        created_at: it.created_at.to_string(),
        changed_at: it.changed_at.to_string(),
        archived_at: it.archived_at.map(|at| at.to_string()),
    }
}

fn told(it: &Registered, dry_run: bool) -> json::RegisteredPipeline {
    json::RegisteredPipeline {
        id: it.id.to_string(),
        version: it.version,
        definition_sha256: it.definition.sha256.to_string(),
        current_version: it.current_version,
        warnings: it.warnings.iter().map(warning).collect(),
        graph: graph(&it.definition),
        dry_run,
    }
}

fn warning(it: &Fault) -> json::DefinitionFault {
    json::DefinitionFault {
        pointer: it.pointer.clone(),
        code: it.code.as_str().to_owned(),
        message: it.message.clone(),
    }
}

/// The steps of a definition, and how they hang together.
pub(super) fn graph(definition: &Definition) -> json::PipelineGraph {
    json::PipelineGraph { steps: definition.steps.iter().map(node).collect() }
}

fn node(step: &Step) -> json::PipelineStep {
    let kind = match step.kind {
        Kind::Work => "work",
        Kind::Approval(_) => "approval",
    };
    let spawned = step.spawns.iter().flat_map(|it| &it.steps);
    json::PipelineStep {
        id: step.id.to_string(),
        kind: kind.to_owned(),
        title: step.title.clone(),
        scope: step.scope.iter().map(ToString::to_string).collect(),
        spawns: spawned.map(ToString::to_string).collect(),
        requires: step.requirements.iter().map(requirement).collect(),
    }
}

fn requirement(it: &Requirement) -> json::PipelineRequirement {
    let rest = match it.rest {
        Rest::Keep => "keep",
        Rest::Cancel => "cancel",
    };
    json::PipelineRequirement {
        step: it.step.to_string(),
        at_least: match it.join {
            Join::All => None,
            Join::AtLeast(number) => Some(number),
        },
        rest: rest.to_owned(),
    }
}
