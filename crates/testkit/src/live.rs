//! An answer that is told as it happens: server-sent events, as a browser reads them.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::{task::AbortHandle, time::timeout};

use crate::Answer;

/// Far more than an event takes that is sent at all.
const WAIT: Duration = Duration::from_secs(40);

/// An event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Happened {
    /// Its id, if it has one.
    pub id: Option<u64>,
    /// Its type.
    pub kind: String,
    /// What it says.
    pub data: serde_json::Value,
}

/// A stream that is being read. Dropping it hangs up.
#[derive(Debug)]
pub struct Live {
    /// The head of the answer.
    pub head: Answer,
    body: Incoming,
    connection: AbortHandle,
    /// What has come and is no whole event yet.
    rest: String,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Live {
    pub(crate) fn new(head: Answer, body: Incoming, connection: AbortHandle) -> Self {
        Self { head, body, connection, rest: String::new() }
    }

    /// The next event; nothing where the stream ends.
    pub async fn next(&mut self) -> Option<Happened> {
        loop {
            while let Some((block, rest)) = self.rest.split_once("\n\n") {
                let happened = read(block);
                self.rest = String::from(rest);
                if happened.is_some() {
                    return happened;
                }
            }
            let frame = timeout(WAIT, self.body.frame()).await.expect("the stream goes on or ends");
            let bytes = frame?.ok()?.into_data().ok()?;
            self.rest.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    /// Events until one of this type has come, with it.
    pub async fn until(&mut self, kind: &str) -> Vec<Happened> {
        let mut all = Vec::new();
        loop {
            let next = self.next().await;
            let next = next.unwrap_or_else(|| panic!("the stream ends before {kind}: {all:?}"));
            let is_it = next.kind == kind;
            all.push(next);
            if is_it {
                return all;
            }
        }
    }
}

/// The event of a block of lines; a comment is none.
fn read(block: &str) -> Option<Happened> {
    let field = |name: &str| {
        let mut lines = block.lines().rev().filter_map(|line| line.strip_prefix(name));
        lines.next().map(|it| it.trim_start().to_owned())
    };
    let data = field("data:")?;
    Some(Happened {
        id: field("id:").map(|it| it.parse().unwrap()),
        kind: field("event:").unwrap_or_else(|| "message".to_owned()),
        data: serde_json::from_str(&data).unwrap(),
    })
}
