//! `motet git-credential`: the credential helper of Git (`spec/hub.md` 5, Credentials; gitcredentials(7), git-credential(1)).
//!
//! Git asks on standard input and is answered on standard output, in lines `key=value`. What is handed out is made for one
//! repository at that moment, so there is nothing to store and nothing to forget.

use std::io::{Read as _, stdin};

use api::json::GitToken;
use keys::TokenText;
use names::Handle;
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    client::{Client, ClientError, Origin, RepositoryAddress},
    context::Context,
    failure::{Exit, Failure},
    report::Report,
    store::Credential,
};

/// The most that Git is listened to, in bytes: a dozen lines, of which the longest is a path.
const MAX_INPUT_BYTES: u64 = 64 << 10;

/// How far the token reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Access {
    /// Fetching.
    Read,
    /// Pushing too, where you may.
    Write,
}

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Git is told once for each server, and then signs in by itself:
  git config --global credential.https://forge.example.helper '!motet git-credential'
  git config --global credential.https://forge.example.useHttpPath true

The second line makes Git say which repository it means: a token is good for that one alone.")]
pub struct GitCredential {
    /// What Git wants: get, store or erase
    pub operation: String,
    /// How far the token reaches: read, or write where you may push
    #[arg(
        long,
        value_name = "HOW",
        value_enum,
        default_value = "write",
        hide_possible_values = true
    )]
    pub access: Access,
}

/// Where Git wants to sign in.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    protocol: String,
    host: String,
    path: Option<String>,
}

impl Asked {
    /// Reads the lines up to an empty one; what is not known is for other helpers, and a later line wins, as Git has it.
    fn read(text: &str) -> Self {
        let mut asked = Self::default();
        for line in text.lines().take_while(|line| !line.is_empty()) {
            match line.split_once('=') {
                Some(("protocol", value)) => value.clone_into(&mut asked.protocol),
                Some(("host", value)) => value.clone_into(&mut asked.host),
                Some(("path", value)) => asked.path = Some(value.to_owned()),
                Some(_) | None => {}
            }
        }
        asked
    }

    /// The server; nothing if it is none of those that are spoken with.
    fn origin(&self) -> Option<Origin> {
        format!("{}://{}", self.protocol, self.host).parse().ok()
    }

    /// The repository: the first two names of the path, which may go on below it.
    fn repository(&self) -> Option<RepositoryAddress> {
        let mut names = self.path.as_deref()?.trim_start_matches('/').split('/');
        let (owner, name) = (names.next()?, names.next()?);
        let name = name.strip_suffix(".git").unwrap_or(name);
        format!("{}://{}/{owner}/{name}", self.protocol, self.host).parse().ok()
    }
}

pub(super) async fn run(arguments: &GitCredential, context: &Context) -> Result<Report, Failure> {
    let nothing = Report::answer(json!({}), "");
    let mut text = String::new();
    stdin().lock().take(MAX_INPUT_BYTES).read_to_string(&mut text)?;
    if arguments.operation != "get" {
        return Ok(nothing);
    }
    let asked = Asked::read(&text);
    // Where one is not registered, other helpers are asked.
    let Some(origin) = asked.origin() else { return Ok(nothing) };
    let Some(account) = context.store.account(&origin)? else { return Ok(nothing) };
    let repository = asked.repository().ok_or_else(|| which(&origin, &asked))?;
    if let Credential::Token(_) = account.credential {
        return Err(Failure::new(
            Exit::NotAllowed,
            "needs_key",
            format!("you are signed in at {origin} with a token, and only a key makes one for Git"),
        )
        .hint(format!("motet keygen, then motet register {origin} {}", account.handle)));
    }
    let client = context.client_of_account(&origin)?;
    answer(&token(&client, &repository, arguments.access).await?)
}

/// Git did not say which repository it means.
fn which(origin: &Origin, asked: &Asked) -> Failure {
    let failure = Failure::usage(
        "which_repository",
        match &asked.path {
            Some(path) => format!("`{path}` names no repository of {origin}"),
            None => format!("git does not say which repository of {origin} it means"),
        },
    );
    match asked.path {
        Some(_) => failure,
        None => failure.hint(format!("git config --global credential.{origin}.useHttpPath true")),
    }
}

/// A token as wide as it was asked for; one to read where one may not push.
async fn token(
    client: &Client,
    repository: &RepositoryAddress,
    access: Access,
) -> Result<GitToken, ClientError> {
    let ask = async |access: &'static str| {
        client.git_token(&repository.owner, &repository.name, access).await
    };
    match access {
        Access::Read => ask("read").await,
        Access::Write => match ask("write").await {
            // Not allowed, or archived.
            Err(error) if error.refusal().is_some_and(|it| matches!(it.status, 403 | 409)) => {
                ask("read").await
            }
            other => other,
        },
    }
}

/// The lines for Git. Nothing of the server's is passed on that was not parsed.
fn answer(made: &GitToken) -> Result<Report, Failure> {
    let odd = |what: &str| {
        Failure::new(Exit::Refused, "bad_answer", format!("the server gave {what} that is none"))
    };
    let handle: Handle = made.handle.parse().map_err(|_| odd("a handle"))?;
    let text = made.token.as_deref().unwrap_or_default();
    let token = TokenText::parse(text).map_err(|_| odd("a token"))?;
    let ends = OffsetDateTime::parse(&made.expires_at, &Rfc3339).map_err(|_| odd("a time"))?;
    let (password, ends) = (token.expose(), ends.unix_timestamp());
    let lines = format!("username={handle}\npassword={password}\npassword_expiry_utc={ends}\n");
    let result = json!({
        "username": handle.to_string(),
        "password": password,
        "password_expiry_utc": ends,
        "access": made.access,
    });
    Ok(Report::answer(result, lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Asked {
        Asked::read(text)
    }

    #[test]
    fn what_git_says_is_read_and_the_rest_is_passed_over() {
        let text = "capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=forge.example:8443\n\
                    path=ada/songs.git\nwwwauth[]=Basic realm=\"motet\"\nusername=ada\n\npath=after/the-end\n";
        let it = asked(text);
        assert_eq!(it.origin().unwrap().to_string(), "https://forge.example:8443");
        let repository = it.repository().unwrap();
        assert_eq!(repository.to_string(), "https://forge.example:8443/ada/songs");
    }

    #[test]
    fn a_repository_is_named_with_and_without_its_ending_and_by_what_is_below_it() {
        for path in ["ada/songs", "ada/songs.git", "/ada/songs.git/", "ada/songs.git/info/lfs"] {
            let it = asked(&format!("protocol=https\nhost=h\npath={path}\n"));
            assert_eq!(it.repository().unwrap().to_string(), "https://h/ada/songs", "{path}");
        }
        for path in ["", "ada", "ada/", "../songs", "ada/..", "ada/so ngs", "login/x"] {
            let it = asked(&format!("protocol=https\nhost=h\npath={path}\n"));
            assert_eq!(it.repository(), None, "{path}");
        }
        assert_eq!(asked("protocol=https\nhost=h\n").repository(), None);
    }

    #[test]
    fn other_places_are_nobodys() {
        for text in ["", "protocol=ssh\nhost=h\n", "protocol=https\n", "protocol=https\nhost=a b\n"]
        {
            assert_eq!(asked(text).origin(), None, "{text:?}");
        }
        assert_eq!(asked("host=h\nprotocol=cert\npath=/x\n").origin(), None);
    }

    #[test]
    fn nothing_is_passed_on_that_is_no_answer() {
        let text = "mt_git_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
        let good = GitToken {
            handle: "ada".to_owned(),
            token: Some(TokenText::generate("git", &names::Random::seeded(1)).expose().clone()),
            secret_shown: false,
            repository: "ada/songs".to_owned(),
            access: "read".to_owned(),
            expires_at: "2026-11-21T20:53:00.123Z".to_owned(),
        };
        let told = answer(&good).unwrap().text;
        assert!(told.starts_with("username=ada\npassword=mt_git_"), "{told}");
        assert!(told.ends_with("\npassword_expiry_utc=1795294380\n"), "{told}");
        let broken = [
            GitToken { handle: "ada\nhost=evil".to_owned(), ..good.clone() },
            GitToken { token: None, ..good.clone() },
            GitToken { token: Some(text.to_owned()), ..good.clone() },
            GitToken { expires_at: "soon".to_owned(), ..good },
        ];
        for it in broken {
            assert_eq!(answer(&it).unwrap_err().code, "bad_answer");
        }
    }
}
