// A running server with the demo repository in it, and a browser: what every journey begins with.
//
// The server is the built binary, the repository comes through the real command line, the browser is Debian's
// Chromium. Nothing is mocked.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

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
