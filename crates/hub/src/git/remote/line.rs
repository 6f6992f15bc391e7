//! The address that a child is given, on the loopback: it asks here, and here it is asked elsewhere.
//!
//! Three addresses of Git's protocol and nothing else are passed on, to one repository of one server, and only for whoever
//! says the word of this line. What is shown to the other server is added here; what it answers is passed back if it is
//! what Git asked for, and kept as a sentence if it is not. Redirects are not followed.

use std::{
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use egress::{HeaderMap, HeaderName, HeaderValue, Limits, Method, header};
use futures_util::StreamExt as _;
use names::{Digest, Random};
use tokio::{net::TcpListener, task::AbortHandle};

use super::{Git, Progress, Remote, RemoteFault};
use crate::Error;

/// How long a child may speak with another server, all in all: a try of a job may take an hour.
pub(super) const LONGEST: Duration = Duration::from_mins(50);
/// How long the other server may say nothing: it counts and packs what is asked for.
const SILENCE: Duration = Duration::from_mins(5);
const CONNECT: Duration = Duration::from_secs(10);
const RESOLVE: Duration = Duration::from_secs(5);
/// What the child calls the other server.
pub(super) const THERE: &str = "there";
/// The word of a line.
static WORD: HeaderName = HeaderName::from_static("motet-line");
/// Who asks. Servers know clients of Git by how this begins.
static AGENT: HeaderValue =
    HeaderValue::from_static(concat!("git/motet-", env!("CARGO_PKG_VERSION")));
/// What of a request of Git's goes on, and what of an answer comes back.
static ASKED: [HeaderName; 5] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    HeaderName::from_static("git-protocol"),
];
static ANSWERED: [HeaderName; 2] = [header::CONTENT_TYPE, header::CONTENT_ENCODING];

/// A line that is open. Closed when this is dropped.
pub(super) struct Line {
    way: Arc<Way>,
    word: String,
    port: u16,
    task: AbortHandle,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where a line leads.
struct Way {
    client: egress::Client,
    remote: Remote,
    word: Digest,
    most_bytes: u64,
    progress: Arc<Progress>,
    /// Why something did not come about; the first counts.
    fault: Mutex<Option<RemoteFault>>,
}

impl Line {
    /// Opens one to `remote`, over which at most so many bytes come.
    pub(super) async fn open(
        git: &Git,
        (remote, random): (&Remote, &Random),
        most_bytes: u64,
        progress: Arc<Progress>,
    ) -> Result<Self, RemoteFault> {
        let client = git.outside()?.clone();
        let word = crate::wire::landing::hex(&random.bytes::<32>());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Error::Git)?;
        let port = listener.local_addr().map_err(Error::Git)?.port();
        let way = Arc::new(Way {
            client,
            remote: remote.clone(),
            word: Digest::of(word.as_bytes()),
            most_bytes,
            progress,
            fault: Mutex::default(),
        });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&way));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "a line to another server broke");
            }
        });
        Ok(Self { way, word, port, task: task.abort_handle() })
    }

    /// What the child is told, where others cannot read it: its environment.
    pub(super) fn environment(&self, refspecs: &[String]) -> Vec<(String, String)> {
        let mut pairs = vec![
            (format!("remote.{THERE}.url"), format!("http://127.0.0.1:{}/{THERE}", self.port)),
            ("http.extraHeader".to_owned(), format!("{WORD}: {}", self.word)),
            ("http.followRedirects".to_owned(), "false".to_owned()),
            ("http.proxy".to_owned(), String::new()),
            ("protocol.allow".to_owned(), "never".to_owned()),
            ("protocol.http.allow".to_owned(), "always".to_owned()),
            ("credential.helper".to_owned(), String::new()),
        ];
        let fetched = refspecs.iter().map(|it| (format!("remote.{THERE}.fetch"), it.clone()));
        pairs.extend(fetched);
        let count = pairs.len();
        let each = pairs.into_iter().enumerate().flat_map(|(at, (key, value))| {
            [(format!("GIT_CONFIG_KEY_{at}"), key), (format!("GIT_CONFIG_VALUE_{at}"), value)]
        });
        std::iter::once(("GIT_CONFIG_COUNT".to_owned(), count.to_string())).chain(each).collect()
    }

    /// Why something did not come about, if it was not Git.
    pub(super) fn fault(&self) -> Option<RemoteFault> {
        self.way.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What Git complains of, with the address that people know.
    pub(super) fn plainly(&self, complaint: &str) -> String {
        let ours = format!("http://127.0.0.1:{}/{THERE}", self.port);
        complaint.replace(&ours, self.way.remote.url.as_str())
    }
}

async fn pass(State(way): State<Arc<Way>>, request: Request) -> Response {
    match way.pass(request).await {
        Ok(answer) => answer,
        Err(fault) => {
            way.note(fault);
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}

impl Way {
    fn note(&self, fault: RemoteFault) {
        let mut noted = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        noted.get_or_insert(fault);
    }

    async fn pass(self: &Arc<Self>, request: Request) -> Result<Response, RemoteFault> {
        let (head, body) = request.into_parts();
        let word = head.headers.get(&WORD).map(|it| Digest::of(it.as_bytes()));
        let Some(url) = self.target(&head.method, &head.uri).filter(|_| word == Some(self.word))
        else {
            return Ok(StatusCode::NOT_FOUND.into_response());
        };
        let mut asked = egress::Request::new(head.method.clone(), &url)?.limits(self.limits());
        for name in &ASKED {
            if let Some(value) = head.headers.get(name) {
                asked = asked.header(name.clone(), value.clone());
            }
        }
        asked = asked.header(header::USER_AGENT, AGENT.clone());
        if let Some(shown) = self.shown()? {
            asked = asked.header(header::AUTHORIZATION, shown);
        }
        if head.method == Method::POST {
            asked = asked.stream(
                body.into_data_stream().map(|it| it.map_err(io::Error::other)),
                length(&head.headers),
            );
        }
        let answer = self.client.send(asked).await?;
        self.check(&answer)?;
        let mut headers = HeaderMap::new();
        for name in &ANSWERED {
            if let Some(value) = answer.headers.get(name) {
                headers.insert(name.clone(), value.clone());
            }
        }
        let way = Arc::clone(self);
        let pieces = answer.body.into_stream().map(move |piece| match piece {
            Ok(piece) => {
                way.progress.add_bytes(piece.len() as u64);
                Ok(piece)
            }
            Err(error) => {
                let told = io::Error::other("the other server broke off");
                way.note(error.into());
                Err(told)
            }
        });
        Ok((headers, Body::from_stream(pieces)).into_response())
    }

    /// Where a request of the child goes, if it is one of Git's protocol.
    fn target(&self, method: &Method, uri: &Uri) -> Option<String> {
        let asked = uri.path().strip_prefix('/')?.strip_prefix(THERE)?;
        let tail = match (method.as_str(), asked, uri.query()) {
            ("GET", "/info/refs", Some("service=git-upload-pack")) => {
                "/info/refs?service=git-upload-pack"
            }
            ("GET", "/info/refs", Some("service=git-receive-pack")) => {
                "/info/refs?service=git-receive-pack"
            }
            ("POST", "/git-upload-pack", None) => "/git-upload-pack",
            ("POST", "/git-receive-pack", None) => "/git-receive-pack",
            _ => return None,
        };
        Some(format!("{}{tail}", self.remote.url))
    }

    fn limits(&self) -> Limits {
        Limits {
            resolve: RESOLVE,
            connect: CONNECT,
            first_byte: SILENCE,
            idle: SILENCE,
            total: LONGEST,
            // What goes out lies here, and is known.
            request_bytes: u64::MAX,
            response_bytes: self.most_bytes,
        }
    }

    fn shown(&self) -> Result<Option<HeaderValue>, RemoteFault> {
        let Some(shown) = &self.remote.credentials else { return Ok(None) };
        let text = BASE64_STANDARD.encode(format!("{}:{}", shown.username, shown.password));
        let value = HeaderValue::try_from(format!("Basic {text}"));
        let mut value = value.map_err(|error| Error::Broken(error.to_string()))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Whether an answer is one of Git's.
    fn check(&self, answer: &egress::Response) -> Result<(), RemoteFault> {
        let origin = &answer.origin;
        let status = answer.status;
        match status.as_u16() {
            200 => Ok(()),
            401 | 403 if self.remote.credentials.is_some() => {
                let why = "it does not take the user name and password that it was shown";
                Err(RemoteFault::Denied(format!("{origin}: {why} ({status})")))
            }
            401 | 403 => {
                let why = "it lets nobody in who shows no user name and password";
                Err(RemoteFault::Denied(format!("{origin}: {why} ({status})")))
            }
            404 | 410 => {
                let why = "there is no repository of Git at this address, or not for us";
                Err(RemoteFault::Failed(format!("{origin}: {why} ({status})")))
            }
            300..=399 => {
                let why =
                    "it sends us elsewhere, and is not followed; give the address that it leads to";
                Err(RemoteFault::Failed(format!("{origin}: {why} ({status})")))
            }
            _ => Err(RemoteFault::Failed(format!("{origin}: it answers {status}"))),
        }
    }
}

/// The length that a body announces.
fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
