#![no_main]
//! The file of a graph, made of any bytes: each block is given the check that it ought to have, so that what is behind the
//! checks is reached too. Nothing may panic, and every walk must end.

use std::sync::Arc;

use history::graph::{
    BLOCK_BYTES, Blocks, Budget, Frontier, Graph, GraphError, InMemory, PathHash, Position, Reach,
    Stored, Walk,
};
use libfuzzer_sys::fuzz_target;

/// Blocks without checks; behind the end there are zeros.
#[derive(Debug)]
struct Unchecked(Vec<u8>);

impl Blocks for Unchecked {
    fn block(&self, number: u32) -> Result<Arc<[u8]>, GraphError> {
        let payload = BLOCK_BYTES - 8;
        let from = number as usize * payload;
        if from > self.0.len() {
            return Err(GraphError::Damaged("cut"));
        }
        let mut block = vec![0; payload]; // As long as all but the last.
        let have = &self.0[from..(from + payload).min(self.0.len())];
        block[..have.len()].copy_from_slice(have);
        Ok(block.into())
    }
}

fn ask(layer: Stored) {
    let count = layer.len().min(2_000);
    let mut graph = Graph::new();
    if graph.push(Arc::new(layer)).is_err() {
        return;
    }
    let hash = PathHash::of("src/main.rs");
    for at in (0..count).map(Position) {
        let _ = graph.link(at);
        let _ = graph.filter(at).map(|filter| filter.excludes(hash));
        if let Ok(id) = graph.id(at) {
            let _ = graph.find(&id);
        }
    }
    let Some(head) = count.checked_sub(1).map(Position) else { return };
    let frontier = Frontier { wanted: vec![head], hidden: vec![Position(0)] };
    if let Ok(mut walk) = Walk::new(&graph, &frontier) {
        let _ = walk.take(2_000);
    }
    let _ = graph.is_ancestor(Position(0), &[head]);
    let _ = graph.merge_bases(head, Position(count / 2));
    let _ = graph.ahead_behind(head, Position(count / 2), 2_000);
    if graph.len() < 100_000 {
        let _ = Reach::of(&graph, &[head]);
    }
    let _ = Budget::steps(1);
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(layer) = Stored::open(Box::new(InMemory(bytes.to_vec()))) {
        ask(layer);
    }
    if let Ok(layer) = Stored::open(Box::new(Unchecked(bytes.to_vec()))) {
        ask(layer);
    }
});
