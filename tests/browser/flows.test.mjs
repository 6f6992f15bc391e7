// A person lets a device and an application in, and says no to others: with JavaScript and without.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { axe, lodging } from "./house.mjs";

const verifier = "a-verifier-that-only-the-application-knows-0123456789";

const { home, chrome, signedIn } = lodging();

async function post(path, fields) {
  const answer = await fetch(home.address + path, { method: "POST", body: new URLSearchParams(fields) });
  return answer.json();
}

const begin = () => post("/api/v1/auth/device", { client_id: "motet", scope: "hub:write collab:read", label: "build host" });
const poll = (flow) => post("/api/v1/auth/device/token", { client_id: "motet", device_code: flow.device_code });

// An application that listens on this machine for the browser to be led back.
async function application() {
  const told = [];
  const listener = createServer((request, response) => {
    told.push(new URL(request.url, "http://x"));
    response.setHeader("content-type", "text/html");
    response.end("<!DOCTYPE html><html lang=en><title>Back</title><link rel=icon href=data:,><p>You are back.");
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const back = `http://127.0.0.1:${listener.address().port}/back`;
  const registered = await fetch(`${home.address}/api/v1/auth/clients`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client_name: "Harp", redirect_uris: [back] }),
  });
  const { client_id } = await registered.json();
  const asks = new URLSearchParams({
    client_id,
    redirect_uri: back,
    response_type: "code",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    resource: `${home.address}/mcp`,
    scope: "hub:read collab:write",
    state: "a state & more",
  });
  return { client_id, back, told, address: `${home.address}/login/authorize?${asks}`, close: () => listener.close() };
}

for (const javaScriptEnabled of [true, false]) {
  const how = `JavaScript ${javaScriptEnabled ? "on" : "off"}`;

  test(`a person lets a device in by its code, and refuses another (${how})`, async () => {
    await signedIn({ javaScriptEnabled }, async (page) => {
      const flow = await begin();
      await page.goto(flow.verification_uri);
      await page.getByLabel("The code").fill(flow.user_code.toLowerCase());
      await page.getByRole("button", { name: "Show what it asks for" }).click();
      const shown = await page.locator("main").innerText();
      for (const told of ["build host", "127.0.0.1", "acts as you, demo", flow.user_code]) {
        assert.ok(shown.toUpperCase().includes(told.toUpperCase()), told);
      }
      await page.getByLabel("read issues, proposals and releases").uncheck();
      await page.getByLabel("all that it reaches").check();
      await page.getByRole("button", { name: "Agree" }).click();
      await page.getByRole("heading", { name: "You agreed" }).waitFor();
      const issued = await poll(flow);
      assert.equal(issued.scope, "hub:write");
      const asked = await fetch(`${home.address}/api/v1/me`, { headers: { authorization: `Bearer ${issued.access_token}` } });
      assert.equal((await asked.json()).principal.handle, "demo");

      const other = await begin();
      await page.goto(other.verification_uri_complete);
      await page.getByRole("button", { name: "Show what it asks for" }).click();
      await page.getByRole("button", { name: "Say no" }).click();
      await page.getByRole("heading", { name: "You said no" }).waitFor();
      assert.equal((await poll(other)).error, "access_denied");
    });
  });

  test(`a person lets an application in and is led back to it (${how})`, async () => {
    const app = await application();
    try {
      await signedIn({ javaScriptEnabled }, async (page) => {
        await page.goto(app.address);
        assert.match(await page.locator("main").innerText(), /calls itself Harp/);
        await page.getByLabel("a new one").check();
        await page.getByLabel("Handle of the new agent").fill(`robot-${javaScriptEnabled ? "on" : "off"}`);
        await page.getByRole("button", { name: "Agree" }).click();
        await page.waitForURL(`${app.back}**`);
        assert.match(await page.locator("body").innerText(), /You are back/);
        const told = app.told.at(-1).searchParams;
        assert.equal(told.get("state"), "a state & more");
        assert.equal(told.get("iss"), home.address);
        const issued = await post("/api/v1/auth/token", {
          grant_type: "authorization_code",
          client_id: app.client_id,
          redirect_uri: app.back,
          code: told.get("code"),
          code_verifier: verifier,
        });
        assert.match(issued.access_token, /^mt_agent_/);
        assert.match(issued.refresh_token, /^mt_refresh_/);

        await page.goto(app.address);
        await page.getByRole("button", { name: "Say no" }).click();
        await page.waitForURL(`${app.back}**`);
        assert.equal(app.told.at(-1).searchParams.get("error"), "access_denied");
      });
    } finally {
      app.close();
    }
  });
}

test("whoever comes without a session is told to sign in, and comes back to the same page", async () => {
  const app = await application();
  const context = await chrome.newContext();
  try {
    const page = await context.newPage();
    await page.goto(app.address);
    assert.match(await page.locator("main").innerText(), /Sign in first/);
    assert.equal(await page.getByText("Harp").count(), 0);
    const href = await page.getByRole("link", { name: "Go on" }).getAttribute("href");
    assert.equal(home.address + href, app.address);
  } finally {
    await context.close();
    app.close();
  }
});

// Each place of the two flows: what to open, and what to do there.
async function places(page, visit) {
  const flow = await begin();
  await page.goto(flow.verification_uri_complete);
  await visit("/login/device");
  await page.getByRole("button", { name: "Show what it asks for" }).click();
  await page.getByRole("button", { name: "Agree" }).waitFor();
  await visit("/login/device, a code");
  await page.getByRole("button", { name: "Say no" }).click();
  await page.getByRole("heading", { name: "You said no" }).waitFor();
  await visit("/login/device, decided");
  const app = await application();
  await page.goto(app.address);
  await visit("/login/authorize");
  app.close();
}

for (const colorScheme of ["light", "dark"]) {
  test(`pages of flows are readable by everyone, ${colorScheme}`, async () => {
    const context = await chrome.newContext({ colorScheme, bypassCSP: true });
    const check = (page) => async (place) => {
      await page.addScriptTag({ path: axe });
      const { violations } = await page.evaluate(() => axe.run());
      const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
      assert.deepEqual(told, [], place);
    };
    const page = await context.newPage();
    await page.goto(`${home.address}/login/device`);
    await check(page)("/login/device, nobody");
    await context.close();
    await signedIn({ colorScheme, bypassCSP: true }, (page) => places(page, check(page)));
  });
}

test("pages of flows fit a narrow screen", async () => {
  await signedIn({ viewport: { width: 320, height: 640 } }, async (page) => {
    await places(page, async (place) => {
      const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(wide <= shown, `${place} is ${wide} wide on a screen of ${shown}`);
    });
  });
});
