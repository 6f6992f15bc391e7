//! Patterns against paths, by the sentences of `spec/wire.md` 2.

use proptest::prelude::*;

use super::*;

fn path(raw: &str) -> RepoPath {
    raw.parse().unwrap()
}

fn rules(patterns: &[&str]) -> Ignore {
    let list: toml_edit::Array = patterns.iter().copied().collect();
    Ignore::new("code", Some(format!("[global]\npatterns = {list}\n").as_bytes())).unwrap()
}

#[test]
fn what_a_pattern_matches() {
    for (pattern, yes, no) in [
        // Against the whole path, and `*` crosses slashes.
        ("/x", &["x"][..], &["a/x", "x/y", "xy"][..]),
        ("/a*.txt", &["a.txt", "ab/c.txt", "a/b/c.txt"], &["b/a.txt"]),
        ("/a?b", &["a/b", "aXb"], &["ab", "a/b/c"]),
        ("/docs/*", &["docs/a", "docs/a/b"], &["x/docs/a"]),
        // Without a slash: the last segment.
        ("*.log", &["x.log", "a/b/x.log", ".log"], &["x.log/y", "x.LOG"]),
        ("target", &["target", "a/target"], &["target/x", "targets"]),
        ("[ab].txt", &["a.txt", "x/b.txt"], &["c.txt"]),
        ("**", &["a", "a/b/c"], &[]),
        // With a slash inside: as many last segments, `*` stays in its own.
        ("a/*.txt", &["a/x.txt", "z/a/x.txt"], &["a/b/x.txt", "x.txt", "ab/c"]),
        ("a/**/b", &["a/x/b", "z/a/x/b"], &["a/b", "a/x/y/b"]),
        ("a/b/c", &["a/b/c", "x/a/b/c"], &["b/c", "c"]),
        // A leading `**/` may stand for nothing.
        ("**/x", &["x", "a/x", "a/b/x"], &["x/y"]),
        ("**/a/b", &["a/b", "z/a/b", "y/z/a/b"], &["b", "a/z/b"]),
        ("**/**/x", &["a/x", "a/b/x"], &["x"]),
        // A closing slash: every path that begins so, else `pattern/**`.
        ("build2/", &["build2/a", "build2/a/b/c", "x/build2/y"], &["build2", "x/build2/y/z"]),
        ("a/b/", &["a/b/c", "a/b/c/d", "x/a/b/c"], &["a/b", "x/a/b/c/d"]),
        ("/tmp/", &["tmp/a", "tmp/a/b"], &["x/tmp/a", "tmp"]),
        ("*/", &["a/b", "a/b/c"], &["a"]),
    ] {
        let ignore = rules(&[pattern]);
        for text in yes {
            assert!(ignore.is_ignored(&path(text)), "{pattern} should match {text}");
        }
        for text in no.iter().filter(|text| text.parse::<RepoPath>().is_ok()) {
            assert!(!ignore.is_ignored(&path(text)), "{pattern} should not match {text}");
        }
    }
}

#[test]
fn the_last_pattern_that_matches_decides() {
    let ignore = rules(&["*.txt", "!keep.txt", "/keep.txt", "!.env"]);
    for (text, ignored) in [
        ("a.txt", true),
        ("b/keep.txt", false),
        ("keep.txt", true),
        (".env", false),
        ("x/.env.local", true),
        ("server.pem", true),
        ("Server.PEM", false),
        (".gitignore", false),
        ("Thumbs.db", true),
    ] {
        assert_eq!(ignore.is_ignored(&path(text)), ignored, "{text}");
    }
}

#[test]
fn global_comes_before_the_active_domain_and_others_do_not_count() {
    let file = "[domain.midi]\npatterns = ['!x.log', '*.mid']\n[global]\npatterns = ['*.log']\n[other]\nq = 1\n";
    let of = |domain| Ignore::new(domain, Some(file.as_bytes())).unwrap();
    let ignored = |domain, text| of(domain).is_ignored(&path(text));
    assert_eq!((ignored("midi", "x.log"), ignored("code", "x.log")), (false, true));
    assert_eq!((ignored("midi", "a.mid"), ignored("code", "a.mid")), (true, false));
}

#[test]
fn some_directories_are_never_versioned() {
    let of = |domain| Ignore::new(domain, None).unwrap();
    for name in ["node_modules", "dist", "build", ".muse", ".git", "__pycache__"] {
        assert!(of("midi").is_never(name), "{name}");
    }
    assert_eq!((of("code").is_never(".eggs"), of("midi").is_never(".eggs")), (true, false));
    assert!(!of("code").is_never("Build"));
}

#[test]
fn a_faulty_file_is_named() {
    for (file, what) in [
        (
            &b"[global]\npatterns = ['a', '']"[..],
            "[global] of .museignore holds an empty pattern; remove it",
        ),
        (
            b"[global]\npatterns = ['!']",
            "[global] of .museignore holds an empty pattern; remove it",
        ),
        (
            b"[domain.code]\npatterns = 'x'",
            "`patterns` in [domain.code] of .museignore must be a list of texts",
        ),
        (
            b"[global]\npatterns = [1]",
            "`patterns` in [global] of .museignore must be a list of texts",
        ),
        (b"patterns = [", ".museignore is not TOML: "),
        (b"\xff", ".museignore is not TOML: "),
    ] {
        let error = Ignore::new("code", Some(file)).unwrap_err().to_string();
        assert!(error.starts_with(what), "{error}");
    }
}

#[test]
fn a_directory_is_passed_by_only_if_nothing_can_come_back() {
    assert!(rules(&["target/"]).is_ignored_whole(&path("target")));
    assert!(rules(&["!x", "target/"]).is_ignored_whole(&path("target/debug")));
    assert!(!rules(&["target/", "!x"]).is_ignored_whole(&path("target")));
    assert!(!rules(&["target/"]).is_ignored_whole(&path("targets")));
    assert!(!rules(&["target/"]).is_ignored_whole(&path("a/target")));
    assert!(!rules(&["target"]).is_ignored_whole(&path("target")));
}

proptest! {
    #[test]
    fn no_pattern_panics_and_passing_by_is_safe(
        patterns in prop::collection::vec("[!/*?a-b\\[\\].-]{1,8}", 0..5),
        text in "[a-b]{1,2}(/[a-b]{1,2}){0,4}",
    ) {
        let patterns: Vec<_> = patterns.iter().map(String::as_str).filter(|p| *p != "!").collect();
        let ignore = rules(&patterns);
        let file = path(&text);
        let ignored = ignore.is_ignored(&file);
        if let Some(parent) = file.parent() && ignore.is_ignored_whole(&path(parent)) {
            prop_assert!(ignored);
        }
    }
}
