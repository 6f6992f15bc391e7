//! What one set of heads leads to and another does not, both ways, without walking what they share.
//!
//! Commits are read from the highest generation down, so that each is met after everything that leads to it. It ends as
//! soon as nothing is left to meet that only one side leads to.

use std::collections::HashMap;

use db::Tx;
use names::{CommitId, Id};

use super::store;
use crate::{Error, Repository, reading};

/// Commits that the first look reads; each later one reads four times as many, up to the second number.
const ROWS: (u32, u32) = (32, 2_048);

const NEW: u8 = 1;
const OLD: u8 = 2;
const BOTH: u8 = NEW | OLD;

/// A commit that a sweep met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Met {
    pub(crate) id: CommitId,
    /// The key of a signature that was found good.
    pub(crate) signer: Option<String>,
}

/// What a sweep found, the highest generation first.
#[derive(Debug, Default)]
pub(crate) struct Swept {
    /// What only the new heads lead to.
    pub(crate) added: Vec<Met>,
    /// What only the old heads lead to.
    pub(crate) left: Vec<Met>,
    /// Whether that is all.
    pub(crate) is_whole: bool,
}

/// Sweeps from both sets of heads down. With `most` it stops after about so many commits.
pub(crate) async fn sweep(
    tx: &mut Tx,
    repository: Id<Repository>,
    (old, new): (&[CommitId], &[CommitId]),
    most: Option<u64>,
) -> Result<Swept, Error> {
    let mut waiting: HashMap<CommitId, u8> = HashMap::new();
    for (heads, side) in [(old, OLD), (new, NEW)] {
        for head in heads {
            *waiting.entry(*head).or_default() |= side;
        }
    }
    let heads: Vec<CommitId> = waiting.keys().copied().collect();
    let known = reading::known_commits(tx, repository, &heads).await?;
    // A head that has been collected leads to nothing any more.
    waiting.retain(|id, _| known.contains_key(id));
    let highest = known.values().map(|it| it.generation).max().unwrap_or(0);
    let mut swept = Swept::default();
    let (mut from, mut limit, mut read) = (store::Place::above(highest), ROWS.0, 0);
    while waiting.values().any(|sides| *sides != BOTH) {
        if most.is_some_and(|most| read >= most) {
            return Ok(swept);
        }
        let rows = store::below(tx, repository, from, limit).await?;
        let Some(last) = rows.last() else { break };
        from = last.place();
        read += rows.len() as u64;
        for row in rows {
            let Some(sides) = waiting.remove(&row.id) else { continue };
            for parent in row.parents {
                *waiting.entry(parent).or_default() |= sides;
            }
            let met = Met { id: row.id, signer: row.signer };
            match sides {
                NEW => swept.added.push(met),
                OLD => swept.left.push(met),
                _ => {}
            }
        }
        limit = limit.saturating_mul(4).min(ROWS.1);
    }
    swept.is_whole = true;
    Ok(swept)
}
