//! How the tests find files, and tell code from comments and from tests.
//!
//! Works on lines of formatted text, not on a syntax tree: rules need no more, and a reader can follow it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tidy/ lies in the repository")
}

/// One file, by its path from the root, with `/`.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) is_test: bool,
}

impl Source {
    /// The crate's directory: `hub` of `crates/hub/src/lib.rs`, else the first directory.
    pub(crate) fn room(&self) -> &str {
        let mut parts = self.path.split('/');
        match (parts.next(), parts.next()) {
            (Some("crates"), Some(room)) => room,
            (first, _) => first.unwrap_or_default(),
        }
    }

    pub(crate) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The lines of code with their numbers: without comments.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The same without what only tests compile.
    pub(crate) fn shipped_code(&self) -> Vec<(usize, &str)> {
        if self.is_test {
            return Vec::new();
        }
        let (mut shipped, mut closing) = (Vec::new(), None);
        let mut is_marked = false;
        for (number, line) in self.code() {
            if let Some(end) = &closing {
                if line == end {
                    closing = None;
                }
                continue;
            }
            let trimmed = line.trim_start();
            if trimmed == "#[cfg(test)]" {
                is_marked = true;
            } else if is_marked && !trimmed.starts_with('#') {
                is_marked = false;
                if line.starts_with("mod ") && line.ends_with('{') {
                    // A module of tests is the last thing in its file; clippy sees to that.
                    break;
                }
                if trimmed.ends_with('{') {
                    closing = Some(format!("{}}}", &line[..line.len() - trimmed.len()]));
                }
            } else if !is_marked {
                shipped.push((number, line));
            }
        }
        shipped
    }
}

/// Every Rust file below `dirs`, in order.
pub(crate) fn rust_files(dirs: &[&str]) -> Vec<Source> {
    let in_dirs = |path: &String| dirs.iter().any(|dir| path.starts_with(&format!("{dir}/")));
    let is_rust = |path: &String| Path::new(path).extension().is_some_and(|it| it == "rs");
    let mut found: Vec<_> =
        files().into_iter().filter(in_dirs).filter(is_rust).filter_map(read).collect();
    assert!(!found.is_empty(), "no sources below {dirs:?}");
    let tests: BTreeSet<_> = found.iter().flat_map(test_modules).collect();
    for source in &mut found {
        let path = Path::new(&source.path);
        source.is_test = path.components().any(|part| part.as_os_str() == "tests")
            || source.path.ends_with("_tests.rs")
            || path.ancestors().any(|above| tests.contains(&above.with_extension("")));
    }
    found
}

/// Where the modules are that `source` declares for tests alone.
fn test_modules(source: &Source) -> Vec<PathBuf> {
    let path = Path::new(&source.path);
    let is_root = ["lib.rs", "main.rs", "mod.rs"].contains(&source.file_name());
    let dir =
        if is_root { path.parent().unwrap_or(path).to_owned() } else { path.with_extension("") };
    let lines: Vec<_> = source.text.lines().map(str::trim).collect();
    let declared = lines.windows(2).filter_map(|pair| match pair {
        ["#[cfg(test)]", line] => line.rsplit("mod ").next()?.strip_suffix(';'),
        _ => None,
    });
    declared.map(|name| dir.join(name)).collect()
}

/// Every file that is tracked, or would be: what `.gitignore` names is left out.
pub(crate) fn files() -> Vec<String> {
    let list = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
    let output = Command::new("git").args(list).current_dir(root()).output();
    let output = output.expect("git is on the machine, and this is a checkout");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("file names are UTF-8");
    let found: BTreeSet<_> = text.split_terminator('\0').map(str::to_owned).collect();
    found.into_iter().filter(|path| root().join(path).is_file()).collect()
}

/// One file as text; nothing if it is not text, or went away meanwhile.
pub(crate) fn read(path: String) -> Option<Source> {
    let text = fs::read_to_string(root().join(&path)).ok()?;
    Some(Source { path, text, is_test: false })
}

/// Whether `line` has `word` with nothing of a name around it.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(is_name) && !after.is_some_and(is_name)
    })
}

/// Fails with every place where `rule` is broken.
#[track_caller]
pub(crate) fn holds(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}; broken at:\n  {}", broken.join("\n  "));
}
