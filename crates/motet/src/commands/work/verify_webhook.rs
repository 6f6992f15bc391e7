//! `motet work verify-webhook`: whether a request that was received is signed, as a receiver judges it
//! (`spec/webhooks.md` 3 and 6, `spec/work.md` 7).

use std::path::PathBuf;

use names::{Secret, UnixMillis};
use pipelines_core::call::Call;
use serde::Serialize;
use serde_json::json;
use server::deliveries::{Signatures, SigningSecret};

use super::{REFUSED, files};
use crate::{
    commands::admin::jobs::result,
    context::Context,
    failure::{Exit, Failure},
    report::{BAD, GOOD, Report},
    visible,
};

/// How far the time of a request may lie from that of its receiver.
const TOLERANCE_SECONDS: u64 = 300;
/// The longest body: an event has 256 KiB, the arguments of a call less.
const MAX_BODY_BYTES: usize = 16 << 20;
/// The longest head of a request.
const MAX_HEAD_BYTES: usize = 256 << 10;

const WEBHOOK: &str = "webhook-signature";
const MOTET: &str = "X-Motet-Signature";
const CALL: &str = "X-Motet-Call-Signature";

/// What can be said with `verify-webhook`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The headers are lines such as `webhook-id: 0193…`. That of a call begins with the line of its request, as it came in, such as
`POST /tools/probe HTTP/1.1`: its signature covers the path. Ends with 1 if a signature is not good, or if there is none.

Examples:
  motet work verify-webhook --secret-file secret --headers head.txt body.json")]
pub struct VerifyWebhook {
    /// The body, byte for byte as it came in; - is standard input
    pub body: PathBuf,
    /// The signing secrets that are active, a line each
    #[arg(long, value_name = "FILE")]
    pub secret_file: PathBuf,
    /// The headers, a line each
    #[arg(long, value_name = "FILE")]
    pub headers: PathBuf,
    /// When it came in, in Unix seconds; now if left out
    #[arg(long, value_name = "SECONDS")]
    pub now: Option<i64>,
}

/// The head of a request.
#[derive(Debug, Default)]
struct Head {
    target: Option<String>,
    fields: Vec<(String, String)>,
}

/// What is judged, and by what.
struct Request<'r> {
    head: &'r Head,
    body: &'r [u8],
    secrets: &'r [SigningSecret],
    now: i64,
}

/// What came of one signature.
#[derive(Debug, Serialize)]
struct Judgement {
    header: &'static str,
    valid: bool,
    why: Option<String>,
}

pub(super) fn run(arguments: &VerifyWebhook, context: &Context) -> Result<Report, Failure> {
    let secrets = files::secrets(&arguments.secret_file, context)?;
    let read = |it: &Secret<String>| SigningSecret::parse(it.expose().clone());
    let secrets: Vec<_> = secrets
        .iter()
        .map(read)
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::usage("bad_secret", error))?;
    if secrets.is_empty() {
        return Err(Failure::usage("no_secret", "there is no secret in that file"));
    }
    let head = files::text(&arguments.headers, MAX_HEAD_BYTES, context)?;
    let head = Head::read(&head)
        .map_err(|line| Failure::usage("bad_headers", format!("`{line}` is no header")))?;
    let body = files::whole(&arguments.body, MAX_BODY_BYTES, context)?;
    let now = arguments.now.unwrap_or_else(|| context.clock.now().seconds());
    let request = Request { head: &head, body: &body, secrets: &secrets, now };
    report(&request.judged())
}

fn report(judged: &[Judgement]) -> Result<Report, Failure> {
    let line = |it: &Judgement| match &it.why {
        None => format!("{GOOD}good{GOOD:#} {}\n", it.header),
        Some(why) => format!("{BAD}bad{BAD:#} {}: {}\n", it.header, visible(why)),
    };
    let text = if judged.is_empty() {
        format!("{BAD}bad{BAD:#} it is not signed\n")
    } else {
        judged.iter().map(line).collect()
    };
    let is_valid = !judged.is_empty() && judged.iter().all(|it| it.valid);
    let result = json!({ "valid": is_valid, "signatures": result(&judged)? });
    Ok(Report { exit: if is_valid { Exit::Done } else { REFUSED }, ..Report::answer(result, text) })
}

impl Head {
    /// Reads the lines up to the first that is empty; the error is one that says nothing.
    fn read(text: &str) -> Result<Self, String> {
        let mut head = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if number == 0
                && let Some(target) = target(line)
            {
                head.target = Some(target.to_owned());
                continue;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| line.to_owned())?;
            if name.is_empty() || name.contains(char::is_whitespace) {
                return Err(line.to_owned());
            }
            head.fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(head)
    }

    fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(it, _)| it.eq_ignore_ascii_case(name))
    }

    /// The one field of that name.
    fn one(&self, name: &str) -> Result<&str, String> {
        let mut found = self.fields.iter().filter(|(it, _)| it.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Ok(value),
            (None, _) => Err(format!("{name} is missing")),
            (Some(_), Some(_)) => Err(format!("{name} stands twice")),
        }
    }

    /// The one field of that name, as what it says.
    fn read_one<T: std::str::FromStr>(&self, name: &str) -> Result<T, String> {
        self.one(name)?.parse().map_err(|_| format!("{name} cannot be read"))
    }
}

/// The path and query of a line such as `POST /a?b HTTP/1.1`.
fn target(line: &str) -> Option<&str> {
    let mut words = line.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let is_line = method.chars().all(|it| it.is_ascii_uppercase())
        && target.starts_with('/')
        && version.starts_with("HTTP/")
        && words.next().is_none();
    is_line.then_some(target)
}

/// `t=<unix>,v1=<hex>`, with more than one `v1` while secrets overlap.
fn timed(text: &str) -> Option<(i64, Vec<&str>)> {
    let mut parts = text.split(',');
    let at = parts.next()?.strip_prefix("t=")?.parse().ok()?;
    let tags: Vec<_> = parts.filter_map(|part| part.strip_prefix("v1=")).collect();
    (!tags.is_empty()).then_some((at, tags))
}

impl Request<'_> {
    /// Each signature that is there.
    fn judged(&self) -> Vec<Judgement> {
        type Judge<'r> = fn(&Request<'r>) -> Result<(), String>;
        let all: [(&str, Judge<'_>); 3] =
            [(WEBHOOK, Self::webhook), (MOTET, Self::motet), (CALL, Self::call)];
        let there = all.into_iter().filter(|(header, _)| self.head.has(header));
        there
            .map(|(header, judge)| {
                let why = judge(self).err();
                Judgement { header, valid: why.is_none(), why }
            })
            .collect()
    }

    fn webhook(&self) -> Result<(), String> {
        let id = self.head.one("webhook-id")?;
        let at: i64 = self.head.read_one("webhook-timestamp")?;
        let given: Vec<_> = self.head.one(WEBHOOK)?.split(' ').collect();
        let made = |secret: &SigningSecret| {
            Signatures::of(std::slice::from_ref(secret), id, at, self.body).webhook
        };
        self.fits(&given, made)?;
        self.fresh(at)
    }

    fn motet(&self) -> Result<(), String> {
        let (at, given) = self.timed(MOTET)?;
        // The id is not covered.
        let made = |secret: &SigningSecret| {
            let signed = Signatures::of(std::slice::from_ref(secret), "", at, self.body).motet;
            tag(&signed)
        };
        self.fits(&given, made)?;
        self.fresh(at)
    }

    fn call(&self) -> Result<(), String> {
        let head = self.head;
        let (at, given) = self.timed(CALL)?;
        let target = head.target.as_deref().ok_or("the line of the request is missing")?;
        let pipeline = head.read_one("X-Motet-Pipeline")?;
        let call = Call {
            at: UnixMillis(at.saturating_mul(1_000)),
            call: head.one("X-Motet-Call")?,
            target,
            publisher: head.one("X-Motet-Publisher")?,
            pipeline: &pipeline,
            version: head.read_one("X-Motet-Version")?,
            run: head.one("X-Motet-Run")?,
            task: head.one("X-Motet-Task")?,
            claim: head.one("X-Motet-Claim")?,
            fence: head.read_one("X-Motet-Fence")?,
            subcommand: head.one("X-Motet-Subcommand")?,
            body: self.body,
        };
        let made = |secret: &SigningSecret| {
            tag(&call.signature(&[&Secret::new(secret.expose().to_owned())]))
        };
        self.fits(&given, made)?;
        self.fresh(at)
    }

    fn timed(&self, header: &'static str) -> Result<(i64, Vec<&str>), String> {
        timed(self.head.one(header)?).ok_or_else(|| format!("{header} cannot be read"))
    }

    /// Whether one of the secrets makes one of the signatures that were given.
    fn fits(&self, given: &[&str], made: impl Fn(&SigningSecret) -> String) -> Result<(), String> {
        let fits = self.secrets.iter().any(|secret| {
            let made = Secret::new(made(secret));
            given.iter().any(|it| made.matches(it.as_bytes()))
        });
        fits.then_some(()).ok_or_else(|| "no secret makes it for this request".to_owned())
    }

    fn fresh(&self, at: i64) -> Result<(), String> {
        let away = self.now.abs_diff(at);
        (away <= TOLERANCE_SECONDS)
            .then_some(())
            .ok_or_else(|| format!("it was signed {away} s away from now, and 300 are the most"))
    }
}

/// What one secret makes, out of `t=…,v1=…`.
fn tag(signature: &str) -> String {
    timed(signature)
        .and_then(|(_, tags)| tags.first().map(|it| (*it).to_owned()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_a_request_line_and_fields() {
        let head =
            Head::read("POST /a?b=c HTTP/1.1\nwebhook-ID: 1 \nx: a: b\n\nno: more\n").unwrap();
        assert_eq!(head.target.as_deref(), Some("/a?b=c"));
        assert_eq!((head.one("Webhook-Id"), head.one("X")), (Ok("1"), Ok("a: b")));
        assert_eq!(head.one("no"), Err("no is missing".to_owned()));
        let twice = Head::read("a: 1\r\nA: 2\r\n").unwrap();
        assert_eq!(twice.one("a"), Err("a stands twice".to_owned()));
        for bad in ["nothing", ": x", "a b: c", "x: y\nPOST / HTTP/1.1"] {
            assert!(Head::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_signature_has_a_time_and_tags() {
        assert_eq!(timed("t=5,v1=ab,v1=cd,v2=x"), Some((5, vec!["ab", "cd"])));
        for bad in ["", "v1=ab", "t=x,v1=ab", "t=5", "t=5,v2=ab"] {
            assert_eq!(timed(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_did_not_sign_never_fits() {
        let secret = SigningSecret::parse(format!("whsec_{}", "A".repeat(43) + "=")).unwrap();
        let head = Head::read("X-Motet-Signature: t=5,v1=\n").unwrap();
        let request = Request { head: &head, body: b"", secrets: &[secret], now: 5 };
        let judged = request.judged();
        assert!(judged.len() == 1 && !judged[0].valid, "{judged:?}");
    }
}
