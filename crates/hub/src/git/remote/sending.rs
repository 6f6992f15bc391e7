//! Refs of here, sent to another server: each only where the other side is as we left it.
//!
//! What a mirror has sent is remembered. A ref that is elsewhere there by now was moved by somebody else, and is left alone;
//! one that was never sent is written over only by what leads on from it. Git tells the other server where each ref has to be,
//! so nobody who moves it in between is overtaken.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use names::CommitId;

use super::{
    super::store,
    Landed, Progress, Remote, RemoteFault,
    line::{Line, THERE},
};
use crate::{Error, Hub, Repository, mirrors::Patterns, reading};

/// Refs that one run of Git sends: its list of arguments has a bound.
const TOGETHER: usize = 200;
/// What another server says to a push.
const SAID_BYTES: u64 = 64 << 20;

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) landed: Landed,
    /// Where the refs of the other side are now, as far as they were sent by us.
    pub(crate) known: BTreeMap<String, CommitId>,
}

/// A ref that is to go somewhere there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Move {
    name: String,
    /// Where it has to be there; nothing if it must not be there.
    expected: Option<CommitId>,
    /// Nothing to take it away.
    new: Option<CommitId>,
}

impl Hub {
    /// Sends refs of these names, as far as the other side is as `known` says.
    pub(crate) async fn send_remote(
        &self,
        (repository, remote): (&Repository, &Remote),
        patterns: &Patterns,
        known: BTreeMap<String, CommitId>,
    ) -> Result<Sent, RemoteFault> {
        let (git, id, progress) = (&self.git, repository.id, Arc::<Progress>::default());
        let dir = git.stand(repository).await?;
        let line =
            Line::open(git, (remote, &self.random), SAID_BYTES, Arc::clone(&progress)).await?;
        let there = git.refs_there((&dir, &line)).await?;
        let mut tx = self.db.read().await.map_err(Error::from)?;
        let rows = store::present(&mut tx, id).await.map_err(Error::from)?;
        let here: BTreeMap<_, _> = rows
            .iter()
            .filter(|(name, _)| patterns.match_name(name))
            .map(|(name, it)| (name.clone(), it.held()))
            .collect();
        let (mut sent, mut moves) = (Sent { known, ..Sent::default() }, Vec::new());
        for (name, new) in &here {
            let at = there.get(name).copied();
            let known = sent.known.get(name).copied();
            if at == Some(*new) {
                sent.known.insert(name.clone(), *new);
            } else if at == known || self.leads_on(&mut tx, repository, (at, *new)).await? {
                moves.push(Move { name: name.clone(), expected: at, new: Some(*new) });
            } else {
                let why = "somebody else moved it there, and it is not written over";
                sent.landed.left.push(format!("{name}: {why}"));
            }
        }
        drop(tx);
        let gone: Vec<_> =
            sent.known.keys().filter(|name| !here.contains_key(*name)).cloned().collect();
        for name in gone {
            match (there.get(&name).copied(), sent.known.remove(&name)) {
                (Some(at), Some(known)) if at == known => {
                    moves.push(Move { name, expected: Some(at), new: None });
                }
                // It is gone there, or somebody else's by now.
                _ => {}
            }
        }
        // What goes makes room for what comes.
        moves.sort_by_key(|it| it.new.is_some());
        for moves in moves.chunks(TOGETHER) {
            let arguments = arguments(moves);
            let arguments = arguments.iter().map(String::as_str).collect();
            let ran = git.run_there((&dir, &line), (arguments, &[]), &progress).await?;
            let verdicts = verdicts(&ran.text);
            if verdicts.is_empty() {
                return Err(line.fault().unwrap_or(RemoteFault::Failed(ran.complaint)));
            }
            sent.hear(moves, &verdicts);
        }
        Ok(sent)
    }

    /// Whether what is there is something of here that leads on to `new`.
    async fn leads_on(
        &self,
        tx: &mut db::Tx,
        repository: &Repository,
        (at, new): (Option<CommitId>, CommitId),
    ) -> Result<bool, Error> {
        let Some(at) = at else { return Ok(false) };
        let held = reading::known_commits(tx, repository.id, &[at, new]).await?;
        // Tags do not lead on to each other.
        if held.len() < 2 {
            return Ok(false);
        }
        Ok(reading::is_reachable(tx, repository.id, at, &[new]).await?)
    }
}

impl Sent {
    fn hear(&mut self, moves: &[Move], verdicts: &HashMap<String, Result<(), String>>) {
        for Move { name, expected, new } in moves {
            match (verdicts.get(name), new) {
                (Some(Ok(())), Some(new)) => {
                    self.landed.moved += 1;
                    self.known.insert(name.clone(), *new);
                }
                (Some(Ok(())), None) => self.landed.moved += 1,
                (told, _) => {
                    let why = match told {
                        Some(Err(why)) => why.as_str(),
                        Some(Ok(())) | None => "the other server said nothing of it",
                    };
                    self.landed.left.push(format!("{name}: {why}"));
                    if let (None, Some(expected)) = (new, expected) {
                        self.known.insert(name.clone(), *expected);
                    }
                }
            }
        }
    }
}

fn arguments(moves: &[Move]) -> Vec<String> {
    let text = |it: &Option<CommitId>| it.map(|it| it.to_string()).unwrap_or_default();
    let mut words = ["push", "--porcelain", "--no-verify", "--no-recurse-submodules"]
        .map(str::to_owned)
        .to_vec();
    let leases = moves.iter().map(|it| {
        let expected = text(&it.expected);
        format!("--force-with-lease={}:{expected}", it.name)
    });
    words.extend(leases);
    words.push(THERE.to_owned());
    words.extend(moves.iter().map(|it| format!("{}:{}", text(&it.new), it.name)));
    words
}

/// What Git says of each ref: a sign, `from:to`, and a summary, with tabs between.
fn verdicts(text: &str) -> HashMap<String, Result<(), String>> {
    let of_line = |line: &str| {
        let mut parts = line.split('\t');
        let (sign, pair, summary) = (parts.next()?, parts.next()?, parts.next()?);
        let (_, name) = pair.split_once(':')?;
        let said = match sign.trim() {
            "!" => Err(summary.chars().filter(|it| !it.is_control()).collect()),
            _ => Ok(()),
        };
        Some((name.to_owned(), said))
    };
    text.lines().filter_map(of_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_of_each_ref_is_read() {
        let said = "To http://127.0.0.1:7/there\n \tabc:refs/heads/main\tabc..def\n*\tabc:refs/heads/new\t[new branch]\n\
                    -\t:refs/heads/old\t[deleted]\n!\tabc:refs/heads/side\t[rejected] (stale info)\nDone\n";
        let read = verdicts(said);
        assert_eq!(read.len(), 4);
        assert_eq!(read["refs/heads/main"], Ok(()));
        assert_eq!(read["refs/heads/old"], Ok(()));
        assert_eq!(read["refs/heads/side"], Err("[rejected] (stale info)".to_owned()));
    }

    #[test]
    fn each_ref_says_where_it_has_to_be() {
        let id = |digit: &str| digit.repeat(40).parse::<CommitId>().unwrap();
        let name = |it: &str| format!("refs/heads/{it}");
        let moves = [
            Move { name: name("a"), expected: Some(id("1")), new: Some(id("2")) },
            Move { name: name("b"), expected: None, new: Some(id("2")) },
            Move { name: name("c"), expected: Some(id("1")), new: None },
        ];
        let (one, two) = (id("1").to_string(), id("2").to_string());
        let expected = [
            format!("--force-with-lease=refs/heads/a:{one}"),
            "--force-with-lease=refs/heads/b:".to_owned(),
            format!("--force-with-lease=refs/heads/c:{one}"),
            THERE.to_owned(),
            format!("{two}:refs/heads/a"),
            format!("{two}:refs/heads/b"),
            ":refs/heads/c".to_owned(),
        ];
        assert_eq!(arguments(&moves)[4..], expected);
    }
}
