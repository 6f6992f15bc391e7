//! JSON: stars, subscriptions, follows, and the lists of them.

use api::json;
use axum::{
    http::{Method, StatusCode},
    response::IntoResponse,
};
use serde::Deserialize;
use trust::{Allowed, Anything, act};
use web::{Call, Fault, Input as _, Json, Problem, Queried, Routes, Spec, Surface, look::dates};

use super::{Circle, Watch};
use crate::{
    Hub, Repository,
    contributions::Days,
    pages::Profile,
    repositories::{Filter, json_of},
};

/// Bodies of a few bytes.
const SMALL_BODY: u64 = 4 << 10;
/// How many a list shows unless asked, and at most.
const PAGE: (u16, u16) = (30, 100);
const DAY_MILLIS: i64 = 86_400_000;

pub(super) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let small = Spec::new(Surface::Api).body_bytes(SMALL_BODY);
    routes
        .on(Method::PUT, "/api/v1/repos/{owner}/{name}/star", small, star)
        .on(Method::DELETE, "/api/v1/repos/{owner}/{name}/star", small, unstar)
        .on(Method::PUT, "/api/v1/repos/{owner}/{name}/subscription", small, subscribe)
        .on(Method::DELETE, "/api/v1/repos/{owner}/{name}/subscription", small, unsubscribe)
        .get("/api/v1/repos/{owner}/{name}/stargazers", Surface::Api, stargazers)
        .get("/api/v1/repos/{owner}/{name}/watchers", Surface::Api, watchers)
        .on(Method::PUT, "/api/v1/following/{handle}", small, follow)
        .on(Method::DELETE, "/api/v1/following/{handle}", small, unfollow)
        .get("/api/v1/principals/{handle}/followers", Surface::Api, followers)
        .get("/api/v1/principals/{handle}/following", Surface::Api, following)
        .get("/api/v1/principals/{handle}/starred", Surface::Api, starred)
        .get("/api/v1/principals/{handle}/heatmap", Surface::Api, heatmap)
}

async fn star(
    hub: Hub,
    allowed: Allowed<act::StarSet, Repository>,
    (): (),
) -> Result<StatusCode, Problem> {
    hub.set_star(&allowed, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn unstar(
    hub: Hub,
    allowed: Allowed<act::StarSet, Repository>,
    (): (),
) -> Result<StatusCode, Problem> {
    hub.set_star(&allowed, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn subscribe(
    hub: Hub,
    allowed: Allowed<act::WatchSet, Repository>,
    Json(asked): Json<json::Subscription>,
) -> Result<StatusCode, Problem> {
    let level: Watch = asked.level.parse().map_err(|message| {
        let pointer = "/level".to_owned();
        Problem::invalid(vec![Fault { pointer, code: "invalid", message }])
    })?;
    hub.set_watch(&allowed, level).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn unsubscribe(
    hub: Hub,
    allowed: Allowed<act::WatchSet, Repository>,
    (): (),
) -> Result<StatusCode, Problem> {
    hub.set_watch(&allowed, Watch::Participating).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn follow(
    hub: Hub,
    allowed: Allowed<act::FollowSet, Anything>,
    call: Call,
) -> Result<StatusCode, Problem> {
    set_follow(&hub, &allowed, call, true).await
}

async fn unfollow(
    hub: Hub,
    allowed: Allowed<act::FollowSet, Anything>,
    call: Call,
) -> Result<StatusCode, Problem> {
    set_follow(&hub, &allowed, call, false).await
}

async fn set_follow(
    hub: &Hub,
    allowed: &Allowed<act::FollowSet, Anything>,
    call: Call,
    is_set: bool,
) -> Result<StatusCode, Problem> {
    let handle = call.params.parse("handle")?;
    <()>::take(call).await?;
    let mut tx = hub.db.glance().await?;
    let whom = hub.trust.principal(&mut tx, &handle).await?.ok_or_else(Problem::not_found)?;
    drop(tx);
    hub.set_follow(allowed, &whom, is_set).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    limit: Option<u16>,
    cursor: Option<String>,
}

fn bad_cursor() -> Problem {
    Problem::malformed("the cursor is not one of this list; begin again without it")
}

async fn stargazers(
    hub: Hub,
    allowed: Allowed<act::ActivityRead, Repository>,
    call: Queried<Asked>,
) -> Result<impl IntoResponse, Problem> {
    people(&hub, Circle::Stargazers(allowed.resource().id), call).await
}

async fn watchers(
    hub: Hub,
    allowed: Allowed<act::ActivityRead, Repository>,
    call: Queried<Asked>,
) -> Result<impl IntoResponse, Problem> {
    people(&hub, Circle::Watchers(allowed.resource().id), call).await
}

async fn followers(
    hub: Hub,
    allowed: Allowed<act::PrincipalRead, Profile>,
    call: Queried<Asked>,
) -> Result<impl IntoResponse, Problem> {
    people(&hub, Circle::Followers(allowed.resource().0.id), call).await
}

async fn following(
    hub: Hub,
    allowed: Allowed<act::PrincipalRead, Profile>,
    call: Queried<Asked>,
) -> Result<impl IntoResponse, Problem> {
    people(&hub, Circle::Following(allowed.resource().0.id), call).await
}

async fn people(
    hub: &Hub,
    of: Circle,
    call: Queried<Asked>,
) -> Result<impl IntoResponse + use<>, Problem> {
    let asked = call.query()?;
    let limit = asked.limit.unwrap_or(PAGE.0).clamp(1, PAGE.1);
    let list = call.uri.path().to_owned();
    let after = match asked.cursor.as_deref() {
        None => None,
        Some(text) => Some(hub.crowd_cursor(&list, text).ok_or_else(bad_cursor)?),
    };
    let mut tx = hub.db.glance().await?;
    let crowd = hub.crowd(&mut tx, of, (after.as_deref(), limit.into())).await?;
    let next_cursor = crowd.next.map(|it| hub.cursors.write(&list, it.as_bytes()));
    let link = next_cursor
        .as_ref()
        .map(|cursor| [("link", format!("<{list}?limit={limit}&cursor={cursor}>; rel=\"next\""))]);
    let shown = |it: super::Somebody| json::Somebody {
        handle: it.handle,
        kind: it.kind,
        since: it.since.to_string(),
        level: it.level,
    };
    let items = crowd.people.into_iter().map(shown).collect();
    Ok((link, Json(json::Page { items, next_cursor })))
}

async fn starred(
    hub: Hub,
    allowed: Allowed<act::PrincipalRead, Profile>,
    call: Queried<Asked>,
) -> Result<impl IntoResponse, Problem> {
    let asked = call.query()?;
    let limit = asked.limit.unwrap_or(PAGE.0).clamp(1, PAGE.1);
    let list = call.uri.path().to_owned();
    let after = match asked.cursor.as_deref() {
        None => None,
        Some(text) => Some(hub.cursor(&list, text).ok_or_else(bad_cursor)?),
    };
    let filter = Filter { starred_by: Some(allowed.resource().0.id), ..Filter::default() };
    let may_list = Allowed::<act::RepoList, _>::ask(allowed.actor(), Anything)?;
    let listed = hub.list(&may_list, &filter, after, limit).await?;
    let next_cursor = listed.next.map(|it| hub.cursors.write(&list, &it.to_bytes()));
    let link = next_cursor
        .as_ref()
        .map(|cursor| [("link", format!("<{list}?limit={limit}&cursor={cursor}>; rel=\"next\""))]);
    let items = listed.repositories.iter().map(json_of).collect();
    Ok((link, Json(json::Page { items, next_cursor })))
}

async fn heatmap(
    hub: Hub,
    allowed: Allowed<act::PrincipalRead, Profile>,
    (): (),
) -> Result<Json<json::Heatmap>, Problem> {
    let mut tx = hub.db.read().await?;
    let days = hub.days_of(&mut tx, allowed.actor(), allowed.resource().0.id).await?;
    let Days { first, last, own, by_agents } = days;
    let date = |day: i64| dates::date(names::UnixMillis(day * DAY_MILLIS));
    let shown = |map: std::collections::BTreeMap<i64, u64>| {
        let day = |(day, count): (i64, u64)| {
            let level = web::look::charts::Steps::OF_PEOPLE.level(count);
            json::HeatDay { date: date(day), count, level }
        };
        map.into_iter().map(day).collect()
    };
    Ok(Json(json::Heatmap {
        from: date(first),
        to: date(last),
        own: shown(own),
        by_agents: shown(by_agents),
    }))
}
