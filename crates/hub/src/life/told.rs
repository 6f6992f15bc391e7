//! What is told of a repository's life: rows of the activity, beside those of the audit log.

use db::Tx;
use names::{Id, UnixMillis};
use serde_json::{Value, json};

use crate::{
    Error, Hub, Repository,
    activity::{self, By, Note, What},
};

impl Hub {
    /// Writes down what happened to a repository that is locked.
    pub(crate) async fn tell(
        &self,
        tx: &mut Tx,
        what: What,
        (by, of): (By, Id<Repository>),
        now: UnixMillis,
        data: Value,
    ) -> Result<(), Error> {
        activity::note(self, tx, Note::repository(what, by, of, now, data)).await
    }

    /// Writes down what is another way: one row for each aspect.
    pub(super) async fn tell_of_changes(
        &self,
        tx: &mut Tx,
        by: By,
        before: &Repository,
        after: &Repository,
    ) -> Result<(), Error> {
        let (by, now) = ((by, before.id), after.updated_at);
        if before.name != after.name {
            let names = json!({ "from": before.name.as_str(), "to": after.name.as_str() });
            let data = json!({ "changes": { "name": names } });
            self.tell(tx, What::RepositoryRenamed, by, now, data).await?;
        }
        let (was, is) = (before.resource.visibility, after.resource.visibility);
        if was != is {
            let seen = json!({ "from": was.as_str(), "to": is.as_str() });
            let data = json!({ "changes": { "visibility": seen } });
            self.tell(tx, What::RepositoryVisibilityChanged, by, now, data).await?;
        }
        let fields = edited(before, after);
        if !fields.is_empty() {
            self.tell(tx, What::SettingsEdited, by, now, json!({ "fields": fields })).await?;
        }
        Ok(())
    }
}

/// Which settings are another way.
fn edited(before: &Repository, after: &Repository) -> Vec<&'static str> {
    let signed_commits = before.require_signed_commits.as_str();
    let all = [
        ("description", before.description != after.description),
        ("homepage", before.homepage != after.homepage),
        ("default_branch", before.default_branch != after.default_branch),
        ("topics", before.topics != after.topics),
        ("licence", before.licence != after.licence),
        ("allow_forks", before.says_forks != after.says_forks),
        ("training_opt_out", before.says_no_training != after.says_no_training),
        ("require_signed_commits", signed_commits != after.require_signed_commits.as_str()),
        ("require_signed_refs", before.require_signed_refs != after.require_signed_refs),
    ];
    all.into_iter().filter(|(_, is_edited)| *is_edited).map(|(field, _)| field).collect()
}
