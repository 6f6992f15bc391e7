//! What a new skill has to be, told with all its faults at once. Pure.

use std::collections::BTreeMap;

use api::json::{NewSkill, NewSkillFile};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use names::{Digest, RepoPath};
use pipelines_core::{
    fault::{Code, Fault},
    json::{self, Form, Place},
    name::is_name,
    skill::bundle_sha256,
};
use serde_json::Value;

/// Files of a bundle.
const MAX_FILES: usize = 64;
/// Bytes of one.
const MAX_FILE_BYTES: usize = 256 << 10;
/// Bytes of all.
const MAX_BYTES: usize = 4 << 20;
/// Bytes of a path.
const MAX_PATH_BYTES: usize = 255;
/// Bytes of a description.
const MAX_DESCRIPTION_BYTES: usize = 4 << 10;
/// Characters of a version.
const MAX_VERSION: usize = 64;
/// The file that every bundle has.
const FRONT: &str = "SKILL.md";
/// What stands for the newest version in a reference, and so for none.
const LATEST: &str = "latest";

/// A skill that holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bundle {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) description: String,
    pub(crate) is_public: bool,
    /// By path.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) sha256: Digest,
}

impl Bundle {
    /// Reads what was sent.
    pub(crate) fn read(new: NewSkill) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults(Vec::new());
        let top = Place::root();
        if !is_name(&new.name) {
            let why = "a name begins with a letter and has at most 64 of a-z, 0-9 and -";
            faults.note(&top.at("name"), Code::WrongType, why);
        }
        if !is_version(&new.version) {
            let why = "a version is 1 to 64 letters, digits and . + _ -, and not `latest`";
            faults.note(&top.at("version"), Code::WrongType, why);
        }
        if new.description.as_ref().is_some_and(|it| it.len() > MAX_DESCRIPTION_BYTES) {
            let why = format!("a description has at most {MAX_DESCRIPTION_BYTES} bytes");
            faults.note(&top.at("description"), Code::OutOfRange, why);
        }
        let files = faults.files(new.files);
        let told = faults.front(&files, &new.name);
        if !faults.0.is_empty() {
            return Err(faults.0);
        }
        let files: BTreeMap<_, _> = files.into_iter().map(|(path, (_, it))| (path, it)).collect();
        let sha256 = bundle_sha256(files.iter().map(|(path, it)| (path.as_str(), it.as_slice())));
        Ok(Self {
            name: new.name,
            version: new.version,
            description: new.description.unwrap_or(told),
            is_public: new.public,
            files,
            sha256,
        })
    }
}

fn is_version(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".+_-".contains(c);
    (1..=MAX_VERSION).contains(&text.len()) && text != LATEST && text.chars().all(is_plain)
}

/// Files by path, each with its position in what was sent.
type Files = BTreeMap<String, (usize, Vec<u8>)>;

struct Faults(Vec<Fault>);

impl Faults {
    fn note(&mut self, place: &Place, code: Code, why: impl Into<String>) {
        self.0.push(Fault::at(place, code, why));
    }

    fn files(&mut self, sent: Vec<NewSkillFile>) -> Files {
        let top = Place::root().at("files");
        let mut files = Files::new();
        if sent.len() > MAX_FILES {
            self.note(&top, Code::OutOfRange, format!("at most {MAX_FILES} files are taken"));
            return files;
        }
        let mut bytes = 0;
        for (position, file) in sent.into_iter().enumerate() {
            let place = top.at(position);
            let path = file.path.clone();
            let is_good = path.len() <= MAX_PATH_BYTES && path.parse::<RepoPath>().is_ok();
            if !is_good {
                let why = "a path is relative, has / between names, no . and no .., and at most 255 bytes";
                self.note(&place.at("path"), Code::WrongType, why);
            }
            let Some(content) = self.content(&place, file) else { continue };
            bytes += content.len();
            if is_good && files.insert(path, (position, content)).is_some() {
                self.note(&place.at("path"), Code::DuplicateKey, "another file lies there");
            }
        }
        if bytes > MAX_BYTES {
            self.note(&top, Code::TooLarge, "all files together have at most 4 MiB");
        }
        files
    }

    fn content(&mut self, place: &Place, file: NewSkillFile) -> Option<Vec<u8>> {
        let (content, place) = match (file.content, file.content_base64) {
            (Some(text), None) => (text.into_bytes(), place.at("content")),
            (None, Some(text)) => {
                let place = place.at("content_base64");
                let Ok(bytes) = STANDARD.decode(text) else {
                    self.note(&place, Code::WrongType, "it is no base64");
                    return None;
                };
                (bytes, place)
            }
            (None, None) => {
                let why = "content or content_base64 is wanted";
                self.note(&place.at("content"), Code::MissingField, why);
                return None;
            }
            (Some(_), Some(_)) => {
                let why = "either content or content_base64 is taken";
                self.note(&place.at("content_base64"), Code::UnknownField, why);
                return None;
            }
        };
        if content.len() > MAX_FILE_BYTES {
            self.note(&place, Code::OutOfRange, "a file has at most 256 KiB");
            return None;
        }
        Some(content)
    }

    /// Looks into `SKILL.md`; gives what it says that the skill is for.
    fn front(&mut self, files: &Files, name: &str) -> String {
        let top = Place::root().at("files");
        let Some((position, content)) = files.get(FRONT) else {
            self.note(&top, Code::MissingField, format!("every skill has a {FRONT}"));
            return String::new();
        };
        let place = top.at(position);
        match matter(content) {
            Ok((told, description)) if told == name => description,
            Ok((told, _)) => {
                let why = format!("its front matter calls it {told}, and not {name}");
                self.note(&place, Code::WrongType, why);
                String::new()
            }
            Err(why) => {
                self.note(&place, Code::WrongType, why);
                String::new()
            }
        }
    }
}

/// Name and description in the lines between the first two `---`.
fn matter(content: &[u8]) -> Result<(String, String), String> {
    let text = std::str::from_utf8(content).map_err(|_| format!("{FRONT} is no UTF-8"))?;
    let mut lines = text.lines();
    let begins = lines.next() == Some("---");
    let head: Vec<_> = lines.by_ref().take_while(|line| *line != "---").collect();
    if !begins || text.lines().skip(1).all(|line| line != "---") {
        return Err(format!("{FRONT} begins with front matter between two lines of ---"));
    }
    let head = json::read(head.join("\n").as_bytes(), Form::Yaml);
    let head =
        head.map_err(|fault| format!("its front matter does not read: {}", fault.message))?;
    let text = |name: &str| {
        let told = head.get(name).and_then(Value::as_str).filter(|it| !it.trim().is_empty());
        told.map(str::to_owned).ok_or_else(|| format!("its front matter has no {name}"))
    };
    let (name, description) = (text("name")?, text("description")?);
    if description.len() > MAX_DESCRIPTION_BYTES {
        return Err(format!("a description has at most {MAX_DESCRIPTION_BYTES} bytes"));
    }
    Ok((name, description))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "---\nname: knots\ndescription: How to tie.\n---\nPull.\n";

    fn text(path: &str, content: &str) -> NewSkillFile {
        NewSkillFile { path: path.into(), content: Some(content.into()), content_base64: None }
    }

    fn new(files: Vec<NewSkillFile>) -> NewSkill {
        let mut new =
            NewSkill { name: "knots".into(), version: "1.0".into(), ..NewSkill::default() };
        new.files = files;
        new
    }

    fn faults(new: NewSkill) -> Vec<(String, Code)> {
        let found = Bundle::read(new).unwrap_err();
        found.into_iter().map(|it| (it.pointer, it.code)).collect()
    }

    fn one(pointer: &str, code: Code) -> Vec<(String, Code)> {
        vec![(pointer.to_owned(), code)]
    }

    #[test]
    fn a_bundle_is_named_by_what_is_in_it() {
        let base64 = NewSkillFile {
            path: "a.png".into(),
            content: None,
            content_base64: Some("AAEC".into()),
        };
        let files = || vec![text("SKILL.md", HEAD), base64.clone()];
        let bundle = Bundle::read(new(files())).unwrap();
        assert_eq!(bundle.description, "How to tie.");
        assert_eq!(bundle.files["a.png"], [0, 1, 2]);
        let mut other = new(files().into_iter().rev().collect());
        other.description = Some("Else.".into());
        let other = Bundle::read(other).unwrap();
        assert_eq!((other.sha256, other.description.as_str()), (bundle.sha256, "Else."));
        let changed = Bundle::read(new(vec![text("SKILL.md", HEAD)])).unwrap();
        assert_ne!(changed.sha256, bundle.sha256);
    }

    /// W91.
    #[test]
    fn what_is_too_much_or_not_there_is_told() {
        let front = || text("SKILL.md", HEAD);
        let filled = |number: usize, bytes: usize| {
            let mut files = vec![front()];
            files.extend((1..number).map(|it| text(&format!("{it}"), &"a".repeat(bytes))));
            new(files)
        };
        assert!(Bundle::read(filled(64, 1)).is_ok());
        assert_eq!(
            faults(filled(65, 1)),
            [("/files".to_owned(), Code::OutOfRange), ("/files".to_owned(), Code::MissingField),]
        );
        assert!(Bundle::read(filled(2, MAX_FILE_BYTES)).is_ok());
        let large = faults(filled(2, MAX_FILE_BYTES + 1));
        assert_eq!(large, one("/files/1/content", Code::OutOfRange));
        assert_eq!(faults(filled(18, MAX_FILE_BYTES)), one("/files", Code::TooLarge));
        assert_eq!(faults(new(vec![text("a", "b")])), one("/files", Code::MissingField));
        for path in ["a/../b", "/a", "a//b", "", ".git/a", &"a".repeat(256)] {
            let found = faults(new(vec![front(), text(path, "x")]));
            assert_eq!(found, one("/files/1/path", Code::WrongType), "{path}");
        }
        let twice = faults(new(vec![front(), text("a", "1"), text("a", "2")]));
        assert_eq!(twice, one("/files/2/path", Code::DuplicateKey));
    }

    #[test]
    fn the_front_matter_says_what_it_is() {
        for bad in [
            "no matter",
            "---\nname: knots\n---\n",
            "---\nname: knots\ndescription: x\n",
            "---\nname: other\ndescription: x\n---\n",
            "---\nname: &a knots\ndescription: *a\n---\n",
        ] {
            let found = faults(new(vec![text("SKILL.md", bad)]));
            assert_eq!(found, one("/files/0", Code::WrongType), "{bad}");
        }
        for (name, version) in [("Knots", "1"), ("", "1"), ("knots", "latest"), ("knots", "1/2")] {
            let it = NewSkill { name: name.into(), version: version.into(), ..new(vec![]) };
            assert!(Bundle::read(it).is_err());
        }
    }
}
