//! H79: which files belong to a commit and how they stand to it, on generated trees, beside a model that knows
//! nothing of the code: it walks with the standard library and reads the rules of `spec/wire.md` 2 one by one.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    os::unix::{ffi::OsStrExt as _, net::UnixListener},
    path::Path,
};

use super::*;

const NAMES: &[&str] = &[
    "a",
    "b",
    "lib",
    "build",
    "dist",
    "node_modules",
    "__pycache__",
    ".venv",
    ".eggs",
    ".hidden",
    ".env",
    ".env.local",
    ".envrc",
    "x.pem",
    "server.key",
    "notes.txt",
    "notes.TXT",
    "Thumbs.db",
    ".DS_Store",
    "größe.txt",
    "gro\u{308}ße",
    "a b",
    "tab\tname",
    "new\nline",
    "*star",
    "[set]",
    "-dash",
    "back\\slash",
    "quote\"d",
    "\u{202e}mirrored",
    "😀.txt",
    "~tilde",
    "a.log",
    "b.log",
    "keep.log",
    "a'b",
];
const BAD_NAMES: &[&[u8]] = &[b"\xff\xfe", b"caf\xe9.txt", b".GIT", b".Muse", b"git~1"];
const PATTERNS: &[&str] = &[
    "*.log",
    "!keep.log",
    "/a",
    "/lib/*",
    "lib/",
    "lib/*.txt",
    "**/b.log",
    "a/**",
    "lib/a/",
    "!.env.local",
    "?",
    "[ab].log",
    "[!ab].log",
    "*.t[a-z]t",
    "!lib/",
    "a/*/b",
    "/*.txt",
    "größe*",
    ".hidden/",
    "!x.pem",
    "a/b",
    "**",
    "!/lib/a/*",
];
const NEVER: &[&str] = &[
    ".muse",
    ".git",
    "node_modules",
    "__pycache__",
    ".venv",
    "venv",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".coverage",
    "htmlcov",
    "dist",
    "build",
    ".eggs",
    ".DS_Store",
];
const SECRETS: &[&str] =
    &[".env", ".env.*", ".envrc", "*.pem", "*.key", "*.p12", "*.pfx", ".DS_Store", "Thumbs.db"];

/// Numbers that are the same for a seed.
pub(super) struct Dice(pub(super) Random);

impl Dice {
    pub(super) fn below(&self, end: usize) -> usize {
        usize::try_from(u64::from_be_bytes(self.0.bytes())).unwrap() % end
    }

    pub(super) fn one_of<'a, T: ?Sized>(&self, of: &'a [&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// Whether all of `text` fits `pattern`, character by character.
fn fits(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|taken| fits(rest, &text[taken..])),
        Some(('?', rest)) => !text.is_empty() && fits(rest, &text[1..]),
        Some(('[', rest)) => {
            let end = rest.iter().position(|c| *c == ']').unwrap();
            let (negated, set) = match &rest[..end] {
                ['!', set @ ..] => (true, set),
                set => (false, set),
            };
            let Some((first, after)) = text.split_first() else { return false };
            let is_in = match set {
                [low, '-', high] => low <= first && first <= high,
                set => set.contains(first),
            };
            is_in != negated && fits(&rest[end + 1..], after)
        }
        Some((literal, rest)) => text.first() == Some(literal) && fits(rest, &text[1..]),
    }
}

fn fits_text(pattern: &str, text: &str) -> bool {
    fits(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>())
}

/// Whether a pattern, without its `!`, means `path`.
fn means(pattern: &str, path: &str) -> bool {
    if let Some(beginning) = pattern.strip_suffix('/') {
        return path.starts_with(pattern) || means(&format!("{beginning}/**"), path);
    }
    if let Some(whole) = pattern.strip_prefix('/') {
        return fits_text(whole, path);
    }
    let segments: Vec<_> = path.split('/').collect();
    let last = |pattern: &str| {
        let wanted: Vec<_> = pattern.split('/').collect();
        wanted.len() <= segments.len()
            && wanted
                .iter()
                .zip(&segments[segments.len() - wanted.len()..])
                .all(|(pattern, segment)| fits_text(pattern, segment))
    };
    last(pattern) || pattern.strip_prefix("**/").is_some_and(last)
}

fn is_ignored(patterns: &[&str], path: &str) -> bool {
    let mut ignored = false;
    for pattern in SECRETS.iter().chain(patterns) {
        let plain = pattern.strip_prefix('!').unwrap_or(pattern);
        if means(plain, path) {
            ignored = plain == *pattern;
        }
    }
    ignored
}

/// What the model finds.
#[derive(Default)]
struct Model {
    files: BTreeMap<String, Vec<u8>>,
    /// Links and sockets that are nobody's business to leave out silently.
    odd: BTreeSet<String>,
}

impl Model {
    fn of(root: &Path, patterns: &[&str]) -> Self {
        let mut model = Self::default();
        model.walk(root, "", patterns);
        model
    }

    fn walk(&mut self, directory: &Path, prefix: &str, patterns: &[&str]) {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let (name, kind) = (entry.file_name(), entry.file_type().unwrap());
            let Some(name) = name.to_str() else { continue };
            let lower = name.to_lowercase();
            if matches!(lower.as_str(), ".git" | ".muse" | "git~1") {
                continue;
            }
            let path = format!("{prefix}{name}");
            if kind.is_dir() {
                if !NEVER.contains(&name) {
                    self.walk(&entry.path(), &format!("{path}/"), patterns);
                }
            } else if is_ignored(patterns, &path) {
            } else if kind.is_file() {
                self.files.insert(path, fs::read(entry.path()).unwrap());
            } else {
                self.odd.insert(path);
            }
        }
    }

    fn manifest(&self) -> Manifest {
        self.files.iter().map(|(name, bytes)| (path(name), ObjectId::of(bytes))).collect()
    }
}

/// Adds, changes and removes something in `directory`.
pub(super) fn stir(dice: &Dice, directory: &Path, depth: usize) {
    for _ in 0..dice.below(5) {
        let name = match dice.below(12) {
            0 => OsStr::from_bytes(dice.one_of(BAD_NAMES)),
            _ => OsStr::new(dice.one_of(NAMES)),
        };
        let at = directory.join(name);
        let kind = at.symlink_metadata().map(|it| it.file_type()).ok();
        match (dice.below(10), kind) {
            (0, Some(kind)) if kind.is_dir() => fs::remove_dir_all(&at).unwrap(),
            (0 | 1, Some(kind)) if !kind.is_dir() => fs::remove_file(&at).unwrap(),
            (2, None) => symlink(dice.one_of(&["a", "/etc/passwd", "..", "nowhere"]), &at).unwrap(),
            (3, None) => drop(bound(&at)),
            (4..=6, None) if depth < 4 => {
                fs::create_dir(&at).unwrap();
                stir(dice, &at, depth + 1);
            }
            (_, Some(kind)) if kind.is_dir() => stir(dice, &at, depth + 1),
            (_, Some(kind)) if !kind.is_file() => {}
            _ => fs::write(&at, dice.one_of(&["", "one\n", "two\n", "\0three"])).unwrap(),
        }
    }
}

/// A socket, if its path is short enough for one.
fn bound(at: &Path) -> Option<UnixListener> {
    UnixListener::bind(at).ok()
}

fn write_patterns(place: &Place, dice: &Dice) -> Vec<&'static str> {
    let patterns: Vec<_> = (0..dice.below(5)).map(|_| dice.one_of(PATTERNS)).collect();
    let (global, domain) = patterns.split_at(patterns.len() / 2);
    let text = format!("[global]\npatterns = {global:?}\n[domain.code]\npatterns = {domain:?}\n");
    place.write(".museignore", &text);
    patterns
}

fn odd(look: &Look) -> BTreeSet<String> {
    let named = look
        .skipped
        .iter()
        .filter(|(_, reason)| matches!(reason, SkipReason::Link | SkipReason::NotAFile));
    named.map(|(path, _)| path.to_str().unwrap().to_owned()).collect()
}

/// Five hundred trees, in four parts that run at once.
#[test]
fn a_commit_and_its_status_are_those_of_a_plain_model() {
    compare(0..125);
}

#[test]
fn a_commit_and_its_status_are_those_of_a_plain_model_2() {
    compare(125..250);
}

#[test]
fn a_commit_and_its_status_are_those_of_a_plain_model_3() {
    compare(250..375);
}

#[test]
fn a_commit_and_its_status_are_those_of_a_plain_model_4() {
    compare(375..500);
}

fn compare(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let (place, dice) = (place(), Dice(Random::seeded(seed)));
        let root = place.directory.path();
        stir(&dice, root, 0);
        let patterns = write_patterns(&place, &dice);
        let model = Model::of(root, &patterns);
        let look = place.copy.look().unwrap();
        assert!(look.files.is_sorted(), "seed {seed}: {patterns:?}");
        assert_eq!(odd(&look), model.odd, "seed {seed}: {patterns:?}");
        assert_eq!(look.manifest(), model.manifest(), "seed {seed}: {patterns:?}");
        let new = NewCommit { allow_empty: true, ..new_commit("first") };
        let commit = place.copy.record_commit(&new).unwrap().commit_id;
        let before = place.copy.manifest_of(Some(commit)).unwrap();
        assert_eq!(before, model.manifest(), "seed {seed}: {patterns:?}");
        assert!(place.copy.status().unwrap().changes.is_empty(), "seed {seed}");

        stir(&dice, root, 0);
        let patterns = if dice.below(3) == 0 { write_patterns(&place, &dice) } else { patterns };
        let after = Model::of(root, &patterns).manifest();
        let status = place.copy.status().unwrap();
        let mut told = before.clone();
        for change in &status.changes {
            if let Some(from) = &change.from {
                assert_eq!(told.remove(from), change.after, "seed {seed}: {change:?}");
            }
            let was = match change.after {
                Some(object) => told.insert(change.path.clone(), object),
                None => told.remove(&change.path),
            };
            let (changed, kept) = (was.is_some(), change.kind);
            let is_new = matches!(kept, ChangeKind::Added | ChangeKind::Renamed);
            assert_eq!(changed, !is_new, "seed {seed}: {change:?}");
        }
        assert_eq!(told, after, "seed {seed}: {patterns:?}");
    }
}
