//! `motet log`: commits from the newest to the oldest.

use std::collections::{BTreeMap, HashMap};

use api::CommitRecord;
use history::{
    Parents, topological_order,
    worktree::{Paths, Subject, Touched, Walk, WorkingCopy, WorktreeError, changes},
};
use names::CommitId;
use serde_json::{Value, json};

use super::{
    lanes::Lanes,
    patch::{Newer, Shown, patch},
    working::{commit_value, file, paths, subject as first_line, told_commit},
};
use crate::{context::Context, failure::Failure, report::Report};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet log -n 5
  motet log draft --oneline --graph
  motet log --stat -- verses/
  motet log --follow words.txt      also under its earlier names")]
pub struct Log {
    /// Where to begin: a branch, a tag, a commit; HEAD if left out
    #[arg(value_name = "REVISION")]
    pub revision: Option<String>,
    /// Only commits that changed these files and directories
    #[arg(value_name = "PATH", last = true)]
    pub paths: Vec<String>,
    /// Only commits that changed this file, also under the names that it had before
    #[arg(long, value_name = "FILE", conflicts_with = "paths")]
    pub follow: Option<String>,
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
    let subject = subject(arguments, context, &copy)?;
    let from = match &arguments.revision {
        Some(text) => Some(copy.resolve(text)?),
        None => copy.head_commit()?,
    };
    let number = arguments.number.unwrap_or(usize::MAX);
    let limit = if arguments.graph { usize::MAX } else { number };
    let names = ref_names(&copy)?;
    let mut records = match &subject {
        Some(subject) => copy.touched(from, subject, limit)?,
        None => everything(&copy, from, limit)?,
    };
    if arguments.graph {
        records = children_first(records)?;
        records.truncate(number);
    }
    let mut lanes = Lanes::default();
    let (mut text, mut values) = (String::new(), Vec::new());
    for Touched { record, paths, parents } in &records {
        let (told, value) = tell(arguments, &copy, record, &names, paths)?;
        if arguments.graph {
            text.push_str(&lanes.draw(record.commit_id, parents, &told));
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

/// What the commits have to do with; none for all of them.
fn subject(
    arguments: &Log,
    context: &Context,
    copy: &WorkingCopy,
) -> Result<Option<Subject>, Failure> {
    if let Some(typed) = &arguments.follow {
        return Ok(Some(Subject::File(file(context, copy, typed)?)));
    }
    let paths = paths(context, copy, &arguments.paths)?;
    Ok((!paths.is_everything()).then_some(Subject::Paths(paths)))
}

/// Every commit that `from` leads to, at most `limit`.
fn everything(
    copy: &WorkingCopy,
    from: Option<CommitId>,
    limit: usize,
) -> Result<Vec<Touched>, WorktreeError> {
    let told = |record: CommitRecord| {
        let parents = Parents::from(&record);
        Touched { record, paths: Paths::default(), parents }
    };
    Walk::new(copy, from)?.take(limit).map(|record| record.map(told)).collect()
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
        format!("{}{names} {}\n", record.commit_id.short(), first_line(record))
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

fn children_first(records: Vec<Touched>) -> Result<Vec<Touched>, Failure> {
    let graph: BTreeMap<_, _> =
        records.iter().map(|it| (it.record.commit_id, it.parents)).collect();
    let order = topological_order(&graph).map_err(WorktreeError::from)?;
    let mut by_id: HashMap<_, _> =
        records.into_iter().map(|it| (it.record.commit_id, it)).collect();
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
