// A browser changes a repository's settings, lets somebody in, forks it, deletes it and brings it back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { axe, lodging } from "./house.mjs";

const SETTINGS = "/demo/tidebook/settings";
const PLACES = [`${SETTINGS}/general`, `${SETTINGS}/members`, `${SETTINGS}/danger`, "/demo/tidebook/fork", "/settings/repositories", "/demo/tidebook"];

const { home, ...lodged } = lodging();
// Forms that are refused are sent as well.
const signedIn = (options, journey) => lodged.signedIn({ expected: /status of 4\d\d/, ...options }, journey);

for (const javaScriptEnabled of [true, false]) {
  const mode = javaScriptEnabled ? "on" : "off";
  test(`a person runs a repository by its forms (JavaScript ${mode})`, async () => {
    await signedIn({ javaScriptEnabled }, async (page) => {
      const name = `fork-${mode}`;
      await page.goto(`${home.address}/demo/tidebook`);
      await page.getByRole("link", { name: "Fork", exact: true }).click();
      await page.getByLabel("Name").fill("tidebook");
      await page.getByRole("button", { name: "Fork" }).click();
      // Its own name is taken: the page says so, and keeps what was typed.
      assert.match(await page.getByRole("alert").innerText(), /taken/);
      assert.equal(await page.getByLabel("Name").inputValue(), "tidebook");
      await page.getByLabel("Name").fill(name);
      await page.getByRole("button", { name: "Fork" }).click();
      await page.waitForURL(`${home.address}/demo/${name}`);

      await page.getByRole("navigation", { name: "Repository" }).getByRole("link", { name: "Settings" }).click();
      await page.waitForURL(`**/demo/${name}/settings/general`);
      await page.getByLabel("What it is, in a line").fill("Mine");
      await page.getByLabel("Its page elsewhere").fill("http://tides.example");
      await page.getByRole("button", { name: "Save" }).click();
      assert.match(await page.getByRole("alert").innerText(), /https/);
      assert.equal(await page.getByLabel("What it is, in a line").inputValue(), "Mine");
      await page.getByLabel("Its page elsewhere").fill("https://tides.example");
      await page.getByLabel("What it is about").fill("tides harbours");
      await page.getByRole("button", { name: "Save" }).click();
      await page.goto(`${home.address}/demo/${name}`);
      assert.match(await page.locator("main").innerText(), /Mine[\s\S]*tides\.example[\s\S]*harbours/);

      await page.goto(`${home.address}/demo/${name}/settings/members`);
      await page.getByLabel("Handle").fill("nobody");
      await page.getByRole("button", { name: "Ask in" }).click();
      assert.match(await page.getByRole("alert").innerText(), /nobody called nobody/);

      await page.getByRole("link", { name: "Danger zone" }).click();
      await page.getByRole("button", { name: "Archive" }).click();
      await page.getByRole("button", { name: "Take it out of the archive" }).click();
      await page.getByRole("button", { name: "Delete the repository" }).scrollIntoViewIfNeeded();
      const box = page.locator("form", { has: page.getByRole("button", { name: "Delete the repository" }) });
      await box.getByRole("textbox").fill(`demo/${name}`);
      await page.getByRole("button", { name: "Delete the repository" }).click();
      await page.waitForURL("**/settings/repositories?owner=demo");
      await page.locator("summary", { hasText: `demo/${name}` }).click();
      await page.getByRole("button", { name: `Restore demo/${name}` }).click();
      await page.waitForURL(`${home.address}/demo/${name}`);
    });
  });
}

for (const colorScheme of ["light", "dark"]) {
  test(`the settings have no fault of accessibility and fit 320 pixels (${colorScheme})`, async () => {
    await signedIn({ colorScheme, bypassCSP: true, viewport: { width: 320, height: 640 } }, async (page) => {
      for (const place of PLACES) {
        await page.goto(home.address + place);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(width <= 320, `${place} is ${width} pixels wide`);
        await page.addScriptTag({ path: axe });
        const { violations } = await page.evaluate(() => axe.run());
        assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map((it) => it.html)]), [], place);
      }
    });
  });
}
