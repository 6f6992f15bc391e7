//! The holder of a live claim reads the skills that its task names (`spec/work.md` 10). To everybody else, and whatever is
//! not named, they are not there.

use api::json;
use axum::response::Response;
use names::Handle;
use pipelines_core::machine::What;
use trust::{Allowed, act};
use web::{Call, Input as _, Json, Params, Problem};

use super::Scene;
use crate::{Door, engine::Said, serving::places::ClaimPlace, skills::api as bundles};

/// A skill that a task names.
struct Named<'p> {
    publisher: Handle,
    name: &'p str,
    version: &'p str,
    /// As the definition has it.
    reference: String,
}

/// The skill of an address, if the task of the claim names it.
async fn named<'p>(
    door: &Door,
    place: &ClaimPlace,
    params: &'p Params,
) -> Result<Named<'p>, Problem> {
    let publisher: Handle = params.parse("publisher")?;
    let (name, version) = (params.text("skill"), params.text("version"));
    let wanted = format!("{publisher}/{name}@{version}#");
    let scene = Scene::of(door, place).await?;
    let own = scene.step().map(|step| &step.skills);
    let mut all = scene.definition.skills.iter().chain(own.into_iter().flatten());
    let reference = all.find(|it| it.starts_with(&wanted)).ok_or_else(Problem::not_found)?;
    Ok(Named { publisher, name, version, reference: reference.clone() })
}

/// What is in it.
pub(in crate::serving) async fn show(
    door: Door,
    allowed: Allowed<act::ClaimRead, ClaimPlace>,
    call: Call,
) -> Result<Json<json::SkillDetail>, Problem> {
    let params = call.params.clone();
    <()>::take(call).await?;
    let it = named(&door, allowed.resource(), &params).await?;
    let key = (it.name, it.version);
    let (skill, files) = door.pipelines.named_skill(&it.publisher, key).await?;
    Ok(Json(bundles::whole(&skill, files, &it.publisher)))
}

/// One of its files. That it was read stands in the timeline before anything of it is sent.
pub(in crate::serving) async fn show_file(
    door: Door,
    allowed: Allowed<act::ClaimRead, ClaimPlace>,
    call: Call,
) -> Result<Response, Problem> {
    let params = call.params.clone();
    <()>::take(call).await?;
    let (place, path) = (allowed.resource(), params.text("path"));
    let it = named(&door, place, &params).await?;
    let key = (it.name, it.version);
    let bytes = door.pipelines.named_skill_file(&it.publisher, key, path).await?;
    let (claim, agent, skill) = (place.claim, place.agent, it.reference);
    let what = What::ReadSkill { claim, agent, skill, path: path.to_owned() };
    let said = Said { claim: Some(claim), ..Said::default() };
    door.pipelines.0.engine.happen(place.run, what, allowed.actor(), said).await?;
    Ok(bundles::sent(bytes))
}
