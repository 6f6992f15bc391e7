//! Pages with invented contents, hostile names among them.

use names::UnixMillis;
use web::look::{Crumb, Html, Layout, LinkContext, Reader, Share, When, highlight, markdown};

use super::{
    BranchItem, BranchMenu, CommitLine, Head, RepositoryRow, Section, Signature, around_samples,
    blame::{BlameLine, BlamePage, BlameRun},
    blob::{BlobContent, BlobPage},
    commit::{CommitPage, Parent, Provenance, RefLink},
    commits::{CommitRow, CommitsPage, Day, Filter},
    compare::{ComparePage, Compared},
    diff::{
        Changes, DiffLine, FileBody, FileChange, HowShown, Hunk, LineKind, Part, Picture, Status,
    },
    explore::{Chosen, ExplorePage},
    repository::{
        Contents, Entry, EntryCommit, EntryKind, Listing, Readme, RepositoryPage, TreePage,
    },
};

const NOW: UnixMillis = UnixMillis(1_795_294_380_123);
const ID: &str = "9f2c51d0a7e84b36c1d95e7f0a3b8c2d4e6f90817263544a5b6c7d8e9fa0b1c2";
pub(super) const HOSTILE: &str = "<script>alert(1)</script>\u{202e}gpj.exe";

pub(super) const README: &str = r#"# Engine

The analytical engine, in Rust. [![build](https://ci.example/badge.svg)](https://ci.example)

> [!NOTE]
> Read the [guide](docs/guide.md) first, then [the API](#use).

## Use

```rust
use engine::{Engine, Program};

/// Runs a program of cards and gives the sum.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut engine = Engine::with_columns(1_000);
    let program: Program = "N001 +12\nN002 -7".parse()?;
    println!("{}", engine.run(&program)?); // 5
    Ok(())
}
```

| Mill | Columns | Seconds |
|------|--------:|--------:|
| small | 50 | 0.2 |
| large | 1,000 | 3.1 |

- [x] the store
- [ ] the printer, with `--format=plain`

1. Turn the crank.
2. Read *both* [results](https://example.org/results)[^1].

[^1]: They agree since 1843.
"#;

pub(super) fn when(days: i64) -> When {
    When::new(UnixMillis(NOW.0 - days * 86_400_000), NOW)
}

pub(super) fn layout(title: &str) -> Layout {
    Layout {
        title: title.to_owned(),
        description: "The analytical engine, in Rust".to_owned(),
        crumbs: vec![Crumb::link("ada", "/ada"), Crumb::link("engine", "/ada/engine")],
        reader: Reader::named("grace"),
        request_id: "0197c2de-3f5a-7c11-9d42-6d1f0e8a2b7c".to_owned(),
        ..Layout::default()
    }
}

pub(super) fn head(section: Section) -> Head {
    Head {
        owner: "ada".to_owned(),
        name: "engine".to_owned(),
        href: "/ada/engine".to_owned(),
        commits_href: Some("/ada/engine/commits/main".to_owned()),
        settings_href: (section == Section::Settings)
            .then(|| "/ada/engine/settings/general".to_owned()),
        is_private: false,
        is_archived: false,
        is_hidden: section == Section::Commits,
        section,
    }
}

fn branches() -> BranchMenu {
    let branch = |name: &str, is_current| BranchItem {
        name: name.to_owned(),
        href: format!("/ada/engine/tree/{name}"),
        is_current,
        is_default: is_current,
    };
    let branches = vec![branch("main", true), branch("feature/difference-tables", false)];
    BranchMenu {
        current: "main".to_owned(),
        kind: "branch",
        ref_path: "main".to_owned(),
        branches,
        hidden: 0,
    }
}

pub(super) fn line(subject: &str, days: i64, signature: Signature) -> CommitLine {
    CommitLine {
        subject: subject.to_owned(),
        href: format!("/ada/engine/commit/{ID}"),
        author: "Ada Lovelace <ada@example.org>".to_owned(),
        short_id: "9f2c51d0a7".to_owned(),
        when: when(days),
        signature,
        agent_id: String::new(),
        is_untrusted_agent: false,
        has_body: false,
        labels: Vec::new(),
    }
}

fn entry(kind: EntryKind, name: &str, subject: &str, days: i64) -> Entry {
    let is_file = kind == EntryKind::File;
    let last = EntryCommit {
        subject: subject.to_owned(),
        href: format!("/ada/engine/commit/{ID}"),
        when: when(days),
    };
    Entry {
        kind,
        name: name.to_owned(),
        href: format!("/ada/engine/blob/main/{}", web::look::href::path(name)),
        target: None,
        size_bytes: is_file.then_some(4_213),
        last: Some(last),
    }
}

fn listing() -> Listing {
    let links = LinkContext {
        repository: "/ada/engine".to_owned(),
        reference: "main".to_owned(),
        directory: String::new(),
    };
    let entries = vec![
        entry(EntryKind::Directory, "docs", "guide: explain difference tables with an example", 3),
        entry(
            EntryKind::Directory,
            "src/mill",
            "mill: carry in one step instead of one per column",
            0,
        ),
        entry(EntryKind::File, ".gitignore", "begin", 400),
        entry(EntryKind::File, "Cargo.toml", "engine 0.4.0", 12),
        entry(EntryKind::File, "README.md", "readme: the large mill is faster now", 12),
        entry(EntryKind::File, HOSTILE, HOSTILE, 40),
    ];
    Listing {
        last: Some(line(
            "mill: carry in one step instead of one per column",
            0,
            Signature::Verified("ada".to_owned()),
        )),
        parent_href: None,
        entries,
        is_pending: false,
        more_href: None,
        permalink_href: Some(format!("/ada/engine/tree/{ID}")),
        clash: None,
        readme: Some(Readme {
            name: "README.md".to_owned(),
            href: "/ada/engine/blob/main/README.md".to_owned(),
            html: markdown::render(README, &links),
        }),
    }
}

pub(super) fn repository() -> RepositoryPage {
    RepositoryPage {
        layout: layout("ada/engine"),
        head: head(Section::Code),
        looks: Vec::new(),
        homepage: Some("https://engine.example".to_owned()),
        topics: vec!["tables".to_owned(), "brass".to_owned()],
        licence: Some("Apache-2.0".to_owned()),
        forked_from: Some("charles/engine".to_owned()),
        is_copying: true,
        mirror_of: Some("https://elsewhere.example/ada/engine".to_owned()),
        is_importing: true,
        fork_href: Some("/ada/engine/fork".to_owned()),
        description: "The analytical engine, in Rust: cards in, tables out.".to_owned(),
        marks: around_samples::marks(true),
        is_git: false,
        ssh_address: None,
        address: "https://motet.example/ada/engine".to_owned(),
        origin: "https://motet.example".to_owned(),
        size_bytes: 13_631_488,
        commit_count: 1_204,
        branch_count: 2,
        tag_count: 1,
        languages: Share::of([("Rust".to_owned(), 90_000), ("Shell".to_owned(), 1_200)]),
        clone_command: "motet clone https://motet.example/ada/engine".to_owned(),
        contents: Some(Contents { branches: branches(), listing: listing() }),
    }
}

pub(super) fn tree() -> TreePage {
    let listing = Listing {
        parent_href: Some("/ada/engine/tree/main/docs".to_owned()),
        clash: Some("`Readme.md` and `README.md` differ only in case.".to_owned()),
        readme: None,
        ..listing()
    };
    TreePage {
        layout: layout("docs/figures · ada/engine"),
        head: head(Section::Code),
        branches: branches(),
        path: vec![
            Crumb::link("engine", "/ada/engine"),
            Crumb::link("docs", "/ada/engine/tree/main/docs"),
            Crumb::here(HOSTILE),
        ],
        listing,
    }
}

pub(super) fn code() -> Vec<Html> {
    highlight::file("markdown.rs", include_str!("diff.rs"))
}

pub(super) fn blob(content: BlobContent) -> BlobPage {
    BlobPage {
        layout: layout("src/mill/carry.rs · ada/engine"),
        head: head(Section::Code),
        branches: branches(),
        path: vec![
            Crumb::link("engine", "/ada/engine"),
            Crumb::link("src", "/ada/engine/tree/main/src"),
            Crumb::link("mill", "/ada/engine/tree/main/src/mill"),
            Crumb::here("carry.rs"),
        ],
        name: "carry.rs".to_owned(),
        size_bytes: 6_144,
        line_count: Some(212),
        language: "Rust".to_owned(),
        object_id: ID.to_owned(),
        raw_href: "/ada/engine/raw/main/src/mill/carry.rs".to_owned(),
        blame_href: Some("/ada/engine/blame/main/src/mill/carry.rs".to_owned()),
        permalink_href: Some(format!("/ada/engine/blob/{ID}/src/mill/carry.rs")),
        history_href: Some("/ada/engine/commits/main/src/mill/carry.rs".to_owned()),
        last: Some(line("carry: a second wheel", 4, Signature::Server)),
        is_pending: false,
        clash: None,
        content,
    }
}

/// Three runs: a hostile message of an agent, a file that moved, and one that was not followed to its end.
pub(super) fn blame() -> BlamePage {
    let BlobPage { layout, head, branches, path, name, .. } = blob(BlobContent::Empty);
    let mut lines = (1..).zip(code()).map(|(number, text)| BlameLine { number, text });
    let runs = [(0, HOSTILE, true), (4, "carry: a second wheel", true), (9, "", false)];
    let mut run = |(age, subject, is_settled): (u8, &str, bool)| {
        let here: Vec<_> = lines.by_ref().take(4).collect();
        BlameRun {
            subject: subject.to_owned(),
            href: format!("/ada/engine/commit/{ID}"),
            short_id: ID.chars().take(10).collect(),
            author: "Ada".to_owned(),
            agent_id: if age == 0 { HOSTILE.to_owned() } else { String::new() },
            is_untrusted_agent: age == 0,
            when: when(i64::from(age) * 40),
            age,
            former_path: (age == 4).then(|| HOSTILE.to_owned()),
            before_href: (age < 9).then(|| format!("/ada/engine/blame/{ID}/src/mill/carry.rs")),
            is_settled,
            lines: here,
        }
    };
    BlamePage {
        layout,
        head,
        branches,
        path,
        name,
        blob_href: "/ada/engine/blob/main/src/mill/carry.rs".to_owned(),
        runs: runs.into_iter().map(&mut run).collect(),
        run_count: 3,
        notice: None,
        more_href: Some("/ada/engine/blame/main/src/mill/carry.rs".to_owned()),
    }
}

fn days() -> Vec<Day> {
    let row = |line: CommitLine| CommitRow {
        id: ID.to_owned(),
        bump: if line.has_body { "minor".to_owned() } else { String::new() },
        path: if line.subject == HOSTILE { HOSTILE.to_owned() } else { String::new() },
        line,
    };
    let mut by_agent = line("tables: seventh differences", 0, Signature::UnknownKey);
    by_agent.agent_id = "note-g".to_owned();
    by_agent.is_untrusted_agent = true;
    by_agent.has_body = true;
    let today = vec![
        line(
            "mill: carry in one step instead of one per column",
            0,
            Signature::Verified("ada".to_owned()),
        ),
        by_agent,
        line(HOSTILE, 0, Signature::Unverifiable),
    ];
    let before = vec![
        line("engine 0.4.0", 12, Signature::Unsigned),
        line("", 12, Signature::RevokedKey("ada".to_owned())),
    ];
    let day = |title: &str, lines: Vec<CommitLine>| Day {
        title: title.to_owned(),
        commits: lines.into_iter().map(row).collect(),
    };
    vec![day("21 November 2026", today), day("9 November 2026", before)]
}

pub(super) fn commits() -> CommitsPage {
    CommitsPage {
        layout: layout("Commits · ada/engine"),
        head: head(Section::Commits),
        branches: branches(),
        path: Vec::new(),
        filter: Filter {
            here: "/ada/engine/commits/main".to_owned(),
            author: HOSTILE.to_owned(),
            text: String::new(),
            since: "2026-11-01".to_owned(),
            until: String::new(),
            is_followed: true,
            is_of_path: true,
            is_open: true,
        },
        compare_href: "/ada/engine/compare".to_owned(),
        is_partial: true,
        days: days(),
        newer_href: None,
        older_href: Some("/ada/engine/commits/main?after=x".to_owned()),
    }
}

fn change_line(
    kind: LineKind,
    old: Option<u64>,
    new: Option<u64>,
    text: &str,
    marked: &str,
) -> DiffLine {
    let mut parts = vec![Part { text: text.to_owned(), is_marked: false }];
    if !marked.is_empty() {
        parts.push(Part { text: marked.to_owned(), is_marked: true });
        parts.push(Part { text: ");".to_owned(), is_marked: false });
    }
    DiffLine { kind, old, new, parts, is_unended: false, cut_bytes: 0 }
}

fn hunks() -> FileBody {
    use LineKind::{Added, Removed, Same};
    let lines = vec![
        change_line(Same, Some(41), Some(41), "fn carry(&mut self, column: usize) {", ""),
        change_line(Removed, Some(42), None, "    self.step(", "column + 1"),
        change_line(Added, None, Some(42), "    self.step(", "self.columns"),
        change_line(
            Added,
            None,
            Some(43),
            "    // one turn of the crank, whatever the number of columns may be",
            "",
        ),
        change_line(Same, Some(43), Some(44), "}", ""),
    ];
    FileBody::Hunks(vec![Hunk { header: "@@ -41,3 +41,4 @@ impl Mill".to_owned(), lines }])
}

fn change(
    place: usize,
    status: Status,
    path: &str,
    counts: (u64, u64),
    body: FileBody,
) -> FileChange {
    FileChange {
        anchor: format!("f{place}"),
        status,
        path: path.to_owned(),
        old_path: (status == Status::Renamed).then(|| "docs/old.md".to_owned()),
        href: "/ada/engine/blob/main/x".to_owned(),
        added: counts.0,
        removed: counts.1,
        body,
    }
}

fn changes(is_split: bool) -> Changes {
    let folded =
        FileBody::Folded { reason: "More than 20,000 changed lines.".to_owned(), href: None };
    let picture = Picture {
        href: Some("/ada/engine/raw/main/docs/figures/mill.png".to_owned()),
        bytes: 48_211,
        id: "9f2c51d0a7".to_owned(),
    };
    let binary = FileBody::Binary { old: None, new: Some(picture) };
    let files = vec![
        change(1, Status::Modified, "src/mill/carry.rs", (2, 1), hunks()),
        change(2, Status::Renamed, "docs/guide.md", (0, 0), FileBody::Same),
        change(3, Status::Added, "docs/figures/mill.png", (0, 0), binary),
        change(4, Status::Deleted, HOSTILE, (0, 21_400), folded),
    ];
    Changes {
        file_count: 4,
        is_truncated: true,
        added: 2,
        removed: 21_401,
        first: 1,
        last: 4,
        previous_href: None,
        next_href: Some("/ada/engine/commit/9f?page=2".to_owned()),
        whole_href: Some("/ada/engine/commit/9f".to_owned()),
        how: HowShown {
            blanks: "some",
            context: "3".to_owned(),
            path: HOSTILE.to_owned(),
            is_split,
            other_href: "/ada/engine/commit/9f?view=split".to_owned(),
        },
        files,
    }
}

pub(super) fn compare(is_empty: bool) -> ComparePage {
    let compared = Compared {
        merge_base: Some(Parent {
            short_id: "1b7d02c9e4".to_owned(),
            href: "/ada/engine/commit/1b".to_owned(),
        }),
        base_count: 2,
        ahead: 3,
        behind: 1,
        days: days(),
        has_more_commits: true,
        swap_href: "/ada/engine/compare/b...a".to_owned(),
        patch_href: "/api/v1/repos/ada/engine/compare/a...b".to_owned(),
        changes: changes(true),
    };
    ComparePage {
        layout: layout("Compare · ada/engine"),
        head: head(Section::Commits),
        form_href: "/ada/engine/compare".to_owned(),
        base: "main".to_owned(),
        compare: HOSTILE.to_owned(),
        offered: vec!["main".to_owned(), HOSTILE.to_owned()],
        compared: (!is_empty).then_some(compared),
    }
}

pub(super) fn commit() -> CommitPage {
    CommitPage {
        layout: layout("mill: carry in one step · ada/engine"),
        head: head(Section::Commits),
        subject: "mill: carry in one step instead of one per column".to_owned(),
        body: "A carry used to walk all columns, one turn each.\nNow all wheels turn at once."
            .to_owned(),
        id: ID.to_owned(),
        tree_href: format!("/ada/engine/tree/{ID}"),
        archives: vec![("zip", format!("/ada/engine/archive/{ID}.zip"))],
        children: Vec::new(),
        refs: Some(vec![RefLink {
            name: HOSTILE.to_owned(),
            href: "/ada/engine/tree/main".to_owned(),
        }]),
        hidden_refs: 2,
        metadata: vec![(HOSTILE.to_owned(), HOSTILE.to_owned())],
        parents: vec![Parent {
            short_id: "1b7d02c9e4".to_owned(),
            href: "/ada/engine/commit/1b".to_owned(),
        }],
        author: "Ada Lovelace".to_owned(),
        committed_at: "2026-11-21T20:53:00.123456+00:00".to_owned(),
        when: when(0),
        branch: "main".to_owned(),
        labels: vec!["section:verse".to_owned(), HOSTILE.to_owned()],
        provenance: Provenance {
            agent_id: "note-g".to_owned(),
            model_id: "mill-2".to_owned(),
            toolchain_id: "engine 0.4".to_owned(),
            prompt_hash: ID.to_owned(),
            is_untrusted_agent: true,
        },
        signature: Signature::Verified("ada".to_owned()),
        signer_key_id: "SHA256:lbmsoA0yIEcEiVDRnMWuzm+nV+3ZEEpVIURqFoeSspg".to_owned(),
        bump: "minor".to_owned(),
        breaking_changes: vec!["src/mill/carry.rs::Mill::carry".to_owned()],
        is_merge: false,
        changes: changes(false),
    }
}

fn row(owner: &str, name: &str, description: &str, pushed: Option<i64>) -> RepositoryRow {
    RepositoryRow {
        owner: owner.to_owned(),
        name: name.to_owned(),
        href: format!("/{owner}/{name}"),
        description: description.to_owned(),
        pushed: pushed.map(when),
        commits: 1_204,
        size_bytes: 13_631_488,
        stars: 3,
        language: "Rust".to_owned(),
        is_private: pushed.is_none(),
    }
}

pub(super) fn explore(is_empty: bool) -> ExplorePage {
    let repositories = vec![
        row("ada", "engine", "The analytical engine, in Rust: cards in, tables out.", Some(0)),
        row("tallis", "spem-in-alium", "Forty voices, eight choirs, one composition.", Some(2)),
        row("grace", "compiler", HOSTILE, Some(19)),
        row("ada", "letters", "", None),
    ];
    let mut layout = layout("Explore");
    layout.crumbs.clear();
    layout.reader = Reader::default();
    ExplorePage {
        layout,
        is_visitor: true,
        chosen: Chosen::default(),
        repositories: if is_empty { Vec::new() } else { repositories },
        newer_href: None,
        older_href: (!is_empty).then(|| "/explore?after=x".to_owned()),
        origin: "https://motet.example".to_owned(),
    }
}
