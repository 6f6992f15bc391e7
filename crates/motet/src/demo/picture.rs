//! A small PNG, made by hand so that no version of a compressor changes its bytes: the moon over water, in grey.

/// Width and height.
const SIDE: u8 = 64;
/// Where the moon is, and how large.
const MOON: (i32, i32, i32) = (40, 20, 13);
/// Where the water begins.
const SHORE: i32 = 44;
const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];

/// The picture.
pub(super) fn moon() -> Vec<u8> {
    let mut rows = Vec::new();
    for y in 0..i32::from(SIDE) {
        rows.push(0); // the row is not filtered
        rows.extend((0..i32::from(SIDE)).map(|x| grey(x, y)));
    }
    let mut out = SIGNATURE.to_vec();
    // Eight bits a point, grey, nothing special.
    let head = [0, 0, 0, SIDE, 0, 0, 0, SIDE, 8, 0, 0, 0, 0];
    put_chunk(&mut out, *b"IHDR", &head);
    put_chunk(&mut out, *b"IDAT", &stored(&rows));
    put_chunk(&mut out, *b"IEND", &[]);
    out
}

fn grey(x: i32, y: i32) -> u8 {
    let (left, top, radius) = MOON;
    let from_moon = (x - left).pow(2) + (y - top).pow(2);
    let value = if from_moon <= radius.pow(2) {
        250 - from_moon / 8
    } else if y < SHORE {
        24 + y
    } else if (x - left).abs() <= (y - SHORE) / 2 + 3 && y % 3 != 0 {
        180 - (y - SHORE) * 3
    } else {
        40 + (x * 7 + y * 3) % 11
    };
    u8::try_from(value).unwrap_or(u8::MAX)
}

/// A zlib stream (RFC 1950) of one stored block (RFC 1951 §3.2.4), which must be below 64 KiB.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut out = vec![0x78, 0x01, 0x01];
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(bytes);
    out.extend_from_slice(&adler32(bytes).to_be_bytes());
    out
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in bytes {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    high << 16 | low
}

fn put_chunk(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    let begin = out.len();
    out.extend_from_slice(&kind);
    out.extend_from_slice(data);
    let checked = crc32fast::hash(out.get(begin..).unwrap_or_default());
    out.extend_from_slice(&checked.to_be_bytes());
}
