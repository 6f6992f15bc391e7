//! A publisher with pipelines, and agents that may claim their tasks, each with a token as the loops of
//! `spec/work.md` 6 have one.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use cluster::Database;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Answer, Ground, Person, Server};
use tokio::time::sleep;

use crate::{ground, load::Line};

/// An install key: on PostgreSQL one is never made.
const INSTALL_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// The widest fan-out that there is.
pub(super) const WIDTH: u64 = 10_000;
/// How often it is looked whether a fan-out is whole.
const GLANCE: Duration = Duration::from_millis(20);

/// Where rows are.
pub(super) enum Place {
    Sqlite,
    /// On a server that waits for its disk.
    Postgres(Database),
}

/// An agent, by its token.
#[derive(Clone)]
pub(super) struct Agent {
    lines: String,
}

impl Agent {
    /// A claim, if there is one.
    pub(super) async fn next(
        &self,
        line: &mut Line,
        body: &Value,
    ) -> anyhow::Result<Option<Value>> {
        let got = line.post("/api/v1/claims/next", &self.lines, &body.to_string()).await?;
        Ok(got.pointer("/items/0").cloned())
    }

    /// Hands a result in.
    pub(super) async fn submit(
        &self,
        line: &mut Line,
        claim: &Value,
        result: &Value,
    ) -> anyhow::Result<()> {
        let target = format!("/api/v1/claims/{}/result", text(claim, "claim")?);
        line.post(&target, &self.lines, &json!({ "result": result }).to_string()).await?;
        Ok(())
    }
}

/// A server with a publisher.
pub(super) struct Shop {
    pub(super) server: Server,
    /// Owns everything.
    pub(super) anna: Person,
    pub(super) agents: Vec<Agent>,
    runner: String,
    handle: String,
    pub(super) dir: TempDir,
    _place: Place,
}

impl Shop {
    pub(super) async fn open(binary: &Path, place: Place, agents: u8) -> anyhow::Result<Self> {
        Self::open_with(binary, place, agents, &[]).await
    }

    /// The same with further arguments of `motet serve`.
    pub(super) async fn open_with(
        binary: &Path,
        place: Place,
        agents: u8,
        args: &[String],
    ) -> anyhow::Result<Self> {
        let binary = binary.to_str().context("the path of the binary")?;
        let dir = ground::disk()?;
        let mut setup = Server::with(binary).on(Ground::SqliteDisk).log("warn");
        setup = setup.data_dir(dir.path().join("data"));
        if let Place::Postgres(database) = &place {
            setup = setup.env("MOTET_DATABASE_URL", &database.url);
            setup = setup.env("MOTET_INSTALL_KEY", INSTALL_KEY);
        }
        for arg in args {
            setup = setup.arg(arg);
        }
        let server = setup.start().await;
        let anna = server.register("anna").await;
        let runner = publisher(&server, &anna, "acme").await?;
        let agents = self::agents(&server, &anna, "acme", agents).await?;
        let handle = "acme".to_owned();
        Ok(Self { server, anna, agents, runner, handle, dir, _place: place })
    }

    pub(super) fn authority(&self) -> String {
        self.server.authority()
    }

    /// The header line of whoever begins runs.
    pub(super) fn runner_lines(&self) -> String {
        self.runner.clone()
    }

    /// Begins a run; gives its id.
    pub(super) async fn start(
        &self,
        line: &mut Line,
        pipeline: &str,
        input: &Value,
    ) -> anyhow::Result<String> {
        start(line, (&self.handle, pipeline), &self.runner, input).await
    }

    /// Another publisher of the same owner, with agents of its own: its runner's header line, and those.
    pub(super) async fn beside(
        &self,
        handle: &str,
        agents: u8,
    ) -> anyhow::Result<(String, Vec<Agent>)> {
        let runner = publisher(&self.server, &self.anna, handle).await?;
        Ok((runner, self::agents(&self.server, &self.anna, handle, agents).await?))
    }

    /// Enqueues `many` tasks by fan-outs.
    pub(super) async fn enqueue(&self, many: u64) -> anyhow::Result<()> {
        let agent = self.agents.first().context("an agent")?;
        let mut line = Line::open(&self.authority()).await?;
        let mut left = many;
        while left > 0 {
            let width = left.min(WIDTH);
            let run = self.start(&mut line, "flood", &json!({})).await?;
            let claim = agent.next(&mut line, &json!({"run": run, "resume": false})).await?;
            let claim = claim.context("the first task of a flood")?;
            agent.submit(&mut line, &claim, &listing(width)).await?;
            self.spawned(&run, 1 + width).await?;
            left -= width;
        }
        Ok(())
    }

    /// Waits until a run has so many tasks: a wide fan-out may go on after its result was taken.
    pub(super) async fn spawned(&self, run: &str, many: u64) -> anyhow::Result<()> {
        let token = self.runner.trim_end().trim_start_matches("authorization: ");
        loop {
            let seen = self.server.get(&format!("/api/v1/runs/{run}"));
            let seen = well(&seen.header("authorization", token).send().await)?;
            let tasks = seen.pointer("/spent/tasks").and_then(Value::as_u64);
            if tasks.context("how many tasks a run has")? >= many {
                return Ok(());
            }
            sleep(GLANCE).await;
        }
    }
}

/// Begins a run of a publisher's pipeline.
pub(super) async fn start(
    line: &mut Line,
    (publisher, pipeline): (&str, &str),
    runner: &str,
    input: &Value,
) -> anyhow::Result<String> {
    let target = format!("/api/v1/publishers/{publisher}/pipelines/{pipeline}/runs");
    let made = line.post(&target, runner, &json!({ "input": input }).to_string()).await?;
    text(&made, "run")
}

/// A result with a list of so many elements.
pub(super) fn listing(width: u64) -> Value {
    let list: Vec<_> = (0..width).map(|k| json!({ "k": k })).collect();
    json!({ "n": 1, "list": list })
}

/// Makes a publisher with its pipelines; gives the header line of its runner.
async fn publisher(server: &Server, anna: &Person, handle: &str) -> anyhow::Result<String> {
    let by = |path: String, body: Value| server.post(&path).json(&body).by(anna);
    well(&by("/api/v1/orgs".to_owned(), json!({ "handle": handle })).send().await)?;
    well(&server.post(&format!("/api/v1/orgs/{handle}/publisher")).by(anna).send().await)?;
    let mut tokens = Vec::new();
    for kind in ["admin", "runner"] {
        let target = format!("/api/v1/publishers/{handle}/tokens/{kind}");
        tokens.push(text(&well(&by(target, json!({})).send().await)?, "value")?);
    }
    let [admin, runner] = tokens.as_slice() else { anyhow::bail!("two tokens") };
    for definition in [count(), flood(), wide()] {
        let target = format!("/api/v1/publishers/{handle}/pipelines");
        let register = server.post(&target).json(&definition);
        well(&register.header("authorization", &format!("Bearer {admin}")).send().await)?;
    }
    Ok(format!("authorization: Bearer {runner}\r\n"))
}

/// Makes agents with a token each.
async fn agents(
    server: &Server,
    anna: &Person,
    publisher: &str,
    many: u8,
) -> anyhow::Result<Vec<Agent>> {
    let mut agents = Vec::new();
    for number in 0..many {
        let handle = format!("{publisher}-bird-{number}");
        let scope = json!({ "planes": { "work": "write" }, "publishers": [publisher] });
        let new = json!({ "handle": handle, "scope": scope });
        well(&server.post("/api/v1/agents").json(&new).by(anna).send().await)?;
        let target = format!("/api/v1/agents/{handle}/tokens");
        let minted = server.post(&target).json(&json!({ "scope": scope })).by(anna);
        let value = text(&well(&minted.send().await)?, "value")?;
        agents.push(Agent { lines: format!("authorization: Bearer {value}\r\n") });
    }
    Ok(agents)
}

fn step(id: &str, more: Value) -> Value {
    let element = json!({ "type": "object", "properties": { "k": { "type": "integer" } } });
    let mut step = json!({ "id": id, "instructions": "Count.", "output_schema": {
        "type": "object", "required": ["n"],
        "properties": { "n": { "type": "integer" }, "list": { "type": "array", "items": element } } } });
    if let (Some(fields), Value::Object(more)) = (step.as_object_mut(), more) {
        fields.extend(more);
    }
    step
}

fn pipeline(id: &str, steps: &Value, composes: &str) -> Value {
    json!({
        "motet": 1, "id": id, "steps": steps,
        "input_schema": { "type": "object", "properties": { "n": { "type": "integer" } } },
        "budgets": { "tasks": 100_000, "claims": 200_000 },
        "final_output": { "composes": [composes] },
    })
}

/// Below that of what spawns others, which therefore stands in a queue of its own.
const PRIORITY: u8 = 4;

/// One task.
fn count() -> Value {
    pipeline("count", &json!([step("a", json!({ "priority": PRIORITY }))]), "a.*")
}

/// One task that spawns as many as its result says.
fn flood() -> Value {
    let spawns = json!({ "spawns": { "for_each": "/list", "steps": ["e"], "max_width": WIDTH } });
    let steps = json!([step("a", spawns), step("e", json!({ "priority": PRIORITY }))]);
    pipeline("flood", &steps, "a.*")
}

/// A fan-out in a fan-out.
fn wide() -> Value {
    let spawns =
        |id: &str| json!({ "spawns": { "for_each": "/list", "steps": [id], "max_width": WIDTH } });
    let last = step("e", json!({ "priority": PRIORITY }));
    let steps = json!([step("a", spawns("b")), step("b", spawns("e")), last]);
    pipeline("wide", &steps, "a.*")
}

fn well(answer: &Answer) -> anyhow::Result<Value> {
    ensure!(answer.status < 300, "{}: {}", answer.status, answer.text());
    Ok(if answer.body.is_empty() { Value::Null } else { answer.json() })
}

pub(super) fn text(of: &Value, key: &str) -> anyhow::Result<String> {
    Ok(of.get(key).and_then(Value::as_str).with_context(|| format!("no {key}"))?.to_owned())
}

/// The value below which a part of all lies, in `0.0..=1.0`.
pub(super) fn quantile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a position in a short list"
    )]
    let at = ((values.len() as f64 * part).ceil() as usize).saturating_sub(1);
    values.get(at).copied().unwrap_or(f64::NAN)
}
