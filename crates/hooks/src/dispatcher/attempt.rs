//! One try: authority again, the address again, signed with the time of now, sent (`spec/webhooks.md` 3, 4).

use std::time::Duration;

use db::Tx;
use egress::{HeaderName, HeaderValue, Request, Response, header};
use names::UnixMillis;
use tokio::time::Instant;

use super::claims::Claimed;
use crate::{Error, Failure, Hooks, Outcome, Realm, Signatures, SigningSecret, retry_after};

/// What is kept of an answer.
const KEPT_BYTES: usize = 4 << 10;
/// Bytes of a media type that are kept.
const TYPE_BYTES: usize = 200;
/// Who asks.
static USER_AGENT: HeaderValue = HeaderValue::from_static("Motet-Webhook/1");
static WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
static WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
static WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
static MOTET_SIGNATURE: HeaderName = HeaderName::from_static("x-motet-signature");
static MOTET_EVENT: HeaderName = HeaderName::from_static("x-motet-event");
static MOTET_SUBJECT: HeaderName = HeaderName::from_static("x-motet-subject");
static MOTET_SEQUENCE: HeaderName = HeaderName::from_static("x-motet-sequence");
static MOTET_ATTEMPT: HeaderName = HeaderName::from_static("x-motet-attempt");

/// What an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttemptKind {
    Try,
    /// Of a receiver that is left alone otherwise: it does not count.
    Probe,
    /// After somebody asked for it.
    Resend,
}

impl AttemptKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Try => "try",
            Self::Probe => "probe",
            Self::Resend => "resend",
        }
    }
}

/// An attempt as it is written down.
#[derive(Debug)]
pub(super) struct AttemptRow {
    pub(super) number: u32,
    pub(super) kind: AttemptKind,
    pub(super) started_at: UnixMillis,
    pub(super) duration: Duration,
    pub(super) outcome: &'static str,
    pub(super) status: Option<u16>,
    pub(super) response_type: Option<String>,
    pub(super) response_body: Option<Vec<u8>>,
}

/// What came of a try.
#[derive(Debug)]
pub(super) enum Tried {
    /// Whoever made the subscription may not read it any more; nothing was sent.
    NotPermitted,
    /// There is no secret to sign with; nothing was sent.
    Unsigned,
    /// It was sent, or could not be.
    Asked(Answer),
}

/// How the receiver took it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    pub(super) started_at: UnixMillis,
    pub(super) duration: Duration,
    pub(super) status: Option<u16>,
    pub(super) retry_after: Option<Duration>,
    pub(super) response_type: Option<String>,
    pub(super) response_body: Option<Vec<u8>>,
}

impl Hooks {
    /// Makes one try.
    pub(super) async fn attempt(&self, claimed: &Claimed) -> Result<Tried, Error> {
        let Claimed { owner, realm, subject, repository, .. } = claimed;
        if !self.0.readers.may_still_read(*owner, *realm, subject, *repository).await? {
            return Ok(Tried::NotPermitted);
        }
        let mut tx = self.0.db.glance().await?;
        let secrets = self.secrets_for(&mut tx, claimed).await?;
        drop(tx);
        if secrets.is_empty() {
            return Ok(Tried::Unsigned);
        }
        let (started_at, began) = (self.0.clock.now(), Instant::now());
        let mut answer = self.ask(claimed, &secrets, started_at).await;
        answer.duration = began.elapsed();
        Ok(Tried::Asked(answer))
    }

    /// What a delivery is signed with at this moment: by the publisher, where a version of a pipeline manages it.
    pub(super) async fn secrets_for(
        &self,
        tx: &mut Tx,
        claimed: &Claimed,
    ) -> Result<Vec<SigningSecret>, Error> {
        match (claimed.manager, claimed.realm) {
            (Some(_), Realm::Publisher(id)) => self.secrets_of_publisher(tx, id).await,
            _ => self.signing_secrets(tx, claimed.webhook).await,
        }
    }

    async fn ask(&self, claimed: &Claimed, secrets: &[SigningSecret], at: UnixMillis) -> Answer {
        let failed = |failure| Answer {
            outcome: Outcome::Failed(failure),
            started_at: at,
            duration: Duration::ZERO,
            status: None,
            retry_after: None,
            response_type: None,
            response_body: None,
        };
        let Ok(url) = self.0.settings.addresses.check(&claimed.url) else {
            return failed(Failure::AddressRefused);
        };
        let Some(client) = &self.0.client else { return failed(Failure::Tls) };
        let request = match request(claimed, url.as_str(), secrets, at) {
            Ok(request) => request.limits(self.0.settings.limits()),
            Err(error) => return failed(Failure::of(&error)),
        };
        match client.send(request).await {
            Ok(response) => self.read(response, at).await,
            Err(error) => failed(Failure::of(&error)),
        }
    }

    /// Keeps the head of an answer and the beginning of its body; the rest is never read.
    async fn read(&self, response: Response, at: UnixMillis) -> Answer {
        let text = |name| response.headers.get(name).and_then(|it| it.to_str().ok());
        let wish = text(header::RETRY_AFTER);
        let retry_after = wish.and_then(|it| retry_after(it, self.0.clock.now()));
        let media = text(header::CONTENT_TYPE);
        let response_type = media.map(|it| it.chars().take(TYPE_BYTES).collect());
        let (outcome, status) = (Outcome::of(response.status), Some(response.status.as_u16()));
        let (outcome, response_body) = match response.body.beginning(KEPT_BYTES).await {
            Ok(body) => (outcome, Some(body.to_vec())),
            // A yes that never ends is none; everything else was a no before.
            Err(error) if outcome == Outcome::Delivered => {
                (Outcome::Failed(Failure::of(&error)), None)
            }
            Err(_) => (outcome, None),
        };
        Answer {
            outcome,
            started_at: at,
            duration: Duration::ZERO,
            status,
            retry_after,
            response_type,
            response_body,
        }
    }
}

fn request(
    claimed: &Claimed,
    url: &str,
    secrets: &[SigningSecret],
    at: UnixMillis,
) -> Result<Request, egress::Error> {
    let (id, seconds) = (claimed.lease.id.to_string(), at.seconds());
    let signatures = Signatures::of(secrets, &id, seconds, &claimed.body);
    let told = [
        (&WEBHOOK_ID, id),
        (&WEBHOOK_TIMESTAMP, seconds.to_string()),
        (&WEBHOOK_SIGNATURE, signatures.webhook),
        (&MOTET_SIGNATURE, signatures.motet),
        (&MOTET_EVENT, claimed.kind.clone()),
        (&MOTET_SEQUENCE, claimed.sequence.to_string()),
        (&MOTET_ATTEMPT, (claimed.attempts + 1).to_string()),
        (&MOTET_SUBJECT, claimed.subject.as_str().to_owned()),
    ];
    let request = Request::post(url)?
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header(header::USER_AGENT, USER_AGENT.clone())
        .header(header::ACCEPT, HeaderValue::from_static("*/*"))
        .body(claimed.body.clone());
    Ok(told.into_iter().fold(request, |request, (name, value)| {
        // A ref may be called what no header can hold; it stands in the body too.
        match HeaderValue::try_from(value) {
            Ok(value) => request.header(name.clone(), value),
            Err(_) => request,
        }
    }))
}
