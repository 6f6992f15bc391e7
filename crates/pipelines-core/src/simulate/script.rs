//! A script: who does what in a simulated run (`spec/work.md` 16).

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    definition::Outside,
    skill::{self, SkillReference},
};

/// The whole script.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Whose pipeline it is.
    pub publisher: String,
    /// Agents by name.
    pub agents: BTreeMap<String, ScriptAgent>,
    /// Skills that there are.
    #[serde(default)]
    pub skills: Vec<ScriptSkill>,
    /// The input of the run.
    pub input: Value,
    /// What agents do, by address, used up in order.
    #[serde(default)]
    pub answers: BTreeMap<String, Vec<Act>>,
    /// What persons decide, by address, used up in order.
    #[serde(default)]
    pub approvals: BTreeMap<String, Vec<ScriptDecision>>,
    /// What subcommands answer, by `step/subcommand`.
    #[serde(default)]
    pub tools: BTreeMap<String, Vec<ScriptAnswer>>,
    /// What the publisher says of outputs, in order.
    #[serde(default)]
    pub verdicts: Vec<ScriptVerdict>,
}

/// An agent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptAgent {
    /// Whose.
    pub owner: String,
    /// Its tier.
    #[serde(default)]
    pub trust: u8,
    /// What it offers.
    #[serde(default)]
    pub labels: Vec<String>,
}

/// A skill.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptSkill {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Its files.
    pub files: Vec<ScriptFile>,
}

/// A file of a skill.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptFile {
    /// Where it lies.
    pub path: String,
    /// Its text.
    pub content: Option<String>,
    /// Or its bytes.
    pub content_base64: Option<String>,
}

/// What an agent does with a claim: a `submit`, a `release`, or nothing until it expires.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// Who.
    pub agent: String,
    /// What it has to be told.
    pub expect_input: Option<Value>,
    /// What it has to be told of the attempt before.
    pub expect_feedback: Option<Vec<String>>,
    /// What it calls first.
    #[serde(default)]
    pub tools: Vec<ToolCall>,
    /// The result.
    pub submit: Option<Value>,
    /// `rejected` for one that must fail.
    pub expect: Option<String>,
    /// Why it gives the task back.
    pub release: Option<String>,
    /// A code for that.
    pub code: Option<String>,
    /// A sentence for that.
    pub detail: Option<String>,
    /// Not before then.
    pub retry_after_s: Option<u64>,
    /// It lets the claim pass.
    #[serde(default)]
    pub expire: bool,
}

/// A call of a subcommand.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// Which.
    pub name: String,
    /// With what.
    #[serde(default)]
    pub arguments: Value,
}

/// The answer of a subcommand to some arguments.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptAnswer {
    /// To what.
    pub arguments: Value,
    /// The status.
    pub status: u16,
    /// The body.
    #[serde(default)]
    pub body: Value,
}

/// What a person decides.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptDecision {
    /// Who.
    pub by: String,
    /// `approve` or `reject`.
    pub decision: String,
    /// What has to be shown.
    pub expect_input: Option<Value>,
    /// The form.
    #[serde(default)]
    pub output: Value,
    /// A sentence.
    #[serde(default)]
    pub comment: String,
}

/// What the publisher says of an output.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptVerdict {
    /// Yes or no.
    pub accepted: bool,
    /// Why not.
    #[serde(default)]
    pub reasons: Vec<Value>,
    /// What is done again.
    #[serde(default)]
    pub reopen: Vec<ScriptReopen>,
}

/// What a verdict names.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptReopen {
    /// A step or an instance.
    pub address: String,
    /// What the next claim is told.
    pub note: Option<String>,
}

impl ScriptFile {
    fn bytes(&self) -> Option<Vec<u8>> {
        match (&self.content, &self.content_base64) {
            (Some(text), None) => Some(text.as_bytes().to_vec()),
            (None, Some(text)) => STANDARD.decode(text).ok(),
            _ => None,
        }
    }
}

/// The skills of a script, before everything else that lies outside.
pub struct WithSkills<'s> {
    /// The script.
    pub script: &'s Script,
    /// All else.
    pub rest: &'s dyn Outside,
}

impl Outside for WithSkills<'_> {
    fn endpoint(&self, url: &str) -> Result<(), String> {
        self.rest.endpoint(url)
    }

    fn skill(&self, reference: &str) -> Option<String> {
        let wanted = SkillReference::read(reference)?;
        let publisher = &self.script.publisher;
        let is_own = wanted.publisher.is_none_or(|it| it == publisher);
        let mut found = self.script.skills.iter().filter(|it| is_own && it.name == wanted.name);
        let found = match wanted.version {
            "latest" => found.next_back(),
            version => found.find(|it| it.version == version),
        };
        let Some(skill) = found else { return self.rest.skill(reference) };
        let files = skill.files.iter().map(|file| Some((file.path.as_str(), file.bytes()?)));
        let files = files.collect::<Option<Vec<_>>>()?;
        let sha256 =
            skill::bundle_sha256(files.iter().map(|(path, bytes)| (*path, bytes.as_slice())));
        Some(skill::resolved(publisher, &skill.name, &skill.version, sha256))
    }

    fn max_priority(&self) -> u8 {
        self.rest.max_priority()
    }
}
