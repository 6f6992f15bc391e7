//! `motet admin quota`: how much somebody may hold.

use api::json::{Limit, QuotaUse, SetQuota, Used};

use super::{Reach, jobs::result, refused, table::table};
use crate::{client::Target, context::Context, failure::Failure, report::Report};

/// What to do with quotas.
#[derive(Debug, clap::Subcommand)]
pub enum Quota {
    /// Show what an owner or a repository holds and may hold
    Show(Show),
    /// Say what an owner or a repository may hold
    Set(Set),
}

/// Whose quota.
#[derive(Debug, clap::Args)]
pub struct Whose {
    /// An owner, or a repository as `owner/name`
    #[arg(value_name = "OWNER[/NAME]")]
    pub whose: Target,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

/// What can be said with `show`.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// Whose.
    #[command(flatten)]
    pub of: Whose,
}

/// What can be said with `set`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet admin quota set ada --bytes 53687091200
  motet admin quota set ada/engine --objects usual")]
pub struct Set {
    /// Whose.
    #[command(flatten)]
    pub of: Whose,
    /// How many bytes, or `usual`
    #[arg(long, required_unless_present = "objects", value_parser = limit)]
    pub bytes: Option<Limit>,
    /// How many objects, of a repository, or `usual`
    #[arg(long, value_parser = limit)]
    pub objects: Option<Limit>,
}

/// Reads a number, or `usual`.
fn limit(text: &str) -> Result<Limit, String> {
    match text {
        "usual" => Ok(Limit::Usual),
        number => {
            number.parse().map(Limit::Of).map_err(|_| "give a whole number, or `usual`".to_owned())
        }
    }
}

impl Quota {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Show(_) => "admin quota show",
            Self::Set(_) => "admin quota set",
        }
    }
}

pub(super) async fn run(command: &Quota, context: &Context) -> Result<Report, Failure> {
    match command {
        Quota::Show(Show { of: Whose { whose, reach } }) => {
            let found = reach.client(context)?.quota(whose).await.map_err(refused)?;
            Ok(Report::answer(result(&found)?, shown(&found)))
        }
        Quota::Set(Set { of: Whose { whose, reach }, bytes, objects }) => {
            let limits = SetQuota { bytes: *bytes, objects: *objects };
            let found = reach.client(context)?.set_quota(whose, &limits).await.map_err(refused)?;
            Ok(Report::answer(result(&found)?, shown(&found)))
        }
    }
}

fn shown(found: &QuotaUse) -> String {
    let row = |name: &str, used: Option<Used>| {
        used.map(|it| [name.to_owned(), it.used.to_string(), it.allowed.to_string()])
    };
    let rows = [
        row("bytes of the repository", found.bytes),
        row("objects of the repository", found.objects),
        row("bytes of the owner", found.owner_bytes),
    ];
    table(["WHAT", "USED", "ALLOWED"], &rows.into_iter().flatten().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_what_is_usual() {
        assert_eq!((limit("usual"), limit("5")), (Ok(Limit::Usual), Ok(Limit::Of(5))));
        assert!(limit("-5").is_err());
    }
}
