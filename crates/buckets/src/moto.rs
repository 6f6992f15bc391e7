//! How moto is set up.
//!
//! It believes everybody for a number of requests and nobody without a signature afterwards. Those first requests make
//! a user who may do everything, its key, and a supply of buckets.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Mutex, PoisonError},
};

use crate::{
    Bucket,
    asking::{ask, text_after},
    guard::{Guard, directory},
};

/// Where `bin/setup` puts it, from the root of the checkout.
const PROGRAM: &str = ".tools/moto/bin/moto_server";
const REGION: &str = "us-east-1";
/// Buckets that one server has to give.
const BUCKETS: usize = 16;
/// Requests that make the user, its rights and its key.
const REQUESTS_FOR_USER: usize = 3;
const RIGHTS: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

#[derive(Debug)]
pub(crate) struct Moto {
    guard: Guard,
    address: SocketAddr,
    key_id: String,
    secret: String,
    /// Names of buckets that nobody has yet.
    unused: Mutex<Vec<String>>,
}

impl Moto {
    pub(crate) fn start() -> Self {
        let [port] = cluster::free_ports();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let trusting = (REQUESTS_FOR_USER + BUCKETS).to_string();
        let guard = Guard::start(
            directory(),
            &program(),
            &["--host", "127.0.0.1", "--port", &port.to_string()],
            &[("INITIAL_NO_AUTH_ACTION_COUNT", trusting.as_str()), ("PYTHONUNBUFFERED", "1")],
        );
        guard.await_listening(address);
        guard.assert_lives();
        identity(address, "CreateUser", "");
        let rights = format!("&PolicyName=all&PolicyDocument={}", in_a_form(RIGHTS));
        identity(address, "PutUserPolicy", &rights);
        let key = identity(address, "CreateAccessKey", "");
        let names: Vec<_> = (0..BUCKETS).map(|number| format!("bucket-{number}")).collect();
        for name in &names {
            believed(address, &format!("PUT /{name} HTTP/1.1"), "", "");
        }
        let (key_id, secret) = (element(&key, "AccessKeyId"), element(&key, "SecretAccessKey"));
        Self { guard, address, key_id, secret, unused: Mutex::new(names) }
    }

    pub(crate) fn bucket(&self) -> Bucket {
        let unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Bucket {
            endpoint: format!("http://{}", self.address),
            region: REGION.to_owned(),
            name: unused.expect("a test takes fewer buckets than one moto has to give"),
            key_id: self.key_id.clone(),
            secret: self.secret.clone(),
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) const fn guard(&self) -> &Guard {
        &self.guard
    }

    pub(crate) fn await_ready(&self) {
        self.guard.await_listening(self.address);
    }
}

fn program() -> String {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let root = crates.and_then(Path::parent).expect("this crate lies in crates/");
    root.join(PROGRAM).to_str().expect("a checkout lies below a plain name").to_owned()
}

/// One action of identity management, for the one user that there is.
fn identity(address: SocketAddr, action: &str, more: &str) -> String {
    // Which service is meant stands in the scope of the credential.
    let head = "Authorization: AWS4-HMAC-SHA256 Credential=nobody/20260101/us-east-1/iam/aws4_request, \
                SignedHeaders=host, Signature=none\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let form = format!("Action={action}&Version=2010-05-08&UserName=tests{more}");
    believed(address, "POST / HTTP/1.1", head, &form)
}

fn believed(address: SocketAddr, line: &str, head: &str, body: &str) -> String {
    let answer = ask(address, line, head, body).expect("moto listens");
    assert_eq!(answer.status, 200, "moto refused {line} {body}: {}", answer.body);
    answer.body
}

/// The text of the only element of that name.
fn element(xml: &str, name: &str) -> String {
    let rest = text_after(xml, &format!("<{name}>"));
    rest.split('<').next().unwrap_or_default().to_owned()
}

/// A value as it stands in a form.
fn in_a_form(value: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(encode).collect()
}
