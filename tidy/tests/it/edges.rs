//! Who may name the SQL library, the HTTP client, the environment.

use crate::sources::{Source, has_word, holds, rust_files};

/// Crates whose business is the database; everywhere else SQL lives in `store.rs`.
const SQL_CRATES: &[&str] = &["db", "jobs"];
/// The yardsticks of the benchmarks: what can be done with none of our crates.
const YARDSTICKS: &[&str] = &["bench/src/bare.rs", "bench/src/bare/rows.rs"];
/// Crates that may speak HTTP by themselves: the one client of the server, the command line's signed client, and
/// those who play its part in tests and measurements.
const HTTP_CRATES: &[&str] = &["egress", "motet", "testkit", "bench", "tests"];
/// The one place that reads settings, and the file that reads what a run of the tests is about.
const SETTINGS: &[&str] = &[
    "crates/server/src/config.rs",
    "crates/server/src/config/connections.rs",
    "crates/server/src/config/git.rs",
    "crates/server/src/config/providers.rs",
    "crates/server/src/config/sealing.rs",
    "crates/server/src/config/ssh.rs",
    // Git has no other way to tell a hook anything.
    "crates/motet/src/git_hook.rs",
    "crates/testkit/src/ground.rs",
    "crates/pipelines-core/src/tests/simulation/mod.rs",
];

/// Everything but these tests, which have to name what they look for.
const WATCHED: &[&str] = &["crates", "bench", "tests"];

fn broken_by(may: impl Fn(&Source) -> bool, names: impl Fn(&str) -> bool) -> Vec<String> {
    let mut broken = Vec::new();
    for source in rust_files(WATCHED).iter().filter(|source| !may(source)) {
        for (number, line) in source.code().filter(|(_, line)| names(line)) {
            broken.push(format!("{}:{number}: {}", source.path, line.trim()));
        }
    }
    broken
}

#[test]
fn sql_lives_in_store_files() {
    let may = |source: &Source| {
        source.file_name() == "store.rs"
            || SQL_CRATES.contains(&source.room())
            || YARDSTICKS.contains(&source.path.as_str())
    };
    // A log filter may name it as text.
    let broken = broken_by(may, |line| line.contains("sqlx::") || line.contains("use sqlx"));
    holds("only files named store.rs and the crates db and jobs name the SQL library", &broken);
}

#[test]
fn every_statement_goes_through_the_list() {
    let makers = ["query", "query_as", "query_scalar", "query_with", "query_as_with", "raw_sql"];
    let may = |source: &Source| {
        SQL_CRATES.contains(&source.room()) || YARDSTICKS.contains(&source.path.as_str())
    };
    let broken = broken_by(may, |line| {
        makers.iter().any(|maker| line.contains(&format!("sqlx::{maker}(")))
            || line.contains("sqlx::query!")
            || has_word(line, "AssertSqlSafe")
            || line.contains("QueryBuilder")
    });
    holds(
        "statements are declared with db::statements!, so that one test prepares them all",
        &broken,
    );
}

#[test]
fn the_http_client_has_its_crates() {
    let may = |source: &Source| HTTP_CRATES.contains(&source.room());
    let broken =
        broken_by(may, |line| has_word(line, "reqwest") || line.contains("hyper_util::client"));
    holds("only egress, the command line, testkit and bench name an HTTP client", &broken);
}

#[test]
fn the_environment_is_read_in_one_place() {
    let may = |source: &Source| SETTINGS.contains(&source.path.as_str());
    let readers = ["env::var", "from_env(", "from_default_env("];
    let broken = broken_by(may, |line| {
        // `env = "…"` in an attribute of clap, on whichever line of it.
        let is_setting =
            line.split_once("env = \"").is_some_and(|(before, _)| !before.contains("let "));
        is_setting || readers.iter().any(|reader| line.contains(reader))
    });
    holds(
        "only server/src/config.rs, config/, hooks of Git, testkit/src/ground.rs and the simulation read the environment",
        &broken,
    );
}
