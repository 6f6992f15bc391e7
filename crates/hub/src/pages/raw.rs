//! The bytes of a file as they are, harmless to a browser (`spec/hub.md` 3, Raw).

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use history::{diff::as_text, tree};
use names::ObjectId;
use objects::Place;
use tokio::sync::mpsc;
use trust::{Allowed, act};
use web::{Call, Problem, headers::RAW_POLICY};

use crate::{
    Error, Hub, Repository,
    reading::{self, Found, Revision},
};

/// Up to this size a file is sent in one piece; larger ones are streamed.
const WHOLE_BYTES: u64 = 1 << 20;
/// Pieces that wait between the disk and a slow reader.
const QUEUE: usize = 4;

/// A file at a revision.
pub(super) async fn raw(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let mut tx = hub.db.read().await?;
    let (revision, path) =
        Revision::with_path(&mut tx, repository, call.params.text("place")).await?;
    let path = path.ok_or_else(Problem::not_found)?;
    let commit = reading::commit(&mut tx, repository, revision.commit).await?;
    let root = reading::root_of(&mut tx, repository, &commit).await?;
    let Found::File(entry) = reading::find(&mut tx, root, Some(&path)).await? else {
        return Err(Problem::not_found());
    };
    let tree::Kind::File(object) = entry.kind else { return Err(Problem::not_found()) };
    let etag = format!("\"{object}\"");
    if call
        .header("if-none-match")
        .split(',')
        .any(|tag| tag.trim().trim_start_matches("W/") == etag)
    {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    drop(tx);
    let (head, body) = hub.body_of(object).await?;
    let is_fixed = revision.branch.is_none() && !repository.is_private();
    let cache = if is_fixed { "public, max-age=31536000, immutable" } else { "private, no-cache" };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(&head)));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(RAW_POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(entry.size));
    if content_type(&head) == OCTETS {
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
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
pub(super) fn image_type(bytes: &[u8]) -> Option<&'static str> {
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
    /// The start of an object, to judge its type by, and the body to send.
    pub(crate) async fn body_of(&self, id: ObjectId) -> Result<(Bytes, Body), Error> {
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
