//! Agents of a person or an organization.

use api::json;
use axum::{
    http::{Method, StatusCode},
    response::IntoResponse,
};
use trust::{Account, Agent, AgentChange, Allowed, NewAgent, ProfileChange, Trust, act};
use web::{Json, Problem, Routes, Spec, Surface};

use super::{field, profile, tokens::scope};

pub(super) fn routes(routes: Routes<Trust>, small: Spec) -> Routes<Trust> {
    let with_picture = Spec::new(Surface::Api).body_bytes(profile::PICTURE_BODY);
    routes
        .get("/api/v1/agents", Surface::Api, list)
        .post("/api/v1/agents", small, create)
        .get("/api/v1/orgs/{handle}/agents", Surface::Api, list)
        .post("/api/v1/orgs/{handle}/agents", small, create)
        .on(Method::PATCH, "/api/v1/agents/{handle}", with_picture, change)
        .post("/api/v1/agents/{handle}/disable", small, disable)
}

async fn list(
    trust: Trust,
    allowed: Allowed<act::AgentRead, Account>,
    (): (),
) -> Result<Json<json::AgentPage>, Problem> {
    let items = trust.agents(&allowed).await?.iter().map(json_of).collect();
    Ok(Json(json::AgentPage { items, next_cursor: None }))
}

async fn create(
    trust: Trust,
    allowed: Allowed<act::AgentCreate, Account>,
    Json(asked): Json<json::NewAgent>,
) -> Result<impl IntoResponse, Problem> {
    let new = NewAgent {
        handle: field("/handle", &asked.handle)?,
        model: asked.model,
        capabilities: asked.capabilities,
        scope: asked.scope.map(scope).transpose()?,
    };
    let made = trust.create_agent(&allowed, new).await?;
    Ok((StatusCode::CREATED, Json(json_of(&made))))
}

async fn change(
    trust: Trust,
    allowed: Allowed<act::AgentUpdate, Account>,
    Json(asked): Json<json::ChangeAgent>,
) -> Result<impl IntoResponse, Problem> {
    let json::ChangeAgent { display_name, bio, website_url, avatar, .. } = asked;
    let avatar = profile::taken(&trust, avatar).await?;
    let change = AgentChange {
        model: asked.model,
        capabilities: asked.capabilities,
        scope: asked.scope.map(scope).transpose()?,
        profile: ProfileChange { display_name, bio, website_url, email: None, avatar },
    };
    trust.update_agent(&allowed, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn disable(
    trust: Trust,
    allowed: Allowed<act::AgentDisable, Account>,
    (): (),
) -> Result<impl IntoResponse, Problem> {
    trust.disable_agent(&allowed).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn json_of(it: &Agent) -> json::Agent {
    json::Agent {
        id: it.id.to_string(),
        handle: it.handle.to_string(),
        model: it.model.clone(),
        capabilities: it.capabilities.clone(),
        scope: serde_json::to_value(&it.scope).unwrap_or_default(),
        created_at: it.created_at.to_string(),
        disabled_at: it.disabled_at.map(|at| at.to_string()),
    }
}
