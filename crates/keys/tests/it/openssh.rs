//! Key files, exchanged with the real `ssh-keygen`. Where it is missing these tests fail: a format that
//! nobody else has read is not a format.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use keys::{PrivateKey, PrivateKeyError, PublicKey};
use names::Random;
use tempfile::TempDir;

use crate::vectors::V1;

fn ssh_keygen(args: &[&str], file: &Path) -> Output {
    Command::new("ssh-keygen")
        .args(args)
        .arg("-f")
        .arg(file)
        .output()
        .unwrap_or_else(|error| panic!("install openssh-client, ssh-keygen must run here: {error}"))
}

fn made_by_ssh_keygen(kind: &str, passphrase: &str) -> (TempDir, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("id");
    let made = ssh_keygen(&["-q", "-t", kind, "-N", passphrase, "-C", "me@laptop"], &file);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let private = fs::read_to_string(&file).unwrap();
    let public = fs::read_to_string(file.with_extension("pub")).unwrap();
    (dir, private, public)
}

#[test]
fn we_read_what_ssh_keygen_writes() {
    let (dir, private, public) = made_by_ssh_keygen("ed25519", "");
    let (key, comment) = PrivateKey::from_openssh(&private).unwrap();
    assert_eq!(comment.as_deref(), Some("me@laptop"));
    assert_eq!(PublicKey::parse(&public), Ok((*key.public(), comment)));
    let listed = ssh_keygen(&["-l"], &dir.path().join("id.pub"));
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains(&key.fingerprint().to_string()), "{listed}");
}

#[test]
fn ssh_keygen_reads_what_we_write() {
    // Comments of every length modulo the block, so that every padding is met.
    let random = Random::seeded(5);
    for length in 0..9 {
        let key = PrivateKey::generate(&random);
        let comment = "c".repeat(length);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("id");
        fs::write(&file, key.to_openssh(&comment).expose()).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let shown = ssh_keygen(&["-y"], &file);
        assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
        let expected = format!("{} {comment}", key.public().to_openssh());
        assert_eq!(String::from_utf8(shown.stdout).unwrap().trim(), expected.trim());
        // And its own rewriting of the file is still the same key to us.
        assert!(ssh_keygen(&["-q", "-p", "-N", ""], &file).status.success());
        let (read, _) = PrivateKey::from_openssh(&fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(read.public(), key.public());
    }
}

#[test]
fn keys_that_we_cannot_use_are_named() {
    let (_dir, locked, public) = made_by_ssh_keygen("ed25519", "correct horse");
    assert_eq!(PrivateKey::from_openssh(&locked).map(|_| ()), Err(PrivateKeyError::Encrypted));
    assert_eq!(PrivateKey::from_openssh(&public).map(|_| ()), Err(PrivateKeyError::PublicHalf));
    let (_dir, ecdsa, _) = made_by_ssh_keygen("ecdsa", "");
    assert_eq!(PrivateKey::from_openssh(&ecdsa).map(|_| ()), Err(PrivateKeyError::OtherType));
}

#[test]
fn a_key_signs_the_same_after_its_way_through_a_file() {
    let (read, comment) = PrivateKey::from_openssh(V1.key().to_openssh("a b").expose()).unwrap();
    assert_eq!(comment.as_deref(), Some("a b"));
    assert_eq!(read.sign(V1.canonical.as_bytes()).to_string(), V1.signature);
}
