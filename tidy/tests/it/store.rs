//! Every statement is listed, and every listed one can be prepared.
//!
//! A statement that names a column which is not there, or that its database does not understand, is found here and
//! not by the first caller.

use std::collections::BTreeSet;

use cluster::Cluster;
use db::Db;
use sqlx::{AssertSqlSafe, ConnectOptions as _, sqlite::SqliteConnectOptions};

use crate::sources::{holds, rust_files};

/// Files with statements that no server runs, and why.
const UNLISTED: &[(&str, &str)] = &[
    ("crates/trust/src/authority/store.rs", "compiled for the test that holds lists to decisions"),
    ("crates/testkit/src/long/store.rs", "writes long histories for tests and measurements"),
];

/// Prepares every statement of every room on a database whose schema is up to date.
async fn prepare_all(db: Db) {
    let refused = db.prepare_all(&server::statements()).await.err().unwrap_or_default();
    db.close().await;
    let broken: Vec<_> = refused.iter().map(|(name, error)| format!("{name}: {error:?}")).collect();
    holds("every statement can be prepared", &broken);
}

#[tokio::test]
async fn every_statement_can_be_prepared_on_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::sqlite(&dir.path().join("motet.db")).await.unwrap();
    prepare_all(db).await;
}

#[tokio::test]
async fn every_statement_can_be_prepared_on_postgres() {
    let database = Cluster::shared().await.database().await;
    prepare_all(Db::postgres(&database.url).await.unwrap()).await;
}

/// What SQLite walks from end to end, statement by statement: whole tables, and everything that a repository has. Each line was
/// looked at: what is walked is small, is walked page by page, or is what the statement is for.
#[tokio::test]
async fn what_is_walked_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("motet.db");
    Db::sqlite(&file).await.unwrap().close().await;
    let mut conn = SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
    let mut walked = Vec::new();
    for sql in server::statements() {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", sql.sqlite));
        let steps: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(explain).fetch_all(&mut conn).await.unwrap();
        let steps = steps.into_iter().map(|(.., step)| step).filter(|step| is_walk(step));
        walked.extend(steps.map(|step| format!("{}: {step}", sql.name)));
    }
    walked.sort();
    insta::assert_snapshot!(walked.join("\n"));
}

/// Whether a step of a plan reads all of something: of a table, or of what belongs to one owner or repository.
fn is_walk(step: &str) -> bool {
    let is_small = ["VIRTUAL TABLE", "CONSTANT ROW"].iter().any(|it| step.contains(it));
    let is_scan = step.starts_with("SCAN ") && !is_small;
    is_scan || step.ends_with("(repository_id=?)") || step.ends_with("(owner_id=?)")
}

#[test]
fn both_texts_of_a_statement_take_the_same_parameters() {
    let mut broken = Vec::new();
    for sql in server::statements() {
        let (sqlite, postgres) = (parameters(sql.sqlite), parameters(sql.postgres));
        let has_gap = sqlite.last().is_some_and(|last| *last != sqlite.len());
        if sqlite != postgres || has_gap {
            broken.push(format!("{}: {sqlite:?} and {postgres:?}", sql.name));
        }
    }
    holds("parameters are $1, $2, … without a gap, the same for both databases", &broken);
}

/// The numbers behind the `$` of a statement.
fn parameters(text: &str) -> BTreeSet<usize> {
    let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>();
    text.split('$').skip(1).filter_map(|part| digits(part).parse().ok()).collect()
}

#[test]
fn every_statement_has_a_name_of_its_own() {
    let mut seen = BTreeSet::new();
    let twice = server::statements().into_iter().filter(|sql| !seen.insert(sql.name));
    let broken: Vec<_> = twice.map(|sql| sql.name.to_owned()).collect();
    holds("no statement is listed twice", &broken);
}

#[test]
fn every_statement_that_is_written_is_listed() {
    let listed: BTreeSet<_> = server::statements().into_iter().map(|sql| sql.name).collect();
    let mut broken = Vec::new();
    for source in rust_files(&["crates"]).into_iter().filter(|source| !source.is_test) {
        let Some(module) =
            source.path.strip_prefix("crates/").and_then(|it| it.strip_suffix(".rs"))
        else {
            continue;
        };
        if UNLISTED.iter().any(|(path, reason)| *path == source.path && !reason.is_empty()) {
            continue;
        }
        let module = module.replacen("/src/", "::", 1).replace('/', "::");
        let declared = declared(&source.text).map(|name| format!("{module}::{name}"));
        let missing = declared.filter(|name| !listed.contains(name.as_str()));
        broken.extend(missing.map(|name| format!("{name} ({})", source.path)));
    }
    holds("every statement is in server::statements()", &broken);
}

/// The names that a file's `db::statements!` declares.
fn declared(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().skip_while(|line| *line != "db::statements! {").skip(1);
    let names = lines.take_while(|line| *line != "}").filter_map(|line| line.strip_prefix("    "));
    let is_name = |name: &&str| {
        !name.is_empty()
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    names.filter_map(|line| Some(line.split_once(" =")?.0)).filter(is_name)
}
