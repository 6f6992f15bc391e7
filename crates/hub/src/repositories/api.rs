//! JSON under `/api/v1/repos`.

use std::str::FromStr;

use api::json;
use axum::{http::StatusCode, response::IntoResponse};
use names::{BranchName, Handle};
use serde::Deserialize;
use trust::{Actor, Allowed, Anything, Namespace, Visibility, act};
use web::{Fault, Json, Problem, Queried, Routes, Spec, Surface};

use super::{
    Filter, Format, FormatError, Licence, NewRepository, Repository, Sort, Start, collaborators,
    start::StartFiles,
};
use crate::{Hub, forks, life};

/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 350;
/// How many a list shows unless asked, and at most.
const PAGE: (u16, u16) = (30, 100);

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    collaborators::routes(routes)
        .get("/api/v1/repos", Surface::Api, list)
        .post("/api/v1/repos", Spec::new(Surface::Api), create)
        .get("/api/v1/repos/{owner}/{name}", Surface::Api, show)
}

/// Makes a repository: 201, or 409 when the name is taken.
async fn create(
    hub: Hub,
    allowed: Allowed<act::RepoCreate, Namespace>,
    Json(new): Json<json::NewRepository>,
) -> Result<impl IntoResponse, Problem> {
    let repository = create_as_asked(&hub, allowed, new).await?;
    let location = format!("/api/v1/repos/{}", repository.full_name());
    Ok((StatusCode::CREATED, [("location", location)], Json(json_of(&repository))))
}

/// Makes a repository in the namespace that is asked for, one's own unless another is named.
pub(crate) async fn create_as_asked(
    hub: &Hub,
    own: Allowed<act::RepoCreate, Namespace>,
    new: json::NewRepository,
) -> Result<Repository, Problem> {
    let allowed = match new.owner.as_deref() {
        None => own,
        Some(owner) => {
            let owner: Handle = owner.parse().map_err(|_| Problem::not_found())?;
            let mut tx = hub.db.glance().await?;
            let space = hub.trust.space(&mut tx, own.actor(), owner).await?;
            drop(tx);
            Allowed::ask(own.actor(), space)?
        }
    };
    let mut asked = parse(new)?;
    let start = match asked.template {
        Some(name) => {
            let template = template(hub, allowed.actor(), &name).await?;
            let format = template.resource().format;
            if asked.says_format && format != asked.new.format {
                let message = format!("{name} is kept as `{}`", format.as_str());
                let (pointer, code) = ("/template".to_owned(), "invalid");
                return Err(Problem::invalid(vec![Fault { pointer, code, message }]));
            }
            asked.new.format = format;
            Start::Template(Box::new(template))
        }
        None if asked.files.is_empty() => Start::Empty,
        None => Start::Files(asked.files),
    };
    Ok(hub.create_repository(&allowed, asked.new, (asked.licence, start)).await?)
}

/// A repository whose files others may begin with. What cannot be read is not there.
async fn template(
    hub: &Hub,
    actor: &Actor,
    full_name: &str,
) -> Result<Allowed<act::ObjectRead, Repository>, Problem> {
    let (owner, name) = full_name.split_once('/').ok_or_else(Problem::not_found)?;
    let (owner, name) = (owner.parse(), name.parse());
    let (Ok(owner), Ok(name)) = (owner, name) else { return Err(Problem::not_found()) };
    let found = match hub.repository_at(&owner, &name, actor).await {
        Ok(found) => found,
        // A former name is not one to begin from.
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => {
            return Err(Problem::not_found());
        }
        Err(problem) => return Err(problem),
    };
    let found = Allowed::<act::ObjectRead, _>::ask(actor, found)?;
    if found.resource().is_template {
        return Ok(found);
    }
    let (pointer, message) = ("/template".to_owned(), format!("{full_name} is no template"));
    Err(Problem::invalid(vec![Fault { pointer, code: "invalid", message }]))
}

/// What was asked for, where it holds.
struct Asked {
    new: NewRepository,
    /// Whether the format was asked for; else it is that of the template.
    says_format: bool,
    licence: Option<Licence>,
    template: Option<String>,
    files: StartFiles,
}

/// What was asked for, or every fault of it.
fn parse(new: json::NewRepository) -> Result<Asked, Problem> {
    let mut faults = Vec::new();
    let files = StartFiles::parse(&new.initialize.unwrap_or_default(), &mut faults);
    let mut fault = |pointer: &str, message: String| {
        faults.push(Fault { pointer: pointer.to_owned(), code: "invalid", message });
    };
    let name =
        new.name.parse().map_err(|error: names::NameError| fault("/name", error.to_string())).ok();
    let visibility = match new.visibility.as_deref() {
        None | Some("private") => Visibility::Private,
        Some("public") => Visibility::Public,
        Some(_) => {
            fault("/visibility", "visibility is `public` or `private`".to_owned());
            Visibility::Private
        }
    };
    let says_format = new.format.is_some();
    let format = new.format.as_deref().map_or(Ok(Format::Muse), str::parse);
    let format = format.map_err(|error: FormatError| fault("/format", error.to_string())).ok();
    let branch = new.default_branch.unwrap_or_else(|| "main".to_owned());
    let branch: Option<BranchName> = branch
        .parse()
        .map_err(|error: names::BranchError| fault("/default_branch", error.to_string()))
        .ok();
    let description = new.description.unwrap_or_default();
    if let Err(message) = check_description(&description) {
        fault("/description", message);
    }
    let said = new.licence.as_deref().filter(|it| !it.is_empty()).or_else(|| files.licence());
    let licence = said.map(str::parse).transpose();
    let licence = licence.map_err(|error| fault("/licence", format!("{error}"))).ok().flatten();
    if new.template.is_some() && !files.is_empty() {
        fault("/template", "a template brings the first files itself".to_owned());
    }
    match (name, branch, format) {
        (Some(name), Some(default_branch), Some(format)) if faults.is_empty() => {
            let new_one = NewRepository { name, visibility, format, description, default_branch };
            Ok(Asked { new: new_one, says_format, licence, template: new.template, files })
        }
        _ => Err(Problem::invalid(faults)),
    }
}

/// Whether it is one line that is not too long.
pub(crate) fn check_description(text: &str) -> Result<(), String> {
    if text.chars().count() > MAX_DESCRIPTION || text.contains(char::is_control) {
        return Err(format!("a description is one line of at most {MAX_DESCRIPTION} characters"));
    }
    Ok(())
}

async fn show(
    hub: Hub,
    allowed: Allowed<act::RepoRead, Repository>,
    (): (),
) -> Result<Json<json::Repository>, Problem> {
    Ok(Json(forks::shown(&hub, allowed.actor(), allowed.resource()).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    owner: Option<String>,
    /// Those about something.
    topic: Option<String>,
    /// Those that are mostly written in this language.
    language: Option<String>,
    /// Those that are had on these terms.
    licence: Option<String>,
    /// `git` or `muse`.
    format: Option<String>,
    /// `public` or `private`.
    visibility: Option<String>,
    /// `pushed` or `stars`.
    sort: Option<String>,
    /// 1: what was deleted and can be restored.
    deleted: Option<u8>,
    limit: Option<u16>,
    cursor: Option<String>,
}

impl ListQuery {
    /// What is asked for but how much and from where on, as it stands in addresses.
    fn kept(&self) -> String {
        let pairs = [
            ("owner", &self.owner),
            ("topic", &self.topic),
            ("language", &self.language),
            ("licence", &self.licence),
            ("format", &self.format),
            ("visibility", &self.visibility),
            ("sort", &self.sort),
        ];
        let said = pairs.iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        said.fold(String::new(), |kept, (name, value)| {
            kept + "&" + name + "=" + &web::look::href::segment(value)
        })
    }

    /// Which repositories are meant, but for their owner; or every word that is none.
    fn filter(&self) -> Result<Filter, Problem> {
        let mut faults = Vec::new();
        let topic = word("topic", self.topic.as_deref(), &mut faults);
        let licence = word("licence", self.licence.as_deref(), &mut faults);
        let format = word("format", self.format.as_deref(), &mut faults);
        let mut one_of = |name: &str, text: Option<&str>, words: [&str; 2]| {
            let at = words.iter().position(|it| Some(*it) == text);
            if at.is_none() && text.is_some() {
                let [one, other] = words;
                let message = format!("`{name}` is `{one}` or `{other}`");
                faults.push(Fault { pointer: format!("/{name}"), code: "invalid", message });
            }
            at
        };
        let visibility = one_of("visibility", self.visibility.as_deref(), ["public", "private"]);
        let visibility = visibility.map(|at| match at {
            0 => Visibility::Public,
            _ => Visibility::Private,
        });
        let sort = match one_of("sort", self.sort.as_deref(), ["pushed", "stars"]) {
            Some(1) => Sort::Stars,
            Some(_) | None => Sort::Pushed,
        };
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        let language = self.language.clone();
        Ok(Filter { topic, licence, language, sort, format, visibility, ..Filter::default() })
    }
}

/// A word of a query as what it should be.
fn word<T: FromStr>(name: &str, text: Option<&str>, faults: &mut Vec<Fault>) -> Option<T>
where
    T::Err: std::fmt::Display,
{
    let fault = |error: T::Err| Fault {
        pointer: format!("/{name}"),
        code: "invalid",
        message: error.to_string(),
    };
    text?.parse().map_err(|error| faults.push(fault(error))).ok()
}

async fn list(
    hub: Hub,
    allowed: Allowed<act::RepoList, Anything>,
    call: Queried<ListQuery>,
) -> Result<impl IntoResponse, Problem> {
    let query = call.query()?;
    if query.deleted == Some(1) {
        let items = list_deleted(&hub, &allowed, query.owner.as_deref()).await?;
        return Ok((None, Json(json::Page { items, next_cursor: None })));
    }
    let limit = query.limit.unwrap_or(PAGE.0).clamp(1, PAGE.1);
    let (kept, filter) = (query.kept(), query.filter()?);
    let list = format!("api/repos?{kept}");
    let after = match query.cursor.as_deref() {
        None => None,
        Some(text) => Some(hub.cursor(&list, text).ok_or_else(bad_cursor)?),
    };
    let owner = match &query.owner {
        None => None,
        Some(owner) => Some(hub.owner_of(owner).await?),
    };
    let listed = hub.list(&allowed, &Filter { owner, ..filter }, after, limit).await?;
    let next_cursor = listed.next.map(|cursor| hub.cursors.write(&list, &cursor.to_bytes()));
    let link = next_cursor.as_ref().map(|cursor| {
        [("link", format!("</api/v1/repos?limit={limit}{kept}&cursor={cursor}>; rel=\"next\""))]
    });
    let items = listed.repositories.iter().map(json_of).collect();
    Ok((link, Json(json::Page { items, next_cursor })))
}

/// What was deleted in a namespace, one's own unless another is named, as far as one may restore it.
async fn list_deleted(
    hub: &Hub,
    allowed: &Allowed<act::RepoList, Anything>,
    owner: Option<&str>,
) -> Result<Vec<json::Repository>, Problem> {
    let actor = allowed.actor();
    let owner = match (owner, actor.principal()) {
        (Some(owner), _) => hub.owner_of(owner).await?,
        (None, Some(me)) => me.id,
        (None, None) => return Err(trust::Refusal::Unauthenticated.into()),
    };
    let found = hub.deleted_repositories(actor, owner).await?;
    Ok(found.iter().map(json_of).collect())
}

fn bad_cursor() -> Problem {
    Problem::malformed("the cursor is not one that this list handed out; begin again without it")
}

impl Hub {
    /// The namespace of a handle, for filters: one that nobody has is one that owns nothing.
    async fn owner_of(&self, handle: &str) -> Result<names::Id<trust::Principal>, Problem> {
        let nobody = names::Id::from_uuid(uuid::Uuid::nil());
        let Ok(handle) = handle.parse() else { return Ok(nobody) };
        let mut tx = self.db.glance().await?;
        Ok(self.trust.namespace(&mut tx, &handle).await?.unwrap_or(nobody))
    }
}

pub(crate) fn json_of(it: &Repository) -> json::Repository {
    json::Repository {
        id: it.id.to_string(),
        owner: it.owner.to_string(),
        name: it.name.to_string(),
        full_name: it.full_name(),
        visibility: it.visibility().to_owned(),
        format: it.format.as_str().to_owned(),
        description: it.description.clone(),
        homepage: it.homepage.as_ref().map_or_else(String::new, ToString::to_string),
        topics: it.topics.words(),
        licence: it.licence.as_ref().map(|it| it.as_str().to_owned()),
        allow_forks: it.allows_forks(),
        forked_from: None,
        fork_state: it.fork.map(|it| if it.is_copying { "copying" } else { "ready" }.to_owned()),
        domain: it.domain.clone(),
        default_branch: it.default_branch.to_string(),
        size_bytes: it.size_bytes,
        object_count: it.object_count,
        commit_count: it.commit_count,
        stars: it.stars,
        watchers: it.watchers,
        training_opt_out: it.training_opt_out(),
        indexed: it.is_indexed,
        require_signed_commits: it.require_signed_commits.as_str().to_owned(),
        require_signed_refs: it.require_signed_refs,
        template: it.is_template,
        content_policy: it.content_policy().as_str().to_owned(),
        clashing_paths: it.clashing_paths.as_str().to_owned(),
        secret_protection: it.secret_protection.as_str().to_owned(),
        archived: it.resource.state == trust::ResourceState::Archived,
        created_at: it.created_at.to_string(),
        updated_at: it.updated_at.to_string(),
        pushed_at: it.pushed_at.map(|time| time.to_string()),
        deleted_at: it.deleted_at.map(|time| time.to_string()),
        restorable_until: life::restorable_until(it).map(|time| time.to_string()),
    }
}
