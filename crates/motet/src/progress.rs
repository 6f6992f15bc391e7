//! How far a long command has come: a bar on a terminal after half a second of work, or one line of JSON at a
//! time for programs; always on standard error, so that standard output holds results alone (`spec/hub.md` 10).

use std::{
    io::Write as _,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// How long the work has to take before anything is shown.
const PATIENCE: Duration = Duration::from_millis(500);
/// The least time between two lines of JSON.
const BETWEEN_LINES: Duration = Duration::from_millis(200);
const TEMPLATE: &str = "{msg} [{bar:30}] {pos}/{len}, {per_sec}, {eta} left";

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Mode {
    /// A bar if standard error is a terminal
    #[default]
    Auto,
    /// Nothing
    Never,
    /// A line of JSON at a time
    Json,
}

/// How progress is shown, decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Bar,
    Json,
    Nothing,
}

/// Watches one command at work.
#[derive(Debug)]
pub struct Progress {
    shown: Shown,
    phase: Mutex<Option<Phase>>,
}

#[derive(Debug)]
struct Phase {
    what: &'static str,
    done: u64,
    total: u64,
    begun: Instant,
    bar: Option<ProgressBar>,
    last_line: Option<Instant>,
    /// What the last line said.
    told: Option<u64>,
}

impl Progress {
    /// Shows progress as `mode` wants it.
    pub const fn new(mode: Mode, stderr_is_terminal: bool) -> Self {
        let shown = match (mode, stderr_is_terminal) {
            (Mode::Auto, true) => Shown::Bar,
            (Mode::Json, _) => Shown::Json,
            (Mode::Auto, false) | (Mode::Never, _) => Shown::Nothing,
        };
        Self { shown, phase: Mutex::new(None) }
    }

    /// Shows nothing.
    pub const fn silent() -> Self {
        Self::new(Mode::Never, false)
    }

    /// A part of the work begins, in as many steps as `total`; the one before it is over.
    pub fn begin(&self, what: &'static str, total: u64) {
        if self.shown == Shown::Nothing {
            return;
        }
        self.end();
        let (begun, bar, last_line, told) = (Instant::now(), None, None, None);
        let phase = Phase { what, done: 0, total, begun, bar, last_line, told };
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = Some(phase);
    }

    /// So many steps more are done.
    pub fn advance(&self, by: u64) {
        if let Some(phase) = self.phase.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            phase.done = phase.done.saturating_add(by);
            phase.show(self.shown);
        }
    }

    /// The part that has begun is over.
    pub fn end(&self) {
        if let Some(phase) = self.phase.lock().unwrap_or_else(PoisonError::into_inner).take() {
            phase.finish(self.shown);
        }
    }
}

impl Phase {
    fn show(&mut self, shown: Shown) {
        match shown {
            Shown::Bar if self.begun.elapsed() >= PATIENCE => {
                let bar = self.bar.get_or_insert_with(|| {
                    // The template is a constant that a test looks at.
                    let style = ProgressStyle::with_template(TEMPLATE)
                        .unwrap_or_else(|_| ProgressStyle::default_bar());
                    ProgressBar::new(self.total).with_style(style).with_message(self.what)
                });
                bar.set_position(self.done);
            }
            Shown::Json if self.last_line.is_none_or(|last| last.elapsed() >= BETWEEN_LINES) => {
                self.last_line = Some(Instant::now());
                self.write_line();
            }
            Shown::Bar | Shown::Json | Shown::Nothing => {}
        }
    }

    fn finish(mut self, shown: Shown) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if shown == Shown::Json && self.told != Some(self.done) {
            self.write_line();
        }
    }

    fn write_line(&mut self) {
        self.told = Some(self.done);
        let line =
            serde_json::json!({ "phase": self.what, "done": self.done, "total": self.total });
        // Progress that nobody can read is no reason to stop the work.
        writeln!(std::io::stderr(), "{line}").unwrap_or_default();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_needs_a_terminal() {
        assert_eq!(Progress::new(Mode::Auto, true).shown, Shown::Bar);
        assert_eq!(Progress::new(Mode::Auto, false).shown, Shown::Nothing);
        assert_eq!(Progress::new(Mode::Json, false).shown, Shown::Json);
        assert_eq!(Progress::new(Mode::Never, true).shown, Shown::Nothing);
    }

    #[test]
    fn the_template_of_the_bar_is_one() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
