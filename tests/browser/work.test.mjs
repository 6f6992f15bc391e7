// A browser makes a publisher, registers a pipeline, starts a run and watches an agent work on it; persons decide. With and
// without a script, in both themes, on a narrow screen.
import assert from "node:assert/strict";
import { test } from "node:test";
import { axe, lodging } from "./house.mjs";

const { home, ...lodged } = lodging();
const signedIn = (options, journey) => lodged.signedIn({ expected: /status of 4\d\d/, ...options }, journey);
const main = (page) => page.locator("main");

const step = (id, more = {}) => ({
  id,
  instructions: "Count the boats.",
  output_schema: { type: "object", required: ["n"], properties: { n: { type: "integer" }, list: { type: "array", items: { type: "object" } } } },
  ...more,
});
const definition = (id) => ({
  motet: 1,
  id,
  title: "Boats in the harbour",
  input_schema: { type: "object", required: ["port"], properties: { port: { type: "string", description: "Where" }, depth: { type: "integer" } } },
  steps: [
    step("look", { spawns: { for_each: "/list", steps: ["count", "check"], max_width: 100 } }),
    step("count", { attempts: 1, on_dead: "skip" }),
    step("check", { requires: ["count"] }),
    step("sum", { requires: ["check"] }),
    { id: "agree", kind: "approval", instructions: "Is that right?", requires: ["sum"], approval: { not_starter: false }, output_schema: { type: "object", required: ["grade"], properties: { grade: { enum: ["good", "bad"] } } } },
  ],
  final_output: { composes: ["n: look.n", "grade: agree.grade"] },
});

// Asks the API as the page's own scripts would, signed in by the cookie.
async function api(page, method, path, body) {
  const mark = await page.locator('input[name="csrf"]').first().getAttribute("value");
  const answer = await page.evaluate(
    async ([method, path, body, mark]) => {
      const headers = { "content-type": "application/json", "x-motet-csrf": mark };
      const answer = await fetch(path, { method, headers, body: JSON.stringify(body) });
      return { status: answer.status, body: await answer.json().catch(() => null) };
    },
    [method, path, body, mark],
  );
  assert.ok(answer.status < 300, `${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

// A publisher with an agent; gives the agent's token. Made once, by a browser with a script.
const made = {};
async function publisher(page, handle) {
  if (made[handle]) return made[handle];
  await page.goto(`${home.address}/pipelines`);
  await page.getByRole("link", { name: "organizations", exact: true }).click().catch(() => page.goto(`${home.address}/settings/organizations`));
  await page.getByLabel("Its handle, for good").fill(handle);
  await page.getByRole("button", { name: "Make the organization" }).click();
  await page.waitForURL(`**/settings/organizations/${handle}`);
  await page.getByRole("button", { name: "Switch pipelines on" }).click();
  await page.waitForURL(`**/pipelines/${handle}`);
  const agent = `${handle}-heron`;
  const scope = { planes: { work: "write" }, publishers: [handle] };
  await api(page, "POST", "/api/v1/agents", { handle: agent, capabilities: [], scope });
  made[handle] = (await api(page, "POST", `/api/v1/agents/${agent}/tokens`, { scope })).value;
  return made[handle];
}

// An agent that works: each call is one of the loop's own.
function agent(token) {
  const call = async (path, body) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(`${home.address}/api/v1/claims/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    const told = await answer.json();
    assert.ok(answer.status === 200, `${path}: ${JSON.stringify(told)}`);
    return told;
  };
  const next = async () => (await call("next", { wait: 20, resume: false })).items[0];
  const submit = (claim, result) => call(`${claim.claim}/result`, { result });
  const release = (claim, detail) => call(`${claim.claim}/release`, { reason: "failed", detail });
  return { next, submit, release };
}

async function registers(page, handle, id) {
  await page.goto(`${home.address}/pipelines/${handle}`);
  await page.getByLabel("The definition, in YAML or JSON").fill(JSON.stringify(definition(id), null, 1));
  await page.getByRole("button", { name: "Register" }).click();
  await page.waitForURL((url) => url.pathname === `/pipelines/${handle}/${id}/v/1`);
}

async function starts(page, handle, id) {
  await page.goto(`${home.address}/pipelines/${handle}/${id}`);
  await page.getByLabel("port").fill("Aldermouth");
  await page.getByRole("button", { name: /^Start a run/ }).click();
  await page.waitForURL("**/runs/*");
  return page.url().split("#")[0];
}

for (const javaScriptEnabled of [true, false]) {
  const mode = javaScriptEnabled ? "on" : "off";
  test(`a person runs a pipeline by its pages (JavaScript ${mode})`, async () => {
    const handle = `harbour-${mode}`;
    let token;
    await signedIn({}, async (page) => (token = await publisher(page, handle)));
    await signedIn({ javaScriptEnabled }, async (page) => {
      const heron = agent(token);
      // What does not hold is said beside its line, and what was typed stays.
      await page.goto(`${home.address}/pipelines/${handle}`);
      await page.getByLabel("The definition, in YAML or JSON").fill("motet: 1\nid: boats\ncolour: red\n");
      await page.getByRole("button", { name: "Register" }).click();
      const line = page.getByRole("row", { name: /^3 colour: red/ });
      assert.match(await line.innerText(), /unknown_field/);
      assert.match(await page.getByLabel("The definition, in YAML or JSON").inputValue(), /colour: red/);
      await registers(page, handle, "boats");
      assert.match(await main(page).innerText(), /Boats in the harbour/);

      const run = await starts(page, handle, "boats");
      assert.match(await main(page).innerText(), /running/);
      const look = await heron.next();
      await heron.submit(look, { n: 1, list: [{}, {}, {}] });
      const count = await heron.next();
      await heron.release(count, "no boat in sight");
      await page.goto(run);
      // The picture leads where its table leads.
      assert.match(await page.getByRole("region", { name: "Failures" }).innerText(), /no boat in sight/);
      await page.getByRole("navigation", { name: "Fan-outs" }).getByRole("link", { name: "count" }).click();
      await page.getByText("The fan-out as a table").click();
      await page.getByRole("region", { name: "The fan-out" }).getByRole("link", { name: "0–2" }).click();
      await page.waitForURL(/from=0&to=2/);
      await page.getByRole("region", { name: "Tasks" }).getByRole("link", { name: count.address }).click();
      assert.match(await main(page).innerText(), /Count the boats\.[\s\S]*The agent said: no boat in sight/);

      for (let claim = await heron.next(); ; claim = await heron.next()) {
        await heron.submit(claim, { n: 2 });
        if (claim.address === "sum") break;
      }
      await page.goto(`${home.address}/pipelines/${handle}/-/approvals`);
      await page.getByLabel("grade").selectOption("good");
      await page.getByLabel("Comment").fill("as seen");
      await page.getByRole("button", { name: "Approve" }).click();
      assert.match(await main(page).innerText(), /as seen/);
      await page.goto(run);
      assert.match(await main(page).innerText(), /completed[\s\S]*"grade"/);

      // Once more, and ended.
      await page.getByText("Replay", { exact: true }).click();
      await page.getByLabel(/^Done again/).fill("sum");
      await page.getByRole("button", { name: "Start a replay" }).click();
      await page.waitForURL((url) => url.pathname.startsWith("/runs/") && !run.endsWith(url.pathname));
      await page.getByText("Cancel", { exact: true }).click();
      await page.getByLabel("Why").fill("enough");
      await page.getByRole("button", { name: "Cancel the run" }).click();
      await page.waitForLoadState();
      assert.match(await page.locator("h1").innerText(), /cancelled/);
    });
  });
}

for (const colorScheme of ["light", "dark"]) {
  test(`pages of work have no fault of accessibility and fit 320 pixels (${colorScheme})`, async () => {
    const handle = `narrow-${colorScheme}`;
    await signedIn({ colorScheme, bypassCSP: true, viewport: { width: 320, height: 640 } }, async (page) => {
      const fits = async (place) => {
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(width <= 320, `${place} is ${width} pixels wide`);
        await page.evaluate(() => document.querySelectorAll("details.twin, details.more-of").forEach((it) => (it.open = true)));
        await page.addScriptTag({ path: axe });
        const { violations } = await page.evaluate(() => axe.run());
        assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map((it) => it.html)]), [], place);
        const opened = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(opened <= 320, `${place} is ${opened} pixels wide when all is open`);
      };
      await page.goto(`${home.address}/pipelines`);
      await fits("the plane");
      const heron = agent(await publisher(page, handle));
      await fits("a publisher without pipelines");
      await page.getByLabel("The definition, in YAML or JSON").fill("motet: 1\ncolour: red\n");
      await page.getByRole("button", { name: "Register" }).click();
      await fits("faults beside their lines");
      await registers(page, handle, "boats");
      await fits("a version");
      const run = await starts(page, handle, "boats");
      await heron.submit(await heron.next(), { n: 1, list: [{}, {}, {}] });
      await heron.release(await heron.next(), "no boat in sight");
      await page.goto(run);
      await fits("a run");
      await page.getByRole("region", { name: "Failures" }).getByRole("link", { name: /^count/ }).click();
      await fits("a task");
      for (let claim = await heron.next(); ; claim = await heron.next()) {
        await heron.submit(claim, { n: 2 });
        if (claim.address === "sum") break;
      }
      for (const place of ["", "/boats", "/-/dead-letters", "/-/approvals", "/-/settings"]) {
        await page.goto(`${home.address}/pipelines/${handle}${place}`);
        await fits(place);
      }
    });
  });
}

test("the page of a run follows what happens, over a cut too", async () => {
  await signedIn({ expected: /status of 4\d\d|ERR_INTERNET_DISCONNECTED|ERR_FAILED/ }, async (page, context) => {
    const heron = agent(await publisher(page, "lively"));
    await registers(page, "lively", "boats");
    await starts(page, "lively", "boats");
    const tasks = page.getByRole("region", { name: "Tasks" });
    assert.match(await tasks.innerText(), /look\s+ready/);
    // What the reader has opened stays open.
    await page.getByText("Steps as a table").click();
    const look = await heron.next();
    await tasks.getByText("claimed").waitFor();
    assert.ok(await page.getByRole("region", { name: "Steps" }).isVisible());
    // What happens while there is no connection is seen after it.
    await context.setOffline(true);
    await heron.submit(look, { n: 1, list: [{}, {}] });
    await page.waitForFunction(() => !navigator.onLine);
    await context.setOffline(false);
    await tasks.getByText("count[1]").waitFor();
    assert.equal(await page.getByRole("heading", { name: "Fan-out" }).count(), 1);
    // The reader lets it rest.
    await page.getByLabel("Follow what happens").uncheck();
    const before = await page.locator("#now").getAttribute("data-last");
    await heron.next();
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.getByText("Times as a table").click();
    assert.equal(await page.locator("#now").getAttribute("data-last"), before);
    assert.deepEqual(asked, []);
  });
});
