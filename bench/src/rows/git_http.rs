//! A git repository over HTTP: git's own program behind the same framework, as its manual says.

use std::{
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context as _, ensure};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Response, StatusCode, Uri, header},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// The repositories below one directory, served until this is dropped.
pub(crate) struct GitServer {
    pub(crate) address: SocketAddr,
    serving: JoinHandle<std::io::Result<()>>,
}

impl GitServer {
    pub(crate) async fn of(root: &Path) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(answer).with_state(root.to_owned());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, serving })
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(
    State(root): State<PathBuf>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response<Body>, StatusCode> {
    let run = move || run(&root, &method, &uri, &headers, &body);
    let answer = tokio::task::spawn_blocking(run).await;
    answer.ok().and_then(Result::ok).ok_or(StatusCode::BAD_GATEWAY)
}

/// One request as a run of `git http-backend`, by the rules of CGI.
fn run(
    root: &Path,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> anyhow::Result<Response<Body>> {
    let header = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or("");
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", uri.path())
        .env("QUERY_STRING", uri.query().unwrap_or(""))
        .env("REQUEST_METHOD", method.as_str())
        .env("CONTENT_TYPE", header("content-type"))
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut to = child.stdin.take().context("the input of git")?;
    let sent = body.clone();
    let sending = thread::spawn(move || to.write_all(&sent));
    let done = child.wait_with_output()?;
    sending.join().map_err(|_| anyhow::anyhow!("the input of git"))??;
    ensure!(done.status.success(), "git http-backend ended with {}", done.status);
    let at = done.stdout.windows(4).position(|it| it == b"\r\n\r\n").context("a head")?;
    let (head, answer) = done.stdout.split_at(at);
    let mut response = Response::builder();
    for line in std::str::from_utf8(head)?.lines() {
        let (name, value) = line.split_once(':').context("a line of the head")?;
        let value = value.trim();
        response = if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().unwrap_or_default();
            response.status(code.parse::<u16>()?)
        } else {
            response.header(name, value)
        };
    }
    let answer = answer.get(4..).unwrap_or_default().to_vec();
    Ok(response.header(header::CONTENT_LENGTH, answer.len()).body(Body::from(answer))?)
}
