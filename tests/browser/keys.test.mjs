// Every key of the pages of a repository does what its control does, where it is said to, and none does anything while a field
// has the focus (spec/hub.md 8, 13, H77).
import assert from "node:assert/strict";
import { test } from "node:test";
import { lodging } from "./house.mjs";

const HOME = "/demo/tidebook";
const PLACES = {
  repository: HOME,
  tree: `${HOME}/tree/main/src`,
  file: `${HOME}/blob/main/src/tide.rs`,
  blame: `${HOME}/blame/main/src/tide.rs`,
  finder: `${HOME}/find/main`,
  commits: `${HOME}/commits/main`,
  compare: `${HOME}/compare/main...forecast`,
  graph: `${HOME}/graph`,
  branches: `${HOME}/branches?show=all`,
};
const KEYS = "jkbltwyd[]?/g lg bg ag c";

const { home, visit } = lodging();

const at = (page) => new URL(page.url()).pathname;
const press = async (page, keys) => {
  for (const key of keys.split(" ")) await page.keyboard.press(key);
};
// Which row, or which section of a change, the focus is in.
const place = (page, list) =>
  page.evaluate((list) => [...document.querySelectorAll(list)].findIndex((it) => it.contains(document.activeElement)), list);

async function open(page, name) {
  await page.goto(home.address + PLACES[name]);
}

// A commit that changes several files.
async function commit() {
  const list = await (await fetch(home.address + PLACES.commits)).text();
  for (const path of new Set(list.match(/\/demo\/tidebook\/commit\/[0-9a-f]{64}/g))) {
    const page = await (await fetch(home.address + path)).text();
    if ((page.match(/<section class="box change"/g) ?? []).length > 1) return path;
  }
  throw new Error("no commit changes two files");
}

test("keys lead from every page of a repository to its parts", async () => {
  await visit({}, async (page) => {
    for (const name of Object.keys(PLACES)) {
      for (const [keys, target] of [["g l", `${HOME}/commits/`], ["g b", `${HOME}/branches`], ["g a", `${HOME}/graph`], ["g c", HOME]]) {
        await open(page, name);
        await page.evaluate(() => document.activeElement.blur());
        // Some keys lead to the very page they are pressed on: what is waited for is the next page, not its address.
        await Promise.all([page.waitForEvent("load"), press(page, keys)]);
        assert.ok(keys === "g c" ? at(page) === target : at(page).startsWith(target), `${keys} on ${name} leads to ${page.url()}`);
      }
    }
  });
});

test("the first page finds a file, switches the branch and has a permalink", async () => {
  await visit({}, async (page) => {
    for (const name of ["repository", "tree"]) {
      await open(page, name);
      await press(page, "w");
      assert.equal(await page.locator("details.menu[open] #branch-list").count(), 1, name);
      await open(page, name);
      await press(page, "y");
      await page.waitForURL(/\/tree\/[0-9a-f]{64}(\/src)?$/);
      await open(page, name);
      await press(page, "t");
      await page.waitForURL(`**${PLACES.finder}`);
    }
  });
});

test("rows of a tree, of commits and of the graph are gone through and opened", async () => {
  await visit({}, async (page) => {
    for (const [name, target] of [["tree", `${HOME}/(blob|tree)/`], ["commits", `${HOME}/commit/`], ["graph", `${HOME}/commit/`]]) {
      await open(page, name);
      const rows = "[data-rows] :is(tr, li)";
      await press(page, "j");
      const first = await place(page, rows);
      assert.ok(first >= 0, name);
      await press(page, "j");
      assert.ok((await place(page, rows)) > first, name);
      await press(page, "k");
      assert.equal(await place(page, rows), first, name);
      if (name === "tree") await press(page, "j");
      // The address of a directory looks like that of what is in it: what is waited for is the next page.
      await Promise.all([page.waitForEvent("load"), press(page, "Enter")]);
      assert.match(at(page), new RegExp(`${target}[^/]+`));
    }
  });
});

test("a file has its blame, its lines and its permalink", async () => {
  await visit({}, async (page) => {
    await open(page, "file");
    await press(page, "b");
    await page.waitForURL(`**${PLACES.blame}`);
    await open(page, "file");
    await press(page, "l");
    assert.equal(await page.evaluate(() => document.activeElement.id), "line");
    await page.keyboard.type("7");
    await press(page, "Enter");
    await page.waitForURL(/#L7$/);
    await press(page, "y");
    await page.waitForURL(/\/blob\/[0-9a-f]{64}\/src\/tide\.rs#L7$/);
  });
});

test("changes are gone through file by file and shown in both ways", async () => {
  const places = [await commit(), PLACES.compare];
  await visit({}, async (page) => {
    for (const path of places) {
      await page.goto(home.address + path);
      const files = "[data-files] > section, section.change";
      await press(page, "]");
      assert.equal(await place(page, files), 0, path);
      await press(page, "]");
      assert.equal(await place(page, files), 1, path);
      await press(page, "[");
      assert.equal(await place(page, files), 0, path);
      const before = page.url();
      await press(page, "d");
      await page.waitForURL((url) => url.href !== before);
      assert.equal(at(page), new URL(before).pathname);
      await page.waitForLoadState();
      const split = page.url();
      await press(page, "d");
      await page.waitForURL((url) => url.href !== split);
    }
  });
});

test("no key does anything while a field has the focus", async () => {
  const places = [...Object.values(PLACES), await commit(), "/explore", "/search?q=tide"];
  await visit({}, async (page) => {
    for (const path of places) {
      await page.goto(home.address + path);
      const fields = await page.locator("input:not([type=hidden], :disabled), textarea, select").all();
      let tried = 0;
      for (const field of fields) {
        if (!(await field.isVisible())) continue;
        tried += 1;
        const before = page.url();
        await field.focus();
        await page.keyboard.type(KEYS);
        assert.equal(page.url(), before, path);
        assert.ok(await field.evaluate((it) => it === document.activeElement), path);
        assert.equal(await page.locator("dialog[open], details.menu[open]").count(), 0, path);
        const isText = await field.evaluate((it) => it.tagName !== "SELECT" && ["text", "search"].includes(it.type));
        if (isText) assert.ok((await field.inputValue()).includes(KEYS), path);
      }
      assert.ok(tried > 0, path);
    }
  });
});
