//! Links lead somewhere, claims name their proof, and nothing that is tracked speaks of one machine.

use std::path::Path;

use crate::sources::{Source, files, holds, read, root, rust_files};

/// Places that exist on one machine only.
const MACHINE_PLACES: &[&str] = &["/work/", "/root/", "/home/", "/Users/"];
/// Hosts of package registries: clients find them by their own configuration, which may name a mirror.
const REGISTRY_HOSTS: &[&str] = &[
    "index.crates.io",
    "static.crates.io",
    "rust-lang/crates.io-index",
    "registry.npmjs.org",
    "pypi.org",
    "files.pythonhosted.org",
    "proxy.golang.org",
];
/// Written by package managers.
const LOCK_FILES: &[&str] = &["Cargo.lock", "package-lock.json"];
/// This file has to name what it looks for.
const THIS: &str = "tidy/tests/it/documents.rs";

fn documents() -> Vec<Source> {
    let is_markdown = |path: &String| Path::new(path).extension().is_some_and(|it| it == "md");
    files().into_iter().filter(is_markdown).filter_map(read).collect()
}

#[test]
fn no_file_speaks_of_one_machine() {
    let mut broken = Vec::new();
    for source in files().into_iter().filter(|path| path != THIS).filter_map(read) {
        if LOCK_FILES.contains(&source.file_name()) {
            continue;
        }
        for (index, line) in source.text.lines().enumerate() {
            let is_place = |place: &&&str| {
                // `/home/` inside a longer address is a page of that name, not a directory.
                let starts = |at: usize| {
                    !line[..at].ends_with(|c: char| c.is_alphanumeric() || "}.-_".contains(c))
                };
                line.match_indices(**place).any(|(at, _)| starts(at))
            };
            let place = MACHINE_PLACES.iter().find(is_place);
            let host = REGISTRY_HOSTS.iter().find(|host| line.contains(**host));
            if let Some(found) = place.or(host) {
                broken.push(format!("{}:{}: {found}", source.path, index + 1));
            }
        }
    }
    holds("no path of one machine and no registry's host in a tracked file", &broken);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for source in documents() {
        let dir = root().join(&source.path);
        let dir = dir.parent().unwrap_or(root());
        for link in source.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            let is_elsewhere = target.is_empty() || target.contains(':');
            if !is_elsewhere && !dir.join(target).exists() {
                broken.push(format!("{}: {link}", source.path));
            }
        }
    }
    holds("a link in a document leads to a file that is there", &broken);
}

/// The tests, journeys and bench rows that a document may name.
struct Proofs {
    sources: Vec<Source>,
    journeys: Vec<Source>,
}

impl Proofs {
    fn of_the_house() -> Self {
        let is_journey =
            |path: &String| path.starts_with("tests/browser/") && path.ends_with(".test.mjs");
        Self {
            sources: rust_files(&["crates", "bench", "tests", "tidy"]),
            journeys: files().into_iter().filter(is_journey).filter_map(read).collect(),
        }
    }

    fn are_there(&self, proof: &str) -> bool {
        if proof.contains(' ') {
            // A journey through the browser; its name may go on with how it is made.
            let names = ["\"", "`"].map(|quote| format!("test({quote}{proof}"));
            return self
                .journeys
                .iter()
                .any(|source| names.iter().any(|name| source.text.contains(name)));
        }
        let (module, name) = proof.rsplit_once("::").unwrap_or(("", proof));
        let (test, row) = (format!("fn {name}("), format!("\"{name}\""));
        self.sources.iter().any(|source| {
            let is_module = module.is_empty() || source.path.ends_with(&format!("/{module}.rs"));
            (is_module && source.text.contains(&test))
                || (source.room() == "bench" && source.text.contains(&row))
        })
    }
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_claim_of_the_readme_names_a_proof_that_is_there() {
    let readme = read("README.md".to_owned()).expect("there is a README");
    let proofs = Proofs::of_the_house();
    let claims = readme.text.lines().skip_while(|line| !line.starts_with("| Claim")).skip(2);
    let mut broken = Vec::new();
    for claim in claims.take_while(|line| line.starts_with('|')) {
        let named = claim.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap_or_default();
        let named = quoted(named);
        if named.is_empty() || !named.iter().all(|proof| proofs.are_there(proof)) {
            broken.push(claim.to_owned());
        }
    }
    holds("a claim in the README ends in the name of a test or a bench row", &broken);
}

/// Documents that go through the points after which a plane is called done, and how many there are.
const CHECKS: &[(&str, usize)] = &[("docs/checks/trust.md", 63), ("docs/checks/wire.md", 17)];

#[test]
fn every_point_of_a_plane_stands_once_with_its_proofs_or_what_is_missing() {
    let proofs = Proofs::of_the_house();
    let mut broken = Vec::new();
    for (path, count) in CHECKS {
        let document = read((*path).to_owned()).expect("a list of checks is there");
        let mut next = 1;
        for line in document.text.lines() {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let [_, number, _, held, missing, _] = cells[..] else { continue };
            let Ok(number) = number.parse::<usize>() else { continue };
            if number != next {
                broken.push(format!("{path}: {number} stands where {next} should"));
            }
            next = number + 1;
            let held = quoted(held);
            if held.is_empty() && missing.is_empty() {
                broken.push(format!(
                    "{path}: {number} says neither what holds it nor what is missing"
                ));
            }
            let absent = held.iter().filter(|proof| !proofs.are_there(proof));
            broken.extend(absent.map(|proof| format!("{path}: {number}: {proof}")));
        }
        if next != count + 1 {
            broken.push(format!("{path}: ends before {next} and has {count} points"));
        }
    }
    holds("each point stands once, and each test that it names is there", &broken);
}
