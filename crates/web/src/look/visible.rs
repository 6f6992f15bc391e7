//! Characters that deceive, made visible. Names and code come from repositories, and a repository is hostile:
//! a right-to-left override or a zero-width blank can make a reader see another text than a machine reads.

use super::html::{Html, escaped, push_escaped};

/// What is wrong with `c`, if it cannot be seen or changes how others are seen.
pub fn oddity(c: char) -> Option<&'static str> {
    match c {
        '\t' | '\n' => None,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some("changes the direction of text"),
        '\u{061c}' | '\u{200e}' | '\u{200f}' => Some("marks the direction of text"),
        '\u{00ad}'
        | '\u{034f}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200d}'
        | '\u{2060}'..='\u{2064}'
        | '\u{206a}'..='\u{206f}'
        | '\u{feff}' => Some("has no width"),
        '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}'
        | '\u{2800}' => Some("looks like a blank"),
        '\u{2028}' | '\u{2029}' => Some("separates lines"),
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => Some("cannot be seen"),
        control if control.is_control() => Some("is a control character"),
        _ => None,
    }
}

/// Whether `c` changes the direction of what follows it, far beyond its own word.
pub(in crate::look) fn overrides_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Appends the mark that stands for an odd character.
pub(in crate::look) fn push_mark(out: &mut String, c: char, why: &str) {
    let code = notation(c);
    out.push_str(
        &[r#"<span class="odd" title=""#, &code, " ", why, r#"">"#, &code, "</span>"].concat(),
    );
}

/// How a character is written when it cannot be shown: `U+202E`.
fn notation(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

/// Whether a zero-width joiner between these two holds an emoji together.
fn joins_emoji(before: Option<char>, after: Option<char>) -> bool {
    let is_emoji =
        |c: char| matches!(c, '\u{fe0f}' | '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}');
    before.is_some_and(is_emoji) && after.is_some_and(is_emoji)
}

/// Appends `text` escaped, with every odd character replaced by a visible mark.
pub(in crate::look) fn push_visible(out: &mut String, text: &str) {
    let mut before = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match oddity(c) {
            Some(_) if c == '\u{200d}' && joins_emoji(before, rest.clone().next()) => out.push(c),
            Some(why) => push_mark(out, c, why),
            None => push_escaped(out, c),
        }
        before = Some(c);
    }
}

/// `text` escaped, with every odd character replaced by a visible mark.
pub fn html(text: &str) -> Html {
    let mut out = String::with_capacity(text.len() + 16);
    push_visible(&mut out, text);
    Html::trusted(out)
}

/// A name as part of a sentence: as [`html`], and kept apart (`<bdi>`) so that its direction does not turn
/// what stands around it.
pub fn name(text: &str) -> Html {
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str("<bdi>");
    push_visible(&mut out, text);
    out.push_str("</bdi>");
    Html::trusted(out)
}

/// `text` for places without markup (titles, labels): odd characters as `⟨U+202E⟩`. Not yet escaped.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match oddity(c) {
            Some(_) => out.push_str(&["⟨", &notation(c), "⟩"].concat()),
            None if c == '\n' || c == '\t' => out.push(' '),
            None => out.push(c),
        }
    }
    out
}

/// `text` for the value of a field, which is sent back as it is: escaped, odd characters as references (`&#x202e;`).
pub fn value(text: &str) -> Html {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if oddity(c).is_some() {
            out.push_str(&["&#x", &format!("{:x}", u32::from(c)), ";"].concat());
        } else {
            push_escaped(&mut out, c);
        }
    }
    Html::trusted(out)
}

/// `text` escaped and otherwise untouched, as a block that keeps its lines.
pub fn block(text: &str) -> Html {
    Html::trusted(format!(r#"<pre class="plain" tabindex="0">{}</pre>"#, escaped(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deceiving_characters_are_shown_and_markup_is_escaped() {
        let shown = html("a\u{202e}<b>\u{200b}\u{7}\r");
        assert_eq!(
            shown.as_str(),
            "a<span class=\"odd\" title=\"U+202E changes the direction of text\">U+202E</span>&lt;b&gt;\
             <span class=\"odd\" title=\"U+200B has no width\">U+200B</span>\
             <span class=\"odd\" title=\"U+0007 is a control character\">U+0007</span>\
             <span class=\"odd\" title=\"U+000D is a control character\">U+000D</span>"
        );
    }

    #[test]
    fn ordinary_text_in_any_script_stays() {
        for text in ["naïve", "שלום", "日本語", "👩\u{200d}💻", "❤\u{fe0f}", "tab\there"]
        {
            assert_eq!(html(text).as_str(), text);
        }
    }

    #[test]
    fn a_joiner_outside_an_emoji_is_shown() {
        assert!(html("ad\u{200d}min").as_str().contains("U+200D"));
    }

    #[test]
    fn titles_have_no_markup() {
        assert_eq!(plain("a\u{202e}b\nc\0"), "a⟨U+202E⟩b c⟨U+0000⟩");
        assert_eq!(name("x").as_str(), "<bdi>x</bdi>");
    }
}
