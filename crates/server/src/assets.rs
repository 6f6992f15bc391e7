//! Styles and pictures of the pages: named by their hash, so that they can be kept for ever.

use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use trust::{Allowed, Anything, Trust, act};
use web::{Call, Entry, Problem, Routes, Surface, look::assets};

/// What costs much and says little, and every address with a query but the pages of the sitemap.
const ROBOTS: &str = "\
User-agent: *
Allow: /sitemap.xml
Disallow: /search
Disallow: /*/*/blame/
Disallow: /*/*/compare/
Disallow: /*/*/archive/
Disallow: /*/*/raw/
Disallow: /*/*/graph
Disallow: /*/*/find/
Disallow: /*/*/commits/*/
Disallow: /*?
";

pub(crate) fn routes(trust: &Trust) -> (Router, Vec<Entry>) {
    Routes::new((), trust.clone())
        .get("/static/{file}", Surface::Plain, asset)
        .get("/favicon.ico", Surface::Plain, favicon)
        .get("/robots.txt", Surface::Plain, robots)
        .finish()
}

async fn asset(
    (): (),
    _: Allowed<act::StaticRead, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let found = assets::find(call.params.text("file")).ok_or_else(Problem::not_found)?;
    let etag = format!("\"{}\"", found.hash());
    if call.header("if-none-match").split(',').any(|tag| tag.trim() == etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let packed = found.encoded(call.header("accept-encoding"));
    let mut response = packed.body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(found.content_type));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(encoding) = packed.encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    Ok(response)
}

/// Browsers ask for it whatever pages say.
async fn favicon(
    (): (),
    _: Allowed<act::StaticRead, Anything>,
    (): (),
) -> Result<Response, Problem> {
    Ok((StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, assets::logo_href())]).into_response())
}

/// Machines stay away from what costs much and says little.
async fn robots(
    (): (),
    _: Allowed<act::StaticRead, Anything>,
    call: Call,
) -> Result<String, Problem> {
    Ok(format!("{ROBOTS}\nSitemap: {}/sitemap.xml\n", call.context.base_url))
}
