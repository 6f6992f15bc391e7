//! Trust: what a signature costs, and what strangers can make the limiter remember.

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use http::{Method, Request};
use keys::{CanonicalRequest, Credentials, InstallKey, Nonce, PrivateKey};
use names::{Clock, Random};
use rustix::time::{ClockId, clock_gettime};
use trust::{Actor, NewKey, Place, Settings, Signed, Trust};

use crate::row::Row;

/// Checks of one measurement.
const CHECKS: u32 = 4_000;
/// Addresses that ask once.
const PLACES: u32 = 262_144;
/// What all buckets of a process may take, full (`spec/trust.md` 17).
const BUCKET_MIB: f64 = 24.0;

const AUTHORITY: &str = "forge.example";
const TARGET: &str = "/api/v1/repos/acme/demo";

/// CPU time of this process so far.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn micros_each(since: Duration) -> f64 {
    cpu().saturating_sub(since).as_secs_f64() * 1e6 / f64::from(CHECKS)
}

/// What the check of a signature costs: parsing, the eight lines, strict Ed25519; and in the same run the whole way
/// through the plane, with its look-up in the database.
pub(crate) async fn signature() -> anyhow::Result<Row> {
    let (random, clock) = (Random::default(), Clock::default());
    let key = PrivateKey::generate(&random);
    let ts = clock.now().seconds();
    let headers: Vec<String> = (0..CHECKS).map(|_| signed(&key, &random, ts)).collect();
    let started = cpu();
    for header in &headers {
        let read = Credentials::parse(header)?;
        let holds = request(read.ts(), read.nonce()).verify(key.public(), read.sig());
        ensure!(black_box(holds), "a signature does not hold");
    }
    let checked = micros_each(started);

    let dir = tempfile::tempdir()?;
    let trust = plane(dir.path(), &clock, &random).await?;
    register(&trust, &key).await?;
    let started = cpu();
    for header in &headers {
        let (parts, ()) = Request::builder()
            .method(Method::GET)
            .uri(TARGET)
            .header("host", AUTHORITY)
            .header("authorization", header)
            .body(())?
            .into_parts();
        let signed = Signed::of(&parts, AUTHORITY, None)?;
        ensure!(!trust.authenticate(&signed).await?.actor.is_anonymous(), "nobody signed");
    }
    let whole = micros_each(started);
    let how = format!(
        "parse, canonical string, strict Ed25519 of a GET, {CHECKS} times on one thread; through the plane, with the \
         look-up in SQLite and every thread counted: {whole:.1} us"
    );
    Ok(Row::at_most("trust.signature", "us CPU", checked, 60.0, how))
}

fn request(ts: i64, nonce: &Nonce) -> CanonicalRequest<'_> {
    CanonicalRequest {
        method: "GET",
        authority: AUTHORITY,
        target: TARGET,
        ts,
        nonce,
        content_type: "",
        body_sha256: NO_BODY.get(),
    }
}

/// The digest of no body, computed once.
static NO_BODY: NoBody = NoBody(std::sync::OnceLock::new());

struct NoBody(std::sync::OnceLock<[u8; 32]>);

impl NoBody {
    fn get(&self) -> &[u8; 32] {
        self.0.get_or_init(|| *names::Digest::of(b"").as_bytes())
    }
}

fn signed(key: &PrivateKey, random: &Random, ts: i64) -> String {
    let nonce = Nonce::generate(random);
    keys::sign_request(key, &request(ts, &nonce)).to_header()
}

async fn plane(dir: &std::path::Path, clock: &Clock, random: &Random) -> anyhow::Result<Trust> {
    let db = db::Db::sqlite(&dir.join("motet.db")).await?;
    let settings = Settings::at(&format!("https://{AUTHORITY}"));
    let trust = Trust::open(db, clock.clone(), random.clone(), settings).await?;
    trust.check_install_key(&InstallKey::generate(random)).await?;
    Ok(trust)
}

async fn register(trust: &Trust, key: &PrivateKey) -> anyhow::Result<()> {
    let line = key.public().to_openssh();
    let made = trust.challenge(AUTHORITY, "ada".parse()?, &line).await?;
    let signature = key.sign(made.message.as_bytes()).to_string();
    trust.verify(&Actor::anonymous(), made.id, &signature, NewKey::default()).await?;
    Ok(())
}

/// What the limiter remembers when each of 262,144 addresses asks once: full, it holds 200,000 buckets and no more.
pub(crate) async fn limiter_memory() -> anyhow::Result<Row> {
    let dir = tempfile::tempdir()?;
    let trust = plane(dir.path(), &Clock::default(), &Random::default()).await?;
    let limits = trust.limits();
    let before = resident()?;
    for number in 0..PLACES {
        let address = IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + number));
        let place = Place::of(Some(address));
        // Full, it refuses those whom it does not know yet.
        let _refused = limits.arrive(place);
        let actor = Actor::anonymous();
        let _refused = limits.admit(trust::Class::Global, &actor, place, "");
    }
    let grown = resident()? - before;
    let how = format!("{PLACES} addresses ask once, the growth of the resident memory");
    Ok(Row::at_most("trust.limits.memory", "MiB", grown, BUCKET_MIB, how))
}

/// Resident memory in MiB.
fn resident() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:")).context("VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}
