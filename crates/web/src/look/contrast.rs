//! The colours of both themes are readable: computed from the style sheet itself (WCAG 2.2, 1.4.3 and 1.4.11).

use std::collections::HashMap;

const CSS: &str = super::assets::STYLE_SHEET;

/// Relative luminance of `#rrggbb` (WCAG 2.2, definitions).
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn ratio(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Every custom property that is a pair of colours: name to (light, dark).
fn pairs() -> HashMap<&'static str, [&'static str; 2]> {
    CSS.lines()
        .filter_map(|line| {
            let (name, value) = line.trim().strip_prefix("--")?.split_once(": light-dark(")?;
            let (light, dark) = value.trim_end_matches(");").split_once(", ")?;
            Some((name, [light, dark]))
        })
        .collect()
}

fn assert_ratio(text: &[&str], grounds: &[&str], least: f64) {
    let pairs = pairs();
    for name in text {
        for ground in grounds {
            for theme in [0, 1] {
                let found = ratio(pairs[name][theme], pairs[ground][theme]);
                assert!(found >= least, "--{name} on --{ground}, theme {theme}: {found:.2}");
            }
        }
    }
}

const SYNTAX: [&str; 8] = [
    "c-comment",
    "c-keyword",
    "c-string",
    "c-number",
    "c-function",
    "c-type",
    "c-constant",
    "c-operator",
];

#[test]
fn text_is_readable_on_every_ground() {
    let grounds =
        ["paper", "sheet", "well", "target", "link-well", "good-well", "bad-well", "warn-well"];
    assert_ratio(&["ink", "soft", "link"], &grounds, 4.5);
    assert_ratio(&["voice", "good", "bad", "warn"], &["paper", "sheet", "well"], 4.5);
    assert_ratio(&["ink"], &["good-mark", "bad-mark"], 4.5);
    for (text, ground) in [("good", "good-well"), ("bad", "bad-well"), ("warn", "warn-well")] {
        assert_ratio(&[text], &[ground], 4.5);
    }
}

#[test]
fn code_is_readable_where_it_stands() {
    assert_ratio(&SYNTAX, &["sheet", "well", "target"], 4.5);
}

#[test]
fn edges_of_controls_can_be_seen() {
    assert_ratio(&["edge"], &["paper", "sheet", "well"], 3.0);
    let voices = ["v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8"];
    assert_ratio(&voices, &["paper", "sheet", "well"], 3.0);
    // A letter stands on each of them.
    assert_ratio(&["sheet"], &voices, 4.5);
}

#[test]
fn the_measure_agrees_with_known_values() {
    assert!((ratio("#000000", "#ffffff") - 21.0).abs() < 0.01);
    assert!((ratio("#767676", "#ffffff") - 4.54).abs() < 0.01);
}
