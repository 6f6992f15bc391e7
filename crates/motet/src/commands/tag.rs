//! `motet tag`: names for commits, and labels on them.

use history::worktree::WorkingCopy;
use names::BranchName;
use serde_json::json;

use super::branch::start;
use crate::{
    context::Context,
    failure::{Exit, Failure},
    report::Report,
    visible,
};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet tag
  motet tag v1.0 main~1
  motet tag -d v1.0
  motet tag --label section:verse           on HEAD")]
pub struct Tag {
    /// The tag to make; with --label the commit; tags and labels are listed if left out
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// The commit that it names; HEAD if left out
    #[arg(value_name = "REVISION", conflicts_with = "label")]
    pub revision: Option<String>,
    /// Remove it instead
    #[arg(short, long)]
    pub delete: bool,
    /// Move it though it is there
    #[arg(long)]
    pub force: bool,
    /// Free text on a commit instead of a name; a commit may have many
    #[arg(long, value_name = "TEXT")]
    pub label: Option<String>,
}

pub(super) fn run(arguments: &Tag, context: &Context) -> Result<Report, Failure> {
    let copy = context.working_copy()?;
    match (&arguments.label, &arguments.name) {
        (Some(text), revision) => label(arguments, context, &copy, text, revision.as_deref()),
        (None, None) if arguments.delete => {
            Err(Failure::usage("no_name", "-d needs the name of a tag"))
        }
        (None, None) => list(&copy),
        (None, Some(name)) => {
            let name: BranchName =
                name.parse().map_err(|error| Failure::usage("bad_tag", error))?;
            if arguments.delete { delete(&copy, &name) } else { make(&copy, &name, arguments) }
        }
    }
}

fn list(copy: &WorkingCopy) -> Result<Report, Failure> {
    let (mut text, mut tags, mut labels) = (String::new(), Vec::new(), Vec::new());
    for (name, commit) in copy.tags()? {
        let at = commit.map(|id| id.short()).unwrap_or_default();
        text.extend([format!("{name} {at}\n")]);
        tags.push(json!({ "name": name, "commit": commit }));
    }
    for label in copy.labels()? {
        text.extend([format!("label {} {}\n", label.commit.short(), visible(&label.text))]);
        labels.push(json!({ "commit": label.commit, "text": label.text }));
    }
    Ok(Report::answer(json!({ "tags": tags, "labels": labels }), text))
}

fn make(copy: &WorkingCopy, name: &BranchName, arguments: &Tag) -> Result<Report, Failure> {
    if !arguments.force && copy.tag(name)?.is_some() {
        let message = format!("the tag `{name}` is there");
        return Err(Failure::new(Exit::Decide, "tag_exists", message)
            .hint("name another one, or move it with --force"));
    }
    let commit = start(copy, arguments.revision.as_deref())?;
    copy.set_tag(name, commit)?;
    let result = json!({ "name": name, "commit": commit });
    Ok(Report::news(result, format!("{name} is {}", commit.short())))
}

fn delete(copy: &WorkingCopy, name: &BranchName) -> Result<Report, Failure> {
    let Some(commit) = copy.tag(name)? else {
        let message = format!("there is no tag `{name}`");
        return Err(Failure::new(Exit::NotFound, "no_tag", message).hint("motet tag lists them"));
    };
    copy.delete_tag(name)?;
    let result = json!({ "name": name, "deleted": true, "commit": commit });
    Ok(Report::news(result, format!("removed {name}, which was {}", commit.short())))
}

fn label(
    arguments: &Tag,
    context: &Context,
    copy: &WorkingCopy,
    text: &str,
    revision: Option<&str>,
) -> Result<Report, Failure> {
    let commit = start(copy, revision)?;
    let (shown, at) = (visible(text), commit.short());
    if arguments.delete {
        return match copy.remove_label(commit, text)? {
            0 => {
                let message = format!("{at} has no label `{shown}`");
                Err(Failure::new(Exit::NotFound, "no_label", message).hint("motet tag lists them"))
            }
            count => {
                let result = json!({ "commit": commit, "label": text, "deleted": count });
                Ok(Report::news(result, format!("took `{shown}` off {at}")))
            }
        };
    }
    copy.add_label(commit, text, context.clock.now())?;
    let result = json!({ "commit": commit, "label": text });
    Ok(Report::news(result, format!("put `{shown}` on {at}")))
}
