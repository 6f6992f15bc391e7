//! Limits against a clock that the test holds, and locks against a real database.

use std::{net::IpAddr, time::Duration};

use db::Db;
use http::{HeaderMap, HeaderValue, header};
use names::{Clock, Id, Random, UnixMillis};
use tempfile::TempDir;

use super::{
    Class, Exceeded, LimitSetting, LimitSettings, Limits, Place, Rate, Suspect, Who,
    failures::Failures,
};
use crate::{Actor, Error, Settings, Trust};

const START: UnixMillis = UnixMillis(1_795_294_380_000);

fn place(address: &str) -> Place {
    Place::of(Some(address.parse::<IpAddr>().unwrap()))
}

fn limits() -> (Limits, Clock) {
    let clock = Clock::stopped_at(START);
    (Limits::new(clock.clone(), LimitSettings::default()), clock)
}

#[test]
fn the_table_is_the_one_of_the_specification() {
    let line = |rate: Option<Rate>| {
        rate.map_or("-".to_owned(), |rate| {
            let quota = rate.default_quota();
            format!("{rate} {}/{}s", quota.count, quota.period.as_secs())
        })
    };
    let classes = Class::ALL
        .iter()
        .map(|it| format!("{it:?}: {} | {}", line(it.anonymous()), line(it.signed_in())));
    let others = [
        Rate::Ip,
        Rate::BootstrapInstall,
        Rate::Registrations,
        Rate::PushBytes,
        Rate::Points,
        Rate::PointsAround,
    ];
    let others = others.map(|rate| line(Some(rate)));
    let table = classes.chain(others).collect::<Vec<_>>().join("\n");
    println!("{table}");
    assert_eq!(
        table,
        "Free: - | -
Global: anonymous 300/60s | principal 1200/60s
Mint: anonymous 300/60s | mints 30/3600s
Export: anonymous 300/60s | exports 2/3600s
Leave: anonymous 300/60s | deletions 3/3600s
Auth: auth 20/60s | auth 20/60s
Bootstrap: bootstrap 5/60s | bootstrap 5/60s
WireRead: wire-anonymous 240/60s | wire-reads 600/60s
Upload: wire-anonymous 240/60s | uploads 1200/60s
Presigned: - | -
Push: wire-anonymous 240/60s | pushes 30/60s
Download: downloads-anonymous 120/60s | downloads 1200/60s
Search: searches-anonymous 20/60s | searches 120/60s
ip 3000/60s
bootstrap-install 30/3600s
registrations 10/86400s
push-bytes 10737418240/3600s
points 600/600s
points-around 3000/600s"
    );
}

#[test]
fn addresses_of_one_customer_are_one_place() {
    for (one, other, is_same) in [
        ("192.0.2.1", "192.0.2.1", true),
        ("192.0.2.1", "192.0.2.2", false),
        ("192.0.2.1", "::ffff:192.0.2.1", true),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
    ] {
        assert_eq!(place(one) == place(other), is_same, "{one} {other}");
    }
    for (one, other, is_same) in [
        ("192.0.2.1", "192.0.2.200", true),
        ("192.0.2.1", "192.0.3.1", false),
        ("2001:db8:1:2::1", "2001:db8:1:ffff::1", true),
        ("2001:db8:1:2::1", "2001:db8:2:2::1", false),
        // Equal bits of different kinds are not the same place.
        ("0.0.0.1", "::1:0:0:0:0", false),
    ] {
        assert_eq!(place(one).around() == place(other).around(), is_same, "{one} {other}");
    }
}

#[test]
fn settings_are_read_by_their_names_and_faults_say_what_is_right() {
    let mut settings = LimitSettings::default();
    for text in ["auth=40", " auth = 50", "failures=9"] {
        settings.set(text.parse().unwrap());
    }
    assert_eq!(settings.quota(Rate::Auth).count, 50);
    assert_eq!(settings.quota(Rate::Auth).period, Duration::from_mins(1));
    assert_eq!(settings.quota(Rate::Ip).count, 3_000);
    assert_eq!(settings.first_lock, 9);
    for (text, told) in [
        ("auth", "NAME=NUMBER"),
        ("auht=1", "`auht` is not the name of a limit; the names are ip, anonymous"),
        ("auth=0", "`0` is not a whole number from 1"),
        ("auth=many", "`many` is not"),
        ("failures=99999999999", "is not a whole number"),
    ] {
        let error = text.parse::<LimitSetting>().unwrap_err().to_string();
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[test]
fn bots_are_known_by_their_name_and_tools_of_people_pass() {
    let mut settings = LimitSettings::default();
    for agent in
        ["", "  ", "Mozilla/5.0 (compatible; GPTBot/1.2)", "ClaudeBot", "CCBot/2.0", "Bytespider"]
    {
        assert!(settings.is_bot(agent), "{agent}");
    }
    for agent in [
        "Python-urllib/3.13",
        "git/2.47",
        "curl/8",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Mozilla/5.0 (Macintosh) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    ] {
        assert!(!settings.is_bot(agent), "{agent}");
    }
    settings.set_bot_agents(["CURL ".to_owned(), " ".to_owned()]);
    assert!(settings.is_bot("curl/8") && !settings.is_bot("GPTBot"));
}

fn principal() -> Id<crate::Principal> {
    Id::new(START, &Random::seeded(7))
}

#[test]
fn a_push_counts_once_however_many_calls_it_takes() {
    let (limits, _) = limits();
    let who = principal();
    for call in 0..250 {
        drop(limits.upload(who, "anna/song").unwrap_or_else(|error| panic!("{call}: {error}")));
    }
    limits.push(who, "Anna/Song").unwrap();
    for push in 2..=30 {
        limits.push(who, "anna/song").unwrap_or_else(|error| panic!("{push}: {error}"));
    }
    let exceeded = limits.push(who, "anna/song").unwrap_err();
    assert_eq!((exceeded.policy, exceeded.limit, exceeded.retry_after_seconds), ("pushes", 30, 60));
    // Nor can another window be opened.
    assert_eq!(limits.upload(who, "anna/other").unwrap_err().policy, "pushes");
}

#[test]
fn a_window_takes_eight_calls_at_a_time_and_closes_when_idle() {
    let (limits, clock) = limits();
    let who = principal();
    let mut turns: Vec<_> = (0..8).map(|_| limits.upload(who, "anna/song").unwrap()).collect();
    assert_eq!(limits.upload(who, "anna/song").unwrap_err().policy, "push-calls-at-once");
    turns.pop();
    drop(limits.upload(who, "anna/song").unwrap());
    drop(turns);
    // Idle for ten minutes: what follows is another push.
    let left = |limits: &Limits| {
        (0..100).take_while(|_| limits.take(Rate::Pushes, Who::Principal(who), 1).is_ok()).count()
    };
    clock.advance(Duration::from_mins(10));
    drop(limits.upload(who, "anna/song").unwrap());
    assert_eq!(left(&limits), 29);
}

#[test]
fn received_bytes_are_charged_and_the_next_call_is_refused() {
    let (limits, clock) = limits();
    let who = principal();
    let admitted = limits.upload(who, "anna/song").unwrap();
    admitted.meter.as_ref().unwrap().add((10 << 30) + 1);
    let exceeded = limits.upload(who, "anna/song").unwrap_err();
    assert_eq!((exceeded.policy, exceeded.retry_after_seconds), ("push-bytes", 3_600));
    assert_eq!(limits.push(who, "anna/song").unwrap_err().policy, "push-bytes");
    clock.advance(Duration::from_hours(1));
    limits.push(who, "anna/song").unwrap();
}

#[test]
fn a_failed_credential_costs_ten_requests_of_its_address() {
    let (limits, _) = limits();
    let here = place("192.0.2.1");
    for _ in 0..300 {
        limits.arrive(here).unwrap();
        limits.charge_failed(here);
    }
    assert_eq!(limits.arrive(here).unwrap_err().policy, "ip");
    limits.arrive(place("192.0.2.2")).unwrap();
}

#[test]
fn pages_cost_points_here_and_around() {
    let (limits, _) = limits();
    let hosts: Vec<_> = (1..=6).map(|it| place(&format!("192.0.2.{it}"))).collect();
    for host in &hosts[..5] {
        (0..60).for_each(|_| limits.page(*host, 10).unwrap());
        assert_eq!(limits.page(*host, 10).unwrap_err().policy, "points");
    }
    assert_eq!(limits.page(hosts[5], 10).unwrap_err().policy, "points-around");
    limits.page(place("198.51.100.1"), 10).unwrap();
}

#[test]
fn sign_in_counts_by_address_and_strangers_by_theirs() {
    let (limits, _) = limits();
    let here = place("2001:db8::1");
    for _ in 0..20 {
        limits.admit(Class::Auth, &Actor::anonymous(), here, "").unwrap();
    }
    let refused = limits.admit(Class::Auth, &Actor::anonymous(), here, "").unwrap_err();
    assert_eq!((refused.policy, refused.limit, refused.window_seconds), ("auth", 20, 60));
    for _ in 0..1_000 {
        limits.admit(Class::Free, &Actor::anonymous(), here, "").unwrap();
    }
}

struct House {
    _dir: TempDir,
    db: Db,
    clock: Clock,
    trust: Trust,
}

impl House {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let db = Db::sqlite(&dir.path().join("motet.db")).await.unwrap();
        let clock = Clock::stopped_at(START);
        let trust = open(&db, &clock).await;
        Self { _dir: dir, db, clock, trust }
    }

    async fn fail(&self, suspect: Suspect, times: usize) {
        for _ in 0..times {
            self.trust.check_guarded(suspect).await.unwrap();
            self.trust.failed(suspect).await.unwrap();
        }
    }
}

async fn open(db: &Db, clock: &Clock) -> Trust {
    let settings = Settings::at("http://127.0.0.1:7420");
    Trust::open(db.clone(), clock.clone(), Random::seeded(1), settings).await.unwrap()
}

async fn locked_for(trust: &Trust, suspect: Suspect) -> Option<u32> {
    match trust.check_guarded(suspect).await {
        Ok(()) => None,
        Err(Error::RateLimited(Exceeded { policy: "failures", retry_after_seconds, .. })) => {
            Some(retry_after_seconds)
        }
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn five_failures_lock_half_a_minute_ten_five_minutes_twenty_a_quarter_of_an_hour() {
    let house = House::new().await;
    let suspect = Suspect::Place(place("192.0.2.1"));
    house.fail(suspect, 4).await;
    assert_eq!(locked_for(&house.trust, suspect).await, None);
    for (more, seconds) in [(1, 30), (5, 300), (10, 900), (1, 900), (1, 900)] {
        house.fail(suspect, more).await;
        assert_eq!(locked_for(&house.trust, suspect).await, Some(seconds));
        house.clock.advance(Duration::from_secs(u64::from(seconds) - 1));
        assert_eq!(locked_for(&house.trust, suspect).await, Some(1));
        house.clock.advance(Duration::from_secs(1));
        assert_eq!(locked_for(&house.trust, suspect).await, None);
    }
    let neighbour = Suspect::Place(place("192.0.2.2"));
    assert_eq!(locked_for(&house.trust, neighbour).await, None);
}

#[tokio::test]
async fn a_success_resets_and_so_does_an_hour() {
    let house = House::new().await;
    let suspect = Suspect::Place(place("192.0.2.1"));
    house.fail(suspect, 5).await;
    house.clock.advance(Duration::from_secs(30));
    house.trust.succeeded(suspect).await.unwrap();
    assert_eq!(locked_for(&open(&house.db, &house.clock).await, suspect).await, None);
    house.fail(suspect, 4).await;
    house.clock.advance(Duration::from_hours(1));
    house.fail(suspect, 4).await;
    assert_eq!(locked_for(&house.trust, suspect).await, None);
    house.fail(suspect, 1).await;
    assert_eq!(locked_for(&house.trust, suspect).await, Some(30));
}

#[tokio::test]
async fn a_lock_outlives_a_restart_and_another_process_sees_it() {
    let house = House::new().await;
    let other = open(&house.db, &house.clock).await;
    let suspect = Suspect::Place(place("2001:db8::1"));
    house.fail(suspect, 5).await;
    assert_eq!(locked_for(&other, suspect).await, Some(30));
    assert_eq!(locked_for(&open(&house.db, &house.clock).await, suspect).await, Some(30));
    house.clock.advance(Duration::from_secs(30));
    // It goes on from five.
    house.fail(suspect, 5).await;
    assert_eq!(locked_for(&open(&house.db, &house.clock).await, suspect).await, Some(300));
}

fn bearer(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_str(token).unwrap());
    headers
}

#[tokio::test]
async fn a_broken_agent_does_not_lock_its_neighbours() {
    let house = House::new().await;
    let here = place("192.0.2.1");
    let (broken, sound) = (bearer("Bearer broken"), bearer("bearer sound"));
    for _ in 0..5 {
        house.trust.check_credential(here, &broken).unwrap();
        house.trust.failed(Suspect::of_headers(here, &broken).unwrap()).await.unwrap();
    }
    let refused = house.trust.check_credential(here, &broken);
    assert!(matches!(refused, Err(Error::RateLimited(_))), "{refused:?}");
    house.trust.check_credential(here, &sound).unwrap();
    house.trust.check_credential(place("192.0.2.2"), &broken).unwrap();
    assert_eq!(Suspect::of_headers(here, &bearer("Basic YTpi")), Some(Suspect::Place(here)));
    assert_eq!(Suspect::of_headers(here, &HeaderMap::new()), None);
}

#[tokio::test]
async fn a_locked_key_is_not_looked_at_after_a_restart_either() {
    let house = House::new().await;
    let (here, broken) = (place("192.0.2.1"), bearer("Bearer broken"));
    for _ in 0..5 {
        house.trust.failed(Suspect::of_headers(here, &broken).unwrap()).await.unwrap();
    }
    let again = open(&house.db, &house.clock).await;
    assert!(again.check_credential(here, &broken).is_err());
    house.clock.advance(Duration::from_secs(30));
    again.check_credential(here, &broken).unwrap();
    again.credential_held(here, &broken).await.unwrap();
    assert!(again.limits().0.failures.is_quiet());
}

#[tokio::test]
async fn locks_are_rows_without_addresses_and_their_number_is_bounded() {
    let house = House::new().await;
    let before = house.db.transactions_begun();
    for host in 0..100_u32 {
        for _ in 0..5 {
            house.trust.failed(Suspect::Place(Place::V4(host))).await.unwrap();
        }
    }
    // A hundred looks at a row, and ten rows in one second.
    assert_eq!(house.db.transactions_begun() - before, 110);
    assert_eq!(Suspect::Place(Place::V4(1)).name().to_string().len(), 34);
}

#[test]
fn failures_without_end_stay_within_the_bounds_and_forget_nobody() {
    let failures = Failures::default();
    let victim = Suspect::Place(Place::V4(u32::MAX));
    let failed = (0..5).filter(|_| failures.fail(victim.name(), 5, START).write.is_some()).count();
    assert_eq!(failed, 1);
    for suspect in 0..150_000_u64 {
        failures.fail(Suspect::Place(Place::V6(suspect)).name(), 5, START);
        let key = u128::from(suspect).to_be_bytes();
        failures.fail(Suspect::Credential(Place::V4(1), key).name(), 5, START);
    }
    assert!(failures.len() <= 50_000, "{}", failures.len());
    failures.check(victim.name(), 5, START).unwrap_err();
    // A place that cannot be kept apart shares one count with all such; a key that never failed is let through.
    failures.check(Suspect::Place(Place::V6(200_000)).name(), 5, START).unwrap_err();
    failures.check(Suspect::Credential(Place::V4(9), [255; 16]).name(), 5, START).unwrap();
    // After an hour there is room again.
    let later = START.plus(Duration::from_hours(1));
    failures.fail(Suspect::Place(Place::V6(200_001)).name(), 5, later);
    assert!(failures.len() <= 25_001, "{}", failures.len());
}
