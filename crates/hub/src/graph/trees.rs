//! Trees for code that waits on a thread of its own: nodes come from the database one after the other, and those that were
//! read lately are at hand.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    sync::Arc,
};

use db::Tx;
use history::tree::{Node, NodeSource};
use names::NodeId;
use tokio::runtime::Handle;

use crate::{Error, reading::Source};

/// Entries of the nodes that are at hand: some megabytes.
const ENTRIES: usize = 50_000;

/// A source of nodes over a transaction. Only for a thread that may block.
pub(super) struct Trees {
    runtime: Handle,
    source: Source,
    tx: RefCell<Tx>,
    nodes: RefCell<HashMap<NodeId, Arc<Node>>>,
    entries: Cell<usize>,
}

impl Trees {
    /// Over `tx`; to be made while the runtime is entered.
    pub(super) fn new(source: Source, tx: Tx) -> Self {
        Self {
            runtime: Handle::current(),
            source,
            tx: RefCell::new(tx),
            nodes: RefCell::default(),
            entries: Cell::new(0),
        }
    }
}

impl NodeSource for Trees {
    type Error = Error;

    fn node(&self, id: &NodeId) -> Result<Arc<Node>, Error> {
        if let Some(node) = self.nodes.borrow().get(id) {
            return Ok(Arc::clone(node));
        }
        let mut tx = self.tx.borrow_mut();
        let mut found = self.runtime.block_on(self.source.shapes(&mut tx, &[*id]))?;
        let node = found.remove(id);
        let node = node.ok_or_else(|| Error::Broken("a tree node is missing".to_owned()))?;
        let mut nodes = self.nodes.borrow_mut();
        self.entries.set(self.entries.get() + node.entries().len());
        if self.entries.get() > ENTRIES {
            nodes.clear();
            self.entries.set(node.entries().len());
        }
        nodes.insert(*id, Arc::clone(&node));
        Ok(node)
    }
}
