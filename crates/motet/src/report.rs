//! What a command tells: text for people, or exactly one JSON object for programs (`spec/hub.md` 10).

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use crate::failure::{Exit, Failure};

/// How something went, on a line of its own.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// Worth a look.
pub(crate) const ODD: Style = AnsiColor::Yellow.on_default().bold();
/// Not as it should be.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

/// What a command has to tell when it is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// For programs.
    pub result: Value,
    /// For people: whole lines, without control characters but for our own colours.
    pub text: String,
    /// Whether the text is what was asked for, and no mere news that `--quiet` leaves out.
    pub is_answer: bool,
    /// Whether a reader may want to page through the text.
    pub is_long: bool,
    /// How the process ends.
    pub exit: Exit,
}

impl Report {
    /// News of something done.
    pub fn news(result: Value, text: impl Into<String>) -> Self {
        Self { result, text: text.into(), is_answer: false, is_long: false, exit: Exit::Done }
    }

    /// What was asked for.
    pub fn answer(result: Value, text: impl Into<String>) -> Self {
        Self { result, text: text.into(), is_answer: true, is_long: false, exit: Exit::Done }
    }
}

/// How results are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Manner {
    /// As one JSON object.
    pub json: bool,
    /// Without news.
    pub quiet: bool,
}

/// Tells how `command` ended: results to `out`, errors to `err`, but with JSON everything to `out`.
pub fn tell(
    manner: Manner,
    command: &str,
    ended: &Result<Report, Failure>,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<Exit> {
    match ended {
        Ok(report) if manner.json => {
            let ok = report.exit == Exit::Done;
            writeln!(out, "{}", json!({ "ok": ok, "command": command, "result": report.result }))?;
        }
        Ok(report) if !manner.quiet || report.is_answer => {
            out.write_all(report.text.as_bytes())?;
            if !report.text.is_empty() && !report.text.ends_with('\n') {
                writeln!(out)?;
            }
        }
        Ok(_) => {}
        Err(failure) if manner.json => {
            let Failure { exit: _, code, message, hint } = failure;
            let error = json!({ "code": code, "message": message, "hint": hint });
            writeln!(out, "{}", json!({ "ok": false, "error": error }))?;
        }
        Err(failure) => {
            writeln!(err, "{BAD}error:{BAD:#} {}", failure.message)?;
            if let Some(hint) = &failure.hint {
                writeln!(err, "{ODD}hint:{ODD:#} {hint}")?;
            }
        }
    }
    out.flush()?;
    Ok(match ended {
        Ok(report) => report.exit,
        Err(failure) => failure.exit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(manner: Manner, ended: &Result<Report, Failure>) -> (String, String, Exit) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = tell(manner, "push", ended, &mut out, &mut err).unwrap();
        let plain = |bytes: Vec<u8>| {
            let mut stripped = anstream::StripStream::new(Vec::new());
            stripped.write_all(&bytes).unwrap();
            String::from_utf8(stripped.into_inner()).unwrap()
        };
        (plain(out), plain(err), exit)
    }

    #[test]
    fn with_json_exactly_one_object_goes_to_standard_output() {
        let manner = Manner { json: true, quiet: true };
        let done = Ok(Report::news(json!({ "new": "ab" }), "pushed main"));
        let failed = Err(Failure::new(Exit::NotFound, "not_found", "no\nsuch thing").hint("look"));
        let error = json!({ "code": "not_found", "message": "no such thing", "hint": "look" });
        for (ended, object, exit) in [
            (done, json!({ "ok": true, "command": "push", "result": { "new": "ab" } }), Exit::Done),
            (failed, json!({ "ok": false, "error": error }), Exit::NotFound),
        ] {
            let (out, err, ended) = told(manner, &ended);
            assert_eq!((out.lines().count(), err.as_str(), ended), (1, "", exit));
            assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), object);
        }
    }

    #[test]
    fn people_get_text_and_errors_apart() {
        let loud = Manner::default();
        let quiet = Manner { quiet: true, ..loud };
        let news = Ok(Report::news(json!({}), "pushed main"));
        assert_eq!(told(loud, &news).0, "pushed main\n");
        assert_eq!(told(quiet, &news).0, "");
        assert_eq!(told(quiet, &Ok(Report::answer(json!({}), "ada\n"))).0, "ada\n");
        let failed = Err(Failure::usage("bad_address", "that is no address").hint("write another"));
        let (out, err, exit) = told(quiet, &failed);
        assert_eq!(out, "");
        assert_eq!(err, "error: that is no address\nhint: write another\n");
        assert_eq!(exit as u8, 2);
    }
}
