//! JSON of the trust plane (`spec/trust.md` 1, 2, 5).
//!
//! | file               | what is there                                             |
//! |--------------------|-----------------------------------------------------------|
//! | `mod.rs`           | registration, who am I, who is that                         |
//! | `keys.rs`          | keys: own ones, those of an agent, anybody's live ones      |
//! | `passkeys.rs`      | passkeys, and signing in with one                           |
//! | `identities.rs`    | accounts elsewhere that sign one in                          |
//! | `sessions.rs`      | sessions of one's own browsers                              |
//! | `tokens.rs`        | bearer tokens                                             |
//! | `agents.rs`        | agents of a person or an organization                       |
//! | `profile.rs`       | what an account says of itself; leaving                     |
//! | `organizations.rs` | organizations, members, invitations                        |
//! | `publishers.rs`    | publishers, their tokens and secrets                        |
//! | `server_keys.rs`   | the keys with which the instance signs                     |

mod agents;
mod identities;
mod keys;
mod organizations;
mod passkeys;
mod profile;
mod publishers;
mod server_keys;
mod sessions;
mod tokens;

use api::json;
use axum::{Router, http::StatusCode, response::IntoResponse};
use trust::{Allowed, Anything, Class, NewKey, Principal, Profile, Trust, act};
use web::{Call, Entry, Fault, Json, Params, Posted, Problem, Routes, Spec, Surface};

/// Bodies of registration are a few hundred bytes.
const TINY_BODY: u64 = 16 << 10;
/// A scope may list a hundred repositories.
const SMALL_BODY: u64 = 32 << 10;

pub(crate) fn routes(trust: &Trust) -> (Router, Vec<Entry>) {
    let small = Spec::new(Surface::Api).body_bytes(SMALL_BODY);
    let tiny = Spec::new(Surface::Api).body_bytes(TINY_BODY).class(Class::Auth);
    let mut routes = Routes::new(trust.clone(), trust.clone())
        .post("/api/v1/auth/challenge", tiny, challenge)
        .post("/api/v1/auth/verify", tiny.guarded(), verify)
        .get("/api/v1/me", Surface::Api, me)
        .get("/api/v1/principals/{handle}", Surface::Api, face)
        .get("/api/v1/principals/{handle}/keys", Surface::Api, keys::of_anybody);
    routes = server_keys::routes(keys::routes(routes, small));
    routes = passkeys::routes(routes, tiny);
    routes = identities::routes(routes, tiny);
    routes = sessions::routes(routes, tiny);
    routes = tokens::routes(routes, small);
    routes = agents::routes(routes, small);
    routes = profile::routes(routes);
    routes = organizations::routes(routes, small);
    publishers::routes(routes, small).finish()
}

pub(crate) use organizations::lists;

fn invalid(pointer: &str, message: &str) -> Problem {
    Problem::invalid(vec![Fault {
        pointer: pointer.to_owned(),
        code: "invalid",
        message: message.to_owned(),
    }])
}

/// A field of the body as what it should be.
fn field<T>(pointer: &str, text: &str) -> Result<T, Problem>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse().map_err(|error: T::Err| invalid(pointer, &error.to_string()))
}

/// The body of a call, with what its path names.
async fn with_params<T>(call: Posted<T>) -> Result<(Params, T), Problem>
where
    T: serde::de::DeserializeOwned + Send,
{
    let params = call.params.clone();
    Ok((params, call.json().await?))
}

/// Hands out what a new key has to sign.
async fn challenge(
    trust: Trust,
    _: Allowed<act::Register, Anything>,
    call: Posted<json::ChallengeRequest>,
) -> Result<impl IntoResponse, Problem> {
    let authority = call.context.authority.clone();
    let asked = call.json().await?;
    let made =
        trust.challenge(&authority, field("/handle", &asked.handle)?, &asked.public_key).await?;
    let answer = json::Challenge {
        challenge_id: made.id.to_string(),
        nonce: made.nonce.to_string(),
        message: made.message,
        expires_at: made.expires_at.to_string(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Meets a challenge.
async fn verify(
    trust: Trust,
    allowed: Allowed<act::Register, Anything>,
    call: Posted<json::VerifyRequest>,
) -> Result<impl IntoResponse, Problem> {
    let from = call.context.client;
    let met = call.json().await?;
    // An id that cannot be is one that is not there: the same answer as for one that is used up.
    let id = met.challenge_id.parse().map_err(|_| Problem::from(trust::Error::ChallengeFailed))?;
    let new = NewKey { label: met.label, terms: met.tos_version, invite: met.invite, from };
    let made = trust.verify(allowed.actor(), id, &met.signature, new).await?;
    let answer =
        json::Verified { principal: principal(&made.principal), key: keys::json_of(&made.key) };
    Ok((StatusCode::CREATED, Json(answer)))
}

async fn me(
    trust: Trust,
    allowed: Allowed<act::MeRead, Anything>,
    (): (),
) -> Result<Json<json::Me>, Problem> {
    let own = allowed.actor().principal().ok_or_else(Problem::not_found)?;
    let memberships = trust.memberships(&allowed).await?;
    let memberships = memberships.iter().map(organizations::json_of).collect();
    let mut profile = trust.profile(own.id).await?;
    let email = std::mem::take(&mut profile.email);
    Ok(Json(json::Me { principal: seen(own, profile), email, memberships }))
}

/// The public face of somebody.
async fn face(
    trust: Trust,
    _: Allowed<act::PrincipalRead, Anything>,
    call: Call,
) -> Result<Json<json::Principal>, Problem> {
    let found = trust.face(&call.params.parse("handle")?).await?;
    let (it, _) = found.ok_or_else(Problem::not_found)?;
    let profile = trust.profile(it.id).await?;
    Ok(Json(seen(&it, profile)))
}

/// Somebody with what they say of themselves, as everybody may see it.
fn seen(it: &Principal, said: Profile) -> json::Principal {
    let Profile { display_name, bio, website_url, email: _, avatar } = said;
    let avatar_url = avatar.map_or_else(String::new, |digest| {
        let (handle, name) = (&it.handle, digest.to_string());
        format!("/api/v1/principals/{handle}/avatar?v={}", name.get(..16).unwrap_or_default())
    });
    json::Principal { display_name, bio, website_url, avatar_url, ..principal(it) }
}

fn principal(it: &Principal) -> json::Principal {
    json::Principal {
        id: it.id.to_string(),
        handle: it.handle.to_string(),
        kind: it.kind.as_str().to_owned(),
        created_at: it.created_at.to_string(),
        display_name: String::new(),
        bio: String::new(),
        website_url: String::new(),
        avatar_url: String::new(),
    }
}
