//! The rows, one file a group.

mod cli;
mod db;
mod fetch;
mod git;
mod git_http;
mod git_signatures;
mod hooks;
mod hub;
mod idle;
mod jobs;
mod memory;
mod objects;
mod pages;
mod pages_git;
mod search;
mod timing;
mod trust;
mod wire2;
mod work;

use std::{future::Future, path::Path, pin::Pin};

use crate::row::Row;
use pages::Page;

type Measured<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Row>> + 'a>>;
type Measure = for<'a> fn(&'a Path) -> Measured<'a>;

pub(crate) use work::enqueue;

/// Every row, in the order in which they are measured.
pub(crate) const ALL: &[(&str, Measure)] = &[
    ("objects.put", |_| Box::pin(objects::put())),
    ("objects.get", |_| Box::pin(objects::get())),
    ("db.group_commit", |_| Box::pin(db::group_commit())),
    ("db.group_commit.turns", |_| Box::pin(db::group_commit_turns())),
    ("db.group_commit.single", |_| Box::pin(db::group_commit_single())),
    ("db.read", |_| Box::pin(db::read())),
    ("jobs.claim.sqlite", |_| Box::pin(jobs::claim_sqlite())),
    ("jobs.claim.postgres", |_| Box::pin(jobs::claim_postgres())),
    ("trust.signature", |_| Box::pin(trust::signature())),
    ("git.signatures", |_| Box::pin(async { git_signatures::verified() })),
    ("trust.limits.memory", |_| Box::pin(trust::limiter_memory())),
    ("trust.timing.signature", |binary| Box::pin(timing::signature(binary))),
    ("trust.timing.hidden", |binary| Box::pin(timing::hidden(binary))),
    ("hub.json.unsigned", |binary| Box::pin(hub::json_unsigned(binary))),
    ("hub.json.signed", |binary| Box::pin(hub::json_signed(binary))),
    ("hub.push.100", |binary| Box::pin(hub::push_100(binary))),
    ("hub.push.1000", |binary| Box::pin(hub::push_1000(binary))),
    ("hub.push.10000", |binary| Box::pin(hub::push_10000(binary))),
    ("hub.fetch", |binary| Box::pin(fetch::fetch(binary))),
    ("hub.push.memory", |binary| Box::pin(async move { memory::push(binary) })),
    ("hub.archive.memory", |binary| Box::pin(async move { memory::archive(binary) })),
    ("pages.root.20000", |binary| {
        Box::pin(pages::page(binary, "pages.root.20000", (Page::Root, pages::SHORT)))
    }),
    ("pages.root.1000000", |binary| {
        Box::pin(pages::page(binary, "pages.root.1000000", (Page::Root, pages::LONG)))
    }),
    ("pages.tree.20000", |binary| {
        Box::pin(pages::page(binary, "pages.tree.20000", (Page::Tree, pages::SHORT)))
    }),
    ("pages.tree.1000000", |binary| {
        Box::pin(pages::page(binary, "pages.tree.1000000", (Page::Tree, pages::LONG)))
    }),
    ("pages.file.20000", |binary| {
        Box::pin(pages::page(binary, "pages.file.20000", (Page::File, pages::SHORT)))
    }),
    ("pages.file.1000000", |binary| {
        Box::pin(pages::page(binary, "pages.file.1000000", (Page::File, pages::LONG)))
    }),
    ("pages.commits.20000", |binary| {
        Box::pin(pages::page(binary, "pages.commits.20000", (Page::Commits, pages::SHORT)))
    }),
    ("pages.commits.1000000", |binary| {
        Box::pin(pages::page(binary, "pages.commits.1000000", (Page::Commits, pages::LONG)))
    }),
    ("pages.commit.20000", |binary| {
        Box::pin(pages::page(binary, "pages.commit.20000", (Page::Commit, pages::SHORT)))
    }),
    ("pages.commit.1000000", |binary| {
        Box::pin(pages::page(binary, "pages.commit.1000000", (Page::Commit, pages::LONG)))
    }),
    ("pages.blame.20000", |binary| {
        Box::pin(pages::page(binary, "pages.blame.20000", (Page::Blame, pages::SHORT)))
    }),
    ("pages.blame.1000000", |binary| {
        Box::pin(pages::page(binary, "pages.blame.1000000", (Page::Blame, pages::LONG)))
    }),
    ("pages.graph.20000", |binary| {
        Box::pin(pages::page(binary, "pages.graph.20000", (Page::Graph, pages::SHORT)))
    }),
    ("pages.graph.1000000", |binary| {
        Box::pin(pages::page(binary, "pages.graph.1000000", (Page::Graph, pages::LONG)))
    }),
    ("pages.log_path.20000", |binary| {
        Box::pin(pages::page(binary, "pages.log_path.20000", (Page::LogPath, pages::SHORT)))
    }),
    ("pages.log_path.1000000", |binary| {
        Box::pin(pages::page(binary, "pages.log_path.1000000", (Page::LogPath, pages::LONG)))
    }),
    ("pages.git.root", |binary| {
        Box::pin(pages::page(binary, "pages.git.root", (Page::Root, pages::SHORT_GIT)))
    }),
    ("pages.git.tree", |binary| {
        Box::pin(pages::page(binary, "pages.git.tree", (Page::Tree, pages::SHORT_GIT)))
    }),
    ("pages.git.file", |binary| {
        Box::pin(pages::page(binary, "pages.git.file", (Page::File, pages::SHORT_GIT)))
    }),
    ("pages.git.commits", |binary| {
        Box::pin(pages::page(binary, "pages.git.commits", (Page::Commits, pages::SHORT_GIT)))
    }),
    ("pages.git.commit", |binary| {
        Box::pin(pages::page(binary, "pages.git.commit", (Page::Commit, pages::SHORT_GIT)))
    }),
    ("pages.git.blame", |binary| {
        Box::pin(pages::page(binary, "pages.git.blame", (Page::Blame, pages::SHORT_GIT)))
    }),
    ("pages.git.graph", |binary| {
        Box::pin(pages::page(binary, "pages.git.graph", (Page::Graph, pages::SHORT_GIT)))
    }),
    ("pages.git.log_path", |binary| {
        Box::pin(pages::page(binary, "pages.git.log_path", (Page::LogPath, pages::SHORT_GIT)))
    }),
    ("pages.weight", |binary| Box::pin(pages::weight(binary))),
    ("push.index", |binary| Box::pin(pages::push_index(binary))),
    ("search.code", |binary| Box::pin(search::code(binary))),
    ("hooks.first_attempt", |binary| Box::pin(hooks::first_attempt(binary))),
    ("index.memory", |binary| Box::pin(pages::index_memory(binary))),
    ("git.clone", |binary| Box::pin(git::clone(binary))),
    ("git.fetch", |binary| Box::pin(git::fetch(binary))),
    ("git.push", |binary| Box::pin(git::push(binary))),
    ("git.advertise", |binary| Box::pin(git::advertise(binary))),
    ("wire2.clone", |binary| Box::pin(wire2::clone(binary))),
    ("cli.commit.10000", |binary| Box::pin(async move { cli::commit(binary) })),
    ("cli.status.10000", |binary| Box::pin(async move { cli::status_clean(binary) })),
    ("cli.status.10000.changed", |binary| Box::pin(async move { cli::status_changed(binary) })),
    ("cli.start", |binary| Box::pin(async move { cli::start(binary) })),
    ("work.throughput.sqlite", |binary| Box::pin(work::throughput_sqlite(binary))),
    ("work.throughput.postgres", |binary| Box::pin(work::throughput_postgres(binary))),
    ("work.latency.sqlite", |binary| Box::pin(work::latency_sqlite(binary))),
    ("work.latency.postgres", |binary| Box::pin(work::latency_postgres(binary))),
    ("work.million", |binary| Box::pin(work::million(binary))),
    ("work.boot", |binary| Box::pin(work::boot(binary))),
    ("work.memory", |binary| Box::pin(work::memory(binary))),
    ("work.neighbour.sqlite", |binary| Box::pin(work::neighbour_sqlite(binary))),
    ("work.neighbour.postgres", |binary| Box::pin(work::neighbour_postgres(binary))),
    ("work.idle", |binary| Box::pin(work::idle(binary))),
    ("work.page", |binary| Box::pin(work::page(binary))),
    ("idle.memory", |binary| Box::pin(idle::memory(binary))),
    ("idle.transactions", |binary| Box::pin(idle::transactions(binary))),
    ("idle.start", |binary| Box::pin(async move { idle::start(binary) })),
    ("idle.binary", |binary| Box::pin(async move { idle::binary(binary) })),
];
