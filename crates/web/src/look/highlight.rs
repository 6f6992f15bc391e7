//! Source code as HTML, line by line, coloured by classes (the content security policy allows no styles).
//!
//! Each line is balanced: no element runs on into the next, so lines may stand in table rows. The grammars are
//! loaded at the first use and not before. Whatever is too large, too long or too slow is shown plain: a
//! hostile file costs a bounded time.

use std::{
    path::Path,
    sync::LazyLock,
    time::{Duration, Instant},
};

use syntect::{
    parsing::{
        ParseState, ScopeStack, SyntaxDefinition, SyntaxReference, SyntaxSet, SyntaxSetBuilder,
    },
    util::LinesWithEndings,
};

use super::{
    html::Html,
    scopes::{self, Kind},
    visible::push_visible,
};

/// The largest text that is coloured.
pub const MAX_BYTES: usize = 512 * 1024;
/// The longest line that is coloured; minified code has longer ones, and nobody reads it.
pub const MAX_LINE_CHARS: usize = 2_000;
/// How long one text may take before the rest stays plain. An ordinary file of 1,000 lines needs a tenth.
const BUDGET: Duration = Duration::from_millis(400);

/// Our own grammars, for formats that syntect's collection lacks.
const OWN: [&str; 1] = [include_str!("toml.sublime-syntax")];

static COLLECTION: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);
static OURS: LazyLock<SyntaxSet> = LazyLock::new(|| {
    let mut builder = SyntaxSetBuilder::new();
    for text in OWN {
        if let Ok(syntax) = SyntaxDefinition::load_from_str(text, true, None) {
            builder.add(syntax);
        }
    }
    builder.build()
});

/// A grammar with the set it belongs to.
#[derive(Clone, Copy)]
struct Grammar {
    set: &'static SyntaxSet,
    syntax: &'static SyntaxReference,
}

/// Until when colouring may go on; shared by all blocks of one document.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Default for Deadline {
    fn default() -> Self {
        Self(Instant::now() + BUDGET)
    }
}

/// The lines of a file called `file_name`, coloured by what its name or its first line say it is.
///
/// Line ends are not part of the lines; characters that deceive are marked (`visible`).
pub fn file(file_name: &str, text: &str) -> Vec<Html> {
    file_in_time(file_name, text).0
}

/// The same, and whether the time was enough for all of it.
pub fn file_in_time(file_name: &str, text: &str) -> (Vec<Html>, bool) {
    let first_line = text.lines().next().unwrap_or_default();
    let grammar = if text.len() > MAX_BYTES { None } else { by_file(file_name, first_line) };
    let deadline = Deadline::default();
    let lines = lines(grammar, text, deadline);
    (lines, Instant::now() < deadline.0)
}

/// The lines of a block of code in `language`, as the word after a Markdown fence names it.
pub fn block(language: &str, text: &str, deadline: Deadline) -> Vec<Html> {
    let grammar = if text.len() > MAX_BYTES { None } else { by_token(language) };
    lines(grammar, text, deadline)
}

/// The name of the language of a file, for people.
pub fn language(file_name: &str, first_line: &str) -> Option<&'static str> {
    by_file(file_name, first_line).map(|grammar| grammar.syntax.name.as_str())
}

fn by_file(file_name: &str, first_line: &str) -> Option<Grammar> {
    let name = file_name.rsplit('/').next().unwrap_or(file_name);
    let extension = Path::new(name).extension().and_then(|it| it.to_str()).unwrap_or_default();
    by_token(name).or_else(|| by_token(extension)).or_else(|| {
        let is_short = first_line.len() <= MAX_LINE_CHARS;
        let syntax =
            is_short.then(|| COLLECTION.find_syntax_by_first_line(first_line)).flatten()?;
        Some(Grammar { set: &COLLECTION, syntax })
    })
}

fn by_token(token: &str) -> Option<Grammar> {
    if token.is_empty() {
        return None;
    }
    let token = alias(token);
    [&OURS, &COLLECTION].into_iter().find_map(|set| {
        let set: &'static SyntaxSet = set;
        let syntax = set.find_syntax_by_token(token)?;
        (syntax.name != "Plain Text").then_some(Grammar { set, syntax })
    })
}

/// Names and endings that the collection does not know, and the nearest that it does.
fn alias(token: &str) -> &str {
    match token {
        "ts" | "tsx" | "mts" | "cts" | "jsx" | "mjs" | "cjs" | "typescript" | "node" => "js",
        "jsonc" | "json5" | "webmanifest" | "ipynb" => "json",
        "Cargo.lock" | "poetry.lock" | "uv.lock" => "toml",
        "vue" | "svelte" | "jinja" | "j2" => "html",
        "shell" | "console" | "ash" | "PKGBUILD" => "sh",
        "svg" | "xsd" | "plist" | "csproj" => "xml",
        "pyi" | "Snakefile" | "BUILD" | "bzl" => "py",
        "cu" | "ino" => "cpp",
        "kt" | "kts" | "kotlin" => "java",
        "justfile" | "Justfile" => "make",
        other => other,
    }
}

fn lines(grammar: Option<Grammar>, text: &str, deadline: Deadline) -> Vec<Html> {
    let mut colours = grammar.map(Painter::new);
    let mut out = Vec::new();
    for line in LinesWithEndings::from(text) {
        let shown = line.strip_suffix('\n').unwrap_or(line);
        let shown = shown.strip_suffix('\r').unwrap_or(shown);
        if colours.is_some() && Instant::now() >= deadline.0 {
            colours = None;
        }
        let is_long = shown.len() > MAX_LINE_CHARS && shown.chars().count() > MAX_LINE_CHARS;
        let painted =
            if is_long { None } else { colours.as_mut().and_then(|it| it.line(line, shown)) };
        out.push(painted.unwrap_or_else(|| super::visible::html(shown)));
    }
    out
}

/// Colours one line after the other; the state carries over what a line leaves open.
struct Painter {
    set: &'static SyntaxSet,
    state: ParseState,
    stack: ScopeStack,
}

impl Painter {
    fn new(grammar: Grammar) -> Self {
        let state = ParseState::new(grammar.syntax);
        Self { set: grammar.set, state, stack: ScopeStack::new() }
    }

    /// `shown` (the line without its end) coloured; nothing if the grammar fails.
    fn line(&mut self, line: &str, shown: &str) -> Option<Html> {
        let changes = self.state.parse_line(line, self.set).ok()?;
        let mut out = Spans::default();
        let mut from = 0;
        for (position, change) in changes {
            let until = position.min(shown.len());
            if until > from {
                out.push(scopes::kind(self.stack.as_slice()), shown.get(from..until)?);
                from = until;
            }
            self.stack.apply(&change).ok()?;
        }
        out.push(scopes::kind(self.stack.as_slice()), shown.get(from..)?);
        Some(out.finish())
    }
}

/// Pieces of one line; neighbours of one kind share an element, with the blanks between them.
#[derive(Default)]
struct Spans {
    html: String,
    open: Option<Kind>,
    blanks: String,
}

impl Spans {
    fn push(&mut self, kind: Option<Kind>, text: &str) {
        if text.bytes().all(|byte| byte == b' ' || byte == b'\t') {
            self.blanks.push_str(text);
            return;
        }
        if kind == self.open {
            self.html.push_str(&self.blanks);
        } else {
            self.close();
            if let Some(kind) = kind {
                self.html.push_str("<span class=\"");
                self.html.push_str(kind.class());
                self.html.push_str("\">");
                self.open = Some(kind);
            }
        }
        self.blanks.clear();
        push_visible(&mut self.html, text);
    }

    fn close(&mut self) {
        if self.open.take().is_some() {
            self.html.push_str("</span>");
        }
        self.html.push_str(&self.blanks);
        self.blanks.clear();
    }

    fn finish(mut self) -> Html {
        self.close();
        Html::trusted(self.html)
    }
}

#[cfg(test)]
#[path = "highlight_tests.rs"]
mod tests;
