//! `/new`: a repository is made, empty, with a first commit, or from a template.

use api::json;
use axum::response::Response;
use names::{Handle, RepositoryName};
use serde::Deserialize;
use trust::{Actor, Allowed, Anything, Membership, Namespace, Readers, Role, act};
use web::{
    Call, Form, Input as _, Problem, Routes, Spec, Surface,
    look::{Crumb, Layout},
};

use super::{
    parts,
    settings::{Faults, again, lead_to, mirrors},
};
use crate::{
    Hub, imports,
    repositories::{self, create_as_asked},
    views::new::{NewPage, Typed},
};

const HERE: &str = "/new";
/// Some short texts.
const FORM_BYTES: u64 = 64 << 10;
/// What the button sends that only looks at the name.
const CHECK: &str = "check";

pub(super) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let form = Spec::new(Surface::Page).body_bytes(FORM_BYTES);
    routes.get(HERE, Surface::Page, show).post(HERE, form, make)
}

/// What stands in the form, as it is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    owner: String,
    name: String,
    description: String,
    visibility: String,
    format: Option<String>,
    template: String,
    /// A box that is not ticked is not sent.
    readme: Option<String>,
    licence: String,
    ignore: String,
    /// From where its history comes.
    #[serde(default)]
    import_url: String,
    #[serde(default)]
    import_username: String,
    #[serde(default)]
    import_password: String,
    /// Which button.
    #[serde(rename = "do")]
    what: Option<String>,
}

/// From what it is to be made, where an address says so.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    template: Option<String>,
    owner: Option<String>,
}

impl Sent {
    fn typed(&self) -> Typed {
        Typed {
            is_git: self.format.as_deref() == Some("git") || self.is_import(),
            is_public: self.visibility == "public",
            has_readme: self.readme.is_some(),
            licence: self.licence.clone(),
            ignore: self.ignore.clone(),
        }
    }

    fn is_import(&self) -> bool {
        !self.import_url.trim().is_empty()
    }

    /// From where its history comes, if it does.
    fn import(&self) -> Option<json::NewImport> {
        self.is_import().then(|| json::NewImport {
            url: self.import_url.clone(),
            credentials: mirrors::credentials(&self.import_username, &self.import_password),
            what: None,
        })
    }

    fn new_repository(&self) -> json::NewRepository {
        let said = |text: &str| Some(text.trim().to_owned()).filter(|it| !it.is_empty());
        let format = if self.is_import() { Some("git") } else { self.format.as_deref() };
        json::NewRepository {
            owner: said(&self.owner),
            name: self.name.trim().to_owned(),
            visibility: said(&self.visibility),
            // A template brings its own.
            format: format.and_then(said).filter(|_| said(&self.template).is_none()),
            description: said(&self.description),
            template: said(&self.template),
            initialize: Some(json::Initialize {
                readme: self.readme.is_some(),
                licence: said(&self.licence),
                ignore: said(&self.ignore),
            }),
            ..json::NewRepository::default()
        }
    }
}

fn layout(call: &Call) -> Layout {
    Layout {
        title: "New repository".to_owned(),
        crumbs: vec![Crumb::here("New repository")],
        reader: call.context.reader(),
        is_noindex: true,
        ..Layout::default()
    }
}

async fn show(
    hub: Hub,
    allowed: Allowed<act::MeRead, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let Asked { template, owner } = call.query()?;
    let own = allowed.actor().handle().map(ToString::to_string).unwrap_or_default();
    let sent = Sent {
        owner: owner.unwrap_or(own),
        name: String::new(),
        description: String::new(),
        visibility: "private".to_owned(),
        format: None,
        template: template.unwrap_or_default(),
        readme: None,
        licence: String::new(),
        ignore: String::new(),
        import_url: String::new(),
        import_username: String::new(),
        import_password: String::new(),
        what: None,
    };
    page(&hub, allowed.actor(), layout(&call), (sent, Faults::default(), None)).await
}

async fn page(
    hub: &Hub,
    actor: &Actor,
    layout: Layout,
    (sent, faults, is_free): (Sent, Faults, Option<String>),
) -> Result<Response, Problem> {
    let makes = |it: &Membership| (it.role >= Role::Member).then(|| it.organization.to_string());
    let mut owners: Vec<String> = actor.handle().map(ToString::to_string).into_iter().collect();
    if actor.session().is_some() {
        let memberships = hub.trust.memberships(&Allowed::ask(actor, Anything)?).await?;
        owners.extend(memberships.iter().filter_map(makes));
    }
    let templates = repositories::templates(&mut hub.db.glance().await?, actor.reader()).await?;
    web::page(&NewPage {
        layout,
        csrf: actor.session().map(|session| hub.trust.csrf(session)).transpose()?,
        owners,
        templates,
        licences: repositories::licences(),
        ignored: repositories::ignored(),
        typed: sent.typed(),
        is_free,
        owner: faults.field("owner", sent.owner),
        name: faults.field("name", sent.name),
        description: faults.field("description", sent.description),
        template: faults.field("template", sent.template),
        import_url: faults.field("import_url", sent.import_url),
        licence_fault: faults.field("initialize/licence", "").fault,
        ignore_fault: faults.field("initialize/ignore", "").fault,
    })
}

async fn make(
    hub: Hub,
    allowed: Allowed<act::RepoCreate, Namespace>,
    call: Call,
) -> Result<Response, Problem> {
    let (layout, actor) = (layout(&call), allowed.actor().clone());
    let Form(sent) = Form::<Sent>::take(call).await?;
    if sent.what.as_deref() == Some(CHECK) {
        return match is_free(&hub, &actor, &sent).await? {
            Ok(name) => page(&hub, &actor, layout, (sent, Faults::default(), Some(name))).await,
            Err(faults) => again(page(&hub, &actor, layout, (sent, faults, None)).await),
        };
    }
    if let Some(new) = sent.import()
        && let Err(faults) = check_import(&hub, new).await
    {
        return again(page(&hub, &actor, layout, (sent, faults, None)).await);
    }
    match create_as_asked(&hub, allowed, sent.new_repository()).await {
        Ok(made) => {
            let home = parts::home_of(&made);
            let Some(new) = sent.import() else { return Ok(lead_to(&home)) };
            imports::start_as_asked(&hub, &Allowed::ask(&actor, made)?, new).await?;
            Ok(lead_to(&format!("{home}/settings/mirrors")))
        }
        Err(problem) => {
            let field = match problem.code() {
                "name_taken" => "name",
                "quota_exceeded" => "owner",
                _ if !sent.template.trim().is_empty() => "template",
                _ => "owner",
            };
            let faults = Faults::of_missing(problem, field)?;
            again(page(&hub, &actor, layout, (sent, faults, None)).await)
        }
    }
}

/// Whether its history can come from there, before anything is made.
async fn check_import(hub: &Hub, new: json::NewImport) -> Result<(), Faults> {
    let told = |message: String| Faults::one("import_url", message);
    let new = imports::parse(new).map_err(|faults| {
        told(faults.into_iter().map(|it| it.message).collect::<Vec<_>>().join("; "))
    })?;
    hub.git.check_remote(&new.url).await.map_err(told)
}

/// The name in full, if it can be taken; else what is wrong with it. Only where one may make something is that told.
async fn is_free(hub: &Hub, actor: &Actor, sent: &Sent) -> Result<Result<String, Faults>, Problem> {
    let name: RepositoryName = match sent.name.trim().parse() {
        Ok(name) => name,
        Err(error) => return Ok(Err(Faults::one("name", format!("{error}")))),
    };
    let owner: Handle = match sent.owner.trim().parse() {
        Ok(owner) => owner,
        Err(error) => return Ok(Err(Faults::one("owner", format!("{error}")))),
    };
    let mut tx = hub.db.glance().await?;
    let space = hub.trust.space(&mut tx, actor, owner).await?;
    let allowed = match Allowed::<act::RepoCreate, _>::ask(actor, space) {
        Ok(allowed) => allowed,
        Err(refusal) => return Ok(Err(Faults::of_missing(refusal.into(), "owner")?)),
    };
    let space = allowed.resource();
    let owner = space.id.ok_or_else(Problem::not_found)?;
    let found = repositories::find(&mut tx, owner, &name, Readers::NOBODY).await?;
    let full_name = format!("{}/{name}", space.handle);
    Ok(match found {
        None => Ok(full_name),
        Some(_) => Err(Faults::one("name", format!("{full_name} is there already"))),
    })
}
