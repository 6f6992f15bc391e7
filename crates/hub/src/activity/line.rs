//! A row, and what is said of it in a line.

use names::UnixMillis;
use serde_json::Value;
use uuid::Uuid;
use web::look::href;

use super::What;

/// A repository by its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) owner: String,
    pub(crate) name: String,
}

impl Named {
    /// `owner/name`.
    pub(crate) fn full(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// Its address.
    pub(crate) fn href(&self) -> String {
        format!("/{}/{}", self.owner, self.name)
    }
}

/// Whoever did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) handle: String,
    /// The word of its kind.
    pub(crate) kind: String,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Happening {
    pub(crate) id: Uuid,
    pub(crate) at: UnixMillis,
    pub(crate) what: What,
    pub(crate) subject: String,
    pub(crate) sequence: i64,
    pub(crate) data: Value,
    /// Nobody: the install itself.
    pub(crate) actor: Option<Who>,
    /// The handle of an agent's owner.
    pub(crate) behind: Option<String>,
    pub(crate) repository: Option<Named>,
    pub(crate) other: Option<Named>,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// As it is shown.
    pub(crate) text: String,
    /// Where it leads, percent-encoded.
    pub(crate) href: Option<String>,
}

fn plain(text: impl Into<String>) -> Word {
    Word { text: text.into(), href: None }
}

fn link(text: impl Into<String>, href: impl Into<String>) -> Word {
    Word { text: text.into(), href: Some(href.into()) }
}

/// The first digits of an id.
fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}

/// What is shown of the name of a ref, and what it is.
fn of_ref(name: &str) -> (&'static str, &str) {
    match name.strip_prefix("refs/tags/") {
        Some(tag) => ("tag", tag),
        None => ("branch", name.strip_prefix("refs/heads/").unwrap_or(name)),
    }
}

impl Happening {
    /// Whether a list shows it: of a ref that is new or gone the row that says so is enough.
    pub(crate) fn is_shown(&self) -> bool {
        let is = |key: &str| self.data.get(key).and_then(Value::as_bool).unwrap_or(false);
        self.what != What::Push || !(is("created") || is("deleted"))
    }

    fn text(&self, key: &str) -> &str {
        self.data.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// What a member was and what it is.
    fn change(&self, member: &str) -> (&str, &str) {
        let change = self.data.get("changes").and_then(|it| it.get(member));
        let side = |key: &str| {
            change.and_then(|it| it.get(key)).and_then(Value::as_str).unwrap_or_default()
        };
        (side("from"), side("to"))
    }

    /// What whoever did it did, without the name of whoever did it: `pushed 3 commits to main in ada/engine`.
    pub(crate) fn words(&self) -> Vec<Word> {
        let mut words = self.verb();
        if let Some(of) = &self.repository {
            match self.what {
                What::RepositoryCreated
                | What::RepositoryStarred
                | What::RepositoryArchived
                | What::RepositoryDeleted
                | What::RepositoryRestored
                | What::RepositoryForked => {}
                _ => words.extend([plain(" in "), link(of.full(), of.href())]),
            }
        }
        words
    }

    /// The same as one text.
    pub(crate) fn sentence(&self) -> String {
        let who = self.actor.as_ref().map_or("the server", |it| it.handle.as_str());
        let words: String = self.words().into_iter().map(|it| it.text).collect();
        format!("{who} {words}")
    }

    /// Where what happened can be looked at.
    pub(crate) fn href(&self) -> String {
        let words = self.words();
        let found = words.into_iter().find_map(|it| it.href);
        found.or_else(|| self.repository.as_ref().map(Named::href)).unwrap_or_else(|| "/".into())
    }

    /// The same without the repository in which it was: for a page that is of one.
    pub(crate) fn verb(&self) -> Vec<Word> {
        let this = || {
            let of = self.repository.as_ref();
            of.map_or_else(|| plain("a repository"), |it| link(it.full(), it.href()))
        };
        match self.what {
            What::Push => self.pushed(),
            What::RefCreated | What::RefDeleted => self.made_or_took_away(),
            What::RepositoryCreated => vec![plain("made "), this()],
            What::RepositoryRenamed => {
                let (from, to) = self.change("name");
                vec![plain(format!("renamed {from} to {to}"))]
            }
            What::RepositoryTransferred => {
                let (from, to) = self.change("owner");
                vec![plain(format!("handed it on from {from} to {to}"))]
            }
            What::RepositoryVisibilityChanged => {
                vec![plain(format!("made it {}", self.change("visibility").1))]
            }
            What::RepositoryArchived if self.change("archived").1 == "no" => {
                vec![plain("took "), this(), plain(" out of the archive")]
            }
            What::RepositoryArchived => vec![plain("archived "), this()],
            What::RepositoryDeleted => vec![plain("deleted "), this()],
            What::RepositoryRestored => vec![plain("restored "), this()],
            What::RepositoryStarred => vec![plain("starred "), this()],
            What::RepositoryForked => {
                let fork = self.other.as_ref();
                let fork = fork.map_or_else(|| plain("a fork"), |it| link(it.full(), it.href()));
                vec![plain("forked "), this(), plain(" to "), fork]
            }
            What::SettingsEdited => {
                let fields = self.data.get("fields").and_then(Value::as_array);
                let fields = fields.into_iter().flatten().filter_map(Value::as_str);
                let fields: Vec<_> = fields.map(|it| it.replace('_', " ")).collect();
                vec![plain(format!("changed {}", fields.join(", ")))]
            }
            What::CommitsLabelled => {
                let number = self.data.get("labels").and_then(Value::as_u64).unwrap_or_default();
                vec![plain(counted(number, "label"))]
            }
            What::ReleasePublished => {
                vec![plain(format!("published the release {}", self.text("tag")))]
            }
            What::ReleaseYanked => {
                vec![plain(format!("took the release {} out of use", self.text("tag")))]
            }
            What::FollowAdded => {
                let handle = self.text("handle");
                vec![plain("follows "), link(handle, format!("/{handle}"))]
            }
            What::StarRemoved
            | What::FollowRemoved
            | What::TransferChanged
            | What::ReleaseDrafted
            | What::ReleaseDiscarded => vec![plain("did something")],
        }
    }

    /// A ref that moved: how far, and from where to where.
    fn pushed(&self) -> Vec<Word> {
        let home = self.repository.as_ref().map(Named::href).unwrap_or_default();
        let (before, after) = (self.text("before"), self.text("after"));
        let (kind, name) = of_ref(self.text("ref"));
        let is_forced = self.data.get("forced").and_then(Value::as_bool).unwrap_or(false);
        let how_many = self.data.get("commits_total").and_then(Value::as_u64);
        let what = match how_many {
            Some(1) => link("1 commit", format!("{home}/commit/{after}")),
            Some(number) => {
                let compared = format!("{home}/compare/{before}...{after}");
                link(format!("{number} commits"), compared)
            }
            None => link("many commits", format!("{home}/commit/{after}")),
        };
        let verb = if is_forced { "forced " } else { "pushed " };
        let at = link(name, format!("{home}/tree/{}", href::path(name)));
        vec![plain(verb), what, plain(format!(" to the {kind} ")), at]
    }

    fn made_or_took_away(&self) -> Vec<Word> {
        let home = self.repository.as_ref().map(Named::href).unwrap_or_default();
        let (kind, name) = of_ref(self.text("ref"));
        let at = self.text("target");
        match self.what {
            What::RefCreated => {
                let name = link(name, format!("{home}/tree/{}", href::path(name)));
                vec![plain(format!("made the {kind} ")), name]
            }
            _ => vec![plain(format!("took the {kind} {name} away, which was at {}", short(at)))],
        }
    }
}

fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("added {number} {what}{plural} to commits")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(what: What, data: Value) -> String {
        let repository = Some(Named { owner: "ada".to_owned(), name: "engine".to_owned() });
        let actor = Some(Who { handle: "grace".to_owned(), kind: "person".to_owned() });
        let other = Some(Named { owner: "grace".to_owned(), name: "mill".to_owned() });
        let (id, at) = (Uuid::nil(), UnixMillis(0));
        let (subject, sequence, behind) = (String::new(), 1, None);
        Happening { id, at, what, subject, sequence, data, actor, behind, repository, other }
            .sentence()
    }

    #[test]
    fn what_happened_is_said_in_a_line() {
        let changed = |member: &str, from: &str, to: &str| json!({ "changes": { member: { "from": from, "to": to } } });
        for (what, data, line) in [
            (
                What::Push,
                json!({ "ref": "refs/heads/a/b", "before": "1", "after": "2", "commits_total": 3 }),
                "grace pushed 3 commits to the branch a/b in ada/engine",
            ),
            (
                What::Push,
                json!({ "ref": "refs/heads/main", "after": "2", "forced": true }),
                "grace forced many commits to the branch main in ada/engine",
            ),
            (
                What::RefCreated,
                json!({ "ref": "refs/tags/v1", "target": "2" }),
                "grace made the tag v1 in ada/engine",
            ),
            (
                What::RefDeleted,
                json!({ "ref": "refs/heads/old", "target": "0123456789abcdef" }),
                "grace took the branch old away, which was at 0123456789 in ada/engine",
            ),
            (What::RepositoryCreated, json!({}), "grace made ada/engine"),
            (
                What::RepositoryRenamed,
                changed("name", "mill", "engine"),
                "grace renamed mill to engine in ada/engine",
            ),
            (
                What::RepositoryArchived,
                changed("archived", "yes", "no"),
                "grace took ada/engine out of the archive",
            ),
            (What::RepositoryForked, json!({}), "grace forked ada/engine to grace/mill"),
            (
                What::SettingsEdited,
                json!({ "fields": ["topics", "default_branch"] }),
                "grace changed topics, default branch in ada/engine",
            ),
            (
                What::ReleasePublished,
                json!({ "tag": "v1.0.0" }),
                "grace published the release v1.0.0 in ada/engine",
            ),
        ] {
            assert_eq!(told(what, data), line);
        }
    }
}
