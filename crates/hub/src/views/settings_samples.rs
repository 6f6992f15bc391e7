//! Invented settings for the tests of pages.

use web::look::Layout;

use super::{
    Section,
    samples::{head, layout, when},
    settings::{
        DangerPage, DeletedPage, DeletedRow, Field, ForkPage, Frame, GeneralPage, InvitationRow,
        InvitationsPage, InvitedRow, MemberRow, MembersPage, Tab, TransferRow,
    },
};

/// Text that somebody typed to deceive.
const HOSTILE: &str = "<script>alert(1)</script> \u{202e}gnp.exe\"";

fn field(value: &str) -> Field {
    Field { value: value.to_owned(), fault: None }
}

fn wrong(value: &str, fault: &str) -> Field {
    Field { value: value.to_owned(), fault: Some(fault.to_owned()) }
}

fn frame(tab: Tab, is_archived: bool) -> Frame {
    Frame {
        tab,
        href: "/ada/engine/settings".to_owned(),
        csrf: Some("mark".to_owned()),
        is_archived,
        is_stale: is_archived,
    }
}

pub(super) fn general(is_archived: bool) -> GeneralPage {
    GeneralPage {
        layout: layout("General settings"),
        head: head(Section::Settings),
        frame: frame(Tab::General, is_archived),
        description: field("The analytical engine, in Rust"),
        homepage: wrong("http://engine.example", "a homepage is an https address"),
        default_branch: field("main"),
        topics: wrong("Brass", "`Brass` is no topic"),
        licence: field("Apache-2.0"),
        allows_forks: true,
        branches: vec!["main".to_owned(), "feature/difference-tables".to_owned()],
        says_no_training: true,
        is_indexed: true,
        is_template: true,
        refuses_clashes: false,
        policies: ["off", "warn", "enforce"],
        content_policy: field("warn"),
        protections: ["off", "warn", "refuse"],
        secret_protection: field("refuse"),
        is_private: false,
    }
}

pub(super) fn members(is_empty: bool) -> MembersPage {
    let row = |handle: &str, level, days| MemberRow {
        handle: handle.to_owned(),
        kind: if handle == "loom" { "agent" } else { "person" },
        level,
        since: when(days),
        is_me: handle == "grace",
    };
    let rows = vec![row("grace", "admin", 3), row("loom", "write", 40)];
    let invited = InvitedRow {
        handle: "charles".to_owned(),
        level: "triage",
        by: "ada".to_owned(),
        until: when(-6),
    };
    MembersPage {
        layout: layout("Members"),
        head: head(Section::Settings),
        frame: frame(Tab::Members, false),
        members: if is_empty { Vec::new() } else { rows },
        invited: if is_empty { Vec::new() } else { vec![invited] },
        levels: ["read", "triage", "write", "admin"],
        handle: wrong("nobody", "there is nobody called nobody"),
        level: field("write"),
    }
}

pub(super) fn invitations(is_empty: bool) -> InvitationsPage {
    let row = InvitationRow {
        id: "7".to_owned(),
        full_name: "charles/tables".to_owned(),
        level: "write",
        by: "charles".to_owned(),
        until: when(-6),
    };
    InvitationsPage {
        layout: Layout { crumbs: Vec::new(), ..layout("Invitations") },
        csrf: Some("mark".to_owned()),
        invitations: if is_empty { Vec::new() } else { vec![row] },
        open_days: 7,
    }
}

pub(super) fn danger(is_archived: bool) -> DangerPage {
    DangerPage {
        layout: layout("Danger zone"),
        head: head(Section::Settings),
        frame: frame(Tab::Danger, is_archived),
        full_name: "ada/engine".to_owned(),
        owns: true,
        is_private: true,
        name: wrong("<script>\"", HOSTILE),
        confirm_visibility: field(""),
        confirm_delete: wrong("engine", "to confirm, give the name: ada/engine"),
        kept_days: 30,
        waits_for: is_archived.then(|| ("grace".to_owned(), when(-5))),
        to: wrong("nobody", "there is nobody called nobody who owns things"),
        confirm_transfer: field("ada/engine"),
        waits_days: 7,
    }
}

pub(super) fn fork(allows_forks: bool) -> ForkPage {
    ForkPage {
        layout: layout("Fork ada/engine"),
        head: head(Section::Code),
        csrf: Some("mark".to_owned()),
        allows_forks,
        is_private: true,
        owners: vec!["grace".to_owned(), "choir".to_owned()],
        owner: field("choir"),
        name: wrong("engine", "the name is taken"),
        default_branch_only: true,
        default_branch: "main".to_owned(),
    }
}

pub(super) fn deleted(is_empty: bool) -> DeletedPage {
    let row = |id: &str, name: &str, days, name_field| DeletedRow {
        id: id.to_owned(),
        full_name: format!("ada/{name}"),
        href: format!("/settings/repositories/ada/{name}"),
        is_private: true,
        deleted: Some(when(days)),
        until: Some(when(days - 30)),
        name: name_field,
        confirm: Field::default(),
    };
    let rows = vec![
        row("1", "engine", 2, wrong("engine", "the name is taken")),
        row("2", "letters", 9, Field::default()),
    ];
    let waiting = TransferRow {
        id: "9".to_owned(),
        full_name: "charles/tables".to_owned(),
        to: "ada".to_owned(),
        until: when(-6),
        is_mine: true,
        name: wrong("tables", "the name is taken"),
    };
    DeletedPage {
        layout: Layout { crumbs: Vec::new(), ..layout("Repositories") },
        csrf: Some("mark".to_owned()),
        is_stale: is_empty,
        owner: "ada".to_owned(),
        owners: vec!["ada".to_owned(), "choir".to_owned()],
        transfers: if is_empty { Vec::new() } else { vec![waiting] },
        repositories: if is_empty { Vec::new() } else { rows },
        kept_days: 30,
    }
}
