// How one reads: with and without JavaScript, by keys alone, in both themes, on a narrow screen.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { axe, lodging } from "./house.mjs";

const HOME = "/demo/tidebook";
const FILE = `${HOME}/blob/main/src/tide.rs`;
const PLACES = ["/", "/explore", "/demo", HOME, `${HOME}/tree/main/src`, FILE, `${HOME}/blob/main/README.md`, `${HOME}/branches?show=all`, `${HOME}/tags`, "/login", "/help/keys", "/help/errors", "/help/api", "/help/ssh", "/help/appearance", "/help/components", "/nothing/here"];

const { home, ...lodged } = lodging();
// A page that is not there is among those that are read.
const visit = (options, journey) => lodged.visit({ expected: /status of 404/, ...options }, journey);

const at = (page) => new URL(page.url()).pathname;
const focused = (page) => page.evaluate(() => document.activeElement.textContent.trim());

test("single keys do what their controls do", async () => {
  await visit({}, async (page) => {
    await page.goto(home.address + HOME);
    await page.keyboard.press("g");
    await page.keyboard.press("b");
    await page.waitForURL(`**${HOME}/branches`);
    await page.keyboard.press("g");
    await page.keyboard.press("c");
    await page.waitForURL(`**${HOME}`);
    // Rows: down, down, up, and in.
    await page.keyboard.press("j");
    const first = await focused(page);
    await page.keyboard.press("j");
    assert.notEqual(await focused(page), first);
    await page.keyboard.press("k");
    assert.equal(await focused(page), first);
    await page.keyboard.press("Enter");
    await page.waitForURL(`**${HOME}/tree/main/**`);
    // The menu of branches opens and is ready for typing.
    await page.keyboard.press("w");
    await page.keyboard.type("fore");
    assert.equal(await page.locator("#branch-list li:visible").count(), 1);
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("details.menu[open]").count(), 0);
    await page.goto(home.address + FILE);
    await page.keyboard.press("y");
    await page.waitForURL(/\/blob\/[0-9a-f]{64}\/src\/tide\.rs$/);
    await page.goBack();
    await page.keyboard.press("b");
    await page.waitForURL(`**${HOME}/blame/main/src/tide.rs`);
  });
});

test("no key acts while a field has the focus, and the search key leads to the field", async () => {
  await visit({}, async (page) => {
    await page.goto(home.address + HOME);
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "find");
    await page.keyboard.type("gbtwy?");
    assert.equal(await page.locator("#find").inputValue(), "gbtwy?");
    assert.equal(at(page), HOME);
  });
});

test("the keys are told in a dialog that gives the focus back, and can be changed and turned off", async () => {
  await visit({}, async (page) => {
    await page.goto(home.address + HOME);
    await page.keyboard.press("?");
    const dialog = page.getByRole("dialog", { name: "Keys" });
    await dialog.waitFor();
    assert.match(await dialog.innerText(), /Find a file/);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });

    await page.goto(`${home.address}/help/keys`);
    const field = page.getByLabel("Key: Go to the branches");
    await field.fill("t");
    await field.blur();
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    await field.fill("B");
    await field.blur();
    assert.match(await page.locator("#told").innerText(), /B it is/);
    await page.goto(home.address + HOME);
    await page.keyboard.press("Shift+B");
    await page.waitForURL(`**${HOME}/branches`);

    await page.goto(`${home.address}/help/keys`);
    await page.getByLabel("Turn all single keys off").check();
    await page.goto(home.address + HOME);
    await page.keyboard.press("Shift+B");
    await page.keyboard.press("?");
    assert.equal(at(page), HOME);
    assert.equal(await page.locator("dialog[open]").count(), 0);
  });
});

test("lines are chosen by click and shift-click, and an address leads to a range", async () => {
  await visit({}, async (page) => {
    await page.goto(home.address + FILE);
    await page.locator("#L3 th a").click();
    await page.waitForURL(`**${FILE}#L3`);
    await page.locator("#L9 th a").click({ modifiers: ["Shift"] });
    await page.waitForURL(`**${FILE}#L3-L9`);
    await page.locator("#L9.chosen").waitFor();
    assert.equal(await page.locator("tr.chosen").count(), 7);
    await page.goto(`${home.address}${FILE}#L5-L6`);
    await page.reload();
    assert.equal(await page.locator("tr.chosen").count(), 2);
    await page.keyboard.press("l");
    await page.keyboard.type("12");
    await page.keyboard.press("Enter");
    await page.waitForURL(`**${FILE}#L12`);
    await page.locator("#L12.chosen").waitFor();
    assert.equal(await page.locator("tr.chosen").count(), 1);
  });
});

test("what is copied is what is shown", async () => {
  await visit({ permissions: ["clipboard-read", "clipboard-write"] }, async (page) => {
    await page.goto(home.address + HOME);
    await page.getByRole("button", { name: "Copy command that clones" }).click();
    await page.locator("#told", { hasText: "Copied" }).waitFor({ state: "attached" });
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `motet clone ${home.address}${HOME}`);
  });
});

test("a theme is chosen without a script, and holds on every page", async () => {
  await visit({ javaScriptEnabled: false, colorScheme: "light" }, async (page) => {
    await page.goto(home.address);
    await page.getByRole("contentinfo").getByRole("link", { name: "Appearance" }).click();
    await page.getByLabel("Dark").check();
    await page.getByRole("button", { name: "Choose" }).click();
    await page.goto(home.address + HOME);
    assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  });
});

for (const javaScriptEnabled of [true, false]) {
  test(`branches and tags are a click away (JavaScript ${javaScriptEnabled ? "on" : "off"})`, async () => {
    await visit({ javaScriptEnabled }, async (page) => {
      await page.goto(home.address + HOME);
      await page.getByRole("navigation", { name: "Repository" }).getByRole("link", { name: "Branches" }).click();
      await page.waitForURL(`**${HOME}/branches`);
      await page.getByRole("link", { name: "All" }).first().click();
      await page.getByLabel("Part of the name").fill("fore");
      await page.getByRole("button", { name: "Find" }).click();
      await page.getByRole("link", { name: "forecast", exact: true }).click();
      await page.waitForURL(`**${HOME}/tree/forecast`);
      await page.goto(`${home.address}${HOME}/tags`);
      assert.match(await page.locator("main").innerText(), /No tags yet/);
    });
  });
}

test("a branch is deleted by its form", async () => {
  await home.client("-C", home.copy, "branch", "passing");
  await home.client("-C", home.copy, "push", `${home.address}${HOME}`, "passing");
  await visit({ javaScriptEnabled: false }, async (page) => {
    const { stdout } = await home.client("login", "--web", home.address);
    await page.goto(stdout.trim());
    await page.getByRole("button", { name: "Sign in as demo" }).click();
    await page.goto(`${home.address}${HOME}/branches?show=all`);
    await page.getByRole("button", { name: "Delete passing" }).click();
    await page.waitForURL(`**${HOME}/branches`);
    await page.goto(`${home.address}${HOME}/branches?show=all`);
    assert.doesNotMatch(await page.locator("main").innerText(), /passing/);
  });
});

for (const options of [{ colorScheme: "light" }, { colorScheme: "dark" }, { forcedColors: "active" }, { colorScheme: "light", viewport: { width: 320, height: 640 } }]) {
  const name = JSON.stringify(options);
  test(`every page reads well and fits: ${name}`, async () => {
    await visit({ ...options, bypassCSP: true }, async (page) => {
      for (const place of PLACES) {
        await page.goto(home.address + place);
        const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(wide <= shown, `${place} is ${wide} wide on a screen of ${shown}`);
        await page.addScriptTag({ path: axe });
        const { violations } = await page.evaluate(() => axe.run());
        const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
        assert.deepEqual(told, [], place);
        // Controls are large enough to be hit (WCAG 2.2, 2.5.8), but for links within a sentence.
        const small = await page.evaluate(() =>
          [...document.querySelectorAll("main :is(button, summary, .button, input:not([type=hidden])), .top :is(a, summary, input)")]
            .filter((it) => it.getClientRects().length > 0 && !it.matches("[type=radio], [type=checkbox]"))
            .map((it) => [it.outerHTML.slice(0, 80), it.getBoundingClientRect()])
            .filter(([, { width, height }]) => width < 23.5 || height < 23.5)
            .map(([html]) => html),
        );
        assert.deepEqual(small, [], place);
      }
    });
  });
}

test("keys alone lead from a repository to a file, and the focus is seen everywhere", async () => {
  await visit({}, async (page) => {
    await page.goto(home.address + HOME);
    for (let step = 0; step < 40; step += 1) {
      await page.keyboard.press("Tab");
      const { text, seen } = await page.evaluate(() => {
        const it = document.activeElement;
        const style = getComputedStyle(it);
        return { text: it.textContent.trim(), seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
      });
      assert.ok(seen, `the focus on “${text}” is not seen`);
      if (text === "CHANGELOG.md") {
        await page.keyboard.press("Enter");
        await page.waitForURL(`**${HOME}/blob/main/CHANGELOG.md`);
        return;
      }
    }
    assert.fail("no way to the file");
  });
});

for (const javaScriptEnabled of [true, false]) {
  const name = `long-${javaScriptEnabled ? "on" : "off"}`;
  test(`a graph of several pages is read to its end (JavaScript ${javaScriptEnabled ? "on" : "off"})`, async () => {
    const dir = join(home.copy, "..", name);
    await home.client("init", dir);
    for (let number = 1; number <= 205; number += 1) {
      await home.client("-C", dir, "commit", "--allow-empty", "-m", `verse ${number}`);
    }
    await home.client("repo", "create", `demo/${name}`, "--public", "--host", home.address);
    await home.client("-C", dir, "push", `${home.address}/demo/${name}`, "main");
    await visit({ javaScriptEnabled }, async (page) => {
      await page.goto(`${home.address}/demo/${name}/graph`);
      const rows = page.locator("table.graph tbody tr");
      assert.equal(await rows.count(), 200);
      if (javaScriptEnabled) {
        await page.locator("nav.pages").scrollIntoViewIfNeeded();
        await rows.nth(204).waitFor();
        assert.equal(await page.locator("nav.pages a[rel=next]").count(), 0);
        assert.ok((await page.locator("canvas.graph-map").boundingBox()).height > 100);
        assert.match(await page.locator("#told").textContent(), /205 commits/);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
      } else {
        await page.getByRole("link", { name: "Older" }).click();
        await page.waitForURL(/cursor=/);
        assert.equal(await rows.count(), 5);
      }
      assert.match(await rows.last().innerText(), /verse 1\b/);
      // What leads from one page to the next is drawn on both.
      const first = page.locator("table.graph tbody tr .lanes svg").nth(javaScriptEnabled ? 200 : 0);
      assert.match(await first.locator("path").first().getAttribute("d"), /^M14 0V/);
    });
  });
}
