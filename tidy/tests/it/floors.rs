//! Which crate may use which: arrows only go down, and no higher crate is named than the plan allows.
//!
//! The table is the one of the plan (`ARCHITECTURE.md`, Floors). A crate that it does not know is an error: whoever
//! adds one says where it stands.

use std::{collections::HashMap, process::Command};

use serde_json::Value;

use crate::sources::{holds, root};

/// What a crate may use of ours.
enum May {
    /// These and no others.
    Only(&'static [&'static str]),
    /// Everything on lower floors, and these neighbours.
    Below(&'static [&'static str]),
}

use May::{Below, Only};

/// The crate, its floor, what it may use.
const FLOORS: &[(&str, u8, May)] = &[
    ("names", 0, Only(&[])),
    ("api", 1, Only(&["names"])),
    ("keys", 1, Only(&["names"])),
    ("db", 1, Only(&["names"])),
    ("egress", 1, Only(&["names"])),
    ("objects", 1, Only(&["names", "db", "egress"])),
    ("jobs", 2, Only(&["names", "db"])),
    ("trust", 2, Only(&["names", "db", "keys", "jobs", "egress"])),
    ("events", 2, Below(&["trust"])),
    // `db` only so that its errors become problems.
    ("web", 2, Only(&["names", "api", "keys", "trust", "db"])),
    ("history", 2, Only(&["names", "api", "keys", "objects"])),
    ("symbols", 2, Only(&["names"])),
    // Pure: the state machine of the Work plane, for its room, `lint` and `simulate`.
    ("pipelines-core", 2, Only(&["names"])),
    ("sandbox", 2, Only(&["names"])),
    ("hub", 3, Below(&[])),
    ("hooks", 3, Below(&[])),
    ("collab", 3, Below(&["hub", "hooks"])),
    ("pipelines", 3, Below(&["hooks"])),
    ("checks", 3, Below(&["hub", "hooks"])),
    ("images", 3, Below(&["hub", "checks"])),
    ("sessions", 3, Below(&["hub", "collab"])),
    ("context", 3, Below(&["hooks", "sessions"])),
    ("mcp", 4, Below(&[])),
    ("server", 4, Below(&["mcp"])),
    // The core of the Work plane because `motet work lint` and `motet work simulate` need no server.
    ("motet", 5, Only(&["names", "api", "keys", "history", "pipelines-core", "server"])),
    // Not part of the product: they may look at all of it, and nothing may look at them.
    ("testkit", 6, Below(&["cluster", "buckets"])),
    ("cluster", 6, Only(&[])),
    ("buckets", 6, Only(&["cluster"])),
    ("motet-bench", 7, Below(&[])),
    ("motet-tidy", 7, Below(&[])),
];

/// Tests may use everything below them, and these: the binary's own suite starts it through the test kit. The suites
/// of rooms never do; what needs a running server belongs there.
const TESTS_MAY: &[(&str, &str)] = &[
    ("motet", "testkit"),
    ("motet", "cluster"),
    ("motet", "buckets"),
    ("db", "cluster"),
    ("jobs", "cluster"),
    ("objects", "buckets"),
    ("objects", "cluster"),
    ("trust", "cluster"),
    ("hooks", "cluster"),
];

/// One crate that names another of ours.
struct Use {
    from: String,
    to: String,
    is_for_tests: bool,
}

/// Every such pair.
fn uses() -> Vec<Use> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let text = |value: &Value| value.as_str().expect("cargo names things by text").to_owned();
    let packages = metadata["packages"].as_array().expect("a workspace has packages");
    let of_ours = |package: &Value| -> Vec<Use> {
        let dependencies = package["dependencies"].as_array().expect("a list, if an empty one");
        let ours = dependencies.iter().filter(|it| it["path"].is_string());
        let edge = |it: &Value| Use {
            from: text(&package["name"]),
            to: text(&it["name"]),
            is_for_tests: it["kind"] == "dev",
        };
        ours.map(edge).collect()
    };
    packages.iter().flat_map(of_ours).collect()
}

#[test]
fn arrows_only_go_down() {
    let floors: HashMap<_, _> =
        FLOORS.iter().map(|(name, floor, may)| (*name, (floor, may))).collect();
    let mut broken = Vec::new();
    for Use { from, to, is_for_tests } in uses() {
        let (from, to) = (from.as_str(), to.as_str());
        let (Some((floor, may)), Some((other, _))) = (floors.get(from), floors.get(to)) else {
            broken.push(format!("{from} or {to} stands on no floor: add it to the table"));
            continue;
        };
        let is_below = other < floor;
        let may_use = match may {
            Only(these) => these.contains(&to),
            Below(neighbours) => is_below || neighbours.contains(&to),
        };
        let may_test = is_for_tests && (is_below || TESTS_MAY.contains(&(from, to)));
        if !may_use && !may_test {
            let purpose = if is_for_tests { " in its tests" } else { "" };
            broken.push(format!("{from} uses {to}{purpose}"));
        }
    }
    holds("a crate uses what the table of floors allows it", &broken);
}

#[test]
fn the_table_has_no_circles() {
    let floors: HashMap<_, _> = FLOORS.iter().map(|(name, floor, _)| (*name, *floor)).collect();
    for (name, floor, may) in FLOORS {
        let (Only(named) | Below(named)) = may;
        for other in *named {
            let other_floor = floors[other];
            assert!(other_floor <= *floor, "{name} stands below {other}, which it may use");
            let back = FLOORS.iter().find(|(it, ..)| it == other).map(|(.., may)| may);
            if let Some(Only(theirs) | Below(theirs)) = back {
                assert!(!theirs.contains(name), "{name} and {other} may use each other");
            }
        }
    }
}
