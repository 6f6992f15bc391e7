use proptest::prelude::*;

use super::*;

fn code(text: &str) -> Query {
    Query::parse(text, Subject::Code).unwrap()
}

fn terms(text: &str) -> Vec<String> {
    code(text)
        .groups
        .iter()
        .map(|it| {
            it.iter()
                .map(|it| format!("{}{:?}", if it.is_negated { "-" } else { "" }, it.term))
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

fn faults(text: &str, subject: Subject) -> Vec<(usize, &'static str)> {
    Query::parse(text, subject).unwrap_err().iter().map(|it| (it.at, it.code)).collect()
}

#[test]
fn words_phrases_beginnings_and_characters() {
    assert_eq!(terms("Tide"), [r#"Word("tide")"#]);
    assert_eq!(terms("tide_Book"), [r#"Word("tide_book")"#]);
    assert_eq!(terms("tid*"), [r#"Prefix("tid")"#]);
    assert_eq!(terms("\"let  mut\tx\""), [r#"Characters("let mut x")"#]);
    assert_eq!(terms(r#""say \"hi\"""#), [r#"Characters("say \"hi\"")"#]);
    assert_eq!(terms("std::fs"), [r#"Characters("std::fs")"#]);
    assert_eq!(terms("-foo bar"), [r#"-Word("foo") Word("bar")"#]);
    assert_eq!(terms("a - b"), [r#"Word("a") Characters("-") Word("b")"#]);
    assert_eq!(terms("gezeiten_größe"), [r#"Word("gezeiten_größe")"#]);
}

#[test]
fn nothing_is_a_pattern() {
    for text in [".*", "[a-z]+", "^$", "%", "_%", "a.*b", "(x|y)", "?", "**"] {
        assert_eq!(terms(text), [format!("Characters({text:?})")], "{text}");
    }
}

#[test]
fn and_changes_nothing_and_or_begins_another_group() {
    assert_eq!(terms("a AND b OR c d"), [r#"Word("a") Word("b")"#, r#"Word("c") Word("d")"#]);
    assert_eq!(terms("and or"), [r#"Word("and") Word("or")"#]);
    assert_eq!(terms("\"OR\""), [r#"Characters("or")"#]);
    for (text, expected) in [
        ("OR a", vec![(0, "nothing_before")]),
        ("a OR", vec![(2, "nothing_after")]),
        ("a AND OR b", vec![(6, "nothing_before")]),
        ("", vec![(0, "empty")]),
        ("   ", vec![(0, "empty")]),
    ] {
        assert_eq!(faults(text, Subject::Code), expected, "{text}");
    }
}

#[test]
fn keys_take_what_they_are_for() {
    assert_eq!(
        terms("repo:Anna/Song -lang:\"C sharp\""),
        [r#"Known(Repo, "anna/song") -Known(Lang, "c sharp")"#]
    );
    assert_eq!(terms("license:MIT ext:.RS"), [r#"Known(Licence, "mit") Known(Ext, "rs")"#]);
    assert_eq!(
        terms("archived:yes stars:>3"),
        ["Is(Archived, true) Within(Stars, Range { from: 4, below: 9223372036854775807 })"]
    );
    let commits = |text: &str| Query::parse(text, Subject::Commits).unwrap().to_string();
    assert_eq!(commits("since:2026-02-28 until:1969-12-31"), "since:2026-02-28 until:1969-12-31");
    assert_eq!(commits("pushed:>2024-02-28"), "pushed:>=2024-02-29");
    assert_eq!(commits("id:sha256:ABCDEF0"), "id:\"abcdef0\"");
    assert_eq!(commits("path:src/A.rs/"), "path:\"src/A.rs\"");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, expected) in [
        ("tide colour:red", vec![(5, "unknown_key")]),
        ("-https://example.org x:1", vec![(0, "unknown_key"), (21, "unknown_key")]),
        ("author:anna", vec![(0, "key_elsewhere")]),
        ("stars:many archived:maybe", vec![(6, "bad_value"), (20, "bad_value")]),
        ("repo: x", vec![(5, "empty")]),
        ("say \"hi", vec![(4, "unclosed_quotation")]),
        ("\"\"", vec![(0, "empty")]),
        ("a*", vec![(0, "prefix_too_short")]),
        ("stars:9..3", vec![(6, "bad_value")]),
        ("pushed:2026-02-30", vec![(7, "bad_value")]),
    ] {
        assert_eq!(faults(text, Subject::Code), expected, "{text}");
    }
    assert_eq!(faults(&"a".repeat(513), Subject::Code), [(512, "too_long")]);
    assert_eq!(faults(&"a ".repeat(17), Subject::Code), [(0, "too_many_terms")]);
    assert!(Query::parse(&"a ".repeat(16), Subject::Code).is_ok());
    assert_eq!(faults("id:abc", Subject::Commits), [(3, "bad_value")]);
}

#[test]
fn a_query_is_told_in_words() {
    let query = code("tide* -\"a b\" lang:rust OR stars:2..3");
    assert_eq!(
        query.meaning(),
        [
            "a word that begins with tide, and not the characters a b, and in the language rust",
            "in repositories with stars 2..3"
        ]
    );
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z_]{1,9}\\*?",
        "-?[a-z]{1,6}:[>\"<a-z0-9.-]{0,9}",
        "\"[ a-z.\\\\\"]{0,9}\"?",
        "AND|OR|-|:",
        "\\PC{0,6}",
    ];
    prop::collection::vec(piece, 0..9).prop_map(|it| it.join(" "))
}

proptest! {
    #[test]
    fn every_text_is_a_query_or_its_faults_lie_in_it(text in texts()) {
        for subject in Subject::ALL {
            match Query::parse(&text, subject) {
                Ok(query) => {
                    let count = query.clauses().count();
                    prop_assert!((1..=MAX_TERMS).contains(&count));
                    prop_assert!(query.groups.iter().all(|it| !it.is_empty()));
                    prop_assert_eq!(query.meaning().len(), query.groups.len());
                }
                Err(faults) => {
                    prop_assert!(!faults.is_empty());
                    prop_assert!(faults.iter().all(|it| text.is_char_boundary(it.at.min(text.len()))));
                }
            }
        }
    }

    #[test]
    fn what_is_read_is_written_with_the_same_meaning(text in texts()) {
        for subject in Subject::ALL {
            if let Ok(query) = Query::parse(&text, subject) {
                let written = query.to_string();
                // Escapes make it longer.
                if written.len() <= MAX_QUERY_BYTES {
                    prop_assert_eq!(Query::parse(&written, subject), Ok(query), "{}", written);
                }
            }
        }
    }
}
