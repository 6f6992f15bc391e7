//! Invented mirrors for the tests of pages.

use super::{
    Section,
    mirrors::{Changed, ImportRow, MirrorRow, MirrorsPage},
    samples::{head, layout, when},
    settings::{Field, Frame, Tab},
};

/// What another server says to deceive.
const HOSTILE: &str = "<script>alert(1)</script> \u{202e}gnp.exe\"";

fn wrong(value: &str, fault: &str) -> Field {
    Field { value: value.to_owned(), fault: Some(fault.to_owned()) }
}

pub(super) fn mirrors(is_empty: bool) -> MirrorsPage {
    let row = |id: &str, pulls, state| MirrorRow {
        id: id.to_owned(),
        pulls,
        url: "https://elsewhere.example/ada/engine".to_owned(),
        refs: "refs/heads/* refs/tags/v*".to_owned(),
        every_minutes: 60,
        has_credentials: pulls,
        state,
        told: Some(HOSTILE.to_owned()),
        last: pulls.then(|| when(2)),
        next: Some("2026-11-21 20:53:00 UTC".to_owned()),
    };
    let import = ImportRow {
        url: "https://elsewhere.example/ada/engine".to_owned(),
        state: "fetching",
        is_open: true,
        can_cancel: true,
        bytes: 12_345_678,
        objects: 3_000,
        total: 10_000,
        moved: 0,
        left: 0,
        told: Some(HOSTILE.to_owned()),
        asked: when(0),
    };
    let all = vec![row("one", true, ("stopped", "bad")), row("two", false, ("active", "good"))];
    MirrorsPage {
        layout: layout("Mirrors"),
        head: head(Section::Settings),
        frame: Frame {
            tab: Tab::Mirrors,
            href: "/ada/engine/settings".to_owned(),
            csrf: Some("mark".to_owned()),
            is_archived: false,
            is_stale: false,
        },
        is_git: true,
        import: (!is_empty).then_some(import),
        mirrors: if is_empty { Vec::new() } else { all },
        import_url: wrong(HOSTILE, "the address cannot be used"),
        direction: wrong("push", "no direction"),
        url: wrong(HOSTILE, "the address cannot be used"),
        refs: wrong("main", "`main` is no pattern"),
        every_minutes: wrong("5", "a mirror looks every 10 to 10080 minutes"),
        credentials_fault: Some("a password or token is one line".to_owned()),
        changed: (!is_empty).then(|| Changed { fault: HOSTILE.to_owned() }),
    }
}

/// Of a repository that has none.
pub(super) fn of_muse() -> MirrorsPage {
    MirrorsPage { is_git: false, ..mirrors(true) }
}
