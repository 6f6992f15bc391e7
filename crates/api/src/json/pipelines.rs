//! JSON of pipelines, their versions and schedules, and of skills (`spec/work.md` 2, 6, 10).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something about a definition, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionFault {
    /// RFC 6901.
    pub pointer: String,
    /// The stable word.
    pub code: String,
    /// A sentence.
    pub message: String,
}

/// What a step waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineRequirement {
    /// The step.
    pub step: String,
    /// How many of its instances have to be good; nothing where all have to be through.
    pub at_least: Option<u32>,
    /// `keep` or `cancel`: what happens to the others then.
    pub rest: String,
}

/// One node of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineStep {
    /// The step.
    pub id: String,
    /// `work` or `approval`.
    pub kind: String,
    /// What it is called.
    pub title: Option<String>,
    /// The steps whose fan-outs it lies in, the outermost first.
    pub scope: Vec<String>,
    /// The steps of which its fan-out makes instances.
    pub spawns: Vec<String>,
    /// What it waits for, inputs and conditions included.
    pub requires: Vec<PipelineRequirement>,
}

/// The steps of a version, and how they hang together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineGraph {
    /// In the order of the definition.
    pub steps: Vec<PipelineStep>,
}

/// The answer to `POST /api/v1/publishers/{publisher}/pipelines`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredPipeline {
    /// The pipeline.
    pub id: String,
    /// The version that this definition is.
    pub version: u32,
    /// SHA-256 of its canonical form, skills resolved.
    pub definition_sha256: String,
    /// The version that new runs use, after this.
    pub current_version: Option<u32>,
    /// What refuses nothing and is worth a look.
    pub warnings: Vec<DefinitionFault>,
    /// Its steps.
    pub graph: PipelineGraph,
    /// Whether nothing was written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// A pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Its id.
    pub id: String,
    /// What its current version calls it; its last one where none is current.
    pub title: Option<String>,
    /// The version that new runs use; nothing while none was made current.
    pub current_version: Option<u32>,
    /// The newest version.
    pub last_version: u32,
    /// The hash of the current version; of the last one where none is current.
    pub definition_sha256: String,
    /// `members`, `listed` or `open`: whose agents are offered its tasks.
    pub audience: String,
    /// Whether no runs are started.
    pub paused: bool,
    /// When it was first registered.
    pub created_at: String,
    /// When something of this changed.
    pub changed_at: String,
    /// When it was archived.
    pub archived_at: Option<String>,
}

/// Pipelines, by their ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelinePage {
    /// One page.
    pub items: Vec<Pipeline>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// The body of `PATCH /api/v1/publishers/{publisher}/pipelines/{pipeline}`: what is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangePipeline {
    /// The version that new runs use from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_version: Option<u32>,
    /// `members`, `listed` or `open`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Whether no runs are started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// A version of a pipeline. Nothing changes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineVersion {
    /// 1, 2, 3 and so on.
    pub version: u32,
    /// SHA-256 of its canonical form, skills resolved.
    pub definition_sha256: String,
    /// What it calls the pipeline.
    pub title: Option<String>,
    /// `json` or `yaml`: how it was written.
    pub source_type: String,
    /// The handle of whoever registered it.
    pub created_by: String,
    /// When.
    pub created_at: String,
}

/// Versions, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineVersionPage {
    /// One page.
    pub items: Vec<PipelineVersion>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// A version with what it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineVersionDetail {
    /// The pipeline.
    pub id: String,
    /// The version.
    #[serde(flatten)]
    pub version: PipelineVersion,
    /// Whether new runs use it.
    pub is_current: bool,
    /// Its steps.
    pub graph: PipelineGraph,
    /// The parsed definition, skills resolved.
    pub definition: Value,
}

/// One place in which two versions differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineChange {
    /// RFC 6901: into the newer one, or into the older one where something was removed.
    pub pointer: String,
    /// `added`, `removed` or `changed`.
    pub kind: String,
    /// What stood there.
    pub before: Option<Value>,
    /// What stands there.
    pub after: Option<Value>,
}

/// In what two versions differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineDiff {
    /// The pipeline.
    pub id: String,
    /// The version that is compared.
    pub from: u32,
    /// The version that it is compared to.
    pub to: u32,
    /// Whether a live run may move from the one to the other.
    pub compatible: bool,
    /// The places that stand against it.
    pub incompatible_at: Vec<String>,
    /// The places that differ; steps are paired by their ids.
    pub changes: Vec<PipelineChange>,
    /// Whether there are more.
    pub truncated: bool,
}

/// When a pipeline starts runs by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineSchedule {
    /// Its name.
    pub name: String,
    /// The five fields.
    pub cron: String,
    /// Whose clock they follow.
    pub time_zone: String,
    /// `skip`, `latest` or `all`.
    pub missed: String,
    /// Whether it rests.
    pub paused: bool,
    /// How many of its runs failed in a row.
    pub failures: u32,
    /// When it fires next; nothing while it rests.
    pub next_at: Option<String>,
    /// The next fires, that one first.
    pub next_fires: Vec<String>,
    /// The run that it started last.
    pub last_run: Option<String>,
}

/// The schedules of a pipeline; there are few.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineSchedulePage {
    /// All of them.
    pub items: Vec<PipelineSchedule>,
    /// Never anything.
    pub next_cursor: Option<String>,
}

/// The body of `PATCH …/pipelines/{pipeline}/schedules/{schedule}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangePipelineSchedule {
    /// Whether it rests.
    pub paused: bool,
}

/// A file of a new skill: `content` or `content_base64`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSkillFile {
    /// Where it lies in the bundle.
    pub path: String,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The bytes, if they are no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_base64: Option<String>,
}

/// The body of `POST /api/v1/publishers/{publisher}/skills`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSkill {
    /// What it is called.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is for; what `SKILL.md` says unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether other publishers may name it.
    #[serde(default)]
    pub public: bool,
    /// `SKILL.md`, and what else belongs to it.
    pub files: Vec<NewSkillFile>,
}

/// A version of a skill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skill {
    /// What it is called.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The hash of the bundle.
    pub sha256: String,
    /// What a reference to it stands for.
    pub reference: String,
    /// What it is for.
    pub description: String,
    /// Whether other publishers may name it.
    pub public: bool,
    /// When it was added.
    pub created_at: String,
    /// Since when no new definition may name it.
    pub deprecated_at: Option<String>,
}

/// Skills by name, the newest version of each first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillPage {
    /// One page.
    pub items: Vec<Skill>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// A file of a skill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillFile {
    /// Where it lies in the bundle.
    pub path: String,
    /// Its bytes.
    pub size: u64,
    /// The hash of its bytes.
    pub sha256: String,
}

/// A version of a skill with the list of its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillDetail {
    /// The version.
    #[serde(flatten)]
    pub skill: Skill,
    /// By path.
    pub files: Vec<SkillFile>,
}
