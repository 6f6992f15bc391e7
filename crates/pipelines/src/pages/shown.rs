//! What the page of a run shows.

use askama::Template;
use web::look::{Html, Layout, When, visible};

use super::{
    Tabs,
    pictures::{gantt::Gantt, heat::Heat},
    steps::Steps,
};

/// A fact with its name.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) text: Html,
    /// Where it leads.
    pub(super) href: String,
    /// A moment, instead of the text.
    pub(super) when: Option<When>,
}

impl Fact {
    /// A fact that leads nowhere.
    pub(super) fn of(name: &'static str, text: &str) -> Self {
        Self { name, text: visible::html(text), href: String::new(), when: None }
    }

    /// One that leads somewhere.
    pub(super) fn link(name: &'static str, text: &str, href: String) -> Self {
        Self { href, ..Self::of(name, text) }
    }

    /// A moment.
    pub(super) fn when(name: &'static str, when: When) -> Self {
        Self { when: Some(when), ..Self::of(name, "") }
    }
}

/// A budget, and how much of it is gone.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) name: &'static str,
    pub(super) spent: String,
    pub(super) of: Option<String>,
    /// In hundredths.
    pub(super) share: Option<u8>,
}

/// Deaths that have step, reason and last word in common.
#[derive(Debug)]
pub(super) struct FailureRow {
    pub(super) count: String,
    pub(super) step: String,
    pub(super) reason: String,
    pub(super) note: Html,
    pub(super) all: String,
    pub(super) one: String,
    pub(super) address: String,
}

/// An entry of the timeline.
#[derive(Debug)]
pub(super) struct Happened {
    pub(super) seq: i64,
    pub(super) kind: String,
    pub(super) about: Html,
    pub(super) when: When,
}

/// A value, as far as it is shown.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) name: &'static str,
    pub(super) lines: Vec<Html>,
    /// Characters that are not shown.
    pub(super) left_out: u64,
}

/// A task in a list.
#[derive(Debug)]
pub(super) struct TaskRow {
    pub(super) href: String,
    pub(super) address: String,
    pub(super) generation: i64,
    pub(super) state: String,
    pub(super) badge: &'static str,
    pub(super) reason: String,
    pub(super) ready: Option<When>,
}

/// Tasks, as they are listed.
#[derive(Debug)]
pub(super) struct TaskList {
    pub(super) rows: Vec<TaskRow>,
    pub(super) next: Option<String>,
    pub(super) is_narrow: bool,
    pub(super) step: String,
    pub(super) state: String,
    pub(super) states: [&'static str; 10],
}

/// A fan-out that may be looked at.
#[derive(Debug)]
pub(super) struct Spot {
    pub(super) name: String,
    pub(super) href: String,
    pub(super) is_open: bool,
}

/// What may be done to a run by whoever looks.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of its own")]
pub(super) struct Orders {
    pub(super) csrf: String,
    pub(super) may_pause: bool,
    pub(super) may_resume: bool,
    pub(super) may_cancel: bool,
    pub(super) may_change: bool,
    pub(super) version: u32,
    pub(super) versions: Vec<u32>,
    /// What a replay is offered to begin with.
    pub(super) from: String,
}

/// `/runs/{run}`.
#[derive(Debug, Template)]
#[template(path = "run.html")]
pub(super) struct RunPage {
    pub(super) layout: Layout,
    pub(super) tabs: Tabs,
    pub(super) run: String,
    pub(super) here: String,
    pub(super) script: &'static str,
    pub(super) state: String,
    pub(super) badge: &'static str,
    pub(super) notices: Vec<Html>,
    pub(super) facts: Vec<Fact>,
    /// Why it is where it is, and where that leads.
    pub(super) reason: Vec<(String, Option<String>)>,
    pub(super) is_live: bool,
    pub(super) last_event: i64,
    pub(super) totals: Vec<(&'static str, u64)>,
    pub(super) steps: Steps,
    pub(super) gantt: Option<Gantt>,
    /// Whether the timeline is drawn from its first entry on.
    pub(super) is_whole: bool,
    pub(super) spots: Vec<Spot>,
    pub(super) heat: Option<Heat>,
    pub(super) failures: Vec<FailureRow>,
    pub(super) budgets: Vec<Budget>,
    pub(super) cost: String,
    pub(super) happened: Vec<Happened>,
    pub(super) input: Text,
    pub(super) output: Option<Text>,
    pub(super) tasks: TaskList,
    pub(super) orders: Option<Orders>,
}
