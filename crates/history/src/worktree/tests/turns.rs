//! H78, beside a plain client: it does what `spec/wire.md` 2 says of the files of a working copy with the standard library
//! and a reader of JSON alone, in turn with our own code. It stands for the Muse client as far as forms go, and is not the
//! Muse client; the ids that both compute are held by the published vectors.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{trees::Dice, *};

const NAMES: &[&str] = &["a", "b", "lib/c.txt", "lib/deep/größe.txt", "empty", "x y", "😀"];
const TEXTS: &[&str] = &["", "one\n", "two\n", "one\ntwo\n", "\0three"];
const BRANCHES: &[&str] = &["main", "side", "side-by/side", "größe"];

type Files = BTreeMap<String, Vec<u8>>;
type Ids = BTreeMap<String, String>;

/// A client that knows the forms and nothing else.
struct Plain {
    root: PathBuf,
}

impl Plain {
    fn muse(&self, path: &str) -> PathBuf {
        self.root.join(".muse").join(path)
    }

    fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.muse(path)).ok()
    }

    fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let at = self.muse(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, bytes).unwrap();
    }

    /// Indent 2, nothing beyond ASCII, a final newline; the keys in an order of its own.
    fn put_json(&self, path: &str, value: &Value) {
        let mut text = String::new();
        for c in serde_json::to_string_pretty(value).unwrap().chars() {
            if c.is_ascii() {
                text.push(c);
            } else {
                let units = c.encode_utf16(&mut [0; 2]).to_vec();
                text.extend(units.iter().map(|it| format!("\\u{it:04x}")));
            }
        }
        self.put(path, text + "\n");
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path).unwrap()).unwrap()
    }

    fn branch(&self) -> String {
        let head = self.text("HEAD").unwrap();
        head.strip_prefix("ref: refs/heads/").unwrap().strip_suffix('\n').unwrap().to_owned()
    }

    fn head_of(&self, branch: &str) -> Option<String> {
        self.text(&format!("refs/heads/{branch}")).filter(|it| !it.is_empty())
    }

    fn head(&self) -> Option<String> {
        self.head_of(&self.branch())
    }

    fn manifest(&self, commit: Option<&str>) -> Ids {
        let Some(commit) = commit else { return Ids::new() };
        let record = self.json(&format!("commits/{commit}.json"));
        let snapshot = record["snapshot_id"].as_str().unwrap();
        let stored = self.json(&format!("snapshots/{snapshot}.json"));
        let entries = stored["manifest"].as_object().unwrap();
        entries.iter().map(|(path, id)| (path.clone(), id.as_str().unwrap().to_owned())).collect()
    }

    fn tree(&self) -> Files {
        let mut files = Files::new();
        below(&self.root, "", &mut files);
        files.retain(|path, _| !path.starts_with(".muse/"));
        files
    }

    fn now(&self) -> Ids {
        let ids = self.tree().into_iter();
        ids.map(|(path, bytes)| (path, ObjectId::of(&bytes).to_string())).collect()
    }

    fn is_clean(&self) -> bool {
        self.now() == self.manifest(self.head().as_deref())
    }

    /// A commit of everything; it says more than we would in the log, and keeps its cache of times.
    fn commit(&self, message: &str, moment: UnixMillis) {
        let before = self.head();
        for bytes in self.tree().values() {
            let id = ObjectId::of(bytes).to_string();
            self.put(&format!("objects/{}/{}", &id[..2], &id[2..]), bytes);
        }
        let now = self.now();
        let manifest: Manifest =
            now.iter().map(|(name, id)| (path(name), id.parse().unwrap())).collect();
        let (snapshot, time) = (snapshot_id(&manifest), CommitTime::from_millis(moment));
        let parent = before.as_deref().map(|it| it.parse().unwrap());
        let id = crate::new_record(Parents::new(parent, None), snapshot, message, time.as_str());
        let (id, branch) = (id.commit_id.to_string(), self.branch());
        let stored = json!({ "snapshot_id": snapshot.to_string(), "manifest": now, "created_at": time.as_str() });
        self.put_json(&format!("snapshots/{snapshot}.json"), &stored);
        let record = json!({
            "commit_id": id, "snapshot_id": snapshot.to_string(), "message": message,
            "repo_id": self.json("repo.json")["repo_id"], "branch": branch, "committed_at": time.as_str(),
            "parent_commit_id": before, "parent2_commit_id": null, "author": "", "format_version": 5,
            "metadata": { "section": "größe" }, "sem_ver_bump": "none", "unknown": [1, { "later": true }],
        });
        self.put_json(&format!("commits/{id}.json"), &record);
        self.put(&format!("refs/heads/{branch}"), &id);
        let zeros = "0".repeat(64);
        let line = format!(
            "{} {id} Plain <p@example.test> 1 +0000\tcommit: {message}\n",
            before.unwrap_or(zeros)
        );
        for log in ["logs/HEAD".to_owned(), format!("logs/refs/heads/{branch}")] {
            let former = self.text(&log).unwrap_or_default();
            self.put(&log, former + &line);
        }
        self.put("stat_cache.json", format!("{{\"version\":1,\"entries\":{{\"{id}\":{{}}}}}}"));
    }

    fn make_branch(&self, branch: &str) {
        self.put(&format!("refs/heads/{branch}"), self.head().unwrap_or_default());
    }

    fn switch(&self, branch: &str) {
        let wanted = self.manifest(self.head_of(branch).as_deref());
        for path in self.tree().into_keys().filter(|it| !wanted.contains_key(it)) {
            fs::remove_file(self.root.join(path)).unwrap();
        }
        for (path, id) in &wanted {
            let at = self.root.join(path);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            fs::copy(self.muse(&format!("objects/{}/{}", &id[..2], &id[2..])), at).unwrap();
        }
        self.put("HEAD", format!("ref: refs/heads/{branch}\n"));
    }

    /// Whether everything in `.muse` has a known place, and is what its name says.
    fn assert_known(&self) {
        let mut all = Files::new();
        below(&self.root.join(".muse"), "", &mut all);
        for (path, bytes) in all {
            let stem =
                |folder: &str| path.strip_prefix(folder).map(|it| it.trim_end_matches(".json"));
            if let Some(id) = stem("commits/") {
                let record: Value = serde_json::from_slice(&bytes).unwrap();
                let text = |key: &str| record[key].as_str().unwrap_or_default();
                let parent = |key: &str| record[key].as_str().map(|it| it.parse().unwrap());
                let parents = Parents::new(parent("parent_commit_id"), parent("parent2_commit_id"));
                let snapshot = text("snapshot_id").parse().unwrap();
                let again =
                    crate::new_record(parents, snapshot, text("message"), text("committed_at"));
                assert_eq!((id, text("commit_id")), (again.commit_id.to_string().as_str(), id));
            } else if let Some(id) = stem("snapshots/") {
                let record: Value = serde_json::from_slice(&bytes).unwrap();
                let manifest: Manifest =
                    serde_json::from_value::<BTreeMap<String, String>>(record["manifest"].clone())
                        .unwrap()
                        .iter()
                        .map(|(name, id)| (name.parse().unwrap(), id.parse().unwrap()))
                        .collect();
                assert_eq!(
                    (id, record["snapshot_id"].as_str()),
                    (snapshot_id(&manifest).to_string().as_str(), Some(id))
                );
            } else if let Some(id) = stem("objects/") {
                assert_eq!(id.replace('/', ""), ObjectId::of(&bytes).to_string());
            } else {
                let known =
                    ["refs/heads/", "logs/", "motet/"].iter().any(|it| path.starts_with(it));
                let known = known
                    || ["repo.json", "HEAD", "config.toml", "stat_cache.json"]
                        .contains(&path.as_str());
                assert!(known, "{path}");
            }
        }
    }
}

fn below(directory: &Path, prefix: &str, files: &mut Files) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            below(&entry.path(), &format!("{path}/"), files);
        } else {
            files.insert(path, fs::read(entry.path()).unwrap());
        }
    }
}

/// Both read the same in what is there.
fn assert_agree(place: &Place, plain: &Plain, step: usize) {
    let (copy, head) = (&place.copy, plain.head());
    assert_eq!(copy.head().unwrap(), Head::Branch(branch(&plain.branch())), "step {step}");
    assert_eq!(copy.head_commit().unwrap().map(|it| it.to_string()), head, "step {step}");
    for (name, commit) in copy.branches().unwrap() {
        assert_eq!(
            commit.map(|it| it.to_string()),
            plain.head_of(name.as_str()),
            "step {step}: {name}"
        );
    }
    let manifest = copy.manifest_of(copy.head_commit().unwrap()).unwrap();
    let told: Ids = manifest.iter().map(|(path, id)| (path.to_string(), id.to_string())).collect();
    let before = plain.manifest(head.as_deref());
    assert_eq!(told, before, "step {step}");
    let mut after = told;
    for change in copy.status().unwrap().changes {
        if let Some(from) = &change.from {
            after.remove(from.as_str());
        }
        match change.after {
            Some(id) => drop(after.insert(change.path.to_string(), id.to_string())),
            None => drop(after.remove(change.path.as_str())),
        }
    }
    assert_eq!(after, plain.now(), "step {step}");
}

/// Changes one file.
fn edit(plain: &Plain, dice: &Dice) {
    let at = plain.root.join(dice.one_of(NAMES));
    if at.exists() && dice.below(4) == 0 {
        fs::remove_file(at).unwrap();
    } else {
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, dice.one_of(TEXTS)).unwrap();
    }
}

fn take_turns(seed: u64) {
    let (place, dice) = (place(), Dice(Random::seeded(seed)));
    let plain = Plain { root: place.directory.path().to_owned() };
    for step in 0..200 {
        let is_ours = dice.below(2) == 0;
        let name = dice.one_of(BRANCHES);
        let is_there = plain.muse(&format!("refs/heads/{name}")).is_file();
        match dice.below(6) {
            0..=2 => edit(&plain, &dice),
            3 if !plain.is_clean() => {
                let message = format!("step {step}\n\nof größe 😀");
                if is_ours {
                    place.commit(&message);
                } else {
                    plain.commit(&message, UnixMillis(NOW.0 + i64::try_from(step).unwrap()));
                }
            }
            4 if !is_there && plain.head().is_some() => {
                if is_ours {
                    let head = place.copy.head_commit().unwrap();
                    place.copy.set_branch_head(&branch(name), head).unwrap();
                } else {
                    plain.make_branch(name);
                }
            }
            5 if is_there && plain.is_clean() && plain.head_of(name).is_some() => {
                if is_ours {
                    let to = plain.head_of(name).unwrap().parse().unwrap();
                    let from = place.copy.head_commit().unwrap();
                    place.copy.checkout(from, to, &Head::Branch(branch(name))).unwrap();
                } else {
                    plain.switch(name);
                }
            }
            _ => {}
        }
        assert_agree(&place, &plain, step);
        if step % 50 == 49 {
            plain.assert_known();
        }
    }
    let cache = plain.text("stat_cache.json");
    place.write("a", "the last word");
    place.commit("last");
    assert_eq!(plain.text("stat_cache.json"), cache);
}

#[test]
fn two_clients_take_turns_in_one_working_copy() {
    for seed in 0..4 {
        take_turns(seed);
    }
}
