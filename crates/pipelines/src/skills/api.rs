//! JSON under `/api/v1/publishers/{publisher}/skills` (`spec/work.md` 6, 10).

use api::json;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, header};
use names::Handle;
use trust::{Allowed, Bearers, Publisher, act};
use web::{Call, Input as _, Json, Posted, Problem, Queried, Routes, Spec, Surface};

use super::{File, Skill};
use crate::{
    Door,
    paging::{PageQuery, bad_cursor},
};

/// The largest bundle as it is sent: 4 MiB of bytes in base64 and JSON.
const BUNDLE_BYTES: u64 = 10 << 20;
/// Bodies of a few words.
const SMALL_BYTES: u64 = 64 << 10;

/// What a file of a bundle is sent as: nothing in it is a page of this install.
pub(crate) const FILE: &[&str] = &[TEXT, OTHER];
const TEXT: &str = "text/plain; charset=utf-8";
const OTHER: &str = "application/octet-stream";

/// The routes of skills.
pub(crate) fn routes(routes: Routes<Door>) -> Routes<Door> {
    let read = Spec::new(Surface::Api).bearers(Bearers::Publisher);
    let small = read.body_bytes(SMALL_BYTES);
    let file = read.answers(FILE);
    routes
        .post("/api/v1/publishers/{publisher}/skills", read.body_bytes(BUNDLE_BYTES), add)
        .get("/api/v1/publishers/{publisher}/skills", read, list)
        .get("/api/v1/publishers/{publisher}/skills/{skill}/{version}", read, show)
        .on(
            Method::DELETE,
            "/api/v1/publishers/{publisher}/skills/{skill}/{version}",
            small,
            deprecate,
        )
        .get(
            "/api/v1/publishers/{publisher}/skills/{skill}/{version}/files/{*path}",
            file,
            show_file,
        )
}

/// 201 with a new version, 200 with one that was there.
async fn add(
    door: Door,
    allowed: Allowed<act::SkillWrite, Publisher>,
    call: Posted<json::NewSkill>,
) -> Result<impl IntoResponse, Problem> {
    let new = call.json().await?;
    let (skill, is_new) = door.pipelines.add_skill(&allowed, new).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let handle = &allowed.resource().organization.handle;
    let (name, version) = (&skill.name, &skill.version);
    let location = format!("/api/v1/publishers/{handle}/skills/{name}/{version}");
    Ok((status, [(header::LOCATION, location)], Json(shown(&skill, handle))))
}

async fn list(
    door: Door,
    allowed: Allowed<act::SkillRead, Publisher>,
    call: Queried<PageQuery>,
) -> Result<impl IntoResponse, Problem> {
    let query = call.query()?;
    call.end().await?;
    let limit = query.limit()?;
    let publisher = &allowed.resource().organization;
    let list = format!("skills/{}", publisher.id);
    let after = match query.cursor.as_deref() {
        None => None,
        Some(text) => Some(position(&door, &list, text).ok_or_else(bad_cursor)?),
    };
    let after = after.as_ref().map(|(name, ordinal)| (name.as_str(), *ordinal));
    let found = door.pipelines.skills(&allowed, after, limit).await?;
    let end = found.last().filter(|_| found.len() >= limit as usize);
    let next_cursor = end.map(|it| {
        door.cursors.write(&list, &[&it.ordinal.to_be_bytes()[..], it.name.as_bytes()].concat())
    });
    let link = next_cursor.as_ref().map(|cursor| {
        let list = format!("/api/v1/publishers/{}/skills", publisher.handle);
        [(header::LINK, format!("<{list}?limit={limit}&cursor={cursor}>; rel=\"next\""))]
    });
    let items = found.iter().map(|it| shown(it, &publisher.handle)).collect();
    Ok((link, Json(json::SkillPage { items, next_cursor })))
}

fn position(door: &Door, list: &str, text: &str) -> Option<(String, u32)> {
    let bytes = door.cursors.read(list, text)?;
    let (ordinal, name) = bytes.split_first_chunk::<4>()?;
    Some((std::str::from_utf8(name).ok()?.to_owned(), u32::from_be_bytes(*ordinal)))
}

async fn show(
    door: Door,
    allowed: Allowed<act::SkillRead, Publisher>,
    call: Call,
) -> Result<Json<json::SkillDetail>, Problem> {
    let params = call.params.clone();
    <()>::take(call).await?;
    let (name, version) = (params.text("skill"), params.text("version"));
    let (skill, files) = door.pipelines.skill(&allowed, name, version).await?;
    Ok(Json(whole(&skill, files, &allowed.resource().organization.handle)))
}

/// A version, and what is in it.
pub(crate) fn whole(skill: &Skill, files: Vec<File>, publisher: &Handle) -> json::SkillDetail {
    let files = files.into_iter().map(|File { path, size, sha256 }| json::SkillFile {
        path,
        size,
        sha256: sha256.to_string(),
    });
    json::SkillDetail { skill: shown(skill, publisher), files: files.collect() }
}

async fn show_file(
    door: Door,
    allowed: Allowed<act::SkillRead, Publisher>,
    call: Call,
) -> Result<Response, Problem> {
    let params = call.params.clone();
    <()>::take(call).await?;
    let key = (params.text("skill"), params.text("version"));
    let bytes = door.pipelines.skill_file(&allowed, key, params.text("path")).await?;
    Ok(sent(bytes))
}

/// Bytes of a file: as text if they are some.
pub(crate) fn sent(bytes: Vec<u8>) -> Response {
    let kind = if std::str::from_utf8(&bytes).is_ok() { TEXT } else { OTHER };
    ([(header::CONTENT_TYPE, kind)], bytes).into_response()
}

async fn deprecate(
    door: Door,
    allowed: Allowed<act::SkillWrite, Publisher>,
    call: Call,
) -> Result<StatusCode, Problem> {
    let params = call.params.clone();
    <()>::take(call).await?;
    let key = (params.text("skill"), params.text("version"));
    door.pipelines.deprecate_skill(&allowed, key).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(it: &Skill, publisher: &Handle) -> json::Skill {
    json::Skill {
        name: it.name.clone(),
        version: it.version.clone(),
        sha256: it.sha256.to_string(),
        reference: it.reference(publisher),
        description: it.description.clone(),
        public: it.is_public,
        created_at: it.created_at.to_string(),
        deprecated_at: it.deprecated_at.map(|at| at.to_string()),
    }
}
