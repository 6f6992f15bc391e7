//! HTML that may stand in a page as it is, and the escaping of everything else.

use std::fmt;

use askama::filters::HtmlSafe;

/// HTML that is safe to put into a page unescaped. Only `look` makes it: from Markdown, from the
/// highlighter, from a template, or by escaping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// Takes over `html`, which the caller has made safe.
    pub(in crate::look) fn trusted(html: String) -> Self {
        Self(html)
    }

    /// A part of a page that a template of ours makes: it escapes what it is given.
    pub fn rendered(template: &impl askama::Template) -> Result<Self, askama::Error> {
        Ok(Self(template.render()?))
    }

    /// The markup.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

/// Appends `c`, escaped for text and for quoted attributes.
pub(in crate::look) fn push_escaped(out: &mut String, c: char) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\'' => out.push_str("&#39;"),
        other => out.push(other),
    }
}

/// `text`, escaped for text and for quoted attributes.
pub(in crate::look) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    text.chars().for_each(|c| push_escaped(&mut out, c));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_opens_a_tag_or_ends_an_attribute_survives() {
        assert_eq!(escaped(r#"<a b="c" d='e'>&"#), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
    }
}
