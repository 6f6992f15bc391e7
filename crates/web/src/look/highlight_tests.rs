//! Tests of the highlighter.

use super::*;

fn text_of(html: &Html) -> String {
    let mut out = String::new();
    let mut is_tag = false;
    for c in html.as_str().chars() {
        match c {
            '<' => is_tag = true,
            '>' => is_tag = false,
            other if !is_tag => out.push(other),
            _ => {}
        }
    }
    out.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// The first text of a language also waits for its grammar to be compiled: on a busy machine longer than a page may.
#[test]
fn rust_is_coloured_by_classes() {
    let unhurried = Deadline(Instant::now() + Duration::from_hours(1));
    let text = "// why\nfn main() { let x = \"a\\n\" + 1; }\n";
    let lines = lines(by_file("src/main.rs", ""), text, unhurried);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0].as_str(), "<span class=\"hl-c\">// why</span>");
    for class in ["hl-k", "hl-f", "hl-s", "hl-x", "hl-n", "hl-o"] {
        assert!(lines[1].as_str().contains(class), "{class} in {}", lines[1]);
    }
}

#[test]
fn no_element_runs_on_into_the_next_line() {
    let source = "/* one\ntwo */ fn a() {}\nlet s = \"x\ny\";\n";
    for line in file("a.rs", source) {
        assert_eq!(
            line.as_str().matches("<span").count(),
            line.as_str().matches("</span>").count()
        );
    }
}

#[test]
fn the_text_stays_what_it_was() {
    let source = "<a href=\"x\">&amp;</a>\n\n  <b>é\u{1f600}</b>\nlast";
    let shown: Vec<String> = file("x.html", source).iter().map(text_of).collect();
    assert_eq!(shown, source.split('\n').collect::<Vec<_>>());
    assert_eq!(file("x.rs", "a\r\nb\r\n").iter().map(text_of).collect::<Vec<_>>(), ["a", "b"]);
    assert!(file("x.rs", "").is_empty());
    assert_eq!(file("x.rs", "\n").len(), 1);
}

#[test]
fn markup_in_code_is_escaped() {
    for name in ["x.rs", "x.html", "x.js", "x.unknown", "x.md"] {
        for line in file(name, "<script>alert('1')</script><img src=x onerror=\"y\">") {
            assert!(!line.as_str().contains("<script") && !line.as_str().contains("<img"));
        }
    }
}

#[test]
fn languages_are_known_by_name_ending_and_first_line() {
    assert_eq!(language("src/lib.rs", ""), Some("Rust"));
    assert_eq!(language("Makefile", ""), Some("Makefile"));
    assert_eq!(language("Cargo.toml", ""), Some("TOML"));
    assert_eq!(language("Cargo.lock", ""), Some("TOML"));
    assert_eq!(language("app.tsx", ""), Some("JavaScript"));
    assert_eq!(language("run", "#!/usr/bin/env python3"), Some("Python"));
    assert_eq!(language("notes.txt", "plain"), None);
    assert_eq!(language("LICENSE", "Copyright"), None);
}

#[test]
fn toml_is_coloured() {
    let lines =
        file("Cargo.toml", "[package]\nname = \"x\" # c\nedition.workspace = true\nn = [1, 2]\n");
    assert_eq!(lines[0].as_str(), "<span class=\"hl-h\">[package]</span>");
    assert!(lines[1].as_str().contains("<span class=\"hl-g\">name</span>"));
    assert!(lines[1].as_str().contains("hl-s") && lines[1].as_str().contains("hl-c"));
    assert!(lines[2].as_str().contains("<span class=\"hl-x\">true</span>"));
    assert!(lines[3].as_str().contains("<span class=\"hl-n\">1</span>"));
}

#[test]
fn deceiving_characters_are_marked() {
    let lines = file("a.rs", "let a = \"\u{202e}\"; // \u{200b}");
    assert!(lines[0].as_str().contains("U+202E") && lines[0].as_str().contains("U+200B"));
}

#[test]
fn long_lines_and_large_files_stay_plain() {
    let long = format!("fn {}() {{}}\nfn b() {{}}\n", "a".repeat(MAX_LINE_CHARS));
    let lines = file("a.rs", &long);
    assert!(!lines[0].as_str().contains("<span"));
    assert!(lines[1].as_str().contains("hl-k"));
    let large = "fn a() {}\n".repeat(MAX_BYTES / 10 + 1);
    assert!(!file("a.rs", &large)[0].as_str().contains("<span"));
}

#[test]
fn hostile_code_ends_in_time() {
    let started = Instant::now();
    for name in ["a.rs", "a.js", "a.html", "a.md", "a.php", "a.rb", "a.toml", "a.yaml", "a.sql"] {
        file(name, &"((((((((((<<<<<<<<<<\"\"'''//**{{{{[[[[".repeat(1500));
        file(name, &"[[[[".repeat(400));
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn every_class_stands_in_the_style_sheet() {
    let css = crate::look::assets::STYLE_SHEET;
    for kind in Kind::ALL {
        assert!(css.contains(&format!(".{}", kind.class())), "{}", kind.class());
    }
}
