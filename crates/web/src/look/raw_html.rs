//! Whether the raw HTML of a Markdown text is tame enough to be handed to the sanitiser.
//!
//! The sanitiser makes any HTML harmless, but not cheap: HTML's error recovery repeats every formatting element
//! that was left open in every later paragraph, so half a megabyte of `<b><i><u>…` and short paragraphs becomes
//! gigabytes, and deep nesting and misplaced parts of tables cost their square. So raw HTML must close what it
//! opens, in order, and not be deep. A text whose HTML is not tame is shown with the tags as text.

/// How deep raw elements may nest.
const MAX_DEPTH: usize = 64;
/// How many formatting elements may be open at once; each is repeated in every later block.
const MAX_FORMATTING: usize = 4;
/// How many elements may stand inside a table but outside its cells.
const MAX_MISPLACED: usize = 64;
/// How many attributes a tag may have; finding doubles among them costs their square.
const MAX_ATTRIBUTES: usize = 32;
/// The longest name of a tag that we look at.
const MAX_NAME_BYTES: usize = 32;

/// Elements that HTML's error recovery repeats ("formatting" in the HTML standard, 13.2.4.3).
const FORMATTING: [&str; 14] = [
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
];
/// Elements that never have content.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "image", "img", "input", "link", "meta", "source",
    "track", "wbr",
];
/// Elements that end by themselves when their parent or next sibling comes.
const SELF_ENDING: [&str; 12] =
    ["p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "rt", "rp"];
/// What a table is made of.
const TABLE_PARTS: [&str; 10] =
    ["table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "td", "th"];
/// Elements whose content is read by other rules than HTML's. A text has no use for them.
const OTHER_RULES: [&str; 16] = [
    "script",
    "style",
    "textarea",
    "title",
    "xmp",
    "iframe",
    "noembed",
    "noframes",
    "noscript",
    "plaintext",
    "svg",
    "math",
    "template",
    "select",
    "frameset",
    "object",
];

/// Follows the raw HTML of one text, piece by piece, in order.
#[derive(Debug, Default)]
pub(super) struct Tamer {
    open: Vec<String>,
    formatting: usize,
    misplaced: usize,
}

impl Tamer {
    /// Reads one piece; whether all is tame so far.
    pub(super) fn read(&mut self, piece: &str) -> bool {
        let mut rest = piece;
        while let Some(at) = rest.find('<') {
            let Some(after) = rest.get(at + 1..) else { return false };
            match self.markup(after) {
                Some(next) => rest = next,
                None => return false,
            }
        }
        self.is_in_flow()
    }

    /// Whether no formatting element was left open at the end of the text.
    pub(super) fn is_closed(&self) -> bool {
        self.formatting == 0
    }

    /// Reads what follows a `<`; the rest after it, or nothing if it is not tame.
    fn markup<'a>(&mut self, after: &'a str) -> Option<&'a str> {
        if let Some(comment) = after.strip_prefix("!--") {
            // `<!-->` and `<!--->` are whole comments, so the search begins at the opening dashes.
            let end = after.get(1..)?.find("-->")? + 1;
            let is_plain = end < 3 || !comment.get(..end.saturating_sub(3))?.contains("--!>");
            return after.get(end + 3..).filter(|_| is_plain);
        }
        if after.starts_with(['!', '?']) {
            return after.split_once('>').map(|(_, rest)| rest);
        }
        if let Some(closing) = after.strip_prefix('/') {
            let Some(name) = tag_name(closing) else {
                // `</` before anything but a letter begins a comment that ends at the next `>`.
                return closing.split_once('>').map(|(_, rest)| rest);
            };
            let rest = skip_attributes(closing.get(name.len()..)?)?;
            return self.close(&name.to_ascii_lowercase()).then_some(rest);
        }
        let Some(name) = tag_name(after) else { return Some(after) };
        let rest = skip_attributes(after.get(name.len()..)?)?;
        self.open(name.to_ascii_lowercase()).then_some(rest)
    }

    fn open(&mut self, name: String) -> bool {
        if name.len() > MAX_NAME_BYTES || OTHER_RULES.contains(&name.as_str()) {
            return false;
        }
        if !TABLE_PARTS.contains(&name.as_str()) && !self.is_in_flow() {
            self.misplaced += 1;
        }
        if VOID.contains(&name.as_str()) {
            return self.misplaced <= MAX_MISPLACED;
        }
        if SELF_ENDING.contains(&name.as_str()) && self.open.last() == Some(&name) {
            self.open.pop();
        }
        self.formatting += usize::from(FORMATTING.contains(&name.as_str()));
        self.open.push(name);
        self.open.len() <= MAX_DEPTH
            && self.formatting <= MAX_FORMATTING
            && self.misplaced <= MAX_MISPLACED
    }

    /// Closes the innermost element of that name. Elements that end by themselves stand aside for their
    /// parents; any other element in between is not tame, because browsers differ from readers there.
    fn close(&mut self, name: &str) -> bool {
        let Some(at) = self.open.iter().rposition(|open| open == name) else { return true };
        let is_formatting = FORMATTING.contains(&name);
        let mut between = self.open.iter().skip(at + 1);
        if !between.all(|open| !is_formatting && SELF_ENDING.contains(&open.as_str())) {
            return false;
        }
        self.open.truncate(at);
        self.formatting -= usize::from(is_formatting).min(self.formatting);
        true
    }

    /// Whether what comes next stands where it is written: not inside a table but outside its cells, from
    /// where HTML moves it before the table, looking for its place every time.
    fn is_in_flow(&self) -> bool {
        let innermost = self.open.iter().rev().find(|open| TABLE_PARTS.contains(&open.as_str()));
        innermost.is_none_or(|part| matches!(part.as_str(), "td" | "th" | "caption"))
    }
}

/// The name that a tag begins with, if it begins with a letter.
fn tag_name(text: &str) -> Option<&str> {
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let end = text.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'));
    is_name.then(|| text.get(..end.unwrap_or(text.len()))).flatten()
}

/// The rest after the `>` of a tag; nothing if the tag has no end here or too many attributes.
fn skip_attributes(text: &str) -> Option<&str> {
    let mut rest = text;
    let mut attributes = 0_usize;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return Some(after);
        }
        attributes += 1;
        if rest.is_empty() || attributes > MAX_ATTRIBUTES {
            return None;
        }
        // A name may begin with `=` (HTML standard, 13.2.5.32).
        let from = usize::from(rest.starts_with('='));
        let is_end = |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/');
        let end = rest.get(from..)?.find(is_end)? + from;
        rest = rest.get(end..)?.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let Some(value) = rest.strip_prefix('=') else { continue };
        let value = value.trim_start_matches(|c: char| c.is_ascii_whitespace());
        rest = match value.chars().next()? {
            quote @ ('"' | '\'') => value.get(1..)?.split_once(quote)?.1,
            _ => value.get(value.find(|c: char| c.is_ascii_whitespace() || c == '>')?..)?,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_tame(html: &str) -> bool {
        let mut tamer = Tamer::default();
        tamer.read(html) && tamer.is_closed()
    }

    #[test]
    fn what_readmes_hold_is_tame() {
        for html in [
            "<p align=\"center\"><a href='x'><img src=\"y\" width=80></a><br>text</p>",
            "<table><tr><td>\n\n",
            "<details open><summary><b>More</b></summary>\n<ul><li>a<li>b</ul></details>",
            "<table><tr><td>1<td>2<tr><td>3</table>",
            "<!-- a comment with <b> --> <!----> x < y <3",
            "<h1 align=center>Title</h1><p>one<p>two",
            "<picture><source srcset=\"a\"><img src=\"b\"></picture>",
        ] {
            assert!(is_tame(html), "{html}");
        }
    }

    #[test]
    fn what_costs_more_than_it_shows_is_not() {
        for html in [
            "<b>".to_owned(),
            "<b><p></b>".to_owned(),
            "<b><i><u><s><em>five</em></s></u></i></b>".to_owned(),
            "<div>".repeat(65),
            "<div><table><td></div></table>".repeat(40),
            "<b x=1><table><td></b></table>".to_owned(),
            "<b><!-- </b> -->".to_owned(),
            "<b><a title='</b>'></a>".to_owned(),
            "<b><!--> </b>-->".repeat(3) + "<i>",
            "<script>x</script>".to_owned(),
            "<svg><b></svg>".to_owned(),
            "<textarea></b>".to_owned(),
            "<a title=\"".to_owned(),
            "<!-- open".to_owned(),
            "<!-- a --!> <b> -->".to_owned(),
            "<table>".to_owned(),
            "<table><tr><td><div></td>".to_owned(),
            format!("<table>{}</table>", "<i></i>".repeat(65)),
            format!("<p {}>", "a ".repeat(33)),
        ] {
            assert!(!is_tame(&html), "{html}");
        }
    }
}
