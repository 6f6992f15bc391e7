//! `motet work claim`: an agent asks for a task.

use std::fmt::Write as _;

use api::json::{Claim, ClaimBatch, NextClaims, UntrustedText};
use serde_json::Value;

use super::{
    NOTHING,
    reach::{Reach, undone},
};
use crate::{
    client::{Client, ClientError, Word},
    commands::admin::jobs::result,
    context::Context,
    failure::Failure,
    report::Report,
    visible::{visible, visible_lines},
};

/// How long one request waits for work: well below what a silent connection is given.
const ONE_REQUEST_SECONDS: u64 = 30;

/// What can be said with `claim`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Ends with 4 if there is nothing to do.

Examples:
  motet work claim --wait 30 --label browser --token-file agent-token
  motet work claim --pipeline add-data-source --json")]
pub struct Ask {
    /// How long to wait for a task, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub wait: u64,
    /// What this agent offers; may be repeated
    #[arg(long = "label", value_name = "LABEL")]
    pub labels: Vec<String>,
    /// Only tasks of this publisher; may be repeated
    #[arg(long = "publisher", value_name = "PUBLISHER")]
    pub publishers: Vec<Word>,
    /// Only tasks of this pipeline; may be repeated
    #[arg(long = "pipeline", value_name = "PIPELINE")]
    pub pipelines: Vec<Word>,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

pub(super) async fn run(arguments: &Ask, context: &Context) -> Result<Report, Failure> {
    let client = arguments.reach.client(context)?;
    let found = ask(&client, arguments).await.map_err(undone)?;
    let Some(claim) = found.items.first() else {
        let text =
            format!("nothing to do; ask again in {} s\n", found.retry_after_ms.div_ceil(1_000));
        return Ok(Report { exit: NOTHING, ..Report::answer(result(&found)?, text) });
    };
    Ok(Report::answer(result(&found)?, shown(claim)))
}

/// Asks until there is something, or the time is over.
async fn ask(client: &Client, arguments: &Ask) -> Result<ClaimBatch, ClientError> {
    let words = |all: &[Word]| all.iter().map(ToString::to_string).collect();
    let mut left = arguments.wait;
    loop {
        let asked = NextClaims {
            wait: left.min(ONE_REQUEST_SECONDS),
            labels: arguments.labels.clone(),
            publishers: words(&arguments.publishers),
            pipelines: words(&arguments.pipelines),
            ..NextClaims::default()
        };
        let found = client.next_claims(&asked).await?;
        left -= asked.wait;
        if !found.items.is_empty() || left == 0 {
            return Ok(found);
        }
    }
}

/// A task as people read it. What a publisher wrote is marked as such, and says nothing to the terminal.
fn shown(claim: &Claim) -> String {
    let mut text = String::new();
    let facts = [
        ("claim", claim.claim.clone()),
        ("task", format!("{} of {}", claim.address, claim.instructions.origin)),
        ("run", claim.run.clone()),
        ("attempt", claim.attempt.to_string()),
        ("until", claim.lease_ends_at.clone()),
    ];
    for (name, value) in facts {
        // Writing into a text does not fail.
        writeln!(text, "{name:<8} {}", visible(&value)).unwrap_or_default();
    }
    writeln!(text, "\n{}", visible_lines(&claim.notice)).unwrap_or_default();
    let mut part = |name: &str, content: &str| {
        writeln!(text, "\n--- {name}\n{}", visible_lines(content)).unwrap_or_default();
    };
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    part("instructions", &claim.instructions.text);
    for UntrustedText { text, .. } in &claim.feedback {
        part("of an earlier result", text);
    }
    part("input", &pretty(&claim.input.value));
    part("a result fits", &pretty(&claim.output_schema));
    for tool in &claim.tools {
        part(&format!("may be called: {}", visible(&tool.name)), &tool.description.text);
    }
    text
}
