//! `motet verify`: whether everything is what its id and its signature say, and the server's log goes on from where it
//! was (`spec/wire.md` 8).

use std::collections::{BTreeSet, HashSet};

use api::{CommitRecord, wire2::KEYS};
use history::{
    signing_bytes,
    worktree::{Head, Remote, RemoteName, WorkingCopy, WorktreeError},
};
use keys::Signature;
use names::{CommitId, ObjectId, SnapshotId};
use serde_json::{Value, json};

use super::{
    counted,
    remote::remote_name,
    working::{address_of, which_remote},
};
use crate::{
    context::Context,
    failure::{Exit, Failure},
    report::{BAD, GOOD, ODD, Report},
    store::{Credential, load_key},
    transfer::{Keys, Source, TransferError},
};

/// What a signature begins with that can be verified.
const NATIVE: &str = "ed25519v1:";
/// How many of one kind are told to people.
const MAX_TOLD: usize = 20;

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet verify                      everything here, and the log of the server
  motet verify --local              without asking a server")]
pub struct Verify {
    /// A remote; the one that your branch follows if left out
    #[arg(value_parser = remote_name)]
    pub remote: Option<RemoteName>,
    /// Ask no server
    #[arg(long, conflicts_with = "remote")]
    pub local: bool,
}

/// What was looked at, and what came of it.
#[derive(Debug, Default)]
struct Findings {
    commits: u64,
    snapshots: u64,
    objects: u64,
    good_signatures: u64,
    unsigned: u64,
    /// What is not what it says.
    faults: Vec<String>,
    /// What nobody could check.
    unchecked: Vec<String>,
    log: Option<Followed>,
}

/// The log of a server, followed from its beginning.
#[derive(Debug)]
struct Followed {
    remote: RemoteName,
    items: u64,
    refs: usize,
}

pub(super) async fn run(arguments: &Verify, context: &Context) -> Result<Report, Failure> {
    let copy = context.working_copy_as_it_is()?;
    let remote = match (arguments.local, &arguments.remote) {
        (true, _) => None,
        (false, None) if copy.config()?.remotes().is_empty() => None,
        (false, named) => {
            let branch = match copy.head()? {
                Head::Branch(branch) => Some(branch),
                Head::Detached(_) => None,
            };
            Some(which_remote(&copy.config()?, named.as_ref(), branch.as_ref())?)
        }
    };
    let mut findings = Findings::default();
    let commits = findings.check_history(&copy, context)?;
    findings.check_remembered(&copy)?;
    let mut keys = own_keys(context)?;
    match &remote {
        Some(remote) => findings.check_server(context, &copy, remote, &commits, &mut keys).await?,
        None => findings.unchecked.push("the log of a server: none was asked".to_owned()),
    }
    for commit in &commits {
        findings.check_signature(commit, &keys);
    }
    Ok(findings.report())
}

/// The public halves of one's own keys.
fn own_keys(context: &Context) -> Result<Keys, Failure> {
    let mut keys = Keys::default();
    for (_, account) in context.store.accounts()? {
        if let Credential::Key(file) = account.credential
            && let Ok(key) = load_key(&file)
        {
            keys.add(&key.public().to_openssh());
        }
    }
    Ok(keys)
}

impl Findings {
    /// Every commit that a ref leads to, with its snapshot and its objects. Goes on behind whatever is wrong.
    fn check_history(
        &mut self,
        copy: &WorkingCopy,
        context: &Context,
    ) -> Result<Vec<CommitRecord>, Failure> {
        let mut waiting: Vec<CommitId> = roots(copy)?;
        let (mut seen, mut commits) = (HashSet::new(), Vec::new());
        let mut snapshots = BTreeSet::new();
        while let Some(id) = waiting.pop() {
            if !seen.insert(id) {
                continue;
            }
            if let Some(commit) = self.read(copy.commit(&id), || format!("commit {id}"))? {
                self.commits += 1;
                waiting.extend(commit.parents());
                snapshots.insert(commit.snapshot_id);
                commits.push(commit);
            }
        }
        let mut objects = BTreeSet::new();
        for id in &snapshots {
            self.check_snapshot(copy, id, &mut objects)?;
        }
        context.progress.begin("objects", objects.len() as u64);
        for id in &objects {
            let read = copy.copy_object(id, |_| Ok(())).map(|is_here| is_here.then_some(()));
            if self.read(read, || format!("object {id}"))?.is_some() {
                self.objects += 1;
            }
            context.progress.advance(1);
        }
        context.progress.end();
        Ok(commits)
    }

    fn check_snapshot(
        &mut self,
        copy: &WorkingCopy,
        id: &SnapshotId,
        objects: &mut BTreeSet<ObjectId>,
    ) -> Result<(), Failure> {
        if let Some(snapshot) = self.read(copy.snapshot(id), || format!("snapshot {id}"))? {
            self.snapshots += 1;
            objects.extend(snapshot.manifest.into_values());
        }
        Ok(())
    }

    /// What was read, if it is here and sound; else it is noted what it is.
    fn read<T>(
        &mut self,
        read: Result<Option<T>, WorktreeError>,
        what: impl FnOnce() -> String,
    ) -> Result<Option<T>, Failure> {
        match read {
            Ok(Some(found)) => Ok(Some(found)),
            Ok(None) => {
                self.unchecked.push(format!("{}: not here", what()));
                Ok(None)
            }
            Err(error @ (WorktreeError::Damaged { .. } | WorktreeError::Fault(_))) => {
                self.faults.push(format!("{}: {error}", what()));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The heads of remotes are where their logs said that they were.
    fn check_remembered(&mut self, copy: &WorkingCopy) -> Result<(), Failure> {
        for Remote { name, .. } in copy.config()?.remotes() {
            let log = match copy.remote_log(&name) {
                Ok(log) => log,
                Err(error @ WorktreeError::Damaged { .. }) => {
                    self.faults.push(format!("what is remembered of {name}: {error}"));
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let Some(log) = log else {
                self.unchecked.push(format!("the heads of {name}: no log of it was followed"));
                continue;
            };
            for (branch, head) in copy.remote_heads(&name)? {
                let said = log.refs.get(&branch.full()).map(|it| it.target.as_str());
                let head = head.map(|it| it.to_string());
                match (said, head.as_deref()) {
                    (Some(said), Some(head)) if said != head => self.unchecked.push(format!(
                        "{name}/{branch}: it is not where the log was when it was followed; motet fetch follows it"
                    )),
                    (None, Some(_)) => {
                        self.unchecked.push(format!("{name}/{branch}: it is in no log"));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The log goes on from where it was followed, is whole from its beginning, and ends where the refs are.
    async fn check_server(
        &mut self,
        context: &Context,
        copy: &WorkingCopy,
        remote: &Remote,
        commits: &[CommitRecord],
        keys: &mut Keys,
    ) -> Result<(), Failure> {
        let address = address_of(remote)?;
        let client = context.client_of_account(&address.origin)?;
        let source = Source::of(&client, &address);
        let offer = source.offer().await?;
        let signers: BTreeSet<_> = commits
            .iter()
            .filter(|it| it.signature.starts_with(NATIVE) && !keys.has(&it.signer_key_id))
            .map(|it| it.signer_key_id.clone())
            .collect();
        let signers: Vec<_> = signers.into_iter().collect();
        for names in signers.chunks(KEYS) {
            source.learn(names.to_vec(), keys).await?;
        }
        // Of damaged notes it was told already; the whole log is followed without them.
        let known = copy.remote_log(&remote.name).ok().flatten();
        let followed = async {
            source.follow(known, &offer).await?;
            source.follow(None, &offer).await
        };
        match followed.await {
            Ok(None) => self.unchecked.push(format!("the log of {}: it has none", remote.name)),
            Ok(Some(log)) => {
                if log.unchecked > 0 {
                    let signatures = counted(log.unchecked, "signature");
                    self.unchecked.push(format!("{signatures} in the log of {}", remote.name));
                }
                let refs = log.refs.values().filter(|it| !it.target.is_empty()).count();
                self.log = Some(Followed { remote: remote.name.clone(), items: log.seq, refs });
            }
            Err(error @ TransferError::Log(_)) => {
                self.faults.push(format!("{}: {error}", remote.name));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn check_signature(&mut self, commit: &CommitRecord, keys: &Keys) {
        let id = commit.commit_id;
        if commit.signature.is_empty() {
            self.unsigned += 1;
            return;
        }
        if !commit.signature.starts_with(NATIVE) {
            self.unchecked
                .push(format!("the signature of commit {id}: it is of no kind that can be"));
            return;
        }
        let Ok(signature) = Signature::from_commit_text(&commit.signature) else {
            self.faults.push(format!("the signature of commit {id}: it is none"));
            return;
        };
        match keys.verify(&commit.signer_key_id, &signing_bytes(commit), signature.as_bytes()) {
            Some(true) => self.good_signatures += 1,
            Some(false) => self.faults.push(format!("the signature of commit {id}: it is false")),
            None => {
                self.unchecked.push(format!("the signature of commit {id}: its key is not known"));
            }
        }
    }

    fn report(self) -> Report {
        let Self { commits, snapshots, objects, good_signatures, unsigned, .. } = self;
        let log = self
            .log
            .as_ref()
            .map(|it| json!({ "remote": it.remote.as_str(), "items": it.items, "refs": it.refs }));
        let result: Value = json!({
            "sound": self.faults.is_empty(),
            "commits": commits,
            "snapshots": snapshots,
            "objects": objects,
            "signatures": { "good": good_signatures, "unsigned": unsigned },
            "log": log,
            "faults": self.faults,
            "unchecked": self.unchecked,
        });
        let mut lines = vec![format!(
            "{GOOD}good{GOOD:#} {}, {}, {}, {}; {} unsigned",
            counted(commits, "commit"),
            counted(snapshots, "snapshot"),
            counted(objects, "object"),
            counted(good_signatures, "signature"),
            unsigned,
        )];
        if let Some(Followed { remote, items, refs }) = &self.log {
            let (items, refs) = (counted(*items, "movement"), counted(*refs as u64, "ref"));
            lines.push(format!(
                "{GOOD}good{GOOD:#} the log of {remote}: {items}, {refs} as it says"
            ));
        }
        for (style, word, found) in
            [(ODD, "not checked", &self.unchecked), (BAD, "bad", &self.faults)]
        {
            let told = found.iter().take(MAX_TOLD);
            lines.extend(told.map(|it| format!("{style}{word}{style:#} {it}")));
            if found.len() > MAX_TOLD {
                lines.push(format!("{style}{word}{style:#} {} more", found.len() - MAX_TOLD));
            }
        }
        let exit = if self.faults.is_empty() { Exit::Done } else { Exit::Unverified };
        Report { exit, ..Report::answer(result, lines.join("\n") + "\n") }
    }
}

/// Everything that a ref names.
fn roots(copy: &WorkingCopy) -> Result<Vec<CommitId>, Failure> {
    let mut roots: Vec<_> = copy.head_commit()?.into_iter().collect();
    let mut add =
        |refs: Vec<(_, Option<CommitId>)>| roots.extend(refs.into_iter().filter_map(|it| it.1));
    add(copy.branches()?);
    add(copy.tags()?);
    for Remote { name, .. } in copy.config()?.remotes() {
        add(copy.remote_heads(&name)?);
    }
    Ok(roots)
}
