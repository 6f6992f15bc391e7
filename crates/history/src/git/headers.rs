//! The lines before the message: `key value`, and lines behind a blank that go on with the one before.

use std::ops::Range;

use super::GitFault;

/// Lines of one object: an honest one has some dozens.
const MOST_LINES: usize = 20_000;

/// One line with those that go on with it.
#[derive(Debug, Clone)]
pub(super) struct Header<'a> {
    pub(super) key: &'a [u8],
    /// Up to the end of the last line, without its end; blanks before further lines included.
    value: &'a [u8],
    /// Where all of it stands, with the end of the last line.
    pub(super) at: Range<usize>,
}

impl<'a> Header<'a> {
    /// What stands on the one line.
    pub(super) fn line(&self) -> &'a [u8] {
        self.value
    }

    /// All lines, without the blanks before further ones, an end behind each.
    pub(super) fn lines(&self) -> Vec<u8> {
        let mut lines = Vec::with_capacity(self.value.len() + 1);
        for (at, line) in self.value.split(|byte| *byte == b'\n').enumerate() {
            lines.extend_from_slice(if at == 0 { line } else { line.get(1..).unwrap_or_default() });
            lines.push(b'\n');
        }
        lines
    }
}

/// Parts an object into its lines and its message. An object without a blank line has no message.
pub(super) fn headers(bytes: &[u8]) -> Result<(Vec<Header<'_>>, usize), GitFault> {
    let (mut found, mut at) = (Vec::<Header<'_>>::new(), 0);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.is_empty() {
            return Ok((found, at));
        }
        let length = rest.iter().position(|byte| *byte == b'\n');
        let length = length.ok_or(GitFault::Line("an end of line"))?;
        let line = rest.get(..length).unwrap_or_default();
        let end = at + length + 1;
        match line.split_first() {
            None => return Ok((found, end)),
            Some((b' ', _)) => {
                let last = found.last_mut().ok_or(GitFault::Line("a first line"))?;
                let start = last.at.start + last.key.len() + 1;
                last.value = bytes.get(start..at + length).unwrap_or_default();
                last.at.end = end;
            }
            Some(_) => {
                let space = line.iter().position(|byte| *byte == b' ');
                let space = space.unwrap_or(line.len());
                let key = line.get(..space).unwrap_or_default();
                let value = line.get(space + 1..).unwrap_or_default();
                found.push(Header { key, value, at: at..end });
            }
        }
        if found.len() > MOST_LINES {
            return Err(GitFault::Large("so many lines before its message"));
        }
        at = end;
    }
}

/// Takes lines from the front, in the order in which Git writes them.
pub(super) struct Lines<'a, 'b>(pub(super) std::iter::Peekable<std::slice::Iter<'b, Header<'a>>>);

impl<'a> Lines<'a, '_> {
    /// The next line, if it has that key.
    pub(super) fn next_if(&mut self, key: &'static str) -> Option<&'a [u8]> {
        Some(self.0.next_if(|it| it.key == key.as_bytes())?.line())
    }

    /// The next line, which must have that key.
    pub(super) fn next(&mut self, key: &'static str) -> Result<&'a [u8], GitFault> {
        self.next_if(key).ok_or(GitFault::Line(key))
    }
}

/// Forty digits of an id in lower case.
pub(super) fn id(text: &[u8], key: &'static str) -> Result<[u8; 20], GitFault> {
    let text = std::str::from_utf8(text).map_err(|_| GitFault::Id(key))?;
    let id: names::ObjectId = text.parse().map_err(|_| GitFault::Id(key))?;
    id.sha1().ok_or(GitFault::Id(key))
}
