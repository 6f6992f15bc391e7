//! `motet token`: bearer tokens of oneself and of one's agents (`spec/trust.md` 5).

use api::json::{MintedToken, NewToken, Token};
use names::Handle;
use serde_json::{Map, Value, json};

use super::admin::{jobs::result, table::table};
use crate::{
    client::{Origin, Word},
    context::Context,
    failure::Failure,
    report::Report,
    visible,
};

/// What to do with tokens.
#[derive(Debug, clap::Subcommand)]
pub enum Tokens {
    /// Show live tokens, newest first
    List(List),
    /// Make a token, and show it: the only time that it can be read
    Mint(Box<Mint>),
    /// Put another token in the place of one, which works on for a while
    Rotate(Rotate),
    /// End a token, at once and everywhere
    Revoke(Revoke),
}

/// Whose tokens, and where.
#[derive(Debug, clap::Args)]
pub struct Whose {
    /// Of this agent of yours, instead of your own
    #[arg(long, value_name = "HANDLE")]
    pub agent: Option<Handle>,
    /// The server, if you are registered at several
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<Origin>,
}

/// What can be said with `list`.
#[derive(Debug, clap::Args)]
pub struct List {
    /// Whose.
    #[command(flatten)]
    pub whose: Whose,
}

/// What can be said with `mint`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet token mint --scope hub:read --label ci
  motet token mint --scope \"hub:write collab:write\" --repositories ada/songs --days 7
  motet token mint --agent robot --scope hub:read --repositories all --json")]
pub struct Mint {
    /// What it may be used for: words such as hub:read or collab:write
    #[arg(long, value_name = "WORDS", value_parser = planes)]
    pub scope: Planes,
    /// On which repositories: public, all, or a list of owner/name and owner/*
    #[arg(long, value_name = "WHICH", default_value = "public")]
    pub repositories: String,
    /// What to call it
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub label: String,
    /// How long it lives, at most 366 days
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    pub days: u16,
    /// personal, agent or git [default: what you are, or agent with --agent]
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Whose.
    #[command(flatten)]
    pub whose: Whose,
}

/// What can be said with `rotate`.
#[derive(Debug, clap::Args)]
pub struct Rotate {
    /// The id of the token, as `motet token list` shows it
    pub id: Word,
    /// How long the old one works on, at most seven days [default: a day]
    #[arg(long, value_name = "SECONDS")]
    pub overlap: Option<u64>,
    /// Whose.
    #[command(flatten)]
    pub whose: Whose,
}

/// What can be said with `revoke`.
#[derive(Debug, clap::Args)]
pub struct Revoke {
    /// The id of the token, as `motet token list` shows it
    pub id: Word,
    /// Whose.
    #[command(flatten)]
    pub whose: Whose,
}

/// Planes with how far each is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planes(Map<String, Value>);

/// Reads words of a scope.
fn planes(text: &str) -> Result<Planes, String> {
    let mut planes = Map::new();
    for word in text.split_whitespace() {
        let (plane, reach) =
            word.split_once(':').ok_or_else(|| format!("`{word}` is no word such as hub:read"))?;
        planes.insert(plane.to_owned(), reach.into());
    }
    if planes.is_empty() {
        Err("say at least one word, such as hub:read".to_owned())
    } else {
        Ok(Planes(planes))
    }
}

impl Tokens {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "token list",
            Self::Mint(_) => "token mint",
            Self::Rotate(_) => "token rotate",
            Self::Revoke(_) => "token revoke",
        }
    }

    const fn whose(&self) -> &Whose {
        match self {
            Self::List(it) => &it.whose,
            Self::Mint(it) => &it.whose,
            Self::Rotate(it) => &it.whose,
            Self::Revoke(it) => &it.whose,
        }
    }
}

pub(super) async fn run(command: &Tokens, context: &Context) -> Result<Report, Failure> {
    let Whose { agent, host } = command.whose();
    let (_, client) = context.signed_in(&context.which_origin(host.as_ref())?)?;
    let agent = agent.as_ref();
    match command {
        Tokens::List(_) => {
            let found = client.tokens(agent).await?;
            let rows: Vec<_> = found.items.iter().map(row).collect();
            let text = table(["ID", "KIND", "ENDS WITH", "LABEL", "UNTIL"], &rows);
            let text = if rows.is_empty() { "no tokens".to_owned() } else { text };
            Ok(Report::answer(result(&found)?, text))
        }
        Tokens::Mint(it) => {
            let repositories = match it.repositories.as_str() {
                word @ ("public" | "all") => json!(word),
                listed => {
                    json!(listed.split([',', ' ']).filter(|it| !it.is_empty()).collect::<Vec<_>>())
                }
            };
            let new = NewToken {
                kind: it.kind.clone(),
                label: it.label.clone(),
                scope: json!({ "planes": it.scope.0, "repositories": repositories }),
                days: Some(it.days),
            };
            shown(&client.mint_token(agent, &new).await?)
        }
        Tokens::Rotate(it) => shown(&client.rotate_token(agent, &it.id, it.overlap).await?),
        Tokens::Revoke(it) => {
            client.revoke_token(agent, &it.id).await?;
            let id = it.id.to_string();
            Ok(Report::news(json!({ "id": id }), format!("the token {id} is worth nothing now")))
        }
    }
}

/// The token itself is what was asked for; what is known of it is for programs.
fn shown(made: &MintedToken) -> Result<Report, Failure> {
    Ok(Report::answer(result(made)?, visible(made.value.as_deref().unwrap_or_default())))
}

fn row(it: &Token) -> [String; 5] {
    let ends = it.expires_at.as_deref().unwrap_or("never");
    [&it.id, &it.kind, &it.last8, &it.label, ends].map(visible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_said_in_words() {
        let it = planes("hub:read collab:write").unwrap();
        assert_eq!(json!(it.0), json!({ "hub": "read", "collab": "write" }));
        assert!(planes("hub").is_err() && planes("  ").is_err());
    }
}
