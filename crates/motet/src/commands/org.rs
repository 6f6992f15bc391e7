//! `motet org`: organizations and who is in them (`spec/trust.md` 1).

use api::json::{Membership, NewOrganization};
use names::Handle;
use serde_json::json;

use super::admin::{jobs::result, table::table};
use crate::{
    client::{Client, Origin, Word},
    context::Context,
    failure::Failure,
    report::Report,
    visible,
};

/// What to do with organizations.
#[derive(Debug, clap::Subcommand)]
pub enum Org {
    /// Make an organization, and be its owner
    Create(Create),
    /// Show who is in an organization
    Members(Members),
    /// Invite somebody: prints a code that works once, for a week
    Invite(Invite),
    /// Give a member another role
    SetRole(SetRole),
    /// Take somebody out of an organization
    Remove(Remove),
}

/// What a member is.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Role {
    /// Reads and discusses
    Viewer,
    /// Also sorts issues
    Reviewer,
    /// Also writes
    Member,
    /// Also settings and people
    Admin,
    /// Everything
    Owner,
}

impl Role {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Reviewer => "reviewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

/// Which server.
#[derive(Debug, clap::Args)]
pub struct Where {
    /// The server, if you are registered at several
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<Origin>,
}

/// What can be said with `create`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet org create choir --name \"The Choir\"")]
pub struct Create {
    /// The handle to take, for good
    pub org: Handle,
    /// What it is called
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub name: String,
    /// Where.
    #[command(flatten)]
    pub at: Where,
}

/// What can be said with `members`.
#[derive(Debug, clap::Args)]
pub struct Members {
    /// The organization
    pub org: Handle,
    /// Go on where another list ended
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<Word>,
    /// Where.
    #[command(flatten)]
    pub at: Where,
}

/// What can be said with `invite`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet org invite choir --role member
  motet org invite choir --role viewer --json")]
pub struct Invite {
    /// The organization
    pub org: Handle,
    /// What whoever follows it becomes
    #[arg(long, value_enum, default_value = "member")]
    pub role: Role,
    /// Where.
    #[command(flatten)]
    pub at: Where,
}

/// What can be said with `set-role`.
#[derive(Debug, clap::Args)]
pub struct SetRole {
    /// The organization
    pub org: Handle,
    /// Who
    pub member: Handle,
    /// What they become
    #[arg(value_enum)]
    pub role: Role,
    /// Where.
    #[command(flatten)]
    pub at: Where,
}

/// What can be said with `remove`.
#[derive(Debug, clap::Args)]
pub struct Remove {
    /// The organization
    pub org: Handle,
    /// Who
    pub member: Handle,
    /// Where.
    #[command(flatten)]
    pub at: Where,
}

impl Org {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "org create",
            Self::Members(_) => "org members",
            Self::Invite(_) => "org invite",
            Self::SetRole(_) => "org set-role",
            Self::Remove(_) => "org remove",
        }
    }

    const fn at(&self) -> &Where {
        match self {
            Self::Create(it) => &it.at,
            Self::Members(it) => &it.at,
            Self::Invite(it) => &it.at,
            Self::SetRole(it) => &it.at,
            Self::Remove(it) => &it.at,
        }
    }
}

pub(super) async fn run(command: &Org, context: &Context) -> Result<Report, Failure> {
    let origin = context.which_origin(command.at().host.as_ref())?;
    let (_, client) = context.signed_in(&origin)?;
    match command {
        Org::Create(Create { org, name, .. }) => {
            let new = NewOrganization { handle: org.to_string(), display_name: name.clone() };
            let made = client.create_organization(&new).await.map_err(|error| {
                let failure = Failure::from(error);
                // Another key would not help: an organization has none.
                let is_taken = failure.code == "handle_taken";
                if is_taken { failure.hint("choose another handle") } else { failure }
            })?;
            Ok(Report::news(result(&made)?, format!("{org} is an organization now, and yours")))
        }
        Org::Members(it) => members(it, &client).await,
        Org::Invite(Invite { org, role, .. }) => {
            let made = client.invite_member(org, role.as_str()).await?;
            Ok(Report::answer(result(&made)?, visible(made.code.as_deref().unwrap_or_default())))
        }
        Org::SetRole(SetRole { org, member, role, .. }) => {
            let role = role.as_str();
            client.set_role(org, member, role).await?;
            let told = json!({ "organization": org, "member": member, "role": role });
            Ok(Report::news(told, format!("{member} is {role} of {org} now")))
        }
        Org::Remove(Remove { org, member, .. }) => {
            client.remove_member(org, member).await?;
            let told = json!({ "organization": org, "member": member });
            Ok(Report::news(told, format!("{member} is not in {org} any more")))
        }
    }
}

async fn members(it: &Members, client: &Client) -> Result<Report, Failure> {
    let found = client.members(&it.org, it.cursor.as_ref()).await?;
    let rows: Vec<_> = found.items.iter().map(row).collect();
    let more = found.next_cursor.as_deref().map(|at| format!("more: --cursor {}\n", visible(at)));
    let text = table(["MEMBER", "KIND", "ROLE", "SINCE"], &rows) + &more.unwrap_or_default();
    Ok(Report::answer(result(&found)?, text))
}

fn row(it: &Membership) -> [String; 4] {
    [&it.member, &it.kind, &it.role, &it.created_at].map(|text| visible(text))
}
