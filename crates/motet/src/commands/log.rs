//! `motet log`: commits from the newest to the oldest.

use std::collections::{BTreeMap, HashMap};

use api::CommitRecord;
use history::{
    Parents, topological_order,
    worktree::{Paths, Walk, WorkingCopy, WorktreeError, changes},
};
use names::CommitId;
use serde_json::{Value, json};

use super::{
    lanes::Lanes,
    patch::{Newer, Shown, patch},
    working::{commit_value, paths, subject, told_commit},
};
use crate::{context::Context, failure::Failure, report::Report};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet log -n 5
  motet log draft --oneline --graph
  motet log --stat -- verses/")]
pub struct Log {
    /// Where to begin: a branch, a tag, a commit; HEAD if left out
    #[arg(value_name = "REVISION")]
    pub revision: Option<String>,
    /// Only commits that changed these files and directories
    #[arg(value_name = "PATH", last = true)]
    pub paths: Vec<String>,
    /// At most so many
    #[arg(short = 'n', long, value_name = "NUMBER")]
    pub number: Option<usize>,
    /// One line each
    #[arg(long)]
    pub oneline: bool,
    /// Draw how the commits lead to one another
    #[arg(long)]
    pub graph: bool,
    /// How much is shown of what changed
    #[command(flatten)]
    pub shown: Shown,
}

pub(super) fn run(arguments: &Log, context: &Context) -> Result<Report, Failure> {
    let copy = context.working_copy()?;
    let paths = paths(context, &copy, &arguments.paths)?;
    let from = match &arguments.revision {
        Some(text) => Some(copy.resolve(text)?),
        None => copy.head_commit()?,
    };
    let number = arguments.number.unwrap_or(usize::MAX);
    let names = ref_names(&copy)?;
    let mut records = Vec::new();
    if arguments.graph {
        let all: Vec<_> = Walk::new(&copy, from)?.collect::<Result<_, _>>()?;
        records = children_first(all)?;
        records.truncate(number);
    } else {
        let mut walk = Walk::new(&copy, from)?;
        while records.len() < number
            && let Some(record) = walk.next().transpose()?
        {
            if paths.is_everything() || touches(&copy, &record, &paths)? {
                records.push(record);
            }
        }
    }
    let mut lanes = Lanes::default();
    let (mut text, mut values) = (String::new(), Vec::new());
    for record in &records {
        let (told, value) = tell(arguments, &copy, record, &names, &paths)?;
        if arguments.graph {
            text.push_str(&lanes.draw(record.commit_id, &Parents::from(record), &told));
        } else {
            text.push_str(&told);
        }
        values.push(value);
    }
    if records.is_empty() {
        text.push_str("no commits\n");
    }
    Ok(Report { is_long: true, ..Report::answer(json!({ "commits": values }), text) })
}

fn tell(
    arguments: &Log,
    copy: &WorkingCopy,
    record: &CommitRecord,
    names: &HashMap<CommitId, String>,
    paths: &Paths,
) -> Result<(String, Value), WorktreeError> {
    let names = names.get(&record.commit_id).map_or("", String::as_str);
    let mut text = if arguments.oneline || arguments.graph {
        format!("{}{names} {}\n", record.commit_id.short(), subject(record))
    } else {
        told_commit(record, names) + "\n"
    };
    let mut value = commit_value(record);
    if arguments.shown.stat || arguments.shown.name_only {
        let found = patch(copy, &changed(copy, record, paths)?, Newer::Stored, arguments.shown)?;
        text.push_str(&found.text);
        if !arguments.oneline && !found.text.is_empty() {
            text.push('\n');
        }
        if let Value::Object(fields) = &mut value {
            fields.insert("files".to_owned(), Value::Array(found.files));
        }
    }
    Ok((text, value))
}

/// What a commit changed against its first parent. A parent that is not here is as good as none.
pub(super) fn changed(
    copy: &WorkingCopy,
    record: &CommitRecord,
    paths: &Paths,
) -> Result<Vec<history::worktree::PathChange>, WorktreeError> {
    let parent = match record.parent_commit_id {
        Some(parent) if copy.commit(&parent)?.is_some() => Some(parent),
        Some(_) | None => None,
    };
    let before = copy.manifest_of(parent)?;
    let mut found = changes(&before, &copy.manifest_of(Some(record.commit_id))?);
    found.retain(|change| {
        paths.contains(&change.path)
            || change.from.as_ref().is_some_and(|path| paths.contains(path))
    });
    Ok(found)
}

fn touches(
    copy: &WorkingCopy,
    record: &CommitRecord,
    paths: &Paths,
) -> Result<bool, WorktreeError> {
    Ok(!changed(copy, record, paths)?.is_empty())
}

fn children_first(records: Vec<CommitRecord>) -> Result<Vec<CommitRecord>, Failure> {
    let graph: BTreeMap<_, _> =
        records.iter().map(|record| (record.commit_id, Parents::from(record))).collect();
    let order = topological_order(&graph).map_err(WorktreeError::from)?;
    let mut by_id: HashMap<_, _> =
        records.into_iter().map(|record| (record.commit_id, record)).collect();
    Ok(order.iter().rev().filter_map(|id| by_id.remove(id)).collect())
}

/// The branches and tags of each commit, in brackets.
pub(super) fn ref_names(copy: &WorkingCopy) -> Result<HashMap<CommitId, String>, WorktreeError> {
    let mut names: HashMap<CommitId, Vec<String>> = HashMap::new();
    for (branch, commit) in copy.branches()? {
        if let Some(commit) = commit {
            names.entry(commit).or_default().push(branch.to_string());
        }
    }
    for (tag, commit) in copy.tags()? {
        if let Some(commit) = commit {
            names.entry(commit).or_default().push(format!("tag: {tag}"));
        }
    }
    Ok(names.into_iter().map(|(id, names)| (id, format!(" ({})", names.join(", ")))).collect())
}
