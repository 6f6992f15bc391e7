//! How Garage is set up: one node, and an administrator's door through which keys and buckets are made.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{
    Bucket,
    asking::{ask, text_after},
    guard::{Guard, directory},
};

/// Built by `bin/setup` into cargo's own directory, which is among those that programs are looked for in.
const PROGRAM: &str = "garage";
const REGION: &str = "garage";
/// What opens the administrator's door; anybody on this machine may know it.
const TOKEN: &str = "tests";

#[derive(Debug)]
pub(crate) struct Garage {
    guard: Guard,
    address: SocketAddr,
    admin: SocketAddr,
    buckets: AtomicU32,
}

impl Garage {
    pub(crate) fn start() -> Self {
        let [rpc, s3, admin] = cluster::free_ports();
        let dir = directory();
        let settings = dir.join("garage.toml");
        fs::write(&settings, configuration(&dir, rpc, s3, admin))
            .expect("a temporary directory can be written");
        let settings = settings.to_str().expect("the temporary directory has a plain name");
        let args = ["-c", settings, "server", "--single-node"];
        let guard = Guard::start(dir, PROGRAM, &args, &[("RUST_LOG", "garage=info")]);
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (address, admin) = (at(s3), at(admin));
        let garage = Self { guard, address, admin, buckets: AtomicU32::new(0) };
        garage.await_ready();
        garage
    }

    pub(crate) fn bucket(&self) -> Bucket {
        let name = format!("bucket-{}", self.buckets.fetch_add(1, Ordering::Relaxed));
        let key = self.administer("CreateKey", &format!(r#"{{"name":"{name}"}}"#));
        let (key_id, secret) = (member(&key, "accessKeyId"), member(&key, "secretAccessKey"));
        let made = self.administer("CreateBucket", &format!(r#"{{"globalAlias":"{name}"}}"#));
        let id = member(&made, "id");
        let rights = r#"{"read":true,"write":true,"owner":true}"#;
        self.administer(
            "AllowBucketKey",
            &format!(r#"{{"bucketId":"{id}","accessKeyId":"{key_id}","permissions":{rights}}}"#),
        );
        let endpoint = format!("http://{}", self.address);
        Bucket { endpoint, region: REGION.to_owned(), name, key_id, secret }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) const fn guard(&self) -> &Guard {
        &self.guard
    }

    /// It listens before it knows that it is the whole cluster.
    pub(crate) fn await_ready(&self) {
        self.guard.await_listening(self.admin);
        self.guard.await_that("become healthy", || {
            ask(self.admin, "GET /health HTTP/1.1", "", "").is_ok_and(|it| it.status == 200)
        });
        self.guard.await_listening(self.address);
        self.guard.assert_lives();
    }

    /// What Garage counts under this name for a bucket.
    pub(crate) fn count(&self, bucket: &str, what: &str) -> u64 {
        let line = format!("GET /v2/GetBucketInfo?globalAlias={bucket} HTTP/1.1");
        let told = ask(self.admin, &line, &head(), "").expect("Garage listens").body;
        let count = text_after(&told, &format!(r#""{what}":"#)).trim_start();
        let digits = count.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        digits.parse().expect("Garage counts it")
    }

    fn administer(&self, action: &str, body: &str) -> String {
        let answer = ask(self.admin, &format!("POST /v2/{action} HTTP/1.1"), &head(), body);
        let answer = answer.expect("Garage listens");
        assert_eq!(answer.status, 200, "Garage refused {action} {body}: {}", answer.body);
        answer.body
    }
}

fn head() -> String {
    format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n")
}

fn configuration(dir: &Path, rpc: u16, s3: u16, admin: u16) -> String {
    let (meta, data) = (dir.join("meta"), dir.join("data"));
    let (meta, data) = (meta.display(), data.display());
    // One secret for all: nobody but this machine reaches the port.
    let secret = "0".repeat(64);
    format!(
        r#"
metadata_dir = "{meta}"
data_dir = "{data}"
db_engine = "sqlite"
replication_factor = 1
compression_level = "none"
rpc_bind_addr = "127.0.0.1:{rpc}"
rpc_public_addr = "127.0.0.1:{rpc}"
rpc_secret = "{secret}"

[s3_api]
s3_region = "{REGION}"
api_bind_addr = "127.0.0.1:{s3}"

[admin]
api_bind_addr = "127.0.0.1:{admin}"
admin_token = "{TOKEN}"
"#
    )
}

/// The text of the first member of that name.
fn member(json: &str, name: &str) -> String {
    text_after(json, &format!(r#""{name}""#))
        .trim_start_matches([':', ' ', '"'])
        .split('"')
        .next()
        .unwrap_or_default()
        .to_owned()
}
