//! The files that pages load: embedded in the program, addressed by their content, packed once.
//!
//! An address `/static/motet.0123456789abcdef.css` changes with the bytes, so an answer may be kept for good.

use std::{
    io::Write,
    sync::{LazyLock, OnceLock},
};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

/// How many hexadecimal digits of the SHA-256 stand in an address.
const HASH_DIGITS: usize = 16;
/// Brotli's best quality; packing happens once per process and asset.
const BROTLI_QUALITY: u32 = 11;
/// Brotli's usual window, 4 MiB: more than any asset.
const BROTLI_WINDOW_BITS: u32 = 22;

/// The one style sheet, from its parts in order.
pub(super) const STYLE_SHEET: &str = concat!(
    include_str!("../../static/css/base.css"),
    include_str!("../../static/css/changes.css"),
    include_str!("../../static/css/history.css"),
    include_str!("../../static/css/records.css"),
    include_str!("../../static/css/search.css"),
    include_str!("../../static/css/around.css"),
    include_str!("../../static/css/work.css"),
);

/// One embedded file.
#[derive(Debug)]
pub struct Asset {
    /// Its media type, for `Content-Type`.
    pub content_type: &'static str,
    bytes: &'static [u8],
    hash: String,
    file_name: String,
    href: String,
    gzip: OnceLock<Vec<u8>>,
    brotli: OnceLock<Vec<u8>>,
}

/// The body to send, and the `Content-Encoding` it is in; none for the plain bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoded {
    /// `br`, `gzip` or nothing.
    pub encoding: Option<&'static str>,
    /// The bytes to send.
    pub body: &'static [u8],
}

static ASSETS: LazyLock<[Asset; 7]> = LazyLock::new(|| {
    [
        Asset::new("motet", "css", "text/css; charset=utf-8", STYLE_SHEET.as_bytes()),
        Asset::new(
            "motet",
            "js",
            "text/javascript; charset=utf-8",
            include_bytes!("../../static/motet.js"),
        ),
        Asset::new("logo", "svg", "image/svg+xml", include_bytes!("../../static/logo.svg")),
        Asset::new(
            "passkeys",
            "js",
            "text/javascript; charset=utf-8",
            include_bytes!("../../static/passkeys.js"),
        ),
        Asset::new(
            "find",
            "js",
            "text/javascript; charset=utf-8",
            include_bytes!("../../static/find.js"),
        ),
        Asset::new(
            "graph",
            "js",
            "text/javascript; charset=utf-8",
            include_bytes!("../../static/graph.js"),
        ),
        Asset::new(
            "work",
            "js",
            "text/javascript; charset=utf-8",
            include_bytes!("../../static/work.js"),
        ),
    ]
});

impl Asset {
    fn new(name: &str, ending: &str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        let digest = Sha256::digest(bytes);
        let digits: Vec<String> =
            digest.iter().take(HASH_DIGITS / 2).map(|byte| format!("{byte:02x}")).collect();
        let hash = digits.concat();
        let file_name = format!("{name}.{hash}.{ending}");
        let href = format!("/static/{file_name}");
        let (gzip, brotli) = (OnceLock::new(), OnceLock::new());
        Self { content_type, bytes, hash, file_name, href, gzip, brotli }
    }

    /// The address of exactly these bytes.
    pub fn href(&self) -> &str {
        &self.href
    }

    /// The first 16 hexadecimal digits of the SHA-256 of the plain bytes; good for an `ETag`.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The smallest body that a client with this `Accept-Encoding` takes.
    pub fn encoded(&'static self, accept_encoding: &str) -> Encoded {
        let plain = Encoded { encoding: None, body: self.bytes };
        let packed = if accepts(accept_encoding, "br") {
            Encoded { encoding: Some("br"), body: self.brotli.get_or_init(|| brotli(self.bytes)) }
        } else if accepts(accept_encoding, "gzip") {
            Encoded { encoding: Some("gzip"), body: self.gzip.get_or_init(|| gzip(self.bytes)) }
        } else {
            plain
        };
        let is_worth_it = !packed.body.is_empty() && packed.body.len() < plain.body.len();
        if is_worth_it { packed } else { plain }
    }
}

/// The asset that `/static/{rest}` names, if these are its current bytes.
pub fn find(rest: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.file_name == rest)
}

/// The address of the style sheet.
pub fn css_href() -> &'static str {
    let [css, ..] = &*ASSETS;
    css.href()
}

/// The address of the script of every page: keys, copying, ranges of lines. Pages say all that they have to say without it.
pub fn script_href() -> &'static str {
    let [_, script, ..] = &*ASSETS;
    script.href()
}

/// The address of the logo, which is the favicon too.
pub fn logo_href() -> &'static str {
    let [_, _, logo, ..] = &*ASSETS;
    logo.href()
}

/// The address of the script that speaks with authenticators, for the pages that need it.
pub fn passkeys_href() -> &'static str {
    let [_, _, _, passkeys, ..] = &*ASSETS;
    passkeys.href()
}

/// The address of the script that finds files as one types.
pub fn find_href() -> &'static str {
    let [_, _, _, _, find, ..] = &*ASSETS;
    find.href()
}

/// The address of the script that goes on with a graph as one scrolls.
pub fn graph_href() -> &'static str {
    let [.., graph, _] = &*ASSETS;
    graph.href()
}

/// The address of the script that follows what happens to a run.
pub fn work_href() -> &'static str {
    let [.., work] = &*ASSETS;
    work.href()
}

/// Whether an `Accept-Encoding` names `coding` without a weight of zero (RFC 9110 §12.5.3).
fn accepts(accept_encoding: &str, coding: &str) -> bool {
    accept_encoding.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let is_refused = parts
            .filter_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
            .any(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0));
        is_named && !is_refused
    })
}

/// Nothing when packing fails; the plain bytes are sent then.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).and_then(|()| packer.finish()).unwrap_or_default()
}

/// Nothing when packing fails; the plain bytes are sent then.
fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut packer =
        brotli::CompressorWriter::new(&mut out, 4096, BROTLI_QUALITY, BROTLI_WINDOW_BITS);
    let is_written = packer.write_all(bytes).and_then(|()| packer.flush()).is_ok();
    drop(packer);
    if is_written { out } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn css() -> &'static Asset {
        find(css_href().strip_prefix("/static/").unwrap()).unwrap()
    }

    #[test]
    fn an_address_holds_the_hash_and_another_hash_is_nothing() {
        assert_eq!(css().href(), format!("/static/motet.{}.css", css().hash()));
        assert_eq!(css().hash().len(), HASH_DIGITS);
        assert!(find("motet.0000000000000000.css").is_none());
        assert!(find("motet.css").is_none());
        assert!(find("../Cargo.toml").is_none());
        assert!(logo_href().starts_with("/static/logo."));
    }

    #[test]
    fn each_encoding_unpacks_to_the_same_bytes() {
        let plain = css().encoded("");
        assert_eq!(plain.encoding, None);
        let gzip = css().encoded("gzip, deflate");
        assert_eq!(gzip.encoding, Some("gzip"));
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(gzip.body).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.body);
        let brotli = css().encoded("gzip, br;q=1.0");
        assert_eq!(brotli.encoding, Some("br"));
        let mut unpacked = Vec::new();
        brotli::Decompressor::new(brotli.body, 4096).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.body);
        assert!(brotli.body.len() < gzip.body.len());
    }

    #[test]
    fn a_weight_of_zero_is_a_refusal() {
        assert_eq!(css().encoded("br;q=0, gzip;q=0.5").encoding, Some("gzip"));
        assert_eq!(css().encoded("br; q=0.0, gzip; q=0").encoding, None);
        assert_eq!(css().encoded("identity").encoding, None);
    }

    #[test]
    fn the_style_sheet_stays_small_and_loads_nothing_else() {
        let text = std::str::from_utf8(css().encoded("").body).unwrap();
        assert!(text.len() <= 64 * 1024, "{} bytes", text.len());
        let sent = css().encoded("br").body.len();
        assert!(sent <= 14 * 1024, "{sent} bytes sent");
        assert!(!text.contains("url(") && !text.contains("@import"));
    }

    #[test]
    fn the_scripts_of_a_page_stay_small() {
        let all = [script_href(), passkeys_href(), find_href(), graph_href(), work_href()]
            .map(|href| find(href.strip_prefix("/static/").unwrap()).unwrap());
        let bytes: usize = all.iter().map(|asset| asset.bytes.len()).sum();
        assert!(bytes <= 30 * 1024, "{bytes} bytes");
        let sent: usize = all.iter().map(|asset| asset.encoded("br").body.len()).sum();
        assert!(sent <= 10 * 1024, "{sent} bytes sent");
    }
}
