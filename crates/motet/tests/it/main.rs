//! The promises of Motet, kept by the real binary over the network: each test starts a server of its own.
//!
//! | file              | what is promised                                                              |
//! |-------------------|-------------------------------------------------------------------------------|
//! | `recorded.rs`, `recorded/` | recorded exchanges of the Muse client get the same answers; 10,000 files sent as it does |
//! | `vectors.rs`      | the published test vectors hold on a running server                             |
//! | `integrity.rs`    | nothing is kept that is not what its id says                                    |
//! | `presigned.rs`    | objects that are sent to addresses of their own                                 |
//! | `labels.rs`       | labels of commits                                                               |
//! | `releases.rs`     | releases on the wire                                                            |
//! | `paths.rs`        | paths and branches that would hurt somebody are refused                         |
//! | `history.rs`      | fast-forward, force, repetition, annotations                                    |
//! | `reading/`        | a history read: names, logs, differences, archives, bytes, beside git             |
//! | `long_histories.rs` | the graph, last commits and numbers, with what was derived and without it        |
//! | `git/`            | stock clients of Git: what they may, what they are told, what is left of them      |
//! | `blame.rs`        | each line of a file names the commit that it came with                          |
//! | `secrets.rs`      | no repository tells about another                                               |
//! | `malformed.rs`    | bodies that cannot be read                                                      |
//! | `connections.rs`  | requests that HTTP does not allow, or that end in the middle                    |
//! | `hosts.rs`        | which hosts a request may name, and a local server may listen on                |
//! | `local_mode.rs`   | a local server serves its one person, and no page of another site               |
//! | `cors.rs`         | which pages of other sites may read the API                                     |
//! | `pipelines.rs`, `pipelines/` | pipelines as publishers register them, and skills                     |
//! | `work.rs`, `work/` | runs, tasks and claims: one task, one claim; results judged once; nothing lost     |
//! | `publishers.rs`   | tenants, the tokens that act as them, the secrets that they show                |
//! | `signed_commits.rs` | who signed a commit, and what a repository asks of it                       |
//! | `ref_log.rs`      | every movement of a branch is in a chain that nobody changes unseen              |
//! | `verifiers.rs`     | deliveries of webhooks verified by the libraries and samples of others          |
//! | `verify.rs`       | everything is what it says, and a server shows no other history than before      |
//! | `signatures.rs`   | who signs, is believed; who does not, is not                                    |
//! | `rfc9421.rs`      | requests signed as strangers do, by HTTP Message Signatures                      |
//! | `replays.rs`      | one signature, one effect; a body that was not signed has none                  |
//! | `repo_commands.rs` | the commands for repositories                                                  |
//! | `repeats.rs`      | a request that names itself has one effect and one answer                       |
//! | `registration.rs` | which keys and handles can be registered                                        |
//! | `passkeys.rs`     | passkeys sign a browser in, and nothing else does in their place                |
//! | `linked.rs`       | accounts elsewhere sign in whom they are linked with, and nobody else           |
//! | `canaries.rs`     | nothing that a server writes holds what it gave out                              |
//! | `heavy.rs`        | a body of 500 MiB costs no memory                                                |
//! | `strangers.rs`    | strangers at full rate fill nothing and keep nobody waiting                      |
//! | `visibility.rs`   | what is private cannot be told from what is not there                           |
//! | `creating.rs`     | repositories are made, by request or by a first push                            |
//! | `crowds.rs`       | many at once: everybody gets an answer, and nothing is lost                     |
//! | `bucket.rs`       | objects in a bucket, which may be gone                                          |
//! | `kills/`          | what was acknowledged outlives every kill, and work goes on after it             |
//! | `faults.rs`       | a full disk, a database that goes away: said, survived, nothing lost             |
//! | `machines.rs`     | the map of the site, robots, cards, heads of pages                              |
//! | `search.rs`       | what is found, by whom, within which time                                       |
//! | `quotas.rs`       | how much an owner and a repository may hold                                     |
//! | `events.rs`       | what happens is told to webhooks, on every way in and on every level            |
//! | `edits.rs`        | commits that the server makes are signed, and need what a push needs             |
//! | `starting.rs`     | what a new repository begins with                                                |
//! | `records.rs`      | the ref log and the network of forks as they are read; a fork that follows        |
//! | `invitations.rs`  | people are asked into a repository, and decide                                    |
//! | `refs.rs`         | refs one by one, by the rules of a push; the key that seals changes                |
//! | `nothing.rs`      | what holds nothing: files without a byte, repositories without a commit           |
//! | `leaks.rs`        | keys and tokens that were left in files, told or refused on every way in          |
//! | `content.rs`      | files that are what their names say, paths that are kept apart                    |
//! | `forks.rs`        | a repository is made from another one                                           |
//! | `flows.rs`        | applications ask people for a token                                             |
//! | `people.rs`       | keys, tokens, agents and organizations from the command line                    |
//! | `races.rs`        | of two at the same moment one wins and the other knows it                       |
//! | `life.rs`         | settings, another name, archived, deleted, restored, removed for good           |
//! | `life_pages.rs`   | the same through the forms of pages                                             |
//! | `limits.rs`       | how much anyone may ask for, and who failed too often has to wait               |
//! | `storage.rs`      | the store keeps itself sound and small                                          |
//! | `postgres.rs`     | the same path on PostgreSQL                                                     |
//! | `audit.rs`        | what is done is written down, and nobody changes the record unseen                |
//! | `words.rs`        | every action of the log is written by something, or has its reason               |
//! | `git_signed.rs`   | whose key signed commits of Git                                                 |
//! | `git_tokens.rs`   | what plain Git signs in with                                                    |
//! | `ssh.rs`          | Git over SSH, with the real client                                              |
//! | `refs_pages.rs`   | branches and tags as pages; a branch that is taken away                         |
//! | `help.rs`         | what every page has in common: keys, codes, themes, parts                        |
//! | `reference.rs`    | the JSON API as its routes tell it                                              |
//! | `pages.rs`        | what every page is, and what https adds to every answer                          |
//! | `privacy.rs`      | what is kept of a person: taken away, left behind                                |
//! | `around.rs`, `around/` | what happened and who looks on: activity, stars, feeds, profiles             |
//! | `matrix.rs`, `matrix/` | every route, by everybody, on public and private: as the table says              |
//! | `office.rs`       | install admins, who is stopped, and the look into what is private                 |
//! | `jobs.rs`         | background work as those who run the install see it, and nobody else              |
//! | `upkeep.rs`       | background work is done: by schedules, across kills, stops and processes          |
//! | `wire2.rs`, `wire2/` | histories of any size, in pages that go on where they were cut                |
//! | `webhook_kills.rs` | the program is killed or stopped while it sends webhooks                        |
//! | `webhooks.rs`     | webhooks of repositories: made, signed, tried again, sent again                  |
//! | `working_copies.rs` | the commands of a working copy: told, ended, on disk                           |
//! | `merges.rs`       | merging in a working copy                                                       |
//! | `pulling.rs`      | fetch and pull: what others did comes, and nothing of one's own is lost          |
//! | `hostile.rs`      | servers that lie to a clone and a fetch                                         |
//! | `told.rs`         | every command of a working copy with `--json`, in success and in failure         |
//! | `work_cli.rs`     | definitions, runs by script and signatures, by command and without a server       |
//! | `authenticator.rs`| nothing: a device that holds passkeys                                           |
//! | `provider.rs`     | nothing: a provider of accounts elsewhere                                       |
//! | `ground.rs`       | nothing: a server on either database, and that database                           |
//! | `store.rs`        | nothing: what tests change behind a server's back                                 |
//! | `serve.rs`        | starting, health, stopping                                                      |
//! | `answers.rs`      | what every answer has, and what the wire never does                             |
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

mod answers;
mod around;
mod audit;
mod authenticator;
mod blame;
mod bucket;
mod canaries;
mod connections;
mod content;
mod cors;
mod creating;
mod crowds;
mod edits;
mod events;
mod faults;
mod flows;
mod forks;
mod git;
mod git_signed;
mod git_tokens;
mod ground;
mod heavy;
mod help;
mod history;
mod hostile;
mod hosts;
mod integrity;
mod invitations;
mod jobs;
mod keyring;
mod kills;
mod labels;
mod leaks;
mod life;
mod life_pages;
mod limits;
mod linked;
mod local_mode;
mod long_histories;
mod machines;
mod malformed;
mod matrix;
mod merges;
mod nothing;
mod office;
mod organizations;
mod pages;
mod passkeys;
mod paths;
mod people;
mod pipelines;
mod postgres;
mod presigned;
mod privacy;
mod provider;
mod publishers;
mod pulling;
mod quotas;
mod races;
mod reading;
mod recorded;
mod records;
mod ref_log;
mod reference;
mod refs;
mod refs_pages;
mod registration;
mod releases;
mod repeats;
mod replays;
mod repo_commands;
mod rfc9421;
mod search;
mod secrets;
mod serve;
mod sessions;
mod signatures;
mod signed_commits;
mod ssh;
mod starting;
mod storage;
mod store;
mod strangers;
mod tokens;
mod told;
mod transfers;
mod upkeep;
mod vectors;
mod verifiers;
mod verify;
mod visibility;
mod webhook_kills;
mod webhooks;
mod wire2;
mod words;
mod work;
mod work_cli;
mod working_copies;

use testkit::{Person, Server};

/// The binary under test.
const MOTET: &str = env!("CARGO_BIN_EXE_motet");

/// A server, and somebody who is registered there.
async fn server_and_anna() -> (Server, Person) {
    let server = Server::start(MOTET).await;
    let anna = server.register("anna").await;
    (server, anna)
}

/// The files of the recorded exchanges and vectors.
fn fixture(path: &str) -> Vec<u8> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/fixtures/muse-wire")
        .join(path);
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A fixture that is JSON.
fn fixture_json(path: &str) -> serde_json::Value {
    serde_json::from_slice(&fixture(path)).unwrap()
}
