// A running server with the demo repository in it, and a browser: what every journey begins with, and how the tests of a
// file come to both.
//
// The server is the built binary, the repository comes through the real command line, the browser is Debian's
// Chromium. Nothing is mocked.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

// What finds faults of accessibility in a page.
export const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

const run = promisify(execFile);
const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

function binary() {
  const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
  const found = [process.env.MOTET_BINARY, join(target, "debug/motet"), join(target, "release/motet")].find(
    (path) => path && existsSync(path),
  );
  if (!found) throw new Error("there is no motet binary: cargo build -p motet");
  return found;
}

// Starts a server on a fresh directory, registers `demo` and pushes both branches of the demo history. It is told `args`, and
// `env` beside its own environment.
export async function house({ args = [], env = {} } = {}) {
  const motet = binary();
  const dir = mkdtempSync(join(tmpdir(), "motet-journey-"));
  // One browser reads in a minute what a crowd of strangers would.
  const wide = ["anonymous", "points", "points-around", "downloads-anonymous", "auth", "device-flows", "applications", "registrations", "sessions"];
  const limits = ["--limit", wide.map((name) => `${name}=100000`).join()];
  const server = spawn(motet, ["serve", "--data-dir", join(dir, "data"), "--listen", "127.0.0.1:0", ...limits, ...args], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, ...env },
  });
  const [ready] = await once(createInterface({ input: server.stdout }), "line");
  const address = ready.split(" ").at(-1);
  const client = (...words) => run(motet, ["--config-dir", join(dir, "config"), ...words]);
  const copy = join(dir, "copy");
  await client("keygen");
  await client("register", address, "demo");
  await client("demo-history", copy);
  await client("repo", "create", "demo/tidebook", "--public", "--host", address, "--description", "Tide tables for small harbours");
  for (const branch of ["main", "forecast"]) {
    await client("-C", copy, "push", `${address}/demo/tidebook`, branch);
  }
  return {
    address,
    client,
    copy,
    async close() {
      server.kill("SIGTERM");
      await once(server, "exit");
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

// Debian's Chromium, without the calls home that a closed network only delays.
export function browser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

// A house and a browser for the tests of a file: opened before them and closed after. `begin` gives what the house is told.
export function lodging(begin = () => ({})) {
  const [home, chrome] = [{}, {}];
  let opened;
  before(async () => {
    Object.assign(home, await house(await begin()));
    opened = await browser();
    chrome.newContext = (options) => opened.newContext(options);
  });
  after(async () => {
    await opened?.close();
    await home.close?.();
  });

  // Opens a page for a journey. The browser must have nothing to complain about, but for what the journey expects.
  async function visit({ expected = /^$/, ...options }, journey) {
    const context = await chrome.newContext(options);
    try {
      const page = await context.newPage();
      const faults = [];
      page.on("console", (message) => message.type() === "error" && !expected.test(message.text()) && faults.push(message.text()));
      page.on("pageerror", (error) => faults.push(String(error)));
      await journey(page, context);
      assert.deepEqual(faults, [], "the browser complained");
    } finally {
      await context.close();
    }
  }

  // The address that `motet login --web` prints.
  async function address() {
    const { stdout } = await home.client("login", "--web", home.address);
    return stdout.trim();
  }

  async function signIn(page) {
    await page.goto(await address());
    await page.getByRole("button", { name: "Sign in as demo" }).click();
    await page.waitForURL(`${home.address}/`);
  }

  // The same for a journey of somebody who has signed in.
  function signedIn(options, journey) {
    return visit(options, async (page, context) => {
      await signIn(page);
      await journey(page, context);
    });
  }

  return { home, chrome, visit, signedIn, signIn, address };
}
