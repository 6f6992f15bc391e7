//! Objects by their ids (`spec/wire.md` 9).

use std::collections::HashMap;

use api::{
    WireCode,
    stream::{Begin, Frame, StreamKind},
    wire2::ObjectsRequest,
};
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use names::ObjectId;
use objects::Place;
use trust::{Allowed, act};
use web::{Call, Problem};

use super::{
    bytes::{Batch, Large, is_small},
    range::{Asked, asked},
    sending::{Sending, Stop, Work},
    visible::Seen,
    watch::Watch,
};
use crate::{Error, Hub, Repository};

/// Several objects as a stream, in the order in which they were asked for.
pub(super) async fn several(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    crate::wire::muse(allowed.resource())?;
    let context = call.context.clone();
    let ObjectsRequest { mut ids } = super::message(call).await?;
    let mut asked = std::collections::HashSet::new();
    ids.retain(|id| asked.insert(*id));
    let shown = Seen::by(&allowed).objects(&hub, &ids).await?;
    if let Some(hidden) = ids.iter().find(|id| !shown.contains(id)) {
        let sentence = format!("object {hidden} is not in this repository");
        return Err(Error::wire(WireCode::NotFound, sentence).into());
    }
    let mut tx = hub.db.glance().await?;
    let places = hub.objects.find(&mut tx, &ids).await.map_err(Error::Objects)?;
    drop(tx);
    let begin = Begin {
        kind: StreamKind::Objects,
        repo_id: allowed.resource().id.to_string(),
        want: Vec::new(),
        common: Vec::new(),
        cursor: None,
    };
    let watch = Watch::of(&allowed);
    Ok(Sending::answer(hub, (context, watch), begin, Several { ids, places }).await?)
}

struct Several {
    ids: Vec<ObjectId>,
    places: HashMap<ObjectId, Place>,
}

impl Work for Several {
    async fn write(mut self, to: &mut Sending) -> Result<bool, Stop> {
        let (hub, mut batch) = (to.hub.clone(), Batch::default());
        for id in self.ids {
            let place = self.places.remove(&id);
            let size = place.as_ref().map_or(0, |place| place.size);
            match place {
                Some(place) if !is_small(size) => {
                    batch.send(to).await?;
                    let mut large = Large::new(&hub, id, place, 0);
                    to.put(large.head()).await?;
                    while let Some(piece) = to.patiently(large.next(&hub)).await? {
                        to.put(Frame::Data(piece.into())).await?;
                    }
                    to.put(Frame::ObjectEnd(id)).await?;
                }
                Some(_) | None => {
                    if batch.add(id, size) {
                        batch.send(to).await?;
                    }
                }
            }
        }
        batch.send(to).await?;
        Ok(false)
    }
}

/// The bytes of one object, or a part of them.
pub(super) async fn one(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    crate::wire::muse(allowed.resource())?;
    let id: ObjectId = call.params.parse("object")?;
    if !Seen::by(&allowed).objects(&hub, &[id]).await?.contains(&id) {
        return Err(Problem::not_found());
    }
    let etag = format!("\"{id}\"");
    let is_private = allowed.resource().is_private();
    if call
        .header("if-none-match")
        .split(',')
        .any(|tag| matches!(tag.trim(), "*") || tag.trim() == etag)
    {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        describe(response.headers_mut(), &etag, is_private);
        return Ok(response);
    }
    let place = match id {
        ObjectId::EMPTY => None,
        id => Some(hub.objects.place(id).await.map_err(Error::Objects)?),
    };
    let size = place.as_ref().map_or(0, |place| place.size);
    let if_range = call.header("if-range");
    let is_same = if_range.is_empty() || if_range == etag;
    let range = if is_same { asked(call.header("range"), size) } else { Asked::Whole };
    let mut response = match (range, place) {
        (Asked::Whole, _) => {
            let (_head, body) = hub.sent(id).await?;
            let mut response = body.into_response();
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(size));
            response
        }
        (Asked::Part(part), Some(place)) => super::range::part(hub.clone(), id, place, part),
        (Asked::Part(_) | Asked::Nothing, _) => super::range::nothing(size),
    };
    describe(response.headers_mut(), &etag, is_private);
    if !response.status().is_success() {
        return Ok(response);
    }
    let watch = Watch::of(&allowed);
    Ok(response.map(|body| watch.over(hub, body)))
}

/// What is said of an object however much of it comes. It never changes; but who may see it does.
fn describe(headers: &mut HeaderMap, etag: &str, is_private: bool) {
    let keep = if is_private { "private, no-cache" } else { "public, max-age=31536000, immutable" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, octets);
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
}
