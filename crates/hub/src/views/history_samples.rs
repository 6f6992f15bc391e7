//! Invented contents of the graph and of insights.

use web::look::{
    Share,
    charts::{Columns, Heat, Steps, columns, heatmap, meter},
    sizes,
};

use super::{
    CommitLine, Section, Signature,
    graph::{Drawing, GraphPage, GraphRef, GraphRow, width},
    insights::{ContributorRow, Contributors, InsightsPage, Week, Year},
    samples::{HOSTILE, head, layout, line, when},
};

pub(super) fn graph(is_filtered: bool) -> GraphPage {
    let drawing = |lane, above: &[_], below: &[_]| {
        let lines = if is_filtered { (&[][..], &[][..]) } else { (above, below) };
        Drawing { width: width(2), ..Drawing::new((lane, lane), lines.0, lines.1) }
    };
    let row = |commit: CommitLine, refs, words: &str, drawing| GraphRow {
        commit,
        refs,
        words: words.to_owned(),
        drawing,
    };
    let branch = |name: &str| GraphRef {
        name: name.to_owned(),
        kind: "branch",
        href: format!("/ada/engine/graph?ref={}", web::look::href::segment(name)),
    };
    let tag = GraphRef { name: "v1.0".to_owned(), kind: "tag", href: String::new() };
    let signed = Signature::Verified("ada".to_owned());
    let hostile = CommitLine {
        author: HOSTILE.to_owned(),
        agent_id: HOSTILE.to_owned(),
        is_untrusted_agent: true,
        ..line(HOSTILE, 2, Signature::Unsigned)
    };
    let rows = vec![
        row(
            line("Merge the mill", 1, signed.clone()),
            vec![branch("main"), branch(HOSTILE)],
            "Lane 1, merges 9f2c51d0a7 and 1d95e7f0a3",
            drawing(0, &[], &[(0, 0, 0), (0, 1, 1)]),
        ),
        row(
            hostile,
            vec![tag],
            "Lane 2, parent 9f2c51d0a7",
            drawing(1, &[(0, 0, 0), (0, 1, 1)], &[(0, 0, 0), (1, 0, 1)]),
        ),
        row(
            line("", 3, signed),
            Vec::new(),
            "Lane 1, no parent",
            drawing(0, &[(0, 0, 0), (1, 0, 1)], &[]),
        ),
    ];
    GraphPage {
        layout: layout("Graph · ada/engine"),
        head: head(Section::Graph),
        reference: if is_filtered { HOSTILE.to_owned() } else { String::new() },
        author: if is_filtered { "ada".to_owned() } else { String::new() },
        path: String::new(),
        is_filtered,
        rows,
        newer_href: None,
        older_href: Some("/ada/engine/graph?cursor=next".to_owned()),
        script: web::look::assets::graph_href(),
    }
}

pub(super) fn insights(is_counted: bool) -> InsightsPage {
    let year = Year {
        from: "2025-12-01".to_owned(),
        to: "2026-11-30".to_owned(),
        commits: 1_204,
        picture: heatmap(&Heat {
            name: "Commits by day",
            first: 20_787 - 52 * 7,
            last: 20_787,
            counts: &(0..365_i64).map(|it| (20_787 - it, it.unsigned_abs() % 5)).collect(),
            steps: Steps::OF_PEOPLE,
        }),
        weeks: vec![Week { monday: "2026-11-23".to_owned(), people: 12, agents: 3 }],
        earlier_href: Some("/ada/engine/insights?until=2025-11-30".to_owned()),
        later_href: None,
    };
    let course = Columns {
        name: "Bytes by month and language",
        moment: "Month",
        parts: vec!["Rust".to_owned(), "Shell".to_owned()],
        columns: (1..=9).map(|it| (format!("2026-0{it}"), vec![it * 9_000, 1_200])).collect(),
    };
    let somebody = |author: &str, agent: &str| ContributorRow {
        author: author.to_owned(),
        agent_id: agent.to_owned(),
        commits: 800,
        bar: meter(800, 1_000),
        last: when(2),
    };
    InsightsPage {
        layout: layout("Insights · ada/engine"),
        head: head(Section::Insights),
        branch: "main".to_owned(),
        is_counted,
        is_empty: false,
        commits: 1_204,
        by_agents: 204,
        year,
        languages: Share::of([("Rust".to_owned(), 90_000), ("Shell".to_owned(), 1_200)]),
        months: is_counted.then(|| columns(&course, sizes::bytes)),
        people: Contributors {
            count: 120,
            shown: vec![somebody("Ada Lovelace <ada@example.org>", ""), somebody(HOSTILE, "")],
        },
        agents: if is_counted {
            Contributors { count: 1, shown: vec![somebody("", HOSTILE)] }
        } else {
            Contributors::default()
        },
        size_bytes: 13_631_488,
        objects: 4_096,
        all_commits: 1_300,
    }
}
