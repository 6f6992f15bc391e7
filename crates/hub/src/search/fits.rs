//! Whether a row fits a query, and how well: what the index cannot say. Pure.

use api::search::{Clause, Key, Query, Term};

use super::{answer::Sort, excerpt::Seek, fuzzy, store::Row, words};
use crate::{Repository, reading::languages};

/// Whether texts say what they should.
pub(super) fn says(checks: &[Clause], texts: &[&str]) -> bool {
    let folded: Vec<_> = texts.iter().map(|it| words::folded(it)).collect();
    checks.iter().all(|clause| {
        let is_said = match &clause.term {
            Term::Characters(it) => {
                let seek = Seek::Characters(it.clone());
                folded.iter().any(|text| seek.is_in_folded(text))
            }
            Term::Word(it) => texts.iter().any(|text| words::tokens(text).contains(it)),
            Term::Prefix(it) => texts
                .iter()
                .any(|text| words::tokens(text).iter().any(|word| word.starts_with(it.as_str()))),
            Term::Known(..) | Term::Within(..) | Term::Is(..) => return true,
        };
        is_said != clause.is_negated
    })
}

/// Whether the row of a document and that of its repository fit; nothing if they do not say.
pub(super) fn by_row(clause: &Clause, row: &Row, it: &Repository) -> Option<bool> {
    let is_so = match &clause.term {
        Term::Word(_) | Term::Prefix(_) | Term::Characters(_) => return None,
        Term::Within(Key::Since | Key::Until, range) => range.holds(row.happened_at),
        Term::Within(Key::Pushed, range) => it.pushed_at.is_some_and(|at| range.holds(at.0)),
        Term::Within(_, range) => range.holds(it.stars.try_into().unwrap_or(i64::MAX)),
        Term::Is(_, is_so) => it.archived_at.is_some() == *is_so,
        Term::Known(key, value) => match key {
            Key::Repo => it.full_name() == *value || it.name.as_str() == value,
            Key::Owner => it.owner.as_str() == value,
            Key::Topic => it.topics.iter().any(|topic| topic.as_str() == value),
            Key::Licence => {
                it.licence.as_ref().is_some_and(|it| it.as_str().eq_ignore_ascii_case(value))
            }
            Key::Format => it.format.as_str() == value,
            Key::Lang => row.language.to_lowercase() == *value,
            Key::Ext => languages::extension(&row.name).as_deref() == Some(value),
            Key::Path => words::folded(&row.name).contains(value.as_str()),
            Key::Symbol
            | Key::Author
            | Key::Agent
            | Key::Signer
            | Key::Since
            | Key::Until
            | Key::Id
            | Key::Archived
            | Key::Stars
            | Key::Pushed => return None,
        },
    };
    Some(is_so != clause.is_negated)
}

/// Whether the name of a file fits: words as characters that come in this order.
pub(super) fn is_named(clause: &Clause, row: &Row, it: &Repository) -> bool {
    let path = || row.name.to_lowercase();
    let is_so = match &clause.term {
        Term::Word(word) => fuzzy::is_subsequence(word, &path()),
        Term::Prefix(word) => words::tokens(&path()).iter().any(|it| it.starts_with(word.as_str())),
        Term::Characters(text) => path().contains(text.as_str()),
        Term::Known(..) | Term::Within(..) | Term::Is(..) => {
            return by_row(clause, row, it) != Some(false);
        }
    };
    is_so != clause.is_negated
}

/// What all paths are like that may fit: what the longest word of a single group asks for.
pub(super) fn like(query: &Query) -> String {
    let [group] = query.groups.as_slice() else { return "%".to_owned() };
    let wanted = group.iter().filter(|it| !it.is_negated).filter_map(|it| match &it.term {
        Term::Word(word) => Some((word, true)),
        Term::Characters(text) => Some((text, false)),
        Term::Prefix(word) => Some((word, false)),
        Term::Known(..) | Term::Within(..) | Term::Is(..) => None,
    });
    // Upper and lower case of other letters is not the database's business.
    let longest = wanted.filter(|(it, _)| it.is_ascii()).max_by_key(|(it, _)| it.len());
    let Some((wanted, is_scattered)) = longest else { return "%".to_owned() };
    let mut pattern = String::from("%");
    for c in wanted.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
        if is_scattered {
            pattern.push('%');
        }
    }
    if !is_scattered {
        pattern.push('%');
    }
    pattern
}

/// How well a path fits: what comes first has the least.
pub(super) fn name_rank(path: &str, seeks: &[Seek]) -> (usize, usize) {
    let wanted = seeks.iter().map(|it| match it {
        Seek::Word(it) | Seek::Prefix(it) | Seek::Characters(it) => it.as_str(),
    });
    fuzzy::rank(path, wanted)
}

/// Where a repository stands.
pub(super) fn repository_rank(
    it: Option<&Repository>,
    sort: Sort,
    seeks: &[Seek],
) -> (i64, i64, i64, String) {
    let Some(it) = it else { return (i64::MAX, 0, 0, String::new()) };
    let pushed = -it.pushed_at.map_or(0, |at| at.0);
    let stars = -i64::try_from(it.stars).unwrap_or(i64::MAX);
    let name = it.full_name();
    let fits = |seek: &Seek| {
        let (Seek::Word(wanted) | Seek::Prefix(wanted) | Seek::Characters(wanted)) = seek;
        let is_topic = it.topics.iter().any(|topic| topic.as_str() == wanted);
        match () {
            () if it.name.as_str() == wanted => 0,
            () if it.name.as_str().contains(wanted.as_str()) => 1,
            () if is_topic => 2,
            () if it.description.to_lowercase().contains(wanted.as_str()) => 3,
            () => 4,
        }
    };
    match sort {
        Sort::Relevance => (seeks.iter().map(fits).sum(), stars, pushed, name),
        Sort::Stars => (stars, pushed, 0, name),
        Sort::Pushed => (pushed, 0, 0, name),
        Sort::Name => (0, 0, 0, name),
    }
}

#[cfg(test)]
mod tests {
    use api::search::Subject;

    use super::*;

    #[test]
    fn the_database_looks_for_what_a_name_needs() {
        let query = |text: &str| Query::parse(text, Subject::Files).unwrap();
        assert_eq!(like(&query("ab")), "%a%b%");
        assert_eq!(like(&query("a_b%")), "%a\\_b\\%%");
        assert_eq!(like(&query("a OR b")), "%");
        assert_eq!(like(&query("größe")), "%");
    }
}
