//! Markdown as safe HTML: parsed, rendered, sanitised by an allow-list, finished (`spec/collaboration.md` 4).
//!
//! Everything has a bound: size, time to parse, depth, the raw HTML that is let through (`raw_html.rs`), and the
//! time for colours. What is beyond a bound is shown as plain text, never half.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    fmt,
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ammonia::{Builder, UrlRelative};
use comrak::{
    Anchorizer, Arena, Options,
    adapters::{HeadingAdapter, HeadingMeta, SyntaxHighlighterAdapter},
    nodes::{AstNode, NodeValue, Sourcepos},
    options::Plugins,
};

use super::{
    finish::finish,
    highlight::{self, Deadline},
    html::{Html, escaped},
    links::{ID_PREFIX, LinkContext, Use},
    raw_html::Tamer,
    visible,
};

/// The longest text that is rendered.
pub const MAX_BYTES: usize = 512 * 1024;
/// The longest HTML that is handed to the sanitiser: it builds a tree of it.
const MAX_RENDERED_BYTES: usize = 6 * 1024 * 1024;
/// How many character references that HTML may hold: within one run of text they cost their square, and half a
/// million take three seconds, this many a tenth.
const MAX_REFERENCES: usize = 100_000;
/// How deep blocks and inlines may nest.
const MAX_DEPTH: usize = 100;
/// How long the parser may take.
const PARSE_BUDGET: Duration = Duration::from_millis(500);
/// The largest block of code that is coloured.
const MAX_CODE_BYTES: usize = 64 * 1024;
/// The longest name of a language.
const MAX_LANGUAGE_BYTES: usize = 40;

const TAGS: &str = "a abbr b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img input \
    ins kbd li ol p pre q s samp section small span strong sub summary sup table tbody td tfoot th thead tr u ul";
const CLASSES: &str = "contains-task-list task-list-item footnotes footnote-ref footnote-backref odd \
    markdown-alert markdown-alert-title markdown-alert-note markdown-alert-tip markdown-alert-important \
    markdown-alert-warning markdown-alert-caution \
    hl-c hl-k hl-s hl-n hl-f hl-t hl-x hl-v hl-o hl-p hl-g hl-a hl-i hl-d hl-h";

static ALLOWED_CLASSES: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| CLASSES.split_whitespace().collect());

/// `text` as HTML that is safe in a page. Relative links and pictures lead into the repository of `links`.
pub fn render(text: &str, links: &LinkContext) -> Html {
    markup(text, links).map_or_else(|| visible::block(text), Html::trusted)
}

/// Nothing if a bound was reached.
fn markup(text: &str, links: &LinkContext) -> Option<String> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let arena = Arena::new();
    let mut options = options();
    let started = Instant::now();
    let root =
        comrak::try_parse_document(&arena, text, &options, &|| started.elapsed() > PARSE_BUDGET)
            .ok()?;
    let is_tame = survey(root)?;
    options.render.r#unsafe = is_tame;
    options.render.escape = !is_tame;

    let colours = Colours(Deadline::default());
    let headings = Headings::default();
    let mut plugins = Plugins::default();
    plugins.render.codefence_syntax_highlighter = Some(&colours);
    plugins.render.heading_adapter = Some(&headings);
    let mut rendered = String::with_capacity(text.len() * 2);
    comrak::format_html_with_plugins(root, &options, &mut rendered, &plugins).ok()?;
    let references = rendered.bytes().filter(|byte| *byte == b'&').count();
    if rendered.len() > MAX_RENDERED_BYTES || references > MAX_REFERENCES {
        return None;
    }
    Some(finish(&sanitised(&rendered, links)))
}

fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.alerts = true;
    options.render.tasklist_classes = true;
    options
}

/// Walks the document without recursion. Nothing if it is too deep, else whether its raw HTML is tame.
///
/// Raw HTML inside the text of a picture is no markup: it ends up in an attribute, so it counts for nothing.
fn survey<'a>(root: &'a AstNode<'a>) -> Option<bool> {
    let mut tamer = Tamer::default();
    let mut is_tame = true;
    let mut waiting = vec![(root, 0_usize, false)];
    while let Some((node, depth, is_attribute)) = waiting.pop() {
        if depth > MAX_DEPTH {
            return None;
        }
        let is_picture = match &node.data.borrow().value {
            NodeValue::HtmlBlock(block) => {
                is_tame = is_tame && tamer.read(&block.literal);
                false
            }
            NodeValue::HtmlInline(literal) => {
                is_tame = is_tame && (is_attribute || tamer.read(literal));
                false
            }
            NodeValue::Image(_) => true,
            _ => false,
        };
        let first = waiting.len();
        waiting.extend(node.children().map(|child| (child, depth + 1, is_attribute || is_picture)));
        if let Some(children) = waiting.get_mut(first..) {
            children.reverse();
        }
    }
    Some(is_tame && tamer.is_closed())
}

fn sanitised(html: &str, links: &LinkContext) -> String {
    let tags: HashSet<&str> = TAGS.split_whitespace().collect();
    let mut attributes: HashMap<&str, HashSet<&str>> = HashMap::new();
    for (tag, names) in [
        ("a", "href aria-label"),
        ("img", "src alt width height align"),
        ("input", "type checked disabled"),
        ("ol", "start"),
        ("td", "align colspan rowspan"),
        ("th", "align colspan rowspan scope"),
        ("p", "align"),
        ("div", "align"),
        ("h1", "align"),
        ("h2", "align"),
        ("h3", "align"),
        ("details", "open"),
    ] {
        attributes.insert(tag, names.split_whitespace().collect());
    }
    let links = links.clone();
    Builder::empty()
        .tags(tags)
        .tag_attributes(attributes)
        .generic_attributes(["class", "id", "title", "lang", "dir"].into())
        .clean_content_tags(["script", "style"].into())
        .url_schemes(["http", "https", "mailto"].into())
        .url_relative(UrlRelative::PassThrough)
        .strip_comments(true)
        .link_rel(None)
        .id_prefix(Some(ID_PREFIX))
        .attribute_filter(move |tag, name, value| attribute(&links, tag, name, value))
        .clean(html)
        .to_string()
}

/// What becomes of one attribute; nothing drops it.
fn attribute<'v>(
    links: &LinkContext,
    tag: &str,
    name: &str,
    value: &'v str,
) -> Option<Cow<'v, str>> {
    match name {
        "href" => links.resolve(value, Use::Link).map(Cow::Owned),
        "src" => links.resolve(value, Use::Image).map(Cow::Owned),
        "class" => {
            let kept: Vec<&str> = value
                .split_ascii_whitespace()
                .filter(|class| is_allowed_class(tag, class))
                .collect();
            (!kept.is_empty()).then(|| Cow::Owned(kept.join(" ")))
        }
        "width" | "height" | "colspan" | "rowspan" | "start" => {
            let digits = value.strip_suffix('%').unwrap_or(value);
            let is_number =
                (1..=4).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
            is_number.then_some(Cow::Borrowed(value))
        }
        _ => Some(Cow::Borrowed(value)),
    }
}

fn is_allowed_class(tag: &str, class: &str) -> bool {
    let is_language =
        tag == "code" && class.starts_with("language-") && class.len() <= MAX_LANGUAGE_BYTES;
    is_language || ALLOWED_CLASSES.contains(class)
}

/// Headings carry their anchor as their own id, unique within the text.
#[derive(Default)]
struct Headings(Mutex<Anchorizer>);

impl HeadingAdapter for Headings {
    fn enter(
        &self,
        out: &mut dyn fmt::Write,
        heading: &HeadingMeta,
        _: Option<Sourcepos>,
    ) -> fmt::Result {
        let mut anchors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = anchors.anchorize(&heading.content);
        write!(out, "<h{} id=\"{}\">", heading.level, escaped(&id))
    }

    fn exit(&self, out: &mut dyn fmt::Write, heading: &HeadingMeta) -> fmt::Result {
        writeln!(out, "</h{}>", heading.level)
    }
}

/// Blocks of code, coloured by our highlighter until the time of the whole text is up.
struct Colours(Deadline);

impl SyntaxHighlighterAdapter for Colours {
    fn write_highlighted(
        &self,
        out: &mut dyn fmt::Write,
        language: Option<&str>,
        code: &str,
    ) -> fmt::Result {
        let is_small = code.len() <= MAX_CODE_BYTES;
        let language =
            language.unwrap_or_default().split([',', ' ', '{']).next().unwrap_or_default();
        let language = if is_small { language } else { "" };
        for line in highlight::block(language, code, self.0) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    fn write_pre_tag(
        &self,
        out: &mut dyn fmt::Write,
        _: HashMap<&'static str, Cow<'_, str>>,
    ) -> fmt::Result {
        out.write_str("<pre>")
    }

    fn write_code_tag(
        &self,
        out: &mut dyn fmt::Write,
        attributes: HashMap<&'static str, Cow<'_, str>>,
    ) -> fmt::Result {
        match attributes.get("class") {
            Some(class) => write!(out, "<code class=\"{}\">", escaped(class)),
            None => out.write_str("<code>"),
        }
    }
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
