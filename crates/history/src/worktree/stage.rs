//! `code/stage.json`: what the Muse client has staged. If it exists, a commit takes the head's snapshot with
//! these entries, and removes the file (`spec/wire.md` 2).

use api::{Value, wire::Fields};
use names::{ObjectId, RepoPath};

use super::{Result, WorkingCopy, files::damaged};
use crate::Manifest;

const FILE: &str = "code/stage.json";

impl WorkingCopy {
    /// What `head` becomes with what is staged; none if nothing was ever staged.
    pub(super) fn staged(
        &self,
        head: impl FnOnce() -> Result<Manifest>,
    ) -> Result<Option<Manifest>> {
        let Some(value) = self.read_json(FILE)? else { return Ok(None) };
        let entries = Fields::of(value, "the stage")
            .and_then(|mut fields| fields.entries("entries", super::MAX_FILES));
        let mut manifest = head()?;
        for (path, entry) in entries.map_err(|error| damaged(FILE, error.to_string()))? {
            let (path, object) = read(&path, entry).map_err(|reason| damaged(FILE, reason))?;
            match object {
                Some(object) => drop(manifest.insert(path, object)),
                None => drop(manifest.remove(&path)),
            }
        }
        Ok(Some(manifest))
    }

    /// Forgets what was staged.
    pub(super) fn clear_stage(&self) -> Result<()> {
        self.remove_file(FILE)
    }
}

/// A path with its new content; none for one that goes.
fn read(path: &str, entry: Value) -> Result<(RepoPath, Option<ObjectId>), String> {
    let path: RepoPath = path.parse().map_err(|error| format!("`{path}`: {error}"))?;
    let text = |error: api::WireError| error.to_string();
    let mut fields = Fields::of(entry, "a staged file").map_err(text)?;
    match fields.text("mode").map_err(text)?.as_str() {
        "D" => Ok((path, None)),
        "A" | "M" => Ok((path, Some(fields.id("object_id").map_err(text)?))),
        other => Err(format!("`{path}` has the unknown mode `{other}`")),
    }
}
