//! Where the server is installed, and which user may run it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Where Debian's packages put each version of the server.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Who runs the server when the tests run as root, which it refuses: the package's own user, or failing that nobody.
const USERS: &[&str] = &["postgres", "nobody"];

/// The programs of an installed PostgreSQL.
#[derive(Debug)]
pub(crate) struct Installed {
    /// The directory with `initdb` and `pg_ctl`.
    pub(crate) bin: PathBuf,
}

/// A user of this machine.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) id: u32,
    pub(crate) group: u32,
}

impl Installed {
    /// Finds the newest version.
    pub(crate) fn find() -> Self {
        let entries = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
        let version = |dir: &Path| dir.file_name()?.to_str()?.parse::<u32>().ok();
        let newest = entries
            .map(|entry| entry.path())
            .filter(|dir| dir.join("bin/initdb").exists())
            .filter_map(|dir| Some((version(&dir)?, dir)))
            .max();
        let Some((_, dir)) = newest else {
            panic!(
                "this test starts a PostgreSQL server of its own and found none below {VERSIONS}: \
                 install the Debian package `postgresql`"
            );
        };
        Self { bin: dir.join("bin") }
    }

    /// A client program that speaks to the server on `port`.
    pub(crate) fn client(&self, program: &str, port: u16) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.args(["--host=127.0.0.1", "--username=postgres", "--no-password"]);
        command.arg(format!("--port={port}")).stdin(Stdio::null());
        command
    }
}

impl User {
    /// Who runs the server: nobody else, unless the tests run as root.
    pub(crate) fn for_server() -> Option<Self> {
        if !rustix::process::getuid().is_root() {
            return None;
        }
        let users = fs::read_to_string("/etc/passwd").expect("a machine has users");
        let user = USERS.iter().find_map(|name| Self::named(name, &users));
        Some(user.expect("Debian has a user `nobody`"))
    }

    fn named(name: &str, users: &str) -> Option<Self> {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2);
        Some(Self { id: numbers.next()?.parse().ok()?, group: numbers.next()?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let users = "postgres2:x:1:2::/:/bin/sh\npostgres:x:101:104:PostgreSQL:/:/bin/sh\n";
        let user = User::named("postgres", users).unwrap();
        assert_eq!((user.id, user.group), (101, 104));
        assert!(User::named("nobody", users).is_none());
    }
}
