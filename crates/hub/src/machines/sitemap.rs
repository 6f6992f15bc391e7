//! The map of the site (<https://www.sitemaps.org/protocol.html>): an index, and pages of addresses that everybody may see.

use std::fmt::Write as _;

use axum::{http::header, response::IntoResponse};
use names::UnixMillis;
use serde::Deserialize;
use trust::{Allowed, Anything, act};
use web::{Call, Problem, look::href};

use super::store;
use crate::{Error, Hub};

/// Addresses of one page.
const PAGE: u32 = 10_000;
/// Pages of one index: a limit of the protocol.
const MAX_PAGES: u64 = 50_000;

#[derive(Deserialize)]
struct Asked {
    page: Option<u64>,
}

/// The index; with a number the page.
pub(super) async fn sitemap(
    hub: Hub,
    _: Allowed<act::RepoList, Anything>,
    call: Call,
) -> Result<impl IntoResponse, Problem> {
    let (asked, base) = (call.query::<Asked>()?, &call.context.base_url);
    let mut tx = hub.db.glance().await?;
    let body = match asked.page {
        None => {
            let count = store::count(&mut tx).await.map_err(Error::Db)?;
            index(base, count.div_ceil(u64::from(PAGE)).clamp(1, MAX_PAGES))
        }
        Some(number) => {
            let before = number.checked_sub(1).filter(|it| *it < MAX_PAGES);
            let skip = before.ok_or_else(Problem::not_found)? * u64::from(PAGE);
            let found = store::page(&mut tx, PAGE, skip).await.map_err(Error::Db)?;
            if found.is_empty() && number > 1 {
                return Err(Problem::not_found());
            }
            page(base, &found)
        }
    };
    Ok(([(header::CONTENT_TYPE, "application/xml; charset=utf-8")], body))
}

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const SCHEMA: &str = "http://www.sitemaps.org/schemas/sitemap/0.9";

/// `text` where XML holds characters.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn index(base: &str, pages: u64) -> String {
    let mut text = format!("{XML}<sitemapindex xmlns=\"{SCHEMA}\">\n");
    for number in 1..=pages {
        // Writing into a text does not fail.
        writeln!(text, "<sitemap><loc>{}/sitemap.xml?page={number}</loc></sitemap>", escaped(base))
            .unwrap_or_default();
    }
    text + "</sitemapindex>\n"
}

fn page(base: &str, found: &[(String, String, i64)]) -> String {
    let mut text = format!("{XML}<urlset xmlns=\"{SCHEMA}\">\n");
    for (owner, name, pushed_at) in found {
        let (owner, name) = (href::segment(owner), href::segment(name));
        let (base, time) = (escaped(base), UnixMillis(*pushed_at));
        writeln!(text, "<url><loc>{base}/{owner}/{name}</loc><lastmod>{time}</lastmod></url>")
            .unwrap_or_default();
    }
    text + "</urlset>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stand_in_xml_as_they_are() {
        let row = ("anna".to_owned(), "a.b".to_owned(), 0);
        assert_eq!(
            page("https://x?a&b", &[row]),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n\
             <url><loc>https://x?a&amp;b/anna/a.b</loc><lastmod>1970-01-01T00:00:00.000Z</lastmod></url>\n\
             </urlset>\n"
        );
        assert!(index("https://x", 2).contains("<loc>https://x/sitemap.xml?page=2</loc>"));
    }
}
