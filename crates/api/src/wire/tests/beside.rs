//! Labels and releases: forms, refusals, limits.

use super::*;

fn label(more: &[(&str, Value)]) -> Value {
    let required = [
        ("tag_id", Value::from("3f2b8f2e-5b3a-4a52-9a1c-0d9c5f6a7b8c")),
        ("commit_id", id(1).into()),
        ("tag", "section:verse".into()),
    ];
    let kept = required.into_iter().filter(|(key, _)| more.iter().all(|(other, _)| other != key));
    Value::map(kept.chain(more.iter().cloned()))
}

#[test]
fn a_label_comes_back_as_it_was_and_a_bad_one_is_refused_with_its_key() {
    let parsed = Label::try_from(label(&[("created_at", "yesterday".into())])).unwrap();
    assert_eq!((parsed.tag.as_str(), parsed.created_at.as_str()), ("section:verse", "yesterday"));
    assert_eq!(Label::try_from(Value::from(parsed.clone())).unwrap(), parsed);
    for (key, value, code) in [
        ("tag_id", Value::from("not one"), WireCode::BadId),
        ("commit_id", "abc".into(), WireCode::BadId),
        ("tag", "".into(), WireCode::Malformed),
        ("tag", "a\0b".into(), WireCode::Malformed),
        ("tag", "x".repeat(501).into(), WireCode::TooLarge),
        ("tag", Value::Int(1), WireCode::Malformed),
    ] {
        let refused = Label::try_from(label(&[(key, value.clone())])).unwrap_err();
        assert_eq!(refused.code, code, "{key} {value:?}: {refused}");
    }
    let many = Value::map([("tags", Value::list(vec![label(&[]); limits::LABELS + 1]))]);
    assert_eq!(NewLabels::try_from(many).unwrap_err().code, WireCode::TooLarge);
}

#[test]
fn a_version_is_read_strictly_and_a_v_may_stand_before_it() {
    for (tag, parts) in [
        ("1.2.3", (1, 2, 3, "", "")),
        ("v1.1.0-beta.1", (1, 1, 0, "beta.1", "")),
        ("v0.0.0", (0, 0, 0, "", "")),
        ("1.0.0-x-y.0a+sha.007", (1, 0, 0, "x-y.0a", "sha.007")),
        ("1.0.0+b-1", (1, 0, 0, "", "b-1")),
    ] {
        let it: SemVer = tag.parse().unwrap();
        assert_eq!((it.major, it.minor, it.patch, &*it.pre, &*it.build), parts, "{tag}");
    }
    for tag in [
        "",
        "v",
        "1",
        "1.2",
        "1.2.3.4",
        "01.2.3",
        "1.2.03",
        "1.2.3-",
        "1.2.3+",
        "1.2.3-01",
        "1.2.3-a..b",
        "1.2.3-a_b",
        "1.2.3+a+b",
        "vv1.2.3",
        "V1.2.3",
        "1.2.x",
        " 1.2.3",
        "1.2.99999999999999999999",
    ] {
        assert_eq!(tag.parse::<SemVer>(), Err(NotAVersion), "{tag}");
    }
}

#[test]
fn a_channel_is_said_or_follows_from_the_pre_release() {
    for (tag, channel) in [
        ("v1.0.0", Channel::Stable),
        ("v1.0.0-beta.2", Channel::Beta),
        ("1.0.0-ALPHA", Channel::Alpha),
        ("1.0.0-nightly.20261121", Channel::Nightly),
        ("1.0.0-rc.1", Channel::Stable),
        ("spring", Channel::Stable),
    ] {
        assert_eq!(Channel::of_tag(tag), channel, "{tag}");
    }
}

fn release(more: &[(&str, Value)]) -> Value {
    let required = [
        ("tag", Value::from("v1.0.0-beta")),
        ("commit_id", id(1).into()),
        ("snapshot_id", id(2).into()),
        ("semver", Value::map([("major", Value::Int(9))])),
    ];
    let kept = required.into_iter().filter(|(key, _)| more.iter().all(|(other, _)| other != key));
    Value::map(kept.chain(more.iter().cloned()))
}

#[test]
fn a_release_takes_its_version_from_its_tag_and_is_bounded() {
    let parsed = Release::try_from(release(&[])).unwrap();
    assert_eq!(parsed.semver.as_ref().map(|it| (it.major, it.pre.as_str())), Some((1, "beta")));
    assert_eq!((parsed.channel, parsed.is_draft), (Channel::Beta, false));
    assert_eq!(Release::try_from(Value::from(parsed.clone())).unwrap(), parsed);
    let entry = |text: &str| Value::map([("message", Value::from(text))]);
    for (key, value, code) in [
        ("channel", Value::from("weekly"), WireCode::Malformed),
        ("tag", "x".repeat(256).into(), WireCode::TooLarge),
        ("title", "ü".repeat(501).into(), WireCode::TooLarge),
        ("body", "x".repeat((128 << 10) + 1).into(), WireCode::TooLarge),
        ("body", "a\0b".into(), WireCode::Malformed),
        ("changelog", Value::list(["text"]), WireCode::Malformed),
        ("changelog", Value::list(vec![entry(""); 501]), WireCode::TooLarge),
        ("changelog", Value::list([entry(&"x".repeat(1 << 20))]), WireCode::TooLarge),
        ("commit_id", "abc".into(), WireCode::BadId),
    ] {
        let refused = Release::try_from(release(&[(key, value)])).unwrap_err();
        assert_eq!(refused.code, code, "{key}: {refused}");
    }
    Release::try_from(release(&[("title", "ü".repeat(500).into())])).unwrap();
}
