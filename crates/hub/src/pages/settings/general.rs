//! `settings/general`: what a repository says of itself.

use api::json;
use axum::response::Response;
use serde::Deserialize;
use trust::{Actor, Allowed, act};
use web::{Call, Form, Input as _, Problem, Routes, Spec, Surface, look::Layout};

use super::{Faults, Tab, address, again, frame, head, layout, lead_to};
use crate::{
    Homepage, Hub, Licence, Repository,
    intake::{ClashingPaths, ContentPolicy, SecretProtection},
    life, reading,
    views::settings::GeneralPage,
};

const HERE: &str = "/{owner}/{name}/settings/general";

pub(super) fn routes(routes: Routes<Hub>, form: Spec) -> Routes<Hub> {
    routes.get(HERE, Surface::Page, show).post(HERE, form, change)
}

/// What stands in the form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    description: String,
    homepage: String,
    default_branch: String,
    /// Words with spaces or commas between.
    topics: String,
    licence: String,
    /// A box that is not ticked is not sent.
    allow_forks: Option<String>,
    training_opt_out: Option<String>,
    indexed: Option<String>,
    template: Option<String>,
    clashing_paths: Option<String>,
    content_policy: Option<String>,
    secret_protection: Option<String>,
}

impl Typed {
    fn of(it: &Repository) -> Self {
        Self {
            description: it.description.clone(),
            homepage: it.homepage.as_ref().map_or("", Homepage::as_str).to_owned(),
            default_branch: it.default_branch.to_string(),
            topics: it.topics.words().join(" "),
            licence: it.licence.as_ref().map_or("", Licence::as_str).to_owned(),
            allow_forks: it.allows_forks().then(String::new),
            training_opt_out: it.says_no_training.then(String::new),
            indexed: it.is_indexed.then(String::new),
            template: it.is_template.then(String::new),
            clashing_paths: (it.clashing_paths == ClashingPaths::Refuse).then(String::new),
            content_policy: Some(it.content_policy().as_str().to_owned()),
            secret_protection: Some(it.secret_protection.as_str().to_owned()),
        }
    }

    fn changes(&self, of: &Repository) -> json::RepositoryChanges {
        let words = self.topics.split([' ', ',', '\t']).filter(|it| !it.is_empty());
        let allow_forks = self.allow_forks.is_some();
        json::RepositoryChanges {
            description: Some(self.description.clone()),
            homepage: Some(self.homepage.trim().to_owned()),
            default_branch: Some(self.default_branch.trim().to_owned()),
            topics: Some(words.map(str::to_lowercase).collect()),
            licence: Some(self.licence.trim().to_owned()),
            // What nobody has said follows who sees it.
            allow_forks: (allow_forks != of.allows_forks()).then_some(allow_forks),
            training_opt_out: Some(self.training_opt_out.is_some()),
            indexed: Some(self.indexed.is_some()),
            template: Some(self.template.is_some()),
            clashing_paths: Some(
                if self.clashing_paths.is_some() { "refuse" } else { "allow" }.to_owned(),
            ),
            // What nobody has said follows the domain.
            content_policy: self
                .content_policy
                .clone()
                .filter(|it| it != of.content_policy().as_str()),
            secret_protection: self.secret_protection.clone(),
            ..json::RepositoryChanges::default()
        }
    }
}

async fn show(
    hub: Hub,
    allowed: Allowed<act::RepoSettings, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let layout = layout(&call, repository, Tab::General);
    page(&hub, allowed.actor(), repository, layout, (Typed::of(repository), Faults::default()))
        .await
}

async fn page(
    hub: &Hub,
    actor: &Actor,
    repository: &Repository,
    layout: Layout,
    (typed, faults): (Typed, Faults),
) -> Result<Response, Problem> {
    let heads = reading::branches(&mut hub.db.glance().await?, repository.id).await?;
    web::page(&GeneralPage {
        layout,
        head: head(actor, repository),
        frame: frame(hub, actor, repository, Tab::General)?,
        description: faults.field("description", typed.description),
        homepage: faults.field("homepage", typed.homepage),
        default_branch: faults.field("default_branch", typed.default_branch),
        topics: faults.field("topics", typed.topics),
        licence: faults.field("licence", typed.licence),
        allows_forks: typed.allow_forks.is_some(),
        branches: heads.iter().map(|(name, _)| name.to_string()).collect(),
        says_no_training: typed.training_opt_out.is_some(),
        is_indexed: typed.indexed.is_some(),
        is_template: typed.template.is_some(),
        refuses_clashes: typed.clashing_paths.is_some(),
        policies: [ContentPolicy::Off, ContentPolicy::Warn, ContentPolicy::Enforce]
            .map(ContentPolicy::as_str),
        content_policy: faults.field("content_policy", typed.content_policy.unwrap_or_default()),
        protections: [SecretProtection::Off, SecretProtection::Warn, SecretProtection::Refuse]
            .map(SecretProtection::as_str),
        secret_protection: faults
            .field("secret_protection", typed.secret_protection.unwrap_or_default()),
        is_private: repository.is_private(),
    })
}

async fn change(
    hub: Hub,
    allowed: Allowed<act::RepoUpdate, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let layout = layout(&call, repository, Tab::General);
    let Form(typed) = Form::<Typed>::take(call).await?;
    match life::change_as_asked(&hub, &allowed, typed.changes(repository)).await {
        Ok(_) => Ok(lead_to(&address(repository, Tab::General))),
        Err(problem) => {
            let faults = Faults::of(problem, "description")?;
            again(page(&hub, allowed.actor(), repository, layout, (typed, faults)).await)
        }
    }
}
