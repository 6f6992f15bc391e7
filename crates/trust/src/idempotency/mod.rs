//! Requests that may be repeated: the same principal, route and `Idempotency-Key` within a day get the first answer
//! again (`spec/conventions.md`, Requests).
//!
//! The row commits with what the request does, so there is no effect that a repetition would not know of; the answer
//! follows. Only what took effect is kept: a refusal has changed nothing, and a repetition of it is judged anew. No
//! secret is kept: whoever brings an answer here has taken it out.
//!
//! | file       | what is there                                                |
//! |------------|--------------------------------------------------------------|
//! | `mod.rs`   | [`IdempotencyKey`], [`Repeatable`], [`FirstAnswer`]; the doors |
//! | `store.rs` | the SQL                                                      |

mod store;

use std::{str::FromStr, time::Duration};

use db::Tx;
use names::{Digest, Id, UnixMillis};
use uuid::Uuid;

use crate::{Actor, Error, Principal, Trust};
pub(crate) use store::STATEMENTS;

/// How long a request may be repeated.
const KEPT: Duration = Duration::from_hours(24);
/// The longest key, in characters (`spec/conventions.md`).
const MAX_KEY: usize = 128;
/// Requests of one principal that are remembered at once: one every nine seconds, all day. More would let one client
/// fill the database with answers.
pub(crate) const MAX_REMEMBERED: i64 = 10_000;
/// Rows that one transaction forgets: some milliseconds.
const FORGOTTEN_AT_ONCE: u32 = 2_000;

/// How a client names a request that it may repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// Why a text is no [`IdempotencyKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an Idempotency-Key has 1 to 128 printable ASCII characters")]
pub struct NotAKey;

impl IdempotencyKey {
    /// The text of it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let is_printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if is_printable && (1..=MAX_KEY).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAKey)
        }
    }
}

/// A request that names itself.
#[derive(Debug, Clone)]
pub struct Repeatable {
    /// The route, with its parameters in braces.
    pub route: String,
    /// How the client names the request.
    pub key: IdempotencyKey,
    /// What is asked: address and body.
    pub asked: Digest,
}

/// The answer that a request got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstAnswer {
    /// The status.
    pub status: u16,
    /// The headers that tell about the body.
    pub headers: Vec<(String, String)>,
    /// The body, without what is shown once.
    pub body: Vec<u8>,
}

/// A request under way that names itself: of this principal, and no other than this one.
#[derive(Debug, Clone)]
pub(crate) struct UnderWay {
    pub(crate) principal: Id<Principal>,
    pub(crate) named: Repeatable,
    pub(crate) request: Uuid,
}

impl UnderWay {
    /// Under which two requests are one.
    pub(crate) fn place(&self) -> (Id<Principal>, &str, &str) {
        (self.principal, &self.named.route, &self.named.key.0)
    }
}

/// What is known of a request of that name.
struct Known {
    asked: [u8; 32],
    answer: Option<FirstAnswer>,
}

impl Trust {
    /// The answer that the same request got, if there was one. If there was none, whatever `actor` writes from here on
    /// belongs to this request.
    pub async fn first_answer(
        &self,
        actor: &Actor,
        named: Repeatable,
    ) -> Result<Option<FirstAnswer>, Error> {
        let Some(acting) = &actor.0 else { return Ok(None) };
        let principal = acting.principal.id;
        let then = self.oldest_repeatable();
        let known = store::find(&mut self.0.db.glance().await?, principal, &named, then).await?;
        match known {
            None => {
                let request = Id::<Repeatable>::unguessable(&self.0.random).uuid();
                // Set once: a request has one name.
                acting.under_way.get_or_init(|| UnderWay { principal, named, request });
                Ok(None)
            }
            Some(known) if known.asked != *named.asked.as_bytes() => Err(Error::OtherRequest),
            Some(known) => known.answer.ok_or(Error::AnswerNotKept).map(Some),
        }
    }

    /// Writes down that the request under way takes effect, in the transaction of the effect. Of two that come at once
    /// the second is refused here, before it has any.
    pub(crate) async fn remember(&self, tx: &mut Tx, actor: &Actor) -> Result<(), Error> {
        let Some(it) = under_way(actor) else { return Ok(()) };
        if store::count(tx, it.principal, MAX_REMEMBERED).await? >= MAX_REMEMBERED {
            return Err(Error::TooManyRemembered);
        }
        if store::remember(tx, it, self.0.clock.now(), self.oldest_repeatable()).await? {
            Ok(())
        } else {
            Err(Error::AnswerNotKept)
        }
    }

    /// Whether the request under way may be repeated, so that its answer is wanted.
    pub fn may_be_repeated(&self, actor: &Actor) -> bool {
        under_way(actor).is_some()
    }

    /// Keeps the answer of the request under way; nothing if nobody is to see it twice.
    pub async fn keep_answer(
        &self,
        actor: &Actor,
        answer: Option<&FirstAnswer>,
    ) -> Result<(), Error> {
        let Some(it) = under_way(actor) else { return Ok(()) };
        let mut tx = self.0.db.write().await?;
        // What the request did may have needed no transaction of this plane.
        self.remember(&mut tx, actor).await?;
        if let Some(answer) = answer {
            store::keep(&mut tx, it, answer).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Forgets requests whose day is over; gives how many, and whether there may be more.
    pub async fn forget_repeats(&self) -> Result<(u64, bool), Error> {
        let mut tx = self.0.db.write().await?;
        let forgotten = store::forget(&mut tx, self.oldest_repeatable(), FORGOTTEN_AT_ONCE).await?;
        tx.commit().await?;
        Ok((forgotten, forgotten >= u64::from(FORGOTTEN_AT_ONCE)))
    }

    /// What is older is not known any more, whether its row is still there or not.
    pub(crate) fn oldest_repeatable(&self) -> UnixMillis {
        self.0.clock.now().minus(KEPT)
    }
}

pub(crate) fn under_way(actor: &Actor) -> Option<&UnderWay> {
    actor.0.as_deref()?.under_way.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_printable_and_not_long() {
        for good in ["a", "0f6f", "with a blank", &"k".repeat(128)] {
            assert!(good.parse::<IdempotencyKey>().is_ok(), "{good}");
        }
        for bad in ["", "tab\t", "ü", "\u{7f}", &"k".repeat(129)] {
            assert_eq!(bad.parse::<IdempotencyKey>(), Err(NotAKey), "{bad}");
        }
    }
}
