//! One request over a connection of its own: enough for what sets a server up.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Sends `line`, the lines of `head` and `body`, and reads until the other side has said all.
pub(crate) fn ask(address: SocketAddr, line: &str, head: &str, body: &str) -> io::Result<Answer> {
    let mut connection = TcpStream::connect(address)?;
    let length = body.len();
    let common = format!("Host: {address}\r\nContent-Length: {length}\r\nConnection: close\r\n");
    connection.write_all(format!("{line}\r\n{common}{head}\r\n{body}").as_bytes())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("not an answer: {answer}")))?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
    Ok(Answer { status, body })
}

/// What follows the first `mark`.
pub(crate) fn text_after<'a>(text: &'a str, mark: &str) -> &'a str {
    text.split_once(mark).map(|(_, rest)| rest).expect("the server answers as it is documented")
}
