// A browser signs in by an address that a key asked for, makes a token, sees its session, and signs out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { axe, lodging } from "./house.mjs";

const PLACES = ["/login", "/settings/keys", "/settings/tokens", "/settings/sessions", "/settings/organizations", "/legal/privacy", "/legal/terms"];

const { home, chrome, signedIn, address } = lodging();

for (const javaScriptEnabled of [true, false]) {
  test(`a person signs in, makes a token, revokes it and signs out (JavaScript ${javaScriptEnabled ? "on" : "off"})`, async () => {
    await signedIn({ javaScriptEnabled }, async (page) => {
      await page.locator(".site summary").click();
      await page.getByRole("link", { name: "Settings" }).click();
      await page.waitForURL("**/settings/keys");
      assert.match(await page.locator("main").innerText(), /SHA256:/);

      await page.getByRole("link", { name: "Tokens" }).click();
      await page.waitForURL("**/settings/tokens");
      await page.getByLabel("What is it for?").fill("a journey");
      await page.getByLabel("all that I reach").check();
      await page.getByRole("button", { name: "Make the token" }).click();
      const token = await page.locator("code", { hasText: /^mt_personal_/ }).innerText();
      const ask = () => fetch(`${home.address}/api/v1/repos`, { headers: { authorization: `Bearer ${token}` } });
      assert.equal((await ask()).status, 200);
      await page.getByRole("button", { name: /^Revoke/ }).first().click();
      await page.waitForURL("**/settings/tokens");
      assert.equal((await ask()).status, 401);

      await page.getByRole("link", { name: "Sessions" }).click();
      await page.waitForURL("**/settings/sessions");
      assert.match(await page.locator("main").innerText(), /this one/);
      await page.getByRole("button", { name: "Sign out of this browser" }).click();
      await page.waitForURL(`${home.address}/`);
      assert.equal(await page.getByRole("link", { name: "Sign in" }).count(), 1);
    });
  });
}

test("an address that was used leads nowhere, and says what to do", async () => {
  const used = await address();
  const context = await chrome.newContext();
  const page = await context.newPage();
  await page.goto(used);
  await page.getByRole("button", { name: "Sign in as demo" }).click();
  await page.waitForURL(`${home.address}/`);
  const again = await page.goto(used);
  assert.equal(again.status(), 404);
  assert.match(await page.locator("main").innerText(), /motet login --web/);
  await context.close();
});

for (const colorScheme of ["light", "dark"]) {
  test(`pages of whoever is signed in are readable by everyone, ${colorScheme}`, async () => {
    await signedIn({ colorScheme, bypassCSP: true }, async (page) => {
      for (const place of PLACES) {
        await page.goto(home.address + place);
        await page.addScriptTag({ path: axe });
        const { violations } = await page.evaluate(() => axe.run());
        const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
        assert.deepEqual(told, [], place);
      }
    });
  });
}

test("pages of whoever is signed in fit a narrow screen", async () => {
  await signedIn({ viewport: { width: 320, height: 640 } }, async (page) => {
    for (const place of PLACES) {
      await page.goto(home.address + place);
      const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(wide <= shown, `${place} is ${wide} wide on a screen of ${shown}`);
    }
  });
});

for (const javaScriptEnabled of [true, false]) {
  test(`a person makes an organization, invites into it, and cannot leave it alone (JavaScript ${javaScriptEnabled ? "on" : "off"})`, async () => {
    await signedIn({ javaScriptEnabled }, async (page) => {
      const choir = `choir-${javaScriptEnabled ? "one" : "two"}`;
      await page.locator(".site summary").click();
      await page.getByRole("link", { name: "Settings" }).click();
      await page.getByRole("link", { name: "Organizations" }).click();
      await page.waitForURL("**/settings/organizations");
      await page.getByLabel("Its handle, for good").fill(choir);
      await page.getByLabel("What it is called").fill("The choir");
      await page.getByRole("button", { name: "Make the organization" }).click();
      await page.waitForURL(`**/settings/organizations/${choir}`);
      assert.match(await page.locator("main").innerText(), /The choir/);
      assert.match(await page.getByRole("row").nth(1).innerText(), /demo[\s\S]*owner/);

      await page.getByLabel("As").selectOption("member");
      await page.getByRole("button", { name: "Make an invitation" }).click();
      const code = await page.locator("code", { hasText: /^mt_invite_/ }).innerText();
      await page.getByRole("link", { name: "Organizations" }).click();
      await page.getByLabel("The code").fill(code);
      await page.getByRole("button", { name: "Join" }).click();
      await page.waitForURL(`**/settings/organizations/${choir}`);
      assert.match(await page.getByRole("row").nth(1).innerText(), /owner/, "the higher role stays");
    });
  });
}

test("the page of an organization is readable by everyone and fits a narrow screen", async () => {
  await signedIn({ viewport: { width: 320, height: 640 }, bypassCSP: true }, async (page) => {
    await page.goto(`${home.address}/settings/organizations`);
    await page.getByLabel("Its handle, for good").fill("choir-three");
    await page.getByRole("button", { name: "Make the organization" }).click();
    await page.waitForURL("**/settings/organizations/choir-three");
    const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= shown, `${wide} wide on a screen of ${shown}`);
    await page.addScriptTag({ path: axe });
    const { violations } = await page.evaluate(() => axe.run());
    assert.deepEqual(violations.map(({ id }) => id), []);
  });
});
