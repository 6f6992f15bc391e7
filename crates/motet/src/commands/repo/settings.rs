//! What a repository says of itself; what may pass into it; another name; archived.

use api::json::{NewSecretPass, Repository, RepositoryChanges};
use serde_json::json;

use super::{At, FullName, Meant, named};
use crate::{
    client::Word, commands::admin::jobs::result, context::Context, failure::Failure,
    report::Report, visible,
};

/// What can be said with `show`.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// owner/name, or only the name for one of your own
    pub repository: FullName,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `edit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What is not named stays. An empty text takes back what was said.

Examples:
  motet repo edit songs --description \"What we sing\" --topic music --topic tides
  motet repo edit choir/songs --licence MIT --homepage https://song.example
  motet repo edit choir/songs --visibility public --confirm choir/songs")]
pub struct Edit {
    /// owner/name, or only the name for one of your own
    pub repository: FullName,
    /// What it is, in a line
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Its page elsewhere, an https address
    #[arg(long, value_name = "URL")]
    pub homepage: Option<String>,
    /// What it is about; say it once for each word, all of them
    #[arg(long = "topic", value_name = "WORD")]
    pub topics: Vec<String>,
    /// Take all topics away
    #[arg(long, conflicts_with = "topics")]
    pub no_topics: bool,
    /// On which terms it is had, as SPDX names them
    #[arg(long, value_name = "ID")]
    pub licence: Option<String>,
    /// The branch that is shown and cloned first
    #[arg(long, value_name = "BRANCH")]
    pub default_branch: Option<String>,
    /// Whether others may fork it
    #[arg(long, value_name = "YES")]
    pub allow_forks: Option<bool>,
    /// Whether those who train models are asked to leave it alone
    #[arg(long, value_name = "YES")]
    pub training_opt_out: Option<bool>,
    /// Whether it is found by searching
    #[arg(long, value_name = "YES")]
    pub indexed: Option<bool>,
    /// Which commits it takes: all, those signed with a registered key, or those signed by somebody who may push
    #[arg(long, value_name = "WHICH", value_parser = ["off", "registered", "members"])]
    pub require_signed_commits: Option<String>,
    /// Whether its refs move by signed entries alone
    #[arg(long, value_name = "YES")]
    pub require_signed_refs: Option<bool>,
    /// Whether others may begin theirs with its files
    #[arg(long, value_name = "YES")]
    pub template: Option<bool>,
    /// What is said of files that are not what their names say
    #[arg(long, value_name = "WHAT", value_parser = ["off", "warn", "enforce"])]
    pub content_policy: Option<String>,
    /// Whether paths may be there that some file systems take for one
    #[arg(long, value_name = "WHETHER", value_parser = ["allow", "refuse"])]
    pub clashing_paths: Option<String>,
    /// What becomes of keys and tokens that were left in a file
    #[arg(long, value_name = "WHAT", value_parser = ["off", "warn", "refuse"])]
    pub secret_protection: Option<String>,
    /// Who sees it; public shows the whole history to everybody, and is confirmed
    #[arg(long, value_name = "WHO", value_parser = ["private", "public"])]
    pub visibility: Option<String>,
    /// That it is meant.
    #[command(flatten)]
    pub meant: Meant,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `pass`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet repo pass choir/songs 0123456789abcdef --reason \"an example of the manual\"
  motet repo pass choir/songs 0123456789abcdef --end")]
pub struct Pass {
    /// owner/name, or only the name for one of your own
    pub repository: FullName,
    /// Which finding, as the refused push names it
    pub fingerprint: Word,
    /// Why it may pass, in a line
    #[arg(long, value_name = "TEXT", conflicts_with = "end")]
    pub reason: Option<String>,
    /// Let it pass no more
    #[arg(long)]
    pub end: bool,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `rename`.
#[derive(Debug, clap::Args)]
pub struct Rename {
    /// owner/name, or only the name for one of your own
    pub repository: FullName,
    /// What it is called from now on
    pub name: names::RepositoryName,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `archive` and `unarchive`.
#[derive(Debug, clap::Args)]
pub struct Archive {
    /// owner/name, or only the name for one of your own
    pub repository: FullName,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

pub(super) async fn show(arguments: &Show, context: &Context) -> Result<Report, Failure> {
    let it = named(&arguments.repository, &arguments.at, context)?;
    let found = it.client.repository(&it.owner, &it.name).await?;
    Ok(Report::answer(result(&found)?, lines(&found)))
}

/// What a repository says of itself, a line each.
fn lines(it: &Repository) -> String {
    let text = |known: &Option<String>| known.clone().unwrap_or_default();
    let visibility =
        if it.archived { format!("{}, archived", it.visibility) } else { it.visibility.clone() };
    let said = [
        ("name", it.full_name.clone()),
        ("seen", visibility),
        ("description", it.description.clone()),
        ("homepage", it.homepage.clone()),
        ("topics", it.topics.join(" ")),
        ("licence", text(&it.licence)),
        ("branch", it.default_branch.clone()),
        ("commits", it.commit_count.to_string()),
        ("bytes", it.size_bytes.to_string()),
        ("forked from", text(&it.forked_from)),
        ("forks", if it.allow_forks { "allowed" } else { "not allowed" }.to_owned()),
        ("pushed", text(&it.pushed_at)),
    ];
    let lines = said.into_iter().filter(|(_, text)| !text.is_empty());
    let lines: Vec<_> =
        lines.map(|(name, text)| format!("{name:<12} {}\n", visible(&text))).collect();
    lines.concat()
}

pub(super) async fn edit(arguments: &Edit, context: &Context) -> Result<Report, Failure> {
    let it = named(&arguments.repository, &arguments.at, context)?;
    let confirm = match arguments.visibility.as_deref() {
        Some("public") => Some(arguments.meant.of(&it)?),
        Some(_) | None => None,
    };
    let has_topics = arguments.no_topics || !arguments.topics.is_empty();
    let changes = RepositoryChanges {
        name: None,
        visibility: arguments.visibility.clone(),
        confirm,
        description: arguments.description.clone(),
        homepage: arguments.homepage.clone(),
        default_branch: arguments.default_branch.clone(),
        topics: has_topics.then(|| arguments.topics.clone()),
        licence: arguments.licence.clone(),
        allow_forks: arguments.allow_forks,
        training_opt_out: arguments.training_opt_out,
        indexed: arguments.indexed,
        require_signed_commits: arguments.require_signed_commits.clone(),
        require_signed_refs: arguments.require_signed_refs,
        template: arguments.template,
        content_policy: arguments.content_policy.clone(),
        clashing_paths: arguments.clashing_paths.clone(),
        secret_protection: arguments.secret_protection.clone(),
    };
    if changes == RepositoryChanges::default() {
        return Err(Failure::usage("nothing_to_change", "nothing is to be changed")
            .hint("motet repo edit --help says what can be"));
    }
    let after = it.client.change_repository(&it.owner, &it.name, &changes).await?;
    Ok(Report::news(result(&after)?, format!("changed {}", visible(&after.full_name))))
}

pub(super) async fn pass(arguments: &Pass, context: &Context) -> Result<Report, Failure> {
    let it = named(&arguments.repository, &arguments.at, context)?;
    let (of, fingerprint) = ((&it.owner, &it.name), &arguments.fingerprint);
    if arguments.end {
        it.client.stop_secret_pass(of, fingerprint).await?;
        let ended = json!({ "fingerprint": fingerprint.to_string() });
        return Ok(Report::news(ended, format!("{fingerprint} does not pass any more")));
    }
    let asked = NewSecretPass { reason: arguments.reason.clone() };
    let made = it.client.let_secret_pass(of, fingerprint, &asked).await?;
    Ok(Report::news(result(&made)?, format!("{fingerprint} may pass; push again")))
}

pub(super) async fn rename(arguments: &Rename, context: &Context) -> Result<Report, Failure> {
    let it = named(&arguments.repository, &arguments.at, context)?;
    let changes = RepositoryChanges {
        name: Some(arguments.name.to_string()),
        ..RepositoryChanges::default()
    };
    let after = it.client.change_repository(&it.owner, &it.name, &changes).await?;
    let now = format!("{}/{}", it.origin, visible(&after.full_name));
    Ok(Report::news(result(&after)?, format!("{it} is {now} now")))
}

pub(super) async fn archive(
    arguments: &Archive,
    is_archived: bool,
    context: &Context,
) -> Result<Report, Failure> {
    let it = named(&arguments.repository, &arguments.at, context)?;
    let after = it.client.set_archived(&it.owner, &it.name, is_archived).await?;
    let what = if is_archived { "is only read from now on" } else { "changes again" };
    Ok(Report::news(result(&after)?, format!("{it} {what}")))
}
