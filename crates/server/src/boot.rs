//! The data directory: made when missing, locked, its keys checked, before anything else happens.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use db::Db;
use keys::{InstallKey, PrivateKey};
use names::{Clock, Random};
use objects::Objects;
use rustix::fs::{FlockOperation, Mode, OFlags, flock};

use crate::{Error, ServeArgs, config::SecretText};

/// No key file is longer.
const MAX_KEY_FILE: u64 = 16 << 10;

/// The operator's public half, by which programs on this machine know the server (`spec/trust.md` 7).
pub const OPERATOR_PUBLIC: &str = "operator.pub";

/// What rooms are built on.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    pub(crate) db: Db,
    pub(crate) objects: Objects,
    pub(crate) git: hub::Git,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) keys: Keys,
    /// The data directory.
    pub(crate) dir: PathBuf,
    /// Held for as long as the process uses the directory.
    pub(crate) _lock: std::sync::Arc<File>,
}

/// The keys of the install.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) install: InstallKey,
    pub(crate) operator: PrivateKey,
    /// The key by which clients of SSH know the server, if it answers them.
    pub(crate) ssh: Option<PrivateKey>,
    /// The token that makes publishers, if a file says one.
    pub(crate) bootstrap: Option<SecretText>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(hidden)")
    }
}

/// Opens the data directory.
pub(crate) async fn ground(args: &ServeArgs) -> Result<Ground, Error> {
    let (clock, random) = (Clock::default(), Random::default());
    let dir = &args.data_dir;
    // Whatever the server writes from here on is for its own user alone.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    make_private_dir(dir).map_err(at(dir))?;
    let lock = lock(dir)?;
    let keys = Keys {
        install: install_key(args, &random)?,
        operator: operator_key(dir, &random)?,
        ssh: args.ssh.ssh_listen.is_some().then(|| ssh_key(dir, &random)).transpose()?,
        bootstrap: args.bootstrap_token()?,
    };
    let db = match args.database_url()? {
        None => Db::sqlite(&dir.join("motet.db")).await?,
        Some(url) => Db::postgres(url.expose()).await?,
    };
    let store = args.s3.store()?;
    let root = dir.join("objects");
    let objects = Objects::open(&root, &store, db.clone(), clock.clone(), random.clone())?;
    let git = args.git.open(dir)?;
    let (dir, lock) = (dir.clone(), std::sync::Arc::new(lock));
    Ok(Ground { db, objects, git, clock, random, keys, dir, _lock: lock })
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.display().to_string();
    move |source| Error::File { path, source }
}

/// Only we may look into the directory.
fn make_private_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Two processes on one embedded directory would each think that they are the one writer.
pub(crate) fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("motet.lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(at(&path))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        Error::Configuration(format!(
            "{} is in use by another motet; stop that one first",
            dir.display()
        ))
    })?;
    Ok(file)
}

/// The install key: from the environment, the given file, or the data directory, where it is made if missing.
fn install_key(args: &ServeArgs, random: &Random) -> Result<InstallKey, Error> {
    if let Some(text) = ServeArgs::install_key_text() {
        return parse_key("MOTET_INSTALL_KEY", text.expose().as_bytes());
    }
    let path = args.install_key_file.clone().unwrap_or_else(|| args.data_dir.join("install.key"));
    // Made only for an embedded install that has no data yet: anything else was made under a key that must come back.
    let may_make = args.install_key_file.is_none()
        && args.database_url()?.is_none()
        && !args.data_dir.join("motet.db").exists();
    if may_make { read_or_make_key(&path, random) } else { read_key(&path) }
}

/// The install key in a file, made if missing.
pub(crate) fn read_or_make_key(path: &Path, random: &Random) -> Result<InstallKey, Error> {
    let bytes = secret_file(path, true, || {
        format!("{}\n", InstallKey::generate(random).to_text().expose()).into_bytes()
    })?;
    parse_key(&path.display().to_string(), &bytes)
}

/// The install key in a file.
pub(crate) fn read_key(path: &Path) -> Result<InstallKey, Error> {
    let bytes = secret_file(path, false, Vec::new)?;
    parse_key(&path.display().to_string(), &bytes)
}

/// The install key as it is written in a place.
pub(crate) fn parse_key(place: &str, text: &[u8]) -> Result<InstallKey, Error> {
    InstallKey::parse(text).map_err(|error| {
        Error::Configuration(format!("the install key in {place} cannot be used: {error}"))
    })
}

/// The operator's key, made if missing.
fn operator_key(dir: &Path, random: &Random) -> Result<PrivateKey, Error> {
    let path = dir.join("operator.key");
    let bytes = secret_file(&path, true, || {
        PrivateKey::generate(random).to_openssh("operator").expose().as_bytes().to_vec()
    })?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    let (key, _) = PrivateKey::from_openssh(&text).map_err(|error| {
        Error::Configuration(format!(
            "the operator key in {} cannot be used: {error}",
            path.display()
        ))
    })?;
    let public = dir.join(OPERATOR_PUBLIC);
    let line = format!("{} operator\n", key.public().to_openssh());
    if fs::read_to_string(&public).ok().as_deref() != Some(line.as_str()) {
        let temporary = dir.join(format!("{OPERATOR_PUBLIC}.new"));
        fs::write(&temporary, line)
            .and_then(|()| fs::rename(&temporary, &public))
            .map_err(at(&public))?;
    }
    Ok(key)
}

/// The key of the server for SSH, made if missing.
fn ssh_key(dir: &Path, random: &Random) -> Result<PrivateKey, Error> {
    let path = dir.join("ssh_host_ed25519.key");
    let bytes = secret_file(&path, true, || {
        PrivateKey::generate(random).to_openssh("motet").expose().as_bytes().to_vec()
    })?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    let (key, _) = PrivateKey::from_openssh(&text).map_err(|error| {
        let path = path.display();
        Error::Configuration(format!("the key for SSH in {path} cannot be used: {error}"))
    })?;
    Ok(key)
}

/// Reads a file that only we may read; makes it where that is allowed.
fn secret_file(
    path: &Path,
    may_make: bool,
    make: impl FnOnce() -> Vec<u8>,
) -> Result<Vec<u8>, Error> {
    let no_follow = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let opened = OpenOptions::new().read(true).custom_flags(no_follow).open(path);
    match opened {
        Ok(file) => read_secret(path, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound && may_make => {
            let bytes = make();
            write_secret(path, &bytes).map_err(at(path))?;
            tracing::info!(path = %path.display(), "key made");
            Ok(bytes)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Error::Configuration(format!(
                "{} is missing, and the data was made with it; put it back from the backup",
                path.display()
            )))
        }
        Err(error) => Err(at(path)(error)),
    }
}

fn read_secret(path: &Path, mut file: File) -> Result<Vec<u8>, Error> {
    let refuse = |why: String| Err(Error::Configuration(format!("{}: {why}", path.display())));
    let meta = file.metadata().map_err(at(path))?;
    if !meta.is_file() {
        return refuse("a key must be a plain file".to_owned());
    }
    if meta.mode() & 0o077 != 0 {
        return refuse(format!(
            "others may read this key (mode {:o}); run chmod 600 on it",
            meta.mode() & 0o777
        ));
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return refuse("the key belongs to another user".to_owned());
    }
    let mut bytes = Vec::new();
    (&mut file).take(MAX_KEY_FILE).read_to_end(&mut bytes).map_err(at(path))?;
    Ok(bytes)
}

/// Written whole or not at all: a temporary file, synced, then renamed.
fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let tmp: PathBuf = path.with_extension("key.new");
    let _removed = fs::remove_file(&tmp);
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&tmp)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&tmp, path)?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

/// Where a server that uses a data directory can be reached from this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The address to connect to.
    pub address: SocketAddr,
    /// What the server is called there: `Host`, and what requests are signed for.
    pub authority: String,
}

/// The file that says so, in one line: the address, a blank, the authority.
const ADDRESS_FILE: &str = "server.address";
/// No such line is longer: a host name has at most 253 bytes.
const MAX_ADDRESS_BYTES: u64 = 1 << 10;

/// Says in the data directory where the server answers, for the operator's commands on this machine. Not removed at
/// the end: a server that was killed could not remove it either.
pub(crate) fn tell_address(dir: &Path, bound: SocketAddr, authority: &str) -> Result<(), Error> {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let path = dir.join(ADDRESS_FILE);
    let line = format!("{} {}\n", SocketAddr::new(ip, bound.port()), authority);
    let temporary = dir.join(format!("{ADDRESS_FILE}.new"));
    fs::write(&temporary, line).and_then(|()| fs::rename(&temporary, &path)).map_err(at(&path))
}

/// Where the invitation of the first boot waits for whoever runs the install.
fn first_invite(dir: &Path) -> PathBuf {
    dir.join("first-invite")
}

/// Leaves the invitation of the first boot in a file that only we may read.
pub(crate) fn leave_invite(dir: &Path, code: &str) -> Result<(), Error> {
    let path = first_invite(dir);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        writeln!(file, "{code}")?;
        file.sync_all()
    };
    write().map_err(at(&path))
}

/// Takes that file away: its invitation was used, or has ended.
pub(crate) fn take_invite_away(dir: &Path) -> io::Result<()> {
    match fs::remove_file(first_invite(dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Where the server that uses `dir` answers, or answered when it last ran.
pub fn reached(dir: &Path) -> Result<Reached, Error> {
    let path = dir.join(ADDRESS_FILE);
    let mut line = String::new();
    File::open(&path)
        .and_then(|file| file.take(MAX_ADDRESS_BYTES).read_to_string(&mut line))
        .map_err(at(&path))?;
    let parts = line.trim_end().split_once(' ');
    parts
        .and_then(|(address, authority)| {
            Some(Reached { address: address.parse().ok()?, authority: authority.to_owned() })
        })
        .ok_or_else(|| Error::Configuration(format!("{} cannot be read", path.display())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_key_is_made_once_for_us_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("install.key");
        assert_eq!(secret_file(&path, true, || b"one".to_vec()).unwrap(), b"one");
        assert_eq!(secret_file(&path, true, || b"two".to_vec()).unwrap(), b"one");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_key_that_others_may_read_or_that_is_a_link_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("install.key"), dir.path().join("link.key"));
        secret_file(&path, true, || b"one".to_vec()).unwrap();
        symlink(&path, &link).unwrap();
        assert!(secret_file(&link, true, Vec::new).is_err());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = secret_file(&path, true, Vec::new).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_missing_key_of_old_data_is_not_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        assert!(secret_file(&dir.path().join("install.key"), false, Vec::new).is_err());
    }

    #[test]
    fn where_a_server_answers_stands_in_its_directory() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(reached(dir.path()), Err(Error::File { .. })));
        for (bound, reachable) in [
            ("127.0.0.1:7420", "127.0.0.1:7420"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.7:80", "192.0.2.7:80"),
        ] {
            tell_address(dir.path(), bound.parse().unwrap(), "forge.example").unwrap();
            let address = reachable.parse().unwrap();
            let told = Reached { address, authority: "forge.example".to_owned() };
            assert_eq!(reached(dir.path()).unwrap(), told);
        }
        fs::write(dir.path().join(ADDRESS_FILE), "somewhere").unwrap();
        assert!(matches!(reached(dir.path()), Err(Error::Configuration(_))));
    }

    #[test]
    fn a_directory_has_one_process() {
        let dir = tempfile::tempdir().unwrap();
        let held = lock(dir.path()).unwrap();
        assert!(matches!(lock(dir.path()), Err(Error::Configuration(_))));
        drop(held);
        lock(dir.path()).unwrap();
    }
}
