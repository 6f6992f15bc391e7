//! Pipeline definitions (`spec/work.md` 2): read strictly, checked whole, then never changed.
//!
//! [`Definition::read`] takes a text and gives either a definition with its warnings, or every fault at once. What lies
//! outside of the text (which addresses a request may go to, which skills there are, which priority was granted) is
//! asked of an [`Outside`].
//!
//! | file            | what is there                                                            |
//! |-----------------|--------------------------------------------------------------------------|
//! | `model.rs`      | what a definition holds                                                  |
//! | `fields.rs`     | an object read member by member: unknown, missing, wrong, beyond         |
//! | `top.rs`        | the members of the definition itself                                     |
//! | `step.rs`       | the members of a step                                                    |
//! | `handling.rs`   | the members of a step about attempts, claims, checks and persons         |
//! | `names.rs`      | who spawns whom; names that stand twice or nowhere                       |
//! | `graph.rs`      | scopes, references, joins, rings                                         |
//! | `types.rs`      | what inputs and fan-outs find in the schemas of their sources            |
//! | `output.rs`     | what compose rules find                                                  |
//! | `limits.rs`     | limits against each other                                                |
//! | `compatible.rs` | which versions a live run may move between                               |

mod compatible;
mod fields;
mod graph;
mod handling;
mod limits;
mod model;
mod names;
mod output;
mod step;
mod top;
mod types;

use std::{cell::RefCell, collections::BTreeMap, fmt, sync::Arc};

use ::names::Digest;
use serde_json::Value;

pub use fields::duration;
pub use model::{
    Approval, Budgets, Checks, Concurrency, Fairness, From, Input, Join, Kind, Lease, MicroUsd,
    OnDead, OnDisagree, OnExhausted, OnExpiry, OnFull, OnUnmet, Output, Quorum, Reach, Requirement,
    Rest, Review, Reviewer, Schedule, SlotOf, Spawns, Step, Subcommand, VerdictMode, Webhook,
};

use crate::{
    fault::Fault,
    json::{self, Form, Place, Pointer},
    name::{PipelineId, StepId},
    schema::Schema,
};

/// Faults, as they are found.
type Faults = RefCell<Vec<Fault>>;

/// What a definition cannot know by itself.
pub trait Outside {
    /// Whether a request may go to `url`; the error says why not.
    fn endpoint(&self, url: &str) -> Result<(), String>;
    /// The resolved form of a skill reference: `publisher/name@version#sha256:<hex>`.
    fn skill(&self, reference: &str) -> Option<String>;
    /// The highest priority that the operator grants.
    fn max_priority(&self) -> u8;
}

/// A version of a pipeline, as it was registered. Nothing changes it.
pub struct Definition {
    /// SHA-256 over the canonical form, skills resolved.
    pub sha256: Digest,
    /// The parsed document, skills resolved.
    pub source: Value,
    /// The id, unique for its publisher.
    pub id: PipelineId,
    /// For people.
    pub title: Option<String>,
    /// Markdown, for people.
    pub description: Option<String>,
    /// Of the run's input.
    pub input_schema: Schema,
    /// Places of the input by which runs can be listed.
    pub search: Vec<Pointer>,
    /// In the order of the file.
    pub steps: Vec<Step>,
    /// Rules and schema of the output.
    pub output: Output,
    /// Where events go.
    pub webhook: Option<Webhook>,
    /// From start to a terminal state.
    pub deadline: std::time::Duration,
    /// What a run may spend.
    pub budgets: Budgets,
    /// 0..9; 9 first.
    pub priority: u8,
    /// What is counted over runs.
    pub concurrency: Vec<Concurrency>,
    /// How the publisher's own work shares.
    pub fairness: Fairness,
    /// When runs start by themselves.
    pub schedules: Vec<Schedule>,
    /// For every step, resolved.
    pub skills: Vec<String>,
    index: BTreeMap<StepId, usize>,
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = f.debug_struct("Definition");
        told.field("id", &self.id).field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

/// A definition without faults.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The definition.
    pub definition: Arc<Definition>,
    /// What refuses nothing and is worth a look.
    pub warnings: Vec<Fault>,
}

impl Definition {
    /// Reads and checks a text. The faults come sorted by place.
    pub fn read(text: &[u8], form: Form, outside: &dyn Outside) -> Result<Checked, Vec<Fault>> {
        let source = json::read(text, form).map_err(|fault| vec![fault])?;
        Self::of(source, outside)
    }

    /// Checks a document that was parsed.
    pub fn of(source: Value, outside: &dyn Outside) -> Result<Checked, Vec<Fault>> {
        let faults = Faults::default();
        let draft = top::read(&source, outside, &faults);
        let warnings = draft.as_ref().map(|draft| check(draft, &source, &faults));
        let mut faults = faults.into_inner();
        faults.sort();
        faults.dedup_by(|one, other| one.pointer == other.pointer && one.code == other.code);
        match (draft, warnings) {
            (Some(draft), Some(warnings)) if faults.is_empty() => {
                let definition = draft.finish(source).map(Arc::new).ok_or(faults)?;
                Ok(Checked { definition, warnings })
            }
            _ => Err(faults),
        }
    }

    /// The step of that id.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.get(*self.index.get(id)?)
    }

    /// The steps that stand from the start.
    pub fn roots(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.spawner.is_none())
    }

    /// Whether a live run may move from this version to another; else the places where they differ too much
    /// (`spec/work.md` 2, Hot fix).
    pub fn may_move_to(&self, other: &Self) -> Result<(), Vec<String>> {
        compatible::compare(self, other)
    }
}

/// The checks that need the whole document; each looks only at what the ones before left sound.
fn check(draft: &top::Draft, source: &Value, faults: &Faults) -> Vec<Fault> {
    let graph = names::check(draft, faults);
    limits::check(draft, faults);
    let Some(graph) = graph else { return Vec::new() };
    draft.graph.replace(graph::check(draft, &graph, faults));
    let view = types::View::new(draft, source, &graph);
    types::check(&view, faults);
    output::check(&view, faults)
}

/// The pointer to a step.
fn step_place(position: usize) -> Place {
    Place::root().at("steps").at(position)
}
