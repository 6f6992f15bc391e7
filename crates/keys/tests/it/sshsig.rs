//! SSH signatures, exchanged with the real `ssh-keygen`, and on what both installed versions of Git sign.

use std::{
    ffi::OsStr,
    fs,
    num::NonZero,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use keys::{GitProof, GitSigned, PrivateKey, PublicKey, SshSignature, SshSignatureError, sign_ssh};
use names::Random;
use proptest::prelude::*;
use tempfile::TempDir;

const TWO: NonZero<usize> = NonZero::new(2).unwrap();

fn run(program: &str, dir: &Path, args: &[impl AsRef<OsStr>]) -> Output {
    let made = Command::new(program)
        .args(args)
        .current_dir(dir)
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap_or_else(|error| {
            panic!("install git and openssh-client, {program} must run: {error}")
        });
    assert!(made.status.success(), "{program}: {}", String::from_utf8_lossy(&made.stderr));
    made
}

/// A directory with a new key `id` of that kind.
fn with_key(kind: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    run("ssh-keygen", dir.path(), &["-q", "-t", kind, "-N", "", "-f", "id"]);
    dir
}

fn public(dir: &Path) -> PublicKey {
    PublicKey::parse(&fs::read_to_string(dir.join("id.pub")).unwrap()).unwrap().0
}

/// What `ssh-keygen` makes of `message`.
fn signed_by_ssh_keygen(dir: &Path, namespace: &str, message: &[u8], more: &[&str]) -> Vec<u8> {
    let (file, signature) = (dir.join("message"), dir.join("message.sig"));
    fs::write(&file, message).unwrap();
    let _absent = fs::remove_file(&signature);
    let mut args = vec!["-q", "-Y", "sign", "-f", "id", "-n", namespace];
    args.extend(more);
    args.push("message");
    run("ssh-keygen", dir, &args);
    fs::read(signature).unwrap()
}

/// The versions of Git that are installed, each by its path.
fn gits() -> Vec<PathBuf> {
    let both = ["/usr/bin/git", "/usr/local/bin/git"].map(PathBuf::from);
    let found: Vec<_> = both.into_iter().filter(|it| it.exists()).collect();
    if found.is_empty() { vec![PathBuf::from("git")] } else { found }
}

#[test]
fn what_ssh_keygen_signs_is_verified_and_nothing_beside_it() {
    let dir = with_key("ed25519");
    for (message, more) in [
        (&b""[..], &[][..]),
        (b"tree 0\n\nhello\n", &["-O", "hashalg=sha256"]),
        (&[0xff; 7_000], &["-O", "hashalg=sha512"]),
    ] {
        let text = signed_by_ssh_keygen(dir.path(), "git", message, more);
        let signature = SshSignature::parse(&text, "git").unwrap();
        assert_eq!(*signature.key(), public(dir.path()));
        assert!(signature.verify(message, "git"));
        assert!(!signature.verify(message, "file"));
        assert!(!signature.verify(&[message, b"x"].concat(), "git"));
        assert_eq!(SshSignature::parse(&text, "file"), Err(SshSignatureError::OtherNamespace));
    }
}

#[test]
fn ssh_keygen_verifies_what_we_sign() {
    let dir = with_key("ed25519");
    let text = fs::read_to_string(dir.path().join("id")).unwrap();
    let (key, _) = PrivateKey::from_openssh(&text).unwrap();
    let written = sign_ssh(&key, b"a commit\n", "git");
    // Ed25519 signs the same each time, and the armour has one form.
    assert_eq!(written.as_bytes(), signed_by_ssh_keygen(dir.path(), "git", b"a commit\n", &[]));
    let signature = SshSignature::parse(written.as_bytes(), "git").unwrap();
    assert!(signature.verify(b"a commit\n", "git"));
}

#[test]
fn other_kinds_of_keys_are_named_and_not_verified() {
    for kind in ["rsa", "ecdsa"] {
        let dir = with_key(kind);
        let text = signed_by_ssh_keygen(dir.path(), "git", b"x", &[]);
        assert_eq!(SshSignature::parse(&text, "git"), Err(SshSignatureError::OtherKey), "{kind}");
    }
    for other in ["", "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n", "abc"]
    {
        let parsed = SshSignature::parse(other.as_bytes(), "git");
        assert_eq!(parsed, Err(SshSignatureError::OtherForm), "{other:?}");
    }
}

#[test]
fn a_certificate_does_not_verify() {
    let dir = with_key("ed25519");
    let at = dir.path();
    run("ssh-keygen", at, &["-q", "-t", "ed25519", "-N", "", "-f", "ca"]);
    run("ssh-keygen", at, &["-q", "-s", "ca", "-I", "me", "-n", "me", "id.pub"]);
    fs::write(at.join("message"), "x").unwrap();
    let agentless = ["-q", "-Y", "sign", "-f", "id-cert.pub", "-n", "git", "message"];
    let made = Command::new("ssh-keygen").args(agentless).current_dir(at).output().unwrap();
    // Some versions want an agent for it; where one is made, it is not taken.
    if made.status.success() {
        let text = fs::read(at.join("message.sig")).unwrap();
        assert!(SshSignature::parse(&text, "git").is_err());
    }
}

/// A commit or tag as it lies in the repository, taken apart: what was signed, and the signature.
fn apart(object: &str) -> (String, String) {
    if let Some(at) = object.find("-----BEGIN SSH SIGNATURE-----\n")
        && !object.contains("\ngpgsig ")
    {
        let (payload, signature) = object.split_at(at);
        return (payload.to_owned(), signature.to_owned());
    }
    let (mut payload, mut signature, mut within) = (String::new(), String::new(), false);
    let (head, body) = object.split_once("\n\n").unwrap();
    for line in head.split('\n') {
        match (line.strip_prefix("gpgsig "), line.strip_prefix(' ')) {
            (Some(first), _) => (within, signature) = (true, format!("{first}\n")),
            (None, Some(more)) if within => signature += &[more, "\n"].concat(),
            _ => {
                within = false;
                payload += &[line, "\n"].concat();
            }
        }
    }
    (payload + "\n" + body, signature)
}

#[test]
fn commits_and_tags_that_git_signs_are_verified() {
    for git in gits() {
        let dir = with_key("ed25519");
        let at = dir.path();
        let git = git.to_str().unwrap();
        let key = at.join("id.pub").to_str().unwrap().to_owned();
        run(git, at, &["init", "-q", "-b", "main", "."]);
        for (name, value) in [
            ("user.name", "Ada"),
            ("user.email", "ada@example.org"),
            ("gpg.format", "ssh"),
            ("user.signingkey", &key),
        ] {
            run(git, at, &["config", name, value]);
        }
        run(git, at, &["commit", "-q", "--allow-empty", "-S", "-m", "Grüße\n\nsecond"]);
        run(git, at, &["tag", "-s", "-m", "one", "v1"]);
        for (kind, name) in [("commit", "main"), ("tag", "v1")] {
            let object = run(git, at, &["cat-file", kind, name]).stdout;
            let (payload, signature) = apart(&String::from_utf8(object).unwrap());
            let signed = |payload| GitSigned { payload, signature: signature.as_bytes() };
            let proof = GitProof::of(signed(payload.as_bytes()));
            assert_eq!(proof, GitProof::Good(public(at)), "{git} {kind}");
            let other = payload.replace("Ada", "Eve");
            assert_eq!(GitProof::of(signed(other.as_bytes())), GitProof::Unverifiable);
        }
    }
}

#[test]
fn many_are_verified_in_their_order() {
    let key = PrivateKey::generate(&Random::seeded(61));
    let payloads: Vec<_> = (0..300).map(|at| format!("commit {at}")).collect();
    let signatures: Vec<_> = payloads
        .iter()
        .enumerate()
        .map(|(at, payload)| match at % 3 {
            0 => String::new(),
            1 => sign_ssh(&key, payload.as_bytes(), "git"),
            _ => sign_ssh(&key, b"another", "git"),
        })
        .collect();
    let signed: Vec<_> = payloads
        .iter()
        .zip(&signatures)
        .map(|(payload, it)| GitSigned { payload: payload.as_bytes(), signature: it.as_bytes() })
        .collect();
    let proofs = GitProof::of_all(&signed, TWO);
    assert_eq!(proofs.len(), signed.len());
    for (at, proof) in proofs.into_iter().enumerate() {
        let expected = match at % 3 {
            0 => GitProof::Unsigned,
            1 => GitProof::Good(*key.public()),
            _ => GitProof::Unverifiable,
        };
        assert_eq!(proof, expected, "{at}");
    }
    assert!(GitProof::of_all(&[], TWO).is_empty());
}

#[test]
fn every_changed_character_is_seen() {
    let key = PrivateKey::generate(&Random::seeded(62));
    let good = sign_ssh(&key, b"message", "git");
    let is_good =
        |text: &[u8]| SshSignature::parse(text, "git").is_ok_and(|it| it.verify(b"message", "git"));
    assert!(is_good(good.as_bytes()));
    assert!(is_good(good.trim_end().as_bytes()));
    assert!(is_good(good.replace('\n', "\r\n").as_bytes()));
    for at in 0..good.trim_end().len() {
        let mut changed = good.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert!(!is_good(&changed), "{at}");
        assert!(!is_good(&good.as_bytes()[..at]), "{at}");
    }
    let (head, rest) = good.split_once('\n').unwrap();
    for other in [
        format!(" {good}"),
        format!("{good}{good}"),
        good.replacen('\n', "", 1),
        format!("{head}\n\t{rest}"),
        format!("{head}\n{}", "A".repeat(5000)),
    ] {
        assert!(!is_good(other.as_bytes()), "{other}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _seen = SshSignature::parse(&bytes, "git");
        let base64 = String::from_utf8_lossy(&bytes).into_owned();
        let armoured = format!("-----BEGIN SSH SIGNATURE-----\n{base64}\n-----END SSH SIGNATURE-----");
        let _seen = SshSignature::parse(armoured.as_bytes(), "git");
    }
}
