//! Logs: JSON lines on standard error, one event each.

use tracing_subscriber::{EnvFilter, fmt};

use crate::{LogFormat, ServeArgs};

/// Starts logging. A second start in one process, as in tests, changes nothing.
pub(crate) fn start(args: &ServeArgs) {
    let filter = EnvFilter::try_new(&args.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
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
