//! The last pass over sanitised HTML, for what needs more than an attribute's value to decide.
//!
//! Outside links are marked as such, pictures from elsewhere become links (a reader's browser never contacts a
//! foreign host by opening a page), headings move one level down below the page's own, boxes that scroll can be
//! reached by keyboard, and characters that turn the direction of text are shown.
//!
//! The input is what the sanitiser wrote: every tag is whole, every attribute is quoted with `"`.

use super::{
    links::is_outside,
    visible::{oddity, overrides_direction, push_mark},
};

/// One tag of the input.
struct Tag<'a> {
    name: &'a str,
    is_closing: bool,
    /// The tag as it stands, with both brackets.
    whole: &'a str,
}

impl<'a> Tag<'a> {
    /// The value of an attribute, as written (escaped).
    fn attribute(&self, wanted: &str) -> Option<&'a str> {
        let mut rest = self.whole.get(1 + self.name.len()..)?;
        loop {
            rest = rest.trim_start();
            let (name, after) = rest.split_once("=\"")?;
            let (value, next) = after.split_once('"')?;
            if name == wanted {
                return Some(value);
            }
            rest = next;
        }
    }
}

/// The length of the tag at the beginning of `text`, both brackets counted. Brackets inside quotes are part
/// of a value.
fn tag_length(text: &str) -> Option<usize> {
    let mut is_quoted = false;
    for (position, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'>' if !is_quoted => return Some(position + 1),
            _ => {}
        }
    }
    None
}

fn tag_at(text: &str) -> Option<Tag<'_>> {
    let whole = text.get(..tag_length(text)?)?;
    let inner = whole.get(1..)?;
    let is_closing = inner.starts_with('/');
    let named = inner.strip_prefix('/').unwrap_or(inner);
    let end = named.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(named.len());
    Some(Tag { name: named.get(..end)?, is_closing, whole })
}

/// Finishes `html`, which the sanitiser wrote.
pub(super) fn finish(html: &str) -> String {
    let mut out = String::with_capacity(html.len() + html.len() / 8);
    let mut is_in_link = false;
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (text, markup) = rest.split_at(at);
        push_text(&mut out, text);
        let Some(tag) = tag_at(markup) else { return out };
        match (tag.name, tag.is_closing) {
            ("a", is_closing) => {
                is_in_link = !is_closing;
                push_link(&mut out, &tag);
            }
            ("img", _) => push_picture(&mut out, &tag, is_in_link),
            ("h1" | "h2" | "h3" | "h4" | "h5", _) => push_heading(&mut out, &tag),
            ("table", false) => {
                out.push_str(r#"<div class="wide" role="region" aria-label="Table" tabindex="0">"#);
                out.push_str(tag.whole);
            }
            ("table", true) => out.push_str("</table></div>"),
            ("pre", false) => push_with(&mut out, &tag, r#" tabindex="0""#),
            ("input", _) => push_box(&mut out, &tag),
            _ => out.push_str(tag.whole),
        }
        rest = markup.get(tag.whole.len()..).unwrap_or_default();
    }
    push_text(&mut out, rest);
    out
}

/// The opening tag with more attributes at its end.
fn push_with(out: &mut String, tag: &Tag<'_>, attributes: &str) {
    out.push_str(tag.whole.strip_suffix('>').unwrap_or(tag.whole));
    out.push_str(attributes);
    out.push('>');
}

fn push_link(out: &mut String, tag: &Tag<'_>) {
    let leaves = !tag.is_closing && tag.attribute("href").is_some_and(is_outside);
    if leaves {
        push_with(out, tag, r#" rel="nofollow ugc noopener""#);
    } else {
        out.push_str(tag.whole);
    }
}

fn push_picture(out: &mut String, tag: &Tag<'_>, is_in_link: bool) {
    let text = tag.attribute("alt").unwrap_or_default().replace('<', "&lt;").replace('>', "&gt;");
    let text = if text.trim().is_empty() { "picture" } else { text.as_str() };
    match tag.attribute("src") {
        Some(src) if !is_outside(src) => push_with(out, tag, r#" loading="lazy""#),
        Some(src) if !is_in_link => {
            let src = src.replace('<', "&lt;").replace('>', "&gt;");
            let start = [r#"<a class="away" href=""#, &src, r#"" rel="nofollow ugc noopener">"#];
            out.push_str(&[&start.concat(), text, "</a>"].concat());
        }
        _ => out.push_str(&[r#"<span class="away">"#, text, "</span>"].concat()),
    }
}

fn push_heading(out: &mut String, tag: &Tag<'_>) {
    let lower = match tag.name {
        "h1" => "h2",
        "h2" => "h3",
        "h3" => "h4",
        "h4" => "h5",
        _ => "h6",
    };
    let attributes = tag.whole.get(1 + usize::from(tag.is_closing) + tag.name.len()..);
    out.push_str(if tag.is_closing { "</" } else { "<" });
    out.push_str(lower);
    out.push_str(attributes.unwrap_or(">"));
}

/// The only form element of a text is the box of a task list, and it cannot be changed here.
fn push_box(out: &mut String, tag: &Tag<'_>) {
    out.push_str(if tag.attribute("checked").is_some() {
        r#"<input type="checkbox" disabled="" checked="" aria-label="done">"#
    } else {
        r#"<input type="checkbox" disabled="" aria-label="to do">"#
    });
}

/// Text is escaped already. What turns the direction of a whole line is shown; direction marks of single
/// words stay, because languages written from the right need them.
fn push_text(out: &mut String, text: &str) {
    if !text.contains(overrides_direction) {
        out.push_str(text);
        return;
    }
    for c in text.chars() {
        match oddity(c) {
            Some(why) if overrides_direction(c) => push_mark(out, c, why),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_links_are_marked_and_inside_ones_are_not() {
        assert_eq!(
            finish("<a href=\"https://x.org\">x</a> <a href=\"/o/r\">y</a>"),
            "<a href=\"https://x.org\" rel=\"nofollow ugc noopener\">x</a> <a href=\"/o/r\">y</a>"
        );
    }

    #[test]
    fn pictures_from_elsewhere_become_links_and_only_text_inside_a_link() {
        let out = finish("<img alt=\"<b>\" src=\"https://x.org/a.png\">");
        assert_eq!(
            out,
            "<a class=\"away\" href=\"https://x.org/a.png\" rel=\"nofollow ugc noopener\">&lt;b&gt;</a>"
        );
        let out = finish("<a href=\"/o\"><img src=\"https://x.org/a.png\" alt=\"\"></a>");
        assert_eq!(out, "<a href=\"/o\"><span class=\"away\">picture</span></a>");
        let out = finish("<img src=\"/o/r/raw/main/a.png\" alt=\"a\">");
        assert_eq!(out, "<img src=\"/o/r/raw/main/a.png\" alt=\"a\" loading=\"lazy\">");
    }

    #[test]
    fn headings_move_down_and_boxes_cannot_be_changed() {
        assert_eq!(finish("<h1 id=\"a\">A</h1><h6>F</h6>"), "<h2 id=\"a\">A</h2><h6>F</h6>");
        assert_eq!(
            finish("<input checked=\"\" type=\"checkbox\"><input>"),
            "<input type=\"checkbox\" disabled=\"\" checked=\"\" aria-label=\"done\">\
             <input type=\"checkbox\" disabled=\"\" aria-label=\"to do\">"
        );
    }

    #[test]
    fn direction_overrides_in_text_are_shown() {
        assert!(finish("a\u{202e}b").contains("U+202E"));
        assert_eq!(finish("\u{200f}a"), "\u{200f}a");
    }
}
