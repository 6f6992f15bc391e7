// The path of the first stage: from the start page to a repository, a file and a commit, as a reader goes it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { axe, lodging } from "./house.mjs";

// Bytes of HTML and CSS that one page may weigh as sent (spec/hub.md 8).
const MAX_PAGE_BYTES = 60 * 1024;

const { home, visit } = lodging();

for (const javaScriptEnabled of [true, false]) {
  test(`a reader finds the repository, a file and a commit (JavaScript ${javaScriptEnabled ? "on" : "off"})`, async () => {
    await visit({ javaScriptEnabled }, async (page) => {
      await page.goto(home.address);
      await page.getByRole("link", { name: "tidebook" }).first().click();
      await page.waitForURL("**/demo/tidebook");
      assert.match(await page.locator("h1").innerText(), /tidebook/);
      assert.match(await page.locator("main").innerText(), /64 commits/);
      // The readme is rendered: a table, not pipes.
      assert.equal(await page.getByRole("columnheader", { name: "Caused by" }).count(), 1);

      await page.getByRole("link", { name: "src" }).first().click();
      await page.waitForURL("**/tree/main/src");
      await page.getByRole("link", { name: "tide.rs" }).first().click();
      await page.waitForURL("**/blob/main/src/tide.rs");
      assert.match(await page.locator("main").innerText(), /pub fn height/);
      assert.ok((await page.locator("main [class^=hl-]").count()) > 5, "the file is coloured");

      await page.getByRole("link", { name: "Commits", exact: true }).click();
      await page.waitForURL("**/commits/main");
      const subject = page.getByRole("link", { name: "Begin the next version" }).first();
      await subject.click();
      await page.waitForURL("**/commit/*");
      assert.match(await page.locator("h1").innerText(), /Begin the next version/);
      assert.ok((await page.locator("table tr").count()) > 0, "the changes are shown");
    });
  });
}

test("the other branch is one click away and shows its own files", async () => {
  await visit({}, async (page) => {
    await page.goto(`${home.address}/demo/tidebook`);
    await page.locator("summary", { hasText: "main" }).first().click();
    await page.getByRole("link", { name: "forecast" }).first().click();
    await page.waitForURL("**/tree/forecast");
  });
});

test("what is not there says so, and leads home", async () => {
  // Chromium tells of the 404 of the page itself.
  await visit({ expected: /status of 404/ }, async (page) => {
    const answer = await page.goto(`${home.address}/demo/nothing`);
    assert.equal(answer.status(), 404);
    assert.match(await page.locator("h1").innerText(), /not found/i);
    await page.getByRole("link", { name: /motet|home|start/i }).first().click();
    await page.waitForURL(`${home.address}/`);
  });
});

test("a repository's page shows nothing of one that is private", async () => {
  await home.client("repo", "create", "demo/secret", "--host", home.address);
  await visit({}, async (page) => {
    await page.goto(`${home.address}/demo`);
    assert.doesNotMatch(await page.content(), /secret/);
    await page.goto(`${home.address}/explore`);
    assert.doesNotMatch(await page.content(), /secret/);
  });
});

async function places() {
  const commit = await commitHref();
  return ["/", "/demo", "/demo/tidebook", "/demo/tidebook/tree/main/src", "/demo/tidebook/blob/main/src/tide.rs", "/demo/tidebook/blob/main/README.md", "/demo/tidebook/commits/main", commit];
}

async function commitHref() {
  const page = await (await fetch(`${home.address}/demo/tidebook/commits/main`)).text();
  return page.match(/\/demo\/tidebook\/commit\/[0-9a-f]{64}/)[0];
}

for (const colorScheme of ["light", "dark"]) {
  test(`pages are readable by everyone, ${colorScheme}`, async () => {
    for (const place of await places()) {
      // axe is injected past the page's own policy, which forbids every script that is not ours.
      await visit({ colorScheme, bypassCSP: true }, async (page) => {
        await page.goto(home.address + place);
        await page.addScriptTag({ path: axe });
        const { violations } = await page.evaluate(() => axe.run());
        const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
        assert.deepEqual(told, [], place);
      });
    }
  });
}

test("pages fit a narrow screen without scrolling sideways", async () => {
  for (const place of await places()) {
    await visit({ viewport: { width: 320, height: 640 } }, async (page) => {
      await page.goto(home.address + place);
      const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(wide <= shown, `${place} is ${wide} wide on a screen of ${shown}`);
    });
  }
});

test("a page and its style weigh at most 60 KB", async () => {
  for (const place of await places()) {
    await visit({}, async (page) => {
      let weight = 0;
      const counted = [];
      page.on("requestfinished", (request) => {
        if (["document", "stylesheet"].includes(request.resourceType())) {
          counted.push(request.sizes().then((sizes) => (weight += sizes.responseBodySize)));
        }
      });
      await page.goto(home.address + place, { waitUntil: "networkidle" });
      await Promise.all(counted);
      assert.ok(weight > 0 && weight <= MAX_PAGE_BYTES, `${place} weighs ${weight} bytes`);
    });
  }
});

test("keys alone lead from the top of a page into its contents", async () => {
  await visit({}, async (page) => {
    await page.goto(`${home.address}/demo/tidebook`);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.equal(new URL(page.url()).hash, "#main");
  });
});
