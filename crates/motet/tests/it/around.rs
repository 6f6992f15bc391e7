//! What happened and who looks on: activity, stars, watches, follows, feeds, profiles (`spec/hub.md` 7, 8;
//! `spec/collaboration.md` 7 to 9; H11, H18, H20, H73, H74; C71, C74, C76).
//!
//! | file          | what is promised                                                          |
//! |---------------|---------------------------------------------------------------------------|
//! | `activity.rs` | each change makes its row, on every way in, and a refused one makes none       |
//! | `stars.rs`    | set twice is set once, counts are exact                                     |
//! | `feeds.rs`    | feeds are Atom, their ids stay                                              |
//! | `hidden.rs`   | what is private, deleted or renamed is in no list of a stranger                |
//! | `profile.rs`  | maps count what is signed, pages of people, start and usage                   |

mod activity;
mod feeds;
mod hidden;
mod profile;
mod stars;

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Server, Story};

use crate::{
    ground::{Ground, on_both, settled},
    organizations::{delete, post, put},
    sessions::{form, mark, own_page, sign_in},
};

const SONG: &str = "/api/v1/repos/anna/song";

/// A server with two people and a public repository that says `a song`.
async fn house(ground: &Ground) -> (Server, Person, Person, Story) {
    let server = ground.server().start().await;
    let (anna, boris) = (server.register("anna").await, server.register("boris").await);
    let new = json!({ "name": "song", "visibility": "public" });
    post(&server, "/api/v1/repos", &anna, new).await.assert_status(201);
    let story = Story::of_one("a song");
    server.push_story(&anna, "anna/song", &story, "main").await;
    (server, anna, boris, story)
}

async fn patch(server: &Server, target: &str, by: &Person, body: Value) -> Answer {
    server.request(Method::PATCH, target).json(&body).by(by).send().await
}

async fn show_to(server: &Server, anna: &Person, visibility: &str) {
    let asked = json!({ "visibility": visibility, "confirm": "anna/song" });
    patch(server, SONG, anna, asked).await.assert_status(200);
}

/// The items of a list.
async fn items(server: &Server, target: &str, by: Option<&Person>) -> Vec<Value> {
    let answer = server.get(target).by_some(by).send().await;
    answer.assert_status(200);
    answer.json()["items"].as_array().unwrap().clone()
}

/// The types of a list of happenings, the first that happened first.
fn types(items: &[Value]) -> Vec<&str> {
    items.iter().rev().map(|it| it["type"].as_str().unwrap()).collect()
}

/// A page as somebody sees it who is signed in, or anybody.
async fn page(server: &Server, target: &str, cookie: Option<&str>) -> Answer {
    let request = server.get(target);
    match cookie {
        Some(cookie) => request.header("cookie", cookie).send().await,
        None => request.send().await,
    }
}
