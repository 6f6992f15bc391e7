//! What the page of background work shows. Texts that came with a job or an error are made visible before they get here.

use askama::Template;
use web::look::{Html, Layout, When};

/// `/admin/jobs`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin_jobs.html")]
pub(crate) struct JobsPage {
    /// The frame.
    pub(crate) layout: Layout,
    /// One for each state.
    pub(crate) tabs: Vec<Tab>,
    /// What the open tab shows, as a heading.
    pub(crate) title: &'static str,
    /// What it means that there are none.
    pub(crate) none: &'static str,
    /// Since when the longest waiting due job waits.
    pub(crate) oldest: Option<When>,
    /// Facts that have not become jobs yet.
    pub(crate) posted: Option<String>,
    /// The jobs of this page, newest first.
    pub(crate) jobs: Vec<JobRow>,
    /// The first page, if this is another.
    pub(crate) newer_href: Option<String>,
    /// The next page, if there is one.
    pub(crate) older_href: Option<String>,
    /// What comes again and again.
    pub(crate) schedules: Vec<ScheduleRow>,
    /// Whether there are more than the page holds.
    pub(crate) has_more_schedules: bool,
}

/// A state, and how many jobs are in it.
#[derive(Debug, Clone)]
pub(crate) struct Tab {
    /// The state, as a title.
    pub(crate) title: &'static str,
    /// How many.
    pub(crate) count: String,
    /// Its page.
    pub(crate) href: String,
    /// Whether it is open.
    pub(crate) is_current: bool,
}

/// A job, without what it carries.
#[derive(Debug, Clone)]
pub(crate) struct JobRow {
    /// Which.
    pub(crate) id: String,
    /// What sort of work.
    pub(crate) kind: Html,
    /// Its key, if it has one.
    pub(crate) key: Option<Html>,
    /// How often it was tried, and how often it may be.
    pub(crate) tries: String,
    /// Not before this moment.
    pub(crate) due: When,
    /// When it was pushed.
    pub(crate) pushed: When,
    /// What the last failed try said.
    pub(crate) error: Option<Html>,
    /// Whether somebody has to decide.
    pub(crate) is_dead: bool,
}

/// A schedule.
#[derive(Debug, Clone)]
pub(crate) struct ScheduleRow {
    /// Its name.
    pub(crate) name: Html,
    /// Its pattern.
    pub(crate) cron: Html,
    /// The zone of the pattern.
    pub(crate) zone: Html,
    /// When it comes next; nothing while it is switched off.
    pub(crate) next: Option<When>,
}

#[cfg(test)]
mod tests {
    use names::UnixMillis;
    use web::look::visible;

    use super::*;

    fn page(jobs: Vec<JobRow>, schedules: Vec<ScheduleRow>) -> String {
        let page = JobsPage {
            layout: Layout::default(),
            tabs: vec![Tab {
                title: "Dead",
                count: "1".to_owned(),
                href: "/admin/jobs".to_owned(),
                is_current: true,
            }],
            title: "Dead jobs",
            none: "No job has failed for the last time.",
            oldest: None,
            posted: None,
            jobs,
            newer_href: None,
            older_href: None,
            schedules,
            has_more_schedules: false,
        };
        page.render().unwrap()
    }

    #[test]
    fn what_a_job_says_never_becomes_markup() {
        let when = When::new(UnixMillis(0), UnixMillis(60_000));
        let hostile = visible::html("<script>alert(1)</script>\u{202e}");
        let job = JobRow {
            id: "0197".to_owned(),
            kind: hostile.clone(),
            key: Some(hostile.clone()),
            tries: "1 of 30".to_owned(),
            due: when.clone(),
            pushed: when.clone(),
            error: Some(hostile.clone()),
            is_dead: true,
        };
        let name = hostile.clone();
        let schedule = ScheduleRow { name, cron: hostile.clone(), zone: hostile, next: Some(when) };
        let shown = page(vec![job], vec![schedule]);
        for forbidden in ["<script>", "<style", " style=", "\u{202e}"] {
            assert!(!shown.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn every_list_says_what_it_means_that_it_is_empty() {
        let shown = page(Vec::new(), Vec::new());
        assert!(shown.contains("No job has failed for the last time."), "{shown}");
        assert!(shown.contains("Nothing comes again and again."), "{shown}");
        assert_eq!(shown.matches("<h1").count(), 1);
        assert_eq!(shown.matches("<table").count(), 0);
    }
}
