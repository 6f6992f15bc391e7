//! JSON: a repository is changed, archived, deleted, restored, removed for good.

use api::json;
use axum::{
    http::{Method, StatusCode, header},
    response::IntoResponse,
};
use names::RepositoryName;
use trust::{Allowed, Visibility, act};
use web::{Fault, Json, Posted, Problem, Routes, Spec, Surface};

use super::{Changes, Deleted, HomepageChange, LicenceChange};
use crate::{
    Hub, Repository, Topics,
    repositories::{check_description, json_of},
};

const ONE: &str = "/api/v1/repos/{owner}/{name}";
/// Bodies of a few texts.
const SMALL_BODY: u64 = 16 << 10;

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let small = Spec::new(Surface::Api).body_bytes(SMALL_BODY);
    routes
        .on(Method::PATCH, ONE, small, change)
        .on(Method::DELETE, ONE, small, delete)
        .post("/api/v1/repos/{owner}/{name}/archive", small, archive)
        .post("/api/v1/repos/{owner}/{name}/unarchive", small, unarchive)
        .post("/api/v1/repos/{owner}/{name}/restore", small, restore)
        .post("/api/v1/repos/{owner}/{name}/purge", small, purge)
}

async fn change(
    hub: Hub,
    allowed: Allowed<act::RepoUpdate, Repository>,
    call: Posted<json::RepositoryChanges>,
) -> Result<Json<json::Repository>, Problem> {
    let expected = call.header("if-match").to_owned();
    let asked = call.json().await?;
    let changes = parse(asked, allowed.resource())?;
    let forked_from = hub.source_of(allowed.actor(), allowed.resource()).await?;
    let is_expected =
        |it: &Repository| expected.is_empty() || matches(&expected, it, forked_from.clone());
    let after = hub.change_repository(&allowed, changes, is_expected).await?;
    Ok(Json(json::Repository { forked_from, ..json_of(&after) }))
}

/// The same for a page, which shows what is there when it is sent.
pub(crate) async fn change_as_asked(
    hub: &Hub,
    allowed: &Allowed<act::RepoUpdate, Repository>,
    asked: json::RepositoryChanges,
) -> Result<Repository, Problem> {
    let changes = parse(asked, allowed.resource())?;
    Ok(hub.change_repository(allowed, changes, |_| true).await?)
}

/// Whether one of the tags in `If-Match` is that of the repository as `GET` shows it.
fn matches(expected: &str, it: &Repository, forked_from: Option<String>) -> bool {
    let shown = json::Repository { forked_from, ..json_of(it) };
    let shown = serde_json::to_vec(&shown).unwrap_or_default();
    web::is_tag_of(expected, &shown)
}

/// What a repository takes and allows.
fn rules(asked: &json::RepositoryChanges, fault: &mut impl FnMut(&str, String)) -> Changes {
    let mut changes = Changes {
        says_forks: asked.allow_forks,
        says_no_training: asked.training_opt_out,
        require_signed_refs: asked.require_signed_refs,
        is_indexed: asked.indexed,
        is_template: asked.template,
        ..Changes::default()
    };
    if let Some(required) = &asked.require_signed_commits {
        let parsed = required.parse();
        changes.require_signed_commits =
            parsed.map_err(|error: &str| fault("/require_signed_commits", error.to_owned())).ok();
    }
    if let Some(policy) = &asked.content_policy {
        let parsed = policy.parse();
        changes.says_content =
            parsed.map_err(|error: &str| fault("/content_policy", error.to_owned())).ok();
    }
    if let Some(paths) = &asked.clashing_paths {
        let parsed = paths.parse();
        changes.clashing_paths =
            parsed.map_err(|error: &str| fault("/clashing_paths", error.to_owned())).ok();
    }
    if let Some(protection) = &asked.secret_protection {
        let parsed = protection.parse();
        changes.secret_protection =
            parsed.map_err(|error: &str| fault("/secret_protection", error.to_owned())).ok();
    }
    changes
}

/// What was asked for, or every fault of it.
fn parse(asked: json::RepositoryChanges, of: &Repository) -> Result<Changes, Problem> {
    let mut faults = Vec::new();
    let mut fault = |pointer: &str, message: String| {
        faults.push(Fault { pointer: pointer.to_owned(), code: "invalid", message });
    };
    let mut changes = rules(&asked, &mut fault);
    if let Some(words) = asked.topics {
        let topics = Topics::parse(words.iter().map(String::as_str));
        changes.topics = topics.map_err(|error| fault("/topics", error.to_string())).ok();
    }
    match asked.licence.as_deref() {
        None => {}
        Some("") => changes.licence = Some(LicenceChange::Remove),
        Some(text) => match text.parse() {
            Ok(licence) => changes.licence = Some(LicenceChange::Set(licence)),
            Err(error) => fault("/licence", format!("{error}")),
        },
    }
    if let Some(name) = asked.name {
        changes.name =
            name.parse().map_err(|error: names::NameError| fault("/name", error.to_string())).ok();
    }
    if let Some(branch) = asked.default_branch {
        let parsed = branch.parse();
        changes.default_branch = parsed
            .map_err(|error: names::BranchError| fault("/default_branch", error.to_string()))
            .ok();
    }
    if let Some(description) = asked.description {
        if let Err(message) = check_description(&description) {
            fault("/description", message);
        }
        changes.description = Some(description);
    }
    match asked.homepage.as_deref() {
        None => {}
        Some("") => changes.homepage = Some(HomepageChange::Remove),
        Some(text) => match text.parse() {
            Ok(homepage) => changes.homepage = Some(HomepageChange::Set(homepage)),
            Err(error) => fault("/homepage", format!("{error}")),
        },
    }
    match asked.visibility.as_deref() {
        None => {}
        Some("private") => changes.visibility = Some(Visibility::Private),
        Some("public") => {
            let is_new = of.resource.visibility != Visibility::Public;
            if is_new && asked.confirm.as_deref() != Some(of.full_name().as_str()) {
                let message = format!(
                    "everybody will see the whole history; to confirm, give the name: {}",
                    of.full_name()
                );
                fault("/confirm", message);
            }
            changes.visibility = Some(Visibility::Public);
        }
        Some(_) => fault("/visibility", "visibility is `public` or `private`".to_owned()),
    }
    if faults.is_empty() { Ok(changes) } else { Err(Problem::invalid(faults)) }
}

async fn archive(
    hub: Hub,
    allowed: Allowed<act::RepoArchive, Repository>,
    (): (),
) -> Result<Json<json::Repository>, Problem> {
    Ok(Json(json_of(&hub.set_archived(&allowed, true).await?)))
}

async fn unarchive(
    hub: Hub,
    allowed: Allowed<act::RepoArchive, Repository>,
    (): (),
) -> Result<Json<json::Repository>, Problem> {
    Ok(Json(json_of(&hub.set_archived(&allowed, false).await?)))
}

async fn delete(
    hub: Hub,
    allowed: Allowed<act::RepoDelete, Repository>,
    Json(asked): Json<json::Confirm>,
) -> Result<impl IntoResponse, Problem> {
    check_confirmed(&asked.confirm, allowed.resource())?;
    hub.delete_repository(&allowed).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What cannot be taken back easily is asked for with its name.
pub(crate) fn check_confirmed(confirm: &str, it: &Repository) -> Result<(), Problem> {
    if confirm == it.full_name() {
        return Ok(());
    }
    let message = format!("to confirm, give the name: {}", it.full_name());
    Err(Problem::invalid(vec![Fault { pointer: "/confirm".to_owned(), code: "invalid", message }]))
}

async fn restore(
    hub: Hub,
    allowed: Allowed<act::RepoRestore, Deleted>,
    Json(asked): Json<json::Restored>,
) -> Result<impl IntoResponse, Problem> {
    let restored = restore_as(&hub, &allowed, asked.name.as_deref()).await?;
    let location = format!("/api/v1/repos/{}", restored.full_name());
    Ok(([(header::LOCATION, location)], Json(json_of(&restored))))
}

/// Under another name, if one is asked for.
pub(crate) async fn restore_as(
    hub: &Hub,
    allowed: &Allowed<act::RepoRestore, Deleted>,
    name: Option<&str>,
) -> Result<Repository, Problem> {
    let name: Option<RepositoryName> = name.map(str::parse).transpose().map_err(|error| {
        let message = format!("{error}");
        let fault = Fault { pointer: "/name".to_owned(), code: "invalid", message };
        Problem::invalid(vec![fault])
    })?;
    Ok(hub.restore_repository(allowed, name).await?)
}

async fn purge(
    hub: Hub,
    allowed: Allowed<act::RepoPurge, Deleted>,
    Json(asked): Json<json::Confirm>,
) -> Result<impl IntoResponse, Problem> {
    check_confirmed(&asked.confirm, &allowed.resource().0)?;
    hub.purge_repository(&allowed).await?;
    Ok((StatusCode::ACCEPTED, Json(serde_json::json!({ "status": "accepted" }))))
}
