//! Tests of the Markdown renderer: what texts need, and what hostile texts try.

use super::*;

fn links() -> LinkContext {
    LinkContext {
        repository: "/ada/engine".into(),
        reference: "main".into(),
        directory: "docs".into(),
    }
}

fn html(text: &str) -> String {
    render(text, &links()).to_string()
}

/// Whether the HTML can do nothing but be read: only known tags, no attribute that acts, no odd address.
fn is_harmless(html: &str) -> bool {
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        let mut is_quoted = false;
        let end = after.find(|c: char| {
            is_quoted ^= c == '"';
            c == '>' && !is_quoted
        });
        let Some(tag) = end.and_then(|end| after.get(..end)) else { return false };
        if !is_harmless_tag(tag) {
            return false;
        }
        rest = &after[tag.len()..];
    }
    true
}

fn is_harmless_tag(tag: &str) -> bool {
    let pieces: Vec<&str> = tag.split('"').collect();
    let bare: String = pieces.iter().step_by(2).copied().collect();
    let name = bare.trim_start_matches('/').split(' ').next().unwrap_or_default();
    let acts = [" on", " style", " srcset", " form", " target", " ping", " action"];
    let address = |(place, value): (&&str, &&str)| {
        let is_address = place.ends_with("href=") || place.ends_with("src=");
        !is_address
            || ["#", "/ada/", "http://", "https://", "mailto:"]
                .iter()
                .any(|it| value.starts_with(it))
    };
    TAGS.split_whitespace().any(|known| known == name)
        && !acts.iter().any(|it| bare.contains(it))
        && pieces.iter().step_by(2).zip(pieces.iter().skip(1).step_by(2)).all(address)
}

#[test]
fn the_extensions_of_gfm_work() {
    let out = html(
        "| a | b |\n|---|--:|\n| 1 | ~~2~~ |\n\n- [x] done\n- [ ] open\n\nx[^1]\n\n[^1]: note\n",
    );
    assert!(out.contains("<th align=\"right\">b</th>") && out.contains("<del>2</del>"));
    assert!(out.contains("class=\"wide\""));
    assert!(out.contains("checked=\"\"") && out.contains("disabled=\"\""));
    assert!(
        out.contains("id=\"user-content-fn-1\"") && out.contains("href=\"#user-content-fn-1\"")
    );
    let out = html("see https://example.org now\n\n> [!WARNING]\n> hot\n");
    assert!(out.contains("<a href=\"https://example.org\" rel=\"nofollow ugc noopener\">"));
    assert!(out.contains("markdown-alert-warning"));
}

#[test]
fn headings_have_prefixed_unique_anchors_below_the_page_heading() {
    let out = html("# Use\n\n## Use\n\n[up](#use)\n");
    assert!(out.contains("<h2 id=\"user-content-use\">Use</h2>"), "{out}");
    assert!(out.contains("<h3 id=\"user-content-use-1\">Use</h3>"), "{out}");
    assert!(out.contains("<a href=\"#user-content-use\">up</a>"), "{out}");
}

#[test]
fn relative_links_and_pictures_lead_into_the_repository() {
    let out =
        html("[a](../a.md) ![b](img/b.png) <a href=\"c.md\">c</a> <img src='/d.png' width=40>");
    assert!(out.contains("href=\"/ada/engine/blob/main/a.md\""), "{out}");
    assert!(out.contains("src=\"/ada/engine/raw/main/docs/img/b.png\""), "{out}");
    assert!(out.contains("href=\"/ada/engine/blob/main/docs/c.md\""), "{out}");
    assert!(out.contains("src=\"/ada/engine/raw/main/d.png\""), "{out}");
    assert!(!html("[a](../../a.md)").contains("href"));
}

#[test]
fn pictures_from_elsewhere_become_links() {
    let out = html(
        "![build](https://ci.example/b.svg) [![x](https://ci.example/x.svg)](https://ci.example)",
    );
    assert!(!out.contains("<img"), "{out}");
    assert!(
        out.contains("href=\"https://ci.example/b.svg\"") && out.contains(">build</a>"),
        "{out}"
    );
    assert!(out.contains("<span class=\"away\">x</span></a>"), "{out}");
}

#[test]
fn code_is_coloured_and_escaped() {
    let out = html("```rust\nfn a() { \"<script>\" }\n```\n\n    <b>plain</b>\n");
    assert!(out.contains("<code class=\"language-rust\"><span class=\"hl-k\">fn</span>"), "{out}");
    assert!(out.contains("&lt;script&gt;") && out.contains("&lt;b&gt;plain"), "{out}");
    assert!(html("```x\" onmouseover=\"y\nz\n```").contains('z'));
    assert!(html("```txt\n\u{202e}\n```").contains("U+202E"));
}

#[test]
fn tame_raw_html_is_kept_and_wild_raw_html_is_text() {
    let out = html(
        "<p align=\"center\"><b>hi</b></p>\n\n<details><summary>s</summary>\n\ntext\n\n</details>\n",
    );
    assert!(
        out.contains("<p align=\"center\"><b>hi</b></p>") && out.contains("<summary>s</summary>"),
        "{out}"
    );
    let out = html("<b>open\n\ntext");
    assert!(out.contains("&lt;b&gt;open"), "{out}");
    let out = html("<b>![</b>](x.png)\n\ntext");
    assert!(out.contains("&lt;b&gt;") && !out.contains("<b>"), "{out}");
}

#[test]
fn hostile_texts_are_harmless() {
    for text in [
        "<script>alert(1)</script>",
        "<SCRIPT SRC=//x></SCRIPT>",
        "<img src=x onerror=alert(1)>",
        "<img src=\"data:image/svg+xml,<svg onload=alert(1)>\">",
        "<svg onload=alert(1)><script>alert(1)</script></svg>",
        "<svg><style><img src=x onerror=alert(1)></style></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "<style>body{display:none}</style>",
        "<p style=\"position:fixed\">x</p>",
        "<div class=\"top skip\" id=\"main\">x</div>",
        "<iframe src=javascript:alert(1)></iframe>",
        "<form action=/x><input type=submit formaction=javascript:1><button>b</button></form>",
        "<a href=\"javascript:alert(1)\">x</a>",
        "<a href=\"jav&#x09;ascript:alert(1)\">x</a>",
        "<a href=\"&#106;avascript:alert(1)\">x</a>",
        "<a href=\" &#14; javascript:alert(1)\">x</a>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](java&#115;cript:alert(1))",
        "[x](<java\tscript:alert(1)>)",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](javascript:alert(1))",
        "![x](data:text/html,x)",
        "<javascript:alert(1)>",
        "[x]: javascript:alert(1)\n\n[x]",
        "![\"><script>alert(1)</script>](a.png)",
        "[a](https://x.org \"\\\" onmouseover=\\\"alert(1)\")",
        "<a href=\"https://x.org\" rel=\"opener\" target=\"_top\" ping=\"//x\">x</a>",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
        "<!--><script>alert(1)</script>-->",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<base href=//x><meta http-equiv=refresh content=0><link rel=stylesheet href=//x>",
        "<object data=x></object><embed src=x><video src=x onerror=y><audio src=x>",
        "```<script>\nx\n```",
        "<xmp><script>alert(1)</script></xmp>",
        "<img src=\"`><script>alert(1)</script>\">",
        "<img alt=\"<img src=x onerror=alert(1)>\" src=\"https://x.org/a.png\">",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
    ] {
        let out = html(text);
        assert!(is_harmless(&out), "{text}\n{out}");
        assert!(!out.contains("class=\"top"), "{out}");
        assert!(!out.contains(" id=\"main\""), "{out}");
    }
}

#[test]
fn hostile_nesting_ends_fast() {
    // Unoptimised, the sanitiser checks the encoding of a whole run of text at each reference in it, which
    // costs the square; so the runs of references are short here.
    let started = Instant::now();
    for text in [
        "[".repeat(10_000),
        "![".repeat(10_000),
        ">".repeat(10_000) + " x",
        "- ".repeat(5_000) + "x",
        "*a_ ".repeat(20_000),
        "`".repeat(20_000) + "a",
        "[a](".repeat(10_000),
        "<".repeat(50_000),
        "<div>".repeat(2_000),
        "<b>".repeat(2_000),
        "<b><i><u><s><em><strong>\n\n".to_owned() + &"a\n\n".repeat(100_000),
        format!("<p {}>", "a=b ".repeat(50_000)),
        "<div><table><td></div></table>".repeat(500),
        "<a href=x>".repeat(1_000),
        "[^1]".repeat(5_000) + "\n\n[^1]: x\n",
        "|".repeat(20_000) + "\n" + &"|-".repeat(20_000) + "\n",
        "# a\n".repeat(20_000),
        "&".repeat(5_000),
        "a\u{202e}".repeat(5_000),
        "<table>\n\n".to_owned() + &"a\n\n".repeat(50_000),
        "<table><tr><td><div></td>\n\n".to_owned() + &"a\n\n".repeat(50_000),
        format!("<table>{}</table>", "<i></i>".repeat(1_000)),
        "<!-- ".repeat(2_000),
        "<!----> ".repeat(20_000),
    ] {
        let begun = Instant::now();
        html(&text);
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(10), "{text:.20} {took:?}");
    }
    assert!(started.elapsed() < Duration::from_mins(1), "{:?}", started.elapsed());
}

#[test]
fn a_text_above_the_limit_is_plain() {
    let out = html(&"*a* ".repeat(MAX_BYTES / 4 + 1));
    assert!(out.starts_with("<pre class=\"plain\"") && !out.contains("<em>"));
}
