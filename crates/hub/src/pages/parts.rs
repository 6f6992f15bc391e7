//! What several pages share.

use names::{BranchName, CommitId, RepoPath, UnixMillis};
use trust::{Actor, Allowed, ResourceState, act};
use web::{
    Call,
    look::{Crumb, Layout, When, href},
};

use crate::{
    Repository, machines,
    reading::{Commit, Revision},
    signatures::{Judged, State},
    views::{BranchItem, BranchMenu, CommitLine, Head, RepositoryRow, Section, Signature},
};

/// Branches that a menu lists; the rest is counted.
const MENU: usize = 50;

/// The address of a repository's first page.
pub(super) fn home_of(repository: &Repository) -> String {
    format!("/{}/{}", repository.owner, repository.name)
}

/// The address of a place in a repository: `tree`, `blob`, `raw` or `commits` at a revision and a path.
pub(super) fn place(
    repository: &Repository,
    kind: &str,
    revision: &str,
    path: Option<&str>,
) -> String {
    let tail = path.map(|path| format!("/{}", href::path(path))).unwrap_or_default();
    format!("{}/{kind}/{}{tail}", home_of(repository), href::path(revision))
}

pub(super) fn commit_href(repository: &Repository, id: CommitId) -> String {
    format!("{}/commit/{id}", home_of(repository))
}

/// The frame of a page of a repository.
pub(super) fn layout(call: &Call, repository: &Repository, title: String) -> Layout {
    Layout {
        title,
        description: repository.description.clone(),
        // The same page with other filters is the same page.
        canonical: (!repository.is_private())
            .then(|| format!("{}{}", call.context.base_url, call.uri.path())),
        crumbs: vec![
            Crumb::link(repository.owner.to_string(), format!("/{}", repository.owner)),
            Crumb::link(repository.name.to_string(), home_of(repository)),
        ],
        reader: call.context.reader(),
        is_noindex: repository.is_private(),
        feeds: feeds(repository),
        ..Layout::default()
    }
}

/// The same where other sites find a card of the page.
pub(super) fn with_card(call: &Call, repository: &Repository, layout: Layout) -> Layout {
    let embed = || machines::embed_href(&call.context.base_url, call.uri.path());
    Layout { embed: (!repository.is_private()).then(embed), ..layout }
}

/// What of a repository is there for readers of feeds.
fn feeds(repository: &Repository) -> Vec<(String, String)> {
    let (home, branch) = (home_of(repository), repository.default_branch.as_str());
    vec![
        (format!("Activity of {}", repository.full_name()), format!("{home}/activity.atom")),
        (format!("Commits of {branch}"), format!("{home}/commits/{}.atom", href::path(branch))),
        ("Releases".to_owned(), format!("{home}/releases.atom")),
        ("Tags".to_owned(), format!("{home}/tags.atom")),
    ]
}

/// What stands above every page; the settings only for those who may see them.
pub(super) fn head(
    actor: &Actor,
    repository: &Repository,
    revision: Option<&Revision>,
    section: Section,
) -> Head {
    let may_set = Allowed::<act::RepoSettings, _>::ask(actor, repository.clone()).is_ok();
    Head {
        owner: repository.owner.to_string(),
        name: repository.name.to_string(),
        href: home_of(repository),
        commits_href: commits_of(repository, revision),
        settings_href: may_set.then(|| format!("{}/settings/general", home_of(repository))),
        is_private: repository.is_private(),
        is_archived: repository.resource.state == ResourceState::Archived,
        is_hidden: revision.is_some_and(|it| it.is_hidden),
        section,
    }
}

/// The commits of what is shown; of the default branch where that is no revision.
fn commits_of(repository: &Repository, revision: Option<&Revision>) -> Option<String> {
    let first = repository.pushed_at.map(|_| repository.default_branch.to_string());
    let text = revision.map(Revision::text).or(first)?;
    Some(place(repository, "commits", &text, None))
}

/// The menu of branches, each leading to the same place on that branch.
pub(super) fn menu(
    repository: &Repository,
    heads: &[(BranchName, CommitId)],
    now: &Revision,
    kind: &str,
    path: Option<&RepoPath>,
) -> BranchMenu {
    let item = |(name, _): &(BranchName, CommitId)| BranchItem {
        name: name.to_string(),
        href: place(repository, kind, name.as_str(), path.map(RepoPath::as_str)),
        is_current: now.branch.as_ref() == Some(name),
        is_default: *name == repository.default_branch,
    };
    BranchMenu {
        current: match (&now.branch, &now.tag) {
            (Some(branch), _) => branch.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) if now.is_fixed() => now.commit.short(),
            (None, None) => now.text(),
        },
        kind: match (&now.branch, &now.tag) {
            (Some(_), _) => "branch",
            (None, Some(_)) => "tag",
            (None, None) => "commit",
        },
        ref_path: href::path(&now.text()),
        branches: heads.iter().take(MENU).map(item).collect(),
        hidden: heads.len().saturating_sub(MENU) as u64,
    }
}

/// The way to a path: the repository's root, then each directory, then the place itself.
pub(super) fn crumbs(repository: &Repository, revision: &str, path: &RepoPath) -> Vec<Crumb> {
    let mut crumbs =
        vec![Crumb::link(repository.name.to_string(), place(repository, "tree", revision, None))];
    let mut so_far = String::new();
    let mut segments = path.segments().peekable();
    while let Some(segment) = segments.next() {
        if !so_far.is_empty() {
            so_far.push('/');
        }
        so_far.push_str(segment);
        crumbs.push(match segments.peek() {
            None => Crumb::here(segment),
            Some(_) => Crumb::link(segment, place(repository, "tree", revision, Some(&so_far))),
        });
    }
    crumbs
}

pub(super) fn row(repository: &Repository, now: UnixMillis) -> RepositoryRow {
    RepositoryRow {
        owner: repository.owner.to_string(),
        name: repository.name.to_string(),
        href: home_of(repository),
        description: repository.description.clone(),
        pushed: repository.pushed_at.map(|then| When::new(then, now)),
        commits: repository.commit_count,
        size_bytes: repository.size_bytes,
        stars: repository.stars,
        language: repository.language.clone(),
        is_private: repository.is_private(),
    }
}

pub(super) fn line(
    repository: &Repository,
    commit: &Commit,
    judged: Option<&Judged>,
    now: UnixMillis,
) -> CommitLine {
    let (subject, body) = split(&commit.record.message);
    CommitLine {
        subject,
        href: commit_href(repository, commit.record.commit_id),
        author: commit.record.author.clone(),
        short_id: commit.record.commit_id.short(),
        when: When::new(commit.committed_at, now),
        signature: signature(judged),
        agent_id: commit.record.agent_id.clone(),
        is_untrusted_agent: judged.is_none_or(|it| it.is_untrusted_agent),
        has_body: !body.is_empty(),
        labels: Vec::new(),
    }
}

/// The first line of a message, and what follows it.
pub(crate) fn split(message: &str) -> (String, String) {
    let (subject, body) = message.split_once('\n').unwrap_or((message, ""));
    let subject = if subject.trim().is_empty() { "(no message)" } else { subject };
    (subject.to_owned(), body.trim_matches('\n').to_owned())
}

/// What is known of a commit's signature; of what was not judged, nothing good.
pub(super) fn signature(judged: Option<&Judged>) -> Signature {
    judged.map_or(Signature::Unverifiable, |it| state(&it.state))
}

/// What is known of a signature, for a page.
pub(super) fn state(state: &State) -> Signature {
    match state {
        State::Verified(handle) => Signature::Verified(handle.to_string()),
        State::Server => Signature::Server,
        State::RevokedKey(handle) => Signature::RevokedKey(handle.to_string()),
        State::UnknownKey => Signature::UnknownKey,
        State::Unverifiable => Signature::Unverifiable,
        State::Unsigned => Signature::Unsigned,
    }
}
