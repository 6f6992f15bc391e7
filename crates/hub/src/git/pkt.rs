//! Packet lines: four hexadecimal digits of length, which counts itself, and bytes (`man gitprotocol-common`).

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The end of a part.
pub(super) const FLUSH: &[u8] = b"0000";
/// The longest packet, with its length.
const MOST: usize = 65_520;
/// What the length itself takes.
const HEAD: usize = 4;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// Bytes.
    Line(Vec<u8>),
    /// A part has ended.
    Flush,
}

/// `bytes` as a packet; more than fits into one is cut.
pub(super) fn line(bytes: &[u8]) -> Vec<u8> {
    let bytes = bytes.get(..MOST - HEAD).unwrap_or(bytes);
    let mut packet = format!("{:04x}", bytes.len() + HEAD).into_bytes();
    packet.extend(bytes);
    packet
}

/// Reads a packet.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Packet> {
    let mut head = [0; HEAD];
    from.read_exact(&mut head).await?;
    let text = std::str::from_utf8(&head).map_err(io::Error::other)?;
    let length = usize::from_str_radix(text, 16).map_err(io::Error::other)?;
    match length {
        0 => Ok(Packet::Flush),
        HEAD..=MOST => {
            let mut bytes = vec![0; length - HEAD];
            from.read_exact(&mut bytes).await?;
            Ok(Packet::Line(bytes))
        }
        _ => Err(io::Error::other("a packet of a length that none has")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_is_read() {
        let bytes = [&line(b"version=1\n")[..], &line(b""), FLUSH].concat();
        assert_eq!(bytes, b"000eversion=1\n00040000");
        let mut reader = &bytes[..];
        assert_eq!(read(&mut reader).await.unwrap(), Packet::Line(b"version=1\n".to_vec()));
        assert_eq!(read(&mut reader).await.unwrap(), Packet::Line(Vec::new()));
        assert_eq!(read(&mut reader).await.unwrap(), Packet::Flush);
        assert!(read(&mut reader).await.is_err());
    }

    #[tokio::test]
    async fn what_is_no_packet_is_refused() {
        for bytes in [&b"0001"[..], b"0003", b"zzzz", b"+00f", b"fff1", b"0010short"] {
            assert!(read(&mut &bytes[..]).await.is_err(), "{bytes:?}");
        }
    }
}
