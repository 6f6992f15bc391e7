//! The recorded exchanges of the Muse client: every body decodes, means what it should, and is written again as
//! the same value.

use std::{fs, path::PathBuf};

use super::super::*;
use crate::{Limits, Value, msgpack};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/muse-wire")
}

/// Every recorded body by stem, as `01-push-first/5-push.request.bin`.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for folder in fs::read_dir(root()).unwrap().map(|it| it.unwrap().path()) {
        if !folder.is_dir() {
            continue;
        }
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        for path in fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()) {
            if path.extension().is_some_and(|extension| extension == "bin") {
                let file = path.file_name().unwrap().to_str().unwrap();
                found.push((format!("{name}/{file}"), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The status of a recorded answer.
fn status(name: &str) -> u64 {
    let file = fs::read(root().join(name.replace(".bin", ".json"))).unwrap();
    serde_json::from_slice::<serde_json::Value>(&file).unwrap()["status"].as_u64().unwrap()
}

/// The recorded messages in MessagePack.
fn bodies() -> Vec<(String, Vec<u8>)> {
    let is_other = |name: &str| {
        // Raw bytes, a stream, JSON, and lines of text.
        name.contains("upload.")
            || name.starts_with("v2-stream/")
            || name.ends_with("releases.request.bin")
            || is_refusal(name)
    };
    let bodies: Vec<_> = files().into_iter().filter(|(name, _)| !is_other(name)).collect();
    assert!(bodies.len() > 100, "{}", bodies.len());
    bodies
}

fn is_refusal(name: &str) -> bool {
    name.ends_with("response.bin") && status(name) != 200
}

fn decode(bytes: &[u8]) -> Value {
    Value::from_msgpack_reader(bytes, &Limits::of_body(bytes.len() as u64)).unwrap()
}

fn body(stem: &str) -> Value {
    let (_, bytes) = bodies().into_iter().find(|(name, _)| name == stem).unwrap();
    decode(&bytes)
}

/// Takes a message apart and puts it together again.
fn through_our_types(name: &str, value: Value) -> Result<Value, WireError> {
    let is = |part: &str| name.contains(part);
    let format = Format::MessagePack;
    Ok(match () {
        () if is("refs.response") => Refs::try_from(value)?.into(),
        () if is("filter-objects.request") => ObjectIds::parse(value, limits::IDS)?.into(),
        () if is("filter-objects.response") => Missing::try_from(value)?.into(),
        () if is("presign.request") => Presign::try_from(value)?.into(),
        () if is("presign.response") => Presigned::try_from(value)?.into(),
        () if is("push-objects.request") => return push_objects(value),
        () if is("push-objects.response") => Stored::try_from(value)?.into(),
        () if is("push.request") => PushRequest::try_from(value)?.into_value(format),
        () if is("push.response") => Pushed::try_from(value)?.into(),
        () if is("negotiate.request") => Negotiate::try_from(value)?.into(),
        () if is("negotiate.response") => Negotiated::try_from(value)?.into(),
        () if is("22-release-delete") => Retracted::try_from(value)?.into(),
        () if is("list") => Releases::try_from(value)?.into(),
        () if is("releases.response") => ReleaseMade::try_from(value)?.into(),
        () if is("fetch.request") => FetchRequest::try_from(value)?.into(),
        () if is("fetch.response") => FetchAnswer::try_from(value)?.into_value(format),
        () => panic!("{name} is of no known kind"),
    })
}

fn push_objects(value: Value) -> Result<Value, WireError> {
    let objects = Fields::of(value, "the request")?.required_list("objects", limits::OBJECTS)?;
    let objects: Vec<InlineObject> =
        objects.into_iter().map(InlineObject::try_from).collect::<Result<_, _>>()?;
    let objects = objects.into_iter().map(|object| object.into_value(Format::MessagePack));
    Ok(Value::map([("objects", Value::list(objects))]))
}

/// The value with every map in the order of its keys: the recordings may order them otherwise.
fn sorted(value: Value) -> Value {
    match value {
        Value::Map(entries) => {
            let mut entries: Vec<_> =
                entries.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Map(entries)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[test]
fn every_recorded_body_is_written_again_byte_for_byte() {
    for (name, bytes) in bodies() {
        let value = decode(&bytes);
        let mut again = Vec::new();
        msgpack::write_value(&mut again, &value).unwrap();
        assert_eq!(decode(&again), value, "{name}");
        assert!(again == bytes, "{name} has another encoding");
    }
}

#[test]
fn every_recorded_body_survives_our_types() {
    for (name, bytes) in bodies() {
        let recorded = decode(&bytes);
        let ours = through_our_types(&name, recorded.clone()).unwrap();
        let recorded = match (name.contains("presign.request"), recorded) {
            // We always say how long; the Muse client never does.
            (true, Value::Map(mut entries)) => {
                entries.push(("ttl_seconds".to_owned(), Value::Int(3600)));
                Value::Map(entries)
            }
            (_, other) => other,
        };
        assert_eq!(sorted(ours), sorted(recorded), "{name}");
    }
}

#[test]
fn every_recorded_release_survives_our_types() {
    let releases = files().into_iter().filter(|(name, _)| name.ends_with("releases.request.bin"));
    let mut seen = 0;
    for (name, bytes) in releases {
        let limits = Limits::of_body(bytes.len() as u64);
        let recorded = Value::from_json_slice(&bytes, &limits).unwrap();
        let release = Release::try_from(recorded.clone()).unwrap();
        assert!(release.semver.is_some(), "{name}");
        assert_eq!(sorted(release.into()), sorted(recorded), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn every_recorded_refusal_has_a_code_of_ours_with_its_status() {
    let mut seen = 0;
    for (name, bytes) in files().into_iter().filter(|(name, _)| is_refusal(name)) {
        let line = String::from_utf8(bytes).unwrap();
        let (code, _) = line.split_once(": ").unwrap();
        let ours = WireCode::ALL.iter().find(|it| it.as_str() == code);
        let ours = ours.unwrap_or_else(|| panic!("{name}: nobody knows {code}"));
        assert_eq!(u64::from(ours.status()), status(&name), "{name}");
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn the_recorded_merge_means_what_its_table_says() {
    let push = PushRequest::try_from(body("06-push-merge/4-push.request.bin")).unwrap();
    assert_eq!((push.branch.as_str(), push.force), ("main", false));
    let tip = push.commits.first().unwrap();
    assert!(tip.commit_id.to_string().starts_with("0a29ffa21c73"));
    let parents: Vec<String> = tip.parents().map(|id| id.short()).collect();
    assert_eq!(parents, ["aeb8749eda", "2c07bd64dc"]);
    assert_eq!(tip.message, "Merge the descant");
    assert_eq!(tip.format_version, 5);

    let push = PushRequest::try_from(body("03-push-incremental/4-push.request.bin")).unwrap();
    let commit = push.commits.first().unwrap();
    assert_eq!((commit.agent_id.as_str(), commit.sem_ver_bump.as_str()), ("alto-agent", "minor"));
    assert_eq!(commit.metadata.get("section").map(String::as_str), Some("verse"));
    assert!(commit.structured_delta.is_some());

    let fetched = FetchAnswer::try_from(body("08-clone/2-fetch.response.bin")).unwrap();
    let counts = (fetched.commits.len(), fetched.snapshots.len(), fetched.objects.len());
    assert_eq!(counts, (5, 5, 12));
    let honest = |o: &InlineObject| names::ObjectId::of(&o.content) == o.object_id;
    assert!(fetched.objects.iter().all(honest));
}
