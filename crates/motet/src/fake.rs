//! A server for tests: answers what it is told, in order, one connection each, and keeps what it was asked.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread::JoinHandle,
};

use crate::client::Origin;

/// A request as it came.
pub(crate) struct Asked {
    /// The request line and the headers.
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn method(&self) -> &str {
        self.head.split(' ').next().unwrap()
    }

    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    /// The value of a header as it was sent; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }
}

/// An answer as it goes out.
pub(crate) fn answer(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

pub(crate) fn json(status: u16, value: &serde_json::Value) -> Vec<u8> {
    let kind = if status < 400 { "application/json" } else { "application/problem+json" };
    answer(status, &format!("Content-Type: {kind}"), value.to_string().as_bytes())
}

pub(crate) fn message_pack(value: &api::Value) -> Vec<u8> {
    let mut body = Vec::new();
    api::msgpack::write_value(&mut body, value).unwrap();
    answer(200, "Content-Type: application/x-msgpack", &body)
}

/// A server that gives `answers` and ends; what it was asked comes from the thread.
pub(crate) fn serve(answers: Vec<Vec<u8>>) -> (Origin, JoinHandle<Vec<Asked>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let thread = std::thread::spawn(move || {
        answers
            .into_iter()
            .map(|answer| {
                let (mut stream, _) = listener.accept().unwrap();
                let asked = read(&mut stream);
                stream.write_all(&answer).unwrap();
                asked
            })
            .collect()
    });
    (origin, thread)
}

fn read(stream: &mut TcpStream) -> Asked {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let mut asked = Asked { head: String::from_utf8(head).unwrap(), body: Vec::new() };
    asked.body = vec![0; asked.header("content-length").parse().unwrap_or(0)];
    stream.read_exact(&mut asked.body).unwrap();
    asked
}
