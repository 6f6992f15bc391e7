//! `motet merge`: another branch into this one.

use history::{
    Parents,
    merge::TreeMerge,
    worktree::{CommitFiles, MergePlan, WorkingCopy, WorktreeError},
};
use names::CommitId;
use serde_json::{Value, json};

use super::{
    branch::no_commit,
    working::{commit_value, head_name, new_commit, overwrite, rescue_place, sign, told_rescued},
};
use crate::{
    context::Context,
    failure::{Exit, Failure},
    report::{BAD, Report},
    visible,
};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet merge draft
  motet merge --continue            when every conflict is decided
  motet merge --abort               back to how it was")]
pub struct Merge {
    /// A branch, a tag, a commit
    #[arg(value_name = "REVISION", required_unless_present_any = ["abort", "go_on"])]
    pub revision: Option<String>,
    /// Make a commit of both sides even if the head could just follow
    #[arg(long)]
    pub no_ff: bool,
    /// How it is made
    #[command(flatten)]
    pub manner: JoinManner,
    /// Take the merge that waits for you back
    #[arg(long, conflicts_with_all = ["revision", "go_on"])]
    pub abort: bool,
    /// Commit the merge that waited for you
    #[arg(long = "continue", id = "go_on", conflicts_with = "revision")]
    pub go_on: bool,
}

/// How another history is taken in.
#[derive(Debug, clap::Args)]
pub struct JoinManner {
    /// What the commit says
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Do not sign, though there is a key
    #[arg(long)]
    pub no_sign: bool,
    /// Move changes in the way to .muse/motet/rescued instead of refusing
    #[arg(long)]
    pub force: bool,
}

/// What is taken in.
pub(super) struct Join<'a> {
    pub(super) theirs: CommitId,
    /// What the user calls it.
    pub(super) name: &'a str,
    pub(super) manner: &'a JoinManner,
    pub(super) follow: Follow,
}

/// Whether the head may follow without a commit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follow {
    /// If it can.
    May,
    /// Never.
    Never,
    /// It must, else nothing happens.
    Must,
}

pub(super) fn run(arguments: &Merge, context: &Context) -> Result<Report, Failure> {
    let copy = context.working_copy()?;
    if arguments.abort {
        return abort(context, &copy);
    }
    if arguments.go_on {
        return go_on(arguments, context, &copy);
    }
    if copy.merge_state()?.is_some() {
        return Err(WorktreeError::Merging.into());
    }
    let name = arguments.revision.as_deref().unwrap_or_default();
    let theirs = copy.resolve(name)?;
    let follow = if arguments.no_ff { Follow::Never } else { Follow::May };
    join(context, &copy, &Join { theirs, name, manner: &arguments.manner, follow })
}

/// Takes another history into HEAD's.
pub(super) fn join(
    context: &Context,
    copy: &WorkingCopy,
    it: &Join<'_>,
) -> Result<Report, Failure> {
    let (name, theirs) = (it.name, it.theirs);
    let ours = copy.head_commit()?.ok_or_else(no_commit)?;
    match copy.plan_merge(ours, theirs, it.follow == Follow::Never)? {
        MergePlan::UpToDate => {
            let result = json!({ "merged": false, "up_to_date": true, "commit": ours });
            Ok(Report::news(result, format!("{} is merged already", visible(name))))
        }
        MergePlan::FastForward => follow(context, copy, Some(ours), it),
        MergePlan::Merge { .. } if it.follow == Follow::Must => {
            let message = format!("{} and the branch have both gone on", visible(name));
            Err(Failure::new(Exit::Decide, "diverged", message)
                .hint("without --ff-only the two are merged"))
        }
        MergePlan::Merge { merged, .. } if merged.conflicts.is_empty() => {
            commit(context, copy, ours, it, &merged)
        }
        MergePlan::Merge { bases, merged } => {
            let place = rescue_place(context);
            let overwrite = overwrite(it.manner.force, &place);
            let (_, rescued) =
                copy.begin_merge([ours, theirs], name, &bases, &merged, overwrite)?;
            Ok(torn(name, [ours, theirs], &merged, &told_rescued(&rescued, &place)))
        }
    }
}

/// Lets HEAD follow to a commit that it is behind; `ours` is none on a branch without a commit.
pub(super) fn follow(
    context: &Context,
    copy: &WorkingCopy,
    ours: Option<CommitId>,
    it: &Join<'_>,
) -> Result<Report, Failure> {
    let (name, theirs, place) = (it.name, it.theirs, rescue_place(context));
    let (before, after) = (copy.manifest_of(ours)?, copy.manifest_of(Some(theirs))?);
    let rescued = copy.replace_files(&before, &after, overwrite(it.manner.force, &place))?;
    let author = copy.config()?.user().author();
    let what = format!("merge {name}: fast-forward");
    copy.move_head(theirs, &author, context.clock.now(), &what)?;
    let result =
        json!({ "merged": true, "fast_forward": true, "commit": theirs, "rescued": rescued });
    let on = head_name(&copy.head()?);
    let told = format!("{on} follows {} to {}", visible(name), theirs.short());
    Ok(Report::news(result, told + &told_rescued(&rescued, &place)))
}

fn commit(
    context: &Context,
    copy: &WorkingCopy,
    ours: CommitId,
    it: &Join<'_>,
    merged: &TreeMerge,
) -> Result<Report, Failure> {
    let Join { theirs, name, manner, follow: _ } = *it;
    let message = match &manner.message {
        Some(message) => message.clone(),
        None => format!("Merge {name} into {}", head_name(&copy.head()?)),
    };
    let mut new = new_commit(context, copy, &message)?;
    new.parents = Some(Parents::new(Some(ours), Some(theirs)));
    new.files = CommitFiles::Manifest(merged.manifest.clone());
    let mut record = copy.prepare_commit(&new)?;
    if !manner.no_sign {
        sign(context, copy, &mut record)?;
    }
    // Before the commit counts, because changes in the way leave everything as it was.
    let place = rescue_place(context);
    let before = copy.manifest_of(Some(ours))?;
    let rescued = copy.replace_files(&before, &merged.manifest, overwrite(manner.force, &place))?;
    copy.finish_commit(&record)?;
    let result = json!({
        "merged": true,
        "fast_forward": false,
        "commit": commit_value(&record),
        "rescued": rescued,
    });
    let told = format!("merged {} as {}", visible(name), record.commit_id.short());
    Ok(Report::news(result, told + &told_rescued(&rescued, &place)))
}

/// What the user has to decide.
fn torn(name: &str, [ours, theirs]: [CommitId; 2], merged: &TreeMerge, rescued: &str) -> Report {
    let mut text = format!("{} does not merge by itself:\n", visible(name));
    let mut values = Vec::new();
    for conflict in &merged.conflicts {
        let path = visible(conflict.path.as_str());
        let beside = conflict.beside.as_ref().map(|path| visible(path.as_str()));
        let also = beside.as_ref().map(|path| format!(", theirs in {path}")).unwrap_or_default();
        text.extend([format!("  {BAD}{}{BAD:#} {path}{also}\n", conflict.kind.word())]);
        values.push(json!({
            "path": conflict.path,
            "kind": conflict.kind.word(),
            "beside": conflict.beside,
            "markers": conflict.marker_chars.is_some(),
        }));
    }
    text.push_str("decide each, then motet merge --continue; motet merge --abort takes it back");
    text.push_str(rescued);
    let result = json!({ "merged": false, "ours": ours, "theirs": theirs, "conflicts": values });
    Report { exit: Exit::Decide, ..Report::answer(result, text) }
}

fn abort(context: &Context, copy: &WorkingCopy) -> Result<Report, Failure> {
    let place = rescue_place(context);
    let rescued = copy.abort_merge(&place)?;
    let result = json!({
        "aborted": true,
        "rescued": rescued,
        "rescued_in": (!rescued.is_empty()).then(|| format!(".muse/motet/rescued/{place}")),
    });
    Ok(Report::news(result, format!("took the merge back{}", told_rescued(&rescued, &place))))
}

fn go_on(arguments: &Merge, context: &Context, copy: &WorkingCopy) -> Result<Report, Failure> {
    let state = copy.merge_state()?.ok_or(WorktreeError::NotMerging)?;
    let message = match &arguments.manner.message {
        Some(message) => message.clone(),
        None => format!("Merge {} into {}", state.other_branch, head_name(&copy.head()?)),
    };
    let mut record = copy.prepare_commit(&new_commit(context, copy, &message)?)?;
    if !arguments.manner.no_sign {
        sign(context, copy, &mut record)?;
    }
    copy.finish_commit(&record)?;
    let result: Value =
        json!({ "merged": true, "fast_forward": false, "commit": commit_value(&record) });
    let other = visible(&state.other_branch);
    Ok(Report::news(result, format!("merged {other} as {}", record.commit_id.short())))
}
