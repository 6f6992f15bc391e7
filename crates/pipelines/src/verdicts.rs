//! What the publisher of a pipeline answers to the output of a run (`spec/work.md` 9).
//!
//! The answer is read in the transaction in which its delivery ends, and judges the run by a job that commits with it: the
//! run itself is changed by the engine alone. It counts for the output that was sent and for no other: whoever answers late
//! changes nothing, and the answer is kept with the delivery.

use async_trait::async_trait;
use db::Tx;
use hooks::{Composed, EventRow, Verdict, Verdicts};
use jobs::{Failure, Kind, NewJob, Priority, Queue};
use names::Id;
use pipelines_core::{
    machine::{Reopen, What},
    name::{Address, RunId},
};
use serde::{Deserialize, Serialize};

use crate::{
    Pipelines,
    engine::{NotDone, Said},
    serving,
};

/// An output was judged.
pub(crate) const VERDICT: Kind<Judged> = Kind::new("pipelines.verdict");

/// The status that promises a verdict by the API.
const LATER: u16 = 202;
/// Places that a verdict may name.
const MOST_PLACES: usize = 1_000;

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    /// The publisher takes the output.
    Accepted,
    /// It does not, and names what is to be done again.
    Refused(Vec<Again>),
    /// Nobody can be asked.
    Undelivered,
}

/// What is to be done again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Again {
    address: Address,
    /// Every instance of the step.
    is_step: bool,
    note: Option<String>,
}

/// What was said of an output of a run: that after so many reopenings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Judged {
    pub(crate) run: RunId,
    pub(crate) reopens: u32,
    pub(crate) word: Word,
}

impl Judged {
    /// Its job, and the key of that.
    pub(crate) fn job(&self, event: Option<Id<EventRow>>) -> Result<(String, NewJob), jobs::Error> {
        let event = event.map(|it| it.to_string()).unwrap_or_default();
        let key = format!("work:{}:verdict:{}:{event}", self.run, self.reopens);
        let job = NewJob::new(VERDICT, self)?.with_priority(Priority::High);
        Ok((key.clone(), job.unique(key)))
    }

    fn what(&self) -> What {
        match &self.word {
            Word::Accepted => What::Accept,
            Word::Undelivered => What::DeliveryDead,
            Word::Refused(again) => What::Refuse(reopen(again.clone())),
        }
    }
}

/// Reads what is said in a body; nothing where it cannot be read.
pub(crate) fn read(body: &[u8]) -> Option<Word> {
    if body.trim_ascii().is_empty() {
        return Some(Word::Accepted);
    }
    let said: api::json::RunVerdict = serde_json::from_slice(body).ok()?;
    if said.accepted {
        return Some(Word::Accepted);
    }
    again(said.reopen).ok().map(Word::Refused)
}

/// The places that a verdict names; or where one stands that is none, and why.
pub(crate) fn again(reopen: Vec<api::json::VerdictReopen>) -> Result<Vec<Again>, (String, String)> {
    if reopen.len() > MOST_PLACES {
        let why = format!("a verdict names at most {MOST_PLACES} places");
        return Err(("/reopen".to_owned(), why));
    }
    let read = |(at, it): (usize, api::json::VerdictReopen)| {
        let address: Result<Address, _> = it.address.parse();
        let address =
            address.map_err(|error| (format!("/reopen/{at}/address"), error.to_string()))?;
        // A step by its name alone means every instance.
        let is_step = !it.address.contains('[');
        Ok(Again { address, is_step, note: it.note })
    };
    reopen.into_iter().enumerate().map(read).collect()
}

/// The same for the state machine.
pub(crate) fn reopen(again: Vec<Again>) -> Vec<Reopen> {
    let read = |it: Again| {
        let path = (!it.is_step).then_some(it.address.path);
        Reopen { step: it.address.step, path, note: it.note }
    };
    again.into_iter().map(read).collect()
}

/// Hears what is answered.
#[derive(Debug)]
pub(crate) struct Bench(pub(crate) Queue);

impl Bench {
    /// Puts down what was said of the output that an event carried; nothing where that is not the one that waits.
    async fn put(&self, tx: &mut Tx, it: Composed<'_>, word: Word) -> Result<(), db::Error> {
        let (_, run) = it.run.parts();
        let run: RunId = run.parse().map_err(db::Error::corrupt("webhook_deliveries.subject"))?;
        let composed = serving::store::compositions(tx, run).await?;
        // One event for each output, and an output after each reopening.
        let event = it.event.to_string();
        let is_it = |(_, of): &(usize, &Option<String>)| of.as_deref() == Some(event.as_str());
        let Some((reopens, _)) = composed.iter().enumerate().find(is_it) else { return Ok(()) };
        if reopens + 1 != composed.len() {
            return Ok(());
        }
        let reopens = u32::try_from(reopens).unwrap_or(u32::MAX);
        let judged = Judged { run, reopens, word };
        let fault = |error: jobs::Error| match error {
            jobs::Error::Db(error) => error,
            other => db::Error::corrupt("jobs")(other.to_string()),
        };
        let (_, job) = judged.job(Some(it.event)).map_err(fault)?;
        let bell = self.0.push(tx, job).await.map_err(fault)?;
        tx.hold(bell);
        Ok(())
    }
}

#[async_trait]
impl Verdicts for Bench {
    async fn answered(
        &self,
        tx: &mut Tx,
        composed: Composed<'_>,
        status: u16,
        body: &[u8],
    ) -> Result<Verdict, db::Error> {
        if status == LATER {
            return Ok(Verdict::Taken);
        }
        let Some(word) = read(body) else { return Ok(Verdict::Unreadable) };
        self.put(tx, composed, word).await?;
        Ok(Verdict::Taken)
    }

    async fn died(&self, tx: &mut Tx, composed: Composed<'_>, _: &str) -> Result<(), db::Error> {
        self.put(tx, composed, Word::Undelivered).await
    }
}

impl Pipelines {
    /// A verdict is given. One for an output that is not the one that waits any more changes nothing.
    pub(crate) async fn judge(&self, it: &Judged) -> Result<(), Failure> {
        let said = Said { composition: Some(it.reopens), ..Said::default() };
        let refused = match self.0.engine.happen(it.run, it.what(), None, said.clone()).await {
            Err(NotDone::Refused(_)) => true,
            Ok(_) | Err(NotDone::NoRun) => false,
            Err(other) => return Err(other.into()),
        };
        // It names nothing that is there: refused, with nothing to do again.
        if refused && matches!(it.word, Word::Refused(_)) {
            let what = What::Refuse(Vec::new());
            return match self.0.engine.happen(it.run, what, None, said).await {
                Ok(_) | Err(NotDone::Refused(_) | NotDone::NoRun) => Ok(()),
                Err(other) => Err(other.into()),
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_yes_a_no_with_places_or_unreadable() {
        for yes in ["", " \n", r#"{"accepted": true}"#] {
            assert_eq!(read(yes.as_bytes()), Some(Word::Accepted), "{yes}");
        }
        let no = br#"{"accepted": false, "reasons": [{"code": "thin", "message": "more"}],
                      "reopen": [{"address": "b[2]", "note": "longer"}, {"address": "a"}]}"#;
        let Some(Word::Refused(again)) = read(no) else { panic!("it is a no") };
        let told: Vec<_> = again
            .iter()
            .map(|it| (it.address.to_string(), it.is_step, it.note.as_deref()))
            .collect();
        assert_eq!(
            told,
            [("b[2]".to_owned(), false, Some("longer")), ("a".to_owned(), true, None)]
        );
        assert_eq!(read(br#"{"accepted": false}"#), Some(Word::Refused(Vec::new())));
        for other in
            ["ok", "true", "{}", r#"{"accepted": "yes"}"#, r#"{"accepted": true, "more": 1}"#]
        {
            assert_eq!(read(other.as_bytes()), None, "{other}");
        }
        assert_eq!(read(br#"{"accepted": false, "reopen": [{"address": "!"}]}"#), None);
    }
}
