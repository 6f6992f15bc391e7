//! What a file has to be by its name (`spec/wire.md` 6.3): the first bytes of the kinds that have some, and where HTML and
//! scripts may stand.

use names::RepoPath;

/// Bytes of a file that are looked at.
pub(crate) const HEAD: usize = 512;

/// Where HTML may stand.
const HTML: [&str; 6] = ["htm", "html", "xhtml", "svg", "vue", "md"];
/// Where a line that names an interpreter may stand, beside files without an extension.
const SCRIPTS: [&str; 17] = [
    "sh", "bash", "zsh", "fish", "py", "pyi", "rb", "pl", "php", "lua", "js", "mjs", "cjs", "ts",
    "awk", "r", "tcl",
];

/// What is wrong with a file of that name which begins with these bytes; nothing if it is what it says.
pub(crate) fn fault(path: &RepoPath, head: &[u8]) -> Option<&'static str> {
    let name = path.file_name();
    // A dot at the beginning makes no extension.
    let extension = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty());
    let extension = extension.map(|(_, it)| it.to_ascii_lowercase()).unwrap_or_default();
    if let Some(rule) = broken(&extension, head) {
        return Some(rule);
    }
    if is_html(head) && !HTML.contains(&extension.as_str()) {
        return Some("HTML stands in htm, html, xhtml, svg, vue and md alone");
    }
    // An attribute of a Rust file names no interpreter.
    let is_script = head.starts_with(b"#!") && !head.starts_with(b"#![");
    if is_script && !extension.is_empty() && !SCRIPTS.contains(&extension.as_str()) {
        return Some("a file that begins with `#!` has no extension, or that of a script");
    }
    None
}

/// The rule of a kind of file that the first bytes break.
fn broken(extension: &str, head: &[u8]) -> Option<&'static str> {
    let begins = |magic: &[u8]| head.starts_with(magic);
    let second = head.get(1).copied().unwrap_or_default();
    let (holds, rule) = match extension {
        "mid" | "midi" => (begins(b"MThd"), "a MIDI file begins with `MThd`"),
        "mp3" => (
            begins(b"ID3") || (begins(&[0xff]) && second >= 0xe0),
            "an MP3 file begins with `ID3` or with the mark of a frame",
        ),
        "webp" => (
            begins(b"RIFF") && head.get(8..12) == Some(b"WEBP"),
            "a WebP file begins with `RIFF`, and `WEBP` at 8",
        ),
        "png" => (begins(b"\x89PNG\r\n\x1a\n"), "a PNG file begins with its signature"),
        "jpg" | "jpeg" => (begins(&[0xff, 0xd8, 0xff]), "a JPEG file begins with ff d8 ff"),
        "zip" => (
            [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"].iter().any(|it| begins(&it[..])),
            "a ZIP file begins with `PK` and the mark of a part",
        ),
        "pdf" => (begins(b"%PDF"), "a PDF file begins with `%PDF`"),
        _ => (true, ""),
    };
    (!holds).then_some(rule)
}

/// Whether it is HTML, behind a byte-order mark and blanks, in any case.
fn is_html(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let begins = |word: &str| {
        text.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word.as_bytes()))
    };
    ["<!doctype html", "<html", "<script"].into_iter().any(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(name: &str, head: &[u8]) -> bool {
        fault(&name.parse().unwrap(), head).is_none()
    }

    #[test]
    fn a_file_is_what_its_name_says() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        let webp = b"RIFF\x10\0\0\0WEBPVP8 ";
        let good: [(&str, &[u8]); 23] = [
            ("a.mid", b"MThd\0\0\0\x06"),
            ("b/A.MIDI", b"MThd"),
            ("a.mp3", b"ID3\x04"),
            ("a.mp3", &[0xff, 0xfb, 0x90]),
            ("a.webp", webp),
            ("a.png", png),
            ("a.jpg", &[0xff, 0xd8, 0xff, 0xe0]),
            ("a.jpeg", &[0xff, 0xd8, 0xff]),
            ("a.zip", b"PK\x05\x06"),
            ("a.pdf", b"%PDF-1.7"),
            ("a.html", b"<!DOCTYPE html>"),
            ("a.svg", b"<html"),
            ("README.md", b"<script>"),
            ("run", b"#!/bin/sh"),
            (".profile", b"#!/bin/sh"),
            ("run.py", b"#!/usr/bin/env python"),
            ("a.txt", b"# a heading"),
            ("a.txt", b"<p>not all of HTML"),
            ("a.txt", b""),
            ("a.txt", b"text <html>"),
            ("lib.rs", b"#![forbid(unsafe_code)]"),
            ("a.tar.GZ", &[0x1f, 0x8b]),
            ("a.htm", b"\xef\xbb\xbf \n<HTML>"),
        ];
        for (name, head) in good {
            assert!(fits(name, head), "{name}");
        }
        let bad: [(&str, &[u8]); 17] = [
            ("a.mid", b"RIFF"),
            ("a.mid", b""),
            ("a.mp3", &[0xff, 0xd8]),
            ("a.webp", b"RIFF\x10\0\0\0WAVE"),
            ("a.webp", b"RIFF"),
            ("a.png", b"<svg>"),
            ("a.PNG", b"\x89PNG\n"),
            ("a.jpg", png),
            ("a.zip", b"PK\x01\x02"),
            ("a.pdf", b" %PDF"),
            ("a.txt", b"<!doctype HTML>"),
            ("a", b"<html>"),
            ("a.json", b"\xef\xbb\xbf\n\t <SCRIPT>"),
            ("a.png.txt", b"<html>"),
            ("a.txt", b"#!/bin/sh"),
            ("a.png", b"#!/bin/sh"),
            ("a.rs", b"#!/bin/sh"),
        ];
        for (name, head) in bad {
            assert!(!fits(name, head), "{name}");
        }
    }
}
