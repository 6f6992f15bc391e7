//! Who last changed each line of a file, by what is here (`spec/hub.md` 3).

use std::{ops::RangeInclusive, sync::Arc};

use names::{CommitId, ObjectId, RepoPath, UnixMillis};

use super::{Result, WorkingCopy, WorktreeError, changes::changes};
use crate::{
    CommitTime,
    blame::{self, Version, Walk},
    diff::as_text,
    merge::Contents as _,
};

/// A line with where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlamedLine {
    /// Its number, from 1.
    pub line: u32,
    /// The commit that it came with.
    pub commit: CommitId,
    /// Where the file was then.
    pub path: RepoPath,
    /// The number of the line then.
    pub original_line: u32,
    /// What it says.
    pub text: String,
}

/// When a commit was made orders versions: where a clock was wrong, some are asked twice.
type Lines = Walk<UnixMillis>;

impl WorkingCopy {
    /// The lines of the file at `path` in `commit`, those of `range` alone if one is given, counted from 1.
    pub fn blame(
        &self,
        commit: CommitId,
        path: &RepoPath,
        range: Option<&RangeInclusive<u32>>,
    ) -> Result<Vec<BlamedLine>> {
        let object = self.manifest_of(Some(commit))?.get(path).copied();
        let object = object.ok_or_else(|| WorktreeError::NoFile { path: path.clone(), commit })?;
        let text = self.text(path, object)?.ok_or_else(|| WorktreeError::NotText(path.clone()))?;
        let mut claims = blame::claims(&text);
        claims.retain(|claim| range.is_none_or(|range| range.contains(&(claim.line + 1))));
        let place = (self.time_of(&commit)?, commit, path.clone());
        let mut lines = Lines::new(place, object, Arc::clone(&text), claims);
        while let Some(version) = lines.next_version() {
            self.ask(&mut lines, version)?;
        }
        let texts: Vec<_> = text.lines().collect();
        let told = lines.end().into_iter().map(|(claim, origin)| BlamedLine {
            line: claim.line + 1,
            commit: origin.commit,
            path: origin.path.clone(),
            original_line: claim.here + 1,
            text: usize::try_from(claim.line)
                .ok()
                .and_then(|at| texts.get(at))
                .map_or_else(String::new, |text| (*text).to_owned()),
        });
        Ok(told.collect())
    }

    /// Hands on what the parents have, and settles the rest. A parent that is not here is as good as none.
    fn ask(&self, lines: &mut Lines, mut version: Version) -> Result<()> {
        for parent in self.known(&version.commit)?.parents() {
            if self.commit(&parent)?.is_none() {
                continue;
            }
            let Some((path, older)) = self.version(parent, &version)? else { continue };
            let place = (self.time_of(&parent)?, parent, path);
            if older == version.object {
                let Version { object, text, claims, .. } = version;
                lines.follow(place, object, text, claims);
                return Ok(());
            }
            let Some(older_text) = self.text(&place.2, older)? else { continue };
            let claims = std::mem::take(&mut version.claims);
            let parted = blame::part(claims, &older_text, &version.text);
            lines.follow(place, older, older_text, parted.older);
            version.claims = parted.newer;
            if version.claims.is_empty() {
                return Ok(());
            }
        }
        lines.settle(version);
        Ok(())
    }

    /// Where the file of `child` is in `parent`, and what it holds there.
    fn version(&self, parent: CommitId, child: &Version) -> Result<Option<(RepoPath, ObjectId)>> {
        let before = self.manifest_of(Some(parent))?;
        if let Some(object) = before.get(&child.path) {
            return Ok(Some((child.path.clone(), *object)));
        }
        let after = self.manifest_of(Some(child.commit))?;
        let moved = changes(&before, &after).into_iter().find(|change| change.path == child.path);
        Ok(moved.and_then(|change| Some((change.from?, change.before?))))
    }

    fn time_of(&self, commit: &CommitId) -> Result<UnixMillis> {
        Ok(CommitTime::parse(&self.known(commit)?.committed_at)?.unix_millis())
    }

    /// The text of an object; nothing if it is none.
    fn text(&self, path: &RepoPath, object: ObjectId) -> Result<Option<Arc<str>>> {
        Ok(as_text(&self.read(path, &object)?).map(Arc::from))
    }
}
