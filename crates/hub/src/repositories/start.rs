//! What a new repository begins with: a readme, a licence, what is left out of history; or the files of a template
//! (`spec/hub.md` 1, `initialize`, `template`).

use api::json;
use names::{RepoPath, UnixMillis};
use web::Fault;

use super::{Format, NewRepository};
use crate::edits::Edit;

/// Licences whose texts are here, by their SPDX names, as forms list them.
const LICENCES: [(&str, &str); 11] = [
    ("MIT", include_str!("licences/MIT.txt")),
    ("Apache-2.0", include_str!("licences/Apache-2.0.txt")),
    ("BSD-2-Clause", include_str!("licences/BSD-2-Clause.txt")),
    ("BSD-3-Clause", include_str!("licences/BSD-3-Clause.txt")),
    ("ISC", include_str!("licences/ISC.txt")),
    ("MPL-2.0", include_str!("licences/MPL-2.0.txt")),
    ("GPL-3.0-only", include_str!("licences/GPL-3.0.txt")),
    ("GPL-3.0-or-later", include_str!("licences/GPL-3.0.txt")),
    ("0BSD", include_str!("licences/0BSD.txt")),
    ("CC0-1.0", include_str!("licences/CC0-1.0.txt")),
    ("Unlicense", include_str!("licences/Unlicense.txt")),
];

/// Kinds of projects, with what of them stays out of a history: patterns of a `.museignore`, or of a `.gitignore`.
const IGNORED: [(&str, &[&str]); 7] = [
    ("rust", &["target/", "*.rs.bk"]),
    ("python", &["*.pyc", "*.pyo", "*.egg-info/", ".ipynb_checkpoints/"]),
    ("node", &["*.tgz", ".npm/", ".yarn/cache/", "npm-debug.log*"]),
    ("go", &["*.test", "*.out"]),
    ("java", &["*.class", "*.jar", "target/", ".gradle/"]),
    ("c", &["*.o", "*.a", "*.so", "*.exe", "*.dll", "*.obj"]),
    ("latex", &["*.aux", "*.log", "*.toc", "*.synctex.gz", "*.fls"]),
];

/// What the first commit holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StartFiles {
    readme: bool,
    licence: Option<&'static (&'static str, &'static str)>,
    ignored: Option<&'static (&'static str, &'static [&'static str])>,
}

/// The licences that a repository can begin with.
pub(crate) fn licences() -> Vec<&'static str> {
    LICENCES.iter().map(|(name, _)| *name).collect()
}

/// The kinds of projects whose leavings are known.
pub(crate) fn ignored() -> Vec<&'static str> {
    IGNORED.iter().map(|(name, _)| *name).collect()
}

impl StartFiles {
    /// What was asked for; what is not here is a fault.
    pub(crate) fn parse(asked: &json::Initialize, faults: &mut Vec<Fault>) -> Self {
        let mut fault = |field: &str, known: &[&str]| {
            let message = format!("what there is: {}", known.join(", "));
            let pointer = format!("/initialize/{field}");
            faults.push(Fault { pointer, code: "invalid", message });
        };
        let licence = asked.licence.as_deref().filter(|it| !it.is_empty()).and_then(|wanted| {
            let found = LICENCES.iter().find(|(name, _)| *name == wanted);
            found.or_else(|| {
                fault("licence", &licences());
                None
            })
        });
        let kind = asked.ignore.as_deref().filter(|it| !it.is_empty()).and_then(|wanted| {
            let found = IGNORED.iter().find(|(name, _)| *name == wanted);
            found.or_else(|| {
                fault("ignore", &ignored());
                None
            })
        });
        Self { readme: asked.readme, licence, ignored: kind }
    }

    /// Whether there is anything to commit.
    pub(crate) const fn is_empty(&self) -> bool {
        !self.readme && self.licence.is_none() && self.ignored.is_none()
    }

    /// The name of the licence.
    pub(crate) fn licence(&self) -> Option<&'static str> {
        self.licence.map(|(name, _)| *name)
    }

    /// The files, for a repository of `owner`.
    pub(crate) fn files(&self, of: &NewRepository, owner: &str, now: UnixMillis) -> Vec<Edit> {
        let mut files = Vec::new();
        let mut add = |name: &str, text: String| {
            // Each name is a path.
            if let Ok(path) = name.parse::<RepoPath>() {
                files.push(Edit::Write { path, bytes: text.into_bytes() });
            }
        };
        if self.readme {
            let about = match of.description.as_str() {
                "" => String::new(),
                about => format!("\n{about}\n"),
            };
            add("README.md", format!("# {}\n{about}", of.name));
        }
        if let Some((_, text)) = self.licence {
            let now = now.to_string();
            let year = now.split('-').next().unwrap_or_default();
            add("LICENSE", text.replace("YEAR HOLDER", &format!("{year} {owner}")));
        }
        if let Some((_, patterns)) = self.ignored.filter(|_| of.format == Format::Git) {
            add(".gitignore", format!("{}\n", patterns.join("\n")));
        } else if let Some((_, patterns)) = self.ignored {
            let quoted: Vec<_> = patterns.iter().map(|it| format!("    \"{it}\",\n")).collect();
            add(".museignore", format!("[global]\npatterns = [\n{}]\n", quoted.concat()));
        }
        files
    }
}

#[cfg(test)]
mod tests {
    use history::worktree::Ignore;

    use super::*;

    fn of(licence: &str, ignore: &str) -> Vec<(String, String)> {
        let (licence, ignore) = (Some(licence.to_owned()), Some(ignore.to_owned()));
        let asked = json::Initialize { readme: true, licence, ignore };
        let mut faults = Vec::new();
        let start = StartFiles::parse(&asked, &mut faults);
        assert!(faults.is_empty());
        let new = NewRepository {
            name: "song".parse().unwrap(),
            visibility: trust::Visibility::Private,
            format: Format::Muse,
            description: "What we sing".to_owned(),
            default_branch: "main".parse().unwrap(),
        };
        let files = start.files(&new, "anna", UnixMillis(1_795_294_380_123));
        let text = |edit: Edit| match edit {
            Edit::Write { path, bytes } => {
                (path.as_str().to_owned(), String::from_utf8(bytes).unwrap())
            }
            other => panic!("{other:?}"),
        };
        files.into_iter().map(text).collect()
    }

    #[test]
    fn every_licence_and_every_kind_gives_files_that_say_what_they_shall() {
        for licence in licences() {
            let files = of(licence, "rust");
            let text = &files.iter().find(|(name, _)| name == "LICENSE").unwrap().1;
            assert!(text.len() > 500, "{licence}");
            assert!(!text.contains("YEAR HOLDER"), "{licence}");
        }
        assert!(of("MIT", "rust")[1].1.contains("Copyright (c) 2026 anna"));
        assert_eq!(of("MIT", "rust")[0].1, "# song\n\nWhat we sing\n");
        for kind in ignored() {
            let files = of("MIT", kind);
            let (name, text) = &files[2];
            assert_eq!(name, ".museignore");
            let rules = Ignore::new("code", Some(text.as_bytes())).unwrap();
            assert!(!rules.is_ignored(&"README.md".parse().unwrap()), "{kind}");
        }
    }

    #[test]
    fn what_is_not_here_is_told_with_what_is() {
        let asked = json::Initialize {
            readme: false,
            licence: Some("Mine".to_owned()),
            ignore: Some("cobol".to_owned()),
        };
        let mut faults = Vec::new();
        assert!(StartFiles::parse(&asked, &mut faults).is_empty());
        let pointers: Vec<_> = faults.iter().map(|it| it.pointer.as_str()).collect();
        assert_eq!(pointers, ["/initialize/licence", "/initialize/ignore"]);
    }
}
