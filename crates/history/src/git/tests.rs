//! What is read of objects, what is refused, and that bytes made up by anybody do neither panic nor take long.

use std::{collections::BTreeMap, io::Write as _, process::Command};

use names::{CommitId, NodeId, ObjectId};
use proptest::prelude::*;

use super::{name::stored_name, *};
use crate::tree::{Kind, Mode};

const TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const PARENT: &str = "1111111111111111111111111111111111111111";

fn commit(lines: &str, message: &str) -> Vec<u8> {
    let who = "A U Thor <a@example.test> 1700000000 +0530";
    format!("tree {TREE}\n{lines}author {who}\ncommitter C <c@x> 1700000001 -0100\n\n{message}")
        .into_bytes()
}

#[test]
fn a_commit_says_who_when_and_why() {
    let bytes = commit(&format!("parent {PARENT}\n"), "subject\n\nbody\n");
    let it = GitCommit::parse(&bytes).unwrap();
    assert_eq!(it.tree.to_string(), TREE);
    assert_eq!(it.parents, [PARENT.parse::<CommitId>().unwrap()]);
    assert_eq!(
        (it.author.who.as_str(), it.author.at().0),
        ("A U Thor <a@example.test>", 1_700_000_000_000)
    );
    assert_eq!(it.author.time.as_str(), "2023-11-15T03:43:20+05:30");
    assert_eq!(it.committer.time.as_str(), "2023-11-14T21:13:21-01:00");
    assert_eq!((it.message.as_str(), it.signature), ("subject\n\nbody\n", None));
}

#[test]
fn what_is_signed_is_the_commit_without_its_signature() {
    let plain = commit("", "x\n");
    let text = String::from_utf8(plain.clone()).unwrap();
    let (head, message) = text.split_once("\n\n").unwrap();
    let signed = format!(
        "{head}\ngpgsig -----BEGIN SSH SIGNATURE-----\n U1NI\n \n -----END SSH SIGNATURE-----\n\
         gpgsig-sha256 other\n more\n\n{message}"
    );
    let signature = GitCommit::parse(signed.as_bytes()).unwrap().signature.unwrap();
    let expected = "-----BEGIN SSH SIGNATURE-----\nU1NI\n\n-----END SSH SIGNATURE-----\n";
    assert_eq!(signature.armoured, expected.as_bytes());
    assert_eq!(signature.payload(signed.as_bytes()), plain);
}

#[test]
fn texts_that_are_no_utf8_are_read_as_what_they_say_or_marked() {
    let mut bytes = commit("", "gr");
    bytes.extend_from_slice(b"\xfc\xdfe\0\n");
    assert_eq!(GitCommit::parse(&bytes).unwrap().message, "gr\u{fffd}\u{fffd}e\u{fffd}\n");
    let at = bytes.windows(2).position(|it| it == b"\n\n").unwrap() + 1;
    bytes.splice(at..at, *b"encoding ISO-8859-1\n");
    assert_eq!(GitCommit::parse(&bytes).unwrap().message, "grüße\u{fffd}\n");
}

#[test]
fn a_time_that_no_calendar_holds_is_the_last_of_it() {
    let bytes = String::from_utf8(commit("", "")).unwrap();
    for (written, told) in [
        ("1700000000 +0530", "2023-11-15T03:43:20+05:30"),
        ("0 -0000", "1970-01-01T00:00:00+00:00"),
        ("99999999999999999999999 +0000", "9999-12-31T23:59:59+00:00"),
        ("253402300799 +1400", "9999-12-31T23:59:59+00:00"),
        ("1700000000 +51800", "2023-11-14T22:13:20+00:00"),
    ] {
        let bytes = bytes.replace("1700000000 +0530", written);
        let it = GitCommit::parse(bytes.as_bytes()).unwrap();
        assert_eq!(it.author.time.as_str(), told, "{written}");
        assert_eq!(crate::CommitTime::parse(told).unwrap(), it.author.time);
    }
    for bad in ["", " ", "x +0000", "17", "17 0000", "-17 +0000", "17 +", "17 +00x0"] {
        let bytes = bytes.replace("1700000000 +0530", bad);
        assert_eq!(GitCommit::parse(bytes.as_bytes()), Err(GitFault::Person("author")), "{bad:?}");
    }
}

#[test]
fn commits_that_are_none_are_refused() {
    let good = String::from_utf8(commit(&format!("parent {PARENT}\n"), "x")).unwrap();
    let parent = format!("parent {PARENT}\n");
    for (bytes, fault) in [
        (String::new(), GitFault::Line("tree")),
        (good.replace("tree ", "treE "), GitFault::Line("tree")),
        (good.replace(TREE, &TREE[1..]), GitFault::Id("tree")),
        (good.replace(TREE, &TREE.to_uppercase()), GitFault::Id("tree")),
        (good.replace(TREE, &"0".repeat(40)), GitFault::Id("tree")),
        (good.replace(&parent, &parent.repeat(2)), GitFault::SameParent),
        (good.replace("author", "authoR"), GitFault::Line("author")),
        (good.replace("committer", "x"), GitFault::Line("committer")),
        (good.replace("<a@example.test>", "a@example.test"), GitFault::Person("author")),
        (format!(" {good}"), GitFault::Line("a first line")),
        (good[..20].to_owned(), GitFault::Line("an end of line")),
        (format!("{good}{}", "x".repeat(MAX_COMMIT_BYTES)), GitFault::Large("so many bytes")),
    ] {
        assert_eq!(GitCommit::parse(bytes.as_bytes()), Err(fault), "{bytes:.200}");
    }
    let parents = |count: usize| {
        let lines = (1..=count).map(|it| format!("parent {it:040x}\n"));
        GitCommit::parse(&commit(&lines.collect::<String>(), "")).map(|it| it.parents.len())
    };
    assert_eq!(parents(MAX_PARENTS), Ok(MAX_PARENTS));
    assert_eq!(parents(MAX_PARENTS + 1), Err(GitFault::Large("so many parents")));
}

#[test]
fn a_message_that_is_too_long_is_cut_and_says_so() {
    let bytes = commit("", &"é".repeat(1 << 20));
    let message = GitCommit::parse(&bytes).unwrap().message;
    assert!(message.len() < 257 << 10 && message.ends_with("it is cut here]\n"));
}

#[test]
fn a_tag_says_what_it_points_to() {
    let head = format!("object {PARENT}\ntype commit\ntag v1\n");
    let tagger = "tagger T <t@x> 1700000000 +0000\n";
    let signature = "-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----\n";
    let bytes = format!("{head}{tagger}\nfirst\n{signature}");
    let it = GitTag::parse(bytes.as_bytes()).unwrap();
    assert_eq!(it.target, Tagged::Commit(PARENT.parse().unwrap()));
    assert_eq!((it.name.as_str(), it.message.as_str()), ("v1", "first\n"));
    assert_eq!(it.tagger.unwrap().who, "T <t@x>");
    let found = it.signature.unwrap();
    assert_eq!(found.armoured, signature.as_bytes());
    assert_eq!(found.payload(bytes.as_bytes()), format!("{head}{tagger}\nfirst\n").as_bytes());
    let old = GitTag::parse(format!("{head}\nold\n").as_bytes()).unwrap();
    assert_eq!((old.tagger, old.message.as_str(), old.signature), (None, "old\n", None));
    for (bad, fault) in [
        (head.replace("commit", "branch"), GitFault::Kind),
        (head.replace("object", "objekt"), GitFault::Line("object")),
        (format!("{head}{}", tagger.replace("+0000", "")), GitFault::Person("tagger")),
    ] {
        assert_eq!(GitTag::parse(bad.as_bytes()), Err(fault));
    }
}

fn tree_bytes(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (mode, name) in entries {
        bytes.extend_from_slice(mode.as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(&[7; 20]);
    }
    bytes
}

#[test]
fn a_tree_holds_files_links_directories_and_submodules() {
    let bytes = tree_bytes(&[
        ("100644", b"a"),
        ("100755", b"a.sh"),
        ("40000", b"a.x"),
        ("120000", b"l"),
        ("100664", b"old"),
        ("160000", b"s"),
        ("040000", b"z"),
    ]);
    let (object, node) = (ObjectId::from_sha1([7; 20]), NodeId::from_sha1([7; 20]));
    let module = CommitId::from_sha1([7; 20]);
    let found: Vec<_> = read_tree(&bytes).unwrap().iter().map(|it| (it.kind, it.mode)).collect();
    assert_eq!(
        found,
        [
            (Kind::File(object), Mode::Plain),
            (Kind::File(object), Mode::Executable),
            (Kind::Directory(node), Mode::Plain),
            (Kind::File(object), Mode::Link),
            (Kind::File(object), Mode::Plain),
            (Kind::Module(module), Mode::Module),
            (Kind::Directory(node), Mode::Plain),
        ]
    );
    assert_eq!(read_tree(b""), Ok(Vec::new()));
    let node = tree_node::<GitFault>(&bytes, |_| Ok(5)).unwrap();
    assert_eq!(node.find("a.sh").map(|it| (it.size, it.mode)), Some((5, Mode::Executable)));
}

#[test]
fn trees_that_are_none_are_refused() {
    let whole = tree_bytes(&[("100644", b"a"), ("100644", b"b")]);
    for cut in 1..whole.len() {
        let is_whole = cut == whole.len() / 2;
        assert_eq!(read_tree(&whole[..cut]).is_ok(), is_whole, "{cut}");
    }
    let fault = |entries: &[(&str, &[u8])]| read_tree(&tree_bytes(entries)).unwrap_err();
    for bad in [&b""[..], b".", b"..", b"a/b", b"/"] {
        assert_eq!(fault(&[("100644", bad)]), GitFault::Name);
    }
    for bad in ["", "0", "100600", "120001", "1006444", "abc", "000000000100644", "-10064"] {
        assert_eq!(fault(&[(bad, b"a")]), GitFault::Mode, "{bad}");
    }
    assert_eq!(fault(&[("100644", b"b"), ("100644", b"a")]), GitFault::Order);
    assert_eq!(fault(&[("100644", b"a"), ("100644", b"a")]), GitFault::Order);
    assert_eq!(fault(&[("40000", b"a"), ("100644", b"a.b")]), GitFault::Order);
    // A file and a directory of one name do not stand side by side, and nobody could name either.
    let both = tree_bytes(&[("100644", b"a"), ("100644", b"a.b"), ("40000", b"a")]);
    assert_eq!(tree_node::<GitFault>(&both, |_| Ok(0)), Err(GitFault::Order));
}

#[test]
fn names_that_no_path_can_hold_are_shown_with_escapes() {
    for (stored, shown) in [
        (&b"a.txt"[..], "a.txt"),
        (b"a\\b", "a\\b"),
        ("größe".as_bytes(), "größe"),
        (b"gr\xfcn", "gr\\374n"),
        (b".git", "\\056git"),
        (b".MUSE", "\\056MUSE"),
        (b"git~1", "\\147it~1"),
        (".g\u{200c}it".as_bytes(), "\\056g\u{200c}it"),
        (b"a\\377", "a\\134377"),
        (b"\xff\\", "\\377\\"),
        (b"\\37\xff", "\\37\\377"),
    ] {
        assert_eq!(shown_name(stored), shown);
        assert_eq!(stored_name(shown), stored);
    }
    let long = shown_name(&[0xff; 300]).into_owned();
    assert!(long.parse::<names::RepoPath>().is_ok(), "{long}");
    assert_ne!(long, shown_name(&[0xff; 301]));
}

/// What Git itself makes of the same bytes.
#[test]
fn git_names_what_is_read_here_as_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str], input: &[u8]| {
        let mut child = Command::new("git")
            .args(arguments)
            .current_dir(dir.path())
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "{arguments:?}");
        out.stdout
    };
    git(&["init", "-q", "."], b"");
    let blob = String::from_utf8(git(&["hash-object", "-w", "--stdin"], b"x")).unwrap();
    let blob = blob.trim();
    let mut list = Vec::new();
    for (mode, name) in [("100644", &b"b\xff"[..]), ("100755", b"a"), ("120000", b"a.b")] {
        list.extend_from_slice(format!("{mode} blob {blob}\t").as_bytes());
        list.extend_from_slice(name);
        list.push(0);
    }
    list.extend_from_slice(format!("160000 commit {PARENT}\tm\0").as_bytes());
    let tree = String::from_utf8(git(&["mktree", "-z", "--missing"], &list)).unwrap();
    let tree = tree.trim();
    list.clear();
    list.extend_from_slice(format!("040000 tree {tree}\ta\0").as_bytes());
    list.extend_from_slice(format!("100644 blob {blob}\ta-b\0").as_bytes());
    let root = String::from_utf8(git(&["mktree", "-z"], &list)).unwrap();
    for id in [tree, root.trim()] {
        let bytes = git(&["cat-file", "tree", id], b"");
        let told = git(&["ls-tree", "-z", id], b"");
        let mut ours = Vec::new();
        for it in read_tree(&bytes).unwrap() {
            let (kind, id, mode) = match it.kind {
                Kind::File(id) => ("blob", id.to_string(), it.mode.octal()),
                Kind::Directory(id) => ("tree", id.to_string(), "040000"),
                Kind::Module(id) => ("commit", id.to_string(), it.mode.octal()),
            };
            ours.extend_from_slice(format!("{mode} {kind} {id}\t").as_bytes());
            ours.extend_from_slice(it.name);
            ours.push(0);
        }
        assert_eq!(ours, told);
    }
}

proptest! {
    #[test]
    fn bytes_of_anybody_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _commit = GitCommit::parse(&bytes);
        let _tag = GitTag::parse(&bytes);
        let _tree = read_tree(&bytes);
    }

    #[test]
    fn a_commit_with_a_changed_byte_is_read_or_refused(at in 0_usize..250, byte: u8) {
        let mut bytes = commit(&format!("parent {PARENT}\n"), "a message\n");
        let end = bytes.len() - 1;
        bytes[at.min(end)] = byte;
        if let Ok(it) = GitCommit::parse(&bytes) {
            prop_assert!(it.parents.len() <= 2);
            if let Some(signature) = it.signature {
                prop_assert!(signature.payload(&bytes).len() < bytes.len());
            }
        }
    }

    /// Names come back from what is shown of them, and two are never shown as one.
    #[test]
    fn one_shown_name_is_one_stored_name(
        names in prop::collection::vec(prop::collection::vec(
            prop_oneof![Just(b'\\'), Just(b'3'), Just(b'7'), Just(0xff), Just(b'.'), Just(0xc3), Just(0xbc), 1..=255_u8],
            1..8), 1..20)
    ) {
        let mut shown = BTreeMap::new();
        for name in names.iter().filter(|it| !it.contains(&b'/') && **it != b"." && **it != b"..") {
            let text = shown_name(name).into_owned();
            prop_assert!(text.parse::<names::RepoPath>().is_ok());
            prop_assert_eq!(&stored_name(&text), name);
            prop_assert_eq!(shown.entry(text).or_insert(name), &name);
        }
    }
}
