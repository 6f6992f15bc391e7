//! Schedules.

use api::json;
use pipelines_core::name::PipelineId;
use trust::{Allowed, Publisher, act};
use web::{Call, Input as _, Json, Posted, Problem};

use crate::{
    Door,
    definitions::schedules::{Scheduled, missed_word},
};

pub(super) async fn list(
    door: Door,
    allowed: Allowed<act::PipelineRead, Publisher>,
    call: Call,
) -> Result<Json<json::PipelineSchedulePage>, Problem> {
    let pipeline: PipelineId = call.params.parse("pipeline")?;
    <()>::take(call).await?;
    let found = door.pipelines.schedules(&allowed, &pipeline).await?;
    let items = found.iter().map(shown).collect();
    Ok(Json(json::PipelineSchedulePage { items, next_cursor: None }))
}

pub(super) async fn change(
    door: Door,
    allowed: Allowed<act::PipelineRegister, Publisher>,
    call: Posted<json::ChangePipelineSchedule>,
) -> Result<Json<json::PipelineSchedule>, Problem> {
    let pipeline: PipelineId = call.params.parse("pipeline")?;
    let name = call.params.text("schedule").to_owned();
    let asked = call.json().await?;
    let changed = door.pipelines.pause_schedule(&allowed, &pipeline, &name, asked.paused).await?;
    Ok(Json(shown(&changed)))
}

fn shown(it: &Scheduled) -> json::PipelineSchedule {
    let fires = it.fires();
    json::PipelineSchedule {
        name: it.name.clone(),
        cron: it.cron.clone(),
        time_zone: it.zone.clone(),
        missed: missed_word(it.missed).to_owned(),
        paused: it.is_paused,
        failures: it.failures,
        next_at: fires.first().map(ToString::to_string),
        next_fires: fires.iter().map(ToString::to_string).collect(),
        last_run: it.last_run.map(|it| it.to_string()),
    }
}
