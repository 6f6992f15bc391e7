//! A picture of an account: decoded and written anew (`spec/trust.md` 1, Profile).
//!
//! What is kept is pixels and nothing else: no place where a photograph was taken, no bytes that a browser could read as
//! something else, and one size. Decoding is bounded before it begins.

use std::io::Cursor;

use names::Digest;
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

/// What may be sent.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// What may be decoded: a photograph of 12 megapixels, which comes to 48 MiB.
const MAX_PIXELS: usize = 12_000_000;
/// The longest side of what is decoded.
const MAX_SIDE: usize = 8192;
/// What a decoder may take beside the pixels that it gives.
const DECODER_BYTES: usize = 64 << 20;
/// The side of what is kept.
const SIDE: usize = 256;
/// Bytes of a pixel: red, green, blue, and how opaque it is.
const CHANNELS: usize = 4;

/// A square picture, as PNG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub(super) png: Vec<u8>,
}

/// Why a picture is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPicture {
    /// More bytes than may be sent.
    #[error("a picture has at most 1 MiB")]
    TooLong,
    /// More pixels than are decoded.
    #[error("a picture has at most 12 million pixels, and no side above 8192")]
    TooLarge,
    /// Not one of the two formats, or a broken one.
    #[error("the picture cannot be read: send PNG or JPEG")]
    Unreadable,
}

impl Picture {
    /// Decodes a picture, cuts a square out of its middle and writes it anew. Takes time: for a blocking thread.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, BadPicture> {
        if bytes.len() > MAX_BYTES {
            return Err(BadPicture::TooLong);
        }
        let pixels = match bytes {
            [0x89, b'P', b'N', b'G', ..] => from_png(bytes)?,
            [0xff, 0xd8, 0xff, ..] => from_jpeg(bytes)?,
            _ => return Err(BadPicture::Unreadable),
        };
        let small = pixels.square();
        // Writing into memory does not fail.
        Ok(Self { png: small.png().map_err(|_| BadPicture::Unreadable)? })
    }

    /// One that is stored.
    pub(crate) const fn stored(png: Vec<u8>) -> Self {
        Self { png }
    }

    /// The PNG.
    pub fn png(&self) -> &[u8] {
        &self.png
    }

    /// What names these very bytes.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.png)
    }
}

/// Pixels of four bytes, row by row.
struct Pixels {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

/// Refuses what would be too much to decode, before it is.
fn check(width: usize, height: usize) -> Result<(), BadPicture> {
    if width == 0 || height == 0 {
        return Err(BadPicture::Unreadable);
    }
    let fits = width.max(height) <= MAX_SIDE && width * height <= MAX_PIXELS;
    if fits { Ok(()) } else { Err(BadPicture::TooLarge) }
}

fn from_png(bytes: &[u8]) -> Result<Pixels, BadPicture> {
    use png::{ColorType, Decoder, Limits, Transformations};

    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: DECODER_BYTES });
    decoder.set_transformations(Transformations::normalize_to_color8() | Transformations::ALPHA);
    let mut reader = decoder.read_info().map_err(|_| BadPicture::Unreadable)?;
    let (width, height) = reader.info().size();
    let (width, height) = (width as usize, height as usize);
    check(width, height)?;
    let size = reader.output_buffer_size().ok_or(BadPicture::TooLarge)?;
    let mut raw = vec![0; size];
    let frame = reader.next_frame(&mut raw).map_err(|_| BadPicture::Unreadable)?;
    raw.truncate(frame.buffer_size());
    let bytes = match frame.color_type {
        ColorType::Rgba => raw,
        ColorType::GrayscaleAlpha => pieces(&raw, |[grey, alpha]| [grey, grey, grey, alpha]),
        ColorType::Rgb => pieces(&raw, |[red, green, blue]| [red, green, blue, u8::MAX]),
        ColorType::Grayscale => pieces(&raw, |[grey]| [grey, grey, grey, u8::MAX]),
        ColorType::Indexed => return Err(BadPicture::Unreadable),
    };
    Pixels { width, height, bytes }.checked()
}

fn from_jpeg(bytes: &[u8]) -> Result<Pixels, BadPicture> {
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|_| BadPicture::Unreadable)?;
    let (width, height) = decoder.dimensions().ok_or(BadPicture::Unreadable)?;
    check(width, height)?;
    let raw = decoder.decode().map_err(|_| BadPicture::Unreadable)?;
    let bytes = pieces(&raw, |[red, green, blue]| [red, green, blue, u8::MAX]);
    Pixels { width, height, bytes }.checked()
}

/// Pixels of `N` bytes as such of four.
fn pieces<const N: usize>(bytes: &[u8], pixel: impl Fn([u8; N]) -> [u8; CHANNELS]) -> Vec<u8> {
    bytes.as_chunks().0.iter().flat_map(|piece| pixel(*piece)).collect()
}

impl Pixels {
    /// A decoder that gave another number of pixels than it said would be at fault.
    fn checked(self) -> Result<Self, BadPicture> {
        let fits = self.bytes.len() == self.width * self.height * CHANNELS;
        if fits { Ok(self) } else { Err(BadPicture::Unreadable) }
    }

    /// The square in the middle, no larger than is kept: each pixel is the mean of those that it stands for.
    fn square(&self) -> Self {
        let side = self.width.min(self.height);
        let (left, top) = ((self.width - side) / 2, (self.height - side) / 2);
        let out = side.min(SIDE);
        let span = |at: usize| at * side / out..((at + 1) * side / out).max(at * side / out + 1);
        let mut bytes = Vec::with_capacity(out * out * CHANNELS);
        for y in 0..out {
            for x in 0..out {
                let mut mean = Mean::default();
                for row in span(y) {
                    for column in span(x) {
                        mean.add(self.at(left + column, top + row));
                    }
                }
                bytes.extend(mean.pixel());
            }
        }
        Self { width: out, height: out, bytes }
    }

    fn at(&self, x: usize, y: usize) -> [u8; CHANNELS] {
        let start = (y * self.width + x) * CHANNELS;
        let pixel = self.bytes.get(start..start + CHANNELS).and_then(|it| it.try_into().ok());
        pixel.unwrap_or_default()
    }

    fn png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut written = Vec::new();
        let (width, height) = (u32::try_from(self.width), u32::try_from(self.height));
        let mut encoder =
            png::Encoder::new(&mut written, width.unwrap_or_default(), height.unwrap_or_default());
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.bytes)?;
        writer.finish()?;
        Ok(written)
    }
}

/// The mean of some pixels; what is see-through lends no colour.
#[derive(Default)]
struct Mean {
    colours: [u64; 3],
    alpha: u64,
    count: u64,
}

impl Mean {
    fn add(&mut self, [red, green, blue, alpha]: [u8; CHANNELS]) {
        for (sum, colour) in self.colours.iter_mut().zip([red, green, blue]) {
            *sum += u64::from(colour) * u64::from(alpha);
        }
        self.alpha += u64::from(alpha);
        self.count += 1;
    }

    fn pixel(&self) -> [u8; CHANNELS] {
        let part = |sum: u64, of: u64| {
            u8::try_from((sum + of / 2).checked_div(of).unwrap_or_default()).unwrap_or(u8::MAX)
        };
        let [red, green, blue] = self.colours.map(|sum| part(sum, self.alpha));
        [red, green, blue, part(self.alpha, self.count)]
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use proptest::prelude::*;

    use super::*;

    /// A picture whose left half is red and whose right half is see-through.
    fn halves(width: u32, height: u32) -> Vec<u8> {
        let pixel =
            |at: u32| if at % width < width / 2 { [200, 0, 0, 255] } else { [0, 255, 0, 0] };
        let bytes = (0..width * height).flat_map(pixel).collect();
        Pixels { width: width as usize, height: height as usize, bytes }.png().unwrap()
    }

    fn seen(picture: &Picture) -> Pixels {
        from_png(picture.png()).unwrap()
    }

    #[test]
    fn a_picture_becomes_a_square_of_its_middle() {
        let picture = Picture::of(&halves(600, 300)).unwrap();
        let pixels = seen(&picture);
        assert_eq!((pixels.width, pixels.height), (256, 256));
        assert_eq!(pixels.at(0, 0), [200, 0, 0, 255]);
        assert_eq!(pixels.at(255, 255)[3], 0);
        // A small one is not blown up.
        assert_eq!(seen(&Picture::of(&halves(3, 5)).unwrap()).width, 3);
        // Written anew it is the same.
        assert_eq!(Picture::of(picture.png()).unwrap(), picture);
    }

    #[test]
    fn nothing_but_pixels_is_kept() {
        let mut sent = halves(10, 10);
        let end = sent.len() - 12;
        let text = b"tEXtplace\0here";
        let mut chunk = u32::try_from(text.len() - 4).unwrap().to_be_bytes().to_vec();
        chunk.extend(text);
        chunk.extend(crc(text).to_be_bytes());
        sent.splice(end..end, chunk);
        sent.extend(b"<script>alert(1)</script>");
        let kept = Picture::of(&sent).unwrap();
        let holds = |needle: &[u8]| kept.png().windows(needle.len()).any(|it| it == needle);
        assert!(!holds(b"place") && !holds(b"script"));
    }

    /// The check of a part of a PNG (ISO 3309).
    fn crc(bytes: &[u8]) -> u32 {
        let step = |crc: u32, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
        !bytes.iter().fold(!0_u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_is_decoded() {
        // 8192 by 8192 see-through pixels are a few KiB, packed.
        let mut bomb = halves(16, 16);
        for at in [16, 20] {
            bomb[at..at + 4].copy_from_slice(&8192_u32.to_be_bytes());
        }
        let check = crc(&bomb[12..29]).to_be_bytes();
        bomb[29..33].copy_from_slice(&check);
        assert_eq!(Picture::of(&bomb), Err(BadPicture::TooLarge));
        assert_eq!(Picture::of(&vec![0; MAX_BYTES + 1]), Err(BadPicture::TooLong));
    }

    /// A blue field of 24 by 16 points.
    const JPEG: &str = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQ\
        DQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU\
        FBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wAARCAAQABgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAj/\
        xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFgEBAQEAAAAAAAAAAAAAAAAAAAYI/8QAFBEBAAAAAAAAAAAAAAAAAAAAAP/a\
        AAwDAQACEQMRAD8Ag8BvVFAAP//Z";

    #[test]
    fn a_photograph_becomes_a_png() {
        let sent = STANDARD.decode(JPEG).unwrap();
        let pixels = seen(&Picture::of(&sent).unwrap());
        assert_eq!((pixels.width, pixels.height), (16, 16));
        let [red, green, blue, alpha] = pixels.at(8, 8);
        assert!(red < 40 && green < 50 && blue > 170 && alpha == 255);
        assert_eq!(Picture::of(&sent[..sent.len() / 2]), Err(BadPicture::Unreadable));
    }

    #[test]
    fn what_is_no_picture_is_none() {
        let whole = halves(20, 20);
        for bad in
            [&b""[..], b"GIF89a", b"<svg/>", b"\x89PNG", b"\xff\xd8\xff", &whole[..whole.len() / 2]]
        {
            assert_eq!(Picture::of(bad), Err(BadPicture::Unreadable));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..400), kind in 0..3) {
            let begin: &[u8] = match kind {
                0 => b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
                1 => b"\xff\xd8\xff\xe0\x00\x10JFIF\0",
                _ => b"",
            };
            bytes.splice(0..0, begin.iter().copied());
            let _taken_or_not = Picture::of(&bytes);
        }
    }
}
