//! Labels: free text on a commit, many per commit, which the Muse client calls tags (`spec/wire.md` 1.5). One file each,
//! in the Muse client's form.

use api::{Value, wire::Fields};
use names::{CommitId, Id, UnixMillis};

use super::{Repository, Result, WorkingCopy, WorktreeError, files::damaged, json};
use crate::CommitTime;

/// The longest text (`spec/wire.md` 1.5).
const MAX_BYTES: usize = 500;

/// A label of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Its id.
    pub id: String,
    /// The commit.
    pub commit: CommitId,
    /// The text, such as `section:verse`.
    pub text: String,
    /// When it was made, as it was written.
    pub created_at: String,
}

impl WorkingCopy {
    /// Where the labels are. The id of the repository was read from a file, and must not lead elsewhere.
    fn label_directory(&self) -> Result<String> {
        if self.repo_id.is_empty() || self.repo_id.contains('/') || self.repo_id.starts_with('.') {
            return Err(damaged("repo.json", "its `repo_id` cannot name a directory"));
        }
        Ok(format!("tags/{}", self.repo_id))
    }

    /// All labels, by commit and text.
    pub fn labels(&self) -> Result<Vec<Label>> {
        let directory = self.label_directory()?;
        let list = || match self.muse.descend(&directory)? {
            Some(directory) => directory.names(),
            None => Ok(Vec::new()),
        };
        let mut labels = Vec::new();
        for name in list().map_err(WorktreeError::io(&directory))? {
            let Some(name) = name.to_str().filter(|name| name.strip_suffix(".json").is_some())
            else {
                continue;
            };
            let path = format!("{directory}/{name}");
            let Some(value) = self.read_json(&path)? else { continue };
            // Known by the name of its file, which is what is removed.
            let id = name.trim_end_matches(".json").to_owned();
            let label = read(value).map_err(|error| damaged(&path, error.to_string()))?;
            labels.push(Label { id, ..label });
        }
        labels.sort_by(|a, b| (a.commit, &a.text, &a.id).cmp(&(b.commit, &b.text, &b.id)));
        Ok(labels)
    }

    /// Puts a label on a commit.
    pub fn add_label(&self, commit: CommitId, text: &str, now: UnixMillis) -> Result<Label> {
        if text.is_empty() || text.len() > MAX_BYTES || text.contains('\0') {
            return Err(WorktreeError::Label { max_bytes: MAX_BYTES });
        }
        let label = Label {
            id: Id::<Repository>::unguessable(&self.random).to_string(),
            commit,
            text: text.to_owned(),
            created_at: CommitTime::from_millis(now).to_string(),
        };
        let commit = label.commit.to_string();
        let value = Value::map(
            [
                ("tag_id", label.id.as_str()),
                ("repo_id", &self.repo_id),
                ("commit_id", &commit),
                ("tag", text),
                ("created_at", &label.created_at),
            ]
            .map(|(key, text)| (key, Value::from(text))),
        );
        self.write_file(
            &format!("{}/{}.json", self.label_directory()?, label.id),
            &json::pretty(&value),
        )?;
        Ok(label)
    }

    /// Takes all labels of this text off a commit, and says how many there were.
    pub fn remove_label(&self, commit: CommitId, text: &str) -> Result<usize> {
        let labels = self.labels()?;
        let meant: Vec<_> =
            labels.iter().filter(|label| label.commit == commit && label.text == text).collect();
        for label in &meant {
            self.remove_file(&format!("{}/{}.json", self.label_directory()?, label.id))?;
        }
        Ok(meant.len())
    }
}

fn read(value: Value) -> Result<Label, api::WireError> {
    let mut fields = Fields::of(value, "a label")?;
    Ok(Label {
        id: fields.text("tag_id")?,
        commit: fields.id("commit_id")?,
        text: fields.text("tag")?,
        created_at: fields.text("created_at")?,
    })
}
