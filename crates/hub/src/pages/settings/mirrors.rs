//! `settings/mirrors`: other servers that a repository follows, that follow it, and from which it is filled.

use api::json;
use axum::response::Response;
use serde::Deserialize;
use trust::{Allowed, act};
use web::{
    Call, Form, Input as _, Problem, Routes, Spec, Surface,
    look::{Layout, When},
};

use super::{Faults, Tab, address, again, frame, head, layout, lead_to};
use crate::{
    Format, Hub, Repository,
    imports::{self, Import},
    mirrors::{self, Direction, EVERY_MINUTES, Mirror, State},
    views::mirrors::{Changed, ImportRow, MirrorRow, MirrorsPage},
};

const HERE: &str = "/{owner}/{name}/settings/mirrors";
const RUN: &str = "/{owner}/{name}/settings/mirrors/{mirror}/run";
const CHANGE: &str = "/{owner}/{name}/settings/mirrors/{mirror}/change";
const REMOVE: &str = "/{owner}/{name}/settings/mirrors/{mirror}/remove";
const IMPORT: &str = "/{owner}/{name}/settings/import";
const CANCEL: &str = "/{owner}/{name}/settings/import/cancel";

pub(super) fn routes(routes: Routes<Hub>, form: Spec) -> Routes<Hub> {
    routes
        .get(HERE, Surface::Page, show)
        .post(HERE, form, add)
        .post(RUN, form, run)
        .post(CHANGE, form, change)
        .post(REMOVE, form, remove)
        .post(IMPORT, form, import)
        .post(CANCEL, form, cancel)
}

/// What stands in the form of a new one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    direction: String,
    url: String,
    refs: String,
    every_minutes: String,
    username: String,
    password: String,
}

impl Typed {
    fn empty() -> Self {
        Self {
            direction: Direction::Pull.as_str().to_owned(),
            url: String::new(),
            refs: String::new(),
            every_minutes: EVERY_MINUTES.1.to_string(),
            username: String::new(),
            password: String::new(),
        }
    }
}

/// What stands in the form of one that is there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edited {
    url: String,
    refs: String,
    every_minutes: String,
    username: String,
    password: String,
    /// A box that is not ticked is not sent.
    forget: Option<String>,
}

/// What stands in the form of an import.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Brought {
    #[serde(rename = "import_url")]
    url: String,
    #[serde(rename = "import_username")]
    username: String,
    #[serde(rename = "import_password")]
    password: String,
}

/// What is said again because it did not hold.
struct Said {
    typed: Typed,
    import_url: String,
    faults: Faults,
    changed: Option<Changed>,
}

impl Said {
    fn nothing() -> Self {
        let (import_url, faults) = (String::new(), Faults::default());
        Self { typed: Typed::empty(), import_url, faults, changed: None }
    }
}

/// What is shown there, if anything was typed.
pub(in crate::pages) fn credentials(
    username: &str,
    password: &str,
) -> Option<json::RemoteCredentials> {
    let said = |text: &str| Some(text.trim().to_owned()).filter(|it| !it.is_empty());
    if username.trim().is_empty() && password.is_empty() {
        return None;
    }
    Some(json::RemoteCredentials { username: said(username), password: password.to_owned() })
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A number that is none is one that is never right.
fn number(text: &str) -> u32 {
    text.trim().parse().unwrap_or_default()
}

async fn show(
    hub: Hub,
    allowed: Allowed<act::MirrorRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let layout = layout(&call, allowed.resource(), Tab::Mirrors);
    page(&hub, &allowed, layout, Said::nothing()).await
}

async fn page(
    hub: &Hub,
    allowed: &Allowed<act::MirrorRead, Repository>,
    layout: Layout,
    said: Said,
) -> Result<Response, Problem> {
    let (repository, actor) = (allowed.resource(), allowed.actor());
    let found = hub.mirrors(allowed).await?;
    let import = hub.import(&Allowed::ask(actor, repository.clone())?).await?;
    let now = hub.clock.now();
    let Said { typed, import_url, faults, changed } = said;
    web::page(&MirrorsPage {
        layout,
        head: head(actor, repository),
        frame: frame(hub, actor, repository, Tab::Mirrors)?,
        is_git: repository.format == Format::Git,
        import: import.as_ref().map(|it| import_row(it, now)),
        mirrors: found.iter().map(|it| mirror_row(it, now)).collect(),
        import_url: faults.field("import_url", import_url),
        direction: faults.field("direction", typed.direction),
        url: faults.field("url", typed.url),
        refs: faults.field("refs", typed.refs),
        every_minutes: faults.field("every_minutes", typed.every_minutes),
        credentials_fault: faults.field("credentials", "").fault,
        changed,
    })
}

fn mirror_row(it: &Mirror, now: names::UnixMillis) -> MirrorRow {
    let state = match it.state {
        State::Active if it.failures == 0 => ("active", "good"),
        State::Active => ("active", "warn"),
        State::Paused => ("paused", "warn"),
        State::Stopped => ("stopped", "bad"),
    };
    MirrorRow {
        id: it.id.to_string(),
        pulls: it.direction == Direction::Pull,
        url: it.url.to_string(),
        refs: it.patterns.to_string(),
        every_minutes: it.every_minutes,
        has_credentials: it.has_credentials,
        state,
        told: it.last_error.clone(),
        last: it.last_success_at.map(|at| When::new(at, now)),
        next: it.next_at.map(|at| When::new(at, now).utc),
    }
}

fn import_row(it: &Import, now: names::UnixMillis) -> ImportRow {
    ImportRow {
        url: it.url.to_string(),
        state: it.state.as_str(),
        is_open: it.state.is_open(),
        can_cancel: it.state.is_open() && it.state != imports::State::Writing,
        bytes: it.received_bytes,
        objects: it.received_objects,
        total: it.total_objects,
        moved: it.refs_moved,
        left: it.refs_left,
        told: it.last_error.clone(),
        asked: When::new(it.asked_at, now),
    }
}

/// The page, once more.
async fn told(
    hub: &Hub,
    allowed: &Allowed<act::MirrorChange, Repository>,
    layout: Layout,
    said: Said,
) -> Result<Response, Problem> {
    let may_read = Allowed::ask(allowed.actor(), allowed.resource().clone())?;
    again(page(hub, &may_read, layout, said).await)
}

async fn add(
    hub: Hub,
    allowed: Allowed<act::MirrorChange, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let layout = layout(&call, repository, Tab::Mirrors);
    let Form(typed) = Form::<Typed>::take(call).await?;
    let new = json::NewMirror {
        direction: typed.direction.clone(),
        url: typed.url.clone(),
        refs: Some(words(&typed.refs)),
        every_minutes: Some(number(&typed.every_minutes)),
        credentials: credentials(&typed.username, &typed.password),
    };
    match mirrors::add_as_asked(&hub, &allowed, new).await {
        Ok(_) => Ok(lead_to(&address(repository, Tab::Mirrors))),
        Err(problem) => {
            let faults = Faults::of(problem, "url")?;
            told(&hub, &allowed, layout, Said { typed, faults, ..Said::nothing() }).await
        }
    }
}

async fn change(
    hub: Hub,
    allowed: Allowed<act::MirrorChange, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let layout = layout(&call, repository, Tab::Mirrors);
    let id = call.params.parse("mirror")?;
    let Form(edited) = Form::<Edited>::take(call).await?;
    let asked = json::ChangeMirror {
        url: Some(edited.url),
        refs: Some(words(&edited.refs)),
        every_minutes: Some(number(&edited.every_minutes)),
        credentials: credentials(&edited.username, &edited.password),
        forget_credentials: edited.forget.is_some(),
    };
    match mirrors::change_as_asked(&hub, &allowed, id, asked).await {
        Ok(_) => Ok(lead_to(&address(repository, Tab::Mirrors))),
        Err(problem) => {
            let fault = Faults::of(problem, "url")?.all();
            let said = Said { changed: Some(Changed { fault }), ..Said::nothing() };
            told(&hub, &allowed, layout, said).await
        }
    }
}

async fn run(
    hub: Hub,
    allowed: Allowed<act::MirrorChange, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    hub.run_mirror(&allowed, call.params.parse("mirror")?).await?;
    Ok(lead_to(&address(allowed.resource(), Tab::Mirrors)))
}

async fn remove(
    hub: Hub,
    allowed: Allowed<act::MirrorChange, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    hub.remove_mirror(&allowed, call.params.parse("mirror")?).await?;
    Ok(lead_to(&address(allowed.resource(), Tab::Mirrors)))
}

async fn import(
    hub: Hub,
    allowed: Allowed<act::ImportStart, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let layout = layout(&call, repository, Tab::Mirrors);
    let Form(brought) = Form::<Brought>::take(call).await?;
    let new = json::NewImport {
        url: brought.url.clone(),
        credentials: credentials(&brought.username, &brought.password),
        what: None,
    };
    match imports::start_as_asked(&hub, &allowed, new).await {
        Ok(_) => Ok(lead_to(&address(repository, Tab::Mirrors))),
        Err(problem) => {
            let faults = Faults::of(problem, "url")?.renamed("import_url");
            let import_url = brought.url;
            let may_read = Allowed::ask(allowed.actor(), repository.clone())?;
            let said = Said { import_url, faults, ..Said::nothing() };
            again(page(&hub, &may_read, layout, said).await)
        }
    }
}

async fn cancel(
    hub: Hub,
    allowed: Allowed<act::ImportStart, Repository>,
    (): (),
) -> Result<Response, Problem> {
    hub.cancel_import(&allowed).await?;
    Ok(lead_to(&address(allowed.resource(), Tab::Mirrors)))
}
