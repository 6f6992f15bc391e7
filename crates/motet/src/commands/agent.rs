//! `motet agent`: programs that act for oneself or for an organization (`spec/trust.md` 1).

use api::json::{Agent, NewAgent};
use names::Handle;
use serde_json::json;

use super::admin::{jobs::result, table::table};
use crate::{client::Origin, context::Context, failure::Failure, report::Report, visible};

/// What to do with agents.
#[derive(Debug, clap::Subcommand)]
pub enum Agents {
    /// Make an agent
    ///
    /// It reads what is public until its scope says more. It acts with tokens (motet token mint --agent) and with keys.
    Create(Create),
    /// Show agents, stopped ones too
    List(List),
    /// Stop an agent: its keys and tokens are worth nothing from that moment
    Disable(Disable),
}

/// Whose agents, and where.
#[derive(Debug, clap::Args)]
pub struct Whose {
    /// Of this organization, which you run, instead of your own
    #[arg(long, value_name = "HANDLE")]
    pub org: Option<Handle>,
    /// The server, if you are registered at several
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<Origin>,
}

/// What can be said with `create`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet agent create robot --model \"a large one\"
  motet agent create robot --org choir")]
pub struct Create {
    /// The handle to take, for good
    pub handle: Handle,
    /// What it runs on, in your words
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub model: String,
    /// Whose.
    #[command(flatten)]
    pub whose: Whose,
}

/// What can be said with `list`.
#[derive(Debug, clap::Args)]
pub struct List {
    /// Whose.
    #[command(flatten)]
    pub whose: Whose,
}

/// What can be said with `disable`.
#[derive(Debug, clap::Args)]
pub struct Disable {
    /// Which
    pub handle: Handle,
    /// The server, if you are registered at several
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<Origin>,
}

impl Agents {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "agent create",
            Self::List(_) => "agent list",
            Self::Disable(_) => "agent disable",
        }
    }
}

pub(super) async fn run(command: &Agents, context: &Context) -> Result<Report, Failure> {
    let host = match command {
        Agents::Create(it) => &it.whose.host,
        Agents::List(it) => &it.whose.host,
        Agents::Disable(it) => &it.host,
    };
    let (_, client) = context.signed_in(&context.which_origin(host.as_ref())?)?;
    match command {
        Agents::Create(Create { handle, model, whose }) => {
            let new = NewAgent {
                handle: handle.to_string(),
                model: model.clone(),
                capabilities: Vec::new(),
                scope: None,
            };
            let made = client.create_agent(whose.org.as_ref(), &new).await?;
            Ok(Report::news(result(&made)?, format!("{handle} is an agent now")))
        }
        Agents::List(List { whose }) => {
            let found = client.agents(whose.org.as_ref()).await?;
            let rows: Vec<_> = found.items.iter().map(row).collect();
            let text = table(["AGENT", "MODEL", "SINCE", "STATE"], &rows);
            let text = if rows.is_empty() { "no agents".to_owned() } else { text };
            Ok(Report::answer(result(&found)?, text))
        }
        Agents::Disable(Disable { handle, .. }) => {
            client.disable_agent(handle).await?;
            Ok(Report::news(json!({ "handle": handle }), format!("{handle} is stopped")))
        }
    }
}

fn row(it: &Agent) -> [String; 4] {
    let state = if it.disabled_at.is_some() { "stopped" } else { "live" };
    [&it.handle, &it.model, &it.created_at, state].map(visible)
}
