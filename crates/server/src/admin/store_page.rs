//! The page of the object store: what is in it, what is wrong with it, when it was last looked at.

use askama::Template;
use axum::response::Response;
use names::UnixMillis;
use objects::{Fault, Group, Scan, Statistics};
use trust::{Allowed, Anything, act};
use web::{
    Call, Problem,
    look::{Crumb, Html, Layout, When, sizes, visible},
};

use super::{Admin, storage::told_by_store};

/// `/admin/storage`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin_storage.html")]
struct StoragePage {
    layout: Layout,
    /// One line: what is stored and what it takes.
    summary: String,
    /// Of how many free bytes there are, if that can be asked.
    free: Option<String>,
    /// Objects by state and by size, and where they lie; none while nothing is stored.
    tables: Vec<Table>,
    faults: Vec<FaultRow>,
    /// How many more there are than are shown.
    more_faults: bool,
    scans: Vec<ScanRow>,
}

/// A table of counts.
#[derive(Debug, Clone)]
struct Table {
    title: &'static str,
    rows: Vec<Row>,
}

/// A line of a table: what, how many, how many bytes; and how wide its bar is, from 0 to 100.
#[derive(Debug, Clone)]
struct Row {
    name: Html,
    count: String,
    bytes: String,
    percent: u64,
}

#[derive(Debug, Clone)]
struct FaultRow {
    kind: &'static str,
    subject: Html,
    detail: Html,
    found: When,
}

#[derive(Debug, Clone)]
struct ScanRow {
    kind: &'static str,
    checked: String,
    bytes: String,
    faults: String,
    has_faults: bool,
    started: When,
    ended: Option<When>,
}

pub(super) async fn show(
    admin: Admin,
    _: Allowed<act::InstallRead, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let counted = admin.objects.statistics().await.map_err(told_by_store)?;
    let faults = admin.objects.faults(true, None).await.map_err(told_by_store)?;
    let scans = admin.objects.scans().await.map_err(told_by_store)?;
    let layout = Layout {
        title: "Storage".to_owned(),
        crumbs: vec![Crumb::here("Storage")],
        reader: call.context.reader(),
        request_id: call.context.request_id.clone(),
        is_noindex: true,
        ..Layout::default()
    };
    web::page(&page(
        layout,
        &counted,
        &faults.faults,
        faults.next.is_some(),
        &scans,
        admin.clock.now(),
    ))
}

fn page(
    layout: Layout,
    counted: &Statistics,
    faults: &[Fault],
    more_faults: bool,
    scans: &[Scan],
    now: UnixMillis,
) -> StoragePage {
    let sums = counted.sums;
    let physical = counted.physical_bytes();
    let summary = format!(
        "{} shown by repositories, {} stored; joining equal objects saves {}",
        sizes::bytes(sums.linked_bytes),
        sizes::bytes(physical),
        sizes::bytes(counted.saved_by_joining()),
    );
    let all: u64 = counted.states.iter().map(|it| it.bytes).sum();
    let row = |name: &str, count: u64, bytes: u64, of: u64| Row {
        name: visible::html(name),
        count: sizes::count(count),
        bytes: sizes::bytes(bytes),
        percent: bytes.saturating_mul(100) / of.max(1),
    };
    let group = |it: &Group| row(&it.name, it.objects, it.bytes, all);
    let places = vec![
        row("segments of small objects", sums.segments, sums.segment_bytes, physical),
        row("files of their own", sums.files, sums.file_bytes, physical),
        row("to be removed", sums.waste, sums.waste_bytes, physical),
    ];
    let (states, classes) = (&counted.states, &counted.sizes);
    let tables = vec![
        Table { title: "Objects by state", rows: states.iter().map(group).collect() },
        Table { title: "Objects by size", rows: classes.iter().map(group).collect() },
        Table { title: "Where they lie", rows: places },
    ];
    let free = |(free, whole)| format!("{} of {} free", sizes::bytes(free), sizes::bytes(whole));
    StoragePage {
        layout,
        summary,
        free: counted.space.map(free),
        tables: if states.is_empty() { Vec::new() } else { tables },
        faults: faults.iter().map(|it| fault(it, now)).collect(),
        more_faults,
        scans: scans.iter().map(|it| scan(it, now)).collect(),
    }
}

fn fault(it: &Fault, now: UnixMillis) -> FaultRow {
    FaultRow {
        kind: it.kind.as_str(),
        subject: visible::html(&it.subject),
        detail: visible::html(&it.detail),
        found: When::new(it.found_at, now),
    }
}

fn scan(it: &Scan, now: UnixMillis) -> ScanRow {
    ScanRow {
        kind: it.kind.as_str(),
        checked: sizes::count(it.checked),
        bytes: sizes::bytes(it.bytes),
        faults: sizes::count(it.faults),
        has_faults: it.faults > 0,
        started: When::new(it.started_at, now),
        ended: it.ended_at.map(|at| When::new(at, now)),
    }
}

#[cfg(test)]
mod tests {
    use names::Id;
    use objects::{FaultKind, Sums};

    use super::*;

    fn counted() -> Statistics {
        let group = |name: &str, objects, bytes| Group { name: name.to_owned(), objects, bytes };
        Statistics {
            states: vec![group("dead", 1, 100), group("live", 3, 300)],
            sizes: vec![group("up to 4 KiB", 4, 400)],
            sums: Sums {
                links: 4,
                linked_bytes: 400,
                segments: 1,
                segment_bytes: 800,
                ..Sums::default()
            },
            space: Some((1 << 30, 2 << 30)),
        }
    }

    #[test]
    fn what_is_wrong_never_becomes_markup() {
        let hostile = "<script>alert(1)</script>\u{202e}".to_owned();
        let fault = Fault {
            id: Id::from_uuid(uuid::Uuid::nil()),
            kind: FaultKind::Orphan,
            subject: hostile.clone(),
            object: None,
            repository: None,
            detail: hostile,
            found_at: UnixMillis(0),
            resolved_at: None,
            how: None,
        };
        let now = UnixMillis(60_000);
        let shown = page(Layout::default(), &counted(), &[fault], true, &[], now).render().unwrap();
        for forbidden in ["<script>", "<style", " style=", "\u{202e}"] {
            assert!(!shown.contains(forbidden), "{forbidden}");
        }
        assert!(shown.contains("motet admin storage faults"), "{shown}");
    }

    #[test]
    fn an_empty_store_says_so() {
        let empty = Statistics {
            states: Vec::new(),
            sizes: Vec::new(),
            sums: Sums::default(),
            space: None,
        };
        let shown =
            page(Layout::default(), &empty, &[], false, &[], UnixMillis(0)).render().unwrap();
        assert!(shown.contains("Nothing is wrong."), "{shown}");
        assert!(shown.contains("Nothing is stored yet."), "{shown}");
        assert!(shown.contains("Nothing has been looked through yet."), "{shown}");
        assert_eq!(shown.matches("<h1").count(), 1);
    }
}
