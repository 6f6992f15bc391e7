//! From a query to what an index is asked, and to what has to be looked at again.
//!
//! An index answers words exactly; of characters it knows groups, so that what it finds may not hold them, and whatever
//! is known of a repository is asked of its row. What has to be looked at again is a *check*. Never is anything left out
//! that the query asks for: an expression finds all that fits, and checks take away what does not. Pure.

use std::collections::HashMap;

use api::search::{Clause, Key, Query, Subject, Term};
use db::Dialect;
use names::Id;

use super::{
    documents::{Class, Kind},
    words,
};
use crate::Repository;

/// Groups of characters that one term asks for.
const GRAMS: usize = 16;

/// What an index is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// Documents that have the term, or one that begins so.
    Has { term: String, is_prefix: bool },
    /// All of them hold.
    All(Vec<Node>),
    /// One of them holds.
    OneOf(Vec<Node>),
    /// It does not hold.
    Not(Box<Node>),
}

/// One group of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) node: Node,
    pub(super) checks: Vec<Clause>,
}

/// What a search needs to know before it asks: which repositories a name means to this reader, and whose keys they are.
#[derive(Debug, Clone, Default)]
pub(super) struct Resolved {
    /// Few enough to be asked for one by one; of what is not in here there are too many.
    pub(super) repositories: HashMap<(Key, String), Vec<Id<Repository>>>,
    /// The names of keys.
    pub(super) keys: HashMap<String, Vec<String>>,
}

impl Node {
    fn has(kind: Kind, class: Class, value: &str) -> Self {
        Self::Has { term: class.term(kind, value), is_prefix: false }
    }

    fn begins(kind: Kind, class: Class, value: &str) -> Self {
        Self::Has { term: class.term(kind, value), is_prefix: true }
    }

    fn any(kind: Kind) -> Self {
        Self::has(kind, Class::Any, "")
    }

    fn nothing() -> Self {
        Self::Has { term: "nothing".to_owned(), is_prefix: false }
    }

    fn one_of(nodes: Vec<Self>) -> Self {
        if nodes.is_empty() { Self::nothing() } else { Self::OneOf(nodes) }
    }

    /// The expression in the words of a database.
    pub(super) fn text(&self, dialect: Dialect) -> String {
        match (self, dialect) {
            (Self::Has { term, is_prefix: false }, Dialect::Sqlite) => format!("\"{term}\""),
            (Self::Has { term, is_prefix: true }, Dialect::Sqlite) => format!("\"{term}\" *"),
            (Self::Has { term, is_prefix: false }, Dialect::Postgres) => format!("'{term}'"),
            (Self::Has { term, is_prefix: true }, Dialect::Postgres) => format!("'{term}':*"),
            (Self::OneOf(nodes), Dialect::Sqlite) => joined(nodes, " OR ", dialect),
            (Self::OneOf(nodes), Dialect::Postgres) => joined(nodes, " | ", dialect),
            (Self::All(nodes), Dialect::Postgres) => joined(nodes, " & ", dialect),
            (Self::Not(node), Dialect::Postgres) => format!("!({})", node.text(dialect)),
            // There, `NOT` stands between two: what is found, and what is taken away.
            (Self::All(nodes), Dialect::Sqlite) => {
                let (out, kept): (Vec<_>, Vec<_>) =
                    nodes.iter().partition(|it| matches!(it, Self::Not(_)));
                let taken = out.iter().map(|it| match it {
                    Self::Not(inner) => inner.text(dialect),
                    Self::Has { .. } | Self::All(_) | Self::OneOf(_) => it.text(dialect),
                });
                let taken: Vec<_> = taken.collect();
                let kept: Vec<_> = kept.iter().map(|it| it.text(dialect)).collect();
                let kept = format!("({})", kept.join(" AND "));
                if taken.is_empty() {
                    kept
                } else {
                    format!("({kept} NOT ({}))", taken.join(" OR "))
                }
            }
            (Self::Not(node), Dialect::Sqlite) => node.text(dialect),
        }
    }
}

fn joined(nodes: &[Node], by: &str, dialect: Dialect) -> String {
    let parts: Vec<_> = nodes.iter().map(|it| it.text(dialect)).collect();
    format!("({})", parts.join(by))
}

/// What the index is asked for one term, and whether that is all that has to be asked.
fn asked(kind: Kind, term: &Term, resolved: &Resolved) -> (Node, bool) {
    match term {
        Term::Word(word) if kind == Kind::Repository => (Node::has(kind, Class::Word, word), false),
        Term::Word(word) if kind == Kind::Commit && is_id(word) => {
            let nodes =
                vec![Node::has(kind, Class::Word, word), Node::begins(kind, Class::Id, word)];
            (Node::OneOf(nodes), true)
        }
        Term::Word(word) => (Node::has(kind, Class::Word, word), true),
        Term::Prefix(word) => (Node::begins(kind, Class::Word, word), kind != Kind::Repository),
        Term::Characters(text) => (of_characters(kind, Class::Gram, text), false),
        Term::Within(..) | Term::Is(..) => (Node::any(kind), false),
        Term::Known(key, value) => known(kind, *key, value, resolved),
    }
}

/// Whether a word may be the beginning of an id.
fn is_id(word: &str) -> bool {
    word.len() >= 7 && word.bytes().all(|it| it.is_ascii_hexdigit())
}

fn of_characters(kind: Kind, class: Class, text: &str) -> Node {
    let groups = words::needed_grams(text, GRAMS);
    let has = |group: u64| Node::Has { term: class.gram(kind, group), is_prefix: false };
    if groups.is_empty() {
        return Node::any(kind);
    }
    Node::All(groups.into_iter().map(has).collect())
}

fn known(kind: Kind, key: Key, value: &str, resolved: &Resolved) -> (Node, bool) {
    match key {
        Key::Repo | Key::Owner => match resolved.repositories.get(&(key, value.to_owned())) {
            None => (Node::any(kind), false),
            Some(ids) => {
                let of = |id: &Id<Repository>| Node::has(kind, Class::Repository, &id.to_string());
                (Node::one_of(ids.iter().map(of).collect()), true)
            }
        },
        Key::Lang => (Node::has(kind, Class::Language, value), true),
        Key::Ext => (Node::has(kind, Class::Ending, value), true),
        Key::Symbol => (Node::has(kind, Class::Defined, value), true),
        Key::Path if kind == Kind::Commit => (Node::has(kind, Class::Place, value), true),
        Key::Path => (of_characters(kind, Class::PathGram, value), false),
        Key::Author => {
            let words = words::tokens(value);
            let nodes =
                words.iter().map(|it| Node::has(kind, Class::Author, it)).collect::<Vec<_>>();
            (if nodes.is_empty() { Node::nothing() } else { Node::All(nodes) }, true)
        }
        Key::Agent => (Node::has(kind, Class::Agent, value), true),
        Key::Signer => {
            let keys = resolved.keys.get(value).map(Vec::as_slice).unwrap_or_default();
            let nodes = keys.iter().map(|it| Node::has(kind, Class::Signer, it)).collect();
            (Node::one_of(nodes), false)
        }
        Key::Id => (Node::begins(kind, Class::Id, value), true),
        Key::Topic
        | Key::Licence
        | Key::Format
        | Key::Archived
        | Key::Stars
        | Key::Pushed
        | Key::Since
        | Key::Until => (Node::any(kind), false),
    }
}

/// The groups of a query as an index is asked. Where nothing has to be looked at again, they are one.
pub(super) fn groups(query: &Query, subject: Subject, resolved: &Resolved) -> Vec<Group> {
    let kind = Kind::of(subject);
    let groups: Vec<_> = query.groups.iter().map(|it| group(kind, it, resolved)).collect();
    if groups.len() > 1 && groups.iter().all(|it| it.checks.is_empty()) {
        let nodes = groups.into_iter().map(|it| it.node).collect();
        return vec![Group { node: Node::OneOf(nodes), checks: Vec::new() }];
    }
    groups
}

fn group(kind: Kind, clauses: &[Clause], resolved: &Resolved) -> Group {
    let (mut nodes, mut checks) = (Vec::new(), Vec::new());
    for clause in clauses {
        let (node, is_all) = asked(kind, &clause.term, resolved);
        match (clause.is_negated, is_all) {
            (false, _) => nodes.push(node),
            (true, true) => nodes.push(Node::Not(Box::new(node))),
            // What only may hold is not to be taken away.
            (true, false) => {}
        }
        if !is_all {
            checks.push(clause.clone());
        }
    }
    if nodes.iter().all(|it| matches!(it, Node::Not(_))) {
        nodes.push(Node::any(kind));
    }
    Group { node: Node::All(nodes), checks }
}

/// The same group, narrowed to documents of which a word is in the name or is defined there: those are shown first.
pub(super) fn named(group: &Group, query: &Query, kind: Kind) -> Option<Node> {
    let words = query.clauses().filter(|it| !it.is_negated).filter_map(|it| match &it.term {
        Term::Word(word) => Some(word),
        Term::Prefix(_)
        | Term::Characters(_)
        | Term::Known(..)
        | Term::Within(..)
        | Term::Is(..) => None,
    });
    let nodes =
        words.flat_map(|it| [Class::Name, Class::Defined].map(|class| Node::has(kind, class, it)));
    let nodes: Vec<_> = nodes.collect();
    (!nodes.is_empty()).then(|| Node::All(vec![group.node.clone(), Node::OneOf(nodes)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(text: &str) -> Vec<Group> {
        let query = Query::parse(text, Subject::Code).unwrap();
        groups(&query, Subject::Code, &Resolved::default())
    }

    fn texts(text: &str) -> Vec<(String, String, usize)> {
        let texts = |it: &Group| {
            let (lite, post) = (it.node.text(Dialect::Sqlite), it.node.text(Dialect::Postgres));
            (lite, post, it.checks.len())
        };
        compiled(text).iter().map(texts).collect()
    }

    fn one(sqlite: &str, postgres: &str, checks: usize) -> Vec<(String, String, usize)> {
        vec![(sqlite.to_owned(), postgres.to_owned(), checks)]
    }

    #[test]
    fn words_are_asked_of_the_index_alone() {
        assert_eq!(
            texts("tide book"),
            one(r#"("fwtide" AND "fwbook")"#, "('fwtide' & 'fwbook')", 0)
        );
        assert_eq!(
            texts("tide -moo*"),
            one(r#"(("fwtide") NOT ("fwmoo" *))"#, "('fwtide' & !('fwmoo':*))", 0)
        );
        assert_eq!(texts("-moon"), one(r#"(("fa") NOT ("fwmoon"))"#, "(!('fwmoon') & 'fa')", 0));
        assert_eq!(texts("a OR b"), one(r#"(("fwa") OR ("fwb"))"#, "(('fwa') | ('fwb'))", 0));
    }

    #[test]
    fn what_may_hold_is_looked_at_again_and_never_taken_away() {
        let found = texts("\"a.b\" -\"c.d\"");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].2, 2);
        assert!(!found[0].0.contains("NOT"), "{found:?}");
        // Groups with checks are asked one by one.
        assert_eq!(compiled("\".*\" OR b").len(), 2);
        assert_eq!(
            texts("archived:no tide"),
            one(r#"("fa" AND "fwtide")"#, "('fa' & 'fwtide')", 1)
        );
    }

    #[test]
    fn a_repository_that_is_not_there_has_nothing() {
        let query = Query::parse("repo:a/b tide", Subject::Code).unwrap();
        let mut resolved = Resolved::default();
        resolved.repositories.insert((Key::Repo, "a/b".to_owned()), Vec::new());
        let found = groups(&query, Subject::Code, &resolved);
        assert_eq!(found[0].node.text(Dialect::Sqlite), r#"("nothing" AND "fwtide")"#);
        assert!(found[0].checks.is_empty());
    }
}
