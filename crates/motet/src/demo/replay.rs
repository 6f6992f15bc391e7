//! The script of the demo, played on trees in memory.

use std::collections::BTreeMap;

use names::{BranchName, RepoPath};

use super::{
    DemoError, MAIN, picture,
    script::{Change, Step},
};

/// Files with their bytes.
pub(super) type Tree = BTreeMap<RepoPath, Vec<u8>>;

/// The trees of the branches as they are.
#[derive(Default)]
pub(super) struct Replay {
    branches: BTreeMap<BranchName, Branch>,
}

#[derive(Default, Clone)]
struct Branch {
    tree: Tree,
    /// What it had in common with `main` when it began or was last merged.
    base: Tree,
}

impl Replay {
    /// The tree after `step`.
    pub(super) fn play(&mut self, step: &Step) -> Result<&Tree, DemoError> {
        let wrong = |reason: String| DemoError::Script { line: step.line, reason };
        if !self.branches.contains_key(&step.branch) {
            let main = self.branches.iter().find(|(name, _)| name.as_str() == MAIN);
            let tree = main.map(|(_, branch)| branch.tree.clone()).unwrap_or_default();
            let branch = Branch { base: tree.clone(), tree };
            self.branches.insert(step.branch.clone(), branch);
        }
        let merged = match &step.merged {
            Some(name) => {
                let theirs = self.branches.get_mut(name);
                let theirs = theirs.ok_or_else(|| wrong(format!("there is no branch {name}")))?;
                let before = std::mem::replace(&mut theirs.base, theirs.tree.clone());
                Some((before, theirs.tree.clone()))
            }
            None => None,
        };
        let branch = self.branches.entry(step.branch.clone()).or_default();
        if let Some((base, theirs)) = merged {
            merge(&mut branch.tree, &base, &theirs);
        }
        for change in &step.changes {
            apply(&mut branch.tree, change).map_err(wrong)?;
        }
        Ok(&branch.tree)
    }
}

/// Takes over what `theirs` has changed since `base`. The script sees to it that both did not change one file.
fn merge(ours: &mut Tree, base: &Tree, theirs: &Tree) {
    for (path, bytes) in theirs.iter().filter(|(path, bytes)| base.get(*path) != Some(*bytes)) {
        ours.insert(path.clone(), bytes.clone());
    }
    for path in base.keys().filter(|path| !theirs.contains_key(*path)) {
        ours.remove(path);
    }
}

fn apply(tree: &mut Tree, change: &Change) -> Result<(), String> {
    let missing = |path: &RepoPath| format!("there is no file {path}");
    match change {
        Change::Write(path, text) => {
            tree.insert(path.clone(), text.clone().into_bytes());
        }
        Change::Append(path, text) => {
            let bytes = tree.get_mut(path).ok_or_else(|| missing(path))?;
            bytes.extend_from_slice(text.as_bytes());
        }
        Change::Replace { path, old, new } => {
            let bytes = tree.get_mut(path).ok_or_else(|| missing(path))?;
            let text = String::from_utf8_lossy(bytes);
            if text.matches(old).count() != 1 {
                return Err(format!("{path} does not hold this text exactly once: {old}"));
            }
            *bytes = text.replace(old, new).into_bytes();
        }
        Change::Rename { from, to } => {
            let bytes = tree.remove(from).ok_or_else(|| missing(from))?;
            tree.insert(to.clone(), bytes);
        }
        Change::Delete(path) => {
            tree.remove(path).ok_or_else(|| missing(path))?;
        }
        Change::Picture(path) => {
            tree.insert(path.clone(), picture::moon());
        }
    }
    Ok(())
}
