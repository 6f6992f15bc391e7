//! Strangers at full rate: unknown keys, tokens, nonces, addresses and codes fill no memory, push nobody out, and others
//! are served (`spec/trust.md` 15.14; 16, point 63; 17).
//!
//! The suite's form sends some thousand requests. The long one: `cargo test -p motet --test it -- strangers::
//! requests=3000000`.

use keys::PrivateKey;
use names::{Random, Secret};
use serde_json::json;
use testkit::{Answer, Ground, Person, Request, Server};

use crate::{
    MOTET,
    sessions::{form, mark, own_page, sign_in},
};

/// How many requests of strangers there are, unless the command line says more.
const REQUESTS: u32 = 6_000;
/// Callers at once.
const CALLERS: u32 = 12;
/// What all tables of the plane may hold together, full (`spec/trust.md` 17).
const FULL_BYTES: u64 = 96 << 20;

fn requests() -> u32 {
    let asked = std::env::args().find_map(|it| it.strip_prefix("requests=")?.parse().ok());
    asked.unwrap_or(REQUESTS)
}

/// One of the ways to bring something that was never seen.
struct Crowd<'a> {
    server: &'a Server,
    anna: &'a Person,
    cookie: &'a str,
    mark: &'a str,
    random: Random,
}

impl Crowd<'_> {
    fn somebody(&self) -> Person {
        Person::with_key("nobody", PrivateKey::from_seed(Secret::new(self.random.bytes())))
    }

    fn request(&self, number: u32) -> Request {
        let place = std::net::Ipv4Addr::from_bits(0x0b00_0000 + number).to_string();
        let request = match number % 6 {
            0 => self.server.get("/api/v1/repos/anna/song").by(&self.somebody()),
            1 => {
                let token = keys::TokenText::generate("personal", &self.random);
                let bearer = format!("Bearer {}", token.expose());
                self.server.get("/api/v1/repos").header("authorization", &bearer)
            }
            2 => self.server.post("/api/v1/repos").by(self.anna).json(&json!({ "name": "." })),
            3 => {
                let line = self.somebody().key().public().to_openssh();
                let body = json!({ "handle": format!("h{number}"), "public_key": line });
                self.server.post("/api/v1/auth/challenge").json(&body)
            }
            4 => {
                let code: String = number.to_string().bytes().map(guessed).collect();
                let body = format!("csrf={}&user_code=BCDF-{code:B<4.4}", self.mark);
                own_page(form(self.server.post("/login/device"), self.cookie, &body))
            }
            _ => self.server.get("/explore"),
        };
        request.header("x-forwarded-for", &place)
    }
}

fn guessed(digit: u8) -> char {
    char::from(b"BCDFGHJKLM"[usize::from(digit - b'0')])
}

/// What a stranger may be told: no, or not so many.
fn is_told(number: u32, answer: &Answer) -> bool {
    match number % 6 {
        0 | 1 => matches!(answer.status, 401 | 429),
        2 => matches!(answer.status, 422 | 429),
        3 => matches!(answer.status, 201 | 429 | 503),
        4 => matches!(answer.status, 200 | 401 | 403 | 404 | 422 | 429),
        _ => matches!(answer.status, 200 | 429),
    }
}

#[tokio::test]
async fn strangers_at_full_rate_fill_no_memory_and_others_are_served() {
    let server = Server::with(MOTET).on(Ground::SqliteDisk).arg("--trusted-proxy=127.0.0.1/32");
    let server = server.log("warn").start().await;
    let (anna, ben) = (server.register("anna").await, server.register("ben").await);
    server.create(&anna, "song", "public").await;
    let cookie = sign_in(&server, &anna).await;
    let mark = mark(&server, &cookie).await;
    // Entries that live on: a nonce, a session, a token.
    let kept = server.post("/api/v1/repos").by(&ben).json(&json!({ "name": "verse" }));
    kept.send().await.assert_status(201);
    let scope = json!({ "planes": { "hub": "read" }, "repositories": "all" });
    let made = server.post("/api/v1/tokens").by(&ben).json(&json!({ "scope": scope })).send().await;
    let bearer = format!("Bearer {}", made.json()["value"].as_str().unwrap());
    server.forget_peak();
    let idle = server.peak_bytes();

    let crowd = Crowd {
        server: &server,
        anna: &anna,
        cookie: &cookie,
        mark: &mark,
        random: Random::default(),
    };
    let total = requests();
    let (server, crowd, bearer, ben) = (&server, &crowd, &bearer, &ben);
    let callers = (0..CALLERS).map(|caller| async move {
        for number in (caller..total).step_by(usize::try_from(CALLERS).unwrap()) {
            let answer = crowd.request(number).send().await;
            assert!(is_told(number, &answer), "{number}: {} {}", answer.status, answer.text());
            if number % 50 == 0 {
                let answer = server.get("/api/v1/repos/ben/verse").by(ben).send().await;
                answer.assert_status(200);
            }
        }
    });
    futures_util::future::join_all(callers).await;

    let above = server.peak_bytes() - idle;
    assert!(above < FULL_BYTES, "{} MiB above idle", above >> 20);
    // Signed at the beginning: within its time it is remembered, after it refused for its age.
    let again = kept.send().await;
    assert_eq!(again.status, 401, "{}", again.text());
    assert!(["replayed", "clock_skew"].contains(&again.code().as_str()), "{}", again.text());
    let read = server.get("/api/v1/repos").header("authorization", bearer);
    read.send().await.assert_status(200);
    server.get("/api/v1/me").header("cookie", &cookie).send().await.assert_status(200);
    server.register("late").await;
}
