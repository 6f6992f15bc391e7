//! The store on a real file system.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use ::keys::PrivateKey;

use super::*;

fn store(directory: &Path) -> Store {
    Store::new(Some(directory.join("motet")), &Random::seeded(1)).unwrap()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn origin(text: &str) -> Origin {
    text.parse().unwrap()
}

fn account(handle: &str, key_file: &Path) -> Account {
    let credential = Credential::Key(key_file.to_owned());
    Account { handle: handle.parse().unwrap(), credential }
}

#[test]
fn a_token_is_kept_apart_and_a_key_takes_its_place() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    let forge = origin("https://forge.example:8443");
    let file = store.keep_token(&forge, &Secret::new("mt_personal_x".to_owned())).unwrap();
    let account =
        Account { handle: "ada".parse().unwrap(), credential: Credential::Token(file.clone()) };
    store.set_account(&forge, &account).unwrap();
    assert_eq!(store.account(&forge).unwrap(), Some(account));
    assert_eq!(store.load_token(&file).unwrap().expose(), "mt_personal_x");
    assert_eq!(mode(&store.path().join(&file)), 0o600);
    let text = fs::read_to_string(store.path().join(FILE)).unwrap();
    assert!(
        text.contains("token = \"token-https---forge.example-8443\"") && !text.contains("mt_"),
        "{text}"
    );
    for other in ["id_ed25519", "token-/../id_ed25519", "token-other"] {
        assert!(store.load_token(other).is_err(), "{other}");
    }
    let key = self::account("ada", &store.default_key_file());
    store.set_account(&forge, &key).unwrap();
    assert_eq!(store.account(&forge).unwrap(), Some(key));
}

#[test]
fn accounts_are_kept_per_host_in_files_of_the_user_alone() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    assert_eq!(store.accounts().unwrap(), []);
    let one = account("ada", &store.default_key_file());
    let two = account("kestrel", Path::new("/keys/other"));
    store.set_account(&origin("http://127.0.0.1:4000"), &one).unwrap();
    store.set_account(&origin("forge.example"), &account("old", Path::new("/k"))).unwrap();
    store.set_account(&origin("forge.example"), &two).unwrap();
    assert_eq!(store.account(&origin("http://127.0.0.1:4000")).unwrap(), Some(one));
    assert_eq!(store.account(&origin("https://forge.example")).unwrap(), Some(two));
    for other in ["http://127.0.0.1:4001", "https://127.0.0.1:4000", "http://forge.example"] {
        assert_eq!(store.account(&origin(other)).unwrap(), None, "{other}");
    }
    assert_eq!(mode(store.path()), 0o700);
    assert_eq!(mode(&store.path().join(FILE)), 0o600);
    let text = fs::read_to_string(store.path().join(FILE)).unwrap();
    insta::assert_snapshot!(text, @r#"
    # Written by motet: which key signs at which host.

    [hosts."http://127.0.0.1:4000"]
    handle = "ada"
    key = "id_ed25519"

    [hosts."https://forge.example"]
    handle = "kestrel"
    key = "/keys/other"
    "#);
    assert_eq!(fs::read_dir(store.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn what_others_can_use_and_links_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    let at = origin("forge.example");
    store.set_account(&at, &account("ada", Path::new("/k"))).unwrap();
    let file = store.path().join(FILE);

    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(store.account(&at), Err(StoreError::Open { mode: 0o644, .. })));
    fs::rename(&file, home.path().join("real")).unwrap();
    fs::set_permissions(home.path().join("real"), Permissions::from_mode(0o600)).unwrap();
    symlink(home.path().join("real"), &file).unwrap();
    assert!(matches!(store.account(&at), Err(StoreError::Link { .. })));
    let set = store.set_account(&at, &account("ada", Path::new("/k")));
    assert!(matches!(set, Err(StoreError::Link { .. })));

    fs::remove_file(&file).unwrap();
    fs::set_permissions(store.path(), Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(store.accounts(), Err(StoreError::Open { mode: 0o755, .. })));
    fs::rename(store.path(), home.path().join("elsewhere")).unwrap();
    symlink(home.path().join("elsewhere"), store.path()).unwrap();
    assert!(matches!(store.accounts(), Err(StoreError::Link { .. })));
}

#[test]
fn a_damaged_file_says_what_is_wrong() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    store.prepare().unwrap();
    for (text, reason) in [
        ("hosts = ", "must be quoted"),
        ("[hosts.\"https://h\"]\nhandle = \"ada\"\n", "needs `key`"),
        ("[hosts.\"https://h\"]\nhandle = \"a da\"\nkey = \"k\"\n", "the handle at"),
        ("[hosts.\"ftp://h\"]\nhandle = \"ada\"\nkey = \"k\"\n", "is not reached by"),
    ] {
        fs::write(store.path().join(FILE), text).unwrap();
        fs::set_permissions(store.path().join(FILE), Permissions::from_mode(0o600)).unwrap();
        let error = store.accounts().unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_key_is_written_once_and_read_back_only_while_it_is_private() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("id");
    assert!(matches!(load_key(&path), Err(StoreError::NoKey { .. })));
    let key = PrivateKey::generate(&Random::seeded(7));
    create_key(&path, &key, "ada@example").unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(load_key(&path).unwrap().public(), key.public());
    assert!(matches!(create_key(&path, &key, ""), Err(StoreError::Exists { .. })));
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(load_key(&path), Err(StoreError::Open { mode: 0o640, .. })));
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "ssh-ed25519 AAAA").unwrap();
    assert!(matches!(load_key(&path), Err(StoreError::BadKey { .. })));
}
