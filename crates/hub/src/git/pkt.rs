//! Packets, read from whoever sends them; what they look like is [`api::PacketHead`]'s to say.

use std::io;

use api::PacketHead;
pub(super) use api::packet as line;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The end of a part.
pub(super) const FLUSH: &[u8] = PacketHead::FLUSH;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// Bytes.
    Line(Vec<u8>),
    /// A part has ended.
    Flush,
}

/// Reads a packet.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Packet> {
    let mut head = [0; 4];
    from.read_exact(&mut head).await?;
    match PacketHead::parse(head) {
        Some(PacketHead::Flush) => Ok(Packet::Flush),
        Some(PacketHead::Line(length)) => {
            let mut bytes = vec![0; length];
            from.read_exact(&mut bytes).await?;
            Ok(Packet::Line(bytes))
        }
        None => Err(io::Error::other("a packet of a length that none has")),
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
