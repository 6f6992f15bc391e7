//! What holds for every route of the house.

use axum::http::Method;
use clap::Parser;
use trust::{Action, Class};
use web::{Entry, Surface};

use crate::{House, ServeArgs, boot};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    serve: ServeArgs,
}

/// What a route counts as, by where it is: the table of `docs/limits.md`.
fn expected(entry: &Entry) -> Class {
    let last = entry.path.rsplit('/').next().unwrap_or_default();
    match entry.surface {
        Surface::Plain => Class::Free,
        Surface::Api | Surface::Oauth if entry.path.starts_with("/api/v1/auth/") => Class::Auth,
        Surface::Api | Surface::Page if entry.action == Action::TokenMint => Class::Mint,
        Surface::Api if entry.action == Action::MeExport => Class::Export,
        Surface::Api if matches!(entry.action, Action::MeDelete | Action::OrgDelete) => {
            Class::Leave
        }
        Surface::Page if entry.path.starts_with("/legal/") => Class::Free,
        Surface::Page if entry.path.starts_with("/help/") && entry.method == Method::GET => {
            Class::Free
        }
        Surface::Api if entry.path == "/api/v1/local-init" => Class::Auth,
        Surface::Api if entry.path == "/api/v1/publishers" => Class::Bootstrap,
        Surface::Page if entry.path.starts_with("/login/once/") && entry.method == Method::POST => {
            Class::Auth
        }
        Surface::Page if entry.path.starts_with("/login/with/") => Class::Auth,
        Surface::Page
            if entry.path.starts_with("/login/device") && entry.method == Method::POST =>
        {
            Class::Auth
        }
        Surface::Page if entry.path.contains("/raw/") => Class::Download,
        Surface::Page if entry.path.ends_with("/archive/{*place}") => Class::Download,
        Surface::Api if entry.path == "/api/v1/repos/{owner}/{name}/raw" => Class::Download,
        Surface::Page if entry.path == "/search" => Class::Search,
        Surface::Api if entry.path == "/api/v1/search" => Class::Search,
        Surface::Api | Surface::Oauth | Surface::Page => Class::Global,
        // Wire 2 reads by ids; an object may be long.
        Surface::Wire if entry.path.ends_with("/v2/objects/{object}") => Class::Download,
        Surface::Git if last == "git-receive-pack" => Class::Push,
        Surface::Git => Class::WireRead,
        Surface::Wire if entry.path.contains("/v2/push") => match last {
            "commit" => Class::Push,
            "stream" => Class::Presigned,
            _ => Class::Upload,
        },
        Surface::Wire if entry.path.contains("/v2/") => Class::WireRead,
        Surface::Wire => match last {
            "push" => Class::Push,
            "tags" | "releases" | "{tag}" if entry.action.writes() => Class::Global,
            "filter-objects" | "presign" | "confirm" | "objects" => Class::Upload,
            "{token}" => Class::Presigned,
            _ => Class::WireRead,
        },
    }
}

#[tokio::test]
async fn every_route_counts_as_its_address_says() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data").display().to_string();
    let Cli { serve } = Cli::try_parse_from(["motet", "--data-dir", data.as_str()]).unwrap();
    let ground = boot::ground(&serve).await.unwrap();
    let settings = serve.resolve("127.0.0.1:7420".parse().unwrap()).unwrap();
    let house = House::open(ground, settings).await.unwrap();
    assert!(house.entries().len() > 40, "{}", house.entries().len());
    for entry in house.entries() {
        assert_eq!(entry.class, expected(entry), "{entry:?}");
        // What is free must cost nothing: nobody's state is changed for it.
        let is_harmless = entry.method == Method::GET && !entry.action.writes();
        assert!(entry.class != Class::Free || is_harmless, "{entry:?}");
    }
    house.close().await;
}
