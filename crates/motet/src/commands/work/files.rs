//! What is named on the command line, read within bounds. `-` is standard input.

use std::{
    fs::File,
    io::{Read, stdin},
    path::Path,
};

use names::Secret;
use serde_json::Value;

use crate::{context::Context, failure::Failure};

/// The longest file with secrets: a line for each of those that are active, and more than anybody has.
const MAX_SECRETS_BYTES: usize = 16 << 10;

/// At most `max_bytes` of a file, from its beginning.
pub(super) fn beginning(
    file: &Path,
    max_bytes: usize,
    context: &Context,
) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| Failure::usage("unreadable", format!("{}: {error}", file.display()));
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        stdin().lock().take(max_bytes as u64).read_to_end(&mut bytes).map_err(unreadable)?;
    } else {
        let opened = File::open(context.at(file)).map_err(unreadable)?;
        opened.take(max_bytes as u64).read_to_end(&mut bytes).map_err(unreadable)?;
    }
    Ok(bytes)
}

/// A whole file, if it is not longer than that.
pub(super) fn whole(file: &Path, max_bytes: usize, context: &Context) -> Result<Vec<u8>, Failure> {
    let bytes = beginning(file, max_bytes + 1, context)?;
    if bytes.len() > max_bytes {
        let why = format!("{} has more than {max_bytes} bytes", file.display());
        return Err(Failure::usage("too_large", why));
    }
    Ok(bytes)
}

/// A whole file of text.
pub(super) fn text(file: &Path, max_bytes: usize, context: &Context) -> Result<String, Failure> {
    String::from_utf8(whole(file, max_bytes, context)?).map_err(|_| no_text(file))
}

/// A whole file that is a value of JSON.
pub(super) fn json(file: &Path, max_bytes: usize, context: &Context) -> Result<Value, Failure> {
    let bytes = whole(file, max_bytes, context)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::usage("unreadable", format!("{}: {error}", file.display())))
}

/// The lines of a file that nobody else has to see, without those that are empty.
pub(super) fn secrets(file: &Path, context: &Context) -> Result<Vec<Secret<String>>, Failure> {
    let bytes = Secret::new(whole(file, MAX_SECRETS_BYTES, context)?);
    let text = std::str::from_utf8(bytes.expose()).map_err(|_| no_text(file))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(|line| Secret::new(line.to_owned())).collect())
}

fn no_text(file: &Path) -> Failure {
    Failure::usage("unreadable", format!("{} is no text in UTF-8", file.display()))
}
