//! What settings come to.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    serve: ServeArgs,
}

fn resolve(args: &[&str], bound: &str) -> Result<Settings, Error> {
    let cli = Cli::try_parse_from([&["motet"], args].concat()).unwrap();
    cli.serve.resolve(bound.parse().unwrap())
}

#[test]
fn a_loopback_server_answers_to_its_port_and_lets_people_register() {
    let settings = resolve(&[], "127.0.0.1:7420").unwrap();
    assert_eq!(settings.base_url, "http://127.0.0.1:7420");
    assert_eq!(settings.trust.registration, Registration::Open);
    for (host, ours) in
        [("localhost:7420", true), ("LOCALHOST:7420", true), ("localhost", false), ("evil", false)]
    {
        assert_eq!(settings.trust.hosts.contain(host), ours, "{host}");
    }
}

#[test]
fn a_public_server_answers_to_its_name_and_needs_invitations() {
    let args =
        ["--public-url", "https://Forge.Example", "--host", "old.example,alias.example:8443"];
    let settings = resolve(&args, "0.0.0.0:7420").unwrap();
    assert_eq!((settings.base_url.as_str(), settings.is_https), ("https://forge.example", true));
    assert_eq!(settings.trust.registration, Registration::Invite);
    for host in ["forge.example", "old.example", "alias.example:8443"] {
        assert!(settings.trust.hosts.contain(host), "{host}");
    }
    assert!(!settings.trust.hosts.contain("localhost:7420"));
}

#[test]
fn passkeys_are_made_for_a_host_name() {
    let party = |args: &[&str], bound: &str| {
        let found = resolve(args, bound).unwrap().trust.passkeys;
        found.map(|it| format!("{} at {}", it.id, it.origin))
    };
    let here = "localhost at http://localhost:7420".to_owned();
    assert_eq!(party(&[], "127.0.0.1:7420"), Some(here));
    let named = "forge.example at https://forge.example".to_owned();
    assert_eq!(party(&["--public-url", "https://Forge.Example"], "0.0.0.0:7420"), Some(named));
    assert_eq!(party(&["--public-url", "http://192.0.2.1"], "0.0.0.0:7420"), None);
}

#[test]
fn a_public_address_is_a_scheme_and_a_host() {
    for bad in ["ftp://forge.example", "https://forge.example/path", "https://user@forge.example"] {
        let outcome = resolve(&["--public-url", bad], "127.0.0.1:1");
        assert!(matches!(outcome, Err(Error::Configuration(_))), "{bad}");
    }
}

#[test]
fn a_local_server_is_for_this_machine_alone() {
    let settings = resolve(&["--local"], "127.0.0.1:7420").unwrap();
    assert_eq!(settings.local.unwrap().as_str(), "owner");
    for (host, ours) in [
        ("localhost:7420", true),
        ("127.0.0.9:7420", true),
        ("[::1]:7420", true),
        ("localhost", false),
        ("forge.example", false),
    ] {
        assert_eq!(settings.trust.hosts.contain(host), ours, "{host}");
    }
    let here = ["--local", "--public-url", "http://localhost:7420", "--local-handle", "ada"];
    assert_eq!(resolve(&here, "127.0.0.1:7420").unwrap().local.unwrap().as_str(), "ada");
    for args in [
        ["--public-url", "https://forge.example"],
        ["--public-url", "http://localhost.evil.example"],
        ["--trusted-proxy", "127.0.0.1"],
        ["--host", "forge.example"],
        ["--cors-origin", "https://app.example"],
    ] {
        let outcome = resolve(&[args.as_slice(), &["--local"]].concat(), "127.0.0.1:7420");
        assert!(matches!(outcome, Err(Error::Configuration(_))), "{args:?}");
    }
}

fn bucket(args: &[&str]) -> Result<Option<BucketSettings>, Error> {
    Cli::try_parse_from([&["motet"], args].concat()).unwrap().serve.s3.settings()
}

#[test]
fn a_bucket_has_its_key_from_a_file_and_its_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("credentials");
    std::fs::write(&file, "GK31:hush:hush\n").unwrap();
    let args = ["--s3-endpoint", "http://127.0.0.1:3900", "--s3-bucket", "motet"];
    let key = ["--s3-credentials-file", file.to_str().unwrap()];
    let found = bucket(&[args.as_slice(), &key].concat()).unwrap().unwrap();
    assert_eq!((found.key_id.as_str(), found.secret.expose().as_str()), ("GK31", "hush:hush"));
    assert_eq!(
        (found.region.as_str(), found.prefix.as_str(), found.path_style),
        ("us-east-1", "", true)
    );
    let host = bucket(&[args.as_slice(), &key, &["--s3-style", "host"]].concat());
    assert!(!host.unwrap().unwrap().path_style);
    std::fs::write(&file, "GK31").unwrap();
    let told = bucket(&[args.as_slice(), &key].concat()).unwrap_err().to_string();
    assert!(told.contains("has no line `KEY_ID:SECRET`") && !told.contains("GK31"), "{told}");
}

#[test]
fn half_a_bucket_is_refused_by_the_name_of_what_is_missing() {
    assert!(bucket(&[]).unwrap().is_none());
    for (args, missing) in [
        (["--s3-bucket", "motet"], "--s3-endpoint"),
        (["--s3-prefix", "motet"], "--s3-endpoint"),
        (["--s3-endpoint", "https://s3.example"], "--s3-bucket"),
    ] {
        let told = bucket(&args).unwrap_err().to_string();
        assert!(told.contains(missing), "{told}");
    }
    let whole = ["--s3-endpoint", "https://s3.example", "--s3-bucket", "motet"];
    let told = bucket(&whole).unwrap_err().to_string();
    assert!(told.contains("MOTET_S3_KEY_ID"), "{told}");
}
