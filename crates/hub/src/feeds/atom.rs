//! A feed as text (RFC 4287), and ids that stay (RFC 4151).

use std::fmt;

use names::UnixMillis;
use web::look::{dates, visible};

/// The first moment that a date of four digits can tell: 0001-01-01T00:00:00Z.
const EARLIEST: UnixMillis = UnixMillis(-62_135_596_800_000);

/// A feed.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    /// For good.
    pub(super) id: String,
    pub(super) title: String,
    /// When it changed last, if it has no entry.
    pub(super) since: UnixMillis,
    /// Its own address, with scheme and host.
    pub(super) own: String,
    /// The page that shows the same.
    pub(super) page: String,
    /// The newest first.
    pub(super) entries: Vec<Entry>,
}

/// One entry.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// For good.
    pub(super) id: String,
    pub(super) title: String,
    pub(super) at: UnixMillis,
    /// The page that shows it, with scheme and host.
    pub(super) href: String,
    pub(super) author: String,
    /// What more is to be said; may be empty.
    pub(super) text: String,
}

/// Makes ids under the name of this install: `tag:forge.example,2026-11-21:activity/…`.
#[derive(Debug, Clone)]
pub(super) struct Tagged(String);

impl Tagged {
    /// By the host of the address that clients reach us by.
    pub(super) fn of(public_url: &str) -> Self {
        let rest = public_url.split_once("://").map_or(public_url, |(_, rest)| rest);
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        // An address of IPv6 is no name.
        let is_name = !host.is_empty() && host.chars().all(fits);
        Self(if is_name { host.to_ascii_lowercase() } else { "localhost".to_owned() })
    }

    /// The id of something that began then. `specific` is percent-encoded.
    pub(super) fn id(&self, begun: UnixMillis, specific: &str) -> String {
        format!("tag:{},{}:{specific}", self.0, dates::date(begun.max(EARLIEST)))
    }
}

/// Text for XML 1.0: escaped; what no document may hold is shown as what it is not.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'.. => {
                    fmt::Write::write_char(f, c)?;
                }
                _ => fmt::Write::write_char(f, '\u{fffd}')?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let updated = self.entries.iter().map(|it| it.at).max().unwrap_or(self.since);
        let (id, title) = (Text(&self.id), visible::plain(&self.title));
        let (own, page) = (Text(&self.own), Text(&self.page));
        writeln!(
            f,
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n<id>{id}</id>\n<title>{}</title>\n<updated>{}</updated>\n<link rel=\"self\" type=\"application/atom+xml\" href=\"{own}\"/>\n<link rel=\"alternate\" type=\"text/html\" href=\"{page}\"/>\n<generator>Motet</generator>",
            Text(&title),
            updated.max(EARLIEST),
        )?;
        self.entries.iter().try_for_each(|it| it.fmt(f))?;
        f.write_str("</feed>\n")
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, href) = (Text(&self.id), Text(&self.href));
        let (title, author) = (visible::plain(&self.title), visible::plain(&self.author));
        // Whoever has no name is somebody.
        let author = if author.trim().is_empty() { "unknown" } else { &author };
        let at = self.at.max(EARLIEST);
        writeln!(
            f,
            "<entry>\n<id>{id}</id>\n<title>{}</title>\n<updated>{at}</updated>\n<link rel=\"alternate\" type=\"text/html\" href=\"{href}\"/>\n<author><name>{}</name></author>",
            Text(&title),
            Text(author),
        )?;
        if !self.text.is_empty() {
            writeln!(f, "<content type=\"text\">{}</content>", Text(&self.text))?;
        }
        f.write_str("</entry>\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_name_the_host_and_the_day_and_nothing_that_changes() {
        let at: UnixMillis = "2026-11-21T20:53:00Z".parse().unwrap();
        for (url, id) in [
            ("https://Forge.example:8443", "tag:forge.example,2026-11-21:a/b"),
            ("http://127.0.0.1:7420/", "tag:127.0.0.1,2026-11-21:a/b"),
            ("http://[::1]:7420", "tag:localhost,2026-11-21:a/b"),
        ] {
            assert_eq!(Tagged::of(url).id(at, "a/b"), id);
        }
    }

    #[test]
    fn what_xml_cannot_hold_is_not_in_it() {
        let entry = Entry {
            id: "tag:x,2026-11-21:1".to_owned(),
            title: "a < b & \u{202e}c\u{0}\u{ffff}".to_owned(),
            at: UnixMillis(i64::MIN),
            href: "https://forge.example/a?b=1&c".to_owned(),
            author: " ".to_owned(),
            text: "]]>\u{1b}[31m".to_owned(),
        };
        let feed = Feed {
            id: "tag:x,2026-11-21:0".to_owned(),
            title: "<feed>".to_owned(),
            since: UnixMillis(0),
            own: "https://forge.example/a.atom".to_owned(),
            page: "https://forge.example/a".to_owned(),
            entries: vec![entry],
        };
        let text = feed.to_string();
        for part in [
            "<title>&lt;feed&gt;</title>",
            "a &lt; b &amp; ",
            "<updated>0001-01-01T00:00:00.000Z</updated>",
            "a?b=1&amp;c",
            "<name>unknown</name>",
            "]]&gt;\u{fffd}[31m",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let may_stand =
            |c: char| c == '\n' || (c >= ' ' && !('\u{fffe}'..='\u{ffff}').contains(&c));
        assert!(text.chars().all(may_stand) && !text.contains('\u{202e}'), "{text:?}");
    }
}
