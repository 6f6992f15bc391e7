//! What a person chose on a page: what for, on what, how long, and as which agent.

use std::time::Duration;

use names::Handle;
use trust::{
    Account, Actor, Allowed, Consent, NewAgent, act,
    authority::{Repositories, RepositoriesWord},
};
use web::{Fault, Problem};

use super::{Flows, fields::Fields};

/// How long an application may go on that the pages offer, in days; the first is chosen.
pub(super) const LIVES: [u16; 4] = [90, 7, 30, 366];
/// What the names of the fields begin with that stand for words of the scope.
pub(super) const WORD: &str = "word:";

/// Reads the choices.
pub(super) fn consent(fields: &Fields) -> Result<Consent, Problem> {
    let words = fields.ends_of(WORD).collect::<Vec<_>>().join(" ");
    if words.is_empty() {
        return Err(invalid("/scope", "choose at least one thing that it may do, or say no"));
    }
    let words = words.parse().map_err(trust::Error::from)?;
    let repositories = match fields.text("repositories") {
        "all" => Repositories::Word(RepositoriesWord::All),
        "listed" => {
            let names = fields.text("names").split_whitespace();
            Repositories::Listed(names.map(str::to_owned).collect())
        }
        _ => Repositories::Word(RepositoriesWord::Public),
    };
    let days = fields.text("days").parse::<u16>();
    let days = days.map_err(|_| invalid("/days", "choose how long it may go on"))?;
    let life = Duration::from_hours(u64::from(days) * 24);
    Ok(Consent { words, repositories, life })
}

/// The agents of whoever is signed in that could act for an application.
pub(super) async fn agents(
    flows: &Flows,
    own: &Account,
    actor: &Actor,
) -> Result<Vec<String>, Problem> {
    let allowed = Allowed::<act::AgentRead, _>::ask(actor, own.clone())?;
    let found = flows.trust.agents(&allowed).await?;
    let live = found.iter().filter(|it| it.disabled_at.is_none());
    Ok(live.map(|it| it.handle.to_string()).collect())
}

/// The agent that was chosen, or a new one, which is bounded to what it is made for.
pub(super) async fn agent(
    flows: &Flows,
    own: &Allowed<act::TokenMint, Account>,
    fields: &Fields,
    consent: &Consent,
) -> Result<Allowed<act::TokenMint, Account>, Problem> {
    let actor = own.actor();
    let chosen = fields.text("agent");
    let is_new = chosen.is_empty();
    let named = if is_new { fields.text("handle") } else { chosen };
    let handle: Handle =
        named.trim().parse().map_err(|error| invalid("/handle", &format!("the agent: {error}")))?;
    if is_new {
        let allowed = Allowed::<act::AgentCreate, _>::ask(actor, own.resource().clone())?;
        let scope = Some(consent.words.scope(consent.repositories.clone()));
        let (model, capabilities) = (String::new(), Vec::new());
        let new = NewAgent { handle: handle.clone(), model, capabilities, scope };
        flows.trust.create_agent(&allowed, new).await?;
    }
    let found = flows.trust.account(actor, &handle).await?;
    Ok(Allowed::ask(actor, found.ok_or_else(Problem::not_found)?)?)
}

fn invalid(pointer: &str, message: &str) -> Problem {
    let (pointer, message) = (pointer.to_owned(), message.to_owned());
    Problem::invalid(vec![Fault { pointer, code: "invalid", message }])
}
