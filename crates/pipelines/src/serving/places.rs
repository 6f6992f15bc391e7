//! What routes act on. A run, and everything in it, belongs to its publisher, and is there for whoever may see that; a
//! claim is there for its holder alone.

use names::{Handle, Id};
use pipelines_core::{
    machine::Refusal as Refused,
    name::{Address, AgentId, ClaimId, PipelineId, RunId},
};
use trust::{
    Actor, Granted, Level, Principal, Publisher, Resource, ResourceState, Trust, Visibility,
    authority::Facts,
};
use web::{Load, Params, Problem};

use super::store;
use crate::{
    Door,
    engine::{NotDone, heads::TaskId},
};

/// The handle that stands for a publisher where there is none: whether a run is missing or hidden, the same is looked up.
const NOBODY: &str = "nobody";

/// A publisher, as whoever asks stands to its runs.
pub(super) async fn publisher(
    door: &Door,
    actor: &Actor,
    name: &Handle,
) -> Result<Publisher, Problem> {
    let trust: &Trust = door.as_ref();
    let found = trust.publisher(actor, Some(name)).await?;
    // An agent sees what it is given, and no run.
    let found = found.filter(|_| actor.behind().is_none());
    Ok(found.ok_or_else(Problem::not_found)?.of_runs(actor))
}

async fn hidden<T>(door: &Door, actor: &Actor) -> Result<T, Problem> {
    let name = NOBODY.parse().map_err(|_| Problem::not_found())?;
    publisher(door, actor, &name).await?;
    Err(Problem::not_found())
}

/// A pipeline, as far as runs are begun in it.
#[derive(Debug, Clone)]
pub(crate) struct PlaceOfRuns {
    pub(crate) publisher: Publisher,
    pub(crate) pipeline: PipelineId,
}

impl Resource for PlaceOfRuns {
    fn facts(&self) -> Facts<'_> {
        self.publisher.facts()
    }
}

impl Load<Door> for PlaceOfRuns {
    async fn load(door: &Door, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        let found = Publisher::load(door, params, actor).await?;
        if actor.behind().is_some() {
            return Err(Problem::not_found());
        }
        let pipeline = params.parse("pipeline")?;
        Ok(Self { publisher: found.of_runs(actor), pipeline })
    }
}

/// A run.
#[derive(Debug, Clone)]
pub(crate) struct RunPlace {
    pub(crate) publisher: Publisher,
    pub(crate) run: RunId,
    pub(crate) pipeline: PipelineId,
}

impl Resource for RunPlace {
    fn facts(&self) -> Facts<'_> {
        self.publisher.facts()
    }
}

impl Load<Door> for RunPlace {
    async fn load(door: &Door, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        Self::of(door, actor, params.parse("run")?).await
    }
}

impl RunPlace {
    /// The run of that name, as whoever asks stands to it.
    pub(super) async fn of(door: &Door, actor: &Actor, run: RunId) -> Result<Self, Problem> {
        let found = store::place(&mut door.db().glance().await?, run).await?;
        let Some(place) = found else { return hidden(door, actor).await };
        let publisher = publisher(door, actor, &place.publisher).await?;
        if !actor.may_run(place.pipeline.as_str()) {
            return Err(Problem::not_found());
        }
        Ok(Self { publisher, run, pipeline: place.pipeline })
    }
}

/// A task of a run.
#[derive(Debug, Clone)]
pub(crate) struct TaskPlace {
    pub(crate) publisher: Publisher,
    pub(crate) task: TaskId,
    pub(crate) run: RunId,
    pub(crate) address: Address,
    pub(crate) generation: u32,
}

impl Resource for TaskPlace {
    fn facts(&self) -> Facts<'_> {
        self.publisher.facts()
    }
}

impl Load<Door> for TaskPlace {
    async fn load(door: &Door, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        let task: TaskId = params.parse("task")?;
        let found = store::place_of_task(&mut door.db().glance().await?, task).await?;
        let Some(place) = found else { return hidden(door, actor).await };
        let publisher = publisher(door, actor, &place.publisher).await?;
        if !actor.may_run(place.pipeline.as_str()) {
            return Err(Problem::not_found());
        }
        let store::PlaceOfTask { run, address, generation, .. } = place;
        Ok(Self { publisher, task, run, address, generation })
    }
}

/// A claim. To everybody but its holder it is not there.
#[derive(Debug, Clone)]
pub(crate) struct ClaimPlace {
    pub(super) claim: ClaimId,
    pub(crate) run: RunId,
    pub(super) agent: AgentId,
    fence: u64,
    is_held: bool,
}

impl ClaimPlace {
    /// Refuses a fence that is not the claim's.
    pub(super) fn check_fence(&self, fence: Option<u64>) -> Result<(), Problem> {
        match fence {
            Some(fence) if fence != self.fence => {
                let phase = pipelines_core::machine::ClaimPhase::Cancelled;
                Err(NotDone::Refused(Refused::ClaimLost(phase)).into())
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Resource for ClaimPlace {
    fn facts(&self) -> Facts<'_> {
        let level = if self.is_held { Level::Owner } else { Level::None };
        Facts {
            owner: None,
            visibility: Visibility::Private,
            state: Some(ResourceState::Live),
            granted: Granted { own: level, behind: level },
            path: None,
        }
    }
}

impl Load<Door> for ClaimPlace {
    async fn load(door: &Door, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        let claim: ClaimId = params.parse("claim")?;
        let found = store::claim(&mut door.db().glance().await?, claim).await?;
        let (run, agent, fence) = found.ok_or_else(Problem::not_found)?;
        let is_held = actor.principal().is_some_and(|it| it.id.uuid() == agent.uuid());
        Ok(Self { claim, run, agent, fence, is_held })
    }
}

/// The principal that acts: every route here has one.
pub(crate) fn principal(actor: &Actor) -> Result<Id<Principal>, Problem> {
    let principal = actor.principal().ok_or(trust::Refusal::Unauthenticated)?;
    Ok(principal.id)
}
