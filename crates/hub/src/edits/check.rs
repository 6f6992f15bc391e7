//! An edit as it was sent, read and checked: every fault of it at once.

use ::api::{json, wire::limits::MESSAGE_BYTES};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use names::RepoPath;
use web::{Fault, Problem};

use super::{Edit, Edits};
use crate::Error;

/// Files of one edit (`spec/hub.md` 9).
const FILES: usize = 100;
/// Bytes of all of them.
const BYTES: usize = 10 << 20;

/// What was asked for, or every fault of it.
pub(super) fn edits(asked: json::NewEdit) -> Result<Edits, Problem> {
    let json::NewEdit { branch, expected, message, files } = asked;
    let mut faults = Vec::new();
    let mut fault = |pointer: String, code: &'static str, message: String| {
        faults.push(Fault { pointer, code, message });
    };
    let branch = branch
        .parse()
        .map_err(|error: names::BranchError| {
            fault("/branch".to_owned(), "bad_ref", error.to_string());
        })
        .ok();
    let expected = expected.map(|text| text.parse());
    let expected = expected.transpose().map_err(|_| {
        let message = "the id of the commit at which the branch is, or null".to_owned();
        fault("/expected".to_owned(), "bad_id", message);
    });
    if message.trim().is_empty() || message.contains('\0') {
        let message = "a message says what changes, and holds no NUL".to_owned();
        fault("/message".to_owned(), "bad_message", message);
    } else if message.len() > MESSAGE_BYTES {
        let message = format!("a message has at most {MESSAGE_BYTES} bytes");
        fault("/message".to_owned(), "bad_message", message);
    }
    if files.is_empty() || files.len() > FILES {
        let message = format!("an edit changes 1 to {FILES} files");
        fault("/files".to_owned(), "invalid", message);
    }
    let mut edits = Vec::with_capacity(files.len().min(FILES));
    for (at, file) in files.into_iter().take(FILES).enumerate() {
        match edit(file) {
            Ok(edit) => edits.push(edit),
            Err((field, code, message)) => fault(format!("/files/{at}/{field}"), code, message),
        }
    }
    match (branch, expected) {
        (Some(branch), Ok(expected)) if faults.is_empty() => {
            check_size(&edits)?;
            Ok(Edits { branch, expected, message, files: edits })
        }
        _ => Err(Problem::invalid(faults)),
    }
}

/// What becomes of one file; else what is wrong, with the field and the code.
fn edit(file: json::EditedFile) -> Result<Edit, (&'static str, &'static str, String)> {
    let path = |field: &'static str, text: &str| {
        text.parse::<RepoPath>().map_err(|error| (field, "bad_path", format!("{error}")))
    };
    let to = path("path", &file.path)?;
    let from = file.from.as_deref().map(|from| path("from", from)).transpose()?;
    let decoded = file.content_b64.map(|text| STANDARD.decode(text));
    let bytes = decoded.transpose().map_err(|_| {
        let message = "the bytes of the file in base64, or null".to_owned();
        ("content_b64", "bad_content", message)
    })?;
    Ok(match (from, bytes) {
        (Some(from), bytes) => Edit::Move { from, path: to, bytes },
        (None, Some(bytes)) => Edit::Write { path: to, bytes },
        (None, None) => Edit::Remove { path: to },
    })
}

fn check_size(edits: &[Edit]) -> Result<(), Error> {
    let size = |edit: &Edit| match edit {
        Edit::Write { bytes, .. } | Edit::Move { bytes: Some(bytes), .. } => bytes.len(),
        Edit::Remove { .. } | Edit::Move { bytes: None, .. } => 0,
    };
    let bytes: usize = edits.iter().map(size).sum();
    if bytes <= BYTES {
        return Ok(());
    }
    let sentence = format!("the files of an edit have at most {BYTES} bytes; use: motet push");
    Err(Error::wire(::api::WireCode::TooLarge, sentence))
}
