//! Manifests as lines of text, one path each: the tree that is built of them gives them back, its nodes are read as
//! they were written, and the id of the snapshot is that of the record. Also stored nodes, as bytes.

#![no_main]

use std::{collections::HashMap, sync::Arc};

use api::{SnapshotRecord, Value};
use history::{
    Manifest, check_no_conflict, clashing_paths, snapshot_id,
    tree::{self, Node, NodeSource},
    verify_snapshot,
};
use libfuzzer_sys::fuzz_target;
use names::{NodeId, ObjectId};

struct Nodes(HashMap<NodeId, Arc<Node>>);

impl NodeSource for Nodes {
    type Error = NodeId;

    fn node(&self, id: &NodeId) -> Result<Arc<Node>, NodeId> {
        self.0.get(id).map(Arc::clone).ok_or(*id)
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(node) = Node::decode(bytes) {
        assert_eq!(node.encode(), bytes, "a node has one form");
    }
    let text = String::from_utf8_lossy(bytes);
    let entries = text.lines().filter_map(|line| Some((line.parse().ok()?, ObjectId::of(line.as_bytes()))));
    let manifest: Manifest = entries.collect();
    let sized = || manifest.iter().map(|(path, id)| (path, *id, path.as_str().len() as u64));
    let built = tree::build(sized());
    assert_eq!(built.is_ok(), check_no_conflict(&manifest).is_ok());
    let _clashes = clashing_paths(&manifest);
    if let Ok(tree) = built {
        let decode = |(id, bytes): &(NodeId, Vec<u8>)| {
            let node = Node::decode(bytes).expect("a node of ours is read");
            assert_eq!(node.id(), *id);
            (*id, Arc::new(node))
        };
        let nodes = Nodes(tree.nodes.iter().map(decode).collect());
        let walked = tree::walk(&nodes, tree.root).map(|file| file.expect("every node is here"));
        let walked: Manifest = walked.map(|file| (file.path, file.object)).collect();
        assert_eq!(walked, manifest);
        assert_eq!(tree.files as usize, manifest.len());
    }
    let id = snapshot_id(&manifest);
    let record = SnapshotRecord { snapshot_id: id, manifest, created_at: String::new() };
    let conflicts = check_no_conflict(&record.manifest).is_err();
    assert_eq!(verify_snapshot(&record).is_err(), conflicts);
    let read = SnapshotRecord::try_from(Value::from(record.clone())).expect("a record of ours is read");
    assert_eq!(read.manifest, record.manifest);
});
