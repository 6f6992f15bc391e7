//! Private key files: OpenSSH's format, for the user alone.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use keys::PrivateKey;
use names::Secret;

use super::{
    Result, StoreError,
    files::{check_mode, io_error},
};

/// The longest key file that is read.
const MAX_BYTES: u64 = 64 * 1024;

/// Reads a private key that only the user can read.
pub fn load_key(path: &Path) -> Result<PrivateKey> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StoreError::NoKey { path: path.to_owned() },
        _ => io_error(path)(error),
    })?;
    check_mode(path, &file)?;
    // Given its room at once, so that growing leaves no copy behind.
    let length = file.metadata().map_err(io_error(path))?.len().min(MAX_BYTES);
    let mut text = String::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    let read = file.take(MAX_BYTES).read_to_string(&mut text);
    let text = Secret::new(text);
    read.map_err(io_error(path))?;
    let (key, _comment) = PrivateKey::from_openssh(text.expose())
        .map_err(|cause| StoreError::BadKey { path: path.to_owned(), cause })?;
    Ok(key)
}

/// Writes a private key to a file that is not there yet.
pub fn create_key(path: &Path, key: &PrivateKey, comment: &str) -> Result<()> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = created.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => StoreError::Exists { path: path.to_owned() },
        _ => io_error(path)(error),
    })?;
    let text = key.to_openssh(comment);
    let written = file.write_all(text.expose().as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // Half a key is no key; the first error is the one to tell.
        std::fs::remove_file(path).unwrap_or_default();
        io_error(path)(error)
    })
}
