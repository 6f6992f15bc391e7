//! A run without a server: the same core on a simulated clock, with a script in the part of agents, persons,
//! subcommands and the publisher (`spec/work.md` 16, `simulate`). A seed gives the same run each time; other seeds let
//! other agents come first.
//!
//! | file         | what is there                                    |
//! |--------------|--------------------------------------------------|
//! | `script.rs`  | [`Script`]: who does what                        |
//! | `player.rs`  | who plays it                                     |
//! | `outcome.rs` | [`Outcome`]: what came of it, as `--expect` says |

mod outcome;
mod player;
mod script;

use std::sync::Arc;

use crate::definition::Definition;

pub use outcome::{Outcome, TaskOutcome};
pub use script::{
    Act, Script, ScriptAgent, ScriptAnswer, ScriptDecision, ScriptFile, ScriptReopen, ScriptSkill,
    ScriptVerdict, ToolCall, WithSkills,
};

/// The run did not go as the script says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address}: {why}")]
pub struct Derailed {
    /// Where.
    pub address: String,
    /// Why.
    pub why: String,
}

/// Plays a script against a definition.
pub fn simulate(
    definition: &Arc<Definition>,
    script: &Script,
    seed: u64,
) -> Result<Outcome, Derailed> {
    player::Player::new(definition, script, seed)?.play()
}
