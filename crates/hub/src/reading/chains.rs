//! Directories that hold nothing but another one, which listings show as one row: `src/main/java`.

use std::collections::HashMap;

use history::tree::Kind;
use names::NodeId;

use super::History;
use crate::Error;

/// Directories that are joined behind one: deeper chains go on on the next page.
const LONGEST: usize = 15;
/// The bytes of a directory with one entry whose name is as long as a name can be. Longer ones hold more, and are not
/// read to see that.
const OF_ONE_ENTRY: u32 = 3 + 1 + (1 + 2 + 255 + 32 + 10 + 5);

impl History<'_> {
    /// The way on from directories, as long as each holds nothing but another one: `main/java` from `src`. Those that hold
    /// more are not among them.
    pub(crate) async fn chains(&self, from: &[NodeId]) -> Result<HashMap<NodeId, String>, Error> {
        let mut ways: HashMap<NodeId, String> = HashMap::new();
        let mut open: HashMap<NodeId, NodeId> = from.iter().map(|id| (*id, *id)).collect();
        for _ in 0..LONGEST {
            let mut ends: Vec<_> = open.values().copied().collect();
            ends.sort_unstable();
            ends.dedup();
            let nodes = self.small_nodes(&ends, OF_ONE_ENTRY).await?;
            open.retain(|start, end| {
                let Some([only]) = nodes.get(end).map(|it| it.entries()) else { return false };
                let Kind::Directory(next) = only.kind else { return false };
                let way = ways.entry(*start).or_default();
                if !way.is_empty() {
                    way.push('/');
                }
                way.push_str(&only.name);
                *end = next;
                true
            });
            if open.is_empty() {
                break;
            }
        }
        Ok(ways)
    }
}
