//! Commits as they hang together.

use std::fmt::Write as _;

use askama::Template;
use web::look::Layout;

use super::{CommitLine, Head, filters};

/// Pixels between two lanes, and of a row.
const LANE: usize = 14;
const ROW: usize = 32;
/// Lanes that have a column of their own; more are drawn in the last one.
const LANES: usize = 24;
/// Colours of lines: those of voices (`css/base.css`), from 1.
const COLOURS: u8 = 8;

/// `/{owner}/{name}/graph`.
#[derive(Debug, Clone, Template)]
#[template(path = "graph.html")]
pub(crate) struct GraphPage {
    /// The frame.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// What was asked for, as it was written.
    pub reference: String,
    /// A part of an author's name.
    pub author: String,
    /// A path.
    pub path: String,
    /// Whether commits, and lines with them, are left out.
    pub is_filtered: bool,
    /// The commits, newest first.
    pub rows: Vec<GraphRow>,
    /// The first page, where this is another one.
    pub newer_href: Option<String>,
    /// The page with older ones.
    pub older_href: Option<String>,
    /// The script that goes on as one scrolls.
    pub script: &'static str,
}

/// A commit in the graph.
#[derive(Debug, Clone)]
pub(crate) struct GraphRow {
    /// What is told of it.
    pub commit: CommitLine,
    /// Its refs.
    pub refs: Vec<GraphRef>,
    /// Its lane and its parents, in words.
    pub words: String,
    /// Its part of the picture.
    pub drawing: Drawing,
}

/// A ref at a commit.
#[derive(Debug, Clone)]
pub(crate) struct GraphRef {
    /// Its short name.
    pub name: String,
    /// `branch`, `tag` or `ref`.
    pub kind: &'static str,
    /// The graph from there.
    pub href: String,
}

/// A part of the picture: what is drawn in one row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Drawing {
    /// How wide all rows are.
    pub width: usize,
    /// Where the commit stands.
    pub x: usize,
    /// Its colour.
    pub colour: u8,
    /// Lines of one colour each.
    pub lines: Vec<(u8, String)>,
}

/// A line between two rows: from a lane to a lane, and its colour.
pub(crate) type Line = (u8, u8, u8);

impl Drawing {
    /// What is drawn for a commit in a lane, between the lines that come from above and those that lead on.
    pub(crate) fn new((lane, colour): (u8, u8), above: &[Line], below: &[Line]) -> Self {
        let mut lines: Vec<(u8, String)> = Vec::new();
        let mut draw = |colour: u8, text: String| {
            let colour = voice(colour);
            match lines.iter_mut().find(|(known, _)| *known == colour) {
                Some((_, path)) => path.push_str(&text),
                None => lines.push((colour, text)),
            }
        };
        for (from, to, colour) in above {
            let goes_on = below.contains(&(*to, *to, *colour));
            if from == to && *to != lane && goes_on {
                continue;
            }
            draw(*colour, line((middle(*from, *to), 0), (x(*to), ROW / 2)));
        }
        for (from, to, colour) in below {
            let came = above.contains(&(*from, *from, *colour));
            // What passes is one line.
            let begins = if from == to && *from != lane && came { 0 } else { ROW / 2 };
            draw(*colour, line((x(*from), begins), (middle(*from, *to), ROW)));
        }
        lines.sort_unstable();
        Self { width: 0, x: x(lane), colour: voice(colour), lines }
    }
}

fn voice(colour: u8) -> u8 {
    colour % COLOURS + 1
}

/// The width of a picture with so many lanes.
pub(crate) fn width(lanes: usize) -> usize {
    (lanes.clamp(1, LANES) + 1) * LANE
}

fn x(lane: u8) -> usize {
    (usize::from(lane).min(LANES - 1) + 1) * LANE
}

fn middle(from: u8, to: u8) -> usize {
    usize::midpoint(x(from), x(to))
}

fn line((x1, y1): (usize, usize), (x2, y2): (usize, usize)) -> String {
    let mut path = String::new();
    // Writing into a text does not fail.
    let _written = if x1 == x2 {
        write!(path, "M{x1} {y1}V{y2}")
    } else {
        write!(path, "M{x1} {y1}L{x2} {y2}")
    };
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_meet_between_rows() {
        // A merge: the second lane begins here, the third passes.
        let drawing =
            Drawing::new((0, 0), &[(0, 0, 0), (2, 2, 1)], &[(0, 0, 0), (0, 1, 2), (2, 2, 1)]);
        let lines = [
            (1, "M14 0V16M14 16V32".to_owned()),
            (2, "M42 0V32".to_owned()),
            (3, "M14 16L21 32".to_owned()),
        ];
        assert_eq!(drawing, Drawing { width: 0, x: 14, colour: 1, lines: lines.into() });
        let next =
            Drawing::new((1, 2), &[(0, 0, 0), (0, 1, 2), (2, 2, 1)], &[(0, 0, 0), (2, 2, 1)]);
        assert_eq!(next.lines[2].1, "M21 0L28 16");
        assert_eq!(width(1000), width(LANES));
    }
}
