//! The bare limit of a JSON read: the same framework, the same database library, one prepared read of the same row.

use std::{io::Write, path::Path, sync::Arc};

use anyhow::Context as _;
use axum::{Router, extract::State, http::StatusCode, routing::get};
use sqlx::{Row as _, SqlitePool, sqlite::SqliteConnectOptions};

pub(crate) mod rows;

/// The readers that the real server has.
const READERS: u32 = 4;

const READ: &str = "
    SELECT name, description, domain, default_branch, size_bytes, object_count, commit_count, pushed_at, created_at,
           updated_at
      FROM repositories WHERE id = $1";

#[derive(Clone)]
struct Bare {
    pool: SqlitePool,
    id: Arc<Vec<u8>>,
}

/// Serves the row until killed; prints the address.
pub(crate) async fn serve(database: &Path, id: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let options = SqliteConnectOptions::new().filename(database).read_only(true);
    let pool = sqlx::sqlite::SqlitePoolOptions::new()
        .max_connections(READERS)
        .test_before_acquire(false)
        .connect_with(options)
        .await?;
    let id = id.replace('-', "");
    let bytes = (0..id.len() / 2)
        .map(|at| u8::from_str_radix(id.get(2 * at..2 * at + 2).unwrap_or_default(), 16));
    let bare = Bare { pool, id: Arc::new(bytes.collect::<Result<_, _>>()?) };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    writeln!(out, "{}", listener.local_addr()?)?;
    out.flush()?;
    let router = Router::new().route("/api/v1/repos/{owner}/{name}", get(read)).with_state(bare);
    axum::serve(listener, router).await.context("serving the bare answer")
}

async fn read(
    State(bare): State<Bare>,
) -> Result<([(&'static str, &'static str); 1], String), StatusCode> {
    let row = sqlx::query(READ).bind(&*bare.id).fetch_one(&bare.pool).await;
    let row = row.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let text = |at: usize| row.try_get::<String, _>(at).unwrap_or_default();
    let number = |at: usize| row.try_get::<Option<i64>, _>(at).ok().flatten();
    let body = serde_json::json!({
        "name": text(0), "description": text(1), "domain": text(2), "default_branch": text(3),
        "size_bytes": number(4), "object_count": number(5), "commit_count": number(6), "pushed_at": number(7),
        "created_at": number(8), "updated_at": number(9),
    });
    Ok(([("content-type", "application/json")], body.to_string()))
}
