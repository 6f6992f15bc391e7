//! Three texts into one, by lines (`spec/hub.md` 10): what only one side changed is taken; where both changed the same
//! lines, or lines that touch, both stay, between markers.

use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput};

use crate::diff::{MAX_TEXT_BYTES, as_text};

/// Length of a marker in a file that holds no line like one.
const MARKER_CHARS: usize = 7;
/// A file with longer runs of signs than this is merged as if it were binary: it is made to confuse.
const MAX_MARKER_CHARS: usize = 200;
const SIGNS: [u8; 4] = *b"<|=>";

/// What becomes of lines that both sides changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Favor {
    /// Both stay, between markers, and the user decides.
    #[default]
    Neither,
    /// Both stay, ours first, without markers.
    Union,
}

/// The outcome of a merge of three texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergedText {
    /// Every change of both sides is in it.
    Clean(Vec<u8>),
    /// Every change of both sides is in it, some between markers.
    Conflicts {
        /// The text with its markers.
        bytes: Vec<u8>,
        /// How many places the user has to decide.
        count: usize,
        /// The length of each marker.
        marker_chars: usize,
    },
    /// At least one side is no text, or too long to be compared.
    Binary,
}

/// Merges what `ours` and `theirs` made of `base`.
pub fn merge_texts(base: &[u8], ours: &[u8], theirs: &[u8], favor: Favor) -> MergedText {
    let sides = [base, ours, theirs];
    let is_text = |bytes: &&[u8]| bytes.len() <= MAX_TEXT_BYTES && as_text(bytes).is_some();
    let marker_chars = marker_chars(&sides);
    if !sides.iter().all(is_text) || marker_chars > MAX_MARKER_CHARS {
        return MergedText::Binary;
    }
    let base_lines = lines(base);
    let [ours, theirs] = [ours, theirs].map(|side| Side::new(&base_lines, side));
    let ending: &[u8] = if [&base_lines, &ours.lines, &theirs.lines]
        .iter()
        .find_map(|lines| lines.first())
        .is_some_and(|line| line.ends_with(b"\r\n"))
    {
        b"\r\n"
    } else {
        b"\n"
    };
    let mut merge = Merge { out: Vec::new(), count: 0, marker_chars, ending, favor };
    merge.run(&base_lines, &ours, &theirs);
    match merge.count {
        0 => MergedText::Clean(merge.out),
        count => MergedText::Conflicts { bytes: merge.out, count, marker_chars },
    }
}

/// Whether `bytes` hold a line that is a marker of `marker_chars`.
pub fn holds_marker(bytes: &[u8], marker_chars: usize) -> bool {
    bytes.split(|byte| *byte == b'\n').any(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        run_of_signs(line) == Some(marker_chars)
            && matches!(line.get(marker_chars), None | Some(b' '))
    })
}

/// How many times a line repeats the sign that it begins with; none if that is no sign of markers.
fn run_of_signs(line: &[u8]) -> Option<usize> {
    let sign = line.first().filter(|sign| SIGNS.contains(sign))?;
    Some(line.iter().take_while(|byte| *byte == sign).count())
}

/// A length that no line of any side can be taken for.
fn marker_chars(sides: &[&[u8]]) -> usize {
    let all = sides.iter().flat_map(|side| side.split(|byte| *byte == b'\n'));
    let longest = all.filter_map(run_of_signs).max().unwrap_or(0);
    if longest < MARKER_CHARS { MARKER_CHARS } else { longest + 1 }
}

/// Lines with their line feeds.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

/// One side, and where it differs from the base.
struct Side<'a> {
    lines: Vec<&'a [u8]>,
    /// Lines of the base and the lines that stand for them, ascending, never touching.
    changes: Vec<(Range<usize>, Range<usize>)>,
}

impl<'a> Side<'a> {
    fn new(base: &[&'a [u8]], side: &'a [u8]) -> Self {
        let lines = lines(side);
        let mut input = InternedInput::default();
        input.update_before(base.iter().copied());
        input.update_after(lines.iter().copied());
        let mut found = Diff::compute(Algorithm::Histogram, &input);
        found.postprocess_lines(&input);
        let wide = |range: Range<u32>| to_usize(range.start)..to_usize(range.end);
        let changes = found.hunks().map(|hunk| (wide(hunk.before), wide(hunk.after))).collect();
        Self { lines, changes }
    }

    /// The lines that stand for `base`, whose ends are in no change, or are the ends of one: `changes` are those
    /// in it, and `shift` is how much further this side was before it.
    fn text(&self, base: &Range<usize>, changes: Range<usize>) -> &[&'a [u8]] {
        let before = changes.start.checked_sub(1).and_then(|at| self.changes.get(at));
        let last = changes.end.checked_sub(1).and_then(|at| self.changes.get(at));
        let place = |at: usize, change: Option<&(Range<usize>, Range<usize>)>| {
            change.map_or(at, |(old, new)| new.end + (at - old.end))
        };
        self.lines.get(place(base.start, before)..place(base.end, last)).unwrap_or_default()
    }
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

struct Merge<'a> {
    out: Vec<u8>,
    count: usize,
    marker_chars: usize,
    ending: &'a [u8],
    favor: Favor,
}

impl Merge<'_> {
    fn run(&mut self, base: &[&[u8]], ours: &Side<'_>, theirs: &Side<'_>) {
        let (mut at, mut our_next, mut their_next) = (0, 0, 0);
        loop {
            let (our_first, their_first) = (our_next, their_next);
            let first =
                |side: &Side<'_>, next: usize| side.changes.get(next).map(|(old, _)| old.start);
            let starts = [first(ours, our_next), first(theirs, their_next)];
            let Some(start) = starts.into_iter().flatten().min() else { break };
            let mut end = start;
            // Changes that overlap or touch belong together, whichever side they are of.
            loop {
                let before = (our_next, their_next);
                for (side, next) in [(ours, &mut our_next), (theirs, &mut their_next)] {
                    while let Some((old, _)) = side.changes.get(*next)
                        && old.start <= end
                    {
                        end = end.max(old.end);
                        *next += 1;
                    }
                }
                if before == (our_next, their_next) {
                    break;
                }
            }
            self.put(base.get(at..start).unwrap_or_default());
            let range = start..end;
            let ours_now = ours.text(&range, our_first..our_next);
            let theirs_now = theirs.text(&range, their_first..their_next);
            let base_now = base.get(range).unwrap_or_default();
            if their_first == their_next || ours_now == theirs_now {
                self.put(ours_now);
            } else if our_first == our_next {
                self.put(theirs_now);
            } else {
                self.conflict(base_now, ours_now, theirs_now);
            }
            at = end;
        }
        self.put(base.get(at..).unwrap_or_default());
    }

    fn put(&mut self, lines: &[&[u8]]) {
        for line in lines {
            self.out.extend_from_slice(line);
        }
    }

    /// Puts whole lines, so that what follows does not continue the last one.
    fn put_whole(&mut self, lines: &[&[u8]]) {
        self.put(lines);
        if lines.last().is_some_and(|line| !line.ends_with(b"\n")) {
            self.out.extend_from_slice(self.ending);
        }
    }

    fn conflict(&mut self, base: &[&[u8]], ours: &[&[u8]], theirs: &[&[u8]]) {
        match self.favor {
            Favor::Union => {
                // Nothing follows ours if theirs is empty, not even a line feed.
                if theirs.is_empty() {
                    self.put(ours);
                } else {
                    self.put_whole(ours);
                }
                self.put(theirs);
            }
            Favor::Neither => {
                self.count += 1;
                self.marker(b'<', " ours");
                self.put_whole(ours);
                self.marker(b'|', " base");
                self.put_whole(base);
                self.marker(b'=', "");
                self.put_whole(theirs);
                self.marker(b'>', " theirs");
            }
        }
    }

    fn marker(&mut self, sign: u8, label: &str) {
        self.out.extend(std::iter::repeat_n(sign, self.marker_chars));
        self.out.extend_from_slice(label.as_bytes());
        self.out.extend_from_slice(self.ending);
    }
}
