//! `motet me`: what one says of oneself, what is kept of one, and leaving (`spec/trust.md` 1, 13).

mod unpack;

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use api::json::ChangeProfile;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use names::Handle;
use serde_json::json;

use self::unpack::Unpack;
use super::admin::jobs::result;
use crate::{
    client::{Client, ClientError, Origin},
    context::Context,
    failure::Failure,
    report::Report,
    visible,
};

/// What to do with one's own account.
#[derive(Debug, clap::Subcommand)]
pub enum Me {
    /// Show what you say of yourself
    Show(Show),
    /// Say something else of yourself; an empty text takes back what was said
    Edit(Edit),
    /// Write everything that is kept of you into a new ZIP file
    Export(Export),
    /// Make a working copy of a repository that was written into such a file
    Unpack(Unpack),
    /// Leave for good: keys, tokens and sessions go at once, repositories after thirty days
    Leave(Leave),
}

/// Where.
#[derive(Debug, clap::Args)]
pub struct At {
    /// The server, if you are registered at several
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<Origin>,
}

/// What can be said with `show`.
#[derive(Debug, clap::Args)]
pub struct Show {
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `edit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet me edit --name 'Ada Lovelace' --website https://ada.example
  motet me edit --email ''")]
pub struct Edit {
    /// What you want to be called
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,
    /// A few sentences
    #[arg(long, value_name = "TEXT")]
    pub bio: Option<String>,
    /// Your page elsewhere
    #[arg(long, value_name = "URL")]
    pub website: Option<String>,
    /// Where to write to; nobody else sees it
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// Your picture: a file in PNG or JPEG of at most 1 MiB; an empty name takes it back
    #[arg(long, value_name = "FILE")]
    pub picture: Option<PathBuf>,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `export`.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// The file; it must not be there yet
    pub file: PathBuf,
    /// The histories of your repositories as well: as large as they are
    #[arg(long)]
    pub histories: bool,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `leave`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The handle is taken for good: nobody gets it again. Within thirty days those who run the server can
bring the account back.

Examples:
  motet me leave --confirm ada")]
pub struct Leave {
    /// Your handle, once more
    #[arg(long, value_name = "HANDLE")]
    pub confirm: Handle,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

impl Me {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Show(_) => "me show",
            Self::Edit(_) => "me edit",
            Self::Export(_) => "me export",
            Self::Unpack(_) => "me unpack",
            Self::Leave(_) => "me leave",
        }
    }
}

pub(super) async fn run(command: &Me, context: &Context) -> Result<Report, Failure> {
    let at = match command {
        Me::Show(it) => &it.at,
        Me::Edit(it) => &it.at,
        Me::Export(it) => &it.at,
        Me::Leave(it) => &it.at,
        Me::Unpack(it) => return unpack::run(it, context),
    };
    let origin = context.which_origin(at.host.as_ref())?;
    let (_, client) = context.signed_in(&origin)?;
    match command {
        Me::Unpack(it) => unpack::run(it, context),
        Me::Show(_) => show(&client).await,
        Me::Edit(it) => {
            let change = ChangeProfile {
                display_name: it.name.clone(),
                bio: it.bio.clone(),
                website_url: it.website.clone(),
                email: it.email.clone(),
                avatar: it.picture.as_deref().map(|file| picture(file, context)).transpose()?,
            };
            if change == ChangeProfile::default() {
                let message =
                    "nothing is said: give --name, --bio, --website, --email or --picture";
                return Err(Failure::usage("wrong_use", message));
            }
            let after = client.change_me(&change).await?;
            Ok(Report::news(
                result(&after)?,
                format!("{} is described anew", visible(&after.handle)),
            ))
        }
        Me::Export(it) => export(&client, it, context).await,
        Me::Leave(Leave { confirm, .. }) => {
            client.leave(confirm).await?;
            let text = format!("{confirm} has left {origin}; what was kept goes after thirty days");
            Ok(Report::news(json!({ "handle": confirm, "host": origin.to_string() }), text))
        }
    }
}

/// A picture as it is sent; nothing for no file.
fn picture(file: &Path, context: &Context) -> Result<String, Failure> {
    if file.as_os_str().is_empty() {
        return Ok(String::new());
    }
    Ok(STANDARD.encode(std::fs::read(context.at(file))?))
}

async fn show(client: &Client) -> Result<Report, Failure> {
    let me = client.me().await?;
    let it = &me.principal;
    let said = [
        ("handle", &it.handle),
        ("name", &it.display_name),
        ("bio", &it.bio),
        ("website", &it.website_url),
        ("email", &me.email),
    ];
    let lines = said.into_iter().filter(|(_, text)| !text.is_empty());
    let lines: Vec<_> =
        lines.map(|(name, text)| format!("{name:<8} {}\n", visible(text))).collect();
    let text = lines.concat();
    Ok(Report::answer(result(&me)?, text))
}

/// The file is for the caller's eyes alone, and one that is there is never overwritten.
async fn export(client: &Client, it: &Export, context: &Context) -> Result<Report, Failure> {
    let Export { file, histories, .. } = it;
    let path = context.at(file);
    let mut written = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
    let (mut bytes, mut failed) = (0_u64, None);
    let each = |part: &[u8]| {
        bytes += part.len() as u64;
        written.write_all(part).map_err(|error| {
            let cause = ClientError::Setup(error.to_string());
            failed = Some(Failure::from(error));
            cause
        })
    };
    let ended = client.export_me(*histories, each).await;
    let ended = ended.map_err(|error| failed.take().unwrap_or_else(|| error.into()));
    if let Err(failure) = ended.and_then(|()| Ok(written.sync_all()?)) {
        // Half an export says less than none.
        let _removed = std::fs::remove_file(&path);
        return Err(failure);
    }
    let shown = visible(&file.to_string_lossy());
    let text = format!("{shown} holds everything that is kept of you ({bytes} bytes)");
    Ok(Report::news(json!({ "file": shown, "bytes": bytes }), text))
}
