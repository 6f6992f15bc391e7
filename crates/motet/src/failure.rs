//! Why a command did not do what it was asked, in the one form in which people and programs are told: a code, a
//! sentence, the next step, and the exit code (`spec/hub.md` 10).

use std::{borrow::Cow, fmt, io};

use api::stream::StreamError;
use history::worktree::WorktreeError;

use crate::{
    client::{AddressError, ClientError, Refusal},
    demo::DemoError,
    store::StoreError,
    transfer::TransferError,
    visible::visible,
};

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Not done, and the user decides: nothing to commit, changes in the way, interrupted.
    Decide = 1,
    /// Wrong use, or not in a repository.
    Usage = 2,
    /// Our fault, or the machine's.
    Internal = 3,
    /// Not found.
    NotFound = 4,
    /// The server refused, or is not there.
    Refused = 5,
    /// Something is not what its id or signature says.
    Unverified = 6,
    /// Not signed in, or not allowed.
    NotAllowed = 7,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// A stable word that programs match on.
    pub code: Cow<'static, str>,
    /// What happened; one line, fit to be printed.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// A failure without a hint.
    pub fn new(exit: Exit, code: impl Into<Cow<'static, str>>, message: impl fmt::Display) -> Self {
        Self { exit, code: code.into(), message: visible(&message.to_string()), hint: None }
    }

    /// Wrong use.
    pub fn usage(code: &'static str, message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, code, message)
    }

    /// The same with the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(visible(&hint.to_string()));
        self
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(Exit::Internal, "io", error)
    }
}

impl From<AddressError> for Failure {
    fn from(error: AddressError) -> Self {
        Self::usage("bad_address", error)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        use ClientError as E;
        let (exit, code) = match &error {
            E::Refused(refusal) => return Self::from(refusal.as_ref()),
            E::Address(_) => (Exit::Usage, "bad_address"),
            E::Insecure { .. } => (Exit::Usage, "insecure"),
            E::Setup(_) => (Exit::Internal, "client_setup"),
            E::NoKey { .. } => (Exit::NotAllowed, "not_signed_in"),
            E::Unreachable { .. } => (Exit::Refused, "unreachable"),
            E::TimedOut { .. } => (Exit::Refused, "timed_out"),
            E::CutOff { .. } => (Exit::Refused, "cut_off"),
            E::Redirect { .. } => (Exit::Refused, "redirected"),
            E::BadAnswer { .. } => (Exit::Refused, "bad_answer"),
            E::TooLong { .. } => (Exit::Refused, "too_long"),
            E::Unbelievable { .. } => (Exit::Unverified, "unbelievable"),
        };
        let failure = Self::new(exit, code, &error);
        match &error {
            E::Insecure { .. } => failure.hint("use https, or --insecure if you know the network"),
            E::NoKey { origin } => {
                failure.hint(format!("motet register {origin} <handle> makes you known there"))
            }
            E::Unreachable { .. } | E::TimedOut { .. } | E::CutOff { .. } => {
                failure.hint("is the address right, and the server running? try again")
            }
            E::Redirect { .. } => failure.hint("use the address that it points to"),
            E::BadAnswer { .. } => failure.hint("is this the address of a Motet server?"),
            E::Unbelievable { .. } => {
                failure.hint("nothing was taken over; tell those who run the server")
            }
            E::Address(_) | E::Setup(_) | E::Refused(_) | E::TooLong { .. } => failure,
        }
    }
}

impl From<&Refusal> for Failure {
    fn from(refusal: &Refusal) -> Self {
        let exit = match (refusal.status, refusal.code.as_str()) {
            (_, "hash_mismatch" | "snapshot_mismatch" | "commit_mismatch" | "digest_mismatch") => {
                Exit::Unverified
            }
            (401 | 403, _) => Exit::NotAllowed,
            (404, _) => Exit::NotFound,
            _ => Exit::Refused,
        };
        let failure = Self::new(exit, refusal.code.clone(), refusal);
        let hint = match refusal.code.as_str() {
            "clock_skew" => "set this machine's clock; motet doctor shows the difference",
            "unauthenticated" => "is your key registered there? motet doctor checks it",
            "not_found" => {
                "check owner and name, and that you may read it; motet repo create makes one"
            }
            "not_fast_forward" | "unknown_parent" => {
                "the branch has commits that you lack: motet pull merges them, then push again; or push --force"
            }
            "too_large" | "quota_exceeded" => "send less, or ask those who run the server",
            "key_taken" => "a key belongs to one handle: motet keygen --out <file> makes another",
            "handle_taken" => "choose another handle, or register with a key that it has",
            "rate_limited" | "unavailable" => match refusal.retry_after_seconds {
                Some(seconds) => return failure.hint(format!("try again in {seconds} s")),
                None => "try again in a moment",
            },
            _ => return failure,
        };
        failure.hint(hint)
    }
}

impl From<WorktreeError> for Failure {
    fn from(error: WorktreeError) -> Self {
        use WorktreeError as E;
        let error = match error {
            // It was asked for from a server, in words of ours.
            E::NotBrought(cause) => match cause.downcast::<Self>() {
                Ok(failure) => return *failure,
                Err(cause) => E::NotBrought(cause),
            },
            error => error,
        };
        let (exit, code) = match &error {
            E::NoWorkingCopy { .. } => (Exit::Usage, "no_working_copy"),
            E::Exists { .. } => (Exit::Usage, "working_copy_exists"),
            E::Ignore(_) => (Exit::Usage, "bad_ignore"),
            E::RemoteName(_) => (Exit::Usage, "bad_remote_name"),
            E::Domain(_) => (Exit::Usage, "bad_domain"),
            E::TooManyFiles { .. } => (Exit::Usage, "too_many_files"),
            E::Io { .. } => (Exit::Internal, "io"),
            E::Damaged { .. } => (Exit::Unverified, "damaged"),
            E::Fault(fault) => (Exit::Unverified, fault.code()),
            E::MissingCommit(_) => (Exit::NotFound, "missing_commit"),
            E::MissingSnapshot(_) => (Exit::NotFound, "missing_snapshot"),
            E::MissingObject { .. } => (Exit::NotFound, "missing_object"),
            E::NotBrought(_) => (Exit::Refused, "not_brought"),
            E::NoRemote(_) => (Exit::NotFound, "no_remote"),
            E::NothingToCommit => (Exit::Decide, "nothing_to_commit"),
            E::InTheWay(_) => (Exit::Decide, "in_the_way"),
            E::Changing(_) => (Exit::Decide, "changing"),
            E::RefConflict { .. } => (Exit::Decide, "ref_conflict"),
            E::NothingMatched(_) => (Exit::Decide, "nothing_matched"),
            E::NoFile { .. } => (Exit::NotFound, "no_file"),
            E::NotText(_) => (Exit::Decide, "not_text"),
            E::UnknownRevision(_) => (Exit::NotFound, "unknown_revision"),
            E::AmbiguousRevision(_) => (Exit::Usage, "ambiguous_revision"),
            E::Merging => (Exit::Decide, "merging"),
            E::NotMerging => (Exit::Decide, "not_merging"),
            E::Unresolved(_) => (Exit::Decide, "unresolved"),
            E::Unrelated => (Exit::Decide, "unrelated"),
            E::Attributes(_) => (Exit::Usage, "bad_attributes"),
            E::Label { .. } => (Exit::Usage, "bad_label"),
        };
        match &error {
            E::NoWorkingCopy { directory } => {
                let message = format!("{} is not in a working copy", directory.display());
                Self::new(exit, code, message)
                    .hint("motet init makes one, motet clone <address> fetches one")
            }
            E::InTheWay(_) => Self::new(exit, code, error).hint(
                "commit them, move them away, or --force keeps a copy in .muse/motet/rescued",
            ),
            E::UnknownRevision(_) => {
                Self::new(exit, code, error).hint("motet branch and motet log show what there is")
            }
            E::Unresolved(_) => Self::new(exit, code, error)
                .hint("motet status lists them; motet merge --abort takes the merge back"),
            E::NoRemote(name) => Self::new(exit, code, format!("there is no remote `{name}`"))
                .hint("name an address instead, and -u to remember it"),
            _ => Self::new(exit, code, error),
        }
    }
}

impl From<TransferError> for Failure {
    fn from(error: TransferError) -> Self {
        use TransferError as E;
        match error {
            E::Client(error) => error.into(),
            E::Worktree(error) => error.into(),
            E::Fault(ref fault) => Self::new(Exit::Unverified, fault.code(), &error),
            E::Stream(StreamError::Cut { .. }) | E::Cut(_) => {
                Self::new(Exit::Refused, "cut_off", error)
                    .hint("what has come is kept: the same command goes on from there")
            }
            E::Stream(_) => Self::new(Exit::Unverified, "bad_stream", error),
            E::Delta(_) => Self::new(Exit::Unverified, "snapshot_mismatch", error),
            E::BadBranch { .. } => Self::new(Exit::Unverified, "bad_ref", error),
            E::Log(_) => Self::new(Exit::Unverified, "another_history", error).hint(
                "nothing was taken over; ask those who run the server whether it was restored from a backup",
            ),
            E::BadDomain(_) => Self::new(Exit::Unverified, "bad_domain", error),
            E::NoCommit(_) | E::NoSnapshot(_) | E::NoObject { .. } => {
                Self::new(Exit::Unverified, "incomplete", error)
            }
            E::Withheld(_) | E::NotAsked(_) => Self::new(Exit::Unverified, "incomplete", error),
            E::NotOffered(_) => Self::new(Exit::Unverified, "not_offered", error),
            E::BranchesOnly => Self::new(Exit::Refused, "branches_only", error),
            E::NoCommits(_) => Self::new(Exit::NotFound, "no_commits", error),
            E::TooManyBranches { .. } | E::TooLarge { .. } => {
                Self::new(Exit::Refused, "too_large", error)
            }
        }
    }
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::Script { .. } => Self::new(Exit::Internal, "demo_script", error),
            DemoError::Worktree(error) => error.into(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        use StoreError as E;
        let (exit, code) = match &error {
            E::NoHome(_) | E::Io { .. } => (Exit::Internal, "io"),
            E::Link { .. } => (Exit::NotAllowed, "symbolic_link"),
            E::Open { .. } => (Exit::NotAllowed, "open_to_others"),
            E::Damaged { .. } => (Exit::Usage, "damaged_configuration"),
            E::NoKey { .. } => (Exit::NotAllowed, "no_key"),
            E::Exists { .. } => (Exit::Decide, "exists"),
            E::BadKey { .. } => (Exit::Usage, "bad_key"),
        };
        let failure = Self::new(exit, code, &error);
        match &error {
            E::Open { path, mode: _ } => {
                // A directory has to stay passable for its owner.
                let wanted = if path.is_dir() { "700" } else { "600" };
                failure.hint(format!("chmod {wanted} {}", path.display()))
            }
            E::Link { path } => failure.hint(format!("put the real thing at {}", path.display())),
            E::NoKey { .. } => failure.hint("motet keygen makes one; --key names another"),
            E::Exists { .. } => failure.hint("name another file with --out"),
            E::NoHome(_) => failure.hint("name a directory with --config-dir"),
            E::Io { .. } | E::Damaged { .. } | E::BadKey { .. } => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> Failure {
        let body = format!("{code}: no (request r)");
        Failure::from(&Refusal::read(status, "text/plain", body.as_bytes()))
    }

    #[test]
    fn a_refusal_ends_with_the_code_of_its_kind() {
        for (status, code, exit) in [
            (400, "malformed", 5),
            (401, "unauthenticated", 7),
            (401, "clock_skew", 7),
            (403, "forbidden", 7),
            (404, "not_found", 4),
            (409, "not_fast_forward", 5),
            (413, "too_large", 5),
            (422, "hash_mismatch", 6),
            (422, "commit_mismatch", 6),
            (422, "bad_ref", 5),
            (429, "rate_limited", 5),
            (503, "unavailable", 5),
        ] {
            let failure = refused(status, code);
            assert_eq!((failure.exit as u8, failure.code.as_ref()), (exit, code));
        }
    }

    #[test]
    fn local_errors_end_with_the_code_of_their_kind() {
        let text = String::new;
        for (failure, exit) in [
            (Failure::from(WorktreeError::NoWorkingCopy { directory: "/x".into() }), 2),
            (WorktreeError::NothingToCommit.into(), 1),
            (WorktreeError::InTheWay(vec!["a".parse().unwrap()]).into(), 1),
            (WorktreeError::NoRemote("origin".into()).into(), 4),
            (ClientError::Unreachable { origin: text(), cause: text() }.into(), 5),
            (ClientError::Insecure { origin: text() }.into(), 2),
            (ClientError::NoKey { origin: text() }.into(), 7),
            (ClientError::Unbelievable { origin: text(), reason: text() }.into(), 6),
            (TransferError::NoCommits("main".parse().unwrap()).into(), 4),
            (TransferError::BadBranch { name: text(), reason: text() }.into(), 6),
            (StoreError::NoKey { path: "/k".into() }.into(), 7),
            (StoreError::Exists { path: "/k".into() }.into(), 1),
            (io::Error::other("disk").into(), 3),
        ] {
            assert_eq!(failure.exit as u8, exit, "{failure:?}");
        }
    }

    #[test]
    fn a_message_never_speaks_to_the_terminal() {
        let path = "a\u{1b}[2J".parse().unwrap();
        let failure = Failure::from(WorktreeError::InTheWay(vec![path]));
        assert!(failure.message.contains("⟨U+001B⟩"), "{}", failure.message);
    }
}
