//! Invented records for the tests of pages: a log, a network of forks, a form that begins one.

use super::{
    Section,
    forks::{ForkRow, ForksPage},
    log::{LogPage, LogRow, Place},
    new::{NewPage, Typed},
    samples::{HOSTILE, head, layout, when},
    settings::Field,
};

fn place(text: &str) -> Place {
    Place { text: text.to_owned(), href: Some(format!("/ada/engine/commit/{text}")) }
}

pub(super) fn log(is_whole: bool) -> LogPage {
    let row = |seq, name: &str, kind, is_forced: bool| LogRow {
        seq,
        kind,
        name: name.to_owned(),
        old: is_forced.then(|| place("9f2c51d0a7")),
        new: Some(place("c1d95e7f0a")),
        is_forced,
        who: "ada".to_owned(),
        how: "key",
        signature_class: "good",
        signature: "signed by ada".to_owned(),
        key: "SHA256:abc".to_owned(),
        when: Some(when(seq.cast_signed())),
    };
    let key = Place { text: "SHA256:lbmsoA0yIEcEiVDR".to_owned(), href: None };
    let rows = vec![
        LogRow { who: String::new(), new: Some(key), ..row(3, "", "key of the server", false) },
        row(2, HOSTILE, "branch", true),
        LogRow { new: None, ..row(1, "v0.4.0", "tag", true) },
    ];
    LogPage {
        layout: layout("Ref log"),
        head: head(Section::Code),
        rows,
        is_whole,
        last: Some((3, "ab".repeat(32))),
        address: "https://motet.example/ada/engine".to_owned(),
        newer_href: None,
        older_href: Some("/ada/engine/log?before=1".to_owned()),
    }
}

pub(super) fn forks(is_alone: bool) -> ForksPage {
    let row = |name: &str, indent, apart| ForkRow {
        full_name: name.to_owned(),
        href: format!("/{name}"),
        indent,
        is_own: indent == 0,
        is_private: indent == 2,
        branch: "main".to_owned(),
        apart,
        pushed: (indent < 2).then(|| when(3)),
    };
    let all = vec![
        row("ada/engine", 0, Some((0, 0))),
        row("grace/engine", 1, Some((12, 3))),
        row("loom/engine", 2, None),
    ];
    ForksPage {
        layout: layout("Forks"),
        head: head(Section::Code),
        rows: if is_alone { all.into_iter().take(1).collect() } else { all },
        is_truncated: !is_alone,
        csrf: Some("mark".to_owned()),
        source: Some("charles/engine".to_owned()),
        branch: Field { value: HOSTILE.to_owned(), fault: Some("no branch".to_owned()) },
    }
}

pub(super) fn new(is_free: bool) -> NewPage {
    let field = |value: &str, fault: Option<&str>| Field {
        value: value.to_owned(),
        fault: fault.filter(|_| !is_free).map(str::to_owned),
    };
    NewPage {
        layout: layout("New repository"),
        csrf: Some("mark".to_owned()),
        owners: vec!["ada".to_owned(), "choir".to_owned()],
        templates: vec!["choir/base".to_owned()],
        licences: vec!["MIT", "Apache-2.0"],
        ignored: vec!["rust"],
        typed: Typed {
            is_git: false,
            is_public: true,
            has_readme: true,
            licence: "MIT".to_owned(),
            ..Typed::default()
        },
        is_free: is_free.then(|| "ada/engine".to_owned()),
        owner: field("choir", Some("no such owner")),
        name: field("engine", Some("ada/engine is there already")),
        description: field(HOSTILE, Some("one line")),
        template: field("choir/base", Some("no template")),
        import_url: field(HOSTILE, Some("the address cannot be used")),
        licence_fault: None,
        ignore_fault: (!is_free).then(|| "what there is: rust".to_owned()),
    }
}
