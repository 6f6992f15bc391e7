//! `/help/api`: the JSON API as a table, by planes. Reads without a script; with one it can be narrowed.

use askama::Template;
use axum::response::Response;
use trust::Plane;
use web::{
    Call, Entry, Problem,
    look::Layout,
    shape::{Field, Shape},
};

use super::{Reader, Reference, about, needs, scopes};

/// The routes of one plane.
#[derive(Debug)]
pub(super) struct Group {
    plane: &'static str,
    about: &'static str,
    rows: Vec<Row>,
}

/// One route.
#[derive(Debug)]
struct Row {
    method: String,
    path: String,
    /// The action that is asked of the authority.
    meaning: &'static str,
    needs: &'static str,
    /// What a token has to be for.
    scope: String,
    /// What a request says beside its address.
    takes: String,
}

/// `/help/api`.
#[derive(Debug, Template)]
#[template(path = "help_api.html")]
struct ApiPage<'a> {
    layout: Layout,
    groups: &'a [Group],
}

pub(super) async fn show(reference: Reference, _: Reader, call: Call) -> Result<Response, Problem> {
    let groups = reference.0.groups.get_or_init(|| groups(reference.entries()));
    let layout = crate::help::layout("JSON API", &call);
    web::page(&ApiPage { layout, groups })
}

fn groups(entries: &[Entry]) -> Vec<Group> {
    let of = |plane: Plane| {
        let own = entries.iter().filter(|it| Plane::of(it.action) == Some(plane));
        let mut rows: Vec<_> = own.map(row).collect();
        rows.sort_unstable_by(|a, b| (&a.path, &a.method).cmp(&(&b.path, &b.method)));
        Group { plane: plane.as_str(), about: about(plane), rows }
    };
    Plane::ALL.into_iter().map(of).filter(|it| !it.rows.is_empty()).collect()
}

fn row(entry: &Entry) -> Row {
    let asks = (entry.asks)();
    let body = match asks.body {
        Some((_, Shape::Fields(fields))) => names("body", &fields),
        Some((kind, _)) => format!("body: {kind}"),
        None => String::new(),
    };
    let takes = [names("query", &asks.query), body];
    let takes: Vec<_> = takes.into_iter().filter(|it| !it.is_empty()).collect();
    Row {
        method: entry.method.to_string(),
        path: entry.path.replace("{*", "{"),
        meaning: entry.action.meaning(),
        needs: needs(entry),
        scope: match scopes(entry) {
            None => "no token".to_owned(),
            Some(scopes) if scopes.is_empty() => "any".to_owned(),
            Some(scopes) => scopes.join(" "),
        },
        takes: takes.join("; "),
    }
}

/// The names of fields; those that may not be left out have a star.
fn names(what: &str, fields: &[Field]) -> String {
    let name = |it: &Field| format!("{}{}", it.name, if it.is_required { "*" } else { "" });
    match fields {
        [] => String::new(),
        all => format!("{what}: {}", all.iter().map(name).collect::<Vec<_>>().join(", ")),
    }
}
