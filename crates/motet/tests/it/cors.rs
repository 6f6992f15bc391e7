//! Which pages of other sites may read the API (`spec/trust.md` 10, CORS; 16.57).

use http::Method;
use testkit::{Answer, Request, Server};

use crate::MOTET;

const APP: &str = "https://app.example";
const ALLOWED: &str = "access-control-allow-origin";

async fn server() -> Server {
    Server::with(MOTET).arg("--cors-origin").arg(APP).start().await
}

fn preflight(server: &Server, target: &str, origin: &str) -> Request {
    server
        .request(Method::OPTIONS, target)
        .header("origin", origin)
        .header("access-control-request-method", "DELETE")
        .header("access-control-request-headers", "authorization")
}

async fn from(server: &Server, target: &str, origin: &str) -> Answer {
    server.get(target).header("origin", origin).send().await
}

#[tokio::test]
async fn a_page_of_a_named_site_may_ask_and_read() {
    let server = server().await;
    let anna = server.register("anna").await;
    let asked = preflight(&server, "/api/v1/repos", APP).send().await;
    assert_eq!((asked.status, asked.header(ALLOWED)), (204, APP));
    assert_eq!(
        asked.header("access-control-allow-methods"),
        "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
    );
    assert_eq!(
        asked.header("access-control-allow-headers"),
        "Authorization, Content-Type, Content-Digest, Accept, Idempotency-Key, If-Match, If-None-Match, \
         Last-Event-ID, Signature, Signature-Input, X-Requested-With, MCP-Protocol-Version, Mcp-Session-Id"
    );
    assert_eq!(asked.header("access-control-max-age"), "600");
    // What it knows of a token it sends itself; a refusal it may read too.
    let me = server.get("/api/v1/me").by(&anna).header("origin", APP).send().await;
    assert_eq!((me.status, me.header(ALLOWED)), (200, APP));
    let refused = from(&server, "/api/v1/me", APP).await;
    assert_eq!((refused.status, refused.header(ALLOWED)), (401, APP));
    for answer in [&asked, &me, &refused] {
        assert!(answer.header("access-control-allow-credentials").is_empty());
        assert!(answer.all("vary").contains("Origin"), "{:?}", answer.headers);
    }
}

#[tokio::test]
async fn a_page_of_any_other_site_reads_nothing() {
    let server = server().await;
    for origin in ["https://evil.example", "null", "https://app.example:8443", "http://app.example"]
    {
        for target in ["/api/v1/repos", "/explore"] {
            let answer = from(&server, target, origin).await;
            assert_eq!((answer.status, answer.header(ALLOWED)), (200, ""), "{origin} {target}");
        }
        let asked = preflight(&server, "/api/v1/repos", origin).send().await;
        assert_eq!((asked.status, asked.header(ALLOWED)), (405, ""), "{origin}");
        assert!(asked.all("vary").contains("Origin"));
    }
    // A named one reads the API and the tools, not pages, the wire or health.
    for target in ["/explore", "/anna/song/refs", "/healthz", "/api", "/nothing"] {
        let answer = from(&server, target, APP).await;
        assert_eq!(answer.header(ALLOWED), "", "{target}");
        let asked = preflight(&server, target, APP).send().await;
        assert_eq!(asked.header(ALLOWED), "", "{target}");
    }
}

#[tokio::test]
async fn unless_a_site_is_named_there_is_none() {
    let server = Server::start(MOTET).await;
    for target in ["/api/v1/repos", "/explore"] {
        let answer = from(&server, target, APP).await;
        assert_eq!(answer.header(ALLOWED), "", "{target}");
    }
}

/// The tools are not there yet; the rule is.
#[tokio::test]
async fn the_tools_refuse_pages_of_other_sites() {
    for server in [server().await, Server::start(MOTET).await] {
        for origin in ["https://evil.example", "null"] {
            let answer = from(&server, "/mcp", origin).await;
            answer.assert_refused(403, "cross_site");
        }
        for origin in [server.base_url(), APP.to_owned()] {
            let is_named =
                origin != APP || !from(&server, "/api/v1", APP).await.header(ALLOWED).is_empty();
            let answer = from(&server, "/mcp", &origin).await;
            assert_eq!(answer.status, if is_named { 404 } else { 403 }, "{origin}");
        }
    }
}

#[tokio::test]
async fn every_site_at_once_cannot_be_named() {
    for origin in ["*", "null", "https://app.example/", "app.example", "https://a.example,*"] {
        let ended = Server::with(MOTET).arg("--cors-origin").arg(origin).refuses().await;
        assert_eq!(ended.code, Some(2), "{origin}: {}", ended.log);
        let ended = Server::with(MOTET).env("MOTET_CORS_ORIGINS", origin).refuses().await;
        assert_eq!(ended.code, Some(2), "{origin}: {}", ended.log);
    }
}
