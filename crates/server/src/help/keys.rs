//! `/help/keys`: every single key. A list without a script; with one, each can be changed and all can be turned off.

use askama::Template;
use axum::response::Response;
use web::{Call, Problem, look::Layout};

use super::{Help, Reader, layout};

/// Keys and what they do, by where they do it.
const KEYS: [(&str, &[(&str, &str)]); 4] = [
    (
        "Everywhere",
        &[
            ("?", "Show all keys"),
            ("/", "Go to the search field"),
            ("j", "Next row of a list"),
            ("k", "Previous row of a list"),
        ],
    ),
    (
        "In a repository",
        &[
            ("g c", "Go to the code"),
            ("g l", "Go to the commits"),
            ("g b", "Go to the branches"),
            ("g a", "Go to the graph"),
            ("t", "Find a file by its name"),
            ("w", "Switch the branch"),
            ("y", "Go to the permalink: the same place at this commit"),
        ],
    ),
    ("At a file", &[("b", "Show who last changed each line"), ("l", "Go to a line")]),
    (
        "In changes",
        &[
            ("]", "Next file"),
            ("[", "Previous file"),
            ("d", "Show changes side by side, or in one column"),
        ],
    ),
];

/// `/help/keys`.
#[derive(Debug, Template)]
#[template(path = "help_keys.html")]
struct KeysPage {
    layout: Layout,
    groups: &'static [(&'static str, &'static [(&'static str, &'static str)])],
}

pub(super) async fn show(_: Help, _: Reader, call: Call) -> Result<Response, Problem> {
    web::page(&KeysPage { layout: layout("Keys", &call), groups: &KEYS })
}
