//! Characters that deceive, made visible: names and sentences come from repositories and servers, and a control
//! character in them would speak to the terminal instead of to the reader (`spec/hub.md` 10).

use std::fmt::Write as _;

/// Whether a reader would not see `c` as what it is.
fn is_odd(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// `text` on one line, with every odd character as `⟨U+202E⟩`.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(' '),
            odd if is_odd(odd) => {
                // Writing into a text does not fail.
                write!(out, "⟨U+{:04X}⟩", u32::from(odd)).unwrap_or_default();
            }
            plain => out.push(plain),
        }
    }
    out
}

/// The same with line feeds and tabs as they are: for texts of many lines, and lines that are indented.
pub(crate) fn visible_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for part in text.split_inclusive(['\n', '\t']) {
        let end = part.chars().next_back().filter(|c| matches!(c, '\n' | '\t'));
        out.push_str(&visible(part.trim_end_matches(['\n', '\t'])));
        out.extend(end);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_not_spoken_to() {
        assert_eq!(visible("a\u{1b}[2J\u{202e}b\nc\r"), "a⟨U+001B⟩[2J⟨U+202E⟩b c⟨U+000D⟩");
        assert_eq!(visible_lines("\ta\u{7}\n\n\tb\tc"), "\ta⟨U+0007⟩\n\n\tb\tc");
        assert_eq!(visible("größe 日本語 😀"), "größe 日本語 😀");
    }
}
