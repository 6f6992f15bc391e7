//! Logs: lines on standard error, one event each, without what proves who somebody is.
//!
//! | file       | what is there                                               |
//! |------------|-------------------------------------------------------------|
//! | `mod.rs`   | logging started                                             |
//! | `scrub.rs` | the last look at every line: what could be used is taken out   |

mod scrub;

use std::io::{self, Write};

use tracing_subscriber::{EnvFilter, fmt, fmt::MakeWriter};

use crate::{LogFormat, ServeArgs};

/// Starts logging. A second start in one process, as in tests, changes nothing.
pub(crate) fn start(args: &ServeArgs) {
    let filter = EnvFilter::try_new(&args.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt().with_env_filter(filter).with_writer(Scrubbed);
    let started = match args.log_format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .try_init(),
        LogFormat::Text => lines.try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging was started before");
    }
}

/// Standard error, behind the last look.
struct Scrubbed;

impl MakeWriter<'_> for Scrubbed {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line(Vec::new())
    }
}

/// One event: written whole when it is dropped, or not at all.
struct Line(Vec<u8>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(line) = scrub::line(&self.0, scrub::text) {
            // Whoever started us may have closed its end.
            let _gone = io::stderr().lock().write_all(line.as_bytes());
        }
    }
}
