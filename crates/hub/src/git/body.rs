//! What a client sends, handed to Git piece by piece: unpacked where it was packed, and never whole in memory.

use std::io::{self, Write as _};

use axum::http::StatusCode;
use flate2::write::GzDecoder;
use tokio::{io::AsyncWriteExt as _, process::ChildStdin, sync::watch};
use web::{Body, BodyFault, Problem};

/// What is unpacked at once: deflate makes at most 1,032 times as much of it, some megabytes.
const PACKED_PIECE: usize = 4 << 10;

/// How what is sent is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// Not at all.
    None,
    /// By gzip, as clients do with lists of what they have.
    Gzip,
}

impl Packing {
    /// What `Content-Encoding` says.
    pub(super) fn of(header: &str) -> Result<Self, Problem> {
        match header.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::None),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            _ => Err(Problem::refuse(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send the body as it is, or packed by gzip",
            )),
        }
    }
}

/// Hands `body` to Git, at most `cap` bytes of it once unpacked, and says through `whole` that all of it has come.
pub(super) async fn hand_over(
    mut body: Body,
    (packing, cap): (Packing, u64),
    mut input: ChildStdin,
    whole: watch::Sender<bool>,
) -> Result<(), Problem> {
    let (mut unpacked, mut taken) = (GzDecoder::new(Vec::new()), 0_u64);
    let mut is_listening = true;
    while let Some(piece) = body.next().await {
        let piece = piece?;
        let at_once = if packing == Packing::Gzip { PACKED_PIECE } else { piece.len().max(1) };
        for part in piece.chunks(at_once) {
            let part = match packing {
                Packing::None => part,
                Packing::Gzip => {
                    unpacked.get_mut().clear();
                    unpacked.write_all(part).map_err(|error| Problem::malformed(&error))?;
                    unpacked.get_ref()
                }
            };
            taken += part.len() as u64;
            if taken > cap {
                return Err(BodyFault::TooLarge(cap).into());
            }
            // Git has heard enough and says why; the client says the rest before it listens.
            is_listening = is_listening && input.write_all(part).await.is_ok();
        }
    }
    if packing == Packing::Gzip {
        let rest: io::Result<Vec<u8>> = {
            unpacked.get_mut().clear();
            unpacked.finish()
        };
        let rest = rest.map_err(|error| Problem::malformed(&error))?;
        is_listening = is_listening && input.write_all(&rest).await.is_ok();
    }
    whole.send_replace(true);
    // It may have gone already.
    let _closed = if is_listening { input.shutdown().await } else { Ok(()) };
    Ok(())
}
