//! The bytes of a file as they are, harmless to a browser (`spec/hub.md` 3, Raw).

use std::ops::Range;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use history::{diff::as_text, tree};
use names::{ObjectId, RepoPath};
use objects::Place;
use tokio::sync::mpsc;
use trust::{Allowed, act};
use web::{Call, Problem, Queried, headers::RAW_POLICY, look::href};

use super::range::{Wanted, wanted};
use crate::{
    Error, Hub, Repository,
    reading::{Found, History, Revision, api},
};

/// Up to this size a file is sent in one piece; larger ones are streamed.
const WHOLE_BYTES: u64 = 1 << 20;
/// By what the type of a file is judged.
const HEAD_BYTES: u64 = 64 << 10;
/// Pieces that wait between the disk and a slow reader.
const QUEUE: usize = 4;

/// A file at a revision.
pub(super) async fn raw(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let history = History::open(&hub, &allowed);
    let (revision, path) = history.resolve_with_path(call.params.text("place")).await?;
    serve(&history, &call.headers, &revision, path).await
}

/// The same file by what a query says.
pub(crate) async fn raw_by_query(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Queried<api::Place>,
) -> Result<Response, Problem> {
    let query = call.query()?;
    let history = History::open(&hub, &allowed);
    let revision = history.resolve_or_first(query.revision.as_deref()).await?;
    serve(&history, &call.headers, &revision, api::path_of(query.path.as_deref())?).await
}

async fn serve(
    history: &History<'_>,
    asked: &HeaderMap,
    revision: &Revision,
    path: Option<RepoPath>,
) -> Result<Response, Problem> {
    let path = path.ok_or_else(Problem::not_found)?;
    let commit = history.commit(revision.commit).await?;
    let Found::File(entry) = history.find(&commit, Some(&path)).await? else {
        return Err(Problem::not_found());
    };
    let tree::Kind::File(object) = entry.kind else { return Err(Problem::not_found()) };
    let etag = format!("\"{object}\"");
    let cache = cache_of(history.repository, revision);
    let mut response = if is_known(asked, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        file(history, object, entry.size, wanted(asked, entry.size, &etag)).await?
    };
    let headers = response.headers_mut();
    if headers.get(header::CONTENT_TYPE).is_some_and(|it| it == OCTETS) {
        let name = href::segment(path.file_name());
        let shown = HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{name}"));
        let plain = HeaderValue::from_static("attachment");
        headers.insert(header::CONTENT_DISPOSITION, shown.unwrap_or(plain));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(RAW_POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    Ok(response)
}

/// How long an answer may be kept: one about a whole commit id for ever, if everybody may see it.
pub(super) fn cache_of(repository: &Repository, revision: &Revision) -> &'static str {
    let is_fixed = revision.is_fixed() && !revision.is_hidden && !repository.is_private();
    if is_fixed { "public, max-age=31536000, immutable" } else { "private, no-cache" }
}

/// Whether the client has it already.
pub(super) fn is_known(asked: &HeaderMap, etag: &str) -> bool {
    let tags = asked.get(header::IF_NONE_MATCH).and_then(|it| it.to_str().ok()).unwrap_or_default();
    tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag)
}

/// A file, or a part of it, with its type.
async fn file(
    history: &History<'_>,
    id: ObjectId,
    size: u64,
    wanted: Wanted,
) -> Result<Response, Error> {
    let span = |range: &Range<u64>| {
        format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1))
    };
    let (head, body, length, part) = match wanted {
        Wanted::Nothing => {
            let range = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, range).into_response());
        }
        Wanted::All => {
            let (head, body) = history.sent(id).await?;
            (head, body, size, None)
        }
        Wanted::Part(range) => {
            let (head, body) = history.sent_part(id, (size.min(HEAD_BYTES), range.clone())).await?;
            (head, body, range.end - range.start, Some(span(&range)))
        }
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(&head)));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Some(Ok(part)) = part.map(|it| HeaderValue::from_str(&it)) {
        headers.insert(header::CONTENT_RANGE, part);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

const OCTETS: &str = "application/octet-stream";

/// The type of a file, by its first bytes. Everything that a browser could run is text.
fn content_type(head: &[u8]) -> &'static str {
    match image_type(head) {
        Some(image) => image,
        None if is_text(head) => "text/plain; charset=utf-8",
        None => OCTETS,
    }
}

/// Text by what is at hand: the end may have been cut inside a character.
fn is_text(head: &[u8]) -> bool {
    let whole = match std::str::from_utf8(head) {
        Err(error) if head.len() - error.valid_up_to() < 4 => {
            head.get(..error.valid_up_to()).unwrap_or(head)
        }
        _ => head,
    };
    as_text(whole).is_some()
}

/// The pictures that come as themselves, by their magic bytes.
pub(crate) fn image_type(bytes: &[u8]) -> Option<&'static str> {
    let webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    let avif = matches!(bytes.get(4..12), Some(b"ftypavif" | b"ftypavis"));
    match bytes {
        _ if bytes.starts_with(b"\x89PNG\r\n\x1a\n") => Some("image/png"),
        _ if bytes.starts_with(b"\xff\xd8\xff") => Some("image/jpeg"),
        _ if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") => Some("image/gif"),
        _ if webp => Some("image/webp"),
        _ if avif => Some("image/avif"),
        _ => None,
    }
}

impl Hub {
    /// Some bytes of an object, read as they are taken, behind its first `head`.
    pub(crate) async fn sent_part(
        &self,
        id: ObjectId,
        (head, range): (u64, Range<u64>),
    ) -> Result<(Bytes, Body), Error> {
        let place = self.objects.place(id).await?;
        let head = self.objects.read_range(id, place.clone(), 0..head).await?;
        let objects = self.objects.clone();
        let read = move |range: Range<u64>| {
            let (objects, place) = (objects.clone(), place.clone());
            async move {
                if range.is_empty() {
                    return None;
                }
                let end = range.end.min(range.start + WHOLE_BYTES);
                let piece = objects.read_range(id, place, range.start..end).await;
                if let Err(error) = &piece {
                    tracing::error!(object = %id, %error, "a part of a file could not be sent");
                }
                Some((piece.map(Bytes::from), end..range.end))
            }
        };
        let body = Body::from_stream(futures_util::stream::unfold(range, read));
        Ok((Bytes::from(head), body))
    }

    /// The start of an object, to judge its type by, and the body to send.
    pub(crate) async fn sent(&self, id: ObjectId) -> Result<(Bytes, Body), Error> {
        if id == ObjectId::EMPTY {
            return Ok((Bytes::new(), Body::empty()));
        }
        let place = self.objects.place(id).await?;
        if place.size <= WHOLE_BYTES {
            let bytes = Bytes::from(self.objects.read_at(id, place).await?);
            return Ok((bytes.clone(), Body::from(bytes)));
        }
        let mut pieces = self.pieces(id, place);
        // The whole object is verified before its first piece comes.
        let first = pieces.recv().await.ok_or(objects::Error::Corrupt(id))?;
        let start = Some(first.clone());
        let rest = futures_util::stream::unfold((start, pieces), |(next, mut pieces)| async move {
            let piece = match next {
                Some(piece) => Some(piece),
                None => pieces.recv().await,
            };
            piece.map(|piece| (Ok::<_, std::io::Error>(piece), (None, pieces)))
        });
        Ok((first, Body::from_stream(rest)))
    }

    /// The bytes of an object as they are read, once all of it has been verified.
    pub(crate) fn pieces(&self, id: ObjectId, place: Place) -> mpsc::Receiver<Bytes> {
        let (to, from) = mpsc::channel(QUEUE);
        let objects = self.objects.clone();
        tokio::spawn(async move {
            let each = move |piece: Vec<u8>| to.blocking_send(Bytes::from(piece)).is_ok();
            if let Err(error) = objects.stream(id, place, each).await {
                tracing::error!(object = %id, %error, "a file could not be sent to its end");
            }
        });
        from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_browser_could_run_comes_as_itself() {
        for (bytes, kind) in [
            (&b"\x89PNG\r\n\x1a\nrest"[..], "image/png"),
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"GIF89a", "image/gif"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
            (b"\0\0\0\x1cftypavif", "image/avif"),
            (b"<!doctype html><script>alert(1)</script>", "text/plain; charset=utf-8"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "text/plain; charset=utf-8"),
            ("größe".as_bytes(), "text/plain; charset=utf-8"),
            (&"größe".as_bytes()[..3], "text/plain; charset=utf-8"),
            (b"%PDF-1.7\0\xff", OCTETS),
            (b"\0\0\0", OCTETS),
        ] {
            assert_eq!(content_type(bytes), kind, "{bytes:?}");
        }
    }
}
