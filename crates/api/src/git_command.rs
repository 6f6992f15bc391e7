//! The one thing that Git asks for over SSH: `git-upload-pack 'owner/name'` or `git-receive-pack 'owner/name'`
//! (`spec/hub.md` 5, SSH). No shell reads it, here or anywhere: what is not exactly this is refused.

use names::{Handle, RepositoryName};

/// The longest command that is read: two names of 64 characters, and what stands around them.
const MAX_BYTES: usize = 256;

/// What is wanted of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitVerb {
    /// To fetch.
    UploadPack,
    /// To push.
    ReceivePack,
}

/// A command of Git's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitCommand {
    /// What is wanted.
    pub verb: GitVerb,
    /// Whose repository.
    pub owner: Handle,
    /// What it is called.
    pub name: RepositoryName,
}

/// Why a command is not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GitCommandError {
    /// Another program, or other arguments.
    #[error("only git-upload-pack and git-receive-pack are run here, each with one path in quotes")]
    Command,
    /// The path names no repository.
    #[error("the path names no repository: write ssh://HOST:PORT/owner/name")]
    Path,
}

impl GitVerb {
    /// The word that Git begins with.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }
}

impl GitCommand {
    /// Reads a command as a client sends it.
    pub fn parse(command: &[u8]) -> Result<Self, GitCommandError> {
        if command.len() > MAX_BYTES {
            return Err(GitCommandError::Command);
        }
        let text = str::from_utf8(command).map_err(|_| GitCommandError::Command)?;
        let (word, quoted) = text.split_once(' ').ok_or(GitCommandError::Command)?;
        let verb = [GitVerb::UploadPack, GitVerb::ReceivePack];
        let verb = verb.into_iter().find(|it| it.as_str() == word);
        let verb = verb.ok_or(GitCommandError::Command)?;
        let path = quoted.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        let path = path.ok_or(GitCommandError::Command)?;
        // No name has one in it, so nothing that is escaped is a name.
        if path.contains(['\'', '\\']) {
            return Err(GitCommandError::Command);
        }
        let (owner, name) = Self::names(path).ok_or(GitCommandError::Path)?;
        Ok(Self { verb, owner, name })
    }

    /// `/owner/name`, with or without the slash before it, one behind it, and `.git`.
    fn names(path: &str) -> Option<(Handle, RepositoryName)> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let path = path.strip_suffix(".git").unwrap_or(path);
        let (owner, name) = path.split_once('/')?;
        // Names are folded when they are read, and blanks around them would be passed over.
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_plain(owner) || !is_plain(name) {
            return None;
        }
        Some((owner.parse().ok()?, name.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<String, GitCommandError> {
        let GitCommand { verb, owner, name } = GitCommand::parse(text.as_bytes())?;
        Ok(format!("{} {owner} {name}", verb.as_str()))
    }

    #[test]
    fn what_git_sends_is_read() {
        for (text, read) in [
            ("git-upload-pack '/ada/songs'", "git-upload-pack ada songs"),
            ("git-upload-pack '/ada/songs.git'", "git-upload-pack ada songs"),
            ("git-receive-pack 'ada/songs.git/'", "git-receive-pack ada songs"),
            ("git-receive-pack '/Ada/Songs/'", "git-receive-pack ada songs"),
        ] {
            assert_eq!(parsed(text).as_deref(), Ok(read), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        use GitCommandError::{Command, Path};
        for (text, error) in [
            ("", Command),
            ("sh", Command),
            ("git-upload-pack", Command),
            ("git-upload-pack ada/songs", Command),
            ("git-upload-pack \"ada/songs\"", Command),
            ("git-upload-pack  'ada/songs'", Command),
            ("git-upload-pack 'ada/songs' ", Command),
            ("git-upload-pack 'ada/songs' 'ada/other'", Command),
            ("git-upload-pack --strict 'ada/songs'", Command),
            ("git-upload-pack 'ada/songs'; sh", Command),
            ("git-upload-pack 'ada/so'\\''ngs'", Command),
            ("git upload-pack 'ada/songs'", Command),
            ("git-upload-archive 'ada/songs'", Command),
            ("GIT-UPLOAD-PACK 'ada/songs'", Command),
            ("scp -t /tmp", Command),
            ("git-upload-pack '", Command),
            ("git-upload-pack ''", Path),
            ("git-upload-pack '/'", Path),
            ("git-upload-pack 'ada'", Path),
            ("git-upload-pack 'ada/'", Path),
            ("git-upload-pack '//ada/songs'", Path),
            ("git-upload-pack 'ada/songs/more'", Path),
            ("git-upload-pack '../songs'", Path),
            ("git-upload-pack 'ada/..'", Path),
            ("git-upload-pack '-ada/songs'", Path),
            ("git-upload-pack 'ada/ songs'", Path),
            ("git-upload-pack 'ada/songs\n'", Path),
            ("git-upload-pack '~ada/songs'", Path),
            ("git-upload-pack 'login/songs'", Path),
            ("git-upload-pack 'ada/songs.git.git'", Path),
            ("git-upload-pack 'ada/söngs'", Path),
        ] {
            assert_eq!(parsed(text), Err(error), "{text:?}");
        }
        let long = format!("git-upload-pack '{}/songs'", "a".repeat(MAX_BYTES));
        assert_eq!(parsed(&long), Err(Command));
        assert_eq!(GitCommand::parse(b"git-upload-pack '\xff/songs'"), Err(Command));
    }

    proptest! {
        #[test]
        fn what_is_read_is_two_names_and_nothing_else(path in "[ -~]{0,80}") {
            let text = format!("git-upload-pack '{path}'");
            if let Ok(GitCommand { owner, name, .. }) = GitCommand::parse(text.as_bytes()) {
                let plain = format!("git-upload-pack '{owner}/{name}'");
                prop_assert!(GitCommand::parse(plain.as_bytes()).is_ok());
                prop_assert!(!path.contains('\'') && path.split('/').all(|it| it != ".."));
            }
        }
    }
}
