//! Trees against plain manifests.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    sync::Arc,
};

use names::{NodeId, ObjectId, RepoPath};
use proptest::prelude::*;

use super::*;
use crate::{SnapshotHasher, check_no_conflict, snapshot_id};

/// Path to content number; the object is the hash of the number, its size the number.
type Files = BTreeMap<RepoPath, u64>;

struct Store(HashMap<NodeId, Arc<Node>>);

impl NodeSource for Store {
    type Error = Infallible;

    fn node(&self, id: &NodeId) -> Result<Arc<Node>, Infallible> {
        Ok(self.0[id].clone())
    }
}

fn object(content: u64) -> ObjectId {
    ObjectId::of(&content.to_be_bytes())
}

fn tree_of(files: &Files) -> Tree {
    build(files.iter().map(|(path, content)| (path, object(*content), *content))).unwrap()
}

fn store_of(trees: &[&Tree]) -> Store {
    let nodes = trees.iter().flat_map(|tree| &tree.nodes);
    Store(nodes.map(|(id, bytes)| (*id, Arc::new(Node::decode(bytes).unwrap()))).collect())
}

fn files(paths: &[(&str, u64)]) -> Files {
    paths.iter().map(|(path, content)| (path.parse().unwrap(), *content)).collect()
}

fn state(content: u64) -> FileState {
    FileState { object: object(content), size_bytes: content, mode: Mode::Plain }
}

/// A comparison of two manifests, entry by entry.
fn plain_changes(before: &Files, after: &Files) -> Vec<Change> {
    let paths: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    paths
        .into_iter()
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| Change {
            path: path.clone(),
            before: before.get(path).copied().map(state),
            after: after.get(path).copied().map(state),
        })
        .collect()
}

/// Few short names, so that paths share directories, clash and sort around the slash.
fn any_files() -> impl Strategy<Value = Files> {
    let segment = prop::sample::select(vec!["a", "b", "a-b", "a.txt", "a0", "é", "～", "😀"]);
    let path = prop::collection::vec(segment, 1..5).prop_map(|segments| segments.join("/"));
    prop::collection::btree_map(path, 0..4u64, 0..40).prop_map(|raw| {
        let mut files = Files::new();
        for (path, content) in raw {
            let mut with: crate::Manifest = files.keys().map(|p| (p.clone(), object(0))).collect();
            with.insert(path.parse().unwrap(), object(0));
            if check_no_conflict(&with).is_ok() {
                files.insert(path.parse().unwrap(), content);
            }
        }
        files
    })
}

proptest! {
    #[test]
    fn a_walk_gives_the_manifest_back(files in any_files()) {
        let tree = tree_of(&files);
        let store = store_of(&[&tree]);
        let mut hasher = SnapshotHasher::default();
        let mut walked = Files::new();
        for file in walk(&store, tree.root) {
            let file = file.unwrap();
            hasher.push(&file.path, &file.object);
            prop_assert_eq!(file.object, object(file.size_bytes));
            walked.insert(file.path, file.size_bytes);
        }
        let manifest = files.iter().map(|(path, content)| (path.clone(), object(*content))).collect();
        prop_assert_eq!(hasher.finish(), snapshot_id(&manifest));
        prop_assert_eq!(tree.files as usize, files.len());
        prop_assert_eq!(tree.bytes, files.values().sum::<u64>());
        prop_assert_eq!(walked, files);
    }

    #[test]
    fn changes_are_those_of_the_manifests(a in any_files(), b in any_files(), limit in 0..50usize) {
        let (old, new) = (tree_of(&a), tree_of(&b));
        let store = store_of(&[&old, &new]);
        let mut expected = plain_changes(&a, &b);
        let all = changes(&store, Some(old.root), Some(new.root), usize::MAX).unwrap();
        prop_assert_eq!(&all.changes, &expected);
        prop_assert!(!all.truncated);
        let some = changes(&store, Some(old.root), Some(new.root), limit).unwrap();
        prop_assert_eq!(some.truncated, expected.len() > limit);
        expected.truncate(limit);
        prop_assert_eq!(some.changes, expected);
        let gone = changes(&store, Some(old.root), None, usize::MAX).unwrap();
        prop_assert_eq!(gone.changes, plain_changes(&a, &Files::new()));
    }

    #[test]
    fn every_path_is_found_and_nothing_else(files in any_files()) {
        let tree = tree_of(&files);
        let store = store_of(&[&tree]);
        for (path, content) in &files {
            let entry = lookup(&store, tree.root, path).unwrap().unwrap();
            prop_assert_eq!(entry.kind, Kind::File(object(*content)));
            let below = format!("{path}/z").parse().unwrap();
            prop_assert_eq!(lookup(&store, tree.root, &below).unwrap(), None);
            if let Some(parent) = path.parent() {
                let entry = lookup(&store, tree.root, &parent.parse().unwrap()).unwrap().unwrap();
                let inside: Vec<_> =
                    files.iter().filter(|(p, _)| p.as_str().starts_with(&format!("{parent}/"))).collect();
                prop_assert!(entry.is_directory());
                prop_assert_eq!(entry.files as usize, inside.len());
                prop_assert_eq!(entry.size, inside.iter().map(|(_, size)| **size).sum::<u64>());
            }
        }
        prop_assert_eq!(lookup(&store, tree.root, &"nowhere".parse().unwrap()).unwrap(), None);
    }

    #[test]
    fn any_bytes_decode_or_fail(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(Node::decode(&bytes));
        drop(Node::decode(&[b"MT\x01", bytes.as_slice()].concat()));
    }

    #[test]
    fn a_damaged_node_is_refused_or_has_another_id(
        files in any_files(), at in any::<prop::sample::Index>(), bit in 0..8u8,
    ) {
        let (id, mut bytes) = tree_of(&files).nodes.pop().unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(node) = Node::decode(&bytes) {
            prop_assert_eq!(node.encode(), bytes);
            prop_assert_ne!(node.id(), id);
        }
    }
}

#[test]
fn an_equal_directory_is_one_node() {
    let tree = tree_of(&files(&[("a/x", 1), ("a/y", 2), ("b/c/x", 1), ("b/c/y", 2), ("d", 3)]));
    assert_eq!(tree.nodes.len(), 3);
    assert_eq!(tree.nodes.last().unwrap().0, tree.root);
    assert_eq!((tree.files, tree.bytes), (5, 9));
}

#[test]
fn the_empty_snapshot_has_a_root_without_entries() {
    let tree = tree_of(&Files::new());
    assert_eq!(tree.nodes, [(tree.root, b"MT\x01\0".to_vec())]);
    let store = store_of(&[&tree]);
    assert_eq!(walk(&store, tree.root).count(), 0);
    assert_eq!(changes(&store, None, Some(tree.root), 9).unwrap(), Changes::default());
}

#[test]
fn the_bytes_of_a_node_are_these() {
    let tree = tree_of(&files(&[("a.txt", 300), ("a/b", 1)]));
    let child = [b"MT\x01\x01\0\x01b".as_slice(), object(1).as_bytes(), &[1]].concat();
    let id = NodeId::of(&child);
    let root = [
        b"MT\x01\x02\0\x05a.txt".as_slice(),
        object(300).as_bytes(),
        &[0xac, 2, 1, 1, b'a'],
        id.as_bytes(),
        &[1, 1],
    ]
    .concat();
    assert_eq!(tree.nodes, [(id, child), (NodeId::of(&root), root)]);
}

#[test]
fn entries_out_of_order_or_in_conflict_make_no_tree() {
    let path = |raw: &str| raw.parse::<RepoPath>().unwrap();
    let built = |paths: &[RepoPath]| build(paths.iter().map(|p| (p, ObjectId::EMPTY, 0)));
    for late in ["a", "b", "a/b"] {
        let error = built(&[path("b"), path(late)]).unwrap_err();
        assert_eq!(error, BuildError::Order { path: path(late) });
    }
    for prefix in ["", "d/e/"] {
        let full = |name: &str| path(&format!("{prefix}{name}"));
        let error = built(&[full("x"), full("x-y"), full("x/y")]).unwrap_err();
        assert_eq!(error, BuildError::Conflict { path: format!("{prefix}x") });
    }
}

#[test]
fn only_one_form_decodes() {
    let file =
        |name: &[u8]| [&[0, u8::try_from(name.len()).unwrap()], name, &[7; 32], &[5]].concat();
    let directory = |name: &[u8], files: u8| {
        [&[1, u8::try_from(name.len()).unwrap()], name, &[7; 32], &[5, files]].concat()
    };
    let node =
        |count: u8, entries: &[Vec<u8>]| [b"MT\x01", &[count][..], &entries.concat()].concat();
    assert!(Node::decode(&node(3, &[file(b"a-b"), directory(b"a", 1), file(b"a0")])).is_ok());
    for (bytes, why) in [
        (b"MT\x02\0".to_vec(), NodeError::Head),
        (vec![], NodeError::Head),
        (b"MT\x01".to_vec(), NodeError::Length),
        (node(2, &[file(b"a")]), NodeError::Length),
        (node(0, &[file(b"a")]), NodeError::Length),
        (b"MT\x01\x80\0".to_vec(), NodeError::Number),
        (b"MT\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02".to_vec(), NodeError::Number),
        (b"MT\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01".to_vec(), NodeError::Length),
        (node(1, &[file(b"..")]), NodeError::Name),
        (node(1, &[file(b".Muse")]), NodeError::Name),
        (node(1, &[file(b"a/b")]), NodeError::Name),
        (node(1, &[file(b"\xff")]), NodeError::Name),
        (node(2, &[file(b"b"), file(b"a")]), NodeError::Order),
        (node(2, &[file(b"a"), file(b"a")]), NodeError::Order),
        (node(2, &[file(b"a"), directory(b"a", 1)]), NodeError::Order),
        (node(2, &[directory(b"a", 1), file(b"a-b")]), NodeError::Order),
        (node(1, &[directory(b"a", 0)]), NodeError::EmptyDirectory),
        (node(1, &[[&[9], &file(b"a")[1..]].concat()]), NodeError::Kind),
    ] {
        assert_eq!(Node::decode(&bytes), Err(why), "{bytes:?}");
    }
}

/// A tree deeper and wider than one round of needs, given in small portions.
#[test]
fn a_machine_goes_on_with_whatever_it_is_given() {
    let many: Files =
        (0..2000u64).map(|n| (format!("{}/{}/{n}", n % 7, n % 700).parse().unwrap(), n)).collect();
    let tree = tree_of(&many);
    let store = store_of(&[&tree]);
    let mut walk = TreeWalk::new(tree.root);
    let mut walked = Vec::new();
    while !walk.is_complete() {
        let needs = walk.needs();
        assert!(needs.len() <= MAX_NEEDS);
        let portion = needs.iter().take(3).map(|id| (*id, store.0[id].clone())).collect();
        walk.give(&portion).unwrap();
        walked.extend(std::iter::from_fn(|| walk.next_file()).map(|file| file.path));
    }
    assert!(walked.iter().eq(many.keys()));
}
