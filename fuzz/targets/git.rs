#![no_main]
//! Objects of Git, made of any bytes: what the first byte says. Nothing may panic, and what is read fits together.

use history::git::{GitCommit, GitFault, GitTag, tree_node};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 3 {
        0 => {
            if let Ok(commit) = GitCommit::parse(bytes)
                && let Some(signature) = commit.signature
            {
                assert!(signature.payload(bytes).len() < bytes.len());
            }
        }
        1 => {
            if let Ok(tag) = GitTag::parse(bytes)
                && let Some(signature) = tag.signature
            {
                assert_eq!([signature.payload(bytes), signature.armoured].concat(), bytes);
            }
        }
        _ => {
            if let Ok(node) = tree_node::<GitFault>(bytes, |_| Ok(0)) {
                for entry in node.entries() {
                    assert_eq!(node.find(&entry.name), Some(entry));
                }
            }
        }
    }
});
